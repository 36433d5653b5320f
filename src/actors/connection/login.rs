//! Logins: what the players at both ends are told, and which hooks run.

use super::ConnectionActor;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::Item;
use moo_model::{Obj, Value};
use moo_tasks::connections::Connection;
use moo_tasks::login::{Login, Message};
use std::sync::Arc;

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
        if let Some(old) = replaced {
            self.redirect(&old, conn.listener, player);
        }
        if silent {
            return;
        }
        let lines = self.message(conn, message);
        self.tell(conn, lines);
        self.start_hook(conn, hook);
    }

    /// The connection that a login replaces is told so and closed.
    fn redirect(&mut self, old: &Arc<Connection>, new_listener: Obj, player: Obj) {
        let lines = self.message(old, Message::RedirectFrom);
        self.drop_client(old);
        self.items.push(Item::Close {
            conn: old.id,
            reason: "redirected",
            lines,
        });
        if old.listener != new_listener {
            let job = crate::actors::scheduler::hook(
                &self.parts.outside,
                old.listener,
                "user_client_disconnected",
                player,
                vec![Value::obj(player)],
            );
            self.submits.push(crate::actors::scheduler::unasked(job));
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
