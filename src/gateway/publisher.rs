//! The events socket: everything published goes out here, by topic.
//!
//! Invariant: a subscriber that does not read loses frames in silence; whoever needs them counts them.

use super::server_side::Inbound;
use super::{GatewayError, at, check_local, open_socket};

/// A bound XPUB.
pub(super) struct Publisher {
    pub(super) socket: zmq::Socket,
}

impl Publisher {
    pub(super) fn bind(context: &zmq::Context, endpoint: &str) -> Result<Publisher, GatewayError> {
        check_local(endpoint)?;
        let socket = open_socket(context, zmq::XPUB)?;
        socket.bind(endpoint).map_err(at(endpoint))?;
        Ok(Publisher { socket })
    }

    /// Sends to whoever has subscribed to a prefix of the topic.
    pub(super) fn publish(&self, topic: &[u8], frame: &[u8]) -> zmq::Result<()> {
        self.begin(topic)?;
        self.end(frame)
    }

    /// The first half of a message, which decides who gets it: those who have subscribed by now. It leaves with the rest.
    pub(super) fn begin(&self, topic: &[u8]) -> zmq::Result<()> {
        self.socket.send(topic, zmq::SNDMORE | zmq::DONTWAIT)
    }

    /// The second half.
    pub(super) fn end(&self, frame: &[u8]) -> zmq::Result<()> {
        self.socket.send(frame, zmq::DONTWAIT)
    }

    /// Who has come and gone: the first subscription to a prefix and the end of the last one. False when nothing was
    /// waiting.
    pub(super) fn receive(&self, message: &mut zmq::Message, into: &mut Vec<Inbound>) -> bool {
        if self.socket.recv(message, zmq::DONTWAIT).is_err() {
            return false;
        }
        match message.split_first() {
            Some((1, topic)) => into.push(Inbound::Subscribed {
                topic: topic.to_vec(),
            }),
            Some((0, topic)) => into.push(Inbound::Unsubscribed {
                topic: topic.to_vec(),
            }),
            _ => {}
        }
        true
    }
}
