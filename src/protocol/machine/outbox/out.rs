//! What leaves the outbox, what waits to, and how much of it there is.

use std::sync::Arc;

use crate::protocol::event::{Route, StreamPos};
use crate::protocol::{ClientId, HostId};

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Out<A> {
    /// Send an event to a host.
    Frame {
        /// The host.
        host: HostId,
        /// Whom it is for.
        route: Route,
        /// Its bytes.
        event: Arc<[u8]>,
    },
    /// Tell a host how far its streams are.
    Heads {
        /// The host.
        host: HostId,
        /// The last frame sent to it.
        frame: u64,
        /// The streams; at most [`LIST_ENTRIES_MAX`](crate::limits::LIST_ENTRIES_MAX).
        heads: Vec<(ClientId, u64)>,
    },
    /// Give an answer that waited for its commit.
    Answer {
        /// The answer.
        answer: A,
        /// How far the asker's stream is.
        head: Option<StreamPos>,
    },
}

/// What waits for its commit to be written.
#[derive(Debug)]
pub(super) struct Leaving<A> {
    /// The commit; none yet for what waits for one.
    pub stamp: Option<u64>,
    /// What it is.
    pub what: What<A>,
}

#[derive(Debug)]
pub(super) enum What<A> {
    /// An event by its row, with each connection's number of it.
    Event { row: u64, to: Vec<(u64, u64)> },
    /// An answer, to one who has this connection.
    Answer { answer: A, conn: u64 },
}

/// How the outbox is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Events numbered since the start.
    pub events: u64,
    /// Those, counted once for each who is to have it.
    pub deliveries: u64,
    /// Event frames sent.
    pub frames: u64,
    /// Deliveries that were given up: too many or too old.
    pub lost: u64,
    /// Events that somebody has not acknowledged.
    pub stored: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// The bytes of those in memory.
    pub memory_bytes: u64,
    /// Streams.
    pub streams: u64,
    /// Hosts without credit.
    pub choked_hosts: u64,
}
