//! What a task may use, and how it waits and forks.

use moo_model::world::Transaction;
use moo_model::{Obj, Value, literal};

use super::{THING, check, check_with, limits, machine, run_in, world_with};
use crate::machine::{Env, ImportedFork, Machine};
use crate::options::ServerOptions;
use crate::outcome::{Limit, Outcome, Wake};
use crate::task::TaskState;
use crate::testing::{TestHost, WIZARD};

#[test]
fn recursion_without_end_runs_out_of_ticks_even_where_each_frame_uses_few() {
    let source = "`this:test() ! E_MAXREC => 0'; while (1) `this:test() ! ANY => 0'; endwhile";
    assert!(matches!(
        run_in(&world_with(&[("test", source)])),
        Outcome::Aborted {
            limit: Limit::Ticks,
            ..
        }
    ));
}

#[test]
fn a_value_without_end_ends_the_task_or_raises() {
    for source in [
        "s = \"xxxxxxxxxx\"; while (1) s = s + s; endwhile",
        "l = {1}; while (1) l = {@l, @l}; endwhile",
    ] {
        assert!(
            matches!(run_in(&world_with(&[("test", source)])), Outcome::Aborted { .. }),
            "{source}"
        );
    }
}

#[test]
fn a_value_that_could_not_be_stored_is_refused_where_it_would_be_kept() {
    for grow in [
        "x = {}; for i in [1..2000] x = {x}; endfor",
        "x = {\"0123456789\"}; for i in [1..60] x = {x, x}; endfor",
    ] {
        for keep in [
            "this.name = x;",
            "add_property(this, \"p\", x, {player, \"\"});",
            "suspend(0);",
            "fork (0) endfork",
        ] {
            let expected = if keep.contains(".name") {
                "E_TYPE"
            } else {
                "E_QUOTA"
            };
            check(
                &format!("{grow} try {keep} except e (ANY) return e[1]; endtry"),
                expected,
            );
        }
    }
}

#[test]
fn what_only_a_frame_holds_is_measured_too() {
    let verbs = [
        (
            "make",
            "x = {\"0123456789\"}; for i in [1..60] x = {x, x}; endfor return x;",
        ),
        ("wait", "suspend(0);"),
        ("split", "fork (0) endfork"),
    ];
    for keep in [
        "this:wait(@this:make())",
        "this:wait(this:make())",
        "this:split(this:make())",
    ] {
        check_with(&verbs, &format!("return `{keep} ! ANY';"), "E_QUOTA");
    }
    check_with(
        &verbs,
        "x = this:make(); return `resume(task_id() + 1, x) ! ANY';",
        "E_INVARG",
    );
}

#[test]
fn many_values_that_could_be_stored_cannot_all_be() {
    let source = "x = {}; for i in [1..19] x = {@x, \"0123456789012345\"}; endfor for i in [1..16] x = {x, x}; endfor \
                  for i in [1..1000] add_property(this, tostr(\"p\", i), x, {player, \"\"}); endfor";
    let world = world_with(&[("test", source)]);
    let outcome = run_in(&world);
    assert!(
        matches!(outcome, Outcome::Uncaught { .. } | Outcome::Aborted { .. }),
        "{outcome:?}"
    );
}

#[test]
fn an_object_with_very_many_contents_is_recycled_without_native_recursion() {
    let world = world_with(&[("test", "recycle(#6); return 1;")]);
    let mut tx = Transaction::begin(&world, Box::default());
    for _ in 0..20_000 {
        let thing = tx.create(Obj::NOTHING, Some(WIZARD));
        tx.relocate(thing, Obj(6)).expect("both exist");
    }
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok());
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let run = small
        .spawn(move || matches!(run_in(&world), Outcome::Done(_)))
        .expect("a thread starts");
    assert!(run.join().expect("no stack overflows"));
}

#[test]
fn a_fork_takes_the_variables_as_they_are() {
    let source = "x = 1; fork id (5) return {x, id, args, caller}; endfork x = 2; return id;";
    let world = world_with(&[("test", "return this:later(7, 8);"), ("later", source)]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut parent = machine(&mut tx);
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut task = TaskState::new(1, limits(), true);
    let outcome = parent.run(
        &mut Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        },
        None,
    );
    let Outcome::Done(id) = outcome else {
        panic!("it should not have ended with {outcome:?}")
    };
    let request = host.forks.pop().expect("it forked");
    assert_eq!(request.delay, 5.0);
    assert_eq!(id, Value::int(request.id));
    let child = Machine::for_fork(request);
    let mut child = Machine::from_bytes(&child.to_bytes()).expect("a fork can be stored before it starts");
    let outcome = child.run(
        &mut Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        },
        None,
    );
    let Outcome::Done(value) = outcome else {
        panic!("it should not have ended with {outcome:?}")
    };
    assert_eq!(
        literal::to_literal(&value),
        format!("{{1, {}, {{7, 8}}, #7}}", literal::to_literal(&id))
    );
}

#[test]
fn an_imported_fork_runs_with_the_variables_it_came_with() {
    let fork = ImportedFork {
        definer: THING,
        verb_names: Value::str("test foo*bar"),
        verb: Value::str("foo"),
        this: THING,
        player: WIZARD,
        progr: WIZARD,
        debug: true,
        variables: vec![
            ("x".into(), Value::int(3)),
            ("args".into(), Value::list(vec![Value::int(7)])),
            ("argstr".into(), Value::str("typed")),
            ("y".into(), Value::UNSET),
        ],
        body: "X = x + 1; return {x, args[1], argstr, verb, this, callers(), `y ! E_VARNF'};".into(),
    };
    let world = world_with(&[]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut child = Machine::for_imported_fork(fork).expect("the body is a program");
    child = Machine::from_bytes(&child.to_bytes()).expect("it can be stored before it starts");
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut task = TaskState::new(1, limits(), true);
    let outcome = child.run(
        &mut Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        },
        None,
    );
    let Outcome::Done(value) = outcome else {
        panic!("it should not have ended with {outcome:?}")
    };
    assert_eq!(
        literal::to_literal(&value),
        "{4, 7, \"typed\", \"foo\", #7, {}, E_VARNF}"
    );
}

#[test]
fn a_fork_must_wait_a_number_of_seconds() {
    check("fork (-1) endfork", "E_INVARG");
    check("fork (\"x\") endfork", "E_TYPE");
}

#[test]
fn a_woken_task_gets_a_value_or_an_error() {
    let source = "try return suspend(); except (E_INVARG) return \"raised\"; endtry";
    for (wake, expected) in [
        (Ok(Value::str("hi")), "\"hi\""),
        (Err(moo_model::ErrorCode::InvArg.into()), "\"raised\""),
    ] {
        let world = world_with(&[("test", source)]);
        let mut tx = Transaction::begin(&world, Box::default());
        let mut machine = machine(&mut tx);
        let (mut host, options) = (TestHost::default(), ServerOptions::default());
        let mut task = TaskState::new(1, limits(), true);
        let mut env = Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        };
        let first = machine.run(&mut env, None);
        assert!(matches!(first, Outcome::Suspended(Wake::Never)), "{first:?}");
        let Outcome::Done(value) = machine.run(&mut env, Some(wake)) else {
            panic!("it must end")
        };
        assert_eq!(literal::to_literal(&value), expected);
    }
}
