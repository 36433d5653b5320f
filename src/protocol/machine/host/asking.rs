//! What clients' programs ask, and what the host's own program does.
//!
//! Invariant: every question ends in one answer; what only reads is asked again until there is one.

use super::client::Asker;
use super::hear::{is_over, reply, rest_after};
use super::{Host, Number, Output, Question, Ticket};
use crate::protocol::client::{ClientRequest, HostClientToDaemonMessage, Refusal};
use crate::protocol::error::RpcError;
use crate::protocol::machine::link::Answer;
use crate::protocol::{ClientId, Moment};
use std::time::Duration;

impl Host {
    /// A client's program asks something.
    pub(super) fn ask(
        &mut self,
        now: Moment,
        id: ClientId,
        name: u64,
        (message, number): (HostClientToDaemonMessage, Number),
    ) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let asker = Asker::Program(name);
        match number {
            Number::None => {
                client.ask(name, message);
                return self.send_asked(now, id);
            }
            Number::Next => client.push(message, asker),
            Number::Again(seq) => client.push_again(seq, message, asker),
        }
        self.send_commands(now, id);
    }

    pub(super) fn send_asked(&mut self, now: Moment, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id).filter(|_| self.link.is_attached()) else {
            return;
        };
        while let Some((name, request)) = client.next_asked() {
            let ticket = Ticket::Asked(id, name);
            self.link
                .ask_client(now, ticket, id, &request, false, &mut self.wire);
        }
    }

    /// The host's program asks something that is no client's business. It hears at once if the daemon is away.
    pub(super) fn question(&mut self, now: Moment, name: u64, question: Question, out: &mut Vec<Output>) {
        if !self.link.is_attached() {
            let answer = Box::new(Answer::Failed(RpcError::ConnectionLost));
            return out.push(Output::Answer { name, answer });
        }
        let ticket = Ticket::Question(name);
        match question {
            Question::Host(message) => self.say(now, ticket, &message),
            Question::Player(auth, message) => {
                let request = ClientRequest {
                    message,
                    auth,
                    cmd_seq: 0,
                    cmd_acked: 0,
                };
                self.link
                    .ask_client(now, ticket, ClientId::NONE, &request, false, &mut self.wire);
            }
        }
    }

    /// Something that has no number was answered.
    pub(super) fn asked_answered(
        &mut self,
        now: Moment,
        id: ClientId,
        name: u64,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let rest = rest_after(&answer);
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        match answer {
            Answer::Failed(RpcError::ConnectionLost) => {}
            _ if rest.is_some() => {
                client.ask_again(name);
                let until = now.plus(Duration::from_millis(rest.unwrap_or_default()));
                client.rest_until = client.rest_until.max(Some(until));
                self.watch_client(id);
            }
            Answer::Refused(Refusal { error, .. }) if is_over(&error) => self.end_for(id, &error, out),
            answer => {
                if client.settle_asked(name) {
                    let head = self.take_in(now, id, &answer, out);
                    self.tell_after(now, id, head, reply(name, 0, answer), out);
                }
            }
        }
    }
}
