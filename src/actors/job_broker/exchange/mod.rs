//! What this daemon and the thread that speaks with a job store on Redis tell each other.
//!
//! Jobs that came from there are held under leases. A lease counts here from before it was asked for, so it is over here
//! before anybody else is given the job; whoever ends a job shows that it holds. The world's own tasks are kept in their
//! leases while they run, for [`WORLD_JOB_MAX`] at most; an agent's lease is extended when that agent says so and never
//! else. Invariant: a job that a commit has claimed is not taken from it; any other is let go when its lease is over.

use super::clerk::Clerk;
use super::desk::Desk;
use super::figures::JobFigures;
use crate::actors::outlet::{Outlet, Reply};
use crate::gateway::indispensable;
use crate::jobs::redis::{Mark, OnRedis, Settings};
use crate::jobs::{Ending, JobError, Load, Queue, Seen, Taken, size_of};
use crate::limits::{
    JOB_REPLICA_PATIENCE, JOB_SWEEP, JOBS_FED_MAX, JOBS_SEEN_BYTES_MAX, JOBS_SEEN_MAX, WORLD_JOB_MAX,
};
use crate::protocol::{HostId, JobId, WireObj};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

/// Somebody who would take jobs.
#[derive(Clone, Debug)]
pub struct Want {
    /// The agent; none for the world itself.
    pub host: Option<HostId>,
    /// The name that jobs are taken under.
    pub taker: String,
    /// From these queues.
    pub queues: Vec<Queue>,
    /// So many at most.
    pub most: usize,
}

/// A try that has ended here.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The job.
    pub job: JobId,
    /// Its lease.
    pub lease: u64,
    /// How.
    pub how: Ending,
    /// The commit of its effect.
    pub stamp: u64,
}

/// A job that this daemon has.
#[derive(Debug)]
struct Held {
    lease: u64,
    taker: String,
    /// Whether a task of the world does it.
    is_own: bool,
    /// Since when this daemon has it, under whatever lease.
    since: Instant,
    /// Until when it is certain that nobody else is given it.
    until: Instant,
    /// A commit is about to end it.
    is_claimed: bool,
    /// Its taker has said that it is still at work.
    is_asked: bool,
}

impl Held {
    fn holds(&self, now: Instant) -> bool {
        self.is_claimed || now < self.until
    }
}

/// What waits for the thread.
#[derive(Default)]
pub(super) struct Orders {
    pub wants: Vec<Want>,
    pub ends: VecDeque<Ended>,
    /// Takers that are gone, each with the commit of the last try that had ended by then.
    pub gone: Vec<(String, u64)>,
    /// Jobs that are to be forgotten, each with the commit that says so.
    pub cancels: BTreeMap<JobId, u64>,
    /// Of those that were given up, and whether each is to come back.
    pub dead: Vec<(JobId, bool)>,
}

impl Orders {
    /// The next taker whose jobs may be given back: what it had done before it was gone has ended, or it would be done
    /// once more.
    pub fn next_gone(&self) -> Option<String> {
        let first_end = self.ends.front().map_or(u64::MAX, |ended| ended.stamp);
        let (taker, after) = self.gone.first()?;
        (first_end > *after).then(|| taker.clone())
    }
}

/// Jobs that were brought to the store, and how many bytes they have.
#[derive(Default)]
struct Brought {
    jobs: Vec<Seen>,
    bytes: usize,
}

/// What both sides see.
#[derive(Default)]
pub struct Exchange {
    pub(super) orders: Mutex<Orders>,
    pub(super) changed: Condvar,
    pub(super) is_rung: AtomicBool,
    /// What came, for the broker.
    pub(super) came: Mutex<Vec<(Want, Vec<Taken>)>>,
    held: Mutex<HashMap<JobId, Held>>,
    /// Who waits to hear that a replica has their job, and since when.
    unconfirmed: Mutex<HashMap<JobId, (Reply, Instant)>>,
    /// The jobs on Redis, as they were a moment ago.
    listed: Mutex<Arc<[Seen]>>,
    /// Those that were brought there since. Locked before the others.
    brought: Mutex<Brought>,
    /// When somebody last asked for them.
    asked: Mutex<Option<Instant>>,
    /// What those of each owner of this world come to.
    pub(super) of_owners: Mutex<HashMap<WireObj, Load>>,
    /// The last commit that is written.
    written: Arc<AtomicU64>,
    /// The thread waits for the log to come further.
    awaits_log: AtomicBool,
    pub(super) is_away: AtomicBool,
    /// What is shown of that store.
    pub(super) figures: Mutex<JobFigures>,
    /// What tells this world's folder from any other.
    folder: String,
    /// What an earlier daemon has heard of that store last.
    mark: Option<Mark>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is complete before anything in it can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    /// An exchange of a daemon whose log says there how far it is, and what an earlier one has heard of the store last.
    pub fn new(written: Arc<AtomicU64>, folder: String, mark: Option<Mark>) -> Exchange {
        Exchange {
            written,
            folder,
            mark,
            ..Exchange::default()
        }
    }

    /// What is shown of the store elsewhere, as it was a moment ago.
    pub fn figures(&self) -> JobFigures {
        *locked(&self.figures)
    }

    /// What tells this world's folder from any other.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Somebody would take jobs.
    pub fn want(&self, wants: Vec<Want>) {
        locked(&self.orders).wants = wants;
        self.wake();
    }

    /// What has come since this was last asked.
    pub fn came(&self) -> Vec<(Want, Vec<Taken>)> {
        std::mem::take(&mut *locked(&self.came))
    }

    /// These are here now, under leases of this length that were asked for at that moment.
    pub(super) fn hold(&self, want: &Want, taken: &[Taken], asked: Instant, lease: Duration) {
        let mut held = locked(&self.held);
        for one in taken {
            let before = held.remove(&one.job).filter(|before| before.taker == want.taker);
            let now = Held {
                lease: one.lease,
                taker: want.taker.clone(),
                is_own: want.host.is_none(),
                since: before.as_ref().map_or(asked, |before| before.since),
                until: asked + lease,
                is_claimed: before.is_some_and(|before| before.is_claimed),
                is_asked: false,
            };
            held.insert(one.job, now);
        }
    }

    /// Whether this host has the job under this lease.
    pub fn holds(&self, job: JobId, lease: u64, host: HostId) -> bool {
        let (held, of_host) = (locked(&self.held), format!("{host}/"));
        held.get(&job).is_some_and(|known| {
            known.lease == lease && known.taker.starts_with(&of_host) && known.holds(Instant::now())
        })
    }

    /// A host is still at work on a job that it has.
    pub fn ask_to_extend(&self, job: JobId) {
        if let Some(known) = locked(&self.held).get_mut(&job) {
            known.is_asked = true;
        }
        self.wake();
    }

    /// Whether this daemon has the job under this lease; from now on it has it no more.
    pub fn release(&self, job: JobId, lease: u64) -> bool {
        let mut held = locked(&self.held);
        match held.get(&job) {
            Some(known) if known.lease == lease && known.holds(Instant::now()) => held.remove(&job).is_some(),
            _ => false,
        }
    }

    /// A task of the world is about to commit what it did of a job. Whether it may: the job is still its own, and stays so.
    pub fn claim(&self, job: JobId) -> bool {
        let mut held = locked(&self.held);
        let known = held.get_mut(&job).filter(|known| known.is_own);
        let Some(known) = known.filter(|known| known.holds(Instant::now())) else {
            return false;
        };
        known.is_claimed = true;
        true
    }

    /// The task of a job has ended: the lease that the job is ended under, if it is still the world's.
    pub fn release_own(&self, job: JobId) -> Option<u64> {
        let mut held = locked(&self.held);
        let known = held.get(&job)?;
        let is_ours = known.is_own && known.holds(Instant::now());
        let lease = known.lease;
        is_ours.then(|| held.remove(&job)).map(|_| lease)
    }

    /// The leases to extend now: those that were asked for, and, if it is time, those of the world's own tasks.
    pub(super) fn to_extend(&self, is_time: bool) -> Vec<(JobId, u64)> {
        let (mut held, now) = (locked(&self.held), Instant::now());
        held.retain(|job, known| {
            if !known.holds(now) {
                tracing::warn!(%job, taker = known.taker, "the lease of a job is over before it was done");
            }
            known.holds(now)
        });
        let is_due =
            |known: &Held| known.is_asked || (known.is_own && is_time && now < known.since + WORLD_JOB_MAX);
        let due = held.iter().filter(|(_, known)| is_due(known));
        due.map(|(job, known)| (*job, known.lease)).collect()
    }

    /// A lease holds anew from when this was asked; or it is over, and what was done of the job is refused when it ends.
    pub(super) fn extended(&self, job: JobId, lease: u64, until: Option<Instant>) {
        let mut held = locked(&self.held);
        let Some(known) = held.get_mut(&job).filter(|known| known.lease == lease) else {
            return;
        };
        known.is_asked = false;
        match until {
            Some(until) => known.until = until,
            None if known.is_claimed => {}
            None => drop(held.remove(&job)),
        }
    }

    /// A try has ended, in this commit.
    pub fn end(&self, ended: Ended) {
        locked(&self.orders).ends.push_back(ended);
        self.wake();
    }

    /// A taker is gone.
    pub fn give_back(&self, taker: String) {
        locked(&self.held).retain(|_, known| known.is_claimed || known.taker != taker);
        let orders = &mut *locked(&self.orders);
        let after = orders.ends.back().map_or(0, |ended| ended.stamp);
        orders.gone.push((taker, after));
        self.wake();
    }

    /// Whether one more job may wait to be forgotten there.
    pub fn may_cancel(&self) -> bool {
        locked(&self.orders).cancels.len() < JOBS_FED_MAX
    }

    /// A job is to be forgotten there, once this commit is written.
    pub fn cancel(&self, job: JobId, stamp: u64) {
        locked(&self.orders).cancels.insert(job, stamp);
        self.wake();
    }

    /// The jobs that are to be forgotten there by now, so many at most; and whether no other waits for the log.
    pub(super) fn to_cancel(&self, written: u64, most: usize) -> (Vec<JobId>, bool) {
        let orders = locked(&self.orders);
        let due = orders.cancels.iter().filter(|(_, stamp)| **stamp <= written);
        let is_all = orders.cancels.values().all(|stamp| *stamp <= written);
        (due.map(|(job, _)| *job).take(most).collect(), is_all)
    }

    /// The store has heard so.
    pub(super) fn cancelled(&self, jobs: &[JobId]) {
        let cancels = &mut locked(&self.orders).cancels;
        for job in jobs {
            cancels.remove(job);
        }
    }

    /// Everybody here who has jobs.
    pub fn takers(&self) -> Vec<String> {
        locked(&self.held)
            .values()
            .map(|known| known.taker.clone())
            .collect()
    }

    /// The jobs on Redis, as they were a moment ago, of which somebody wants these.
    pub fn listed(&self, is_wanted: impl Fn(&&Seen) -> bool) -> Vec<Seen> {
        *locked(&self.asked) = Some(Instant::now());
        let brought = locked(&self.brought);
        let listed = locked(&self.listed).clone();
        let all = listed.iter().chain(&brought.jobs);
        all.filter(is_wanted).cloned().collect()
    }

    /// A job was brought there: it is shown until they are listed anew, as far as there is room.
    pub(super) fn show(&self, job: Seen) {
        let mut brought = locked(&self.brought);
        let bytes = brought.bytes + size_of(&job.spec);
        if brought.jobs.len() < JOBS_SEEN_MAX && bytes <= JOBS_SEEN_BYTES_MAX {
            brought.jobs.push(job);
            brought.bytes = bytes;
        }
    }

    /// They were listed anew.
    pub(super) fn list(&self, listed: Arc<[Seen]>) {
        let mut brought = locked(&self.brought);
        *locked(&self.listed) = listed;
        *brought = Brought::default();
    }

    /// Whether somebody has asked for them within this time.
    pub(super) fn is_watched(&self, within: Duration) -> bool {
        locked(&self.asked).is_some_and(|asked| asked.elapsed() < within)
    }

    /// What the jobs of somebody of this world came to there a moment ago.
    pub fn load_of(&self, owner: WireObj) -> Load {
        locked(&self.of_owners).get(&owner).copied().unwrap_or_default()
    }

    /// Whether the store did not answer when it was last asked.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// A job that was given up comes back, or is forgotten.
    pub fn bury(&self, job: JobId, again: bool) {
        locked(&self.orders).dead.push((job, again));
        self.wake();
    }

    /// Somebody waits to hear that a replica has this job.
    pub fn await_replica(&self, job: JobId, reply: Reply) {
        locked(&self.unconfirmed).insert(job, (reply, Instant::now()));
    }

    /// Whoever waits for a replica to have this job.
    pub(super) fn confirmed(&self, job: JobId) -> Option<Reply> {
        locked(&self.unconfirmed).remove(&job).map(|(reply, _)| reply)
    }

    /// Those who have waited for a replica for too long.
    pub(super) fn unconfirmed(&self) -> Vec<(JobId, Reply)> {
        let is_over = |_: &JobId, (_, since): &mut (Reply, Instant)| since.elapsed() >= JOB_REPLICA_PATIENCE;
        let over = locked(&self.unconfirmed).extract_if(is_over).collect::<Vec<_>>();
        over.into_iter().map(|(job, (reply, _))| (job, reply)).collect()
    }

    /// There is something to do.
    pub fn wake(&self) {
        self.is_rung.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// The log has come further.
    pub fn log_moved(&self) {
        if self.awaits_log.swap(false, Ordering::AcqRel) {
            self.wake();
        }
    }

    /// How far the log is.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The thread is to be woken when the log is further than this.
    pub(super) fn await_log(&self, written: u64) {
        self.awaits_log.store(true, Ordering::Release);
        if self.written() > written {
            self.log_moved();
        }
    }

    /// Starts the thread, and another one that hears when there may be something.
    pub fn start(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        outlet: &Arc<Outlet>,
        settings: Settings,
    ) -> io::Result<()> {
        let refused = |error: JobError| io::Error::other(error.to_string());
        let lease = settings.lease;
        let mut store = OnRedis::new(settings.clone()).map_err(refused)?;
        if let Some(mark) = &self.mark {
            store.recall(mark.clone());
        }
        match store.join(desk.now()) {
            Err(JobError::Away(why)) => {
                tracing::warn!(why, "the job store does not answer yet; jobs wait here");
            }
            joined => joined.map_err(refused)?,
        }
        let mut ear = OnRedis::new(settings).map_err(refused)?;
        let mut clerk = Clerk::new((self, desk, outlet), store, lease);
        thread::Builder::new()
            .name("jobs".into())
            .spawn(move || indispensable(|| clerk.work()))?;
        let (exchange, desk) = (self.clone(), desk.clone());
        thread::Builder::new().name("jobs-bell".into()).spawn(move || {
            indispensable(|| {
                loop {
                    match ear.wait_for_bell(desk.now(), JOB_SWEEP) {
                        Ok(true) => exchange.wake(),
                        Ok(false) => {}
                        Err(_) => thread::park_timeout(JOB_SWEEP),
                    }
                }
            });
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
