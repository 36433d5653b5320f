//! What a host is told.
//!
//! Invariant: everything that can happen to a host is a variant here, so a simulator can drive all of it.

use std::sync::Arc;

use super::Meter;
use crate::protocol::client::{Auth, HostClientToDaemonMessage};
use crate::protocol::event::StreamPos;
use crate::protocol::host::{HostToDaemonMessage, Listener, Peer};
use crate::protocol::{ClientId, Wall, WireObj};

/// How a client comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// As somebody whom the daemon has yet to learn to know.
    New,
    /// As a player who proves to be one.
    Player {
        /// A player's token, or a session.
        auth: Auth,
        /// Whether to take the player's connection over, whatever state it is in.
        takeover: bool,
    },
    /// As the client that it was before its socket was lost, perhaps at another host.
    Back {
        /// Its session, or its token.
        auth: Auth,
        /// The last event that it has.
        last: StreamPos,
    },
}

/// Under which number a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// None: it only reads, or may be carried out twice.
    None,
    /// The next one.
    Next,
    /// One that was given before: whatever it leads to was perhaps asked for at another host.
    Again(u64),
}

/// What a host's program asks that is no client's business.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Something on the host's own behalf.
    Host(HostToDaemonMessage),
    /// Something on behalf of a player without a connection, or of nobody.
    Player(Auth, HostClientToDaemonMessage),
}

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
        /// How it comes in.
        entry: Entry,
    },
    /// A client has typed these lines.
    Lines {
        /// Who.
        client: ClientId,
        /// In their order.
        lines: Vec<String>,
    },
    /// A client asks something. It is answered by [`ToClient::Reply`](super::ToClient::Reply).
    Ask {
        /// Who.
        client: ClientId,
        /// What the client's actor calls it.
        name: u64,
        /// What it asks.
        message: HostClientToDaemonMessage,
        /// Under which number.
        number: Number,
    },
    /// The host's program asks something. It is answered by [`Output::Answer`](super::Output::Answer).
    Question {
        /// What the program calls it.
        name: u64,
        /// What it asks.
        question: Question,
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
        /// Whether the client may come back: its player then stays in the world for a while.
        may_return: bool,
    },
    /// The host is about to end.
    Leave {
        /// Why, for the log.
        reason: String,
    },
    /// Time has passed. Wanted every [`LINK_TICK`](crate::limits::LINK_TICK).
    Tick,
}
