//! How much of what a client was given its socket has taken: written by whoever owns the socket, read by the host.
//!
//! Invariant: marks only rise, so what is read is at worst a little old. It takes the place of a message for each
//! event.

use std::sync::atomic::{AtomicU64, Ordering};

/// One client's meter.
#[derive(Debug, Default)]
pub struct Meter {
    /// The number of the last event that the socket took.
    accepted: AtomicU64,
    /// The mark of that event.
    drained: AtomicU64,
    /// Whoever owns the socket is to speak up at this mark; 0 = it need not.
    wanted: AtomicU64,
}

impl Meter {
    /// The socket has taken everything up to the event with this number and mark. Gives whether the host waits to
    /// hear of it at once.
    pub fn accept(&self, seq: u64, mark: u64) -> bool {
        self.accepted.store(seq, Ordering::Relaxed);
        self.drained.store(mark, Ordering::Release);
        let wanted = self.wanted.load(Ordering::Relaxed);
        wanted != 0 && mark >= wanted && self.wanted.swap(0, Ordering::Relaxed) != 0
    }

    /// The mark of the last event that the socket took.
    pub(super) fn drained(&self) -> u64 {
        self.drained.load(Ordering::Acquire)
    }

    /// That event's number. Belongs to the present stream only if its mark does.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Asks to be told once the socket has taken everything up to this mark.
    pub(super) fn want(&self, mark: u64) {
        self.wanted.store(mark, Ordering::Relaxed);
    }
}
