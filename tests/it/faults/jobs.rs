//! Rows F44 to F46: jobs whose takers die, which poison, and whose player moves.
//! The suite of `src/jobs` holds each store to F44 and F45 by itself; here are the programs around it.

use crate::jobs::{assigned, assigned_now, count_jobs, counted, job_for, on, taker};
use crate::support::redis::Redis;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::web::Web;
use crate::support::worlds::{hall_character, hall_return, hall_wizard};
use moo_model::Value;
use moothall::protocol::WireObj;
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::host::{DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::job::{JobOut, JobTarget};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long a lease holds where a test waits for its end.
const LEASE: Duration = Duration::from_secs(2);

/// One host has a job for longer than its lease and says so; then it says nothing more, and another one has it.
#[track_caller]
fn take_over(server: &Server) {
    let mut wizard = hall_wizard(server);
    let mut first = taker(server, 1, "carry", 1);
    wizard.eval("enqueue_job(\"carry\", 1, [\"to\" -> \"any\"])");
    let (job, lease, attempt, _) = assigned(&mut first);
    assert_eq!(attempt, 1);
    let mut second = taker(server, 2, "carry", 1);
    let began = Instant::now();
    while began.elapsed() < LEASE * 2 {
        let extended = first.tell(&HostToDaemonMessage::JobExtend { job, lease });
        assert_eq!(extended, DaemonToHostReply::Ack);
        assert!(
            assigned_now(&mut second).is_none(),
            "a job was given away whose lease was extended"
        );
        std::thread::park_timeout(LEASE / 8);
    }
    let (again, newer, attempt, _) = assigned(&mut second);
    assert_eq!((again, attempt), (job, 2));
    let done = |lease| HostToDaemonMessage::JobAck {
        job,
        lease,
        out: JobOut::Done(None),
    };
    // The first one is late; and the lease of the second is of no use to it.
    for lease in [lease, newer] {
        let refused = first.refusal(&done(lease));
        assert!(
            matches!(refused, RpcMessageError::InvalidRequest(_)),
            "{refused:?}"
        );
        first.refusal(&HostToDaemonMessage::JobExtend { job, lease });
    }
    assert_eq!(second.tell(&done(newer)), DaemonToHostReply::Ack);
    wait_for("the job to be done", || {
        (wizard.eval("queued_jobs()") == "{}").then_some(())
    });
}

#[test]
fn f44_a_job_is_kept_while_its_taker_extends_it_and_taken_over_when_it_is_silent() {
    take_over(&Server::start(
        Options::default().with("MOOTHALL_JOBS_LEASE_S", LEASE.as_secs()),
    ));
}

#[test]
fn f44_the_same_on_redis() {
    let Some(redis) = Redis::start() else { return };
    let options = Options::default().with("MOOTHALL_JOBS_LEASE_S", LEASE.as_secs());
    take_over(&Server::start(on(&redis, "here", options)));
}

/// A world on Redis with leases of two seconds, in which a job of the kind `count` takes so many.
#[track_caller]
fn slow_world(redis: &Redis, seconds: f64) -> (Server, Telnet) {
    let options = Options::default().with("MOOTHALL_JOBS_LEASE_S", 2);
    let server = Server::start(on(redis, "here", options));
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    let slow = format!(
        "{{\"{{number, owner, id}} = args;\", \"end = ftime() + {seconds:?};\", \"while (ftime() < end) endwhile\", \"$ledger.rows = {{@$ledger.rows, {{0, number}}}};\"}}"
    );
    wizard.eval(&format!("set_verb_code($ledger, \"count_job\", {slow})"));
    let more = "{{\"bg_ticks\", 2000000000}, {\"fg_ticks\", 2000000000}, {\"bg_seconds\", 30}, {\"fg_seconds\", 30}}";
    let set = "name in properties($server_options) ? ($server_options.(name) = most) | add_property($server_options, name, most, {player, \"r\"});";
    wizard.send(&format!(
        ";;for limit in ({more}) {{name, most}} = limit; {set} endfor load_server_options(); return \"roomy\";"
    ));
    wizard.expect("roomy");
    (server, wizard)
}

#[test]
fn f44_a_verb_that_runs_longer_than_its_lease_is_not_done_twice() {
    let Some(redis) = Redis::start() else { return };
    let (_server, mut wizard) = slow_world(&redis, 4.5);
    wizard.eval("enqueue_job(\"count\", 1)");
    wait_for("the slow job to be done", || {
        (wizard.eval("queued_jobs()") == "{}" && !counted(&mut wizard).is_empty()).then_some(())
    });
    assert_eq!(counted(&mut wizard), [1]);
}

#[test]
fn f44_a_verb_whose_lease_was_lost_has_done_nothing_and_is_done_again() {
    let Some(redis) = Redis::start() else { return };
    let (server, mut wizard) = slow_world(&redis, 6.0);
    wizard.eval("enqueue_job(\"count\", 1)");
    wait_for("the job to be taken", || {
        wizard.eval("queued_jobs()").contains("taken").then_some(())
    });
    // Nobody can say to Redis that the verb is at work, so its lease runs out.
    redis.stop(true);
    wait_for("the verb to end", || {
        server.log().contains("has no effect").then_some(())
    });
    assert_eq!(counted(&mut wizard), [0; 0]);
    redis.stop(false);
    wait_for("the job to be done again", || {
        (wizard.eval("queued_jobs()") == "{}" && !counted(&mut wizard).is_empty()).then_some(())
    });
    assert_eq!(counted(&mut wizard), [1]);
}

#[test]
fn f44_what_a_killed_host_had_is_shown_by_the_next_one_once() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let ann = hall_character(&server, "Ann");
    let number = wizard.eval("$people:named(\"Ann\")");
    server.kill9("moothall-telnet");
    drop((wizard, ann));
    let mut wizard = hall_wizard(&server);
    wizard.eval(&format!(
        "enqueue_job(\"notify\", \"a parcel\", [\"to\" -> {number}])"
    ));
    let mut ann = hall_return(&server, "Ann");
    ann.expect("a parcel");
    wait_for("the job to be done", || {
        (wizard.eval("queued_jobs()") == "{}").then_some(())
    });
    ann.expect_none("a parcel");
}

#[test]
fn f45_a_poison_job_is_dead_with_its_last_error_and_an_operator_brings_it_back() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    // What the poisoned one asks for is no number, so the verb fails on it, and not on the other.
    wizard.eval("set_verb_code($ledger, \"count_job\", {\"{number, owner, id} = args;\", \"$ledger.rows = {@$ledger.rows, {0, number}};\", \"number + 1;\"})");
    let id = wizard.eval("enqueue_job(\"count\", {}, [\"tries\" -> 2])");
    wizard.eval("enqueue_job(\"count\", 5)");
    let state = format!("job_info({id})[\"state\"]");
    wait_for("the job to be given up", || {
        (wizard.eval(&state) == "\"dead\"").then_some(())
    });
    let why = wizard.eval(&format!("job_info({id})[\"error\"]"));
    assert!(
        why.contains("tried 2 times") && why.contains("Type mismatch"),
        "{why}"
    );
    assert_eq!(
        counted(&mut wizard),
        [5],
        "what a failed job did has taken effect"
    );
    let dead = String::from_utf8(server.control(&["jobs", "dead"]).stdout).unwrap();
    let plain = id.trim_matches('"');
    assert!(dead.contains(plain), "{dead}");
    wizard.eval("set_verb_code($ledger, \"count_job\", {\"$ledger.rows = {@$ledger.rows, {0, 6}};\"})");
    assert!(server.control(&["jobs", "retry", plain]).status.success());
    wait_for("the job to be done", || {
        (counted(&mut wizard) == [5, 6]).then_some(())
    });
    assert!(!server.control(&["jobs", "drop", plain]).status.success());
}

#[test]
fn f46_a_job_follows_its_player_and_waits_while_nobody_is_there() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let ann = hall_character(&server, "Ann");
    let number = wizard.eval("$people:named(\"Ann\")");
    drop(ann);
    wait_for("Ann to be gone", || {
        (wizard.eval(&format!("{number} in connected_players()")) == "0").then_some(())
    });
    wizard.eval(&format!(
        "enqueue_job(\"notify\", \"one\", [\"to\" -> {number}, \"ttl\" -> 0.3])"
    ));
    wizard.eval(&format!("enqueue_job(\"notify\", \"two\", [\"to\" -> {number}])"));
    wait_for("the short one to be given up", || {
        (wizard.eval("length(queued_jobs())") == "1").then_some(())
    });
    let mut ann = hall_return(&server, "Ann");
    ann.expect("two");
    ann.expect_none("one");
}

#[test]
fn f46_a_job_reaches_its_player_at_each_host_and_once_when_its_agent_dies() {
    let mut server = Server::start(Options::web().with("MOOTHALL_PROCESSES_RESTARTS_MAX", "1000000"));
    let mut wizard = hall_wizard(&server);
    let mut ann = Web::character(server.web(), "Ann");
    let number = wizard.eval("$people:named(\"Ann\")");
    let notify = |text: &str| format!("enqueue_job(\"notify\", \"{text}\", [\"to\" -> {number}])");
    wizard.eval(&notify("to the browser"));
    ann.expect("to the browser");
    ann.tell(serde_json::json!({"type": "Logout"}));
    // A socket that is gone before its host has read this would leave her connected, to be come back to.
    assert_eq!(ann.closed(), 1000);
    drop(ann);
    wait_for("Ann to be gone", || {
        (wizard.eval(&format!("{number} in connected_players()")) == "0").then_some(())
    });
    wizard.eval(&notify("to whichever host"));
    let mut ann = hall_return(&server, "Ann");
    ann.expect("to whichever host");
    // The host is given the next one, and dies before it has shown it.
    server.signal("moothall-telnet", Signal::STOP);
    let mut peer = taker(&server, 9, "nothing", 0);
    let parcel = job_for(
        JobTarget::User(WireObj(number[1..].parse().unwrap())),
        "notify",
        &Value::str("a parcel"),
    );
    let stored = peer.tell(&HostToDaemonMessage::JobPut { job: parcel });
    assert!(
        matches!(stored, DaemonToHostReply::JobStored { .. }),
        "{stored:?}"
    );
    wait_for("the host to be given the job", || {
        let jobs = String::from_utf8(server.control(&["jobs", "--json"]).stdout).unwrap();
        jobs.contains("taken").then_some(())
    });
    server.kill9("moothall-telnet");
    drop((wizard, ann));
    let mut ann = hall_return(&server, "Ann");
    ann.expect("a parcel");
    let mut wizard = hall_wizard(&server);
    wait_for("the job to be done", || {
        (wizard.eval("queued_jobs()") == "{}").then_some(())
    });
    ann.expect_none("a parcel");
}
