//! Jobs that the server gives itself: verbs that it calls, and rows that it writes.

use super::executor::Assignment;
use moo_model::ledger::Row;
use moo_model::{Obj, Value};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::outside::Outside;
use std::sync::Arc;

/// A job for a verb that the server calls by itself.
pub fn hook(outside: &Outside, on: Obj, verb: &'static str, player: Obj, args: Vec<Value>) -> Job {
    Job {
        player,
        work: Work::Hook { on, verb, args },
        ..of_rows(outside, Vec::new())
    }
}

/// A job that writes rows and does nothing else.
pub fn of_rows(outside: &Outside, rows: Vec<Row>) -> Job {
    Job {
        id: outside.ids.next(),
        player: Obj::NOTHING,
        conn: None,
        work: Work::Rows,
        stored: false,
        rows,
        conns: Vec::new(),
        kill: Arc::default(),
    }
}

/// A job that nobody waits for.
pub fn unasked(job: Job) -> Assignment {
    Assignment {
        job,
        reply: None,
        after: Vec::new(),
    }
}
