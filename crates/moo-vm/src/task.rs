//! What belongs to a task as a whole while it runs: its id and what it may still use.

use moo_model::{ErrorCode, Raised, Value, bytes};

use crate::builtin::Flow;
use crate::options::{ServerOptions, SliceLimits};
use crate::outcome::Limit;
use crate::profile::{self, Sampler};

/// Ticks between two looks at the clock and the kill switch, which are also the samples of the profile.
const CHUNK: i64 = profile::SAMPLE_TICKS;

/// Work on a value of more units than this is followed by a look at the limits, so that memory cannot run far ahead of
/// them.
const SIZE_LOOK: usize = 64 << 10;

/// More ticks than anybody has left.
const LOOK_NOW: i64 = i64::MAX / 2;

/// Bytes that one slice may store in the world: what it stores is also written and kept.
const STORED_MAX: usize = 256 << 20;

/// The longest string, in bytes, that is looked up as a key for nothing, and the comparisons that a longer one pays for.
const KEY_FREE: usize = 256;
const KEY_COMPARISONS: usize = 8;
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
    /// CPU seconds that the slice has used; known once it has ended.
    pub seconds_used: f64,
    /// How much of what was used is charged to verbs.
    pub(crate) sampler: Sampler,
    /// What this slice may use.
    pub limits: SliceLimits,
    /// Set when the task must end at the next instruction, whatever handlers it has.
    pub abort: Option<Limit>,
    /// Whether the task was started by input from a player, rather than by the clock.
    pub foreground: bool,
    /// Bytes that this slice has stored in the world.
    stored: usize,
    /// The list that grew last where the world keeps it: its address, length and size. Nothing else was stored since.
    longer: Option<(usize, usize, usize)>,
    /// What a built-in function asked of the machine, on its way there.
    pub(crate) pending: Option<Flow>,
    /// An error that goes on after a `finally`, with its traceback so far, on its way to the machine.
    pub(crate) reraised: Option<Value>,
}

impl TaskState {
    /// A task at the start of a slice.
    pub fn new(id: i64, limits: SliceLimits, foreground: bool) -> TaskState {
        let (sampler, look_at) = Sampler::begin(limits.ticks, limits.seconds);
        TaskState {
            id,
            ticks_left: limits.ticks,
            look_at: look_at.max(1),
            seconds_used: 0.0,
            sampler,
            limits,
            abort: None,
            foreground,
            stored: 0,
            longer: None,
            pending: None,
            reraised: None,
        }
    }

    /// The slice ends with so many seconds left.
    pub(crate) fn end(&mut self, seconds_left: f64) {
        self.seconds_used = (self.limits.seconds - seconds_left).max(0.0);
        self.sampler.end(self.ticks_left, seconds_left);
    }

    /// Sets the next look one chunk of ticks ahead, or at the end of them.
    pub(crate) fn look_again(&mut self, ticks: i64) {
        self.look_at = (ticks - CHUNK).max(1);
    }

    /// Ticks left until the next look: what the run loop counts down.
    #[inline]
    pub(crate) fn chunk_left(&self) -> i64 {
        self.ticks_left - self.look_at
    }

    /// Takes back what the run loop counted.
    #[inline]
    pub(crate) fn set_chunk_left(&mut self, left: i64) {
        self.ticks_left = left + self.look_at;
    }

    /// Charges ticks for work that grows with the size of a value.
    #[inline]
    pub fn charge_size(&mut self, units: usize) {
        self.ticks_left -= (units / SIZE_PER_TICK) as i64;
        if units > SIZE_LOOK {
            self.look_at = LOOK_NOW;
        }
    }

    /// Charges for looking a key up in a map: a long string is compared with several others.
    #[inline]
    pub fn charge_key(&mut self, key: &Value) {
        if let Some(text) = key.as_str()
            && text.len() > KEY_FREE
        {
            self.charge_size(text.len() * KEY_COMPARISONS);
        }
    }

    /// Takes note of a value that is to be kept in the world. `E_QUOTA` for one too large or nested too deep, and past what
    /// one slice may store.
    pub fn store(&mut self, value: &Value) -> Result<(), Raised> {
        if value.is_unset() {
            return Err(ErrorCode::VarNf.into());
        }
        if !value.is_sized() {
            return Ok(());
        }
        self.forget_lengths();
        self.store_bytes(bytes::stored_size(value).ok_or(ErrorCode::Quota)?)
    }

    /// As [`TaskState::store`], for a list that is kept already and is about to get one item more. Only that is counted, and
    /// the list is not gone through again while it is the same one that grows.
    pub fn store_longer(&mut self, list: &Value, item: &Value) -> Result<(), Raised> {
        let items = list.as_list().unwrap_or(&[]);
        let added = match item.is_container() {
            false => bytes::stored_size(item),
            true => bytes::stored_size(&Value::list(vec![item.clone()])),
        };
        let known = self
            .longer
            .filter(|(at, length, _)| (*at, *length) == (items.as_ptr().addr(), items.len()));
        let size = match known {
            Some((_, _, size)) => Some(size),
            None => bytes::stored_size(list),
        };
        let (Some(size), Some(added)) = (size, added) else {
            return Err(ErrorCode::Quota.into());
        };
        if size + added > bytes::STORED_BYTES_MAX {
            return Err(ErrorCode::Quota.into());
        }
        self.longer = Some((items.as_ptr().addr(), items.len() + 1, size + added));
        self.store_bytes(added)
    }

    /// What is kept in the world was changed otherwise than by [`TaskState::store_longer`].
    pub fn forget_lengths(&mut self) {
        self.longer = None;
    }

    /// Takes note of so many bytes that are to be kept in the world otherwise than as a value: names and programs.
    pub fn store_bytes(&mut self, size: usize) -> Result<(), Raised> {
        self.charge_size(size);
        self.stored += size;
        if self.stored > STORED_MAX {
            Err(ErrorCode::Quota.into())
        } else {
            Ok(())
        }
    }

    /// The error for a value past its limit: catchable where the world wants so, else the end of the task.
    pub fn too_large(&mut self, options: &ServerOptions) -> Raised {
        if !options.max_concat_catchable {
            self.abort = Some(Limit::Seconds);
        }
        ErrorCode::Quota.into()
    }
}
