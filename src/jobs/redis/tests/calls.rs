//! Calls that are under way together, and what becomes of them where the connection breaks or Redis is emptied meanwhile.

use super::*;
use crate::jobs::redis::{Call, Heard};

fn queue() -> Vec<Queue> {
    vec![Queue::Any("a".into())]
}

fn take(most: usize) -> Call {
    let taker = "x".to_owned();
    let queues = queue();
    Call::Take { taker, queues, most }
}

fn connection(server: &Server) -> Connection {
    let client = Client::open(server.url()).and_then(|client| client.get_connection());
    client.expect("it is there")
}

/// Waits until so many jobs are taken there, as another one sees it.
#[track_caller]
fn await_taken(other: &mut Remote, count: u64) {
    let end = Instant::now() + PATIENCE;
    while other.store.counts().expect("Redis is there").taken != count {
        assert!(Instant::now() < end, "nothing was taken");
        std::thread::yield_now();
    }
}

fn put(remote: &mut Remote, count: usize) -> Vec<JobId> {
    let ids: Vec<JobId> = (0..count).map(|_| remote.id()).collect();
    let now = remote.now();
    let jobs: Vec<_> = ids.iter().map(|id| (*id, spec("a"))).collect();
    let stored = remote.store.put_many(now, &jobs).expect("Redis is there");
    assert!(stored.iter().all(Result::is_ok));
    ids
}

fn jobs_of(taken: &[Taken]) -> Vec<JobId> {
    taken.iter().map(|one| one.job).collect()
}

#[test]
fn what_a_take_took_whose_answer_was_lost_is_given_to_its_taker_again_and_to_nobody_else() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "unheard", "here");
    let mut other = Remote::new(&server, "unheard", "there");
    let ids = put(&mut remote, 3);
    let now = remote.now();
    remote.store.send(now, take(2)).expect("Redis is there");
    await_taken(&mut other, 2);
    // The answer is on its way, and never read.
    remote.store.connection = None;
    let Some(Heard::Take(_, Err(JobError::Away(_)))) = remote.store.receive(now) else {
        panic!("an answer was read that nobody has");
    };
    let elsewhere = other.store.take(now, "y", &queue(), 8).expect("Redis is there");
    assert_eq!(jobs_of(&elsewhere), ids[2..]);
    let again = remote.store.take(now, "x", &queue(), 1).expect("Redis is there");
    assert_eq!(jobs_of(&again), ids[..2], "also where fewer are asked for");
    assert!(again.iter().all(|one| one.attempt == 1), "they cost no try");
    for one in &again {
        assert_eq!(remote.store.end(now, one.job, one.lease, Ending::Done), Ok(()));
    }
    assert_eq!(remote.store.take(now, "x", &queue(), 8), Ok(vec![]));
}

#[test]
fn a_lease_that_is_given_again_begins_anew_and_what_ran_out_meanwhile_is_not_given() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "anew", "here");
    let mut other = Remote::new(&server, "anew", "there");
    let ids = put(&mut remote, 2);
    let now = remote.now();
    remote.store.send(now, take(2)).expect("Redis is there");
    await_taken(&mut other, 2);
    remote.store.connection = None;
    drop(remote.store.receive(now));
    other.pass(LEASE * 3 / 4);
    assert_eq!(
        remote.store.take(now, "x", &queue(), 2).map(|taken| taken.len()),
        Ok(2)
    );
    other.pass(LEASE * 3 / 4);
    assert_eq!(
        other.store.take(now, "y", &queue(), 2),
        Ok(vec![]),
        "they are held anew"
    );
    // Now for longer than the lease.
    remote.store.give_back(now, "x").expect("Redis is there");
    remote.store.send(now, take(1)).expect("Redis is there");
    await_taken(&mut other, 1);
    remote.store.connection = None;
    drop(remote.store.receive(now));
    other.pass(LEASE * 5 / 4);
    let elsewhere = other.store.take(now, "y", &queue(), 2).expect("Redis is there");
    assert_eq!(elsewhere.len(), 2);
    assert_eq!(remote.store.take(now, "x", &queue(), 2), Ok(vec![]));
    assert_eq!(
        jobs_of(&elsewhere).iter().filter(|job| ids.contains(job)).count(),
        2
    );
}

#[test]
fn puts_takes_and_ends_are_under_way_together_and_heard_about_in_their_order() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "lanes", "here");
    put(&mut remote, 2);
    let now = remote.now();
    let taken = remote.store.take(now, "x", &queue(), 2).expect("Redis is there");
    let ends = taken
        .iter()
        .map(|one| (one.job, one.lease, Ending::Done))
        .collect();
    let (first, second) = (remote.id(), remote.id());
    let send = |remote: &mut Remote, call| remote.store.send(now, call).expect("Redis is there");
    send(&mut remote, Call::Put(vec![(first, spec("a"))]));
    send(&mut remote, take(8));
    send(&mut remote, Call::End(ends));
    send(&mut remote, Call::Put(vec![(second, spec("a"))]));
    // Whoever waits for an answer of their own is in nobody's way.
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(2));
    let Some(Heard::Put(jobs, Ok(stored))) = remote.store.receive(now) else {
        panic!("the put was the first");
    };
    assert_eq!(
        (jobs[0].0, stored[0].as_ref().map(|it| it.of_owner)),
        (first, Ok(3))
    );
    let Some(Heard::Take(taker, Ok(given))) = remote.store.receive(now) else {
        panic!("the take was the second");
    };
    assert_eq!((taker.as_str(), jobs_of(&given)), ("x", vec![first]));
    assert!(matches!(remote.store.receive(now), Some(Heard::End(_, Ok(ended))) if ended == [Ok(()), Ok(())]));
    assert!(matches!(remote.store.receive(now), Some(Heard::Put(_, Ok(stored))) if stored.len() == 1));
    assert!(remote.store.receive(now).is_none());
}

#[test]
fn what_was_under_way_on_a_connection_that_breaks_is_heard_about_once_and_may_be_sent_again() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "broken", "here");
    put(&mut remote, 1);
    let now = remote.now();
    let taken = remote.store.take(now, "x", &queue(), 1).expect("Redis is there");
    let ends = vec![(taken[0].job, taken[0].lease, Ending::Done)];
    let id = remote.id();
    remote
        .store
        .send(now, Call::Put(vec![(id, spec("a"))]))
        .expect("Redis is there");
    remote
        .store
        .send(now, Call::End(ends.clone()))
        .expect("Redis is there");
    let mut other = Remote::new(&server, "broken", "there");
    let end = Instant::now() + PATIENCE;
    while other.store.find(taken[0].job).expect("Redis is there").is_some() {
        assert!(Instant::now() < end, "the end was not carried out");
        std::thread::yield_now();
    }
    remote.store.connection = None;
    // A call on the next connection comes between, and is not taken for one of these.
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(1));
    assert!(matches!(
        remote.store.receive(now),
        Some(Heard::Put(_, Err(JobError::Away(_))))
    ));
    assert!(matches!(
        remote.store.receive(now),
        Some(Heard::End(_, Err(JobError::Away(_))))
    ));
    assert!(remote.store.receive(now).is_none());
    let again = remote.store.put(now, id, spec("a")).expect("Redis is there");
    assert!(again.duplicate, "it was stored the first time");
    assert_eq!(
        remote.store.end_many(now, &ends),
        Ok(vec![Err(JobError::LateLease)])
    );
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(1));
}

#[test]
fn what_was_under_way_to_a_redis_that_was_emptied_is_done_by_the_new_one() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "emptied", "here");
    put(&mut remote, 1);
    let now = remote.now();
    let taken = remote.store.take(now, "x", &queue(), 1).expect("Redis is there");
    let mut other = connection(&server);
    redis::cmd("FLUSHALL").exec(&mut other).expect("it is allowed");
    let id = remote.id();
    let ends = vec![(taken[0].job, taken[0].lease, Ending::Done)];
    for call in [Call::Put(vec![(id, spec("a"))]), Call::End(ends), take(8)] {
        remote.store.send(now, call).expect("Redis is there");
    }
    assert!(matches!(remote.store.receive(now), Some(Heard::Put(_, Ok(stored))) if stored[0].is_ok()));
    let late = [Err(JobError::LateLease)];
    assert!(matches!(remote.store.receive(now), Some(Heard::End(_, Ok(ended))) if ended == late));
    assert!(matches!(remote.store.receive(now), Some(Heard::Take(_, Ok(given))) if jobs_of(&given) == [id]));
    assert_eq!(
        (remote.store.loss(), remote.store.loss()),
        (Some(Loss::All), None)
    );
}

#[test]
fn of_jobs_that_end_together_those_whose_leases_ran_out_stay() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "late-ends", "here");
    let ids = put(&mut remote, 4);
    let now = remote.now();
    let taken = remote.store.take(now, "x", &queue(), 4).expect("Redis is there");
    let held: Vec<_> = [0, 2, 3].map(|at: usize| (taken[at].job, taken[at].lease)).into();
    for _ in 0..3 {
        remote.pass(LEASE / 2);
        let extended = remote.store.extend_many(now, &held).expect("Redis is there");
        assert_eq!(extended, vec![Ok(()); 3]);
    }
    let ends: Vec<_> = taken
        .iter()
        .map(|one| (one.job, one.lease, Ending::Done))
        .collect();
    let ended = remote.store.end_many(now, &ends).expect("Redis is there");
    assert_eq!(ended, [Ok(()), Err(JobError::LateLease), Ok(()), Ok(())]);
    let counts = remote.store.counts().expect("Redis is there");
    assert_eq!(
        (counts.alive, counts.taken, counts.bytes),
        (1, 0, size_of(&spec("a")) as u64)
    );
    let load = remote.store.of_owners(now).expect("Redis is there");
    assert_eq!(load[&WireObj(7)].jobs, 1);
    let again = remote.store.take(now, "y", &queue(), 4).expect("Redis is there");
    assert_eq!((jobs_of(&again), again[0].attempt), (ids[1..2].to_vec(), 2));
}

#[test]
fn jobs_that_end_out_of_their_order_leave_nothing_in_the_stream() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "out", "here");
    let mut other = connection(&server);
    let mut length = || -> u64 {
        let answer = redis::cmd("XLEN").arg("{out}:4:q:any:a").query(&mut other);
        answer.expect("it is a stream")
    };
    let ids = put(&mut remote, 9);
    let now = remote.now();
    let taken = remote.store.take(now, "x", &queue(), 8).expect("Redis is there");
    let end = |remote: &mut Remote, which: &[usize]| {
        let ends: Vec<_> = which
            .iter()
            .map(|at| (taken[*at].job, taken[*at].lease, Ending::Done))
            .collect();
        let ended = remote.store.end_many(now, &ends).expect("Redis is there");
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    };
    end(&mut remote, &[7, 3]);
    assert_eq!(length(), 7);
    // The first one that is left is the fifth.
    end(&mut remote, &[0, 1, 2, 5]);
    assert_eq!(length(), 3);
    end(&mut remote, &[6, 4]);
    assert_eq!(length(), 1, "one was not taken yet");
    let last = remote.store.take(now, "x", &queue(), 8).expect("Redis is there");
    assert_eq!(jobs_of(&last), ids[8..]);
    assert_eq!(
        remote.store.end(now, last[0].job, last[0].lease, Ending::Done),
        Ok(())
    );
    assert_eq!(length(), 0);
    assert_eq!(remote.store.counts(), Ok(Counts::default()));
}

#[test]
fn jobs_of_many_queues_and_owners_are_put_and_ended_by_one_call_each() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "mixed", "here");
    let now = remote.now();
    // Runs of jobs that are alike, and between them some with a time or keys of their own.
    let jobs: Vec<(JobId, JobSpec)> = (0..36)
        .map(|number| {
            let job = JobSpec {
                target: JobTarget::User(WireObj(number / 4)),
                from: Some(WireObj(number / 8)),
                order_key: (number % 9 == 0).then(|| "line".into()),
                dedupe: (number % 12 == 5).then(|| number.to_string()),
                ttl_ms: if number / 4 == 3 { 3_600_000 } else { 0 },
                not_before: (number % 16 == 7).then(|| now.wall.plus(BACKOFF)),
                ..spec("a")
            };
            (remote.id(), job)
        })
        .collect();
    let stored = remote.store.put_many(now, &jobs).expect("Redis is there");
    for ((at, (job, _)), stored) in jobs.iter().enumerate().zip(stored) {
        let of_owner = at % 8 + 1;
        let duplicate = false;
        assert_eq!(
            stored,
            Ok(Stored {
                job: *job,
                duplicate,
                of_owner
            })
        );
    }
    let counts = remote.store.counts().expect("Redis is there");
    let bytes: usize = jobs.iter().map(|(_, job)| size_of(job)).sum();
    assert_eq!(
        (counts.alive, counts.delayed, counts.bytes),
        (36, 2, bytes as u64)
    );
    let listed: Vec<JobId> = remote
        .store
        .list(64)
        .expect("Redis is there")
        .iter()
        .map(|seen| seen.job)
        .collect();
    assert_eq!(listed, jobs.iter().map(|(job, _)| *job).collect::<Vec<_>>());
    remote.pass(BACKOFF * 2);
    let queues: Vec<Queue> = (0..9).map(|number| Queue::User(WireObj(number))).collect();
    let taken = remote.store.take(now, "x", &queues, 64).expect("Redis is there");
    assert_eq!(taken.len(), 36);
    let mut ends: Vec<_> = taken
        .iter()
        .map(|one| (one.job, one.lease, Ending::Done))
        .collect();
    // The last one is said twice.
    ends.extend(ends.last().cloned());
    let mut expected = vec![Ok(()); 36];
    expected.push(Err(JobError::LateLease));
    assert_eq!(remote.store.end_many(now, &ends), Ok(expected));
    assert_eq!(remote.store.counts(), Ok(Counts::default()));
    assert_eq!(remote.store.of_owners(now), Ok(HashMap::new()));
    let mut other = connection(&server);
    let left: Vec<String> = redis::cmd("KEYS")
        .arg("{mixed}:*")
        .query(&mut other)
        .expect("allowed");
    let is_of_a_job = |key: &&String| {
        [":jobs", ":q:", ":line:", ":alive", ":ends", ":queues", ":delay"]
            .iter()
            .any(|part| key.contains(part))
    };
    assert_eq!(left.iter().find(is_of_a_job), None);
}
