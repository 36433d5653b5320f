//! Events of a client's stream as JSON.
//!
//! Invariant: HTML leaves here only as the sanitizer gives it; what stands for a session, in no event but the client's
//! own.

use super::super::json::{json_value, literal, object_text, pos_value};
use crate::hosts::link::NoAnswer;
use crate::limits::EVENTS_SHARED_MAX;
use crate::protocol::WireValue;
use crate::protocol::error::{CompileFault, RpcMessageError, SchedulerError, VerbProgramError};
use crate::protocol::event::{ClientEvent, Content, Line, LineBody, NarrativeEvent, Presentation, StreamPos};
use crate::protocol::hex::to_hex;
use crate::protocol::machine::host::Origin;
use crate::protocol::surface::Surfaced;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

/// What a client is told of an event; none if it is told nothing. `id` is what it called the command that the event came
/// from.
pub fn shown(event: &ClientEvent, pos: StreamPos, origin: &Origin, id: Option<&str>) -> Option<Value> {
    let mut message = message(event, origin)?;
    message.insert("pos".into(), pos_value(pos));
    if is_outcome(event)
        && let Some(cause) = origin.cause.filter(|cause| cause.cmd_seq != 0)
    {
        message.insert("n".into(), cause.cmd_seq.into());
        if let Some(id) = id {
            message.insert("id".into(), id.into());
        }
    }
    Some(Value::Object(message))
}

/// The same as a text. What many are told is put into JSON once for all of them, but for the position.
pub fn text(event: &Arc<ClientEvent>, pos: StreamPos, origin: &Origin, id: Option<&str>) -> Option<String> {
    if is_outcome(event) || Arc::strong_count(event) == 1 {
        return shown(event, pos, origin, id).map(|message| message.to_string());
    }
    let head = SHARED.with_borrow_mut(|shared| shared.head(event, origin))?;
    let StreamPos { era, seq } = pos;
    let mut text = String::with_capacity(head.len() + POS_LEN);
    text.push_str(&head);
    // Writing to a string does not fail.
    write!(text, "\"pos\":{{\"era\":{era},\"seq\":{seq}}}}}").ok();
    Some(text)
}

/// What a client is told of its player's new token; none if there is none any more.
pub fn token(pos: StreamPos, token: Option<&str>) -> Option<String> {
    token.map(|token| json!({"type": "Token", "pos": pos_value(pos), "token": token}).to_string())
}

/// Room for a position in a text.
const POS_LEN: usize = 48;

thread_local! {
    static SHARED: RefCell<Shared> = RefCell::default();
}

/// The last events that several clients were told, as texts up to where the position goes.
#[derive(Default)]
struct Shared(VecDeque<(Arc<ClientEvent>, Origin, Option<Arc<str>>)>);

impl Shared {
    fn head(&mut self, event: &Arc<ClientEvent>, origin: &Origin) -> Option<Arc<str>> {
        // An event that is kept here is alive, so that no other one is at its place in memory.
        let is_it =
            |(known, from, _): &&(Arc<ClientEvent>, Origin, _)| Arc::ptr_eq(known, event) && from == origin;
        if let Some((_, _, head)) = self.0.iter().rev().find(is_it) {
            return head.clone();
        }
        let head = message(event, origin).map(|mut fields| {
            fields.remove("pos");
            let mut text = Value::Object(fields).to_string();
            text.pop();
            text.push(',');
            Arc::from(text)
        });
        if self.0.len() >= EVENTS_SHARED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((Arc::clone(event), *origin, head.clone()));
        head
    }
}

/// Whether an event is what came of a task, and so has the number of what it came from.
fn is_outcome(event: &ClientEvent) -> bool {
    matches!(
        event,
        ClientEvent::TaskSuccess { .. } | ClientEvent::TaskError { .. } | ClientEvent::TaskSuspended { .. }
    )
}

/// An event without its place.
fn message(event: &ClientEvent, origin: &Origin) -> Option<Map<String, Value>> {
    let message = match event {
        ClientEvent::Narrative { event } => return Some(narrative(event, origin)),
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
            return Some(asked);
        }
        ClientEvent::SystemMessage { message, .. } => json!({"type": "System", "message": message}),
        ClientEvent::Disconnect { reason, lines } => {
            let lines: Vec<Value> = lines.iter().map(line).collect();
            json!({"type": "Disconnect", "reason": reason, "lines": lines})
        }
        ClientEvent::TaskSuccess { task, result } => {
            json!({"type": "Done", "task": task, "ok": true, "value": json_value(result)})
        }
        ClientEvent::TaskError { task, error } => {
            let mut done = error_fields(&NoAnswer::Refused(RpcMessageError::TaskError(error.clone())));
            done.insert("type".into(), "Done".into());
            done.insert("task".into(), (*task).into());
            done.insert("ok".into(), false.into());
            return Some(done);
        }
        ClientEvent::TaskSuspended { task } => json!({"type": "Suspended", "task": task}),
        ClientEvent::SetConnectionOption { option, value, .. } => {
            json!({"type": "Option", "option": option, "value": json_value(value)})
        }
        ClientEvent::Typed { json, .. } => return typed(json),
        ClientEvent::Gap { lost } => json!({"type": "Gap", "lost": lost}),
        ClientEvent::ForceInput { line, at_front } => {
            json!({"type": "ForceInput", "line": line, "front": at_front})
        }
        ClientEvent::Presentation { id, shown: None } => {
            json!({"type": "Presentation", "id": id, "gone": true})
        }
        ClientEvent::Presentation {
            id,
            shown: Some(shown),
        } => presentation(id, shown, "Presentation"),
        ClientEvent::PlayerSwitched { .. }
        | ClientEvent::CredentialsUpdated { .. }
        | ClientEvent::FlushInput { .. } => return None,
    };
    match message {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

fn named(name: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".into(), name.into());
    fields
}

/// What is told, as a message.
pub fn narrative(event: &NarrativeEvent, origin: &Origin) -> Map<String, Value> {
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
    told
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
fn typed(json: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut message)) = serde_json::from_slice(json) else {
        tracing::warn!("the world sends a typed message that is no JSON object");
        return None;
    };
    if let Some(Value::Object(from)) = message.get_mut("from") {
        from.remove("session");
    }
    Some(message)
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

fn fault_list(faults: &[CompileFault]) -> Value {
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
        let told = shown(&done, POS, &origin, Some("x")).unwrap();
        let wanted = json!({"type": "Done", "task": 5, "ok": true, "value": 7, "n": 4, "id": "x", "pos": {"era": 3, "seq": 9}});
        assert_eq!(told, wanted);
        assert_eq!(
            shown(&done, POS, &Origin::default(), None).unwrap().get("n"),
            None
        );
    }

    #[test]
    fn a_typed_message_of_the_world_carries_no_session() {
        let json = br#"{"type":"DirectMessage","from":{"type":"User","id":"ann","session":"secret"},"message":"hi","pos":1}"#;
        let told = typed(json).map(Value::Object);
        assert_eq!(
            told,
            Some(json!({"type":"DirectMessage","from":{"type":"User","id":"ann"},"message":"hi","pos":1}))
        );
    }

    #[test]
    fn what_stands_for_a_session_is_no_event() {
        let switched = ClientEvent::PlayerSwitched {
            player: WireObj(3),
            auth_token: "a".into(),
            sid: "b".into(),
        };
        assert_eq!(shown(&switched, POS, &Origin::default(), None), None);
    }

    #[test]
    fn what_many_are_told_is_the_same_for_each_but_for_the_place() {
        let json = br#"{"type":"GlobalMessage","message":"hi","pos":1}"#.to_vec();
        let event = Arc::new(ClientEvent::Typed { json, text: None });
        let others = Arc::clone(&event);
        let read = |event: &Arc<ClientEvent>, seq| {
            let text = text(event, StreamPos { era: 3, seq }, &Origin::default(), None).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()
        };
        for seq in [7, 8] {
            let wanted = json!({"type":"GlobalMessage","message":"hi","pos":{"era":3,"seq":seq}});
            assert_eq!(read(&event, seq), wanted);
        }
        drop(event);
        SHARED.with_borrow_mut(|shared| shared.0.clear());
        let alone = json!({"type":"GlobalMessage","message":"hi","pos":{"era":3,"seq":9}});
        assert_eq!(read(&others, 9), alone);
        SHARED.with_borrow(|shared| assert!(shared.0.is_empty(), "what one alone is told is not kept"));
    }

    #[test]
    fn no_more_is_kept_of_what_many_were_told_than_may_be() {
        let events: Vec<_> = (0..EVENTS_SHARED_MAX as u64 + 3)
            .map(|lost| Arc::new(ClientEvent::Gap { lost }))
            .collect();
        let others = events.clone();
        for event in &others {
            text(event, POS, &Origin::default(), None).unwrap();
        }
        SHARED.with_borrow(|shared| assert_eq!(shared.0.len(), EVENTS_SHARED_MAX));
    }
}
