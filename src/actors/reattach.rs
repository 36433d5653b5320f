//! Connections that a host kept while its link to the daemon was down.
//!
//! The daemon that they were made with knows them still; one that was started meanwhile does not, and says so, upon
//! which the host makes them anew.

use super::connection::ConnectionActor;
use super::outlet::Reply;
use crate::protocol::host::{HeldConn, ReattachOutcome};
use crate::protocol::{ClientId, HostId};
use moo_tasks::connections::ConnId;

/// A host names the connections that it holds.
pub struct Reattach {
    /// Where the answer goes.
    pub reply: Reply,
    /// The host.
    pub host: HostId,
    /// The connections.
    pub conns: Vec<HeldConn>,
}

/// The same, with those that go on; the publisher adds where their streams are.
pub struct TellPositions {
    /// Where the answer goes.
    pub reply: Reply,
    /// Each connection, or why it does not go on.
    pub conns: Vec<(ClientId, Result<ConnId, ReattachOutcome>)>,
}

impl ConnectionActor {
    /// Which of a host's connections go on.
    pub(super) fn reattach(&mut self, asked: Reattach) {
        let Reattach { reply, host, conns } = asked;
        let mut outcome = |held: &HeldConn| match self.client_of(held.client, host, &held.bound) {
            None => Err(ReattachOutcome::Unknown),
            Some(None) => Err(ReattachOutcome::Denied),
            Some(Some(conn)) => Ok(conn),
        };
        let conns = conns.iter().map(|held| (held.client, outcome(held))).collect();
        let positions = TellPositions { reply, conns };
        if !self.tell_positions(positions) {
            tracing::warn!(%host, "the publisher is too busy; the host asks again");
        }
    }
}
