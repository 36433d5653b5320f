//! A world ten times larger than its memory: `cargo bench -p moo-db --bench cold [-- MIB]`.
//!
//! So many MiB of objects (2048 if none are named) are made through commits in a tenth of that, opened again, read and
//! written at random, and dumped; what the process has in memory is printed after each step.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use moo_db::textdump::{self, Dump};
use moo_db::{Durability, Log, Store};
use moo_model::world::{PropPerms, Root, Transaction, World};
use moo_model::{Obj, Symbol, Value};

/// Bytes of the text that each object has.
const TEXT_BYTES: usize = 8 << 10;
/// Objects that one commit makes.
const OBJECTS_A_COMMIT: i64 = 64;
/// Objects that are read and written at random.
const VISITS: u64 = 50_000;

fn main() -> ExitCode {
    let mib = std::env::args().filter_map(|arg| arg.parse().ok()).next();
    match measure(mib.unwrap_or(2048)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cold: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(mib: u64) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    let bytes_max = (mib << 20) / 10;
    let objects = ((mib << 20) / TEXT_BYTES as u64) as i64;
    println!(
        "{objects} objects, {mib} MiB of text, {} MiB of memory",
        bytes_max >> 20
    );
    println!("| step | s | objects in memory, MiB | resident, MiB |");
    println!("|---|---|---|---|");
    let store = Store::open(&path)?;
    store.initialise(&Root::default(), &[])?;
    let begun = Instant::now();
    let (log, world) = open(&store, bytes_max)?;
    print("open the empty store", begun, &world);
    let begun = Instant::now();
    make(&world, objects);
    log.flush()?;
    print("make all objects", begun, &world);
    drop((log, world, store));

    let store = Store::open(&path)?;
    let begun = Instant::now();
    let (log, world) = open(&store, bytes_max)?;
    print("open it again", begun, &world);
    let begun = Instant::now();
    visit(&world, objects);
    log.flush()?;
    print(
        &format!("visit {VISITS} at random, every fourth writes"),
        begun,
        &world,
    );
    let begun = Instant::now();
    let root = world.snapshot();
    let dump = Dump {
        root: &root,
        forked: &[],
        connections: &[],
    };
    textdump::write_file(&dump, &folder.path().join("dump.db"))?;
    print("dump it", begun, &world);
    Ok(())
}

fn open(store: &Store, bytes_max: u64) -> Result<(Log, Arc<World>), moo_db::DbError> {
    let root = store.outline()?.expect("it was initialised");
    let log = store.log(&root, Durability::Relaxed, |_| {});
    let world = World::bounded(root, log.sink(), bytes_max);
    Ok((log, world))
}

/// Text that compresses as little as prose does.
fn text(n: i64) -> Value {
    let mut random = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let letters = std::iter::repeat_with(|| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        char::from(b'a' + (random % 26) as u8)
    });
    Value::string(letters.take(TEXT_BYTES).collect())
}

fn make(world: &Arc<World>, objects: i64) {
    let mut made = 0;
    while made < objects {
        let mut tx = Transaction::begin(world, Box::default());
        if made == 0 {
            tx.create(Obj::NOTHING, Some(Obj(0)));
            tx.define_property(Obj(0), "text", Value::empty_str(), Obj(0), PropPerms::READ)
                .expect("it was just made");
        }
        for _ in 0..OBJECTS_A_COMMIT.min(objects - made) {
            let obj = tx.create(Obj(0), Some(Obj(0)));
            write(&mut tx, obj, text(obj.0));
            made += 1;
        }
        assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    }
}

fn write(tx: &mut Transaction, obj: Obj, value: Value) {
    let property = tx
        .find_property(obj, Symbol::new("text"))
        .expect("it is inherited");
    tx.set_property_value(&property, value);
}

fn visit(world: &Arc<World>, objects: i64) {
    let mut random = 7u64;
    for visit in 0..VISITS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let obj = Obj(1 + (random >> 33) as i64 % objects);
        let mut tx = Transaction::begin(world, Box::default());
        let property = tx
            .find_property(obj, Symbol::new("text"))
            .expect("it is inherited");
        let value = tx.property_value(&property);
        assert_eq!(value.as_str().map(str::len), Some(TEXT_BYTES), "{obj}");
        if visit % 4 == 0 {
            write(&mut tx, obj, text(obj.0 + 1));
        }
        assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    }
}

fn print(step: &str, begun: Instant, world: &World) {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok());
    println!(
        "| {step} | {:.1} | {} | {} |",
        begun.elapsed().as_secs_f64(),
        world.resident_bytes() >> 20,
        resident.map_or("?".to_owned(), |kib| (kib >> 10).to_string())
    );
}
