//! What players ask about themselves.

use super::super::WebShared;
use super::super::json::object_text;
use super::super::link::ask_for;
use super::super::session::answer;
use super::super::session::ask::{Kind, recall};
use super::answer::{Refused, finish, respond};
use super::call::Call;
use super::cookie;
use crate::hosts::link::NoAnswer;
use crate::protocol::client::{
    Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message, ObjectRef, WorldAction,
    WorldResult,
};
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::{WireObj, WireValue};
use actix_web::HttpResponse;
use moo_model::{Obj, Value as Moo};
use serde_json::json;

/// A player.
pub struct Me {
    /// Who.
    pub player: WireObj,
    /// The player's name.
    pub name: String,
    /// What the player is, as a `Welcome` says it.
    flags: Vec<&'static str>,
}

/// What each action of a batch gave.
pub async fn batch(
    call: &Call,
    actions: impl IntoIterator<Item = WorldAction>,
) -> Result<Vec<Result<WorldResult, RpcMessageError>>, Refused> {
    Ok(batch_for(&call.shared, &call.auth, actions).await?)
}

async fn batch_for(
    shared: &WebShared,
    auth: &Auth,
    actions: impl IntoIterator<Item = WorldAction>,
) -> Result<Vec<Result<WorldResult, RpcMessageError>>, NoAnswer> {
    let message = Message::BatchWorldState {
        actions: actions
            .into_iter()
            .map(|action| (String::new(), action))
            .collect(),
        rollback: false,
    };
    match ask_for(shared, auth.clone(), message).await? {
        Reply::BatchResult(results) => Ok(results.into_iter().map(|(_, result)| result).collect()),
        _ => Err(NoAnswer::Failed(RpcError::UnexpectedReply(
            "it is for no batch".into(),
        ))),
    }
}

/// Whose a proof is.
pub async fn who(shared: &WebShared, auth: &Auth) -> Result<Me, NoAnswer> {
    let me = || ObjectRef::Match("me".to_owned());
    let read = |property: &str| WorldAction::RequestSysProp {
        object: me(),
        property: property.to_owned(),
    };
    let resolve = WorldAction::Resolve { object: me() };
    let results = batch_for(
        shared,
        auth,
        [resolve, read("name"), read("wizard"), read("programmer")],
    )
    .await?;
    let mut values = results.into_iter().map(|result| match result {
        Ok(WorldResult::Value(value)) => value.open().ok(),
        _ => None,
    });
    let mut next = || values.next().flatten();
    let player = next().and_then(|player| player.as_obj());
    let gone = || NoAnswer::Refused(RpcMessageError::InvalidToken);
    let player = player.ok_or_else(gone)?;
    let name = next().and_then(|name| name.as_str().map(str::to_owned));
    let flags = ["wizard", "programmer"].map(|flag| next().is_some_and(|is| is.is_true()).then_some(flag));
    Ok(Me {
        player: player.into(),
        name: name.unwrap_or_default(),
        flags: flags.into_iter().flatten().collect(),
    })
}

/// Whose token it is.
pub async fn me(call: Call) -> Result<HttpResponse, Refused> {
    let Me { player, name, flags } = who(&call.shared, &call.auth).await?;
    let said = json!({"player": object_text(player), "name": name, "flags": flags});
    Ok(finish(&mut HttpResponse::Ok(), said))
}

/// What the player was told.
pub async fn history(mut call: Call) -> Result<HttpResponse, Refused> {
    // Without a connection, positions are those of the player's past, which has no eras.
    for (given, name) in [("before_seq", "before"), ("after_seq", "after")] {
        if let Some(seq) = call.fields.number_if(given)? {
            call.fields.0.insert(name.into(), json!({"era": 0, "seq": seq}));
        }
    }
    let recall = recall(&mut call.fields)?;
    let reply = ask_for(&call.shared, call.auth, Message::RequestHistory { recall }).await;
    respond(answer::answer(&Kind::History, reply), None)
}

/// Who is there.
pub async fn presence(call: Call) -> Result<HttpResponse, Refused> {
    let me = who(&call.shared, &call.auth).await?;
    let message = Message::InvokeSystemHandler {
        handler_type: "presence".to_owned(),
        args: vec![WireValue::new(&Moo::obj(Obj::from(me.player)))],
    };
    let reply = ask_for(&call.shared, call.auth, message).await;
    respond(answer::answer(&Kind::Value, reply), None)
}

/// Ends every token, session and connection of the player.
pub async fn logout_everywhere(call: Call) -> Result<HttpResponse, Refused> {
    let reply = ask_for(&call.shared, call.auth, Message::LogoutEverywhere).await?;
    let closed = match reply {
        Reply::LoggedOutEverywhere { closed } => closed,
        _ => 0,
    };
    let mut response = HttpResponse::Ok();
    response.cookie(cookie::forget(&call.request));
    Ok(finish(&mut response, json!({"closed": closed})))
}
