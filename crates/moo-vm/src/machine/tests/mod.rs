//! Programs and what they must give: the facts of the language as reference servers show them.

use moo_model::world::{
    ArgSpec, Code, Dialect, ObjSpec, PrepSpec, Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Value, literal};

use super::{Env, Machine, VerbStart};
use crate::frame::CommandWords;
use crate::options::{ServerOptions, SliceLimits};
use crate::outcome::{Limit, Outcome};
use crate::task::TaskState;
use crate::testing::{self, TestHost, WIZARD};

mod calls;
mod in_place;
mod language;
mod limits;
mod maps;
mod profile;
mod tasks;
mod without_d;

const THING: Obj = testing::THING;

/// A world whose thing has these verbs, as `names`, `source`; a name that starts with `-` has no `d` bit.
fn world_with(verbs: &[(&str, &str)]) -> std::sync::Arc<World> {
    let world = testing::small_world(Dialect::Lambda);
    let mut tx = Transaction::begin(&world, Box::default());
    for (names, source) in verbs {
        let names_only = names.trim_start_matches('-');
        let verb = VerbRecord {
            id: 0,
            names: Value::str(names_only),
            owner: WIZARD,
            perms: VerbPerms(if names_only == *names { 13 } else { 5 }),
            args: ArgSpec {
                dobj: ObjSpec::This,
                prep: PrepSpec::None,
                iobj: ObjSpec::This,
            },
            code: Code::new(*source),
        };
        tx.add_verb(THING, verb).expect("the thing exists");
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    world
}

fn limits() -> SliceLimits {
    SliceLimits {
        ticks: 30_000,
        seconds: 5.0,
        depth: 50,
    }
}

/// A machine about to run the thing's verb `test`.
fn machine(tx: &mut Transaction) -> Machine {
    let hit = tx
        .find_callable_verb_named(THING, "test")
        .expect("every test has this verb");
    Machine::for_verb(VerbStart {
        hit,
        this: THING,
        player: WIZARD,
        caller: WIZARD,
        verb: Value::str("test"),
        args: Value::list(vec![Value::int(1), Value::int(2)]),
        words: CommandWords::none(),
        progr: WIZARD,
    })
}

fn run_in(world: &std::sync::Arc<World>) -> Outcome {
    let mut tx = Transaction::begin(world, Box::default());
    let mut machine = machine(&mut tx);
    let mut task = TaskState::new(1, limits(), true);
    let options = ServerOptions::default();
    let mut host = TestHost::default();
    machine.run(
        &mut Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        },
        None,
    )
}

/// Runs the source as the thing's verb `test`, beside other verbs, and compares what it returns, as a literal.
#[track_caller]
fn check_with(verbs: &[(&str, &str)], source: &str, expected: &str) {
    let mut all = vec![("test", source)];
    all.extend_from_slice(verbs);
    let shown = match run_in(&world_with(&all)) {
        Outcome::Done(value) => literal::to_literal(&value),
        Outcome::Uncaught { raised, .. } => literal::to_literal(&raised.code),
        other => format!("{other:?}"),
    };
    assert_eq!(shown, expected, "{source}");
}

#[track_caller]
fn check(source: &str, expected: &str) {
    check_with(&[], source, expected);
}

/// The lines of the traceback that a program ends with.
fn traceback(verbs: &[(&str, &str)]) -> Vec<String> {
    match run_in(&world_with(verbs)) {
        Outcome::Uncaught { lines, .. } | Outcome::Aborted { lines, .. } => lines,
        other => panic!("it should not have ended with {other:?}"),
    }
}

#[test]
fn a_machine_in_bytes_goes_on_as_the_one_it_was_made_of() {
    let source = "x = {1, \"two\", 3.5}; for i in [1..3] y = i; try x[1] = this:inner(i); finally y = y + 1; endtry \
                  endfor return {x, y, args, verb};";
    let world = world_with(&[
        ("test", source),
        ("inner", "z = args[1]; return suspend(0) || this:listed(z, args);"),
        (
            "listed",
            "{n, list} = args; both = {@args}; return suspend(0) || n * both[2][1] * 10 / list[1];",
        ),
    ]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut machine = machine(&mut tx);
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut wake = None;
    for turn in 0.. {
        let mut task = TaskState::new(1, limits(), true);
        let mut env = Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        };
        match machine.run(&mut env, wake.take()) {
            Outcome::Suspended(_) => {
                machine = Machine::from_bytes(&machine.to_bytes()).expect("its own bytes can be read");
                wake = Some(Ok(Value::int(0)));
            }
            Outcome::Done(value) => {
                assert_eq!(
                    literal::to_literal(&value),
                    "{{30, \"two\", 3.5}, 4, {1, 2}, \"test\"}"
                );
                assert_eq!(turn, 6);
                return;
            }
            other => panic!("it should not have ended with {other:?}"),
        }
    }
}

#[test]
fn the_log_names_the_line_that_made_a_wizard() {
    let world = world_with(&[("test", "x = 1;\n#5.wizard = 1;")]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut machine = machine(&mut tx);
    let mut task = TaskState::new(1, limits(), true);
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut env = Env {
        tx: &mut tx,
        host: &mut host,
        task: &mut task,
        options: &options,
    };
    assert!(matches!(machine.run(&mut env, None), Outcome::Done(_)));
    assert_eq!(host.log, ["wizard: #5 by programmer #3 in #7:test, line 2"]);
}

#[test]
fn damaged_bytes_are_refused_and_never_panic() {
    let world = world_with(&[(
        "test",
        "for x in ({1, 2}) try suspend(x); except (ANY) endtry endfor",
    )]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut machine = machine(&mut tx);
    let (mut host, options, mut task) = (
        TestHost::default(),
        ServerOptions::default(),
        TaskState::new(1, limits(), true),
    );
    let mut env = Env {
        tx: &mut tx,
        host: &mut host,
        task: &mut task,
        options: &options,
    };
    assert!(matches!(machine.run(&mut env, None), Outcome::Suspended(_)));
    let whole = machine.to_bytes();
    for at in 0..whole.len() {
        assert!(Machine::from_bytes(&whole[..at]).is_err());
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        let _ = Machine::from_bytes(&changed);
    }
}

#[test]
fn a_loop_without_end_runs_out_of_ticks_and_no_handler_runs() {
    let source = "try while (1) endwhile except (ANY) return 1; endtry";
    let world = world_with(&[("test", source)]);
    let Outcome::Aborted { limit, lines, .. } = run_in(&world) else {
        panic!("it must end")
    };
    assert_eq!(limit, Limit::Ticks);
    assert_eq!(
        lines,
        ["#7:test, line 2:  Task ran out of ticks", "(End of traceback)"]
    );
}
