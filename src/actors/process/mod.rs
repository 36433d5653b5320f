//! The program `moothall`: it starts the daemon and the hosts as processes, watches them, and ends with them.
//!
//! ```text
//! kit::Supervisor
//! +- RootActor        who runs, who is ready, what follows from an end; its panic ends the program
//! +- ControlActor     run/control.sock: children and operators
//! +- ChildActor       one for each row of the table in `spec`: one life of one process
//! ```
//! Start: daemon, and the hosts once it is ready. Stop: the hosts, then the daemon, whose world is flushed last.
//! Invariant: no world, no virtual machine and no ZeroMQ here; what children do is their own business.

pub mod child;
pub mod control;
pub mod operator;
mod predecessors;
mod root;
mod run;
pub mod spec;
mod watchdog;

pub use run::{RunError, RunOptions, run};

#[cfg(test)]
mod tests;
