//! One client of a host: its stream, its commands, and what proves who it is.
//!
//! Invariants: a command keeps its number however often it is sent; commands are sent in the order of their numbers,
//! and none before those that the daemon has sent back; marks rise with every event handed to the client.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Meter, Output, ToClient};
use crate::limits::{COMMANDS_IN_FLIGHT_MAX, EVENT_COST};
use crate::protocol::client::{Auth, ClientRequest, HostClientToDaemonMessage};
use crate::protocol::event::{ClientEvent, Content, LineBody, StreamPos};
use crate::protocol::host::{HeldConn, Peer};
use crate::protocol::machine::stream::Stream;
use crate::protocol::{ClientId, Moment, WireObj};

/// How the daemon stands to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    /// It does not know the client yet.
    Opening,
    /// It knew the client before the link was lost.
    Held,
    /// It knows the client.
    There,
    /// It has given the client up, or to another host: the socket is being closed.
    Over,
}

/// An answer that waits for the events before it.
#[derive(Debug)]
pub(super) struct Parked {
    head: StreamPos,
    /// It is told then in any case.
    until: Moment,
    answer: ToClient,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) peer: Peer,
    pub(super) handler: WireObj,
    meter: Arc<Meter>,
    pub(super) life: Life,
    /// What the daemon gave this connection to prove itself; none until it knows the connection.
    pub(super) bound: Option<[u8; 16]>,
    /// The last event that was told when that was given: what events up to it say of it is out of date.
    pub(super) bound_since: u64,
    pub(super) stream: Stream<Arc<ClientEvent>>,
    /// Whom the last event that says so was for.
    pub(super) player: WireObj,
    /// The daemon was asked for this connection anew, and knows nothing of what was sent before.
    pub(super) fresh: bool,
    cmd_last: u64,
    /// The last command that was sent since the link came up or the daemon sent one back.
    sent: u64,
    /// The last command that was ever sent.
    sent_ever: u64,
    /// Lines that were not answered, with their numbers, rising.
    unanswered: VecDeque<(u64, String)>,
    /// The daemon wants to be asked nothing before then.
    pub(super) rest_until: Option<Moment>,
    pub(super) parked: VecDeque<Parked>,
    /// The mark and the number of the last event that was handed to the client.
    handed: u64,
    handed_seq: u64,
    /// The mark at which the present stream began.
    base: u64,
    /// The last event that the daemon was told to be accepted.
    pub(super) acked: u64,
    pub(super) is_paused: bool,
    /// It is in the host's list of clients with events to acknowledge, or of clients that want to know the time.
    pub(super) is_unacked: bool,
    pub(super) is_watched: bool,
}

impl Client {
    /// A client that the daemon does not know yet.
    pub(super) fn new(peer: Peer, handler: WireObj, meter: Arc<Meter>) -> Client {
        Client {
            peer,
            handler,
            meter,
            life: Life::Opening,
            bound: None,
            bound_since: 0,
            stream: Stream::default(),
            player: WireObj(-1),
            fresh: false,
            cmd_last: 0,
            sent: 0,
            sent_ever: 0,
            unanswered: VecDeque::new(),
            rest_until: None,
            parked: VecDeque::new(),
            handed: 0,
            handed_seq: 0,
            base: 0,
            acked: 0,
            is_paused: false,
            is_unacked: false,
            is_watched: false,
        }
    }

    /// What asks the daemon for this connection.
    pub(super) fn establish(&self) -> ClientRequest {
        let message = HostClientToDaemonMessage::ConnectionEstablish {
            peer: self.peer.clone(),
            handler: self.handler,
        };
        ClientRequest {
            message,
            auth: Auth::None,
            cmd_seq: 0,
            cmd_acked: 0,
        }
    }

    /// What the daemon is told of this connection after it was away; none if it never knew it.
    pub(super) fn held(&self, client: ClientId) -> Option<HeldConn> {
        let bound = self.bound.filter(|_| self.life == Life::Held)?;
        Some(HeldConn {
            client,
            bound,
            attach_epoch: self.stream.attach_epoch(),
            last: StreamPos {
                seq: self.accepted(),
                ..self.stream.last()
            },
            cmd_acked: self.acked_commands(),
            listener: self.handler,
            peer: self.peer.clone(),
        })
    }

    /// The highest number up to which all commands were answered.
    pub(super) fn acked_commands(&self) -> u64 {
        self.unanswered.front().map_or(self.cmd_last, |(seq, _)| seq - 1)
    }

    /// Takes a line that the client has typed, and numbers it.
    pub(super) fn push_line(&mut self, line: String) {
        self.cmd_last += 1;
        self.unanswered.push_back((self.cmd_last, line));
    }

    /// The next command to send, with its number and whether it was sent before; none if it has to wait.
    pub(super) fn next_command(&mut self) -> Option<(u64, ClientRequest, bool)> {
        let bound = self
            .bound
            .filter(|_| self.life == Life::There && self.rest_until.is_none())?;
        let next = self.unanswered.partition_point(|(seq, _)| *seq <= self.sent);
        if next >= COMMANDS_IN_FLIGHT_MAX {
            return None;
        }
        let (seq, line) = self.unanswered.get(next)?;
        let message = HostClientToDaemonMessage::Command {
            handler: self.handler,
            command: line.clone(),
        };
        let (cmd_seq, again) = (*seq, *seq <= self.sent_ever);
        (self.sent, self.sent_ever) = (cmd_seq, self.sent_ever.max(cmd_seq));
        let auth = Auth::Bound(bound);
        let request = ClientRequest {
            message,
            auth,
            cmd_seq,
            cmd_acked: self.acked_commands(),
        };
        Some((cmd_seq, request, again))
    }

    /// The daemon has sent a command back: it and those after it go again, in order, once `until` is reached.
    pub(super) fn go_back_to(&mut self, seq: u64, until: Moment) {
        self.sent = self.sent.min(seq.saturating_sub(1));
        self.rest_until = Some(until);
    }

    /// The link is gone: whatever has no answer goes to the next daemon.
    pub(super) fn go_away(&mut self) {
        if self.life == Life::There {
            self.life = Life::Held;
        }
        (self.sent, self.rest_until) = (0, None);
    }

    /// Takes note that the command with this number was answered; gives whether it was waited for.
    pub(super) fn settle(&mut self, cmd_seq: u64) -> bool {
        let before = self.unanswered.len();
        // Answers come in order but for a few, so the place is near the front.
        if let Some(at) = self.unanswered.iter().position(|(seq, _)| *seq == cmd_seq) {
            self.unanswered.remove(at);
        }
        if self.unanswered.is_empty() {
            self.unanswered = VecDeque::new();
        }
        self.unanswered.len() < before
    }

    /// Starts the connection anew, for a daemon that does not know it.
    pub(super) fn forget(&mut self) {
        (self.life, self.bound, self.fresh) = (Life::Opening, None, true);
        self.stream = Stream::default();
        (self.cmd_last, self.sent, self.sent_ever) = (0, 0, 0);
        self.unanswered = VecDeque::new();
        self.parked = VecDeque::new();
        (self.rest_until, self.is_paused) = (None, false);
        self.begin_at(0);
    }

    /// The stream goes on after `seq`, in a history that has nothing to do with what was handed out before.
    pub(super) fn begin_at(&mut self, seq: u64) {
        (self.handed_seq, self.acked, self.base) = (seq, seq, self.handed);
        self.bound_since = 0;
    }

    /// Hands an event to the client.
    pub(super) fn hand(&mut self, client: ClientId, seq: u64, event: Arc<ClientEvent>) -> Output {
        match &*event {
            ClientEvent::SystemMessage { player, .. } | ClientEvent::PlayerSwitched { player, .. } => {
                self.player = *player;
            }
            ClientEvent::CredentialsUpdated { bound, .. } if seq > self.bound_since => {
                self.bound = Some(*bound);
            }
            _ => {}
        }
        self.handed += weight(&event) as u64;
        self.handed_seq = seq;
        let mark = self.handed;
        Output::ToClient(client, ToClient::Event { event, seq, mark })
    }

    /// Tells the client that events after the last one handed out are lost.
    pub(super) fn hand_gap(&mut self, client: ClientId, lost: u64) -> Output {
        self.hand(
            client,
            self.handed_seq + lost,
            Arc::new(ClientEvent::Gap { lost }),
        )
    }

    /// What was handed out and not taken by the socket, about in bytes.
    pub(super) fn waiting(&self) -> u64 {
        self.handed.saturating_sub(self.meter.drained())
    }

    /// Asks to be told when no more than this waits.
    pub(super) fn want_waiting(&self, waiting: u64) {
        self.meter.want(self.handed.saturating_sub(waiting).max(1));
    }

    /// The last event of the present stream that the socket took.
    pub(super) fn accepted(&self) -> u64 {
        match self.meter.drained() > self.base {
            true => self.meter.accepted().min(self.handed_seq),
            false => self.acked,
        }
    }

    /// Whether the daemon is to be told of events that the socket has not taken yet, or that it was not told of.
    pub(super) fn has_unacked(&self) -> bool {
        self.acked != self.handed_seq
    }

    /// Keeps an answer until the events before it were handed out.
    pub(super) fn park(&mut self, head: StreamPos, until: Moment, answer: ToClient) {
        self.parked.push_back(Parked { head, until, answer });
    }

    /// Tells the answers whose time has come.
    pub(super) fn unpark(&mut self, now: Moment, client: ClientId, out: &mut Vec<Output>) {
        let (parked, stream) = (&mut self.parked, &self.stream);
        let due = parked
            .iter()
            .take_while(|first| stream.is_past(first.head) || now >= first.until);
        let due = due.count();
        out.extend(
            parked
                .drain(..due)
                .map(|due| Output::ToClient(client, due.answer)),
        );
    }
}

/// About how many bytes an event brings to a client.
pub(super) fn weight(event: &ClientEvent) -> usize {
    let length = |line: &crate::protocol::event::Line| match &line.body {
        LineBody::Text(text) => text.len() + 2,
        LineBody::Bytes(bytes) => bytes.len(),
    };
    let bytes = match event {
        ClientEvent::Narrative { event } => match &event.content {
            Content::Lines(lines) => lines.iter().map(length).sum(),
            Content::Rich { value, .. } => value.0.len(),
        },
        ClientEvent::SystemMessage { message, .. } => message.len(),
        ClientEvent::Disconnect { lines, .. } => lines.iter().map(length).sum(),
        ClientEvent::Typed { json, .. } => json.len(),
        _ => 0,
    };
    bytes + EVENT_COST
}
