//! The job store as programs see it: what they may order of it, and what they are shown.
//!
//! Invariant: nothing here waits for a store elsewhere; what is said of it was so a moment ago.

use super::Desk;
use crate::jobs::{JobError, JobStore, Load, Seen, Standing};
use crate::limits::{JOB_DATA_MAX, JOBS_OF_OWNER_BYTES_MAX, JOBS_OF_OWNER_MAX, JOBS_SEEN_MAX};
use crate::protocol::job::{Confirm, JobSpec, JobTarget};
use crate::protocol::{HostId, JobId, WireObj, WireValue, hex};
use moo_model::{Obj, Value};
use moo_tasks::jobs::{JobDesk, id_text};
use moo_vm::host::{JobSeen, JobTo, NewJob};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The byte of an id in which what worlds have of one job differs.
pub(super) const COPY: usize = 8;

/// A key of an owner's jobs, as it is among those of all owners.
fn key_of(owner: Obj, key: &str) -> String {
    format!("{owner}:{key}")
}

impl Desk {
    /// A job as it is stored, from one that a program wants.
    pub fn spec(&self, job: NewJob) -> Result<JobSpec, JobError> {
        let owned = |key: String| key_of(job.owner, &key);
        let target = match job.to {
            JobTo::World => JobTarget::World,
            JobTo::Worlds => JobTarget::Peers,
            JobTo::WorldNamed(world) => JobTarget::Peer(world),
            JobTo::Any => JobTarget::Any,
            JobTo::Player(player) => JobTarget::User(player.into()),
            JobTo::User(name) => JobTarget::Named(name),
            JobTo::Worker(kind) => JobTarget::Worker(kind),
            JobTo::Agent(id) => {
                let id = hex::from_hex(&id).ok_or(JobError::Refused(format!("{id} is no agent's id")))?;
                JobTarget::Agent(HostId(id))
            }
        };
        let delay = (job.delay > 0.0).then(|| Duration::from_secs_f64(job.delay));
        Ok(JobSpec {
            kind: job.kind,
            target,
            data: WireValue::new(&job.data),
            order_key: job.order.map(owned),
            dedupe: job.dedupe.map(owned),
            not_before: delay.map(|delay| (self.wall)().plus(delay)),
            ttl_ms: (job.ttl * 1_000.0) as u64,
            tries_max: job.tries,
            from: Some(WireObj::from(job.owner)),
            confirm: if job.is_replicated {
                Confirm::Replicated
            } else {
                Confirm::Queued
            },
        })
    }
}

impl JobDesk for Desk {
    fn known(&self, owner: Obj, key: &str) -> Option<[u8; 16]> {
        let known = self.store().memory().known(&key_of(owner, key), (self.wall)());
        known.map(|job| job.0)
    }

    fn next_id(&self) -> [u8; 16] {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.ids_of);
        id[8..].copy_from_slice(&number.to_be_bytes());
        id
    }

    fn takes(&self, bytes: usize) -> bool {
        bytes <= JOB_DATA_MAX
    }

    fn has_room(&self, owner: Option<Obj>, jobs: usize, bytes: usize) -> bool {
        let store = self.store();
        let memory = store.memory();
        let of_owner = |owner: Obj| {
            let here = memory.load_of(owner.into());
            let exchange = self.exchange.as_ref();
            let there = exchange.map_or(Load::default(), |exchange| exchange.load_of(owner.into()));
            here.jobs + there.jobs + jobs <= JOBS_OF_OWNER_MAX
                && here.bytes + there.bytes + bytes <= JOBS_OF_OWNER_BYTES_MAX
        };
        memory.has_room(jobs, bytes) && owner.is_none_or(of_owner)
    }

    fn reaches(&self, to: &JobTo) -> bool {
        match to {
            JobTo::Agent(id) => hex::from_hex::<16>(id).is_some(),
            JobTo::WorldNamed(world) => self.store().memory().reaches(world),
            _ => true,
        }
    }

    fn has_replicas(&self) -> bool {
        self.exchange.is_some()
    }

    fn can_cancel(&self, id: [u8; 16]) -> bool {
        let is_here = || self.store().memory().entry(JobId(id)).is_some();
        let exchange = self.exchange.as_ref();
        exchange.is_none_or(|exchange| exchange.may_cancel() && (!exchange.is_away() || is_here()))
    }

    fn list(&self, owner: Option<Obj>) -> Vec<JobSeen> {
        let owner = owner.map(WireObj::from);
        let own = self.store().memory().list_of(owner, JOBS_SEEN_MAX);
        let jobs = self.with_those_elsewhere(own, |job| {
            let is_alive = !matches!(job.standing, Standing::Dead(_));
            is_alive && (owner.is_none() || job.spec.from == owner)
        });
        jobs.into_iter().map(seen).collect()
    }

    fn find(&self, id: [u8; 16]) -> Option<JobSeen> {
        let own = self.store().find(JobId(id)).ok().flatten();
        let elsewhere = || {
            let listed = self.exchange.as_ref()?.listed(|job| is_of(job.job, id));
            listed.into_iter().min_by_key(|job| job.job.0)
        };
        own.or_else(elsewhere).map(seen)
    }
}

/// Whether a job is the one of this id, or what another world has of it where it is for all worlds. The store there tells
/// those apart by one byte, which is 0 in every id that is given out.
pub(super) fn is_of(job: JobId, id: [u8; 16]) -> bool {
    let mut first = job.0;
    if id[COPY] == 0 {
        first[COPY] = 0;
    }
    first == id
}

/// A job as programs see it.
fn seen(job: Seen) -> JobSeen {
    JobSeen {
        id: id_text(job.job.0),
        owner: job.spec.from.map_or(Obj::NOTHING, Obj::from),
        kind: job.spec.kind,
        to: job.queue.name(),
        state: job.standing.to_string(),
        tries: i64::from(job.tries),
        since: i64::try_from(job.since.secs()).unwrap_or(i64::MAX),
        error: job.why,
        data: job.spec.data.open().unwrap_or(Value::int(0)),
    }
}
