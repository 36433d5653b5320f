//! Which connections each host has, and how many: written at each change, so that a host's own count is compared with
//! one lookup.
//!
//! Invariant: a connection is here exactly while its client is known and does not linger.

use super::ConnectionActor;
use super::counts::Count;
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::{ConnId, Connection};
use std::collections::HashMap;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Census {
    at: HashMap<ConnId, (HostId, ClientId)>,
    counts: HashMap<HostId, Count>,
}

impl Census {
    /// The connection is at this host, wherever it was.
    fn put(&mut self, conn: ConnId, host: HostId, client: ClientId) {
        self.remove(conn);
        self.at.insert(conn, (host, client));
        self.counts.entry(host).or_default().add(client);
    }

    /// No host has the connection.
    pub fn remove(&mut self, conn: ConnId) {
        let Some((host, client)) = self.at.remove(&conn) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&host) {
            count.remove(client);
            if *count == Count::default() {
                self.counts.remove(&host);
            }
        }
    }

    /// No host has any.
    pub fn clear(&mut self) {
        *self = Census::default();
    }

    /// How many this host has.
    pub fn of(&self, host: HostId) -> Count {
        self.counts.get(&host).copied().unwrap_or_default()
    }

    /// Those that this host has.
    pub fn at(&self, host: HostId) -> impl Iterator<Item = (ConnId, ClientId)> {
        let here = self.at.iter().filter(move |(_, (at, _))| *at == host);
        here.map(|(conn, (_, client))| (*conn, *client))
    }
}

impl ConnectionActor {
    /// A host has the connection, as its attachment says: it lingers no more, and nobody waits for it to come back. Gives
    /// whether it lingered.
    pub(super) fn is_at_host(&mut self, conn: &Connection) -> bool {
        if let Some(awaited) = &mut self.awaited {
            awaited.remove(&conn.id);
        }
        let (host, _) = conn.host();
        self.census.put(conn.id, HostId(host), ClientId(conn.client()));
        self.lingering.remove(&conn.id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: HostId = HostId([1; 16]);
    const OTHER: HostId = HostId([2; 16]);

    fn client(number: u8) -> ClientId {
        ClientId([number; 16])
    }

    fn count(clients: &[u8]) -> Count {
        clients.iter().copied().map(client).collect()
    }

    #[test]
    fn what_a_host_has_is_counted_as_connections_come_move_and_go() {
        let mut census = Census::default();
        (1..=3).for_each(|number| census.put(ConnId(u64::from(number)), ONE, client(number)));
        assert_eq!(
            (census.of(ONE), census.of(OTHER)),
            (count(&[1, 2, 3]), count(&[]))
        );
        census.put(ConnId(2), OTHER, client(2));
        census.put(ConnId(2), OTHER, client(2));
        assert_eq!((census.of(ONE), census.of(OTHER)), (count(&[1, 3]), count(&[2])));
        census.remove(ConnId(2));
        census.remove(ConnId(2));
        assert_eq!((census.of(ONE), census.of(OTHER)), (count(&[1, 3]), count(&[])));
        let mut here: Vec<_> = census.at(ONE).collect();
        here.sort_unstable_by_key(|(conn, _)| conn.0);
        assert_eq!(here, [(ConnId(1), client(1)), (ConnId(3), client(3))]);
        assert!(
            !census.counts.contains_key(&OTHER),
            "nothing is kept of a host that has none"
        );
    }
}
