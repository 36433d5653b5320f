//! The language's machine against `lua5.4` on the same loops, side by side in one run.
//!
//! Each round runs every loop here and then in Lua, so that a busy machine slows both; the least of all rounds counts.
//! Both sides measure the CPU time of the loop alone: ours inside one transaction on a world in memory, Lua's by
//! `os.clock`. Words on the command line choose loops by parts of their names.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use moo_model::Value;
use moo_model::world::{
    ArgSpec, Code, Dialect, ObjSpec, PrepSpec, PropPerms, Transaction, VerbPerms, VerbRecord, World,
};
use moo_vm::frame::CommandWords;
use moo_vm::machine::{Env, Machine, VerbStart};
use moo_vm::options::{ServerOptions, SliceLimits};
use moo_vm::outcome::Outcome;
use moo_vm::task::TaskState;
use moo_vm::testing::{THING, TestHost, WIZARD, small_world};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;

/// How much slower than Lua a loop may be.
const RATIO_MAX: f64 = 3.0;

const LUA_SOURCE: &str = include_str!("lua/loops.lua");

/// One loop: the verb that runs it here; in Lua it has the same name.
struct Loop {
    name: &'static str,
    /// The body of a verb that gets `n`.
    source: &'static str,
    /// The argument of both.
    n: i64,
    /// How often the measured step is done for that argument.
    steps: f64,
}

const LOOPS: [Loop; 7] = [
    Loop {
        name: "empty for",
        source: "{n} = args; for i in [1..n] endfor",
        n: 10_000_000,
        steps: 1e7,
    },
    Loop {
        name: "while with add",
        source: "{n} = args; i = 0; while (i < n) i = i + 1; endwhile",
        n: 5_000_000,
        steps: 5e6,
    },
    Loop {
        name: "fib by verb call",
        source: "{n} = args; return this:fib(n);",
        n: 24,
        // fib(24) makes 2 * F(25) - 1 calls.
        steps: 150_049.0,
    },
    Loop {
        name: "property increment",
        source: "{n} = args; for i in [1..n] this.count = this.count + 1; endfor",
        n: 2_000_000,
        steps: 2e6,
    },
    Loop {
        name: "list append",
        source: "{n} = args; for round in [1..n / 1000] l = {}; for i in [1..1000] l = {@l, i}; endfor endfor",
        n: 2_000_000,
        steps: 2e6,
    },
    Loop {
        name: "list iteration",
        source: "{n} = args; l = {}; for i in [1..1000] l = {@l, i}; endfor s = 0; \
                 for round in [1..n / 1000] for x in (l) s = s + x; endfor endfor return s;",
        n: 5_000_000,
        steps: 5e6,
    },
    Loop {
        name: "string append",
        source: "{n} = args; for round in [1..n / 20000] t = \"\"; for i in [1..20000] t = t + \"x\"; endfor endfor",
        n: 400_000,
        steps: 4e5,
    },
];

const FIB: &str = "{n} = args; if (n < 2) return n; endif return this:fib(n - 1) + this:fib(n - 2);";

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let chosen: Vec<&Loop> = LOOPS
        .iter()
        .filter(|each| words.is_empty() || words.iter().any(|word| each.name.contains(word.as_str())))
        .collect();
    if let Err(problem) = lua(&LOOPS[0], 1) {
        eprintln!("{problem}; our figures stand alone (on Debian or Ubuntu: apt-get install lua5.4)");
    }
    let mut least = vec![(f64::INFINITY, f64::INFINITY); chosen.len()];
    for _ in 0..ROUNDS {
        for (each, (ours, theirs)) in chosen.iter().zip(&mut least) {
            *ours = ours.min(here(each).as_secs_f64());
            *theirs = theirs.min(lua(each, each.n).unwrap_or(f64::INFINITY));
        }
    }
    print_table(&chosen, &least);
    ExitCode::SUCCESS
}

fn print_table(loops: &[&Loop], least: &[(f64, f64)]) {
    println!("The machine against lua5.4: ns of CPU a step, least of {ROUNDS} interleaved rounds\n");
    println!("| loop | ours | lua5.4 | ratio | at most {RATIO_MAX} |");
    println!("|---|---|---|---|---|");
    for (each, (ours, theirs)) in loops.iter().zip(least) {
        let ns = |seconds: f64| seconds * 1e9 / each.steps;
        let (lua, ratio, verdict) = if theirs.is_finite() {
            let ratio = ours / theirs;
            let verdict = if ratio <= RATIO_MAX { "yes" } else { "no" };
            (format!("{:.1}", ns(*theirs)), format!("{ratio:.2}"), verdict)
        } else {
            ("-".to_owned(), "-".to_owned(), "-")
        };
        println!(
            "| {} | {:.1} | {lua} | {ratio} | {verdict} |",
            each.name,
            ns(*ours)
        );
    }
}

/// The CPU time that Lua says the loop took, in seconds.
fn lua(each: &Loop, n: i64) -> Result<f64, String> {
    let mut child = Command::new("lua5.4")
        .args(["-", each.name, &n.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run lua5.4: {error}"))?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    let written = stdin.write_all(LUA_SOURCE.as_bytes());
    drop(stdin);
    let output = child
        .wait_with_output()
        .map_err(|error| format!("lua5.4: {error}"))?;
    written.map_err(|error| format!("lua5.4 does not read its program: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| format!("lua5.4 printed `{}` where seconds were expected", text.trim()))
}

/// The CPU time that the loop takes here.
fn here(each: &Loop) -> Duration {
    let world = world_with(each.source);
    let mut tx = Transaction::begin(&world, Box::default());
    let hit = tx
        .find_callable_verb_named(THING, "run")
        .expect("it was just added");
    let mut machine = Machine::for_verb(VerbStart {
        hit,
        this: THING,
        player: WIZARD,
        caller: WIZARD,
        verb: Value::str("run"),
        args: Value::list(vec![Value::int(each.n)]),
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
        tx: &mut tx,
        host: &mut host,
        task: &mut task,
        options: &options,
    };
    let started = cpu_time();
    let outcome = machine.run(&mut env, None);
    let taken = cpu_time() - started;
    assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", each.name);
    taken
}

/// A world in memory whose thing has the loop as its verb `run`, beside `fib` and `count`.
fn world_with(source: &str) -> Arc<World> {
    let world = small_world(Dialect::Lambda);
    let mut tx = Transaction::begin(&world, Box::default());
    for (name, source) in [("run", source), ("fib", FIB)] {
        tx.add_verb(THING, verb(name, source)).expect("the thing exists");
    }
    tx.define_property(THING, "count", Value::int(0), WIZARD, PropPerms::READ)
        .expect("the thing has no such property yet");
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
