//! A host's link to the daemon: one actor around [`Host`], which decides, and the I/O thread, which has the sockets.
//!
//! Parent: the host's supervisor. Mailbox: bursts of frames from the I/O thread, bounded by [`INBOUND_BURSTS_MAX`]
//! (past it the link is taken as lost, and everything is asked for again); what clients send is bounded by their
//! windows, and what the host's program asks for others by how many of those it serves. Router and link are one actor, because a line and its answer would else cross one more mailbox each way.
//! It is not restarted by itself: it knows where every client is, so its panic ends the process, and the supervisor of
//! processes starts another.

mod ears;

use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{HostEndpoints, HostInbound, HostSender, HostSide};
use crate::limits::{INBOUND_BURSTS_MAX, LINES_UNANSWERED_MAX, LINK_TICK};
use crate::protocol::client::HostClientToDaemonMessage;
use crate::protocol::host::{HostType, Listener, Peer};
pub use crate::protocol::machine::host::{Ending, Entry, NoAnswer, Number, Question};
use crate::protocol::machine::host::{Host, Input, Meter, Output};
pub use crate::protocol::machine::host::{Order as ToHost, ToClient};
pub use crate::protocol::machine::link::Answer;
use crate::protocol::machine::link::LinkConfig;
use crate::protocol::{ClientId, Moment, Wall, WireObj};
use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use ears::Ears;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

impl Message for ToClient {
    type Result = ();
}

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
        /// How far its socket has come.
        meter: Arc<Meter>,
        /// How it comes in.
        entry: Entry,
    },
    /// A client has typed these lines.
    Lines {
        /// Who.
        client: ClientId,
        /// In their order.
        lines: Vec<String>,
    },
    /// A client's program asks something.
    Ask {
        /// Who.
        client: ClientId,
        /// What the client's actor calls it.
        name: u64,
        /// What it asks.
        message: HostClientToDaemonMessage,
        /// Under which number.
        number: Number,
    },
    /// A client's meter says that it has the room that the link waits for.
    Drained {
        /// Who.
        client: ClientId,
    },
    /// A client's socket is gone.
    Closed {
        /// Who.
        client: ClientId,
        /// The meter of that socket: another one may have the client by now.
        meter: Arc<Meter>,
        /// Whether the client may come back.
        may_return: bool,
    },
}

/// What the host's program asks the daemon, and where the answer goes. Whoever does not wait any more drops that.
#[derive(Debug)]
pub struct Ask {
    /// The question.
    pub question: Question,
    /// Hears the answer, also if there is none.
    pub answer: oneshot::Sender<Answer>,
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

/// Starts the I/O thread. The link itself is on the other side of the gate, so it cannot be part of its own making.
struct Begin(Gate<HostLink>);

/// A burst of frames.
struct Burst(Vec<HostInbound>);

/// The actor.
pub struct HostLink {
    endpoints: HostEndpoints,
    host: Host,
    ears: Ears<Recipient<ToClient>>,
    /// Who waits for the answer to which question.
    questions: HashMap<u64, oneshot::Sender<Answer>>,
    last_question: u64,
    io: Option<(HostSide, HostSender)>,
    /// Set by the I/O thread when it had to drop a burst.
    overflowed: Arc<AtomicBool>,
    born: Instant,
    /// What the host wants done; empty between messages.
    out: Vec<Output>,
    to_host: mpsc::Sender<ToHost>,
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

impl HostLink {
    /// A link of a host that serves `host_type`, which does nothing before [`begin`] is called on its gate. `capacity` is how many clients the host can
    /// hold, `pause_bytes` how much may wait for one of them before it gets no more for a while.
    pub fn new(
        endpoints: HostEndpoints,
        host_type: HostType,
        capacity: u32,
        pause_bytes: usize,
        to_host: mpsc::Sender<ToHost>,
        exit: ExitGuard,
    ) -> HostLink {
        let config = LinkConfig {
            build: env!("CARGO_PKG_VERSION").to_owned(),
            id: endpoints.id,
            instance: endpoints.instance,
            world: String::new(),
            host_type,
            capacity,
            skills: Vec::new(),
        };
        HostLink {
            host: Host::new(config, pause_bytes),
            endpoints,
            ears: Ears::default(),
            questions: HashMap::new(),
            last_question: 0,
            io: None,
            overflowed: Arc::default(),
            born: Instant::now(),
            out: Vec::new(),
            to_host,
            _exit: exit,
        }
    }

    /// How it is.
    pub fn observable_state(&self) -> LinkState {
        LinkState {
            is_up: self.host.is_up(),
            clients: self.host.len(),
            pending: self.host.pending(),
        }
    }

    fn now(&self) -> Moment {
        Moment(u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Gives the host an input and does what it wants.
    fn feed(&mut self, input: Input) {
        let (now, was_up) = (self.now(), self.host.is_up());
        let mut out = std::mem::take(&mut self.out);
        self.host.take(now, input, &mut out);
        out.drain(..).for_each(|output| self.carry_out(output));
        self.out = out;
        if was_up != self.host.is_up() {
            tracing::info!(up = self.host.is_up(), "the daemon has come or gone");
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::ToClient(client, message @ ToClient::NotEntered(_)) => {
                if let Some(ear) = self.ears.remove(client) {
                    tell(&ear, message);
                }
            }
            Output::ToClient(client, message) => self.ears.tell(client, message, tell),
            Output::ToAll(message) => self.ears.tell_all(&message, tell),
            Output::Rename { from, to } => self.ears.rename(from, to),
            Output::Answer { name, answer } => {
                // Who asked may not wait any more.
                if let Some(asker) = self.questions.remove(&name) {
                    asker.send(*answer).ok();
                }
            }
            Output::Send { lane, frame } => {
                // Whatever is not sent is missed in time, and said again.
                if let Some((_, sender)) = &self.io
                    && let Err(error) = sender.send(lane, frame)
                {
                    tracing::warn!(%error, "a frame could not be sent to the daemon");
                    self.overflowed.store(true, Ordering::Relaxed);
                }
            }
            Output::Rebuild => {
                if let Some((_, sender)) = &self.io
                    && let Err(error) = sender.rebuild()
                {
                    tracing::warn!(%error, "the sockets could not be opened anew");
                }
            }
            Output::Order(order) => self.tell_host(order),
            Output::Garbled(error) => tracing::warn!(%error, "a frame of the daemon was dropped"),
        }
    }

    fn tell_host(&self, order: ToHost) {
        // The host reads whenever it is not itself about to end, and says only what can be said again.
        if let Err(error) = self.to_host.try_send(order) {
            tracing::warn!(%error, "the host did not take an order of the daemon");
        }
    }

    fn tick(&mut self) {
        if self.overflowed.swap(false, Ordering::Relaxed) {
            self.feed(Input::Reset);
        }
        self.feed(Input::Tick);
    }

    /// A client has come. One that is here already is at another socket from now on.
    fn open(&mut self, client: ClientId, ear: Recipient<ToClient>, meter: &Arc<Meter>) {
        if let Some(before) = self.ears.insert(client, ear, Arc::clone(meter)) {
            tell(&before, crate::protocol::machine::host::elsewhere());
        }
    }

    fn leave(&mut self, done: oneshot::Sender<()>) {
        self.feed(Input::Leave {
            reason: "the host ends".to_owned(),
        });
        self.io = None;
        // A host that does not wait any more is about to end anyway.
        done.send(()).ok();
    }
}

/// Tells a client's actor; one that has ended hears nothing.
fn tell(ear: &Recipient<ToClient>, message: ToClient) {
    #[expect(
        clippy::disallowed_methods,
        reason = "events are bounded by the client's meter, answers by its window, the rest is one at a time"
    )]
    ear.do_send(message);
}

/// How many messages of a host's clients may wait for the link: what their windows allow.
pub fn gate_bound(connections_max: u32) -> usize {
    (connections_max as usize).saturating_mul(LINES_UNANSWERED_MAX + 3) + INBOUND_BURSTS_MAX
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
        self.feed(Input::Start { wall: wall() });
    }
}

impl Handler<Offered<Burst>> for HostLink {
    type Result = ();

    fn handle(&mut self, burst: Offered<Burst>, _: &mut Context<Self>) {
        if self.overflowed.swap(false, Ordering::Relaxed) {
            self.feed(Input::Reset);
        }
        let Burst(frames) = burst.accept();
        for inbound in frames {
            self.feed(match inbound {
                HostInbound::Reply { frame, .. } => Input::Reply(frame),
                HostInbound::Event { frame } => Input::Event(frame),
                HostInbound::Reset { .. } => Input::Reset,
                HostInbound::Connected => Input::Connected,
                HostInbound::Disconnected => Input::Disconnected,
                HostInbound::NotAdmitted => {
                    let why = "its key is not enrolled there (any more); enroll this host anew";
                    self.tell_host(ToHost::GiveUp(why.to_owned()));
                    continue;
                }
            });
        }
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
                meter,
                entry,
            } => {
                self.open(client, address, &meter);
                self.feed(Input::Opened {
                    client,
                    peer,
                    handler,
                    meter,
                    entry,
                });
            }
            FromClient::Lines { client, lines } => self.feed(Input::Lines { client, lines }),
            FromClient::Drained { client } => self.feed(Input::Drained { client }),
            FromClient::Ask {
                client,
                name,
                message,
                number,
            } => self.feed(Input::Ask {
                client,
                name,
                message,
                number,
            }),
            FromClient::Closed {
                client,
                meter,
                may_return,
            } => {
                if let Some(client) = self.ears.close(client, &meter) {
                    self.feed(Input::Closed { client, may_return });
                }
            }
        }
    }
}

impl Handler<Offered<FromHost>> for HostLink {
    type Result = ();

    fn handle(&mut self, message: Offered<FromHost>, _: &mut Context<Self>) {
        match message.accept() {
            FromHost::Token(token) => self.feed(Input::Token(token)),
            FromHost::Listeners(listeners) => self.feed(Input::Listeners(listeners)),
            FromHost::CloseAll(words) => {
                let why = Ending::Down;
                self.ears.tell_all(&ToClient::Close { why, words }, tell);
            }
            FromHost::Leave(done) => self.leave(done),
        }
    }
}

impl Handler<Offered<Ask>> for HostLink {
    type Result = ();

    fn handle(&mut self, ask: Offered<Ask>, _: &mut Context<Self>) {
        let Ask { question, answer } = ask.accept();
        self.last_question += 1;
        let name = self.last_question;
        self.questions.insert(name, answer);
        self.feed(Input::Question { name, question });
    }
}

fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
