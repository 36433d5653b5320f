//! The thread between this daemon and a job store on Redis.
//!
//! What the world puts waits in the daemon's own store until it was written, goes to Redis in order, and is forgotten here
//! once it is there; while Redis is away it stays, up to a bound. What Redis gives goes to the broker. What has taken
//! effect here is noted in the commit of its effect, so that a job which comes again is not done again, and ended at Redis
//! once that commit is written. Invariant: this thread alone waits for Redis, and it looks when it is woken, or each
//! [`EXCHANGE_LOOK`]; what it was ordered and could not do is ordered still.

use super::desk::Desk;
use super::exchange::{Exchange, locked};
use super::step::{Step, What, refusal};
use crate::actors::outlet::{After, Message, Outlet};
use crate::jobs::redis::{Loss, Mark, OnRedis};
use crate::jobs::{JobError, JobStore, Queue, Seen, Stored, size_of};
use crate::limits::{
    EXCHANGE_LOOK, EXCHANGE_REST, EXCHANGE_TOLD, JOB_EXTENDS, JOB_FEED_BATCH, JOB_LIST_IDLE, JOB_SWEEP,
    JOBS_SEEN_MAX,
};
use crate::protocol::JobId;
use crate::protocol::host::DaemonToHostReply;
use crate::protocol::job::{Confirm, JobSpec};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The thread.
pub(super) struct Clerk {
    pub(super) exchange: Arc<Exchange>,
    pub(super) desk: Arc<Desk>,
    outlet: Arc<Outlet>,
    pub(super) store: OnRedis,
    /// How long a lease holds.
    pub(super) lease: Duration,
    swept: Option<Instant>,
    /// When the jobs there were last listed; none if some were brought there since.
    pub(super) listed: Option<Instant>,
    extended: Instant,
    /// What went wrong last, as it was said, and when.
    said: Option<(String, Instant)>,
    /// What is written of what was last heard there.
    marked: Option<Mark>,
    /// Whether there are dedupe keys of jobs that the store has lost.
    has_lost: bool,
}

impl Clerk {
    pub(super) fn new(
        (exchange, desk, outlet): (&Arc<Exchange>, &Arc<Desk>, &Arc<Outlet>),
        store: OnRedis,
        lease: Duration,
    ) -> Clerk {
        Clerk {
            exchange: exchange.clone(),
            desk: desk.clone(),
            outlet: outlet.clone(),
            store,
            lease,
            swept: None,
            listed: None,
            extended: Instant::now(),
            said: None,
            marked: None,
            has_lost: false,
        }
    }

    pub(super) fn work(&mut self) {
        loop {
            self.wait();
            let done = self.round();
            let is_away = matches!(done, Err(JobError::Away(_) | JobError::NotOurs(_)));
            if let Err(error) = &done {
                self.tell(error);
            }
            locked(&self.exchange.figures).tally = self.store.tally();
            if self.exchange.is_away.swap(is_away, Ordering::Relaxed) && !is_away {
                tracing::info!("the job store answers again");
            }
            if let Some(loss) = self.store.loss() {
                tell_loss(loss);
                self.has_lost = true;
            }
            let mark = self.store.mark();
            if let Some(heard) = mark.clone().filter(|_| mark != self.marked) {
                self.commit(What::Mark(heard));
                self.marked = mark;
            }
            self.tell_unconfirmed();
            if done.is_err() {
                // Whatever it is woken for meanwhile would fail like this.
                std::thread::sleep(EXCHANGE_REST);
            }
        }
    }

    /// Says what went wrong, and the same not too often.
    fn tell(&mut self, error: &JobError) {
        let error = error.to_string();
        let is_said = |(said, at): &(String, Instant)| *said == error && at.elapsed() < EXCHANGE_TOLD;
        if !self.said.as_ref().is_some_and(is_said) && !self.exchange.is_away() {
            tracing::warn!(error, "jobs wait here until the job store takes them");
            self.said = Some((error, Instant::now()));
        }
    }

    /// Waits until there is something to do, or to look at.
    fn wait(&self) {
        let orders = locked(&self.exchange.orders);
        let quiet = |_: &mut _| !self.exchange.is_rung.load(Ordering::Acquire);
        drop(
            self.exchange
                .changed
                .wait_timeout_while(orders, EXCHANGE_LOOK, quiet),
        );
        self.exchange.is_rung.store(false, Ordering::Release);
    }

    fn round(&mut self) -> Result<(), JobError> {
        self.forget_lost()?;
        // A store that takes no more has to be emptied: what cannot be brought there now holds up nothing else.
        let fed = self.trade()?;
        let ordered = unless_full(self.order())?;
        let is_due = self.is_sweep_due();
        let mut swept = Ok(());
        if is_due {
            self.swept = Some(Instant::now());
            swept = unless_full(self.store.sweep(self.desk.now()))?;
        }
        self.extend()?;
        // Leases do not wait for those who only look.
        if is_due {
            self.look()?;
        }
        fed.and(ordered).and(swept)
    }

    pub(super) fn is_sweep_due(&self) -> bool {
        self.swept.is_none_or(|swept| swept.elapsed() >= JOB_SWEEP)
    }

    /// A job that the store has lost may be put again under its key.
    fn forget_lost(&mut self) -> Result<(), JobError> {
        if self.has_lost {
            let keyed = self.desk.store().memory().keyed_elsewhere();
            let lost = self.store.lost_of(self.desk.now(), &keyed)?;
            self.desk.store().forget_keys_of(&lost);
            self.commit(What::Write);
            self.has_lost = false;
        }
        Ok(())
    }

    /// A job was put there; an error if it has to stay here.
    pub(super) fn fed(
        &self,
        job: JobId,
        spec: &JobSpec,
        stored: Result<Stored, JobError>,
    ) -> Result<(), JobError> {
        let told = match &stored {
            Ok(Stored {
                job,
                duplicate,
                of_owner,
            }) => {
                // Counted there before it is counted here no more.
                if let Some(owner) = spec.from {
                    let mut owners = locked(&self.exchange.of_owners);
                    let load = owners.entry(owner).or_default();
                    load.jobs = *of_owner;
                    load.bytes += if *duplicate { 0 } else { size_of(spec) };
                }
                let (job, duplicate) = (*job, *duplicate);
                Message::Host(DaemonToHostReply::JobStored { job, duplicate })
            }
            Err(error) => Message::Refused(refusal(error)),
        };
        let waiter = self
            .exchange
            .confirmed(job)
            .filter(|_| spec.confirm == Confirm::Replicated);
        let has_told = waiter.is_some();
        if let Some(reply) = waiter {
            let message = Box::new(told);
            self.commit(What::Tell { reply, message });
        }
        match stored {
            Ok(Stored { duplicate, .. }) => {
                // One that was there before is listed, or gone.
                if !duplicate && let Ok(Some(seen)) = self.desk.store().find(job) {
                    let queue = Queue::of(spec);
                    self.exchange.show(Seen { queue, ..seen });
                }
                self.desk.fed(job, None);
            }
            Err(JobError::Refused(why)) => self.desk.fed(job, Some(why)),
            // It is there, and whoever put it knows that nobody answers for it.
            Err(JobError::Away(_)) if has_told => self.desk.fed(job, None),
            Err(error) => return Err(stays(error)),
        }
        Ok(())
    }

    /// Whoever has waited for a replica for too long is told that there is none; their job goes on waiting for one.
    fn tell_unconfirmed(&self) {
        for (job, reply) in self.exchange.unconfirmed() {
            let error = JobError::Away("no replica has the job yet".to_owned());
            tracing::warn!(%job, %error, "a job that was to be confirmed by a replica is not");
            let message = Box::new(Message::Refused(refusal(&error)));
            self.commit(What::Tell { reply, message });
        }
    }

    /// Does what else was ordered.
    fn order(&mut self) -> Result<(), JobError> {
        let now = self.desk.now();
        let exchange = self.exchange.clone();
        loop {
            let next = locked(&exchange.orders).next_gone();
            let Some(taker) = next else { break };
            self.store.give_back(now, &taker)?;
            locked(&exchange.orders).gone.remove(0);
        }
        self.cancel()?;
        loop {
            let next = locked(&exchange.orders).dead.first().copied();
            let Some((job, again)) = next else { break };
            let done = match again {
                true => self.store.retry(now, job),
                false => self.store.drop_dead(job),
            };
            unless_away(job, done)?;
            locked(&exchange.orders).dead.remove(0);
        }
        Ok(())
    }

    /// Forgets there what programs have cancelled in commits that are written. One that somebody has, or that is gone, stays
    /// as it is.
    fn cancel(&mut self) -> Result<(), JobError> {
        loop {
            let written = self.exchange.written();
            let (jobs, is_all) = self.exchange.to_cancel(written, JOB_FEED_BATCH);
            if jobs.is_empty() {
                if !is_all {
                    self.exchange.await_log(written);
                }
                return Ok(());
            }
            let cancelled = self.store.cancel_many(self.desk.now(), &jobs)?;
            for (job, done) in jobs.iter().zip(cancelled) {
                if let Some(error) = done.err().filter(|error| *error != JobError::Unknown) {
                    tracing::warn!(%job, %error, "a job was not cancelled");
                }
            }
            self.exchange.cancelled(&jobs);
            self.commit(What::Cancelled(jobs));
        }
    }

    /// Has shown what is there: at every look while somebody asks or jobs are brought there, else now and then.
    fn look(&mut self) -> Result<(), JobError> {
        locked(&self.exchange.figures).counts = self.store.counts()?;
        *locked(&self.exchange.of_owners) = self.store.of_owners(self.desk.now())?;
        let is_fresh = self.listed.is_some_and(|listed| listed.elapsed() < JOB_LIST_IDLE);
        if is_fresh && !self.exchange.is_watched(JOB_LIST_IDLE) {
            return Ok(());
        }
        let listed = self.store.list(JOBS_SEEN_MAX)?;
        let dead = self.store.dead(JOBS_SEEN_MAX)?;
        self.exchange.list(listed.into_iter().chain(dead).collect());
        self.listed = Some(Instant::now());
        Ok(())
    }

    /// Extends the leases of those who are at work, a few times in each lease; of agents, when they say so.
    fn extend(&mut self) -> Result<(), JobError> {
        let is_time = self.extended.elapsed() >= self.lease / JOB_EXTENDS;
        let asked = Instant::now();
        let leases = self.exchange.to_extend(is_time);
        if !leases.is_empty() {
            let extended = self.store.extend_many(self.desk.now(), &leases)?;
            for ((job, lease), extended) in leases.into_iter().zip(extended) {
                let until = extended.is_ok().then(|| asked + self.lease);
                self.exchange.extended(job, lease, until);
            }
        }
        if is_time {
            self.extended = asked;
        }
        Ok(())
    }

    pub(super) fn commit(&self, what: What) {
        let step = Step::new(&self.desk, what);
        self.outlet.commit(After::Job(Box::new(step)));
    }
}

/// Says what a Redis has lost.
fn tell_loss(loss: Loss) {
    match loss {
        Loss::All => {
            tracing::error!(
                "the job store on Redis has come back without the jobs that were in it: they are lost"
            );
        }
        Loss::Last(jobs) => tracing::error!(
            jobs,
            "the job store on Redis is another one now, or an older state of it, which does not have the last jobs that \
             this world had stored: unless they were done, they are lost"
        ),
    }
}

/// A job that no replica has yet stays here as one does for which there is no room; the store itself is there.
fn stays(error: JobError) -> JobError {
    match error {
        JobError::Away(_) => JobError::Refused("some jobs wait here until a replica has them".to_owned()),
        error => error,
    }
}

/// A store that has no room for one change has it for the next, which may make some.
fn unless_full(done: Result<(), JobError>) -> Result<Result<(), JobError>, JobError> {
    match done {
        Err(JobError::Full) => Ok(Err(JobError::Full)),
        done => done.map(Ok),
    }
}

/// What could not be done for another reason than that the store is away is not ordered again.
fn unless_away(job: JobId, done: Result<(), JobError>) -> Result<(), JobError> {
    match done {
        Err(error @ (JobError::Away(_) | JobError::NotOurs(_))) => Err(error),
        Err(error) => {
            tracing::warn!(%job, %error, "an order about a job was not carried out");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
