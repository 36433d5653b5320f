//! The steps from sockets to an attached link.
//!
//! Invariant: a step is answered by its own correlation or it starts over; no state is left but by an answer, the
//! probe, the host's list of connections, or the end of the step's time.

use std::time::Duration;

use super::{Answer, Attachment, Link, LinkConfig, Output, State};
use crate::limits::{HANDSHAKE_RETRY_MS, HANDSHAKE_STEP_MS, REATTACH_BATCH_MAX};
use crate::protocol::Moment;
use crate::protocol::client::Refusal;
use crate::protocol::codec::encode;
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::{DaemonToHostReply, HeldConn, HostToDaemonMessage, RejectReason, Role};
use crate::protocol::kind::Lane;
use crate::protocol::token::TokenClass;

impl Link {
    pub(super) fn greet(&mut self, now: Moment, out: &mut Vec<Output>) {
        let LinkConfig {
            build,
            id,
            instance,
            token,
            world,
            ..
        } = &self.config;
        let hello = HostToDaemonMessage::Hello {
            versions: (VERSION_MIN, VERSION),
            build: build.clone(),
            role: Role::Host,
            id: *id,
            instance: *instance,
            token: token.clone(),
            world: world.clone(),
        };
        self.take_step(now, State::Greeting, &hello, out);
    }

    /// Sends a message of the handshake and waits for its answer.
    fn take_step(&mut self, now: Moment, state: State, message: &HostToDaemonMessage, out: &mut Vec<Output>) {
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

    fn wait_in(&mut self, now: Moment, state: State) {
        self.state = state;
        self.step_ends = now.plus(Duration::from_millis(HANDSHAKE_STEP_MS));
    }

    fn give_up(&mut self, error: RpcError, out: &mut Vec<Output>) {
        self.state = State::Idle;
        out.push(Output::Fatal(error));
    }

    pub(super) fn step_answered(&mut self, now: Moment, answer: Answer, out: &mut Vec<Output>) {
        match (std::mem::replace(&mut self.state, State::Waiting), answer) {
            (State::Greeting, Answer::Host(DaemonToHostReply::Welcome { daemon_epoch, .. }))
                if daemon_epoch < self.epoch =>
            {
                self.wait_in(now, State::Waiting);
            }
            (State::Greeting, Answer::Host(welcome @ DaemonToHostReply::Welcome { .. })) => {
                self.welcomed(now, welcome);
            }
            (State::Registering, Answer::Host(DaemonToHostReply::Ack)) => {
                self.wait_in(now, State::Collecting);
                out.push(Output::CollectHeld);
            }
            (State::Reattaching(left), Answer::Host(DaemonToHostReply::Reattached { results })) => {
                out.push(Output::Reattached(results));
                self.reattach_next(now, left, out);
            }
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
                self.give_up(
                    RpcError::AuthenticationError("the host token has expired".into()),
                    out,
                );
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
        self.epoch = daemon_epoch;
        self.config.token = host_token;
        (self.wall, self.wall_at) = (wall, now);
        self.welcome = Some(Attachment {
            epoch: daemon_epoch,
            world,
            limits,
            keys,
        });
        self.wait_in(now, State::Probing);
    }

    fn rejected(&mut self, now: Moment, reason: RejectReason, retry_after_ms: u32, out: &mut Vec<Output>) {
        match reason {
            RejectReason::HelloFirst => self.greet(now, out),
            RejectReason::BadVersion => {
                self.give_up(
                    RpcError::Fatal("the daemon speaks another version of the protocol".into()),
                    out,
                );
            }
            RejectReason::BadToken => {
                self.give_up(
                    RpcError::AuthenticationError("the host token does not hold".into()),
                    out,
                );
            }
            RejectReason::Fenced => {
                self.give_up(
                    RpcError::Fatal("another process has taken this host's place".into()),
                    out,
                );
            }
            RejectReason::BadProbe | RejectReason::Draining | RejectReason::Full => {
                self.state = State::Waiting;
                let wait = retry_after_ms.max(HANDSHAKE_RETRY_MS);
                self.step_ends = now.plus(Duration::from_millis(u64::from(wait)));
            }
        }
    }

    pub(super) fn reattach(&mut self, now: Moment, conns: Vec<HeldConn>, out: &mut Vec<Output>) {
        if self.state != State::Collecting {
            return;
        }
        let batches = conns
            .chunks(REATTACH_BATCH_MAX)
            .rev()
            .map(<[HeldConn]>::to_vec)
            .collect();
        self.reattach_next(now, batches, out);
    }

    fn reattach_next(&mut self, now: Moment, mut left: Vec<Vec<HeldConn>>, out: &mut Vec<Output>) {
        match (left.pop(), self.welcome.clone()) {
            (Some(conns), _) => {
                let batch = HostToDaemonMessage::ReattachBatch { conns };
                self.take_step(now, State::Reattaching(left), &batch, out);
            }
            (None, Some(attachment)) => {
                self.state = State::Attached;
                self.pinged_at = now;
                self.renew_at = now.plus(TokenClass::Host.life() / 2);
                out.push(Output::Attached(attachment));
                self.requests.send_held(now, self.epoch, out);
            }
            (None, None) => self.greet(now, out),
        }
    }

    pub(super) fn probed(&mut self, now: Moment, probe: [u8; 16], out: &mut Vec<Output>) {
        if self.state != State::Probing {
            return;
        }
        let register = HostToDaemonMessage::RegisterHost {
            timestamp: self.wall.plus(now.since(self.wall_at)).0,
            host_type: self.config.host_type.clone(),
            listeners: self.listeners.clone(),
            probe,
            capacity: self.config.capacity,
            skills: self.config.skills.clone(),
        };
        self.take_step(now, State::Registering, &register, out);
    }
}
