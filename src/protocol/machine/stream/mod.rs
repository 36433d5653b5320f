//! A host's view of one connection's stream: every event once, in order.
//!
//! Invariant: what is delivered has the numbers `next`, `next + 1`, ... without a hole, unless the daemon itself says
//! that the events of a hole are lost.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{BULK_DEADLINE_S, STREAM_HOLD_MAX, STREAM_TAIL_MS};
use crate::protocol::event::StreamPos;
use crate::protocol::moment::Moment;

/// What happens to a stream. `E` is whatever the host delivers.
#[derive(Clone, PartialEq, Debug)]
pub enum Input<E> {
    /// An event came by publication.
    Event {
        /// The attach epoch that it was addressed to.
        attach_epoch: u32,
        /// Its number.
        seq: u64,
        /// Its size, for the bound on what is held.
        bytes: usize,
        /// The event.
        event: E,
    },
    /// A piece of the past that was asked for.
    Chunk {
        /// Events by number, rising.
        events: Vec<(u64, E)>,
        /// Whether it was the last piece.
        done: bool,
        /// Events from `next` on that are gone for good.
        lost: u64,
    },
    /// The daemon says how far the stream goes.
    Head(u64),
    /// The connection belongs to this host again, under a new epoch.
    Attached {
        /// The epoch.
        attach_epoch: u32,
        /// How far the stream goes.
        head: StreamPos,
    },
    /// Time has passed.
    Tick,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output<E> {
    /// Give it to the client.
    Deliver {
        /// Its number, to be acknowledged once the client's socket has taken it.
        seq: u64,
        /// The event.
        event: E,
    },
    /// Ask the daemon for the events from here to the head.
    Replay {
        /// The first one missing.
        from: StreamPos,
    },
    /// Tell the client that so many events are lost.
    Gap {
        /// How many.
        lost: u64,
    },
}

/// The state of one connection's stream.
#[derive(Clone, PartialEq, Debug)]
pub struct Stream<E> {
    attach_epoch: u32,
    /// The next event to deliver.
    next: StreamPos,
    /// The highest number that the daemon is known to have given.
    head: u64,
    /// Events after a hole, by number.
    held: BTreeMap<u64, (E, usize)>,
    held_bytes: usize,
    /// When it was noticed that something is missing, while nothing was asked for yet.
    missing_since: Option<Moment>,
    /// When a replay was asked for that has not ended.
    asked_at: Option<Moment>,
}

impl<E> Stream<E> {
    /// A stream of which everything up to `pos` was delivered.
    pub fn new(attach_epoch: u32, pos: StreamPos) -> Stream<E> {
        Stream {
            attach_epoch,
            next: StreamPos {
                era: pos.era,
                seq: pos.seq + 1,
            },
            head: pos.seq,
            held: BTreeMap::new(),
            held_bytes: 0,
            missing_since: None,
            asked_at: None,
        }
    }

    /// The last event delivered.
    pub fn last(&self) -> StreamPos {
        StreamPos {
            era: self.next.era,
            seq: self.next.seq - 1,
        }
    }

    /// The epoch under which this host has the connection.
    pub fn attach_epoch(&self) -> u32 {
        self.attach_epoch
    }

    /// Whether everything up to `head` was delivered, so that an answer that carries it may be given.
    pub fn is_past(&self, head: StreamPos) -> bool {
        self.next.era > head.era || self.next.era == head.era && self.next.seq > head.seq
    }

    /// Takes an input.
    pub fn on(&mut self, now: Moment, input: Input<E>) -> Vec<Output<E>> {
        let mut out = Vec::new();
        match input {
            Input::Event { attach_epoch, .. } if attach_epoch != self.attach_epoch => {}
            Input::Event {
                seq, bytes, event, ..
            } => self.event(seq, bytes, event, &mut out),
            Input::Chunk { events, done, lost } => {
                self.chunk(events, lost, &mut out);
                if done {
                    // If something is missing still, it is not asked for again at once and for ever.
                    (self.asked_at, self.missing_since) = (None, Some(now));
                }
            }
            Input::Head(head) => self.head = self.head.max(head),
            Input::Attached { attach_epoch, head } => self.attached(now, attach_epoch, head, &mut out),
            Input::Tick => {}
        }
        self.ask_for_missing(now, &mut out);
        out
    }

    fn event(&mut self, seq: u64, bytes: usize, event: E, out: &mut Vec<Output<E>>) {
        self.head = self.head.max(seq);
        if seq == self.next.seq {
            self.deliver(event, out);
            self.deliver_held(out);
        } else if seq > self.next.seq && self.held_bytes + bytes <= STREAM_HOLD_MAX {
            // What does not fit comes again with the replay.
            if let Some((_, old)) = self.held.insert(seq, (event, bytes)) {
                self.held_bytes -= old;
            }
            self.held_bytes += bytes;
        }
    }

    fn chunk(&mut self, events: Vec<(u64, E)>, lost: u64, out: &mut Vec<Output<E>>) {
        if lost > 0 {
            self.next.seq += lost;
            out.push(Output::Gap { lost });
        }
        for (seq, event) in events {
            self.event(seq, 0, event, out);
        }
        self.deliver_held(out);
    }

    fn attached(&mut self, now: Moment, attach_epoch: u32, head: StreamPos, out: &mut Vec<Output<E>>) {
        self.attach_epoch = attach_epoch;
        self.asked_at = None;
        if head.era == self.next.era {
            self.head = self.head.max(head.seq);
            if self.next.seq <= self.head {
                self.ask(now, out);
            }
            return;
        }
        // The history that the numbers counted is gone; the new one is taken from where it stands.
        self.held.clear();
        self.held_bytes = 0;
        self.head = head.seq;
        self.next = StreamPos {
            era: head.era,
            seq: head.seq + 1,
        };
        self.missing_since = None;
    }

    fn deliver(&mut self, event: E, out: &mut Vec<Output<E>>) {
        out.push(Output::Deliver {
            seq: self.next.seq,
            event,
        });
        self.next.seq += 1;
    }

    fn deliver_held(&mut self, out: &mut Vec<Output<E>>) {
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.next.seq {
                break;
            }
            let (seq, (event, bytes)) = entry.remove_entry();
            self.held_bytes -= bytes;
            if seq == self.next.seq {
                self.deliver(event, out);
            }
        }
    }

    /// A hole is asked for as soon as it is seen. A tail may be on its way still, so it is given a moment.
    fn ask_for_missing(&mut self, now: Moment, out: &mut Vec<Output<E>>) {
        if self.next.seq > self.head {
            self.missing_since = None;
            return;
        }
        if let Some(asked) = self.asked_at {
            if now.since(asked) >= Duration::from_secs(BULK_DEADLINE_S) {
                self.ask(now, out);
            }
            return;
        }
        let is_new = self.missing_since.is_none();
        let since = *self.missing_since.get_or_insert(now);
        if is_new && !self.held.is_empty() || now.since(since) >= Duration::from_millis(STREAM_TAIL_MS) {
            self.ask(now, out);
        }
    }

    fn ask(&mut self, now: Moment, out: &mut Vec<Output<E>>) {
        self.asked_at = Some(now);
        self.missing_since = None;
        out.push(Output::Replay { from: self.next });
    }
}

#[cfg(test)]
mod tests;
