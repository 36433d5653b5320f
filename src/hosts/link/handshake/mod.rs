//! How a host comes to terms with a daemon, and notices that it has lost it.
//!
//! Pure: the clock is an argument, what to do comes back as [`Step`]s. Invariants: no client is spoken for before the
//! daemon has confirmed, with bytes that came over the events socket, that events arrive; a daemon older than one
//! already known is never listened to; every silence ends in another try.

use crate::limits::{DAEMON_SILENCE_MAX, HELLO_RETRY};
use crate::protocol::HostId;
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage, HostType, Listener, RejectReason, Role};
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this.
    Say(HostToDaemonMessage),
    /// Open all sockets anew.
    Rebuild,
    /// The token does not hold: get another.
    WantToken,
    /// The daemon knows this host: bring the connections.
    Up,
    /// The daemon is gone, or about to go.
    Down,
    /// It will never work, for this reason.
    GiveUp(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is nothing to say hello with yet.
    NoToken,
    /// Hello was said; again at this time.
    Greeting {
        again_at: Duration,
    },
    /// Welcome came; the probe is awaited until this time.
    Proving {
        until: Duration,
    },
    /// `RegisterHost` was sent; its answer is awaited until this time.
    Registering {
        until: Duration,
    },
    Up,
}

/// One host's side of the handshake.
#[derive(Debug)]
pub struct Handshake {
    id: HostId,
    instance: u64,
    capacity: u32,
    token: String,
    phase: Phase,
    /// The highest epoch of a daemon that was heard of.
    epoch: u32,
    /// The last probe that was published, in case it comes before Welcome.
    probe: Option<[u8; 16]>,
    listeners: Vec<Listener>,
    last_ping: Duration,
}

impl Handshake {
    /// A host that has said nothing yet.
    pub fn new(id: HostId, instance: u64, capacity: u32) -> Handshake {
        Handshake {
            id,
            instance,
            capacity,
            token: String::new(),
            phase: Phase::NoToken,
            epoch: 0,
            probe: None,
            listeners: Vec::new(),
            last_ping: Duration::ZERO,
        }
    }

    /// Whether clients may be spoken for.
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// The epoch that goes into every header.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Where this host accepts clients.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where this host accepts clients from now on.
    pub fn set_listeners(&mut self, listeners: Vec<Listener>) {
        self.listeners = listeners;
    }

    /// A token has come.
    pub fn on_token(&mut self, now: Duration, token: String, steps: &mut Vec<Step>) {
        self.token = token;
        if self.phase != Phase::Up {
            self.greet(now, steps);
        }
    }

    /// The epoch in the header of a frame; gives whether the frame may be listened to.
    pub fn on_epoch(&mut self, now: Duration, epoch: u32, steps: &mut Vec<Step>) -> bool {
        if epoch > self.epoch {
            let known_another = self.epoch != 0;
            self.epoch = epoch;
            if known_another && matches!(self.phase, Phase::Up | Phase::Registering { .. }) {
                self.lose(now, steps);
            }
        }
        epoch == 0 || epoch == self.epoch
    }

    /// An answer to something that [`Step::Say`] has sent.
    pub fn on_reply(&mut self, now: Duration, reply: &DaemonToHostReply, steps: &mut Vec<Step>) {
        match (reply, self.phase) {
            (DaemonToHostReply::Welcome { host_token, .. }, Phase::Greeting { .. }) => {
                if !host_token.is_empty() {
                    self.token.clone_from(host_token);
                }
                self.phase = Phase::Proving {
                    until: now + HELLO_RETRY,
                };
                self.prove(now, steps);
            }
            (DaemonToHostReply::Ack, Phase::Registering { .. }) => {
                self.phase = Phase::Up;
                self.last_ping = now;
                steps.push(Step::Up);
            }
            (
                DaemonToHostReply::Reject {
                    reason,
                    retry_after_ms,
                },
                _,
            ) => {
                self.on_reject(
                    now,
                    *reason,
                    Duration::from_millis(u64::from(*retry_after_ms)),
                    steps,
                );
            }
            _ => {}
        }
    }

    /// A probe was heard on this host's topic.
    pub fn on_probe(&mut self, now: Duration, probe: [u8; 16], steps: &mut Vec<Step>) {
        self.probe = Some(probe);
        self.prove(now, steps);
    }

    /// A ping was heard.
    pub fn on_ping(&mut self, now: Duration) {
        self.last_ping = now;
    }

    /// The daemon has said that it goes, or frames on their way to or from it were lost.
    pub fn on_lost(&mut self, now: Duration, steps: &mut Vec<Step>) {
        if self.phase == Phase::Up {
            self.lose(now, steps);
        }
    }

    /// Time has passed.
    pub fn on_tick(&mut self, now: Duration, steps: &mut Vec<Step>) {
        match self.phase {
            Phase::Greeting { again_at } if now >= again_at => self.greet(now, steps),
            Phase::Proving { until } | Phase::Registering { until } if now >= until => self.greet(now, steps),
            Phase::Up if now.saturating_sub(self.last_ping) >= DAEMON_SILENCE_MAX => {
                steps.push(Step::Rebuild);
                self.lose(now, steps);
            }
            _ => {}
        }
    }

    fn on_reject(&mut self, now: Duration, reason: RejectReason, retry: Duration, steps: &mut Vec<Step>) {
        let was_up = self.phase == Phase::Up;
        if was_up {
            steps.push(Step::Down);
        }
        match reason {
            RejectReason::HelloFirst | RejectReason::BadProbe => self.greet(now, steps),
            RejectReason::BadToken => {
                self.phase = Phase::NoToken;
                steps.push(Step::WantToken);
            }
            RejectReason::Draining | RejectReason::Full => {
                self.phase = Phase::Greeting {
                    again_at: now + retry.max(HELLO_RETRY / 4),
                };
            }
            RejectReason::Fenced => {
                steps.push(Step::GiveUp(
                    "another process has taken this host's place".to_owned(),
                ));
            }
            RejectReason::BadVersion => {
                let words = "the daemon speaks another version of the protocol; install both from one build";
                steps.push(Step::GiveUp(words.to_owned()));
            }
        }
    }

    fn lose(&mut self, now: Duration, steps: &mut Vec<Step>) {
        steps.push(Step::Down);
        self.greet(now, steps);
    }

    fn greet(&mut self, now: Duration, steps: &mut Vec<Step>) {
        if self.token.is_empty() {
            self.phase = Phase::NoToken;
            steps.push(Step::WantToken);
            return;
        }
        self.probe = None;
        self.phase = Phase::Greeting {
            again_at: now + HELLO_RETRY,
        };
        steps.push(Step::Say(HostToDaemonMessage::Hello {
            versions: (VERSION_MIN, VERSION),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            role: Role::Host,
            id: self.id,
            instance: self.instance,
            token: self.token.clone(),
            world: String::new(),
        }));
    }

    fn prove(&mut self, now: Duration, steps: &mut Vec<Step>) {
        if let (Phase::Proving { .. }, Some(probe)) = (self.phase, self.probe) {
            self.phase = Phase::Registering {
                until: now + HELLO_RETRY,
            };
            steps.push(Step::Say(HostToDaemonMessage::RegisterHost {
                timestamp: 0,
                host_type: HostType::Tcp,
                listeners: self.listeners.clone(),
                probe,
                capacity: self.capacity,
                skills: Vec::new(),
            }));
        }
    }
}

#[cfg(test)]
mod tests;
