//! The thread between this daemon and a job store on Redis, and what the two tell each other.
//!
//! What the world puts waits in the daemon's own store until it was written, goes to Redis in order, and is forgotten here
//! once it is there; while Redis is away it stays, up to a bound. What Redis gives goes to the broker. What has taken
//! effect here is noted in the commit of its effect, so that a job which comes again is not done again, and ended at Redis
//! once that commit is written. Invariant: this thread alone waits for Redis, and it looks at most each [`EXCHANGE_LOOK`].

use super::desk::Desk;
use super::step::{Step, What};
use crate::actors::outlet::{After, Outlet};
use crate::gateway::indispensable;
use crate::jobs::redis::{OnRedis, Settings};
use crate::jobs::{Ending, JobError, JobStore, Queue, Seen, Standing, Taken};
use crate::limits::{EXCHANGE_LOOK, JOB_EXTEND_PERIOD, JOB_FEED_BATCH, JOB_SWEEP, JOBS_SEEN_MAX};
use crate::protocol::{HostId, JobId};
use std::collections::{HashMap, VecDeque};
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

/// What waits for the thread.
#[derive(Default)]
struct Orders {
    wants: Vec<Want>,
    ends: VecDeque<Ended>,
    gone: Vec<String>,
    cancels: Vec<JobId>,
    /// Of those that were given up, and whether each is to come back.
    dead: Vec<(JobId, bool)>,
}

/// What both sides see.
#[derive(Default)]
pub struct Exchange {
    orders: Mutex<Orders>,
    changed: Condvar,
    is_rung: AtomicBool,
    /// What came, for the broker.
    came: Mutex<Vec<(Want, Vec<Taken>)>>,
    /// The jobs that this daemon has, each with its lease and taker.
    held: Mutex<HashMap<JobId, (u64, String)>>,
    /// The jobs on Redis, as they were a moment ago.
    listed: Mutex<Vec<Seen>>,
    /// The last commit that is written.
    written: Arc<AtomicU64>,
    is_away: AtomicBool,
    /// What tells this world's folder from any other.
    folder: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is complete before anything in it can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    /// An exchange of a daemon whose log says there how far it is.
    pub fn new(written: Arc<AtomicU64>, folder: String) -> Exchange {
        Exchange {
            written,
            folder,
            ..Exchange::default()
        }
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

    /// Whether this daemon has the job under this lease; from now on it has it no more.
    pub fn release(&self, job: JobId, lease: u64) -> bool {
        let mut held = locked(&self.held);
        match held.get(&job) {
            Some((known, _)) if *known == lease => held.remove(&job).is_some(),
            _ => false,
        }
    }

    /// The same, while it stays.
    pub fn holds(&self, job: JobId, lease: u64) -> bool {
        locked(&self.held)
            .get(&job)
            .is_some_and(|(known, _)| *known == lease)
    }

    /// A try has ended, in this commit.
    pub fn end(&self, ended: Ended) {
        locked(&self.orders).ends.push_back(ended);
        self.wake();
    }

    /// A taker is gone.
    pub fn give_back(&self, taker: String) {
        locked(&self.held).retain(|_, (_, by)| *by != taker);
        locked(&self.orders).gone.push(taker);
        self.wake();
    }

    /// Somebody wants a job forgotten.
    pub fn cancel(&self, job: JobId) {
        locked(&self.orders).cancels.push(job);
        self.wake();
    }

    /// Everybody here who has jobs.
    pub fn takers(&self) -> Vec<String> {
        locked(&self.held)
            .values()
            .map(|(_, taker)| taker.clone())
            .collect()
    }

    /// The jobs on Redis, as they were a moment ago.
    pub fn listed(&self) -> Vec<Seen> {
        locked(&self.listed).clone()
    }

    /// Whether a job was given up, a moment ago.
    pub fn has_dead(&self, job: JobId) -> bool {
        let is_it = |seen: &Seen| seen.job == job && matches!(seen.standing, Standing::Dead(_));
        locked(&self.listed).iter().any(is_it)
    }

    /// A job that was given up comes back, or is forgotten.
    pub fn bury(&self, job: JobId, again: bool) {
        locked(&self.orders).dead.push((job, again));
        self.wake();
    }

    /// There is something to do.
    pub fn wake(&self) {
        self.is_rung.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Starts the thread, and another one that hears when there may be something.
    pub fn start(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        outlet: &Arc<Outlet>,
        settings: Settings,
    ) -> io::Result<()> {
        let refused = |error: JobError| io::Error::other(error.to_string());
        let mut store = OnRedis::new(settings.clone()).map_err(refused)?;
        match store.join(desk.now()) {
            Err(JobError::Away(why)) => {
                tracing::warn!(why, "the job store does not answer yet; jobs wait here")
            }
            joined => joined.map_err(refused)?,
        }
        let mut ear = OnRedis::new(settings).map_err(refused)?;
        let mut clerk = Clerk {
            exchange: self.clone(),
            desk: desk.clone(),
            outlet: outlet.clone(),
            store,
            swept: Instant::now(),
            extended: Instant::now(),
        };
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

/// The thread.
struct Clerk {
    exchange: Arc<Exchange>,
    desk: Arc<Desk>,
    outlet: Arc<Outlet>,
    store: OnRedis,
    swept: Instant,
    extended: Instant,
}

impl Clerk {
    fn work(&mut self) {
        loop {
            self.wait();
            let done = self.round();
            let is_away = matches!(done, Err(JobError::Away(_) | JobError::NotOurs(_)));
            if let Err(error) = &done
                && !self.exchange.is_away.load(Ordering::Relaxed)
            {
                tracing::warn!(%error, "jobs wait here until the job store answers again");
            }
            if self.exchange.is_away.swap(is_away, Ordering::Relaxed) && !is_away {
                tracing::info!("the job store answers again");
            }
            if self.store.has_forgotten() {
                tracing::error!(
                    "the job store on Redis has come back without the jobs that were in it: they are lost"
                );
                self.desk.store().forget_keys();
            }
        }
    }

    /// Waits until there is something to do, or to look at.
    fn wait(&self) {
        let orders = locked(&self.exchange.orders);
        let quiet = |_: &mut Orders| !self.exchange.is_rung.load(Ordering::Acquire);
        drop(
            self.exchange
                .changed
                .wait_timeout_while(orders, EXCHANGE_LOOK, quiet),
        );
        self.exchange.is_rung.store(false, Ordering::Release);
    }

    fn round(&mut self) -> Result<(), JobError> {
        // A store that takes no more has to be emptied: what cannot be brought there now holds up nothing else.
        let fed = self.feed();
        if matches!(fed, Err(JobError::Away(_) | JobError::NotOurs(_))) {
            return fed;
        }
        self.end()?;
        self.order()?;
        if self.swept.elapsed() >= JOB_SWEEP {
            self.swept = Instant::now();
            self.store.sweep(self.desk.now())?;
            let listed = self.store.list(JOBS_SEEN_MAX)?;
            let dead = self.store.dead(JOBS_SEEN_MAX)?;
            *locked(&self.exchange.listed) = listed.into_iter().chain(dead).collect();
        }
        if self.extended.elapsed() >= JOB_EXTEND_PERIOD {
            self.extended = Instant::now();
            let held: Vec<_> = locked(&self.exchange.held)
                .iter()
                .map(|(job, (lease, _))| (*job, *lease))
                .collect();
            for (job, lease) in held {
                match self.store.extend(self.desk.now(), job, lease) {
                    Err(JobError::Away(why)) => return Err(JobError::Away(why)),
                    // It is somebody else's now; what was done of it here is refused when it ends.
                    Err(_) => drop(self.exchange.release(job, lease)),
                    Ok(()) => {}
                }
            }
        }
        self.take()?;
        fed
    }

    /// Brings to Redis what is written here.
    fn feed(&mut self) -> Result<(), JobError> {
        loop {
            if !self
                .desk
                .is_written(self.exchange.written.load(Ordering::Acquire))
            {
                // The log tells nobody here; it is looked at again at once, as long as there is something to send.
                if self.desk.has_unsent() {
                    self.exchange.is_rung.store(true, Ordering::Release);
                    thread::park_timeout(Duration::from_millis(1));
                }
                return Ok(());
            }
            let batch = self
                .desk
                .store()
                .memory()
                .oldest(&Queue::Feed, u64::MAX, JOB_FEED_BATCH);
            if batch.is_empty() {
                return Ok(());
            }
            let stored = self.store.put_many(self.desk.now(), &batch)?;
            let mut is_full = false;
            for ((job, _), stored) in batch.iter().zip(stored) {
                match stored {
                    Ok(_) => self.desk.fed(*job, None),
                    Err(JobError::Refused(why)) => self.desk.fed(*job, Some(why)),
                    Err(_) => is_full = true,
                }
            }
            self.commit(What::Write);
            if is_full {
                return Err(JobError::Full);
            }
        }
    }

    /// Tells Redis what has ended in commits that are written.
    fn end(&mut self) -> Result<(), JobError> {
        let written = self.exchange.written.load(Ordering::Acquire);
        let due: Vec<Ended> = {
            let orders = locked(&self.exchange.orders);
            let due = orders.ends.iter().take_while(|ended| ended.stamp <= written);
            due.take(JOB_FEED_BATCH).cloned().collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        crate::fault::point("job.before_ack");
        let calls: Vec<_> = due
            .iter()
            .map(|ended| (ended.job, ended.lease, ended.how.clone()))
            .collect();
        let ended = self.store.end_many(self.desk.now(), &calls)?;
        locked(&self.exchange.orders).ends.drain(..due.len());
        let known = calls.iter().zip(ended).filter(|(_, ended)| ended.is_ok());
        let jobs: Vec<JobId> = known.map(|((job, ..), _)| *job).collect();
        self.commit(What::Forget(jobs));
        self.exchange.is_rung.store(true, Ordering::Release);
        Ok(())
    }

    /// Does what else was ordered.
    fn order(&mut self) -> Result<(), JobError> {
        let now = self.desk.now();
        let gone = std::mem::take(&mut locked(&self.exchange.orders).gone);
        for (place, taker) in gone.iter().enumerate() {
            if let Err(error) = self.store.give_back(now, taker) {
                locked(&self.exchange.orders)
                    .gone
                    .extend_from_slice(&gone[place..]);
                return Err(error);
            }
        }
        let cancels = std::mem::take(&mut locked(&self.exchange.orders).cancels);
        for job in cancels {
            // One that somebody has, or that is gone, stays as it is.
            self.store.cancel(now, job).ok();
        }
        let dead = std::mem::take(&mut locked(&self.exchange.orders).dead);
        for (job, again) in dead {
            let done = if again {
                self.store.retry(now, job)
            } else {
                self.store.drop_dead(job)
            };
            if let Err(error) = done {
                tracing::warn!(%job, %error, "a job that was given up stays as it was");
            }
        }
        Ok(())
    }

    /// Takes what somebody here would do.
    fn take(&mut self) -> Result<(), JobError> {
        let wants = std::mem::take(&mut locked(&self.exchange.orders).wants);
        for (place, want) in wants.iter().enumerate() {
            match self
                .store
                .take(self.desk.now(), &want.taker, &want.queues, want.most)
            {
                Ok(taken) if taken.is_empty() => {}
                Ok(taken) => {
                    let mut held = locked(&self.exchange.held);
                    held.extend(
                        taken
                            .iter()
                            .map(|taken| (taken.job, (taken.lease, want.taker.clone()))),
                    );
                    drop(held);
                    locked(&self.exchange.came).push((want.clone(), taken));
                    self.desk.ring();
                }
                Err(error) => {
                    let mut orders = locked(&self.exchange.orders);
                    if orders.wants.is_empty() {
                        orders.wants = wants[place..].to_vec();
                    }
                    return Err(error);
                }
            }
        }
        // They still would, unless they say otherwise.
        let mut orders = locked(&self.exchange.orders);
        if orders.wants.is_empty() {
            let came = locked(&self.exchange.came);
            let is_idle = |want: &Want| came.iter().all(|(other, _)| other.taker != want.taker);
            orders.wants = wants.into_iter().filter(is_idle).collect();
        }
        Ok(())
    }

    fn commit(&self, what: What) {
        let step = Step::new(&self.desk, what);
        self.outlet.commit(After::Job(Box::new(step)));
    }
}
