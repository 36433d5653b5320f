//! What a host hears from the daemon.
//!
//! Invariant: every answer ends what was asked or leads to its being asked again; words of the daemon about one client
//! touch no other.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Asker, Life};
use super::streams::nth_part;
use super::{ELSEWHERE, Ending, Host, NoAnswer, Order, Origin, Output, Ticket, ToClient};
use crate::limits::{LIST_ENTRIES_MAX, REQUEST_DEADLINE_S, REST_DEFAULT_MS, REST_MS_MAX};
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent, REVOKED_WORDS, Subject};
use crate::protocol::client::{Attachment, ClientReply, DaemonToClientReply, Refusal};
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::event::StreamPos;
use crate::protocol::host::{
    DaemonDirect, DaemonToHostReply, HostToDaemonMessage, HostType, ReattachOutcome,
};
use crate::protocol::machine::link::{self, Answer};
use crate::protocol::machine::stream;
use crate::protocol::surface::Surfaced;
use crate::protocol::{ClientId, Moment};

pub(super) const GONE: &str = "*** The server has closed this connection. ***";
const SERVER_LOST_CONNECTION: &str =
    "*** The server has been restarted and does not know this connection any more; please log in again. ***";
const UNREADABLE: &str =
    "The server's answer could not be read; your line may or may not have been carried out.";

impl Host {
    /// Does what the link wants, until it wants nothing more.
    pub(super) fn carry_out(&mut self, now: Moment, out: &mut Vec<Output>) {
        while !self.wire.is_empty() {
            let spare = std::mem::take(&mut self.spare);
            let mut batch = std::mem::replace(&mut self.wire, spare);
            batch
                .drain(..)
                .for_each(|output| self.carry_out_one(now, output, out));
            self.spare = batch;
        }
    }

    fn carry_out_one(&mut self, now: Moment, output: link::Output<Ticket>, out: &mut Vec<Output>) {
        match output {
            link::Output::Send { lane, frame } => out.push(Output::Send { lane, frame }),
            link::Output::Event { event, route } => self.event(now, &event, &route, out),
            link::Output::Answer { ticket, answer } => self.answer(now, ticket, *answer, out),
            link::Output::Heads(frame, heads) => {
                // Frames come in order, so those up to this one are here or will never be.
                self.frame_heard = self.frame_heard.max(frame);
                for (client, head) in heads {
                    self.stream(now, client, stream::Input::Head(head), out);
                }
            }
            link::Output::Rebuild => out.push(Output::Rebuild),
            link::Output::WantToken => out.push(Output::Order(Order::WantToken)),
            link::Output::Attached(_) => self.come_back(now, out),
            link::Output::Lost(_) => self.go_away(now, out),
            link::Output::Fatal(error) => out.push(Output::Order(Order::GiveUp(error.to_string()))),
            link::Output::Broadcast(event) => self.broadcast(now, event, out),
            link::Output::ClientsBroadcast(ClientsBroadcastEvent::PingPong { .. }) => self.pong(now),
            link::Output::ClientsBroadcast(ClientsBroadcastEvent::System { message }) => {
                out.push(Output::ToAll(ToClient::Notice(message.into())));
            }
            link::Output::Direct(direct) => self.direct(now, *direct, out),
            link::Output::Garbled(error) => out.push(Output::Garbled(error)),
        }
    }

    fn answer(&mut self, now: Moment, ticket: Ticket, answer: Answer, out: &mut Vec<Output>) {
        match ticket {
            Ticket::Quiet => {}
            // It is said again to the next daemon.
            Ticket::Job(_) if matches!(answer, Answer::Failed(_)) => {}
            Ticket::Job(job) => self.agent.answered(job),
            Ticket::Command(id, seq) => self.command_answered(now, id, seq, answer, out),
            Ticket::Asked(id, name) => self.asked_answered(now, id, name, answer, out),
            Ticket::Question(name) => out.push(Output::Answer {
                name,
                answer: Box::new(answer),
            }),
            Ticket::Establish(id) => self.establish_answered(now, id, answer, out),
            Ticket::Detach(id) => {
                // One that was not heard is said again to the next daemon.
                if rest_after(&answer).is_none() {
                    self.farewells.remove(&id);
                }
            }
            Ticket::Replay(id, from) => self.replay_answered(now, id, from, answer, out),
            Ticket::Reattach(ids) => match answer {
                Answer::Host(DaemonToHostReply::Reattached { results }) => {
                    for (id, outcome) in results {
                        self.reattached(now, id, outcome, out);
                    }
                    self.reattach_later(now, ids, REST_DEFAULT_MS);
                }
                Answer::Failed(RpcError::ConnectionLost) => {}
                answer => {
                    let wait = rest_after(&answer).unwrap_or(REST_DEFAULT_MS);
                    self.reattach_later(now, ids, wait);
                }
            },
        }
    }

    /// Asks again about those of a batch of which nothing was said.
    fn reattach_later(&mut self, now: Moment, mut ids: Vec<ClientId>, wait_ms: u64) {
        let is_held = |id: &ClientId| self.clients.get(id).is_some_and(|c| c.life == Life::Held);
        ids.retain(is_held);
        if !ids.is_empty() {
            self.returning.waiting.extend(ids);
            self.returning.at = now.plus(Duration::from_millis(wait_ms));
        }
    }

    fn command_answered(
        &mut self,
        now: Moment,
        id: ClientId,
        seq: u64,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let rest = rest_after(&answer);
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let asker = client.asker(seq);
        match answer {
            // It waits for the next daemon.
            Answer::Failed(RpcError::ConnectionLost) => {}
            _ if rest.is_some() => {
                let wait = Duration::from_millis(rest.unwrap_or_default());
                client.go_back_to(seq, now.plus(wait));
                self.watch_client(id);
            }
            Answer::Refused(Refusal { error, .. }) if is_over(&error) => self.end_for(id, &error, out),
            answer => {
                let head = self.take_in(now, id, &answer, out);
                let told = match asker {
                    Some(Asker::Program(name)) => reply(name, seq, answer),
                    _ => line_answered(answer),
                };
                self.settled(now, id, seq, head, told, out);
            }
        }
        self.send_commands(now, id);
    }

    /// Takes note of what an answer says of the client that asked. Gives the event after which it is to be told.
    pub(super) fn take_in(
        &mut self,
        now: Moment,
        id: ClientId,
        answer: &Answer,
        out: &mut Vec<Output>,
    ) -> Option<StreamPos> {
        match answer {
            Answer::Client(ClientReply { reply, head }) => {
                if let DaemonToClientReply::LoginResult(Some(login)) = reply
                    && let Some(attachment) = &login.attach
                {
                    self.attached(now, id, attachment, out);
                }
                *head
            }
            Answer::Refused(refusal) => refusal.head,
            Answer::Host(_) | Answer::Failed(_) => None,
        }
    }

    /// A command was answered: the client hears so after what it was told before, up to `head`.
    fn settled(
        &mut self,
        now: Moment,
        id: ClientId,
        seq: u64,
        head: Option<StreamPos>,
        answer: ToClient,
        out: &mut Vec<Output>,
    ) {
        let client = self.clients.get_mut(&id);
        if client.is_some_and(|client| client.settle(seq).is_some()) {
            self.tell_after(now, id, head, answer, out);
        }
    }

    /// Tells a client something once it was told all events up to `head`.
    pub(super) fn tell_after(
        &mut self,
        now: Moment,
        id: ClientId,
        head: Option<StreamPos>,
        answer: ToClient,
        out: &mut Vec<Output>,
    ) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        match head.filter(|head| !client.stream.is_past(*head)) {
            None => out.push(Output::ToClient(id, answer)),
            Some(head) => {
                let until = now.plus(Duration::from_secs(REQUEST_DEADLINE_S));
                client.park(head, until, answer);
                self.watch_client(id);
                self.stream(now, id, stream::Input::Head(head.seq), out);
            }
        }
    }

    fn replay_answered(
        &mut self,
        now: Moment,
        id: ClientId,
        from: u64,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let input = match answer {
            Answer::Host(DaemonToHostReply::ReplayChunk {
                events, done, lost, ..
            }) => stream::Input::Chunk {
                from,
                events: events
                    .into_iter()
                    .map(|(seq, cause, event)| (seq, (Arc::new(event), Origin { cause, at: None })))
                    .collect(),
                done,
                lost: lost.unwrap_or_default(),
            },
            Answer::Refused(Refusal { error, .. }) if is_over(&error) => {
                return self.end_for(id, &error, out);
            }
            answer if rest_after(&answer).is_some() => stream::Input::Unanswered,
            _ => stream::Input::Refused,
        };
        self.stream(now, id, input, out);
    }

    /// What became of a connection over the daemon's absence.
    fn reattached(&mut self, now: Moment, id: ClientId, outcome: ReattachOutcome, out: &mut Vec<Output>) {
        let Some(client) = self.clients.get_mut(&id).filter(|c| c.life == Life::Held) else {
            return;
        };
        match outcome {
            ReattachOutcome::Ok { attach_epoch, head } => {
                client.life = Life::There;
                let before = client.stream.last();
                let attached = stream::Input::Attached { attach_epoch, head };
                self.stream(now, id, attached, out);
                if let Some(client) = self.clients.get_mut(&id)
                    && let after = client.stream.last()
                    && (after.era != before.era || after.seq < before.seq)
                {
                    client.begin_at(after.seq);
                }
                self.send_commands(now, id);
                self.send_asked(now, id);
                out.push(Output::ToClient(id, ToClient::Ready { fresh: false }));
            }
            ReattachOutcome::Fenced { .. } => self.end(id, Ending::Elsewhere, ELSEWHERE, out),
            ReattachOutcome::Denied => self.end(id, Ending::Revoked, GONE, out),
            // The player starts anew on the same socket: that is better than to be cut off.
            ReattachOutcome::Expired | ReattachOutcome::Unknown => {
                client.forget();
                let words = ToClient::Notice(SERVER_LOST_CONNECTION.into());
                out.push(Output::ToClient(id, words));
                self.establish(now, id);
            }
        }
    }

    /// The connection belongs to a player, under a new proof and a new epoch.
    fn attached(&mut self, now: Moment, id: ClientId, attachment: &Attachment, out: &mut Vec<Output>) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.bound = Some(attachment.bound);
        client.bound_since = attachment.head.seq;
        client.player = attachment.player;
        let &Attachment {
            attach_epoch, head, ..
        } = attachment;
        self.stream(now, id, stream::Input::Attached { attach_epoch, head }, out);
    }

    /// The daemon has no more to do with a client: its socket is closed, and the daemon is not told of it.
    pub(super) fn end(&mut self, id: ClientId, why: Ending, words: &str, out: &mut Vec<Output>) {
        if let Some(client) = self.clients.get_mut(&id) {
            (client.life, client.bound) = (Life::Over, None);
            out.push(Output::ToClient(id, close(why, words.into())));
        }
    }

    /// The same, for what the daemon said.
    pub(super) fn end_for(&mut self, id: ClientId, error: &RpcMessageError, out: &mut Vec<Output>) {
        let why = match error {
            RpcMessageError::Fenced { .. } => Ending::Elsewhere,
            _ => Ending::Over,
        };
        self.end(id, why, error.surface().telnet, out);
    }

    fn broadcast(&mut self, now: Moment, event: HostBroadcastEvent, out: &mut Vec<Output>) {
        match event {
            HostBroadcastEvent::PingPong { ping, .. } => {
                self.last_ping = ping;
                self.pong(now);
            }
            HostBroadcastEvent::Listen {
                handler,
                host_type: HostType::Tcp,
                port,
                options,
            } => out.push(Output::Order(Order::Listen {
                handler,
                port,
                options,
            })),
            HostBroadcastEvent::Unlisten {
                host_type: HostType::Tcp,
                port,
            } => out.push(Output::Order(Order::Unlisten { port })),
            HostBroadcastEvent::Revoked { subject, .. } => self.revoked(now, subject, out),
            // Ports of other kinds are other hosts' business; keys and the daemon's going are the link's.
            HostBroadcastEvent::Listen { .. }
            | HostBroadcastEvent::Unlisten { .. }
            | HostBroadcastEvent::Keys { .. }
            | HostBroadcastEvent::Draining { .. } => {}
        }
    }

    /// Tokens have died: their clients are closed at once. The daemon is told when their sockets are gone.
    fn revoked(&mut self, now: Moment, subject: Subject, out: &mut Vec<Output>) {
        let close = |id| Output::ToClient(id, close(Ending::Revoked, REVOKED_WORDS.into()));
        match subject {
            Subject::Client(id) => out.extend(self.clients.contains_key(&id).then(|| close(id))),
            Subject::Player(player) => {
                let theirs = self.clients.iter().filter(|(_, client)| client.player == player);
                out.extend(theirs.map(|(&id, _)| close(id)));
            }
            Subject::Host(host) if host == self.id => self.link.token_revoked(now, &mut self.wire),
            Subject::Host(_) | Subject::Worker(_) | Subject::Token(_) => {}
        }
    }

    fn direct(&mut self, now: Moment, direct: DaemonDirect, out: &mut Vec<Output>) {
        match direct {
            DaemonDirect::CloseClient { client, reason } => {
                out.push(Output::ToClient(client, close(Ending::Over, reason.into())));
            }
            DaemonDirect::Fence {
                client: id,
                attach_epoch,
            } => {
                // One that has come back to us since is not meant.
                if let Some(client) = self.clients.get(&id)
                    && client.stream.attach_epoch() < attach_epoch
                {
                    self.end(id, Ending::Elsewhere, ELSEWHERE, out);
                }
            }
            DaemonDirect::ListClients => self.list_clients(now),
            DaemonDirect::Drain { deadline_ms, why } => {
                self.is_drained = true;
                let within = Duration::from_millis(u64::from(deadline_ms));
                out.push(Output::Order(Order::Drain { within, why }));
            }
            DaemonDirect::JobAssign {
                job,
                lease,
                queue,
                spec,
                ..
            } => {
                let outcome = self.agent.work(job, lease, &queue, &spec);
                self.say_of_job(now, &outcome);
                self.offer_for_jobs(now);
            }
            // Nothing was asked for that leads to these.
            DaemonDirect::WorkerRequest { .. } | DaemonDirect::CancelRequest { .. } => {}
        }
    }

    fn list_clients(&mut self, now: Moment) {
        let clients = self.clients.iter();
        let clients: Vec<(ClientId, u32)> = clients
            .map(|(&id, client)| (id, client.stream.attach_epoch()))
            .collect();
        let parts = clients.len().div_ceil(LIST_ENTRIES_MAX).max(1);
        for part in 0..parts {
            let message = HostToDaemonMessage::ClientList {
                clients: nth_part(&clients, part).to_vec(),
                done: part + 1 == parts,
            };
            self.say(now, Ticket::Quiet, &message);
        }
    }
}

fn close(why: Ending, words: Arc<str>) -> ToClient {
    ToClient::Close { why, words }
}

pub(super) fn unexpected() -> RpcError {
    RpcError::UnexpectedReply("it is for another kind of message".into())
}

/// What a program hears of an answer.
pub(super) fn reply(name: u64, number: u64, answer: Answer) -> ToClient {
    let answer = match answer {
        Answer::Client(ClientReply { reply, .. }) => Ok(reply),
        Answer::Refused(refusal) => Err(NoAnswer::Refused(refusal.error)),
        Answer::Failed(error) => Err(NoAnswer::Failed(error)),
        Answer::Host(_) => Err(NoAnswer::Failed(unexpected())),
    };
    ToClient::Reply {
        name,
        number,
        answer: Box::new(answer),
    }
}

/// What somebody who types lines reads of an answer to one.
fn line_answered(answer: Answer) -> ToClient {
    let text = match &answer {
        Answer::Refused(refusal) => refusal.error.surface().telnet,
        Answer::Failed(RpcError::CouldNotDecode(_)) => UNREADABLE,
        Answer::Failed(error) => error.surface().telnet,
        Answer::Client(_) | Answer::Host(_) => "",
    };
    match text.is_empty() {
        true => ToClient::Answered,
        false => ToClient::Refused(text.into()),
    }
}

/// Whether a refusal means that the connection is not ours any more, or is not at all.
pub(super) fn is_over(error: &RpcMessageError) -> bool {
    matches!(
        error,
        RpcMessageError::NoConnection | RpcMessageError::Fenced { .. }
    )
}

/// How many milliseconds to wait before the same is asked again; none if that would change nothing.
pub(super) fn rest_after(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Refused(Refusal { error, .. }) => match error {
            RpcMessageError::Busy { retry_after_ms } => {
                Some(u64::from(*retry_after_ms).clamp(1, REST_MS_MAX))
            }
            RpcMessageError::Draining => Some(REST_DEFAULT_MS),
            _ => None,
        },
        Answer::Failed(RpcError::Recoverable(_) | RpcError::Timeout | RpcError::ConnectionLost) => {
            Some(REST_DEFAULT_MS)
        }
        Answer::Host(DaemonToHostReply::Reject { retry_after_ms, .. }) => {
            Some(u64::from(*retry_after_ms).clamp(REST_DEFAULT_MS, REST_MS_MAX))
        }
        Answer::Host(_) | Answer::Client(_) | Answer::Failed(_) => None,
    }
}
