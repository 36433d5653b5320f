//! What a Redis is found to have lost, and jobs that are taken back before anybody has them.

use super::*;

fn asked(server: &Server) -> Connection {
    Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("it is there")
}

/// What there is of a store.
fn copies(other: &mut Connection) -> Vec<(String, Vec<u8>)> {
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("{older}:4:*")
        .query(other)
        .expect("allowed");
    let mut copies = Vec::new();
    for key in keys {
        let copy = redis::cmd("DUMP").arg(&key).query(other).expect("it is there");
        copies.push((key, copy));
    }
    copies
}

/// Has that, and nothing else, be there.
fn restore(other: &mut Connection, copies: &[(String, Vec<u8>)]) {
    redis::cmd("FLUSHALL").exec(other).expect("it is allowed");
    for (key, copy) in copies {
        let mut restore = redis::cmd("RESTORE");
        restore
            .arg(key)
            .arg(0)
            .arg(copy)
            .exec(other)
            .expect("it was there");
    }
}

#[test]
fn what_a_redis_has_lost_since_an_earlier_process_spoke_with_it_is_noticed() {
    let Some(server) = Server::start() else { return };
    let mut first = Remote::new(&server, "older", "here");
    let now = first.now();
    assert_eq!(first.store.mark(), None);
    let id = first.id();
    first.store.put(now, id, spec("a")).expect("there is room");
    let mut other = asked(&server);
    let older = copies(&mut other);
    let lost = [first.id(), first.id()];
    for id in lost {
        first.store.put(now, id, spec("a")).expect("there is room");
    }
    let mark = first.store.mark().expect("it has heard of Redis");
    let row = crate::jobs::row::mark(&mark);
    let stored = row.value.expect("it is a row to put");
    assert_eq!(
        crate::jobs::row::read_mark(&row.key, &stored).as_ref(),
        Some(&mark)
    );
    assert_eq!(crate::jobs::row::read_mark(b"epoch", &stored), None);
    let join = |mark: &Mark, world: &str| {
        let mut next = Remote::new(&server, "older", world);
        next.store.recall(mark.clone());
        next.store.join(now).expect("Redis is there");
        next
    };
    assert_eq!(join(&mark, "here").store.loss(), None, "nothing is lost");
    restore(&mut other, &older);
    let mut next = join(&mark, "here");
    assert_eq!(
        (next.store.loss(), next.store.tally().losses),
        (Some(Loss::Last(2)), 1)
    );
    assert_eq!(next.store.lost_of(now, &[id, lost[0], lost[1]]), Ok(lost.into()));
    // That is known from now on.
    let known = next.store.mark().expect("it has heard of Redis");
    assert_eq!(join(&known, "here").store.loss(), None);
    assert_eq!(join(&mark, "there").store.loss(), None, "that is another world");
    restore(&mut other, &[]);
    assert_eq!(join(&known, "here").store.loss(), Some(Loss::All));
}

#[test]
fn a_redis_that_does_not_have_the_last_jobs_is_noticed_when_it_is_joined() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "older", "here");
    let ids: Vec<JobId> = (0..3).map(|_| remote.id()).collect();
    let now = remote.now();
    remote.store.put(now, ids[0], spec("a")).expect("there is room");
    // What a replica has that has heard of the first one only.
    let mut other = asked(&server);
    let copies = copies(&mut other);
    for id in &ids[1..] {
        remote.store.put(now, *id, spec("a")).expect("there is room");
    }
    restore(&mut other, &copies);
    redis::cmd("CLIENT")
        .arg("KILL")
        .arg("TYPE")
        .arg("normal")
        .arg("SKIPME")
        .arg("yes")
        .exec(&mut other)
        .expect("allowed");
    assert!(matches!(remote.store.counts(), Err(JobError::Away(_))));
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(1));
    assert_eq!(
        (remote.store.loss(), remote.store.loss()),
        (Some(Loss::Last(2)), None)
    );
    assert_eq!(remote.store.tally().losses, 1);
    let now = remote.now();
    assert_eq!(remote.store.knows(now, &ids), Ok(vec![true, false, false]));
    // One that was done long ago is known no more, but it is not among the last two.
    let asked_about = [ids[0], ids[1], ids[2], JobId([99; 16])];
    assert_eq!(
        remote.store.lost_of(now, &asked_about),
        Ok([ids[1], ids[2]].into())
    );
    assert_eq!(remote.store.lost_of(now, &asked_about), Ok([].into()));
    let again = remote.store.put(now, ids[1], spec("a")).expect("it works on");
    assert!(!again.duplicate);
}

#[test]
fn a_job_that_is_done_is_known_until_many_others_were_put() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "known", "here");
    let (id, now) = (remote.id(), remote.now());
    remote.store.put(now, id, spec("a")).expect("there is room");
    let queue = [Queue::Any("a".into())];
    let taken = remote.store.take(now, "x", &queue, 1).expect("Redis is there");
    remote
        .store
        .end(now, id, taken[0].lease, Ending::Done)
        .expect("it holds");
    let again = remote.store.put(now, id, spec("a")).expect("Redis is there");
    assert!(again.duplicate);
    let mut other = asked(&server);
    // As if so many others had been put meanwhile, once and twice.
    for expected in [true, false] {
        let others: Vec<String> = (0..crate::limits::JOBS_KNOWN_MAX)
            .map(|number| number.to_string())
            .collect();
        redis::cmd("SADD")
            .arg("{known}:4:fed:here")
            .arg(&others)
            .exec(&mut other)
            .expect("allowed");
        let (next, now) = (remote.id(), remote.now());
        remote.store.put(now, next, spec("a")).expect("there is room");
        assert_eq!(remote.store.knows(now, &[next, id]), Ok(vec![true, expected]));
    }
}

#[test]
fn a_job_for_all_worlds_is_cancelled_in_each_of_them_that_is_not_at_work_on_it() {
    let Some(server) = Server::start() else { return };
    let mut worlds = ["one", "two", "three"].map(|world| Remote::new(&server, "all", world));
    for world in &mut worlds {
        let now = world.now();
        world.store.join(now).expect("there is room for a world");
    }
    let [one, two, three] = &mut worlds;
    let now = one.now();
    let for_all = spec_for(JobTarget::Peers);
    let id = one.id();
    one.store.put(now, id, for_all.clone()).expect("there is room");
    assert_eq!(one.store.cancel(now, id), Ok(()));
    assert_eq!(one.store.counts(), Ok(Counts::default()));
    assert_eq!(one.store.cancel(now, id), Err(JobError::Unknown));
    let id = one.id();
    one.store.put(now, id, for_all).expect("there is room");
    let taken = two
        .store
        .take(now, "t", &[Queue::World], 8)
        .expect("Redis is there");
    assert_eq!(taken.len(), 1);
    assert_eq!(one.store.cancel(now, id), Err(JobError::AtWork));
    assert_eq!(three.store.take(now, "t", &[Queue::World], 8), Ok(vec![]));
    let lease = taken[0].lease;
    assert_eq!(two.store.end(now, taken[0].job, lease, Ending::Done), Ok(()));
    assert_eq!(one.store.counts(), Ok(Counts::default()));
}

#[test]
fn of_a_take_and_a_cancel_at_once_one_has_the_job() {
    let Some(server) = Server::start() else { return };
    let (mut here, mut there) = (
        Remote::new(&server, "race", "here"),
        Remote::new(&server, "race", "there"),
    );
    let now = here.now();
    there.store.join(now).expect("Redis is there");
    let ids: Vec<JobId> = (0..MOST).map(|_| here.id()).collect();
    for id in &ids {
        here.store.put(now, *id, spec("a")).expect("there is room");
    }
    let queue = [Queue::Any("a".into())];
    let (cancelled, taken) = std::thread::scope(|scope| {
        let cancelling = scope.spawn(|| -> Vec<JobId> {
            let is_gone = |id: &&JobId| match here.store.cancel(now, **id) {
                Ok(()) => true,
                Err(JobError::AtWork) => false,
                Err(error) => panic!("{error}"),
            };
            // From the end that is taken last.
            ids.iter().rev().filter(is_gone).copied().collect()
        });
        let mut taken = Vec::new();
        while let Some(one) = there
            .store
            .take(now, "t", &queue, 1)
            .expect("Redis is there")
            .pop()
        {
            taken.push(one.job);
        }
        (cancelling.join().expect("no other error"), taken)
    });
    let mut all = [cancelled, taken].concat();
    all.sort_unstable_by_key(|id| id.0);
    assert_eq!(all, ids, "each was taken or cancelled, and none was both");
}

#[test]
fn a_stream_that_somebody_deletes_costs_its_own_jobs_and_stands_in_nobodys_way() {
    let Some(server) = Server::start() else { return };
    let mut remote = Remote::new(&server, "torn", "here");
    let now = remote.now();
    let queues = [Queue::Any("a".into()), Queue::Any("b".into())];
    let [taken, torn, other] = [remote.id(), remote.id(), remote.id()];
    remote.store.put(now, taken, spec("a")).expect("there is room");
    assert_eq!(
        remote.store.take(now, "x", &queues, 1).map(|all| all.len()),
        Ok(1)
    );
    remote.store.put(now, torn, spec("a")).expect("there is room");
    remote.store.put(now, other, spec("b")).expect("there is room");
    redis::cmd("DEL")
        .arg("{torn}:4:q:any:a")
        .exec(&mut asked(&server))
        .expect("it is allowed");
    let found = remote.store.take(now, "x", &queues, 8).expect("Redis is there");
    assert_eq!(found.iter().map(|taken| taken.job).collect::<Vec<_>>(), [other]);
    assert_eq!(remote.store.list(8).map(|all| all.len()), Ok(3));
    assert_eq!(remote.store.counts().map(|counts| counts.alive), Ok(3));
    assert_eq!(
        remote.store.give_back(now, "x"),
        Ok(1),
        "the job of the other queue"
    );
    remote.store.sweep(now).expect("Redis is there");
    assert_eq!(remote.store.cancel_many(now, &[torn]), Ok(vec![Ok(())]));
    let next = remote.id();
    remote.store.put(now, next, spec("a")).expect("there is room");
    let found = remote
        .store
        .take(now, "x", &queues[..1], 8)
        .expect("Redis is there");
    assert_eq!(found.iter().map(|taken| taken.job).collect::<Vec<_>>(), [next]);
}
