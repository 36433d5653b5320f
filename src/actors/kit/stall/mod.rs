//! The alarm for an arbiter that is stuck: one thread that looks at the last beat of each.
//!
//! It only reports. Killing a process whose main arbiter is stuck is the business of the supervisor's watchdog.
//! Invariant: a watcher that was itself held up (a paused machine) blames nobody for that round.

use crate::limits::{ARBITER_BEAT, ARBITER_STALL};
use actix::{Arbiter, ArbiterHandle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, thread};

/// What there is to say about one arbiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stall {
    /// It has shown nothing for this long, and still does not.
    Began(&'static str, Duration),
    /// It runs again, after this long.
    Ended(&'static str, Duration),
}

/// The last beat of one arbiter, in milliseconds since the alarm was started.
struct Watched {
    name: &'static str,
    last_beat_ms: Arc<AtomicU64>,
    stalled_since: Option<Duration>,
}

/// The pure part: who beat when, and what follows from that.
#[derive(Default)]
struct Watch {
    arbiters: Vec<Watched>,
    last_look: Duration,
}

impl Watch {
    /// Looks at every arbiter at `now`, counted from the start of the alarm.
    fn look(&mut self, now: Duration) -> Vec<Stall> {
        let late = now.saturating_sub(self.last_look) > ARBITER_STALL;
        self.last_look = now;
        let mut stalls = Vec::new();
        for arbiter in &mut self.arbiters {
            if Arc::strong_count(&arbiter.last_beat_ms) == 1 {
                continue;
            }
            let beat = Duration::from_millis(arbiter.last_beat_ms.load(Ordering::Relaxed));
            let silent = now.saturating_sub(beat);
            match arbiter.stalled_since {
                None if silent > ARBITER_STALL && !late => {
                    arbiter.stalled_since = Some(beat);
                    stalls.push(Stall::Began(arbiter.name, silent));
                }
                Some(since) if beat > since => {
                    arbiter.stalled_since = None;
                    stalls.push(Stall::Ended(arbiter.name, beat - since));
                }
                _ => {}
            }
        }
        self.arbiters
            .retain(|arbiter| Arc::strong_count(&arbiter.last_beat_ms) > 1);
        stalls
    }
}

/// Watches arbiters until it is dropped.
pub struct StallAlarm {
    watch: Arc<Mutex<Watch>>,
    born: Instant,
}

impl StallAlarm {
    /// Starts the thread that watches. `report` is called on that thread.
    pub fn start(report: impl Fn(&Stall) + Send + 'static) -> io::Result<StallAlarm> {
        let alarm = StallAlarm {
            watch: Arc::default(),
            born: Instant::now(),
        };
        let (watch, born) = (Arc::downgrade(&alarm.watch), alarm.born);
        thread::Builder::new()
            .name("stall-alarm".into())
            .spawn(move || watch_until_dropped(&watch, born, report))?;
        Ok(alarm)
    }

    /// Watches one arbiter, from its next turn on, as long as it lives.
    pub fn watch(&self, name: &'static str, arbiter: &ArbiterHandle) {
        let born = self.born;
        let now_ms = move || u64::try_from(born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let beat = Arc::new(AtomicU64::new(now_ms()));
        let watched = Watched {
            name,
            last_beat_ms: Arc::clone(&beat),
            stalled_since: None,
        };
        self.watch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .arbiters
            .push(watched);
        arbiter.spawn(async move {
            let mut ticks = tokio::time::interval(ARBITER_BEAT);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                beat.store(now_ms(), Ordering::Relaxed);
            }
        });
    }
}

fn watch_until_dropped(watch: &Weak<Mutex<Watch>>, born: Instant, report: impl Fn(&Stall)) {
    while let Some(watch) = watch.upgrade() {
        let stalls = watch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .look(born.elapsed());
        drop(watch);
        stalls.iter().for_each(&report);
        thread::sleep(ARBITER_BEAT);
    }
}

/// Watches the current arbiter and writes its stalls to the log, until what is returned is dropped.
pub fn watch_here(name: &'static str) -> io::Result<StallAlarm> {
    let alarm = StallAlarm::start(log_stall)?;
    alarm.watch(name, &Arbiter::current());
    Ok(alarm)
}

fn log_stall(stall: &Stall) {
    match stall {
        Stall::Began(arbiter, silent) => tracing::warn!(arbiter, ?silent, "an arbiter is stuck"),
        Stall::Ended(arbiter, silent) => {
            tracing::warn!(arbiter, ?silent, "an arbiter was stuck and runs again")
        }
    }
}

#[cfg(test)]
mod tests;
