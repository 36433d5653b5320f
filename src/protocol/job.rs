//! Jobs as they travel: what to do, where, and how it ended.
//!
//! Invariant: the enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::event::ClientEvent;
use super::{HostId, JobId, Wall, WireObj, WireValue};

/// A job to store.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct JobSpec {
    /// What sort of work.
    pub kind: String,
    /// Who may do it.
    pub target: JobTarget,
    /// Its argument.
    pub data: WireValue,
    /// Jobs of a queue with the same key run in order.
    pub order_key: Option<String>,
    /// A second job with this key within ten minutes is the first one.
    pub dedupe: Option<String>,
    /// Not before this time.
    pub not_before: Option<Wall>,
    /// It is given up after this.
    pub ttl_ms: u64,
    /// Tries before it is dead.
    pub tries_max: u8,
    /// Who asked.
    pub from: Option<WireObj>,
    /// When it counts as stored.
    pub confirm: Confirm,
}

/// Who may do a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum JobTarget {
    /// Anyone with the skill.
    Any,
    /// This process.
    Agent(HostId),
    /// The process that holds this player's connection.
    User(WireObj),
    /// A worker of this kind.
    Worker(String),
    /// A verb of the world.
    World,
    /// Whoever holds the connection of the player of this login name, in any world of the same job store.
    Named(String),
    /// A verb of the world of this name.
    Peer(String),
    /// A verb of every world of the same job store.
    Peers,
}

/// When a job counts as stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Confirm {
    /// Once it is in the store.
    Queued,
    /// Once a replica has it too.
    Replicated,
}

/// How a job ended.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum JobOut {
    /// Done, perhaps with a result.
    Done(Option<WireValue>),
    /// Done: append this event to the player's stream.
    Deliver(WireObj, ClientEvent),
    /// Try again later.
    Retry {
        /// After this long.
        after_ms: u32,
        /// Why, for the log.
        why: String,
    },
    /// Never try again, and why.
    Reject(String),
}

/// A job as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct JobLine {
    /// Its id.
    pub job: JobId,
    /// What sort of work.
    pub kind: String,
    /// The queue that it waits or waited in.
    pub to: String,
    /// `new`, `behind`, `delayed`, `ready`, `parked`, `taken` or `dead`.
    pub state: String,
    /// Whose it is.
    pub owner: WireObj,
    /// How often it was tried.
    pub tries: u8,
}
