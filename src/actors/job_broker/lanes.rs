//! What the thread between this daemon and a job store on Redis has under way there: jobs that are brought there, ends that are
//! told, and jobs that are asked for, none of which waits for the answers to the others.
//!
//! Invariant: of puts one call is under way, of ends one, and of takes one for each who would have jobs; so jobs are brought
//! there in their order, and what was not answered is brought or told again from its beginning.

use super::clerk::Clerk;
use super::exchange::{Ended, Want, locked};
use super::step::What;
use crate::jobs::redis::{Call, Heard, OnRedis};
use crate::jobs::{Ending, JobError, Stored, Taken};
use crate::limits::JOB_FEED_BATCH;
use crate::protocol::JobId;
use crate::protocol::job::{Confirm, JobSpec};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What is under way.
struct Lanes {
    is_feeding: bool,
    is_ending: bool,
    /// Whether jobs could be brought there so far.
    fed: Result<(), JobError>,
    /// Somebody may want more than was asked for.
    is_woken: bool,
    /// Those who were asked for, how many of them have an answer, and since when the others wait for theirs.
    wants: Vec<Want>,
    answered: usize,
    asked: VecDeque<Instant>,
}

impl Default for Lanes {
    fn default() -> Lanes {
        Lanes {
            is_feeding: false,
            is_ending: false,
            fed: Ok(()),
            is_woken: true,
            wants: Vec::new(),
            answered: 0,
            asked: VecDeque::new(),
        }
    }
}

impl Clerk {
    /// Brings jobs there, says what has ended, and takes what somebody here would do: each without waiting for the others, and
    /// until nothing is left to do or something else is due. What keeps jobs from being brought there is no error of the rest.
    pub(super) fn trade(&mut self) -> Result<Result<(), JobError>, JobError> {
        let (mut lanes, mut failed) = (Lanes::default(), Ok(()));
        for turn in 0.. {
            if turn > 0 && self.is_sweep_due() {
                // The rest comes after that.
                self.exchange.wake();
            } else if failed.is_ok() {
                failed = self.send_due(&mut lanes);
            }
            let Some(heard) = self.store.receive(self.desk.now()) else {
                break;
            };
            if let Err(error) = self.heard(heard, &mut lanes) {
                failed = Err(error);
            }
            lanes.is_woken |= self.exchange.is_rung.swap(false, Ordering::AcqRel);
        }
        if !lanes.wants.is_empty() {
            self.want_still(&lanes.wants);
        }
        failed.map(|()| lanes.fed)
    }

    fn send_due(&mut self, lanes: &mut Lanes) -> Result<(), JobError> {
        if lanes.is_woken && lanes.wants.is_empty() {
            lanes.is_woken = false;
            self.ask(lanes)?;
        }
        if !lanes.is_feeding && lanes.fed.is_ok() {
            self.feed(lanes)?;
        }
        if !lanes.is_ending {
            self.end(lanes)?;
        }
        Ok(())
    }

    fn heard(&mut self, heard: Heard, lanes: &mut Lanes) -> Result<(), JobError> {
        match heard {
            Heard::Put(batch, stored) => {
                lanes.is_feeding = false;
                lanes.fed = match stored {
                    Err(error @ (JobError::Away(_) | JobError::NotOurs(_))) => return Err(error),
                    stored => stored.and_then(|stored| self.stored(&batch, stored)),
                };
            }
            Heard::End(due, ended) => {
                lanes.is_ending = false;
                self.ended(&due, ended?);
            }
            Heard::Take(_, taken) => return self.taken(lanes, taken),
        }
        Ok(())
    }

    /// Sends to Redis what is written here.
    fn feed(&mut self, lanes: &mut Lanes) -> Result<(), JobError> {
        let written = self.exchange.written();
        let (up_to, is_all) = self.desk.written_jobs(written);
        let mut batch = self.desk.offer(up_to, JOB_FEED_BATCH);
        if batch.is_empty() {
            if !is_all {
                self.exchange.await_log(written);
            }
            return Ok(());
        }
        batch.truncate(OnRedis::fit(&batch));
        let now = self.desk.now();
        if batch.iter().any(|(_, spec)| spec.confirm == Confirm::Replicated) {
            // Whoever waits for a replica waits for all that was sent before.
            let stored = self.store.put_many(now, &batch);
            self.heard(Heard::Put(batch, stored), lanes)?;
            if lanes.fed.is_ok() {
                // There may be more of them.
                self.exchange.wake();
            }
            return Ok(());
        }
        self.store.send(now, Call::Put(batch))?;
        lanes.is_feeding = true;
        Ok(())
    }

    /// Jobs were put there; an error if some have to stay here.
    fn stored(
        &mut self,
        batch: &[(JobId, JobSpec)],
        stored: Vec<Result<Stored, JobError>>,
    ) -> Result<(), JobError> {
        self.listed = None;
        let mut is_full = Ok(());
        for ((job, spec), stored) in batch.iter().zip(stored) {
            if let Err(error) = self.fed(*job, spec, stored) {
                is_full = Err(error);
            }
        }
        self.commit(What::Write);
        is_full
    }

    /// Tells Redis what has ended in commits that are written.
    fn end(&mut self, lanes: &mut Lanes) -> Result<(), JobError> {
        let written = self.exchange.written();
        let (due, is_all): (Vec<Ended>, bool) = {
            let orders = locked(&self.exchange.orders);
            let due = orders.ends.iter().take_while(|ended| ended.stamp <= written);
            let due: Vec<Ended> = due.take(JOB_FEED_BATCH).cloned().collect();
            let is_all = due.len() == orders.ends.len();
            (due, is_all)
        };
        if due.is_empty() {
            if !is_all {
                self.exchange.await_log(written);
            }
            return Ok(());
        }
        crate::fault::point("job.before_ack");
        let calls = due.into_iter().map(|ended| (ended.job, ended.lease, ended.how));
        self.store.send(self.desk.now(), Call::End(calls.collect()))?;
        lanes.is_ending = true;
        Ok(())
    }

    /// These have ended there.
    fn ended(&self, due: &[(JobId, u64, Ending)], ended: Vec<Result<(), JobError>>) {
        locked(&self.exchange.orders).ends.drain(..due.len());
        let known = due.iter().zip(ended).filter(|(_, ended)| ended.is_ok());
        let jobs: Vec<JobId> = known.map(|((job, ..), _)| *job).collect();
        self.commit(What::Forget(jobs));
    }

    /// Asks for what somebody here would do.
    fn ask(&mut self, lanes: &mut Lanes) -> Result<(), JobError> {
        lanes.wants = std::mem::take(&mut locked(&self.exchange.orders).wants);
        lanes.answered = 0;
        for want in &lanes.wants {
            let call = Call::Take {
                taker: want.taker.clone(),
                queues: want.queues.clone(),
                most: want.most,
            };
            let asked = Instant::now();
            self.store.send(self.desk.now(), call)?;
            lanes.asked.push_back(asked);
        }
        Ok(())
    }

    /// The next of those who were asked for is given these.
    fn taken(&self, lanes: &mut Lanes, taken: Result<Vec<Taken>, JobError>) -> Result<(), JobError> {
        let place = lanes.answered;
        lanes.answered += 1;
        let (Some(asked), taken) = (lanes.asked.pop_front(), taken?) else {
            return Ok(());
        };
        if !taken.is_empty() {
            let want = &lanes.wants[place];
            self.exchange.hold(want, &taken, asked, self.lease);
            locked(&self.exchange.came).push((want.clone(), taken));
            self.desk.ring();
        }
        if lanes.asked.is_empty() {
            self.want_still(&lanes.wants);
            lanes.wants.clear();
        }
        Ok(())
    }

    /// They still would, unless they say otherwise or were given some.
    fn want_still(&self, wants: &[Want]) {
        let mut orders = locked(&self.exchange.orders);
        if orders.wants.is_empty() {
            let came = locked(&self.exchange.came);
            let is_idle = |want: &&Want| came.iter().all(|(other, _)| other.taker != want.taker);
            orders.wants = wants.iter().filter(is_idle).cloned().collect();
        }
    }
}
