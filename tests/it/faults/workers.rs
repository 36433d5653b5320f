//! Workers that are killed or stopped, and a daemon that is killed while one works: rows F05 and F15, and parts of F01 and F17.
//!
//! `MOOTHALL_WORKER_KILLS` says how often a worker is killed (5 if nothing is said).

use crate::support::faults::Orders;
use crate::support::outside::Outside;
use crate::support::server::Server;
use crate::support::telnet::Telnet;
use crate::support::worlds::hall_wizard;
use crate::support::{BUSY, number_from, wait_for};
use crate::worker::{ask, http, options};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Has a task ask in the background, and keep what comes of it in `$results[place]`.
#[track_caller]
fn ask_behind(wizard: &mut Telnet, place: u64, expression: &str) {
    wizard.eval(&format!(
        "eval(\"fork (0) try r = {}; except e (ANY) r = e[3]; endtry $results[{place}] = r; endfork\")",
        expression.replace('\\', "\\\\").replace('"', "\\\"")
    ));
}

#[track_caller]
fn wait_result(wizard: &mut Telnet, place: u64) -> String {
    wait_for("a result", || {
        let result = wizard.eval(&format!("$results[{place}]"));
        (result != "0").then_some(result)
    })
}

fn make_room(wizard: &mut Telnet, places: u64) {
    wizard.eval(&format!(
        "add_property(#0, \"results\", {{{}}}, {{player, \"r\"}})",
        vec!["0"; places as usize].join(", ")
    ));
}

#[test]
fn f05_a_worker_that_is_killed_costs_only_what_may_not_be_done_twice() {
    let rounds = number_from("MOOTHALL_WORKER_KILLS", 5);
    let outside = Outside::start();
    let options = options()
        .with("MOOTHALL_PROCESSES_RESTARTS_MAX", 1_000)
        .with("MOOTHALL_PROCESSES_RESTART_WINDOW_S", 1);
    let mut server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 2 * rounds);
    for round in 0..rounds {
        let (get, post) = (format!("/second/{round}"), format!("/never/{round}"));
        let (kept, lost) = (2 * round + 1, 2 * round + 2);
        ask_behind(&mut wizard, kept, &format!("curl(\"{}\")", outside.url(&get)));
        ask_behind(&mut wizard, lost, &http("POST", &outside.url(&post)));
        wait_for("both requests to come", || {
            (outside.hits(&get) == 1 && outside.hits(&post) == 1).then_some(())
        });
        server.kill9("moothall-worker");
        let killed = Instant::now();
        assert_eq!(wait_result(&mut wizard, lost), "\"WorkerDetached\"");
        let took = killed.elapsed();
        assert!(
            took <= Duration::from_millis(200) + BUSY,
            "round {round}: told after {took:?}"
        );
        assert_eq!(wait_result(&mut wizard, kept), "\"the second time\"");
        assert_eq!((outside.hits(&get), outside.hits(&post)), (2, 1), "round {round}");
    }
}

#[test]
fn f15_a_worker_that_stops_is_replaced_and_nobody_waits_longer_than_for_that() {
    let outside = Outside::start();
    let server = Server::start(options());
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 3);
    server.signal("moothall-worker", Signal::STOP);
    let stopped = Instant::now();
    let short = format!("curl(\"{}\", 0, 2)", outside.url("/chunked"));
    ask_behind(&mut wizard, 1, &short);
    ask_behind(
        &mut wizard,
        2,
        &format!("curl(\"{}\", 0, 60)", outside.url("/chunked")),
    );
    ask_behind(&mut wizard, 3, &http("POST", &outside.url("/never")));
    assert_eq!(wait_result(&mut wizard, 1), "\"RequestTimedOut\"");
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(2) + BUSY, "told after {took:?}");
    assert_eq!(wait_result(&mut wizard, 3), "\"WorkerDetached\"");
    assert_eq!(wait_result(&mut wizard, 2), "\"one~0Atwo~0Athree~0A\"");
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(15) + BUSY, "replaced after {took:?}");
    assert_eq!(outside.hits("/chunked"), 1);
}

#[test]
fn f15_a_worker_that_lives_and_never_answers_costs_no_more_than_the_deadline() {
    let (orders, outside) = (Orders::new(), Outside::start());
    let server = Server::start(options().with("MOOTHALL_FAULTS", orders.folder().display()));
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 2);
    let worker = server.pid("moothall-worker");
    orders.give("worker.finished", "err always");
    let asked = Instant::now();
    let (get, post) = (outside.url("/chunked"), outside.url("/echo"));
    ask_behind(&mut wizard, 1, &format!("curl(\"{get}\", 0, 2)"));
    let post = format!("worker_request(\"http\", {{\"POST\", \"{post}\"}}, [\"timeout\" -> 2])");
    ask_behind(&mut wizard, 2, &post);
    for place in [1, 2] {
        assert_eq!(wait_result(&mut wizard, place), "\"RequestTimedOut\"");
    }
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2) + BUSY, "told after {took:?}");
    assert_eq!((outside.hits("/chunked"), outside.hits("/echo")), (1, 1));
    std::fs::remove_file(orders.folder().join("worker.finished")).unwrap();
    let page = ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    assert!(page.contains("\"one\""), "{page}");
    assert_eq!(server.pid("moothall-worker"), worker);
}

#[test]
fn f17_a_worker_whose_link_panics_is_replaced_and_what_it_did_is_done_again() {
    let (orders, outside) = (Orders::new(), Outside::start());
    let server = Server::start(options().with("MOOTHALL_FAULTS", orders.folder().display()));
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 1);
    ask_behind(&mut wizard, 1, &format!("curl(\"{}\")", outside.url("/second")));
    wait_for("the request to come", || {
        (outside.hits("/second") == 1).then_some(())
    });
    orders.give("workers::link::Burst", "panic");
    orders.wait_taken("workers::link::Burst");
    assert_eq!(wait_result(&mut wizard, 1), "\"the second time\"");
    assert_eq!(outside.hits("/second"), 2);
}

#[test]
fn f01_a_request_outlives_the_daemon_and_is_made_once() {
    let outside = Outside::start();
    let mut server = Server::start(options());
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 1);
    let post = http("POST", &outside.url("/later"));
    ask_behind(&mut wizard, 1, &format!("{post}[\"body\"]"));
    wait_for("the request to come", || {
        (outside.hits("/later") == 1).then_some(())
    });
    server.kill9("moothall-daemon");
    assert_eq!(wait_result(&mut wizard, 1), "{\"at last\"}");
    assert_eq!(outside.hits("/later"), 1);
    let page = ask(&mut wizard, &http("GET", &outside.url("/chunked")));
    assert!(
        page.contains("\"one\""),
        "the worker serves the new daemon: {page}"
    );
}

#[test]
fn f01_requests_of_a_daemon_and_a_worker_that_die_together_go_by_their_class() {
    let outside = Outside::start();
    let mut server = Server::start(options());
    let mut wizard = hall_wizard(&server);
    make_room(&mut wizard, 2);
    ask_behind(&mut wizard, 1, &format!("curl(\"{}\")", outside.url("/second")));
    ask_behind(&mut wizard, 2, &http("POST", &outside.url("/never")));
    wait_for("both requests to come", || {
        (outside.hits("/second") == 1 && outside.hits("/never") == 1).then_some(())
    });
    server.signal("moothall-worker", Signal::STOP);
    server.kill9("moothall-daemon");
    server.kill9("moothall-worker");
    assert_eq!(wait_result(&mut wizard, 2), "\"WorkerDetached\"");
    assert_eq!(wait_result(&mut wizard, 1), "\"the second time\"");
    assert_eq!((outside.hits("/second"), outside.hits("/never")), (2, 1));
}
