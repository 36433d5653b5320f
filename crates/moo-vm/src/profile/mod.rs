//! What verbs cost: how often each was called, and what ticks and time it used itself, without the verbs that it called.
//!
//! Calls are counted one by one. Ticks and time are samples: whenever about [`SAMPLE_TICKS`] ticks have gone by on an executor,
//! over however many tasks, the verb that runs then is charged with all of them and with the time that they took. So a
//! verb's share is right in the long run, and says little of one that ran for less than a few samples.
//!
//! Invariant: only the thread that a tally was made on writes to it, but for a task that goes on elsewhere in the midst of a
//! verb, of which a few counts may be lost; whoever reads adds the tables of all threads up.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moo_model::{Obj, Value};

/// Ticks from one sample to the next.
pub const SAMPLE_TICKS: i64 = 1_000;

/// Verbs that one thread counts. When there are more, the half of them that used the fewest ticks is counted as one.
const ROWS_MAX: usize = 8_192;

/// Under this name stand all verbs that are not counted by themselves.
const OTHERS: &str = "(others)";
/// Under this name stands evaluated code.
const EVAL: &str = "Input to EVAL";

/// What one verb used on one thread.
#[derive(Debug, Default)]
pub struct Tally {
    calls: AtomicU64,
    ticks: AtomicU64,
    nanos: AtomicU64,
}

/// Adds without a lock of the bus: only one thread writes.
#[inline(always)]
fn bump(count: &AtomicU64, by: u64) {
    count.store(count.load(Relaxed).wrapping_add(by), Relaxed);
}

impl Tally {
    /// The verb was called once more.
    #[inline(always)]
    pub(crate) fn call(&self) {
        bump(&self.calls, 1);
    }

    /// A sample fell on the verb.
    pub(crate) fn sample(&self, ticks: i64, seconds: f64) {
        bump(&self.ticks, u64::try_from(ticks).unwrap_or(0));
        bump(&self.nanos, (seconds.max(0.0) * 1e9) as u64);
    }

    fn used(&self) -> Used {
        Used {
            calls: self.calls.load(Relaxed),
            ticks: self.ticks.load(Relaxed),
            nanos: self.nanos.load(Relaxed),
        }
    }
}

/// What a verb used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How often it was called.
    pub calls: u64,
    /// The ticks of its own, by samples.
    pub ticks: u64,
    /// The CPU time of its own in nanoseconds, by samples.
    pub nanos: u64,
}

impl Used {
    fn add(&mut self, more: Used) {
        self.calls += more.calls;
        self.ticks += more.ticks;
        self.nanos += more.nanos;
    }
}

/// A verb, and what it used since the server started.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The object that defines it; `#-1` for what is no verb.
    pub definer: Obj,
    /// All its names.
    pub names: Value,
    /// What it used.
    pub used: Used,
}

/// The verbs that one thread has run, by definer and by the verb's number there.
#[derive(Default)]
struct Table {
    verbs: HashMap<(Obj, u32), (Value, Arc<Tally>)>,
    others: Used,
}

impl Table {
    /// Where a verb is counted. A number that has come to mean a verb of other names starts anew.
    fn tally(&mut self, definer: Obj, id: u32, names: &Value) -> Arc<Tally> {
        match self.verbs.get(&(definer, id)) {
            Some((known, tally)) if known == names => return tally.clone(),
            Some(_) => {}
            None if self.verbs.len() >= ROWS_MAX => self.forget_half(),
            None => {}
        }
        let tally = Arc::new(Tally::default());
        let counted = (names.clone(), tally.clone());
        if let Some((_, old)) = self.verbs.insert((definer, id), counted) {
            self.others.add(old.used());
        }
        tally
    }

    fn forget_half(&mut self) {
        let mut by_ticks: Vec<_> = self
            .verbs
            .iter()
            .map(|(key, (_, tally))| (tally.used().ticks, *key))
            .collect();
        by_ticks.sort_unstable();
        for (_, key) in by_ticks.into_iter().take(ROWS_MAX / 2) {
            if let Some((_, tally)) = self.verbs.remove(&key) {
                self.others.add(tally.used());
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let verbs = self.verbs.iter().map(|((definer, _), (names, tally))| Row {
            definer: *definer,
            names: names.clone(),
            used: tally.used(),
        });
        let others = Row {
            definer: Obj::NOTHING,
            names: Value::str(OTHERS),
            used: self.others,
        };
        verbs.chain([others])
    }
}

type SharedTable = Arc<Mutex<Table>>;

/// The tables of all threads that ever ran a verb.
static TABLES: Mutex<Vec<SharedTable>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: RefCell<Option<SharedTable>> = const { RefCell::new(None) };
    /// What slices on this thread used since the last sample.
    static UNCHARGED: Cell<Uncharged> = const { Cell::new(Uncharged { ticks: 0, seconds: 0.0 }) };
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves a table that can be read.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the calling thread counts a verb.
pub(crate) fn tally(definer: Obj, id: u32, names: &Value) -> Arc<Tally> {
    OWN.with_borrow_mut(|own| {
        let table = own.get_or_insert_with(|| {
            let table = SharedTable::default();
            lock(&TABLES).push(table.clone());
            table
        });
        lock(table).tally(definer, id, names)
    })
}

/// Where the calling thread counts evaluated code.
pub(crate) fn evaluated() -> Arc<Tally> {
    tally(Obj::NOTHING, 0, &Value::str(EVAL))
}

/// What all verbs used since the server started, those with the most time first.
pub fn rows() -> Vec<Row> {
    let tables = lock(&TABLES).clone();
    let mut sums: HashMap<(Obj, Box<str>), Used> = HashMap::default();
    let mut add = |row: Row| {
        let names = row.names.as_str().unwrap_or("").into();
        sums.entry((row.definer, names)).or_default().add(row.used);
    };
    for table in tables {
        lock(&table).rows().for_each(&mut add);
    }
    let mut rows: Vec<_> = sums
        .into_iter()
        .filter(|(_, used)| *used != Used::default())
        .map(|((definer, names), used)| Row {
            definer,
            names: Value::str(&names),
            used,
        })
        .collect();
    rows.sort_by(|a, b| {
        let order = |row: &Row| (row.used.nanos, row.used.ticks, row.used.calls);
        order(b).cmp(&order(a)).then(a.definer.0.cmp(&b.definer.0))
    });
    rows
}

/// What is left over when a slice ends between two samples: the next one on that thread takes it with it.
#[derive(Clone, Copy, Debug)]
struct Uncharged {
    ticks: i64,
    seconds: f64,
}

/// How much of a slice was charged to a verb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    ticks_left: i64,
    seconds_left: f64,
}

impl Sampler {
    /// A slice begins with so many ticks and seconds; gives also how many of those ticks are left at the first sample.
    pub fn begin(ticks: i64, seconds: f64) -> (Sampler, i64) {
        let before = UNCHARGED.get();
        let sampler = Sampler {
            ticks_left: ticks + before.ticks,
            seconds_left: seconds + before.seconds,
        };
        (sampler, ticks - (SAMPLE_TICKS - before.ticks).max(1))
    }

    /// A verb is charged with what was used since the last sample.
    pub fn sample(&mut self, tally: &Tally, ticks_left: i64, seconds_left: f64) {
        tally.sample(self.ticks_left - ticks_left, self.seconds_left - seconds_left);
        (self.ticks_left, self.seconds_left) = (ticks_left, seconds_left);
    }

    /// The slice ends.
    pub fn end(&self, ticks_left: i64, seconds_left: f64) {
        UNCHARGED.set(Uncharged {
            ticks: (self.ticks_left - ticks_left).clamp(0, SAMPLE_TICKS),
            seconds: (self.seconds_left - seconds_left).max(0.0),
        });
    }
}

#[cfg(test)]
mod tests;
