//! A host's or a worker's end: one thread with DEALERs for requests, two of a host and one of a worker, and a SUB for
//! events.
//!
//! Invariant: a lane without a connection holds a bounded backlog; when that is full all of it is dropped and the lane
//! is reported as reset. Whoever asked learns of it by the reset or by a deadline, and asks again. That the daemon has
//! gone is told as soon as the system knows it, and that it is back as soon as all its sockets are connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::backlog::Backlog;
use super::curve::{CurveClient, join};
use super::send_queue::{SendError, SendQueue};
use super::{GatewayError, OnBurst, PeerId, at, open_socket, receive_pair};
use crate::limits::{LINGER_DRAIN_MS, RECEIVE_BURST, RECEIVE_BURST_BYTES, RECONNECT_MS};
use crate::protocol::HostId;
use crate::protocol::broadcast::{
    CLIENT_BROADCAST_TOPIC, HOST_BROADCAST_TOPIC, WORKER_BROADCAST_TOPIC, host_topic,
};
use crate::protocol::host::Role;
use crate::protocol::kind::Lane;

/// Where the daemon is, and who we are to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostEndpoints {
    /// Requests, `ipc://...` or `tcp://...`.
    pub rpc: String,
    /// Events, `ipc://...` or `tcp://...`.
    pub events: String,
    /// Our keys, where the daemon is on another machine.
    pub curve: Option<CurveClient>,
    /// Our lasting id, which is also the topic of a host.
    pub id: HostId,
    /// New at each start of the process.
    pub instance: u64,
}

/// What the I/O thread has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostInbound {
    /// A frame from the daemon over a request socket.
    Reply {
        /// Which one.
        lane: Lane,
        /// Header, principal and body, not yet looked at.
        frame: Vec<u8>,
    },
    /// A published frame.
    Event {
        /// Header, principal and body, not yet looked at.
        frame: Vec<u8>,
    },
    /// All that waited on this lane was dropped.
    Reset {
        /// Which one.
        lane: Lane,
    },
    /// The daemon on another machine does not let our key in. Trying again is no use.
    NotAdmitted,
    /// All sockets are connected now.
    Connected,
    /// One of the sockets that were connected is not any more. What waited to be sent was dropped.
    Disconnected,
}

enum Outbound {
    Request(Lane, Vec<u8>),
    Rebuild,
}

/// Sends through the sockets. Cheap to clone; may be used from any thread.
#[derive(Clone)]
pub struct HostSender {
    queue: Arc<SendQueue<Outbound>>,
}

impl HostSender {
    /// Sends a frame to the daemon, now or as soon as it is there.
    pub fn send(&self, lane: Lane, frame: Vec<u8>) -> Result<(), SendError> {
        let bytes = frame.len();
        self.queue.push(Outbound::Request(lane, frame), bytes)
    }

    /// Closes all sockets, drops what waits in them, and connects anew. No [`HostInbound::Reset`] follows.
    pub fn rebuild(&self) -> Result<(), SendError> {
        self.queue.push(Outbound::Rebuild, 0)
    }
}

/// The running thread. Dropping it sends what waits and ends it.
pub struct HostSide {
    queue: Arc<SendQueue<Outbound>>,
    thread: Option<JoinHandle<()>>,
}

impl HostSide {
    /// Connects the sockets of a host and starts the thread; the daemon need not be there yet. `on_inbound` is called on
    /// the thread with each burst, takes what is in the vector, and must not block.
    pub fn start(
        endpoints: &HostEndpoints,
        on_inbound: impl FnMut(&mut Vec<HostInbound>) + Send + 'static,
    ) -> Result<(HostSide, HostSender), GatewayError> {
        HostSide::start_as(Role::Host, endpoints, on_inbound)
    }

    /// The same for a process of this role: a worker has one request socket, and hears what is for all workers.
    pub fn start_as(
        role: Role,
        endpoints: &HostEndpoints,
        on_inbound: impl FnMut(&mut Vec<HostInbound>) + Send + 'static,
    ) -> Result<(HostSide, HostSender), GatewayError> {
        let context = zmq::Context::new();
        let sockets = Sockets::connect(&context, role, endpoints)?;
        let queue = Arc::new(SendQueue::new().map_err(|error| GatewayError::Setup(error.to_string()))?);
        let poller = Poller {
            context,
            role,
            endpoints: endpoints.clone(),
            sockets,
            queue: queue.clone(),
            backlogs: [Backlog::default(), Backlog::default()],
            connected: false,
            inbound: Vec::new(),
            on_inbound: Box::new(on_inbound),
            scratch: zmq::Message::new(),
        };
        let thread = std::thread::Builder::new()
            .name("link".into())
            .spawn(move || super::indispensable(|| poller.run()))
            .map_err(|error| GatewayError::Setup(error.to_string()))?;
        let sender = HostSender { queue: queue.clone() };
        Ok((
            HostSide {
                queue,
                thread: Some(thread),
            },
            sender,
        ))
    }
}

impl Drop for HostSide {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

struct Sockets {
    /// In the order of [`Lane::ALL`]; a worker has the first alone.
    dealers: Vec<zmq::Socket>,
    events: zmq::Socket,
    /// What libzmq tells of them: the dealers, and the events.
    monitors: Vec<Monitor>,
}

impl Sockets {
    fn connect(
        context: &zmq::Context,
        role: Role,
        endpoints: &HostEndpoints,
    ) -> Result<Sockets, GatewayError> {
        let HostEndpoints {
            rpc,
            events: events_endpoint,
            curve,
            id,
            instance,
        } = endpoints;
        let curve = curve.as_ref();
        let events = open_socket(context, zmq::SUB)?;
        let own = host_topic(*id);
        let topics: &[&[u8]] = match role {
            Role::Worker => &[WORKER_BROADCAST_TOPIC],
            Role::Host | Role::Agent => &[&own, HOST_BROADCAST_TOPIC, CLIENT_BROADCAST_TOPIC],
        };
        topics.iter().try_for_each(|topic| events.set_subscribe(topic))?;
        let dealer = |lane| {
            let socket = open_socket(context, zmq::DEALER)?;
            socket.set_identity(PeerId::new(role, lane, *id, *instance).as_bytes())?;
            socket.set_immediate(true)?;
            Ok::<_, GatewayError>(socket)
        };
        let dealers: Vec<_> = lanes(role)
            .iter()
            .map(|lane| dealer(*lane))
            .collect::<Result<_, _>>()?;
        let watched = dealers.iter().chain([&events]);
        let monitors = watched
            .map(|socket| Monitor::watch(context, socket))
            .collect::<Result<_, _>>()?;
        connect(&events, events_endpoint, curve)?;
        dealers
            .iter()
            .try_for_each(|dealer| connect(dealer, rpc, curve))?;
        Ok(Sockets {
            dealers,
            events,
            monitors,
        })
    }

    fn are_connected(&self) -> bool {
        self.monitors.iter().all(|monitor| monitor.is_connected)
    }
}

/// The request sockets of such a process.
fn lanes(role: Role) -> &'static [Lane] {
    match role {
        Role::Worker => &Lane::ALL[..1],
        Role::Host | Role::Agent => &Lane::ALL,
    }
}

fn connect(socket: &zmq::Socket, endpoint: &str, curve: Option<&CurveClient>) -> Result<(), GatewayError> {
    join(socket, endpoint, curve)?;
    socket.set_reconnect_ivl(RECONNECT_MS.0)?;
    socket.set_reconnect_ivl_max(RECONNECT_MS.1)?;
    socket.connect(endpoint).map_err(at(endpoint))
}

/// What libzmq tells of one socket's connection.
struct Monitor {
    socket: zmq::Socket,
    is_connected: bool,
    /// The daemon does not know our key.
    is_refused: bool,
}

/// Makes the names of monitors differ within the process.
static MONITORS: AtomicU64 = AtomicU64::new(0);

impl Monitor {
    /// Watches a socket that has not been told to connect yet.
    fn watch(context: &zmq::Context, watched: &zmq::Socket) -> Result<Monitor, GatewayError> {
        let endpoint = format!("inproc://monitor-{}", MONITORS.fetch_add(1, Ordering::Relaxed));
        let events = zmq::SocketEvent::HANDSHAKE_SUCCEEDED as i32
            | zmq::SocketEvent::HANDSHAKE_FAILED_AUTH as i32
            | zmq::SocketEvent::DISCONNECTED as i32;
        watched.monitor(&endpoint, events)?;
        let socket = open_socket(context, zmq::PAIR)?;
        socket.connect(&endpoint).map_err(at(&endpoint))?;
        Ok(Monitor {
            socket,
            is_connected: false,
            is_refused: false,
        })
    }

    /// Takes in what was told; gives whether the connection was lost meanwhile, even if it is back.
    fn look(&mut self, scratch: &mut zmq::Message) -> bool {
        let mut lost = false;
        while let Ok(()) = self.socket.recv(scratch, zmq::DONTWAIT) {
            if let Some((raw, _)) = scratch.split_first_chunk::<2>() {
                let event = u16::from_ne_bytes(*raw);
                self.is_connected = event == zmq::SocketEvent::HANDSHAKE_SUCCEEDED as u16;
                self.is_refused |= event == zmq::SocketEvent::HANDSHAKE_FAILED_AUTH as u16;
                lost |= !self.is_connected;
            }
            // The address follows, which is known.
            while scratch.get_more() && self.socket.recv(scratch, zmq::DONTWAIT).is_ok() {}
        }
        lost
    }
}

struct Poller {
    context: zmq::Context,
    role: Role,
    endpoints: HostEndpoints,
    sockets: Sockets,
    queue: Arc<SendQueue<Outbound>>,
    /// In the order of [`Lane::ALL`].
    backlogs: [Backlog; 2],
    /// What was told last.
    connected: bool,
    inbound: Vec<HostInbound>,
    on_inbound: OnBurst<HostInbound>,
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
            lanes(self.role).iter().for_each(|&lane| self.flush(lane));
            if !self.inbound.is_empty() {
                (self.on_inbound)(&mut self.inbound);
                self.inbound.clear();
            }
            if idle && queue.fall_asleep() {
                self.poll();
                queue.wake_up();
            }
        }
        for socket in &self.sockets.dealers {
            // A socket that refuses drops what waits, which is all that is lost.
            let _ = socket.set_linger(LINGER_DRAIN_MS);
        }
    }

    /// Takes in a burst of frames; false when there was nothing. Replies come first, so that a busy events socket
    /// does not hold up answers.
    fn receive(&mut self) -> bool {
        let before = self.inbound.len();
        self.look_at_connections();
        for &lane in lanes(self.role) {
            let dealer = &self.sockets.dealers[lane as usize];
            let mut bytes = 0;
            for _ in 0..RECEIVE_BURST {
                if bytes >= RECEIVE_BURST_BYTES {
                    break;
                }
                let Ok(()) = dealer.recv(&mut self.scratch, zmq::DONTWAIT) else {
                    break;
                };
                bytes += self.scratch.len();
                self.inbound.push(HostInbound::Reply {
                    lane,
                    frame: self.scratch.to_vec(),
                });
            }
        }
        for _ in 0..RECEIVE_BURST {
            match receive_pair(&self.sockets.events, &mut self.scratch) {
                Ok(Some(frame)) => self.inbound.push(HostInbound::Event {
                    frame: frame.to_vec(),
                }),
                Ok(None) => {}
                Err(_) => break,
            }
        }
        self.inbound.len() > before
    }

    /// Tells of connections that came or went. What waits for a daemon that is gone would only be refused by the next.
    fn look_at_connections(&mut self) {
        let (mut lost, mut refused) = (false, false);
        for monitor in &mut self.sockets.monitors {
            lost |= monitor.look(&mut self.scratch);
            refused |= std::mem::take(&mut monitor.is_refused);
        }
        if refused {
            self.inbound.push(HostInbound::NotAdmitted);
        }
        if lost && std::mem::take(&mut self.connected) {
            self.backlogs = Default::default();
            self.inbound.push(HostInbound::Disconnected);
        }
        if !self.connected && self.sockets.are_connected() {
            self.connected = true;
            self.inbound.push(HostInbound::Connected);
        }
    }

    fn send(&mut self, item: Outbound) {
        match item {
            Outbound::Request(lane, frame) => {
                let at_once = self.backlogs[lane as usize].is_empty()
                    && self.sockets.dealers[lane as usize]
                        .send(&frame[..], zmq::DONTWAIT)
                        .is_ok();
                if !at_once && !self.backlogs[lane as usize].push(frame) {
                    self.reset(lane);
                }
            }
            Outbound::Rebuild => self.rebuild(),
        }
    }

    fn rebuild(&mut self) {
        // Where this fails the old sockets stay, which reconnect by themselves, and the next rebuild tries again.
        if let Ok(sockets) = Sockets::connect(&self.context, self.role, &self.endpoints) {
            (self.sockets, self.connected) = (sockets, false);
        }
        self.backlogs = Default::default();
    }

    fn reset(&mut self, lane: Lane) {
        self.backlogs[lane as usize] = Backlog::default();
        self.inbound.push(HostInbound::Reset { lane });
    }

    fn flush(&mut self, lane: Lane) {
        let dealer = &self.sockets.dealers[lane as usize];
        if self.backlogs[lane as usize]
            .flush(|frame| dealer.send(frame, zmq::DONTWAIT))
            .is_err()
        {
            self.reset(lane);
        }
    }

    /// Sleeps until a socket has something, a lane with a backlog has room, or the bell rings.
    fn poll(&self) {
        let wanted = |lane: Lane| match self.backlogs[lane as usize].is_empty() {
            true => zmq::POLLIN,
            false => zmq::POLLIN | zmq::POLLOUT,
        };
        let Sockets {
            dealers,
            events,
            monitors,
        } = &self.sockets;
        let mut items = vec![self.queue.bell.poll_item(), events.as_poll_item(zmq::POLLIN)];
        let lanes = Lane::ALL.into_iter().zip(dealers);
        items.extend(lanes.map(|(lane, dealer)| dealer.as_poll_item(wanted(lane))));
        items.extend(
            monitors
                .iter()
                .map(|monitor| monitor.socket.as_poll_item(zmq::POLLIN)),
        );
        // An interrupted poll is a short one; the loop looks at everything anyway.
        let _ = zmq::poll(&mut items, -1);
    }
}
