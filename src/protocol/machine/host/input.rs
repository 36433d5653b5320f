//! What a host is told.
//!
//! Invariant: everything that can happen to a host is a variant here, so a simulator can drive all of it.

use std::sync::Arc;

use super::Meter;
use crate::protocol::host::{Listener, Peer};
use crate::protocol::{ClientId, Wall, WireObj};

/// What happens to a host.
#[derive(Clone, Debug)]
pub enum Input {
    /// The sockets to the daemon were opened.
    Start {
        /// Wall-clock time.
        wall: Wall,
    },
    /// A token to say hello with.
    Token(String),
    /// All sockets are connected to the daemon.
    Connected,
    /// One of the sockets that were connected is not any more.
    Disconnected,
    /// A frame from a request socket.
    Reply(Vec<u8>),
    /// A frame from the events socket.
    Event(Vec<u8>),
    /// Frames to or from the daemon were dropped.
    Reset,
    /// Where clients are accepted from now on.
    Listeners(Vec<Listener>),
    /// A client has come.
    Opened {
        /// A name that no other connection of this process has.
        client: ClientId,
        /// The far end of its socket.
        peer: Peer,
        /// The object whose verbs greet it.
        handler: WireObj,
        /// How far its socket has come.
        meter: Arc<Meter>,
    },
    /// A client has typed these lines.
    Lines {
        /// Who.
        client: ClientId,
        /// In their order.
        lines: Vec<String>,
    },
    /// A client's meter has reached the mark that was wanted.
    Drained {
        /// Who.
        client: ClientId,
    },
    /// A client's socket is gone.
    Closed {
        /// Who.
        client: ClientId,
    },
    /// The host is about to end.
    Leave {
        /// Why, for the log.
        reason: String,
    },
    /// Time has passed. Wanted every [`LINK_TICK`](crate::limits::LINK_TICK).
    Tick,
}
