//! The job store of this daemon, shared by those who commit, the broker, and tasks that ask what is queued.
//!
//! Invariants: the store changes under its own lock, and what changes is written by the commit in which it changed or by a
//! later one, in order; nobody keeps the lock while they wait for anything.

mod programs;

use super::exchange::Exchange;
use crate::actors::kit::secret_file::random;
use crate::jobs::embedded::Embedded;
use crate::jobs::memory::Place;
use crate::jobs::row;
use crate::jobs::{JobError, JobStore, Now, OWN, Queue, Seen, Standing, Taken};
use crate::limits::{JOB_SEEN, JOBS_SEEN_MAX};
use crate::protocol::admin::JobStatus;
use crate::protocol::job::JobSpec;
use crate::protocol::{HostId, JobId, Moment, Wall};
use moo_model::ledger::Row;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How far jobs are written.
#[derive(Default)]
struct Marks {
    /// The number of the last one that is.
    written: u64,
    /// Commits that are not written yet, each with the last job that was put by then.
    waiting: VecDeque<(u64, u64)>,
    /// The number of the last one that was given out to be brought elsewhere. Locked after the store.
    offered: u64,
}

/// The store and its bell.
pub struct Desk {
    store: Mutex<Embedded>,
    /// Makes the ids of this start differ from those of any other.
    ids_of: [u8; 8],
    next_id: AtomicU64,
    born: Instant,
    wall: fn() -> Wall,
    rung: AtomicBool,
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Jobs of the world that are with the scheduler.
    at_work: Mutex<HashSet<JobId>>,
    /// Offers that were answered: whose, and how many jobs it was given.
    answered: Mutex<Vec<(HostId, usize)>>,
    /// The way to the job store elsewhere, if there is one.
    exchange: Option<Arc<Exchange>>,
    /// Jobs of that store whose effect is in the world already, since when, and by which commit of this daemon; 0 if an
    /// earlier one made it.
    seen: Mutex<HashMap<JobId, (Wall, u64)>>,
    /// Which jobs are written.
    marks: Mutex<Marks>,
    /// Hosts that are gone.
    departed: Mutex<Vec<HostId>>,
    /// How long leases hold.
    lease: Duration,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk without jobs; [`Desk::open`] gives it those of the last daemon.
    pub fn new(wall: fn() -> Wall, exchange: Option<Arc<Exchange>>, lease: Duration) -> Desk {
        Desk {
            store: Mutex::default(),
            ids_of: random(),
            next_id: AtomicU64::new(1),
            born: Instant::now(),
            wall,
            rung: AtomicBool::new(false),
            bell: OnceLock::new(),
            at_work: Mutex::default(),
            answered: Mutex::default(),
            exchange,
            seen: Mutex::default(),
            marks: Mutex::default(),
            departed: Mutex::default(),
            lease,
        }
    }

    /// The jobs that there are at the start.
    pub fn open(&self, load: impl FnOnce(Now) -> Embedded) {
        let loaded = load(self.now());
        let last = loaded.memory().last_seq();
        *self.marks() = Marks {
            written: last,
            waiting: VecDeque::new(),
            // By the last daemon, for all that is known.
            offered: last,
        };
        if let Some(exchange) = &self.exchange {
            for job in loaded.uncancelled() {
                exchange.cancel(*job, 0);
            }
        }
        *self.store() = loaded;
    }

    /// The store. The guard must not be kept.
    pub fn store(&self) -> MutexGuard<'_, Embedded> {
        // Each change of the store is complete before anything in it can panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, for the store.
    pub fn now(&self) -> Now {
        let id = self.next_id.load(Ordering::Relaxed);
        let micros = u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now {
            moment: Moment(micros),
            wall: (self.wall)(),
            chance: (micros ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16,
        }
    }

    /// How long the leases of agents hold.
    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    /// Sets, once, how the broker is told to look.
    pub fn set_bell(&self, bell: impl Fn() + Send + Sync + 'static) {
        if self.bell.set(Box::new(bell)).is_err() {
            tracing::error!("the job desk has a bell already");
        }
    }

    /// Has the broker look, unless it was told so and has not looked yet.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(bell) = self.bell.get()
        {
            bell();
        }
    }

    /// The broker looks: the next ring is heard again.
    pub fn heard(&self) {
        self.rung.store(false, Ordering::Release);
    }

    /// Jobs for the world itself, so many at most.
    pub fn take_for_world(&self, most: usize) -> Vec<Taken> {
        let now = self.now();
        let taken = self.store().take(now, OWN, &[Queue::World], most);
        let taken = taken.unwrap_or_default();
        self.at_work().extend(taken.iter().map(|one| one.job));
        taken
    }

    /// Another one is; false if it was before.
    pub(super) fn begin(&self, job: JobId) -> bool {
        self.at_work().insert(job)
    }

    fn at_work(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs of the world that are with the scheduler.
    pub fn running(&self) -> usize {
        self.at_work().len()
    }

    /// One of them has ended.
    pub(super) fn world_job_ended(&self, job: JobId) {
        self.at_work().remove(&job);
        self.ring();
    }

    /// An offer was answered with so many jobs.
    pub(super) fn offer_answered(&self, host: HostId, count: usize) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.push((host, count));
        drop(answered);
        self.ring();
    }

    /// The offers that were answered since this was last asked.
    pub(super) fn answered(&self) -> Vec<(HostId, usize)> {
        std::mem::take(&mut *self.answered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The way to the job store elsewhere, if there is one.
    pub fn exchange(&self) -> Option<&Arc<Exchange>> {
        self.exchange.as_ref()
    }

    /// The log has come further.
    pub fn log_moved(&self) {
        if let Some(exchange) = &self.exchange {
            exchange.log_moved();
        }
    }

    /// Jobs whose effect is known to be in the world, by the last daemon.
    pub fn remember(&self, seen: impl Iterator<Item = (JobId, Wall)>) {
        self.seen().extend(seen.map(|(job, at)| (job, (at, 0))));
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<JobId, (Wall, u64)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job has taken effect here.
    pub(super) fn has_seen(&self, job: JobId) -> bool {
        self.seen().contains_key(&job)
    }

    /// The commit of this daemon in which a job has taken effect here; 0 if that was not this one's or none.
    pub(super) fn seen_in(&self, job: JobId) -> u64 {
        self.seen().get(&job).map_or(0, |(_, stamp)| *stamp)
    }

    /// A job takes effect here, in the commit of this number that the row is for.
    pub(super) fn see(&self, job: JobId, stamp: u64) -> Row {
        let now = (self.wall)();
        self.seen().insert(job, (now, stamp));
        row::seen(job, Some(now))
    }

    /// These will not come again; nor will what was seen so long ago that no store has it any more.
    pub(super) fn forget(&self, jobs: &[JobId]) -> Vec<Row> {
        let now = (self.wall)();
        let mut seen = self.seen();
        let mut rows: Vec<Row> = jobs
            .iter()
            .filter(|job| seen.remove(job).is_some())
            .map(|job| row::seen(*job, None))
            .collect();
        seen.retain(|job, (at, _)| {
            let is_kept = at.plus(JOB_SEEN) > now;
            rows.extend((!is_kept).then(|| row::seen(*job, None)));
            is_kept
        });
        rows
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest jobs up to this number, so many at most, to be brought elsewhere.
    pub(super) fn offer(&self, up_to: u64, most: usize) -> Vec<(JobId, JobSpec)> {
        let store = self.store();
        let batch = store.memory().oldest(&Queue::Feed, up_to, most);
        if let Some(last) = batch.last().and_then(|(job, _)| store.memory().entry(*job)) {
            let mut marks = self.marks();
            marks.offered = marks.offered.max(last.seq);
        }
        batch
    }

    /// Forgets a job, and gives whether the store elsewhere has to as well: it may be there, or on its way.
    pub(super) fn cancel(&self, now: Now, job: JobId) -> Result<bool, JobError> {
        let mut store = self.store();
        let seq = store.memory().entry(job).map(|entry| entry.seq);
        let is_only_here = seq.is_some_and(|seq| seq > self.marks().offered);
        match (store.cancel(now, job), &self.exchange) {
            (Ok(()) | Err(JobError::Unknown), Some(_)) => Ok(!is_only_here),
            (cancelled, _) => cancelled.map(|()| false),
        }
    }

    /// The jobs that were put so far are written once the commit of this number is.
    pub(super) fn at_commit(&self, stamp: u64) {
        let last = self.store().memory().last_seq();
        let mut marks = self.marks();
        if marks.waiting.back().map_or(marks.written, |(_, seq)| *seq) < last {
            marks.waiting.push_back((stamp, last));
        }
    }

    /// The number of the last job that is written, where the log is this far; and whether no later one waits to be.
    pub(super) fn written_jobs(&self, written: u64) -> (u64, bool) {
        let mut marks = self.marks();
        while let Some(&(_, seq)) = marks.waiting.front().filter(|(stamp, _)| *stamp <= written) {
            marks.written = seq;
            marks.waiting.pop_front();
        }
        (marks.written, marks.waiting.is_empty())
    }

    /// Whether a host has this job under this lease.
    pub(super) fn holds(&self, job: JobId, lease: u64, host: HostId) -> bool {
        if let Some(exchange) = &self.exchange {
            return exchange.holds(job, lease, host);
        }
        let (store, of_host) = (self.store(), format!("{host}/"));
        store.memory().entry(job).is_some_and(|entry| {
            let is_theirs = matches!(&entry.place, Place::Taken { taker, .. } if taker.starts_with(&of_host));
            is_theirs && entry.lease == lease
        })
    }

    /// Whether the task of a job may commit what it did: the job is not done yet, and is the world's still.
    pub(super) fn claim(&self, job: JobId) -> bool {
        let claims = |exchange: &Arc<Exchange>| !self.has_seen(job) && exchange.claim(job);
        // What the embedded store gives to the world stays the world's.
        self.exchange.as_ref().is_none_or(claims)
    }

    /// A job is in the store elsewhere, or was refused there.
    pub(super) fn fed(&self, job: JobId, refused: Option<String>) {
        let now = self.now();
        match refused {
            // If a program has cancelled it meanwhile, it is gone here already.
            None => drop(self.store().cancel(now, job)),
            Some(why) => self.store().reject(now, job, why),
        }
    }

    /// A host is gone, and with it whatever it was at work on.
    pub fn host_gone(&self, host: HostId) {
        let mut departed = self.departed.lock().unwrap_or_else(PoisonError::into_inner);
        departed.push(host);
        drop(departed);
        self.ring();
    }

    /// The hosts that have gone since this was last asked.
    pub(super) fn departed(&self) -> Vec<HostId> {
        std::mem::take(&mut *self.departed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// These jobs, and those of the store elsewhere that are wanted. One that is on its way there is shown once.
    fn with_those_elsewhere(&self, mut jobs: Vec<Seen>, is_wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        if let Some(exchange) = &self.exchange {
            let here: HashSet<JobId> = jobs.iter().map(|job| job.job).collect();
            jobs.extend(exchange.listed(|job| is_wanted(job) && !here.contains(&job.job)));
        }
        jobs
    }

    /// Jobs as operators see them: those that are not done, or those that were given up.
    pub fn shown(&self, dead: bool) -> Vec<JobStatus> {
        let mut store = self.store();
        let own = if dead {
            store.dead(JOBS_SEEN_MAX)
        } else {
            store.list(JOBS_SEEN_MAX)
        };
        drop(store);
        let is_wanted = |job: &Seen| matches!(job.standing, Standing::Dead(_)) == dead;
        let jobs = self.with_those_elsewhere(own.unwrap_or_default(), is_wanted);
        let now = (self.wall)();
        let status = |job: Seen| JobStatus {
            id: job.job.to_string(),
            kind: job.spec.kind,
            queue: job.queue.name(),
            state: job.standing.to_string(),
            tries: job.tries,
            age_s: now.secs().saturating_sub(job.since.secs()),
            error: job.why,
        };
        jobs.into_iter().take(JOBS_SEEN_MAX).map(status).collect()
    }

    /// Brings a job back that was given up, or forgets it.
    pub fn bury(&self, job: JobId, again: bool) -> Result<(), JobError> {
        let now = self.now();
        let mut store = self.store();
        let done = if again {
            store.retry(now, job)
        } else {
            store.drop_dead(job)
        };
        drop(store);
        self.ring();
        match (done, &self.exchange) {
            (Err(JobError::Unknown), Some(exchange)) if exchange.is_away() => {
                Err(JobError::Away("try again when it is back".to_owned()))
            }
            // Whether it is among the dead there, that store knows: not all of them are listed here.
            (Err(JobError::Unknown), Some(exchange)) => {
                exchange.bury(job, again);
                Ok(())
            }
            (done, _) => done,
        }
    }
}

#[cfg(test)]
mod tests;
