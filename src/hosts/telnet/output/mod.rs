//! The bytes that wait for one client's socket: bounded, in order, whole lines or none.
//!
//! Invariants: a line is sent whole or not at all; what telnet itself has to say is never dropped; what was dropped
//! is said, with its number of lines, in the place where it is missing; no memory is held while nothing waits.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// A stretch of [`Output::bytes`] that is dropped or kept as a whole.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Bytes of it that are still to be sent.
    left: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text that may be dropped.
    Text,
    /// Text of which the client has seen a part already.
    Begun,
    /// A telnet command.
    Fixed,
}

/// What waits for one client.
#[derive(Debug)]
pub struct Output {
    /// Goes out before `bytes`: what may not be dropped and stood before dropped text, then the notice about it.
    first: Vec<u8>,
    first_sent: usize,
    bytes: Vec<u8>,
    sent: usize,
    /// Covers `bytes[sent..]` without gaps.
    pieces: VecDeque<Piece>,
    lines_lost: u64,
    bound: usize,
    fixed_waiting: usize,
    /// Bytes that have left `bytes`, over all time.
    left: u64,
}

/// Sent bytes are cut off the front of the buffer once they are this many and more than those that wait.
const COMPACT_FROM: usize = 64 * 1024;

impl Output {
    /// Nothing waits; no more than about `bound` bytes will.
    pub fn new(bound: usize) -> Output {
        Output {
            first: Vec::new(),
            first_sent: 0,
            bytes: Vec::new(),
            sent: 0,
            pieces: VecDeque::new(),
            lines_lost: 0,
            bound,
            fixed_waiting: 0,
            left: 0,
        }
    }

    /// Bytes queued over all time; what is queued now is gone once [`Self::left`] is as much.
    pub fn queued(&self) -> u64 {
        self.left + (self.bytes.len() - self.sent) as u64
    }

    /// Bytes that were taken by the socket, or dropped, over all time.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.first.len() - self.first_sent + self.bytes.len() - self.sent
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.lines_lost == 0
    }

    /// Whether `length` more bytes fit within the bound.
    pub fn has_room(&self, length: usize) -> bool {
        self.waiting() + length <= self.bound
    }

    /// Bytes of telnet commands that wait: a client that asks and does not read makes this grow.
    pub fn fixed_waiting(&self) -> usize {
        self.fixed_waiting
    }

    /// Queues one line, or one text that is dropped as a whole; `length` is a guess that `write` may exceed.
    pub fn text(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.has_room(length) {
            self.make_room(length);
        }
        self.push(Kind::Text, write);
    }

    /// Queues a telnet command.
    pub fn fixed(&mut self, command: &[u8]) {
        self.fixed_waiting += command.len();
        self.push(Kind::Fixed, |out| out.extend_from_slice(command));
    }

    /// Offers everything that waits to `write` (a vectored write of the socket) until it takes no more. Gives whether
    /// all is sent; an error other than `WouldBlock` is the caller's.
    pub fn send(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<bool> {
        self.note_loss();
        while self.waiting() > 0 {
            let slices = [
                IoSlice::new(&self.first[self.first_sent..]),
                IoSlice::new(&self.bytes[self.sent..]),
            ];
            let from = usize::from(slices[0].is_empty());
            match write(&slices[from..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn push(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        let left = self.bytes.len() - before;
        if left > 0 {
            self.pieces.push_back(Piece { left, kind });
        }
    }

    /// Drops the oldest texts until `length` more bytes fit, or none is left.
    fn make_room(&mut self, length: usize) {
        while !self.has_room(length) {
            let Some(piece) = self.pieces.pop_front() else {
                break;
            };
            let dropped = &self.bytes[self.sent..self.sent + piece.left];
            if piece.kind == Kind::Text {
                let lines = dropped.iter().filter(|&&byte| byte == b'\n').count().max(1);
                self.lines_lost += lines as u64;
            } else {
                self.first.extend_from_slice(dropped);
            }
            self.sent += piece.left;
            self.left += piece.left as u64;
        }
        if self.sent >= COMPACT_FROM && self.sent > self.bytes.len() - self.sent {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Puts the notice about dropped lines where they are missing.
    fn note_loss(&mut self) {
        let lost = std::mem::take(&mut self.lines_lost);
        if lost > 0 {
            let notice =
                format!(">> Network buffer overflow: {lost} lines of output to you have been lost <<\r\n");
            self.first.extend_from_slice(notice.as_bytes());
        }
    }

    /// The socket has taken `count` bytes.
    fn advance(&mut self, mut count: usize) {
        let of_first = count.min(self.first.len() - self.first_sent);
        self.first_sent += of_first;
        count -= of_first;
        self.sent += count;
        self.left += count as u64;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.left {
                piece.left -= count;
                if count > 0 && piece.kind == Kind::Text {
                    piece.kind = Kind::Begun;
                }
                break;
            }
            count -= piece.left;
            self.pieces.pop_front();
        }
        if self.waiting() == 0 {
            *self = Output {
                lines_lost: self.lines_lost,
                left: self.left,
                ..Output::new(self.bound)
            };
        }
    }
}

#[cfg(test)]
mod tests;
