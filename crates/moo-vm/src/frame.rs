//! One activation: a running verb, evaluated code, or a built-in function that waits for a verb it called.
//!
//! Invariant: a frame's registers are the task's register stack from `base` on, as many as its program asks for,
//! and, above them, its arguments while `args` is a window.

use std::sync::Arc;

use moo_model::world::VerbHit;
use moo_model::{Obj, Value};

use crate::builtin::Continuation;
use crate::executable::Executable;

/// The command words a verb sees; shared by all frames of a command until one assigns to them.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandWords {
    /// Everything after the verb, as typed.
    pub argstr: Value,
    /// The direct object's words.
    pub dobjstr: Value,
    /// What they matched.
    pub dobj: Value,
    /// The preposition, as typed.
    pub prepstr: Value,
    /// The indirect object's words.
    pub iobjstr: Value,
    /// What they matched.
    pub iobj: Value,
}

impl CommandWords {
    /// The words of a task that no command started.
    pub fn none() -> Arc<CommandWords> {
        Arc::new(CommandWords {
            argstr: Value::empty_str(),
            dobjstr: Value::empty_str(),
            dobj: Value::obj(Obj::NOTHING),
            prepstr: Value::empty_str(),
            iobjstr: Value::empty_str(),
            iobj: Value::obj(Obj::NOTHING),
        })
    }
}

/// Where a frame's `args` are.
#[derive(Clone, Debug)]
pub enum FrameArgs {
    /// On the register stack, just above the frame's own registers: this many.
    Window(u16),
    /// In a list.
    List(Value),
}

/// What a frame runs.
#[derive(Clone, Debug)]
pub enum Running {
    /// A verb.
    Verb(triomphe::Arc<VerbHit>),
    /// Code given to `eval()`.
    Eval(Arc<Executable>),
    /// The body of a `fork` of a verb.
    Fork(triomphe::Arc<VerbHit>),
    /// The body of a `fork` of evaluated code.
    ForkOfEval(Arc<Executable>),
    /// A built-in function that waits for a verb.
    Builtin(Box<Waiting>),
}

/// A built-in function that waits for a verb it called.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its name.
    pub name: &'static str,
    /// Where it goes on.
    pub then: Continuation,
}

impl Running {
    /// The program; an empty one for a built-in function.
    #[inline]
    pub fn program(&self) -> &Executable {
        match self {
            Running::Verb(hit) | Running::Fork(hit) => Executable::of_hit(hit).unwrap_or(Executable::empty()),
            Running::Eval(program) | Running::ForkOfEval(program) => program,
            Running::Builtin(..) => Executable::empty(),
        }
    }
}

/// An activation.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What runs.
    pub running: Running,
    /// The next instruction.
    pub pc: u32,
    /// Where its registers start.
    pub base: u32,
    /// The register of the calling frame that receives the result.
    pub result: u16,
    /// Whether errors are raised (a verb's `d` bit).
    pub debug: bool,
    /// The arguments.
    pub args: FrameArgs,
    /// The receiver.
    pub this: Value,
    /// The caller's receiver.
    pub caller: Value,
    /// The object whose verb runs.
    pub definer: Obj,
    /// Whose permissions it has.
    pub progr: Obj,
    /// The player of the task as this frame was entered.
    pub player: Obj,
    /// The `player` variable, which a program may assign.
    pub player_var: Value,
    /// The name the verb was called by; empty for evaluated code.
    pub verb: Value,
    /// The command's words, where this frame is the first of its task or has assigned one; else the words are those of
    /// the frame below.
    pub words: Option<Arc<CommandWords>>,
}

impl Frame {
    /// The program; an empty one for a built-in function.
    #[inline]
    pub fn program(&self) -> &Executable {
        self.running.program()
    }

    /// All names of the verb that runs, for tracebacks.
    pub fn verb_names(&self) -> Value {
        match &self.running {
            Running::Verb(hit) | Running::Fork(hit) => hit.verb.names.clone(),
            Running::Eval(_) | Running::ForkOfEval(_) => Value::str("Input to EVAL"),
            Running::Builtin(waiting) => Value::str(waiting.name),
        }
    }

    /// The values that the frame holds besides its registers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let args = match &self.args {
            FrameArgs::Window(_) => None,
            FrameArgs::List(list) => Some(list),
        };
        let words = self
            .words
            .as_deref()
            .map(|w| [&w.argstr, &w.dobjstr, &w.dobj, &w.prepstr, &w.iobjstr, &w.iobj]);
        let own = [&self.this, &self.caller, &self.player_var, &self.verb];
        own.into_iter().chain(args).chain(words.into_iter().flatten())
    }

    /// The built-in function that waits here, if it is one.
    pub fn builtin_name(&self) -> Option<&'static str> {
        match &self.running {
            Running::Builtin(waiting) => Some(waiting.name),
            _ => None,
        }
    }

    /// The line of the canonical listing that runs now. `pc` is past the instruction that runs.
    pub fn line(&self) -> u32 {
        self.program().line_at(self.pc.saturating_sub(1))
    }
}
