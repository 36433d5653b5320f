//! Whether events go to their clients at once, or wait a moment for those that follow.
//!
//! A client that is told ten things in one moment has them in one write, and it is the writes that a crowded host is busy
//! with. So while very many events a second are told, they are gathered, for no longer than [`GATHER_PERIOD`]; a host that
//! has little to tell tells it at once.
//!
//! Invariant: what is decided depends only on how many events were told within the last two periods.

use crate::limits::{GATHER_EVENTS_MIN, GATHER_PERIOD};
use crate::protocol::Moment;

/// How many events are told in a moment.
#[derive(Debug, Default)]
pub struct Pace {
    /// When the present period began, and how many events were told in it and in the one before.
    since: Moment,
    present: usize,
    before: usize,
}

impl Pace {
    /// An event is to be told; gives whether it waits for more.
    pub fn waits(&mut self, now: Moment) -> bool {
        let period = GATHER_PERIOD.as_micros() as u64;
        let age = now.0.saturating_sub(self.since.0);
        if age >= period {
            self.before = if age < 2 * period { self.present } else { 0 };
            (self.since, self.present) = (now, 0);
        }
        self.present += 1;
        self.before >= GATHER_EVENTS_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells so many events at once; gives how many of them wait.
    fn told(pace: &mut Pace, periods: f64, count: usize) -> usize {
        let now = Moment((GATHER_PERIOD.as_micros() as f64 * periods) as u64);
        (0..count).filter(|_| pace.waits(now)).count()
    }

    #[test]
    fn a_crowd_is_told_at_once_what_is_said_once_and_together_what_goes_on() {
        let mut pace = Pace::default();
        assert_eq!(told(&mut pace, 10.0, GATHER_EVENTS_MIN), 0);
        assert_eq!(told(&mut pace, 11.5, 100), 100);
        assert_eq!(
            told(&mut pace, 13.0, 100),
            0,
            "little was said in the period before"
        );
        assert_eq!(told(&mut pace, 14.0, GATHER_EVENTS_MIN), 0);
        assert_eq!(told(&mut pace, 20.0, 100), 0, "that was long ago");
    }
}
