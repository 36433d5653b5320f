//! Whether a child is alive, by its signs of life. Pure: time is an argument, counted from the child's start.
//!
//! Until it is ready a child must show progress within the ready timeout; from then on a beat within the watchdog
//! timeout. Invariant: a watcher that was held up itself gives everybody a whole timeout again.

use std::time::Duration;

/// Why a child is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// It was not ready in time.
    NotReady,
    /// It has shown no sign of life.
    Silent,
}

/// The state of one watch.
#[derive(Debug)]
pub struct Watchdog {
    ready_timeout: Duration,
    silence_max: Duration,
    tick: Duration,
    ready: bool,
    last_sign: Duration,
    last_tick: Duration,
    raised: bool,
}

impl Watchdog {
    /// A watch over a child that starts now; `tick` is how often `on_tick` will be called.
    pub fn new(ready_timeout: Duration, silence_max: Duration, tick: Duration) -> Self {
        let zero = Duration::ZERO;
        Watchdog {
            ready_timeout,
            silence_max,
            tick,
            ready: false,
            last_sign: zero,
            last_tick: zero,
            raised: false,
        }
    }

    /// The child's main arbiter runs. Before it is ready that proves no progress.
    pub fn on_beat(&mut self, now: Duration) {
        if self.ready {
            self.last_sign = now;
        }
    }

    /// The child has come nearer to being ready.
    pub fn on_progress(&mut self, now: Duration) {
        self.last_sign = now;
    }

    /// The child serves.
    pub fn on_ready(&mut self, now: Duration) {
        self.ready = true;
        self.last_sign = now;
    }

    /// Looks at the clock. An alarm is raised once.
    pub fn on_tick(&mut self, now: Duration) -> Option<Alarm> {
        if now.saturating_sub(self.last_tick) > self.tick * 2 {
            self.last_sign = now;
        }
        self.last_tick = now;
        let (limit, alarm) = if self.ready {
            (self.silence_max, Alarm::Silent)
        } else {
            (self.ready_timeout, Alarm::NotReady)
        };
        if self.raised || now.saturating_sub(self.last_sign) < limit {
            return None;
        }
        self.raised = true;
        Some(alarm)
    }
}

#[cfg(test)]
mod tests;
