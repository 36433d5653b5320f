//! Answers of the daemon as JSON.
//!
//! Invariant: an answer has the `id` of its question, and the number under which that was carried out, if it has one.

use super::super::json::{json_value, literal, object_text};
use super::ask::Kind;
use super::event::{self, error_fields};
use super::saving::READ;
use crate::hosts::link::NoAnswer;
use crate::protocol::WireValue;
use crate::protocol::client::{
    CmdOutcome, DaemonToClientReply as Reply, HistoricalEvent, ObjectInfo, PropInfo, SessionInfo, VerbInfo,
    WorldResult,
};
use crate::protocol::error::{RpcError, RpcMessageError};
use crate::protocol::hex::to_hex;
use crate::protocol::machine::host::Origin;
use moo_model::Value as Moo;
use serde_json::{Map, Value, json};

/// What a client is told in answer to what it asked, but for the names of the question.
pub fn answer(kind: &Kind, answer: Result<Reply, NoAnswer>) -> Map<String, Value> {
    let said = answer.and_then(|reply| said(kind, reply));
    let value = said.unwrap_or_else(|error| with_current(kind, &error, error_value(&error)));
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// An error as a message.
pub fn error_value(error: &NoAnswer) -> Value {
    let mut fields = error_fields(error);
    fields.insert("type".into(), "Error".into());
    Value::Object(fields)
}

/// Who wanted to change something else than what is there is told what that is.
fn with_current(kind: &Kind, error: &NoAnswer, mut said: Value) -> Value {
    if let NoAnswer::Refused(RpcMessageError::Changed { current }) = error {
        said["current"] = match kind {
            Kind::Programmed => json!({"etag": tag(current), "code": json_value(current)}),
            _ => json!({"etag": tag(current), "value": json_value(current), "literal": literal(current)}),
        };
    }
    said
}

fn said(kind: &Kind, reply: Reply) -> Result<Value, NoAnswer> {
    Ok(match reply {
        Reply::TaskSubmitted { task_id } => json!({"type": "Ok", "task": task_id}),
        Reply::Duplicate { outcome, .. } => return duplicate(kind, outcome),
        Reply::InputThanks | Reply::PresentationDismissed | Reply::ClientAttributeSet => {
            json!({"type": "Ok"})
        }
        Reply::EvalResult(value) | Reply::ResolveResult(value) => value_message(&value),
        Reply::VerbCall { result, .. } => {
            let task_error = |error| NoAnswer::Refused(RpcMessageError::TaskError(error));
            value_message(&result.map_err(task_error)?)
        }
        Reply::SystemHandler(result) => {
            let task_error = |error| NoAnswer::Refused(RpcMessageError::TaskError(error));
            handler_message(&result.map_err(task_error)?)
        }
        Reply::VerbList(verbs) => json!({"type": "Verbs", "verbs": list(&verbs, verb)}),
        Reply::PropertyList(properties) => {
            json!({"type": "Properties", "properties": list(&properties, property)})
        }
        Reply::VerbValue(info, code) => {
            json!({"type": "Verb", "info": verb(&info), "code": code, "etag": code_tag(&code)})
        }
        Reply::PropertyValue(info, value) => json!({
            "type": "Property",
            "info": property(&info),
            "value": json_value(&value),
            "literal": literal(&value),
            "etag": tag(&value),
        }),
        Reply::BatchResult(results) => return saved(kind, results),
        Reply::ObjectList(objects) => json!({"type": "Objects", "objects": list(&objects, object)}),
        Reply::History {
            events,
            more_before,
            total,
        } => {
            let events: Vec<Value> = events.iter().flat_map(past).collect();
            json!({"type": "History", "events": events, "more_before": more_before, "total": total})
        }
        Reply::Sessions(sessions) => json!({"type": "Sessions", "sessions": list(&sessions, session)}),
        Reply::LoggedOutEverywhere { closed } => json!({"type": "Ok", "closed": closed}),
        Reply::Presentations(shown) => {
            let shown = shown
                .iter()
                .map(|(id, shown)| event::presentation(id, shown, "Presentation"));
            json!({"type": "Presentations", "presentations": shown.collect::<Vec<_>>()})
        }
        other => {
            tracing::warn!(?other, "an answer that no client asks for");
            let unexpected = RpcError::UnexpectedReply("it is for another kind of message".into());
            return Err(NoAnswer::Failed(unexpected));
        }
    })
}

/// What came of something that was asked before.
fn duplicate(kind: &Kind, outcome: CmdOutcome) -> Result<Value, NoAnswer> {
    let mut said = match (outcome, kind) {
        (CmdOutcome::Done(Ok(value)), Kind::Value) => value_message(&value),
        (CmdOutcome::Done(Err(error)), _) => {
            error_value(&NoAnswer::Refused(RpcMessageError::TaskError(error)))
        }
        (CmdOutcome::Submitted { task }, _) => json!({"type": "Ok", "task": task}),
        (CmdOutcome::Done(Ok(_)) | CmdOutcome::Forgotten, _) => json!({"type": "Ok"}),
    };
    if let Value::Object(fields) = &mut said {
        fields.insert("duplicate".into(), true.into());
    }
    Ok(said)
}

fn value_message(value: &WireValue) -> Value {
    json!({"type": "Value", "value": json_value(value), "literal": literal(value)})
}

/// What a handler of the world gives is the message itself, if it is a map.
fn handler_message(value: &WireValue) -> Value {
    match json_value(value) {
        Value::Object(fields) => Value::Object(fields),
        other => json!({"value": other}),
    }
}

/// What came of saving: why not, or what is there now.
fn saved(
    kind: &Kind,
    results: Vec<(String, Result<WorldResult, RpcMessageError>)>,
) -> Result<Value, NoAnswer> {
    let mut said = match kind {
        Kind::Programmed => json!({"type": "Programmed"}),
        _ => json!({"type": "Updated"}),
    };
    for (name, result) in results {
        match result {
            Ok(WorldResult::Programmed { object, verb }) => {
                said["object"] = object_text(object).into();
                said["verb"] = verb.into();
            }
            Ok(WorldResult::Verb(_, code)) => said["etag"] = code_tag(&code).into(),
            Ok(WorldResult::Property(_, value)) => said["etag"] = tag(&value).into(),
            Ok(_) => {}
            // Whoever may write something need not be allowed to read it.
            Err(_) if name == READ => {}
            Err(error) => return Err(NoAnswer::Refused(error)),
        }
    }
    Ok(said)
}

fn list<T>(rows: &[T], row: fn(&T) -> Value) -> Value {
    rows.iter().map(row).collect()
}

/// A verb's description.
pub fn verb(info: &VerbInfo) -> Value {
    json!({
        "definer": object_text(info.definer),
        "names": info.names,
        "owner": object_text(info.owner),
        "flags": info.flags,
        "args": info.args,
    })
}

/// A property's description.
pub fn property(info: &PropInfo) -> Value {
    json!({
        "definer": object_text(info.definer),
        "name": info.name,
        "owner": object_text(info.owner),
        "flags": info.flags,
        "clear": info.clear,
    })
}

fn object(info: &ObjectInfo) -> Value {
    const FLAGS: [(u16, &str); 6] = [
        (1, "player"),
        (2, "programmer"),
        (4, "wizard"),
        (16, "readable"),
        (32, "writable"),
        (128, "fertile"),
    ];
    let flags: Vec<&str> = FLAGS
        .iter()
        .filter(|(bit, _)| info.flags & bit != 0)
        .map(|&(_, name)| name)
        .collect();
    json!({
        "object": object_text(info.obj),
        "name": info.name,
        "parent": object_text(info.parent),
        "owner": object_text(info.owner),
        "location": object_text(info.location),
        "flags": flags,
    })
}

fn session(info: &SessionInfo) -> Value {
    json!({
        "client": to_hex(&info.client.0),
        "current": info.is_current,
        "host": info.host,
        "address": info.address,
        "connected_s": info.connected_s,
        "idle_s": info.idle_s,
        "lingering": info.is_lingering,
    })
}

fn past(event: &HistoricalEvent) -> Option<Value> {
    let origin = Origin {
        cause: None,
        at: Some(event.at),
    };
    event::shown(&event.event, event.pos, &origin, None)
}

/// What stands for a program.
pub fn code_tag(code: &[String]) -> String {
    moo_model::tag::tag(&Moo::strings(code))
}

/// What stands for a value; nothing does for one that cannot be read, which is a fault of the daemon's.
pub fn tag(value: &WireValue) -> String {
    value
        .open()
        .map_or_else(|_| String::new(), |value| moo_model::tag::tag(&value))
}
