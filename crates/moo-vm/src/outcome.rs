//! How a run of a task ends.

use moo_model::{Obj, Raised, Value};

use crate::work::WorkOrder;

/// What wakes a suspended task.
#[derive(Clone, Debug, PartialEq)]
pub enum Wake {
    /// This many seconds, or `resume()`.
    After(f64),
    /// `resume()` only.
    Never,
    /// A line from this connection.
    Input(Obj),
    /// What a worker gives for this.
    Work(Box<WorkOrder>),
}

/// Why the server ended a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It used its ticks.
    Ticks,
    /// It used its seconds, or more memory than it may.
    Seconds,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// The outermost frame returned.
    Done(Value),
    /// It waits. Its machine holds all that it needs to go on.
    Suspended(Wake),
    /// An error reached the outermost frame.
    Uncaught {
        /// The error.
        raised: Raised,
        /// `{this, verb, programmer, definer, player, line}` for each frame, innermost first.
        traceback: Value,
        /// The same as lines of text.
        lines: Vec<String>,
    },
    /// It went past a limit.
    Aborted {
        /// Which.
        limit: Limit,
        /// As for an uncaught error.
        traceback: Value,
        /// As for an uncaught error.
        lines: Vec<String>,
    },
    /// It was killed, by itself or another task.
    Killed,
}
