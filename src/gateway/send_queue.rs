//! What the rest of the program wants an I/O thread to send.
//!
//! Invariants: bounded in items and bytes; the thread is woken only when it sleeps, and never sleeps while anything
//! waits, because both are decided under the one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bell::Bell;
use crate::limits::{SEND_QUEUE_BYTES_MAX, SEND_QUEUE_FRAMES_MAX};

/// Why a frame was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Too much waits already.
    #[error("too many frames wait to be sent")]
    Full,
    /// The I/O thread has ended.
    #[error("the message sockets are closed")]
    Closed,
    /// The topic is longer than any of ours.
    #[error("the topic is too long")]
    Topic,
}

#[derive(Debug)]
struct State<T> {
    waiting: Vec<T>,
    bytes: usize,
    asleep: bool,
    closed: bool,
}

/// A queue with many senders and one I/O thread.
#[derive(Debug)]
pub(super) struct SendQueue<T> {
    state: Mutex<State<T>>,
    pub(super) bell: Bell,
}

impl<T> SendQueue<T> {
    pub(super) fn new() -> std::io::Result<SendQueue<T>> {
        let state = State {
            waiting: Vec::new(),
            bytes: 0,
            asleep: false,
            closed: false,
        };
        Ok(SendQueue {
            state: Mutex::new(state),
            bell: Bell::new()?,
        })
    }

    /// Adds an item that holds so many bytes.
    pub(super) fn push(&self, item: T, bytes: usize) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.closed {
            return Err(SendError::Closed);
        }
        if state.waiting.len() >= SEND_QUEUE_FRAMES_MAX || state.bytes + bytes > SEND_QUEUE_BYTES_MAX {
            return Err(SendError::Full);
        }
        state.waiting.push(item);
        state.bytes += bytes;
        self.wake(state);
        Ok(())
    }

    /// Lets the thread send what waits, and then end.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.wake(state);
    }

    /// Closes the queue when it is dropped, so that senders learn of the thread's end also when it panicked.
    pub(super) fn close_on_end(&self) -> CloseOnEnd<'_, T> {
        CloseOnEnd(self)
    }

    /// Moves everything that waits into an empty buffer. False once the queue is closed.
    pub(super) fn take(&self, into: &mut Vec<T>) -> bool {
        let mut state = self.lock();
        std::mem::swap(&mut state.waiting, into);
        state.bytes = 0;
        !state.closed
    }

    /// The thread is about to poll. False if it must not, since there is something to do.
    pub(super) fn fall_asleep(&self) -> bool {
        let mut state = self.lock();
        state.asleep = state.waiting.is_empty() && !state.closed;
        state.asleep
    }

    /// The thread has polled.
    pub(super) fn wake_up(&self) {
        self.lock().asleep = false;
        self.bell.hush();
    }

    fn wake(&self, mut state: MutexGuard<'_, State<T>>) {
        let ring = std::mem::take(&mut state.asleep);
        drop(state);
        if ring {
            self.bell.ring();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every change above is complete before anything can panic, so a poisoned lock holds a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`SendQueue::close_on_end`].
pub(super) struct CloseOnEnd<'a, T>(&'a SendQueue<T>);

impl<T> Drop for CloseOnEnd<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
