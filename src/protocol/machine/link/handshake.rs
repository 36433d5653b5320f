//! The steps from sockets to an attached link.
//!
//! Invariant: a step is answered by its own correlation or it starts over; no state is left but by an answer, the
//! probe, a connection, a token, or the end of the step's time.

use std::time::Duration;

use super::{Answer, Attachment, Link, LinkConfig, Output, State};
use crate::limits::{HANDSHAKE_RETRY_MS, HANDSHAKE_STEP_MS};
use crate::protocol::Moment;
use crate::protocol::client::Refusal;
use crate::protocol::codec::encode;
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage, RejectReason, Role};
use crate::protocol::kind::Lane;
use crate::protocol::token::TokenClass;

impl<T> Link<T> {
    /// A token has come. One that was refused already is not shown again at once, or two programs that have nothing
    /// better would be busy with it for ever.
    pub(super) fn on_token(&mut self, now: Moment, token: String, out: &mut Vec<Output<T>>) {
        let was_refused = self.refused_token.as_ref() == Some(&token);
        self.token = Some(token);
        if self.state != State::Idle {
            return;
        }
        match was_refused {
            true => self.wait_in(now, State::Waiting),
            false => self.greet(now, out),
        }
    }

    /// Says hello as soon as there is a token to say it with and a connection to say it over.
    pub(super) fn greet(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        let Some(token) = self.token.clone() else {
            self.state = State::Idle;
            return out.push(Output::WantToken);
        };
        if !self.connected {
            return self.wait_in(now, State::Waiting);
        }
        self.probe = None;
        let LinkConfig {
            build,
            id,
            instance,
            world,
            ..
        } = &self.config;
        let hello = HostToDaemonMessage::Hello {
            versions: (VERSION_MIN, VERSION),
            build: build.clone(),
            role: Role::Host,
            id: *id,
            instance: *instance,
            token,
            world: world.clone(),
        };
        self.take_step(now, State::Greeting, &hello, out);
    }

    /// Sends a message of the handshake and waits for its answer.
    fn take_step(
        &mut self,
        now: Moment,
        state: State,
        message: &HostToDaemonMessage,
        out: &mut Vec<Output<T>>,
    ) {
        self.step = self.next_correlation();
        match encode(&self.envelope(self.step, self.config.id.0), message) {
            Ok(frame) => {
                self.wait_in(now, state);
                out.push(Output::Send {
                    lane: Lane::Interactive,
                    frame,
                });
            }
            Err(error) => self.give_up(RpcError::Fatal(error.to_string()), out),
        }
    }

    pub(super) fn wait_in(&mut self, now: Moment, state: State) {
        self.state = state;
        self.step_ends = now.plus(Duration::from_millis(HANDSHAKE_STEP_MS));
    }

    /// The time of a step, or of waiting, is over.
    pub(super) fn step_is_over(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        match self.state {
            // It may be connected without our having been told; a hello finds out.
            State::Waiting => {
                self.connected = true;
                self.greet(now, out);
            }
            // What was sent may be stuck in a socket that will never connect again.
            _ => {
                out.push(Output::Rebuild);
                self.connected = false;
                self.greet(now, out);
            }
        }
    }

    fn give_up(&mut self, error: RpcError, out: &mut Vec<Output<T>>) {
        self.state = State::Idle;
        out.push(Output::Fatal(error));
    }

    fn refuse_token(&mut self, out: &mut Vec<Output<T>>) {
        self.state = State::Idle;
        self.refused_token = self.token.take();
        out.push(Output::WantToken);
    }

    pub(super) fn step_answered(&mut self, now: Moment, answer: Answer, out: &mut Vec<Output<T>>) {
        match (self.state, answer) {
            (State::Greeting, Answer::Host(DaemonToHostReply::Welcome { daemon_epoch, .. }))
                if daemon_epoch < self.epoch =>
            {
                self.wait_in(now, State::Waiting);
            }
            (State::Greeting, Answer::Host(welcome @ DaemonToHostReply::Welcome { .. })) => {
                self.welcomed(now, welcome);
                self.prove(now, out);
            }
            (State::Registering, Answer::Host(DaemonToHostReply::Ack)) => self.registered(now, out),
            (
                _,
                Answer::Host(DaemonToHostReply::Reject {
                    reason,
                    retry_after_ms,
                }),
            ) => {
                self.rejected(now, reason, retry_after_ms, out);
            }
            (
                _,
                Answer::Refused(Refusal {
                    error: RpcMessageError::TokenExpired,
                    ..
                }),
            ) => {
                self.refuse_token(out);
            }
            // Anything else is no answer to this step: the handshake starts over after a while.
            _ => self.wait_in(now, State::Waiting),
        }
    }

    fn welcomed(&mut self, now: Moment, welcome: DaemonToHostReply) {
        let DaemonToHostReply::Welcome {
            daemon_epoch,
            world,
            now: wall,
            limits,
            keys,
            host_token,
            ..
        } = welcome
        else {
            return;
        };
        (self.epoch, self.keys) = (daemon_epoch, keys);
        if !host_token.is_empty() {
            self.token = Some(host_token);
        }
        (self.wall, self.wall_at) = (wall, now);
        self.welcome = Some(Attachment {
            epoch: daemon_epoch,
            world,
            limits,
        });
        self.wait_in(now, State::Probing);
    }

    /// The daemon knows this host.
    fn registered(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        let Some(attachment) = self.welcome.clone() else {
            return self.greet(now, out);
        };
        self.state = State::Attached;
        self.refused_token = None;
        self.up = true;
        self.pinged_at = now;
        self.renew_at = now.plus(TokenClass::Host.life() / 2);
        out.push(Output::Attached(attachment));
        self.requests.send_held(now, self.epoch, out);
    }

    fn rejected(&mut self, now: Moment, reason: RejectReason, retry_after_ms: u32, out: &mut Vec<Output<T>>) {
        match reason {
            RejectReason::HelloFirst | RejectReason::BadProbe => self.greet(now, out),
            RejectReason::BadVersion => {
                let words = "the daemon speaks another version of the protocol; install both from one build";
                self.give_up(RpcError::Fatal(words.into()), out);
            }
            RejectReason::Fenced => {
                self.give_up(
                    RpcError::Fatal("another process has taken this host's place".into()),
                    out,
                );
            }
            RejectReason::BadToken => self.refuse_token(out),
            RejectReason::Draining | RejectReason::Full => {
                self.state = State::Waiting;
                let wait = retry_after_ms.max(HANDSHAKE_RETRY_MS);
                self.step_ends = now.plus(Duration::from_millis(u64::from(wait)));
            }
        }
    }

    /// The probe may come before the welcome, which travels on another socket.
    pub(super) fn probed(&mut self, now: Moment, probe: [u8; 16], out: &mut Vec<Output<T>>) {
        self.probe = Some(probe);
        self.prove(now, out);
    }

    fn prove(&mut self, now: Moment, out: &mut Vec<Output<T>>) {
        let (State::Probing, Some(probe)) = (self.state, self.probe) else {
            return;
        };
        let register = HostToDaemonMessage::RegisterHost {
            timestamp: self.wall(now).0,
            host_type: self.config.host_type.clone(),
            listeners: self.listeners.clone(),
            probe,
            capacity: self.config.capacity,
            skills: self.config.skills.clone(),
        };
        self.take_step(now, State::Registering, &register, out);
    }
}
