//! The daemon's end: one thread with the ROUTERs that requests of hosts and answers of workers come to and the XPUBs that
//! events leave by, one of each for this machine and, if wanted, for others.
//!
//! Invariant: a peer that does not read holds up only itself. Its frames wait in a bounded backlog; when that is full
//! they are dropped, and the peer is reported as reset and has to say hello again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use super::backlog::Backlog;
use super::curve::Speaker;
use super::intake::{Intake, Received};
use super::network::{Doors, Network, NetworkSide};
use super::publisher::Publisher;
use super::send_queue::{SendError, SendQueue};
use super::{GatewayError, Label, OnBurst, PeerId, Wire, at, check_local, open_socket, receive_pair};
use crate::limits::{BACKLOG_RETRY_MS, LINGER_DRAIN_MS, RECEIVE_BURST, RECEIVE_BURST_BYTES};

/// Where the daemon listens.
#[derive(Clone, Debug)]
pub struct ServerEndpoints {
    /// Requests, `ipc://...`.
    pub rpc: String,
    /// Events, `ipc://...`.
    pub events: String,
    /// Workers, `ipc://...`.
    pub workers: String,
    /// The same for other machines.
    pub network: Option<Network>,
}

/// What the I/O thread has to tell.
#[derive(Debug)]
pub enum Inbound {
    /// A frame from a peer.
    Frame {
        /// Where it came from.
        from: PeerId,
        /// Who sent it, by the key that it speaks CURVE with.
        speaker: Speaker,
        /// Header, principal and body, not yet looked at; at most `FRAME_MAX` bytes.
        frame: Received,
    },
    /// A frame for this peer was dropped, because the peer is not connected.
    Unreachable {
        /// The peer.
        peer: PeerId,
    },
    /// All that waited for this peer was dropped, because it does not read.
    Reset {
        /// The peer.
        peer: PeerId,
    },
    /// A subscriber of another machine asked for events that are not its own. Its keys open nothing any more, and all
    /// connections of other machines were ended.
    Trespass {
        /// Who, if its key is known.
        speaker: Option<Speaker>,
        /// What it asked for.
        topic: Vec<u8>,
    },
    /// The first subscription to this prefix has come.
    Subscribed {
        /// The prefix.
        topic: Vec<u8>,
    },
    /// The last subscription to this prefix has gone.
    Unsubscribed {
        /// The prefix.
        topic: Vec<u8>,
    },
}

enum Outbound {
    Reply(PeerId, Vec<u8>),
    Publish(Label, Vec<u8>),
    CutNetwork,
}

/// Sends through the daemon's sockets. Cheap to clone; may be used from any thread.
#[derive(Clone)]
pub struct ServerSender {
    queue: Arc<SendQueue<Outbound>>,
    intake: Intake,
    doors: Arc<Doors>,
}

/// How the sockets are, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Bytes that were received and not dealt with.
    pub waiting_bytes: usize,
    /// Frames of other machines that were dropped because their sender had too much waiting.
    pub refused_frames: u64,
    /// Handshakes of hosts of other machines since all of them last had to connect anew: no fewer than their connections.
    pub handshakes: u64,
    /// Handshakes that were turned away, because their key is unknown or came too often.
    pub turned_away: u64,
}

impl ServerSender {
    /// Sends a frame to one peer. Fails if too much waits or the thread has ended; a peer that is gone is reported
    /// later as [`Inbound::Unreachable`].
    pub fn reply(&self, to: PeerId, frame: Vec<u8>) -> Result<(), SendError> {
        let bytes = frame.len();
        self.queue.push(Outbound::Reply(to, frame), bytes)
    }

    /// Publishes a frame under a topic of at most [`crate::limits::LABEL_MAX`] bytes.
    pub fn publish(&self, topic: &[u8], frame: Vec<u8>) -> Result<(), SendError> {
        let label = Label::new(topic).ok_or(SendError::Topic)?;
        let bytes = frame.len();
        self.queue.push(Outbound::Publish(label, frame), bytes)
    }

    /// How the sockets are now.
    pub fn figures(&self) -> Figures {
        Figures {
            waiting_bytes: self.intake.waiting(),
            refused_frames: self.intake.refused(),
            handshakes: self.doors.handshakes.load(Ordering::Relaxed),
            turned_away: self.doors.turned_away.load(Ordering::Relaxed),
        }
    }

    /// Ends all connections of other machines; those that may still connect do so at once.
    pub fn cut_network(&self) -> Result<(), SendError> {
        self.queue.push(Outbound::CutNetwork, 0)
    }
}

/// The running thread. Dropping it sends what waits and ends it.
pub struct ServerSide {
    queue: Arc<SendQueue<Outbound>>,
    thread: Option<JoinHandle<()>>,
}

impl ServerSide {
    /// Binds the sockets and starts the thread. `on_inbound` is called on it with each burst, takes what is in the
    /// vector, and must not block.
    pub fn start(
        endpoints: &ServerEndpoints,
        on_inbound: impl FnMut(&mut Vec<Inbound>) + Send + 'static,
    ) -> Result<(ServerSide, ServerSender), GatewayError> {
        let context = zmq::Context::new();
        let router = local_router(&context, &endpoints.rpc)?;
        let workers = local_router(&context, &endpoints.workers)?;
        let publisher = Publisher::bind(&context, &endpoints.events)?;
        let (intake, doors) = (Intake::default(), Arc::<Doors>::default());
        let network = endpoints.network.as_ref();
        let network = network
            .map(|network| NetworkSide::bind(&context, network, &doors))
            .transpose()?;
        let queue = Arc::new(SendQueue::new().map_err(|error| GatewayError::Setup(error.to_string()))?);
        let poller = Poller {
            router,
            workers,
            publisher,
            network,
            queue: queue.clone(),
            intake: intake.clone(),
            backlogs: HashMap::new(),
            inbound: Vec::new(),
            on_inbound: Box::new(on_inbound),
            scratch: zmq::Message::new(),
        };
        let thread = std::thread::Builder::new()
            .name("gateway".into())
            .spawn(move || super::indispensable(|| poller.run()))
            .map_err(|error| GatewayError::Setup(error.to_string()))?;
        let sender = ServerSender {
            queue: queue.clone(),
            intake,
            doors,
        };
        Ok((
            ServerSide {
                queue,
                thread: Some(thread),
            },
            sender,
        ))
    }
}

impl Drop for ServerSide {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

struct Poller {
    router: zmq::Socket,
    workers: zmq::Socket,
    publisher: Publisher,
    network: Option<NetworkSide>,
    queue: Arc<SendQueue<Outbound>>,
    intake: Intake,
    /// Only of peers that have frames waiting.
    backlogs: HashMap<PeerId, Backlog>,
    inbound: Vec<Inbound>,
    on_inbound: OnBurst<Inbound>,
    scratch: zmq::Message,
}

impl Poller {
    fn run(mut self) {
        let queue = self.queue.clone();
        let _closing = queue.close_on_end();
        let mut batch = Vec::new();
        let mut open = true;
        while open {
            let heard = self.receive();
            open = queue.take(&mut batch);
            let idle = !heard && batch.is_empty();
            batch.drain(..).for_each(|item| self.send(item));
            self.flush_backlogs();
            if !self.inbound.is_empty() {
                (self.on_inbound)(&mut self.inbound);
                self.inbound.clear();
            }
            if idle && queue.fall_asleep() {
                self.poll();
                queue.wake_up();
            }
        }
        let remote = self.network.iter();
        let remote = remote.flat_map(|network| network.routers().chain(network.others()));
        let local = [&self.router, &self.workers, &self.publisher.socket];
        for socket in local.into_iter().chain(remote) {
            // A socket that refuses drops what waits, which is all that is lost.
            let _ = socket.set_linger(LINGER_DRAIN_MS);
        }
    }

    /// Takes in a burst of frames and subscriptions; false when there was nothing.
    fn receive(&mut self) -> bool {
        let Poller {
            router,
            workers,
            publisher,
            network,
            inbound,
            scratch,
            intake,
            ..
        } = self;
        let mut heard = publisher.receive(scratch, inbound);
        heard |= receive_frames(router, Wire::Local, scratch, inbound, intake);
        heard |= receive_frames(workers, Wire::Workers, scratch, inbound, intake);
        if let Some(network) = network {
            network.mend();
            heard |= network.answer_the_door();
            heard |= network.receive_subscriptions(scratch, inbound);
            let members = network.router.iter().map(|router| (router, Wire::Network));
            let strangers = network.enroll.iter().map(|router| (router, Wire::Enroll));
            let workers = network
                .workers
                .iter()
                .map(|router| (router, Wire::NetworkWorkers));
            for (router, wire) in members.chain(strangers).chain(workers) {
                heard |= receive_frames(router, wire, scratch, inbound, intake);
            }
        }
        heard
    }

    fn send(&mut self, item: Outbound) {
        match item {
            Outbound::Publish(topic, frame) => {
                // A frame that cannot be published is missed and asked for again, like any other.
                let _ = self.publisher.publish(topic.as_bytes(), &frame);
                if let Some(network) = &mut self.network {
                    network.publish(topic.as_bytes(), &frame, &mut self.scratch, &mut self.inbound);
                }
            }
            Outbound::Reply(to, frame) => self.reply(to, frame),
            Outbound::CutNetwork => {
                if let Some(network) = &mut self.network {
                    // The last words to whoever is expelled still go out.
                    network.cut(LINGER_DRAIN_MS);
                }
            }
        }
    }

    fn reply(&mut self, to: PeerId, frame: Vec<u8>) {
        if !self.backlogs.contains_key(&to) {
            match send_to(self.router_of(to), &to, &frame) {
                Ok(()) => return,
                Err(zmq::Error::EAGAIN) => {}
                Err(_) => return self.inbound.push(Inbound::Unreachable { peer: to }),
            }
        }
        if !self.backlogs.entry(to).or_default().push(frame) {
            self.backlogs.remove(&to);
            self.inbound.push(Inbound::Reset { peer: to });
        }
    }

    fn flush_backlogs(&mut self) {
        let mut backlogs = std::mem::take(&mut self.backlogs);
        let mut unreachable = Vec::new();
        backlogs.retain(|peer, backlog| {
            let router = self.router_of(*peer);
            match backlog.flush(|frame| send_to(router, peer, frame)) {
                Ok(()) => !backlog.is_empty(),
                Err(_) => {
                    unreachable.push(Inbound::Unreachable { peer: *peer });
                    false
                }
            }
        });
        self.backlogs = backlogs;
        self.inbound.append(&mut unreachable);
    }

    /// The socket that a peer is connected to; none while that is being opened anew.
    fn router_of(&self, peer: PeerId) -> Option<&zmq::Socket> {
        let network = self.network.as_ref();
        match peer.wire() {
            Wire::Local => Some(&self.router),
            Wire::Workers => Some(&self.workers),
            Wire::Network => network?.router.as_ref(),
            Wire::Enroll => network?.enroll.as_ref(),
            Wire::NetworkWorkers => network?.workers.as_ref(),
        }
    }

    /// Sleeps until a socket has something, the bell rings, or something may be tried again: a backlog, since ZeroMQ
    /// does not tell when one peer of a ROUTER has room, a port that is not free yet, or requests while too many wait.
    fn poll(&self) {
        let is_cut = self.network.as_ref().is_some_and(NetworkSide::is_cut);
        let is_full = self.intake.is_full();
        let timeout = if self.backlogs.is_empty() && !is_cut && !is_full {
            -1
        } else {
            BACKLOG_RETRY_MS
        };
        let mut items = vec![
            self.queue.bell.poll_item(),
            self.publisher.socket.as_poll_item(zmq::POLLIN),
        ];
        let remote = self.network.iter();
        let requests = remote.clone().flat_map(NetworkSide::routers);
        let requests = [&self.router, &self.workers].into_iter().chain(requests);
        let awaited = remote
            .flat_map(NetworkSide::others)
            .chain(requests.filter(|_| !is_full));
        items.extend(awaited.map(|socket| socket.as_poll_item(zmq::POLLIN)));
        // An interrupted poll is a short one; the loop looks at everything anyway.
        let _ = zmq::poll(&mut items, timeout);
    }
}

/// Takes in a burst of frames from one ROUTER; false when there was nothing, or there is no room for it.
fn receive_frames(
    router: &zmq::Socket,
    wire: Wire,
    scratch: &mut zmq::Message,
    inbound: &mut Vec<Inbound>,
    intake: &Intake,
) -> bool {
    let mut bytes = 0;
    for nth in 0..RECEIVE_BURST {
        if bytes >= RECEIVE_BURST_BYTES || intake.is_full() {
            return nth > 0;
        }
        let Ok(received) = receive_pair(router, scratch) else {
            return nth > 0;
        };
        let Some(mut frame) = received else { continue };
        let speaker = match wire {
            Wire::Local | Wire::Workers => Some(Speaker::Local),
            Wire::Network | Wire::Enroll | Wire::NetworkWorkers => Speaker::of(&mut frame),
        };
        if let (Some(label), Some(speaker)) = (Label::new(scratch), speaker)
            && let Some(claim) = intake.claim(speaker, frame.len())
        {
            bytes += frame.len();
            inbound.push(Inbound::Frame {
                from: PeerId { label, wire },
                speaker,
                frame: Received::new(frame.to_vec(), claim),
            });
        }
    }
    true
}

/// A bound ROUTER for processes of this machine.
fn local_router(context: &zmq::Context, endpoint: &str) -> Result<zmq::Socket, GatewayError> {
    check_local(endpoint)?;
    let router = open_socket(context, zmq::ROUTER)?;
    router.set_router_mandatory(true)?;
    router.set_router_handover(true)?;
    router.bind(endpoint).map_err(at(endpoint))?;
    Ok(router)
}

/// With mandatory routing the first part fails if the peer is unknown or has no room; the second then always goes.
fn send_to(router: Option<&zmq::Socket>, to: &PeerId, frame: &[u8]) -> zmq::Result<()> {
    let router = router.ok_or(zmq::Error::EHOSTUNREACH)?;
    router.send(to.as_bytes(), zmq::SNDMORE | zmq::DONTWAIT)?;
    router.send(frame, zmq::DONTWAIT)
}
