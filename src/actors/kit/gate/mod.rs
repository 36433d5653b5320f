//! `Gate<A>`: the only way to send to an actor from outside, and one that says no when too much waits there.
//!
//! actix bounds a mailbox for each clone of an address, and not at all for `do_send`, so the bound is counted here.
//! An actor that handles `Offered<M>`, and not `M`, can be reached through a gate alone.

use super::slot::Slot;
use crate::limits::ACTOR_RETRY;
use actix::dev::ToEnvelope;
use actix::{Actor, Handler, Message};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The message was not taken: the actor has its bound of messages waiting, or is just being restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver has as much to do as it may; try again")
    }
}

impl std::error::Error for Busy {}

/// Messages that were let in and not yet accepted, over all clones of a gate.
struct Waiting {
    count: AtomicUsize,
    bound: usize,
}

/// A place in the queue, given back when it is dropped, by the receiver or with a mailbox that dies.
struct Permit(Arc<Waiting>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Release);
    }
}

/// A message that came through a gate.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Offered<M: Send + 'static> {
    message: M,
    permit: Permit,
}

impl<M: Send + 'static> Offered<M> {
    /// Takes the message out and gives its place in the queue back.
    pub fn accept(self) -> M {
        drop(self.permit);
        crate::fault::at_message::<M>();
        self.message
    }
}

/// A bounded way to one actor. Clones share the bound.
pub struct Gate<A: Actor> {
    slot: Slot<A>,
    waiting: Arc<Waiting>,
}

impl<A: Actor> Clone for Gate<A> {
    fn clone(&self) -> Self {
        Gate {
            slot: self.slot.clone(),
            waiting: Arc::clone(&self.waiting),
        }
    }
}

impl<A: Actor> Gate<A> {
    /// A gate to whoever is in `slot` that lets `bound` messages wait at once.
    pub fn new(slot: Slot<A>, bound: usize) -> Self {
        Gate {
            slot,
            waiting: Arc::new(Waiting {
                count: AtomicUsize::new(0),
                bound,
            }),
        }
    }

    /// Sends `message` if fewer than the bound are waiting. Never blocks and never queues more.
    pub fn offer<M>(&self, message: M) -> Result<(), Busy>
    where
        M: Send + 'static,
        A: Handler<Offered<M>>,
        A::Context: ToEnvelope<A, Offered<M>>,
    {
        self.offer_or_return(message).map_err(|_| Busy)
    }

    /// The same; gives back what was not taken.
    pub fn offer_or_return<M>(&self, message: M) -> Result<(), M>
    where
        M: Send + 'static,
        A: Handler<Offered<M>>,
        A::Context: ToEnvelope<A, Offered<M>>,
    {
        let bound = self.waiting.bound;
        let below = |count| (count < bound).then_some(count + 1);
        let counted = self
            .waiting
            .count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, below);
        if counted.is_err() {
            return Err(message);
        }
        let permit = Permit(Arc::clone(&self.waiting));
        let mut offered = Some(Offered { message, permit });
        self.slot.with(|address| {
            if let Some(offered) = offered.take() {
                #[expect(clippy::disallowed_methods, reason = "the bound was counted above")]
                address.do_send(offered);
            }
        });
        offered.map_or(Ok(()), |offered| Err(offered.message))
    }

    /// The same, from a thread that may wait: it is tried again for so long.
    pub fn offer_for<M>(&self, message: M, patience: Duration) -> Result<(), Busy>
    where
        M: Send + 'static,
        A: Handler<Offered<M>>,
        A::Context: ToEnvelope<A, Offered<M>>,
    {
        let until = Instant::now() + patience;
        let mut message = message;
        loop {
            match self.offer_or_return(message) {
                Ok(()) => return Ok(()),
                Err(_) if Instant::now() >= until => return Err(Busy),
                Err(refused) => message = refused,
            }
            thread::sleep(ACTOR_RETRY);
        }
    }

    /// How many messages wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.count.load(Ordering::Relaxed)
    }

    /// How many may.
    pub fn bound(&self) -> usize {
        self.waiting.bound
    }
}

#[cfg(test)]
mod tests;
