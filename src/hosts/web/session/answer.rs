//! Answers of the daemon as JSON.
//!
//! Invariant: an answer has the `id` of its question, and the number under which that was carried out, if it has one.

use super::super::json::{json_value, literal, object_text};
use super::ask::Kind;
use super::event::{self, error_fields, fault_list};
use crate::hosts::link::NoAnswer;
use crate::protocol::client::{
    CmdOutcome, DaemonToClientReply as Reply, HistoricalEvent, ObjectInfo, PropInfo, VerbInfo,
};
use crate::protocol::error::{RpcError, RpcMessageError, VerbProgramError};
use crate::protocol::machine::host::Origin;
use crate::protocol::{WireObj, WireValue};
use serde_json::{Map, Value, json};

/// What a client is told in answer to what it asked, but for the names of the question.
pub fn answer(kind: &Kind, answer: Result<Reply, NoAnswer>) -> Map<String, Value> {
    let said = answer.and_then(|reply| said(kind, reply));
    let value = said.unwrap_or_else(|error| error_value(&error));
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
            "etag": value_tag(&value),
        }),
        Reply::ProgramResult(result) => programmed(kind, result),
        Reply::PropertyUpdated => updated(kind),
        Reply::ObjectList(objects) => json!({"type": "Objects", "objects": list(&objects, object)}),
        Reply::History {
            events,
            more_before,
            total,
        } => {
            let events: Vec<Value> = events.iter().flat_map(past).collect();
            json!({"type": "History", "events": events, "more_before": more_before, "total": total})
        }
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

fn programmed(kind: &Kind, result: Result<(WireObj, String), VerbProgramError>) -> Value {
    match (result, kind) {
        (Ok((object, verb)), Kind::Programmed(code)) => json!({
            "type": "Programmed",
            "object": object_text(object),
            "verb": verb,
            "etag": code_tag(code),
        }),
        (Ok((object, verb)), _) => json!({"type": "Programmed", "object": object_text(object), "verb": verb}),
        (Err(error), _) => program_error(&error),
    }
}

fn program_error(error: &VerbProgramError) -> Value {
    use crate::protocol::surface::Surfaced;
    let surface = error.surface();
    let mut said = json!({
        "type": "Error",
        "code": surface.code,
        "message": error.to_string(),
        "retryable": surface.retryable,
    });
    if let (VerbProgramError::CompilationError(faults), Value::Object(fields)) = (error, &mut said) {
        fields.insert("faults".into(), fault_list(faults));
    }
    said
}

fn updated(kind: &Kind) -> Value {
    match kind {
        Kind::Updated(value) => json!({"type": "Updated", "etag": value_tag(value)}),
        _ => json!({"type": "Updated"}),
    }
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

fn past(event: &HistoricalEvent) -> Option<Value> {
    let origin = Origin {
        cause: None,
        at: Some(event.at),
    };
    event::shown(&event.event, event.pos, &origin, None)
}

/// What stands for a program.
pub fn code_tag(code: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    for line in code {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    tag(&hasher.finalize())
}

/// What stands for a value.
pub fn value_tag(value: &WireValue) -> String {
    tag(&blake3::hash(&value.0))
}

fn tag(hash: &blake3::Hash) -> String {
    crate::protocol::hex::to_hex(&hash.as_bytes()[..16])
}
