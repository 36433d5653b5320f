//! Logins: what the players at both ends are told, and which hooks run.

use super::ConnectionActor;
use crate::actors::errand;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::{Adopt, Item};
use crate::protocol::ClientId;
use moo_model::{Obj, Value};
use moo_tasks::connections::Connection;
use moo_tasks::login::{Login, Message};
use std::sync::Arc;

/// What stands before and after the lines that a player missed while the connection was broken.
const MISSED: [&str; 2] = [
    "*** What follows was said while your connection was broken. ***",
    "*** That was all that was said. ***",
];

impl ConnectionActor {
    /// A login verb has named a player.
    pub(super) fn log_in(&mut self, conn: &Arc<Connection>, login: Login) {
        self.give_to(conn, login.player, login.created, false);
    }

    /// `switch_player()`: as a login without a password.
    pub(super) fn switch_player(&mut self, conn: &Arc<Connection>, player: Obj, silent: bool) {
        self.give_to(conn, player, false, silent);
    }

    fn give_to(&mut self, conn: &Arc<Connection>, player: Obj, created: bool, silent: bool) {
        let now = wall_seconds() as i64;
        let replaced = self.parts.outside.connections.log_in(conn, player, now);
        self.unlogged.remove(&conn.id);
        conn.input().log_in();
        self.authenticated(conn.id);
        let (message, hook) = match &replaced {
            None if created => (Message::Create, "user_created"),
            None => (Message::Connect, "user_connected"),
            Some(old) if old.listener == conn.listener => (Message::RedirectTo, "user_reconnected"),
            Some(_) => (Message::RedirectTo, "user_connected"),
        };
        if !silent {
            let lines = self.message(conn, message);
            self.tell(conn, lines);
        }
        if let Some(old) = replaced {
            self.redirect(&old, conn);
        }
        if !silent {
            self.start_hook(conn, hook);
        }
    }

    /// A login replaces a connection. One that lingers is taken over, with all that it was told and nobody has seen;
    /// another is told so and closed.
    fn redirect(&mut self, old: &Arc<Connection>, new: &Arc<Connection>) {
        if self.lingering.contains_key(&old.id) {
            self.adopt(old, new);
        } else {
            let lines = self.message(old, Message::RedirectFrom);
            self.items.push(Item::Close {
                conn: old.id,
                reason: "redirected",
                lines,
            });
            self.forget(old);
        }
        if old.listener != new.listener {
            let player = new.object();
            let job = errand::hook(
                &self.parts.outside,
                old.listener,
                "user_client_disconnected",
                player,
                vec![Value::obj(player)],
            );
            self.submits.push_back(errand::unasked(job));
        }
    }

    /// What was told to a connection that nobody has is shown on another one, and a task that read from it goes on there;
    /// then it is forgotten without a word.
    pub(super) fn adopt(&mut self, old: &Arc<Connection>, new: &Arc<Connection>) {
        let attachment = old.attachment();
        let from = ClientId(attachment.client);
        self.remember_adopted(from, attachment.epoch);
        let reader = old.input().reader();
        if let Some(task) = reader {
            old.input().stop_reading(task);
            if !new.input().read(task) {
                self.ends.push(task);
            }
        }
        let adopt = Adopt {
            from,
            to: new.id,
            player: new.object().into(),
            around: MISSED,
            rows: self.drop_client(old),
        };
        if let Err(adopt) = self.parts.past.adopt(adopt) {
            tracing::error!(
                connection = old.name,
                "too many logins at once: one is not shown what it missed"
            );
            self.errand.rows.extend(adopt.rows);
            self.items.push(Item::Forget(old.id));
        }
    }

    /// The server's own words, for a connection whose listener prints them.
    pub(super) fn message(&mut self, conn: &Connection, message: Message) -> Vec<String> {
        if !conn.prints_messages {
            return Vec::new();
        }
        let listener = conn.listener;
        self.look(|tx| message.lines(tx, listener))
    }
}
