//! How fast commits reach the store: `cargo bench -p moo-db --bench log [-- FOLDER]`.
//!
//! One client that waits for each commit, 64 commits under way at once, and as many as the queue takes. Each writes one
//! property of one of 64 objects.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use moo_db::{Durability, Event, Log, Store};
use moo_model::world::{Lookups, PropPerms, Root, Transaction, World};
use moo_model::{Obj, Symbol, Value};

const CLIENTS: i64 = 64;
const TIME: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // Cargo passes flags of its own, such as `--bench`.
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let folder = folder.map_or_else(|| std::env::temp_dir().join("moo-db-bench"), PathBuf::from);
    for durability in [Durability::Relaxed, Durability::Strict] {
        // A folder from an earlier run is of no use, and need not be there.
        let _ = std::fs::remove_dir_all(&folder);
        if let Err(error) = measure(&folder, durability) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    ExitCode::SUCCESS
}

fn measure(folder: &Path, durability: Durability) -> Result<(), moo_db::DbError> {
    let store = Store::open(folder)?;
    let root = Root::default();
    store.initialise(&root, &[])?;
    let (sender, written) = sync_channel(1024);
    let log = store.log(&root, durability, move |event| match event {
        // Whoever does not listen any more has enough numbers.
        Event::Written(_) => drop(sender.try_send(Instant::now())),
        other => eprintln!("{other:?}"),
    });
    let world = World::new(root, log.sink());
    prepare(&world);
    let mut client = Client { world, lookups: None };

    print(
        durability,
        "1 client, until it is woken",
        latencies(&mut client, &log),
    );
    let released = (0..10_000).map(|n| {
        while written.try_recv().is_ok() {}
        client.set(Obj(0), n);
        let committed = Instant::now();
        written.recv().map_or(Duration::ZERO, |at| at - committed)
    });
    print(
        durability,
        "1 client, until its output is released",
        released.collect(),
    );

    let start = Instant::now();
    let mut commits = 0i64;
    while start.elapsed() < TIME {
        let stamp = client.set(Obj(commits % CLIENTS), commits);
        commits += 1;
        while stamp - log.written() >= CLIENTS as u64 {
            // Whatever comes through here, the log is further than before.
            let _ = written.recv();
        }
    }
    let rate = commits as f64 / start.elapsed().as_secs_f64();
    println!("{durability:?}, {CLIENTS} commits under way: {rate:.0} commits/s");

    // What the log can do when nobody waits for a thread to wake: all commits are handed over first.
    let start = Instant::now();
    let mut last = 0;
    for n in 0..100_000 {
        last = client.set(Obj(n % CLIENTS), n);
    }
    log.wait(last).expect("the log runs");
    let rate = 100_000.0 / start.elapsed().as_secs_f64();
    println!("{durability:?}, pipelined: {rate:.0} commits/s");
    Ok(())
}

fn print(durability: Durability, what: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: usize| latencies[latencies.len() * share / 100];
    println!("{durability:?}, {what}: p50 {:?}, p99 {:?}", at(50), at(99));
}

fn prepare(world: &Arc<World>) {
    let mut tx = Transaction::begin(world, Box::default());
    for _ in 0..CLIENTS {
        let obj = tx.create(Obj::NOTHING, None);
        tx.define_property(obj, "n", Value::int(0), obj, PropPerms::READ)
            .expect("it was just created");
    }
    let (result, _) = tx.commit(false, |_| Vec::new());
    result.expect("nobody else is there");
}

/// A client with its own look-up tables, as each executor has.
struct Client {
    world: Arc<World>,
    lookups: Option<Box<Lookups>>,
}

impl Client {
    fn set(&mut self, obj: Obj, n: i64) -> u64 {
        let mut tx = Transaction::begin(&self.world, self.lookups.take().unwrap_or_default());
        let property = tx.find_property(obj, Symbol::new("n")).expect("it is defined");
        tx.set_property_value(&property, Value::int(n));
        let (result, lookups) = tx.commit(false, |_| Vec::new());
        self.lookups = Some(lookups);
        result.expect("nobody else writes this object").stamp
    }
}

/// Commits and waits, again and again; gives how long the wait after each commit was.
fn latencies(client: &mut Client, log: &Log) -> Vec<Duration> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < TIME {
        let stamp = client.set(Obj(0), latencies.len() as i64);
        let committed = Instant::now();
        log.wait(stamp).expect("the log runs");
        latencies.push(committed.elapsed());
    }
    latencies
}
