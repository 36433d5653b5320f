//! Everything outside the world that a program can ask for or act upon.
//!
//! Invariant: what acts outside (output, closing a connection, starting and killing tasks) is held by the host until
//! the task's transaction commits, and forgotten if it does not; a task sees its own held effects in what it asks.

use moo_model::{ErrorCode, Obj, Value};

use crate::fork::ForkRequest;

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// `boot_player()`, or the player flag was cleared.
    Booted,
    /// The player was recycled.
    Recycled,
}

/// A line of output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Text, or a binary string where the connection is in binary mode.
    pub text: Value,
    /// Give up, with 0, rather than drop older output when the buffer is full.
    pub no_flush: bool,
    /// No line end after it.
    pub no_newline: bool,
}

/// Something that is more than a line, for clients that take it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rich {
    /// Its media type. [`Rich::TYPED`] is a typed message.
    pub content_type: String,
    /// The content, as text.
    pub content: String,
    /// The line that says the same to everybody else, if they are to hear of it.
    pub text: Option<String>,
}

impl Rich {
    /// The media type of typed messages: one JSON object with a `type`.
    pub const TYPED: &str = "application/json";
}

/// Something that a client shows beside its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Presentation {
    /// Its media type.
    pub content_type: String,
    /// Where the client is to show it, in the client's own words.
    pub target: String,
    /// The content.
    pub content: Value,
    /// Hints for its display, by name.
    pub attributes: Vec<(String, Value)>,
}

/// Another task, as `queued_tasks()` and `task_stack()` show it.
#[derive(Clone, Debug)]
pub struct QueuedTask {
    /// Its id.
    pub id: i64,
    /// When it goes on, in seconds since 1970; -1 for a reading task, and a very large number for one that waits for
    /// `resume()`.
    pub start: i64,
    /// The row of `queued_tasks()`, as a list.
    pub row: Value,
    /// Who owns it.
    pub owner: Obj,
    /// The frames as `task_stack()` tells them, with line numbers; `None` for a forked task that has not started.
    pub stack: Option<Value>,
}

/// How many tasks wait for workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    /// In all.
    pub all: usize,
    /// Of one programmer.
    pub of_owner: usize,
    /// Of one verb.
    pub of_verb: usize,
}

/// Who is to do a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobTo {
    /// A verb of this world.
    World,
    /// A verb of every world that shares the job store.
    Worlds,
    /// A verb of the world of this name.
    WorldNamed(String),
    /// Anyone who does its kind.
    Any,
    /// Whoever holds this player's connection.
    Player(Obj),
    /// Whoever holds the connection of the player of this login name, in any world.
    User(String),
    /// A worker of this kind.
    Worker(String),
    /// The process of this id.
    Agent(String),
}

/// A job that a program wants done.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// On whose behalf.
    pub owner: Obj,
    /// What sort of work.
    pub kind: String,
    /// Its argument.
    pub data: Value,
    /// Who is to do it.
    pub to: JobTo,
    /// Seconds until it may be taken.
    pub delay: f64,
    /// Seconds that it is kept; 0 for what is usual.
    pub ttl: f64,
    /// How often it is tried; 0 for what is usual.
    pub tries: u8,
    /// Jobs of a queue with the same key of the same owner run in order.
    pub order: Option<String>,
    /// A second job with this key of the same owner is the first one, for a while.
    pub dedupe: Option<String>,
    /// Whether it counts as stored only once a replica has it too.
    pub is_replicated: bool,
}

impl NewJob {
    /// A job for the world itself, at once.
    pub fn new(owner: Obj, kind: &str, data: Value) -> NewJob {
        NewJob {
            owner,
            kind: kind.to_owned(),
            data,
            to: JobTo::World,
            delay: 0.0,
            ttl: 0.0,
            tries: 0,
            order: None,
            dedupe: None,
            is_replicated: false,
        }
    }
}

/// A job as programs see it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSeen {
    /// Its id.
    pub id: String,
    /// On whose behalf; `#-1` for one that did not come from a program.
    pub owner: Obj,
    /// What sort of work.
    pub kind: String,
    /// The queue that it is in.
    pub to: String,
    /// `ready`, `delayed`, `behind`, `taken` or `dead`; `new` where this task made it.
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// When it was stored, in seconds since 1970.
    pub since: i64,
    /// What went wrong last.
    pub error: String,
    /// Its argument.
    pub data: Value,
}

/// How often tasks had to run again because of one part of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// The object.
    pub obj: Obj,
    /// The part: a property's name, or in parentheses what else objects have.
    pub part: String,
    /// How often since the server started.
    pub count: u64,
}

/// How late one step of the server's work was in the last minute or so.
#[derive(Clone, Debug, PartialEq)]
pub struct LagRow {
    /// Which step.
    pub step: &'static str,
    /// The usual lateness in seconds: half of all were later.
    pub median: f64,
    /// One in a hundred was later than so many seconds.
    pub p99: f64,
}

/// The world outside.
///
/// `conn` is a player or an unlogged connection's negative number. Where a method answers `None`, nobody is connected so.
pub trait Host {
    /// Seconds since 1970.
    fn now(&self) -> f64;
    /// The local time zone's offset from UTC in seconds at a time, and its name.
    fn zone(&self, time: i64) -> (i32, String);
    /// 64 random bits.
    fn random(&mut self) -> u64;
    /// CPU seconds that this slice of the task may still use.
    fn seconds_left(&self) -> f64;
    /// Whether somebody asked for this task's end.
    fn is_killed(&self) -> bool;
    /// The task has run for a while and would go on: lets others go first.
    fn yield_now(&mut self);
    /// Whether this slice has allocated more memory than one may.
    fn is_over_memory(&self) -> bool;

    /// Connected players, newest first; with `all` also unlogged connections.
    fn connected(&self, all: bool) -> Vec<Obj>;
    /// Seconds since login (or since the connection was made) and since the last input.
    fn connection_times(&self, conn: Obj) -> Option<(i64, i64)>;
    /// The text of `connection_name()`.
    fn connection_name(&self, conn: Obj) -> Option<String>;
    /// An option's value; the outer `None` is nobody connected, the inner an unknown option.
    fn connection_option(&self, conn: Obj, name: &str) -> Option<Option<Value>>;
    /// All options as `{name, value}` pairs.
    fn connection_options(&self, conn: Obj) -> Option<Vec<(String, Value)>>;
    /// Sets an option: `E_INVARG` when nobody is connected so, or the option or its value makes no sense.
    fn set_connection_option(&mut self, conn: Obj, name: &str, value: &Value) -> Result<(), ErrorCode>;
    /// What a connection's client has said of itself, by name.
    fn connection_attributes(&self, conn: Obj) -> Option<Vec<(String, Value)>>;
    /// Has a connection's client show something under an id, or nothing any more: `E_INVARG` when nobody is connected so,
    /// `E_QUOTA` when it would show too much.
    fn present(&mut self, conn: Obj, id: &str, shown: Option<Presentation>) -> Result<(), ErrorCode>;
    /// The output prefix and suffix.
    fn output_delimiters(&self, conn: Obj) -> Option<(String, String)>;
    /// Bytes of output waiting.
    fn buffered_output(&self, conn: Obj) -> Option<usize>;
    /// Sends a line; false when `no_flush` was asked and there is no room. True for the unconnected.
    fn notify(&mut self, conn: Obj, output: Output) -> bool;
    /// Sends something rich if the connection's client takes its media type, else its line, if it has one. Whether it
    /// was sent as it is; false for the unconnected.
    fn notify_rich(&mut self, conn: Obj, rich: Rich) -> bool;
    /// Closes a connection, if there is one.
    fn close(&mut self, conn: Obj, why: Close);
    /// Hands a connection over to a player, as `switch_player()` does: `E_INVARG` when nobody is connected so.
    fn switch_player(&mut self, conn: Obj, player: Obj, silent: bool) -> Result<(), ErrorCode>;
    /// Ends every token and session of a player, closes its connection, and has its past forgotten.
    fn end_sessions(&mut self, player: Obj);
    /// Queues a line as if it had been typed.
    fn force_input(&mut self, conn: Obj, line: &str, at_front: bool) -> Result<(), ErrorCode>;
    /// Drops queued lines, telling the player which if asked.
    fn flush_input(&mut self, conn: Obj, show: bool);
    /// Whether a task may read from the connection now: `E_INVARG` when nobody is connected so or another task reads.
    /// With `take`, a waiting line is taken at once, if there is one (only `hold-input` leaves lines waiting).
    fn read_line(&mut self, conn: Obj, take: bool) -> Result<Option<Value>, ErrorCode>;
    /// Whether this task handles the last line that came from the connection: the condition of `read()`.
    fn is_input_task(&self, conn: Obj) -> bool;

    /// Opens a port: the port, or `E_INVARG` in use, `E_QUOTA` cannot be bound.
    fn listen(&mut self, handler: Obj, port: i64, print_messages: bool) -> Result<i64, ErrorCode>;
    /// Closes a port: `E_INVARG` if it was not open.
    fn unlisten(&mut self, port: i64) -> Result<(), ErrorCode>;
    /// Open ports, newest first: `(handler, port, print messages)`.
    fn listeners(&self) -> Vec<(Obj, i64, bool)>;

    /// An id for a task that is about to be forked. Ids only grow; one that is not used after all is lost.
    fn next_task_id(&mut self) -> i64;
    /// Starts a task from a `fork` statement. `E_QUOTA` past the programmer's limit.
    fn fork(&mut self, request: ForkRequest) -> Result<(), ErrorCode>;
    /// Whether the programmer may have one more background task.
    fn may_queue(&mut self, progr: Obj, limit: Option<i64>) -> bool;
    /// The tasks that wait for workers: all of them, those that are this programmer's, and those that came from this verb.
    fn orders(&self, owner: Obj, verb: &(Obj, String)) -> OrderCounts;
    /// The tasks that wait, in order of their start.
    fn queued_tasks(&self) -> Vec<QueuedTask>;
    /// Wakes a suspended task with a value: `E_INVARG` if there is none of this id that can be woken.
    fn resume(&mut self, id: i64, value: Value) -> Result<(), ErrorCode>;
    /// Ends another task: `E_INVARG` if there is none.
    fn kill(&mut self, id: i64) -> Result<(), ErrorCode>;
    /// Stores a job once this task commits, and gives its id: `E_QUOTA` when no more may wait, of anybody or, where that is
    /// limited, of its owner; `E_INVARG` when it can go nowhere.
    fn enqueue_job(&mut self, job: NewJob, is_limited: bool) -> Result<String, ErrorCode>;
    /// The jobs that are not done, of one owner or all, the oldest first; a beginning, if there are too many.
    fn queued_jobs(&self, owner: Option<Obj>) -> Vec<JobSeen>;
    /// A job by its id, alive or dead.
    fn find_job(&self, id: &str) -> Option<JobSeen>;
    /// Forgets a job: `E_INVARG` if there is none that is alive, `E_PERM` if somebody works on it.
    fn cancel_job(&mut self, id: &str) -> Result<(), ErrorCode>;
    /// Players with tasks or connections.
    fn queue_info(&self) -> Vec<Obj>;

    /// Writes a line to the server's log.
    fn log(&mut self, text: &str, is_error: bool);
    /// Asks for the server's end, with the line that players are told.
    fn shutdown(&mut self, message: String);
    /// Asks for a dump of the database.
    fn dump_database(&mut self);
    /// The size of the database on disk, in bytes.
    fn db_disk_size(&self) -> i64;
    /// What kept tasks from their commit, the most frequent first.
    fn conflicts(&self) -> Vec<ConflictRow>;
    /// How late the server is, step by step.
    fn lag(&self) -> Vec<LagRow>;
    /// What the process has used of its machine, as `usage()` shows it.
    fn usage(&self) -> Value;
    /// Asks that anonymous objects which nothing refers to be collected once this task commits.
    fn collect_garbage(&mut self);
    /// Asks that `$server_options` be read again once this task commits.
    fn load_server_options(&mut self);
}
