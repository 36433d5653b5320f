//! What each fuzz target does with its bytes: one function each, which the fuzzer calls on nightly, and `tests/corpora.rs`
//! on every corpus in the gate.
//!
//! Invariant: a function panics where, and only where, the program is at fault; any bytes at all are allowed.

mod language;
mod machine;
mod readers;
mod wire;

pub use language::{parser, pattern, round_trip};
pub use machine::{machine, verified};
pub use readers::{objdef, rows, tasks, textdump, values};
pub use wire::{frames, telnet};

/// A target.
pub struct Target {
    /// Its name, and that of its program and its corpus.
    pub name: &'static str,
    /// What it does with its bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 12] = [
    Target {
        name: "parser",
        run: parser,
    },
    Target {
        name: "round_trip",
        run: round_trip,
    },
    Target {
        name: "machine",
        run: machine,
    },
    Target {
        name: "verified",
        run: verified,
    },
    Target {
        name: "pattern",
        run: pattern,
    },
    Target {
        name: "values",
        run: values,
    },
    Target {
        name: "rows",
        run: rows,
    },
    Target {
        name: "tasks",
        run: tasks,
    },
    Target {
        name: "textdump",
        run: textdump,
    },
    Target {
        name: "objdef",
        run: objdef,
    },
    Target {
        name: "frames",
        run: frames,
    },
    Target {
        name: "telnet",
        run: telnet,
    },
];
