//! Logging in without a socket: a connection is opened for as long as the world takes to decide, and the player gets a
//! token.
//!
//! Parent: the request that wants it, which ends with it. It is not supervised: when it panics, whoever waits for its word
//! is told so, and dropping it tells the link that the client is gone. Mailbox: what one login is told. Invariant: the
//! connection is never the player's, and is gone when the answer leaves.

use super::super::WebShared;
use super::super::json::{Fields, invalid, object_text};
use super::super::link::ask_for;
use super::super::session::ask::{What, read_what};
use super::super::session::entering::how;
use super::super::websocket::upgrade::far_end;
use super::answer::{Refused, finish};
use super::call::Call;
use super::{cookie, own};
use crate::hosts::link::{Entry, FromClient, NoAnswer, Number, ToClient};
use crate::limits::{LOGIN_REST_MIN, REST_PATIENCE};
use crate::protocol::client::{
    Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message, LoginOk,
};
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::event::{ClientEvent, Content, LineBody};
use crate::protocol::host::Peer;
use crate::protocol::machine::host::Meter;
use crate::protocol::{ClientId, WireObj};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler};
use actix_web::HttpResponse;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What the question is called; there is only one.
const QUESTION: u64 = 1;

/// Logs a player in.
pub async fn login(mut call: Call) -> Result<HttpResponse, Refused> {
    let (line, name) = line(&mut call.fields)?;
    let (peer, address) = far_end(&call.request, &call.shared);
    if let Err(wait) = call.shared.throttle.admit(call.shared.now(), address, &name) {
        return Err(busy(wait));
    }
    let ok = enter(&call.shared, peer, line).await?;
    let token = ok.auth_token.clone();
    let me = own::who(&call.shared, &Auth::Player(ok.auth_token)).await?;
    let said = json!({
        "player": object_text(ok.player),
        "name": me.name,
        "token": token,
        "how": how(ok.connect_type),
    });
    let mut response = HttpResponse::Ok();
    response.cookie(cookie::set(&call.request, &token));
    Ok(finish(&mut response, said))
}

/// Gives another token for one that holds.
pub async fn renew(call: Call) -> Result<HttpResponse, Refused> {
    let Reply::TokenRenewed { auth_token } = ask_for(&call.shared, call.auth, Message::RenewToken).await?
    else {
        let unexpected = RpcError::UnexpectedReply("it has no token".into());
        return Err(NoAnswer::Failed(unexpected).into());
    };
    let mut response = HttpResponse::Ok();
    response.cookie(cookie::set(&call.request, &auth_token));
    Ok(finish(&mut response, json!({"token": auth_token})))
}

/// Forgets the cookie.
pub fn logout(call: &Call) -> HttpResponse {
    HttpResponse::NoContent()
        .cookie(cookie::forget(&call.request))
        .finish()
}

/// Try again after this time.
pub(super) fn busy(wait: Duration) -> Refused {
    let wait = wait.max(LOGIN_REST_MIN).as_millis();
    let error = RpcMessageError::Busy {
        retry_after_ms: u32::try_from(wait).unwrap_or(u32::MAX),
    };
    NoAnswer::Refused(error).into()
}

/// The line that a terminal would send, and the name that is tried.
fn line(fields: &mut Fields) -> Result<(String, String), Refused> {
    let msg_type = match (fields.flag("guest")?, fields.flag("create")?) {
        (true, true) => return Err(invalid("a guest is not created").into()),
        (true, false) => "Guest",
        (false, true) => "Create",
        (false, false) => "Login",
    };
    match read_what(msg_type, fields)? {
        What::Login { line, name } => Ok((line, name)),
        _ => Err(invalid("give a `name` and a `password`").into()),
    }
}

async fn enter(shared: &Arc<WebShared>, peer: Peer, line: String) -> Result<LoginOk, Refused> {
    let (answer, heard) = oneshot::channel();
    let visitor = Visitor {
        shared: Arc::clone(shared),
        client: shared.names.next(),
        meter: Arc::default(),
        line: Some((peer, line)),
        words: None,
        answer: Some(answer),
    };
    visitor.start();
    match timeout(REST_PATIENCE, heard).await {
        Ok(Ok(end)) => end,
        Ok(Err(_)) => Err(NoAnswer::Failed(RpcError::ConnectionLost).into()),
        Err(_) => Err(NoAnswer::Failed(RpcError::Timeout).into()),
    }
}

/// A client that does nothing but log in.
struct Visitor {
    shared: Arc<WebShared>,
    client: ClientId,
    meter: Arc<Meter>,
    /// Where it comes from and what it says, until it has said so.
    line: Option<(Peer, String)>,
    /// The last line that it was told.
    words: Option<String>,
    answer: Option<oneshot::Sender<Result<LoginOk, Refused>>>,
}

impl Visitor {
    fn end(&mut self, result: Result<LoginOk, Refused>, context: &mut Context<Visitor>) {
        if let Some(answer) = self.answer.take() {
            // Whoever asked may have gone.
            answer.send(result).ok();
        }
        context.stop();
    }

    fn offer(&mut self, message: FromClient, context: &mut Context<Visitor>) {
        if self.shared.link.offer(message).is_err() {
            self.end(Err(busy(LOGIN_REST_MIN)), context);
        }
    }

    fn ask(&mut self, context: &mut Context<Visitor>) {
        let Some((_, command)) = self.line.take() else {
            return;
        };
        let message = Message::LoginCommand {
            handler: WireObj(0),
            connect_args: Vec::new(),
            command,
            do_attach: false,
        };
        let ask = FromClient::Ask {
            client: self.client,
            name: QUESTION,
            message,
            number: Number::Next,
        };
        self.offer(ask, context);
    }

    fn answered(&mut self, answer: Result<Reply, NoAnswer>, context: &mut Context<Visitor>) {
        let result = match answer {
            Ok(Reply::LoginResult(Some(ok))) => Ok(ok),
            Ok(_) => {
                let refused = Refused::new("LOGIN_FAILED", "the world did not let you in");
                Err(refused.with_message(self.words.take()))
            }
            Err(error) => Err(error.into()),
        };
        self.end(result, context);
    }
}

/// The last line of what is told that says something.
fn last_line(event: &ClientEvent) -> Option<String> {
    let ClientEvent::Narrative { event } = event else {
        return None;
    };
    let Content::Lines(lines) = &event.content else {
        return None;
    };
    let texts = lines.iter().rev().filter_map(|line| match &line.body {
        LineBody::Text(text) => Some(text.trim()),
        LineBody::Bytes(_) => None,
    });
    texts.filter(|text| !text.is_empty()).map(str::to_owned).next()
}

impl Actor for Visitor {
    type Context = Context<Visitor>;

    fn started(&mut self, context: &mut Context<Visitor>) {
        let Some((peer, _)) = &self.line else { return };
        let opened = FromClient::Opened {
            client: self.client,
            peer: peer.clone(),
            handler: WireObj(0),
            address: context.address().recipient(),
            meter: Arc::clone(&self.meter),
            entry: Entry::New,
        };
        self.offer(opened, context);
        // By then nobody waits any more.
        context.run_later(REST_PATIENCE, |_, context| context.stop());
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // A link that is gone knows no clients, so there is nobody to tell.
        let _ = self.shared.link.offer(FromClient::Closed {
            client: self.client,
            meter: Arc::clone(&self.meter),
            may_return: false,
        });
    }
}

impl Handler<ToClient> for Visitor {
    type Result = ();

    fn handle(&mut self, told: ToClient, context: &mut Context<Visitor>) {
        match told {
            ToClient::Event { event, pos, mark, .. } => {
                if let Some(words) = last_line(&event) {
                    self.words = Some(words);
                }
                self.meter.accept(pos.seq, mark);
            }
            ToClient::Ready { .. } => self.ask(context),
            ToClient::Reply { answer, .. } => self.answered(*answer, context),
            ToClient::NotEntered(why) => self.end(Err((*why).into()), context),
            ToClient::Close { .. } => {
                let refused = Refused::new("LOGIN_FAILED", "the world has closed the connection");
                let words = self.words.take();
                self.end(Err(refused.with_message(words)), context);
            }
            ToClient::Away => self.end(Err(NoAnswer::Failed(RpcError::ConnectionLost).into()), context),
            _ => {}
        }
    }
}
