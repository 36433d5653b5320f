//! What everyone hears: topics and the events published on them. Best effort; whatever matters is also told elsewhere.
//!
//! Invariant: the enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

use super::host::{HostType, PubKey};
use super::{ClientId, HostId, WireObj, WireValue, WorkerId};

/// What a person is shown whose tokens have died, whether the host or the daemon comes first to close the socket.
pub const REVOKED_WORDS: &str = "*** Your access was revoked; please log in again. ***";

/// For all clients, by way of their hosts.
pub const CLIENT_BROADCAST_TOPIC: &[u8] = b"broadcast";
/// For all hosts.
pub const HOST_BROADCAST_TOPIC: &[u8] = b"hosts";
/// For all workers.
pub const WORKER_BROADCAST_TOPIC: &[u8] = b"workers";
/// The same for those that speak JSON.
pub const WORKER_JSON_TOPIC: &[u8] = b"json/workers";

/// The topic of one host's clients, which is also the prefix that the host subscribes to.
pub fn host_topic(host: HostId) -> [u8; 18] {
    let mut topic = [0; 18];
    topic[..2].copy_from_slice(b"c/");
    topic[2..].copy_from_slice(&host.0);
    topic
}

/// The topic of one client of a host.
pub fn client_topic(host: HostId, client: ClientId) -> [u8; 34] {
    let mut topic = [0; 34];
    topic[..18].copy_from_slice(&host_topic(host));
    topic[18..].copy_from_slice(&client.0);
    topic
}

/// Whose tokens have died.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Subject {
    /// A connection's.
    Client(ClientId),
    /// A player's.
    Player(WireObj),
    /// A host's.
    Host(HostId),
    /// A worker's.
    Worker(WorkerId),
    /// One token, by its `jti`.
    Token([u8; 16]),
}

/// What all hosts hear.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum HostBroadcastEvent {
    /// Start to accept clients.
    Listen {
        /// The object whose verbs greet them.
        handler: WireObj,
        /// The kind of socket.
        host_type: HostType,
        /// The port; 0 lets the host choose.
        port: u16,
        /// Options given to `listen()`.
        options: Vec<(String, WireValue)>,
    },
    /// Stop accepting clients.
    Unlisten {
        /// The kind of socket.
        host_type: HostType,
        /// The port.
        port: u16,
    },
    /// Are you there? Answered by `HostPong`.
    PingPong {
        /// The ping's number.
        ping: u64,
        /// Wall-clock time in ms.
        timestamp: u64,
    },
    /// The keys that tokens are signed with have changed.
    Keys {
        /// All of them.
        keys: Vec<PubKey>,
    },
    /// Tokens of a lower generation are dead: close their sockets.
    Revoked {
        /// Whose.
        subject: Subject,
        /// The generation that holds now.
        generation: u32,
    },
    /// The daemon is going down: hold input.
    Draining {
        /// It expects to be back after this.
        back_in_ms: u32,
    },
}

/// What all clients hear.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum ClientsBroadcastEvent {
    /// Are you there? The host answers for its clients.
    PingPong {
        /// Wall-clock time in ms.
        timestamp: u64,
    },
    /// Words from the server.
    System {
        /// What to show.
        message: String,
    },
}
