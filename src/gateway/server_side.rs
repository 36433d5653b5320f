//! The daemon's end: one thread with the ROUTER that requests come to and the XPUB that events leave by.
//!
//! Invariant: a peer that does not read holds up only itself. Its frames wait in a bounded backlog; when that is full
//! they are dropped, and the peer is reported as reset and has to say hello again.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::backlog::Backlog;
use super::publisher::Publisher;
use super::send_queue::{SendError, SendQueue};
use super::{GatewayError, Label, OnBurst, PeerId, at, check_local, open_socket, receive_pair};
use crate::limits::{BACKLOG_RETRY_MS, LINGER_DRAIN_MS, RECEIVE_BURST};

/// Where the daemon listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerEndpoints {
    /// Requests, `ipc://...`.
    pub rpc: String,
    /// Events, `ipc://...`.
    pub events: String,
}

/// What the I/O thread has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inbound {
    /// A frame from a peer.
    Frame {
        /// Who sent it.
        from: PeerId,
        /// Header, principal and body, not yet looked at; at most `FRAME_MAX` bytes.
        frame: Vec<u8>,
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
}

/// Sends through the daemon's sockets. Cheap to clone; may be used from any thread.
#[derive(Clone)]
pub struct ServerSender {
    queue: Arc<SendQueue<Outbound>>,
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
}

/// The running thread. Dropping it sends what waits and ends it.
pub struct ServerSide {
    queue: Arc<SendQueue<Outbound>>,
    thread: Option<JoinHandle<()>>,
}

impl ServerSide {
    /// Binds both sockets and starts the thread. `on_inbound` is called on it with each burst, takes what is in the
    /// vector, and must not block.
    pub fn start(
        endpoints: &ServerEndpoints,
        on_inbound: impl FnMut(&mut Vec<Inbound>) + Send + 'static,
    ) -> Result<(ServerSide, ServerSender), GatewayError> {
        check_local(&endpoints.rpc)?;
        let context = zmq::Context::new();
        let router = open_socket(&context, zmq::ROUTER)?;
        router.set_router_mandatory(true)?;
        router.set_router_handover(true)?;
        router.bind(&endpoints.rpc).map_err(at(&endpoints.rpc))?;
        let publisher = Publisher::bind(&context, &endpoints.events)?;
        let queue = Arc::new(SendQueue::new().map_err(|error| GatewayError::Setup(error.to_string()))?);
        let poller = Poller {
            router,
            publisher,
            queue: queue.clone(),
            backlogs: HashMap::new(),
            inbound: Vec::new(),
            on_inbound: Box::new(on_inbound),
            scratch: zmq::Message::new(),
        };
        let thread = std::thread::Builder::new()
            .name("gateway".into())
            .spawn(move || poller.run())
            .map_err(|error| GatewayError::Setup(error.to_string()))?;
        let sender = ServerSender { queue: queue.clone() };
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
    publisher: Publisher,
    queue: Arc<SendQueue<Outbound>>,
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
        for socket in [&self.router, &self.publisher.socket] {
            // A socket that refuses drops what waits, which is all that is lost.
            let _ = socket.set_linger(LINGER_DRAIN_MS);
        }
    }

    /// Takes in a burst of frames and subscriptions; false when there was nothing.
    fn receive(&mut self) -> bool {
        let mut heard = self.publisher.receive(&mut self.scratch, &mut self.inbound);
        for _ in 0..RECEIVE_BURST {
            match receive_pair(&self.router, &mut self.scratch) {
                Ok(Some(frame)) => {
                    if let Some(label) = Label::new(&self.scratch) {
                        self.inbound.push(Inbound::Frame {
                            from: PeerId(label),
                            frame,
                        });
                    }
                }
                Ok(None) => {}
                Err(_) => return heard,
            }
            heard = true;
        }
        heard
    }

    fn send(&mut self, item: Outbound) {
        match item {
            // A frame that cannot be published is missed and asked for again, like any other.
            Outbound::Publish(topic, frame) => drop(self.publisher.publish(topic.as_bytes(), &frame)),
            Outbound::Reply(to, frame) => self.reply(to, frame),
        }
    }

    fn reply(&mut self, to: PeerId, frame: Vec<u8>) {
        if !self.backlogs.contains_key(&to) {
            match send_to(&self.router, &to, &frame) {
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
        let Poller {
            router,
            backlogs,
            inbound,
            ..
        } = self;
        backlogs.retain(
            |peer, backlog| match backlog.flush(|frame| send_to(router, peer, frame)) {
                Ok(()) => !backlog.is_empty(),
                Err(_) => {
                    inbound.push(Inbound::Unreachable { peer: *peer });
                    false
                }
            },
        );
    }

    /// Sleeps until a socket has something, the bell rings, or a backlog may be tried again. ZeroMQ does not tell when
    /// one peer of a ROUTER has room, hence the last.
    fn poll(&self) {
        let timeout = if self.backlogs.is_empty() {
            -1
        } else {
            BACKLOG_RETRY_MS
        };
        let mut items = [
            self.queue.bell.poll_item(),
            self.router.as_poll_item(zmq::POLLIN),
            self.publisher.socket.as_poll_item(zmq::POLLIN),
        ];
        // An interrupted poll is a short one; the loop looks at everything anyway.
        let _ = zmq::poll(&mut items, timeout);
    }
}

/// With mandatory routing the first part fails if the peer is unknown or has no room; the second then always goes.
fn send_to(router: &zmq::Socket, to: &PeerId, frame: &[u8]) -> zmq::Result<()> {
    router.send(to.as_bytes(), zmq::SNDMORE | zmq::DONTWAIT)?;
    router.send(frame, zmq::DONTWAIT)
}
