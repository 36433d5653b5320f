//! The connections that an earlier daemon had.
//!
//! Invariant: they are as their last commits left them, with the same numbers, and linger until their hosts have taken
//! them up. Two of one player were in the middle of a login: the later one takes over the earlier one once more.

use super::commands::Commands;
use super::linger::sweeps_in;
use super::tokens::read_proof;
use super::{Client, ConnectionActor};
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::{Item, Missed, NewStream};
use crate::actors::scheduler::HostsBack;
use crate::protocol::host::HostType;
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::stored::{self, Stored, StoredCommand, StoredLine};
use moo_tasks::connections::{Connection, Due};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A connection as the store has it.
#[derive(Debug)]
pub struct Returned {
    /// The connection.
    pub stored: Stored,
    /// Its lines, in the order of their numbers.
    pub lines: Vec<StoredLine>,
    /// Its last commands.
    pub commands: Vec<StoredCommand>,
}

/// Connections that were there when the last daemon ended. Answered once they are there again.
pub struct TakeBack(pub Vec<Returned>, pub oneshot::Sender<()>);

/// The stored tasks are there too: what was to be run for connections is, and the scheduler is to be told once hosts
/// have taken theirs up.
pub struct AwaitHosts;

impl ConnectionActor {
    pub(super) fn take_back(&mut self, mut returned: Vec<Returned>) {
        returned.sort_by_key(|returned| (returned.stored.since, returned.stored.id));
        for returned in returned {
            self.take_one_back(returned);
        }
    }

    fn take_one_back(&mut self, returned: Returned) {
        let Returned {
            stored,
            lines,
            commands,
        } = returned;
        let Some(proof) = read_proof(&stored.attachment.proof) else {
            tracing::error!(
                connection = stored.name,
                "what proves a connection cannot be read; it is lost"
            );
            self.errand.rows.push(stored::gone(stored.attachment.client));
            return;
        };
        let connections = &self.parts.outside.connections;
        let earlier = connections.find(stored.object);
        if let Some(earlier) = &earlier {
            connections.close(earlier);
        }
        let conn = connections.restore(stored, lines, wall_seconds() as i64);
        let attachment = conn.attachment();
        let client = ClientId(attachment.client);
        let wants_ends = HostType::of_host(&attachment.host_type) != HostType::Tcp;
        if !self.parts.outlet.outbox().bind(client, conn.id.0, wants_ends) {
            tracing::warn!(connection = conn.name, "a connection has lost what it was told");
            self.items.push(Item::Open(NewStream {
                conn: conn.id,
                client,
                host: HostId(attachment.host),
                host_type: HostType::of_host(&attachment.host_type),
            }));
            self.items.push(Item::Detach {
                conn: conn.id,
                attach_epoch: attachment.epoch,
            });
        }
        self.remember_for(conn.id, conn.object());
        let known = Client::new(conn.clone(), proof, Commands::restored(commands));
        if !known.sid.is_empty() {
            self.by_sid.insert(known.sid.clone(), conn.id);
        }
        self.clients.insert(conn.id, known);
        self.by_client.insert(client, conn.id);
        self.lingering.insert(conn.id, sweeps_in(self.parts.linger_s));
        if let Some(awaited) = &mut self.awaited {
            awaited.insert(conn.id);
        }
        if conn.object().0 < 0 {
            self.unlogged.insert(conn.id, 0);
        }
        if let Some(earlier) = earlier {
            self.begin_take_over(&earlier, &conn);
            // How far the earlier taking over had come is not stored.
            self.adopt(&earlier, &conn, Missed::Mixed);
            if conn.due() == Due::Connected && earlier.listener == conn.listener {
                conn.set_due(Due::Reconnected);
            }
        }
    }

    pub(super) fn await_hosts(&mut self) {
        let mut due: Vec<Arc<Connection>> = self.clients.values().map(|client| client.conn.clone()).collect();
        due.sort_by_key(|conn| conn.id);
        for conn in due {
            match conn.due() {
                Due::Connected => self.start_hook(&conn, "user_connected"),
                Due::Reconnected => self.start_hook(&conn, "user_reconnected"),
                Due::Created => self.start_hook(&conn, "user_created"),
                Due::Nothing | Due::Disconnected | Due::Closed => self.pump(&conn),
            }
        }
        self.tells_hosts_back = true;
        self.tell_hosts_back();
    }

    /// Tells the scheduler, once, that no host is awaited any more.
    pub(super) fn tell_hosts_back(&mut self) {
        let all_back = self.awaited.as_ref().is_some_and(|awaited| awaited.is_empty());
        if self.tells_hosts_back && all_back {
            self.awaited = None;
            if self.parts.scheduler.offer(HostsBack).is_err() {
                tracing::warn!("overdue tasks start a little later: the scheduler has too much to do");
            }
        }
    }
}
