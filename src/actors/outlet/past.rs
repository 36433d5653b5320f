//! The thread that puts the past of streams together, since some of it must be read from the store.
//!
//! Invariant: no arbiter reads the store. A row that is not there any more, because its event was given up meanwhile, is
//! told as one event lost, so that a stream never stops at it.

use super::{Outlet, Reply};
use crate::actors::publisher::answer;
use crate::gateway::ServerSender;
use crate::limits::{REPLAY_BYTES_MAX, REPLAYS_WAITING_MAX};
use crate::protocol::codec::decode_event;
use crate::protocol::event::{Cause, ClientEvent, StreamPos};
use crate::protocol::host::DaemonToHostReply;
use crate::protocol::machine::outbox::{Piece, Replay, event_key, read_event};
use crate::protocol::{ClientId, HostId};
use moo_db::Store;
use moo_model::ledger::Relation;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

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

/// The way to the thread; clones lead to the same one.
#[derive(Clone)]
pub struct Past {
    asks: SyncSender<Option<AskReplay>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Past {
    /// Starts the thread.
    pub fn start(store: Arc<Store>, outlet: Arc<Outlet>, sender: ServerSender) -> io::Result<Past> {
        let (asks, asked) = sync_channel::<Option<AskReplay>>(REPLAYS_WAITING_MAX);
        let thread = thread::Builder::new().name("outbox-past".into()).spawn(move || {
            while let Ok(Some(ask)) = asked.recv() {
                let (reply, chunk) = answer_of(ask, &store, &outlet);
                answer(&sender, reply, &chunk);
            }
        })?;
        Ok(Past {
            asks,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Has a request answered; false if too many wait. The host asks again after its deadline.
    pub fn ask(&self, ask: AskReplay) -> bool {
        self.asks.try_send(Some(ask)).is_ok()
    }

    /// Ends the thread, which lets go of the store.
    pub fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If it has ended already there is nobody to tell, and only to be waited for.
            drop(self.asks.send(None));
            drop(thread.join());
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

fn event_of(piece: Piece, store: &Store) -> (u64, Option<Cause>, ClientEvent) {
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
