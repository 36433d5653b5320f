//! Lines for tasks that wait for them.
//!
//! Invariant: a line that was given to a task is answered, and noted as used, by the commit of the task's next slice; or
//! by one of its own, if the task has ended meanwhile.

use super::{Pending, SchedulerActor};
use crate::actors::errand;
use crate::actors::executor::Assignment;
use crate::actors::kit::gate::Offered;
use crate::actors::outlet::{After, Reply};
use actix::{Context, Handler};
use moo_model::ledger::Row;
use moo_model::{Raised, Value};
use moo_tasks::scheduler::{Event, Waker};

/// A task that waited for input is woken.
pub struct Answer {
    /// The task.
    pub task: i64,
    /// With what.
    pub with: Woken,
}

/// Tasks that waited for input.
pub struct Input(pub Vec<Answer>);

/// What a task is woken with.
#[derive(Debug)]
pub struct Woken {
    /// The value, or an error raised where it waits.
    pub value: Result<Value, Raised>,
    /// Rows that its next commit writes.
    pub rows: Vec<Row>,
    /// The request that its next commit answers.
    pub reply: Option<Reply>,
    /// What else leaves with its next commit.
    pub after: Vec<After>,
}

impl From<Result<Value, Raised>> for Woken {
    fn from(value: Result<Value, Raised>) -> Woken {
        Woken {
            value,
            rows: Vec::new(),
            reply: None,
            after: Vec::new(),
        }
    }
}

impl SchedulerActor {
    /// A task has ended that was given a line, and the line with it: whoever sent it is told that it was taken.
    pub(super) fn settle_unread(&mut self, task: i64, with: Woken) {
        let Woken {
            rows, reply, after, ..
        } = with;
        if rows.is_empty() && reply.is_none() && after.is_empty() {
            return;
        }
        let job = errand::of_rows(&self.parts.outside, rows);
        let (id, lane) = (job.id, job.player.0);
        let assignment = Assignment {
            reply,
            after,
            ..errand::unasked(job)
        };
        let work = Pending::InPlaceOf(task, Box::new(assignment));
        self.on(Event::Submit { id, lane, work });
    }
}

impl Handler<Offered<Input>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, input: Offered<Input>, context: &mut Context<Self>) {
        for Answer { task, with } in input.accept().0 {
            if self.core.reads(task) {
                self.on(Event::Wake {
                    id: task,
                    by: Waker::Input,
                    value: with,
                });
            } else {
                self.settle_unread(task, with);
            }
        }
        self.act(context);
    }
}
