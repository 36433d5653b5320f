//! Frames that a peer's pipe had no room for.
//!
//! Invariant: at most [`PEER_QUEUE_FRAMES_MAX`] frames and [`PEER_QUEUE_BYTES_MAX`] bytes, in the order of their sending.

use std::collections::VecDeque;

use crate::limits::{PEER_QUEUE_BYTES_MAX, PEER_QUEUE_FRAMES_MAX};

/// One peer's waiting frames.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Backlog {
    /// Adds a frame; false if it is one too many, and then the peer has to start over.
    pub(super) fn push(&mut self, frame: Vec<u8>) -> bool {
        let room =
            self.frames.len() < PEER_QUEUE_FRAMES_MAX && self.bytes + frame.len() <= PEER_QUEUE_BYTES_MAX;
        if room {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
        room
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Sends from the front until the pipe is full. Any error but that is given back.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&[u8]) -> zmq::Result<()>) -> zmq::Result<()> {
        while let Some(frame) = self.frames.front() {
            match send(frame) {
                Ok(()) => {
                    self.bytes -= frame.len();
                    self.frames.pop_front();
                }
                Err(zmq::Error::EAGAIN) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}
