//! The lines of one client between its socket and the daemon.
//!
//! Invariants: lines leave in the order they came; at most [`LINES_UNANSWERED_MAX`] are with the daemon at once; while
//! the daemon is away no more than [`HELD_LINES_MAX`] lines or [`HELD_BYTES_MAX`] bytes are kept.

use crate::limits::{HELD_BYTES_MAX, HELD_LINES_MAX, LINES_UNANSWERED_MAX};
use std::collections::VecDeque;

/// There is no room to keep this line until the daemon is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Whether lines can go to the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Daemon {
    /// It has not heard of this connection yet.
    #[default]
    Opening,
    /// It takes lines.
    There,
    /// It is gone for a while, and lines are kept for it.
    Away,
}

/// Where one client's lines stand.
#[derive(Debug, Default)]
pub struct Window {
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    unanswered: usize,
    daemon: Daemon,
}

impl Window {
    /// Takes one line of the client. Refused only while the daemon is away, if too much is kept for it already: of
    /// this client, or of all clients of a host that has no room left.
    pub fn push(&mut self, line: String, host_has_room: bool) -> Result<(), Full> {
        let full = self.waiting.len() >= HELD_LINES_MAX
            || self.waiting_bytes + line.len() > HELD_BYTES_MAX
            || !host_has_room;
        if self.daemon == Daemon::Away && full {
            return Err(Full);
        }
        self.waiting_bytes += line.len();
        self.waiting.push_back(line);
        Ok(())
    }

    /// Puts a line before those that wait.
    pub fn push_front(&mut self, line: String) {
        self.waiting_bytes += line.len();
        self.waiting.push_front(line);
    }

    /// Whether as much waits as is kept for a daemon that is away.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= HELD_LINES_MAX || self.waiting_bytes >= HELD_BYTES_MAX
    }

    /// Bytes of the lines that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Drops the lines that wait.
    pub fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
    }

    /// The lines that may go to the daemon now. They count as unanswered from here on.
    pub fn take(&mut self) -> Vec<String> {
        self.take_up_to(LINES_UNANSWERED_MAX.saturating_sub(self.unanswered))
    }

    /// All lines, whether or not the daemon keeps up: the client has gone and no more will come.
    pub fn take_all(&mut self) -> Vec<String> {
        self.take_up_to(usize::MAX)
    }

    /// The daemon has answered `count` lines.
    pub fn answered(&mut self, count: usize) {
        self.unanswered = self.unanswered.saturating_sub(count);
    }

    /// The daemon has come or gone. Unanswered lines stay so: the link sends them again.
    pub fn set_daemon(&mut self, daemon: Daemon) {
        self.daemon = daemon;
    }

    /// Whether lines can go to the daemon.
    pub fn daemon(&self) -> Daemon {
        self.daemon
    }

    /// Forgets what the daemon was asked: it does not know this connection any more.
    pub fn forget_unanswered(&mut self) {
        self.unanswered = 0;
    }

    /// Whether the socket should be read: always while the daemon is away (so that a refusal can be said), otherwise
    /// as long as everything read before has been sent and the daemon keeps up.
    pub fn wants_more(&self) -> bool {
        self.daemon == Daemon::Away || (self.waiting.is_empty() && self.unanswered < LINES_UNANSWERED_MAX)
    }

    fn take_up_to(&mut self, room: usize) -> Vec<String> {
        let room = if self.daemon == Daemon::There { room } else { 0 };
        let count = room.min(self.waiting.len());
        let lines: Vec<String> = self.waiting.drain(..count).collect();
        self.waiting_bytes -= lines.iter().map(String::len).sum::<usize>();
        self.unanswered += count;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        lines
    }
}

#[cfg(test)]
mod tests;
