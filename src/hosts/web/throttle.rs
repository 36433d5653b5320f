//! How often somebody may try to log in, counted by address and by the name that is tried, and how often show a token that
//! is none.
//!
//! Invariant: it holds nothing for longer than [`LOGIN_PERIOD`], and no more than [`LOGIN_NAMES_MAX`] of either; an address that
//! tries too often says nothing about names, so nobody is locked out by one.

use crate::limits::{LOGIN_NAMES_MAX, LOGIN_PERIOD};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
        let mut counts = self.counts_at(now);
        let wait = counts.wait(now);
        let from = from.and_then(counted);
        if from.is_some_and(|from| count(&mut counts.addresses, from) > self.tries_max) {
            return Err(wait);
        }
        if !name.is_empty() && count(&mut counts.names, name.to_lowercase()) > self.tries_max {
            return Err(wait);
        }
        Ok(())
    }

    /// Takes note of a try from an address that went wrong, where those that succeed are not counted.
    pub fn miss(&self, now: Duration, from: Option<IpAddr>) {
        if let Some(from) = from.and_then(counted) {
            count(&mut self.counts_at(now).addresses, from);
        }
    }

    /// How long an address has to wait from which too much went wrong.
    pub fn wait(&self, now: Duration, from: Option<IpAddr>) -> Option<Duration> {
        let from = from.and_then(counted)?;
        let counts = self.counts_at(now);
        let missed = counts.addresses.get(&from).copied().unwrap_or_default();
        (self.tries_max > 0 && missed >= self.tries_max).then(|| counts.wait(now))
    }

    /// The counts of the period that it is.
    fn counts_at(&self, now: Duration) -> MutexGuard<'_, Counts> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(counts.since) >= LOGIN_PERIOD {
            *counts = Counts {
                since: now,
                ..Counts::default()
            };
        }
        counts
    }
}

impl Counts {
    /// How long the period still is.
    fn wait(&self, now: Duration) -> Duration {
        LOGIN_PERIOD.saturating_sub(now.saturating_sub(self.since))
    }
}

/// What is counted of an address; nothing of this machine's own.
fn counted(address: IpAddr) -> Option<IpAddr> {
    Some(network(address)).filter(|network| !network.is_loopback())
}

/// What one household has of addresses: an IPv4 address, or the first 64 bits of an IPv6 one (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        other => other,
    }
}

/// Counts one more of this. What there is no room for is not counted: it would lock out whoever comes new.
fn count<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) -> u32 {
    if counts.len() >= LOGIN_NAMES_MAX && !counts.contains_key(&key) {
        return 0;
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
    fn an_address_that_tries_too_often_locks_nobody_out() {
        let throttle = Throttle::new(3);
        let nearby = |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 7, n, 0, 0, 1]));
        for n in 0..50 {
            assert_eq!(throttle.admit(at(1), nearby(n), "Ann").is_ok(), n < 3);
        }
        let throttle = Throttle::new(3);
        let far = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..3 {
            assert_eq!(throttle.admit(at(1), far, ""), Ok(()));
        }
        for _ in 0..50 {
            assert!(throttle.admit(at(1), far, "Ann").is_err());
        }
        assert_eq!(
            throttle.admit(at(1), Some(IpAddr::from([192, 0, 2, 2])), "Ann"),
            Ok(())
        );
    }

    #[test]
    fn only_what_goes_wrong_counts_where_that_is_asked_for() {
        let throttle = Throttle::new(2);
        let [near, far] = [1, 2].map(|n| Some(IpAddr::from([192, 0, 2, n])));
        for _ in 0..2 {
            assert_eq!(throttle.wait(at(1), near), None);
            throttle.miss(at(1), near);
        }
        assert_eq!(throttle.wait(at(1), near), Some(LOGIN_PERIOD - at(1)));
        assert_eq!(throttle.wait(at(1), far), None);
        assert_eq!(throttle.wait(LOGIN_PERIOD, near), None);
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
