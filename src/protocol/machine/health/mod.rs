//! Who is there, by the answers to pings: hosts and workers as the daemon sees them.
//!
//! A ping is missed when the next one is due. After [`PINGS_MISSED_SUSPECT`] a peer is given nothing new, after
//! [`PINGS_MISSED_DEAD`] it is dead. Invariant: a daemon that was held up itself (a paused machine) holds that against
//! nobody: it forgets what was missed and gives everybody a whole timeout again.

use crate::limits::{PINGS_MISSED_DEAD, PINGS_MISSED_SUSPECT};
use crate::protocol::Moment;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// What there is to say about one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<K> {
    /// It has missed some pings.
    Suspect(K),
    /// It has missed so many that it is taken as gone. It is watched no longer.
    Dead(K),
}

/// One peer.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// When the first ping was sent that it has not answered.
    unanswered_since: Option<Moment>,
    suspect: bool,
}

/// The watch over all peers of a kind. Holds one small entry for each.
#[derive(Debug)]
pub struct Health<K> {
    period: Duration,
    peers: HashMap<K, Peer>,
    last_ping: Option<Moment>,
}

impl<K: Copy + Eq + Hash> Health<K> {
    /// A watch over nobody; `period` is how often `on_ping` will be called.
    pub fn new(period: Duration) -> Self {
        Health {
            period,
            peers: HashMap::new(),
            last_ping: None,
        }
    }

    /// A peer is there: it has said hello, or answered a ping.
    pub fn on_answer(&mut self, peer: K) {
        self.peers.insert(peer, Peer::default());
    }

    /// A peer has left, or is known to be gone.
    pub fn on_left(&mut self, peer: K) {
        self.peers.remove(&peer);
    }

    /// Whether a peer is there and may be given something new.
    pub fn is_alive(&self, peer: K) -> bool {
        self.peers.get(&peer).is_some_and(|peer| !peer.suspect)
    }

    /// A ping is sent to all now. What follows from the ones before is said once for each peer.
    pub fn on_ping(&mut self, now: Moment) -> Vec<Verdict<K>> {
        let stood_still = self
            .last_ping
            .is_some_and(|last| now.since(last) > 2 * self.period);
        self.last_ping = Some(now);
        if stood_still {
            let forgiven = Peer {
                unanswered_since: Some(now),
                suspect: false,
            };
            self.peers.values_mut().for_each(|peer| *peer = forgiven);
            return Vec::new();
        }
        let mut verdicts = Vec::new();
        for (&key, peer) in &mut self.peers {
            let since = *peer.unanswered_since.get_or_insert(now);
            // A timer that is a little early must not make a ping seem answered.
            let missed = (now.since(since) + self.period / 4).as_micros() / self.period.as_micros().max(1);
            if missed >= u128::from(PINGS_MISSED_DEAD) {
                verdicts.push(Verdict::Dead(key));
            } else if missed >= u128::from(PINGS_MISSED_SUSPECT) && !peer.suspect {
                peer.suspect = true;
                verdicts.push(Verdict::Suspect(key));
            }
        }
        self.peers
            .retain(|key, _| !verdicts.contains(&Verdict::Dead(*key)));
        verdicts
    }
}

#[cfg(test)]
mod tests;
