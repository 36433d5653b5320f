//! Rows F44 to F49: jobs whose takers die, which poison, whose player moves, and a Redis that is away, empty or slow.
//! The suite of `src/jobs` holds each store to F44 and F45 by itself; here are the programs around it.

use crate::jobs::{assigned, assigned_now, count_jobs, counted, job_for, on, taker, world_on};
use crate::support::number_from;
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
use moothall::protocol::job::{Confirm, JobOut, JobTarget};
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

#[test]
fn f47_the_world_goes_on_while_redis_is_away_and_slow() {
    let Some(mut redis) = Redis::start() else { return };
    let away = Duration::from_secs(number_from("MOOTHALL_REDIS_AWAY_S", 2));
    let server = world_on(&redis, "here");
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    wizard.eval("enqueue_job(\"count\", 1)");
    wait_for("a job to be done", || (counted(&mut wizard) == [1]).then_some(()));
    let far = wizard.eval("enqueue_job(\"count\", 9, [\"delay\" -> 3600])");
    wait_for("a job to be on Redis", || {
        wizard.eval("queued_jobs()").contains("delayed").then_some(())
    });
    redis.kill9();
    let gone = Instant::now();
    wait_for("the daemon to have missed it", || {
        server.log().contains("jobs wait here until").then_some(())
    });
    // What cannot be carried out is refused, and so is what an operator wants.
    assert_eq!(wizard.eval(&format!("`cancel_job({far}) ! E_QUOTA => 9\'")), "9");
    let lost = server.control(&["jobs", "drop", far.trim_matches('"')]);
    assert!(
        String::from_utf8_lossy(&lost.stderr).contains("does not answer"),
        "{lost:?}"
    );
    wizard.eval("enqueue_job(\"count\", 2)");
    while gone.elapsed() < away {
        assert_eq!(wizard.eval("1 + 1"), "2");
    }
    wizard.send(";;for n in [1..20000] `enqueue_job(\"count\", 0, [\"to\" -> \"any\"]) ! E_QUOTA => raise(E_QUOTA, \"full\")\'; ticks_left() < 5000 && suspend(0); endfor");
    wizard.expect("full");
    let mut agent = taker(&server, 3, "nothing", 0);
    let more = job_for(JobTarget::Any, "carry", &Value::int(1));
    let refused = agent.refusal(&HostToDaemonMessage::JobPut { job: more });
    assert_eq!(refused, RpcMessageError::QueueFull);
    let before = daemon_cpu(&server);
    let look = Instant::now();
    while look.elapsed() < Duration::from_secs(2) {
        assert_eq!(wizard.eval("2 + 2"), "4");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let used = daemon_cpu(&server) - before;
    assert!(
        used < 100,
        "{used} hundredths of a second of CPU time while nothing happens: something spins"
    );
    redis.start_again(true);
    wait_for("the job that waited", || {
        counted(&mut wizard).contains(&2).then_some(())
    });
    redis.stop(true);
    assert_eq!(wizard.eval("3 + 3"), "6");
    wizard.eval("enqueue_job(\"count\", 3)");
    assert_eq!(wizard.eval("4 + 4"), "8");
    redis.stop(false);
    wait_for("the job of the slow time", || {
        counted(&mut wizard).contains(&3).then_some(())
    });
    let mut rows = counted(&mut wizard);
    rows.sort_unstable();
    assert_eq!(rows, [1, 2, 3]);
    assert_eq!(wizard.eval(&format!("cancel_job({far})")), "0");
}

/// The CPU time of the daemon in hundredths of a second.
fn daemon_cpu(server: &Server) -> u64 {
    let pid = server.pid("moothall-daemon").unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A world whose one job is on Redis, where it waits for an hour, and that job.
#[track_caller]
fn waiting_world(redis: &Redis) -> (Server, Telnet, String) {
    let server = world_on(redis, "here");
    let mut wizard = hall_wizard(&server);
    let job = wizard.eval("enqueue_job(\"count\", 1, [\"delay\" -> 3600])");
    alive(redis, 1);
    (server, wizard, job)
}

/// Waits until so many jobs are on Redis.
#[track_caller]
fn alive(redis: &Redis, count: u64) {
    wait_for("Redis to have so many jobs", || {
        let answer = redis.ask("ZCARD {moothall}:4:alive");
        answer.filter(|answer| answer.starts_with(&format!(":{count}")))
    });
}

#[test]
fn f47_a_cancel_that_redis_did_not_hear_is_carried_out_by_the_next_daemon() {
    let Some(redis) = Redis::start() else { return };
    let (mut server, mut wizard, job) = waiting_world(&redis);
    redis.stop(true);
    assert_eq!(wizard.eval(&format!("cancel_job({job})")), "0");
    server.kill9("moothall-daemon");
    redis.stop(false);
    alive(&redis, 0);
}

#[test]
fn f47_a_job_that_is_cancelled_on_its_way_to_redis_is_not_there_in_the_end() {
    let Some(redis) = Redis::start() else { return };
    let (_server, mut wizard, first) = waiting_world(&redis);
    redis.stop(true);
    let second = wizard.eval("enqueue_job(\"count\", 2, [\"delay\" -> 3600, \"dedupe\" -> \"k\"])");
    assert_eq!(
        wizard.eval("enqueue_job(\"count\", 2, [\"delay\" -> 3600, \"dedupe\" -> \"k\"])"),
        second
    );
    assert_eq!(wizard.eval(&format!("cancel_job({second})")), "0");
    redis.stop(false);
    // Whatever waited for Redis was brought there before the one that comes last.
    wizard.eval("enqueue_job(\"count\", 3, [\"delay\" -> 3600])");
    alive(&redis, 2);
    assert_eq!(wizard.eval(&format!("cancel_job({first})")), "0");
    alive(&redis, 1);
}

#[test]
fn f48_a_redis_that_comes_back_empty_is_reported() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let server = world_on(&redis, "here");
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    wizard.eval("enqueue_job(\"count\", 1, [\"delay\" -> 3600])");
    alive(&redis, 1);
    redis.kill9();
    redis.start_again(false);
    wait_for("the loss to be reported", || {
        server.log().contains("they are lost").then_some(())
    });
    wizard.eval("enqueue_job(\"count\", 2)");
    wait_for("the next job", || (counted(&mut wizard) == [2]).then_some(()));
}

#[test]
fn f48_what_redis_loses_while_the_daemon_is_away_as_well_is_reported_by_the_next_one() {
    let Some(mut redis) = Redis::start() else { return };
    let mut server = world_on(&redis, "here");
    let mut wizard = hall_wizard(&server);
    let keyed = "enqueue_job(\"count\", 1, [\"delay\" -> 3600, \"dedupe\" -> \"k\"])";
    let first = wizard.eval(keyed);
    alive(&redis, 1);
    // What is enqueued after that is written after what was heard of the first.
    assert_eq!(wizard.eval(keyed), first);
    wait_for("what was heard of Redis to be written", || {
        let jobs = String::from_utf8(server.control(&["jobs", "--json"]).stdout).unwrap();
        jobs.contains("delayed").then_some(())
    });
    redis.kill9();
    server.kill9("moothall-daemon");
    redis.start_again(false);
    wait_for("the loss to be reported", || {
        server.log().contains("they are lost").then_some(())
    });
    let mut wizard = hall_wizard(&server);
    wait_for("the key to be free", || {
        (wizard.eval(keyed) != first).then_some(())
    });
    alive(&redis, 1);
}

#[test]
fn f48_who_asks_for_a_replica_is_told_when_there_is_none_and_loses_nothing_that_was_confirmed() {
    let Some(mut redis) = Redis::start() else { return };
    let replica = redis.replica();
    let server = world_on(&redis, "here");
    let mut agent = taker(&server, 4, "nothing", 0);
    let put = |kind: &str, confirm| {
        let job = job_for(JobTarget::Any, kind, &Value::int(1));
        HostToDaemonMessage::JobPut {
            job: moothall::protocol::job::JobSpec { confirm, ..job },
        }
    };
    let stored = agent.tell(&put("confirmed", Confirm::Replicated));
    assert!(
        matches!(stored, DaemonToHostReply::JobStored { .. }),
        "{stored:?}"
    );
    replica.stop(true);
    let refused = agent.refusal(&put("unconfirmed", Confirm::Replicated));
    assert!(matches!(refused, RpcMessageError::Busy { .. }), "{refused:?}");
    let stored = agent.tell(&put("unsafe", Confirm::Queued));
    assert!(
        matches!(stored, DaemonToHostReply::JobStored { .. }),
        "{stored:?}"
    );
    alive(&redis, 3);
    redis.fail_over_to(replica);
    wait_for("the loss of the others to be reported", || {
        server.log().contains("does not have the last jobs").then_some(())
    });
    let (_, _, attempt, _) = assigned(&mut taker(&server, 5, "confirmed", 1));
    assert_eq!(attempt, 1);
    let mut late = taker(&server, 6, "unsafe", 1);
    agent.tell(&put("unsafe", Confirm::Queued));
    assigned(&mut late);
}

#[test]
fn f49_a_job_that_comes_again_after_its_commit_is_not_done_again() {
    let Some(redis) = Redis::start() else { return };
    let orders = crate::support::faults::Orders::new();
    let options = Options::default()
        .with("MOOTHALL_JOBS_STORE", redis.url())
        .with("MOOTHALL_FAULTS", orders.folder().display());
    let server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    count_jobs(&mut wizard);
    orders.give("job.before_ack", "crash");
    wizard.eval("enqueue_job(\"count\", 1)");
    orders.wait_taken("job.before_ack");
    drop(wizard);
    let mut wizard = hall_wizard(&server);
    wizard.eval("enqueue_job(\"count\", 2)");
    wait_for("the next job", || counted(&mut wizard).contains(&2).then_some(()));
    alive(&redis, 0);
    assert_eq!(counted(&mut wizard), [1, 2]);
}
