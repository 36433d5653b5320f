//! What a link wants done.
//!
//! Invariant: outputs are carried out in the order given.

use std::sync::Arc;

use crate::protocol::ClientId;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use crate::protocol::client::{ClientReply, Refusal};
use crate::protocol::codec::FrameError;
use crate::protocol::error::RpcError;
use crate::protocol::event::{ClientEvent, Route};
use crate::protocol::host::{DaemonDirect, DaemonToHostReply, Limits};
use crate::protocol::kind::Lane;

/// An answer to a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// To a message of the host's own.
    Host(DaemonToHostReply),
    /// To a client's request.
    Client(ClientReply),
    /// The daemon refuses.
    Refused(Refusal),
    /// There is no answer.
    Failed(RpcError),
}

/// What the daemon said in its welcome.
#[derive(Clone, PartialEq, Debug)]
pub struct Attachment {
    /// Which start of the daemon it is.
    pub epoch: u32,
    /// The world's name.
    pub world: String,
    /// Bounds to keep.
    pub limits: Limits,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output<T> {
    /// Send a frame.
    Send {
        /// On this socket.
        lane: Lane,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Close the sockets, drop what waits in them, and connect anew.
    Rebuild,
    /// A token is wanted: there is none, or the last one does not hold.
    WantToken,
    /// The daemon knows this host: requests go, and the connections that were kept are to be named to it.
    Attached(Attachment),
    /// Hold input: the daemon is away, and the handshake goes on by itself.
    Lost(RpcError),
    /// The daemon will never take this host. The process should exit.
    Fatal(RpcError),
    /// A request has its answer.
    Answer {
        /// What the host called it.
        ticket: T,
        /// The answer.
        answer: Box<Answer>,
    },
    /// An event for connections of this host.
    Event {
        /// The event.
        event: Arc<ClientEvent>,
        /// Where it goes.
        route: Route,
    },
    /// How far streams go: the frame number and each stream's head.
    Heads(u64, Vec<(ClientId, u64)>),
    /// Something for all hosts. A `PingPong` wants a `HostPong`.
    Broadcast(HostBroadcastEvent),
    /// Something for all clients.
    ClientsBroadcast(ClientsBroadcastEvent),
    /// The daemon asks something of this host alone.
    Direct(Box<DaemonDirect>),
    /// A frame could not be read: for the log.
    Garbled(FrameError),
}

impl<T> Output<T> {
    pub(super) fn failed(ticket: T, error: RpcError) -> Output<T> {
        Output::Answer {
            ticket,
            answer: Box::new(Answer::Failed(error)),
        }
    }
}
