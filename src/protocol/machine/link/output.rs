//! What a link wants done.
//!
//! Invariant: outputs are carried out in the order given.

use crate::protocol::ClientId;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use crate::protocol::client::{ClientReply, Refusal};
use crate::protocol::error::RpcError;
use crate::protocol::event::EventFrame;
use crate::protocol::host::{DaemonDirect, DaemonToHostReply, Limits, PubKey, ReattachOutcome};
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
    /// The keys that tokens are signed with.
    pub keys: Vec<PubKey>,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send a frame.
    Send {
        /// On this socket.
        lane: Lane,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Close the sockets, drop what waits in them, and connect anew.
    Rebuild,
    /// Name all connections that are held: answer with [`Held`](super::input::Input::Held).
    CollectHeld,
    /// What became of held connections. For those that go on, replay what they missed.
    Reattached(Vec<(ClientId, ReattachOutcome)>),
    /// Clients may come and requests go.
    Attached(Attachment),
    /// Hold input: the daemon is away, and the handshake goes on by itself.
    Lost(RpcError),
    /// The daemon will never take this host. The process should exit.
    Fatal(RpcError),
    /// A request has its answer.
    Answer {
        /// What the host called it.
        ticket: u64,
        /// The answer.
        answer: Box<Answer>,
    },
    /// An event for connections of this host.
    Event(Box<EventFrame>),
    /// How far streams go: the frame number and each stream's head.
    Heads(u64, Vec<(ClientId, u64)>),
    /// Something for all hosts. A `PingPong` wants a `HostPong`.
    Broadcast(HostBroadcastEvent),
    /// Something for all clients.
    ClientsBroadcast(ClientsBroadcastEvent),
    /// The daemon asks something of this host alone.
    Direct(Box<DaemonDirect>),
}

impl Output {
    pub(super) fn failed(ticket: u64, error: RpcError) -> Output {
        Output::Answer {
            ticket,
            answer: Box::new(Answer::Failed(error)),
        }
    }
}
