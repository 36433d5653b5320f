//! A waiting task as bytes, and back.
//!
//! No instruction address and no layout of ours is stored: a frame's place is a call site counted in source order (or
//! a `fork` likewise), with the program's canonical text and the compiler's revision beside it. Restoring compiles
//! the text again and refuses what does not fit.
//!
//! Invariant: reading any bytes gives a machine that the verifier would accept, or an error.

use std::sync::Arc;

use moo_lang::opcode::Op;
use moo_lang::store_text;
use moo_model::world::{ArgSpec, Code, ObjSpec, PrepSpec, VerbPerms, VerbRecord};
use moo_model::{Obj, Value, bytes};

use super::Machine;
use super::frames::Frames;
use super::registers::Registers;
use crate::builtin::Continuation;
use crate::builtins;
use crate::executable::{Executable, ReadyVerb};
use crate::frame::{CommandWords, Frame, FrameArgs, FrameState, NOWHERE, Running, Waiting};

/// Raised when the compiler lays out registers or call sites differently than before.
const COMPILER_REVISION: i64 = 6;

/// Why a stored task cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// It was laid out by the compiler of another version of the server, which can run it on.
    OtherCompiler,
    /// It fits no program, and how.
    Unfit(String),
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestoreError::OtherCompiler => f.write_str("another version of the server has compiled it"),
            RestoreError::Unfit(how) => f.write_str(how),
        }
    }
}

impl std::error::Error for RestoreError {}

type Result<T> = std::result::Result<T, RestoreError>;

/// Where a frame is, in terms of its source.
const AT_START: i64 = 0;
const AFTER_CALL: i64 = 1;
const IN_FORK: i64 = 2;

impl Machine {
    /// The whole machine as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let registers = Value::list(self.stack.iter().map(wrap).collect());
        let frames = (0..self.frames.len()).map(|nth| {
            let (below, above) = self.frames.split_at(nth);
            frame_value(&above[0], below, &self.stack)
        });
        let frames = Value::list(frames.collect());
        let whole = Value::list(vec![Value::int(COMPILER_REVISION), registers, frames]);
        let mut out = Vec::new();
        bytes::encode(&whole, &mut out);
        out
    }

    /// The machine that these bytes are.
    pub fn from_bytes(stored: &[u8]) -> Result<Machine> {
        let whole = bytes::decode(stored).map_err(|error| RestoreError::Unfit(error.to_string()))?;
        let fields = Fields::of(&whole, 3)?;
        if fields.int(0)? != COMPILER_REVISION {
            return Err(RestoreError::OtherCompiler);
        }
        let mut stack: Vec<Value> = fields.list(1)?.iter().map(unwrap).collect();
        let mut frames = fields.list(2)?.iter().map(frame_of).collect::<Result<Vec<_>>>()?;
        check_layout(&frames, stack.len())?;
        for frame in &mut frames {
            frame.args_list(&mut stack);
        }
        Ok(Machine {
            stack: Registers::new(stack),
            frames: Frames::new(frames),
        })
    }
}

/// Frames must lie on the register stack one after another, each with room for its registers and arguments. There may be
/// more room: a program that uses `args` as a list leaves the window that it was called with where it was.
fn check_layout(frames: &[Frame], registers: usize) -> Result<()> {
    let ends = frames
        .iter()
        .skip(1)
        .map(|frame| frame.base as usize)
        .chain([registers]);
    for (frame, end) in frames.iter().zip(ends) {
        let own_end = frame.base as usize + usize::from(frame.program().registers);
        if own_end.max(frame.args.window_end()) > end {
            return Err(RestoreError::Unfit("its registers do not fit its program".into()));
        }
    }
    if frames.first().is_none_or(|frame| frame.words.is_none()) {
        Err(RestoreError::Unfit("it has no first frame".into()))
    } else {
        Ok(())
    }
}

/// The unset value may not stand in a list, so it is stored as an empty list and everything else in a list of one.
fn wrap(value: &Value) -> Value {
    Value::list(if value.is_unset() {
        Vec::new()
    } else {
        vec![value.clone()]
    })
}

fn unwrap(value: &Value) -> Value {
    value
        .as_list()
        .and_then(<[Value]>::first)
        .cloned()
        .unwrap_or(Value::UNSET)
}

fn frame_value(frame: &Frame, below: &[Frame], stack: &[Value]) -> Value {
    let (kind, verb, state) = match &frame.running {
        Running::Verb(ready) => ("verb", verb_value(ready), Value::int(0)),
        Running::Fork(ready) => ("fork", verb_value(ready), Value::int(0)),
        Running::ForkOfEval(program) => ("fork", tree_value(program), Value::int(0)),
        Running::Eval(program) => ("eval", tree_value(program), Value::int(0)),
        Running::Builtin(waiting) => (waiting.name, Value::int(0), continuation_value(&waiting.then)),
    };
    let args = match frame.args.as_list() {
        Some(list) => list.clone(),
        None => Value::list(frame.args.items(stack).to_vec()),
    };
    let words = frame.words.as_deref().map_or(Value::int(0), words_value);
    let is_builtin = frame.builtin_name().is_some();
    Value::list(vec![
        Value::str(kind),
        Value::truth(is_builtin),
        verb,
        state,
        place_value(frame),
        Value::int(i64::from(frame.base)),
        Value::int(i64::from(frame.result)),
        Value::truth(frame.debug),
        args,
        frame.this.clone(),
        frame.caller_variable(below),
        Value::obj(frame.definer),
        Value::obj(frame.progr),
        Value::obj(frame.player),
        frame.player_variable(),
        frame.verb.clone(),
        words,
    ])
}

fn words_value(words: &CommandWords) -> Value {
    Value::list(vec![
        words.argstr.clone(),
        words.dobjstr.clone(),
        words.dobj.clone(),
        words.prepstr.clone(),
        words.iobjstr.clone(),
        words.iobj.clone(),
    ])
}

fn words_of(value: &Value) -> Result<Option<Arc<CommandWords>>> {
    if value.as_list().is_none() {
        return Ok(None);
    }
    let words = Fields::of(value, 6)?;
    let word = |nth: usize| words.value(nth).clone();
    Ok(Some(Arc::new(CommandWords {
        argstr: word(0),
        dobjstr: word(1),
        dobj: word(2),
        prepstr: word(3),
        iobjstr: word(4),
        iobj: word(5),
    })))
}

fn frame_of(value: &Value) -> Result<Frame> {
    let f = Fields::of(value, 17)?;
    let kind = f.text(0)?;
    let running = if f.int(1)? == 1 {
        let builtin = builtins::find(kind)
            .ok_or_else(|| RestoreError::Unfit(format!("there is no function {kind}()")))?;
        Running::Builtin(Box::new(Waiting {
            name: builtin.name,
            then: continuation_of(f.value(3))?,
        }))
    } else if f.value(2).as_str().is_some() {
        let code = Code::new(f.text(2)?);
        let program = Executable::of(&code).ok_or_else(unreadable)?;
        if kind == "eval" {
            Running::Eval(program)
        } else {
            Running::ForkOfEval(program)
        }
    } else {
        let ready = verb_of(f.value(2))?;
        if kind == "verb" {
            Running::Verb(ready)
        } else {
            Running::Fork(ready)
        }
    };
    let base: u32 = number(f.int(5)?)?;
    let player = f.obj(13)?;
    let player_variable = f.value(14);
    let state = FrameState {
        pc: place_of(f.value(4), running.program())?,
        base,
        result: number(f.int(6)?)?,
        debug: f.int(7)? == 1,
        returns_to: NOWHERE,
        args: match f.value(8).as_int() {
            // Earlier releases kept them just above the frame's registers.
            Some(count) => FrameArgs::of_window(
                base.saturating_add(u32::from(running.program().registers)),
                number(count)?,
            ),
            None => FrameArgs::of_list(f.value(8).clone()),
        },
        this: f.value(9).clone(),
        caller: f.value(10).clone(),
        definer: f.obj(11)?,
        progr: f.obj(12)?,
        player,
        assigned_player: if player_variable.as_obj() == Some(player) {
            Value::UNSET
        } else {
            player_variable.clone()
        },
        verb: f.value(15).clone(),
        words: words_of(f.value(16))?,
    };
    Ok(Frame::new(running, state))
}

fn unreadable() -> RestoreError {
    RestoreError::Unfit("its program can no longer be read".into())
}

fn tree_value(program: &Executable) -> Value {
    Value::string(store_text(&program.tree))
}

/// `{which kind of place, its number in source order}`
fn place_value(frame: &Frame) -> Value {
    let (kind, nth) = match frame.pc.checked_sub(1) {
        None => (AT_START, 0),
        Some(at) => match frame.program().call_sites.binary_search(&at) {
            Ok(nth) => (AFTER_CALL, nth),
            Err(_) => {
                let is_fork = |op: &&Op| matches!(op, Op::Fork { .. });
                (
                    IN_FORK,
                    frame.program().code[..at as usize]
                        .iter()
                        .filter(is_fork)
                        .count()
                        .saturating_sub(1),
                )
            }
        },
    };
    Value::list(vec![Value::int(kind), Value::int(nth as i64)])
}

fn place_of(value: &Value, program: &Executable) -> Result<u32> {
    let place = Fields::of(value, 2)?;
    let nth: usize = number(place.int(1)?)?;
    let found = match place.int(0)? {
        AT_START => Some(0),
        AFTER_CALL => program.call_sites.get(nth).map(|at| at + 1),
        _ => {
            let forks = program
                .code
                .iter()
                .enumerate()
                .filter(|(_, op)| matches!(op, Op::Fork { .. }));
            forks.map(|(at, _)| at as u32 + 2).nth(nth)
        }
    };
    found.ok_or_else(|| RestoreError::Unfit("its program has no such place".into()))
}

fn verb_value(ready: &ReadyVerb) -> Value {
    let verb = &ready.verb;
    Value::list(vec![
        Value::obj(ready.definer),
        Value::int(ready.index as i64),
        Value::int(i64::from(verb.id)),
        verb.names.clone(),
        Value::obj(verb.owner),
        Value::int(i64::from(verb.perms.0)),
        Value::str(&verb.code.source),
    ])
}

fn verb_of(value: &Value) -> Result<triomphe::Arc<ReadyVerb>> {
    let f = Fields::of(value, 7)?;
    let verb = VerbRecord {
        id: number(f.int(2)?)?,
        names: Value::str(f.text(3)?),
        owner: f.obj(4)?,
        perms: VerbPerms(number(f.int(5)?)?),
        // A verb that already runs is not matched against a command again.
        args: ArgSpec {
            dobj: ObjSpec::None,
            prep: PrepSpec::None,
            iobj: ObjSpec::None,
        },
        code: Code::new(f.text(6)?),
    };
    let program = Executable::of(&verb.code).ok_or_else(unreadable)?;
    let place = (f.obj(0)?, number(f.int(1)?)?);
    Ok(triomphe::Arc::new(ReadyVerb::new(
        place,
        triomphe::Arc::new(verb),
        program,
        None,
    )))
}

fn continuation_value(then: &Continuation) -> Value {
    let named = |name: &str, rest: Vec<Value>| Value::list([vec![Value::str(name)], rest].concat());
    let obj = |o: &Obj| Value::obj(*o);
    match then {
        Continuation::Create { obj: o } => named("create", vec![obj(o)]),
        Continuation::MoveAccepted { what, to } => named("accepted", vec![obj(what), obj(to)]),
        Continuation::MoveExited { what, to } => named("exited", vec![obj(what), obj(to)]),
        Continuation::MoveEntered => named("entered", Vec::new()),
        Continuation::Recycle { obj: o, moving } => {
            named("recycle", vec![obj(o), moving.map_or(Value::int(0), Value::obj)])
        }
        Continuation::Eval => named("eval", Vec::new()),
        Continuation::Wrapper => named("wrapper", Vec::new()),
    }
}

fn continuation_of(value: &Value) -> Result<Continuation> {
    let parts = value.as_list().unwrap_or(&[]);
    let obj = |nth: usize| {
        let found = parts.get(nth).and_then(Value::as_obj);
        found.ok_or_else(|| RestoreError::Unfit("a waiting function's state is damaged".into()))
    };
    Ok(match parts.first().and_then(Value::as_str).unwrap_or("") {
        "create" => Continuation::Create { obj: obj(1)? },
        "accepted" => Continuation::MoveAccepted {
            what: obj(1)?,
            to: obj(2)?,
        },
        "exited" => Continuation::MoveExited {
            what: obj(1)?,
            to: obj(2)?,
        },
        "entered" => Continuation::MoveEntered,
        "recycle" => Continuation::Recycle {
            obj: obj(1)?,
            moving: obj(2).ok(),
        },
        "eval" => Continuation::Eval,
        "wrapper" => Continuation::Wrapper,
        other => {
            return Err(RestoreError::Unfit(format!(
                "there is no waiting state {other:?}"
            )));
        }
    })
}

/// A list read by position, each access checked.
struct Fields<'a>(&'a [Value]);

impl<'a> Fields<'a> {
    fn of(value: &'a Value, count: usize) -> Result<Fields<'a>> {
        match value.as_list() {
            Some(items) if items.len() == count => Ok(Fields(items)),
            _ => Err(RestoreError::Unfit("its record is damaged".into())),
        }
    }

    fn value(&self, nth: usize) -> &'a Value {
        &self.0[nth]
    }

    fn int(&self, nth: usize) -> Result<i64> {
        self.0[nth]
            .as_int()
            .ok_or_else(|| RestoreError::Unfit(format!("field {nth} is not a number")))
    }

    fn obj(&self, nth: usize) -> Result<Obj> {
        self.0[nth]
            .referent()
            .ok_or_else(|| RestoreError::Unfit(format!("field {nth} is not an object")))
    }

    fn text(&self, nth: usize) -> Result<&'a str> {
        self.0[nth]
            .as_str()
            .ok_or_else(|| RestoreError::Unfit(format!("field {nth} is not a string")))
    }

    fn list(&self, nth: usize) -> Result<&'a [Value]> {
        self.0[nth]
            .as_list()
            .ok_or_else(|| RestoreError::Unfit(format!("field {nth} is not a list")))
    }
}

fn number<T: TryFrom<i64>>(n: i64) -> Result<T> {
    T::try_from(n).map_err(|_| RestoreError::Unfit(format!("{n} is out of range")))
}
