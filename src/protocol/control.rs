//! The conversation on `run/control.sock`, between `moothall` and its children, and between it and `moothallctl`.
//!
//! Whoever connects speaks first: a child with `Hello`, an operator with `Status`. Both ends are of one build.

use bincode::{Decode, Encode};
use serde::Serialize;

/// What is said to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ToSupervisor {
    /// A child names itself; the kernel says which process it is.
    Hello {
        /// The name in the supervisor's table: `daemon`, `telnet`.
        name: String,
    },
    /// The child's main arbiter runs. Sent once a second.
    Beat,
    /// The child is still starting, and this is what it does: more time is given.
    Progress(String),
    /// The child serves.
    Ready(ChildReady),
    /// The child, a host, wants a token to say Hello to the daemon with.
    WantToken,
    /// The daemon's answer to `MintHostToken`.
    Minted {
        /// The request's own number.
        request: u64,
        /// The token, or why there is none.
        token: Result<String, String>,
    },
    /// An operator asks how all is.
    Status,
}

/// Where a child serves, and what people should know about that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ChildReady {
    /// What is bound, by service: `("telnet", "127.0.0.1:7777")`. Ports are the real ones.
    pub addresses: Vec<(String, String)>,
    /// Lines for whoever started the server, such as how to log in.
    pub notes: Vec<String>,
}

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum FromSupervisor {
    /// To the daemon: make a token for a host.
    MintHostToken {
        /// Comes back in `Minted`.
        request: u64,
        /// The host's name in the supervisor's table.
        host: String,
    },
    /// To a host: the token it asked for.
    HostToken(String),
    /// To a child: finish and end with code 0.
    Stop {
        /// To the daemon: another one follows at once, so clients are told nothing and keep their connections.
        keep_clients: bool,
    },
    /// To the daemon: the process of this host has ended, and its clients' sockets with it.
    HostEnded {
        /// The host's name in the supervisor's table.
        host: String,
    },
    /// To an operator.
    Status(SupervisorStatus),
}

/// How the processes are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct SupervisorStatus {
    /// The supervisor's own process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Its children, in the order of their start.
    pub children: Vec<ChildStatus>,
}

/// How one child is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct ChildStatus {
    /// Its name in the supervisor's table.
    pub name: String,
    /// Its process, if there is one now.
    pub pid: Option<u32>,
    /// What it does.
    pub state: ChildPhase,
    /// How often it was started again.
    pub restarts: u64,
    /// Where it serves.
    pub addresses: Vec<(String, String)>,
}

/// The phases of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChildPhase {
    /// Its process runs and is not ready.
    Starting,
    /// It serves.
    Ready,
    /// It ended and will be started again.
    Waiting,
    /// It ended too often; it is tried again now and then.
    Failed,
    /// It ended and will not be started again.
    Stopped,
}
