//! What a link is told.
//!
//! Invariant: everything that can happen to a link is a variant here, so a simulator can drive all of it.

use crate::protocol::client::ClientRequest;
use crate::protocol::host::{HeldConn, HostToDaemonMessage, Listener};
use crate::protocol::{ClientId, Wall};

/// What happens to a link.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// The sockets are there: begin. The listeners are those open now.
    Start {
        /// Wall-clock time, told to the daemon.
        wall: Wall,
        /// Where the host accepts clients.
        listeners: Vec<Listener>,
    },
    /// A frame from a request socket.
    Reply(Vec<u8>),
    /// A frame from the events socket.
    Event(Vec<u8>),
    /// Frames that waited to be sent were dropped by the I/O thread.
    Reset,
    /// A message of the host's own. Answered with the ticket, unless its kind has no answer.
    AskHost {
        /// What the host calls it.
        ticket: u64,
        /// The message.
        message: HostToDaemonMessage,
    },
    /// A request on behalf of a client. Answered with the ticket.
    AskClient {
        /// What the host calls it.
        ticket: u64,
        /// The client; zero for a REST call without a connection.
        client: ClientId,
        /// The request.
        request: ClientRequest,
    },
    /// The answer to [`CollectHeld`](super::output::Output::CollectHeld).
    Held(Vec<HeldConn>),
    /// A listener was opened or closed.
    Listeners(Vec<Listener>),
    /// Time has passed. Wanted at least once a second.
    Tick,
}
