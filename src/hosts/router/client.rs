//! One client of a host: its stream, its commands, and what proves who it is.
//!
//! Invariant: an event is delivered once and in its turn; a command keeps its number however often it is sent.

use super::{Ear, Request, ToClient};
use crate::limits::EVENTS_HELD_MAX;
use crate::protocol::client::{Attachment, Auth, ClientRequest, HostClientToDaemonMessage};
use crate::protocol::event::{ClientEvent, StreamPos};
use crate::protocol::host::Peer;
use crate::protocol::{ClientId, WireObj};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const SERVER_LOST_CONNECTION: &str =
    "*** The server has been restarted and does not know this connection any more; please log in again. ***";

#[derive(Debug)]
pub(super) struct Client<E> {
    pub(super) ear: E,
    pub(super) peer: Peer,
    pub(super) handler: WireObj,
    /// What the daemon gave this connection to prove itself; none until it knows the connection.
    pub(super) bound: Option<[u8; 16]>,
    pub(super) attach_epoch: u32,
    /// The last event that was delivered.
    pub(super) last: StreamPos,
    /// The last event that the daemon was told of.
    pub(super) acked: u64,
    /// Events that came before their turn, because one before them is missing.
    pub(super) early: BTreeMap<u64, Arc<ClientEvent>>,
    /// The daemon was asked for this connection anew, and knows nothing of what was sent before.
    pub(super) fresh: bool,
    pub(super) cmd_last: u64,
    /// Lines that were sent and not answered, with their numbers, rising.
    pub(super) unanswered: VecDeque<(u64, String)>,
}

impl<E: Ear> Client<E> {
    /// A client that the daemon does not know yet.
    pub(super) fn new(ear: E, peer: Peer, handler: WireObj) -> Client<E> {
        Client {
            ear,
            peer,
            handler,
            bound: None,
            attach_epoch: 0,
            last: StreamPos::default(),
            acked: 0,
            early: BTreeMap::new(),
            fresh: false,
            cmd_last: 0,
            unanswered: VecDeque::new(),
        }
    }

    pub(super) fn command(&self, client: ClientId, seq: u64, line: String, again: bool) -> Option<Request> {
        let message = HostClientToDaemonMessage::Command {
            handler: self.handler,
            command: line,
        };
        self.bound
            .map(|bound| bound_request(client, bound, message, seq, again))
    }

    pub(super) fn send_unanswered(&self, client: ClientId, again: bool, requests: &mut Vec<Request>) {
        for (seq, line) in &self.unanswered {
            requests.extend(self.command(client, *seq, line.clone(), again));
        }
    }

    /// Delivers the event if its turn has come, or keeps it until then; gives whether anything was delivered.
    pub(super) fn take(&mut self, seq: u64, event: &Arc<ClientEvent>) -> bool {
        if seq <= self.last.seq {
            return false;
        }
        if seq > self.last.seq + 1 {
            if self.early.len() < EVENTS_HELD_MAX {
                self.early.insert(seq, Arc::clone(event));
            }
            return false;
        }
        self.last.seq = seq;
        self.deliver(Arc::clone(event));
        self.deliver_early();
        true
    }

    /// New tokens are the host's own business; the rest is the client's.
    fn deliver(&mut self, event: Arc<ClientEvent>) {
        match &*event {
            ClientEvent::CredentialsUpdated { bound, .. } => self.bound = Some(*bound),
            _ => self.ear.tell(ToClient::Event(event)),
        }
    }

    /// Delivers the kept events whose turn has come.
    pub(super) fn deliver_early(&mut self) {
        while let Some(entry) = self.early.first_entry() {
            if *entry.key() > self.last.seq + 1 {
                break;
            }
            let (seq, event) = entry.remove_entry();
            if seq > self.last.seq {
                self.last.seq = seq;
                self.deliver(event);
            }
        }
    }

    pub(super) fn attach(&mut self, attachment: &Attachment) {
        self.bound = Some(attachment.bound);
        self.attach_epoch = attachment.attach_epoch;
    }

    /// Takes note that the command with this number was answered; gives whether it was waited for.
    pub(super) fn settle(&mut self, cmd_seq: u64) -> bool {
        let before = self.unanswered.len();
        // Answers come in order but for a few, so the place is near the front.
        if let Some(at) = self.unanswered.iter().position(|(seq, _)| *seq == cmd_seq) {
            self.unanswered.remove(at);
        }
        if self.unanswered.is_empty() {
            self.unanswered = VecDeque::new();
        }
        self.unanswered.len() < before
    }

    /// Starts the connection anew, for a daemon that does not know it.
    pub(super) fn forget(&mut self) {
        self.bound = None;
        self.attach_epoch = 0;
        self.last = StreamPos::default();
        self.acked = 0;
        self.early.clear();
        self.fresh = true;
        self.cmd_last = 0;
        self.unanswered.clear();
        self.ear.tell(ToClient::Notice(SERVER_LOST_CONNECTION.into()));
    }
}

pub(super) fn establish(client: ClientId, peer: &Peer, handler: WireObj) -> Request {
    let message = HostClientToDaemonMessage::ConnectionEstablish {
        peer: peer.clone(),
        handler,
    };
    Request {
        client,
        body: ClientRequest {
            message,
            auth: Auth::None,
            cmd_seq: 0,
        },
        again: false,
    }
}

pub(super) fn detach(client: ClientId, bound: [u8; 16]) -> Request {
    let message = HostClientToDaemonMessage::Detach { disconnected: true };
    bound_request(client, bound, message, 0, false)
}

fn bound_request(
    client: ClientId,
    bound: [u8; 16],
    message: HostClientToDaemonMessage,
    cmd_seq: u64,
    again: bool,
) -> Request {
    Request {
        client,
        body: ClientRequest {
            message,
            auth: Auth::Bound(bound),
            cmd_seq,
        },
        again,
    }
}
