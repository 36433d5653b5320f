//! A host's link to the daemon: one actor that owns the sockets, the handshake and the router of events.
//!
//! Parent: the host's supervisor. Mailbox: bursts of frames from the I/O thread, bounded by [`INBOUND_BURSTS_MAX`]
//! (past it the link is taken as lost, and everything is asked for again); what clients send is bounded by their
//! windows. Router and link are one actor, because a line and its answer would else cross one more mailbox each way.
//! It is not restarted by itself: it knows where every client is, so its panic ends the process, and the supervisor of
//! processes starts another.
//!
//! While the daemon is away clients keep their lines (they are told to). When it is back, the connections that it
//! knew are asked about in batches, the others are made anew, and unanswered lines are sent again, marked so.

pub mod handshake;
mod hear;
mod speak;

use super::router::{Missing, Router, ToClient};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{HostEndpoints, HostInbound, HostSender, HostSide, Lane};
use crate::limits::{
    ACK_PERIOD, AWAY_NOTICE_AFTER, INBOUND_BURSTS_MAX, LINES_UNANSWERED_MAX, LINK_TICK, LIST_ENTRIES_MAX,
    REATTACH_BATCH_MAX,
};
use crate::protocol::host::{HostToDaemonMessage, Listener, Peer};
use crate::protocol::{ClientId, WireObj, WireValue};
use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use handshake::{Handshake, Step};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// What a client's actor tells the link.
#[derive(Debug)]
pub enum FromClient {
    /// A client has come.
    Opened {
        /// A name that no other connection of this process has.
        client: ClientId,
        /// The far end of its socket.
        peer: Peer,
        /// The object whose verbs greet it.
        handler: WireObj,
        /// Where it hears.
        address: Recipient<ToClient>,
    },
    /// A client has typed these lines.
    Lines {
        /// Who.
        client: ClientId,
        /// In their order.
        lines: Vec<String>,
    },
    /// A client's socket is gone.
    Closed {
        /// Who.
        client: ClientId,
    },
}

/// What the host tells its link.
#[derive(Debug)]
pub enum FromHost {
    /// A token to say hello with.
    Token(String),
    /// Where clients are accepted from now on.
    Listeners(Vec<Listener>),
    /// All clients are to be closed with these words.
    CloseAll(Arc<str>),
    /// The host ends; answered once everything is said and the sockets are closed.
    Leave(oneshot::Sender<()>),
}

/// What the link tells its host.
#[derive(Clone, Debug, PartialEq)]
pub enum ToHost {
    /// The daemon knows this host: it serves.
    Up,
    /// A token is wanted; the last one, if any, does not hold.
    WantToken,
    /// Accept clients on this port.
    Listen {
        /// The object whose verbs greet them.
        handler: WireObj,
        /// The port; 0 takes a free one.
        port: u16,
        /// Options given to `listen()`.
        options: Vec<(String, WireValue)>,
    },
    /// Accept no more clients on this port.
    Unlisten {
        /// The port.
        port: u16,
    },
    /// All clients are to be closed within this time, and the host is to end.
    Drain {
        /// The time.
        within: Duration,
        /// Why, for the log.
        why: String,
    },
    /// The link can never work, for this reason.
    GiveUp(String),
}

/// Starts the I/O thread. The link itself is on the other side of the gate, so it cannot be part of its own making.
struct Begin(Gate<HostLink>);

/// A burst of frames.
struct Burst(Vec<HostInbound>);

/// What waits for an answer.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Host,
    Client { client: ClientId, cmd_seq: u64 },
    Replay(Missing),
}

/// The actor.
pub struct HostLink {
    endpoints: HostEndpoints,
    handshake: Handshake,
    router: Router<Recipient<ToClient>>,
    io: Option<(HostSide, HostSender)>,
    /// Set by the I/O thread when it had to drop a burst.
    overflowed: Arc<AtomicBool>,
    /// By correlation.
    pending: HashMap<u64, Pending>,
    correlation: u64,
    /// The highest frame number that came, and the one that was acknowledged.
    frame_heard: u64,
    frame_acked: u64,
    /// Clients that have gone since the last pong.
    gone: Vec<ClientId>,
    last_ping: u64,
    /// Since when the daemon has been away, and whether the clients were told.
    away: Option<(Duration, bool)>,
    born: Instant,
    host: mpsc::Sender<ToHost>,
    _exit: ExitGuard,
}

/// How a link is, for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// Whether the daemon knows this host.
    pub is_up: bool,
    /// Clients.
    pub clients: usize,
    /// Requests without an answer.
    pub pending: usize,
}

const AWAY_NOTICE: &str = "*** The server is away for a moment. What you type is kept until it is back. ***";
const BACK_NOTICE: &str = "*** The server is back. ***";

impl HostLink {
    /// A link that does nothing before [`begin`] is called on its gate. `capacity` is how many clients the host can
    /// hold.
    pub fn new(
        endpoints: HostEndpoints,
        capacity: u32,
        host: mpsc::Sender<ToHost>,
        exit: ExitGuard,
    ) -> HostLink {
        HostLink {
            handshake: Handshake::new(endpoints.id, endpoints.instance, capacity),
            endpoints,
            router: Router::default(),
            io: None,
            overflowed: Arc::default(),
            pending: HashMap::new(),
            correlation: 0,
            frame_heard: 0,
            frame_acked: 0,
            gone: Vec::new(),
            last_ping: 0,
            away: Some((Duration::ZERO, false)),
            born: Instant::now(),
            host,
            _exit: exit,
        }
    }

    /// How it is.
    pub fn observable_state(&self) -> LinkState {
        LinkState {
            is_up: self.handshake.is_up(),
            clients: self.router.len(),
            pending: self.pending.len(),
        }
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn tell_host(&self, message: ToHost) {
        // The host reads whenever it is not itself about to end, and says only what can be said again.
        if let Err(error) = self.host.try_send(message) {
            tracing::warn!(%error, "the host did not take an order of the daemon");
        }
    }

    fn take_steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Say(message) => self.say(Lane::Interactive, &message, Some(Pending::Host)),
                Step::Rebuild => {
                    if let Some((_, sender)) = &self.io
                        && let Err(error) = sender.rebuild()
                    {
                        tracing::warn!(%error, "the sockets could not be opened anew");
                    }
                }
                Step::WantToken => self.tell_host(ToHost::WantToken),
                Step::Up => self.come_back(),
                Step::Down => self.go_away(),
                Step::GiveUp(why) => self.tell_host(ToHost::GiveUp(why)),
            }
        }
    }

    fn lose(&mut self) {
        let (now, mut steps) = (self.now(), Vec::new());
        self.handshake.on_lost(now, &mut steps);
        self.take_steps(steps);
    }

    fn go_away(&mut self) {
        tracing::info!("the daemon is away");
        self.pending.clear();
        if self.away.is_none() {
            self.away = Some((self.now(), false));
        }
        self.router.go_away();
    }

    fn come_back(&mut self) {
        tracing::info!(epoch = self.handshake.epoch(), "the daemon knows this host");
        (self.frame_heard, self.frame_acked) = (0, 0);
        if let Some((_, true)) = self.away.take() {
            self.router.tell_all(&ToClient::Notice(BACK_NOTICE.into()));
        }
        let mut requests = Vec::new();
        let held = self.router.come_back(&mut requests);
        for batch in held.chunks(REATTACH_BATCH_MAX) {
            let message = HostToDaemonMessage::ReattachBatch {
                conns: batch.to_vec(),
            };
            self.say(Lane::Interactive, &message, Some(Pending::Host));
        }
        self.ask(requests);
        self.tell_host(ToHost::Up);
    }

    fn tick(&mut self) {
        let (now, mut steps) = (self.now(), Vec::new());
        self.handshake.on_tick(now, &mut steps);
        self.take_steps(steps);
        if let Some((since, told @ false)) = &mut self.away
            && now.saturating_sub(*since) >= AWAY_NOTICE_AFTER
        {
            *told = true;
            self.router.tell_all(&ToClient::Notice(AWAY_NOTICE.into()));
        }
    }
}

/// How many messages of a host's clients may wait for the link: what their windows allow.
pub fn gate_bound(connections_max: u32) -> usize {
    (connections_max as usize).saturating_mul(LINES_UNANSWERED_MAX + 2) + INBOUND_BURSTS_MAX
}

/// Opens the link behind `gate`: from here on it tries to reach the daemon. Frames come through a gate of their own,
/// so that clients cannot keep them out.
pub fn begin(gate: &Gate<HostLink>, frames: Gate<HostLink>) -> bool {
    gate.offer(Begin(frames)).is_ok()
}

impl Actor for HostLink {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(LINK_TICK, |link, _| link.tick());
        context.run_interval(ACK_PERIOD, |link, _| link.acknowledge());
    }
}

impl Handler<Offered<Begin>> for HostLink {
    type Result = ();

    fn handle(&mut self, begin: Offered<Begin>, _: &mut Context<Self>) {
        let Begin(frames) = begin.accept();
        let overflowed = Arc::clone(&self.overflowed);
        let started = HostSide::start(&self.endpoints, move |burst| {
            if frames.offer(Burst(std::mem::take(burst))).is_err() {
                overflowed.store(true, Ordering::Relaxed);
            }
        });
        match started {
            Ok(io) => self.io = Some(io),
            Err(error) => self.tell_host(ToHost::GiveUp(error.to_string())),
        }
        self.tell_host(ToHost::WantToken);
    }
}

impl Handler<Offered<Burst>> for HostLink {
    type Result = ();

    fn handle(&mut self, burst: Offered<Burst>, _: &mut Context<Self>) {
        if self.overflowed.swap(false, Ordering::Relaxed) {
            self.lose();
        }
        let Burst(frames) = burst.accept();
        frames.into_iter().for_each(|inbound| self.on_inbound(inbound));
    }
}

impl Handler<Offered<FromClient>> for HostLink {
    type Result = ();

    fn handle(&mut self, message: Offered<FromClient>, _: &mut Context<Self>) {
        match message.accept() {
            FromClient::Opened {
                client,
                peer,
                handler,
                address,
            } => {
                let request = self.router.open(client, peer, handler, address);
                self.ask(vec![request]);
                if let Some((_, true)) = self.away {
                    self.router.tell(client, ToClient::Notice(AWAY_NOTICE.into()));
                }
            }
            FromClient::Lines { client, lines } => {
                let mut requests = Vec::with_capacity(lines.len());
                self.router.lines(client, lines, &mut requests);
                self.ask(requests);
            }
            FromClient::Closed { client } => {
                if let Some(request) = self.router.close(client) {
                    self.ask(vec![request]);
                    if self.gone.len() < LIST_ENTRIES_MAX {
                        self.gone.push(client);
                    }
                }
            }
        }
    }
}

impl Handler<Offered<FromHost>> for HostLink {
    type Result = ();

    fn handle(&mut self, message: Offered<FromHost>, _: &mut Context<Self>) {
        match message.accept() {
            FromHost::Token(token) => {
                let (now, mut steps) = (self.now(), Vec::new());
                self.handshake.on_token(now, token, &mut steps);
                self.take_steps(steps);
            }
            FromHost::Listeners(listeners) => {
                self.handshake.set_listeners(listeners);
                if self.handshake.is_up() {
                    self.pong(self.last_ping);
                }
            }
            FromHost::CloseAll(words) => self.router.tell_all(&ToClient::Close(words)),
            FromHost::Leave(done) => {
                if self.handshake.is_up() {
                    let reason = "the host ends".to_owned();
                    let message = HostToDaemonMessage::DetachHost { reason };
                    self.say(Lane::Interactive, &message, None);
                }
                self.io = None;
                // A host that does not wait any more is about to end anyway.
                done.send(()).ok();
            }
        }
    }
}
