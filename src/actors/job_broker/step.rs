//! What a commit does to the job store: jobs that a task puts, jobs that are given to an agent, and how jobs have ended.
//!
//! Invariant: a job ends in the commit of its effect. Under the lock of commits its lease is asked about first, and an
//! effect outside of the world, the event of a `Deliver`, is left out where that does not hold.

use super::desk::Desk;
use super::exchange::{Ended, Exchange};
use crate::actors::outlet::{Answer, Message, Reply};
use crate::jobs::redis::Mark;
use crate::jobs::{Ending, JobError, JobStore, Now, Queue, Stored, Taken, row};
use crate::limits::JOB_SWEEP;
use crate::protocol::error::RpcMessageError;
use crate::protocol::host::DaemonToHostReply;
use crate::protocol::job::{Confirm, JobSpec};
use crate::protocol::machine::outbox::{Outbox, Prepared};
use crate::protocol::{HostId, JobId, WireObj};
use moo_model::ledger::Row;
use moo_model::{ErrorCode, Value};
use moo_tasks::attempt::{End, Failure};
use moo_tasks::jobs::JobOrder;
use std::collections::HashMap;
use std::sync::Arc;

/// Why a job comes back whose player is not there any more.
const OFFLINE: &str = "the player's connection was gone when the job was done";

/// Something that a commit does to the job store.
#[derive(Clone, Debug)]
pub struct Step {
    desk: Arc<Desk>,
    what: What,
}

/// What.
#[derive(Clone, Debug)]
pub enum What {
    /// Keeps a job.
    Put {
        /// Under this id.
        job: JobId,
        /// The job.
        spec: Box<JobSpec>,
        /// Whoever waits to hear so.
        reply: Option<Reply>,
    },
    /// Forgets a job, unless somebody has taken it.
    Cancel(JobId),
    /// Gives jobs to an agent.
    Assign {
        /// The agent.
        host: HostId,
        /// The name that it takes them under.
        taker: String,
        /// The way to it.
        reply: Reply,
        /// From these queues.
        queues: Vec<Queue>,
        /// The players whom those are for that go by a name.
        names: HashMap<String, WireObj>,
        /// So many at most.
        most: usize,
    },
    /// Ends a try of an agent's.
    End {
        /// The job.
        job: JobId,
        /// Under this lease.
        lease: u64,
        /// How it ended.
        how: Ending,
        /// The event that is its effect, for the connection of this number.
        event: Option<(u64, Box<Prepared>)>,
        /// Whoever waits to hear so.
        reply: Reply,
    },
    /// Ends a try of the world's own, as its task has ended.
    World {
        /// The job.
        job: JobId,
        /// Under this lease.
        lease: u64,
        /// How it ended; set when the task's slice has.
        how: Option<Ending>,
    },
    /// Gives an agent jobs that a store elsewhere had for it.
    Hand {
        /// The way to it.
        reply: Reply,
        /// The jobs.
        taken: Vec<Taken>,
    },
    /// These jobs of a store elsewhere are ended there, and will not come again.
    Forget(Vec<JobId>),
    /// This was heard last of the store elsewhere.
    Mark(Mark),
    /// The store elsewhere has heard that it is to forget these jobs.
    Cancelled(Vec<JobId>),
    /// Answers a host about something that happened elsewhere.
    Tell {
        /// Its question.
        reply: Reply,
        /// The answer.
        message: Box<Message>,
    },
    /// Writes down what has changed, and nothing else.
    Write,
}

impl Step {
    /// A step.
    pub fn new(desk: &Arc<Desk>, what: What) -> Step {
        Step {
            desk: desk.clone(),
            what,
        }
    }

    /// What a task orders; none where it cannot be stored as it asks, which it was told already.
    pub fn ordered(desk: &Arc<Desk>, order: JobOrder) -> Option<Step> {
        let what = match order {
            JobOrder::Cancel(id) => What::Cancel(JobId(id)),
            JobOrder::Put { id, job } => What::Put {
                job: JobId(id),
                spec: Box::new(desk.spec(job).ok()?),
                reply: None,
            },
        };
        Some(Step::new(desk, what))
    }

    /// The task of a job has ended its slice so.
    pub fn task_ended(&mut self, end: &End) {
        if let What::World { how, .. } = &mut self.what {
            *how = Some(ending(end));
        }
    }

    /// Whether the commit that this is a part of may take effect at all: of a job that is not the world's any more, or done
    /// already, nothing may. One that may stays the world's until it ends.
    pub fn may_take_effect(&self) -> bool {
        match &self.what {
            What::World { job, .. } => self.desk.claim(*job),
            _ => true,
        }
    }

    /// Happens, under the lock of commits; gives the rows that ride along.
    pub fn leave(self, stamp: u64, outbox: &mut Outbox<Answer>) -> Vec<Row> {
        let desk = &self.desk;
        let mut leaving = Leaving {
            desk,
            now: desk.now(),
            stamp,
            outbox,
            rows: Vec::new(),
        };
        match self.what {
            What::Put { job, spec, reply } => leaving.put(job, *spec, reply),
            What::Cancel(job) => match (desk.cancel(leaving.now, job), desk.exchange()) {
                (Ok(true), Some(exchange)) => {
                    exchange.cancel(job, stamp);
                    leaving.rows.push(row::cancelled(job, true));
                }
                (Ok(_), _) => {}
                (Err(error), _) => tracing::info!(%job, %error, "a job was not cancelled"),
            },
            What::Assign {
                host,
                taker,
                reply,
                queues,
                names,
                most,
            } => {
                let taken = desk.store().take(leaving.now, &taker, &queues, most);
                let taken = taken.unwrap_or_default();
                desk.offer_answered(host, taken.len());
                let assigned = taken
                    .into_iter()
                    .map(|taken| addressed(taken, &names).assignment(desk.lease()));
                assigned.for_each(|assign| leaving.answer(reply, Message::Unasked(assign)));
            }
            What::End {
                job,
                lease,
                how,
                event,
                reply,
            } => leaving.end(job, lease, how, event, reply),
            What::World { job, lease, how } => leaving.end_of_world_job(job, lease, how),
            What::Hand { reply, taken } => {
                let assigned = taken.into_iter().map(|taken| taken.assignment(desk.lease()));
                assigned.for_each(|assign| leaving.answer(reply, Message::Unasked(assign)));
            }
            What::Cancelled(jobs) => {
                let rows = jobs.into_iter().map(|job| row::cancelled(job, false));
                leaving.rows.extend(rows);
            }
            What::Mark(mark) => leaving.rows.push(row::mark(&mark)),
            What::Forget(jobs) => leaving.rows.extend(desk.forget(&jobs)),
            What::Tell { reply, message } => leaving.answer(reply, *message),
            What::Write => {}
        }
        let mut rows = leaving.rows;
        desk.at_commit(stamp);
        rows.extend(desk.store().rows());
        rows
    }
}

/// A step on its way through its commit.
struct Leaving<'a> {
    desk: &'a Desk,
    now: Now,
    stamp: u64,
    outbox: &'a mut Outbox<Answer>,
    rows: Vec<Row>,
}

impl Leaving<'_> {
    fn answer(&mut self, reply: Reply, message: Message) {
        let answer = Some((0, Answer::To { reply, message }));
        self.rows
            .extend(self.outbox.number(self.stamp, Vec::new(), answer));
    }

    fn put(&mut self, job: JobId, spec: JobSpec, reply: Option<Reply>) {
        let waits_for_replica = spec.confirm == Confirm::Replicated;
        let stored = self.desk.store().put(self.now, job, spec);
        match (stored, reply) {
            (Err(error), None) => tracing::warn!(%job, %error, "a job could not be kept"),
            (Ok(_), None) => {}
            (Ok(Stored { job, duplicate, .. }), Some(reply)) => match self.desk.exchange() {
                // One that is known and gone from here was confirmed before.
                Some(exchange) if waits_for_replica && self.desk.store().memory().entry(job).is_some() => {
                    exchange.await_replica(job, reply);
                }
                _ => self.answer(
                    reply,
                    Message::Host(DaemonToHostReply::JobStored { job, duplicate }),
                ),
            },
            (Err(error), Some(reply)) => self.answer(reply, Message::Refused(refusal(&error))),
        }
        match self.desk.exchange() {
            Some(exchange) => exchange.wake(),
            None => self.desk.ring(),
        }
    }

    /// Ends a try, here or, once this commit is written, in the store elsewhere.
    fn end_try(&mut self, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        let Some(exchange) = self.desk.exchange() else {
            return self.desk.store().end(self.now, job, lease, how);
        };
        if self.desk.has_seen(job) || !exchange.release(job, lease) {
            return Err(JobError::LateLease);
        }
        self.end_elsewhere(exchange, job, lease, how);
        Ok(())
    }

    /// The same for a try of the world's own.
    fn end_own(&mut self, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        match self.desk.exchange() {
            Some(exchange) => self.end_elsewhere(exchange, job, lease, how),
            None => self.desk.store().end(self.now, job, lease, how)?,
        }
        Ok(())
    }

    /// What happened to a job is kept by this commit, and told to its store once this commit is written.
    fn end_elsewhere(&mut self, exchange: &Exchange, job: JobId, lease: u64, how: Ending) {
        if how == Ending::Done {
            self.rows.push(self.desk.see(job, self.stamp));
        }
        let stamp = self.stamp;
        exchange.end(Ended {
            job,
            lease,
            how,
            stamp,
        });
    }

    fn end(
        &mut self,
        job: JobId,
        lease: u64,
        how: Ending,
        event: Option<(u64, Box<Prepared>)>,
        reply: Reply,
    ) {
        let is_there = |(conn, _): &(u64, Box<Prepared>)| self.outbox.client_of(*conn).is_some();
        let is_lost = event.as_ref().is_some_and(|event| !is_there(event));
        let how = match is_lost {
            // That is nobody's fault: it waits for them with all its tries.
            true => Ending::Park {
                after: JOB_SWEEP,
                why: OFFLINE.to_owned(),
            },
            false => how,
        };
        match self.end_try(job, lease, how) {
            Ok(()) => {
                let events = event.filter(|_| !is_lost).map(|(_, event)| *event);
                let numbered = self.outbox.number(self.stamp, Vec::from_iter(events), None);
                self.rows.extend(numbered);
                self.answer(reply, Message::Host(DaemonToHostReply::Ack));
            }
            Err(error) => self.answer(reply, Message::Refused(refusal(&error))),
        }
        self.desk.ring();
    }

    fn end_of_world_job(&mut self, job: JobId, lease: u64, how: Option<Ending>) {
        let how = how.unwrap_or(Ending::Retry {
            after: None,
            why: "its task has not run".to_owned(),
        });
        // It may have been given to the world again while its task ran: then that is the lease which ends it.
        let lease = match self.desk.exchange() {
            Some(exchange) => exchange.release_own(job),
            None => Some(lease),
        };
        let ended = lease.map_or(Err(JobError::LateLease), |lease| self.end_own(job, lease, how));
        if let Err(error) = ended {
            tracing::warn!(%job, %error, "what the world did of a job has no effect; the job is elsewhere by now");
        }
        self.desk.world_job_ended(job);
    }
}

/// A job for a name is, from here on, for the player who has it here.
pub(super) fn addressed(mut taken: Taken, players: &HashMap<String, WireObj>) -> Taken {
    if let Queue::Named(name) = &taken.queue
        && let Some(player) = players.get(name)
    {
        taken.queue = Queue::User(*player);
    }
    taken
}

/// What the end of a job's task means for the job. One that waits is done: its task is stored by the same commit.
fn ending(end: &End) -> Ending {
    const NOBODY: &str = "no verb of this world does jobs of that kind";
    let why = match end {
        End::Done(value) if *value == Value::err(ErrorCode::VerbNf) => {
            return Ending::Reject(NOBODY.to_owned());
        }
        End::Done(_) | End::Waits(_) => return Ending::Done,
        End::Failed(Failure::NoVerb) => {
            return Ending::Reject("this world has no verb #0:do_job that is given jobs".to_owned());
        }
        End::Failed(Failure::Uncaught { lines, .. }) => lines.first().cloned().unwrap_or_default(),
        End::Failed(Failure::Ticks) => "it ran out of ticks".to_owned(),
        End::Failed(Failure::Seconds) => "it ran out of seconds".to_owned(),
        End::Failed(Failure::Contended) => "others kept changing what it reads".to_owned(),
        End::Failed(Failure::Unreadable(why)) => why.clone(),
        End::Failed(Failure::Killed | Failure::NoCommand) => "its task was ended".to_owned(),
    };
    Ending::Retry { after: None, why }
}

/// A store's error as hosts are told it.
pub fn refusal(error: &JobError) -> RpcMessageError {
    match error {
        JobError::Full => RpcMessageError::QueueFull,
        JobError::Away(_) => RpcMessageError::Busy {
            retry_after_ms: crate::limits::BUSY_RETRY_MS,
        },
        error => RpcMessageError::InvalidRequest(error.to_string()),
    }
}
