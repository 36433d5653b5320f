//! Events of a client's stream as JSON.
//!
//! Invariant: HTML leaves here only as the sanitizer gives it; what stands for a session, in no event but the client's
//! own.

use super::super::json::{json_value, literal, object_text, pos_value};
use crate::hosts::link::NoAnswer;
use crate::protocol::WireValue;
use crate::protocol::error::{CompileFault, RpcMessageError, SchedulerError, VerbProgramError};
use crate::protocol::event::{ClientEvent, Content, Line, LineBody, NarrativeEvent, Presentation, StreamPos};
use crate::protocol::hex::to_hex;
use crate::protocol::machine::host::Origin;
use crate::protocol::surface::Surfaced;
use serde_json::{Map, Value, json};

/// What an event is to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// These messages, the last of which has the position.
    Messages(Vec<Value>),
    /// Nothing that it is told of.
    Silent,
}

/// What the client is told of an event. `id` is what it called the command that the event came from.
pub fn shown(event: &ClientEvent, pos: StreamPos, origin: &Origin, id: Option<&str>) -> Shown {
    let mut messages = match event {
        ClientEvent::Narrative { event } => narrative(event, origin),
        ClientEvent::RequestInput { request, metadata } => {
            let mut asked = named("RequestInput");
            asked.insert("request".into(), to_hex(&request.0).into());
            for (name, value) in metadata {
                let value = match name.as_str() {
                    "echo" => Value::Bool(value.open().is_ok_and(|value| value.is_true())),
                    _ => json_value(value),
                };
                asked.insert(name.clone(), value);
            }
            vec![Value::Object(asked)]
        }
        ClientEvent::SystemMessage { message, .. } => vec![json!({"type": "System", "message": message})],
        ClientEvent::Disconnect { reason, lines } => {
            let lines: Vec<Value> = lines.iter().map(line).collect();
            vec![json!({"type": "Disconnect", "reason": reason, "lines": lines})]
        }
        ClientEvent::TaskSuccess { task, result } => {
            vec![json!({"type": "Done", "task": task, "ok": true, "value": json_value(result)})]
        }
        ClientEvent::TaskError { task, error } => {
            let mut done = error_fields(&NoAnswer::Refused(RpcMessageError::TaskError(error.clone())));
            done.insert("type".into(), "Done".into());
            done.insert("task".into(), (*task).into());
            done.insert("ok".into(), false.into());
            vec![Value::Object(done)]
        }
        ClientEvent::TaskSuspended { task } => vec![json!({"type": "Suspended", "task": task})],
        ClientEvent::SetConnectionOption { option, value, .. } => {
            vec![json!({"type": "Option", "option": option, "value": json_value(value)})]
        }
        ClientEvent::Typed { json, .. } => typed(json),
        ClientEvent::Gap { lost } => vec![json!({"type": "Gap", "lost": lost})],
        ClientEvent::ForceInput { line, at_front } => {
            vec![json!({"type": "ForceInput", "line": line, "front": at_front})]
        }
        ClientEvent::Presentation { id, shown: None } => {
            vec![json!({"type": "Presentation", "id": id, "gone": true})]
        }
        ClientEvent::Presentation {
            id,
            shown: Some(shown),
        } => {
            vec![presentation(id, shown, "Presentation")]
        }
        ClientEvent::PlayerSwitched { .. }
        | ClientEvent::CredentialsUpdated { .. }
        | ClientEvent::FlushInput { .. } => return Shown::Silent,
    };
    let Some(Value::Object(last)) = messages.last_mut() else {
        return Shown::Silent;
    };
    last.insert("pos".into(), pos_value(pos));
    if matches!(
        event,
        ClientEvent::TaskSuccess { .. } | ClientEvent::TaskError { .. } | ClientEvent::TaskSuspended { .. }
    ) && let Some(cause) = origin.cause.filter(|cause| cause.cmd_seq != 0)
    {
        last.insert("n".into(), cause.cmd_seq.into());
        if let Some(id) = id {
            last.insert("id".into(), id.into());
        }
    }
    Shown::Messages(messages)
}

fn named(name: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".into(), name.into());
    fields
}

fn narrative(event: &NarrativeEvent, origin: &Origin) -> Vec<Value> {
    let mut told = named("Narrative");
    told.insert("author".into(), object_text(event.author).into());
    if let Some(at) = origin.at {
        told.insert("at".into(), at.0.into());
    }
    match &event.content {
        Content::Lines(lines) => {
            let lines: Vec<Value> = lines.iter().map(line).collect();
            told.insert("lines".into(), lines.into());
        }
        Content::Rich {
            content_type,
            value,
            attrs,
            text,
        } => {
            told.insert("content_type".into(), content_type.clone().into());
            let (name, content) = rich(content_type, value);
            told.insert(name.into(), content);
            told.insert("attributes".into(), attributes(attrs));
            if let Some(text) = text {
                told.insert("text".into(), text.clone().into());
            }
        }
    }
    vec![Value::Object(told)]
}

/// Rich content under the name that it has in a message: HTML is made harmless, all else is a value.
fn rich(content_type: &str, value: &WireValue) -> (&'static str, Value) {
    let text = value.open().ok();
    let text = text.as_ref().and_then(|value| value.as_str());
    match text.filter(|_| is_html(content_type)) {
        Some(text) => ("html", harmless(text).into()),
        None => ("content", json_value(value)),
    }
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("text/html")
}

/// HTML without anything that runs, loads frames or styles, submits forms, or opens what is no web page or letter.
fn harmless(html: &str) -> String {
    ammonia::Builder::default()
        .url_schemes(["http", "https", "mailto"].into())
        .link_rel(Some("noopener noreferrer"))
        .clean(html)
        .to_string()
}

/// A presentation as a message of this type.
pub fn presentation(id: &str, shown: &Presentation, msg_type: &str) -> Value {
    let (name, content) = rich(&shown.content_type, &shown.content);
    let mut told = named(msg_type);
    told.insert("id".into(), id.into());
    told.insert("content_type".into(), shown.content_type.clone().into());
    told.insert("target".into(), shown.target.clone().into());
    told.insert(name.into(), content);
    told.insert("attributes".into(), attributes(&shown.attrs));
    Value::Object(told)
}

fn attributes(attrs: &[(String, WireValue)]) -> Value {
    let pairs = attrs
        .iter()
        .map(|(name, value)| (name.clone(), json_value(value)));
    Value::Object(pairs.collect())
}

fn line(line: &Line) -> Value {
    let text = match &line.body {
        LineBody::Text(text) => text.clone(),
        LineBody::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    match line.no_newline {
        true => json!({"text": text, "no_newline": true}),
        false => json!({"text": text}),
    }
}

/// A typed message as the world wrote it. Whatever it put under a name that is ours, ours holds.
fn typed(json: &[u8]) -> Vec<Value> {
    let Ok(Value::Object(mut message)) = serde_json::from_slice(json) else {
        tracing::warn!("the world sends a typed message that is no JSON object");
        return Vec::new();
    };
    if let Some(Value::Object(from)) = message.get_mut("from") {
        from.remove("session");
    }
    vec![Value::Object(message)]
}

/// What is said of an error: its code, words, and what a program may want to know of it.
pub fn error_fields(error: &NoAnswer) -> Map<String, Value> {
    let surface = error.surface();
    let mut fields = Map::new();
    fields.insert("code".into(), surface.code.into());
    fields.insert("message".into(), error.to_string().into());
    fields.insert("retryable".into(), surface.retryable.into());
    match error {
        NoAnswer::Refused(RpcMessageError::Busy { retry_after_ms }) => {
            fields.insert("retry_after_ms".into(), (*retry_after_ms).into());
        }
        NoAnswer::Refused(RpcMessageError::TaskError(error)) => task_fields(error, &mut fields),
        _ => {}
    }
    fields
}

fn task_fields(error: &SchedulerError, fields: &mut Map<String, Value>) {
    match error {
        SchedulerError::CompilationError(faults)
        | SchedulerError::VerbProgramFailed(VerbProgramError::CompilationError(faults)) => {
            fields.insert("faults".into(), fault_list(faults));
        }
        SchedulerError::TaskAbortedException(exception) => {
            let code = literal(&exception.code);
            if code == "E_PERM" {
                fields.insert("code".into(), "PERMISSION_DENIED".into());
            }
            fields.insert("error".into(), code.into());
            fields.insert("value".into(), json_value(&exception.value));
            fields.insert("traceback".into(), exception.traceback.clone().into());
        }
        _ => {}
    }
}

/// The faults of a program.
pub fn fault_list(faults: &[CompileFault]) -> Value {
    let fault = |fault: &CompileFault| {
        let CompileFault {
            line,
            column,
            message,
        } = fault;
        json!({"line": line, "column": column, "message": message})
    };
    faults.iter().map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WireObj;
    use crate::protocol::event::Cause;
    use moo_model::Value as Moo;

    const POS: StreamPos = StreamPos { era: 3, seq: 9 };

    fn one(event: &ClientEvent, origin: &Origin, id: Option<&str>) -> Value {
        match shown(event, POS, origin, id) {
            Shown::Messages(mut messages) if messages.len() == 1 => messages.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn html_of_the_world_is_made_harmless() {
        let html = "<b onclick=\"x()\">red</b><script>y()</script><a href=\"javascript:z()\">a</a><style>*{}</style>\
                    <a href=\"https://example.org/\">b</a><iframe src=\"https://example.org/\"></iframe>";
        assert_eq!(
            harmless(html),
            "<b>red</b><a rel=\"noopener noreferrer\">a</a><a href=\"https://example.org/\" rel=\"noopener noreferrer\">b</a>"
        );
        let shown = Presentation {
            content_type: "Text/HTML; charset=utf-8".into(),
            target: "side".into(),
            content: WireValue::new(&Moo::str("<p>hi<script>x</script>")),
            attrs: Vec::new(),
        };
        let shown = presentation("map", &shown, "Presentation");
        assert_eq!(shown["html"], "<p>hi</p>");
        assert_eq!(shown["content"], Value::Null);
    }

    #[test]
    fn the_end_of_a_task_names_the_command_that_it_came_from() {
        let done = ClientEvent::TaskSuccess {
            task: 5,
            result: WireValue::new(&Moo::int(7)),
        };
        let origin = Origin {
            cause: Some(Cause {
                task: 5,
                corr: 1,
                cmd_seq: 4,
            }),
            at: None,
        };
        let told = one(&done, &origin, Some("x"));
        let wanted = json!({"type": "Done", "task": 5, "ok": true, "value": 7, "n": 4, "id": "x", "pos": {"era": 3, "seq": 9}});
        assert_eq!(told, wanted);
        assert_eq!(one(&done, &Origin::default(), None).get("n"), None);
    }

    #[test]
    fn a_typed_message_of_the_world_carries_no_session() {
        let json = br#"{"type":"DirectMessage","from":{"type":"User","id":"ann","session":"secret"},"message":"hi","pos":1}"#;
        let told = typed(json);
        assert_eq!(
            told,
            [json!({"type":"DirectMessage","from":{"type":"User","id":"ann"},"message":"hi","pos":1})]
        );
    }

    #[test]
    fn what_stands_for_a_session_is_no_event() {
        let switched = ClientEvent::PlayerSwitched {
            player: WireObj(3),
            auth_token: "a".into(),
            sid: "b".into(),
        };
        assert_eq!(shown(&switched, POS, &Origin::default(), None), Shown::Silent);
    }
}
