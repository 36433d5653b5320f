//! What clients may say, read from JSON.
//!
//! Invariant: whatever leaves here has its types and bounds checked; what a session is proved by is in no message for
//! the world.

use super::super::json::{Fields, Malformed, invalid, object, object_ref};
use super::saving;
use crate::limits::{ASK_ID_MAX, HISTORY_ASKED_MAX, LIST_ENTRIES_MAX};
use crate::protocol::client::{EntityType, HistoryRecall, HostClientToDaemonMessage as Message, ObjectRef};
use crate::protocol::event::StreamPos;
use crate::protocol::hex::from_hex;
use crate::protocol::{ReqId, WireObj, WireValue};
use serde_json::Value;

/// One message of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What the client calls it.
    pub id: Option<String>,
    /// The number that the client gives it.
    pub number: Option<u64>,
    /// What it is.
    pub what: What,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A line for the front door, made of words, and the name that it is tried under.
    Login {
        /// The line.
        line: String,
        /// The name.
        name: String,
    },
    /// Come in with a player's token; none if the cookie counts.
    Attach {
        /// The token.
        token: Option<String>,
        /// Whatever state the player's connection is in.
        takeover: bool,
    },
    /// Come back.
    Resume {
        /// The session.
        session: String,
        /// The last event that the client has.
        pos: StreamPos,
    },
    /// Everything up to there has come.
    Ack(StreamPos),
    /// Are you there?
    Ping,
    /// Who is there, and which rooms and channels.
    Presence,
    /// The player goes.
    Logout,
    /// Something for the daemon.
    Ask(Ask),
    /// Something for the world.
    Typed(Typed),
}

impl What {
    /// Whether it may have the length of a program or a value, rather than that of a line.
    pub fn may_be_long(&self) -> bool {
        let What::Ask(ask) = self else {
            return false;
        };
        matches!(
            ask.message,
            Message::BatchWorldState { .. } | Message::InvokeVerb { .. } | Message::RequestedInput { .. }
        )
    }

    /// About how many bytes it keeps while it waits.
    pub fn length(&self) -> usize {
        match self {
            What::Ask(ask) => length(&ask.message),
            What::Typed(typed) => typed.data.0.len(),
            What::Login { line, .. } => line.len(),
            What::Attach { token, .. } => token.as_ref().map_or(0, String::len),
            What::Resume { session, .. } => session.len(),
            What::Ack(_) | What::Ping | What::Presence | What::Logout => 0,
        }
    }
}

/// Something that is asked of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// How its answer looks.
    pub kind: Kind,
    /// The message.
    pub message: Message,
}

/// How an answer looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Welcome`.
    Login,
    /// `Ok`, with a task if it became one.
    Done,
    /// `Value`.
    Value,
    /// `Verbs`.
    Verbs,
    /// `Properties`.
    Properties,
    /// `Verb`.
    Verb,
    /// `Programmed`.
    Programmed,
    /// `Property`.
    Property,
    /// `Updated`.
    Updated,
    /// `Objects`.
    Objects,
    /// `History`.
    History,
    /// `Presentations`.
    Presentations,
    /// `Sessions`.
    Sessions,
}

impl Kind {
    /// Whether what is asked may change something, and so has a number.
    pub fn is_numbered(&self, message: &Message) -> bool {
        match self {
            Kind::Login | Kind::Programmed | Kind::Updated => true,
            Kind::Done => !matches!(
                message,
                Message::DismissPresentation { .. }
                    | Message::SetClientAttribute { .. }
                    | Message::LogoutEverywhere
            ),
            Kind::Value => !matches!(message, Message::Resolve { .. }),
            _ => false,
        }
    }
}

/// About how many bytes a message keeps while it waits.
pub fn length(message: &Message) -> usize {
    match message {
        Message::Command { command, .. } | Message::LoginCommand { command, .. } => command.len(),
        Message::Eval { expression } => expression.len(),
        Message::InvokeVerb { args, .. } => args.iter().map(|arg| arg.0.len()).sum(),
        Message::RequestedInput { input, .. } => input.0.len(),
        Message::BatchWorldState { actions, .. } => saving::length(actions),
        Message::Typed { data, .. } => data.0.len(),
        Message::SetClientAttribute {
            value: Some(value), ..
        } => value.0.len(),
        _ => 0,
    }
}

/// A message for the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    /// Its type.
    pub msg_type: String,
    /// The session that it shows, and whose it says to be.
    pub session: Option<String>,
    /// The user that it says to be from.
    pub user: Option<String>,
    /// Whom it is for.
    pub to: Option<(String, String)>,
    /// All else, as a map.
    pub data: WireValue,
}

/// Reads a message; what the client calls it is given also if it is wrong.
pub fn read(text: &str) -> Result<Said, (Option<String>, Malformed)> {
    let mut fields = Fields(object(text).map_err(|error| (None, error))?);
    let id = read_id(&fields).map_err(|error| (None, error))?;
    let read = |fields: &mut Fields| {
        let number = fields.number_if("n")?;
        let msg_type = fields.name("type")?;
        let what = read_what(&msg_type, fields)?;
        Ok(Said {
            id: id.clone(),
            number,
            what,
        })
    };
    read(&mut fields).map_err(|error| (id.clone(), error))
}

/// What the client calls its message. It stays among the fields: the world is told it, too.
pub fn read_id(fields: &Fields) -> Result<Option<String>, Malformed> {
    match fields.0.get("id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if (1..=ASK_ID_MAX).contains(&id.len()) => Ok(Some(id.clone())),
        Some(_) => Err(invalid(format!("`id` is a string of 1 to {ASK_ID_MAX} bytes"))),
    }
}

/// Reads what a client says, by its type.
pub fn read_what(msg_type: &str, fields: &mut Fields) -> Result<What, Malformed> {
    Ok(match msg_type {
        "Login" | "Create" => {
            let word = if msg_type == "Login" { "connect" } else { "create" };
            let (name, password) = (printable(&fields.name("name")?), fields.text("password")?);
            let line = format!("{word} {} {}", quoted(&name), quoted(&password));
            What::Login { line, name }
        }
        "Guest" => What::Login {
            line: "guest".to_owned(),
            name: String::new(),
        },
        "Attach" => What::Attach {
            token: fields.text_if("token")?,
            takeover: fields.flag("takeover")?,
        },
        "Resume" => What::Resume {
            session: fields.name("session")?,
            pos: fields
                .pos_if("pos")?
                .ok_or_else(|| invalid("`pos` is missing: it says which event came last"))?,
        },
        "Ack" => What::Ack(fields.pos_if("pos")?.ok_or_else(|| invalid("`pos` is missing"))?),
        "Ping" => What::Ping,
        "Presence" => What::Presence,
        "Logout" => What::Logout,
        _ => match read_ask(msg_type, fields)? {
            Some(ask) => What::Ask(ask),
            None => What::Typed(read_typed(msg_type, std::mem::take(&mut fields.0))?),
        },
    })
}

/// A text without what would end a line, or make one name look like several.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A word of a line for the front door, such that it is one word whatever is in it.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in printable(word).chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// Reads what is asked of the daemon; none if the type is not of that kind.
pub fn read_ask(msg_type: &str, fields: &mut Fields) -> Result<Option<Ask>, Malformed> {
    let (kind, message) = match msg_type {
        "Command" => (
            Kind::Done,
            Message::Command {
                handler: WireObj(0),
                command: line(fields.text("line")?)?,
            },
        ),
        "Eval" => (
            Kind::Value,
            Message::Eval {
                expression: fields.text("expression")?,
            },
        ),
        "Call" => (
            Kind::Value,
            Message::InvokeVerb {
                object: fields.object("object")?,
                verb: fields.name("verb")?,
                args: world_values(&fields.list("args")?)?,
            },
        ),
        "Input" => (
            Kind::Done,
            Message::RequestedInput {
                request: request_id(&fields.name("request")?)?,
                input: fields.value("value")?,
            },
        ),
        "Program" => (Kind::Programmed, saving::program(fields)?),
        "UpdateProperty" => (Kind::Updated, saving::update(fields)?),
        _ => return read_question(msg_type, fields),
    };
    Ok(Some(Ask { kind, message }))
}

/// What only reads, or may be done twice.
fn read_question(msg_type: &str, fields: &mut Fields) -> Result<Option<Ask>, Malformed> {
    let (kind, message) = match msg_type {
        "Verbs" => (
            Kind::Verbs,
            Message::Verbs {
                object: fields.object("object")?,
                inherited: fields.flag("inherited")?,
            },
        ),
        "Properties" => (
            Kind::Properties,
            Message::Properties {
                object: fields.object("object")?,
                inherited: fields.flag("inherited")?,
            },
        ),
        "Verb" => (
            Kind::Verb,
            retrieve(fields.object("object")?, EntityType::Verb, fields.name("verb")?),
        ),
        "Property" => (
            Kind::Property,
            retrieve(
                fields.object("object")?,
                EntityType::Property,
                fields.name("property")?,
            ),
        ),
        "Resolve" => (
            Kind::Value,
            Message::Resolve {
                object: fields.object("object")?,
            },
        ),
        "Objects" => (Kind::Objects, objects(fields)?),
        "History" => (
            Kind::History,
            Message::RequestHistory {
                recall: recall(fields)?,
            },
        ),
        "Presentations" => (Kind::Presentations, Message::RequestCurrentPresentations),
        "Sessions" => (Kind::Sessions, Message::ListSessions),
        "LogoutEverywhere" => (Kind::Done, Message::LogoutEverywhere),
        "Dismiss" => (
            Kind::Done,
            Message::DismissPresentation {
                id: fields.name("presentation")?,
            },
        ),
        "Attribute" => (
            Kind::Done,
            Message::SetClientAttribute {
                key: fields.name("key")?,
                value: match fields.take("value") {
                    None => None,
                    Some(value) => Some(super::super::json::world_value(&value).map_err(invalid)?),
                },
            },
        ),
        _ => return Ok(None),
    };
    Ok(Some(Ask { kind, message }))
}

fn line(text: String) -> Result<String, Malformed> {
    match text.contains(['\n', '\r', '\0']) {
        true => Err(invalid("`line` is one line")),
        false => Ok(text),
    }
}

fn world_values(values: &[Value]) -> Result<Vec<WireValue>, Malformed> {
    let value =
        |value| super::super::json::world_value(value).map_err(|why| invalid(format!("`args`: {why}")));
    values.iter().map(value).collect()
}

fn request_id(text: &str) -> Result<ReqId, Malformed> {
    let bytes: Option<[u8; 16]> = from_hex(text);
    bytes
        .map(ReqId)
        .ok_or_else(|| invalid("`request` is the one of a RequestInput"))
}

fn retrieve(object: ObjectRef, what: EntityType, name: String) -> Message {
    Message::Retrieve { object, what, name }
}

fn objects(fields: &mut Fields) -> Result<Message, Malformed> {
    let after = match fields.text_if("after")?.as_deref().map(object_ref) {
        None => None,
        Some(ObjectRef::Number(object)) => Some(object),
        Some(_) => return Err(invalid("`after` is an object's number, as #97")),
    };
    let limit = fields.number_if("limit")?.unwrap_or(100);
    let limit = limit.min(LIST_ENTRIES_MAX as u64) as u16;
    Ok(Message::ListObjects { after, limit })
}

/// The part of the past that is wanted; the newest where nothing says so.
pub fn recall(fields: &mut Fields) -> Result<HistoryRecall, Malformed> {
    let limit = fields.number_if("limit")?.unwrap_or(HISTORY_ASKED_MAX as u64);
    let limit = limit.min(HISTORY_ASKED_MAX as u64) as u32;
    if let Some(pos) = fields.pos_if("after")? {
        return Ok(HistoryRecall::After(pos, limit));
    }
    if let Some(seconds) = fields.number_if("seconds")? {
        return Ok(HistoryRecall::Seconds(seconds, limit));
    }
    let newest = StreamPos {
        era: 0,
        seq: u64::MAX,
    };
    let before = fields.pos_if("before")?.unwrap_or(newest);
    Ok(HistoryRecall::Before(before, limit))
}

/// A message for the world: what it shows to prove itself is taken out of it here.
pub fn read_typed(msg_type: &str, mut fields: serde_json::Map<String, Value>) -> Result<Typed, Malformed> {
    let mut from = match fields.remove("from") {
        None | Some(Value::Null) => None,
        Some(Value::Object(from)) => Some(Fields(from)),
        Some(_) => return Err(invalid("`from` is an object")),
    };
    let (mut session, mut user) = (None, None);
    if let Some(from) = &mut from {
        session = from.text_if("session")?;
        user = match from.0.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            None => None,
            Some(_) => return Err(invalid("`from.id` is a string")),
        };
        fields.insert("from".to_owned(), Value::Object(std::mem::take(&mut from.0)));
    }
    let to = match fields.remove("to") {
        None | Some(Value::Null) => None,
        Some(Value::Object(to)) => {
            let mut to = Fields(to);
            Some((to.name("type")?, to.name("id")?))
        }
        Some(_) => return Err(invalid("`to` is an object with `type` and `id`")),
    };
    check_shape(msg_type, &fields, to.as_ref())?;
    let data = super::super::json::world_value(&Value::Object(fields)).map_err(invalid)?;
    Ok(Typed {
        msg_type: msg_type.to_owned(),
        session,
        user,
        to,
        data,
    })
}

/// What every world's own four types must have.
fn check_shape(
    msg_type: &str,
    fields: &serde_json::Map<String, Value>,
    to: Option<&(String, String)>,
) -> Result<(), Malformed> {
    let addressee = match msg_type {
        "DirectMessage" => Some("User"),
        "ChatRoomMessage" => Some("ChatRoom"),
        _ => None,
    };
    if let Some(kind) = addressee
        && to.is_none_or(|(given, _)| given != kind)
    {
        return Err(invalid(format!(
            "`to` is an object whose `type` is {kind}, with an `id`"
        )));
    }
    let has_text = |name: &str| matches!(fields.get(name), Some(Value::String(_)));
    match msg_type {
        "DirectMessage" | "ChatRoomMessage" | "GlobalMessage" if !has_text("message") => {
            Err(invalid("`message` is a string"))
        }
        "GameAction" if !has_text("game") => Err(invalid("`game` is a string")),
        "GameAction" if !matches!(fields.get("payload"), Some(Value::Object(_))) => {
            Err(invalid("`payload` is an object"))
        }
        _ => Ok(()),
    }
}
