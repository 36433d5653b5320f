//! Which worker does what: the requests of waiting tasks, the workers with their credits, and what follows when one of
//! them goes.
//!
//! Invariants: every order ends once, by an answer, a failure or its task's end; an order is with one worker at a time,
//! and is given to no more than `tries_max`; an answer counts only from the worker and the attempt that it was asked of;
//! no worker is given more than it has credits for.

use crate::limits::{NO_WORKER_AFTER, PONGS_UNLISTED_MAX, WORKER_CREDITS_MAX, WORKER_GRACE};
use crate::protocol::error::WorkerError;
use crate::protocol::{Moment, ReqId, WorkerId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a task asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// What it is known by to workers.
    pub id: ReqId,
    /// The task that waits for it.
    pub task: i64,
    /// The kind of work.
    pub kind: String,
    /// When nobody waits for it any more.
    pub deadline: Moment,
    /// Workers that it may be given to, one after the other.
    pub tries_max: u8,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Give it to this worker.
    Send {
        /// To whom.
        worker: WorkerId,
        /// Which order.
        id: ReqId,
        /// Which attempt this is, from 1.
        attempt: u8,
        /// Milliseconds that are left.
        timeout_ms: u32,
    },
    /// Tell this worker that nobody waits for it.
    Cancel {
        /// Whom.
        worker: WorkerId,
        /// Which order.
        id: ReqId,
    },
    /// The order has failed: its task is to hear so.
    Fail {
        /// The task.
        task: i64,
        /// The order, which is forgotten.
        id: ReqId,
        /// Why.
        error: WorkerError,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// In the queue of its kind.
    Queued,
    /// With a worker.
    Sent {
        worker: WorkerId,
        /// Answers to pings in a row in which the worker did not name it.
        unlisted: u8,
    },
    /// Of an earlier daemon, until a worker names it or this moment.
    Orphaned { until: Moment },
}

#[derive(Debug)]
struct Entry {
    order: Order,
    /// Attempts that were begun, or may have been.
    attempts: u8,
    state: State,
}

#[derive(Debug)]
struct Worker {
    kind: String,
    credits: u32,
    is_suspect: bool,
    has: BTreeSet<ReqId>,
}

/// How a worker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerState {
    /// Which.
    pub id: WorkerId,
    /// What it does.
    pub kind: String,
    /// Whether it has missed pings.
    pub is_suspect: bool,
    /// Orders that it has.
    pub in_flight: usize,
    /// Orders that it may still be given.
    pub credits: u32,
}

/// All orders and workers.
#[derive(Debug)]
pub struct Dispatch {
    orders: BTreeMap<ReqId, Entry>,
    by_task: BTreeMap<i64, ReqId>,
    /// Those that wait for a worker, by kind; no empty ones.
    queues: BTreeMap<String, VecDeque<ReqId>>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Since when a kind that had workers has none.
    absent: BTreeMap<String, Moment>,
    /// Since when all other kinds have none.
    born: Moment,
}

impl Dispatch {
    /// Without orders and workers, from now on.
    pub fn new(now: Moment) -> Dispatch {
        Dispatch {
            orders: BTreeMap::new(),
            by_task: BTreeMap::new(),
            queues: BTreeMap::new(),
            workers: BTreeMap::new(),
            absent: BTreeMap::new(),
            born: now,
        }
    }

    /// How many orders wait for a worker, and how many are with one.
    pub fn counts(&self) -> (usize, usize) {
        let queued = self.queues.values().map(VecDeque::len).sum();
        let sent = self.workers.values().map(|worker| worker.has.len()).sum();
        (queued, sent)
    }

    /// All workers.
    pub fn workers(&self) -> Vec<WorkerState> {
        let workers = self.workers.iter();
        workers
            .map(|(&id, worker)| WorkerState {
                id,
                kind: worker.kind.clone(),
                is_suspect: worker.is_suspect,
                in_flight: worker.has.len(),
                credits: worker.credits,
            })
            .collect()
    }

    /// A task asks for something. One that is known already is not asked again.
    pub fn order(&mut self, now: Moment, order: Order, out: &mut Vec<Output>) {
        if self.orders.contains_key(&order.id) {
            return;
        }
        let kind = order.kind.clone();
        self.insert(order, 0, State::Queued);
        self.give_out(now, &kind, out);
        self.despair(now, out);
    }

    /// A task has waited since before this daemon, or before the last mistake of ours. Some worker may have it.
    pub fn restore(&mut self, now: Moment, order: Order) {
        let until = now.plus(WORKER_GRACE);
        if !self.orders.contains_key(&order.id) {
            self.insert(order, 1, State::Orphaned { until });
        }
    }

    fn insert(&mut self, order: Order, attempts: u8, state: State) {
        let (id, task) = (order.id, order.task);
        if state == State::Queued {
            self.queues.entry(order.kind.clone()).or_default().push_back(id);
        }
        self.by_task.insert(task, id);
        self.orders.insert(
            id,
            Entry {
                order,
                attempts,
                state,
            },
        );
    }

    /// A worker is there, or is there again; it has, or has answered, what it names. What else it had is lost.
    pub fn attach(
        &mut self,
        now: Moment,
        (worker, kind): (WorkerId, &str),
        known: &[(ReqId, u8)],
        out: &mut Vec<Output>,
    ) {
        let before = self.workers.remove(&worker).map(|known| known.has);
        let entry = Worker {
            kind: kind.to_owned(),
            credits: 0,
            is_suspect: false,
            has: BTreeSet::new(),
        };
        self.workers.insert(worker, entry);
        self.absent.remove(kind);
        for &(id, attempt) in known {
            if !self.adopt(worker, id, attempt) {
                out.push(Output::Cancel { worker, id });
            }
        }
        let has = &self.workers[&worker].has;
        let lost: Vec<_> = before
            .into_iter()
            .flatten()
            .filter(|id| !has.contains(id))
            .collect();
        for id in lost {
            self.lose(now, id, out);
        }
    }

    /// Whether what a worker says that it has is an order that it may have.
    fn adopt(&mut self, worker: WorkerId, id: ReqId, attempt: u8) -> bool {
        let Some(entry) = self.orders.get_mut(&id) else {
            return false;
        };
        let is_its_own = match entry.state {
            // An attempt that cannot have been would let what is done at most once be done again.
            State::Orphaned { .. } => {
                entry.order.kind == self.workers[&worker].kind
                    && (1..=entry.order.tries_max).contains(&attempt)
            }
            State::Sent { worker: by, .. } => by == worker && entry.attempts == attempt,
            State::Queued => false,
        };
        if is_its_own {
            entry.attempts = attempt;
            entry.state = State::Sent { worker, unlisted: 0 };
            self.workers.get_mut(&worker).map(|worker| worker.has.insert(id));
        }
        is_its_own
    }

    /// A worker may be given so many more, up to [`WORKER_CREDITS_MAX`] at once with what it has; at 0 it takes back what it
    /// has said before.
    pub fn ready(&mut self, now: Moment, worker: WorkerId, credits: u16, out: &mut Vec<Output>) {
        let Some(known) = self.workers.get_mut(&worker) else {
            return;
        };
        known.credits = match credits {
            0 => 0,
            more => known.credits.saturating_add(u32::from(more)),
        };
        let has = u32::try_from(known.has.len()).unwrap_or(u32::MAX);
        known.credits = known.credits.min(WORKER_CREDITS_MAX.saturating_sub(has));
        let kind = known.kind.clone();
        self.give_out(now, &kind, out);
    }

    /// A worker has answered a ping and named what it has. What it does not name again and again has never reached it.
    pub fn pong(&mut self, now: Moment, worker: WorkerId, named: &[ReqId], out: &mut Vec<Output>) {
        let Some(known) = self.workers.get_mut(&worker) else {
            return;
        };
        known.is_suspect = false;
        let (kind, has) = (known.kind.clone(), known.has.clone());
        for id in has {
            if let Some(Entry {
                state: State::Sent { unlisted, .. },
                ..
            }) = self.orders.get_mut(&id)
            {
                *unlisted = if named.contains(&id) { 0 } else { *unlisted + 1 };
                if *unlisted >= PONGS_UNLISTED_MAX {
                    self.lose(now, id, out);
                    self.take_back(worker);
                }
            }
        }
        self.give_out(now, &kind, out);
    }

    /// A worker misses pings: it is given nothing more until it answers.
    pub fn suspect(&mut self, worker: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.is_suspect = true;
        }
    }

    /// A worker is gone, and nobody knows what became of what it had.
    pub fn gone(&mut self, now: Moment, worker: WorkerId, out: &mut Vec<Output>) {
        let Some(gone) = self.workers.remove(&worker) else {
            return;
        };
        if !self.workers.values().any(|other| other.kind == gone.kind) {
            self.absent.insert(gone.kind.clone(), now);
        }
        for id in gone.has {
            self.lose(now, id, out);
        }
        self.give_out(now, &gone.kind, out);
    }

    /// A worker has answered. Gives the task that waits for that; none if the answer counts for nothing.
    pub fn answered(&mut self, worker: WorkerId, id: ReqId, attempt: u8) -> Option<i64> {
        let entry = self.orders.get(&id)?;
        let State::Sent { worker: by, .. } = entry.state else {
            return None;
        };
        if by != worker || entry.attempts != attempt {
            return None;
        }
        self.forget(id).map(|order| order.task)
    }

    /// An order could not be sent to the worker that it was given to. Gives the task that waits for it.
    pub fn unsent(&mut self, worker: WorkerId, id: ReqId, attempt: u8) -> Option<i64> {
        let task = self.answered(worker, id, attempt)?;
        self.take_back(worker);
        Some(task)
    }

    /// A worker was not reached by what it was given, so it has as much room as before.
    fn take_back(&mut self, worker: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.credits += 1;
        }
    }

    /// Whether an order is known.
    pub fn knows(&self, id: ReqId) -> bool {
        self.orders.contains_key(&id)
    }

    /// A task is no more: nobody waits for what it asked. Gives what that was.
    pub fn cancel(&mut self, task: i64, out: &mut Vec<Output>) -> Option<ReqId> {
        let id = *self.by_task.get(&task)?;
        self.withdraw(id, out);
        Some(id)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<Output>) {
        let over: Vec<ReqId> = self
            .orders
            .iter()
            .filter(|(_, entry)| entry.order.deadline <= now)
            .map(|(&id, _)| id)
            .collect();
        for id in over {
            let words = match self.orders[&id].state {
                State::Queued => "no worker was free in time",
                State::Sent { .. } | State::Orphaned { .. } => "no worker has answered in time",
            };
            self.fail(id, WorkerError::RequestTimedOut(words.to_owned()), out);
        }
        let is_over = |state: &State| matches!(state, State::Orphaned { until } if *until <= now);
        let orphans: Vec<ReqId> = self
            .orders
            .iter()
            .filter(|(_, entry)| is_over(&entry.state))
            .map(|(&id, _)| id)
            .collect();
        for id in orphans {
            self.lose(now, id, out);
        }
        let kinds: Vec<String> = self.queues.keys().cloned().collect();
        kinds.iter().for_each(|kind| self.give_out(now, kind, out));
        self.despair(now, out);
    }

    /// Whoever had the order is gone: it is given to another one, if it may be.
    fn lose(&mut self, now: Moment, id: ReqId, out: &mut Vec<Output>) {
        let Some(entry) = self.orders.get_mut(&id) else {
            return;
        };
        if let State::Sent { worker, .. } = entry.state
            && let Some(worker) = self.workers.get_mut(&worker)
        {
            worker.has.remove(&id);
        }
        if entry.attempts < entry.order.tries_max && now < entry.order.deadline {
            entry.state = State::Queued;
            // It has waited long enough.
            self.queues
                .entry(entry.order.kind.clone())
                .or_default()
                .push_front(id);
        } else {
            let words = "it went away with the request, and nobody knows how far it came";
            self.fail(id, WorkerError::WorkerDetached(words.to_owned()), out);
        }
    }

    fn fail(&mut self, id: ReqId, error: WorkerError, out: &mut Vec<Output>) {
        if let Some(order) = self.withdraw(id, out) {
            let task = order.task;
            out.push(Output::Fail { task, id, error });
        }
    }

    /// Forgets an order, and tells whoever has it.
    fn withdraw(&mut self, id: ReqId, out: &mut Vec<Output>) -> Option<Order> {
        if let State::Sent { worker, .. } = self.orders.get(&id)?.state
            && self.workers.contains_key(&worker)
        {
            out.push(Output::Cancel { worker, id });
        }
        self.forget(id)
    }

    fn forget(&mut self, id: ReqId) -> Option<Order> {
        let Entry { order, state, .. } = self.orders.remove(&id)?;
        self.by_task.remove(&order.task);
        match state {
            State::Queued => self.unqueue(&order.kind, id),
            State::Sent { worker, .. } => {
                self.workers.get_mut(&worker).map(|worker| worker.has.remove(&id));
            }
            State::Orphaned { .. } => {}
        }
        Some(order)
    }

    fn unqueue(&mut self, kind: &str, id: ReqId) {
        if let Some(queue) = self.queues.get_mut(kind) {
            queue.retain(|queued| *queued != id);
            if queue.is_empty() {
                self.queues.remove(kind);
            }
        }
    }

    /// Gives what waits to the workers of its kind that have the most room.
    fn give_out(&mut self, now: Moment, kind: &str, out: &mut Vec<Output>) {
        while let Some(&id) = self.queues.get(kind).and_then(VecDeque::front) {
            let fit = self
                .workers
                .iter_mut()
                .filter(|(_, worker)| worker.kind == kind && worker.credits > 0 && !worker.is_suspect);
            let Some((&to, worker)) = fit.max_by_key(|(_, worker)| worker.credits) else {
                return;
            };
            worker.credits -= 1;
            worker.has.insert(id);
            self.unqueue(kind, id);
            let Some(entry) = self.orders.get_mut(&id) else {
                continue;
            };
            entry.attempts += 1;
            entry.state = State::Sent {
                worker: to,
                unlisted: 0,
            };
            let left = entry.order.deadline.since(now).as_millis();
            out.push(Output::Send {
                worker: to,
                id,
                attempt: entry.attempts,
                timeout_ms: u32::try_from(left).unwrap_or(u32::MAX),
            });
        }
    }

    /// What waits for a kind of worker that has not been there for long is not waited for any more.
    fn despair(&mut self, now: Moment, out: &mut Vec<Output>) {
        let is_hopeless = |kind: &str| {
            let has_none = !self.workers.values().any(|worker| worker.kind == kind);
            let since = self.absent.get(kind).copied().unwrap_or(self.born);
            has_none && now.since(since) >= NO_WORKER_AFTER
        };
        let hopeless = self.queues.iter().filter(|(kind, _)| is_hopeless(kind));
        let ids: Vec<ReqId> = hopeless.flat_map(|(_, queue)| queue.iter().copied()).collect();
        for id in ids {
            let kind = self.orders[&id].order.kind.clone();
            self.fail(id, WorkerError::NoWorkerAvailable(kind), out);
        }
    }
}

#[cfg(test)]
mod tests;
