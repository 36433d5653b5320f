//! A host, with the daemon and the clients' sockets played by the test.

use std::sync::Arc;
use std::time::Duration;

use super::super::{Entry, Host, Input, Meter, Order, Output, ToClient};
use crate::limits::{LINK_TICK, REPLAY_ASKED_BYTES};
use crate::protocol::broadcast::HostBroadcastEvent;
use crate::protocol::client::{
    ClientReply, ClientRequest, DaemonToClientReply, HostClientToDaemonMessage, Refusal,
};
use crate::protocol::codec::{Envelope, Frame, Message, encode};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{ClientEvent, EventFrame, Recipient, Route, StreamControl, StreamPos};
use crate::protocol::header::FLAG_RESEND;
use crate::protocol::host::{
    DaemonToHostReply, HeldConn, HostToDaemonMessage, HostType, Limits, Peer, ReattachOutcome,
};
use crate::protocol::kind::Family;
use crate::protocol::machine::link::LinkConfig;
use crate::protocol::{ClientId, HostId, Moment, Wall, WireObj};

pub(super) const HOST: HostId = HostId([1; 16]);
pub(super) const PAUSE: usize = 10_000;
pub(super) const BOUND: [u8; 16] = [5; 16];

pub(super) fn client(n: u8) -> ClientId {
    ClientId([n; 16])
}

/// What the daemon of the test has heard.
#[derive(Debug)]
pub(super) enum Heard {
    Host(Envelope, HostToDaemonMessage),
    Client(Envelope, ClientRequest),
}

pub(super) struct Scene {
    pub(super) host: Host,
    pub(super) now: Moment,
    pub(super) epoch: u32,
    frame: u64,
    pub(super) meters: Vec<(ClientId, Arc<Meter>)>,
    /// What the host wanted, but for frames.
    pub(super) out: Vec<Output>,
    pub(super) heard: Vec<Heard>,
}

impl Scene {
    pub(super) fn new() -> Scene {
        let config = LinkConfig {
            build: "test".into(),
            id: HOST,
            instance: 4,
            world: String::new(),
            host_type: HostType::Tcp,
            capacity: 100,
            skills: Vec::new(),
        };
        Scene {
            host: Host::new(config, PAUSE),
            now: Moment(5_000_000),
            epoch: 7,
            frame: 0,
            meters: Vec::new(),
            out: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// A host that the daemon knows, with one client that it knows too.
    pub(super) fn with_client() -> Scene {
        let mut scene = Scene::up();
        scene.open(1);
        scene.known(1);
        assert_eq!(scene.words(1), ["ready false"]);
        scene
    }

    /// A host that the daemon knows.
    pub(super) fn up() -> Scene {
        let mut scene = Scene::new();
        scene.on(Input::Start { wall: Wall(1) });
        scene.on(Input::Token("a token".into()));
        scene.on(Input::Connected);
        scene.come_up();
        scene
    }

    /// From the hello just said to a host that serves.
    #[track_caller]
    pub(super) fn come_up(&mut self) {
        let (hello, message) = self.host_message();
        assert!(
            matches!(message, HostToDaemonMessage::Hello { .. }),
            "{message:?}"
        );
        self.reply(hello, &welcome(self.epoch));
        self.publish(&StreamControl::Probe { probe: [3; 16] });
        let (register, message) = self.host_message();
        assert!(
            matches!(message, HostToDaemonMessage::RegisterHost { .. }),
            "{message:?}"
        );
        self.out.clear();
        self.reply(register, &DaemonToHostReply::Ack);
        assert!(self.out.contains(&Output::Order(Order::Up)));
        self.frame = 0;
    }

    /// The daemon dies, and another start of it is there at once.
    pub(super) fn restart_daemon(&mut self) {
        self.on(Input::Disconnected);
        self.heard.clear();
        self.epoch += 1;
        self.on(Input::Connected);
        self.come_up();
    }

    pub(super) fn on(&mut self, input: Input) {
        for output in self.host.on(self.now, input) {
            let Output::Send { frame, .. } = output else {
                self.out.push(output);
                continue;
            };
            let frame = Frame::parse(&frame).expect("a host sends whole frames");
            let is_host = frame.kind.family() == Family::HostToDaemon as u8;
            let heard = match is_host {
                true => Heard::Host(frame.envelope, frame.decode().expect("our own message")),
                false => Heard::Client(frame.envelope, frame.decode().expect("our own message")),
            };
            // What it would do besides is offered again and again, and is the agent's own affair.
            if !matches!(heard, Heard::Host(_, HostToDaemonMessage::JobTake { .. })) {
                self.heard.push(heard);
            }
        }
    }

    /// Lets time pass as it passes in the actor, with the daemon's pings if it is there.
    pub(super) fn after_ms(&mut self, ms: u64, pinged: bool) {
        let mut left = Duration::from_millis(ms);
        while !left.is_zero() {
            let step = left.min(LINK_TICK);
            self.now = self.now.plus(step);
            left -= step;
            if pinged {
                self.publish(&HostBroadcastEvent::PingPong {
                    ping: 1,
                    timestamp: 1,
                });
            }
            self.on(Input::Tick);
        }
        self.heard
            .retain(|heard| !matches!(heard, Heard::Host(_, HostToDaemonMessage::HostPong { .. })));
    }

    pub(super) fn reply<M: Message>(&mut self, to: Envelope, message: &M) {
        let frame = encode(&to.reply(self.epoch), message).expect("a small message");
        self.on(Input::Reply(frame));
    }

    pub(super) fn refuse(&mut self, to: Envelope, error: RpcMessageError, head: Option<StreamPos>) {
        self.reply(to, &Refusal { error, head });
    }

    pub(super) fn accept(&mut self, to: Envelope) {
        self.accept_after(to, None);
    }

    /// Accepts a command whose client has been told events up to this one.
    pub(super) fn accept_after(&mut self, to: Envelope, head: Option<StreamPos>) {
        let reply = DaemonToClientReply::TaskSubmitted { task_id: 9 };
        self.reply(to, &ClientReply { reply, head });
    }

    pub(super) fn publish<M: Message>(&mut self, message: &M) {
        let envelope = Envelope {
            epoch: self.epoch,
            ..Envelope::default()
        };
        let frame = encode(&envelope, message).expect("a small message");
        self.on(Input::Event(frame));
    }

    /// The daemon says something of its own.
    pub(super) fn direct<M: Message>(&mut self, message: &M) {
        self.reply(Envelope::default(), message);
    }

    /// Publishes an event whose text is its number, filled up to a length.
    pub(super) fn event(&mut self, n: u8, attach_epoch: u32, seq: u64, length: usize) {
        self.event_of(n, attach_epoch, seq, numbered(seq, length));
    }

    /// Publishes an event.
    pub(super) fn event_of(&mut self, n: u8, attach_epoch: u32, seq: u64, event: ClientEvent) {
        self.frame += 1;
        let to = vec![Recipient {
            client: client(n),
            attach_epoch,
            seq,
        }];
        let route = Route {
            frame: self.frame,
            to,
            ..Route::default()
        };
        self.publish(&EventFrame { event, route });
    }

    pub(super) fn open(&mut self, n: u8) {
        let meter: Arc<Meter> = Arc::default();
        self.meters.push((client(n), meter.clone()));
        let peer = Peer {
            addr: "::1".to_owned(),
            local_port: 7777,
            remote_port: 1,
            content_types: Vec::new(),
            attrs: Vec::new(),
        };
        self.on(Input::Opened {
            client: client(n),
            peer,
            handler: WireObj(0),
            meter,
            entry: Entry::New,
        });
    }

    /// The daemon makes the connection that it was asked for.
    #[track_caller]
    pub(super) fn known(&mut self, n: u8) {
        let (envelope, request) = self.request();
        assert_eq!(envelope.principal, client(n).0);
        assert!(
            matches!(
                request.message,
                HostClientToDaemonMessage::ConnectionEstablish { .. }
            ),
            "{request:?}"
        );
        self.establish(envelope);
    }

    pub(super) fn establish(&mut self, envelope: Envelope) {
        let reply = DaemonToClientReply::NewConnection {
            client_token: String::new(),
            bound: BOUND,
            connection: WireObj(-2),
            pos: StreamPos { era: 1, seq: 0 },
        };
        self.reply(envelope, &ClientReply { reply, head: None });
    }

    /// The daemon says what became of the connections that it was asked about.
    #[track_caller]
    pub(super) fn reattach(&mut self, outcome: ReattachOutcome) {
        let (envelope, message) = self.host_message();
        let HostToDaemonMessage::ReattachBatch { conns } = message else {
            panic!("{message:?}")
        };
        let results = conns.iter().map(|conn| (conn.client, outcome)).collect();
        self.reply(envelope, &DaemonToHostReply::Reattached { results });
    }

    pub(super) fn lines(&mut self, n: u8, lines: &[&str]) {
        self.on(Input::Lines {
            client: client(n),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        });
    }

    /// The commands heard: their envelopes, numbers, and whether they were sent before.
    #[track_caller]
    pub(super) fn commands(&mut self) -> Vec<(Envelope, u64, bool)> {
        let heard = std::mem::take(&mut self.heard).into_iter();
        heard
            .map(|heard| match heard {
                Heard::Client(envelope, request) => {
                    (envelope, request.cmd_seq, envelope.flags & FLAG_RESEND != 0)
                }
                Heard::Host(_, message) => panic!("{message:?}"),
            })
            .collect()
    }

    #[track_caller]
    pub(super) fn numbers(&mut self) -> Vec<(u64, bool)> {
        let commands = self.commands().into_iter();
        commands.map(|(_, seq, again)| (seq, again)).collect()
    }

    /// The one request of a client that was heard.
    #[track_caller]
    pub(super) fn request(&mut self) -> (Envelope, ClientRequest) {
        match (self.heard.pop(), self.heard.is_empty()) {
            (Some(Heard::Client(envelope, request)), true) => (envelope, request),
            other => panic!("one request was expected, not {other:?} after {:?}", self.heard),
        }
    }

    /// The one message of the host's own that was heard.
    #[track_caller]
    pub(super) fn host_message(&mut self) -> (Envelope, HostToDaemonMessage) {
        match (self.heard.pop(), self.heard.is_empty()) {
            (Some(Heard::Host(envelope, message)), true) => (envelope, message),
            other => panic!("one message was expected, not {other:?} after {:?}", self.heard),
        }
    }

    /// The connections that the daemon is asked about, first of all.
    #[track_caller]
    pub(super) fn held(&self) -> &[HeldConn] {
        match self.heard.first() {
            Some(Heard::Host(_, HostToDaemonMessage::ReattachBatch { conns })) => conns,
            other => panic!("{other:?}"),
        }
    }

    /// What a client was told, in words. Its socket takes nothing by itself.
    pub(super) fn words(&mut self, n: u8) -> Vec<String> {
        let told = std::mem::take(&mut self.out).into_iter();
        told.filter_map(|output| match output {
            Output::ToClient(id, message) if id == client(n) => Some(in_words(message)),
            Output::ToAll(message) => Some(in_words(message)),
            _ => None,
        })
        .collect()
    }

    /// What the meter of a client says after it took everything that it was told so far.
    pub(super) fn take_all(&mut self, n: u8) -> bool {
        let told = self.out.iter().rev().find_map(|output| match output {
            Output::ToClient(id, ToClient::Event { pos, mark, .. }) if *id == client(n) => {
                Some((pos.seq, *mark))
            }
            _ => None,
        });
        let (seq, mark) = told.expect("an event was handed out");
        let (_, meter) = &self.meters[usize::from(n) - 1];
        meter.accept(seq, mark)
    }
}

pub(super) fn numbered(seq: u64, length: usize) -> ClientEvent {
    ClientEvent::SystemMessage {
        player: WireObj(2),
        message: format!("{seq:0>length$}"),
    }
}

fn in_words(message: ToClient) -> String {
    match message {
        ToClient::Event { event, .. } => match &*event {
            ClientEvent::Gap { lost } => format!("gap {lost}"),
            ClientEvent::SystemMessage { message, .. } => message.trim_start_matches('0').to_owned(),
            other => panic!("these tests send no {other:?}"),
        },
        ToClient::Answered => "answered".to_owned(),
        ToClient::Refused(text) => format!("refused: {text}"),
        ToClient::Ready { fresh } => format!("ready {fresh}"),
        ToClient::Away => "away".to_owned(),
        ToClient::Notice(text) => format!("notice: {text}"),
        ToClient::Close { words, .. } => format!("close: {words}"),
        other => format!("{other:?}"),
    }
}

fn welcome(epoch: u32) -> DaemonToHostReply {
    DaemonToHostReply::Welcome {
        version: 1,
        daemon_epoch: epoch,
        world: "hall".into(),
        now: Wall(9),
        ping_ms: 2_000,
        limits: Limits {
            window: 512,
            frame_max: 1,
            linger_s: 300,
            input_lines: 64,
            input_bytes: 1,
            credit_bytes: 1,
        },
        keys: Vec::new(),
        topic: b"c/".to_vec(),
        host_token: "second".into(),
    }
}

pub(super) fn at(seq: u64) -> StreamPos {
    StreamPos { era: 1, seq }
}

pub(super) fn ok(attach_epoch: u32, head: u64) -> ReattachOutcome {
    ReattachOutcome::Ok {
        attach_epoch,
        head: at(head),
    }
}

pub(super) fn chunk(
    n: u8,
    seqs: impl IntoIterator<Item = u64>,
    done: bool,
    lost: Option<u64>,
) -> DaemonToHostReply {
    DaemonToHostReply::ReplayChunk {
        client: client(n),
        events: seqs
            .into_iter()
            .map(|seq| (seq, None, numbered(seq, 1)))
            .collect(),
        done,
        lost,
    }
}

/// The replay that was asked for.
#[track_caller]
pub(super) fn replay(scene: &mut Scene) -> (Envelope, u64, Option<u64>) {
    match scene.host_message() {
        (
            envelope,
            HostToDaemonMessage::Replay {
                from, to, bytes_max, ..
            },
        ) => {
            assert_eq!(bytes_max, REPLAY_ASKED_BYTES);
            (envelope, from.seq, to)
        }
        other => panic!("a replay was expected, not {other:?}"),
    }
}

/// The acknowledgement that was sent.
#[track_caller]
pub(super) fn ack(scene: &mut Scene) -> (u64, Vec<(ClientId, u64)>, Vec<ClientId>) {
    match scene.host_message() {
        (_, HostToDaemonMessage::EventAck { frame, acks, paused }) => (frame, acks, paused),
        other => panic!("an acknowledgement was expected, not {other:?}"),
    }
}

/// A terminal has gone, for good.
pub(super) fn gone(n: u8) -> Input {
    Input::Closed {
        client: client(n),
        may_return: false,
    }
}
