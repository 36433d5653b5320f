//! The alarm for an arbiter that is stuck: one thread that asks each whether it runs, and looks for the answer.
//!
//! It asks rather than being told: a timer in each arbiter would wake an idle one more than twice as often.
//! It only reports. Killing a process whose main arbiter is stuck is the business of the supervisor's watchdog.
//! Invariant: a watcher that was itself held up (a paused machine) blames nobody for that round.

use crate::limits::{ARBITER_LOOK, ARBITER_STALL};
use actix::{Arbiter, ArbiterHandle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, thread};

/// What there is to say about one arbiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stall {
    /// It has not answered for this long, and still does not.
    Began(&'static str, Duration),
    /// It runs again, after this long.
    Ended(&'static str, Duration),
}

/// One arbiter: when it was asked, and when it last answered, in milliseconds since the alarm was started.
struct Watched {
    name: &'static str,
    /// Asks it; false when it is gone.
    ask: Box<dyn Fn() -> bool + Send>,
    asked_ms: u64,
    answered_ms: Arc<AtomicU64>,
    is_reported: bool,
}

impl Watched {
    /// Looks whether it has answered, and asks anew if so. It is asked once only while it is stuck, so that no questions
    /// pile up there. Gives what there is to say; none and false when the arbiter is gone.
    fn look(&mut self, now_ms: u64, was_held_up: bool) -> (Option<Stall>, bool) {
        let answered_ms = self.answered_ms.load(Ordering::Relaxed);
        if answered_ms >= self.asked_ms {
            let silent = Duration::from_millis(answered_ms - self.asked_ms);
            let ended = std::mem::take(&mut self.is_reported).then_some(Stall::Ended(self.name, silent));
            self.asked_ms = now_ms;
            return (ended, (self.ask)());
        }
        if was_held_up && !self.is_reported {
            self.asked_ms = now_ms;
        }
        let silent = Duration::from_millis(now_ms - self.asked_ms);
        if silent <= ARBITER_STALL || std::mem::replace(&mut self.is_reported, true) {
            return (None, true);
        }
        (Some(Stall::Began(self.name, silent)), true)
    }
}

/// The pure part: who was asked and answered when, and what follows from that.
#[derive(Default)]
struct Watch {
    arbiters: Vec<Watched>,
    last_look: Duration,
}

impl Watch {
    /// Looks at every arbiter at `now`, counted from the start of the alarm.
    fn look(&mut self, now: Duration) -> Vec<Stall> {
        let was_held_up = now.saturating_sub(self.last_look) > ARBITER_STALL;
        self.last_look = now;
        let mut stalls = Vec::new();
        self.arbiters.retain_mut(|arbiter| {
            let (stall, lives) = arbiter.look(whole_ms(now), was_held_up);
            stalls.extend(stall);
            lives
        });
        stalls
    }
}

fn whole_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
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

    /// Watches one arbiter as long as it lives.
    pub fn watch(&self, name: &'static str, arbiter: &ArbiterHandle) {
        let (born, arbiter) = (self.born, arbiter.clone());
        let answered_ms = Arc::new(AtomicU64::new(0));
        let answer = Arc::clone(&answered_ms);
        let ask = move || {
            let answer = Arc::clone(&answer);
            arbiter.spawn_fn(move || answer.store(whole_ms(born.elapsed()), Ordering::Relaxed))
        };
        let watched = Watched {
            name,
            ask: Box::new(ask),
            asked_ms: 0,
            answered_ms,
            is_reported: false,
        };
        self.watch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .arbiters
            .push(watched);
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
        thread::sleep(ARBITER_LOOK);
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
