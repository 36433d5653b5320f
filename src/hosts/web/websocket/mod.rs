//! One WebSocket: its actor, and how it comes to be.
//!
//! Parent: the connection of the web server that was upgraded. It is not supervised: when it panics its socket is closed, and
//! dropping it tells the link that the client is gone. Mailbox: events are bounded by the client's meter, answers by how much
//! a client may ask at once. The actor runs only while its peer takes what is written (`taken`), so what ends a peer that
//! does not is outside (`reaper`).

pub mod joined;
pub mod taken;
pub mod talk;
pub mod upgrade;

use super::WebShared;
use super::link::{ask_for, whose};
use super::session::Act;
use crate::hosts::link::{Entry, FromClient, ToClient};
use crate::limits::{
    GREETING_DELAY, MESSAGES_BURST, MESSAGES_PER_SECOND, WEB_PING_MISSED_MAX, WEB_PING_PERIOD,
};
use crate::protocol::client::{Auth, HostClientToDaemonMessage};
use crate::protocol::host::Peer;
use crate::protocol::machine::host::Meter;
use crate::protocol::{ClientId, WireObj};
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, StreamHandler, WrapFuture, fut};
use actix_http::ws::Item;
use actix_web_actors::ws::{self, CloseCode, CloseReason, WebsocketContext};
use joined::{Joined, Joining};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use taken::Taken;
use talk::{Heard, NO_BYTES, Talk};

type Context = WebsocketContext<WsConn>;

/// Tells the link that a client is gone, however its actor ended.
struct Farewell {
    shared: Arc<WebShared>,
    /// What the link knows the client by; none before it does.
    client: Option<ClientId>,
    meter: Arc<Meter>,
    /// The client does not come back.
    is_leaving: bool,
}

impl Farewell {
    fn say(&mut self) {
        if let Some(client) = self.client.take() {
            // A link that is gone knows no clients, so there is nobody to tell.
            let _ = self.shared.link.offer(FromClient::Closed {
                client,
                meter: Arc::clone(&self.meter),
                may_return: !self.is_leaving,
            });
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.say();
        self.shared.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The actor of one client.
pub struct WsConn {
    talk: Talk,
    peer: Peer,
    address: Option<IpAddr>,
    farewell: Farewell,
    taken: Arc<Taken>,
    joining: Joining,
    /// Frames, of whatever kind, that the client may still send at once, and when that was so.
    allowance: (f64, Duration),
    pings_unanswered: u32,
}

impl WsConn {
    /// A client whose socket has just been upgraded.
    pub fn new(
        shared: Arc<WebShared>,
        talk: Talk,
        (peer, address): (Peer, Option<IpAddr>),
        taken: Arc<Taken>,
    ) -> WsConn {
        shared.sockets.fetch_add(1, Ordering::Relaxed);
        let now = shared.now();
        WsConn {
            talk,
            peer,
            address,
            farewell: Farewell {
                shared,
                client: None,
                meter: taken.meter(),
                is_leaving: false,
            },
            taken,
            joining: Joining::default(),
            allowance: (MESSAGES_BURST, now),
            pings_unanswered: 0,
        }
    }

    fn shared(&self) -> &Arc<WebShared> {
        &self.farewell.shared
    }

    /// Does what the conversation wants.
    fn act(&mut self, context: &mut Context) {
        for act in self.talk.acts() {
            self.carry_out(act, context);
        }
    }

    fn carry_out(&mut self, act: Act, context: &mut Context) {
        match act {
            Act::Send { text, event } => {
                context.text(text);
                if let Some((seq, mark)) = event {
                    self.taken.told(seq, mark);
                }
            }
            Act::SendBytes { bytes, event } => {
                context.binary(bytes);
                if let Some((seq, mark)) = event {
                    self.taken.told(seq, mark);
                }
            }
            Act::Lines(lines) => {
                if let Some(client) = self.farewell.client {
                    self.offer(FromClient::Lines { client, lines }, context);
                }
            }
            Act::Pass { seq, mark } => {
                self.taken.passed(seq, mark);
                self.drained();
            }
            Act::Acked(seq) => {
                self.taken.acked(seq);
                self.drained();
            }
            Act::Enter(entry, client) => self.enter(entry, client, context),
            Act::Ask {
                name,
                message,
                number,
            } => {
                if let Some(client) = self.farewell.client {
                    self.offer(
                        FromClient::Ask {
                            client,
                            name,
                            message,
                            number,
                        },
                        context,
                    );
                }
            }
            Act::Outside { name, auth, message } => self.ask_outside(name, auth, message, context),
            Act::Whose(sid) => self.ask_whose(sid, context),
            Act::Leave => self.farewell.is_leaving = true,
            Act::Close { code, words } => close(context, code, &words),
        }
    }

    /// Asks the daemon on the client's behalf, without its connection.
    fn ask_outside(
        &mut self,
        name: u64,
        auth: Auth,
        message: HostClientToDaemonMessage,
        context: &mut Context,
    ) {
        let shared = Arc::clone(self.shared());
        let asked = async move { ask_for(&shared, auth, message).await };
        let heard = asked
            .into_actor(self)
            .map(move |reply, conn, context: &mut Context| {
                if let Talk::Json(session) = &mut conn.talk {
                    session.outside(name, reply);
                }
                conn.act(context);
            });
        context.spawn(heard);
    }

    /// Asks whose session this is.
    fn ask_whose(&mut self, sid: String, context: &mut Context) {
        let shared = Arc::clone(self.shared());
        let asked = async move { whose(&shared, sid).await };
        let heard = asked.into_actor(self).map(|known, conn, context: &mut Context| {
            if let Talk::Json(session) = &mut conn.talk {
                session.whose(known);
            }
            conn.act(context);
        });
        context.spawn(heard);
    }

    /// Asks the link to let the client in.
    fn enter(&mut self, entry: Entry, client: Option<ClientId>, context: &mut Context) {
        if matches!(entry, Entry::Back { .. }) {
            self.taken.trust_client();
        }
        let client = client.unwrap_or_else(|| self.shared().names.next());
        self.farewell.say();
        self.farewell.client = Some(client);
        let opened = FromClient::Opened {
            client,
            peer: self.peer.clone(),
            handler: WireObj(0),
            address: context.address().recipient(),
            meter: Arc::clone(&self.farewell.meter),
            entry,
        };
        self.offer(opened, context);
    }

    /// Tells the link; what it has no room for ends the client, which then comes again.
    fn offer(&mut self, message: FromClient, context: &mut Context) {
        if self.shared().link.offer(message).is_err() {
            close(context, 1013, "the server is busy");
        }
    }

    /// Tells the link, by the meter, how far the client has come.
    fn drained(&self) {
        if self.taken.settle()
            && let Some(client) = self.farewell.client
        {
            // A link that is too busy to hear it looks at the meter by itself.
            let _ = self.shared().link.offer(FromClient::Drained { client });
        }
    }

    /// Takes a frame off what the client may still send. If that was too much, nothing more is read for a moment.
    fn count_frame(&mut self, context: &mut Context) {
        let now = self.shared().now();
        let (left, since) = self.allowance;
        let earned = now.saturating_sub(since).as_secs_f64() * MESSAGES_PER_SECOND;
        let left = (left + earned).min(MESSAGES_BURST) - 1.0;
        self.allowance = (left, now);
        if left < 0.0 {
            let rest = Duration::from_secs_f64(-left / MESSAGES_PER_SECOND);
            context.wait(fut::wrap_future(tokio::time::sleep(rest)));
        }
    }

    fn hear(&mut self, message: &Heard<'_>, context: &mut Context) {
        let shared = Arc::clone(self.shared());
        let (now, address) = (shared.now(), self.address);
        let admit = |name: &str| shared.throttle.admit(now, address, name);
        match self.talk.hear(message, now, admit) {
            Ok(()) => self.act(context),
            Err((code, words)) => close(context, code, words),
        }
    }

    fn ping(&mut self, context: &mut Context) {
        if self.pings_unanswered >= WEB_PING_MISSED_MAX {
            return context.stop();
        }
        self.pings_unanswered += 1;
        context.ping(b"");
    }
}

fn close(context: &mut Context, code: u16, words: &str) {
    // A close frame has room for 123 bytes of words.
    let words = &words[..words.floor_char_boundary(120)];
    context.close(Some(CloseReason {
        code: CloseCode::Other(code),
        description: Some(words.to_owned()),
    }));
    context.stop();
}

impl Actor for WsConn {
    type Context = Context;

    fn started(&mut self, context: &mut Context) {
        let login_within = Duration::from_secs(u64::from(self.shared().settings.login_timeout_s));
        if let Talk::Json(session) = &mut self.talk {
            session.greet(login_within);
        }
        self.act(context);
        context.run_interval(WEB_PING_PERIOD, |conn, context| conn.ping(context));
        context.run_later(GREETING_DELAY, |conn, context| {
            if let Talk::Json(session) = &mut conn.talk {
                session.knock();
            }
            conn.act(context);
        });
        context.run_later(login_within, |conn, context| {
            if !conn.talk.is_known() {
                conn.talk.close(4408, "not logged in in time");
                conn.act(context);
            }
        });
    }
}

impl Handler<ToClient> for WsConn {
    type Result = ();

    fn handle(&mut self, message: ToClient, context: &mut Context) {
        crate::fault::point("web.client");
        match &message {
            ToClient::Entered { attachment, .. } => self.farewell.client = Some(attachment.client),
            ToClient::NotEntered(_) => self.farewell.client = None,
            _ => {}
        }
        self.talk.told(message);
        self.act(context);
        self.drained();
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for WsConn {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, context: &mut Context) {
        self.drained();
        self.count_frame(context);
        let joined = match message {
            Ok(ws::Message::Ping(bytes)) => return context.pong(&bytes),
            Ok(ws::Message::Pong(_)) => {
                self.pings_unanswered = 0;
                return;
            }
            Ok(ws::Message::Close(reason)) => {
                context.close(reason);
                return context.stop();
            }
            Ok(ws::Message::Nop) => return,
            Ok(ws::Message::Text(text)) => return self.hear(&Heard::Text(&text), context),
            Ok(ws::Message::Binary(bytes)) => return self.hear(&Heard::Bytes(&bytes), context),
            Ok(ws::Message::Continuation(Item::FirstBinary(_))) if !self.talk.takes_bytes() => {
                return close(context, 1003, NO_BYTES);
            }
            Ok(ws::Message::Continuation(item)) => self.joining.take(item, self.talk.frame_max()),
            Err(error) => {
                let code = match error {
                    ws::ProtocolError::Overflow => 1009,
                    // So it calls a text that is not UTF-8; where the line really broke, nobody reads the code.
                    ws::ProtocolError::Io(_) => 1007,
                    _ => 1002,
                };
                return close(context, code, &error.to_string());
            }
        };
        match joined {
            Joined::Text(text) => self.hear(&Heard::Text(&text), context),
            Joined::Bytes(bytes) => self.hear(&Heard::Bytes(&bytes), context),
            Joined::TooLarge => close(context, 1009, "the message is too large"),
            Joined::NotText => close(context, 1007, "the message is not UTF-8"),
            Joined::More => {}
        }
    }
}
