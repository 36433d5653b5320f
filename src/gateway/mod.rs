//! ZeroMQ to frames and back, on threads of its own: two ROUTERs and an XPUB for the daemon, two DEALERs and a SUB for a
//! host, one DEALER and a SUB for a worker.
//!
//! Invariants: a socket is touched by the thread that polls it and by no other; no send ever blocks; whatever waits for
//! a peer, or has come from one, is bounded in number and bytes; what a network carries is encrypted. Nothing else in the project names `zmq`.

mod backlog;
mod bell;
mod crowd;
pub mod curve;
pub mod enrollee;
mod host_side;
mod intake;
mod network;
mod publisher;
mod send_queue;
mod server_side;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use host_side::{HostEndpoints, HostInbound, HostSender, HostSide};
pub use intake::{Claim, Received};
pub use network::Network;
pub use send_queue::SendError;
pub use server_side::{Figures, Inbound, ServerEndpoints, ServerSender, ServerSide};

use crate::limits::{FRAME_MAX, HIGH_WATER_MARK, LABEL_MAX};
use crate::protocol::HostId;
use crate::protocol::host::Role;
pub use crate::protocol::kind::Lane;

/// What takes in a burst of what an I/O thread has to tell.
type OnBurst<I> = Box<dyn FnMut(&mut Vec<I>) + Send>;

/// Runs what a process cannot do without. Its panic ends the process, since one that is deaf and otherwise alive would
/// never be replaced.
pub fn indispensable(run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        std::process::abort();
    }
}

/// A short first part of a message, a routing id or a topic, held in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Label {
    len: u8,
    /// Zero beyond `len`.
    bytes: [u8; LABEL_MAX],
}

impl Label {
    fn new(label: &[u8]) -> Option<Label> {
        let mut bytes = [0; LABEL_MAX];
        bytes.get_mut(..label.len())?.copy_from_slice(label);
        Some(Label {
            len: u8::try_from(label.len()).ok()?,
            bytes,
        })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Which of the daemon's sockets a peer is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wire {
    /// The one for processes of this machine.
    Local,
    /// The one for enrolled processes of others.
    Network,
    /// The one for processes that want to be enrolled.
    Enroll,
    /// The one for workers of this machine.
    Workers,
    /// The one for enrolled workers of others.
    NetworkWorkers,
}

/// The routing id of one socket of one start of one process; never used again by another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerId {
    label: Label,
    wire: Wire,
}

impl Wire {
    /// Whether it is for workers, and for nobody else.
    pub fn is_for_workers(self) -> bool {
        matches!(self, Wire::Workers | Wire::NetworkWorkers)
    }
}

impl PeerId {
    /// The id of a process's socket on its own machine's wire: role, lane, lasting id, and what is new at each start and
    /// drawn by chance. Whoever shows an id takes the place of its last bearer, so that number is said to the daemon
    /// alone, and is part of nothing that others see.
    pub fn new(role: Role, lane: Lane, id: HostId, instance: u64) -> PeerId {
        let mut bytes = [0; LABEL_MAX];
        bytes[0] = role as u8 + 1;
        bytes[1] = lane as u8;
        bytes[2..18].copy_from_slice(&id.0);
        bytes[18..26].copy_from_slice(&instance.to_le_bytes());
        PeerId {
            label: Label { len: 26, bytes },
            wire: Wire::Local,
        }
    }

    /// Where it is connected.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Takes an id apart; `None` if it is not one that [`Self::new`] made. Both lanes of a start of a host differ in
    /// nothing but the lane, so one `Hello` speaks for both.
    pub fn parts(&self) -> Option<(Role, Lane, HostId, u64)> {
        let (&[role, lane], rest) = self.as_bytes().split_first_chunk::<2>()?;
        let (id, instance) = rest.split_first_chunk::<16>()?;
        let role = [Role::Host, Role::Worker, Role::Agent]
            .into_iter()
            .find(|r| *r as u8 + 1 == role)?;
        let lane = Lane::ALL.into_iter().find(|l| *l as u8 == lane)?;
        Some((
            role,
            lane,
            HostId(*id),
            u64::from_le_bytes(instance.try_into().ok()?),
        ))
    }

    /// The bytes that ZeroMQ knows the peer by.
    pub fn as_bytes(&self) -> &[u8] {
        self.label.as_bytes()
    }
}

impl fmt::Debug for PeerId {
    /// Without what is new at each start, which nobody but the process itself may know.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.as_bytes().iter().take(18);
        shown.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a side could not be started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GatewayError {
    /// The endpoint is in use, or cannot be made.
    #[error("cannot use {endpoint}: {why}; check that no other server runs on this folder")]
    Endpoint {
        /// The endpoint.
        endpoint: String,
        /// What ZeroMQ says.
        why: zmq::Error,
    },
    /// Only local sockets are used without encryption.
    #[error(
        "{endpoint} would carry plain text over a network: give it CURVE keys, or use an ipc:// endpoint"
    )]
    Unencrypted {
        /// The endpoint.
        endpoint: String,
    },
    /// The system gives us no socket, bell or thread.
    #[error("cannot set up the message sockets: {0}")]
    Setup(String),
}

impl From<zmq::Error> for GatewayError {
    fn from(error: zmq::Error) -> GatewayError {
        GatewayError::Setup(error.to_string())
    }
}

/// A socket with the options that all of ours share.
fn open_socket(context: &zmq::Context, kind: zmq::SocketType) -> Result<zmq::Socket, GatewayError> {
    let socket = context.socket(kind)?;
    socket.set_sndhwm(HIGH_WATER_MARK)?;
    socket.set_rcvhwm(HIGH_WATER_MARK)?;
    socket.set_maxmsgsize(i64::try_from(FRAME_MAX).expect("a frame's limit fits in 63 bits"))?;
    socket.set_linger(0)?;
    Ok(socket)
}

/// Fails for an endpoint that would carry plain text over a network.
fn check_local(endpoint: &str) -> Result<(), GatewayError> {
    if endpoint.starts_with("ipc://") {
        return Ok(());
    }
    Err(GatewayError::Unencrypted {
        endpoint: endpoint.to_owned(),
    })
}

/// Names the endpoint in ZeroMQ's complaint about it.
fn at(endpoint: &str) -> impl Fn(zmq::Error) -> GatewayError {
    move |why| GatewayError::Endpoint {
        endpoint: endpoint.to_owned(),
        why,
    }
}

/// Receives the parts of one message. Gives the first two, if those are all; drops any other shape.
fn receive_pair(socket: &zmq::Socket, first: &mut zmq::Message) -> zmq::Result<Option<zmq::Message>> {
    socket.recv(first, zmq::DONTWAIT)?;
    if !first.get_more() {
        return Ok(None);
    }
    let second = socket.recv_msg(zmq::DONTWAIT)?;
    let mut rest = second.get_more();
    let is_pair = !rest;
    while rest {
        rest = socket.recv_msg(zmq::DONTWAIT)?.get_more();
    }
    Ok(is_pair.then_some(second))
}

#[cfg(test)]
mod tests;
