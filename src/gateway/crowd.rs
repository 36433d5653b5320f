//! How many connections other machines may have: so many handshakes of one key, and of all, until everybody has to come
//! anew.
//!
//! libzmq does not tell whose connection has ended, so handshakes are counted and not connections. Invariant: since all
//! connections of a door end together when its count is over, nobody ever has more of them than the count allows.

use std::collections::HashMap;
use std::time::Instant;

use crate::limits::{
    HANDSHAKES_ALL_MAX, HANDSHAKES_MAX, HANDSHAKES_PERIOD, HANDSHAKES_RATE_MAX, STRANGERS_HANDSHAKES_MAX,
};
use crate::protocol::HostId;

/// What becomes of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It goes on.
    Granted,
    /// It fails, and may be tried again in a while.
    TooOften,
    /// It fails, and all connections of the door have to end.
    Crowded,
}

/// The counts of the members' door and of that for strangers.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Since the members' connections were last ended.
    members: HashMap<HostId, u32>,
    all: u32,
    strangers: u32,
    /// Those of the present period, and its beginning.
    recent: HashMap<HostId, u32>,
    since: Instant,
}

impl Crowd {
    pub(super) fn new(now: Instant) -> Crowd {
        Crowd {
            members: HashMap::new(),
            all: 0,
            strangers: 0,
            recent: HashMap::new(),
            since: now,
        }
    }

    /// A member wants one more connection.
    pub(super) fn member(&mut self, host: HostId, now: Instant) -> Admission {
        if now.saturating_duration_since(self.since) >= HANDSHAKES_PERIOD {
            self.recent.clear();
            self.since = now;
        }
        let recent = self.recent.entry(host).or_default();
        if *recent >= HANDSHAKES_RATE_MAX {
            return Admission::TooOften;
        }
        let own = self.members.entry(host).or_default();
        if *own >= HANDSHAKES_MAX || self.all >= HANDSHAKES_ALL_MAX {
            return Admission::Crowded;
        }
        *recent += 1;
        *own += 1;
        self.all += 1;
        Admission::Granted
    }

    /// Somebody who is not enrolled wants to ask.
    pub(super) fn stranger(&mut self) -> Admission {
        if self.strangers >= STRANGERS_HANDSHAKES_MAX {
            return Admission::Crowded;
        }
        self.strangers += 1;
        Admission::Granted
    }

    /// All members' connections were ended.
    pub(super) fn members_gone(&mut self) {
        self.members.clear();
        self.all = 0;
    }

    /// All strangers' connections were ended.
    pub(super) fn strangers_gone(&mut self) {
        self.strangers = 0;
    }

    /// Handshakes of members since their connections were last ended: no fewer than their connections.
    pub(super) fn members_count(&self) -> u32 {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ONE: HostId = HostId([1; 16]);
    const OTHER: HostId = HostId([2; 16]);

    fn often(crowd: &mut Crowd, host: HostId, now: Instant) -> u32 {
        let granted =
            (0..HANDSHAKES_ALL_MAX + 1).take_while(|_| crowd.member(host, now) == Admission::Granted);
        u32::try_from(granted.count()).unwrap()
    }

    #[test]
    fn one_key_connects_only_so_often_in_a_while_and_the_others_do_not_notice() {
        let now = Instant::now();
        let mut crowd = Crowd::new(now);
        assert_eq!(often(&mut crowd, ONE, now), HANDSHAKES_RATE_MAX);
        assert_eq!(crowd.member(ONE, now), Admission::TooOften);
        assert_eq!(crowd.member(OTHER, now), Admission::Granted);
        assert_eq!(crowd.member(ONE, now + HANDSHAKES_PERIOD), Admission::Granted);
    }

    #[test]
    fn whoever_collects_connections_loses_them_all_at_the_bound() {
        let mut now = Instant::now();
        let mut crowd = Crowd::new(now);
        let mut held = 0;
        loop {
            held += often(&mut crowd, ONE, now);
            if crowd.member(ONE, now) == Admission::Crowded {
                break;
            }
            now += HANDSHAKES_PERIOD;
        }
        assert_eq!(held, HANDSHAKES_MAX);
        crowd.members_gone();
        assert_eq!(crowd.members_count(), 0);
        now += HANDSHAKES_PERIOD;
        assert_eq!(crowd.member(ONE, now), Admission::Granted);
    }

    #[test]
    fn all_keys_together_are_bounded_and_strangers_by_themselves() {
        let mut now = Instant::now();
        let mut crowd = Crowd::new(now);
        for n in 0..HANDSHAKES_ALL_MAX {
            let host = HostId(u128::from(n / 32).to_le_bytes());
            assert_eq!(crowd.member(host, now), Admission::Granted);
            now += Duration::from_millis(1);
        }
        assert_eq!(crowd.member(HostId([9; 16]), now), Admission::Crowded);
        let asked = (0..STRANGERS_HANDSHAKES_MAX).filter(|_| crowd.stranger() == Admission::Granted);
        assert_eq!(asked.count(), STRANGERS_HANDSHAKES_MAX as usize);
        assert_eq!(crowd.stranger(), Admission::Crowded);
        crowd.strangers_gone();
        assert_eq!(crowd.stranger(), Admission::Granted);
    }
}
