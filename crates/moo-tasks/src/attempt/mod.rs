//! One slice of one task: begin a transaction, run, commit, and try again when somebody else was faster.
//!
//! Invariant: nothing of an attempt is seen outside before its commit; output is handed over under the commit lock, so
//! it is numbered in the order of commits and stored with them. A task that waits when its slice ends is stored by that
//! same commit.

mod ledger;
mod programming;
mod slice;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moo_model::ledger::Row;
use moo_model::world::{Committed, Conflict, Lookups, Stamp, Transaction, World};
use moo_model::{Obj, Raised, Value};
use moo_vm::machine::Machine;

use crate::board::Waiting;
use crate::connections::Connection;
use crate::held::{Effect, Held, HeldHost, Says};
use crate::input_queue::{Line, Programming};
use crate::login::Login;
use crate::outside::{Outside, Surroundings};
use crate::priority::Priority;
use crate::request::Request;
use crate::service::Service;
use crate::snapshot;

use slice::Slice;

/// Attempts that follow each other at once.
const RETRIES_AT_ONCE: u32 = 2;
/// Attempts after which a task asks for the right of way.
const RETRIES_BEFORE_PRIORITY: u32 = 5;
/// The shortest and longest pause between attempts.
const PAUSE_US: (u64, u64) = (100, 2_000);

/// What a player is told whose task could not be finished.
const CONTENDED: &str = "*** The server could not finish that: too many others kept changing the same things. Please try again. ***";

/// What a player is told whose task needs an object that cannot be read.
const UNREADABLE: &str = "*** The server could not read a part of the world, so that was not done. Its operator has been told. ***";

/// What a slice is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// `do_login_command`.
    Login(Line),
    /// The same, but the connection does not become the player's that it names.
    Authenticate(Line),
    /// A player's command.
    Command {
        /// The line.
        line: Line,
        /// Whether `.program` may be answered by the server.
        may_program: bool,
    },
    /// `do_out_of_band_command`.
    OutOfBand(Line),
    /// A verb's new program.
    Program(Programming),
    /// A verb that the server calls, if it exists.
    Hook {
        /// On this object.
        on: Obj,
        /// The verb.
        verb: &'static str,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// What a client's program asks.
    Request(Arc<Request>),
    /// A verb of the system object, at the wish of a client or a host.
    Service(Arc<Service>),
    /// The first slice of a forked task.
    Start(Arc<Machine>),
    /// The next slice of a task that waited.
    Resume {
        /// The task.
        machine: Arc<Machine>,
        /// What it was woken with: a value, or an error raised where it waits.
        wake: Result<Value, Raised>,
    },
    /// The end of an anonymous object.
    Collect(Obj),
    /// Nothing but the rows.
    Rows,
}

/// A slice of a task that is ready to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The task's number.
    pub id: i64,
    /// The player on whose behalf it runs.
    pub player: Obj,
    /// The connection that started it, for its first slice.
    pub conn: Option<Arc<Connection>>,
    /// What to do.
    pub work: Work,
    /// Whether the task has a row, which then must be deleted or replaced.
    pub stored: bool,
    /// Rows that ride along.
    pub rows: Vec<Row>,
    /// Connections whose rows are written as they are at the commit.
    pub conns: Vec<Arc<Connection>>,
    /// Set when somebody asks for the task's end.
    pub kill: Arc<AtomicBool>,
}

/// How a slice ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The task is done.
    Done(Value),
    /// It waits.
    Waits(Arc<Waiting>),
    /// It ended otherwise; the player has been told.
    Failed(Failure),
}

/// Why a task ended other than by returning.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// An error that nothing caught.
    Uncaught {
        /// The error.
        raised: Raised,
        /// The lines of its traceback.
        lines: Vec<String>,
    },
    /// It ran out of ticks.
    Ticks,
    /// It ran out of seconds.
    Seconds,
    /// It was killed.
    Killed,
    /// No verb answers the command.
    NoCommand,
    /// There is no such verb of the system object.
    NoVerb,
    /// An object that it needs cannot be read from the store, as the text says.
    Unreadable(String),
    /// Others changed what it read, each time. A hook is to be tried again then: nothing of it took effect.
    Contended,
}

/// What was used of what a slice may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// Ticks.
    pub ticks: u64,
    /// CPU seconds.
    pub seconds: f64,
}

impl Used {
    fn add(&mut self, more: Used) {
        self.ticks += more.ticks;
        self.seconds += more.seconds;
    }
}

/// What came of a slice, for the scheduler and the connection.
#[derive(Debug)]
pub struct Report {
    /// The task's number.
    pub id: i64,
    /// How it ended.
    pub end: End,
    /// Its commit, or the state it saw if it changed nothing.
    pub stamp: Stamp,
    /// What happens outside.
    pub effects: Vec<Effect>,
    /// Tasks that it left waiting besides itself.
    pub spawned: Vec<Waiting>,
    /// The player that a login named: whom its connection belongs to from now on, unless it only asked.
    pub login: Option<Login>,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether there was a commit, which the log writes.
    pub is_logged: bool,
    /// What its programs used, in all attempts.
    pub used: Used,
}

/// What all attempts of one executor share.
pub struct Bench<'a> {
    /// The world.
    pub world: &'a Arc<World>,
    /// What surrounds it.
    pub outside: &'a Outside,
    /// The right of way.
    pub priority: &'a Priority,
    /// Attempts of one slice at most.
    pub attempts_max: u32,
    /// Bytes that one slice may allocate.
    pub bytes_max: i64,
}

/// Where a slice's output goes.
pub trait Release {
    /// The attempt is about to be committed: makes ready what it has to say, outside of any lock. Called for each attempt,
    /// and what the last one left is forgotten. Gives whether there is anything, for which there must be a commit then.
    fn prepare(&mut self, says: Says, end: &End) -> bool;

    /// Whether the attempt may be committed at all. If it may, it still may when it comes to its commit; if not, its task
    /// ends without effect, as one that was killed.
    fn may_leave(&mut self) -> bool {
        true
    }

    /// The commit of this number takes effect: what was made ready leaves with it. Called under the commit lock, at most
    /// once, so it must be quick. Gives the rows that ride along.
    fn leave(&mut self, stamp: Stamp) -> Vec<Row>;
}

impl Bench<'_> {
    /// Runs a slice to its commit.
    pub fn run(
        &self,
        job: &Job,
        surroundings: &mut dyn Surroundings,
        lookups: &mut Box<Lookups>,
        release: &mut dyn Release,
    ) -> Report {
        let mut right_of_way = None;
        let mut used = Used::default();
        for attempt in 1..=self.attempts_max {
            if attempt > RETRIES_BEFORE_PRIORITY && right_of_way.is_none() {
                right_of_way = self.priority.take();
            }
            let tx = Transaction::begin(self.world, std::mem::take(lookups));
            let mut finished = self.attempt(job, tx, surroundings, right_of_way.is_some());
            finished.at = surroundings.now() as i64;
            used.add(finished.used);
            finished.used = used;
            if right_of_way.is_none() {
                self.priority.give_way();
            }
            if job.kill.load(Ordering::Relaxed) {
                *lookups = finished.abandon();
                let report = self.end_without_effect(job, Failure::Killed, None, lookups, release);
                return Report { used, ..report };
            }
            if !release.may_leave() {
                *lookups = finished.abandon();
                let report = self.end_without_effect(job, Failure::Killed, None, lookups, release);
                return Report { used, ..report };
            }
            if let Some(why) = finished.unreadable() {
                let used = finished.used;
                *lookups = finished.abandon();
                let failure = Failure::Unreadable(why);
                let report = self.end_without_effect(job, failure, Some(UNREADABLE), lookups, release);
                return Report { used, ..report };
            }
            match finished.commit(job, self.outside, lookups, release) {
                Ok(committed) => return finished.report(job.id, committed, attempt),
                Err(conflict) => {
                    self.outside.conflicts.note(conflict);
                    finished.held.undo();
                }
            }
            if attempt > RETRIES_AT_ONCE {
                let (least, most) = PAUSE_US;
                let chance = surroundings.random() % (most - least);
                surroundings.pause(Duration::from_micros(least + chance));
            }
        }
        if !matches!(job.work, Work::Hook { .. }) {
            let report = self.end_without_effect(job, Failure::Contended, Some(CONTENDED), lookups, release);
            return Report { used, ..report };
        }
        // Nobody would ask for it again: what goes with a hook stays as it is until the hook has run.
        let put_off = Job {
            conn: None,
            rows: Vec::new(),
            conns: Vec::new(),
            ..job.clone()
        };
        let report = self.end_without_effect(&put_off, Failure::Contended, None, lookups, release);
        Report { used, ..report }
    }

    fn attempt(
        &self,
        job: &Job,
        tx: Transaction,
        surroundings: &mut dyn Surroundings,
        has_right_of_way: bool,
    ) -> Finished {
        let dialect = tx.settings().dialect;
        let mut host = HeldHost::new(
            (job.id, job.player),
            self.outside,
            surroundings,
            dialect,
            &job.kill,
            self.bytes_max,
        );
        if has_right_of_way {
            host.take_right_of_way();
        }
        let mut slice = Slice::new(job, tx, host, self.outside);
        let end = slice.run();
        let (tx, mut held) = (slice.tx, slice.host.held);
        let mut spawned = slice.spawned;
        spawned.append(&mut held.forks);
        Finished {
            tx: Some(tx),
            end,
            held,
            spawned,
            login: slice.login,
            programming: slice.programming,
            used: slice.used,
            at: 0,
        }
    }

    /// Ends a task of which nothing takes effect but that it is gone.
    fn end_without_effect(
        &self,
        job: &Job,
        failure: Failure,
        words: Option<&str>,
        lookups: &mut Box<Lookups>,
        release: &mut dyn Release,
    ) -> Report {
        let mut held = Held::default();
        let connection = self.outside.connections.find(job.player);
        if let (Some(connection), Some(words)) = (connection, words) {
            held.tell(&connection, words);
        }
        let mut finished = Finished {
            tx: Some(Transaction::begin(self.world, std::mem::take(lookups))),
            end: End::Failed(failure),
            held,
            spawned: Vec::new(),
            login: None,
            programming: None,
            used: Used::default(),
            at: 0,
        };
        let committed = finished.commit(job, self.outside, lookups, release);
        finished.report(
            job.id,
            committed.expect("a transaction that read nothing conflicts with nobody"),
            self.attempts_max,
        )
    }
}

/// Whom a row is about.
enum About {
    /// The slice's own task, or nobody who could change meanwhile.
    Itself,
    /// Another task, which is killed.
    Killed(i64),
    /// Another task, which is woken where it waited.
    Resumed(Arc<Waiting>),
}

/// An attempt that has run and is not committed.
struct Finished {
    tx: Option<Transaction>,
    end: End,
    held: Held,
    spawned: Vec<Waiting>,
    login: Option<Login>,
    programming: Option<Programming>,
    used: Used,
    /// When it ended; seconds since 1970.
    at: i64,
}

impl Finished {
    fn unreadable(&self) -> Option<String> {
        let tx = self.tx.as_ref()?;
        tx.unreadable().map(ToString::to_string)
    }

    fn abandon(self) -> Box<Lookups> {
        self.held.undo();
        self.tx.map(Transaction::into_lookups).unwrap_or_default()
    }

    /// Commits, handing the output over.
    fn commit(
        &mut self,
        job: &Job,
        outside: &Outside,
        lookups: &mut Box<Lookups>,
        release: &mut dyn Release,
    ) -> Result<Committed, Conflict> {
        let changed = self.changed_connections(job, outside);
        let bound = self.rows(job, outside);
        let says = self.held.says();
        let follows = !says.jobs.is_empty() || !says.ended.is_empty();
        let has_notes = release.prepare(says, &self.end) || !job.rows.is_empty() || !changed.is_empty();
        let tx = self.tx.take().expect("an attempt is committed once");
        let is_free = bound.is_empty() && !self.changes_connections(job) && !follows && has_notes;
        let is_forced = !bound.is_empty() || !changed.is_empty() || follows;
        let rows = |stamp| {
            let mut rows = job.rows.clone();
            rows.extend(still_due(bound, outside));
            self.change_connections(job, outside);
            rows.extend(changed.iter().map(|conn| conn.row()));
            rows.extend(release.leave(stamp));
            rows
        };
        let (result, back) = match is_free {
            true => tx.commit_noting(rows),
            false => tx.commit(is_forced, rows),
        };
        *lookups = back;
        result
    }

    /// The rows that follow from what the slice has read, so that it must still be so at the commit; each with the waiting
    /// task it is about if that is another one.
    fn rows(&mut self, job: &Job, outside: &Outside) -> Vec<(About, Row)> {
        let mut rows = Vec::new();
        match &self.end {
            End::Waits(waiting) => rows.push((About::Itself, snapshot::row(waiting, None))),
            _ if job.stored => rows.push((About::Itself, snapshot::gone(job.id))),
            _ => {}
        }
        rows.extend(
            self.spawned
                .iter()
                .map(|waiting| (About::Itself, snapshot::row(waiting, None))),
        );
        for effect in &self.held.effects {
            match effect {
                Effect::Kill(id) => rows.push((About::Killed(*id), snapshot::gone(*id))),
                Effect::Resume(id, value) => {
                    rows.extend(outside.board.find_unwoken(*id).map(|waiting| {
                        let row = snapshot::row(&waiting, Some(value));
                        (About::Resumed(waiting), row)
                    }));
                }
                _ => {}
            }
        }
        let lines = self.line_rows(job, outside);
        rows.extend(lines.into_iter().map(|row| (About::Itself, row)));
        rows
    }

    fn report(self, id: i64, committed: Committed, attempts: u32) -> Report {
        Report {
            id,
            end: self.end,
            stamp: committed.stamp,
            is_logged: committed.logged,
            used: self.used,
            effects: self.held.effects,
            spawned: self.spawned,
            login: self.login,
            attempts,
        }
    }
}

/// Without the rows of tasks that wait no more: such a task runs, and its own commit says what becomes of its row.
/// One that has run meanwhile and waits again has a newer row than the one made here.
fn still_due(rows: Vec<(About, Row)>, outside: &Outside) -> Vec<Row> {
    let is_due = |about: &About| match about {
        About::Itself => true,
        About::Killed(id) => outside.board.find(*id).is_some(),
        About::Resumed(seen) => outside
            .board
            .find_unwoken(seen.id)
            .is_some_and(|now| Arc::ptr_eq(&now, seen)),
    };
    let due = rows.into_iter().filter(|(about, _)| is_due(about));
    due.map(|(_, row)| row).collect()
}

#[cfg(test)]
pub(crate) mod tests;
