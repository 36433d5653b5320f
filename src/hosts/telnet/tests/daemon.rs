//! A daemon for the tests: it goes through the handshake, and what it makes of commands is up to the test.

use crate::gateway::{Inbound, PeerId, SendError, ServerEndpoints, ServerSender, ServerSide};
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent, host_topic};
use crate::protocol::client::{
    ClientReply, ClientRequest, DaemonToClientReply, HostClientToDaemonMessage, Refusal,
};
use crate::protocol::codec::{Message, encode, encode_event};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{
    ClientEvent, Content, EventFrame, Line, NarrativeEvent, Recipient, Route, StreamControl, StreamPos,
};
use crate::protocol::header::FLAG_RESEND;
use crate::protocol::host::{
    DaemonToHostReply, HostToDaemonMessage, Limits, Listener, ReattachOutcome, RejectReason,
};
use crate::protocol::{ClientId, Envelope, Family, Frame, HostId, Wall, WireObj};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a test waits for something that must come. Nothing waits this long unless the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

const PROBE: [u8; 16] = [9; 16];

/// What the host has told this daemon.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Registered(Vec<Listener>),
    Pong(Vec<Listener>),
    Established(ClientId),
    Command {
        client: ClientId,
        seq: u64,
        line: String,
        again: bool,
    },
    Detached(ClientId),
    HostLeft,
}

struct State {
    epoch: u32,
    host: HostId,
    peer: Option<PeerId>,
    frame: u64,
    /// The head of each stream.
    heads: HashMap<ClientId, u64>,
    /// The last events of each stream, with their bytes.
    kept: HashMap<ClientId, VecDeque<(u64, ClientEvent, usize)>>,
    /// How many of them are kept.
    kept_max: usize,
    /// Commands are answered and echoed at once; otherwise they wait for `answer_held`.
    echoes: bool,
    held: Vec<(PeerId, Envelope)>,
    /// What becomes of connections of an earlier daemon.
    outcome: ReattachOutcome,
    tell: mpsc::UnboundedSender<Heard>,
}

pub struct FakeDaemon {
    state: Arc<Mutex<State>>,
    sender: ServerSender,
    heard: mpsc::UnboundedReceiver<Heard>,
    _side: ServerSide,
}

pub fn text(line: &str) -> ClientEvent {
    lines(vec![Line::text(line)])
}

pub fn lines(lines: Vec<Line>) -> ClientEvent {
    let event = NarrativeEvent {
        author: WireObj(2),
        content: Content::Lines(lines),
    };
    ClientEvent::Narrative { event }
}

impl FakeDaemon {
    pub fn start(folder: &Path, host: HostId, epoch: u32) -> FakeDaemon {
        let path = |name: &str| format!("ipc://{}", folder.join(name).display());
        let endpoints = ServerEndpoints {
            rpc: path("rpc.sock"),
            events: path("events.sock"),
            workers: path("workers.sock"),
            network: None,
        };
        let (tell, heard) = mpsc::unbounded_channel();
        let state = Arc::new(Mutex::new(State {
            epoch,
            host,
            peer: None,
            frame: 0,
            heads: HashMap::new(),
            kept: HashMap::new(),
            kept_max: usize::MAX,
            echoes: true,
            held: Vec::new(),
            outcome: ReattachOutcome::Unknown,
            tell,
        }));
        let (place, theirs) = (Arc::new(OnceLock::<ServerSender>::new()), Arc::clone(&state));
        let filled = Arc::clone(&place);
        let on_burst = move |burst: &mut Vec<Inbound>| {
            let sender = filled.wait();
            let mut state = theirs.lock().unwrap();
            burst
                .drain(..)
                .for_each(|inbound| state.on_inbound(inbound, sender));
        };
        let (side, sender) = ServerSide::start(&endpoints, on_burst).expect("the folder is free");
        assert!(place.set(sender.clone()).is_ok());
        FakeDaemon {
            state,
            sender,
            heard,
            _side: side,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The routing id that the host was last heard under.
    pub fn peer(&self) -> PeerId {
        self.state().peer.expect("the host has said something")
    }

    pub fn set_echoes(&self, on: bool) {
        self.state().echoes = on;
    }

    /// No more than so many events of each stream can be replayed.
    pub fn keep_only(&self, events: usize) {
        self.state().kept_max = events;
    }

    pub fn set_outcome(&self, outcome: ReattachOutcome) {
        self.state().outcome = outcome;
    }

    /// Answers the commands that were held back.
    pub fn answer_held(&self, count: usize) {
        let mut state = self.state();
        let epoch = state.epoch;
        for (peer, envelope) in state.held.drain(..count) {
            let reply = ClientReply {
                reply: DaemonToClientReply::TaskSubmitted { task_id: 1 },
                head: None,
            };
            self.sender
                .reply(peer, encode(&envelope.reply(epoch), &reply).unwrap())
                .unwrap();
        }
    }

    /// Refuses the oldest command that is held, which its sender is shown.
    pub fn refuse_held(&self) {
        let mut state = self.state();
        let (peer, envelope) = state.held.remove(0);
        let refusal = Refusal {
            error: RpcMessageError::InvalidRequest("by the test".to_owned()),
            head: None,
        };
        let frame = encode(&envelope.reply(state.epoch), &refusal).unwrap();
        self.sender.reply(peer, frame).unwrap();
    }

    /// Publishes the next event of a client's stream.
    pub fn send(&self, client: ClientId, event: ClientEvent) {
        self.state().publish(&self.sender, client, event);
    }

    pub fn broadcast(&self, event: &HostBroadcastEvent) {
        let envelope = Envelope {
            epoch: self.state().epoch,
            ..Envelope::default()
        };
        self.sender
            .publish(HOST_BROADCAST_TOPIC, encode(&envelope, event).unwrap())
            .unwrap();
    }

    /// What was heard next, but for pongs.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.next_or_pong().await {
                Heard::Pong(_) => {}
                heard => return heard,
            }
        }
    }

    pub async fn next_or_pong(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.heard.recv())
            .await
            .expect("the host says something")
            .expect("the daemon lives")
    }

    /// The client that comes next.
    pub async fn established(&mut self) -> ClientId {
        loop {
            if let Heard::Established(client) = self.next().await {
                return client;
            }
        }
    }

    /// The line of the command that comes next.
    pub async fn command(&mut self) -> String {
        match self.next().await {
            Heard::Command { line, .. } => line,
            other => panic!("a command was expected, not {other:?}"),
        }
    }

    /// What was heard already, but for pongs.
    pub fn heard_so_far(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok())
            .filter(|heard| !matches!(heard, Heard::Pong(_)))
            .collect()
    }
}

impl State {
    /// Whether the peer is a socket of the host that has said hello: it has two, and says it over one of them.
    fn knows(&self, from: PeerId) -> bool {
        let of = |peer: PeerId| peer.parts().map(|(_, _, host, instance)| (host, instance));
        self.peer.is_some_and(|peer| of(peer) == of(from))
    }

    fn on_inbound(&mut self, inbound: Inbound, sender: &ServerSender) {
        match inbound {
            Inbound::Frame { from, frame, .. } => {
                let frame = Frame::parse(&frame).expect("a host sends whole frames");
                if frame.kind.family() == Family::HostToDaemon as u8 {
                    self.on_host(from, frame.envelope, frame.decode().unwrap(), sender);
                } else {
                    self.on_client(from, frame.envelope, frame.decode().unwrap(), sender);
                }
            }
            // A host that only listens as yet learns of a new daemon by its pings.
            Inbound::Subscribed { .. } => {
                let ping = HostBroadcastEvent::PingPong {
                    ping: 1,
                    timestamp: 1,
                };
                self.publish_frame(sender, HOST_BROADCAST_TOPIC, &ping);
                // The one sent with the welcome may have come too early.
                let probe = StreamControl::Probe { probe: PROBE };
                self.publish_frame(sender, &host_topic(self.host), &probe);
            }
            Inbound::Unreachable { .. }
            | Inbound::Reset { .. }
            | Inbound::Unsubscribed { .. }
            | Inbound::Trespass { .. } => {}
        }
    }

    fn publish_frame<M: Message>(&self, sender: &ServerSender, topic: &[u8], message: &M) {
        let envelope = Envelope {
            epoch: self.epoch,
            ..Envelope::default()
        };
        expect_sent(sender.publish(topic, encode(&envelope, message).unwrap()));
    }

    fn publish(&mut self, sender: &ServerSender, client: ClientId, event: ClientEvent) {
        self.frame += 1;
        let head = self.heads.entry(client).or_default();
        *head += 1;
        let kept = self.kept.entry(client).or_default();
        kept.push_back((*head, event.clone(), encode_event(&event).len()));
        while kept.len() > self.kept_max {
            kept.pop_front();
        }
        let to = vec![Recipient {
            client,
            attach_epoch: 1,
            seq: *head,
        }];
        let route = Route {
            frame: self.frame,
            to,
            cause: None,
            at: Wall(0),
        };
        self.publish_frame(sender, &host_topic(self.host), &EventFrame { event, route });
    }

    fn reply<M: Message>(&self, sender: &ServerSender, to: PeerId, envelope: Envelope, message: &M) {
        let sent = sender.reply(to, encode(&envelope.reply(self.epoch), message).unwrap());
        expect_sent(sent);
    }

    fn on_host(
        &mut self,
        from: PeerId,
        envelope: Envelope,
        message: HostToDaemonMessage,
        sender: &ServerSender,
    ) {
        let tell = self.tell.clone();
        match message {
            HostToDaemonMessage::Hello { token, .. } => {
                assert_eq!(token, "a token");
                self.peer = Some(from);
                self.reply(sender, from, envelope, &self.welcome());
                let probe = StreamControl::Probe { probe: PROBE };
                self.publish_frame(sender, &host_topic(self.host), &probe);
            }
            _ if !self.knows(from) => {
                let reason = RejectReason::HelloFirst;
                self.reply(
                    sender,
                    from,
                    envelope,
                    &DaemonToHostReply::Reject {
                        reason,
                        retry_after_ms: 0,
                    },
                );
            }
            HostToDaemonMessage::RegisterHost { probe, listeners, .. } => {
                assert_eq!(probe, PROBE);
                self.reply(sender, from, envelope, &DaemonToHostReply::Ack);
                tell.send(Heard::Registered(listeners)).ok();
            }
            HostToDaemonMessage::ReattachBatch { conns } => {
                let results = conns.iter().map(|conn| (conn.client, self.outcome)).collect();
                self.heads
                    .extend(conns.iter().map(|conn| (conn.client, conn.last.seq)));
                self.reply(sender, from, envelope, &DaemonToHostReply::Reattached { results });
            }
            HostToDaemonMessage::Replay {
                client,
                from: first,
                to,
                bytes_max,
            } => {
                let chunk = self.replay(client, first.seq, to, bytes_max as usize);
                self.reply(sender, from, envelope, &chunk);
            }
            HostToDaemonMessage::HostPong { listeners, .. } => drop(tell.send(Heard::Pong(listeners))),
            HostToDaemonMessage::DetachHost { .. } => drop(tell.send(Heard::HostLeft)),
            _ => {}
        }
    }

    /// What is kept of the events that are asked for, up to a number of bytes.
    fn replay(&self, client: ClientId, first: u64, to: Option<u64>, bytes_max: usize) -> DaemonToHostReply {
        let (head, none) = (self.heads[&client], VecDeque::new());
        let to = to.unwrap_or(head);
        let kept = self.kept.get(&client).unwrap_or(&none);
        let mut bytes = 0;
        let events: Vec<_> = kept
            .iter()
            .filter(|(seq, ..)| (first..=to).contains(seq))
            .take_while(|(.., length)| {
                bytes += length;
                bytes - length < bytes_max
            })
            .map(|(seq, event, _)| (*seq, None, event.clone()))
            .collect();
        let lost = events.first().map_or(to + 1, |(seq, ..)| *seq) - first;
        DaemonToHostReply::ReplayChunk {
            client,
            done: events.last().is_none_or(|(seq, ..)| *seq == to),
            events,
            lost: (lost > 0).then_some(lost),
        }
    }

    fn welcome(&self) -> DaemonToHostReply {
        DaemonToHostReply::Welcome {
            version: 1,
            daemon_epoch: self.epoch,
            world: "test".to_owned(),
            now: Wall(0),
            ping_ms: 2000,
            limits: Limits {
                window: 512,
                frame_max: 1 << 20,
                linger_s: 300,
                input_lines: 64,
                input_bytes: 16_384,
                credit_bytes: 8 << 20,
            },
            keys: Vec::new(),
            topic: host_topic(self.host).to_vec(),
            host_token: String::new(),
        }
    }

    fn on_client(&mut self, from: PeerId, envelope: Envelope, request: ClientRequest, sender: &ServerSender) {
        if !self.knows(from) {
            let reply = DaemonToHostReply::Reject {
                reason: RejectReason::HelloFirst,
                retry_after_ms: 0,
            };
            return self.reply(sender, from, envelope, &reply);
        }
        let client = ClientId(envelope.principal);
        let reply = match request.message {
            HostClientToDaemonMessage::ConnectionEstablish { .. } => {
                self.tell.send(Heard::Established(client)).ok();
                self.heads.insert(client, 0);
                DaemonToClientReply::NewConnection {
                    client_token: String::new(),
                    bound: [5; 16],
                    connection: WireObj(-2),
                    pos: StreamPos {
                        era: self.epoch,
                        seq: 0,
                    },
                }
            }
            HostClientToDaemonMessage::Command { command, .. } => {
                let again = envelope.flags & FLAG_RESEND != 0;
                if self.echoes {
                    self.publish(sender, client, text(&format!("you said {command}")));
                } else {
                    self.held.push((from, envelope));
                }
                self.tell
                    .send(Heard::Command {
                        client,
                        seq: request.cmd_seq,
                        line: command,
                        again,
                    })
                    .ok();
                if !self.echoes {
                    return;
                }
                DaemonToClientReply::TaskSubmitted { task_id: 1 }
            }
            HostClientToDaemonMessage::Detach { disconnected } => {
                assert!(disconnected, "telnet clients never linger");
                self.tell.send(Heard::Detached(client)).ok();
                DaemonToClientReply::Disconnected
            }
            other => panic!("the telnet host never asks {other:?}"),
        };
        self.reply(sender, from, envelope, &ClientReply { reply, head: None });
    }
}

/// Holds that a frame was taken. A test that ends closes the sockets while its host may still be asking.
fn expect_sent(sent: Result<(), SendError>) {
    assert!(matches!(sent, Ok(()) | Err(SendError::Closed)), "{sent:?}");
}
