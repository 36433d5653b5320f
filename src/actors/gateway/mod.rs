//! `GatewayActor`: frames from hosts to typed messages for whoever they concern.
//!
//! Parent: the supervisor. Bound: [`GATEWAY_GATE_MAX`](crate::limits::GATEWAY_GATE_MAX) bursts of frames; past it a burst is dropped, and hosts ask again.
//! A restart loses which hosts are known: each is told to say hello again, and asks again for what it was not answered.

mod greeting;
mod listing;

use super::connection::{ConnectionActor, HostGone, Request, Requests};
use super::enrollment::{Ask, EnrollmentActor, EnrollmentDesk};
use super::host_session::{Heard, HostParts, HostSession};
use super::outlet::Reply;
use super::publisher::answer;
use super::worker::{FromWorkers, PeerLost, Said, WorkerActor};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::{ExitGuard, Supervisor};
use crate::gateway::curve::Speaker;
use crate::gateway::{Claim, Inbound, PeerId, Received};
use crate::limits::{BUSY_RETRY_MS, DRAINING_RETRY_MS, PING_PERIOD};
use crate::protocol::broadcast::Subject;
use crate::protocol::client::{ClientRequest, Refusal};
use crate::protocol::codec::{Envelope, Frame, FrameError};
use crate::protocol::enroll::Enrollment;
use crate::protocol::error::RpcMessageError;
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage, HostType, RejectReason};
use crate::protocol::kind::Family;
use crate::protocol::machine::health::{Health, Verdict};
use crate::protocol::machine::strikes::Strikes;
use crate::protocol::worker::{DaemonToWorkerReply, WorkerToDaemonMessage};
use crate::protocol::{ClientId, HostId, Moment};
use actix::{Actor, ArbiterHandle, Context, Handler};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

pub use listing::ListHosts;

/// Frames and the like from the I/O thread.
pub struct Burst(pub Vec<Inbound>);

/// A ping was sent to all hosts.
pub struct Pinged;

/// The token of one host, or of every host, is dead: it has to say hello with another.
pub struct ForgetHosts {
    /// Whose; `None` is everybody's.
    pub subject: Option<Subject>,
    /// Hears how many hosts that were.
    pub forgotten: oneshot::Sender<u64>,
}

/// The daemon ends, and another one follows: hosts are told to wait for that.
pub struct TurnAway;

/// A host that has said hello.
struct Host {
    instance: [u8; 8],
    name: String,
    host_type: HostType,
    session: Gate<HostSession>,
    /// The id of the token that it said hello with; none where its key stands for it.
    token: Option<[u8; 16]>,
    /// Pings since its last answer.
    missed: u64,
}

/// The gateway.
pub struct GatewayActor {
    parts: HostParts,
    connections: Gate<ConnectionActor>,
    desk: EnrollmentDesk,
    enrollment: Gate<EnrollmentActor>,
    workers: Gate<WorkerActor>,
    supervisor: Supervisor,
    arbiter: ArbiterHandle,
    hosts: HashMap<HostId, Host>,
    /// Starts of hosts that others have replaced, the last ones of each.
    replaced: HashMap<HostId, VecDeque<[u8; 8]>>,
    /// Hosts that are gone, and of which the connections have not been told yet.
    departed: VecDeque<HostId>,
    is_draining: bool,
    requests: Vec<Request>,
    /// What workers have said in the present burst.
    said: Vec<Said>,
    /// Of every host that has said hello and then sent what cannot be read, whether it is there now or not.
    strikes: HashMap<HostId, Strikes>,
    health: Health<HostId>,
    born: Instant,
    _guard: ExitGuard,
}

impl GatewayActor {
    /// A gateway that knows no host.
    pub fn new(
        parts: HostParts,
        (desk, enrollment): (EnrollmentDesk, Gate<EnrollmentActor>),
        workers: Gate<WorkerActor>,
        (supervisor, arbiter): (Supervisor, ArbiterHandle),
        guard: ExitGuard,
    ) -> Self {
        GatewayActor {
            desk,
            enrollment,
            workers,
            connections: parts.connections.clone(),
            parts,
            supervisor,
            arbiter,
            hosts: HashMap::new(),
            replaced: HashMap::new(),
            departed: VecDeque::new(),
            is_draining: false,
            requests: Vec::new(),
            said: Vec::new(),
            strikes: HashMap::new(),
            health: Health::new(PING_PERIOD),
            born: Instant::now(),
            _guard: guard,
        }
    }

    fn frame(&mut self, from: PeerId, speaker: Speaker, received: Received) {
        let (bytes, claim) = received.into_parts();
        let frame = match Frame::parse(&bytes) {
            Ok(frame) => frame,
            Err(FrameError::Unsupported { kind, envelope }) => {
                return self.refuse(from, &envelope, RpcMessageError::Unsupported { kind: kind.0 });
            }
            Err(error) if is_itself(from, speaker) => return self.unreadable(from, &error),
            Err(error) => {
                tracing::debug!(?from, ?speaker, %error, "a frame of a stranger was dropped");
                return;
            }
        };
        let family = frame.kind.family();
        if let Speaker::Stranger(key) = speaker {
            self.stranger(from, key, &frame);
        } else if !is_itself(from, speaker) {
            tracing::warn!(?from, ?speaker, "a process spoke in the name of another");
            let envelope = frame.envelope.reply(self.parts.epoch);
            self.reject(Reply { to: from, envelope }, RejectReason::BadToken);
        } else if from.wire().is_for_workers() {
            self.worker_message(from, speaker, &frame, claim);
        } else if self.is_cut(from, &frame.envelope) {
            tracing::debug!(?from, "a host that is cut off was told to wait");
        } else if family == Family::HostToDaemon as u8 {
            self.host_message(from, speaker, &frame, claim);
        } else if family == Family::HostClientToDaemon as u8 {
            self.client_request(from, &frame, claim);
        } else {
            self.unreadable(from, &FrameError::WrongFamily { kind: frame.kind });
        }
    }

    /// Counts a frame that cannot be read. A host that sends too many of them is cut off for a while.
    fn unreadable(&mut self, from: PeerId, error: &FrameError) {
        let now = self.now();
        let host = identity(from).map(|(id, _)| id);
        // Whoever has not said hello has nothing to lose, and is not worth remembering.
        let Some(id) = host.filter(|id| self.hosts.contains_key(id)) else {
            return;
        };
        let strikes = self.strikes.entry(id).or_default();
        let is_cut = strikes.note(now);
        tracing::warn!(host = %id, %error, total = strikes.total(), "a frame could not be read");
        if is_cut {
            tracing::error!(host = %id, "a host sends what cannot be read and is cut off");
        }
    }

    fn now(&self) -> Moment {
        let since = self.born.elapsed().as_micros();
        Moment(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Tells a host that was cut off when it may come again; true if it was told.
    fn is_cut(&self, from: PeerId, asked: &Envelope) -> bool {
        let now = self.now();
        let strikes = identity(from).and_then(|(id, _)| self.strikes.get(&id));
        let Some(left) = strikes.and_then(|strikes| strikes.cut_for(now)) else {
            return false;
        };
        let envelope = asked.reply(self.parts.epoch);
        let message = DaemonToHostReply::Reject {
            reason: RejectReason::Full,
            retry_after_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
        };
        answer(&self.parts.sender, Reply { to: from, envelope }, &message);
        true
    }

    fn refuse(&self, to: PeerId, asked: &Envelope, error: RpcMessageError) {
        let envelope = asked.reply(self.parts.epoch);
        let reply = Reply { to, envelope };
        let head = self.parts.outlet.head(&reply);
        answer(&self.parts.sender, reply, &Refusal { error, head });
    }

    fn reject(&self, reply: Reply, reason: RejectReason) {
        let message = DaemonToHostReply::Reject {
            reason,
            retry_after_ms: match reason {
                RejectReason::Draining => DRAINING_RETRY_MS,
                RejectReason::Full => BUSY_RETRY_MS,
                _ => 0,
            },
        };
        answer(&self.parts.sender, reply, &message);
    }

    /// A process that nobody knows yet may ask to be enrolled, and nothing else.
    fn stranger(&self, from: PeerId, key: [u8; 32], frame: &Frame<'_>) {
        let reply = Reply {
            to: from,
            envelope: frame.envelope.reply(self.parts.epoch),
        };
        match frame.decode() {
            Ok(Enrollment::Request(request)) => {
                if self.enrollment.offer(Ask { reply, key, request }).is_err() {
                    tracing::warn!(
                        ?from,
                        "a process that wants to be enrolled was not heard; it asks again"
                    );
                }
            }
            Ok(_) | Err(_) => tracing::warn!(?from, "a process that is not enrolled said something else"),
        }
    }

    fn host_message(&mut self, from: PeerId, speaker: Speaker, frame: &Frame<'_>, claim: Claim) {
        let reply = Reply {
            to: from,
            envelope: frame.envelope.reply(self.parts.epoch),
        };
        let message = match frame.decode::<HostToDaemonMessage>() {
            Ok(message) => message,
            Err(error) => {
                self.unreadable(from, &error);
                return self.refuse(
                    from,
                    &frame.envelope,
                    RpcMessageError::InvalidRequest(error.to_string()),
                );
            }
        };
        if let HostToDaemonMessage::Hello {
            versions, id, token, ..
        } = &message
            && let Err(reason) = self.greet((from, speaker), *versions, *id, token)
        {
            return self.reject(reply, reason);
        }
        let Some(host) = self.host_of(from) else {
            return self.reject(reply, RejectReason::HelloFirst);
        };
        if let HostToDaemonMessage::HostPong { .. } = &message {
            host.missed = 0;
        }
        let heard = Heard {
            reply,
            message,
            claim,
        };
        if host.session.offer(heard).is_err() {
            tracing::warn!(host = host.name, "a host's session has too much to do");
        }
    }

    fn worker_message(&mut self, from: PeerId, speaker: Speaker, frame: &Frame<'_>, claim: Claim) {
        let reply = Reply {
            to: from,
            envelope: frame.envelope.reply(self.parts.epoch),
        };
        match frame.decode::<WorkerToDaemonMessage>() {
            Ok(message) => self.said.push(Said {
                reply,
                speaker,
                message,
                claim,
            }),
            Err(error) => {
                tracing::warn!(?from, %error, "a frame of a worker could not be read");
                let message = DaemonToWorkerReply::InvalidPayload(error.to_string());
                answer(&self.parts.sender, reply, &message);
            }
        }
    }

    fn host_of(&mut self, peer: PeerId) -> Option<&mut Host> {
        let (id, instance) = identity(peer)?;
        self.hosts.get_mut(&id).filter(|host| host.instance == instance)
    }

    fn client_request(&mut self, from: PeerId, frame: &Frame<'_>, claim: Claim) {
        let reply = Reply {
            to: from,
            envelope: frame.envelope.reply(self.parts.epoch),
        };
        let Some((host, host_type)) =
            identity(from).and_then(|(id, _)| Some((id, self.host_of(from)?.host_type.clone())))
        else {
            return self.reject(reply, RejectReason::HelloFirst);
        };
        match frame.decode::<ClientRequest>() {
            Ok(body) => self.requests.push(Request {
                reply,
                host,
                host_type,
                client: ClientId(frame.envelope.principal),
                body,
                claim,
            }),
            Err(error) => {
                self.unreadable(from, &error);
                self.refuse(
                    from,
                    &frame.envelope,
                    RpcMessageError::InvalidRequest(error.to_string()),
                );
            }
        }
    }

    /// A host has asked for events of others: it is struck off.
    fn trespass(&self, speaker: Option<Speaker>, topic: &[u8]) {
        tracing::error!(
            ?speaker,
            ?topic,
            "a host listened in on another one and is expelled"
        );
        if let Some(Speaker::Enrolled(id, _)) = speaker {
            let desk = self.desk.clone();
            // It is off the roll at once; only the store may fail to keep that.
            let expel = move || match desk.expel(id) {
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(host = %id, %error, "a host was not expelled for good: expel it again")
                }
            };
            // Nobody waits for the end of it.
            drop(spawn_blocking(expel));
        }
    }

    /// Tells the connections which hosts are gone. Those that they have no room for are told with the next ping, and
    /// before any host that comes.
    fn tell_departed(&mut self) -> bool {
        while let Some(&host) = self.departed.front() {
            if self.connections.offer(HostGone(host)).is_err() {
                tracing::warn!(%host, "the connections are told later that a host is gone: they have too much to do");
                return false;
            }
            self.departed.pop_front();
        }
        true
    }

    /// A ping was sent: what follows from the answers to those before.
    fn check_hosts(&mut self) {
        for (&id, host) in &mut self.hosts {
            if host.missed == 0 {
                self.health.on_answer(id);
            }
            host.missed += 1;
        }
        for verdict in self.health.on_ping(self.now()) {
            match verdict {
                Verdict::Suspect(id) => tracing::warn!(host = %id, "a host has missed some pings"),
                Verdict::Dead(id) => {
                    tracing::warn!(host = %id, "a host does not answer any more");
                    self.hosts.remove(&id);
                    self.departed.push_back(id);
                }
            }
        }
        self.tell_departed();
    }

    /// Takes hosts for such as have not said hello; gives how many.
    fn forget(&mut self, subject: Option<Subject>) -> u64 {
        let before = self.hosts.len();
        self.hosts.retain(|id, host| match subject {
            None => false,
            Some(Subject::Host(revoked)) => *id != revoked,
            Some(Subject::Token(jti)) => host.token != Some(jti),
            Some(_) => true,
        });
        (before - self.hosts.len()) as u64
    }
}

/// Whether a process speaks in its own name. On this machine that is for its token to say; from another one it can
/// only be the one that its key was enrolled under.
fn is_itself(from: PeerId, speaker: Speaker) -> bool {
    match speaker {
        Speaker::Local => true,
        Speaker::Enrolled(id, _) => identity(from).is_some_and(|(claimed, _)| claimed == id),
        Speaker::Stranger(_) => false,
    }
}

/// The host and the start of it that a routing id names; see [`PeerId::new`].
fn identity(peer: PeerId) -> Option<(HostId, [u8; 8])> {
    let bytes = peer.as_bytes();
    let host = bytes.get(2..18)?.try_into().ok()?;
    let instance = bytes.get(18..26)?.try_into().ok()?;
    Some((HostId(host), instance))
}

impl Actor for GatewayActor {
    type Context = Context<Self>;
}

impl Handler<Offered<Burst>> for GatewayActor {
    type Result = ();

    fn handle(&mut self, burst: Offered<Burst>, _: &mut Context<Self>) {
        for inbound in burst.accept().0 {
            match inbound {
                Inbound::Frame { from, speaker, frame } => self.frame(from, speaker, frame),
                Inbound::Trespass { speaker, topic } => self.trespass(speaker, &topic),
                Inbound::Unreachable { peer } | Inbound::Reset { peer } => {
                    if peer.wire().is_for_workers() && self.workers.offer(PeerLost(peer)).is_err() {
                        tracing::warn!(?peer, "the loss of a worker is noticed later");
                    }
                    tracing::info!(?peer, "a peer could not be reached; it will say hello again");
                }
                Inbound::Subscribed { .. } | Inbound::Unsubscribed { .. } => {}
            }
        }
        let requests = std::mem::take(&mut self.requests);
        if !requests.is_empty() && self.connections.offer(Requests(requests)).is_err() {
            tracing::warn!("requests were dropped; hosts ask again");
        }
        let said = std::mem::take(&mut self.said);
        if !said.is_empty() && self.workers.offer(FromWorkers(said)).is_err() {
            tracing::warn!("what workers said was dropped; they say it again");
        }
    }
}

impl Handler<Offered<Pinged>> for GatewayActor {
    type Result = ();

    fn handle(&mut self, pinged: Offered<Pinged>, _: &mut Context<Self>) {
        pinged.accept();
        self.check_hosts();
    }
}

impl Handler<Offered<ForgetHosts>> for GatewayActor {
    type Result = ();

    fn handle(&mut self, forget: Offered<ForgetHosts>, _: &mut Context<Self>) {
        let ForgetHosts { subject, forgotten } = forget.accept();
        // Whoever ordered it may have stopped waiting.
        forgotten.send(self.forget(subject)).ok();
    }
}

impl Handler<Offered<TurnAway>> for GatewayActor {
    type Result = ();

    fn handle(&mut self, turn: Offered<TurnAway>, _: &mut Context<Self>) {
        turn.accept();
        self.is_draining = true;
    }
}
