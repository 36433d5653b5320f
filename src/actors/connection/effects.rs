//! What tasks do to connections, once they have committed.

use super::ConnectionActor;
use crate::actors::outlet::Item;
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent, Subject};
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::host::HostType;
use moo_tasks::connections::{ConnId, Connection};
use moo_tasks::held::Effect;
use moo_tasks::outside::Listening;
use std::sync::Arc;

impl ConnectionActor {
    pub(super) fn carry_out(&mut self, task: i64, effect: Effect) {
        match effect {
            Effect::Close(conn, why) => self.with(conn, |actor, conn| actor.close(conn, why)),
            Effect::SwitchPlayer { conn, player, silent } => {
                self.with(conn, |actor, conn| actor.switch_player(conn, player, silent));
            }
            // The commit has stored that they are over, and the past is forgotten.
            Effect::EndSessions(player) => {
                self.close_revoked(Some(Subject::Player(player.into())));
            }
            Effect::ForceInput {
                conn,
                line,
                at_front,
                number,
            } => self.with(conn, |actor, conn| {
                conn.input().push(line, number, at_front);
                actor.pump(conn);
            }),
            Effect::Took { conn, ticket } => self.took(conn, ticket, task),
            Effect::FlushInput { conn, show } => self.with(conn, |actor, conn| {
                let (report, dropped) = conn.input().flush();
                if show {
                    actor.tell(conn, report);
                }
                actor.drop_lines(conn, dropped, None);
            }),
            Effect::SetOption { conn, name, value } => self.with(conn, |actor, conn| {
                // The commit has set it; the host has its own part in some.
                actor.items.push(Item::Option {
                    conn: conn.id,
                    object: conn.object(),
                    name,
                    value,
                });
                actor.pump(conn);
            }),
            Effect::Present { conn, id, shown } => self.items.push(Item::Presented { conn, id, shown }),
            Effect::Listen {
                handler,
                port,
                prints_messages,
            } => {
                self.parts.outside.listeners.put(Listening {
                    handler,
                    port,
                    prints_messages,
                });
                self.tell_hosts(&HostBroadcastEvent::Listen {
                    handler: handler.into(),
                    host_type: HostType::Tcp,
                    port: u16::try_from(port).unwrap_or_default(),
                    options: Vec::new(),
                });
            }
            Effect::Unlisten(port) => {
                self.parts.outside.listeners.remove(port);
                self.tell_hosts(&HostBroadcastEvent::Unlisten {
                    host_type: HostType::Tcp,
                    port: u16::try_from(port).unwrap_or_default(),
                });
            }
            // These are the scheduler's, and do not come here.
            Effect::Resume(..)
            | Effect::Kill(_)
            | Effect::Log { .. }
            | Effect::Shutdown(_)
            | Effect::Dump
            | Effect::Collect
            | Effect::LoadOptions => {}
        }
    }

    /// Does something with a connection that is still there.
    fn with(&mut self, conn: ConnId, act: impl FnOnce(&mut Self, &Arc<Connection>)) {
        if let Some(conn) = self.clients.get(&conn).map(|client| client.conn.clone()) {
            act(self, &conn);
        }
    }

    fn tell_hosts(&self, event: &HostBroadcastEvent) {
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        let sent =
            encode(&envelope, event).map(|frame| self.parts.sender.publish(HOST_BROADCAST_TOPIC, frame));
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the hosts could not be told");
        }
    }
}
