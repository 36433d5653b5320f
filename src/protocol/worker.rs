//! The conversation of a worker process with the daemon.
//!
//! Invariant: the enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::error::WorkerError;
use super::host::Role;
use super::{ReqId, WireValue, WorkerId};

/// The kind of work that our own worker does.
pub const WORKER_KIND: &str = "http";
/// What a worker of another machine is enrolled as begins with; the kind of its work follows.
pub const REMOTE_WORKER: &str = "worker:";

/// Whether a request may reach the outside twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RetryClass {
    /// Never twice.
    AtMostOnce,
    /// Twice does no harm.
    Idempotent {
        /// Attempts at most.
        max: u8,
    },
}

/// What a worker asks or tells.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum WorkerToDaemonMessage {
    /// First words on every link, as a host's.
    Hello {
        /// Lowest and highest protocol version spoken.
        versions: (u8, u8),
        /// The program's version, for the log.
        build: String,
        /// What the process is.
        role: Role,
        /// Its lasting id.
        id: WorkerId,
        /// New at each start of the process.
        instance: u64,
        /// Its worker token.
        token: String,
        /// The world that it means to serve; empty takes any.
        world: String,
    },
    /// Ready to be given work. Answered by `Attached`.
    AttachWorker {
        /// The kind of work.
        worker_type: String,
        /// Its worker token.
        token: String,
        /// Requests at a time.
        concurrency: u16,
        /// Requests in flight or finished, with their attempt, from before the daemon's restart.
        known: Vec<(ReqId, u8)>,
    },
    /// May be given this many more requests.
    Ready {
        /// How many.
        credits: u16,
    },
    /// The answer to a ping.
    WorkerPong {
        /// The ping's number.
        ping: u64,
        /// What it works on.
        in_flight: Vec<ReqId>,
    },
    /// A request's result.
    RequestResult {
        /// The request.
        id: ReqId,
        /// Which attempt.
        attempt: u8,
        /// The result.
        result: WireValue,
    },
    /// A request's failure.
    RequestError {
        /// The request.
        id: ReqId,
        /// Which attempt.
        attempt: u8,
        /// Why.
        error: WorkerError,
    },
    /// Asks for a fresh token.
    RenewToken {
        /// The present one.
        token: String,
    },
    /// The worker leaves.
    DetachWorker {
        /// Why, for the log.
        reason: String,
    },
}

/// The daemon's answers to a worker.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DaemonToWorkerReply {
    /// It may be given work.
    Attached {
        /// The id that it is known by.
        worker: WorkerId,
        /// A fresh token.
        token: String,
    },
    /// Done.
    Ack,
    /// Refused, and why.
    Rejected(String),
    /// The token does not hold, and why.
    AuthFailed(String),
    /// The message makes no sense, and why.
    InvalidPayload(String),
    /// Nobody waits for this request.
    UnknownRequest(ReqId),
    /// The daemon does not know this worker: attach again.
    NotRegistered(WorkerId),
}

/// What all workers hear on the topic `workers`.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DaemonToWorkerMessage {
    /// Are you there?
    PingWorkers {
        /// The ping's number.
        ping: u64,
    },
    /// One of them must exit.
    PleaseDie {
        /// This one.
        worker: WorkerId,
    },
    /// The daemon is going down and will be back.
    Draining,
}
