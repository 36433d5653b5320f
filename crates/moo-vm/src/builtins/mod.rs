//! The built-in functions: bodies by family, each file ending in its table of rows.
//!
//! Invariant: a name stands in one table only, in lower case. Positions in the tables mean nothing and are never
//! stored.

mod binary;
mod clock;
mod connections;
mod des;
mod hashing;
mod jobs;
mod lists;
mod maps;
mod matching;
mod measures;
mod movement;
mod numbers;
pub mod object_fields;
mod objects;
mod outbound;
mod passwords;
mod pattern;
mod players;
mod properties;
mod server;
mod strings;
mod tasks;
mod values;
mod verb_code;
mod verbs;

use std::collections::HashMap;
use std::sync::LazyLock;

use moo_model::{ErrorCode, Map, Obj, Raised, Value};

use crate::builtin::{ArgType, Body, Builtin, EditBody, FlowBody, ValueBody};

pub use objects::{on_error, resume};

/// Every table, in the order of the manual.
static TABLES: [&[Builtin]; 22] = [
    values::TABLE,
    numbers::TABLE,
    clock::TABLE,
    strings::TABLE,
    binary::TABLE,
    matching::TABLE,
    hashing::TABLE,
    passwords::TABLE,
    lists::TABLE,
    maps::TABLE,
    objects::TABLE,
    movement::TABLE,
    properties::TABLE,
    verbs::TABLE,
    verb_code::TABLE,
    tasks::TABLE,
    jobs::TABLE,
    players::TABLE,
    connections::TABLE,
    server::TABLE,
    measures::TABLE,
    outbound::TABLE,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Builtin>> =
    LazyLock::new(|| all().map(|builtin| (builtin.name, builtin)).collect());

/// The function of this name, in any case.
pub fn find(name: &str) -> Option<&'static Builtin> {
    match BY_NAME.get(name) {
        Some(builtin) => Some(builtin),
        None => BY_NAME.get(name.to_ascii_lowercase().as_str()).copied(),
    }
}

/// Every function, in the order of the manual.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Whether there is a function of this name: what the parser asks.
pub fn is_builtin(name: &str) -> bool {
    find(name).is_some()
}

/// A number of arguments without an upper bound.
const MANY: usize = usize::MAX;

/// A row whose body gives a value at once.
const fn row(
    name: &'static str,
    (args_min, args_max): (usize, usize),
    types: &'static [ArgType],
    body: ValueBody,
    doc: &'static str,
) -> Builtin {
    Builtin {
        name,
        args_min,
        args_max: if args_max == MANY { None } else { Some(args_max) },
        types,
        body: Body::Value(body),
        at_once: None,
        doc,
    }
}

/// A row of a function of one argument, with what is known of its value at once.
const fn quick_row(
    name: &'static str,
    at_once: fn(&Value) -> Option<i64>,
    body: ValueBody,
    doc: &'static str,
) -> Builtin {
    Builtin {
        at_once: Some(at_once),
        ..row(name, (1, 1), &[ArgType::Any], body, doc)
    }
}

/// A row whose body may edit its arguments.
const fn edit_row(
    name: &'static str,
    (args_min, args_max): (usize, usize),
    types: &'static [ArgType],
    body: EditBody,
    doc: &'static str,
) -> Builtin {
    Builtin {
        name,
        args_min,
        args_max: if args_max == MANY { None } else { Some(args_max) },
        types,
        body: Body::Edit(body),
        at_once: None,
        doc,
    }
}

/// A row whose body may call verbs, suspend or end the task.
const fn flow_row(
    name: &'static str,
    (args_min, args_max): (usize, usize),
    types: &'static [ArgType],
    body: FlowBody,
    doc: &'static str,
) -> Builtin {
    Builtin {
        name,
        args_min,
        args_max: if args_max == MANY { None } else { Some(args_max) },
        types,
        body: Body::Flow(body),
        at_once: None,
        doc,
    }
}

/// The arguments of a body, by what its row promises of them. A row that promises less is our mistake; programs see
/// `E_TYPE` then.
trait Args {
    /// The integer at this place.
    fn int(&self, at: usize) -> Result<i64, Raised>;
    /// The object number at this place.
    fn obj(&self, at: usize) -> Result<Obj, Raised>;
    /// The object at this place, numbered or anonymous.
    fn object(&self, at: usize) -> Result<Obj, Raised>;
    /// The string at this place.
    fn str(&self, at: usize) -> Result<&str, Raised>;
    /// The list at this place.
    fn list(&self, at: usize) -> Result<&[Value], Raised>;
    /// The map at this place.
    fn map(&self, at: usize) -> Result<&Map, Raised>;
    /// Whether there is an argument at this place and it is true.
    fn flag(&self, at: usize) -> bool;
}

impl Args for [Value] {
    fn int(&self, at: usize) -> Result<i64, Raised> {
        self.get(at).and_then(Value::as_int).ok_or(ErrorCode::Type.into())
    }

    fn obj(&self, at: usize) -> Result<Obj, Raised> {
        self.get(at).and_then(Value::as_obj).ok_or(ErrorCode::Type.into())
    }

    fn object(&self, at: usize) -> Result<Obj, Raised> {
        self.get(at)
            .and_then(Value::referent)
            .ok_or(ErrorCode::Type.into())
    }

    fn str(&self, at: usize) -> Result<&str, Raised> {
        self.get(at).and_then(Value::as_str).ok_or(ErrorCode::Type.into())
    }

    fn list(&self, at: usize) -> Result<&[Value], Raised> {
        self.get(at)
            .and_then(Value::as_list)
            .ok_or(ErrorCode::Type.into())
    }

    fn map(&self, at: usize) -> Result<&Map, Raised> {
        self.get(at).and_then(Value::as_map).ok_or(ErrorCode::Type.into())
    }

    fn flag(&self, at: usize) -> bool {
        self.get(at).is_some_and(Value::is_true)
    }
}

/// The value of a function that has nothing to say.
const ZERO: Value = Value::int(0);

#[cfg(test)]
mod tests;
