//! How tasks share the cores: the same tasks, each thread on an object of its own, by one thread and by more.
//!
//! A task runs by the same code as in the daemon, from its first attempt to its commit. Beside the wall time stands the
//! CPU time of one task: where threads are in each other's way, on a lock or on a cache line that both write, it grows with
//! their number, and on a machine that does other things too it says more than the wall's.

use moo_model::ledger::Row;
use moo_model::world::{
    ArgSpec, Code, Flags, ObjSpec, PrepSpec, PropPerms, Root, Stamp, Transaction, VerbPerms, VerbRecord,
    World,
};
use moo_model::{Obj, Value};
use moo_tasks::attempt::{Bench, End, Job, Release, Work};
use moo_tasks::held::Says;
use moo_tasks::outside::{Outside, Surroundings};
use moo_tasks::priority::Priority;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// The daemon's, but for its counting.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WIZARD: Obj = Obj(1);
/// What all players inherit from, and whose verbs they share.
const GENERIC: Obj = Obj(2);
/// The first player; each thread has one.
const FIRST_PLAYER: i64 = 3;

const THREADS: [usize; 2] = [1, 2];

/// How long each figure is measured, and how often in turn; the best round counts.
const SPAN: Duration = Duration::from_millis(200);
const ROUNDS: usize = 5;

/// What tasks do: a verb's name, and its program.
const TASKS: [(&str, &str); 4] = [
    ("reads", "return this.count;"),
    ("counts", "this.count = this.count + 1;"),
    (
        "looks",
        r#"l = {}; for i in [1..20] l = {@l, this:title() + " " + tostr(i)}; endfor this.count = length(l);"#,
    ),
    (
        "computes",
        "n = 0; for i in [1..2000] n = (n + i * i) % 65537; endfor this.count = n;",
    ),
];

fn main() {
    println!("Tasks of threads that each have an object of their own\n");
    println!("| a task that | threads | a second | to one thread | CPU us each |");
    println!("|---|---|---|---|---|");
    // Names after the command's own choose among the rows.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_chosen = |verb: &str| chosen.is_empty() || chosen.iter().any(|name| name == verb);
    for (verb, _) in TASKS.into_iter().filter(|(verb, _)| is_chosen(verb)) {
        let stage = Stage::new();
        let mut best = THREADS.map(|_| Figure::default());
        for _ in 0..ROUNDS {
            for (best, threads) in best.iter_mut().zip(THREADS) {
                let figure = stage.measure(verb, threads);
                best.rate = best.rate.max(figure.rate);
                best.cpu_us = best.cpu_us.min(figure.cpu_us);
            }
        }
        for (figure, threads) in best.iter().zip(THREADS) {
            let ratio = figure.rate / best[0].rate;
            println!(
                "| {verb} | {threads} | {:.0} | {ratio:.2} | {:.2} |",
                figure.rate, figure.cpu_us
            );
        }
    }
}

/// What one measurement gave.
struct Figure {
    /// Tasks of all threads in a second.
    rate: f64,
    /// CPU microseconds of one task.
    cpu_us: f64,
}

impl Default for Figure {
    fn default() -> Figure {
        Figure {
            rate: 0.0,
            cpu_us: f64::INFINITY,
        }
    }
}

/// The world, and what surrounds it.
struct Stage {
    world: Arc<World>,
    outside: Outside,
    priority: Priority,
}

impl Stage {
    fn new() -> Stage {
        let world = World::new(Root::default(), Box::new(()));
        let mut tx = Transaction::begin(&world, Box::default());
        for obj in 0..FIRST_PLAYER + THREADS[THREADS.len() - 1] as i64 {
            let parent = if obj < FIRST_PLAYER { Obj::NOTHING } else { GENERIC };
            tx.create(parent, Some(WIZARD));
        }
        for flag in [Flags::WIZARD, Flags::PROGRAMMER] {
            tx.set_flag(WIZARD, flag, true).expect("it exists");
        }
        tx.define_property(GENERIC, "count", Value::int(0), WIZARD, PropPerms::READ)
            .expect("it exists");
        for (name, program) in TASKS.into_iter().chain([("title", "return this.name;")]) {
            tx.add_verb(GENERIC, verb(name, program)).expect("it exists");
        }
        let (result, _) = tx.commit(true, |_| Vec::new());
        assert!(result.is_ok(), "nobody else is there");
        Stage {
            world,
            outside: Outside::new(1, 0),
            priority: Priority::default(),
        }
    }

    /// Runs tasks on so many threads for [`SPAN`].
    fn measure(&self, verb: &'static str, threads: usize) -> Figure {
        let barrier = Barrier::new(threads);
        let done: Vec<(u64, f64, f64)> = thread::scope(|scope| {
            let barrier = &barrier;
            let handles: Vec<_> = (0..threads)
                .map(|thread| {
                    scope.spawn(move || self.work(verb, Obj(FIRST_PLAYER + thread as i64), barrier))
                })
                .collect();
            let joined = handles.into_iter().map(|handle| handle.join());
            joined
                .map(|done| done.expect("a thread does not panic"))
                .collect()
        });
        let tasks: u64 = done.iter().map(|row| row.0).sum();
        Figure {
            rate: done.iter().map(|row| row.0 as f64 / row.1).sum(),
            cpu_us: done.iter().map(|row| row.2).sum::<f64>() * 1e6 / tasks as f64,
        }
    }

    /// The tasks of one thread: how many, and how many seconds by the wall and of CPU time they took.
    fn work(&self, verb: &'static str, player: Obj, barrier: &Barrier) -> (u64, f64, f64) {
        let bench = Bench {
            world: &self.world,
            outside: &self.outside,
            priority: &self.priority,
            attempts_max: 8,
            bytes_max: i64::MAX,
        };
        let mut lookups = Box::default();
        let mut tasks = 0;
        barrier.wait();
        let (started, used) = (Instant::now(), cpu_seconds());
        while started.elapsed() < SPAN {
            let job = Job {
                id: self.outside.ids.next(),
                player,
                conn: None,
                work: Work::Hook {
                    on: player,
                    verb,
                    args: Vec::new(),
                },
                stored: false,
                rows: Vec::new(),
                conns: Vec::new(),
                kill: Arc::default(),
            };
            let report = bench.run(&job, &mut Alone, &mut lookups, &mut Silent);
            assert!(matches!(report.end, End::Done(_)), "{:?}", report.end);
            tasks += 1;
        }
        (tasks, started.elapsed().as_secs_f64(), cpu_seconds() - used)
    }
}

fn verb(name: &str, program: &str) -> VerbRecord {
    VerbRecord {
        id: 0,
        names: Value::str(name),
        owner: WIZARD,
        perms: VerbPerms(VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: Code::new(program),
    }
}

/// Tasks say nothing.
struct Silent;

impl Release for Silent {
    fn prepare(&mut self, _: Says, _: &End) -> bool {
        false
    }

    fn leave(&mut self, _: Stamp) -> Vec<Row> {
        Vec::new()
    }
}

/// What a task sees of its thread.
struct Alone;

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

impl Surroundings for Alone {
    fn now(&self) -> f64 {
        1_000.0
    }

    fn zone(&self, _time: i64) -> (i32, String) {
        (0, "UTC".into())
    }

    fn random(&mut self) -> u64 {
        4
    }

    fn cpu_seconds(&self) -> f64 {
        cpu_seconds()
    }

    fn live_bytes(&self) -> i64 {
        0
    }

    fn db_disk_size(&self) -> i64 {
        0
    }

    fn yield_now(&mut self) {}

    fn pause(&mut self, time: Duration) {
        thread::sleep(time);
    }
}
