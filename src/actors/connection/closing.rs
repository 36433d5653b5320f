//! How connections end: by the client, the world, the clock, or the server.

use super::ConnectionActor;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::Item;
use crate::actors::scheduler::{hook, unasked};
use crate::protocol::HostId;
use moo_model::Value;
use moo_tasks::attempt::{Work, connected_row};
use moo_tasks::connections::{ConnId, Connection};
use moo_tasks::login::{self, Message};
use moo_vm::host::Close;
use std::collections::HashMap;
use std::sync::Arc;

impl ConnectionActor {
    /// Forgets a client: its lines, and the task that read from it.
    pub(super) fn drop_client(&mut self, conn: &Connection) {
        if let Some(client) = self.clients.remove(&conn.id) {
            self.by_client.remove(&client.id);
        }
        self.unlogged.remove(&conn.id);
        let mut input = conn.input();
        self.ends.extend(input.reader());
        input.flush();
    }

    /// The client has gone by itself.
    pub(super) fn client_gone(&mut self, conn: ConnId) {
        let Some(conn) = self.clients.get(&conn).map(|client| client.conn.clone()) else {
            return;
        };
        self.parts.outside.connections.close(&conn);
        self.drop_client(&conn);
        self.items.push(Item::Forget(conn.id));
        self.end_hook(&conn, Some("user_client_disconnected"));
    }

    /// The world closes the connection.
    pub(super) fn close(&mut self, conn: &Arc<Connection>, why: Close) {
        if !self.clients.contains_key(&conn.id) {
            return;
        }
        let (message, reason, verb) = match why {
            Close::Booted => (Message::Boot, "booted", Some("user_disconnected")),
            Close::Recycled => (Message::Recycle, "recycled", None),
        };
        let lines = self.message(conn, message);
        self.parts.outside.connections.close(conn);
        self.drop_client(conn);
        self.items.push(Item::Close {
            conn: conn.id,
            reason,
            lines,
        });
        self.end_hook(conn, verb);
    }

    /// Runs the hook of a connection that is gone; a player's stored connection goes with it.
    pub(super) fn end_hook(&mut self, conn: &Connection, verb: Option<&'static str>) {
        let object = conn.object();
        let mut job = hook(
            &self.parts.outside,
            conn.listener,
            verb.unwrap_or(""),
            object,
            vec![Value::obj(object)],
        );
        if verb.is_none() {
            job.work = Work::Rows;
        }
        if object.0 >= 0 {
            job.rows.push(connected_row(object, None));
        }
        self.submits.push(unasked(job));
    }

    /// All clients of a host are gone with it.
    pub(super) fn host_gone(&mut self, host: HostId) {
        let gone: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| client.host == host)
            .map(|(conn, _)| *conn)
            .collect();
        gone.into_iter().for_each(|conn| self.client_gone(conn));
    }

    /// The server ends. No hooks run now: the players' stored connections have them run at the next start.
    pub(super) fn close_all(&mut self, words: &str) {
        for conn in self.parts.outside.connections.all() {
            self.items.push(Item::Close {
                conn: conn.id,
                reason: "shutdown",
                lines: vec![words.to_owned()],
            });
        }
        self.clients.clear();
        self.by_client.clear();
    }

    /// Begins to close connections that have not logged in for too long: first the hook, then the words.
    pub(super) fn sweep(&mut self) {
        let now = wall_seconds() as i64;
        let unless_set = self.parts.login_timeout_s;
        let mut limits = HashMap::new();
        let unlogged: Vec<_> = self
            .unlogged
            .iter()
            .filter_map(|conn| self.clients.get(conn))
            .filter(|client| client.closing.is_none())
            .map(|client| client.conn.clone())
            .collect();
        for conn in unlogged {
            let limit = *limits
                .entry(conn.listener)
                .or_insert_with(|| self.look(|tx| login::connect_timeout(tx, conn.listener, unless_set)));
            let is_over = limit.is_some_and(|limit| now - conn.last_input() > limit);
            if is_over && !conn.input().is_busy() {
                let lines = self.message(&conn, Message::Timeout);
                if let Some(client) = self.clients.get_mut(&conn.id) {
                    client.closing = Some(("timeout", lines));
                }
                self.start_hook(&conn, "user_disconnected");
            }
        }
    }

    /// Closes a connection whose last hook has run.
    pub(super) fn close_if_due(&mut self, conn: &Arc<Connection>) {
        let closing = self
            .clients
            .get_mut(&conn.id)
            .and_then(|client| client.closing.take());
        if let Some((reason, lines)) = closing {
            self.parts.outside.connections.close(conn);
            self.drop_client(conn);
            self.items.push(Item::Close {
                conn: conn.id,
                reason,
                lines,
            });
        }
    }
}
