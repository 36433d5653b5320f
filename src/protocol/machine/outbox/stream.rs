//! One connection's stream: the events that it was given and has not acknowledged, by number.
//!
//! Invariant: numbers rise by one; the events from `first` to the head are here without a hole.

use std::collections::VecDeque;

use super::row::Mark;
use super::shared::Shared;
use crate::limits::{
    OUTBOX_AGE_MAX, OUTBOX_STREAM_BYTES_MAX, OUTBOX_STREAM_EVENTS_MAX, STREAM_RING_BYTES_MAX,
    STREAM_RING_EVENTS_MAX,
};
use crate::protocol::event::StreamPos;
use crate::protocol::{ClientId, HostId, Wall};

/// A full stream gives up so large a part at once, so that its mark is not written for each event: one in so many.
const GIVEN_UP_SHARE: usize = 16;

/// Where a stream's events are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attached {
    pub host: HostId,
    pub epoch: u32,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub client: ClientId,
    pub era: u32,
    /// Its host; none while the connection lingers.
    pub attached: Option<Attached>,
    /// The last epoch under which a host was to have it and is gone.
    pub epoch_lost: Option<u32>,
    /// Whether its host shows how commands end.
    pub wants_ends: bool,
    /// The player in whose past its events stay once they were accepted.
    pub remembered_by: Option<i64>,
    /// It ends as soon as all of it is acknowledged.
    pub is_closing: bool,
    /// The last event whose commit is written.
    pub written: u64,
    /// The number of the oldest event that is here, or of the next one.
    first: u64,
    /// The rows of the events from `first` on.
    rows: VecDeque<u64>,
    bytes: usize,
    /// How many of the last events are its newest part, and their bytes.
    newest: usize,
    newest_bytes: usize,
}

impl Stream {
    /// A stream of which everything up to the mark is gone.
    pub fn new(client: ClientId, mark: Mark) -> Stream {
        Stream {
            client,
            era: mark.era,
            attached: None,
            epoch_lost: None,
            wants_ends: false,
            remembered_by: None,
            is_closing: false,
            written: mark.gone,
            first: mark.gone + 1,
            rows: VecDeque::new(),
            bytes: 0,
            newest: 0,
            newest_bytes: 0,
        }
    }

    /// The number of the last event.
    pub fn head(&self) -> u64 {
        self.first + self.rows.len() as u64 - 1
    }

    /// The last event of which the commit is written.
    pub fn pos(&self) -> StreamPos {
        StreamPos {
            era: self.era,
            seq: self.written,
        }
    }

    /// How far it has come, for its row.
    pub fn mark(&self) -> Mark {
        Mark {
            era: self.era,
            gone: self.first - 1,
        }
    }

    /// The number of the oldest event that is here.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether something that its host may know of is not acknowledged.
    pub fn is_behind(&self) -> bool {
        self.first <= self.written
    }

    /// The row of an event that is here.
    pub fn row(&self, seq: u64) -> Option<u64> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.rows.get(at).copied()
    }

    /// Adds an event; gives its number. What is too much for the newest part grows old.
    pub fn push(&mut self, row: u64, shared: &mut Shared) -> u64 {
        let bytes = shared.bytes(row);
        shared.have(row, true);
        self.rows.push_back(row);
        self.bytes += bytes;
        self.newest += 1;
        self.newest_bytes += bytes;
        while self.newest > STREAM_RING_EVENTS_MAX || self.newest_bytes > STREAM_RING_BYTES_MAX {
            let Some(&aged) = self.rows.get(self.rows.len() - self.newest) else {
                break;
            };
            self.newest -= 1;
            self.newest_bytes -= shared.bytes(aged);
            shared.age(aged);
        }
        self.head()
    }

    /// Adds an event that was found in the store. One that does not follow the last shows that those before it are lost:
    /// they are given up. One that was accepted already is left out.
    pub fn restore(&mut self, seq: u64, row: u64, shared: &mut Shared, unused: &mut Vec<u64>) {
        if seq <= self.head() {
            return;
        }
        if seq > self.head() + 1 {
            while let Some((row, is_unused)) = self.pop(shared) {
                unused.extend(is_unused.then_some(row));
            }
            self.first = seq;
        }
        shared.have(row, false);
        self.rows.push_back(row);
        self.bytes += shared.bytes(row);
        self.written = seq;
    }

    /// Lets go of the oldest event. Gives its row, and whether no other stream has it.
    pub fn pop(&mut self, shared: &mut Shared) -> Option<(u64, bool)> {
        let was_newest = self.newest == self.rows.len();
        let row = self.rows.pop_front()?;
        let bytes = shared.bytes(row);
        self.first += 1;
        self.bytes -= bytes;
        if was_newest {
            self.newest -= 1;
            self.newest_bytes -= bytes;
        }
        if self.rows.is_empty() {
            self.rows = VecDeque::new();
        }
        Some((row, shared.let_go(row, was_newest)))
    }

    /// Everything up to here was accepted; adds the rows that no other stream has either. Gives whether that is news.
    pub fn acknowledge(&mut self, seq: u64, shared: &mut Shared, unused: &mut Vec<u64>) -> bool {
        let (before, up_to) = (self.first, seq.min(self.written));
        while self.first <= up_to
            && let Some((row, is_unused)) = self.pop(shared)
        {
            unused.extend(is_unused.then_some(row));
        }
        self.first != before
    }

    /// Gives up the oldest events of a stream that has too many, or too old ones; adds the rows that no other stream has
    /// either. Gives how many.
    pub fn give_up(&mut self, now: Wall, shared: &mut Shared, unused: &mut Vec<u64>) -> u64 {
        let before = self.first;
        let is_full = self.rows.len() > OUTBOX_STREAM_EVENTS_MAX || self.bytes > OUTBOX_STREAM_BYTES_MAX;
        let share = |most: usize| most - most / GIVEN_UP_SHARE;
        while let Some(&oldest) = self.rows.front() {
            let is_over = is_full
                && (self.rows.len() > share(OUTBOX_STREAM_EVENTS_MAX)
                    || self.bytes > share(OUTBOX_STREAM_BYTES_MAX));
            if !is_over && shared.at(oldest).plus(OUTBOX_AGE_MAX) >= now {
                break;
            }
            let popped = self.pop(shared);
            unused.extend(popped.and_then(|(row, is_unused)| is_unused.then_some(row)));
        }
        self.first - before
    }
}
