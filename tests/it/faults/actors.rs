//! Actors that are stuck or panic: rows F16 to F19.

use super::process::{PROGRAMS, in_the_hall, next_pid, wait_for_child};
use crate::support::faults::Orders;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::web::Web;
use crate::support::worlds::{hall_character, hall_return, hall_wizard};
use crate::support::{BUSY, wait_for};
use std::time::{Duration, Instant};

/// Until an actor that panicked is back.
const BACK_MAX: Duration = Duration::from_millis(100);

/// How often a host pings: what was in frames that a panic lost is asked for again then.
const PING: Duration = Duration::from_secs(2);

/// How long one connection is read before it is the other's turn.
const A_MOMENT: Duration = Duration::from_millis(10);

/// What a supervisor of actors logs when it has started one again.
const STARTED_AGAIN: &str = "an actor ended and is started again";

/// A server with fail points.
fn with_orders() -> (Orders, Server) {
    let orders = Orders::new();
    let server = Server::start(ordered(Options::default(), &orders));
    (orders, server)
}

/// The same server with fail points. It puts no names to the calls that led to a panic, which may take seconds.
fn ordered(options: Options, orders: &Orders) -> Options {
    options
        .with("MOOTHALL_FAULTS", orders.folder().display())
        .with("RUST_BACKTRACE", 0)
}

#[test]
fn f16_a_stuck_arbiter_is_reported_and_its_process_replaced() {
    let (orders, server) = with_orders();
    let mut ann = in_the_hall(&server);
    let daemon = server.pid("moothall-daemon");
    orders.give("actors::gateway::Pinged", "spin 120000");
    orders.wait_taken("actors::gateway::Pinged");
    wait_for("the alarm", || {
        server.log().contains("an arbiter is stuck").then_some(())
    });
    next_pid(&server, "moothall-daemon", daemon);
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn f17_an_actor_that_panics_is_back_before_anybody_notices() {
    let (orders, server) = with_orders();
    let mut wizard = hall_wizard(&server);
    let mut ann = in_the_hall(&server);
    let pids = PROGRAMS.map(|program| server.pid(program));
    for (ended, place) in (1..).zip([
        "actors::gateway::Pinged",
        "actors::host_session::Heard",
        "actors::worker::WorkersPinged",
        "actors::job_broker::Look",
        "health.ping",
        "telnet.accept",
    ]) {
        orders.give(place, "panic");
        match place {
            "actors::job_broker::Look" => drop(wizard.eval("enqueue_job(\"nobody_does_this\", {})")),
            // Whoever comes just then is cut off.
            "telnet.accept" => drop(Telnet::try_connect(server.telnet(), "Ben")),
            // The others hear something every two seconds.
            _ => {}
        }
        orders.wait_taken(place);
        let since = Instant::now();
        ann.check("look", &["The Great Hall"]);
        let patience = if place == "actors::gateway::Pinged" {
            PING
        } else {
            BACK_MAX
        };
        assert!(
            since.elapsed() <= patience + BUSY,
            "{place}: {:?}",
            since.elapsed()
        );
        wait_for(place, || {
            (server.log().matches(STARTED_AGAIN).count() == ended).then_some(())
        });
    }
    hall_character(&server, "Cleo").check("look", &["The Porch"]);
    assert_eq!(PROGRAMS.map(|program| server.pid(program)), pids);
}

#[test]
fn f17_an_actor_that_nothing_can_rebuild_takes_its_process_with_it_and_clients_stay() {
    let (orders, server) = with_orders();
    let mut ann = in_the_hall(&server);
    let telnet = server.pid("moothall-telnet");
    let mut daemon = server.pid("moothall-daemon");
    for message in [
        "actors::publisher::TellHeads",
        "actors::scheduler::TakeReports",
        "actors::connection::request::Requests",
    ] {
        orders.give(message, "panic");
        ann.send("look");
        orders.wait_taken(message);
        daemon = Some(next_pid(&server, "moothall-daemon", daemon));
        ann.expect("The Great Hall");
    }
    assert_eq!(server.pid("moothall-telnet"), telnet);
}

#[test]
fn f17_a_host_whose_link_panics_is_replaced_and_its_players_go_on_where_they_were() {
    let (orders, server) = with_orders();
    let mut ann = in_the_hall(&server);
    let (daemon, telnet) = (server.pid("moothall-daemon"), server.pid("moothall-telnet"));
    orders.give("hosts::link::Burst", "panic");
    orders.wait_taken("hosts::link::Burst");
    ann.expect_end();
    next_pid(&server, "moothall-telnet", telnet);
    wait_for_child(&server, "telnet", "ready");
    hall_return(&server, "Ann").check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall-daemon"), daemon);
}

#[test]
fn f17_a_client_whose_actor_panics_is_alone_in_that_and_misses_nothing() {
    let orders = Orders::new();
    let server = Server::start(ordered(Options::web(), &orders));
    let mut ann = in_the_hall(&server);
    let mut ben = hall_character(&server, "Ben");
    orders.give("telnet.client", "panic");
    ben.send("in");
    orders.wait_taken("telnet.client");
    // Whatever either hears comes to an actor of the class, so either's may be the one.
    wait_for("one of them to be cut off", || {
        for player in [&mut ann, &mut ben] {
            player.read_to_end(A_MOMENT);
        }
        (ann.is_closed() || ben.is_closed()).then_some(())
    });
    let (name, mut neighbour) = if ann.is_closed() {
        ("Ann", ben)
    } else {
        ("Ben", ann)
    };
    neighbour.check("look", &["The Great Hall"]);
    // Where Ben is depends on whether his line had left when he was cut off; both places have a way to the other.
    hall_return(&server, name).check("look", &["Exits"]);

    let mut cleo = Web::character(server.web(), "Cleo");
    let mut dora = Web::character(server.web(), "Dora");
    orders.give("web.client", "panic");
    cleo.tell(serde_json::json!({"type": "Command", "line": "look"}));
    orders.wait_taken("web.client");
    wait_for("one of them to be cut off", || {
        for player in [&mut cleo, &mut dora] {
            player.read_all();
        }
        (cleo.is_closed() || dora.is_closed()).then_some(())
    });
    let (mut gone, mut neighbour) = if cleo.is_closed() {
        (cleo, dora)
    } else {
        (dora, cleo)
    };
    assert_eq!(gone.closed(), 1006);
    assert_eq!(neighbour.types("look")["ok"], true);
    let (mut back, welcome) = gone.come_back(server.web());
    assert_eq!(welcome["recovered"], true, "{welcome}");
    assert_eq!(back.types("look")["ok"], true);
}

#[test]
fn f17_of_the_supervisor_a_child_is_started_again_and_a_root_leaves_orphans() {
    let (orders, mut server) = with_orders();
    let mut ann = in_the_hall(&server);
    let pids = PROGRAMS.map(|program| server.pid(program));
    orders.give("actors::process::root::messages::Said", "panic");
    assert!(!server.ended().success());
    ann.check("look", &["The Great Hall"]);
    server.start_again();
    ann.check("look", &["The Great Hall"]);
    assert_eq!(
        PROGRAMS[1..]
            .iter()
            .map(|program| server.pid(program))
            .collect::<Vec<_>>(),
        pids[1..],
        "the children were adopted"
    );
    let supervisor = server.pid("moothall");
    // One of the two children it is whose process goes with its actor.
    orders.give("actors::process::child::Sign", "panic");
    orders.wait_taken("actors::process::child::Sign");
    wait_for("another process", || {
        let now = PROGRAMS.map(|program| server.pid(program));
        (now[1..] != pids[1..] && now[1..].iter().all(Option::is_some)).then_some(())
    });
    for child in ["daemon", "telnet"] {
        wait_for_child(&server, child, "ready");
    }
    hall_return(&server, "Ann").check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall"), supervisor);
}

#[test]
fn f18_an_executor_that_panics_loses_that_attempt_and_nothing_else() {
    let (orders, server) = with_orders();
    let mut wizard = hall_wizard(&server);
    let daemon = server.pid("moothall-daemon");
    orders.give("executor.run", "panic");
    wizard.send(";1 + 1");
    wizard.expect("The server made a mistake and ended this task");
    for _ in 0..20 {
        assert_eq!(wizard.eval("2 + 2"), "4");
    }
    assert_eq!(server.pid("moothall-daemon"), daemon);
}

#[test]
fn f19_a_class_that_panics_again_and_again_ends_its_process() {
    let (orders, server) = with_orders();
    let mut ann = in_the_hall(&server);
    let (daemon, telnet) = (server.pid("moothall-daemon"), server.pid("moothall-telnet"));
    orders.give("actors::gateway::listing::ListHosts", "panic always");
    // Each question is a message to the gateway that panics.
    wait_for("the daemon to give up", || {
        server.status();
        server
            .log()
            .contains("an actor of the daemon cannot be kept alive")
            .then_some(())
    });
    std::fs::remove_file(orders.folder().join("actors::gateway::listing::ListHosts")).unwrap();
    next_pid(&server, "moothall-daemon", daemon);
    ann.check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall-telnet"), telnet);
}
