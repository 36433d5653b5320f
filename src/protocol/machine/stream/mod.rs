//! A host's view of one connection's stream: every event once, in order.
//!
//! Invariants: what is delivered has the numbers `next`, `next + 1`, ... without a hole, but for events that the client
//! is told to be lost, with their number; nothing is delivered under an attach epoch that another host may have.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{BULK_DEADLINE_S, REPLAY_REFUSALS_MAX, STREAM_HOLD_MAX, STREAM_RETRY_MS, STREAM_TAIL_MS};
use crate::protocol::event::StreamPos;
use crate::protocol::moment::Moment;

/// What happens to a stream. `E` is whatever the host delivers.
#[derive(Clone, PartialEq, Debug)]
pub enum Input<E> {
    /// The daemon knows the connection: its stream goes on after this place.
    Opened(StreamPos),
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
        /// The first event that was asked for.
        from: u64,
        /// Events by number, rising.
        events: Vec<(u64, E)>,
        /// Whether it was all that was asked for.
        done: bool,
        /// Events from `from` on that are gone for good.
        lost: u64,
    },
    /// The daemon refuses a replay.
    Refused,
    /// A replay that was asked for will not be answered.
    Unanswered,
    /// The daemon says how far the stream goes.
    Head(u64),
    /// The link is gone: nothing more is asked before the connection is attached again.
    Lost,
    /// The connection belongs to this host again, under a new epoch.
    Attached {
        /// The epoch.
        attach_epoch: u32,
        /// How far the stream goes.
        head: StreamPos,
    },
    /// The client does not keep up: what comes is dropped from now on, to be replayed later.
    Paused,
    /// The client has room again.
    Resumed,
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
    /// Ask the daemon for past events.
    Replay {
        /// The first one missing.
        from: StreamPos,
        /// The last one missing; the head if not known.
        to: Option<u64>,
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
    /// The daemon has said the epoch in words, so that a higher one may be another host's.
    is_told: bool,
    /// The highest epoch of an event that may not be ours.
    doubt: Option<u32>,
    /// The daemon knows the connection and may be asked about it.
    is_live: bool,
    /// Where the stream begins is known.
    is_opened: bool,
    is_paused: bool,
    /// The next event to deliver.
    next: StreamPos,
    /// The last event delivered when the link was lost.
    lost_at: u64,
    /// The highest number that the daemon is known to have given.
    head: u64,
    /// Events that cannot be delivered yet, by number.
    held: BTreeMap<u64, (E, usize)>,
    held_bytes: usize,
    /// When to ask for what is missing.
    ask_at: Option<Moment>,
    /// When a replay was asked for that has not ended.
    asked_at: Option<Moment>,
    /// Replays in a row that gave nothing.
    refusals: u8,
}

impl<E> Default for Stream<E> {
    fn default() -> Self {
        Stream {
            attach_epoch: 0,
            is_told: false,
            doubt: None,
            is_live: false,
            is_opened: false,
            is_paused: false,
            next: StreamPos { era: 0, seq: 1 },
            lost_at: 0,
            head: 0,
            held: BTreeMap::new(),
            held_bytes: 0,
            ask_at: None,
            asked_at: None,
            refusals: 0,
        }
    }
}

impl<E> Stream<E> {
    /// The last event delivered.
    pub fn last(&self) -> StreamPos {
        StreamPos {
            era: self.next.era,
            seq: self.next.seq - 1,
        }
    }

    /// The epoch under which this host has the connection, as far as it was told.
    pub fn attach_epoch(&self) -> u32 {
        self.attach_epoch
    }

    /// Whether everything up to `head` was delivered, so that an answer that carries it may be given.
    pub fn is_past(&self, head: StreamPos) -> bool {
        self.next.era > head.era || self.next.era == head.era && self.next.seq > head.seq
    }

    /// Whether something is missing, so that the stream wants to know when time has passed.
    pub fn is_behind(&self) -> bool {
        self.next.seq <= self.head || self.doubt.is_some()
    }

    /// Takes an input.
    pub fn on(&mut self, now: Moment, input: Input<E>) -> Vec<Output<E>> {
        let mut out = Vec::new();
        self.take(now, input, &mut out);
        out
    }

    /// The same, into a buffer that is used again.
    pub fn take(&mut self, now: Moment, input: Input<E>, out: &mut Vec<Output<E>>) {
        match input {
            Input::Opened(pos) => self.opened(pos, out),
            Input::Event {
                attach_epoch,
                seq,
                bytes,
                event,
            } => self.event(attach_epoch, seq, bytes, event, out),
            Input::Chunk {
                from,
                events,
                done,
                lost,
            } => self.chunk(now, from, events, done, lost, out),
            Input::Refused => self.refused(now, out),
            Input::Unanswered => self.ask_later(now, STREAM_RETRY_MS),
            Input::Head(head) => self.head = self.head.max(head),
            Input::Lost => {
                (self.is_live, self.asked_at, self.ask_at) = (false, None, None);
                self.lost_at = self.next.seq - 1;
            }
            Input::Attached { attach_epoch, head } => self.attached(now, attach_epoch, head, out),
            Input::Paused => self.is_paused = true,
            Input::Resumed => {
                self.is_paused = false;
                // What the daemon has held back meanwhile was never heard of here.
                if self.is_live && self.asked_at.is_none() {
                    self.ask(now, out);
                }
            }
            Input::Tick => {}
        }
        self.ask_for_missing(now, out);
    }

    fn opened(&mut self, pos: StreamPos, out: &mut Vec<Output<E>>) {
        (self.is_live, self.is_opened) = (true, true);
        self.next = StreamPos {
            era: pos.era,
            seq: pos.seq + 1,
        };
        self.head = self.head.max(pos.seq);
        self.deliver_held(out);
    }

    fn event(&mut self, attach_epoch: u32, seq: u64, bytes: usize, event: E, out: &mut Vec<Output<E>>) {
        if attach_epoch < self.attach_epoch {
            return;
        }
        if attach_epoch > self.attach_epoch {
            match self.is_told {
                true => self.doubt = self.doubt.max(Some(attach_epoch)),
                false => self.attach_epoch = attach_epoch,
            }
        }
        self.head = self.head.max(seq);
        if self.is_paused {
            return;
        }
        if seq == self.next.seq && self.may_deliver() {
            self.deliver(event, out);
            self.deliver_held(out);
        } else if seq >= self.next.seq && self.held_bytes + bytes <= STREAM_HOLD_MAX {
            // What does not fit comes again with the replay.
            self.hold(seq, bytes, event);
        }
    }

    /// Whether events may go to the client: it is known where the stream begins, and that it is ours.
    fn may_deliver(&self) -> bool {
        self.is_opened && self.doubt.is_none()
    }

    fn hold(&mut self, seq: u64, bytes: usize, event: E) {
        if let Some((_, old)) = self.held.insert(seq, (event, bytes)) {
            self.held_bytes -= old;
        }
        self.held_bytes += bytes;
    }

    fn chunk(
        &mut self,
        now: Moment,
        from: u64,
        events: Vec<(u64, E)>,
        done: bool,
        lost: u64,
        out: &mut Vec<Output<E>>,
    ) {
        // Who is given a replay is who has the connection; to others it is as if there were nothing.
        if !events.is_empty() || lost > 0 {
            self.attach_epoch = self.attach_epoch.max(self.doubt.take().unwrap_or_default());
        }
        let before = self.next.seq;
        // Some of what is lost for the daemon may have come after it was asked for.
        self.skip_to(from.saturating_add(lost), out);
        for (seq, event) in events {
            self.head = self.head.max(seq);
            if seq == self.next.seq {
                self.deliver(event, out);
            } else if seq > self.next.seq {
                self.hold(seq, 0, event);
            }
        }
        self.deliver_held(out);
        self.asked_at = None;
        if self.next.seq > before {
            self.refusals = 0;
            self.ask_at = Some(now);
        } else if done && self.is_behind() {
            self.refused(now, out);
        }
    }

    /// A replay gave nothing. It is asked for again a few times, since the daemon may only be busy, and then what is
    /// missing is taken as lost.
    fn refused(&mut self, now: Moment, out: &mut Vec<Output<E>>) {
        self.refusals += 1;
        self.ask_later(now, STREAM_RETRY_MS);
        if self.refusals < REPLAY_REFUSALS_MAX {
            return;
        }
        (self.refusals, self.ask_at) = (0, None);
        if self.doubt.take().is_some() {
            // It was another host's after all.
            self.held.clear();
            (self.held_bytes, self.head) = (0, self.next.seq - 1);
            return;
        }
        let first_held = self.held.keys().next().copied();
        self.skip_to(first_held.unwrap_or(self.head + 1), out);
        self.deliver_held(out);
    }

    /// Goes on at `seq`, and says how many events are lost before it.
    fn skip_to(&mut self, seq: u64, out: &mut Vec<Output<E>>) {
        let lost = seq.saturating_sub(self.next.seq);
        if lost > 0 && self.is_opened {
            self.next.seq = seq;
            out.push(Output::Gap { lost });
        }
    }

    fn attached(&mut self, now: Moment, attach_epoch: u32, head: StreamPos, out: &mut Vec<Output<E>>) {
        (self.attach_epoch, self.is_told) = (attach_epoch, true);
        self.doubt = self.doubt.filter(|&doubt| doubt > attach_epoch);
        (self.is_live, self.is_opened) = (true, true);
        (self.asked_at, self.refusals) = (None, 0);
        // A daemon that knows less than it had told has lost it, whatever it says of the era.
        if head.era == self.next.era && head.seq >= self.lost_at {
            self.head = self.head.max(head.seq);
            self.deliver_held(out);
            self.ask_at = Some(now);
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
        self.ask_at = None;
    }

    fn deliver(&mut self, event: E, out: &mut Vec<Output<E>>) {
        out.push(Output::Deliver {
            seq: self.next.seq,
            event,
        });
        self.next.seq += 1;
    }

    fn deliver_held(&mut self, out: &mut Vec<Output<E>>) {
        if !self.may_deliver() {
            return;
        }
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
        if !self.is_behind() {
            (self.ask_at, self.refusals) = (None, 0);
            return;
        }
        if !self.is_live || self.is_paused {
            return;
        }
        if let Some(asked) = self.asked_at {
            if now.since(asked) >= Duration::from_secs(BULK_DEADLINE_S) {
                self.ask(now, out);
            }
            return;
        }
        let is_sure = !self.held.is_empty() || self.doubt.is_some();
        let wait = Duration::from_millis(if is_sure { 0 } else { STREAM_TAIL_MS });
        if now >= *self.ask_at.get_or_insert(now.plus(wait)) {
            self.ask(now, out);
        }
    }

    fn ask_later(&mut self, now: Moment, wait_ms: u64) {
        self.asked_at = None;
        self.ask_at = Some(now.plus(Duration::from_millis(wait_ms)));
    }

    fn ask(&mut self, now: Moment, out: &mut Vec<Output<E>>) {
        (self.asked_at, self.ask_at) = (Some(now), None);
        let first_held = self.held.keys().next().copied();
        let to = first_held
            .filter(|&first| first > self.next.seq)
            .map(|first| first - 1);
        out.push(Output::Replay { from: self.next, to });
    }
}

#[cfg(test)]
mod tests;
