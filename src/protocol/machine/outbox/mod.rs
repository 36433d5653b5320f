//! The outbox: every event of every connection, numbered in the commit that caused it, kept until it was accepted.
//!
//! Events are numbered by whoever commits, under the lock of commits, and become rows of that commit; the server's own
//! words and all deletions wait here for the next commit, whoever makes it. Once the log has written a commit, what it
//! caused is sent: as one frame a host, as far as the host has credit. What a host misses, it asks for again.
//!
//! Invariants: a stream's numbers rise by one, and never go back over a restart; nothing is told of an event before its
//! commit is written; an event's row lives exactly as long as a stream has the event. Nothing here waits: a full log or a
//! slow host holds up nobody.

mod attach;
mod history;
mod host;
mod load;
mod out;
mod replay;
mod row;
mod shared;
mod stream;
mod takers;

use std::collections::VecDeque;
use std::sync::Arc;

use moo_model::ledger::Row;
use rustc_hash::FxHashMap;

use super::super::codec::encode_event;
use super::super::event::{Cause, ClientEvent, Recipient, Route};
use super::super::{ClientId, HostId, Wall};
use crate::limits::LIST_ENTRIES_MAX;
use history::{Heard, History};
use host::{Host, Relief};
use out::{Leaving, What};
use shared::{Kept, Shared};
use stream::Stream;
use takers::Takers;

pub use history::{HISTORY_ERA, Recalled};
pub use load::Loaded;
pub use out::{Counters, Out};
pub use replay::{Piece, Replay};
pub use row::{StoredEvent, StoredPast, event_key, history_key, read_event, read_history};

/// An event that is ready to be numbered: encoded, outside of any lock.
#[derive(Clone, Debug)]
pub struct Prepared {
    event: Arc<[u8]>,
    cause: Option<Cause>,
    at: Wall,
    /// Its row up to the recipients.
    row: Vec<u8>,
    to: Vec<u64>,
}

impl Prepared {
    /// An event for these connections, by the numbers that they were opened with; one that is gone gets none.
    pub fn new(event: &ClientEvent, cause: Option<Cause>, at: Wall, to: Vec<u64>) -> Prepared {
        Prepared::encoded(encode_event(event), cause, at, to)
    }

    /// The same, of an event's bytes.
    pub fn encoded(event: Vec<u8>, cause: Option<Cause>, at: Wall, to: Vec<u64>) -> Prepared {
        Prepared {
            row: row::begin(&event, cause, at, to.len()),
            event: event.into(),
            cause,
            at,
            to,
        }
    }
}

/// A connection that is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// Its number, never used before in this process.
    pub conn: u64,
    /// What its host calls it.
    pub client: ClientId,
    /// Its host.
    pub host: HostId,
    /// The epoch under which its host has it.
    pub attach_epoch: u32,
    /// Whether its host shows how commands end.
    pub wants_ends: bool,
    /// The era of its numbers: the daemon's epoch.
    pub era: u32,
}

/// The outbox. `A` is what else leaves in the order of commits: answers to requests.
#[derive(Debug)]
pub struct Outbox<A> {
    streams: FxHashMap<u64, Stream>,
    by_client: FxHashMap<ClientId, u64>,
    shared: Shared,
    hosts: FxHashMap<HostId, Host>,
    history: History,
    leaving: VecDeque<Leaving<A>>,
    /// How many at the end of `leaving` wait for a commit.
    unstamped: usize,
    takers: Takers,
    /// Rows that wait for the next commit.
    pending: Vec<Row>,
    counted: Counters,
}

impl<A> Default for Outbox<A> {
    fn default() -> Self {
        Outbox {
            streams: FxHashMap::default(),
            by_client: FxHashMap::default(),
            shared: Shared::default(),
            hosts: FxHashMap::default(),
            history: History::default(),
            leaving: VecDeque::new(),
            unstamped: 0,
            takers: Takers::default(),
            pending: Vec::new(),
            counted: Counters::default(),
        }
    }
}

impl<A> Outbox<A> {
    /// Numbers the events of a commit, whose stamp this is, and all that waited for one; gives the rows to put into it.
    /// Must be called under the lock of commits, with rising stamps. The answer, to whoever has that connection, leaves
    /// after the events.
    pub fn number(&mut self, stamp: u64, events: Vec<Prepared>, answer: Option<(u64, A)>) -> Vec<Row> {
        let waited = self.leaving.len() - self.unstamped;
        for leaving in self.leaving.range_mut(waited..) {
            leaving.stamp = Some(stamp);
        }
        self.unstamped = 0;
        let mut rows = std::mem::take(&mut self.pending);
        for mut event in events {
            event.to = self.takers.of(event.to);
            self.add(Some(stamp), event, true, &mut rows);
        }
        let answer = answer.map(|(conn, answer)| Leaving {
            stamp: Some(stamp),
            what: What::Answer { answer, conn },
        });
        self.leaving.extend(answer);
        rows
    }

    /// Numbers the server's own words at once, before whatever is committed later; they leave with the next commit. The
    /// caller sees to it that there will be one, as it does whenever [`Outbox::is_waiting`].
    pub fn say(&mut self, mut event: Prepared) {
        event.to = self.takers.of(event.to);
        self.say_over(event);
    }

    /// As [`Outbox::say`], past whatever a connection that takes over another one has yet to hear of that.
    pub fn say_over(&mut self, event: Prepared) {
        self.say_and_keep(event, true);
    }

    /// The same for what was told to a connection that is taken over, to whoever takes it over. It stays in its player's
    /// past as it is there already.
    pub fn say_again(&mut self, from: u64, mut event: Prepared) {
        let is_past = self
            .streams
            .get(&from)
            .is_some_and(|stream| stream.remembered_by.is_some());
        event.to = self.takers.taker(from).into_iter().collect();
        self.say_and_keep(event, !is_past);
    }

    fn say_and_keep(&mut self, event: Prepared, stays: bool) {
        let mut rows = std::mem::take(&mut self.pending);
        let before = self.leaving.len();
        self.add(None, event, stays, &mut rows);
        self.unstamped += self.leaving.len() - before;
        // What giving up old events deletes comes after what was put.
        rows.append(&mut self.pending);
        self.pending = rows;
    }

    /// Rows of others that are to be written with what was said last.
    pub fn put(&mut self, rows: Vec<Row>) {
        self.pending.extend(rows);
    }

    /// Whether words wait for a commit.
    pub fn is_waiting(&self) -> bool {
        self.unstamped > 0
    }

    /// Whether rows wait for a commit; if no words do, they may wait for a while.
    pub fn has_rows(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether everything that was numbered has left.
    pub fn is_drained(&self) -> bool {
        self.leaving.is_empty()
    }

    /// Whether a host has last words for a client that have not been accepted.
    pub fn owes_last_words(&self) -> bool {
        let mut streams = self.streams.values();
        streams.any(|stream| stream.is_closing && stream.attached.is_some())
    }

    /// Numbers an event for each stream it goes to. `stays` says whether it is to stay in the past of players.
    fn add(&mut self, stamp: Option<u64>, event: Prepared, stays: bool, rows: &mut Vec<Row>) {
        let Prepared {
            event,
            cause,
            at,
            row: mut value,
            to,
        } = event;
        let row = self.shared.add(
            Kept {
                event: event.clone(),
                cause,
            },
            at,
        );
        let (mut numbers, mut unused) = (Vec::with_capacity(to.len()), Vec::new());
        let mut heard = Vec::new();
        for conn in to {
            let Some(stream) = self.streams.get_mut(&conn).filter(|stream| !stream.is_closing) else {
                continue;
            };
            let seq = stream.push(row, &mut self.shared);
            row::add_recipient(&mut value, stream.client, seq);
            numbers.push((conn, seq));
            heard.extend(
                stream
                    .remembered_by
                    .filter(|_| stays)
                    .map(|player| Heard { player, conn, seq }),
            );
            let lost = stream.give_up(at, &mut self.shared, &mut unused);
            if lost > 0 {
                self.counted.lost += lost;
                self.pending.push(row::mark_row(stream.client, stream.mark()));
            }
        }
        self.pending.extend(unused.into_iter().map(row::event_gone));
        if numbers.is_empty() {
            self.shared.remove_unused(row);
            return;
        }
        self.counted.events += 1;
        self.counted.deliveries += numbers.len() as u64;
        rows.push(row::event_row(row, value));
        let mut forgotten = Vec::new();
        rows.extend(self.history.add(&event, at, &heard, &mut forgotten));
        rows.append(&mut forgotten);
        self.leaving.push_back(Leaving {
            stamp,
            what: What::Event { row, to: numbers },
        });
    }

    /// Everything up to this commit is written: gives what may leave now, as soon as it is `most` or more; called again until
    /// it gives nothing.
    pub fn written(&mut self, stamp: u64, most: usize) -> Vec<Out<A>> {
        let mut out = Vec::new();
        while out.len() < most {
            let is_due = |leaving: &Leaving<A>| leaving.stamp.is_some_and(|caused| caused <= stamp);
            if !self.leaving.front().is_some_and(is_due) {
                break;
            }
            let Some(leaving) = self.leaving.pop_front() else {
                break;
            };
            match leaving.what {
                What::Event { row, to } => self.publish(row, &to, &mut out),
                What::Answer { answer, conn } => {
                    let head = self.streams.get(&conn).map(Stream::pos);
                    out.push(Out::Answer { answer, head });
                }
            }
        }
        if self.leaving.is_empty() && self.leaving.capacity() > 4 * LIST_ENTRIES_MAX {
            self.leaving = VecDeque::new();
        }
        out
    }

    /// Sends an event to each host that has some of its recipients, as far as they take it.
    fn publish(&mut self, row: u64, to: &[(u64, u64)], out: &mut Vec<Out<A>>) {
        let mut by_host: Vec<(HostId, Vec<Recipient>)> = Vec::new();
        for &(conn, seq) in to {
            let Some(stream) = self.streams.get_mut(&conn) else {
                continue;
            };
            stream.written = stream.written.max(seq);
            let (Some(attached), client) = (stream.attached, stream.client) else {
                continue;
            };
            let host = self.hosts.entry(attached.host).or_default();
            if host.is_choked() || host.is_paused(client) {
                continue;
            }
            let recipient = Recipient {
                client,
                attach_epoch: attached.epoch,
                seq,
            };
            match by_host.iter_mut().find(|(host, _)| *host == attached.host) {
                Some((_, recipients)) => recipients.push(recipient),
                None => by_host.push((attached.host, vec![recipient])),
            }
        }
        // What memory has no more is found by its head and asked for.
        let Some(Kept { event, cause }) = self.shared.kept(row).cloned() else {
            return;
        };
        let at = self.shared.at(row);
        for (host, recipients) in by_host {
            let state = self.hosts.entry(host).or_default();
            for to in recipients.chunks(LIST_ENTRIES_MAX) {
                let route = Route {
                    frame: state.send(event.len(), to.len()),
                    to: to.to_vec(),
                    cause,
                    at,
                };
                self.counted.frames += 1;
                out.push(Out::Frame {
                    host,
                    route,
                    event: event.clone(),
                });
            }
        }
    }

    /// What a host's clients have accepted, the last frame that it knows of, and all of its clients that take no more for
    /// now. Only the streams that this host has are meant.
    pub fn acknowledged(
        &mut self,
        host: HostId,
        frame: u64,
        acks: &[(ClientId, u64)],
        paused: &[ClientId],
    ) -> Vec<Out<A>> {
        for &(client, seq) in acks {
            if self.stream(client).is_some_and(|stream| stream.is_at(host)) {
                self.accepted(client, seq);
            }
        }
        let Relief { has_credit, resumed } = self.hosts.entry(host).or_default().acknowledge(frame, paused);
        let mut out = Vec::new();
        if has_credit {
            out.extend(self.heads_of(host, |_| true));
        } else if !resumed.is_empty() {
            out.extend(self.heads_of(host, |client| resumed.contains(&client)));
        }
        out
    }

    /// A client has accepted everything up to here.
    pub fn accepted(&mut self, client: ClientId, seq: u64) {
        let Some(&conn) = self.by_client.get(&client) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&conn) else {
            return;
        };
        let mut unused = Vec::new();
        if !stream.acknowledge(seq, &mut self.shared, &mut unused) {
            return;
        }
        if stream.is_closing && stream.is_empty() {
            self.pending.extend(unused.into_iter().map(row::event_gone));
            self.close(client);
            return;
        }
        self.pending.push(row::mark_row(client, stream.mark()));
        self.pending.extend(unused.into_iter().map(row::event_gone));
    }

    /// After each ping: gives up what is too old, and gives for each host the heads of its streams with unacknowledged
    /// events. One without credit is told the last frame only: acknowledging it brings back credit that was spent on
    /// frames that never arrived.
    pub fn pinged(&mut self, now: Wall) -> Vec<Out<A>> {
        self.give_up_old(now);
        let hosts: Vec<HostId> = self.hosts.keys().copied().collect();
        let mut out = Vec::new();
        for host in hosts {
            let state = &self.hosts[&host];
            if state.is_choked() {
                let (frame, heads) = (state.frame(), Vec::new());
                out.push(Out::Heads { host, frame, heads });
            } else {
                out.extend(self.heads_of(host, |_| true));
            }
        }
        out
    }

    fn give_up_old(&mut self, now: Wall) {
        let mut unused = Vec::new();
        for stream in self.streams.values_mut() {
            let lost = stream.give_up(now, &mut self.shared, &mut unused);
            if lost > 0 {
                self.counted.lost += lost;
                self.pending.push(row::mark_row(stream.client, stream.mark()));
            }
        }
        self.pending.extend(unused.into_iter().map(row::event_gone));
        self.history.bound_all(now, &mut self.pending);
    }

    fn heads_of(&self, host: HostId, which: impl Fn(ClientId) -> bool) -> Vec<Out<A>> {
        let state = self.hosts.get(&host);
        let frame = state.map_or(0, Host::frame);
        let is_told = |stream: &&Stream| {
            stream.is_at(host)
                && stream.is_behind()
                && which(stream.client)
                && !state.is_some_and(|state| state.is_paused(stream.client))
        };
        let behind = self.streams.values().filter(is_told);
        let heads: Vec<_> = behind.map(|stream| (stream.client, stream.written)).collect();
        let parts = heads.chunks(LIST_ENTRIES_MAX).map(|heads| Out::Heads {
            host,
            frame,
            heads: heads.to_vec(),
        });
        parts.collect()
    }

    /// How the outbox is.
    pub fn counters(&self) -> Counters {
        let (stored, stored_bytes) = self.shared.stored();
        Counters {
            stored,
            stored_bytes,
            memory_bytes: self.shared.kept_bytes(),
            streams: self.streams.len() as u64,
            choked_hosts: self.hosts.values().filter(|host| host.is_choked()).count() as u64,
            ..self.counted
        }
    }

    fn stream(&self, client: ClientId) -> Option<&Stream> {
        self.streams.get(self.by_client.get(&client)?)
    }

    fn stream_mut(&mut self, client: ClientId) -> Option<&mut Stream> {
        self.streams.get_mut(self.by_client.get(&client)?)
    }
}

#[cfg(test)]
mod tests;
