//! One client of a host: its stream, its commands, and what proves who it is.
//!
//! Invariants: a command keeps its number however often it is sent; commands are sent in the order of their numbers,
//! and none before those that the daemon has sent back; marks rise with every event handed to the client.

use std::collections::VecDeque;
use std::sync::Arc;

use super::output::Origin;
use super::{Entry, Meter, Output, ToClient};
use crate::limits::{COMMANDS_IN_FLIGHT_MAX, EVENT_COST};
use crate::protocol::client::{Attachment, Auth, ClientRequest, ConnectType, HostClientToDaemonMessage};
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

/// Who asked for what a command does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// Somebody who types lines.
    Line,
    /// A program, which calls it so.
    Program(u64),
}

/// A command that was not answered.
#[derive(Debug)]
struct Command {
    seq: u64,
    message: HostClientToDaemonMessage,
    asker: Asker,
}

/// Something without a number that was not answered.
#[derive(Debug)]
struct Asked {
    name: u64,
    message: HostClientToDaemonMessage,
    is_sent: bool,
}

/// An event on its way to a client.
pub(super) type Event = (Arc<ClientEvent>, Origin);

#[derive(Debug)]
pub(super) struct Client {
    pub(super) peer: Peer,
    pub(super) handler: WireObj,
    meter: Arc<Meter>,
    /// How it comes in.
    pub(super) entry: Entry,
    pub(super) life: Life,
    /// What the daemon gave this connection to prove itself; none until it knows the connection.
    pub(super) bound: Option<[u8; 16]>,
    /// The last event that was told when that was given: what events up to it say of it is out of date.
    pub(super) bound_since: u64,
    pub(super) stream: Stream<Event>,
    /// Whom the last event that says so was for.
    pub(super) player: WireObj,
    /// The daemon was asked for this connection anew, and knows nothing of what was sent before.
    pub(super) fresh: bool,
    cmd_last: u64,
    /// The last command that was sent since the link came up or the daemon sent one back.
    sent: u64,
    /// The last command that was ever sent.
    sent_ever: u64,
    /// Commands that were not answered, their numbers rising.
    unanswered: VecDeque<Command>,
    asked: VecDeque<Asked>,
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
    pub(super) fn new(peer: Peer, handler: WireObj, meter: Arc<Meter>, entry: Entry) -> Client {
        Client {
            peer,
            handler,
            meter,
            entry,
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
            asked: VecDeque::new(),
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
        let (peer, handler) = (self.peer.clone(), self.handler);
        let (auth, message) = match &self.entry {
            Entry::New => (
                Auth::None,
                HostClientToDaemonMessage::ConnectionEstablish { peer, handler },
            ),
            Entry::Player { auth, takeover } => (
                auth.clone(),
                HostClientToDaemonMessage::Attach {
                    connect_type: ConnectType::Connected,
                    handler,
                    peer,
                    takeover: *takeover,
                },
            ),
            Entry::Back { auth, last } => (
                auth.clone(),
                HostClientToDaemonMessage::Reattach { last: *last, peer },
            ),
        };
        ClientRequest {
            message,
            auth,
            cmd_seq: 0,
            cmd_acked: 0,
        }
    }

    /// The daemon has let the client in. Gives the place in the stream that it goes on from.
    pub(super) fn enter(&mut self, attachment: &Attachment) -> StreamPos {
        let pos = match &self.entry {
            Entry::Back { last, .. } if last.era == attachment.head.era => *last,
            _ => attachment.last,
        };
        (self.life, self.bound) = (Life::There, Some(attachment.bound));
        self.player = attachment.player;
        self.fresh = false;
        self.cmd_last = attachment.cmd_next.saturating_sub(1);
        (self.sent, self.sent_ever) = (self.cmd_last, self.cmd_last);
        self.begin_at(pos.seq);
        self.bound_since = attachment.head.seq;
        pos
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
        self.unanswered
            .front()
            .map_or(self.cmd_last, |first| first.seq - 1)
    }

    /// Takes a line that the client has typed, and numbers it.
    pub(super) fn push_line(&mut self, line: String) {
        let message = HostClientToDaemonMessage::Command {
            handler: self.handler,
            command: line,
        };
        self.push(message, Asker::Line);
    }

    /// Takes what a client's program asks, and numbers it.
    pub(super) fn push(&mut self, message: HostClientToDaemonMessage, asker: Asker) {
        self.cmd_last += 1;
        let seq = self.cmd_last;
        self.unanswered.push_back(Command { seq, message, asker });
    }

    /// Takes what a client's program asks under a number that was given before.
    pub(super) fn push_again(&mut self, seq: u64, message: HostClientToDaemonMessage, asker: Asker) {
        if seq > self.cmd_last {
            return self.push(message, asker);
        }
        let at = self.unanswered.partition_point(|command| command.seq < seq);
        let command = Command { seq, message, asker };
        match self.unanswered.get_mut(at).filter(|known| known.seq == seq) {
            // It is on its way, and whoever asked last is answered.
            Some(known) => known.asker = asker,
            None => {
                self.unanswered.insert(at, command);
                self.sent = self.sent.min(seq - 1);
            }
        }
    }

    /// Takes what a client's program asks without a number.
    pub(super) fn ask(&mut self, name: u64, message: HostClientToDaemonMessage) {
        let is_sent = false;
        self.asked.push_back(Asked {
            name,
            message,
            is_sent,
        });
    }

    /// The next of what is asked without a number, to be sent.
    pub(super) fn next_asked(&mut self) -> Option<(u64, ClientRequest)> {
        let bound = self.bound.filter(|_| self.life == Life::There)?;
        let cmd_acked = self.acked_commands();
        let asked = self.asked.iter_mut().find(|asked| !asked.is_sent)?;
        asked.is_sent = true;
        let request = ClientRequest {
            message: asked.message.clone(),
            auth: Auth::Bound(bound),
            cmd_seq: 0,
            cmd_acked,
        };
        Some((asked.name, request))
    }

    /// It is to be asked again, later.
    pub(super) fn ask_again(&mut self, name: u64) {
        let asked = self.asked.iter_mut().find(|asked| asked.name == name);
        if let Some(asked) = asked {
            asked.is_sent = false;
        }
    }

    /// It was answered; gives whether it was waited for.
    pub(super) fn settle_asked(&mut self, name: u64) -> bool {
        let before = self.asked.len();
        self.asked.retain(|asked| asked.name != name);
        self.asked.len() < before
    }

    /// The next command to send, with its number and whether it was sent before; none if it has to wait.
    pub(super) fn next_command(&mut self) -> Option<(u64, ClientRequest, bool)> {
        let bound = self
            .bound
            .filter(|_| self.life == Life::There && self.rest_until.is_none())?;
        let next = self
            .unanswered
            .partition_point(|command| command.seq <= self.sent);
        if next >= COMMANDS_IN_FLIGHT_MAX {
            return None;
        }
        let Command { seq, message, .. } = self.unanswered.get(next)?;
        let (cmd_seq, message, again) = (*seq, message.clone(), *seq <= self.sent_ever);
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
        self.asked.iter_mut().for_each(|asked| asked.is_sent = false);
    }

    /// Takes note that the command with this number was answered; gives who asked, if it was waited for.
    pub(super) fn settle(&mut self, cmd_seq: u64) -> Option<Asker> {
        // Answers come in order but for a few, so the place is near the front.
        let at = self
            .unanswered
            .iter()
            .position(|command| command.seq == cmd_seq)?;
        let asker = self.unanswered.remove(at).map(|command| command.asker);
        if self.unanswered.is_empty() {
            self.unanswered = VecDeque::new();
        }
        asker
    }

    /// Who asked for this, if it was not answered.
    pub(super) fn asker(&self, cmd_seq: u64) -> Option<Asker> {
        let mut unanswered = self.unanswered.iter();
        let command = unanswered.find(|command| command.seq == cmd_seq)?;
        Some(command.asker)
    }

    /// Starts the connection anew, for a daemon that does not know it.
    pub(super) fn forget(&mut self) {
        (self.life, self.bound, self.fresh) = (Life::Opening, None, true);
        self.entry = Entry::New;
        self.stream = Stream::default();
        (self.cmd_last, self.sent, self.sent_ever) = (0, 0, 0);
        (self.unanswered, self.asked) = (VecDeque::new(), VecDeque::new());
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
    pub(super) fn hand(&mut self, client: ClientId, seq: u64, (event, origin): Event) -> Output {
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
        let pos = StreamPos {
            era: self.stream.last().era,
            seq,
        };
        let told = ToClient::Event {
            event,
            pos,
            mark,
            origin,
        };
        Output::ToClient(client, told)
    }

    /// Tells the client that events after the last one handed out are lost.
    pub(super) fn hand_gap(&mut self, client: ClientId, lost: u64) -> Output {
        let gap = Arc::new(ClientEvent::Gap { lost });
        self.hand(client, self.handed_seq + lost, (gap, Origin::default()))
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
