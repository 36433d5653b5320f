//! A task from one halt to the next: the loop runs, and what it stops for is dealt with here.

use moo_model::{ErrorCode, Raised, Value};

use super::run::execute;
use super::{Env, Machine};
use crate::outcome::{Limit, Outcome, Wake};

/// What keeps a task from simply going on. Boxed, so that going on costs nothing.
pub(super) enum Stop {
    /// The outermost frame returned.
    Done(Value),
    /// An instruction raised.
    Raise(Raised),
    /// The task waits.
    Suspend(Wake),
    /// The task ends without a word.
    Kill,
    /// The task went past a limit.
    Abort(Limit),
}

/// Whether the task simply goes on.
pub(super) type Go = Result<(), Box<Stop>>;

impl From<ErrorCode> for Box<Stop> {
    #[cold]
    fn from(code: ErrorCode) -> Box<Stop> {
        Box::new(Stop::Raise(code.into()))
    }
}

impl From<Raised> for Box<Stop> {
    #[cold]
    fn from(raised: Raised) -> Box<Stop> {
        Box::new(Stop::Raise(raised))
    }
}

/// Runs a machine until its task ends or waits.
pub(super) fn run(machine: &mut Machine, env: &mut Env<'_>, wake: Option<Result<Value, Raised>>) -> Outcome {
    let mut go: Go = match wake {
        None => Ok(()),
        Some(Ok(value)) => {
            machine.deliver(value);
            Ok(())
        }
        Some(Err(raised)) => Err(raised.into()),
    };
    loop {
        if let Some(limit) = env.task.abort.take() {
            return machine.aborted(limit, env);
        }
        if let Err(stop) = go {
            match *stop {
                Stop::Done(value) => return Outcome::Done(value),
                Stop::Suspend(wake) if machine.settle() => return Outcome::Suspended(wake),
                Stop::Suspend(_) => {
                    go = Err(ErrorCode::Quota.into());
                    continue;
                }
                Stop::Kill => return Outcome::Killed,
                Stop::Abort(limit) => return machine.aborted(limit, env),
                Stop::Raise(raised) => {
                    if let Err(outcome) = machine.raise(raised, env) {
                        return *outcome;
                    }
                }
            }
        }
        go = execute(machine, env);
    }
}
