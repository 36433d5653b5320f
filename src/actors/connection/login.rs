//! Logins: what the players at both ends are told, and which hooks run.

use super::ConnectionActor;
use super::asking::busy;
use super::tokens::Issued;
use crate::actors::errand;
use crate::actors::executor::wall_seconds;
use crate::actors::outlet::{Adopt, Item, Missed, Reply};
use crate::protocol::client::{ConnectType, DaemonToClientReply, LoginOk};
use crate::protocol::error::RpcMessageError;
use crate::protocol::{ClientId, Wall};
use moo_model::{Obj, Value};
use moo_tasks::attempt::Work;
use moo_tasks::connections::{ConnId, Connection};
use moo_tasks::input_queue::Line;
use moo_tasks::login::{Login, Message};
use std::sync::Arc;

/// What stands before and after the lines that a player missed while the connection was broken.
const MISSED: [&str; 2] = [
    "*** What follows was said while your connection was broken. ***",
    "*** That was all that was said. ***",
];

/// A login that a host asked for and waits to hear about.
#[derive(Debug)]
pub(super) struct LoginAsked {
    /// Its number.
    pub ticket: u64,
    /// Its task; 0 until it has one.
    pub task: i64,
    /// Where the answer goes, once it has a task.
    pub reply: Option<Reply>,
    /// Whether the connection is to be the player's.
    pub do_attach: bool,
}

impl ConnectionActor {
    /// A host asks for a login and wants to hear how it went, where a line of a terminal would only be shown it.
    pub(super) fn ask_login(
        &mut self,
        conn: ConnId,
        reply: Reply,
        cmd_seq: u64,
        (command, do_attach): (String, bool),
    ) -> Result<(), RpcMessageError> {
        let client = self.clients.get_mut(&conn).ok_or(RpcMessageError::NoConnection)?;
        if client.commands.is_next(cmd_seq) {
            if client.conn.object().0 >= 0 {
                return Err(RpcMessageError::AlreadyConnected);
            }
            // One that was flushed away never became a task, and nobody waits for it any more.
            let is_pending = |asked: &LoginAsked| asked.task != 0 || client.commands.is_waiting(asked.ticket);
            if client.login.as_ref().is_some_and(is_pending) {
                return Err(busy());
            }
            client.login = Some(LoginAsked {
                ticket: cmd_seq,
                task: 0,
                reply: None,
                do_attach,
            });
        }
        let taken = self.line(conn, reply, cmd_seq, command);
        if taken.is_err()
            && let Some(client) = self.clients.get_mut(&conn)
        {
            client.login.take_if(|asked| asked.ticket == cmd_seq);
        }
        taken
    }

    /// What a line before login is to do.
    pub(super) fn login_work(&self, conn: ConnId, line: Line) -> Work {
        let asked = self.clients.get(&conn).and_then(|client| client.login.as_ref());
        match asked.filter(|asked| asked.ticket == line.ticket) {
            Some(LoginAsked { do_attach: false, .. }) => Work::Authenticate(line),
            _ => Work::Login(line),
        }
    }

    /// A line becomes a task. Who asked for a login is answered at its end; gives where all others are answered.
    pub(super) fn keep_login_reply(
        &mut self,
        conn: ConnId,
        ticket: u64,
        (task, work): (i64, &Work),
        reply: Option<Reply>,
    ) -> Option<Reply> {
        let client = self.clients.get_mut(&conn)?;
        if ticket == 0 || client.login.as_ref().is_none_or(|asked| asked.ticket != ticket) {
            return reply;
        }
        if !matches!(work, Work::Login(_) | Work::Authenticate(_)) {
            // The player came in by an earlier line, so this one is a command.
            client.login = None;
            return reply;
        }
        if let Some(asked) = &mut client.login {
            (asked.task, asked.reply) = (task, reply);
        }
        None
    }

    /// A login task's first slice is over; it named a player, or not.
    pub(super) fn login_ended(&mut self, conn: &Arc<Connection>, task: i64, login: Option<Login>) {
        let client = self.clients.get_mut(&conn.id);
        let asked = client.and_then(|client| client.login.take_if(|asked| asked.task == task));
        let reply = asked.as_ref().and_then(|asked| asked.reply);
        let Some(login) = login else {
            if let Some(reply) = reply {
                self.answer_later(conn.id, reply, DaemonToClientReply::LoginResult(None));
            }
            return;
        };
        let now = self.parts.keys.now();
        if asked.is_some_and(|asked| !asked.do_attach) {
            let token = self.parts.keys.auth_token(login.player.into(), now);
            let ok = LoginOk {
                auth_token: token.map_or_else(String::new, |(token, _)| token),
                connect_type: connect_type(login.created, false),
                player: login.player.into(),
                attach: None,
            };
            if let Some(reply) = reply {
                self.answer_later(conn.id, reply, DaemonToClientReply::LoginResult(Some(ok)));
            }
            return;
        }
        let (issued, connect_type) = self.give_to(conn, login.player, now, login.created, false);
        if let (Some(reply), Some(issued)) = (reply, issued) {
            let ok = LoginOk {
                auth_token: issued.auth_token.clone().unwrap_or_default(),
                connect_type,
                player: login.player.into(),
                attach: None,
            };
            self.attached(reply, conn, issued, ok);
        }
    }

    /// `switch_player()`: as a login without a password.
    pub(super) fn switch_player(&mut self, conn: &Arc<Connection>, player: Obj, silent: bool) {
        let now = self.parts.keys.now();
        self.give_to(conn, player, now, false, silent);
    }

    /// The connection is the player's, who gave a password then. Gives what proves it from now on, and whether another
    /// one was replaced.
    pub(super) fn give_to(
        &mut self,
        conn: &Arc<Connection>,
        player: Obj,
        auth_time: Wall,
        created: bool,
        silent: bool,
    ) -> (Option<Issued>, ConnectType) {
        let replaced = self.parts.outside.connections.find(player);
        let replaced = replaced.filter(|old| old.id != conn.id);
        let (message, hook) = match &replaced {
            None if created => (Message::Create, "user_created"),
            None => (Message::Connect, "user_connected"),
            Some(old) if old.listener == conn.listener => (Message::RedirectTo, "user_reconnected"),
            Some(_) => (Message::RedirectTo, "user_connected"),
        };
        if !silent {
            let lines = self.message(conn, message);
            self.tell_as(player, conn, lines);
        }
        let lingering = replaced
            .as_ref()
            .filter(|old| self.lingering.contains_key(&old.id));
        // Before anybody finds the new connection under the player: what it hears must come behind what the old one heard.
        let missed = lingering.map(|old| self.begin_take_over(old, conn));
        let now = wall_seconds() as i64;
        self.parts.outside.connections.log_in(conn, player, now);
        self.unlogged.remove(&conn.id);
        conn.input().log_in();
        if created {
            // Somebody else may have had this number.
            let mut outbox = self.parts.outlet.outbox();
            let rows = outbox.forget_past(player.0);
            outbox.put(rows);
        }
        let issued = self.authenticated(conn.id, auth_time);
        let connect_type = connect_type(created, replaced.is_some());
        if let Some(old) = replaced {
            self.redirect(&old, conn, missed);
        }
        if !silent {
            self.start_hook(conn, hook);
        }
        (issued, connect_type)
    }

    /// A login replaces a connection. One that lingers is taken over, with all that it was told and nobody has seen;
    /// another is told so and closed.
    fn redirect(&mut self, old: &Arc<Connection>, new: &Arc<Connection>, missed: Option<Missed>) {
        if let Some(missed) = missed {
            self.adopt(old, new, missed);
        } else {
            let lines = self.message(old, Message::RedirectFrom);
            self.items.push(Item::Close {
                conn: old.id,
                reason: "redirected",
                lines,
            });
            self.forget(old);
            self.parts.outlet.outbox().replace(old.id.0, new.id.0);
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

    /// From here on, whatever is told to the new connection waits behind what the old one was told. Gives how much
    /// that was.
    pub(super) fn begin_take_over(&mut self, old: &Connection, new: &Connection) -> Missed {
        // What was said to the new one before is numbered first.
        self.parts.outlet.say(std::mem::take(&mut self.items));
        let last = self.parts.outlet.outbox().begin_take_over(old.id.0, new.id.0);
        last.map_or(Missed::Mixed, Missed::Through)
    }

    /// What was told to a connection that nobody has is shown on another one, and a task that read from it goes on there;
    /// then it is forgotten without a word.
    pub(super) fn adopt(&mut self, old: &Arc<Connection>, new: &Arc<Connection>, missed: Missed) {
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
        let rows = self.drop_client(old);
        self.adoptions.push_back(Adopt {
            from: (old.id, from),
            player: new.object().into(),
            around: MISSED,
            missed,
            rows,
        });
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

fn connect_type(is_created: bool, has_replaced: bool) -> ConnectType {
    match (is_created, has_replaced) {
        (true, _) => ConnectType::Created,
        (false, true) => ConnectType::Reconnected,
        (false, false) => ConnectType::Connected,
    }
}
