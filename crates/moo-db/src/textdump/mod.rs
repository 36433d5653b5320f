//! Textdumps, the exchange format of the LambdaMOO family: versions 0 to 4 are read, version 4 is written.
//!
//! Invariant: a file is read wholly or not at all, and every repair of what it says is a line of the report.

mod read;
mod write;

use moo_model::world::Root;
use moo_model::{Obj, Value};

pub use crate::draft::{WARNINGS_MAX, Warnings};
pub use read::{ReadError, read};
pub use write::{Dump, write, write_file};

/// The newest version of the format that is read.
pub const VERSION_READ_MAX: u32 = 4;

/// What a textdump held.
pub struct Imported {
    /// The world.
    pub root: Root,
    /// The tasks that were to start at some time.
    pub forked: Vec<ForkedTask>,
    /// Who was connected when the dump was written: the player, and the object that listened.
    pub connections: Vec<(Obj, Obj)>,
    /// Counts, and what was repaired.
    pub report: Report,
}

/// What an import has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The version of the file's format.
    pub version: u32,
    /// How many bytes the file has.
    pub bytes: u64,
    /// How many objects exist.
    pub objects: usize,
    /// How many players there are.
    pub players: usize,
    /// How many verbs have a program.
    pub programs: usize,
    /// How many of these programs do not parse; calling such a verb is an error.
    pub programs_unparsable: usize,
    /// How many forked tasks were read.
    pub tasks_forked: usize,
    /// How many suspended tasks were dropped.
    pub tasks_dropped: usize,
    /// What was odd, one line each.
    pub warnings: Warnings,
}

/// A task that waits to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkedTask {
    /// Its number.
    pub id: i64,
    /// When it starts, in seconds since 1970.
    pub start: i64,
    /// The line of the verb on which the body begins.
    pub first_line: i64,
    /// Who runs it.
    pub activation: Activation,
    /// The variables by name; unset ones hold the unset value.
    pub variables: Vec<(String, Value)>,
    /// The text of the body.
    pub body: String,
}

/// Who runs a task, and in which verb.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The value of `this`.
    pub this: Obj,
    /// The value of `player`.
    pub player: Obj,
    /// Whose permissions it runs with.
    pub programmer: Obj,
    /// The object that defines the verb.
    pub definer: Obj,
    /// Whether errors are raised.
    pub debug: bool,
    /// The name by which the verb was called.
    pub verb: String,
    /// All names of the verb.
    pub verb_names: String,
}

#[cfg(test)]
pub(crate) mod tests;
