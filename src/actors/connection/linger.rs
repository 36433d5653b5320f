//! Connections whose hosts are gone, and hosts that have lost connections.
//!
//! Invariant: a connection without a host lingers; its player has left the world when its time is over, and not before.
//! Time is counted while the daemon runs, so a machine that stood still takes none away.

use super::ConnectionActor;
use super::counts::{Count, Known, Verdict};
use crate::actors::outlet::Item;
use crate::gateway::PeerId;
use crate::limits::ENDED_CONNECTIONS_MAX;
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::host::{DaemonDirect, ReattachOutcome};
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::ConnId;
use std::collections::{HashMap, VecDeque};

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
    fn linger(&mut self, conns: Vec<ConnId>) {
        if !conns.is_empty() {
            tracing::info!(connections = conns.len(), "connections linger without a host");
        }
        for conn in conns {
            let Some(client) = self.clients.get(&conn) else {
                continue;
            };
            let attach_epoch = client.conn.attachment().epoch;
            self.lingering.insert(conn, sweeps_in(self.parts.linger_s));
            self.census.remove(conn);
            self.items.push(Item::Detach { conn, attach_epoch });
        }
    }

    pub(super) fn host_gone(&mut self, host: HostId) {
        self.counts.forget(host);
        self.peers.remove(&host);
        let gone = self.census.at(host).map(|(conn, _)| conn).collect();
        self.linger(gone);
        self.parts.outlet.outbox().host_gone(host);
    }

    pub(super) fn host_came(&mut self, came: &HostCame) {
        self.peers.insert(came.host, came.peer);
        let of_others = |conn: &ConnId| {
            let client = self.clients.get(conn);
            client.is_some_and(|client| client.conn.host() != (came.host.0, came.instance))
        };
        let gone = self.census.at(came.host).map(|(conn, _)| conn).filter(of_others);
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

    /// Another sweep has come for those that linger.
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
        let theirs = Count { clients, digest };
        let ours = self.census.of(host);
        let last = ConnId(self.parts.outside.connections.last());
        if self.counts.compare(host, theirs, ours, last) {
            tracing::info!(%host, theirs = clients, ours = ours.clients, "a host has other clients than we know of");
            self.direct(peer, &DaemonDirect::ListClients);
        }
    }

    /// Settles what a host has and what we know: a connection that it does not have lingers, one that lingers and that it
    /// has goes on, and one that is not its own is closed there.
    pub(super) fn reconcile(&mut self, theirs: ClientsOf) {
        let ClientsOf { host, peer, clients } = theirs;
        let held: HashMap<ClientId, u32> = clients.into_iter().collect();
        let Some(last) = self.counts.listed(host, held.keys().copied().collect()) else {
            return;
        };
        if let Some(last) = last {
            let is_lost = |(conn, client): &(ConnId, ClientId)| *conn <= last && !held.contains_key(client);
            let lost: Vec<_> = self.census.at(host).filter(is_lost).collect();
            self.linger(lost.into_iter().map(|(conn, _)| conn).collect());
        }
        let by = (host, instance_of(peer));
        for (client, epoch) in held {
            let has_ended = self.ended.how(client).is_some();
            match Verdict::of(self.known(client), by, epoch, has_ended) {
                Verdict::Keep => {}
                Verdict::TakeUp => self.go_on(client, host),
                Verdict::Fence(attach_epoch) => {
                    self.direct(peer, &DaemonDirect::Fence { client, attach_epoch });
                }
                Verdict::Close => {
                    let reason = "*** The server has closed this connection. ***".to_owned();
                    self.direct(peer, &DaemonDirect::CloseClient { client, reason });
                }
            }
        }
        self.tell_hosts_back();
    }

    fn known(&self, client: ClientId) -> Option<Known> {
        let conn = self.by_client.get(&client)?;
        let attachment = self.clients.get(conn)?.conn.attachment();
        Some(Known {
            at: (HostId(attachment.host), attachment.instance),
            epoch: attachment.epoch,
            lingers: self.lingering.contains_key(conn),
        })
    }

    /// A connection that lingers goes on at its host, which never lost it: under the same epoch, which is all that the
    /// host knows. What was said meanwhile it finds by the next heads.
    fn go_on(&mut self, client: ClientId, host: HostId) {
        let Some(&id) = self.by_client.get(&client) else {
            return;
        };
        let Some(conn) = self.clients.get(&id).map(|known| known.conn.clone()) else {
            return;
        };
        self.is_at_host(&conn);
        let (epoch, era) = (conn.attachment().epoch, self.parts.epoch);
        self.parts.outlet.outbox().attach(client, host, epoch, None, era);
        self.pump(&conn);
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

/// After how many sweeps so many seconds are over for certain: the next sweep may come at once.
pub(super) fn sweeps_in(seconds: u32) -> u32 {
    seconds.saturating_add(1)
}

/// The start of a host that speaks from there.
pub(super) fn instance_of(peer: PeerId) -> [u8; 8] {
    let parts = peer.parts();
    parts.map_or([0; 8], |(_, _, _, instance)| instance.to_le_bytes())
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
