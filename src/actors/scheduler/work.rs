//! What workers give to tasks that wait for it.
//!
//! Invariant: an answer wakes the task that waits for that very order, once. One that comes before the report of the slice
//! that made its task wait is kept until that is taken in; one that comes too late is settled without the task.

use super::{SchedulerActor, Woken};
use crate::actors::kit::gate::Offered;
use crate::actors::worker::{Reclaimed, Withdrawn};
use actix::{Context, Handler};
use moo_tasks::board::Waiting;
use moo_tasks::scheduler::{Event, Waker};
use std::sync::Arc;

/// What came of a task's order.
#[derive(Debug)]
pub struct WorkedTask {
    /// The task.
    pub task: i64,
    /// The order.
    pub id: [u8; 16],
    /// What it is woken with.
    pub with: Woken,
}

/// What came of orders.
pub struct Worked(pub Vec<WorkedTask>);

impl SchedulerActor {
    fn worked(&mut self, worked: WorkedTask) {
        let waiting = self.parts.outside.board.find(worked.task);
        let order = waiting.as_ref().and_then(|waiting| waiting.order());
        if order.is_some_and(|order| order.id == worked.id) {
            self.on(Event::Wake {
                id: worked.task,
                by: Waker::Work,
                value: worked.with,
            });
        } else if self.core.runs(worked.task) {
            let older = self.early.insert(worked.task, worked);
            older
                .into_iter()
                .for_each(|older| self.settle_unread(older.task, older.with));
        } else {
            self.settle_unread(worked.task, worked.with);
        }
    }

    /// A task has ended its slice: what came for it before goes where it belongs.
    pub(super) fn settle_early(&mut self, task: i64) {
        if let Some(early) = self.early.remove(&task) {
            self.worked(early);
        }
    }

    /// A task has waited for a worker since before this daemon: perhaps one has what it asked for.
    pub(super) fn reclaim(&self, waiting: Arc<Waiting>) {
        let workers = self.parts.workers.get();
        if workers.is_none_or(|workers| workers.offer(Reclaimed(waiting)).is_err()) {
            tracing::error!(
                "the workers' end takes no orders; a task waits until the daemon is started again"
            );
        }
    }

    /// A task is no more that may have waited for a worker: nobody needs to do that work.
    pub(super) fn withdraw(&self, task: i64) {
        let waiting = self.parts.outside.board.find(task);
        if waiting.is_some_and(|waiting| waiting.order().is_some())
            && let Some(workers) = self.parts.workers.get()
            && workers.offer(Withdrawn(task)).is_err()
        {
            tracing::warn!(
                task,
                "a request that nobody waits for any more goes on until its time is over"
            );
        }
    }
}

impl Handler<Offered<Worked>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, worked: Offered<Worked>, context: &mut Context<Self>) {
        for task in worked.accept().0 {
            self.worked(task);
        }
        self.act(context);
    }
}
