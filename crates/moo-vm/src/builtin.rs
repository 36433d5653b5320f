//! What a built-in function is: a row of a table with its name, arity, argument types and body.
//!
//! Invariant: a body is entered only with arguments that its row allows, counts checked before types, so it may
//! take them apart without a second look.

use moo_model::value::Kind;
use moo_model::world::Transaction;
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use crate::executable::Executable;
use crate::frame::{Frame, FrameState};
use crate::host::Host;
use crate::options::ServerOptions;
use crate::outcome::{Limit, Wake};
use crate::task::TaskState;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// Anything.
    Any,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// Either kind of number.
    Number,
    /// An object number.
    Obj,
    /// An object, numbered or anonymous.
    Object,
    /// A string.
    Str,
    /// An error.
    Err,
    /// A list.
    List,
    /// A map.
    Map,
}

impl ArgType {
    /// Whether a value is of this type.
    #[inline]
    pub fn allows(self, value: &Value) -> bool {
        self.kinds() & 1 << value.kind() as u32 != 0
    }

    /// The kinds of values of this type, as bits.
    const fn kinds(self) -> u32 {
        match self {
            ArgType::Any => u32::MAX,
            ArgType::Int => 1 << Kind::Int as u32,
            ArgType::Float => 1 << Kind::Float as u32,
            ArgType::Number => 1 << Kind::Int as u32 | 1 << Kind::Float as u32,
            ArgType::Obj => 1 << Kind::Obj as u32,
            ArgType::Object => 1 << Kind::Obj as u32 | 1 << Kind::Anon as u32,
            ArgType::Str => 1 << Kind::Str as u32,
            ArgType::Err => 1 << Kind::Err as u32,
            ArgType::List => 1 << Kind::List as u32,
            ArgType::Map => 1 << Kind::Map as u32,
        }
    }

    /// The number `function_info()` shows: a type code, -1 for anything, -2 for a number.
    pub fn code(self) -> i64 {
        match self {
            ArgType::Any => -1,
            ArgType::Number => -2,
            ArgType::Int => 0,
            ArgType::Obj | ArgType::Object => 1,
            ArgType::Str => 2,
            ArgType::Err => 3,
            ArgType::List => 4,
            ArgType::Float => 9,
            ArgType::Map => 10,
        }
    }
}

/// How the machine goes on after a built-in function.
pub enum Flow {
    /// The call's value.
    Value(Value),
    /// A verb is called first; then `then` goes on with what it returned.
    Call {
        /// The object whose verb is called.
        this: Obj,
        /// The verb's name.
        verb: &'static str,
        /// Its arguments.
        args: Vec<Value>,
        /// What happens afterwards.
        then: Continuation,
        /// What counts as returned where there is no such verb.
        missing: Value,
    },
    /// The machine itself does it: it needs the frames.
    Machine(MachineCall),
    /// The task stops here until something wakes it; the call's value is what it is woken with.
    Suspend(Wake),
    /// The task ends here, silently.
    Kill,
}

impl From<Value> for Flow {
    fn from(value: Value) -> Flow {
        Flow::Value(value)
    }
}

/// Calls that change the machine's frames.
pub enum MachineCall {
    /// `eval(text)`
    Eval(String),
    /// `pass(args)`
    Pass(Vec<Value>),
    /// `call_function(name, args)`: the row, already found and checked.
    Function(&'static Builtin, Vec<Value>),
}

/// Where a built-in function goes on once the verb it called has returned: plain data, so that it can be stored.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the named function's own state")]
pub enum Continuation {
    /// `create()` after `:initialize`: the result is the object.
    Create { obj: Obj },
    /// `move()` after `:accept`.
    MoveAccepted { what: Obj, to: Obj },
    /// `move()` after `:exitfunc`.
    MoveExited { what: Obj, to: Obj },
    /// `move()` after `:enterfunc`.
    MoveEntered,
    /// `recycle()` after `:recycle`; `None` in `moving` until the contents are being moved out.
    Recycle { obj: Obj, moving: Option<Obj> },
    /// `eval()` after its program: the result is `{1, value}`.
    Eval,
    /// A protected function after `#0:bf_name`: the result is the verb's.
    Wrapper,
}

/// A built-in function.
pub struct Builtin {
    /// Its name, in lower case.
    pub name: &'static str,
    /// The least number of arguments.
    pub args_min: usize,
    /// The greatest number of arguments, if there is one.
    pub args_max: Option<usize>,
    /// The types of the first arguments; later ones may be anything.
    pub types: &'static [ArgType],
    /// What it does.
    pub body: Body,
    /// Its value for the one argument that it takes, where that is an integer which is known at once.
    pub at_once: Option<fn(&Value) -> Option<i64>>,
    /// One sentence for the manual.
    pub doc: &'static str,
}

/// What a body that gives a value at once looks like.
pub type ValueBody = fn(&mut Context<'_>, &[Value]) -> Result<Value, Raised>;
/// What a body that may edit its arguments looks like: one that raises leaves them as they were.
pub type EditBody = fn(&mut Context<'_>, &mut [Value]) -> Result<Value, Raised>;
/// What a body that may do more looks like.
pub type FlowBody = fn(&mut Context<'_>, &[Value]) -> Result<Flow, Raised>;

/// A built-in function's body.
#[derive(Clone, Copy)]
pub enum Body {
    /// Gives a value at once.
    Value(ValueBody),
    /// As `Value`, and takes its first argument to edit it where it is, if nobody else holds it.
    Edit(EditBody),
    /// May call verbs, suspend or end the task.
    Flow(FlowBody),
}

impl Builtin {
    /// Whether the arguments are of the right number and types: `E_ARGS` and `E_TYPE` in that order.
    #[inline]
    pub fn check(&self, args: &[Value]) -> Result<(), ErrorCode> {
        if args.len() < self.args_min || self.args_max.is_some_and(|max| args.len() > max) {
            return Err(ErrorCode::Args);
        }
        let fits = self.types.iter().zip(args).all(|(kind, arg)| kind.allows(arg));
        if fits { Ok(()) } else { Err(ErrorCode::Type) }
    }
}

/// What a built-in function may reach while it runs.
pub struct Context<'a> {
    /// The world, as this task sees it.
    pub tx: &'a mut Transaction,
    /// Everything outside the world.
    pub host: &'a mut dyn Host,
    /// The task.
    pub task: &'a mut TaskState,
    /// The frame that called the function.
    pub frame: &'a mut FrameState,
    /// What that frame runs.
    pub program: &'a Executable,
    /// The frames below it, outermost first.
    pub below: &'a [Frame],
    /// `$server_options`, as last loaded.
    pub options: &'a ServerOptions,
}

impl Context<'_> {
    /// Whose permissions the calling frame has.
    #[inline]
    pub fn progr(&self) -> Obj {
        self.frame.progr
    }

    /// The line of the calling frame's program that runs now.
    pub fn line(&self) -> u32 {
        self.program.line_at(self.frame.pc.saturating_sub(1))
    }

    /// Whether the calling frame has a wizard's permissions.
    #[inline]
    pub fn is_wizard(&mut self) -> bool {
        self.tx.is_wizard(self.frame.progr)
    }

    /// `E_PERM` unless the calling frame has a wizard's permissions.
    pub fn require_wizard(&mut self) -> Result<(), Raised> {
        if self.is_wizard() {
            Ok(())
        } else {
            Err(ErrorCode::Perm.into())
        }
    }

    /// `E_PERM` unless the calling frame owns the object or is a wizard's.
    pub fn require_control(&mut self, obj: Obj) -> Result<(), Raised> {
        if self.tx.controls(self.frame.progr, obj) {
            Ok(())
        } else {
            Err(ErrorCode::Perm.into())
        }
    }

    /// `E_PERM` unless the calling frame's programmer is `who` or a wizard.
    pub fn require_self(&mut self, who: Obj) -> Result<(), Raised> {
        if self.frame.progr == who {
            Ok(())
        } else {
            self.require_wizard()
        }
    }

    /// For work that takes long: once the task's time or memory is used up it ends, and the function gives up with `E_QUOTA`.
    pub fn check_time(&mut self) -> Result<(), Raised> {
        if self.host.seconds_left() > 0.0 && !self.host.is_over_memory() {
            return Ok(());
        }
        self.task.abort = Some(Limit::Seconds);
        Err(ErrorCode::Quota.into())
    }

    /// `E_QUOTA` when a string of this many bytes may not be made. Large work also costs ticks, so that one call
    /// cannot run for minutes.
    pub fn check_string(&mut self, bytes: usize) -> Result<(), Raised> {
        self.task.charge_size(bytes);
        if bytes > self.options.max_string_concat {
            Err(self.task.too_large(self.options))
        } else {
            Ok(())
        }
    }

    /// `E_QUOTA` when a list of this many elements may not be made.
    pub fn check_list(&mut self, elements: usize) -> Result<(), Raised> {
        self.task.charge_size(elements);
        if elements > self.options.max_list_concat {
            Err(self.task.too_large(self.options))
        } else {
            Ok(())
        }
    }
}

/// The symbol of a name that a program made, if anything was ever called so.
pub fn known_symbol(name: &str) -> Option<Symbol> {
    Symbol::find(name)
}
