//! One activation: a running verb, evaluated code, or a built-in function that waits for a verb it called.
//!
//! Invariant: a frame's registers are the task's register stack from `base` on, as many as its program asks for; while
//! `args` is a window, its arguments are where its caller put them, in the caller's registers.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use moo_model::world::VerbHit;
use moo_model::{Obj, Symbol, Value};

use crate::builtin::Continuation;
use crate::executable::{Entry, Executable, ReadyVerb};
use crate::profile::{self, Tally};

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

/// A frame's arguments: in the registers of the frame below, which does not look at them any more, until somebody asks
/// for a list.
#[derive(Clone, Debug)]
pub struct FrameArgs {
    /// All of them; unset while they are in registers.
    list: Value,
    /// The first of those registers, counted from the bottom of the stack.
    from: u32,
    /// How many they are.
    count: u16,
}

impl FrameArgs {
    /// No arguments.
    pub const NONE: FrameArgs = FrameArgs {
        list: Value::UNSET,
        from: 0,
        count: 0,
    };

    /// Arguments in a list.
    pub fn of_list(list: Value) -> FrameArgs {
        FrameArgs {
            list,
            ..FrameArgs::NONE
        }
    }

    /// Arguments in so many registers from this one on.
    pub fn of_window(from: u32, count: u16) -> FrameArgs {
        FrameArgs {
            list: Value::UNSET,
            from,
            count,
        }
    }

    /// As [`FrameArgs::of_window`], where there is no list now.
    #[inline]
    pub(crate) fn set_window(&mut self, from: u32, count: u16) {
        debug_assert!(self.list.is_unset());
        (self.from, self.count) = (from, count);
    }

    fn window(&self) -> std::ops::Range<usize> {
        self.from as usize..self.from as usize + usize::from(self.count)
    }

    /// Where the registers end that the arguments are in; 0 where they are in a list.
    pub(crate) fn window_end(&self) -> usize {
        if self.list.is_unset() {
            self.window().end
        } else {
            0
        }
    }

    /// The list, if they are in one.
    pub fn as_list(&self) -> Option<&Value> {
        (!self.list.is_unset()).then_some(&self.list)
    }

    /// The arguments. `below` is the register stack, at least as far as the frame's own registers.
    #[inline]
    pub fn items<'a>(&'a self, below: &'a [Value]) -> &'a [Value] {
        if self.list.is_unset() {
            &below[self.window()]
        } else {
            self.list.as_list().unwrap_or(&[])
        }
    }

    /// The arguments as a list, which is made when it is first asked for.
    pub fn list(&mut self, below: &mut [Value]) -> Value {
        if self.list.is_unset() {
            let window = &mut below[self.window()];
            self.list = Value::list(window.iter_mut().map(Value::take).collect());
        }
        self.list.clone()
    }

    /// As [`FrameArgs::drop_window`], where there is no list.
    #[inline(always)]
    pub(crate) fn drop_sure_window(&self, below: &mut [Value]) {
        if self.count != 0 {
            below[self.window()].fill_with(|| Value::UNSET);
        }
    }

    /// Unsets the registers that the arguments are in: what else holds their values may edit them in place again.
    #[inline(always)]
    pub(crate) fn drop_window(&self, below: &mut [Value]) {
        if self.list.is_unset() {
            Value::unset_all(&mut below[self.window()]);
        }
    }
}

/// What a frame runs.
#[derive(Clone, Debug)]
pub enum Running {
    /// A verb.
    Verb(triomphe::Arc<ReadyVerb>),
    /// Code given to `eval()`.
    Eval(Arc<Executable>),
    /// The body of a `fork` of a verb.
    Fork(triomphe::Arc<ReadyVerb>),
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
    #[inline(always)]
    pub fn program(&self) -> &Executable {
        match self {
            Running::Verb(ready) => &ready.program,
            other => other.rare_program(),
        }
    }

    /// Makes this the verb that was found, at no cost where it is that one already; `None` where its code is no program.
    #[inline(always)]
    pub(crate) fn become_verb(&mut self, hit: &VerbHit) -> Option<&ReadyVerb> {
        if !matches!(self, Running::Verb(last) if last.search == Some(hit.search)) {
            *self = Running::Verb(ReadyVerb::of(hit)?.clone());
        }
        match self {
            Running::Verb(ready) => Some(ready),
            _ => unreachable!("it was just made a verb"),
        }
    }

    /// Lets what runs be charged for it.
    pub(crate) fn with_tally(&self, charge: impl FnOnce(&Tally)) {
        match self {
            Running::Verb(ready) | Running::Fork(ready) => charge(&ready.tally),
            Running::Eval(_) | Running::ForkOfEval(_) => charge(&profile::evaluated()),
            Running::Builtin(_) => {}
        }
    }

    #[cold]
    fn rare_program(&self) -> &Executable {
        match self {
            Running::Verb(ready) | Running::Fork(ready) => &ready.program,
            Running::Eval(program) | Running::ForkOfEval(program) => program,
            Running::Builtin(..) => Executable::empty(),
        }
    }
}

/// How a frame's verb was found, so that the next call in its place can know that it finds the same one. The object that was
/// searched is the frame's receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundBy {
    /// The name.
    pub name: Symbol,
    /// The epoch of what names lead to.
    pub epoch: u64,
    /// What a call of that verb needs of its program.
    pub entry: Entry,
    /// Whose permissions it begins with.
    pub owner: Obj,
}

impl FoundBy {
    /// Nothing is known: no epoch is so high.
    pub fn unknown() -> FoundBy {
        FoundBy {
            name: Symbol::default(),
            epoch: u64::MAX,
            entry: Entry::default(),
            owner: Obj::NOTHING,
        }
    }
}

/// Not a register of the stack: a frame that does not just return.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An activation: what runs, and how far it is.
///
/// The state is first: one address serves the run loop for it and for the whole.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Frame {
    /// Everything but what runs, apart from it, so that the machine can edit this while it borrows the program.
    pub state: FrameState,
    /// What runs.
    pub running: Running,
    /// How it was found in this run of the machine, if that is known.
    pub(crate) found_by: FoundBy,
}

/// What changes while a frame runs.
#[derive(Clone, Debug)]
pub struct FrameState {
    /// The next instruction.
    pub pc: u32,
    /// Where its registers start.
    pub base: u32,
    /// The register of the calling frame that receives the result.
    pub result: u16,
    /// Whether errors are raised (a verb's `d` bit).
    pub debug: bool,
    /// Where its value goes, counted from the bottom of the stack, if it is a verb's frame that has no list of arguments, no
    /// `player` of its own and no words, and the one below only waits for its value. [`NOWHERE`] else, or that may be so too.
    pub(crate) returns_to: u32,
    /// The arguments.
    pub args: FrameArgs,
    /// The receiver.
    pub this: Value,
    /// The `caller` variable of a task's outermost frame; that of others is the receiver of the frame below.
    pub caller: Value,
    /// The object whose verb runs.
    pub definer: Obj,
    /// Whose permissions it has.
    pub progr: Obj,
    /// The player of the task as this frame was entered.
    pub player: Obj,
    /// What the program assigned to its `player` variable; unset while that is `player`.
    pub assigned_player: Value,
    /// The name the verb was called by; empty for evaluated code.
    pub verb: Value,
    /// The command's words, where this frame is the first of its task or has assigned one; else the words are those of
    /// the frame below.
    pub words: Option<Arc<CommandWords>>,
}

impl Deref for Frame {
    type Target = FrameState;

    #[inline]
    fn deref(&self) -> &FrameState {
        &self.state
    }
}

impl DerefMut for Frame {
    #[inline]
    fn deref_mut(&mut self) -> &mut FrameState {
        &mut self.state
    }
}

impl FrameState {
    /// The arguments as a list. `below` is the register stack below the frame.
    pub(crate) fn args_list(&mut self, below: &mut [Value]) -> Value {
        self.returns_to = NOWHERE;
        self.args.list(below)
    }

    /// The `caller` variable, above these frames.
    pub(crate) fn caller_variable(&self, below: &[Frame]) -> Value {
        below.last().map_or(&self.caller, |caller| &caller.this).clone()
    }

    /// Lets go of what only few frames have.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if !self.args.list.is_unset() {
            self.args.list = Value::UNSET;
        }
        if !self.assigned_player.is_unset() {
            self.assigned_player = Value::UNSET;
        }
        if self.words.is_some() {
            self.words = None;
        }
    }

    /// The `player` variable.
    pub fn player_variable(&self) -> Value {
        if self.assigned_player.is_unset() {
            Value::obj(self.player)
        } else {
            self.assigned_player.clone()
        }
    }
}

impl Frame {
    /// What runs, and how far it is.
    pub fn new(running: Running, state: FrameState) -> Frame {
        Frame {
            running,
            found_by: FoundBy::unknown(),
            state,
        }
    }

    /// The program; an empty one for a built-in function.
    #[inline]
    pub fn program(&self) -> &Executable {
        self.running.program()
    }

    /// All names of the verb that runs, for tracebacks.
    pub fn verb_names(&self) -> Value {
        match &self.running {
            Running::Verb(ready) | Running::Fork(ready) => ready.verb.names.clone(),
            Running::Eval(_) | Running::ForkOfEval(_) => Value::str("Input to EVAL"),
            Running::Builtin(waiting) => Value::str(waiting.name),
        }
    }

    /// The values that the frame holds besides its registers.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let words = self
            .words
            .as_deref()
            .map(|w| [&w.argstr, &w.dobjstr, &w.dobj, &w.prepstr, &w.iobjstr, &w.iobj]);
        let own = [&self.this, &self.caller, &self.assigned_player, &self.verb];
        own.into_iter()
            .chain(self.args.as_list())
            .chain(words.into_iter().flatten())
    }

    /// The object that a built-in function which waits here goes on with.
    pub(crate) fn awaited_object(&self) -> Option<Obj> {
        let Running::Builtin(waiting) = &self.running else {
            return None;
        };
        match waiting.then {
            Continuation::Create { obj } | Continuation::Recycle { obj, .. } => Some(obj),
            _ => None,
        }
    }

    /// Whether a built-in function waits here.
    #[inline]
    pub fn is_builtin(&self) -> bool {
        matches!(self.running, Running::Builtin(_))
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
