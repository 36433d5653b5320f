//! A whole host without its sockets: the link to the daemon and every client behind it.
//!
//! Invariants: a client hears the events of its stream in their order, each once; its commands are numbered from 1
//! without a hole and sent in that order; nothing is sent for a client that the daemon does not know yet; a client
//! that does not read holds up nobody else. All the memory of a client goes with it.

mod agent;
mod asking;
mod client;
mod entry;
mod hear;
mod input;
mod meter;
mod output;
mod streams;

use std::collections::VecDeque;
use std::time::Duration;

use agent::Agent;
use client::{Client, Event, Life};
pub use input::{Entry, Input, Number, Question};
pub use meter::Meter;
pub use output::{Ending, NoAnswer, Order, Origin, Output, ToClient};
use rustc_hash::FxHashMap;

use super::link::{self, Link, LinkConfig};
use super::stream;
use crate::limits::{
    AWAY_CLOSE_AFTER, AWAY_NOTICE_AFTER, LINK_STALL_MS, LINK_TICK, LIST_ENTRIES_MAX, REATTACH_AT_ONCE_MAX,
    REATTACH_BATCH_MAX, REATTACH_SPREAD,
};
use crate::protocol::client::{Auth, ClientRequest, HostClientToDaemonMessage};
use crate::protocol::host::{HostLoad, HostToDaemonMessage};
use crate::protocol::{ClientId, HostId, JobId, Moment};

const AWAY_NOTICE: &str = "*** The server is away for a moment. What you type is kept until it is back. ***";
const BACK_NOTICE: &str = "*** The server is back. ***";
const ELSEWHERE: &str = "*** Connected elsewhere ***";
const AWAY_TOO_LONG: &str = "*** The server has been away for too long. Please come back later. ***";

/// What a request is to the host.
#[derive(Clone, PartialEq, Debug)]
enum Ticket {
    /// Its answer changes nothing.
    Quiet,
    Establish(ClientId),
    Command(ClientId, u64),
    Asked(ClientId, u64),
    Question(u64),
    Detach(ClientId),
    Replay(ClientId, u64),
    Reattach(Vec<ClientId>),
    Job(JobId),
}

/// Since when the daemon has been away, and whether the clients were told.
#[derive(Debug)]
struct Away {
    since: Moment,
    is_told: bool,
    is_over: bool,
}

/// Connections that the daemon has yet to be told of, after it was away.
#[derive(Debug, Default)]
struct Returning {
    waiting: VecDeque<ClientId>,
    /// When the next batch goes.
    at: Moment,
    /// How far batches are apart, about.
    gap: Duration,
}

/// A client that is gone and was not detached yet.
#[derive(Clone, Copy, Debug)]
struct Farewell {
    /// What it proved itself by, if it had it.
    bound: Option<[u8; 16]>,
    /// It may come back, so that its player stays for a while.
    may_return: bool,
}

/// The host.
#[derive(Debug)]
pub struct Host {
    link: Link<Ticket>,
    id: HostId,
    /// Bytes that wait for a client before it is paused.
    pause_bytes: u64,
    clients: FxHashMap<ClientId, Client>,
    /// Clients that are gone and were not detached yet.
    farewells: FxHashMap<ClientId, Farewell>,
    /// What the link wants done, and the other buffer that takes turns with it.
    wire: Vec<link::Output<Ticket>>,
    spare: Vec<link::Output<Ticket>>,
    streamed: Vec<stream::Output<Event>>,
    /// Clients with events that are not acknowledged.
    unacked: Vec<ClientId>,
    /// Clients that want to know when time has passed.
    watched: Vec<ClientId>,
    returning: Returning,
    /// The highest frame number that came, and the one that was acknowledged.
    frame_heard: u64,
    frame_acked: u64,
    /// Bytes of events since the last acknowledgement.
    bytes_heard: usize,
    /// The clients that the daemon was told to be paused.
    paused_told: Vec<ClientId>,
    /// Clients that have gone since the last pong.
    gone: Vec<ClientId>,
    digest: u64,
    last_ping: u64,
    away: Option<Away>,
    ticked_at: Option<Moment>,
    /// The longest time that a tick was late since the last pong.
    lag: Duration,
    /// The daemon has asked this host to end.
    is_drained: bool,
    chance: u64,
    agent: Agent,
}

impl Host {
    /// A host that waits for its sockets. `pause_bytes` may wait for a client before it gets no more for a while.
    pub fn new(config: LinkConfig, pause_bytes: usize) -> Host {
        Host {
            id: config.id,
            chance: config.instance | 1,
            link: Link::new(config),
            pause_bytes: pause_bytes as u64,
            clients: FxHashMap::default(),
            farewells: FxHashMap::default(),
            wire: Vec::new(),
            spare: Vec::new(),
            streamed: Vec::new(),
            unacked: Vec::new(),
            watched: Vec::new(),
            returning: Returning::default(),
            frame_heard: 0,
            frame_acked: 0,
            bytes_heard: 0,
            paused_told: Vec::new(),
            gone: Vec::new(),
            digest: 0,
            last_ping: 0,
            away: None,
            ticked_at: None,
            lag: Duration::ZERO,
            is_drained: false,
            agent: Agent::default(),
        }
    }

    /// Whether the daemon knows this host.
    pub fn is_up(&self) -> bool {
        self.link.is_attached()
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Requests without an answer.
    pub fn pending(&self) -> usize {
        self.link.pending()
    }

    /// Takes an input.
    pub fn on(&mut self, now: Moment, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.take(now, input, &mut out);
        out
    }

    /// The same, into a buffer that is used again: frames come by the hundred thousand.
    pub fn take(&mut self, now: Moment, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Start { wall } => {
                self.go_away(now, out);
                self.tell_link(now, link::Input::Start { wall });
            }
            Input::Token(token) => self.tell_link(now, link::Input::Token(token)),
            Input::Connected => self.tell_link(now, link::Input::Connected),
            Input::Disconnected => self.tell_link(now, link::Input::Disconnected),
            Input::Reply(frame) => self.tell_link(now, link::Input::Reply(frame)),
            Input::Event(frame) => self.tell_link(now, link::Input::Event(frame)),
            Input::Reset => self.tell_link(now, link::Input::Reset),
            Input::Listeners(listeners) => {
                self.tell_link(now, link::Input::Listeners(listeners));
                self.pong(now);
            }
            Input::Opened {
                client,
                peer,
                handler,
                meter,
                entry,
            } => self.open(now, client, Client::new(peer, handler, meter, entry), out),
            Input::Lines { client, lines } => self.lines(now, client, lines),
            Input::Ask {
                client,
                name,
                message,
                number,
            } => self.ask(now, client, name, (message, number)),
            Input::Question { name, question } => self.question(now, name, question, out),
            Input::Drained { client } => self.drained(now, client, out),
            Input::Closed { client, may_return } => self.close(now, client, may_return),
            Input::Leave { reason } => self.leave(now, reason),
            Input::Tick => self.tick(now, out),
        }
        self.carry_out(now, out);
    }

    fn tell_link(&mut self, now: Moment, input: link::Input<Ticket>) {
        self.link.take(now, input, &mut self.wire);
    }

    fn say(&mut self, now: Moment, ticket: Ticket, message: &HostToDaemonMessage) {
        self.link.ask_host(now, ticket, message, &mut self.wire);
    }

    fn open(&mut self, now: Moment, id: ClientId, client: Client, out: &mut Vec<Output>) {
        if self.clients.insert(id, client).is_none() {
            self.digest ^= first_half(id);
        }
        // It has come back before the daemon heard that it was gone.
        self.farewells.remove(&id);
        match &self.away {
            Some(Away { is_over: true, .. }) => {
                out.push(Output::ToClient(id, away_too_long()));
            }
            Some(Away { is_told: true, .. }) => {
                out.push(Output::ToClient(id, ToClient::Notice(AWAY_NOTICE.into())));
            }
            _ => self.establish(now, id),
        }
    }

    /// Asks the daemon for a connection, once it is there.
    fn establish(&mut self, now: Moment, id: ClientId) {
        if let Some(client) = self.clients.get(&id)
            && client.life == Life::Opening
            && self.link.is_attached()
        {
            let request = client.establish();
            self.link
                .ask_client(now, Ticket::Establish(id), id, &request, false, &mut self.wire);
        }
    }

    /// A client has typed lines. The telnet host's one rule: every line is a `Command`, and the daemon, which alone
    /// knows whether a player is logged in at that moment, decides what it means.
    fn lines(&mut self, now: Moment, id: ClientId, lines: Vec<String>) {
        if let Some(client) = self.clients.get_mut(&id) {
            lines.into_iter().for_each(|line| client.push_line(line));
            self.send_commands(now, id);
        }
    }

    pub(super) fn send_commands(&mut self, now: Moment, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id).filter(|_| self.link.is_attached()) else {
            return;
        };
        while let Some((seq, request, again)) = client.next_command() {
            let ticket = Ticket::Command(id, seq);
            self.link
                .ask_client(now, ticket, id, &request, again, &mut self.wire);
        }
    }

    /// A client's socket is gone: what it typed last goes before the word that it is.
    fn close(&mut self, now: Moment, id: ClientId, may_return: bool) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.rest_until = None;
            self.send_commands(now, id);
        }
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        self.digest ^= first_half(id);
        if client.life == Life::Over {
            return;
        }
        if self.gone.len() < LIST_ENTRIES_MAX {
            self.gone.push(id);
        }
        let bound = client.bound;
        self.farewells.insert(id, Farewell { bound, may_return });
        self.detach(now, id, false);
    }

    /// Tells the daemon that a client is gone, if it knows the client.
    fn detach(&mut self, now: Moment, id: ClientId, again: bool) {
        if let Some(&Farewell {
            bound: Some(bound),
            may_return,
        }) = self.farewells.get(&id)
            && self.link.is_attached()
        {
            let request = ClientRequest {
                message: HostClientToDaemonMessage::Detach {
                    disconnected: !may_return,
                },
                auth: Auth::Bound(bound),
                cmd_seq: 0,
                cmd_acked: 0,
            };
            self.link
                .ask_client(now, Ticket::Detach(id), id, &request, again, &mut self.wire);
        }
    }

    fn leave(&mut self, now: Moment, reason: String) {
        if self.link.is_attached() {
            if self.is_drained {
                self.say(now, Ticket::Quiet, &HostToDaemonMessage::DrainDone);
            }
            self.say(now, Ticket::Quiet, &HostToDaemonMessage::DetachHost { reason });
        }
    }

    /// The daemon is away: what it was told last may never have been heard.
    fn go_away(&mut self, now: Moment, out: &mut Vec<Output>) {
        let away = Away {
            since: now,
            is_told: false,
            is_over: false,
        };
        self.away.get_or_insert(away);
        // These were never brought to life there, and the next daemon never hears of them.
        self.farewells.retain(|_, farewell| farewell.bound.is_some());
        self.returning = Returning::default();
        let mut none = Vec::new();
        for client in self.clients.values_mut() {
            client.go_away();
            client.stream.take(now, stream::Input::Lost, &mut none);
        }
        out.push(Output::ToAll(ToClient::Away));
    }

    /// The daemon is back: it is asked about the connections that it knew, and for the others anew.
    fn come_back(&mut self, now: Moment, out: &mut Vec<Output>) {
        (self.frame_heard, self.frame_acked, self.bytes_heard) = (0, 0, 0);
        self.paused_told.clear();
        if self.away.take().is_some_and(|away| away.is_told) {
            out.push(Output::ToAll(ToClient::Notice(BACK_NOTICE.into())));
        }
        out.push(Output::Order(Order::Up));
        let (held, new): (Vec<_>, Vec<_>) = self.clients.keys().partition(|id| {
            let client = &self.clients[*id];
            client.life == Life::Held
        });
        let batches = u32::try_from(held.len().div_ceil(REATTACH_BATCH_MAX)).unwrap_or(u32::MAX);
        let gap = match batches as usize > REATTACH_AT_ONCE_MAX {
            true => REATTACH_SPREAD / batches,
            false => Duration::ZERO,
        };
        self.returning = Returning {
            waiting: held.into(),
            at: now,
            gap,
        };
        self.reattach(now);
        let outcomes = self.agent.begin();
        outcomes.iter().for_each(|message| self.say_of_job(now, message));
        new.into_iter().for_each(|id| self.establish(now, id));
        let farewells: Vec<ClientId> = self.farewells.keys().copied().collect();
        farewells.into_iter().for_each(|id| self.detach(now, id, true));
    }

    /// Names held connections to the daemon. Few go at once; many are spread over a second, by chance, so that the
    /// hosts of one daemon do not all come in the same moment.
    fn reattach(&mut self, now: Moment) {
        while !self.returning.waiting.is_empty() && now >= self.returning.at && self.link.is_attached() {
            let count = self.returning.waiting.len().min(REATTACH_BATCH_MAX);
            let batch = self.returning.waiting.drain(..count);
            let conns: Vec<_> = batch.filter_map(|id| self.clients.get(&id)?.held(id)).collect();
            let ids = conns.iter().map(|held| held.client).collect();
            if !conns.is_empty() {
                let message = HostToDaemonMessage::ReattachBatch { conns };
                self.say(now, Ticket::Reattach(ids), &message);
            }
            let chance = self.next_chance() % 2_000;
            self.returning.at = self.returning.at.plus(self.returning.gap * chance / 1_000);
        }
    }

    /// A number below 2^32, by xorshift: enough to keep hosts from marching in step.
    fn next_chance(&mut self) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 32) as u32
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Output>) {
        let paused = now.since(self.ticked_at.replace(now).unwrap_or(now));
        self.lag = self.lag.max(paused.saturating_sub(LINK_TICK));
        self.tell_link(now, link::Input::Tick);
        if let Some(away) = &mut self.away {
            if paused >= Duration::from_millis(LINK_STALL_MS) {
                away.since = away.since.plus(paused);
            }
            let span = now.since(away.since);
            if span >= AWAY_NOTICE_AFTER && !std::mem::replace(&mut away.is_told, true) {
                out.push(Output::ToAll(ToClient::Notice(AWAY_NOTICE.into())));
            }
            if span >= AWAY_CLOSE_AFTER && !std::mem::replace(&mut away.is_over, true) {
                out.push(Output::ToAll(away_too_long()));
            }
        }
        self.reattach(now);
        self.offer_for_jobs(now);
        self.watch(now, out);
        self.acknowledge(now, out);
    }

    /// Says what jobs it would take, if that is due.
    fn offer_for_jobs(&mut self, now: Moment) {
        if self.link.is_attached()
            && let Some(offer) = self.agent.offer(now, self.id)
        {
            self.say(now, Ticket::Quiet, &offer);
        }
    }

    /// Tells how a job has ended.
    fn say_of_job(&mut self, now: Moment, message: &HostToDaemonMessage) {
        if let HostToDaemonMessage::JobAck { job, .. } = message {
            self.say(now, Ticket::Job(*job), message);
        }
    }

    /// Answers a ping.
    fn pong(&mut self, now: Moment) {
        if !self.link.is_attached() {
            return;
        }
        let waiting = self.unacked.iter().filter_map(|id| self.clients.get(id));
        let clients = u32::try_from(self.clients.len()).unwrap_or(u32::MAX);
        let load = HostLoad {
            clients,
            out_bytes: waiting.map(Client::waiting).sum(),
            cpu_percent: 0,
            lag_ms: u32::try_from(std::mem::take(&mut self.lag).as_millis()).unwrap_or(u32::MAX),
        };
        let message = HostToDaemonMessage::HostPong {
            ping: self.last_ping,
            timestamp: self.link.wall(now).0,
            listeners: self.link.listeners().to_vec(),
            clients,
            digest: self.digest,
            gone: std::mem::take(&mut self.gone),
            load,
        };
        self.say(now, Ticket::Quiet, &message);
    }
}

/// What a client hears that is somewhere else from now on.
pub fn elsewhere() -> ToClient {
    ToClient::Close {
        why: Ending::Elsewhere,
        words: ELSEWHERE.into(),
    }
}

fn away_too_long() -> ToClient {
    ToClient::Close {
        why: Ending::Away,
        words: AWAY_TOO_LONG.into(),
    }
}

fn first_half(client: ClientId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = client.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
