//! What a host wants done.
//!
//! Invariant: outputs are carried out in the order given.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::codec::FrameError;
use crate::protocol::event::ClientEvent;
use crate::protocol::kind::Lane;
use crate::protocol::{ClientId, WireObj, WireValue};

/// What a client hears.
#[derive(Clone, PartialEq, Debug)]
pub enum ToClient {
    /// The next event of its stream. Once the socket has taken it, number and mark go to the client's
    /// [`Meter`](super::Meter).
    Event {
        /// The event.
        event: Arc<ClientEvent>,
        /// Its number.
        seq: u64,
        /// Its mark.
        mark: u64,
    },
    /// One of its lines was taken.
    Answered,
    /// One of its lines was refused; the text says why.
    Refused(Arc<str>),
    /// The daemon knows this connection: lines may go.
    Ready {
        /// It does not know what was sent before: no more answers to that will come.
        fresh: bool,
    },
    /// The daemon is away: lines are kept.
    Away,
    /// Something the host itself has to say.
    Notice(Arc<str>),
    /// The connection ends with these words.
    Close(Arc<str>),
}

/// What the daemon, or the link to it, wants of the host's program.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// The daemon knows this host: it serves.
    Up,
    /// A token is wanted; the last one, if any, does not hold.
    WantToken,
    /// Accept clients on this port.
    Listen {
        /// The object whose verbs greet them.
        handler: WireObj,
        /// The port; 0 takes a free one.
        port: u16,
        /// Options given to `listen()`.
        options: Vec<(String, WireValue)>,
    },
    /// Accept no more clients on this port.
    Unlisten {
        /// The port.
        port: u16,
    },
    /// All clients are to be closed within this time, and the host is to end.
    Drain {
        /// The time.
        within: Duration,
        /// Why, for the log.
        why: String,
    },
    /// The link can never work, for this reason.
    GiveUp(String),
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send a frame to the daemon.
    Send {
        /// On this socket.
        lane: Lane,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Close the sockets to the daemon, drop what waits in them, and connect anew.
    Rebuild,
    /// Tell one client.
    ToClient(ClientId, ToClient),
    /// Tell every client.
    ToAll(ToClient),
    /// Tell the host's program.
    Order(Order),
    /// A frame of the daemon could not be read: for the log.
    Garbled(FrameError),
}
