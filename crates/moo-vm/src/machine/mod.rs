//! The machine: a task's frames and registers, and the loop that runs them.
//!
//! Invariants: the last frame is the one that runs; a frame's registers end where the next frame's begin; verb calls never use the native stack. A machine is plain data: cloning it before a run is all
//! that a retry needs.

mod arithmetic;
mod builtins_call;
mod call;
mod drive;
mod frames;
mod index;
mod property;
mod quick;
mod raise;
mod rare;
mod registers;
mod run;
mod scatter;
mod snapshot;
mod variables;

use std::sync::Arc;

use moo_model::world::{ArgSpec, Code, ObjSpec, PrepSpec, Transaction, VerbHit, VerbPerms, VerbRecord};
use moo_model::{Obj, Raised, Value, bytes};

use self::frames::Frames;
use self::registers::Registers;
use crate::executable::{Executable, ReadyVerb};
use crate::fork::ForkRequest;
use crate::frame::{CommandWords, Frame, FrameArgs, FrameState, NOWHERE, Running};
use crate::host::Host;
use crate::options::ServerOptions;
use crate::outcome::Outcome;
use crate::task::TaskState;

pub use raise::{redacted, traceback_row};
pub use snapshot::RestoreError;

/// A task's whole state.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The registers of all frames.
    stack: Registers,
    /// The frames, outermost first.
    frames: Frames,
}

/// The top frame, taken apart, with what lies below it.
struct Top<'a> {
    /// What runs.
    running: &'a Running,
    /// Its program.
    program: &'a Executable,
    /// Everything else of the frame.
    frame: &'a mut FrameState,
    /// The frames below it.
    below: &'a mut [Frame],
    /// The places for frames above it.
    above: &'a mut [Frame],
    /// The registers of those.
    lower: &'a mut [Value],
    /// The frame's own registers.
    regs: &'a mut [Value],
}

/// What a run works on.
pub struct Env<'a> {
    /// The world, as this task sees it.
    pub tx: &'a mut Transaction,
    /// Everything outside the world.
    pub host: &'a mut dyn Host,
    /// What the task may still use.
    pub task: &'a mut TaskState,
    /// `$server_options`, as last loaded.
    pub options: &'a ServerOptions,
}

/// A verb for the server to call as a task of its own.
pub struct VerbStart {
    /// The verb.
    pub hit: triomphe::Arc<VerbHit>,
    /// The receiver.
    pub this: Obj,
    /// The task's player.
    pub player: Obj,
    /// The `caller` variable.
    pub caller: Obj,
    /// The name used.
    pub verb: Value,
    /// The arguments, a list.
    pub args: Value,
    /// The command's words.
    pub words: Arc<CommandWords>,
    /// Whose permissions it runs with; usually the verb's owner.
    pub progr: Obj,
}

/// A forked task as a textdump has it: the body as a program of its own, and the variables by name.
pub struct ImportedFork {
    /// The object whose verb forked.
    pub definer: Obj,
    /// All names of that verb.
    pub verb_names: Value,
    /// The name it was called by.
    pub verb: Value,
    /// The receiver.
    pub this: Obj,
    /// The task's player.
    pub player: Obj,
    /// Whose permissions it runs with.
    pub progr: Obj,
    /// Whether errors are raised.
    pub debug: bool,
    /// The variables as they were; unset ones hold the unset value.
    pub variables: Vec<(String, Value)>,
    /// The body's text.
    pub body: String,
}

impl Machine {
    /// A machine that is about to run the body of an imported fork; an error where that is not a program.
    pub fn for_imported_fork(fork: ImportedFork) -> Result<Machine, RestoreError> {
        let value = |name: &str| {
            let found = fork
                .variables
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_unset())
        };
        let text = |name: &str| value(name).unwrap_or_else(Value::empty_str);
        let obj = |name: &str| value(name).unwrap_or(Value::obj(Obj::NOTHING));
        let code = Code::new(fork.body);
        let program =
            Executable::of(&code).ok_or_else(|| RestoreError::Unfit("its body is not a program".into()))?;
        let mut stack = vec![Value::UNSET; usize::from(program.registers)];
        for (name, register) in &program.variables {
            stack[usize::from(*register)] = value(name).unwrap_or_default();
        }
        let debug = if fork.debug { VerbPerms::DEBUG.0 } else { 0 };
        let verb = VerbRecord {
            id: 0,
            names: fork.verb_names,
            owner: fork.progr,
            perms: VerbPerms(VerbPerms::EXEC.0 | debug),
            args: ArgSpec {
                dobj: ObjSpec::None,
                prep: PrepSpec::None,
                iobj: ObjSpec::None,
            },
            code,
        };
        let ready = ReadyVerb::new((fork.definer, 0), triomphe::Arc::new(verb), program, None);
        let running = Running::Fork(triomphe::Arc::new(ready));
        let assigned_player = value("player").filter(|v| v.as_obj() != Some(fork.player));
        let state = FrameState {
            pc: 0,
            base: 0,
            result: 0,
            debug: fork.debug,
            returns_to: NOWHERE,
            args: FrameArgs::of_list(
                value("args")
                    .filter(|v| v.as_list().is_some())
                    .unwrap_or_else(Value::empty_list),
            ),
            this: Value::obj(fork.this),
            caller: obj("caller"),
            definer: fork.definer,
            progr: fork.progr,
            player: fork.player,
            assigned_player: assigned_player.unwrap_or_default(),
            verb: fork.verb,
            words: Some(Arc::new(CommandWords {
                argstr: text("argstr"),
                dobjstr: text("dobjstr"),
                dobj: obj("dobj"),
                prepstr: text("prepstr"),
                iobjstr: text("iobjstr"),
                iobj: obj("iobj"),
            })),
        };
        Ok(Machine {
            stack: Registers::new(stack),
            frames: Frames::new(vec![Frame::new(running, state)]),
        })
    }

    /// A machine that is about to run a verb.
    pub fn for_verb(start: VerbStart) -> Machine {
        let state = FrameState {
            pc: 0,
            base: 0,
            result: 0,
            debug: start.hit.verb.perms.has(VerbPerms::DEBUG),
            returns_to: NOWHERE,
            args: FrameArgs::of_list(start.args),
            this: Value::obj(start.this),
            caller: Value::obj(start.caller),
            definer: start.hit.definer,
            progr: start.progr,
            player: start.player,
            assigned_player: Value::UNSET,
            verb: start.verb,
            words: Some(start.words),
        };
        let ready = ReadyVerb::or_empty(&start.hit);
        ready.tally.call();
        let running = Running::Verb(ready);
        let stack = vec![Value::UNSET; usize::from(running.program().registers)];
        Machine {
            stack: Registers::new(stack),
            frames: Frames::new(vec![Frame::new(running, state)]),
        }
    }

    /// A machine that is about to run the body of a `fork`.
    pub fn for_fork(request: ForkRequest) -> Machine {
        Machine {
            stack: Registers::new(request.registers),
            frames: Frames::new(vec![request.frame]),
        }
    }

    /// The top frame.
    #[inline(always)]
    fn view(&mut self) -> Top<'_> {
        let (below, top, above) = self.frames.split_top();
        let Frame {
            running,
            state: frame,
            ..
        } = top;
        let (lower, regs) = self.stack.split_at_mut(frame.base as usize);
        Top {
            program: running.program(),
            running,
            frame,
            below,
            above,
            lower,
            regs,
        }
    }

    /// The frames, outermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The registers of the outermost frame, for a fork that has not started.
    pub fn registers(&self) -> &[Value] {
        &self.stack
    }

    /// `{this, verb, programmer, definer, player, line}` for each frame, innermost first.
    pub fn traceback(&self) -> Value {
        let rows = self.frames.iter().rev();
        Value::list(
            rows.map(|frame| traceback_row(frame, frame.this.clone()))
                .collect(),
        )
    }

    /// Tells every anonymous object that the machine refers to.
    pub fn each_anonymous(&self, mut tell: impl FnMut(Obj)) {
        for frame in self.frames.iter() {
            frame.values().for_each(|value| value.each_anonymous(&mut tell));
            frame.awaited_object().into_iter().for_each(&mut tell);
        }
        self.stack
            .iter()
            .for_each(|value| value.each_anonymous(&mut tell));
    }

    /// Makes the machine one that waits: it holds each argument once, and no memory to spare. Whether it can be kept as
    /// bytes: none of its values is too large or nested too deep, nor all together.
    fn settle(&mut self) -> bool {
        for frame in self.frames.iter_mut() {
            frame.args_list(&mut self.stack);
        }
        self.stack.trim();
        self.frames.trim();
        let in_frames = self.frames.iter().flat_map(Frame::values);
        fits(self.stack.iter().chain(in_frames))
    }

    /// Runs until the task ends or waits. `wake` is what a suspended task was woken with: a value, or an error that is
    /// raised where it waits.
    pub fn run(&mut self, env: &mut Env<'_>, wake: Option<Result<Value, Raised>>) -> Outcome {
        self.frames.begin();
        let outcome = drive::run(self, env, wake);
        env.task.end(env.host.seconds_left());
        outcome
    }
}

/// Whether these values may be kept together.
fn fits<'a>(values: impl Iterator<Item = &'a Value>) -> bool {
    let mut total = 0;
    for value in values {
        let Some(size) = bytes::stored_size(value) else {
            return false;
        };
        total += size;
        if total > bytes::STORED_BYTES_MAX {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
