//! How often somebody may try to log in, counted by address and by the name that is tried.
//!
//! Invariant: it holds nothing for longer than [`LOGIN_PERIOD`], and no more than [`LOGIN_NAMES_MAX`] of either.

use crate::limits::{LOGIN_NAMES_MAX, LOGIN_PERIOD};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts of tries.
#[derive(Debug)]
pub struct Throttle {
    /// Tries within the period; 0 = no limit.
    tries_max: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    since: Duration,
    addresses: HashMap<IpAddr, u32>,
    names: HashMap<String, u32>,
}

impl Throttle {
    /// So many tries are allowed in a period; 0 means any number.
    pub fn new(tries_max: u32) -> Throttle {
        Throttle {
            tries_max,
            counts: Mutex::default(),
        }
    }

    /// Takes note of a try under a name from an address. Gives how long to wait if it is one too many. The machine itself
    /// is not limited as an address: a proxy, a test or an operator is behind it.
    pub fn admit(&self, now: Duration, from: Option<IpAddr>, name: &str) -> Result<(), Duration> {
        if self.tries_max == 0 {
            return Ok(());
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_sub(counts.since);
        if age >= LOGIN_PERIOD {
            *counts = Counts {
                since: now,
                ..Counts::default()
            };
        }
        let from = from.map(|from| from.to_canonical());
        let from = from.filter(|from| !from.is_loopback());
        let by_address = from.map_or(0, |from| count(&mut counts.addresses, from));
        let by_name = match name.is_empty() {
            true => 0,
            false => count(&mut counts.names, name.to_lowercase()),
        };
        match by_address.max(by_name) > self.tries_max {
            true => Err(LOGIN_PERIOD.saturating_sub(now.saturating_sub(counts.since))),
            false => Ok(()),
        }
    }
}

/// Counts one more of this; what there is no room for counts as one too many.
fn count<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) -> u32 {
    if counts.len() >= LOGIN_NAMES_MAX && !counts.contains_key(&key) {
        return u32::MAX;
    }
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
    *count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_address_and_a_name_may_be_tried_so_often_and_again_later() {
        let throttle = Throttle::new(3);
        let far = |n| Some(IpAddr::from([192, 0, 2, n]));
        for n in 1..=3 {
            assert_eq!(throttle.admit(at(1), far(n), "Ann"), Ok(()));
        }
        assert_eq!(throttle.admit(at(2), far(4), "ann"), Err(LOGIN_PERIOD - at(2)));
        for name in ["a", "b", "c"] {
            assert_eq!(throttle.admit(at(2), far(9), name), Ok(()));
        }
        assert!(throttle.admit(at(2), far(9), "d").is_err());
        assert_eq!(throttle.admit(LOGIN_PERIOD, far(9), "ann"), Ok(()));
    }

    #[test]
    fn this_machine_is_limited_by_name_alone_and_zero_limits_nobody() {
        let here = Some(IpAddr::from([127, 0, 0, 1]));
        let throttle = Throttle::new(1);
        assert!((0..9).all(|n| throttle.admit(at(0), here, &n.to_string()).is_ok()));
        assert!(throttle.admit(at(0), here, "1").is_err());
        let open = Throttle::new(0);
        assert!((0..9).all(|_| open.admit(at(0), here, "ann").is_ok()));
    }
}
