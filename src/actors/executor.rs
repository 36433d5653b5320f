//! The threads that run tasks. They are ours and not actix's, because actix loses a thread for good when it panics.
//!
//! One line of jobs feeds all of them, and one list takes their reports, so that a busy executor neither waits for the
//! scheduler nor wakes it for each task. As many run at once as there are turns; a task that has run for a while lets
//! others go first, so there are more threads than turns, up to the scheduler's number of slots. What a panic loses is that
//! one attempt, of which nothing was committed; the task ends, its player is told, and the thread goes on with new tables.

use super::job_broker::Desk;
use super::keyring::Keys;
use super::meters::Meters;
use super::outlet::{After, Outgoing, Outlet, Reply, WayOut};
use super::own_process;
use super::run_queue::{RunQueue, Seat};
use crate::actors::kit::{chance, exit};
use crate::fault;
use crate::limits::{EXECUTOR_STACK_BYTES, TIME_SLICE};
use crate::memory::live_bytes;
use moo_model::Value;
use moo_model::ledger::Row;
use moo_model::world::{Lookups, Stamp, World};
use moo_tasks::attempt::{Bench, End, Failure, Job, Release, Report, Work};
use moo_tasks::held::{Says, Shown, Told};
use moo_tasks::outside::{Outside, Surroundings};
use moo_tasks::priority::Priority;
use moo_tasks::scheduler::{Lane, Micros};
use moo_vm::host::LagRow;
use rustix::time::{ClockId, clock_gettime};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io, thread};

/// What a player is told whose task met a fault of ours.
const FAULT: &str = "*** The server made a mistake and ended this task. Nothing that it did took effect. ***";

/// Seconds since 1970.
pub fn wall_seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Whose turn a job takes. The server's own rows wait for nobody: each has a lane of its own, below those of players and
/// connections.
pub fn lane_of(job: &Job) -> Lane {
    match job.work {
        Work::Rows => i64::MIN + job.id,
        _ => job.player.0,
    }
}

/// Seconds since 1970, as the scheduler counts them.
pub fn micros(seconds: f64) -> Micros {
    (seconds.max(0.0) * 1e6) as u64
}

/// A job, and whoever waits to hear that it was done.
pub struct Assignment {
    /// The job.
    pub job: Job,
    /// The request that it answers.
    pub reply: Option<Reply>,
    /// What else leaves with its first commit.
    pub after: Vec<After>,
}

/// An assignment that is ready to run.
pub struct Ready {
    /// What is to be done.
    pub assignment: Assignment,
    /// Since when, in microseconds since 1970.
    pub since: Micros,
}

/// What all executors share.
pub struct Workshop {
    /// The world.
    pub world: Arc<World>,
    /// What surrounds it.
    pub outside: Arc<Outside>,
    /// Where output goes.
    pub outlet: Arc<Outlet>,
    /// Where jobs are stored.
    pub desk: Arc<Desk>,
    /// What judges tokens.
    pub keys: Arc<Keys>,
    /// Attempts of one slice at most.
    pub attempts_max: u32,
    /// Bytes that one slice may allocate.
    pub bytes_max: i64,
    /// The folder of the store, to measure.
    pub store: PathBuf,
    /// Where slices are counted.
    pub meters: Arc<Meters>,
}

impl Workshop {
    fn way_out(&self) -> WayOut<'_> {
        WayOut {
            outlet: &self.outlet,
            outside: &self.outside,
            desk: &self.desk,
            keys: &self.keys,
        }
    }
}

struct Shared {
    workshop: Workshop,
    priority: Priority,
    run_queue: RunQueue<Ready>,
    reports: Mutex<Vec<Report>>,
    rung: AtomicBool,
    /// Threads that were ever started.
    threads: AtomicUsize,
    /// Tells the scheduler that there are reports.
    ring: Box<dyn Fn() + Send + Sync>,
}

/// The executors.
pub struct Executors {
    shared: Arc<Shared>,
}

impl Executors {
    /// Starts so many threads, each with a turn to run. `ring` is called, on any of them, when there are reports to be taken.
    pub fn start(
        count: usize,
        workshop: Workshop,
        ring: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Executors> {
        let shared = Arc::new(Shared {
            workshop,
            priority: Priority::default(),
            run_queue: RunQueue::new(count, |ready: &Ready| lane_of(&ready.assignment.job)),
            reports: Mutex::default(),
            rung: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            ring: Box::new(ring),
        });
        for _ in 0..count {
            shared.start_thread(&Arc::default())?;
        }
        Ok(Executors { shared })
    }

    /// Gives out jobs.
    pub fn assign(&self, jobs: impl IntoIterator<Item = Ready>) {
        for job in self.shared.run_queue.offer(jobs) {
            self.shared.start(job);
        }
    }

    /// Takes the reports that have come. The next one rings again.
    pub fn reports(&self) -> Vec<Report> {
        self.shared.rung.store(false, Ordering::Release);
        std::mem::take(&mut *self.shared.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets no new job begin.
    pub fn close(&self) {
        self.shared.run_queue.close();
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Runs a job on a thread of its own, or leaves it to the next that is done.
    fn start(self: &Arc<Self>, job: Ready) {
        let first = Arc::new(Mutex::new(Some(job)));
        if let Err(error) = self.start_thread(&first) {
            tracing::warn!(%error, "no thread can be started for a task; it waits for another one");
            self.run_queue
                .take_back(taken(&first).expect("no thread was there to take it"));
        }
    }

    /// A new thread, which takes its first job from there, if there is one.
    fn start_thread(self: &Arc<Self>, first: &Arc<Mutex<Option<Ready>>>) -> io::Result<()> {
        let number = self.threads.fetch_add(1, Ordering::Relaxed);
        let (shared, first) = (self.clone(), first.clone());
        thread::Builder::new()
            .name(format!("executor-{number}"))
            .stack_size(EXECUTOR_STACK_BYTES)
            .spawn(move || shared.work(taken(&first)))?;
        Ok(())
    }

    fn work(self: Arc<Self>, first: Option<Ready>) {
        let seat = Seat::new();
        let mut here = Here::new(&self, &seat);
        let mut lookups = Box::<Lookups>::default();
        let mut next = first.or_else(|| self.run_queue.arrive(&seat));
        let meters = &self.workshop.meters;
        while let Some(Ready {
            assignment: mut given,
            since,
        }) = next
        {
            meters.wait.record(micros(wall_seconds()).saturating_sub(since));
            (here.slice_began, here.ran) = (Instant::now(), Duration::ZERO);
            here.lane = lane_of(&given.job);
            let attempt = catch_unwind(AssertUnwindSafe(|| self.run(&mut given, &mut here, &mut lookups)));
            let report = attempt.unwrap_or_else(|_| {
                *lookups = Lookups::default();
                let told = AssertUnwindSafe(|| self.after_fault(&mut given, &mut here, &mut lookups));
                catch_unwind(told).unwrap_or_else(|_| {
                    // Not even a plain answer can be committed: the lock of commits is broken. Only a new daemon helps.
                    tracing::error!(
                        "an executor cannot commit any more; the daemon ends and is started again"
                    );
                    std::process::exit(i32::from(exit::INTERNAL));
                })
            });
            meters.slice(&report, here.ran + here.slice_began.elapsed());
            self.reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(report);
            self.workshop.outlet.ring();
            if !self.rung.swap(true, Ordering::AcqRel) {
                (self.ring)();
            }
            next = self.run_queue.done(&seat);
        }
    }

    fn run(&self, given: &mut Assignment, here: &mut Here<'_>, lookups: &mut Box<Lookups>) -> Report {
        let Assignment { job, reply, after } = given;
        fault::point("executor.run");
        if matches!(job.work, Work::Login(_) | Work::Authenticate(_)) {
            fault::point("login.in_verb");
        }
        let mut counted = Counted {
            outgoing: Outgoing::new(self.workshop.way_out(), job, reply, after),
            meters: &self.workshop.meters,
        };
        let report = self.bench().run(job, here, lookups, &mut counted);
        if let End::Failed(Failure::Unreadable(why)) = &report.end {
            tracing::error!(
                task = job.id,
                "a task has met damage in the store and is ended: {why}"
            );
        }
        report
    }

    fn bench(&self) -> Bench<'_> {
        let workshop = &self.workshop;
        Bench {
            world: &workshop.world,
            outside: &workshop.outside,
            priority: &self.priority,
            attempts_max: workshop.attempts_max,
            bytes_max: workshop.bytes_max,
        }
    }

    /// A fault of ours has ended the attempt. All that is left of the task is deleted, and its player is told.
    fn after_fault(&self, given: &mut Assignment, here: &mut Here<'_>, lookups: &mut Box<Lookups>) -> Report {
        let Assignment { job, reply, after } = given;
        tracing::error!(task = job.id, player = %job.player, "a fault of the server ended a task");
        let rows = Job {
            work: Work::Rows,
            ..job.clone()
        };
        let told = job.conn.iter().map(|conn| Told {
            conn: conn.id,
            object: conn.object(),
            lines: vec![Shown::line(FAULT)],
        });
        let end = End::Failed(Failure::Killed);
        let outgoing = Outgoing::new(self.workshop.way_out(), job, reply, after);
        let mut outgoing = outgoing.of_fault(end.clone(), told.collect());
        let report = self.bench().run(&rows, here, lookups, &mut outgoing);
        Report { end, ..report }
    }
}

fn taken(first: &Mutex<Option<Ready>>) -> Option<Ready> {
    first.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A slice's output, of which it is noted when it is committed.
struct Counted<'a> {
    outgoing: Outgoing<'a>,
    meters: &'a Meters,
}

impl Release for Counted<'_> {
    fn prepare(&mut self, says: Says, end: &End) -> bool {
        self.outgoing.prepare(says, end)
    }

    fn may_leave(&mut self) -> bool {
        self.outgoing.may_leave()
    }

    fn leave(&mut self, stamp: Stamp) -> Vec<Row> {
        self.meters.committing(stamp);
        self.outgoing.leave(stamp)
    }
}

/// The clock, chance and meters of one executor's thread, and its turn.
struct Here<'a> {
    dice: u64,
    shared: &'a Arc<Shared>,
    seat: &'a Arc<Seat<Ready>>,
    /// When the turn that it has now began.
    slice_began: Instant,
    /// How long it has run in its turns before.
    ran: Duration,
    /// Whose turn it is.
    lane: Lane,
}

impl<'a> Here<'a> {
    fn new(shared: &'a Arc<Shared>, seat: &'a Arc<Seat<Ready>>) -> Here<'a> {
        Here {
            dice: chance() | 1,
            shared,
            seat,
            slice_began: Instant::now(),
            ran: Duration::ZERO,
            lane: 0,
        }
    }
}

impl Surroundings for Here<'_> {
    fn now(&self) -> f64 {
        wall_seconds()
    }

    /// Worlds keep time in UTC: what local means for people all over the world is theirs to say.
    fn zone(&self, _time: i64) -> (i32, String) {
        (0, "UTC".to_owned())
    }

    /// A splitmix step: quick and even. No secret may depend on it, as with LambdaMOO's own.
    fn random(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn cpu_seconds(&self) -> f64 {
        let used = clock_gettime(ClockId::ThreadCPUTime);
        used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
    }

    fn live_bytes(&self) -> i64 {
        live_bytes()
    }

    fn db_disk_size(&self) -> i64 {
        folder_bytes(&self.shared.workshop.store)
    }

    fn yield_now(&mut self) {
        if self.shared.run_queue.are_wanted() && self.slice_began.elapsed() >= TIME_SLICE {
            self.ran += self.slice_began.elapsed();
            self.shared
                .run_queue
                .yield_now(self.lane, self.seat, |job| self.shared.start(job));
            self.slice_began = Instant::now();
        }
    }

    fn lag(&self) -> Vec<LagRow> {
        self.shared.workshop.meters.lag()
    }

    fn usage(&self) -> Value {
        own_process::usage()
    }

    fn pause(&mut self, time: Duration) {
        thread::sleep(time);
    }
}

/// The bytes of the files in a folder.
pub fn folder_bytes(folder: &Path) -> i64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().filter_map(|entry| entry.metadata().ok());
    sizes
        .filter(|found| found.is_file())
        .map(|found| found.len() as i64)
        .sum()
}
