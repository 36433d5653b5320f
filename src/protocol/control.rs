//! The conversation on `run/control.sock`, between `moothall` and its children, and between it and `moothallctl`.
//!
//! Whoever connects speaks first: a child with `Hello`, an operator with `Status` or an operation, which is answered by
//! any number of `Step`s and then `Done` or `Refused`. Both ends are of one build.

use bincode::{Decode, Encode};
use serde::Serialize;

/// What the names of workers in the supervisor's table begin with; a number from 1 follows.
pub const WORKER_NAME: &str = "worker-";

/// What is said to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ToSupervisor {
    /// A child names itself; the kernel says which process it is.
    Hello {
        /// The name in the supervisor's table: `daemon`, `telnet`, `worker-1`.
        name: String,
    },
    /// The child's main arbiter runs. Sent once a second.
    Beat,
    /// The child is still starting, and this is what it does: more time is given.
    Progress(String),
    /// The child serves.
    Ready(ChildReady),
    /// The child, a host or a worker, wants a token to say Hello to the daemon with.
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
    /// An operator wants something done.
    Operate(Operation),
}

/// What an operator wants done. One is carried out at a time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Operation {
    /// End a child in order, and leave it ended until it is restarted. A daemon's clients keep their connections.
    Drain {
        /// Its name in the supervisor's table.
        child: String,
    },
    /// End and start again. A daemon's clients keep their connections, a host's do not.
    Restart {
        /// Its name in the supervisor's table, or `all`.
        child: String,
        /// One child after the other, each once the last one is ready.
        rolling: bool,
    },
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
    /// To the daemon: make a token for a host or a worker.
    MintHostToken {
        /// Comes back in `Minted`.
        request: u64,
        /// Its name in the supervisor's table.
        host: String,
    },
    /// To a child: it is known to be the process it says it is.
    Known,
    /// To a host or a worker: the token it asked for.
    HostToken(String),
    /// To a child: finish and end with code 0.
    Stop {
        /// To the daemon: another one follows at once, so clients are told nothing and keep their connections.
        keep_clients: bool,
    },
    /// To the daemon: the process of this host or worker has ended, and its sockets with it.
    HostEnded {
        /// Its name in the supervisor's table.
        host: String,
    },
    /// To an operator.
    Status(SupervisorStatus),
    /// To an operator: how far an operation is.
    Step(String),
    /// To an operator: the operation is over, as it was meant.
    Done,
    /// To an operator: it was not begun or did not end well, and why.
    Refused(String),
}

/// How the processes are.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct SupervisorStatus {
    /// The supervisor's own process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// How the server is as a whole.
    pub health: ServerHealth,
    /// Its children, in the order of their start.
    pub children: Vec<ChildStatus>,
}

/// How a server is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerHealth {
    /// Not all children have been ready yet.
    Starting,
    /// All children are ready.
    Ok,
    /// A child is being started again, has failed, or was drained.
    Degraded,
    /// The server ends.
    Ending,
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
    /// It was ended on order, and is not started again without one.
    Stopped,
}
