//! Verbs of the system object that the server calls at the wish of a client, a host or a job: for typed messages, for
//! handlers such as that of web hooks, and for jobs that the world does itself.
//!
//! Invariant: such a verb is called as the server calls one, with its owner's permissions and no caller, so only verbs
//! that are made for it may be named.

use moo_model::{ErrorCode, Obj, Value};

use crate::attempt::{End, Failure};
use crate::connections::ConnId;

/// The verb that typed messages are given to, with their type, sender, addressee and data.
pub const TYPED_MESSAGE_VERB: &str = "do_typed_message";
/// The verb that jobs are given to, with their kind, data, owner, id and which try this is.
pub const JOB_VERB: &str = "do_job";
/// Bytes of a handler's name at most.
const HANDLER_NAME_MAX: usize = 32;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What it is for.
    pub what: What,
    /// The verb's arguments.
    pub args: Vec<Value>,
    /// The connection that hears how it ended.
    pub conn: Option<ConnId>,
}

/// What a call is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A message of this type.
    Typed(String),
    /// The handler of this name.
    Handler(String),
    /// A job of this kind. If it fails, nothing that it did takes effect.
    Job(String),
}

impl Service {
    /// A typed message for the world. `to` is a kind of addressee and which one of that kind.
    pub fn typed(
        msg_type: String,
        from: Obj,
        to: Option<(String, String)>,
        data: Value,
        conn: Option<ConnId>,
    ) -> Service {
        let to = to.map_or_else(Value::empty_list, |(kind, which)| Value::strings([kind, which]));
        Service {
            args: vec![Value::str(&msg_type), Value::obj(from), to, data],
            what: What::Typed(msg_type),
            conn,
        }
    }

    /// A call of a handler; none where no handler can have that name.
    pub fn handler(name: &str, args: Vec<Value>, conn: Option<ConnId>) -> Option<Service> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let can_be = (1..=HANDLER_NAME_MAX).contains(&name.len()) && name.bytes().all(is_name);
        can_be.then(|| Service {
            what: What::Handler(name.to_owned()),
            args,
            conn,
        })
    }

    /// A job for the world. `owner` is on whose behalf: an object, nobody, or `{world, object}` of another world.
    pub fn job(kind: String, data: Value, owner: Value, id: String, attempt: u8) -> Service {
        let attempt = Value::int(i64::from(attempt));
        Service {
            args: vec![Value::str(&kind), data, owner, Value::string(id), attempt],
            what: What::Job(kind),
            conn: None,
        }
    }

    /// Whether nothing that it did takes effect if it fails.
    pub fn is_undone(&self, end: &End) -> bool {
        matches!((&self.what, end), (What::Job(_), End::Failed(_)))
    }

    /// The verb's name.
    pub fn verb(&self) -> String {
        match &self.what {
            What::Typed(_) => TYPED_MESSAGE_VERB.to_owned(),
            What::Handler(name) => format!("invoke_{name}_handler"),
            What::Job(_) => JOB_VERB.to_owned(),
        }
    }

    /// Whether the world has nothing that takes this: no verb, or for a message or job one that returns `E_VERBNF`.
    pub fn is_unknown(&self, end: &End) -> bool {
        match end {
            End::Failed(Failure::NoVerb) => true,
            End::Done(value) => {
                !matches!(self.what, What::Handler(_)) && *value == Value::err(ErrorCode::VerbNf)
            }
            _ => false,
        }
    }
}
