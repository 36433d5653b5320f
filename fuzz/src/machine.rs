//! Programs that run: whatever they do, they end within their limits, and nobody panics.

use std::sync::Arc;

use moo_lang::testing::{Vocabulary, program, spoil};
use moo_lang::{compile, store_text};
use moo_model::world::{
    ArgSpec, Code, Dialect, ObjSpec, PrepSpec, PropPerms, Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Value};
use moo_vm::builtins;
use moo_vm::executable::Executable;
use moo_vm::fork::ForkRequest;
use moo_vm::frame::{CommandWords, Running};
use moo_vm::machine::{Env, Machine, VerbStart};
use moo_vm::options::{ServerOptions, SliceLimits};
use moo_vm::outcome::Outcome;
use moo_vm::task::TaskState;
use moo_vm::testing::{self, PROGRAMMER, THING, TestHost, WIZARD};

/// What one slice may use: enough to go round loops, and little enough that many programs run in a second.
const LIMITS: SliceLimits = SliceLimits {
    ticks: 4_000,
    seconds: 5.0,
    depth: 50,
};
/// Ticks that one instruction may go below none: what a builtin charges for the largest values that are allowed here.
const OVERDRAFT: i64 = 200_000;
/// How often a task that waits is woken.
const WAKES: usize = 3;
/// Bytes that become a tree.
const TREE_BYTES_MAX: usize = 400;

const WORDS: Vocabulary<'static> = Vocabulary {
    texts: &[
        "x",
        "y",
        "z",
        "",
        "name",
        "owner",
        "args",
        "%1(a|b)*",
        "12",
        "aé",
        "f",
        "server_options",
    ],
    functions: &[],
    objects: &[0, -1, 3, 4, 7, 1, 2, 99],
};

/// Every built-in function but those that take their time by design: no limit of the machine's is about them.
fn functions() -> Vec<&'static str> {
    let slow = ["argon2", "argon2_verify", "crypt"];
    let names = builtins::all().map(|builtin| builtin.name);
    names.filter(|name| !slow.contains(name)).collect()
}

fn limited() -> ServerOptions {
    ServerOptions {
        max_string_concat: 10_000,
        max_list_concat: 5_000,
        max_concat_catchable: true,
        ..ServerOptions::default()
    }
}

/// The world of tests, in which some names lead somewhere: properties with values, and a verb that runs `verb`.
fn world(dialect: Dialect, verb: &str, debug: bool) -> Arc<World> {
    let world = testing::small_world(dialect);
    let mut tx = Transaction::begin(&world, Box::default());
    let list = Value::list(vec![Value::int(1), Value::str("two"), Value::empty_list()]);
    let values = [("x", list), ("y", Value::int(7)), ("z", Value::str("text"))];
    for (obj, (name, value)) in [Obj(1), Obj(0)]
        .into_iter()
        .zip([0, 0])
        .flat_map(|(obj, _)| values.clone().map(|v| (obj, v)))
    {
        tx.define_property(obj, name, value, WIZARD, PropPerms(3))
            .expect("it is new there");
    }
    for obj in [Obj(0), Obj(1)] {
        tx.add_verb(
            obj,
            verb_record(
                "f x z tell title initialize recycle accept enterfunc exitfunc",
                verb,
                debug,
            ),
        )
        .expect("it exists");
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    world
}

/// A verb with this text, with or without the `d` bit.
fn verb_record(names: &str, source: &str, debug: bool) -> VerbRecord {
    let debug = if debug { VerbPerms::DEBUG.0 } else { 0 };
    VerbRecord {
        id: 0,
        names: Value::str(names),
        owner: WIZARD,
        perms: VerbPerms(VerbPerms::READ.0 | VerbPerms::EXEC.0 | debug),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: Code::new(source),
    }
}

/// A program of every construct and function, and a verb that it may call, chosen by the bytes: it ends within its limits,
/// and if it waits it goes on from its bytes as it would have without.
pub fn machine(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let data = &data[..data.len().min(2 * TREE_BYTES_MAX)];
    let functions = functions();
    let words = Vocabulary {
        functions: &functions,
        ..WORDS
    };
    let (first, second) = data.split_at(data.len() / 3 * 2);
    let dialect = [Dialect::Lambda, Dialect::Toast, Dialect::Moor][usize::from(kind) % 3];
    let progr = if kind & 0x80 == 0 { WIZARD } else { PROGRAMMER };
    // Errors are raised but where these bits say that they become values.
    let (debug, below) = (kind & 0x40 == 0, kind & 0x20 == 0);
    let world = world(dialect, &store_text(&program(second, words)), below);
    let mut tx = Transaction::begin(&world, Box::default());
    let verb = verb_record("test", &store_text(&program(first, words)), debug);
    tx.add_verb(THING, verb).expect("it exists");
    let hit = tx
        .find_callable_verb_named(THING, "test")
        .expect("it was just added");
    let start = VerbStart {
        hit,
        this: THING,
        player: progr,
        caller: progr,
        verb: Value::str("test"),
        args: Value::list(vec![
            Value::int(1),
            Value::str("two"),
            Value::list(vec![Value::int(3)]),
        ]),
        words: CommandWords::none(),
        progr,
    };
    run(Machine::for_verb(start), tx, stored);
}

/// Compiled programs that were spoilt as the bytes choose: what passes the verifier runs like any other.
pub fn verified(data: &[u8]) {
    let Some((&share, data)) = data.split_first() else {
        return;
    };
    let data = &data[..data.len().min(TREE_BYTES_MAX)];
    let (tree, changes) = data.split_at(data.len() * usize::from(share) / 256);
    let functions = functions();
    let words = Vocabulary {
        functions: &functions,
        ..WORDS
    };
    let mut compiled = compile::compile(&Arc::new(program(tree, words)));
    spoil(&mut compiled, changes);
    let Ok(executable) = Executable::verified(compiled) else {
        return;
    };
    let world = world(Dialect::Lambda, "return args;", true);
    let mut frame = testing::frame(WIZARD);
    let registers = vec![Value::UNSET; usize::from(executable.registers)];
    frame.running = Running::Eval(executable);
    frame.debug = share % 2 == 0;
    let request = ForkRequest {
        id: 1,
        delay: 0.0,
        frame,
        registers,
        queue_limit: None,
    };
    // Its text is that of the program before it was spoilt, so it cannot be stored.
    run(
        Machine::for_fork(request),
        Transaction::begin(&world, Box::default()),
        |machine| machine,
    );
}

/// A task that was stored where it waits, and read again.
fn stored(machine: Machine) -> Machine {
    let stored = machine.to_bytes();
    let machine = Machine::from_bytes(&stored).expect("it was just written");
    assert_eq!(machine.to_bytes(), stored, "a task that was read is another");
    machine
}

/// Runs to the end, waking whatever waits once `rest` has had it.
fn run(mut machine: Machine, mut tx: Transaction, rest: impl Fn(Machine) -> Machine) {
    let options = limited();
    let mut host = TestHost::default();
    host.connect(WIZARD);
    let mut wake = None;
    for _ in 0..WAKES {
        let mut task = TaskState::new(1, LIMITS, true);
        let mut env = Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        };
        let outcome = machine.run(&mut env, wake);
        assert!(task.ticks_left > -OVERDRAFT, "{} ticks left", task.ticks_left);
        assert!(
            machine.frames().len() <= 2 * LIMITS.depth + 1,
            "{} frames",
            machine.frames().len()
        );
        if !matches!(outcome, Outcome::Suspended(_)) {
            break;
        }
        machine = rest(machine);
        wake = Some(Ok(Value::int(1)));
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
}
