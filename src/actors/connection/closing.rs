//! How connections end: by the client, the world, the clock, or the server.

use super::ConnectionActor;
use crate::actors::errand;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::Item;
use crate::limits::UNLOGGED_LOOK_S;
use crate::protocol::ClientId;
use crate::protocol::broadcast::Subject;
use moo_model::Value;
use moo_model::ledger::Row;
use moo_tasks::attempt::Work;
use moo_tasks::connections::{ConnId, Connection, Due, stored};
use moo_tasks::login::{self, Message};
use moo_vm::host::Close;
use std::collections::HashMap;
use std::sync::Arc;

impl ConnectionActor {
    /// Forgets a client: its lines, and the task that read from it. Gives the rows that forget it in the store.
    pub(super) fn drop_client(&mut self, conn: &Connection) -> Vec<Row> {
        conn.set_gone();
        let id = conn.client();
        let mut rows = vec![stored::gone(id)];
        rows.extend(self.parts.keys.forget(ClientId(id)));
        self.end_session(conn.id);
        if let Some(client) = self.clients.remove(&conn.id) {
            self.by_client.remove(&client.id());
            let commands = client.commands.stored();
            rows.extend(commands.map(|seq| stored::command_gone(id, seq)));
        }
        self.unlogged.remove(&conn.id);
        self.lingering.remove(&conn.id);
        self.census.remove(conn.id);
        if let Some(awaited) = &mut self.awaited {
            awaited.remove(&conn.id);
            self.tell_hosts_back();
        }
        let mut input = conn.input();
        let lines = input.stored().into_iter();
        rows.extend(lines.map(|number| stored::line_gone(id, number)));
        self.ends.extend(input.reader());
        input.flush();
        rows
    }

    /// Forgets a client without a word to anybody.
    pub(super) fn forget(&mut self, conn: &Connection) {
        let rows = self.drop_client(conn);
        self.errand.rows.extend(rows);
    }

    /// The client has gone by itself.
    pub(super) fn client_gone(&mut self, conn: ConnId) {
        if let Some(conn) = self.clients.get(&conn).map(|client| client.conn.clone()) {
            self.leave(&conn, "user_client_disconnected");
        }
    }

    /// A connection without a client is over.
    pub(super) fn leave(&mut self, conn: &Arc<Connection>, verb: &'static str) {
        self.parts.outside.connections.close(conn);
        let rows = self.drop_client(conn);
        self.items.push(Item::Forget(conn.id));
        self.end_hook(conn, Some(verb), rows);
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
        let rows = self.drop_client(conn);
        self.items.push(Item::Close {
            conn: conn.id,
            reason,
            lines,
        });
        self.end_hook(conn, verb, rows);
    }

    /// Runs the hook of a connection that is gone; what is stored of it goes with that.
    pub(super) fn end_hook(&mut self, conn: &Connection, verb: Option<&'static str>, rows: Vec<Row>) {
        let (object, outside) = (conn.object(), &self.parts.outside);
        let args = vec![Value::obj(object)];
        let mut job = errand::hook(outside, conn.listener, verb.unwrap_or(""), object, args);
        job.rows = rows;
        if verb.is_none() {
            job.work = Work::Rows;
            // What carried the number before it was recycled speaks for nobody who gets it after.
            let player = Subject::Player(object.into());
            job.rows.extend(self.parts.keys.end(player));
            job.rows.extend(self.parts.outlet.outbox().forget_past(object.0));
        }
        self.submits.push_back(errand::unasked(job));
    }

    /// The server ends. No hooks run now: the rows that this gives have them run at the next start.
    pub(super) fn close_all(&mut self, words: &str) -> Vec<Row> {
        self.is_draining = true;
        let mut rows = Vec::new();
        for conn in self.parts.outside.connections.all() {
            self.items.push(Item::Close {
                conn: conn.id,
                reason: "shutdown",
                lines: vec![words.to_owned()],
            });
            if conn.object().0 >= 0 {
                conn.set_due(Due::Disconnected);
            } else {
                conn.set_gone();
            }
            rows.push(conn.row());
        }
        self.clients.clear();
        self.by_client.clear();
        self.by_sid.clear();
        self.lingering.clear();
        self.census.clear();
        rows
    }

    /// What is due each second: connections that linger too long, and those that have not logged in for too long, which
    /// begin to close: first the hook, then the words.
    pub(super) fn sweep(&mut self) {
        self.count_down();
        let now = wall_seconds() as i64;
        let unless_set = self.parts.login_timeout_s;
        let mut limits = HashMap::new();
        let is_due = |&(_, at): &(&ConnId, &i64)| *at <= now;
        let due: Vec<ConnId> = self
            .unlogged
            .iter()
            .filter(is_due)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in due {
            let client = self.clients.get(&conn).filter(|client| client.closing.is_none());
            let Some(conn) = client.map(|client| client.conn.clone()) else {
                continue;
            };
            let limit = *limits
                .entry(conn.listener)
                .or_insert_with(|| self.look(|tx| login::connect_timeout(tx, conn.listener, unless_set)));
            let over_at = limit.map_or(i64::MAX, |limit| conn.last_input().saturating_add(limit));
            let is_over = now > over_at;
            if !is_over {
                let next = over_at.saturating_add(1).min(now + UNLOGGED_LOOK_S);
                self.unlogged.insert(conn.id, next);
            }
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
            self.forget(conn);
            self.items.push(Item::Close {
                conn: conn.id,
                reason,
                lines,
            });
        }
    }
}
