//! `HostSession`: the daemon's end of one host's conversation, from its hello on.
//!
//! Parent: the supervisor, at the gateway's wish. Bound: [`HOST_GATE_MAX`](crate::limits::HOST_GATE_MAX) messages. A restart loses the probe: the host
//! says hello again after its own time is over.

use super::admin::Admin;
use super::connection::{AskSession, ClientsOf, ConnectionActor, HostCounts, HostGone, Reattach};
use super::job_broker::{FromAgent, JobBroker};
use super::keyring::{Keys, WORLD};
use super::outlet::{AskReplay, Outlet, Reply};
use super::publisher::{Acked, HostRegistered, PublisherActor, answer};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::secret_file::random;
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{Claim, ServerSender};
use crate::limits::{
    BUSY_RETRY_MS, CLIENTS_LISTED_MAX, CREDIT_BYTES, FRAME_MAX, HELD_BYTES_MAX, HELD_LINES_MAX,
    HOST_LISTENERS_MAX, LINE_LEN_MAX, PING_PERIOD, PROBE_PERIOD, PROBES_MAX, WINDOW,
};
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent, host_topic};
use crate::protocol::client::Refusal;
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::StreamControl;
use crate::protocol::header::VERSION;
use crate::protocol::host::{
    DaemonToHostReply, Features, HostToDaemonMessage, HostType, Limits, Listener, RejectReason,
};
use crate::protocol::token::Principal;
use crate::protocol::{ClientId, HostId, Wall};
use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle};
use moo_tasks::outside::{Listening, Outside};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// A host has said something. Hellos were checked by the gateway.
pub struct Heard {
    /// Where the answer goes.
    pub reply: Reply,
    /// What it said.
    pub message: HostToDaemonMessage,
    /// What its frame takes up until it was dealt with.
    pub claim: Claim,
}

/// What a session is made with.
#[derive(Clone)]
pub struct HostParts {
    /// The way to the host.
    pub sender: ServerSender,
    /// Tokens.
    pub keys: Arc<Keys>,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// Seconds that a connection without a host is kept.
    pub linger_s: u32,
    /// How far the clients' streams are.
    pub outlet: Arc<Outlet>,
    /// The publisher.
    pub publisher: Gate<PublisherActor>,
    /// The connections.
    pub connections: Gate<ConnectionActor>,
    /// The job broker.
    pub jobs: Gate<JobBroker>,
    /// Open ports.
    pub outside: Arc<Outside>,
    /// The wall clock.
    pub now: fn() -> Wall,
    /// Who knows the figures.
    pub admin: Arc<OnceLock<Admin>>,
}

/// One host's session.
pub struct HostSession {
    parts: HostParts,
    host: HostId,
    /// The hash of the key that it speaks CURVE with; [`LOCAL_KEY`](super::keyring::LOCAL_KEY) on this machine.
    key: [u8; 32],
    name: String,
    probe: Option<([u8; 16], SpawnHandle)>,
    /// The probe that it has brought back.
    proven: Option<[u8; 16]>,
    /// The parts of its list of clients that have come.
    listed: Vec<(ClientId, u32)>,
    /// The ports that it has named.
    ports: HashSet<i64>,
    _guard: ExitGuard,
}

impl HostSession {
    /// A session of a host whose token calls it `name`.
    pub fn new(parts: HostParts, (host, key): (HostId, [u8; 32]), name: String, guard: ExitGuard) -> Self {
        HostSession {
            parts,
            host,
            key,
            name,
            probe: None,
            proven: None,
            listed: Vec::new(),
            ports: HashSet::new(),
            _guard: guard,
        }
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        }
    }

    fn heard(&mut self, heard: Heard, context: &mut Context<Self>) {
        let (reply, message, claim) = (heard.reply, heard.message, heard.claim);
        let answered = match message {
            HostToDaemonMessage::Hello { .. } => self.welcome(context),
            HostToDaemonMessage::RegisterHost { listeners, probe, .. } => {
                self.register(&listeners, probe, context)
            }
            HostToDaemonMessage::ReattachBatch { conns } => {
                let host = self.host;
                if self
                    .parts
                    .connections
                    .offer(Reattach { reply, host, conns })
                    .is_err()
                {
                    tracing::warn!(host = %self.host, "held connections could not be looked up");
                }
                return;
            }
            HostToDaemonMessage::EventAck { frame, acks, paused } => {
                return self.acknowledged(frame, acks, paused);
            }
            HostToDaemonMessage::Replay {
                client,
                from,
                to,
                bytes_max,
            } => {
                let ask = AskReplay {
                    reply,
                    host: self.host,
                    client,
                    from,
                    to,
                    bytes_max,
                };
                // The host asks again after its deadline.
                self.parts.publisher.offer(ask).ok();
                return;
            }
            HostToDaemonMessage::ValidateSession { sid } => {
                // If it is not taken, the host asks again.
                self.parts.connections.offer(AskSession { reply, sid }).ok();
                return;
            }
            HostToDaemonMessage::RenewToken { token } => self.renew(&token),
            HostToDaemonMessage::RequestPerformanceCounters => return self.tell_figures(reply),
            HostToDaemonMessage::GetServerFeatures => DaemonToHostReply::ServerFeatures(features()),
            HostToDaemonMessage::HostPong {
                listeners,
                clients,
                digest,
                ..
            } => return self.pong(&reply, &listeners, clients, digest),
            HostToDaemonMessage::ClientList { clients, done } => {
                self.list_clients(reply, clients, done);
                DaemonToHostReply::Ack
            }
            HostToDaemonMessage::DetachHost { reason } => {
                tracing::info!(host = %self.name, reason, "a host leaves");
                // If they have no room for it, the host is found to be gone by the pings that it does not answer.
                self.parts.connections.offer(HostGone(self.host)).ok();
                DaemonToHostReply::Ack
            }
            HostToDaemonMessage::DrainDone => DaemonToHostReply::Ack,
            message @ (HostToDaemonMessage::JobPut { .. }
            | HostToDaemonMessage::JobTake { .. }
            | HostToDaemonMessage::JobAck { .. }
            | HostToDaemonMessage::JobExtend { .. }) => {
                return self.about_jobs(reply, message, claim);
            }
        };
        answer(&self.parts.sender, reply, &answered);
    }

    /// Passes on what the broker answers.
    fn about_jobs(&self, reply: Reply, message: HostToDaemonMessage, claim: Claim) {
        let from = FromAgent {
            host: self.host,
            reply,
            message,
            _claim: claim,
        };
        if self.parts.jobs.offer(from).is_err() {
            let error = RpcMessageError::Busy {
                retry_after_ms: BUSY_RETRY_MS,
            };
            answer(&self.parts.sender, reply, &Refusal { error, head: None });
        }
    }

    /// Answers with the daemon's figures, as soon as all actors have told theirs.
    fn tell_figures(&self, reply: Reply) {
        let parts = self.parts.clone();
        actix::spawn(async move {
            let groups = match parts.admin.get() {
                Some(admin) => admin.counters().await,
                None => Vec::new(),
            };
            let timestamp = (parts.now)().0;
            answer(
                &parts.sender,
                reply,
                &DaemonToHostReply::PerfCounters { timestamp, groups },
            );
        });
    }

    /// The host's hello holds: it is welcomed, and probed until it answers.
    fn welcome(&mut self, context: &mut Context<Self>) -> DaemonToHostReply {
        if let Some((_, publishing)) = self.probe.take() {
            context.cancel_future(publishing);
        }
        let probe = random();
        let mut left = PROBES_MAX;
        self.publish_probe(probe);
        let publishing = context.run_interval(PROBE_PERIOD, move |session, context| {
            session.publish_probe(probe);
            left -= 1;
            if left == 0
                && let Some((_, publishing)) = session.probe.take()
            {
                context.cancel_future(publishing);
            }
        });
        self.probe = Some((probe, publishing));
        let now = (self.parts.now)();
        DaemonToHostReply::Welcome {
            version: VERSION,
            daemon_epoch: self.parts.epoch,
            world: WORLD.to_owned(),
            now,
            ping_ms: u32::try_from(PING_PERIOD.as_millis()).unwrap_or(u32::MAX),
            limits: Limits {
                window: WINDOW as u16,
                frame_max: FRAME_MAX as u32,
                linger_s: self.parts.linger_s,
                input_lines: HELD_LINES_MAX as u16,
                input_bytes: HELD_BYTES_MAX as u32,
                credit_bytes: CREDIT_BYTES,
            },
            keys: self.parts.keys.public_keys(),
            topic: host_topic(self.host).to_vec(),
            host_token: self.parts.keys.host_token(self.host, &self.name, self.key),
        }
    }

    /// A fresh token for one that still holds.
    fn renew(&self, token: &str) -> DaemonToHostReply {
        let (keys, principal) = (&self.parts.keys, Principal::Host(self.host, self.key));
        match keys
            .check(self.host.0, principal, token)
            .map(|claims| keys.renew(&claims).0)
        {
            Ok(token) => DaemonToHostReply::Renewed { token },
            Err(_) => DaemonToHostReply::Reject {
                reason: RejectReason::BadToken,
                retry_after_ms: 0,
            },
        }
    }

    fn publish_probe(&self, probe: [u8; 16]) {
        if let Ok(frame) = encode(&self.envelope(), &StreamControl::Probe { probe }) {
            // One that is missed is followed by the next.
            self.parts.sender.publish(&host_topic(self.host), frame).ok();
        }
    }

    fn register(
        &mut self,
        listeners: &[Listener],
        probe: [u8; 16],
        context: &mut Context<Self>,
    ) -> DaemonToHostReply {
        if !self.may_listen_on(listeners) {
            return DaemonToHostReply::Reject {
                reason: RejectReason::Full,
                retry_after_ms: 0,
            };
        }
        if self.probe.is_none() && self.proven == Some(probe) {
            // The answer was lost. What was sent since is counted from the first time.
            return DaemonToHostReply::Ack;
        }
        match self.probe {
            Some((expected, publishing)) if expected == probe => {
                context.cancel_future(publishing);
                (self.probe, self.proven) = (None, Some(probe));
            }
            _ => {
                return DaemonToHostReply::Reject {
                    reason: RejectReason::BadProbe,
                    retry_after_ms: 0,
                };
            }
        }
        tracing::info!(host = %self.name, "a host is there");
        if self.parts.publisher.offer(HostRegistered(self.host)).is_err() {
            tracing::error!("the publisher takes no messages");
        }
        self.reopen_ports(listeners);
        self.keep_listeners(listeners);
        DaemonToHostReply::Ack
    }

    fn pong(&mut self, reply: &Reply, listeners: &[Listener], clients: u32, digest: u64) {
        if self.may_listen_on(listeners) {
            self.keep_listeners(listeners);
        }
        let counts = HostCounts {
            host: self.host,
            peer: reply.to,
            clients,
            digest,
        };
        // The next pong counts again.
        self.parts.connections.offer(counts).ok();
    }

    fn acknowledged(&self, frame: u64, acks: Vec<(ClientId, u64)>, paused: Vec<ClientId>) {
        let acked = Acked {
            host: self.host,
            frame,
            acks,
            paused,
        };
        // What is not taken is acknowledged again with later events.
        self.parts.publisher.offer(acked).ok();
    }

    fn list_clients(&mut self, reply: Reply, clients: Vec<(ClientId, u32)>, done: bool) {
        self.listed.extend(clients);
        if self.listed.len() > CLIENTS_LISTED_MAX {
            tracing::warn!(host = %self.name, "a host lists more clients than it can have");
            self.listed.clear();
        }
        if done {
            let clients = ClientsOf {
                host: self.host,
                peer: reply.to,
                clients: std::mem::take(&mut self.listed),
            };
            // If it is not taken, the counts go on to differ and the host is asked again.
            self.parts.connections.offer(clients).ok();
        }
    }

    /// Ports that the world opened and this start of the host does not know yet.
    fn reopen_ports(&self, listeners: &[Listener]) {
        let open: Vec<_> = listeners.iter().filter_map(port_of).collect();
        for known in self.parts.outside.listeners.all() {
            if open.contains(&known.port) || known.handler == moo_model::Obj::SYSTEM {
                continue;
            }
            let event = HostBroadcastEvent::Listen {
                handler: known.handler.into(),
                host_type: HostType::Tcp,
                port: u16::try_from(known.port).unwrap_or_default(),
                options: Vec::new(),
            };
            if let Ok(frame) = encode(&self.envelope(), &event) {
                // The host's next list of listeners shows whether it was heard.
                self.parts.sender.publish(HOST_BROADCAST_TOPIC, frame).ok();
            }
        }
    }

    /// Takes note of the ports that a host names; false, and said in the log, if that would be too many since it came.
    fn may_listen_on(&mut self, listeners: &[Listener]) -> bool {
        let new = listeners.iter().filter_map(port_of);
        let new: HashSet<i64> = new.filter(|port| !self.ports.contains(port)).collect();
        let is_fine =
            listeners.len() <= HOST_LISTENERS_MAX && self.ports.len() + new.len() <= HOST_LISTENERS_MAX;
        if is_fine {
            self.ports.extend(new);
        } else {
            tracing::warn!(host = %self.name, count = listeners.len(), "a host names more ports than one may have");
        }
        is_fine
    }

    /// What the host listens on is what `listeners()` tells; options that the world gave stay.
    fn keep_listeners(&self, listeners: &[Listener]) {
        let known = &self.parts.outside.listeners;
        for listener in listeners {
            let Some(port) = port_of(listener).filter(|&port| known.find(port).is_none()) else {
                continue;
            };
            known.put(Listening {
                handler: listener.handler.into(),
                port,
                prints_messages: true,
            });
        }
    }
}

fn port_of(listener: &Listener) -> Option<i64> {
    let port: u16 = listener.addr.rsplit_once(':')?.1.parse().ok()?;
    Some(i64::from(port))
}

fn features() -> Features {
    Features {
        server: format!("moothall {}", env!("CARGO_PKG_VERSION")),
        line_bytes_max: LINE_LEN_MAX as u32,
        switches: Vec::new(),
    }
}

impl Actor for HostSession {
    type Context = Context<Self>;
}

impl Handler<Offered<Heard>> for HostSession {
    type Result = ();

    fn handle(&mut self, heard: Offered<Heard>, context: &mut Context<Self>) {
        self.heard(heard.accept(), context);
    }
}
