//! `PublisherActor`: numbers what was committed and sends it to the hosts, once the log has written it.
//!
//! Parent: the supervisor. Bound: [`PUBLISHER_GATE_MAX`](crate::limits::PUBLISHER_GATE_MAX) messages; what waits to be sent is bounded by what the log
//! has not written. It is not restarted by itself: positions of streams live here until the outbox is stored, so its
//! panic ends the process.

use super::outlet::{Entry, Item, NewStream, Outlet, Reply, groups, wire_line};
use super::reattach::TellPositions;
use crate::actors::kit::gate::Offered;
use crate::actors::kit::supervisor::ExitGuard;
use crate::fault;
use crate::gateway::ServerSender;
use crate::limits::{STREAM_RING_BYTES_MAX, STREAM_RING_EVENTS_MAX};
use crate::protocol::broadcast::host_topic;
use crate::protocol::client::{ClientReply, DaemonToClientReply};
use crate::protocol::codec::{Envelope, encode, encode_event, encode_stored_event};
use crate::protocol::error::{AbortLimit, CommandError, Exception, SchedulerError};
use crate::protocol::event::{
    Cause, ClientEvent, Content, Line, NarrativeEvent, Recipient, Route, StreamControl, StreamPos,
};
use crate::protocol::host::{DaemonToHostReply, HostType, ReattachOutcome};
use crate::protocol::{ClientId, HostId, Wall, WireValue};
use actix::{Actor, Context, Handler};
use moo_tasks::attempt::{End, Failure};
use moo_tasks::connections::ConnId;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// There may be something to send.
pub struct Look;

/// A host has registered: its frames are counted from 1 again.
pub struct HostRegistered(pub HostId);

/// What a host's clients have accepted.
pub struct Acked(pub Vec<(ClientId, u64)>);

/// A host asks for past events.
pub struct AskReplay {
    /// The request.
    pub reply: Reply,
    /// The connection.
    pub client: ClientId,
    /// The first event wanted.
    pub from: StreamPos,
    /// The last event wanted; the head if none.
    pub to: Option<u64>,
}

/// Answered once all that was committed has been sent.
pub struct Drain(pub oneshot::Sender<()>);

/// A host was pinged: tell it how far its streams are.
pub struct TellHeads;

/// The events of one connection.
struct Stream {
    to: NewStream,
    /// The last event's number.
    seq: u64,
    /// Events that its host has not acknowledged, with their bytes.
    ring: VecDeque<(u64, Option<Cause>, Arc<[u8]>)>,
    ring_bytes: usize,
}

/// What the publisher is made with.
#[derive(Clone)]
pub struct PublisherParts {
    /// The way to the hosts.
    pub sender: ServerSender,
    /// Where entries come from.
    pub outlet: Arc<Outlet>,
    /// The last commit that the log has written.
    pub written: Arc<AtomicU64>,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// The wall clock.
    pub now: fn() -> Wall,
}

/// The publisher.
pub struct PublisherActor {
    parts: PublisherParts,
    waiting: VecDeque<Entry>,
    streams: HashMap<ConnId, Stream>,
    by_client: HashMap<ClientId, ConnId>,
    frames: HashMap<HostId, u64>,
    draining: Option<oneshot::Sender<()>>,
    _guard: ExitGuard,
}

impl PublisherActor {
    /// A publisher that knows no stream.
    pub fn new(parts: PublisherParts, guard: ExitGuard) -> Self {
        PublisherActor {
            parts,
            waiting: VecDeque::new(),
            streams: HashMap::new(),
            by_client: HashMap::new(),
            frames: HashMap::new(),
            draining: None,
            _guard: guard,
        }
    }

    fn look(&mut self) {
        self.waiting.extend(self.parts.outlet.take());
        let written = self.parts.written.load(Ordering::Acquire);
        while self.waiting.front().is_some_and(|entry| entry.stamp <= written) {
            fault::point("publish.before");
            let entry = self.waiting.pop_front().expect("it was there a moment ago");
            let cause = (entry.task != 0).then_some(Cause {
                task: entry.task as u64,
                corr: 0,
                cmd_seq: entry.cmd_seq,
            });
            entry.items.into_iter().for_each(|item| self.send(item, cause));
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
            // Whoever asked may have stopped waiting.
            self.draining.take().map(|drained| drained.send(()).ok());
        }
    }

    fn send(&mut self, item: Item, cause: Option<Cause>) {
        match item {
            Item::Open(to) => {
                self.by_client.insert(to.client, to.conn);
                let stream = Stream {
                    seq: 0,
                    ring: VecDeque::new(),
                    ring_bytes: 0,
                    to,
                };
                self.streams.insert(stream.to.conn, stream);
            }
            Item::Told(told) => {
                for lines in groups(told.lines.iter().map(wire_line)) {
                    self.publish(told.conn, &narrative(told.object, lines), cause);
                }
            }
            Item::Ended { conn, task, end } => {
                let is_line_host = |stream: &Stream| stream.to.host_type == HostType::Tcp;
                // A host of lines has no use for how a command ended.
                if !self.streams.get(&conn).is_none_or(is_line_host) {
                    self.publish(conn, &ended(task as u64, &end), cause);
                }
            }
            Item::Option {
                conn,
                object,
                name,
                value,
            } => {
                let event = ClientEvent::SetConnectionOption {
                    connection: object.into(),
                    option: name,
                    value: WireValue::new(&value),
                };
                self.publish(conn, &event, cause);
            }
            Item::Credentials {
                conn,
                client_token,
                auth_token,
                bound,
            } => {
                let event = ClientEvent::CredentialsUpdated {
                    client_token,
                    auth_token,
                    sid: String::new(),
                    bound,
                };
                self.publish(conn, &event, cause);
            }
            Item::Submitted { reply, task } => {
                let message = ClientReply {
                    reply: DaemonToClientReply::TaskSubmitted { task_id: task as u64 },
                    head: None,
                };
                answer(&self.parts.sender, reply, &message);
            }
            Item::Close { conn, reason, lines } => {
                let event = ClientEvent::Disconnect {
                    reason: reason.to_owned(),
                    lines: lines.into_iter().map(Line::text).collect(),
                };
                self.publish(conn, &event, cause);
                self.forget(conn);
            }
            Item::Forget(conn) => self.forget(conn),
        }
    }

    fn forget(&mut self, conn: ConnId) {
        if let Some(stream) = self.streams.remove(&conn) {
            self.by_client.remove(&stream.to.client);
        }
    }

    /// Numbers an event and sends it; what is too large for a frame is replaced by words.
    fn publish(&mut self, conn: ConnId, event: &ClientEvent, cause: Option<Cause>) {
        let Some(stream) = self.streams.get_mut(&conn) else {
            return;
        };
        stream.seq += 1;
        let host = stream.to.host;
        let frame = self.frames.entry(host).or_default();
        *frame += 1;
        let route = Route {
            frame: *frame,
            to: vec![Recipient {
                client: stream.to.client,
                attach_epoch: 0,
                seq: stream.seq,
            }],
            cause,
            at: (self.parts.now)(),
        };
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        let mut bytes = encode_event(event);
        let message = encode_stored_event(&envelope, &bytes, &route).or_else(|_| {
            bytes = encode_event(&too_large(bytes.len()));
            encode_stored_event(&envelope, &bytes, &route)
        });
        stream.keep(cause, bytes);
        let sent = message.map(|frame| self.parts.sender.publish(&host_topic(host), frame));
        if !matches!(sent, Ok(Ok(()))) {
            // The host sees the hole and asks for a replay.
            tracing::warn!(%host, "an event could not be sent");
        }
    }

    fn replay(&mut self, ask: &AskReplay) {
        let stream = self
            .by_client
            .get(&ask.client)
            .and_then(|conn| self.streams.get(conn));
        let (events, lost) = stream.map_or((Vec::new(), None), |stream| stream.since(ask.from.seq, ask.to));
        let message = DaemonToHostReply::ReplayChunk {
            client: ask.client,
            events,
            done: true,
            lost,
        };
        answer(&self.parts.sender, ask.reply, &message);
    }

    fn tell_positions(&self, told: TellPositions) {
        let outcome = |conn: ConnId| match self.streams.get(&conn) {
            Some(stream) => ReattachOutcome::Ok {
                attach_epoch: 0,
                head: StreamPos {
                    era: told.era,
                    seq: stream.seq,
                },
            },
            None => ReattachOutcome::Unknown,
        };
        let results = told
            .conns
            .into_iter()
            .map(|(client, conn)| (client, conn.map_or_else(|refused| refused, outcome)));
        let message = DaemonToHostReply::Reattached {
            results: results.collect(),
        };
        answer(&self.parts.sender, told.reply, &message);
    }

    /// Tells each host the heads of its streams with unacknowledged events.
    fn tell_heads(&self) {
        let mut by_host: HashMap<HostId, Vec<(ClientId, u64)>> = HashMap::new();
        for stream in self.streams.values().filter(|stream| !stream.ring.is_empty()) {
            by_host
                .entry(stream.to.host)
                .or_default()
                .push((stream.to.client, stream.seq));
        }
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        for (host, heads) in by_host {
            let frame = self.frames.get(&host).copied().unwrap_or_default();
            for heads in heads.chunks(crate::limits::LIST_ENTRIES_MAX) {
                let control = StreamControl::Heads {
                    frame,
                    heads: heads.to_vec(),
                };
                if let Ok(bytes) = encode(&envelope, &control) {
                    // What is missed here is told again with the next ping.
                    self.parts.sender.publish(&host_topic(host), bytes).ok();
                }
            }
        }
    }
}

impl Stream {
    /// Keeps an event until it is acknowledged, within bounds.
    fn keep(&mut self, cause: Option<Cause>, bytes: Vec<u8>) {
        self.ring_bytes += bytes.len();
        self.ring.push_back((self.seq, cause, bytes.into()));
        while self.ring.len() > STREAM_RING_EVENTS_MAX || self.ring_bytes > STREAM_RING_BYTES_MAX {
            let Some((_, _, dropped)) = self.ring.pop_front() else {
                break;
            };
            self.ring_bytes -= dropped.len();
        }
    }

    fn acked(&mut self, seq: u64) {
        while self.ring.front().is_some_and(|(first, _, _)| *first <= seq) {
            let dropped = self.ring.pop_front();
            self.ring_bytes -= dropped.map_or(0, |(_, _, bytes)| bytes.len());
        }
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }

    /// The events from `from` on that are still kept, and how many are not.
    #[expect(clippy::type_complexity, reason = "it is the message's own shape")]
    fn since(&self, from: u64, to: Option<u64>) -> (Vec<(u64, Option<Cause>, ClientEvent)>, Option<u64>) {
        let to = to.unwrap_or(self.seq);
        let kept = self.ring.iter().filter(|(seq, _, _)| (from..=to).contains(seq));
        let events: Vec<_> = kept
            .filter_map(|(seq, cause, bytes)| {
                Some((*seq, *cause, crate::protocol::codec::decode_event(bytes)?))
            })
            .collect();
        let first = events.first().map_or(to + 1, |(seq, _, _)| *seq);
        let lost = first.saturating_sub(from);
        (events, (lost > 0).then_some(lost))
    }
}

/// Sends an answer.
pub fn answer<M: crate::protocol::Message>(sender: &ServerSender, reply: Reply, message: &M) {
    match encode(&reply.envelope, message) {
        Ok(frame) => {
            if let Err(error) = sender.reply(reply.to, frame) {
                tracing::warn!(%error, "an answer could not be sent");
            }
        }
        Err(error) => tracing::error!(%error, "an answer is too large"),
    }
}

fn narrative(object: moo_model::Obj, lines: Vec<Line>) -> ClientEvent {
    ClientEvent::Narrative {
        player: object.into(),
        event: NarrativeEvent {
            author: object.into(),
            content: Content::Lines(lines),
        },
    }
}

fn too_large(len: usize) -> ClientEvent {
    narrative(
        moo_model::Obj::NOTHING,
        vec![Line::text(format!(
            "*** {len} bytes of output are too much at once and were left out. ***"
        ))],
    )
}

fn ended(task: u64, end: &End) -> ClientEvent {
    let error = match end {
        End::Done(value) => {
            return ClientEvent::TaskSuccess {
                task,
                result: WireValue::new(value),
            };
        }
        End::Waits(_) => return ClientEvent::TaskSuspended { task },
        End::Failed(failure) => scheduler_error(failure),
    };
    ClientEvent::TaskError { task, error }
}

fn scheduler_error(failure: &Failure) -> SchedulerError {
    match failure {
        Failure::Uncaught { raised, lines } => SchedulerError::TaskAbortedException(Exception {
            code: WireValue::new(&raised.code),
            message: raised.message().as_str().unwrap_or_default().to_owned(),
            value: WireValue::new(&raised.value),
            traceback: lines.clone(),
        }),
        Failure::Ticks => SchedulerError::TaskAbortedLimit(AbortLimit::Ticks(0)),
        Failure::Seconds => SchedulerError::TaskAbortedLimit(AbortLimit::Time(0)),
        Failure::Killed => SchedulerError::TaskAbortedCancelled,
        Failure::NoCommand => SchedulerError::CommandExecutionError(CommandError::NoCommandMatch),
        Failure::Contended => SchedulerError::TaskAbortedError,
    }
}

impl Actor for PublisherActor {
    type Context = Context<Self>;
}

impl Handler<Offered<Look>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, look: Offered<Look>, _: &mut Context<Self>) {
        look.accept();
        self.look();
    }
}

impl Handler<Offered<Drain>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, drain: Offered<Drain>, _: &mut Context<Self>) {
        self.draining = Some(drain.accept().0);
        self.look();
    }
}

impl Handler<Offered<HostRegistered>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, registered: Offered<HostRegistered>, _: &mut Context<Self>) {
        self.frames.insert(registered.accept().0, 0);
    }
}

impl Handler<Offered<Acked>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, acked: Offered<Acked>, _: &mut Context<Self>) {
        for (client, seq) in acked.accept().0 {
            let stream = self
                .by_client
                .get(&client)
                .and_then(|conn| self.streams.get_mut(conn));
            if let Some(stream) = stream {
                stream.acked(seq);
            }
        }
    }
}

impl Handler<Offered<AskReplay>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, ask: Offered<AskReplay>, _: &mut Context<Self>) {
        self.replay(&ask.accept());
    }
}

impl Handler<Offered<TellPositions>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, told: Offered<TellPositions>, _: &mut Context<Self>) {
        self.tell_positions(told.accept());
    }
}

impl Handler<Offered<TellHeads>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, tell: Offered<TellHeads>, _: &mut Context<Self>) {
        tell.accept();
        self.tell_heads();
    }
}
