//! The daemon's sockets that other machines connect to, all of them encrypted: requests, workers, events, enrollment.
//!
//! Invariants: a subscriber hears its own host's topic and what is for all hosts, and one that asks for more is expelled
//! before a frame could reach it; when a key is expelled everybody's connection ends, and whoever may still connect does
//! so at once; how much one of them may connect and send is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::curve::{Admitted, CurveKeys, Doorkeeper, Speaker, serve};
use super::publisher::Publisher;
use super::server_side::Inbound;
use super::{GatewayError, at, open_socket};
use crate::limits::{
    BODY_HELLO_MAX, LABEL_MAX, LINGER_DRAIN_MS, MEMBER_EVENTS_MAX, MEMBER_FRAME_MAX, MEMBER_FRAMES_MAX,
    STRANGERS_FRAMES_MAX, SUBSCRIPTION_FRAME_MAX, SUBSCRIPTIONS_MAX,
};
use crate::protocol::broadcast::{
    CLIENT_BROADCAST_TOPIC, HOST_BROADCAST_TOPIC, WORKER_BROADCAST_TOPIC, WORKER_JSON_TOPIC, host_topic,
};
use crate::protocol::header::PREAMBLE_LEN;

/// Where the daemon listens for other machines, and how it proves who it is.
#[derive(Clone, Debug)]
pub struct Network {
    /// Requests, `tcp://...`.
    pub rpc: String,
    /// Events, `tcp://...`.
    pub events: String,
    /// Enrollment, `tcp://...`, if anybody may enroll.
    pub enroll: Option<String>,
    /// Workers, `tcp://...`, if there may be any.
    pub workers: Option<String>,
    /// The daemon's keys.
    pub keys: CurveKeys,
    /// Who may connect.
    pub admitted: Admitted,
}

/// How it goes at the doors, for operators.
#[derive(Debug, Default)]
pub(super) struct Doors {
    pub(super) handshakes: AtomicU64,
    pub(super) turned_away: AtomicU64,
}

/// The bound sockets. One is none while it is being opened anew.
pub(super) struct NetworkSide {
    context: zmq::Context,
    network: Network,
    doorkeeper: Doorkeeper,
    doors: Arc<Doors>,
    pub(super) router: Option<zmq::Socket>,
    pub(super) publisher: Option<Publisher>,
    pub(super) enroll: Option<zmq::Socket>,
    pub(super) workers: Option<zmq::Socket>,
}

impl NetworkSide {
    pub(super) fn bind(
        context: &zmq::Context,
        network: &Network,
        doors: &Arc<Doors>,
    ) -> Result<NetworkSide, GatewayError> {
        let mut side = NetworkSide {
            context: context.clone(),
            network: network.clone(),
            doorkeeper: Doorkeeper::open(context, network.admitted.clone())?,
            doors: Arc::clone(doors),
            router: None,
            publisher: None,
            enroll: None,
            workers: None,
        };
        side.open()?;
        Ok(side)
    }

    /// Binds those of the sockets that are not bound.
    fn open(&mut self) -> Result<(), GatewayError> {
        let Network {
            rpc,
            events,
            enroll,
            workers,
            keys,
            ..
        } = &self.network;
        if let Some(endpoint) = enroll.as_ref().filter(|_| self.enroll.is_none()) {
            self.enroll = Some(bind_router(&self.context, endpoint, keys, true)?);
        }
        if let Some(endpoint) = workers.as_ref().filter(|_| self.workers.is_none()) {
            self.workers = Some(bind_router(&self.context, endpoint, keys, false)?);
        }
        if self.router.is_none() {
            self.router = Some(bind_router(&self.context, rpc, keys, false)?);
        }
        if self.publisher.is_none() {
            let socket = open_socket(&self.context, zmq::XPUB)?;
            // Every subscription is shown, also to what somebody else has subscribed to already.
            socket.set_xpub_verbose(true)?;
            socket.set_maxmsgsize(SUBSCRIPTION_FRAME_MAX as i64)?;
            socket.set_rcvhwm(MEMBER_FRAMES_MAX)?;
            socket.set_sndhwm(MEMBER_EVENTS_MAX)?;
            serve(&socket, keys, false)?;
            socket.bind(events).map_err(at(events))?;
            self.publisher = Some(Publisher { socket });
        }
        Ok(())
    }

    /// Ends every connection of members, and listens for them anew with the next [`Self::mend`].
    /// What is still to be sent has `linger_ms` for that.
    pub(super) fn cut(&mut self, linger_ms: i32) {
        self.doorkeeper.crowd.members_gone();
        let publisher = self.publisher.take().map(|publisher| publisher.socket);
        let routers = self.router.take().into_iter().chain(self.workers.take());
        for socket in routers.chain(publisher) {
            // A socket that refuses drops what waits, and nothing else.
            let _ = socket.set_linger(linger_ms);
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        let has_no_enrollment = self.network.enroll.is_some() && self.enroll.is_none();
        let has_no_workers = self.network.workers.is_some() && self.workers.is_none();
        self.router.is_none() || self.publisher.is_none() || has_no_enrollment || has_no_workers
    }

    /// Answers who may connect. When there are too many connections of one kind, all of that kind end. False when nobody
    /// has asked.
    pub(super) fn answer_the_door(&mut self) -> bool {
        let heard = self.doorkeeper.receive(&self.doors.turned_away);
        let crowded = std::mem::take(&mut self.doorkeeper.crowded);
        if crowded.members {
            self.cut(LINGER_DRAIN_MS);
        }
        if crowded.strangers {
            self.doorkeeper.crowd.strangers_gone();
            self.enroll = None;
        }
        let handshakes = u64::from(self.doorkeeper.crowd.members_count());
        self.doors.handshakes.store(handshakes, Ordering::Relaxed);
        heard
    }

    /// Opens what was cut. The system gives a port back only after a moment, so this is tried until it works.
    pub(super) fn mend(&mut self) {
        if self.is_cut()
            && let Err(error) = self.open()
        {
            tracing::debug!(%error, "the ports for other machines are not free yet");
        }
    }

    /// The sockets that requests come by.
    pub(super) fn routers(&self) -> impl Iterator<Item = &zmq::Socket> {
        self.router.iter().chain(&self.enroll).chain(&self.workers)
    }

    /// Its other sockets.
    pub(super) fn others(&self) -> impl Iterator<Item = &zmq::Socket> {
        let publisher = self.publisher.iter().map(|publisher| &publisher.socket);
        publisher.chain([&self.doorkeeper.socket])
    }

    /// Publishes to the members. libzmq puts a subscription in effect before it shows it, and decides with the topic who
    /// gets a frame; so whoever subscribed up to then is looked at before the frame follows, and one that may not hear it
    /// has lost its connection by then.
    pub(super) fn publish(
        &mut self,
        topic: &[u8],
        frame: &[u8],
        message: &mut zmq::Message,
        into: &mut Vec<Inbound>,
    ) {
        let Some(publisher) = &self.publisher else { return };
        // A frame that cannot be published is missed and asked for again, like any other.
        if publisher.begin(topic).is_err() {
            return;
        }
        self.receive_subscriptions(message, into);
        if let Some(publisher) = &self.publisher {
            publisher.end(frame).ok();
        }
    }

    /// Looks at who subscribes to what, until nothing waits or somebody is expelled. False when nothing was waiting.
    pub(super) fn receive_subscriptions(
        &mut self,
        message: &mut zmq::Message,
        into: &mut Vec<Inbound>,
    ) -> bool {
        for nth in 0.. {
            let Some(publisher) = &self.publisher else {
                return nth > 0;
            };
            if publisher.socket.recv(message, zmq::DONTWAIT).is_err() {
                return nth > 0;
            }
            let speaker = Speaker::of(message);
            if nth < SUBSCRIPTIONS_MAX && may_say(speaker, message) {
                continue;
            }
            if let Some(Speaker::Enrolled(host, _)) = speaker {
                self.network.admitted.expel(host);
            }
            into.push(Inbound::Trespass {
                speaker,
                topic: message.iter().skip(1).take(LABEL_MAX).copied().collect(),
            });
            // What is on its way to whoever listens in must not arrive.
            self.cut(0);
        }
        true
    }
}

fn bind_router(
    context: &zmq::Context,
    endpoint: &str,
    keys: &CurveKeys,
    anybody: bool,
) -> Result<zmq::Socket, GatewayError> {
    let socket = open_socket(context, zmq::ROUTER)?;
    socket.set_router_mandatory(true)?;
    // A peer that comes back before its old connection is noticed to be dead takes its place. Nobody else can, since
    // a routing id has a number in it that nobody else can know; see `PeerId::new`.
    socket.set_router_handover(true)?;
    // Strangers may speak at one of the two, and all that one honestly says is short.
    let (frame_max, frames_max) = match anybody {
        true => (PREAMBLE_LEN + BODY_HELLO_MAX, STRANGERS_FRAMES_MAX),
        false => (MEMBER_FRAME_MAX, MEMBER_FRAMES_MAX),
    };
    socket.set_maxmsgsize(i64::try_from(frame_max).expect("a small number"))?;
    socket.set_rcvhwm(frames_max)?;
    socket.set_sndhwm(frames_max)?;
    serve(&socket, keys, anybody)?;
    socket.bind(endpoint).map_err(at(endpoint))?;
    Ok(socket)
}

/// Whether a subscriber may send this: a subscription to one of its topics, exactly, or the end of any, which libzmq
/// says in nobody's name for whoever hangs up.
fn may_say(speaker: Option<Speaker>, message: &[u8]) -> bool {
    match (speaker, message.split_first()) {
        (Some(Speaker::Enrolled(host, _)), Some((1, topic))) => {
            topic == HOST_BROADCAST_TOPIC
                || topic == CLIENT_BROADCAST_TOPIC
                || topic == WORKER_BROADCAST_TOPIC
                || topic == WORKER_JSON_TOPIC
                || topic == host_topic(host)
        }
        (_, Some((0, _))) => true,
        _ => false,
    }
}
