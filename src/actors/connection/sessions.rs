//! What players see of their own connections, and how they end all of them at once.
//!
//! Invariant: nobody sees or ends another player's, and what was ended is refused from that moment on, also by the next
//! daemon: it is stored before it is answered.

use super::ConnectionActor;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::Reply;
use crate::protocol::broadcast::Subject;
use crate::protocol::client::{Auth, DaemonToClientReply, SessionInfo};
use moo_model::Obj;
use moo_tasks::connections::ConnId;

impl ConnectionActor {
    /// A player's connections, those that ask first.
    pub(super) fn list_sessions(&mut self, reply: Reply, player: Obj, asking: ConnId) {
        let now = wall_seconds() as i64;
        let seconds = |since: i64| u64::try_from(now - since).unwrap_or_default();
        let own = self
            .clients
            .values()
            .filter(|client| client.conn.object() == player);
        let mut sessions: Vec<_> = own
            .map(|client| SessionInfo {
                client: client.id(),
                is_current: client.conn.id == asking,
                host: client.conn.attachment().host_type,
                address: client.conn.peer.clone(),
                connected_s: seconds(client.conn.since()),
                idle_s: seconds(client.conn.last_input()),
                is_lingering: self.lingering.contains_key(&client.conn.id),
            })
            .collect();
        sessions.sort_by_key(|session| (!session.is_current, session.connected_s));
        self.reply(reply, DaemonToClientReply::Sessions(sessions));
    }

    /// Every token and session of a player dies, and every connection is closed. Whoever asked on one of these reads why
    /// it was closed before the answer.
    pub(super) fn logout_everywhere(&mut self, reply: Reply, player: Obj, asking: ConnId) {
        let subject = Subject::Player(player.into());
        self.errand.rows.extend(self.parts.keys.end(subject));
        let closed = self.close_revoked(Some(subject));
        tracing::info!(%player, closed, "a player has logged out everywhere");
        self.answer_later(asking, reply, DaemonToClientReply::LoggedOutEverywhere { closed });
    }

    /// The connection whose session somebody shows who asks without one.
    pub(super) fn connection_of(&self, auth: &Auth) -> Option<ConnId> {
        match auth {
            Auth::Session(sid) => self.by_sid.get(sid).copied(),
            _ => None,
        }
    }
}
