//! The tasks that wait, as `queued_tasks()` and its kin show them, and the numbers that tasks are known by.
//!
//! Invariant: the scheduler alone adds and removes; a program only looks. A task that has waited stays on the board while
//! its next slice runs, so that one which hardly ever waits can be seen and killed too; one that has never waited is not
//! there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use moo_model::world::Dialect;
use moo_model::{Obj, Value};
use moo_vm::host::{OrderCounts, QueuedTask};
use moo_vm::machine::Machine;
use moo_vm::work::WorkOrder;
use rustc_hash::FxHashSet;

use crate::scheduler::{Micros, Until};

/// Tasks that may wait at once, whatever the world's own limits say.
pub const WAITING_MAX: usize = 200_000;
/// What `queued_tasks()` shows as the start of a task that waits for `resume()` alone.
const NEVER: i64 = i32::MAX as i64;

/// What a task waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitsFor {
    /// Its first moment, in seconds since 1970.
    Start(f64),
    /// A moment, in seconds since 1970, or `resume()`.
    Moment(f64),
    /// `resume()` alone.
    Resume,
    /// A line from this player or connection, asked for under this number.
    Input(Obj, u64),
    /// What a worker gives.
    Work(Arc<WorkOrder>),
}

impl WaitsFor {
    /// The same as the scheduler counts moments: in microseconds since 1970.
    pub fn until(&self) -> Until {
        let micros = |seconds: f64| (seconds.max(0.0) * 1e6) as Micros;
        match self {
            WaitsFor::Start(at) => Until::Start(micros(*at)),
            WaitsFor::Moment(at) => Until::Moment(micros(*at)),
            WaitsFor::Resume => Until::Wake,
            WaitsFor::Input(..) => Until::Input,
            WaitsFor::Work(_) => Until::Work,
        }
    }
}

/// A task that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its number.
    pub id: i64,
    /// The player on whose behalf it runs.
    pub player: Obj,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Its state.
    pub machine: Arc<Machine>,
}

impl Waiting {
    /// Whose permissions it has: who may see, wake and kill it.
    pub fn owner(&self) -> Obj {
        self.machine
            .frames()
            .last()
            .map_or(Obj::NOTHING, |frame| frame.progr)
    }

    /// The player or connection that it reads from, if it does.
    pub fn reads_from(&self) -> Option<Obj> {
        match self.waits_for {
            WaitsFor::Input(object, _) => Some(object),
            _ => None,
        }
    }

    /// What names the wait for this one line, if it is one: the task, and a number that no other wait of it has.
    pub fn request(&self) -> Option<[u8; 16]> {
        let &WaitsFor::Input(_, number) = &self.waits_for else {
            return None;
        };
        let mut request = [0; 16];
        request[..8].copy_from_slice(&self.id.to_be_bytes());
        request[8..].copy_from_slice(&number.to_be_bytes());
        Some(request)
    }

    /// What it asks of a worker, if it does.
    pub fn order(&self) -> Option<&Arc<WorkOrder>> {
        match &self.waits_for {
            WaitsFor::Work(order) => Some(order),
            _ => None,
        }
    }

    /// As programs see it.
    pub fn describe(&self, dialect: Dialect) -> QueuedTask {
        let start = match &self.waits_for {
            WaitsFor::Start(at) | WaitsFor::Moment(at) => *at as i64,
            WaitsFor::Work(order) => order.deadline as i64,
            WaitsFor::Resume => NEVER,
            WaitsFor::Input(..) => -1,
        };
        let has_started = !matches!(self.waits_for, WaitsFor::Start(_));
        QueuedTask {
            id: self.id,
            start,
            row: self.row(start, dialect),
            owner: self.owner(),
            stack: has_started.then(|| self.machine.traceback()),
        }
    }

    fn row(&self, start: i64, dialect: Dialect) -> Value {
        let ticks = if dialect == Dialect::Lambda {
            15_000
        } else {
            30_000
        };
        let Some(frame) = self.machine.frames().last() else {
            return Value::empty_list();
        };
        let bytes =
            std::mem::size_of_val(self.machine.registers()) + std::mem::size_of_val(self.machine.frames());
        Value::list(vec![
            Value::int(self.id),
            Value::int(start),
            Value::int(0),
            Value::int(ticks),
            Value::obj(frame.progr),
            Value::obj(frame.definer),
            frame.verb_names(),
            Value::int(i64::from(frame.line())),
            frame.this.clone(),
            Value::int(bytes as i64),
        ])
    }
}

/// A task on the board.
#[derive(Clone)]
struct Listed {
    task: Arc<Waiting>,
    runs: bool,
    /// What it was woken with and did not wait again since.
    woken: Option<Value>,
}

impl Listed {
    fn each_anonymous(&self, mut tell: impl FnMut(Obj)) {
        self.task.machine.each_anonymous(&mut tell);
        self.woken
            .iter()
            .for_each(|value| value.each_anonymous(&mut tell));
    }
}

#[derive(Default)]
struct Tasks {
    by_id: BTreeMap<i64, Listed>,
    /// The tasks as they were since somebody wants to know what they hold.
    noted: Option<Vec<Listed>>,
    /// Anonymous objects that a task was shown as another's `this`: it may keep them, though it read them nowhere.
    shown: FxHashSet<Obj>,
}

impl Tasks {
    fn note(&mut self, listed: &Listed) {
        if let Some(noted) = &mut self.noted {
            noted.push(listed.clone());
        }
    }
}

/// What tasks held during a time.
#[derive(Default)]
pub struct Held {
    noted: Vec<Listed>,
    shown: FxHashSet<Obj>,
}

impl Held {
    /// Tells every anonymous object among it.
    pub fn each_anonymous(&self, mut tell: impl FnMut(Obj)) {
        self.shown.iter().copied().for_each(&mut tell);
        for listed in &self.noted {
            listed.each_anonymous(&mut tell);
        }
    }
}

/// All tasks that wait, and those that have waited and run again.
#[derive(Default)]
pub struct Board {
    tasks: Mutex<Tasks>,
}

impl Board {
    /// Adds a task that waits, or that waits again.
    pub fn put(&self, task: Arc<Waiting>) {
        let listed = Listed {
            task,
            runs: false,
            woken: None,
        };
        let mut tasks = self.lock();
        tasks.note(&listed);
        tasks.by_id.insert(listed.task.id, listed);
    }

    /// The task was woken with this, and does not run yet. Only the first wake counts.
    pub fn wake(&self, id: i64, value: &Value) {
        let mut tasks = self.lock();
        let listed = tasks.by_id.get_mut(&id);
        let Some(listed) = listed.filter(|listed| !listed.runs && listed.woken.is_none()) else {
            return;
        };
        listed.woken = Some(value.clone());
        let listed = listed.clone();
        tasks.note(&listed);
    }

    /// From now on notes every task: each that waits, and each that runs by what it began with.
    pub fn note_held(&self) {
        let mut tasks = self.lock();
        tasks.noted = Some(tasks.by_id.values().cloned().collect());
    }

    /// Nothing is noted from now on, and what was is not asked for.
    pub fn forget_held(&self) {
        self.lock().noted = None;
    }

    /// What was noted since [`Board::note_held`]; from now on nothing is noted. Among it are anonymous objects that a task
    /// was shown of another.
    pub fn take_held(&self) -> Held {
        let mut tasks = self.lock();
        Held {
            noted: tasks.noted.take().unwrap_or_default(),
            shown: std::mem::take(&mut tasks.shown),
        }
    }

    /// The task waits no more: its next slice runs.
    pub fn start(&self, id: i64) {
        if let Some(listed) = self.lock().by_id.get_mut(&id) {
            listed.runs = true;
        }
    }

    /// Removes a task that is gone.
    pub fn remove(&self, id: i64) {
        self.lock().by_id.remove(&id);
    }

    /// The task of this number, if it waits.
    pub fn find(&self, id: i64) -> Option<Arc<Waiting>> {
        let tasks = self.lock();
        let listed = tasks.by_id.get(&id).filter(|listed| !listed.runs)?;
        Some(Arc::clone(&listed.task))
    }

    /// Whether the task waits, or has waited and runs again.
    pub fn knows(&self, id: i64) -> bool {
        self.lock().by_id.contains_key(&id)
    }

    /// All but the one that asks, by number, for it to see.
    pub fn all_but(&self, asking: i64) -> Vec<Arc<Waiting>> {
        let mut tasks = self.lock();
        let others = tasks.by_id.values().filter(|listed| listed.task.id != asking);
        let others: Vec<_> = others.map(|listed| Arc::clone(&listed.task)).collect();
        let frames = others.iter().flat_map(|task| task.machine.frames());
        let shown = frames.filter_map(|frame| frame.this.referent());
        tasks.shown.extend(shown.filter(|this| this.is_anonymous()));
        others
    }

    /// The task of this number, if it waits and was not woken yet.
    pub fn find_unwoken(&self, id: i64) -> Option<Arc<Waiting>> {
        let tasks = self.lock();
        let waits = |listed: &&Listed| !listed.runs && listed.woken.is_none();
        let listed = tasks.by_id.get(&id).filter(waits)?;
        Some(Arc::clone(&listed.task))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of those that wait belong to this programmer.
    pub fn count_of(&self, owner: Obj) -> usize {
        let tasks = self.lock();
        let own = tasks
            .by_id
            .values()
            .filter(|listed| !listed.runs && listed.task.owner() == owner);
        own.count()
    }

    /// All that wait for workers.
    pub fn orders(&self) -> Vec<Arc<Waiting>> {
        let tasks = self.lock();
        let waiting = tasks.by_id.values().filter(|listed| !listed.runs);
        let orders = waiting.filter(|listed| listed.task.order().is_some());
        orders.map(|listed| Arc::clone(&listed.task)).collect()
    }

    /// How many wait for workers: in all, with these permissions, and from this verb.
    pub fn count_orders(&self, owner: Obj, verb: &(Obj, String)) -> OrderCounts {
        let mut counts = OrderCounts::default();
        let tasks = self.lock();
        let waiting = tasks.by_id.values().filter(|listed| !listed.runs);
        for order in waiting.filter_map(|listed| listed.task.order()) {
            counts.all += 1;
            counts.of_owner += usize::from(order.perms == owner);
            counts.of_verb += usize::from(order.verb == *verb);
        }
        counts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tasks> {
        // Each change is one call of the map.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives out task numbers, rising from the first one it was made with.
pub struct TaskIds {
    next: AtomicI64,
}

impl TaskIds {
    /// The first number given out will be `first`.
    pub fn starting_at(first: i64) -> TaskIds {
        TaskIds {
            next: AtomicI64::new(first),
        }
    }

    /// The next number.
    pub fn next(&self) -> i64 {
        self.next.fetch_add(1, Relaxed)
    }

    /// The number that would be next.
    pub fn peek(&self) -> i64 {
        self.next.load(Relaxed)
    }
}
