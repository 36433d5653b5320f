//! `Children`: the table of children as the root sees it, and the ways to each.
//!
//! Invariant: an entry has a process number from the report of its start to the report of its end, and no longer.

use super::child::{ChildActor, ChildOrder, Then};
use super::spec::{ProcessSpec, Role};
use crate::actors::kit::gate::Gate;
use crate::protocol::control::{ChildPhase, ChildStatus, FromSupervisor};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// One child and what is known of it.
pub struct Entry {
    /// What it is.
    pub spec: Arc<ProcessSpec>,
    /// The way to its actor; none when it was never started or was given up.
    pub gate: Option<Gate<ChildActor>>,
    /// The way to its process, once that has connected.
    pub peer: Option<mpsc::Sender<FromSupervisor>>,
    /// What operators see of it.
    pub status: ChildStatus,
    /// It has asked for a token and not got one.
    pub wants_token: bool,
    /// It failed, and this is one more try since the given moment.
    pub on_probation: Option<Instant>,
}

impl Entry {
    fn new(spec: &Arc<ProcessSpec>) -> Entry {
        Entry {
            spec: Arc::clone(spec),
            gate: None,
            peer: None,
            status: ChildStatus {
                name: spec.name.to_owned(),
                pid: None,
                state: ChildPhase::Starting,
                restarts: 0,
                addresses: Vec::new(),
            },
            wants_token: false,
            on_probation: None,
        }
    }

    /// Gives an order to its actor.
    pub fn order(&self, order: ChildOrder) {
        if self.gate.as_ref().is_none_or(|gate| gate.offer(order).is_err()) {
            tracing::error!(
                child = self.spec.name,
                ?order,
                "a child's actor did not take an order"
            );
        }
    }

    /// Says something to its process; false when it does not listen.
    pub fn say(&self, message: FromSupervisor) -> bool {
        self.peer
            .as_ref()
            .is_some_and(|peer| peer.try_send(message).is_ok())
    }

    /// Ends its process so that clients of a daemon are kept. Without a way to it, as any other process.
    pub fn stop_gently(&self, then: Then) {
        let asked = self.say(FromSupervisor::Stop { keep_clients: true });
        self.order(ChildOrder::Stop { asked, then });
    }

    /// Takes note of the end of its process.
    pub fn on_ended(&mut self, state: ChildPhase) {
        self.status.pid = None;
        self.status.state = state;
        self.peer = None;
        self.wants_token = false;
    }
}

/// All of them, in the order of their start.
pub struct Children {
    /// The table.
    pub entries: Vec<Entry>,
}

impl Children {
    /// Children of which none runs yet.
    pub fn new(specs: &[Arc<ProcessSpec>]) -> Children {
        Children {
            entries: specs.iter().map(Entry::new).collect(),
        }
    }

    /// The place of the child of this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.spec.name == name)
    }

    /// The place of the child of this name and process; none for a stranger.
    pub fn find(&self, name: &str, pid: u32) -> Option<usize> {
        self.named(name)
            .filter(|&child| self.entries[child].status.pid == Some(pid))
    }

    /// Those of one role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.spec.role == role)
    }

    /// Gives an order to all of one role that have a process.
    pub fn order(&self, role: Role, order: ChildOrder) {
        let running = self.of(role).filter(|entry| entry.status.pid.is_some());
        running.for_each(|entry| entry.order(order));
    }

    /// Whether none of one role has a process.
    pub fn are_gone(&self, role: Role) -> bool {
        self.of(role).all(|entry| entry.status.pid.is_none())
    }

    /// Whether all are in this state.
    pub fn are_all(&self, state: ChildPhase) -> bool {
        self.entries.iter().all(|entry| entry.status.state == state)
    }

    /// The daemon, once it serves.
    pub fn ready_daemon(&self) -> Option<&Entry> {
        self.of(Role::Daemon)
            .find(|entry| entry.status.state == ChildPhase::Ready)
    }

    /// Asks the daemon, if it is ready, for the tokens that hosts wait for. The number is the host's place.
    pub fn ask_for_tokens(&mut self) {
        let Some(daemon) = self.ready_daemon().and_then(|daemon| daemon.peer.clone()) else {
            return;
        };
        for (number, entry) in self.entries.iter_mut().enumerate() {
            if entry.wants_token {
                let message = FromSupervisor::MintHostToken {
                    request: number as u64,
                    host: entry.status.name.clone(),
                };
                entry.wants_token = daemon.try_send(message).is_err();
            }
        }
    }

    /// Hands the daemon's answer to the host that waits for it.
    pub fn on_minted(&self, request: u64, token: Result<String, String>) {
        let place = usize::try_from(request).ok();
        let Some(entry) = place.and_then(|place| self.entries.get(place)) else {
            return;
        };
        let host = entry.spec.name;
        match token {
            Ok(token) => {
                if !entry.say(FromSupervisor::HostToken(token)) {
                    tracing::warn!(host, "a token came too late for its host");
                }
            }
            Err(error) => tracing::error!(host, error, "the daemon made no token"),
        }
    }
}
