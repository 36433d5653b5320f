//! How long a world takes to come and go as a textdump: `cargo bench -p moo-db --bench textdump`.
//!
//! A world made here, and LambdaCore where `MOOTHALL_WORLDS` names a folder that holds it, are written, read from memory
//! and stored in an empty store; the least of some rounds counts.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moo_db::Store;
use moo_db::textdump::{self, Dump, Imported, ReadError};
use moo_model::world::{
    ArgSpec, Code, ObjSpec, PrepSpec, PropPerms, Root, Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Symbol, Value};

const CORE: &str = "LambdaCore-20Jun18.db";
const OBJECTS: i64 = 20_000;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("textdump: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    println!(
        "| world | objects | MB | write, ms | read, ms | store, ms | objects a second, read and stored |"
    );
    println!("|---|---|---|---|---|---|---|");
    row("made here", &made())?;
    if let Some(folder) = std::env::var_os("MOOTHALL_WORLDS") {
        let core = fs::read(Path::new(&folder).join(CORE))?;
        row("LambdaCore", &read(&core)?.root)?;
    }
    Ok(())
}

/// One line of the table.
fn row(name: &str, root: &Root) -> Result<(), Box<dyn Error>> {
    let dump = Dump {
        root,
        forked: &[],
        connections: &[],
    };
    let mut text = Vec::new();
    let write = least(|| {
        text.clear();
        textdump::write(&dump, &mut text).map(drop)
    })?;
    let imported = read(&text)?;
    let read = least(|| read(&text).map(drop))?;
    let store = least(|| -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        Store::open(folder.path())?.initialise(&imported.root, &[])?;
        Ok(())
    })?;
    let objects = root.entries().count();
    println!(
        "| {name} | {objects} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} |",
        text.len() as f64 / 1e6,
        millis(write),
        millis(read),
        millis(store),
        objects as f64 / (read + store).as_secs_f64(),
    );
    Ok(())
}

fn read(text: &[u8]) -> Result<Imported, ReadError> {
    textdump::read(text, &|_| true, &mut |_| {})
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The least time of some rounds.
fn least<E>(mut step: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        step()?;
        best = best.min(begun.elapsed());
    }
    Ok(best)
}

/// Rooms with things in them, each with a few properties of its own, and a verb on every tenth.
fn made() -> Root {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    let system = tx.create(Obj::NOTHING, None);
    let class = tx.create(Obj::NOTHING, Some(system));
    for name in ["description", "aliases", "messages"] {
        tx.define_property(class, name, Value::empty_str(), system, PropPerms::READ)
            .expect("it was just made");
    }
    for n in 2..OBJECTS {
        let obj = tx.create(class, Some(system));
        tx.set_name(obj, Value::string(format!("thing {n}")))
            .expect("it was just made");
        let text =
            Value::string(format!("This is thing number {n}, and there is little to say of it. ").repeat(3));
        let aliases = Value::strings(["thing", "it", "number"]);
        for (name, value) in [("description", text.clone()), ("aliases", aliases)] {
            let property = tx.find_property(obj, Symbol::new(name)).expect("it is inherited");
            tx.set_property_value(&property, value);
        }
        if n % 10 == 0 {
            tx.add_verb(obj, verb(system)).expect("it was just made");
        } else if n > 10 {
            tx.relocate(obj, Obj(n / 10 * 10)).expect("it was just made");
        }
    }
    tx.commit(false, |_| Vec::new())
        .0
        .unwrap_or_else(|_| unreachable!("nobody else is there"));
    Root::clone(&Arc::clone(&world).snapshot())
}

fn verb(owner: Obj) -> VerbRecord {
    let source = "for thing in (this.contents)\n  player:tell(thing.name, \" is here.\");\nendfor\nreturn length(this.contents);\n";
    VerbRecord {
        id: 0,
        names: Value::str("look_around"),
        owner,
        perms: VerbPerms(VerbPerms::READ.0 | VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: Code::new(source),
    }
}
