//! When something that ended is started again, and when one stops trying. Pure: time and chance are arguments.

use std::collections::VecDeque;
use std::time::Duration;

/// How often something may end before it is given up, and how long one waits between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// Ends within `window` that are still answered by a restart.
    pub restarts_max: usize,
    /// The span that is looked back over.
    pub window: Duration,
    /// The longest pause before the second restart in a window; it doubles with each one after.
    pub pause_first: Duration,
    /// What the pause never exceeds.
    pub pause_max: Duration,
}

/// The answer to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again after this long.
    Restart(Duration),
    /// It has ended too often.
    GiveUp,
}

/// The memory of one child's ends. Holds at most `restarts_max` moments.
#[derive(Clone, Debug)]
pub struct Restarts {
    intensity: Intensity,
    ends: VecDeque<Duration>,
}

impl Restarts {
    /// A child that has never ended.
    pub fn new(intensity: Intensity) -> Self {
        Restarts {
            intensity,
            ends: VecDeque::new(),
        }
    }

    /// Takes note of an end at `now` (monotonic, from any zero) and says what follows. `chance` is a random number:
    /// the pause is spread evenly up to its limit, so that many who fell together do not rise together.
    pub fn on_end(&mut self, now: Duration, chance: u64) -> Verdict {
        let Intensity {
            restarts_max,
            window,
            pause_first,
            pause_max,
        } = self.intensity;
        while self
            .ends
            .front()
            .is_some_and(|end| now.saturating_sub(*end) >= window)
        {
            self.ends.pop_front();
        }
        if self.ends.len() >= restarts_max {
            return Verdict::GiveUp;
        }
        let before = self.ends.len() as u32;
        self.ends.push_back(now);
        let Some(doublings) = before.checked_sub(1) else {
            return Verdict::Restart(Duration::ZERO);
        };
        let limit = pause_first
            .saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX))
            .min(pause_max);
        Verdict::Restart(limit.mul_f64(chance as f64 / u64::MAX as f64))
    }

    /// How many ends lie within the window at the last one.
    pub fn recent(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests;
