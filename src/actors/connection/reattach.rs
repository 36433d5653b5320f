//! Connections that a host kept while its link to the daemon was down, or the daemon away.
//!
//! Invariants: of two hosts that have one connection the one with the higher attach epoch keeps it; a host is told that
//! a connection goes on only after that is stored; what is asked twice is answered twice, with a higher epoch.

use super::ConnectionActor;
use super::linger::instance_of;
use crate::actors::outlet::{After, Reply, TakenUp};
use crate::protocol::event::StreamPos;
use crate::protocol::host::{HeldConn, ReattachOutcome};
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::{Attachment, ConnId};

/// A host names the connections that it holds.
pub struct Reattach {
    /// Where the answer goes.
    pub reply: Reply,
    /// The host.
    pub host: HostId,
    /// The connections.
    pub conns: Vec<HeldConn>,
}

impl ConnectionActor {
    /// Which of a host's connections go on. All of them are stored together.
    pub(super) fn reattach(&mut self, asked: Reattach) {
        let Reattach { reply, host, conns } = asked;
        let instance = instance_of(reply.to);
        if self.is_draining {
            // The next daemon is asked again.
            return;
        }
        let conns: Vec<TakenUp> = conns
            .iter()
            .map(|held| (held.client, self.take_up(host, instance, held)))
            .collect();
        let going_on = conns.iter().filter(|(_, taken)| taken.is_ok());
        let going_on: Vec<ConnId> = going_on
            .filter_map(|(client, _)| self.by_client.get(client).copied())
            .collect();
        self.errand.after.push(After::Reattached { reply, host, conns });
        self.tell_hosts_back();
        for conn in going_on {
            if let Some(conn) = self.clients.get(&conn).map(|client| client.conn.clone()) {
                self.pump(&conn);
            }
        }
    }

    fn take_up(
        &mut self,
        host: HostId,
        instance: [u8; 8],
        held: &HeldConn,
    ) -> Result<(u32, StreamPos), ReattachOutcome> {
        let unknown = || self.ended.how(held.client).unwrap_or(ReattachOutcome::Unknown);
        let Some(&id) = self.by_client.get(&held.client) else {
            return Err(unknown());
        };
        let Some(client) = self.clients.get_mut(&id) else {
            return Err(unknown());
        };
        let attachment = client.conn.attachment();
        let lingers = self.lingering.contains_key(&id);
        if attachment.host != host.0 && (!lingers || held.attach_epoch < attachment.epoch) {
            // It may have been taken over, and then what its old host proves it by is dead too.
            return Err(ReattachOutcome::Fenced {
                current: attachment.epoch,
            });
        }
        if !client.credentials.accept(&held.bound, self.parts.keys.now()) {
            return Err(ReattachOutcome::Denied);
        }
        let epoch = attachment.epoch + 1;
        client.conn.attach(Attachment {
            host: host.0,
            instance,
            epoch,
            ..attachment
        });
        client.commands.answered(held.cmd_acked);
        let conn = client.conn.clone();
        self.is_at_host(&conn);
        self.errand.conns.push(conn);
        Ok((epoch, held.last))
    }

    /// What a client's host is told that has a connection which went to another one.
    pub(super) fn remember_adopted(&mut self, client: ClientId, epoch: u32) {
        self.ended
            .add(client, ReattachOutcome::Fenced { current: epoch + 1 });
    }
}
