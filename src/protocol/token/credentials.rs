//! What a connection is known by between two looks at its tokens.
//!
//! Invariant: what was replaced is taken until [`TOKEN_SKEW_S`] after its replacement was first presented, so that a
//! host which was away when it was sent is not shut out; nothing at all is taken once its tokens have expired.

use std::time::Duration;

use bincode::{Decode, Encode};

use super::TokenClass;
use crate::limits::TOKEN_SKEW_S;
use crate::protocol::Wall;

/// One connection's.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Credentials {
    /// The client token's own id.
    pub jti: [u8; 16],
    /// The keyed hash of the tokens; see [`super::KeyRing::bound`].
    pub bound: [u8; 16],
    issued: Wall,
    /// The hash before this one, and until when it is taken.
    before: Option<([u8; 16], Wall)>,
    /// This one has been presented.
    is_known: bool,
}

impl Credentials {
    /// Those of tokens that were signed now.
    pub fn new(jti: [u8; 16], bound: [u8; 16], now: Wall) -> Credentials {
        Credentials {
            jti,
            bound,
            issued: now,
            before: None,
            is_known: false,
        }
    }

    /// Nothing is taken any more from then on.
    pub fn end(&self) -> Wall {
        self.issued
            .plus(TokenClass::Client.life() + Duration::from_secs(TOKEN_SKEW_S))
    }

    /// Whether a host that presents this speaks for the connection.
    pub fn accept(&mut self, bound: &[u8; 16], now: Wall) -> bool {
        if *bound != self.bound {
            return self
                .before
                .is_some_and(|(hash, until)| hash == *bound && now < until);
        }
        if !self.is_known {
            self.is_known = true;
            if let Some((_, until)) = &mut self.before {
                *until = (*until).min(now.plus(Duration::from_secs(TOKEN_SKEW_S)));
            }
        }
        now < self.end()
    }

    /// Whether half of the client token's life has gone, so that it is time for a new one.
    pub fn is_due(&self, now: Wall) -> bool {
        now >= self.issued.plus(TokenClass::Client.life() / 2)
    }

    /// Goes over to new ones; the host learns of them a little later.
    pub fn replace(&mut self, new: Credentials) {
        // A second renewal that the host has not heard of either leaves it with what it has.
        let before = match self.before {
            Some((hash, until)) if !self.is_known => Some((hash, until)),
            _ => Some((self.bound, self.end())),
        };
        *self = Credentials { before, ..new };
    }
}
