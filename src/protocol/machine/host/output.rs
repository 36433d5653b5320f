//! What a host wants done.
//!
//! Invariant: outputs are carried out in the order given.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::client::{Attachment, DaemonToClientReply};
use crate::protocol::codec::FrameError;
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::event::{Cause, ClientEvent, StreamPos};
use crate::protocol::kind::Lane;
use crate::protocol::machine::link::Answer;
use crate::protocol::surface::{Row, Surfaced};
use crate::protocol::{ClientId, Wall, WireObj, WireValue};

/// What an event came from, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The task that wrote it, and what started that.
    pub cause: Option<Cause>,
    /// When it was committed; not known of events that are replayed.
    pub at: Option<Wall>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Debug)]
pub enum NoAnswer {
    /// The daemon refuses.
    Refused(RpcMessageError),
    /// The daemon cannot be asked.
    Failed(RpcError),
}

impl Surfaced for NoAnswer {
    fn row(&self) -> Row {
        match self {
            NoAnswer::Refused(error) => error.row(),
            NoAnswer::Failed(error) => error.row(),
        }
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoAnswer::Refused(error) => error.fmt(f),
            NoAnswer::Failed(error) => error.fmt(f),
        }
    }
}

/// Why a client's socket is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The daemon says that the connection is over.
    Over,
    /// The client is at another host, or at another socket of this one.
    Elsewhere,
    /// What the client proved itself by is dead.
    Revoked,
    /// The daemon has been away for too long.
    Away,
    /// The host ends.
    Down,
}

/// What a client hears.
#[derive(Clone, PartialEq, Debug)]
pub enum ToClient {
    /// The next event of its stream. Once the socket has taken it, number and mark go to the client's
    /// [`Meter`](super::Meter).
    Event {
        /// The event.
        event: Arc<ClientEvent>,
        /// Where it stands in the stream.
        pos: StreamPos,
        /// Its mark.
        mark: u64,
        /// What it came from.
        origin: Origin,
    },
    /// One of its lines was taken.
    Answered,
    /// One of its lines was refused; the text says why.
    Refused(Arc<str>),
    /// What it asked was answered.
    Reply {
        /// What it calls what it asked.
        name: u64,
        /// The number of that, if it has one.
        number: u64,
        /// The answer.
        answer: Box<Result<DaemonToClientReply, NoAnswer>>,
    },
    /// It is in, otherwise than as a stranger: all events from here on are those after this place.
    Entered {
        /// What it has.
        attachment: Box<Attachment>,
        /// The place.
        pos: StreamPos,
    },
    /// It is not in. It may try to come in otherwise.
    NotEntered(Box<NoAnswer>),
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
    Close {
        /// Why.
        why: Ending,
        /// The words.
        words: Arc<str>,
    },
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
    /// A client has another id from here on.
    Rename {
        /// The one that it came with.
        from: ClientId,
        /// The one that the daemon has for it; a client that had it here was told to close.
        to: ClientId,
    },
    /// Tell the host's program.
    Order(Order),
    /// The answer to a question of the host's program.
    Answer {
        /// What the program calls the question.
        name: u64,
        /// The answer.
        answer: Box<Answer>,
    },
    /// A frame of the daemon could not be read: for the log.
    Garbled(FrameError),
}
