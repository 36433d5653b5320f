//! What a transaction costs: in memory, by one thread and by more, and with the log on a disk behind it.
//!
//! Each transaction reads some properties and writes some of them, by name, picked at random among those that its load
//! allows, of [`OBJECTS`] times [`PROPERTIES`]; one that lost a race is run again, as the server does. The disk beside the log is measured in the
//! same run by what a write and a sync of as many bytes cost there without us.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use moo_db::{Durability, Log, Store};
use moo_model::world::{PropPerms, Root, Stamp, Transaction, World};
use moo_model::{Obj, Symbol, Value};

const OBJECTS: u64 = 100;
const PROPERTIES: usize = 10;

/// What transactions do.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    reads: usize,
    writes: usize,
    /// Among how many objects a thread picks, and whether these are its own.
    objects: u64,
    own: bool,
    properties: u64,
    /// What one may take on one thread, in microseconds, if that is set.
    target: Option<f64>,
}

const fn load(name: &'static str, (reads, writes): (usize, usize), target: Option<f64>) -> Load {
    Load {
        name,
        reads,
        writes,
        objects: OBJECTS,
        own: false,
        properties: PROPERTIES as u64,
        target,
    }
}

const USUAL: Load = load("5 read, 2 written", (5, 2), Some(3.0));

const LOADS: [Load; 6] = [
    USUAL,
    load("50 read, 5 written", (50, 5), None),
    load("1 read", (1, 0), Some(1.0)),
    load("200 read", (200, 0), None),
    Load {
        objects: OBJECTS / 10,
        own: true,
        ..load(
            "5 read, 2 written, each thread its own objects",
            (5, 2),
            Some(3.0),
        )
    },
    Load {
        objects: 1,
        properties: 1,
        ..load("one counter", (1, 1), None)
    },
];

/// How many threads; more than there are cores contend for the lock with its holder off the core.
const THREADS: [usize; 4] = [1, 2, 4, 8];

/// How long each figure is measured, and how often; the best round counts.
const SPAN: Duration = Duration::from_millis(300);
const ROUNDS: usize = 2;

/// Bytes that one such commit takes in the log, near enough.
const COMMIT_BYTES: usize = 200;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transactions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    println!("Transactions on {} properties\n", OBJECTS as usize * PROPERTIES);
    println!("| in memory | threads | a second | us each | run again | at most, us | kept |");
    println!("|---|---|---|---|---|---|---|");
    for load in LOADS {
        for threads in THREADS {
            let world = World::new(root(), Box::new(()));
            let best = (0..ROUNDS)
                .map(|round| commits(&world, load, threads, round as u64).0)
                .max_by(Figure::by_rate);
            let best = best.expect("there is a round");
            // Where threads wait for a core, a thread's wall time says nothing.
            let target = load.target.filter(|_| threads == 1);
            let kept = target.map(|us| if best.us_each(threads) <= us { "yes" } else { "no" });
            let target = target.map_or("-".to_owned(), |us| us.to_string());
            let (name, row) = (load.name, best.row(threads));
            println!(
                "| {name} | {threads} | {row} {target} | {} |",
                kept.unwrap_or("-")
            );
        }
    }
    println!("\n| {} | threads | a second | us each | run again |", USUAL.name);
    println!("|---|---|---|---|---|");
    for (durability, name) in [(Durability::Relaxed, "relaxed"), (Durability::Strict, "strict")] {
        let folder = tempfile::tempdir()?;
        let store = Store::open(&folder.path().join("store"))?;
        let root = root();
        store.initialise(&root, &[])?;
        let log = store.log(&root, durability, |_| {});
        let world = World::new(root, log.sink());
        for threads in [1, 2] {
            println!(
                "| log, {name} | {threads} | {}",
                streamed(&world, &log, threads)?.row(threads)
            );
        }
        let (p50, p99) = answered(&world, &log)?;
        println!(
            "| log, {name}, one waits for each | 1 | {:.0} | {:.1} (p99 {:.1}) | - |",
            1.0 / p50,
            p50 * 1e6,
            p99 * 1e6
        );
        let (p50, p99) = disk(folder.path(), durability)?;
        println!(
            "| the disk alone, {name} | 1 | {:.0} | {:.1} (p99 {:.1}) | - |",
            1.0 / p50,
            p50 * 1e6,
            p99 * 1e6
        );
    }
    Ok(())
}

/// What one measurement gave.
struct Figure {
    committed: u64,
    conflicts: u64,
    taken: Duration,
}

impl Figure {
    fn rate(&self) -> f64 {
        self.committed as f64 / self.taken.as_secs_f64()
    }

    fn us_each(&self, threads: usize) -> f64 {
        threads as f64 * 1e6 / self.rate()
    }

    fn by_rate(&self, other: &Figure) -> std::cmp::Ordering {
        self.rate().total_cmp(&other.rate())
    }

    /// The last three columns of its row. `us each` is the time of one thread.
    fn row(&self, threads: usize) -> String {
        let each = self.us_each(threads);
        let again = 100.0 * self.conflicts as f64 / (self.committed + self.conflicts) as f64;
        format!("{:.0} | {each:.2} | {again:.2} % |", self.rate())
    }
}

/// A world of objects that each have the same properties.
fn root() -> Root {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    for _ in 0..OBJECTS {
        let obj = tx.create(Obj::NOTHING, Some(Obj(0)));
        for name in names() {
            tx.define_property(obj, &name, Value::int(0), Obj(0), PropPerms::READ)
                .expect("the object was just made");
        }
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    Root::clone(&world.snapshot())
}

fn names() -> [String; PROPERTIES] {
    std::array::from_fn(|n| format!("property_{n}"))
}

/// Transactions of one thread, one after another.
struct Worker {
    world: Arc<World>,
    load: Load,
    first: u64,
    symbols: Vec<Symbol>,
    lookups: Box<moo_model::world::Lookups>,
    random: u64,
}

impl Worker {
    fn new(world: &Arc<World>, load: Load, thread: u64, seed: u64) -> Worker {
        Worker {
            world: world.clone(),
            load,
            first: if load.own { thread * load.objects } else { 0 },
            symbols: names().iter().map(|name| Symbol::new(name)).collect(),
            lookups: Box::default(),
            random: 0x9E37_79B9_7F4A_7C15 ^ (seed * 16 + thread + 1),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    /// One attempt; `None` when another thread was first.
    fn attempt(&mut self) -> Option<Stamp> {
        let mut tx = Transaction::begin(&self.world, std::mem::take(&mut self.lookups));
        for step in 0..self.load.reads {
            let obj = Obj((self.first + self.below(self.load.objects)) as i64);
            let name = self.below(self.load.properties) as usize;
            let property = tx
                .find_property(obj, self.symbols[name])
                .expect("every object has it");
            let value = tx.property_value(&property);
            if step < self.load.writes {
                let next = value.as_int().unwrap_or(0) + 1;
                tx.set_property_value(&property, Value::int(next));
            }
        }
        let (result, lookups) = tx.commit(false, |_| Vec::new());
        self.lookups = lookups;
        result.ok().map(|done| done.stamp)
    }
}

/// Commits by some threads for [`SPAN`]; gives the last stamp too.
fn commits(world: &Arc<World>, load: Load, threads: usize, seed: u64) -> (Figure, Stamp) {
    let started = Instant::now();
    let run = |thread: usize| {
        let mut worker = Worker::new(world, load, thread as u64, seed);
        let (mut committed, mut conflicts, mut last) = (0, 0, 0);
        while started.elapsed() < SPAN {
            match worker.attempt() {
                Some(stamp) => (committed, last) = (committed + 1, stamp),
                None => conflicts += 1,
            }
        }
        (committed, conflicts, last)
    };
    let results: Vec<(u64, u64, Stamp)> = thread::scope(|scope| {
        let run = &run;
        let handles: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        let joined = handles
            .into_iter()
            .map(|handle| handle.join().expect("a worker does not panic"));
        joined.collect()
    });
    let figure = Figure {
        committed: results.iter().map(|row| row.0).sum(),
        conflicts: results.iter().map(|row| row.1).sum(),
        taken: started.elapsed(),
    };
    (figure, results.iter().map(|row| row.2).max().unwrap_or(0))
}

/// Commits that do not wait for the log one by one, measured until the last of them is written.
fn streamed(world: &Arc<World>, log: &Log, threads: usize) -> Result<Figure, moo_db::LogEnded> {
    let started = Instant::now();
    let (figure, last) = commits(world, USUAL, threads, 99);
    log.wait(last)?;
    Ok(Figure {
        taken: started.elapsed(),
        ..figure
    })
}

/// The time from a transaction's beginning until its commit is written, when each waits for its own: p50 and p99, s.
fn answered(world: &Arc<World>, log: &Log) -> Result<(f64, f64), moo_db::LogEnded> {
    let mut worker = Worker::new(world, USUAL, 0, 7);
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < SPAN {
        let begun = Instant::now();
        let stamp = worker.attempt().expect("nobody else is there");
        log.wait(stamp)?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(percentiles(times))
}

/// The same for a file that is only appended to, and synced where the log would be.
fn disk(folder: &Path, durability: Durability) -> io::Result<(f64, f64)> {
    let mut file = File::create(folder.join("file"))?;
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < SPAN {
        let begun = Instant::now();
        file.write_all(&[0; COMMIT_BYTES])?;
        if durability == Durability::Strict {
            file.sync_data()?;
        }
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(percentiles(times))
}

fn percentiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    (at(0.5), at(0.99))
}
