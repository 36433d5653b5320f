//! The bell that wakes an I/O thread out of its poll.
//!
//! Invariant: ringing never blocks; any number of rings before the next poll are one.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

/// An eventfd.
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    pub(super) fn new() -> std::io::Result<Bell> {
        Ok(Bell(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    pub(super) fn ring(&self) {
        // The one way this fails is a counter about to overflow, and then the bell has rung already.
        let _ = write(&self.0, &1u64.to_ne_bytes());
    }

    /// Makes the bell ready to ring again.
    pub(super) fn hush(&self) {
        // Nothing to read means that it has not rung.
        let _ = read(&self.0, &mut [0u8; 8]);
    }

    /// Readable once it has rung.
    pub(super) fn poll_item(&self) -> zmq::PollItem<'_> {
        zmq::PollItem::from_fd(self.0.as_raw_fd(), zmq::POLLIN)
    }
}
