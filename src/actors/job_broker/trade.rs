//! What the broker does where jobs are stored elsewhere: it says what would be done here, and has done what comes.
//!
//! Invariant: a job whose effect is in the world already is not done again; it is ended where it came from.

use super::desk::Desk;
use super::exchange::{Ended, Exchange, Want};
use super::step::addressed;
use super::{JobBroker, What};
use crate::actors::outlet::Reply;
use crate::jobs::{Ending, Queue, Taken};
use crate::limits::WORLD_JOBS_AT_ONCE;
use crate::protocol::codec::Envelope;
use crate::protocol::{HostId, WireObj};
use moo_model::Value;
use moo_model::world::Transaction;
use std::collections::HashMap;

impl JobBroker {
    /// Has the store elsewhere know what would be done here, and does what came.
    pub(super) fn trade(&mut self, exchange: &Exchange) {
        for (want, taken) in exchange.came() {
            let Some(host) = want.host else {
                self.do_in_world(taken, exchange);
                continue;
            };
            let (new, done) = taken
                .into_iter()
                .partition(|taken| !self.parts.desk.has_seen(taken.job));
            done_already(done, &self.parts.desk, exchange);
            let Some(agent) = self.agents.get_mut(&host) else {
                exchange.give_back(want.taker);
                continue;
            };
            agent.credits = agent.credits.saturating_sub(Vec::len(&new));
            let reply = Reply {
                to: agent.peer,
                envelope: Envelope {
                    epoch: self.parts.epoch,
                    ..Envelope::default()
                },
            };
            let names = self.connected_names();
            let taken = new.into_iter().map(|taken| addressed(taken, &names)).collect();
            self.commit(What::Hand { reply, taken });
        }
        let room = WORLD_JOBS_AT_ONCE.saturating_sub(self.parts.desk.running());
        let mut wants = Vec::new();
        if room > 0 && !self.parts.outside.is_read_only() {
            wants.push(Want {
                host: None,
                taker: self.parts.world_taker.clone(),
                queues: vec![Queue::World],
                most: room,
            });
        }
        for (host, agent) in self.agents.iter().filter(|(_, agent)| agent.credits > 0) {
            let mut queues = agent.queues.clone();
            queues.extend(self.queues_of_players(*host));
            wants.push(Want {
                host: Some(*host),
                taker: agent.taker.clone(),
                queues,
                most: agent.credits,
            });
        }
        exchange.want(wants);
    }

    /// The queues of the players whose connections a host holds: by number, and by name.
    fn queues_of_players(&self, host: HostId) -> Vec<Queue> {
        let connections = self.parts.outside.connections.all();
        let theirs = connections
            .iter()
            .filter(|conn| conn.host().0 == host.0 && conn.object().0 >= 0);
        let mut tx = Transaction::begin(&self.parts.world, Box::default());
        let mut queues = Vec::new();
        for conn in theirs {
            let player = conn.object();
            queues.push(Queue::User(player.into()));
            let name = tx.name(player);
            let name = name.as_ref().and_then(Value::as_str);
            queues.extend(name.map(|name| Queue::Named(name.to_lowercase())));
        }
        queues
    }

    /// The connected players by their names.
    pub(super) fn connected_names(&self) -> HashMap<String, WireObj> {
        let mut tx = Transaction::begin(&self.parts.world, Box::default());
        let connections = self.parts.outside.connections.all();
        let players = connections
            .iter()
            .map(|conn| conn.object())
            .filter(|player| player.0 >= 0);
        let named = players.filter_map(|player| {
            let name = tx.name(player)?.as_str()?.to_lowercase();
            Some((name, player.into()))
        });
        named.collect()
    }

    /// Runs jobs of the store elsewhere, but for those whose effect is in the world already.
    fn do_in_world(&self, taken: Vec<Taken>, exchange: &Exchange) {
        let (new, done): (Vec<_>, _) = taken
            .into_iter()
            .partition(|taken| !self.parts.desk.has_seen(taken.job));
        done_already(done, &self.parts.desk, exchange);
        // One whose task runs still is done by that, under the lease that came now.
        let is_idle = |taken: &Taken| self.parts.desk.begin(taken.job);
        self.submit(new.into_iter().filter(is_idle).collect());
    }
}

/// These have taken effect in an earlier commit, of which their store has not heard; it does once that commit is written.
fn done_already(done: Vec<Taken>, desk: &Desk, exchange: &Exchange) {
    for Taken { job, lease, .. } in done {
        exchange.release(job, lease);
        exchange.end(Ended {
            job,
            lease,
            how: Ending::Done,
            stamp: desk.seen_in(job),
        });
    }
}
