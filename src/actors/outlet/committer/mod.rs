//! The thread that commits what waits in the outbox when nobody else does: the server's own words at once, deletions
//! after a while.
//!
//! It alone waits for a full log on behalf of actors, which must not. Whatever a task's commit has taken along meanwhile
//! is not there any more when it comes to it.

use crate::actors::outlet::{After, Outlet};
use crate::gateway::indispensable;
use crate::limits::OUTBOX_COMMIT_DELAY;
use moo_model::world::{Lookups, Transaction, World};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// When a commit is wished for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum When {
    #[default]
    Never,
    Later,
    Now,
}

/// What the others wish of the thread.
#[derive(Default)]
pub(super) struct Wishes {
    when: Mutex<When>,
    changed: Condvar,
    /// What is to happen in the next commit.
    afters: Mutex<Vec<After>>,
}

impl Wishes {
    /// Words wait to be said.
    pub fn now(&self) {
        self.wish(When::Now);
    }

    /// Rows wait that are in no hurry.
    pub fn later(&self) {
        self.wish(When::Later);
    }

    /// This is to happen in a commit of its own.
    pub fn push(&self, after: After) {
        let mut afters = self.afters.lock().unwrap_or_else(PoisonError::into_inner);
        afters.push(after);
        drop(afters);
        self.now();
    }

    /// How much is to happen.
    pub fn waiting(&self) -> usize {
        self.afters.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What is to happen now.
    fn take(&self) -> Vec<After> {
        std::mem::take(&mut *self.afters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, When> {
        self.when.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wish(&self, wish: When) {
        let mut when = self.lock();
        if *when < wish {
            *when = wish;
            drop(when);
            self.changed.notify_one();
        }
    }

    /// Waits until a commit is due.
    fn wait(&self) {
        let none = |when: &mut When| *when == When::Never;
        let when = self
            .changed
            .wait_while(self.lock(), none)
            .unwrap_or_else(PoisonError::into_inner);
        let not_now = |when: &mut When| *when != When::Now;
        let (mut when, _) = self
            .changed
            .wait_timeout_while(when, OUTBOX_COMMIT_DELAY, not_now)
            .unwrap_or_else(PoisonError::into_inner);
        *when = When::Never;
    }
}

impl Outlet {
    /// Starts the thread. It lives as long as the process.
    pub fn start_committing(self: &Arc<Self>, world: Arc<World>) -> io::Result<()> {
        let outlet = self.clone();
        thread::Builder::new()
            .name("outbox".into())
            .spawn(move || indispensable(|| outlet.commit_rows(&world)))?;
        Ok(())
    }

    fn commit_rows(&self, world: &Arc<World>) {
        let mut lookups = Box::<Lookups>::default();
        loop {
            self.wishes.wait();
            let afters = self.wishes.take();
            if self.outbox().has_rows() || !afters.is_empty() {
                let tx = Transaction::begin(world, lookups);
                let (_, back) = tx.commit_noting(|stamp| {
                    let mut outbox = self.outbox();
                    let mut rows = outbox.number(stamp, Vec::new(), None);
                    for after in afters {
                        rows.extend(after.leave(stamp, self.epoch, &mut outbox));
                    }
                    rows
                });
                lookups = back;
            }
        }
    }
}

#[cfg(test)]
mod tests;
