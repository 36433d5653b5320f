//! What a link says to the daemon.
//!
//! Invariant: what waits for an answer is in `pending` under the correlation it was sent with, and nothing else is.

use super::{HostLink, Pending};
use crate::gateway::Lane;
use crate::hosts::router::{Missing, Request};
use crate::limits::{BODY_EVENT_MAX, LIST_ENTRIES_MAX};
use crate::protocol::codec::encode;
use crate::protocol::error::RpcMessageError;
use crate::protocol::header::FLAG_RESEND;
use crate::protocol::host::{HostLoad, HostToDaemonMessage};
use crate::protocol::{Envelope, FrameError};
use std::time::{SystemTime, UNIX_EPOCH};

impl HostLink {
    pub(super) fn send_frame(&self, lane: Lane, frame: Result<Vec<u8>, FrameError>) -> bool {
        let Some((_, sender)) = &self.io else { return false };
        match frame {
            Ok(frame) => sender.send(lane, frame).is_ok(),
            Err(error) => {
                tracing::error!(%error, "a message of ours is too large");
                false
            }
        }
    }

    pub(super) fn envelope(&mut self, principal: [u8; 16], pending: Option<Pending>) -> Envelope {
        self.correlation += 1;
        if let Some(pending) = pending {
            self.pending.insert(self.correlation, pending);
        }
        Envelope {
            flags: 0,
            correlation: self.correlation,
            deadline_ms: 0,
            epoch: self.handshake.epoch(),
            principal,
        }
    }

    pub(super) fn say(&mut self, lane: Lane, message: &HostToDaemonMessage, pending: Option<Pending>) {
        let envelope = self.envelope(self.endpoints.id.0, pending);
        if !self.send_frame(lane, encode(&envelope, message)) {
            self.pending.remove(&envelope.correlation);
        }
    }

    /// Sends requests of clients. What cannot be sent now is sent again when the daemon is back.
    pub(super) fn ask(&mut self, requests: Vec<Request>) {
        if !self.handshake.is_up() {
            return;
        }
        for Request { client, body, again } in requests {
            let cmd_seq = body.cmd_seq;
            let mut envelope = self.envelope(client.0, Some(Pending::Client { client, cmd_seq }));
            if again {
                envelope.flags |= FLAG_RESEND;
            }
            let frame = encode(&envelope, &body);
            if let Err(error) = &frame {
                // It would be too large the next time as well.
                self.pending.remove(&envelope.correlation);
                let refusal = RpcMessageError::InvalidRequest(error.to_string());
                self.router.refuse(client, cmd_seq, &refusal);
            } else if !self.send_frame(Lane::Interactive, frame) {
                self.pending.remove(&envelope.correlation);
                self.lose();
                return;
            }
        }
    }

    pub(super) fn ask_replay(&mut self, missing: Option<Missing>) {
        if let Some(missing) = missing {
            let message = HostToDaemonMessage::Replay {
                client: missing.client,
                from: missing.from,
                to: Some(missing.to),
                bytes_max: u32::try_from(BODY_EVENT_MAX).unwrap_or(u32::MAX),
            };
            self.say(Lane::Bulk, &message, Some(Pending::Replay(missing)));
        }
    }

    pub(super) fn pong(&mut self, ping: u64) {
        let clients = u32::try_from(self.router.len()).unwrap_or(u32::MAX);
        let message = HostToDaemonMessage::HostPong {
            ping,
            timestamp: wall_ms(),
            listeners: self.handshake.listeners().to_vec(),
            clients,
            digest: self.router.digest(),
            gone: std::mem::take(&mut self.gone),
            load: HostLoad {
                clients,
                ..HostLoad::default()
            },
        };
        self.say(Lane::Interactive, &message, None);
    }

    /// Tells the daemon which events have arrived.
    pub(super) fn acknowledge(&mut self) {
        if !self.handshake.is_up() || self.frame_acked == self.frame_heard {
            return;
        }
        self.frame_acked = self.frame_heard;
        let acks = self.router.acks();
        let mut parts = acks.chunks(LIST_ENTRIES_MAX);
        let mut part = parts.next().unwrap_or_default();
        loop {
            let message = HostToDaemonMessage::EventAck {
                frame: self.frame_acked,
                acks: part.to_vec(),
                paused: Vec::new(),
            };
            self.say(Lane::Interactive, &message, None);
            match parts.next() {
                Some(next) => part = next,
                None => return,
            }
        }
    }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
