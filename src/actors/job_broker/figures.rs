//! What is shown of the job store in figures.
//!
//! Invariant: whoever looks waits for nobody: of a store elsewhere, what was last heard of it is shown.

use super::desk::Desk;
use crate::jobs::{Counts, JobStore, Tally};

/// The figures of the job store.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobFigures {
    /// How many jobs there are.
    pub counts: Counts,
    /// What was done.
    pub tally: Tally,
    /// Jobs that wait here until the store elsewhere has them.
    pub unsent: u64,
}

impl Desk {
    /// The figures of the job store.
    pub fn figures(&self) -> JobFigures {
        let mut store = self.store();
        let (counts, tally) = (store.counts().unwrap_or_default(), store.tally());
        drop(store);
        let Some(exchange) = self.exchange() else {
            let unsent = 0;
            return JobFigures {
                counts,
                tally,
                unsent,
            };
        };
        let mut elsewhere = exchange.figures();
        // What was refused there is given up here.
        elsewhere.counts.dead += counts.dead;
        elsewhere.counts.dead_bytes += counts.dead_bytes;
        JobFigures {
            unsent: counts.alive,
            ..elsewhere
        }
    }
}
