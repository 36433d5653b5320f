//! Whether a host may store the job that it wants stored.
//!
//! Invariant: a job of a player's comes from the host that holds one of their connections, and is no other than that player's
//! own programs may enqueue; the keys of jobs belong to their owner, or to the host that put them.

use super::JobBroker;
use crate::limits::{JOB_DATA_MAX, JOB_NAME_MAX, JOB_PARKED_MAX};
use crate::protocol::error::RpcMessageError;
use crate::protocol::job::{Confirm, JobSpec, JobTarget};
use crate::protocol::{HostId, WireObj};
use moo_model::Obj;
use moo_model::world::Transaction;
use moo_tasks::jobs::JobDesk;

fn refused<T>(why: &str) -> Result<T, RpcMessageError> {
    Err(RpcMessageError::InvalidRequest(why.to_owned()))
}

fn is_name(text: &str) -> bool {
    (1..=JOB_NAME_MAX).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != ':')
}

impl JobBroker {
    /// The job as it is stored for this host.
    pub(super) fn checked(&self, host: HostId, mut job: JobSpec) -> Result<JobSpec, RpcMessageError> {
        if !is_name(&job.kind) {
            return refused("the kind of a job is a short word without colons");
        }
        if job.data.0.len() > JOB_DATA_MAX {
            return refused(
                "the data of a job has 1 MiB at most; keep more elsewhere, and say where in the job",
            );
        }
        let latest = self.parts.desk.now().wall.plus(JOB_PARKED_MAX);
        if job.not_before.is_some_and(|due| due > latest) {
            return refused("a job may wait for its time for a day at most");
        }
        let named = match &job.target {
            JobTarget::Worker(name) | JobTarget::Named(name) | JobTarget::Peer(name) => is_name(name),
            _ => true,
        };
        let keys = [&job.order_key, &job.dedupe].into_iter().flatten();
        if !named
            || keys
                .into_iter()
                .any(|key| !(1..=JOB_NAME_MAX).contains(&key.len()))
        {
            return refused("the names and keys of a job are short");
        }
        if job.confirm == Confirm::Replicated && !self.parts.desk.has_replicas() {
            return refused("this daemon keeps its jobs itself: there is no replica that could confirm one");
        }
        if let Some(owner) = job.from {
            self.may_put_for(host, owner, &job)?;
        }
        let whose = match job.from {
            Some(owner) => Obj::from(owner).to_string(),
            None => format!("host-{host}"),
        };
        for key in [&mut job.order_key, &mut job.dedupe].into_iter().flatten() {
            *key = format!("{whose}:{key}");
        }
        Ok(job)
    }

    /// Whether this host may put this job in the name of a player.
    fn may_put_for(&self, host: HostId, owner: WireObj, job: &JobSpec) -> Result<(), RpcMessageError> {
        let connections = self.parts.outside.connections.all();
        let theirs = connections.iter().filter(|conn| conn.host().0 == host.0);
        if owner.0 < 0
            || !theirs
                .map(|conn| conn.object())
                .any(|object| object == Obj::from(owner))
        {
            return Err(RpcMessageError::PermissionDenied);
        }
        if Transaction::begin(&self.parts.world, Box::default()).is_wizard(owner.into()) {
            return Ok(());
        }
        let is_own = match &job.target {
            JobTarget::World => true,
            JobTarget::User(player) => *player == owner,
            _ => false,
        };
        if !is_own || job.confirm == Confirm::Replicated {
            return Err(RpcMessageError::PermissionDenied);
        }
        let has_room = self.parts.desk.has_room(Some(owner.into()), 1, job.data.0.len());
        has_room.then_some(()).ok_or(RpcMessageError::QueueFull)
    }
}
