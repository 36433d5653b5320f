//! The four tokens: who may say what they say, signed by the daemon.
//!
//! `ring` signs and verifies; `authority` is what everybody asks: it adds what a signature cannot say, which is whether
//! the token was revoked, whose it is, and who has shown too many bad ones.
//!
//! Invariants: a token of one class, world, key or bearer is never taken for another; a token without an expiry is
//! none. Time and token ids are arguments; only making a new key draws on the system's randomness.

mod authority;
mod cache;
mod calendar;
mod credentials;
mod failures;
mod payload;
mod revocations;
mod ring;

use std::time::Duration;

pub use authority::{Authority, Presented};
pub use credentials::Credentials;
pub use revocations::Revocations;
pub use ring::{KeyRing, KeyUse, RingError};

use super::broadcast::Subject;
use super::error::RpcMessageError;
use super::{ClientId, HostId, Wall, WireObj, WorkerId};
use crate::limits::TOKEN_SKEW_S;

/// The footer of client tokens.
pub const MOOR_SESSION_TOKEN_FOOTER: &str = "key-id:moor_client";
/// The footer of auth tokens.
pub const MOOR_AUTH_TOKEN_FOOTER: &str = "key-id:moor_player";
/// The footer of host tokens.
pub const MOOR_HOST_TOKEN_FOOTER: &str = "key-id:moor_host";
/// The footer of worker tokens.
pub const MOOR_WORKER_TOKEN_FOOTER: &str = "key-id:moor_worker";

const HOUR: u64 = 3_600;

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenClass {
    /// A connection is who it was.
    Client,
    /// A player has logged in.
    Auth,
    /// A process is a host.
    Host,
    /// A process is a worker.
    Worker,
}

impl TokenClass {
    /// Every class.
    pub const ALL: [TokenClass; 4] = [
        TokenClass::Client,
        TokenClass::Auth,
        TokenClass::Host,
        TokenClass::Worker,
    ];

    /// The footer that tokens of this class carry.
    pub const fn footer(self) -> &'static str {
        match self {
            TokenClass::Client => MOOR_SESSION_TOKEN_FOOTER,
            TokenClass::Auth => MOOR_AUTH_TOKEN_FOOTER,
            TokenClass::Host => MOOR_HOST_TOKEN_FOOTER,
            TokenClass::Worker => MOOR_WORKER_TOKEN_FOOTER,
        }
    }

    /// How long a token holds.
    pub const fn life(self) -> Duration {
        Duration::from_secs(match self {
            TokenClass::Client => 24 * HOUR,
            TokenClass::Auth => 12 * HOUR,
            TokenClass::Host | TokenClass::Worker => HOUR,
        })
    }

    /// The word in the implicit assertion.
    const fn word(self) -> &'static str {
        match self {
            TokenClass::Client => "client",
            TokenClass::Auth => "auth",
            TokenClass::Host => "host",
            TokenClass::Worker => "worker",
        }
    }
}

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    /// Its bearer is this connection.
    Client {
        /// The connection.
        client: ClientId,
        /// Dead once the connection's generation is higher.
        generation: u32,
    },
    /// Its bearer is this player.
    Auth {
        /// The player.
        player: WireObj,
        /// Dead once the player's generation is higher.
        generation: u32,
        /// When the player last gave a password; renewing does not change it.
        auth_time: Wall,
    },
    /// Its bearer is this host.
    Host {
        /// The host.
        host: HostId,
        /// The sockets that it serves.
        host_type: String,
        /// The hash of its CURVE key; zero for a local process.
        key_hash: [u8; 32],
        /// Dead once the host's generation is higher.
        generation: u32,
    },
    /// Its bearer is this worker.
    Worker {
        /// The worker.
        worker: WorkerId,
        /// The kinds of work that it does.
        kinds: Vec<String>,
        /// The hash of its CURVE key; zero for a local process.
        key_hash: [u8; 32],
        /// Dead once the worker's generation is higher.
        generation: u32,
    },
}

impl Grant {
    /// The class of token that says this.
    pub fn class(&self) -> TokenClass {
        match self {
            Grant::Client { .. } => TokenClass::Client,
            Grant::Auth { .. } => TokenClass::Auth,
            Grant::Host { .. } => TokenClass::Host,
            Grant::Worker { .. } => TokenClass::Worker,
        }
    }

    /// Whose it is, and of which generation.
    pub fn subject(&self) -> (Subject, u32) {
        match *self {
            Grant::Client { client, generation } => (Subject::Client(client), generation),
            Grant::Auth {
                player, generation, ..
            } => (Subject::Player(player), generation),
            Grant::Host { host, generation, .. } => (Subject::Host(host), generation),
            Grant::Worker {
                worker, generation, ..
            } => (Subject::Worker(worker), generation),
        }
    }
}

/// Whom a token is presented for, by all that is known without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Principal {
    /// The connection that the frame is about.
    Client(ClientId),
    /// The player of the connection; `None` where only the token can tell.
    Player(Option<WireObj>),
    /// The process that says hello, and the hash of the key that it speaks CURVE with; zero for a local one.
    Host(HostId, [u8; 32]),
    /// The same for a worker.
    Worker(WorkerId, [u8; 32]),
}

impl Principal {
    /// The class of token that speaks for it.
    pub fn class(self) -> TokenClass {
        match self {
            Principal::Client(_) => TokenClass::Client,
            Principal::Player(_) => TokenClass::Auth,
            Principal::Host(..) => TokenClass::Host,
            Principal::Worker(..) => TokenClass::Worker,
        }
    }

    /// Whether what a token grants is granted to this one.
    fn is_bearer_of(self, grant: &Grant) -> bool {
        match (self, grant) {
            (Principal::Client(id), Grant::Client { client, .. }) => id == *client,
            (Principal::Player(who), Grant::Auth { player, .. }) => who.is_none_or(|who| who == *player),
            (Principal::Host(id, key), Grant::Host { host, key_hash, .. }) => id == *host && key == *key_hash,
            (Principal::Worker(id, key), Grant::Worker { worker, key_hash, .. }) => {
                id == *worker && key == *key_hash
            }
            _ => false,
        }
    }
}

/// The hash that ties a token to the key that its bearer speaks CURVE with.
pub fn key_hash(curve_pk: &[u8; 32]) -> [u8; 32] {
    *blake3::hash(curve_pk).as_bytes()
}

/// A token that was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// Its own id, by which it can be revoked alone.
    pub jti: [u8; 16],
    /// When it was signed.
    pub issued: Wall,
    /// It holds until then.
    pub expires: Wall,
    /// What it says.
    pub grant: Grant,
}

impl Claims {
    /// Whether it is past its end, beyond what clocks may differ by.
    fn is_over(&self, now: Wall) -> bool {
        now >= self.expires.plus(Duration::from_secs(TOKEN_SKEW_S))
    }

    /// Whether half of its life has gone, so that it is time for a new one.
    pub fn is_half_spent(&self, now: Wall) -> bool {
        now.0 >= self.issued.0 + self.expires.0.saturating_sub(self.issued.0) / 2
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// No key of ours signed these bytes as a token of this class and world.
    #[error("the token is not one of ours")]
    Invalid,
    /// It held once.
    #[error("the token has expired")]
    Expired,
    /// It does not hold yet; somebody's clock is wrong.
    #[error("the token does not hold yet; compare the clocks of the machines")]
    NotYet,
    /// An operator or the world has ended it before its time.
    #[error("the token was revoked; log in again")]
    Revoked,
    /// It is good, but in other hands.
    #[error("the token belongs to somebody else")]
    NotBearers,
    /// Whoever presents it has presented too many bad ones; none is looked at for a while.
    #[error("too many bad tokens came; try again in a minute")]
    TooManyFailures,
}

impl From<TokenError> for RpcMessageError {
    fn from(error: TokenError) -> RpcMessageError {
        match error {
            TokenError::Expired => RpcMessageError::TokenExpired,
            _ => RpcMessageError::PermissionDenied,
        }
    }
}

#[cfg(test)]
mod tests;
