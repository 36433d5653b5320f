//! What belongs to a task as a whole while it runs: its id and what it may still use.

use moo_model::{ErrorCode, Raised, Value};

use crate::builtin::Flow;
use crate::options::{ServerOptions, SliceLimits};
use crate::outcome::Limit;

/// Ticks between two looks at the clock and the kill switch.
const CHUNK: i64 = 1_000;

/// Units of size (bytes of text, elements of lists) that cost one tick.
const SIZE_PER_TICK: usize = 256;

/// A running task.
pub struct TaskState {
    /// Its id.
    pub id: i64,
    /// Ticks left; behind while the run loop holds the count.
    pub ticks_left: i64,
    /// When the ticks left are fewer than these, the run loop looks at the clock and the kill switch.
    pub(crate) look_at: i64,
    /// What this slice may use.
    pub limits: SliceLimits,
    /// Set when the task must end at the next instruction, whatever handlers it has.
    pub abort: Option<Limit>,
    /// Whether the task was started by input from a player, rather than by the clock.
    pub foreground: bool,
    /// What a built-in function asked of the machine, on its way there.
    pub(crate) pending: Option<Flow>,
    /// What a frame returned, on its way to the one below.
    pub(crate) returned: Value,
    /// An error that goes on after a `finally`, with its traceback so far, on its way to the machine.
    pub(crate) reraised: Option<Value>,
}

impl TaskState {
    /// A task at the start of a slice.
    pub fn new(id: i64, limits: SliceLimits, foreground: bool) -> TaskState {
        let mut task = TaskState {
            id,
            ticks_left: limits.ticks,
            look_at: 0,
            limits,
            abort: None,
            foreground,
            pending: None,
            returned: Value::UNSET,
            reraised: None,
        };
        task.look_again(limits.ticks);
        task
    }

    /// Sets the next look one chunk of ticks ahead, or at the end of them.
    pub(crate) fn look_again(&mut self, ticks: i64) {
        self.look_at = (ticks - CHUNK).max(1);
    }

    /// Charges ticks for work that grows with the size of a value.
    #[inline]
    pub fn charge_size(&mut self, units: usize) {
        self.ticks_left -= (units / SIZE_PER_TICK) as i64;
    }

    /// The error for a value past its limit: catchable where the world wants so, else the end of the task.
    pub fn too_large(&mut self, options: &ServerOptions) -> Raised {
        if !options.max_concat_catchable {
            self.abort = Some(Limit::Seconds);
        }
        ErrorCode::Quota.into()
    }
}
