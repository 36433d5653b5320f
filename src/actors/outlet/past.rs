//! The thread that puts the past of streams together, since some of it must be read from the store.
//!
//! Invariant: no arbiter reads the store. A row that is not there any more, because its event was given up meanwhile, is
//! told as one event lost, so that a stream never stops at it.

use super::{Outlet, Reply};
use crate::actors::publisher::{answer, answer_client};
use crate::gateway::{ServerSender, indispensable};
use crate::limits::{ADOPTION_LOOK, ADOPTION_WAIT_MAX, REPLAY_BYTES_MAX, REPLAYS_WAITING_MAX};
use crate::protocol::client::{DaemonToClientReply, HistoricalEvent, HistoryRecall};
use crate::protocol::codec::decode_event;
use crate::protocol::event::{Cause, ClientEvent, StreamPos};
use crate::protocol::host::DaemonToHostReply;
use crate::protocol::machine::outbox::{
    HISTORY_ERA, Piece, Prepared, Recalled, Replay, event_key, history_key, read_event, read_history,
};
use crate::protocol::{ClientId, HostId, WireObj};
use moo_db::Store;
use moo_model::Obj;
use moo_model::ledger::{Relation, Row};
use moo_tasks::connections::ConnId;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// A host asks for past events.
pub struct AskReplay {
    /// The request.
    pub reply: Reply,
    /// The host.
    pub host: HostId,
    /// The connection.
    pub client: ClientId,
    /// The first event wanted.
    pub from: StreamPos,
    /// The last event wanted; the head if none.
    pub to: Option<u64>,
    /// Bytes to send at most.
    pub bytes_max: u32,
}

/// A player asks what it was told before.
pub struct AskHistory {
    /// The request.
    pub reply: Reply,
    /// The player.
    pub player: Obj,
    /// The connection whose stream positions may be given in; none has the number 0.
    pub conn: ConnId,
    /// Which part.
    pub recall: HistoryRecall,
}

/// Which events of a stream were missed by the connection that it was of; the others are of the one that takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Those up to this one.
    Through(u64),
    /// That is not known.
    Mixed,
}

/// A connection takes over one that nobody has: what that was told and did not accept is shown on it.
pub struct Adopt {
    /// The connection that is gone, and its client.
    pub from: (ConnId, ClientId),
    /// The player, whose connection takes over.
    pub player: WireObj,
    /// The lines before and after what it missed.
    pub around: [&'static str; 2],
    /// How much of its stream it missed.
    pub missed: Missed,
    /// Rows that are written with that: they forget the client.
    pub rows: Vec<Row>,
}

enum Ask {
    Replay(AskReplay),
    History(AskHistory),
    Adopt(Adopt),
    End,
}

/// The way to the thread; clones lead to the same one.
#[derive(Clone)]
pub struct Past {
    asks: SyncSender<Ask>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Past {
    /// Starts the thread.
    pub fn start(store: Arc<Store>, outlet: Arc<Outlet>, sender: ServerSender) -> io::Result<Past> {
        let (asks, asked) = sync_channel::<Ask>(REPLAYS_WAITING_MAX);
        let thread = thread::Builder::new()
            .name("outbox-past".into())
            .spawn(move || indispensable(|| answer_all(&asked, &store, &outlet, &sender)))?;
        Ok(Past {
            asks,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Has a request answered; false if too many wait. The host asks again after its deadline.
    pub fn ask(&self, ask: AskReplay) -> bool {
        self.asks.try_send(Ask::Replay(ask)).is_ok()
    }

    /// Has a player's past told; false if too much waits.
    pub fn recall(&self, ask: AskHistory) -> bool {
        self.asks.try_send(Ask::History(ask)).is_ok()
    }

    /// Has a connection taken over. Given back if too much waits.
    pub fn adopt(&self, adopt: Adopt) -> Result<(), Adopt> {
        match self.asks.try_send(Ask::Adopt(adopt)) {
            Err(TrySendError::Full(Ask::Adopt(adopt)) | TrySendError::Disconnected(Ask::Adopt(adopt))) => {
                Err(adopt)
            }
            _ => Ok(()),
        }
    }

    /// Ends the thread, which lets go of the store.
    pub fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If it has ended already there is nobody to tell, and only to be waited for.
            drop(self.asks.send(Ask::End));
            drop(thread.join());
        }
    }
}

/// Answers until it is told to end.
fn answer_all(asked: &Receiver<Ask>, store: &Store, outlet: &Outlet, sender: &ServerSender) {
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Replay(ask) => {
                let (reply, chunk) = answer_of(ask, store, outlet);
                answer(sender, reply, &chunk);
            }
            Ask::History(ask) => {
                let (reply, history) = history_of(ask, store, outlet);
                answer_client(sender, reply, history, outlet.head(&reply));
            }
            Ask::Adopt(adopt) => take_over(adopt, store, outlet),
            Ask::End => return,
        }
    }
}

fn answer_of(ask: AskReplay, store: &Store, outlet: &Outlet) -> (Reply, DaemonToHostReply) {
    let AskReplay {
        reply,
        host,
        client,
        from,
        to,
        bytes_max,
    } = ask;
    let bytes_max = usize::try_from(bytes_max)
        .unwrap_or(usize::MAX)
        .min(REPLAY_BYTES_MAX);
    let replay = outlet.outbox().replay(client, Some(host), from, to, bytes_max);
    let Replay {
        lost,
        pieces,
        is_done,
    } = replay.unwrap_or(Replay {
        lost: 0,
        pieces: Vec::new(),
        is_done: true,
    });
    let events = pieces.into_iter().map(|piece| event_of(piece, store)).collect();
    let chunk = DaemonToHostReply::ReplayChunk {
        client,
        events,
        done: is_done,
        lost: (lost > 0).then_some(lost),
    };
    (reply, chunk)
}

/// A part of a player's past. An event whose commit is not written yet is not told: its client hears it soon.
fn history_of(ask: AskHistory, store: &Store, outlet: &Outlet) -> (Reply, DaemonToClientReply) {
    let AskHistory {
        reply,
        player,
        conn,
        recall,
    } = ask;
    let Recalled {
        numbers,
        more_before,
        total,
    } = outlet.outbox().recall(player.0, conn.0, recall, outlet.now());
    let read = |number: u64| {
        let row = store.row(Relation::Outbox, &history_key(number));
        let row = row.unwrap_or_else(|error| {
            tracing::error!(%error, number, "an event of the past cannot be read");
            None
        })?;
        let past = read_history(&row)?;
        Some(HistoricalEvent {
            pos: StreamPos {
                era: HISTORY_ERA,
                seq: number,
            },
            at: past.at,
            event: decode_event(&past.event)?,
        })
    };
    let history = DaemonToClientReply::History {
        events: numbers.into_iter().filter_map(read).collect(),
        more_before,
        total,
    };
    (reply, history)
}

/// Shows what a client has missed on another connection, between two lines that say so, then what that one was told since
/// it began to take over, and forgets the client. It moves in pieces, each in one commit, so that a crash leaves the rest
/// to the next daemon, and loses and doubles nothing.
fn take_over(adopt: Adopt, store: &Store, outlet: &Outlet) {
    let Adopt {
        from: (conn, client),
        player,
        around,
        missed,
        mut rows,
    } = adopt;
    let mut frame = Frame {
        player,
        around,
        missed,
        is_open: false,
    };
    loop {
        let (through, moved) = next_part(client, store, outlet);
        let (at, shown) = (outlet.now(), frame.around(moved));
        let prepare = |(cause, event): (_, ClientEvent)| Prepared::new(&event, cause, at, Vec::new());
        let mut prepared: Vec<_> = shown.into_iter().map(prepare).collect();
        let mut outbox = outlet.outbox();
        outbox.give_away(client, through);
        let is_last = outbox.unacked(client).is_none();
        if is_last {
            prepared.extend(frame.close().map(prepare));
        }
        prepared
            .into_iter()
            .for_each(|event| outbox.say_again(conn.0, event));
        if is_last {
            outbox.finish_take_over(conn.0);
            outbox.close(client);
            outbox.put(std::mem::take(&mut rows));
        }
        drop(outbox);
        outlet.commit_now();
        if is_last {
            return;
        }
    }
}

/// The next part of what a client was told and has not accepted, and the number of its last event. Waits until it can be
/// read: the log is about to write what memory has no room for.
fn next_part(client: ClientId, store: &Store, outlet: &Outlet) -> (u64, Vec<Moved>) {
    let until = Instant::now() + ADOPTION_WAIT_MAX;
    loop {
        let replay = {
            let outbox = outlet.outbox();
            let Some((first, last)) = outbox.unacked(client) else {
                return (0, Vec::new());
            };
            let replay = outbox.replay(client, None, first, Some(last), REPLAY_BYTES_MAX);
            replay.map(|replay| (replay, first))
        };
        let Some((Replay { pieces, .. }, first)) = replay else {
            return (0, Vec::new());
        };
        if pieces.is_empty() && Instant::now() < until {
            thread::sleep(ADOPTION_LOOK);
            continue;
        }
        let moved: Vec<Moved> = pieces.into_iter().map(|piece| event_of(piece, store)).collect();
        let Some((through, ..)) = moved.last() else {
            tracing::error!(%client, "the log does not write an event, which is lost to those who take its connection over");
            return (first.seq, vec![(first.seq, None, ClientEvent::Gap { lost: 1 })]);
        };
        return (*through, moved);
    }
}

/// The words around what was missed, as the parts of it come.
struct Frame {
    player: WireObj,
    around: [&'static str; 2],
    missed: Missed,
    is_open: bool,
}

impl Frame {
    /// What is to be shown of a part: of what was told to the old connection only what can be read, and everything that
    /// the new one was told. Where that is not known, everything but what may prove another client.
    fn around(&mut self, part: Vec<Moved>) -> Vec<(Option<Cause>, ClientEvent)> {
        let mut shown = Vec::with_capacity(part.len() + 2);
        for (seq, cause, event) in part {
            let is_missed = match self.missed {
                _ if self.is_from_around(&event) => continue,
                Missed::Through(last) if seq > last => false,
                Missed::Through(_) if !is_said(&event) => continue,
                Missed::Mixed if matches!(event, ClientEvent::CredentialsUpdated { .. }) => continue,
                Missed::Through(_) | Missed::Mixed => true,
            };
            if !is_missed {
                shown.extend(self.close());
            } else if !std::mem::replace(&mut self.is_open, true) {
                shown.push(self.words(self.around[0]));
            }
            shown.push((cause, event));
        }
        shown
    }

    /// Whether these are words around what the old connection was shown when it took over another one itself: said again,
    /// they would end what is shown here in its middle.
    fn is_from_around(&self, event: &ClientEvent) -> bool {
        let ClientEvent::SystemMessage { message, .. } = event else {
            return false;
        };
        self.around.contains(&message.as_str())
    }

    /// The words at the end, if there were any at the beginning.
    fn close(&mut self) -> Option<(Option<Cause>, ClientEvent)> {
        std::mem::take(&mut self.is_open).then(|| self.words(self.around[1]))
    }

    fn words(&self, text: &str) -> (Option<Cause>, ClientEvent) {
        let message = ClientEvent::SystemMessage {
            player: self.player,
            message: text.to_owned(),
        };
        (None, message)
    }
}

/// Whether an event is something to be read: not something about the connection that it was for.
fn is_said(event: &ClientEvent) -> bool {
    matches!(
        event,
        ClientEvent::Narrative { .. }
            | ClientEvent::SystemMessage { .. }
            | ClientEvent::Typed { .. }
            | ClientEvent::Gap { .. }
    )
}

/// An event of the past: its number, what it came from, and itself.
type Moved = (u64, Option<Cause>, ClientEvent);

fn event_of(piece: Piece, store: &Store) -> Moved {
    let (seq, cause, event) = match piece {
        Piece::Kept { seq, cause, event } => (seq, cause, decode_event(&event)),
        Piece::Stored { seq, row } => {
            let value = store
                .row(Relation::Outbox, &event_key(row))
                .unwrap_or_else(|error| {
                    tracing::error!(%error, row, "an event cannot be read");
                    None
                });
            let stored = value.and_then(|value| read_event(&value));
            let cause = stored.as_ref().and_then(|stored| stored.cause);
            (seq, cause, stored.and_then(|stored| decode_event(&stored.event)))
        }
    };
    (seq, cause, event.unwrap_or(ClientEvent::Gap { lost: 1 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYER: WireObj = WireObj(3);

    /// The texts that a frame shows of system messages with these numbers and texts, in two parts.
    fn shown(missed: Missed, told: &[(u64, &str)]) -> Vec<String> {
        let mut frame = Frame {
            player: PLAYER,
            around: ["begin", "end"],
            missed,
            is_open: false,
        };
        let said = |&(seq, text): &(u64, &str)| {
            let message = text.to_owned();
            let player = PLAYER;
            (seq, None, ClientEvent::SystemMessage { player, message })
        };
        let (first, second) = told.split_at(told.len() / 2);
        let parts = [first, second].map(|part| part.iter().map(said).collect());
        let mut events: Vec<_> = parts.into_iter().flat_map(|part| frame.around(part)).collect();
        events.extend(frame.close());
        let text = |(_, event)| match event {
            ClientEvent::SystemMessage { message, .. } => message,
            other => panic!("{other:?} was not told"),
        };
        events.into_iter().map(text).collect()
    }

    #[test]
    fn what_was_missed_stands_between_two_lines_and_what_came_later_behind_them() {
        let told = [(4, "one"), (5, "two"), (6, "own"), (7, "more")];
        let expected = ["begin", "one", "two", "end", "own", "more"];
        assert_eq!(shown(Missed::Through(5), &told), expected);
        assert_eq!(shown(Missed::Through(3), &told), ["one", "two", "own", "more"]);
    }

    #[test]
    fn what_was_shown_of_an_earlier_connection_is_shown_again_without_the_lines_around_it() {
        let told = [(2, "begin"), (3, "one"), (4, "end"), (5, "two"), (6, "own")];
        let through = ["begin", "one", "two", "end", "own"];
        assert_eq!(shown(Missed::Through(5), &told), through);
        assert_eq!(shown(Missed::Mixed, &told), ["begin", "one", "two", "own", "end"]);
        // The first line was seen, and the rest was not.
        assert_eq!(
            shown(Missed::Through(6), &told[1..]),
            ["begin", "one", "two", "own", "end"]
        );
    }
}
