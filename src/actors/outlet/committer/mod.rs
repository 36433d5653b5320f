//! The thread that commits what waits in the outbox when nobody else does: the server's own words at once, deletions
//! after a while.
//!
//! It alone waits for a full log on behalf of actors, which must not. Whatever a task's commit has taken along meanwhile
//! is not there any more when it comes to it.

use crate::actors::outlet::Outlet;
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
            if self.outbox().has_rows() {
                let tx = Transaction::begin(world, lookups);
                let (_, back) = tx.commit_noting(|stamp| self.outbox().number(stamp, Vec::new(), None));
                lookups = back;
            }
        }
    }
}

#[cfg(test)]
mod tests;
