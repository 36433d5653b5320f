//! What the root is told, by children's actors, by the control socket and by the system.

use crate::protocol::control::{FromSupervisor, Operation, SupervisorStatus, ToSupervisor};
use tokio::sync::{mpsc, oneshot};

/// Something that happened to a process, told by its actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEvent {
    /// A process was started, or adopted.
    Started(u32),
    /// It ended, or could not be started.
    Ended {
        /// In words.
        how: String,
        /// The exit code, if it would end so again.
        last: Option<u8>,
        /// Whether it was told to.
        ordered: bool,
    },
    /// It ended too often, and its actor with it.
    GivenUp,
}

/// An event and whose it is.
pub struct FromChild {
    /// The name in the table.
    pub name: &'static str,
    /// What happened.
    pub event: ChildEvent,
}

/// A process has connected to the control socket.
pub struct Attach {
    /// The name it gives itself.
    pub name: String,
    /// What the kernel calls it.
    pub pid: u32,
    /// The way to it.
    pub peer: mpsc::Sender<FromSupervisor>,
}

/// An attached process said something.
pub struct Said {
    /// As in `Attach`.
    pub name: String,
    /// As in `Attach`.
    pub pid: u32,
    /// What it said.
    pub message: ToSupervisor,
}

/// An attached process has hung up.
pub struct Detach {
    /// As in `Attach`.
    pub name: String,
    /// As in `Attach`.
    pub pid: u32,
}

/// Asks for the state of all.
pub struct StatusFor(pub oneshot::Sender<SupervisorStatus>);

/// An operator wants something done, and hears how it goes until it is over.
pub struct Operate {
    /// What.
    pub operation: Operation,
    /// Where the steps go, and the last word.
    pub to: mpsc::Sender<FromSupervisor>,
}

/// The operator, or the system, wants the server to end. A second time it ends at once.
pub struct EndAll;
