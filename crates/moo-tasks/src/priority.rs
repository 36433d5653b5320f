//! The right of way for a task that keeps losing: while it holds it, all other commits wait, though not for ever.
//!
//! Invariant: at most one task holds it; nobody waits longer than [`WAIT_MAX`] at one commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a commit waits for the holder.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// The token.
#[derive(Default)]
pub struct Priority {
    taken: AtomicBool,
    holder: Mutex<bool>,
    freed: Condvar,
}

/// The right of way, until it is dropped.
pub struct Held<'a>(&'a Priority);

impl Priority {
    /// Takes the token, after whoever has it. `None` if that one keeps it for longer than [`WAIT_MAX`].
    pub fn take(&self) -> Option<Held<'_>> {
        let mut holder = self.wait_until_free();
        if *holder {
            return None;
        }
        *holder = true;
        self.taken.store(true, Ordering::Release);
        Some(Held(self))
    }

    /// Lets the holder go first, if there is one. Called before each ordinary commit.
    pub fn give_way(&self) {
        if self.taken.load(Ordering::Acquire) {
            drop(self.wait_until_free());
        }
    }

    fn wait_until_free(&self) -> MutexGuard<'_, bool> {
        let holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(holder, WAIT_MAX, |taken| *taken);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.0.holder.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.taken.store(false, Ordering::Release);
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_others_go_on_once_it_is_free() {
        let priority = Priority::default();
        let held = priority.take().expect("nobody has it");
        assert!(priority.taken.load(Ordering::Relaxed));
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                priority.give_way();
                priority.take().is_some()
            });
            drop(held);
            assert!(other.join().expect("it does not panic"));
        });
        assert!(!priority.taken.load(Ordering::Relaxed));
        priority.give_way();
    }
}
