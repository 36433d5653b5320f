//! Lines, and what becomes of them.

use moo_model::Obj;

/// A line as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without its end.
    pub text: String,
    /// The number by which its sender asks what became of it; 0 for a line that nobody waits to hear of.
    pub ticket: u64,
    /// The number under which it is stored until it is used.
    pub stored: Option<i64>,
}

/// A verb whose program is being typed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Programming {
    /// The object.
    pub obj: Obj,
    /// The verb's identity on it.
    pub verb: u32,
    /// The lines so far.
    pub lines: Vec<String>,
    /// The numbers under which they are stored.
    pub stored: Vec<i64>,
}

/// A line that starts nothing. What it changed must be stored before it is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Absorbed {
    /// The line's number at its sender; 0 for none.
    pub ticket: u64,
    /// The number under which it was stored.
    pub stored: Option<i64>,
    /// It belongs to the program that is being typed in, and is stored under this number from now on.
    pub program: Option<(i64, String)>,
}

/// A line that is held, and that its sender does not wait for any more once it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The line's number at its sender.
    pub ticket: u64,
    /// The number under which it is to be stored.
    pub number: i64,
    /// The text.
    pub text: String,
}

/// What is to be done next for a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `do_login_command` with this line.
    Login(Line),
    /// A command of the player's.
    Command {
        /// The line.
        line: Line,
        /// Whether `.program` may be answered by the server.
        may_program: bool,
    },
    /// `do_out_of_band_command` with this line.
    OutOfBand(Line),
    /// The line answers the task that reads.
    Read {
        /// The task.
        task: i64,
        /// The line.
        line: Line,
    },
    /// A program is complete.
    Program {
        /// The verb and its lines.
        program: Programming,
        /// The line that ended it.
        line: Line,
    },
    /// These lines were taken in and start nothing. Nothing else is taken up until [`is_stored`](super::InputQueue::is_stored).
    Absorbed(Vec<Absorbed>),
}

/// What became of a line on its arrival.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It waits for its turn.
    Queued,
    /// It was the flush command: these lines are dropped, and `report` is to be shown.
    Flushed {
        /// What to print.
        report: Vec<String>,
        /// The dropped lines.
        dropped: Vec<Line>,
    },
}
