//! What a client's program asks of the world: verbs and properties to see or to change, expressions, calls.
//!
//! A request is carried out by a MOO program of ours, `answer.moo`, that runs with the asking player's permissions: who
//! may see and change what is decided by the built-in functions (and by what the world put in their place), and nowhere
//! else. Invariant: one result for each action, in their order, unless the task itself came to an end.

use std::sync::LazyLock;

use moo_lang::constant;
use moo_model::world::{Code, Transaction};
use moo_model::{ErrorCode, Obj, Value, tag};
use moo_vm::machine::Machine;

use crate::jobs::id_text;
use crate::{command, own_program};

/// An object as a client may name it.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectName {
    /// By number.
    Number(Obj),
    /// By a path of properties from `#0`.
    System(Vec<String>),
    /// By what the player would call it.
    Match(String),
}

/// What is expected to be unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The lines of a verb's program.
    Verb,
    /// A property's value.
    Property,
}

/// One thing that is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The value of an expression.
    Eval(String),
    /// What a verb returns; for programmers.
    Invoke(ObjectName, String, Vec<Value>),
    /// The value of a property.
    Read(ObjectName, String),
    /// The verb's program, or the property's value, which must be the one that this tag stands for.
    Expect(ObjectName, Expected, String, String),
    /// Set a property.
    Update(ObjectName, String, Value),
    /// The same, with a value as programs write it, of any length: it is read where the request is carried out.
    UpdateLiteral(ObjectName, String, String),
    /// Give a verb a program.
    Program(ObjectName, String, Vec<String>),
    /// A verb, wherever it is defined, as [`Action::Verbs`] describes one, and the lines of its program.
    Verb(ObjectName, String),
    /// A property, as [`Action::Properties`] describes one, and its value.
    Property(ObjectName, String),
    /// `{definer, owner, permissions, names, arguments}` of each verb that may be seen, also inherited ones if asked.
    Verbs(ObjectName, bool),
    /// `{definer, name, owner, permissions, clear}` of each property, also inherited ones if asked.
    Properties(ObjectName, bool),
    /// The object's number.
    Resolve(ObjectName),
    /// `{object, name, parent, owner, location, flags}` of so many objects after this one; flags as a textdump has them.
    Objects(Obj, u16),
    /// Store a job of this kind with this data and these options of `enqueue_job()`; gives its id.
    Enqueue(String, Value, Vec<(String, Value)>),
    /// The rows of `queued_jobs()`; somebody's, if an owner is named.
    Jobs(Option<Obj>),
    /// `{id, kind, to, state, owner, tries, since, error, data}` of a job.
    Job([u8; 16]),
    /// Forget a job.
    Cancel([u8; 16]),
}

/// Actions that are carried out one after the other, in one transaction unless one of them suspends.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub actions: Vec<Action>,
    /// Nothing takes effect if one of them fails.
    pub rollback: bool,
    /// What the client calls each of them, if they are a batch.
    pub names: Option<Vec<String>>,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// The error.
    pub code: Value,
    /// Its text.
    pub message: String,
    /// What came with it; the compiler's messages for a program that does not compile.
    pub value: Value,
}

impl Failed {
    /// Whether the error is this one.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code == Value::err(code)
    }

    /// Whether what was to be a value is none.
    pub fn is_no_value(&self) -> bool {
        self.is(ErrorCode::InvArg) && self.message.starts_with(NO_VALUE)
    }
}

/// How the message of a failed [`Action::UpdateLiteral`] begins whose text is no value.
const NO_VALUE: &str = "the literal is no value";

/// The compiled program that answers, kept for all requests.
static ANSWER: LazyLock<triomphe::Arc<Code>> = LazyLock::new(|| Code::new(include_str!("answer.moo")));

impl Request {
    /// A machine that is about to carry out the request for a player.
    pub fn machine(&self, tx: &mut Transaction, player: Obj) -> Machine {
        let rows: Vec<Value> = self.actions.iter().map(|action| action.row(tx, player)).collect();
        own_program::machine(&ANSWER, "request", player, player, rows)
    }

    /// Whether it changes nothing, so that it may be carried out twice.
    pub fn only_reads(&self) -> bool {
        !self.actions.iter().any(|action| {
            matches!(
                action,
                Action::Eval(_)
                    | Action::Invoke(..)
                    | Action::Update(..)
                    | Action::UpdateLiteral(..)
                    | Action::Program(..)
                    | Action::Enqueue(..)
                    | Action::Cancel(_)
            )
        })
    }

    /// Whether what it did must be undone, by what its program returned. What it expected was read in the transaction of
    /// what it changed, so nobody can have come in between.
    pub fn is_undone(&self, returned: &Value) -> bool {
        let results = results(returned);
        let is_unexpected = |(action, result): (&Action, &Result<Value, Failed>)| match (action, result) {
            (Action::Expect(.., tag), Ok(found)) => tag::tag(found) != *tag,
            (Action::Expect(..), Err(_)) => true,
            _ => false,
        };
        let is_broken = self.actions.iter().zip(&results).any(is_unexpected);
        is_broken || (self.rollback && results.iter().any(Result::is_err))
    }
}

/// The results of a request's program, one for each action.
pub fn results(returned: &Value) -> Vec<Result<Value, Failed>> {
    let rows = returned.as_list().unwrap_or_default();
    rows.iter()
        .map(|row| match row.as_list().unwrap_or_default() {
            [_, result] => Ok(result.clone()),
            [_, code, message, value] => Err(Failed {
                code: code.clone(),
                message: message.as_str().unwrap_or_default().to_owned(),
                value: value.clone(),
            }),
            _ => Err(Failed {
                code: Value::err(ErrorCode::None),
                message: String::new(),
                value: Value::int(0),
            }),
        })
        .collect()
}

impl ObjectName {
    fn value(&self, tx: &mut Transaction, player: Obj) -> Value {
        match self {
            ObjectName::Number(obj) => Value::obj(*obj),
            ObjectName::System(path) => Value::strings(path),
            ObjectName::Match(name) => Value::obj(command::match_object(tx, player, name)),
        }
    }
}

impl Action {
    /// The action as its row among the program's arguments: what, on which object, and the rest.
    fn row(&self, tx: &mut Transaction, player: Obj) -> Value {
        let mut object = |name: &ObjectName| name.value(tx, player);
        let nothing = Value::obj(Obj::NOTHING);
        let (what, object, rest) = match self {
            Action::Eval(text) => ("eval", nothing, vec![Value::str(text)]),
            Action::Invoke(on, verb, args) => {
                let args = Value::list(args.clone());
                ("invoke", object(on), vec![Value::str(verb), args])
            }
            Action::Read(of, name) => ("read", object(of), vec![Value::str(name)]),
            Action::Expect(of, Expected::Verb, name, _) => ("code", object(of), vec![Value::str(name)]),
            Action::Expect(of, Expected::Property, name, _) => ("read", object(of), vec![Value::str(name)]),
            Action::Update(of, name, value) => ("update", object(of), vec![Value::str(name), value.clone()]),
            Action::UpdateLiteral(of, name, literal) => match constant(literal) {
                Ok(value) => ("update", object(of), vec![Value::str(name), value]),
                Err(error) => (
                    "unreadable",
                    nothing,
                    vec![Value::string(format!("{NO_VALUE}: {error}"))],
                ),
            },
            Action::Program(of, verb, code) => (
                "program",
                object(of),
                vec![Value::str(verb), Value::strings(code)],
            ),
            Action::Verb(of, name) => ("verb", object(of), vec![Value::str(name)]),
            Action::Property(of, name) => ("property", object(of), vec![Value::str(name)]),
            Action::Verbs(of, inherited) => ("verbs", object(of), vec![Value::int(i64::from(*inherited))]),
            Action::Properties(of, inherited) => {
                ("properties", object(of), vec![Value::int(i64::from(*inherited))])
            }
            Action::Resolve(what) => ("resolve", object(what), Vec::new()),
            Action::Objects(after, limit) => (
                "objects",
                nothing,
                vec![Value::int(after.0), Value::int(i64::from(*limit))],
            ),
            Action::Enqueue(kind, data, options) => {
                let pair =
                    |(name, value): &(String, Value)| Value::list(vec![Value::str(name), value.clone()]);
                let options = Value::list(options.iter().map(pair).collect());
                (
                    "enqueue_job",
                    nothing,
                    vec![Value::str(kind), data.clone(), options],
                )
            }
            Action::Jobs(owner) => (
                "queued_jobs",
                nothing,
                owner.map(Value::obj).into_iter().collect(),
            ),
            Action::Job(id) => ("job_info", nothing, vec![Value::string(id_text(*id))]),
            Action::Cancel(id) => ("cancel_job", nothing, vec![Value::string(id_text(*id))]),
        };
        let mut row = vec![Value::str(what), object];
        row.extend(rest);
        Value::list(row)
    }
}

#[cfg(test)]
mod tests;
