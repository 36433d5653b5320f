//! What a link is told.
//!
//! Invariant: everything that can happen to a link is a variant here, so a simulator can drive all of it.

use crate::protocol::client::ClientRequest;
use crate::protocol::host::{HostToDaemonMessage, Listener};
use crate::protocol::{ClientId, Wall};

/// What happens to a link. `T` is what the host calls a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Input<T> {
    /// The sockets were opened, and may connect from now on.
    Start {
        /// Wall-clock time, told to the daemon.
        wall: Wall,
    },
    /// A host token, to say hello with from now on.
    Token(String),
    /// All sockets are connected to the daemon.
    Connected,
    /// One of the sockets that were connected is not any more.
    Disconnected,
    /// A frame from a request socket.
    Reply(Vec<u8>),
    /// A frame from the events socket.
    Event(Vec<u8>),
    /// Frames that waited to be sent, or to be heard, were dropped.
    Reset,
    /// A message of the host's own. Answered with the ticket, unless its kind has no answer.
    AskHost {
        /// What the host calls it.
        ticket: T,
        /// The message.
        message: HostToDaemonMessage,
    },
    /// A request on behalf of a client. Answered with the ticket.
    AskClient {
        /// What the host calls it.
        ticket: T,
        /// The client; zero for a REST call without a connection.
        client: ClientId,
        /// The request.
        request: ClientRequest,
        /// Whether it was sent before, over this link or an earlier one.
        again: bool,
    },
    /// These are the listeners from now on.
    Listeners(Vec<Listener>),
    /// Time has passed. Wanted every [`LINK_TICK`](crate::limits::LINK_TICK).
    Tick,
}
