//! Jobs, as the task that orders them sees them before its commit.

use moo_model::bytes::stored_size;
use moo_model::{ErrorCode, Obj};
use moo_vm::host::{JobSeen, JobTo, NewJob};

use super::HeldHost;
use crate::jobs::{JobOrder, id_of, id_text};
use crate::outside::Surroundings;

/// What is told of a job that this task has made.
const NEW: &str = "new";
/// What is told of one that somebody works on, and of one that was given up.
const TAKEN: &str = "taken";
const DEAD: &str = "dead";

impl HeldHost<'_> {
    pub(super) fn enqueue(&mut self, job: NewJob, is_limited: bool) -> Result<String, ErrorCode> {
        let desk = self.outside.jobs().ok_or(ErrorCode::Quota)?;
        if !desk.reaches(&job.to) || (job.is_replicated && !desk.has_replicas()) {
            return Err(ErrorCode::InvArg);
        }
        // A second job of a dedupe key is the first one, so nothing more is stored, and there is always room for it.
        let first = |key: &String| {
            self.held
                .new_job_of(job.owner, key)
                .or_else(|| desk.known(job.owner, key))
        };
        if let Some(first) = job.dedupe.as_ref().and_then(first) {
            return Ok(id_text(first));
        }
        let own: Vec<&NewJob> = self.held.new_jobs().map(|(_, job)| job).collect();
        let size = |job: &NewJob| stored_size(&job.data).unwrap_or_default();
        let bytes = own.iter().map(|job| size(job)).sum::<usize>() + size(&job);
        let owner = is_limited.then_some(job.owner);
        if !desk.takes(size(&job)) || !desk.has_room(owner, own.len() + 1, bytes) {
            return Err(ErrorCode::Quota);
        }
        let id = desk.next_id();
        self.held.jobs.push(JobOrder::Put { id, job });
        Ok(id_text(id))
    }

    pub(super) fn list_jobs(&self, owner: Option<Obj>) -> Vec<JobSeen> {
        let stored = self
            .outside
            .jobs()
            .map(|desk| desk.list(owner))
            .unwrap_or_default();
        let is_left = |job: &JobSeen| id_of(&job.id).is_none_or(|id| !self.held.is_cancelling(id));
        let mut jobs: Vec<_> = stored.into_iter().filter(is_left).collect();
        let own = self.held.new_jobs();
        let own = own.filter(|(_, job)| owner.is_none_or(|owner| job.owner == owner));
        jobs.extend(own.map(|(id, job)| new_job(id, job, self.surroundings)));
        jobs
    }

    pub(super) fn job(&self, id: &str) -> Option<JobSeen> {
        let id = id_of(id)?;
        if let Some((_, job)) = self.held.new_jobs().find(|(new, _)| *new == id) {
            return Some(new_job(id, job, self.surroundings));
        }
        let job = self.outside.jobs()?.find(id)?;
        (!self.held.is_cancelling(id)).then_some(job)
    }

    pub(super) fn cancel(&mut self, id: &str) -> Result<(), ErrorCode> {
        let job = self.job(id).ok_or(ErrorCode::InvArg)?;
        let id = id_of(id).ok_or(ErrorCode::InvArg)?;
        match job.state.as_str() {
            DEAD => return Err(ErrorCode::InvArg),
            TAKEN => return Err(ErrorCode::Perm),
            NEW => self
                .held
                .jobs
                .retain(|order| !matches!(order, JobOrder::Put { id: new, .. } if *new == id)),
            _ if !self.outside.jobs().is_some_and(|desk| desk.can_cancel(id)) => {
                return Err(ErrorCode::Quota);
            }
            _ => self.held.jobs.push(JobOrder::Cancel(id)),
        }
        Ok(())
    }
}

impl super::Held {
    fn new_jobs(&self) -> impl Iterator<Item = ([u8; 16], &NewJob)> {
        self.jobs.iter().filter_map(|order| match order {
            JobOrder::Put { id, job } => Some((*id, job)),
            JobOrder::Cancel(_) => None,
        })
    }

    /// The job that this task itself has put for this owner under a dedupe key.
    fn new_job_of(&self, owner: Obj, key: &str) -> Option<[u8; 16]> {
        let is_it = |job: &NewJob| job.owner == owner && job.dedupe.as_deref() == Some(key);
        self.new_jobs().find(|(_, job)| is_it(job)).map(|(id, _)| id)
    }

    fn is_cancelling(&self, id: [u8; 16]) -> bool {
        self.jobs.contains(&JobOrder::Cancel(id))
    }
}

fn new_job(id: [u8; 16], job: &NewJob, surroundings: &dyn Surroundings) -> JobSeen {
    JobSeen {
        id: id_text(id),
        owner: job.owner,
        kind: job.kind.clone(),
        to: match &job.to {
            JobTo::World => "world".to_owned(),
            JobTo::Worlds => "worlds".to_owned(),
            JobTo::WorldNamed(world) => format!("peer:{world}"),
            JobTo::Any => format!("any:{}", job.kind),
            JobTo::Player(player) => format!("user:{}", player.0),
            JobTo::User(name) => format!("name:{}", name.to_lowercase()),
            JobTo::Worker(kind) => format!("worker:{kind}"),
            JobTo::Agent(id) => format!("agent:{id}"),
        },
        state: NEW.to_owned(),
        tries: 0,
        since: surroundings.now() as i64,
        error: String::new(),
        data: job.data.clone(),
    }
}
