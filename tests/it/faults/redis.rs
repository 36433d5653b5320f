//! Rows F47 to F49: a Redis that is away, slow, empty or without its last jobs, and jobs that come from it again.

use crate::jobs::{assigned, count_jobs, counted, job_for, taker, world_on};
use crate::support::number_from;
use crate::support::redis::Redis;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::hall_wizard;
use moo_model::Value;
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::host::{DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::job::{Confirm, JobOut, JobTarget};
use std::time::{Duration, Instant};

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

/// A Redis that is stopped reads later what it was sent, and answers nobody.
#[test]
fn f47_what_redis_gave_out_in_an_answer_that_was_lost_comes_as_soon_as_it_is_back() {
    let Some(redis) = Redis::start() else { return };
    let server = world_on(&redis, "here");
    let mut wizard = hall_wizard(&server);
    wizard.eval("enqueue_job(\"carry\", 1, [\"to\" -> \"any\"])");
    alive(&redis, 1);
    let mut agent = taker(&server, 1, "nothing", 0);
    redis.stop(true);
    let queues = vec!["any:carry".to_owned()];
    let credits = 1;
    agent.tell(&HostToDaemonMessage::JobTake { queues, credits });
    wait_for("the daemon to have given up waiting", || {
        server.log().contains("jobs wait here until").then_some(())
    });
    redis.stop(false);
    let (job, lease, attempt, _) = assigned(&mut agent);
    assert_eq!(attempt, 1, "its lease had to run out");
    let out = JobOut::Done(None);
    let done = HostToDaemonMessage::JobAck { job, lease, out };
    assert_eq!(agent.tell(&done), DaemonToHostReply::Ack);
    alive(&redis, 0);
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
