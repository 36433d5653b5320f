//! Who has presented bad tokens, and how many lately.
//!
//! Invariant: a peer that is refused is refused until a whole period has passed since its count began, and at most
//! [`TOKEN_FAILURE_PEERS_MAX`] peers are counted.

use std::collections::HashMap;

use crate::limits::{TOKEN_FAILURE_PEERS_MAX, TOKEN_FAILURE_PERIOD, TOKEN_FAILURES_MAX};
use crate::protocol::Moment;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Failures(HashMap<[u8; 16], Count>);

#[derive(Clone, Copy, Debug)]
struct Count {
    begun: Moment,
    failures: u32,
}

impl Count {
    fn is_over(self, at: Moment) -> bool {
        at.since(self.begun) >= TOKEN_FAILURE_PERIOD
    }
}

impl Failures {
    /// Whether nothing of this peer is looked at now.
    pub(super) fn is_refused(&self, peer: [u8; 16], at: Moment) -> bool {
        let count = self.0.get(&peer).filter(|count| !count.is_over(at));
        count.is_some_and(|count| count.failures >= TOKEN_FAILURES_MAX)
    }

    /// Counts a bad token.
    pub(super) fn add(&mut self, peer: [u8; 16], at: Moment) {
        if self.0.len() >= TOKEN_FAILURE_PEERS_MAX && !self.0.contains_key(&peer) {
            self.0.retain(|_, count| !count.is_over(at));
            if self.0.len() >= TOKEN_FAILURE_PEERS_MAX {
                // So many at once cannot be told apart any more; their next tokens are verified, which is only slow.
                self.0.clear();
            }
        }
        let fresh = Count {
            begun: at,
            failures: 0,
        };
        let count = self.0.entry(peer).or_insert(fresh);
        if count.is_over(at) {
            *count = fresh;
        }
        count.failures += 1;
    }
}
