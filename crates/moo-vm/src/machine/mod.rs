//! The machine: a task's frames and registers, and the loop that runs them.
//!
//! Invariants: the last frame is the one that runs; a frame's registers end where its arguments or the next frame's
//! registers begin; verb calls never use the native stack. A machine is plain data: cloning it before a run is all
//! that a retry needs.

mod arithmetic;
mod builtins_call;
mod call;
mod index;
mod property;
mod raise;
mod run;
mod scatter;
mod snapshot;

use std::sync::Arc;

use moo_model::world::{Transaction, VerbHit};
use moo_model::{Obj, Raised, Value, bytes};

use crate::fork::ForkRequest;
use crate::frame::{CommandWords, Frame, FrameArgs, Running};
use crate::host::Host;
use crate::options::ServerOptions;
use crate::outcome::Outcome;
use crate::task::TaskState;

pub use raise::traceback_row;
pub use snapshot::RestoreError;

/// A task's whole state.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The registers of all frames.
    stack: Vec<Value>,
    /// The frames, outermost first.
    frames: Vec<Frame>,
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

impl Machine {
    /// A machine that is about to run a verb.
    pub fn for_verb(start: VerbStart) -> Machine {
        let frame = Frame {
            pc: 0,
            base: 0,
            result: 0,
            debug: start.hit.verb.perms.has(moo_model::world::VerbPerms::DEBUG),
            args: FrameArgs::List(start.args),
            this: Value::obj(start.this),
            caller: Value::obj(start.caller),
            definer: start.hit.definer,
            progr: start.progr,
            player: start.player,
            player_var: Value::obj(start.player),
            verb: start.verb,
            words: Some(start.words),
            running: Running::Verb(start.hit),
        };
        let stack = vec![Value::UNSET; usize::from(frame.program().registers)];
        Machine {
            stack,
            frames: vec![frame],
        }
    }

    /// A machine that is about to run the body of a `fork`.
    pub fn for_fork(request: ForkRequest) -> Machine {
        Machine {
            stack: request.registers,
            frames: vec![request.frame],
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
        Value::list(self.frames.iter().rev().map(traceback_row).collect())
    }

    /// Whether the machine can be kept as bytes: none of its values is too large or nested too deep.
    fn is_storable(&self) -> bool {
        let sizes = self.stack.iter().map(bytes::stored_size);
        sizes
            .sum::<Option<usize>>()
            .is_some_and(|size| size <= bytes::STORED_BYTES_MAX)
    }

    /// Runs until the task ends or waits. `wake` is what a suspended task was woken with: a value, or an error that is
    /// raised where it waits.
    pub fn run(&mut self, env: &mut Env<'_>, wake: Option<Result<Value, Raised>>) -> Outcome {
        run::run(self, env, wake)
    }
}

#[cfg(test)]
mod tests;
