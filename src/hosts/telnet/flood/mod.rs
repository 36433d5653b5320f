//! The flood gate: how fast one client may talk. Who is faster is read later, never cut.
//!
//! Invariant: over any long stretch of time no more lines and bytes pass than the settings allow, plus one burst. The
//! clock is an argument.

use crate::config;
use std::time::Duration;

/// One measure that fills with time and empties with use.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What may pass now; below zero after a burst that was larger than the bucket.
    left: f64,
}

/// How many seconds' worth of bytes may come at once.
const BYTES_BURST_S: f64 = 4.0;

impl Bucket {
    fn fill(&mut self, seconds: f64, rate: f64, burst: f64) {
        self.left = (self.left + seconds * rate).min(burst);
    }

    /// Seconds until something may pass again.
    fn wait(&self, rate: f64) -> f64 {
        if self.left > 0.0 {
            0.0
        } else {
            (1.0 - self.left) / rate
        }
    }
}

/// The gate of one client.
#[derive(Clone, Copy, Debug)]
pub struct FloodGate {
    lines: Bucket,
    bytes: Bucket,
    filled_at: Duration,
}

impl FloodGate {
    /// A client that has said nothing yet, at `now` (any zero, monotonic).
    pub fn new(settings: &config::Telnet, now: Duration) -> FloodGate {
        let lines = Bucket {
            left: f64::from(settings.lines_burst_max),
        };
        let bytes = Bucket {
            left: f64::from(settings.bytes_per_second_max) * BYTES_BURST_S,
        };
        FloodGate {
            lines,
            bytes,
            filled_at: now,
        }
    }

    /// Takes note of what the client has sent, and says how long to wait before reading more, if at all.
    pub fn on_read(
        &mut self,
        settings: &config::Telnet,
        now: Duration,
        lines: usize,
        bytes: usize,
    ) -> Option<Duration> {
        let seconds = now.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = now;
        let measures = [
            (
                &mut self.lines,
                lines,
                settings.lines_per_second_max,
                f64::from(settings.lines_burst_max),
            ),
            (
                &mut self.bytes,
                bytes,
                settings.bytes_per_second_max,
                f64::from(settings.bytes_per_second_max) * BYTES_BURST_S,
            ),
        ];
        let mut wait: f64 = 0.0;
        for (bucket, used, rate, burst) in measures {
            if rate > 0 {
                bucket.fill(seconds, f64::from(rate), burst.max(1.0));
                bucket.left -= used as f64;
                wait = wait.max(bucket.wait(f64::from(rate)));
            }
        }
        (wait > 0.0).then(|| Duration::from_secs_f64(wait))
    }
}

#[cfg(test)]
mod tests;
