//! The steps from sockets to an attached worker.
//!
//! Invariant: a step is answered by its own correlation or it starts over.

use super::{Output, State, Worker};
use crate::limits::{HANDSHAKE_RETRY_MS, HANDSHAKE_STEP_MS};
use crate::protocol::Moment;
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::Role;
use crate::protocol::token::TokenClass;
use crate::protocol::worker::{DaemonToWorkerReply, WorkerToDaemonMessage};
use std::time::Duration;

impl Worker {
    /// A token has come. One that was refused already is not shown again at once.
    pub(super) fn on_token(&mut self, now: Moment, token: String, out: &mut Vec<Output>) {
        let was_refused = self.refused_token.as_ref() == Some(&token);
        self.token = Some(token);
        if self.state != State::Idle {
            return;
        }
        match was_refused {
            true => self.wait(now, State::Waiting, HANDSHAKE_STEP_MS),
            false => self.greet(now, out),
        }
    }

    /// Says hello as soon as there is a token to say it with and a connection to say it over.
    pub(super) fn greet(&mut self, now: Moment, out: &mut Vec<Output>) {
        let Some(token) = self.token.clone() else {
            self.state = State::Idle;
            return out.push(Output::WantToken);
        };
        if !self.connected {
            return self.wait(now, State::Waiting, HANDSHAKE_STEP_MS);
        }
        let hello = WorkerToDaemonMessage::Hello {
            versions: (VERSION_MIN, VERSION),
            build: self.config.build.clone(),
            role: Role::Worker,
            id: self.config.id,
            instance: self.config.instance,
            token,
            world: String::new(),
        };
        self.take_step(now, State::Greeting, &hello, out);
    }

    fn attach(&mut self, now: Moment, out: &mut Vec<Output>) {
        let message = WorkerToDaemonMessage::AttachWorker {
            worker_type: self.config.kind.clone(),
            token: self.token.clone().unwrap_or_default(),
            concurrency: self.config.concurrency,
            known: self.jobs.iter().map(|(&id, job)| (id, job.attempt)).collect(),
        };
        self.take_step(now, State::Attaching, &message, out);
    }

    fn take_step(
        &mut self,
        now: Moment,
        state: State,
        message: &WorkerToDaemonMessage,
        out: &mut Vec<Output>,
    ) {
        let (correlation, frame) = self.frame(message);
        self.step = correlation;
        self.wait(now, state, HANDSHAKE_STEP_MS);
        out.push(frame.map_or_else(Output::Garbled, Output::Send));
    }

    fn wait(&mut self, now: Moment, state: State, millis: u64) {
        self.state = state;
        self.step_ends = now.plus(Duration::from_millis(millis));
    }

    /// The time of a step, or of waiting, is over.
    pub(super) fn step_is_over(&mut self, now: Moment, out: &mut Vec<Output>) {
        if self.state == State::Waiting {
            // It may be connected without our having been told; a hello finds out.
            self.connected = true;
        } else {
            // What was sent may be stuck in a socket that will never connect again.
            out.push(Output::Rebuild);
            self.connected = false;
        }
        self.greet(now, out);
    }

    pub(super) fn step_answered(&mut self, now: Moment, reply: DaemonToWorkerReply, out: &mut Vec<Output>) {
        match (self.state, reply) {
            (State::Greeting, DaemonToWorkerReply::Ack) => self.attach(now, out),
            (State::Attaching, DaemonToWorkerReply::Attached { token, .. }) => self.attached(now, token, out),
            (_, DaemonToWorkerReply::AuthFailed(_)) => {
                self.state = State::Idle;
                self.refused_token = self.token.take();
                out.push(Output::WantToken);
            }
            // Refused for now, or no answer to this step: the handshake starts over after a while.
            _ => self.wait(now, State::Waiting, u64::from(HANDSHAKE_RETRY_MS)),
        }
    }

    fn attached(&mut self, now: Moment, token: String, out: &mut Vec<Output>) {
        self.state = State::Attached;
        self.refused_token = None;
        self.pinged_at = now;
        self.renew_at = now.plus(TokenClass::Worker.life() / 2);
        if !token.is_empty() {
            self.token = Some(token);
        }
        out.push(Output::Up);
        let answered = self.jobs.iter().filter(|(_, job)| job.answer.is_some());
        let answered: Vec<_> = answered.map(|(&id, _)| id).collect();
        answered.into_iter().for_each(|id| self.send_result(now, id, out));
        let taken = u16::try_from(self.jobs.len()).unwrap_or(u16::MAX);
        let credits = self.config.concurrency.saturating_sub(taken);
        if credits > 0 && !self.is_draining {
            self.say(&WorkerToDaemonMessage::Ready { credits }, out);
        }
    }

    /// Asks for a fresh token well before this one expires, since the next hello will need it.
    pub(super) fn renew(&mut self, now: Moment, out: &mut Vec<Output>) {
        self.renew_at = now.plus(TokenClass::Worker.life() / 2);
        if let Some(token) = self.token.clone() {
            self.say(&WorkerToDaemonMessage::RenewToken { token }, out);
        }
    }
}
