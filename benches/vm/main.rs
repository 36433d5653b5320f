//! The language's machine on the loops of [`loops`], beside `lua5.4` and `python3` in one run.
//!
//! Each round runs every loop here and then in the others, so that a busy machine slows all; the least of all rounds
//! counts. All measure the CPU time of the loop alone. How targets are read is in docs/performance.md.
//!
//! Words on the command line choose rows by parts of their names; `--alone` leaves the other languages out.

mod loops;
mod rivals;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use loops::{INHERITED, OWN, ROWS, Row, Shape};
use moo_model::world::{
    ArgSpec, Code, Dialect, Lookups, ObjSpec, PrepSpec, PropPerms, Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Symbol, Value};
use moo_vm::frame::CommandWords;
use moo_vm::machine::{Env, Machine, VerbStart};
use moo_vm::options::{ServerOptions, SliceLimits};
use moo_vm::outcome::Outcome;
use moo_vm::task::TaskState;
use moo_vm::testing::{THING, TestHost, WIZARD, small_world};
use rivals::{LUA, PYTHON, Rival};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;

/// The parent of the measured object.
const PARENT: Obj = Obj(1);

/// What a row took: the least seconds of all rounds.
#[derive(Clone, Copy)]
struct Taken {
    ours: f64,
    lua: f64,
    python: f64,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let alone = words.iter().any(|word| word == "--alone");
    // cargo adds `--bench`.
    let parts: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| parts.is_empty() || parts.iter().any(|part| row.name.contains(part.as_str())))
        .collect();
    let rivals: Vec<&Rival> = [&LUA, &PYTHON]
        .into_iter()
        .filter(|rival| !alone && is_there(rival))
        .collect();
    let theirs = |rival: &Rival, row: &Row| {
        let wanted = rivals.iter().any(|known| known.program == rival.program) && rival.has(row.name);
        wanted.then(|| rival.run(row.name, row.n).ok()).flatten()
    };
    let unmeasured = Taken {
        ours: f64::INFINITY,
        lua: f64::INFINITY,
        python: f64::INFINITY,
    };
    let mut least = vec![unmeasured; rows.len()];
    for _ in 0..ROUNDS {
        for (row, taken) in rows.iter().zip(&mut least) {
            taken.ours = taken.ours.min(here(row).as_secs_f64());
            taken.lua = taken.lua.min(theirs(&LUA, row).unwrap_or(f64::INFINITY));
            taken.python = taken.python.min(theirs(&PYTHON, row).unwrap_or(f64::INFINITY));
        }
    }
    print_table(&rows, &least);
    ExitCode::SUCCESS
}

fn is_there(rival: &Rival) -> bool {
    let run = rival.run("empty for", 1);
    if let Err(problem) = &run {
        eprintln!(
            "{problem}; the table goes without it (on Debian or Ubuntu: apt-get install {})",
            rival.program
        );
    }
    run.is_ok()
}

fn print_table(rows: &[&Row], least: &[Taken]) {
    let speed = speed(rows, least);
    println!("The machine: ns of CPU a step, least of {ROUNDS} interleaved rounds");
    println!(
        "Lua takes {speed:.2} times as long here as where the targets were set; `here` is the target times that.\n"
    );
    println!("| loop | ours | lua5.4 | ours / Lua | python3 | ours / Python | must | here | met |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let (mut met, mut met_unscaled, mut wanted) = (0, 0, 0);
    for (row, taken) in rows.iter().zip(least) {
        let ns = |seconds: f64| seconds * 1e9 / row.steps;
        let ours = ns(taken.ours);
        let beside = |seconds: f64| match seconds.is_finite() {
            true => format!("{:.1} | {:.2}", ns(seconds), taken.ours / seconds),
            false => "- | -".to_owned(),
        };
        let verdict = match row.must.map(|must| (must, must * speed)) {
            None => "- | - | -".to_owned(),
            Some((must, limit)) => {
                wanted += 1;
                met += usize::from(ours <= limit);
                met_unscaled += usize::from(ours <= must);
                let word = if ours <= limit { "yes" } else { "no" };
                format!("{must:.0} | {limit:.1} | {word}")
            }
        };
        let (lua, python) = (beside(taken.lua), beside(taken.python));
        println!("| {} | {ours:.1} | {lua} | {python} | {verdict} |", row.name);
    }
    println!(
        "\n{met} of {wanted} targets are met, {met_unscaled} in nanoseconds as they were set. The language has no lambdas yet, \
         so their row is missing."
    );
}

/// How many times slower this machine is than the one the targets were set on: the median of what Lua takes for the same
/// loops. 1 where that is not known.
fn speed(rows: &[&Row], least: &[Taken]) -> f64 {
    let mut ratios: Vec<f64> = rows
        .iter()
        .zip(least)
        .filter(|(_, taken)| taken.lua.is_finite())
        .filter_map(|(row, taken)| Some(taken.lua * 1e9 / row.steps / row.lua_there?))
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(1.0)
}

/// The CPU time that the row takes here.
fn here(row: &Row) -> Duration {
    let world = world_with(row.source);
    match row.shape {
        Shape::Loop => {
            let mut tx = Transaction::begin(&world, Box::default());
            let started = cpu_time();
            run(&mut tx, row);
            cpu_time() - started
        }
        Shape::Tasks => {
            let mut lookups: Box<Lookups> = Box::default();
            let started = cpu_time();
            for _ in 0..row.n {
                let mut tx = Transaction::begin(&world, lookups);
                run(&mut tx, row);
                let (committed, kept) = tx.commit(false, |_| Vec::new());
                assert!(committed.is_ok(), "nobody else is there");
                lookups = kept;
            }
            cpu_time() - started
        }
    }
}

/// Runs the verb of the row once.
fn run(tx: &mut Transaction, row: &Row) {
    let name = Symbol::new("run");
    let hit = tx
        .find_callable_verb(THING, name)
        .expect("it was just added")
        .clone();
    let mut machine = Machine::for_verb(VerbStart {
        hit,
        this: THING,
        player: WIZARD,
        caller: WIZARD,
        verb: Value::str("run"),
        args: Value::list(vec![Value::int(row.n)]),
        words: CommandWords::none(),
        progr: WIZARD,
    });
    let limits = SliceLimits {
        ticks: i64::MAX / 2,
        seconds: 3600.0,
        depth: 50,
    };
    let mut task = TaskState::new(1, limits, false);
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut env = Env {
        tx,
        host: &mut host,
        task: &mut task,
        options: &options,
    };
    let outcome = machine.run(&mut env, None);
    assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", row.name);
}

/// A world in memory whose thing has the loop as its verb `run`, beside what the loops call and count in.
fn world_with(source: &str) -> Arc<World> {
    let world = small_world(Dialect::Lambda);
    let mut tx = Transaction::begin(&world, Box::default());
    for (name, source) in [("run", source)].into_iter().chain(OWN) {
        tx.add_verb(THING, verb(name, source)).expect("the thing exists");
    }
    for (name, source) in INHERITED {
        tx.add_verb(PARENT, verb(name, source))
            .expect("the thing's parent exists");
    }
    let own = ["count", "l", "p1", "p2", "p3", "p4", "p5"].map(|name| (THING, name, 0));
    for (obj, name, value) in own.into_iter().chain([(PARENT, "inherited", 7)]) {
        tx.define_property(obj, name, Value::int(value), WIZARD, PropPerms::READ)
            .expect("there is no such property yet");
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    world
}

fn verb(name: &str, source: &str) -> VerbRecord {
    VerbRecord {
        id: 0,
        names: Value::str(name),
        owner: WIZARD,
        perms: VerbPerms(VerbPerms::READ.0 | VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: Code::new(source),
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("the CPU time of a thread is not negative")
}
