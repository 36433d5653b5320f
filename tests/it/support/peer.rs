//! `Peer`: a host that is no program but a test. It speaks the protocol to a real daemon and looks at each answer.

use super::{DEADLINE, wait_for};
use moothall::gateway::curve::CurveClient;
use moothall::gateway::{HostEndpoints, HostInbound, HostSender, HostSide, Lane};
use moothall::protocol::broadcast::HostBroadcastEvent;
use moothall::protocol::client::{
    Auth, ClientReply, ClientRequest, DaemonToClientReply, HostClientToDaemonMessage, Refusal,
};
use moothall::protocol::codec::{Envelope, Frame, Message, encode};
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::event::{EventFrame, StreamControl, StreamPos};
use moothall::protocol::header::{FLAG_NO_REPLY, VERSION, VERSION_MIN};
use moothall::protocol::host::{
    DaemonDirect, DaemonToHostReply, HostLoad, HostToDaemonMessage, HostType, Listener, Peer as Address, Role,
};
use moothall::protocol::token::{Grant, KeyRing};
use moothall::protocol::{ClientId, Family, HostId, Wall, WireObj};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After how long a question is sent again.
const ASKS_AGAIN: Duration = Duration::from_secs(5);

/// What the daemon calls its world in tokens.
pub const WORLD: &str = "moothall";

/// The daemon's own keys, as they lie in its folder.
pub fn ring(data: &Path) -> KeyRing {
    KeyRing::from_bytes(WORLD, &fs::read(data.join("keys")).unwrap()).unwrap()
}

/// A token of a host of this kind on this machine.
pub fn token_of(data: &Path, id: HostId, kind: &str) -> String {
    let grant = Grant::Host {
        host: id,
        host_type: kind.to_owned(),
        key_hash: [0; 32],
        generation: 0,
    };
    ring(data).sign(grant, [1; 16], now())
}

/// The time of day.
pub fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Wall(u64::try_from(since.as_millis()).unwrap())
}

/// What the daemon says by itself.
#[derive(Debug)]
pub enum Unasked {
    /// On the host's topic.
    Event(Box<EventFrame>),
    /// To the host itself.
    Direct(Box<DaemonDirect>),
}

/// The far end of a socket of somebody at this address.
pub fn at(address: &str) -> Address {
    Address {
        addr: address.to_owned(),
        local_port: 7777,
        remote_port: 1,
        content_types: Vec::new(),
        attrs: Vec::new(),
    }
}

/// What a request was answered with.
pub type Answer = Result<DaemonToClientReply, RpcMessageError>;

/// One host, as far as the daemon can tell.
pub struct Peer {
    id: HostId,
    sender: HostSender,
    heard: Receiver<HostInbound>,
    /// What came while something else was waited for.
    kept: VecDeque<HostInbound>,
    correlation: u64,
    /// The clients that it says it has, and their digest.
    claims: Arc<Mutex<(u32, u64)>>,
    /// The versions of the protocol that it says it speaks.
    pub versions: (u8, u8),
    /// How far the client's stream was, by the last answer to a client's request.
    pub head: Option<StreamPos>,
    _side: HostSide,
}

impl Peer {
    /// Connects to the sockets in a data folder's `run`.
    pub fn local(data: &Path, id: HostId) -> Peer {
        let ipc = |name: &str| format!("ipc://{}", data.join("run").join(name).display());
        Peer::connect(ipc("rpc.sock"), ipc("events.sock"), None, id)
    }

    /// A host of this kind (`telnet`, `web`) that the daemon knows.
    #[track_caller]
    pub fn registered(data: &Path, id: HostId, kind: &str) -> Peer {
        let mut peer = Peer::local(data, id);
        peer.register(&token_of(data, id, kind));
        peer
    }

    /// Connects over a network, speaking with these keys.
    pub fn remote(rpc: &str, events: &str, curve: CurveClient, id: HostId) -> Peer {
        Peer::connect(format!("tcp://{rpc}"), format!("tcp://{events}"), Some(curve), id)
    }

    fn connect(rpc: String, events: String, curve: Option<CurveClient>, id: HostId) -> Peer {
        let endpoints = HostEndpoints {
            rpc,
            events,
            curve,
            id,
            instance: now().0,
        };
        let (tell, heard) = channel();
        let back: Arc<OnceLock<HostSender>> = Arc::default();
        let answers = back.clone();
        let claims: Arc<Mutex<(u32, u64)>> = Arc::default();
        let claimed = claims.clone();
        let take = move |burst: &mut Vec<HostInbound>| {
            for inbound in burst.drain(..) {
                let pong = answers.get().zip(pong_to(id, *claimed.lock().unwrap(), &inbound));
                if let Some((sender, pong)) = pong {
                    sender.send(Lane::Interactive, pong).ok();
                } else {
                    drop(tell.send(inbound));
                }
            }
        };
        let (side, sender) = HostSide::start(&endpoints, take).unwrap();
        drop(back.set(sender.clone()));
        Peer {
            id,
            sender,
            heard,
            kept: VecDeque::new(),
            correlation: 0,
            claims,
            versions: (VERSION_MIN, VERSION),
            head: None,
            _side: side,
        }
    }

    /// From now on says, with each pong, that it has just these clients.
    pub fn claim(&mut self, clients: &[ClientId]) {
        let half = |client: &ClientId| u64::from_le_bytes(client.0[..8].try_into().unwrap());
        let digest = clients.iter().map(half).fold(0, |digest, half| digest ^ half);
        *self.claims.lock().unwrap() = (u32::try_from(clients.len()).unwrap(), digest);
    }

    /// Says hello with a token.
    #[track_caller]
    pub fn hello(&mut self, token: &str) -> DaemonToHostReply {
        self.hello_as(self.id, token)
    }

    /// Says hello in the name of any host.
    #[track_caller]
    pub fn hello_as(&mut self, id: HostId, token: &str) -> DaemonToHostReply {
        let hello = HostToDaemonMessage::Hello {
            versions: self.versions,
            build: "test".to_owned(),
            role: Role::Host,
            id,
            instance: 1,
            token: token.to_owned(),
            world: String::new(),
        };
        self.tell(&hello)
    }

    /// Says hello and shows that it hears events, as every host does before it serves.
    #[track_caller]
    pub fn register(&mut self, token: &str) {
        assert_eq!(self.register_with(token, Vec::new()), DaemonToHostReply::Ack);
    }

    /// The same for a host that listens there; gives the answer.
    #[track_caller]
    pub fn register_with(&mut self, token: &str, listeners: Vec<Listener>) -> DaemonToHostReply {
        self.kept.clear();
        let welcome = self.hello(token);
        assert!(
            matches!(welcome, DaemonToHostReply::Welcome { .. }),
            "{welcome:?}"
        );
        let probe = wait_for("a probe", || {
            let frame = self.event()?;
            match Frame::parse(&frame).ok()?.decode() {
                Ok(StreamControl::Probe { probe }) => Some(probe),
                _ => None,
            }
        });
        let register = HostToDaemonMessage::RegisterHost {
            timestamp: 0,
            host_type: HostType::Tcp,
            listeners,
            probe,
            capacity: 100,
            skills: Vec::new(),
        };
        self.tell(&register)
    }

    /// Tells the daemon something as a host, and waits for its answer.
    #[track_caller]
    pub fn tell(&mut self, message: &HostToDaemonMessage) -> DaemonToHostReply {
        let answer = self.ask(self.id.0, message);
        let frame = Frame::parse(&answer).unwrap();
        frame.decode().unwrap()
    }

    /// Tells the daemon something that it refuses.
    #[track_caller]
    pub fn refusal(&mut self, message: &HostToDaemonMessage) -> RpcMessageError {
        let answer = self.ask(self.id.0, message);
        let Refusal { error, .. } = Frame::parse(&answer).unwrap().decode().unwrap();
        error
    }

    /// Opens a connection; gives its token and what stands for it.
    #[track_caller]
    pub fn establish(&mut self, client: ClientId) -> (String, [u8; 16]) {
        self.establish_from("192.0.2.1", client)
    }

    /// The same for somebody at this address.
    #[track_caller]
    pub fn establish_from(&mut self, address: &str, client: ClientId) -> (String, [u8; 16]) {
        let message = HostClientToDaemonMessage::ConnectionEstablish {
            peer: at(address),
            handler: WireObj(0),
        };
        match self.request(client, Auth::None, 0, message) {
            Ok(DaemonToClientReply::NewConnection {
                client_token, bound, ..
            }) => (client_token, bound),
            other => panic!("no connection: {other:?}"),
        }
    }

    /// Asks something harmless in the name of a connection.
    #[track_caller]
    pub fn knock(&mut self, client: ClientId, auth: Auth) -> Answer {
        let message = HostClientToDaemonMessage::ClientPong {
            client_time: 7,
            rtt_us: 1,
        };
        self.request(client, auth, 0, message)
    }

    /// Knocks so many times at once, without waiting for any answer in between; gives how many were answered.
    pub fn knock_at_once(&mut self, client: ClientId, auth: &Auth, count: usize) -> usize {
        let first = self.correlation + 1;
        for _ in 0..count {
            self.correlation += 1;
            let body = ClientRequest {
                message: HostClientToDaemonMessage::ClientPong {
                    client_time: 7,
                    rtt_us: 1,
                },
                auth: auth.clone(),
                cmd_seq: 0,
                cmd_acked: 0,
            };
            let envelope = Envelope {
                correlation: self.correlation,
                principal: client.0,
                ..Envelope::default()
            };
            let frame = encode(&envelope, &body).unwrap();
            self.sender.send(Lane::Interactive, frame).unwrap();
        }
        let asked = first..=self.correlation;
        let mut answered = BTreeSet::new();
        while answered.len() < count
            && let Ok(heard) = self.heard.recv_timeout(DEADLINE)
        {
            if let HostInbound::Reply { frame, .. } = heard
                && let Ok(frame) = Frame::parse(&frame)
                && frame.kind.family() != Family::Refusal as u8
                && asked.contains(&frame.envelope.correlation)
            {
                answered.insert(frame.envelope.correlation);
            }
        }
        answered.len()
    }

    /// Asks something in the name of a connection, under this number.
    #[track_caller]
    pub fn request(
        &mut self,
        client: ClientId,
        auth: Auth,
        cmd_seq: u64,
        message: HostClientToDaemonMessage,
    ) -> Answer {
        let body = ClientRequest {
            message,
            auth,
            cmd_seq,
            cmd_acked: 0,
        };
        let answer = self.ask(client.0, &body);
        let frame = Frame::parse(&answer).unwrap();
        if frame.kind.family() == Family::Refusal as u8 {
            let Refusal { error, head } = frame.decode().unwrap();
            self.head = head;
            return Err(error);
        }
        let ClientReply { reply, head } = frame.decode().unwrap();
        self.head = head;
        Ok(reply)
    }

    /// Sends a message and waits for the frame that answers it; asks again as a host does, for a daemon that starts may drop
    /// what comes before its gateway.
    #[track_caller]
    fn ask(&mut self, principal: [u8; 16], message: &impl Message) -> Vec<u8> {
        self.correlation += 1;
        let envelope = Envelope {
            correlation: self.correlation,
            principal,
            ..Envelope::default()
        };
        let frame = encode(&envelope, message).unwrap();
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            self.sender.send(Lane::Interactive, frame.clone()).unwrap();
            if let Some(answer) = self.answer(ASKS_AGAIN) {
                return answer;
            }
        }
        panic!("the daemon answers every question");
    }

    /// Says hello and gives whether anything at all comes back in this time.
    pub fn is_heard(&mut self, patience: Duration) -> bool {
        let hello = HostToDaemonMessage::GetServerFeatures;
        self.correlation += 1;
        let envelope = Envelope {
            correlation: self.correlation,
            ..Envelope::default()
        };
        let frame = encode(&envelope, &hello).unwrap();
        self.sender.send(Lane::Interactive, frame).unwrap();
        self.answer(patience).is_some()
    }

    fn answer(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left).ok()? {
                HostInbound::Reply { frame, .. } if self.is_answer(&frame) => return Some(frame),
                other => self.kept.push_back(other),
            }
        }
    }

    fn is_answer(&self, frame: &[u8]) -> bool {
        Frame::parse(frame).is_ok_and(|frame| frame.envelope.correlation == self.correlation)
    }

    /// Everything that the daemon has said unasked and nobody has looked at yet.
    fn unasked(&mut self) -> Vec<HostInbound> {
        self.kept.extend(self.heard.try_iter());
        self.kept.drain(..).collect()
    }

    /// The events and directs that have come since the last look, in their order.
    pub fn look(&mut self) -> Vec<Unasked> {
        let frames = self.unasked().into_iter().filter_map(|inbound| match inbound {
            HostInbound::Event { frame } => {
                let event = Frame::parse(&frame).ok()?.decode().ok()?;
                Some(Unasked::Event(Box::new(event)))
            }
            HostInbound::Reply { frame, .. } => {
                let direct = Frame::parse(&frame).ok()?.decode().ok()?;
                Some(Unasked::Direct(Box::new(direct)))
            }
            _ => None,
        });
        frames.collect()
    }

    fn event(&mut self) -> Option<Vec<u8>> {
        if let Some(HostInbound::Event { frame }) = self.kept.pop_front() {
            return Some(frame);
        }
        match self.heard.recv_timeout(DEADLINE).ok()? {
            HostInbound::Event { frame } => Some(frame),
            _ => None,
        }
    }
}

/// What a host answers to a ping, so that it is not taken for dead while a test is busy.
fn pong_to(id: HostId, (clients, digest): (u32, u64), inbound: &HostInbound) -> Option<Vec<u8>> {
    let HostInbound::Event { frame } = inbound else {
        return None;
    };
    let Ok(HostBroadcastEvent::PingPong { ping, timestamp }) = Frame::parse(frame).ok()?.decode() else {
        return None;
    };
    let pong = HostToDaemonMessage::HostPong {
        ping,
        timestamp,
        listeners: Vec::new(),
        clients,
        digest,
        gone: Vec::new(),
        load: HostLoad::default(),
    };
    let envelope = Envelope {
        principal: id.0,
        flags: FLAG_NO_REPLY,
        ..Envelope::default()
    };
    encode(&envelope, &pong).ok()
}
