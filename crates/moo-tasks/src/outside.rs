//! What surrounds the world: connections, waiting tasks and open ports, shared by all executors; and the clock, chance
//! and meters that one executor lends to the task it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arc_swap::{ArcSwap, Guard};
use moo_model::{Obj, Value};
use moo_vm::host::LagRow;
use moo_vm::options::ServerOptions;

use crate::board::{Board, TaskIds};
use crate::conflicts::Conflicts;
use crate::connections::Connections;
use crate::jobs::JobDesk;

/// The clock, chance and meters. All of them belong to the thread that runs the task.
pub trait Surroundings {
    /// Seconds since 1970.
    fn now(&self) -> f64;
    /// The local time zone's offset from UTC in seconds at a time, and its name.
    fn zone(&self, time: i64) -> (i32, String);
    /// 64 random bits.
    fn random(&mut self) -> u64;
    /// CPU seconds that this thread has used; only differences mean anything.
    fn cpu_seconds(&self) -> f64;
    /// Bytes that this thread has allocated and not freed; only differences mean anything.
    fn live_bytes(&self) -> i64;
    /// The size of the database on disk, in bytes.
    fn db_disk_size(&self) -> i64;
    /// A moment at which others may go first. The task's own time does not pass meanwhile.
    fn yield_now(&mut self);
    /// How late the server is, step by step.
    fn lag(&self) -> Vec<LagRow> {
        Vec::new()
    }
    /// What the process has used of its machine, as `usage()` shows it.
    fn usage(&self) -> Value {
        Value::empty_list()
    }
    /// Waits, because somebody else must go first.
    fn pause(&mut self, time: std::time::Duration);
}

/// An open port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Whose verbs greet clients.
    pub handler: Obj,
    /// The port.
    pub port: i64,
    /// Whether the server's own lines are printed.
    pub prints_messages: bool,
}

/// Open ports, newest last.
#[derive(Default)]
pub struct Listeners(RwLock<Vec<Listening>>);

impl Listeners {
    /// All of them, newest first.
    pub fn all(&self) -> Vec<Listening> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        list.iter().rev().cloned().collect()
    }

    /// The one of this port.
    pub fn find(&self, port: i64) -> Option<Listening> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        list.iter().find(|known| known.port == port).cloned()
    }

    /// Adds one, or replaces that of the same port.
    pub fn put(&self, new: Listening) {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        list.retain(|known| known.port != new.port);
        list.push(new);
    }

    /// Removes one.
    pub fn remove(&self, port: i64) {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        list.retain(|known| known.port != port);
    }
}

/// What all tasks share besides the world.
pub struct Outside {
    /// Who is connected.
    pub connections: Connections,
    /// Which tasks wait.
    pub board: Board,
    /// Which ports are open.
    pub listeners: Listeners,
    /// Where tasks were in each other's way.
    pub conflicts: Conflicts,
    /// Where task numbers come from.
    pub ids: TaskIds,
    jobs: OnceLock<Arc<dyn JobDesk>>,
    options: ArcSwap<ServerOptions>,
    read_only: AtomicBool,
}

impl Outside {
    /// Nobody is connected, nothing waits; tasks are numbered from `first_task` on, connections after `last_conn`.
    pub fn new(first_task: i64, last_conn: u64) -> Outside {
        Outside {
            connections: Connections::after(last_conn),
            board: Board::default(),
            listeners: Listeners::default(),
            conflicts: Conflicts::default(),
            ids: TaskIds::starting_at(first_task),
            jobs: OnceLock::new(),
            options: ArcSwap::default(),
            read_only: AtomicBool::new(false),
        }
    }

    /// The job store; none where nobody has set one.
    pub fn jobs(&self) -> Option<&dyn JobDesk> {
        self.jobs.get().map(Arc::as_ref)
    }

    /// Sets the job store; the first one stays.
    pub fn set_jobs(&self, desk: Arc<dyn JobDesk>) {
        self.jobs.get_or_init(|| desk);
    }

    /// Whether nothing can be kept right now, so that no task begins.
    pub fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }

    /// Whether something can be kept has changed.
    pub fn set_read_only(&self, read_only: bool) {
        self.read_only.store(read_only, Ordering::Release);
    }

    /// `$server_options` as last loaded; they stay as they are for as long as they are held.
    pub fn options(&self) -> Guard<Arc<ServerOptions>> {
        self.options.load()
    }

    /// `$server_options` were loaded again.
    pub fn set_options(&self, options: ServerOptions) {
        self.options.store(Arc::new(options));
    }
}
