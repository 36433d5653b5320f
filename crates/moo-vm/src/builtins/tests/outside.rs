//! Tasks, connections and the server: what is asked of the host, and who may ask.

use super::*;
use crate::builtin::Continuation;
use crate::builtin::Flow;
use crate::frame::{Running, Waiting};
use crate::host::{Close, QueuedTask};
use crate::outcome::Wake;
use crate::testing::{PLAYER, PROGRAMMER, THING, WIZARD, frame};

fn queued(id: i64, owner: Obj) -> QueuedTask {
    let row = Value::list(vec![Value::int(id), Value::int(0)]);
    let stack = Value::list(vec![Value::list((1..=6).map(Value::int).collect())]);
    QueuedTask {
        id,
        start: 0,
        row,
        owner,
        stack: (id != 3).then_some(stack),
    }
}

#[test]
fn callers_are_told_innermost_first() {
    let mut bench = Bench::new(PLAYER);
    bench.check(&[("callers()", "{}"), ("caller_perms()", "#-1")]);
    let mut verb = frame(PROGRAMMER);
    (verb.this, verb.verb, verb.definer) = (Value::obj(THING), Value::str("foo"), Obj(1));
    let mut function = frame(WIZARD);
    function.running = Running::Builtin(Box::new(Waiting {
        name: "move",
        then: Continuation::MoveEntered,
    }));
    bench.below = vec![verb, function];
    bench.check(&[
        (
            "callers()",
            "{{#-1, \"move\", #-1, #-1, #3}, {#7, \"foo\", #4, #1, #4}}",
        ),
        (
            "callers(1)",
            "{{#-1, \"move\", #-1, #-1, #3, 1}, {#7, \"foo\", #4, #1, #4, 1}}",
        ),
        ("caller_perms()", "#3"),
    ]);
}

#[test]
fn permissions_are_given_up_freely_and_taken_by_wizards() {
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("set_task_perms(#4)", "0"),
        ("set_task_perms(#4)", "0"),
        ("set_task_perms(#3)", "! E_PERM"),
    ]);
    assert_eq!(bench.frame.progr, PROGRAMMER);
}

#[test]
fn tasks_know_what_is_left() {
    let mut bench = Bench::new(PLAYER);
    bench.check(&[
        ("task_id()", "1"),
        ("ticks_left()", "1000000"),
        ("seconds_left()", "5"),
    ]);
    assert!(matches!(
        bench.flow("kill_task", &[Value::int(1)]),
        Ok(Flow::Kill)
    ));
}

#[test]
fn suspension_is_limited_by_the_queue() {
    let mut bench = Bench::new(PROGRAMMER);
    let suspend = |bench: &mut Bench, args: &[Value]| match bench.flow("suspend", args) {
        Ok(Flow::Suspend(wake)) => Ok(wake),
        Ok(_) => panic!("it suspends or fails"),
        Err(raised) => Err(raised.code),
    };
    assert_eq!(suspend(&mut bench, &[]), Ok(Wake::Never));
    assert_eq!(suspend(&mut bench, &[Value::int(2)]), Ok(Wake::After(2.0)));
    assert_eq!(suspend(&mut bench, &[Value::float(0.5)]), Ok(Wake::After(0.5)));
    assert_eq!(
        suspend(&mut bench, &[Value::int(-1)]),
        Err(Value::err(ErrorCode::InvArg))
    );
    bench.define(PROGRAMMER, "queued_task_limit", Value::int(1));
    assert_eq!(suspend(&mut bench, &[]), Ok(Wake::Never));
    bench.host.tasks.push(queued(2, PROGRAMMER));
    assert_eq!(suspend(&mut bench, &[]), Err(Value::err(ErrorCode::Quota)));
}

#[test]
fn tasks_are_their_owners() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.host.tasks = vec![queued(2, PROGRAMMER), queued(3, PROGRAMMER), queued(4, WIZARD)];
    bench.check(&[
        ("queued_tasks()", "{{2, 0}, {3, 0}}"),
        ("queued_tasks(0, 1)", "2"),
        ("queue_info(#3)", "1"),
        ("task_stack(2)", "{{1, 2, 3, 4, 5}}"),
        ("task_stack(2, 1)", "{{1, 2, 3, 4, 5, 6}}"),
        ("task_stack(3)", "! E_INVARG"),
        ("task_stack(4)", "! E_PERM"),
        ("resume(4)", "! E_PERM"),
        ("resume(9)", "! E_INVARG"),
        ("kill_task(4)", "! E_PERM"),
        ("kill_task(\"x\")", "! E_TYPE"),
        ("resume(2, \"hi\")", "0"),
        ("kill_task(3)", "0"),
        ("kill_task(3)", "! E_INVARG"),
        ("queued_tasks()", "{}"),
    ]);
    assert_eq!(bench.host.resumed, [(2, Value::str("hi"))]);
    bench.frame.progr = WIZARD;
    bench.check(&[("queued_tasks()", "{{4, 0}}")]);
}

#[test]
fn reading_waits_for_a_line() {
    let mut bench = Bench::new(WIZARD);
    bench.host.connect(WIZARD);
    bench.check(&[
        ("read(#-999)", "! E_INVARG"),
        ("read(\"x\")", "! E_TYPE"),
        ("read(#3, 1)", "0"),
    ]);
    assert!(matches!(
        bench.flow("read", &[]),
        Ok(Flow::Suspend(Wake::Input(WIZARD)))
    ));
    bench.check(&[("force_input(#3, \"hello\")", "0"), ("read(#3, 1)", "\"hello\"")]);
    bench.host.is_input_task = false;
    bench.check(&[("read()", "! E_PERM")]);
    Bench::new(PROGRAMMER).check(&[("read()", "! E_PERM"), ("read(#3)", "! E_PERM")]);
}

#[test]
fn output_goes_to_oneself_or_from_wizards() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.host.connect(PROGRAMMER);
    bench.check(&[
        ("notify(#4, \"x\")", "1"),
        ("notify(#3, \"x\")", "! E_PERM"),
        ("notify(#4, 1)", "! E_TYPE"),
        ("set_connection_option(#4, \"binary\", 1)", "0"),
        ("notify(#4, \"~0\")", "! E_INVARG"),
        ("notify(#4, \"~0A\")", "1"),
        ("notify_rich(#4, \"text/html\", \"<b>x</b>\", \"x\")", "1"),
        ("notify_rich(#3, \"text/html\", \"<b>x</b>\")", "! E_PERM"),
        ("notify_rich(#4, \"text/html\", 1)", "! E_TYPE"),
        (
            "notify_rich(#4, \"application/json\", [\"type\" -> \"Wave\"])",
            "1",
        ),
        (
            "notify_rich(#4, \"application/json\", [\"kind\" -> \"Wave\"])",
            "! E_INVARG",
        ),
        ("notify_rich(#4, \"application/json\", \"{}\")", "! E_TYPE"),
    ]);
    assert_eq!(bench.host.connection(PROGRAMMER).map(|c| c.output.len()), Some(4));
    bench.frame.progr = WIZARD;
    bench.check(&[("notify(#7, \"x\")", "1")]);
}

#[test]
fn connections_are_looked_at_and_closed() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.host.connect(PROGRAMMER);
    bench.host.connect(Obj(-2));
    bench.check(&[
        ("connected_players()", "{#4}"),
        ("connected_players(1)", "{#-2, #4}"),
        ("connected_seconds(#4)", "60"),
        ("idle_seconds(#4)", "10"),
        ("idle_seconds(#5)", "! E_INVARG"),
        ("connection_name(#4)", "\"port 7777 from localhost, port 54321\""),
        ("connection_name(#3)", "! E_PERM"),
        ("output_delimiters(#4)", "{\"<<\", \">>\"}"),
        ("buffered_output_length()", "65536"),
        ("buffered_output_length(#4)", "0"),
        ("set_connection_option(#4, \"hold-input\", 1)", "0"),
        ("connection_option(#4, \"hold-input\")", "1"),
        ("connection_option(#4, \"nope\")", "! E_INVARG"),
        ("connection_options(#4)", "{{\"hold-input\", 1}}"),
        ("connection_options(#4, \"hold-input\")", "1"),
        ("flush_input(#4)", "0"),
        ("boot_player(#3)", "! E_PERM"),
        ("boot_player(#4)", "0"),
        ("boot_player(#4)", "0"),
        ("connection_name(#4)", "! E_INVARG"),
    ]);
    assert_eq!(bench.host.closed, [(PROGRAMMER, Close::Booted)]);
    bench.check(&[
        ("force_input(#4, \"x\")", "0"),
        ("switch_player(#-2, #5)", "! E_PERM"),
        ("end_sessions(#4)", "! E_PERM"),
    ]);
    bench.frame.progr = WIZARD;
    bench.check(&[
        ("switch_player(#-2, #7)", "! E_INVARG"),
        ("switch_player(#-2, #5)", "0"),
        ("connected_players()", "{#5}"),
        ("end_sessions(#7)", "! E_INVARG"),
        ("end_sessions(#5)", "0"),
    ]);
    assert_eq!(bench.host.ended, [Obj(5)]);
}

#[test]
fn ports_are_opened_by_wizards() {
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("listen(#0, 7777, 1)", "7777"),
        ("listen(#0, 7777)", "! E_INVARG"),
        ("listen(#99, 7778)", "! E_INVARG"),
        ("listen(#7, 7778)", "7778"),
        ("listeners()", "{{#7, 7778, 0}, {#0, 7777, 1}}"),
        ("listeners(#0)", "{{#0, 7777, 1}}"),
        ("listeners(7778)", "{{#7, 7778, 0}}"),
        ("unlisten(7778)", "0"),
        ("unlisten(7778)", "! E_INVARG"),
        ("unlisten(\"x\", 1)", "! E_INVARG"),
        ("open_network_connection(\"localhost\", 1)", "! E_PERM"),
    ]);
    Bench::new(PROGRAMMER).check(&[("listen(#0, 1)", "! E_PERM"), ("unlisten(1)", "! E_PERM")]);
}

#[test]
fn the_server_is_the_wizards() {
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("server_log(\"hi\")", "0"),
        ("dump_database()", "0"),
        ("load_server_options()", "0"),
        ("memory_usage()", "{}"),
        ("db_disk_size()", "4096"),
        ("log_cache_stats()", "0"),
        ("shutdown(\"bye\")", "0"),
    ]);
    assert_eq!(bench.host.log[0], "> hi");
    assert_eq!(bench.host.requests, (1, 1));
    let line = "*** Shutting down: shutdown() called by Wizard (#3): bye ***";
    assert_eq!(bench.host.shutdown.as_deref(), Some(line));
    for call in [
        "server_log(\"x\")",
        "dump_database()",
        "load_server_options()",
        "shutdown()",
        "verb_cache_stats()",
        "object_bytes(#1)",
    ] {
        Bench::new(PROGRAMMER).check(&[(call, "! E_PERM")]);
    }
    let stats = bench.run("verb_cache_stats()").expect("wizards may look");
    assert_eq!(stats.as_list().map(<[Value]>::len), Some(5));
}

#[test]
fn a_player_s_client_is_shown_things_by_the_player_and_wizards() {
    let mut bench = Bench::new(PLAYER);
    bench.host.connect(PLAYER);
    bench.check(&[
        (
            "present(#5, \"map\", \"text/html\", \"right\", \"here\", {{\"title\", \"A map\"}})",
            "0",
        ),
        ("present(#5, \"map\", \"text/html\")", "! E_ARGS"),
        (
            "present(#5, \"map\", \"text/html\", \"right\", \"here\", {1})",
            "! E_INVARG",
        ),
        ("present(#3, \"map\")", "! E_PERM"),
        (
            "connection_attributes(#5)",
            "{{\"address\", \"port 7777 from localhost, port 54321\"}}",
        ),
        ("connection_attributes(#3)", "! E_PERM"),
    ]);
    let shown = &bench.host.connection(PLAYER).expect("it is connected").shown;
    assert_eq!((shown.len(), shown[0].1.attributes.len()), (1, 1));
    bench.check(&[("present(#5, \"map\")", "0")]);
    assert!(
        bench
            .host
            .connection(PLAYER)
            .expect("it is connected")
            .shown
            .is_empty()
    );
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("present(#5, \"map\")", "! E_INVARG"),
        ("connection_attributes(#5)", "! E_INVARG"),
    ]);
}

#[test]
fn jobs_are_stored_with_what_their_options_say() {
    let mut bench = Bench::new(WIZARD);
    let long = "x".repeat(65);
    bench.check(&[
        ("enqueue_job(\"mail\", {1, 2})", "\"job-1\""),
        (
            "enqueue_job(\"mail\", 0, [\"to\" -> #4, \"delay\" -> 1.5, \"ttl\" -> 60, \"tries\" -> 2, \"order\" -> \"a\", \"dedupe\" -> \"b\", \"confirm\" -> \"replicated\"])",
            "\"job-2\"",
        ),
        ("enqueue_job(\"mail\", 0, {{\"to\", {\"user\", \"ann\"}}})", "\"job-3\""),
        ("enqueue_job(\"\")", "! E_INVARG"),
        ("enqueue_job(\"a b\")", "! E_INVARG"),
        (&format!("enqueue_job(\"{long}\")"), "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, [\"to\" -> \"nobody\"])", "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, [\"to\" -> #-3])", "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, [\"delay\" -> -1])", "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, [\"tries\" -> 0])", "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, [\"colour\" -> 1])", "! E_INVARG"),
        ("enqueue_job(\"mail\", 0, 7)", "! E_INVARG"),
        (
            "queued_jobs()",
            "{{\"job-1\", \"mail\", \"world\", \"ready\", #3, 0}, {\"job-2\", \"mail\", \"user:4\", \"ready\", #3, 0}, {\"job-3\", \"mail\", \"world\", \"ready\", #3, 0}}",
        ),
    ]);
    let (_, job) = &bench.host.jobs[1];
    assert_eq!((job.delay, job.ttl, job.tries), (1.5, 60.0, 2));
    assert_eq!(
        (job.order.as_deref(), job.dedupe.as_deref()),
        (Some("a"), Some("b"))
    );
    assert!(job.is_replicated);
    assert_eq!(
        bench.host.jobs[2].1.to,
        crate::host::JobTo::User("ann".to_owned())
    );
}

#[test]
fn jobs_are_their_owners_affair() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("enqueue_job(\"mail\", 1)", "\"job-1\""),
        ("enqueue_job(\"mail\", 1, [\"to\" -> #4])", "\"job-2\""),
        ("enqueue_job(\"mail\", 1, [\"to\" -> #2])", "! E_PERM"),
        ("enqueue_job(\"mail\", 1, [\"to\" -> \"any\"])", "! E_PERM"),
        ("enqueue_job(\"mail\", 1, [\"to\" -> {\"world\", \"elsewhere\"}])", "! E_PERM"),
        ("queued_jobs(#2)", "! E_PERM"),
        (
            "queued_jobs(#4)",
            "{{\"job-1\", \"mail\", \"world\", \"ready\", #4, 0}, {\"job-2\", \"mail\", \"user:4\", \"ready\", #4, 0}}",
        ),
        (
            "job_info(\"job-1\")",
            "[\"data\" -> 1, \"error\" -> \"\", \"id\" -> \"job-1\", \"kind\" -> \"mail\", \"owner\" -> #4, \"since\" -> 0, \"state\" -> \"ready\", \"to\" -> \"world\", \"tries\" -> 0]",
        ),
        ("job_info(\"job-9\")", "! E_INVARG"),
    ]);
    let host = std::mem::take(&mut bench.host);
    let mut bench = Bench::new(PLAYER);
    bench.host = host;
    bench.check(&[
        ("queued_jobs()", "{}"),
        ("job_info(\"job-1\")", "! E_PERM"),
        ("cancel_job(\"job-1\")", "! E_PERM"),
    ]);
    let host = std::mem::take(&mut bench.host);
    let mut bench = Bench::new(WIZARD);
    bench.host = host;
    bench.check(&[
        ("cancel_job(\"job-1\")", "0"),
        ("cancel_job(\"job-1\")", "! E_INVARG"),
        (
            "queued_jobs(#4)",
            "{{\"job-2\", \"mail\", \"user:4\", \"ready\", #4, 0}}",
        ),
    ]);
}
