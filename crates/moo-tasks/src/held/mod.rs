//! What a task does to the outside, held back until its transaction commits; the host that machines run on is in `view`, and what it answers in `host`.
//!
//! Invariant: nothing here leaves before the commit, and nothing of it is left after a conflict; the task itself sees
//! what it holds.

mod host;
mod jobs;
mod view;

use std::sync::Arc;

use moo_model::{Obj, Value};
use moo_vm::host::{Close, Output, Presentation, Rich};

use crate::board::Waiting;
use crate::connections::{ConnId, Connection};
use crate::input_queue::Line;
use crate::jobs::JobOrder;

pub use view::HeldHost;

/// One thing that a connection is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// A line, as the connection was when it was written.
    Line {
        /// The line.
        output: Output,
        /// Whether it is a binary string.
        is_binary: bool,
    },
    /// Something richer, of a type that its client takes.
    Rich(Rich),
}

impl Shown {
    /// A line of plain text.
    pub fn line(text: impl Into<String>) -> Shown {
        Shown::Line {
            output: Output {
                text: Value::string(text.into()),
                no_flush: false,
                no_newline: false,
            },
            is_binary: false,
        }
    }

    /// How many bytes it is, with its line end.
    fn size(&self) -> usize {
        match self {
            Shown::Line { output, .. } => output.text.as_str().map_or(0, str::len) + 2,
            Shown::Rich(rich) => rich.content.len(),
        }
    }
}

/// What one commit told one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The connection.
    pub conn: ConnId,
    /// Its player or number.
    pub object: Obj,
    /// Lines and richer things, in order.
    pub lines: Vec<Shown>,
}

/// Something that happens outside once the task has committed.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Close a connection.
    Close(ConnId, Close),
    /// Hand a connection over.
    SwitchPlayer {
        /// Which.
        conn: ConnId,
        /// To whom.
        player: Obj,
        /// Without words or hooks.
        silent: bool,
    },
    /// A player's connection, tokens and past end: its object will be somebody else's.
    EndSessions(Obj),
    /// Queue a line.
    ForceInput {
        /// For which connection.
        conn: ConnId,
        /// The line.
        line: String,
        /// Before all others.
        at_front: bool,
        /// The number under which the commit stores it.
        number: i64,
    },
    /// A held line was given to the task, and its sender waits to hear so.
    Took {
        /// Of which connection.
        conn: ConnId,
        /// The line's number at its sender.
        ticket: u64,
    },
    /// Drop what waits.
    FlushInput {
        /// For which connection.
        conn: ConnId,
        /// Tell what was dropped.
        show: bool,
    },
    /// Set a connection's option.
    SetOption {
        /// Which connection's.
        conn: ConnId,
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Show a client something, or no more.
    Present {
        /// Which connection's.
        conn: ConnId,
        /// Under this id.
        id: String,
        /// What; nothing any more if none.
        shown: Option<Presentation>,
    },
    /// Open a port.
    Listen {
        /// Whose verbs greet clients.
        handler: Obj,
        /// The port.
        port: i64,
        /// Whether the server's own lines are printed.
        prints_messages: bool,
    },
    /// Close a port.
    Unlisten(i64),
    /// Wake a task with a value.
    Resume(i64, Value),
    /// End a task.
    Kill(i64),
    /// Write to the server's log.
    Log {
        /// The line.
        text: String,
        /// Whether it reports an error.
        is_error: bool,
    },
    /// End the server, with these words.
    Shutdown(String),
    /// Dump the database.
    Dump,
    /// Collect anonymous objects that nothing refers to.
    Collect,
    /// Read `$server_options` again.
    LoadOptions,
}

/// What an attempt has to say outside of the world, with its commit.
#[derive(Debug, Default)]
pub struct Says {
    /// To connections.
    pub told: Vec<Told>,
    /// To the job store, in order.
    pub jobs: Vec<JobOrder>,
    /// Players whose tokens die, and whose pasts are forgotten.
    pub ended: Vec<Obj>,
}

/// Everything that one attempt holds back.
#[derive(Debug, Default)]
pub struct Held {
    /// Output by connection, in the order in which each was first told something.
    pub told: Vec<Told>,
    /// Everything else, in order.
    pub effects: Vec<Effect>,
    /// Forked tasks.
    pub forks: Vec<Waiting>,
    /// What the task wants of the job store, in order.
    pub jobs: Vec<JobOrder>,
    /// Held lines that the task took; put back if it does not take effect.
    taken: Vec<(Arc<Connection>, Line)>,
}

impl Held {
    /// Undoes what could not wait for the commit.
    pub fn undo(self) {
        for (connection, line) in self.taken.into_iter().rev() {
            connection.input().put_back(line);
        }
    }

    /// Adds a line of the server's own for a connection.
    pub fn tell(&mut self, connection: &Connection, text: &str) {
        self.push(connection, Shown::line(text));
    }

    fn push(&mut self, connection: &Connection, line: Shown) {
        match self.told.iter_mut().find(|told| told.conn == connection.id) {
            Some(told) => told.lines.push(line),
            None => self.told.push(Told {
                conn: connection.id,
                object: connection.object(),
                lines: vec![line],
            }),
        }
    }

    /// The held lines that the task took, and whose they were.
    pub(crate) fn taken(&self) -> &[(Arc<Connection>, Line)] {
        &self.taken
    }

    /// Takes out what leaves with the commit itself.
    pub(crate) fn says(&mut self) -> Says {
        let ended = self.effects.iter().filter_map(|effect| match effect {
            Effect::EndSessions(player) => Some(*player),
            _ => None,
        });
        Says {
            ended: ended.collect(),
            told: std::mem::take(&mut self.told),
            jobs: std::mem::take(&mut self.jobs),
        }
    }

    fn is_closing(&self, conn: ConnId) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Close(closing, _) if *closing == conn))
    }

    fn is_killing(&self, id: i64) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Kill(killed) if *killed == id))
    }
}
