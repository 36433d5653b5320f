//! What players were told before: events that stay for a while after everybody has accepted them, for clients that show
//! a past.
//!
//! Invariants: an event is here as one row, however many players it was told, and exactly as long as it is in the past of
//! one of them; a player's past is bounded in events and bytes, and all of them together are, and in age; what was
//! forgotten of a player stays so, also where its row is still there for others.

use std::collections::{BTreeMap, VecDeque};

use moo_model::ledger::Row;
use rustc_hash::FxHashMap;

use super::row;
use crate::limits::{
    HISTORY_AGE_MAX, HISTORY_ALL_BYTES_MAX, HISTORY_ALL_EVENTS_MAX, HISTORY_ASKED_MAX, HISTORY_BYTES_MAX,
    HISTORY_EVENTS_MAX, REPLAY_BYTES_MAX,
};
use crate::protocol::Wall;
use crate::protocol::client::HistoryRecall;
use crate::protocol::event::StreamPos;

/// The era of places in a player's past. No stream has it, since daemons count theirs from 1.
pub const HISTORY_ERA: u32 = 0;

/// The variants of [`ClientEvent`](crate::protocol::event::ClientEvent) that are something to be read again:
/// `Narrative`, `SystemMessage` and `Typed`.
const SAID: [u8; 3] = [0, 2, 10];

/// One player who is told an event, by which number of which connection's stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    pub player: i64,
    pub conn: u64,
    pub seq: u64,
}

/// One event of one player's past.
#[derive(Clone, Copy, Debug)]
struct Told {
    number: u64,
    conn: u64,
    seq: u64,
}

/// One player's past, the oldest first.
#[derive(Debug, Default)]
struct Past {
    told: VecDeque<Told>,
    bytes: usize,
}

/// An event in somebody's past.
#[derive(Debug)]
struct Event {
    /// The players who were told it.
    players: Box<[i64]>,
    /// How many of them have it still.
    left: usize,
    bytes: usize,
    at: Wall,
}

/// A part of a player's past: its rows are read with [`super::read_history`] under [`super::history_key`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recalled {
    /// The events, rising.
    pub numbers: Vec<u64>,
    /// Whether there are others before the first of them.
    pub more_before: bool,
    /// How many there are in all.
    pub total: u64,
}

/// The pasts of all players.
#[derive(Debug, Default)]
pub(super) struct History {
    events: BTreeMap<u64, Event>,
    bytes: usize,
    pasts: FxHashMap<i64, Past>,
    /// Players of whom everything up to an event was forgotten while rows remained that may name them.
    forgotten: FxHashMap<i64, u64>,
    last: u64,
}

impl History {
    /// Takes in an event, unless it is nothing to be read again; gives the row that holds it. What is too much is given up
    /// by `gone`.
    pub fn add(&mut self, event: &[u8], at: Wall, heard: &[Heard], gone: &mut Vec<Row>) -> Option<Row> {
        if heard.is_empty() || !event.first().is_some_and(|kind| SAID.contains(kind)) {
            return None;
        }
        let number = self.last + 1;
        self.insert(number, event.len(), at, heard);
        for heard in heard {
            self.bound(heard.player, gone);
        }
        self.bound_all(at, gone);
        Some(row::history_row(number, at, event, heard))
    }

    /// Takes in an event that was found in the store. They come in the order of their numbers, behind what was forgotten.
    /// One that is in nobody's past any more is given up by `gone`.
    pub fn restore(
        &mut self,
        number: u64,
        bytes: usize,
        at: Wall,
        mut heard: Vec<Heard>,
        gone: &mut Vec<Row>,
    ) {
        heard.retain(|heard| {
            let through = self.forgotten.get(&heard.player);
            through.is_none_or(|&through| number > through)
        });
        if heard.is_empty() {
            self.last = self.last.max(number);
            gone.push(row::history_gone(number));
            return;
        }
        self.insert(number, bytes, at, &heard);
        // The row may name players who had given it up.
        for heard in &heard {
            self.bound(heard.player, gone);
        }
    }

    /// Takes in that everything up to this event was forgotten of a player. No later event may have such a number.
    pub fn restore_forgotten(&mut self, player: i64, through: u64) {
        self.forgotten.insert(player, through);
        self.last = self.last.max(through);
    }

    pub(super) fn insert(&mut self, number: u64, bytes: usize, at: Wall, heard: &[Heard]) {
        self.last = self.last.max(number);
        for &Heard { player, conn, seq } in heard {
            let past = self.pasts.entry(player).or_default();
            past.told.push_back(Told { number, conn, seq });
            past.bytes += bytes;
        }
        let players: Box<[i64]> = heard.iter().map(|heard| heard.player).collect();
        let left = players.len();
        self.bytes += bytes;
        self.events.insert(
            number,
            Event {
                players,
                left,
                bytes,
                at,
            },
        );
    }

    /// Gives up what is too old.
    pub fn bound_all(&mut self, now: Wall, gone: &mut Vec<Row>) {
        while let Some((&number, oldest)) = self.events.first_key_value() {
            let is_full = self.events.len() > HISTORY_ALL_EVENTS_MAX || self.bytes > HISTORY_ALL_BYTES_MAX;
            if !is_full && oldest.at.plus(HISTORY_AGE_MAX) >= now {
                break;
            }
            for player in oldest.players.clone() {
                let is_there = |past: &Past| past.told.front().is_some_and(|first| first.number == number);
                if self.pasts.get(&player).is_some_and(is_there) {
                    self.drop_first(player, gone);
                }
            }
            // What nobody has goes as well, so that this ends whatever was found in the store.
            self.remove(number, gone);
        }
        let oldest = self
            .events
            .first_key_value()
            .map_or(u64::MAX, |(&number, _)| number);
        let over = self.forgotten.extract_if(|_, through| *through < oldest);
        gone.extend(over.map(|(player, _)| row::forgotten_gone(player)));
    }

    fn bound(&mut self, player: i64, gone: &mut Vec<Row>) {
        let is_full = |past: &Past| {
            let count = past.told.len();
            count > 1 && (count > HISTORY_EVENTS_MAX || past.bytes > HISTORY_BYTES_MAX)
        };
        while self.pasts.get(&player).is_some_and(is_full) {
            self.drop_first(player, gone);
        }
    }

    /// Nobody may read this player's past any more: the number will be somebody else's.
    pub fn forget(&mut self, player: i64, rows: &mut Vec<Row>) {
        while self.pasts.contains_key(&player) {
            self.drop_first(player, rows);
        }
        // Any row that remains may name the player, also one that was given up before for being too old.
        if !self.events.is_empty() {
            self.forgotten.insert(player, self.last);
            rows.push(row::forgotten_row(player, self.last));
        }
    }

    fn drop_first(&mut self, player: i64, gone: &mut Vec<Row>) {
        let Some(past) = self.pasts.get_mut(&player) else {
            return;
        };
        let first = past.told.pop_front();
        let was_last = past.told.is_empty();
        if let Some(number) = first.map(|told| told.number)
            && let Some(event) = self.events.get_mut(&number)
        {
            past.bytes -= event.bytes;
            event.left -= 1;
            if event.left == 0 {
                self.remove(number, gone);
            }
        }
        if was_last {
            self.pasts.remove(&player);
        }
    }

    fn remove(&mut self, number: u64, gone: &mut Vec<Row>) {
        if let Some(event) = self.events.remove(&number) {
            self.bytes -= event.bytes;
            gone.push(row::history_gone(number));
        }
    }

    /// A part of a player's past, for a client with this connection, if it has one: positions of other eras than
    /// [`HISTORY_ERA`] are of its stream.
    pub fn recall(&self, player: i64, conn: u64, recall: HistoryRecall, now: Wall) -> Recalled {
        let Some(Past { told, .. }) = self.pasts.get(&player) else {
            return Recalled::default();
        };
        let asked = |count: u32| {
            usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(HISTORY_ASKED_MAX)
        };
        let numbers = match recall {
            HistoryRecall::None => Vec::new(),
            HistoryRecall::After(pos, count) => {
                let from = told
                    .iter()
                    .position(|told| is_at(told, conn, pos, |own, asked| own > asked));
                let after = told.range(from.unwrap_or(told.len())..).take(asked(count));
                self.fitting(after.map(|told| told.number))
            }
            HistoryRecall::Before(pos, count) => {
                let to = told
                    .iter()
                    .position(|told| is_at(told, conn, pos, |own, asked| own >= asked));
                let before = told.range(..to.unwrap_or(told.len())).rev().take(asked(count));
                self.newest(before.map(|told| told.number))
            }
            HistoryRecall::Seconds(seconds, count) => {
                let since = now.0.saturating_sub(seconds.saturating_mul(1_000));
                let is_since =
                    |number: &u64| self.events.get(number).is_some_and(|event| event.at.0 >= since);
                let all = told.iter().rev().map(|told| told.number);
                self.newest(all.take_while(is_since).take(asked(count)))
            }
        };
        let oldest = told.front().map(|told| told.number);
        Recalled {
            more_before: numbers.first().is_some_and(|first| Some(*first) > oldest),
            total: told.len() as u64,
            numbers,
        }
    }

    /// The first of these that fit into one answer.
    fn fitting(&self, numbers: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut bytes = 0;
        let fits = |number: &u64| {
            let is_first = bytes == 0;
            bytes += self.events.get(number).map_or(0, |event| event.bytes);
            is_first || bytes <= REPLAY_BYTES_MAX
        };
        numbers.take_while(fits).collect()
    }

    /// The same of falling ones, as rising ones.
    fn newest(&self, numbers: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut numbers = self.fitting(numbers);
        numbers.reverse();
        numbers
    }
}

/// Whether an event stands to a position as is asked.
fn is_at(told: &Told, conn: u64, pos: StreamPos, compare: impl Fn(u64, u64) -> bool) -> bool {
    match pos.era {
        HISTORY_ERA => compare(told.number, pos.seq),
        _ => told.conn == conn && compare(told.seq, pos.seq),
    }
}
