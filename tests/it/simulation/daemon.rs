//! A model of the daemon around the real outbox: sessions of hosts, connections, commands that each commit, and a log
//! that writes a while later. A kill loses all that was not written.
//!
//! Invariant: nothing leaves before its commit is written; `disk` is always a prefix of the commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use moo_model::ledger::Row;
use moothall::limits::BUSY_RETRY_MS;
use moothall::protocol::client::{
    Auth, ClientReply, ClientRequest, CmdOutcome, DaemonToClientReply, HostClientToDaemonMessage, Refusal,
};
use moothall::protocol::codec::{Envelope, Frame, encode, encode_stored_event};
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::event::{
    Cause, ClientEvent, Content, Line, NarrativeEvent, StreamControl, StreamPos,
};
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, RejectReason};
use moothall::protocol::kind::Family;
use moothall::protocol::machine::outbox::{Opening, Out, Outbox, Prepared};
use moothall::protocol::{ClientId, HostId, Wall, WireObj};

use super::store::{Change, Conn, State};
use crate::support::random::Random;

/// An answer on its way.
#[derive(Clone)]
pub struct Answer {
    pub host: HostId,
    pub envelope: Envelope,
    pub reply: Reply,
}

#[derive(Clone)]
pub enum Reply {
    Client(DaemonToClientReply),
    Host(DaemonToHostReply),
    Direct(DaemonDirect),
}

/// A host's session.
pub struct Session {
    pub instance: u64,
    pub probe: Option<[u8; 16]>,
    pub is_registered: bool,
}

/// A frame for a host.
pub struct Sent {
    pub to: HostId,
    pub is_event: bool,
    pub frame: Vec<u8>,
}

/// The daemon.
pub struct Daemon {
    pub is_up: bool,
    pub epoch: u32,
    pub disk: State,
    pub(super) memory: State,
    log: VecDeque<(u64, Vec<Change>)>,
    stamp: u64,
    pub(super) outbox: Outbox<Answer>,
    pub(super) sessions: BTreeMap<HostId, Session>,
    pub(super) probes: u8,
    pings: u64,
    pub(super) random: Random,
    /// Of a thousand requests, how many are refused, and how many were in all.
    pub refused_per_mille: usize,
    pub refusals: u64,
    /// Faults to be found out by the checker.
    pub forgets_commands: bool,
    pub stores_no_events: bool,
}

const NOBODY: WireObj = WireObj(-1);

impl Daemon {
    /// A daemon on an empty store; what it refuses follows from the seed.
    pub fn new(seed: u64) -> Daemon {
        Daemon {
            is_up: true,
            epoch: 1,
            disk: State::default(),
            memory: State::default(),
            log: VecDeque::new(),
            stamp: 0,
            outbox: Outbox::default(),
            sessions: BTreeMap::new(),
            probes: 0,
            pings: 0,
            random: Random::new(!seed),
            refused_per_mille: 0,
            refusals: 0,
            forgets_commands: false,
            stores_no_events: false,
        }
    }

    /// All that was not written is gone.
    pub fn is_killed(&mut self) {
        self.is_up = false;
        self.log.clear();
        self.sessions.clear();
        self.memory = State::default();
        self.outbox = Outbox::default();
    }

    /// Starts on what the disk has.
    pub fn starts(&mut self) {
        self.is_up = true;
        self.epoch += 1;
        self.memory = self.disk.clone();
        let rows = self.memory.outbox.iter();
        self.outbox = Outbox::load(rows.map(|(key, value)| (key.clone(), value.clone()))).outbox;
        for (client, conn) in &mut self.memory.conns {
            self.outbox.bind(*client, conn.number, false);
            if self.forgets_commands {
                conn.cmd_last = conn.cmd_last.saturating_sub(1);
            }
        }
        let known: BTreeSet<ClientId> = self.memory.conns.keys().copied().collect();
        self.outbox.keep_only(|client| known.contains(&client));
    }

    /// The stamp of the last commit.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A frame has come from a host's process.
    pub fn hears(&mut self, from: HostId, frame: &[u8]) -> Vec<Sent> {
        let Ok(frame) = Frame::parse(frame) else {
            return Vec::new();
        };
        let envelope = frame.envelope.reply(self.epoch);
        if frame.kind.family() == Family::HostToDaemon as u8 {
            let message = frame.decode().expect("the host's frames are whole");
            return self.hears_host(from, envelope, message);
        }
        if !self.is_registered(from) {
            return self.refuse_stranger(from, envelope);
        }
        let request = frame.decode().expect("the host's frames are whole");
        self.hears_client(from, envelope, ClientId(frame.envelope.principal), request)
    }

    pub(super) fn is_registered(&self, host: HostId) -> bool {
        self.sessions
            .get(&host)
            .is_some_and(|session| session.is_registered)
    }

    pub(super) fn refuse_stranger(&self, to: HostId, envelope: Envelope) -> Vec<Sent> {
        let reject = DaemonToHostReply::Reject {
            reason: RejectReason::HelloFirst,
            retry_after_ms: 0,
        };
        vec![self.host_reply(to, &envelope, &reject)]
    }

    fn hears_client(
        &mut self,
        from: HostId,
        envelope: Envelope,
        client: ClientId,
        request: ClientRequest,
    ) -> Vec<Sent> {
        let ClientRequest {
            message,
            auth,
            cmd_seq,
            cmd_acked: _,
        } = request;
        if self.refuses() {
            return vec![self.refuse_client(from, &envelope)];
        }
        if let HostClientToDaemonMessage::ConnectionEstablish { .. } = message {
            self.establish(from, envelope, client);
            return Vec::new();
        }
        let Some(conn) = self.memory.conns.get(&client).cloned() else {
            return vec![self.refuse_unknown(from, &envelope, client)];
        };
        if auth != Auth::Bound(conn.bound) || conn.host != from {
            return vec![self.refusal(from, &envelope, RpcMessageError::PermissionDenied)];
        }
        let answer = |reply| {
            let reply = Reply::Client(reply);
            Some((
                conn.number,
                Answer {
                    host: from,
                    envelope,
                    reply,
                },
            ))
        };
        match message {
            HostClientToDaemonMessage::Command { command, .. } => {
                if cmd_seq > conn.cmd_last + 1 {
                    // One before it was lost on the way, or refused; both come again.
                    let retry_after_ms = BUSY_RETRY_MS;
                    return vec![self.refusal(from, &envelope, RpcMessageError::Busy { retry_after_ms })];
                }
                if cmd_seq <= conn.cmd_last {
                    let outcome = CmdOutcome::Submitted { task: cmd_seq };
                    let reply = answer(DaemonToClientReply::Duplicate { cmd_seq, outcome });
                    self.commit(Vec::new(), Vec::new(), reply);
                    return Vec::new();
                }
                let reply = answer(DaemonToClientReply::TaskSubmitted { task_id: cmd_seq });
                self.command(client, &conn, cmd_seq, &command, reply);
            }
            HostClientToDaemonMessage::Detach { .. } => {
                self.outbox.close(client);
                let reply = answer(DaemonToClientReply::Disconnected);
                self.commit(vec![Change::Conn(client, None)], Vec::new(), reply);
            }
            other => panic!("the host asks what the model does not know: {other:?}"),
        }
        Vec::new()
    }

    /// A new connection; one that asked before gets the same answer.
    fn establish(&mut self, from: HostId, envelope: Envelope, client: ClientId) {
        let known = self.memory.conns.get(&client).cloned();
        let is_new = known.is_none();
        let conn = known.unwrap_or_else(|| Conn {
            number: self.memory.conn_last + 1,
            bound: client.0,
            attach_epoch: 1,
            host: from,
            cmd_last: 0,
        });
        let mut changes = Vec::new();
        let pos = if is_new {
            changes.push(Change::Conn(client, Some(conn.clone())));
            self.outbox.open(Opening {
                conn: conn.number,
                client,
                host: from,
                attach_epoch: 1,
                wants_ends: false,
                era: self.epoch,
            })
        } else {
            // It has heard nothing yet, whatever it was told.
            let head = self
                .outbox
                .attach(client, from, conn.attach_epoch, None, self.epoch);
            StreamPos {
                seq: 0,
                ..head.unwrap_or_default()
            }
        };
        let reply = Reply::Client(DaemonToClientReply::NewConnection {
            client_token: "token".into(),
            bound: conn.bound,
            connection: NOBODY,
            pos,
        });
        let answer = Answer {
            host: from,
            envelope,
            reply,
        };
        self.commit(changes, Vec::new(), Some((conn.number, answer)));
    }

    /// A line takes effect, and everybody who is connected is told.
    fn command(
        &mut self,
        client: ClientId,
        conn: &Conn,
        cmd_seq: u64,
        line: &str,
        answer: Option<(u64, Answer)>,
    ) {
        let text = format!("{:02x}{:02x} says {line}", client.0[0], client.0[1]);
        let mut changes = vec![Change::Effect(client, line.parse().expect("people type numbers"))];
        let conn = Conn {
            cmd_last: cmd_seq,
            ..conn.clone()
        };
        changes.push(Change::Conn(client, Some(conn)));
        let mut to = Vec::new();
        for (other, conn) in &self.memory.conns {
            to.push(conn.number);
            changes.push(Change::Told(*other, text.clone()));
        }
        let event = ClientEvent::Narrative {
            event: NarrativeEvent {
                author: NOBODY,
                content: Content::Lines(vec![Line::text(text)]),
            },
        };
        let cause = Cause {
            task: cmd_seq,
            corr: 0,
            cmd_seq,
        };
        let event = Prepared::new(&event, Some(cause), Wall(0), to);
        self.commit(changes, vec![event], answer);
    }

    pub(super) fn commit(
        &mut self,
        mut changes: Vec<Change>,
        events: Vec<Prepared>,
        answer: Option<(u64, Answer)>,
    ) {
        self.stamp += 1;
        let rows = self.outbox.number(self.stamp, events, answer);
        // An event's key is its number, in eight bytes.
        let is_stored = |row: &Row| !(self.stores_no_events && row.key.len() == 8);
        changes.extend(rows.into_iter().filter(is_stored).map(Change::Row));
        changes
            .iter()
            .cloned()
            .for_each(|change| self.memory.apply(change));
        self.log.push_back((self.stamp, changes));
    }

    /// The log has written everything up to this commit.
    pub fn written(&mut self, stamp: u64) -> Vec<Sent> {
        while self.log.front().is_some_and(|(own, _)| *own <= stamp)
            && let Some((_, changes)) = self.log.pop_front()
        {
            changes.into_iter().for_each(|change| self.disk.apply(change));
        }
        let mut sent = Vec::new();
        loop {
            let out = self.outbox.written(stamp, 64);
            if out.is_empty() {
                return sent;
            }
            sent.extend(self.sent(out));
        }
    }

    /// Every 50 ms: what waits for a commit gets one, and hosts that have not proved their ears are probed.
    pub fn ticks(&mut self) -> Vec<Sent> {
        if self.outbox.has_rows() || self.outbox.is_waiting() {
            self.commit(Vec::new(), Vec::new(), None);
        }
        let unproved = self.sessions.iter().filter(|(_, session)| !session.is_registered);
        unproved
            .filter_map(|(host, session)| Some(self.probe(*host, session.probe?)))
            .collect()
    }

    /// Every 2 s.
    pub fn pings(&mut self) -> Vec<Sent> {
        self.pings += 1;
        let ping = moothall::protocol::broadcast::HostBroadcastEvent::PingPong {
            ping: self.pings,
            timestamp: 0,
        };
        let mut sent: Vec<Sent> = self
            .sessions
            .keys()
            .map(|host| self.event(*host, &ping))
            .collect();
        let out = self.outbox.pinged(Wall(0));
        sent.extend(self.sent(out));
        sent
    }

    pub(super) fn sent(&self, out: Vec<Out<Answer>>) -> Vec<Sent> {
        let mut sent = Vec::new();
        for out in out {
            match out {
                Out::Frame { host, route, event } => sent.push(Sent {
                    to: host,
                    is_event: true,
                    frame: encode_stored_event(&self.envelope(), &event, &route).expect("it is small"),
                }),
                Out::Heads { host, frame, heads } => {
                    sent.push(self.event(host, &StreamControl::Heads { frame, heads }));
                }
                Out::Answer { answer, head } => match answer.reply {
                    Reply::Client(reply) => sent.push(Sent {
                        to: answer.host,
                        is_event: false,
                        frame: encode(&answer.envelope, &ClientReply { reply, head }).expect("it is small"),
                    }),
                    Reply::Direct(direct) => sent.push(Sent {
                        to: answer.host,
                        is_event: false,
                        frame: encode(&answer.envelope, &direct).expect("it is small"),
                    }),
                    Reply::Host(reply) => sent.push(self.host_reply(answer.host, &answer.envelope, &reply)),
                },
            }
        }
        sent
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            epoch: self.epoch,
            ..Envelope::default()
        }
    }

    pub(super) fn event<M: moothall::protocol::Message>(&self, to: HostId, message: &M) -> Sent {
        Sent {
            to,
            is_event: true,
            frame: encode(&self.envelope(), message).expect("it is small"),
        }
    }

    pub(super) fn host_reply(&self, to: HostId, envelope: &Envelope, reply: &DaemonToHostReply) -> Sent {
        Sent {
            to,
            is_event: false,
            frame: encode(envelope, reply).expect("it is small"),
        }
    }

    pub(super) fn refusal(&self, to: HostId, envelope: &Envelope, error: RpcMessageError) -> Sent {
        Sent {
            to,
            is_event: false,
            frame: encode(envelope, &Refusal { error, head: None }).expect("it is small"),
        }
    }
}
