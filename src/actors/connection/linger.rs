//! Connections whose hosts are gone, and hosts that have lost connections.
//!
//! Invariant: a connection without a host lingers; its player has left the world when its time is over, and not before.
//! Time is counted while the daemon runs, so a machine that stood still takes none away.

use super::ConnectionActor;
use crate::actors::outlet::Item;
use crate::gateway::PeerId;
use crate::limits::ENDED_CONNECTIONS_MAX;
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::host::{DaemonDirect, ReattachOutcome};
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::ConnId;
use std::collections::{HashMap, HashSet, VecDeque};

/// A start of a host has said hello: what an earlier one had is gone with its sockets.
pub struct HostCame {
    /// The host.
    pub host: HostId,
    /// This start of it.
    pub instance: [u8; 8],
    /// Where it can be told something.
    pub peer: PeerId,
    /// Whether it takes the place of another one.
    pub is_new: bool,
}

/// A host is gone, and its sockets with it.
pub struct HostGone(pub HostId);

/// How many clients a host believes that it has.
pub struct HostCounts {
    /// The host.
    pub host: HostId,
    /// Where it can be asked for more.
    pub peer: PeerId,
    /// How many.
    pub clients: u32,
    /// The exclusive-or of the first eight bytes of their ids.
    pub digest: u64,
}

/// All clients of a host, with their attach epochs, as it was asked for them.
pub struct ClientsOf {
    /// The host.
    pub host: HostId,
    /// Where it can be told to close some.
    pub peer: PeerId,
    /// The clients.
    pub clients: Vec<(ClientId, u32)>,
}

/// What the hosts' own counts have come to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// How often in a row a host's count was not ours.
    differing: HashMap<HostId, u32>,
    /// Hosts that were asked for their clients, each with the last connection that there was then.
    asked: HashMap<HostId, ConnId>,
}

/// Connections that have ended and that a host may still have, for a while.
#[derive(Debug, Default)]
pub(super) struct Ended {
    order: VecDeque<ClientId>,
    how: HashMap<ClientId, ReattachOutcome>,
}

impl Ended {
    /// The connection has ended, and this is what a host is told that has it.
    pub fn add(&mut self, client: ClientId, how: ReattachOutcome) {
        if self.how.insert(client, how).is_none() {
            self.order.push_back(client);
        }
        if self.order.len() > ENDED_CONNECTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.how.remove(&oldest);
        }
    }

    /// What a host is told that has this connection.
    pub fn how(&self, client: ClientId) -> Option<ReattachOutcome> {
        self.how.get(&client).copied()
    }
}

impl ConnectionActor {
    /// The connections that a host has.
    fn at(&self, host: HostId) -> impl Iterator<Item = (ConnId, ClientId)> {
        let here = self
            .clients
            .iter()
            .filter(move |(conn, client)| client.host() == host && !self.lingering.contains_key(conn));
        here.map(|(conn, client)| (*conn, client.id()))
    }

    fn linger(&mut self, conns: Vec<ConnId>) {
        if !conns.is_empty() {
            tracing::info!(connections = conns.len(), "connections linger without a host");
        }
        for conn in conns {
            self.lingering.insert(conn, self.parts.linger_s);
            self.items.push(Item::Detach(conn));
        }
    }

    pub(super) fn host_gone(&mut self, host: HostId) {
        self.counts.differing.remove(&host);
        self.peers.remove(&host);
        let gone = self.at(host).map(|(conn, _)| conn).collect();
        self.linger(gone);
        self.parts.outlet.outbox().host_gone(host);
    }

    pub(super) fn host_came(&mut self, came: &HostCame) {
        self.peers.insert(came.host, came.peer);
        let of_others = |conn: &ConnId| {
            let client = self.clients.get(conn);
            client.is_some_and(|client| client.conn.host() != (came.host.0, came.instance))
        };
        let gone = self.at(came.host).map(|(conn, _)| conn).filter(of_others);
        let gone: Vec<_> = gone.collect();
        self.linger(gone);
        if came.is_new {
            self.parts.outlet.outbox().host_gone(came.host);
        }
        // A new start of a host never has the sockets of the last one.
        let clients = &self.clients;
        if let Some(awaited) = &mut self.awaited {
            awaited.retain(|conn| {
                let host = clients.get(conn).map(|client| client.conn.host());
                host.is_some_and(|(host, instance)| host != came.host.0 || instance == came.instance)
            });
        }
        self.tell_hosts_back();
    }

    /// The connection's client has gone, without saying so itself.
    pub(super) fn detach(&mut self, conn: ConnId) {
        if self.clients.contains_key(&conn) && !self.lingering.contains_key(&conn) {
            self.linger(vec![conn]);
        }
    }

    /// Another second has passed for those that linger.
    pub(super) fn count_down(&mut self) {
        let mut expired = Vec::new();
        for (conn, left) in &mut self.lingering {
            *left = left.saturating_sub(1);
            if *left == 0 {
                expired.push(*conn);
            }
        }
        expired.sort_unstable();
        expired.into_iter().for_each(|conn| self.expire(conn));
    }

    fn expire(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get(&conn) else {
            return;
        };
        let (id, conn) = (client.id(), client.conn.clone());
        tracing::info!(connection = conn.name, "a connection was not taken up in time");
        self.ended.add(id, ReattachOutcome::Expired);
        self.leave(&conn, "user_disconnected");
    }

    /// Compares a host's count with ours. One that differs twice in a row is asked for all its clients.
    pub(super) fn compare(&mut self, counts: HostCounts) {
        let HostCounts {
            host,
            peer,
            clients,
            digest,
        } = counts;
        let ours = self.at(host).fold((0u32, 0u64), |(count, digest), (_, client)| {
            (count + 1, digest ^ first_half(client))
        });
        if ours == (clients, digest) {
            self.counts.differing.remove(&host);
            return;
        }
        let differing = self.counts.differing.entry(host).or_default();
        *differing += 1;
        if *differing == 2 {
            tracing::info!(%host, theirs = clients, ours = ours.0, "a host has other clients than we know of");
            let last = ConnId(self.parts.outside.connections.last());
            self.counts.asked.insert(host, last);
            self.direct(peer, &DaemonDirect::ListClients);
        } else if *differing > 4 {
            self.counts.differing.remove(&host);
        }
    }

    /// Settles what a host has and what we know: a connection that it does not have lingers, and one that is not its own
    /// is closed there.
    pub(super) fn reconcile(&mut self, theirs: ClientsOf) {
        let ClientsOf { host, peer, clients } = theirs;
        let Some(last) = self.counts.asked.remove(&host) else {
            return;
        };
        self.counts.differing.remove(&host);
        let held: HashSet<ClientId> = clients.iter().map(|(client, _)| *client).collect();
        let lost = self
            .at(host)
            .filter(|(conn, client)| *conn <= last && !held.contains(client));
        let lost = lost.map(|(conn, _)| conn).collect();
        self.linger(lost);
        for (client, epoch) in clients {
            let known = self
                .by_client
                .get(&client)
                .and_then(|conn| self.clients.get(conn));
            match known.map(|known| (known.host(), known.conn.attachment().epoch)) {
                Some((at, attach_epoch)) if at != host && attach_epoch > epoch => {
                    self.direct(peer, &DaemonDirect::Fence { client, attach_epoch });
                }
                None if epoch > 0 || self.ended.how(client).is_some() => {
                    let reason = "*** The server has closed this connection. ***".to_owned();
                    self.direct(peer, &DaemonDirect::CloseClient { client, reason });
                }
                _ => {}
            }
        }
    }

    fn direct(&self, peer: PeerId, message: &DaemonDirect) {
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        let sent = encode(&envelope, message).map(|frame| self.parts.sender.reply(peer, frame));
        if !matches!(sent, Ok(Ok(()))) {
            // The counts go on to differ, and it is asked again.
            tracing::warn!(?peer, "a host could not be told about its clients");
        }
    }
}

fn first_half(client: ClientId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = client.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_remembered_for_a_while() {
        let mut ended = Ended::default();
        let client = |number: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_le_bytes());
            ClientId(id)
        };
        ended.add(client(0), ReattachOutcome::Expired);
        ended.add(client(0), ReattachOutcome::Fenced { current: 3 });
        assert_eq!(ended.how(client(0)), Some(ReattachOutcome::Fenced { current: 3 }));
        (1..=ENDED_CONNECTIONS_MAX).for_each(|number| ended.add(client(number), ReattachOutcome::Expired));
        assert_eq!(
            (ended.how(client(0)), ended.order.len()),
            (None, ENDED_CONNECTIONS_MAX)
        );
    }
}
