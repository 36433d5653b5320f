//! How much of what a client was told it has: as far as its socket took it, or as far as the client says.
//!
//! The web server asks a socket's actor for bytes only when it has written those before, so being asked again is the word
//! that they were taken. Invariants: an event counts only once all before it do; a client that has once said how far it is
//! is believed from then on, and nobody else.

use crate::protocol::machine::host::Meter;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// One event that was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    seq: u64,
    mark: u64,
    /// The client was told nothing of it.
    is_silent: bool,
}

/// What one client has.
#[derive(Debug)]
pub struct Taken {
    meter: Arc<Meter>,
    told: Mutex<VecDeque<Told>>,
    /// The mark of the last event that was told, and of the last that was given to the socket, and taken by it.
    told_mark: AtomicU64,
    given_mark: AtomicU64,
    taken_mark: AtomicU64,
    /// The client says by itself how far it is: this is the number of the last event that it has.
    is_trusted: AtomicBool,
    acked: AtomicU64,
    /// When the server last asked for bytes, in milliseconds since `born`.
    asked_at: AtomicU64,
    /// What it was given then is not known to be taken.
    is_held: AtomicBool,
    born: Instant,
}

impl Default for Taken {
    fn default() -> Self {
        Taken {
            meter: Arc::default(),
            told: Mutex::default(),
            told_mark: AtomicU64::new(0),
            given_mark: AtomicU64::new(0),
            taken_mark: AtomicU64::new(0),
            is_trusted: AtomicBool::new(false),
            acked: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
            is_held: AtomicBool::new(false),
            born: Instant::now(),
        }
    }
}

impl Taken {
    /// What the link reads.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The client was told an event.
    pub fn told(&self, seq: u64, mark: u64) {
        self.push(seq, mark, false);
    }

    /// There was an event that says nothing to the client.
    pub fn passed(&self, seq: u64, mark: u64) {
        self.push(seq, mark, true);
    }

    fn push(&self, seq: u64, mark: u64, is_silent: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.push_back(Told { seq, mark, is_silent });
        self.told_mark.store(mark, Ordering::Relaxed);
    }

    /// From now on the client itself says how far it is.
    pub fn trust_client(&self) {
        self.is_trusted.store(true, Ordering::Relaxed);
    }

    /// The client has everything up to this event.
    pub fn acked(&self, seq: u64) {
        self.trust_client();
        self.acked.fetch_max(seq, Ordering::Relaxed);
    }

    /// Tells the meter what the client has; gives whether the link waits to hear of it.
    pub fn settle(&self) -> bool {
        let is_trusted = self.is_trusted.load(Ordering::Relaxed);
        let (acked, taken) = (
            self.acked.load(Ordering::Relaxed),
            self.taken_mark.load(Ordering::Acquire),
        );
        let has = |event: &Told| match is_trusted {
            true => event.is_silent || event.seq <= acked,
            false => event.mark <= taken,
        };
        let (mut told, mut last) = (self.told.lock().unwrap_or_else(PoisonError::into_inner), None);
        while told.front().is_some_and(has) {
            last = told.pop_front();
        }
        if told.is_empty() {
            told.shrink_to_fit();
        }
        drop(told);
        last.is_some_and(|last| self.meter.accept(last.seq, last.mark))
    }

    /// How long the server has had bytes for the client and has not asked for more; nothing if it has none.
    pub fn silence(&self) -> Duration {
        if !self.is_held.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let asked = Duration::from_millis(self.asked_at.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(asked)
    }

    /// The server has asked for bytes, and was given some or none.
    pub fn polled(&self, is_given: bool) {
        if !is_given {
            self.asked();
        }
        self.is_held.store(is_given, Ordering::Relaxed);
    }

    fn asked(&self) {
        let given = self.given_mark.load(Ordering::Relaxed);
        self.taken_mark.store(given, Ordering::Release);
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.asked_at.store(now, Ordering::Relaxed);
    }

    fn given(&self) {
        let told = self.told_mark.load(Ordering::Relaxed);
        self.given_mark.store(told, Ordering::Relaxed);
    }
}

/// The bytes of a socket's actor on their way to the server, which tell [`Taken`] how far they are.
pub struct Watched {
    bytes: BoxBody,
    taken: Arc<Taken>,
}

impl Watched {
    /// Watches the bytes of an actor.
    pub fn new(bytes: BoxBody, taken: Arc<Taken>) -> Watched {
        Watched { bytes, taken }
    }
}

impl MessageBody for Watched {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.bytes.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.taken.asked();
        let next = Pin::new(&mut self.bytes).poll_next(context);
        // All that the actor wrote is in what it gave now; if that is nothing, all was taken before.
        self.taken.given();
        self.taken.polled(next.is_ready());
        // A link that waits to hear of it looks at the meter by itself before long.
        self.taken.settle();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_taken_once_more_is_asked_for() {
        let taken = Taken::default();
        taken.told(1, 10);
        taken.asked();
        assert!(taken.told.lock().unwrap().len() == 1 && !taken.settle());
        taken.given();
        taken.told(2, 20);
        taken.asked();
        taken.settle();
        let left: Vec<u64> = taken.told.lock().unwrap().iter().map(|told| told.seq).collect();
        assert_eq!(left, [2]);
    }

    #[test]
    fn a_client_that_says_how_far_it_is_is_believed_and_its_socket_is_not() {
        let taken = Taken::default();
        for seq in 1..=4 {
            match seq {
                3 => taken.passed(seq, seq * 10),
                _ => taken.told(seq, seq * 10),
            }
        }
        taken.acked(2);
        taken.given();
        taken.asked();
        taken.settle();
        let left: Vec<u64> = taken.told.lock().unwrap().iter().map(|told| told.seq).collect();
        assert_eq!(left, [4], "what says nothing to it goes with what is before");
    }
}
