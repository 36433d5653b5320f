//! How much fits into one call, one store and one Redis, and what becomes of the rest.

use super::*;
use crate::limits::JOB_WORLDS_MAX;

#[test]
fn a_full_call_of_jobs_for_many_worlds_is_stored_as_a_whole() {
    let Some(server) = Server::start() else { return };
    let worlds = 20;
    for number in 1..worlds {
        let mut peer = Remote::new(&server, "wide", &format!("w{number}"));
        let now = peer.now();
        peer.store.join(now).expect("there is room for a world");
    }
    let roomy = Settings {
        jobs_max: JOBS_MAX,
        ..settings(&server, "wide", "here")
    };
    let mut remote = Remote::new(&server, "wide", "here");
    remote.store = OnRedis::new(roomy).expect("it is an address");
    let later = JobSpec {
        not_before: Some(remote.now().wall.plus(Duration::from_secs(3_600))),
        ..spec_for(JobTarget::Peers)
    };
    // The last bytes of an id tell jobs of one producer apart, one in the middle the worlds of a job.
    let jobs: Vec<_> = (0..JOB_FEED_BATCH)
        .map(|number| JobId([7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, number as u8]))
        .map(|id| (id, later.clone()))
        .collect();
    let now = remote.now();
    let stored = remote.store.put_many(now, &jobs).expect("Redis is there");
    assert!(
        stored
            .iter()
            .all(|stored| matches!(stored, Ok(it) if !it.duplicate))
    );
    let counts = remote.store.counts().expect("Redis is there");
    let all = (jobs.len() * worlds) as u64;
    assert_eq!((counts.alive, counts.delayed), (all, all));
}

#[test]
fn a_take_that_finds_many_jobs_which_are_over_leaves_the_rest_to_the_next() {
    let Some(server) = Server::start() else { return };
    let roomy = Settings {
        jobs_max: JOBS_MAX,
        ..settings(&server, "over", "here")
    };
    let mut remote = Remote::new(&server, "over", "here");
    remote.store = OnRedis::new(roomy).expect("it is an address");
    let short = JobSpec {
        ttl_ms: 1,
        ..spec("a")
    };
    let id = |number: usize| {
        let mut id = [3; 16];
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        JobId(id)
    };
    let many = JOB_SWEPT_AT_ONCE + JOB_FEED_BATCH;
    let mut jobs: Vec<_> = (0..many).map(|number| (id(number), short.clone())).collect();
    jobs.push((id(many), spec("a")));
    let now = remote.now();
    let stored = remote.store.put_many(now, &jobs).expect("Redis is there");
    assert!(stored.iter().all(Result::is_ok));
    std::thread::park_timeout(Duration::from_millis(5));
    let queue = [Queue::Any("a".into())];
    let mut take = || remote.store.take(now, "x", &queue, 8).expect("Redis is there");
    assert_eq!(take(), []);
    let taken = take();
    assert_eq!(taken.iter().map(|one| one.job).collect::<Vec<_>>(), [id(many)]);
    let counts = remote.store.counts().expect("Redis is there");
    assert_eq!((counts.alive, counts.dead), (1, many as u64));
}

#[test]
fn jobs_that_are_not_over_or_are_taken_hold_up_none_that_is() {
    let Some(server) = Server::start() else { return };
    let roomy = Settings {
        jobs_max: JOBS_MAX,
        lease: PATIENCE,
        ..settings(&server, "late", "here")
    };
    let mut remote = Remote::new(&server, "late", "here");
    remote.store = OnRedis::new(roomy).expect("it is an address");
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    let now = remote.now();
    let day = crate::limits::JOB_PARKED_MAX;
    let due = now.wall.plus(day * 3);
    let late = JobSpec {
        not_before: Some(due),
        ..spec("b")
    };
    let id = remote.id();
    remote.store.put(now, id, late).expect("there is room");
    let many = JOB_SWEPT_AT_ONCE + JOB_FEED_BATCH;
    let ids = (0..many as u64).map(|number| {
        let mut id = [3; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        JobId(id)
    });
    let jobs: Vec<_> = ids.map(|id| (id, spec("a"))).collect();
    remote.store.put_many(now, &jobs).expect("Redis is there");
    let queue = [Queue::Any("a".into())];
    let mut taken = 0;
    while taken < many {
        let some = remote.store.take(now, "x", &queue, many).expect("Redis is there");
        assert!(!some.is_empty());
        taken += some.len();
    }
    // As if all had been put and were to be given up long ago, but for one that nobody has and that is over only now.
    for (job, _) in &jobs {
        age(&mut other, *job, 1);
    }
    age(&mut other, id, 2);
    let mut rescore = redis::cmd("ZADD");
    rescore.arg("{late}:4:ends");
    for (job, _) in &jobs {
        rescore.arg(1).arg(&job.0);
    }
    rescore.exec(&mut other).expect("it is a sorted set");
    let short = JobSpec {
        ttl_ms: 1,
        ..spec("c")
    };
    let (over, now) = (remote.id(), remote.now());
    remote.store.put(now, over, short).expect("there is room");
    std::thread::park_timeout(Duration::from_millis(5));
    remote.store.sweep(now).expect("Redis is there");
    let counts = remote.store.counts().expect("Redis is there");
    assert_eq!((counts.dead, counts.taken, counts.delayed), (1, many as u64, 1));
    let score: u64 = redis::cmd("ZSCORE")
        .arg("{late}:4:alive")
        .arg(&id.0)
        .query(&mut other)
        .expect("it is there");
    assert_eq!(
        score,
        due.0 * 1_000,
        "it is looked at again a day after it is due"
    );
}

/// Has a job count as put in that turn. Its entry, which follows from its turn else, stays what it is.
fn age(other: &mut Connection, job: JobId, turn: u64) {
    const AGE: &str = "
        local _, it = cmsgpack.unpack_limit(redis.call('HGET', KEYS[1], ARGV[1]), 1, 0)
        local spec = string.sub(redis.call('HGET', KEYS[1], ARGV[1]), _ + 1)
        local turn = string.format('%.0f', tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1])))
        it[11], it[14] = turn .. '-' .. it[9], tonumber(turn)
        redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(it) .. spec)
        redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])";
    let mut call = redis::cmd("EVAL");
    call.arg(AGE).arg(2).arg("{late}:4:jobs").arg("{late}:4:alive");
    call.arg(&job.0).arg(turn);
    call.exec(other).expect("the job is there");
}

#[test]
fn no_more_worlds_share_a_store_than_may() {
    let Some(server) = Server::start() else { return };
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    let names: Vec<_> = (0..JOB_WORLDS_MAX).map(|number| format!("w{number}")).collect();
    redis::cmd("SADD")
        .arg("{crowd}:4:worlds")
        .arg(&names)
        .exec(&mut other)
        .expect("it is allowed");
    let mut late = Remote::new(&server, "crowd", "late");
    let now = late.now();
    let Err(JobError::NotOurs(why)) = late.store.join(now) else {
        panic!("one world too many is there");
    };
    assert!(why.contains("{crowd}:4:worlds"), "{why}");
    let mut early = Remote::new(&server, "crowd", "w3");
    early.store.join(now).expect("it was there before");
}

#[test]
fn a_redis_without_memory_is_full_and_can_be_emptied_also_by_who_comes_anew() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "oom", "here");
    let now = remote.now();
    for _ in 0..2 {
        let id = remote.id();
        remote.store.put(now, id, spec("a")).expect("there is room");
    }
    let mut other = Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there");
    let mut set_most = |bytes: &str| {
        let mut call = redis::cmd("CONFIG");
        call.arg("SET").arg("maxmemory").arg(bytes);
        call.exec(&mut other).expect("it is allowed");
    };
    set_most("1");
    let id = remote.id();
    assert_eq!(remote.store.put(now, id, spec("a")), Err(JobError::Full));
    let mut anew = Remote::new(&server, "oom", "here");
    for remote in [&mut remote, &mut anew] {
        remote.store.sweep(now).expect("Redis is there");
        let queue = [Queue::Any("a".into())];
        let taken = remote.store.take(now, "x", &queue, 1).expect("Redis is there");
        let lease = taken[0].lease;
        assert_eq!(remote.store.extend(now, taken[0].job, lease), Ok(()));
        assert_eq!(remote.store.end(now, taken[0].job, lease, Ending::Done), Ok(()));
    }
    set_most("0");
    assert!(
        remote
            .store
            .put(now, id, spec("a"))
            .is_ok_and(|stored| !stored.duplicate)
    );
}
