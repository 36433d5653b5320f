//! The clients of a host: where each one's actor is, how far its stream has come, and which of its lines the daemon
//! has not answered.
//!
//! It is pure: what is to be sent to the daemon is returned, what a client is to hear goes to its [`Ear`]. Invariants:
//! a client hears the events of its stream in their order, each once; its commands are numbered from 1 without a hole
//! and sent in that order; nothing is sent for a client that the daemon does not know yet. All the memory of a client
//! goes with it.

mod client;

use crate::protocol::client::{ClientRequest, DaemonToClientReply};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{ClientEvent, Recipient, StreamPos};
use crate::protocol::host::{HeldConn, Peer, ReattachOutcome};
use crate::protocol::surface::Surfaced;
use crate::protocol::{ClientId, WireObj};
use client::{Client, detach, establish};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a client's actor hears.
#[derive(Clone, Debug, actix::Message)]
#[rtype(result = "()")]
pub enum ToClient {
    /// The next event of its stream.
    Event(Arc<ClientEvent>),
    /// One of its lines was taken.
    Answered,
    /// One of its lines was refused; the text says why.
    Refused(Arc<str>),
    /// The daemon knows this connection: lines may go.
    Ready {
        /// It does not know what was sent before: no more answers to that will come.
        fresh: bool,
    },
    /// The daemon is away: lines are kept.
    Away,
    /// Something the host itself has to say.
    Notice(Arc<str>),
    /// The connection ends with these words.
    Close(Arc<str>),
}

/// Where a client's actor is reached.
pub trait Ear {
    /// Tells the actor; one that has ended hears nothing.
    fn tell(&self, message: ToClient);
}

impl Ear for actix::Recipient<ToClient> {
    fn tell(&self, message: ToClient) {
        #[expect(
            clippy::disallowed_methods,
            reason = "events are bounded by the host's credit, answers by the client's window, the rest is one at a time"
        )]
        self.do_send(message);
    }
}

/// A request to be sent to the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// On whose behalf.
    pub client: ClientId,
    /// What is asked.
    pub body: ClientRequest,
    /// It was sent before, and its answer did not come.
    pub again: bool,
}

/// The past events that are missing from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose stream.
    pub client: ClientId,
    /// The first event that is missing.
    pub from: StreamPos,
    /// The last one.
    pub to: u64,
}

/// All clients of a host.
#[derive(Debug)]
pub struct Router<E> {
    clients: HashMap<ClientId, Client<E>>,
    /// Clients that went before the daemon had answered that it knows them: told to it once it does.
    leaving: HashSet<ClientId>,
    /// Clients with events that the daemon does not know to be delivered.
    to_ack: Vec<ClientId>,
    digest: u64,
}

const GONE: &str = "*** The server has closed this connection. ***";

impl<E: Ear> Default for Router<E> {
    fn default() -> Self {
        Router {
            clients: HashMap::new(),
            leaving: HashSet::new(),
            to_ack: Vec::new(),
            digest: 0,
        }
    }
}

impl<E: Ear> Router<E> {
    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// The exclusive-or of the first eight bytes of all clients' ids.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// All clients with their attach epochs.
    pub fn epochs(&self) -> impl Iterator<Item = (ClientId, u32)> {
        self.clients
            .iter()
            .map(|(&client, state)| (client, state.attach_epoch))
    }

    /// A client has come. Gives what the daemon is to be asked, once it is there.
    pub fn open(&mut self, client: ClientId, peer: Peer, handler: WireObj, ear: E) -> Request {
        let request = establish(client, &peer, handler);
        let state = Client::new(ear, peer, handler);
        if self.clients.insert(client, state).is_none() {
            self.digest ^= first_half(client);
        }
        request
    }

    /// A client has typed lines. The telnet host's one rule: every line is a `Command`, and the daemon, which alone
    /// knows whether a player is logged in at that moment, decides what it means.
    pub fn lines(&mut self, client: ClientId, lines: Vec<String>, requests: &mut Vec<Request>) {
        let Some(state) = self.clients.get_mut(&client) else {
            return;
        };
        for line in lines {
            state.cmd_last += 1;
            requests.extend(state.command(client, state.cmd_last, line.clone(), false));
            state.unanswered.push_back((state.cmd_last, line));
        }
    }

    /// A client's socket is gone. Gives what the daemon is to be told, if it knows the client.
    pub fn close(&mut self, client: ClientId) -> Option<Request> {
        let state = self.clients.remove(&client)?;
        self.digest ^= first_half(client);
        if state.bound.is_none() {
            self.leaving.insert(client);
        }
        state.bound.map(|bound| detach(client, bound))
    }

    /// An event for one client. Gives what is missing before it, if anything, and was not missing already.
    pub fn event(&mut self, to: &Recipient, event: &Arc<ClientEvent>) -> Option<Missing> {
        let state = self.clients.get_mut(&to.client)?;
        if to.attach_epoch < state.attach_epoch {
            return None;
        }
        let was_complete = state.early.is_empty();
        let delivered = state.take(to.seq, event);
        let missing = (!delivered && was_complete && !state.early.is_empty()).then(|| Missing {
            client: to.client,
            from: StreamPos {
                seq: state.last.seq + 1,
                ..state.last
            },
            to: to.seq - 1,
        });
        if delivered {
            self.note_delivered(to.client);
        }
        missing
    }

    /// Events that were missing; `lost` of them are gone for good, and the stream goes on after them.
    pub fn replay(&mut self, client: ClientId, events: Vec<(u64, ClientEvent)>, lost: Option<u64>) {
        let Some(state) = self.clients.get_mut(&client) else {
            return;
        };
        if let Some(lost) = lost.filter(|&lost| lost > 0) {
            state
                .ear
                .tell(ToClient::Event(Arc::new(ClientEvent::Gap { lost })));
            let first = events
                .first()
                .map(|(seq, _)| *seq)
                .or(state.early.keys().next().copied());
            state.last.seq = first.map_or(state.last.seq + lost, |first| first.saturating_sub(1));
        }
        for (seq, event) in events {
            state.take(seq, &Arc::new(event));
        }
        state.deliver_early();
        self.note_delivered(client);
    }

    /// The daemon's head of a stream; gives what is missing at its end.
    pub fn head(&self, client: ClientId, head: u64) -> Option<Missing> {
        let state = self.clients.get(&client)?;
        let missing = state.bound.is_some() && state.early.is_empty() && head > state.last.seq;
        let from = StreamPos {
            seq: state.last.seq + 1,
            ..state.last
        };
        missing.then_some(Missing {
            client,
            from,
            to: head,
        })
    }

    /// How far each stream has come since this was last asked.
    pub fn acks(&mut self) -> Vec<(ClientId, u64)> {
        let clients = std::mem::take(&mut self.to_ack);
        let mut acks = Vec::with_capacity(clients.len());
        for client in clients {
            if let Some(state) = self.clients.get_mut(&client)
                && state.acked != state.last.seq
            {
                state.acked = state.last.seq;
                acks.push((client, state.acked));
            }
        }
        acks
    }

    /// An answer to a request of a client; `cmd_seq` is the request's, 0 if it had none.
    pub fn answer(
        &mut self,
        client: ClientId,
        cmd_seq: u64,
        reply: DaemonToClientReply,
        requests: &mut Vec<Request>,
    ) {
        let Some(state) = self.clients.get_mut(&client) else {
            if let DaemonToClientReply::NewConnection { bound, .. } = reply
                && self.leaving.remove(&client)
            {
                requests.push(detach(client, bound));
            }
            return;
        };
        match reply {
            DaemonToClientReply::NewConnection { bound, pos, .. } if state.bound.is_none() => {
                // Events travel on another socket and may have come before this answer.
                if state.last.seq == 0 {
                    state.last = pos;
                    state.deliver_early();
                }
                state.bound = Some(bound);
                state.ear.tell(ToClient::Ready {
                    fresh: std::mem::take(&mut state.fresh),
                });
                state.send_unanswered(client, false, requests);
            }
            DaemonToClientReply::LoginResult(Some(login)) => {
                if let Some(attachment) = &login.attach {
                    state.attach(attachment);
                }
            }
            DaemonToClientReply::AttachResult(attachment) => state.attach(&attachment),
            _ => {}
        }
        if state.settle(cmd_seq) {
            state.ear.tell(ToClient::Answered);
        }
    }

    /// A request of a client was refused.
    pub fn refuse(&mut self, client: ClientId, cmd_seq: u64, error: &RpcMessageError) {
        let Some(state) = self.clients.get_mut(&client) else {
            self.leaving.remove(&client);
            return;
        };
        // A daemon that is going down leaves the line to the next one, to which it is sent again.
        if *error == RpcMessageError::Draining && cmd_seq != 0 {
            return;
        }
        let (was_command, text) = (state.settle(cmd_seq), error.surface().telnet);
        let is_over = matches!(
            error,
            RpcMessageError::NoConnection | RpcMessageError::Fenced { .. }
        );
        if state.bound.is_none() || is_over {
            state.bound = None;
            state.ear.tell(ToClient::Close(text.into()));
        } else if was_command {
            state.ear.tell(match text {
                "" => ToClient::Answered,
                text => ToClient::Refused(text.into()),
            });
        }
    }

    /// Says something to all clients.
    pub fn tell_all(&self, message: &ToClient) {
        for state in self.clients.values() {
            state.ear.tell(message.clone());
        }
    }

    /// Says something to one client.
    pub fn tell(&self, client: ClientId, message: ToClient) {
        if let Some(state) = self.clients.get(&client) {
            state.ear.tell(message);
        }
    }

    /// The daemon is away: what it was told last may never have been heard.
    pub fn go_away(&mut self) {
        // These were never brought to life there, and the next daemon never hears of them.
        self.leaving.clear();
        self.tell_all(&ToClient::Away);
    }

    /// The daemon is back. Gives the connections that it knew, to be asked about, and asks for the others anew.
    pub fn come_back(&mut self, requests: &mut Vec<Request>) -> Vec<HeldConn> {
        self.leaving.clear();
        let mut held = Vec::new();
        for (&client, state) in &self.clients {
            match state.bound {
                Some(bound) => held.push(HeldConn {
                    client,
                    bound,
                    attach_epoch: state.attach_epoch,
                    last: state.last,
                    cmd_acked: state
                        .unanswered
                        .front()
                        .map_or(state.cmd_last, |(seq, _)| seq - 1),
                    listener: state.handler,
                    peer: state.peer.clone(),
                }),
                None => requests.push(establish(client, &state.peer, state.handler)),
            }
        }
        held
    }

    /// What became of a connection over the daemon's restart. Gives the events that were missed.
    pub fn reattached(
        &mut self,
        client: ClientId,
        outcome: ReattachOutcome,
        requests: &mut Vec<Request>,
    ) -> Option<Missing> {
        let state = self.clients.get_mut(&client)?;
        match outcome {
            ReattachOutcome::Ok { attach_epoch, head } => {
                state.attach_epoch = attach_epoch;
                if head.era != state.last.era {
                    state.last = head;
                    state.early.clear();
                }
                state.send_unanswered(client, true, requests);
                state.ear.tell(ToClient::Ready { fresh: false });
                self.head(client, head.seq)
            }
            ReattachOutcome::Fenced { .. } | ReattachOutcome::Denied => {
                state.ear.tell(ToClient::Close(GONE.into()));
                None
            }
            // The player starts anew on the same socket: that is better than to be cut off.
            ReattachOutcome::Expired | ReattachOutcome::Unknown => {
                state.forget();
                requests.push(establish(client, &state.peer, state.handler));
                None
            }
        }
    }

    fn note_delivered(&mut self, client: ClientId) {
        if let Some(state) = self.clients.get(&client)
            && state.acked != state.last.seq
            && self.to_ack.last() != Some(&client)
        {
            self.to_ack.push(client);
        }
    }
}

fn first_half(client: ClientId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = client.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
