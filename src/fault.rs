//! Fail points: named places where a test has a program crash, stop for a while, panic, spin or fail, on order.
//!
//! They exist only with the cargo feature `faults`, which test builds have and programs that people run do not; without
//! it every function here is empty and the variable `MOOTHALL_FAULTS` is refused like any other that is no setting.
//!
//! `MOOTHALL_FAULTS` names a folder. An order is a file in it that is called like the place and says what is to happen:
//! `crash`, `panic`, `err`, `wait MS` or `spin MS`; `after N` lets N passes go by first. Whoever carries an order out
//! takes its file away, so it happens once over all processes, unless the order says `always`. Invariant: without an
//! order a place does nothing.

#[cfg(feature = "faults")]
pub use orders::{at_message, fails, point};

/// Carries out what is ordered for this place, if anything is.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_place: &str) {}

/// As [`point`]; true when the place is to fail as if the system had refused it.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn fails(_place: &str) -> bool {
    false
}

/// A place for every message of every actor, called like the message with the path of its module.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn at_message<M>() {}

#[cfg(feature = "faults")]
mod orders {
    use rustix::process::{Signal, getpid, kill_process};
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::{Duration, Instant};
    use std::{fs, hint, thread};

    /// The folder of orders; none, and every place is passed at once.
    static FOLDER: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("MOOTHALL_FAULTS").map(PathBuf::from));

    /// How often each place with an order that waits was passed.
    static PASSED: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);

    /// Carries out what is ordered for this place, if anything is.
    pub fn point(place: &str) {
        fails(place);
    }

    /// As [`point`]; true when the place is to fail as if the system had refused it.
    pub fn fails(place: &str) -> bool {
        let Some(order) = due(place) else { return false };
        tracing::warn!(place, order, "a fault was ordered here");
        let mut words = order.split_whitespace();
        let what = words.next();
        let time = Duration::from_millis(
            words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or_default(),
        );
        match what {
            Some("crash") => loop {
                // As a kill -9 from outside; nothing more runs once it has come.
                kill_process(getpid(), Signal::KILL).ok();
            },
            Some("panic") => panic!("a test ordered a panic at {place}"),
            Some("err") => return true,
            Some("wait") => thread::sleep(time),
            Some("spin") => {
                let end = Instant::now() + time;
                while Instant::now() < end {
                    hint::spin_loop();
                }
            }
            _ => panic!("`{order}` is no order for {place}"),
        }
        false
    }

    /// A place for every message of every actor, called like the message with the path of its module.
    pub fn at_message<M>() {
        if FOLDER.is_some() {
            let name = std::any::type_name::<M>();
            point(name.strip_prefix("moothall::").unwrap_or(name));
        }
    }

    /// The order for this place, if it is to be carried out now.
    fn due(place: &str) -> Option<String> {
        let file = FOLDER.as_ref()?.join(place);
        let order = fs::read_to_string(&file).ok()?;
        let mut words = order.split_whitespace().skip_while(|word| *word != "after");
        let passes: u64 = words
            .nth(1)
            .and_then(|word| word.parse().ok())
            .unwrap_or_default();
        if passes > 0 {
            let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
            let count = passed.entry(place.to_owned()).or_default();
            *count += 1;
            if *count <= passes {
                return None;
            }
        }
        // Several threads and processes may come here at once: the order is for the one that takes it away.
        let mine = order.contains("always") || fs::remove_file(&file).is_ok();
        mine.then_some(order)
    }
}
