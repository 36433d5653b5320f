//! What is asked of the world: most of it by messages of the socket.

use super::super::json::{literal, object_text};
use super::super::link::{ask_for, whose};
use super::super::session::answer;
use super::super::session::ask::{Ask, Kind, Typed, read_ask, read_id, read_typed};
use super::super::session::event;
use super::answer::{Refused, finish, respond};
use super::call::Call;
use super::own;
use crate::hosts::link::NoAnswer;
use crate::protocol::client::{
    Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message, WorldAction, WorldResult,
};
use crate::protocol::machine::host::Origin;
use actix_web::HttpResponse;
use serde_json::{Map, Value};

/// A message of the socket, of this type.
pub async fn message(mut call: Call, msg_type: &str) -> Result<HttpResponse, Refused> {
    let known = call.known();
    let read = read_ask(msg_type, &mut call.fields)?;
    let Some(Ask { kind, message }) = read else {
        return Err(Refused::new("UNKNOWN_TYPE", "there are no messages of that type"));
    };
    let reply = ask_for(&call.shared, call.auth, message).await;
    let output = match &reply {
        Ok(Reply::VerbCall { output, .. }) => {
            let told = |event| Value::Object(event::narrative(event, &Origin::default()));
            Some(output.iter().map(told).collect())
        }
        _ => None,
    };
    let mut said = answer::answer(&kind, reply);
    if let Some(output) = output
        && said.get("type").is_some_and(|msg_type| msg_type == "Value")
    {
        said.insert("output".into(), Value::Array(output));
    }
    respond(said, known.as_deref())
}

/// An object, with the names of its verbs and properties where those may be seen.
pub async fn object(mut call: Call) -> Result<HttpResponse, Refused> {
    let object = call.fields.object("object")?;
    let verbs = WorldAction::Verbs {
        object: object.clone(),
        inherited: false,
    };
    let properties = WorldAction::Properties {
        object: object.clone(),
        inherited: false,
    };
    let actions = [WorldAction::Resolve { object }, verbs, properties];
    let mut said = Map::new();
    for result in own::batch(&call, actions).await? {
        match result {
            Ok(WorldResult::Value(value)) => {
                said.insert("object".into(), literal(&value).into());
            }
            Ok(WorldResult::Verbs(verbs)) => {
                let names: Vec<String> = verbs.iter().map(|verb| verb.names.join(" ")).collect();
                said.insert("verbs".into(), names.into());
            }
            Ok(WorldResult::Properties(properties)) => {
                let names: Vec<&str> = properties.iter().map(|property| property.name.as_str()).collect();
                said.insert("properties".into(), names.into());
            }
            // What may not be seen is left out; but an object that is not there is nothing.
            Err(error) if said.is_empty() => return Err(NoAnswer::Refused(error).into()),
            _ => {}
        }
    }
    Ok(finish(&mut HttpResponse::Ok(), Value::Object(said)))
}

/// A message for the world, whose sender has to prove to be that, as over the socket.
pub async fn typed(mut call: Call) -> Result<HttpResponse, Refused> {
    let id = read_id(&call.fields)?;
    // Messages are numbered on a socket only.
    call.fields.number_if("n")?;
    let msg_type = call.fields.name("type")?;
    let Typed {
        msg_type,
        session,
        user,
        to,
        data,
    } = read_typed(&msg_type, std::mem::take(&mut call.fields.0))?;
    is_own(&call, session, user).await?;
    let message = Message::Typed {
        msg_type,
        id,
        to,
        data,
    };
    let reply = ask_for(&call.shared, call.auth, message).await;
    respond(answer::answer(&Kind::Done, reply), None)
}

/// Whether the sender of a message is the player who sends it.
async fn is_own(call: &Call, session: Option<String>, user: Option<String>) -> Result<(), Refused> {
    let wrong = || {
        Refused::new(
            "SESSION_INVALID",
            "`from` is not the user of a session that holds; log in again",
        )
    };
    let (Some(session), Some(user)) = (session, user) else {
        return Err(wrong());
    };
    let me = own::who(&call.shared, &call.auth).await?;
    let is_shown = match &call.auth {
        Auth::Player(own) | Auth::Session(own) => *own == session,
        _ => false,
    };
    let is_theirs = is_shown || {
        let holder = whose(&call.shared, session).await;
        holder.is_ok_and(|holder| holder.player == me.player)
    };
    let is_user = user.eq_ignore_ascii_case(&me.name) || user == object_text(me.player);
    (is_theirs && is_user).then_some(()).ok_or_else(wrong)
}
