//! The program `moothall`: it starts the daemon, the hosts and the workers as processes, watches them, and ends with them.
//!
//! ```text
//! kit::Supervisor
//! +- RootActor        who runs, who is ready, what follows from an end; its panic ends the program
//! +- ControlActor     run/control.sock: children and operators
//! +- ChildActor       one for each row of the table in `spec`: one process after the other
//! ```
//! One for one: the end of a child ends no other. A host or worker that ends too often is left for a while and then tried again;
//! a daemon that does ends the program. If the supervisor itself dies, its children serve on, and the next one adopts
//! them. Start: daemon, and the others once it is ready. Stop: the others, then the daemon, whose world is flushed last.
//! Invariant: no world, no virtual machine and no ZeroMQ here; what children do is their own business.

pub mod child;
mod children;
pub mod control;
mod notify;
pub mod operator;
mod predecessors;
mod root;
mod run;
mod running;
pub mod spec;
pub mod warrants;
mod watchdog;
mod work;

pub use run::{RunError, RunOptions, run};

#[cfg(test)]
mod tests;
