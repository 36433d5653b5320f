//! The suite that every job store is held to: each behaviour as a function of a store and its clock.
//!
//! Invariant: nothing here knows which store it plays on; what time does is asked of the subject's clock, so that a store
//! with a clock of its own, elsewhere, can be held to the same.

mod order;

use super::{Ending, JobError, JobStore, Now, Queue, Seen, Standing, Taken};
use crate::protocol::job::{Confirm, JobSpec, JobTarget};
use crate::protocol::{HostId, JobId, WireObj, WireValue};
use moo_model::Value;
use order::{
    a_delayed_job_waits_for_its_time, a_full_store_says_so, a_job_that_is_parked_keeps_its_tries,
    a_job_that_nobody_has_can_be_cancelled, a_job_that_nobody_wants_is_dead_in_time,
    a_store_that_drains_gives_nothing, an_order_key_has_one_job_at_work, an_order_key_waits_for_a_retry,
    the_jobs_of_an_owner_are_counted,
};
use std::time::Duration;

/// The times that a store goes by.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long a lease holds.
    pub lease: Duration,
    /// The first pause before a job is tried again.
    pub backoff: Duration,
    /// How long a dedupe key is remembered.
    pub dedupe: Duration,
}

/// A store under test.
pub trait Subject {
    /// The store.
    fn store(&mut self) -> &mut dyn JobStore;
    /// What its clock says.
    fn now(&mut self) -> Now;
    /// Lets so much time pass, and has the store look at its clock.
    fn pass(&mut self, time: Duration);
    /// Its times.
    fn terms(&self) -> Terms;
    /// A fresh id.
    fn id(&mut self) -> JobId;
    /// How many jobs it may keep; small, so that it can be filled.
    fn jobs_max(&self) -> usize;
}

/// One behaviour.
type Behaviour = (&'static str, fn(&mut dyn Subject));

/// All of them, by name. Each wants a store without jobs.
pub const SUITE: &[Behaviour] = &[
    (
        "what was put first is taken first",
        what_was_put_first_is_taken_first,
    ),
    (
        "a queue gives only to who asks for it",
        a_queue_gives_only_to_who_asks_for_it,
    ),
    ("a job comes as it was put", a_job_comes_as_it_was_put),
    (
        "a lease that ran out is another's",
        a_lease_that_ran_out_is_anothers,
    ),
    ("a lease that is extended holds", a_lease_that_is_extended_holds),
    (
        "a taker that is gone gives back at once",
        a_taker_that_is_gone_gives_back_at_once,
    ),
    (
        "tries are further and further apart",
        tries_are_further_and_further_apart,
    ),
    (
        "a job that always fails is dead with its last error",
        a_job_that_always_fails_is_dead,
    ),
    (
        "a job that is parked keeps its tries",
        a_job_that_is_parked_keeps_its_tries,
    ),
    (
        "the jobs of an owner are counted",
        the_jobs_of_an_owner_are_counted,
    ),
    (
        "a dead job comes back or is forgotten",
        a_dead_job_comes_back_or_is_forgotten,
    ),
    (
        "a second job with a key is the first",
        a_second_job_with_a_key_is_the_first,
    ),
    (
        "a put that is made again is one put",
        a_put_that_is_made_again_is_one_put,
    ),
    (
        "an order key has one job at work",
        an_order_key_has_one_job_at_work,
    ),
    (
        "an order key waits for a job that is tried again",
        an_order_key_waits_for_a_retry,
    ),
    (
        "a delayed job waits for its time",
        a_delayed_job_waits_for_its_time,
    ),
    (
        "a job that nobody wants is dead in time",
        a_job_that_nobody_wants_is_dead_in_time,
    ),
    (
        "a job that nobody has can be cancelled",
        a_job_that_nobody_has_can_be_cancelled,
    ),
    (
        "a store that drains gives nothing",
        a_store_that_drains_gives_nothing,
    ),
    ("a full store says so and keeps what it has", a_full_store_says_so),
];

/// A plain job for anyone.
pub fn spec(kind: &str) -> JobSpec {
    JobSpec {
        kind: kind.to_owned(),
        target: JobTarget::Any,
        data: WireValue::new(&Value::int(1)),
        order_key: None,
        dedupe: None,
        not_before: None,
        ttl_ms: 0,
        tries_max: 0,
        from: Some(WireObj(7)),
        confirm: Confirm::Queued,
    }
}

fn any(kind: &str) -> Queue {
    Queue::Any(kind.to_owned())
}

/// What the suite does on a subject, in short.
struct Play<'a>(&'a mut dyn Subject);

impl Play<'_> {
    #[track_caller]
    fn put(&mut self, spec: JobSpec) -> JobId {
        let (job, now) = (self.0.id(), self.0.now());
        let stored = self.0.store().put(now, job, spec).expect("there is room");
        stored.job
    }

    #[track_caller]
    fn take(&mut self, taker: &str, queue: &Queue, most: usize) -> Vec<Taken> {
        let now = self.0.now();
        let queues = std::slice::from_ref(queue);
        self.0
            .store()
            .take(now, taker, queues, most)
            .expect("the store is there")
    }

    #[track_caller]
    fn one(&mut self, taker: &str, queue: &Queue) -> Taken {
        let mut taken = self.take(taker, queue, 1);
        assert_eq!(taken.len(), 1, "{taker} got nothing from {queue}");
        taken.remove(0)
    }

    #[track_caller]
    fn none(&mut self, queue: &Queue) {
        assert_eq!(self.take("nobody", queue, 8), [], "{queue} has something to give");
    }

    fn end(&mut self, taken: &Taken, how: Ending) -> Result<(), JobError> {
        let now = self.0.now();
        self.0.store().end(now, taken.job, taken.lease, how)
    }

    #[track_caller]
    fn done(&mut self, taken: &Taken) {
        self.end(taken, Ending::Done).expect("the lease holds");
    }

    #[track_caller]
    fn fail(&mut self, taken: &Taken, after: Option<Duration>, why: &str) {
        let why = why.to_owned();
        self.end(taken, Ending::Retry { after, why })
            .expect("the lease holds");
    }

    #[track_caller]
    fn find(&mut self, job: JobId) -> Option<Seen> {
        self.0.store().find(job).expect("the store is there")
    }

    #[track_caller]
    fn counts(&mut self) -> (u64, u64) {
        let counts = self.0.store().counts().expect("the store is there");
        (counts.alive, counts.dead)
    }
}

fn what_was_put_first_is_taken_first(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let jobs: Vec<_> = (0..5).map(|_| play.put(spec("a"))).collect();
    let first: Vec<_> = play.take("x", &any("a"), 3);
    let rest: Vec<_> = play.take("y", &any("a"), 8);
    let order: Vec<_> = first.iter().chain(&rest).map(|taken| taken.job).collect();
    assert_eq!(order, jobs);
    play.none(&any("a"));
    first.iter().chain(&rest).for_each(|taken| play.done(taken));
    assert_eq!(play.counts(), (0, 0));
    assert_eq!(play.find(jobs[0]), None);
}

fn a_queue_gives_only_to_who_asks_for_it(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let agent = HostId([9; 16]);
    let targets = [
        (JobTarget::Any, any("a")),
        (JobTarget::World, Queue::World),
        (JobTarget::Agent(agent), Queue::Agent(agent)),
        (JobTarget::User(WireObj(12)), Queue::User(WireObj(12))),
        (JobTarget::Worker("http".into()), Queue::Worker("http".into())),
        (JobTarget::Named("Ann".into()), Queue::Named("ann".into())),
    ];
    for (target, _) in &targets {
        play.put(JobSpec {
            target: target.clone(),
            ..spec("a")
        });
    }
    play.none(&any("b"));
    play.none(&Queue::User(WireObj(13)));
    play.none(&Queue::Agent(HostId([8; 16])));
    for (target, queue) in &targets {
        let taken = play.one("x", queue);
        assert_eq!((&taken.spec.target, &taken.queue), (target, queue));
        play.none(queue);
        play.done(&taken);
    }
}

fn a_job_comes_as_it_was_put(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let data = Value::list(vec![
        Value::str("é\n\0"),
        Value::int(i64::MIN),
        Value::empty_list(),
    ]);
    let full = JobSpec {
        data: WireValue::new(&data),
        order_key: Some("key: 1".into()),
        dedupe: Some("once".into()),
        ttl_ms: 3_600_000,
        tries_max: 9,
        ..spec("a.b-c")
    };
    let job = play.put(full.clone());
    let taken = play.one("x", &any("a.b-c"));
    assert_eq!((taken.job, taken.attempt, &taken.spec), (job, 1, &full));
    let seen = play.find(job).expect("it is alive");
    assert_eq!((seen.standing, seen.tries), (Standing::Taken("x".into()), 1));
    play.done(&taken);
}

fn a_lease_that_ran_out_is_anothers(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let lease = play.0.terms().lease;
    let job = play.put(spec("a"));
    let first = play.one("x", &any("a"));
    play.none(&any("a"));
    play.0.pass(lease + lease / 4);
    let second = play.one("y", &any("a"));
    assert_eq!((second.job, second.attempt), (job, 2));
    assert_eq!(play.end(&first, Ending::Done), Err(JobError::LateLease));
    play.done(&second);
    assert_eq!(play.end(&second, Ending::Done), Err(JobError::LateLease));
    assert_eq!(play.counts(), (0, 0));
}

fn a_lease_that_is_extended_holds(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let lease = play.0.terms().lease;
    play.put(spec("a"));
    let taken = play.one("x", &any("a"));
    for _ in 0..4 {
        play.0.pass(lease / 2);
        let now = play.0.now();
        play.0
            .store()
            .extend(now, taken.job, taken.lease)
            .expect("it holds");
    }
    play.none(&any("a"));
    play.done(&taken);
    let now = play.0.now();
    let late = play.0.store().extend(now, taken.job, taken.lease);
    assert_eq!(late, Err(JobError::LateLease));
}

fn a_taker_that_is_gone_gives_back_at_once(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let jobs = [play.put(spec("a")), play.put(spec("a")), play.put(spec("a"))];
    play.take("x", &any("a"), 2);
    let other = play.one("y", &any("a"));
    let now = play.0.now();
    assert_eq!(play.0.store().give_back(now, "x"), Ok(2));
    let again = play.take("z", &any("a"), 8);
    assert_eq!(again.iter().map(|taken| taken.job).collect::<Vec<_>>(), jobs[..2]);
    assert_eq!(again[0].attempt, 2);
    play.done(&other);
}

fn tries_are_further_and_further_apart(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    play.put(spec("a"));
    for number in 0..3 {
        let taken = play.one("x", &any("a"));
        assert_eq!(taken.attempt, number + 1);
        play.fail(&taken, None, "no luck");
        play.none(&any("a"));
        let pause = base * (1 << number);
        play.0.pass(pause * 3 / 4);
        play.none(&any("a"));
        play.0.pass(pause * 3 / 4);
    }
    let taken = play.one("x", &any("a"));
    play.fail(&taken, Some(Duration::ZERO), "at once");
    let taken = play.one("x", &any("a"));
    play.done(&taken);
}

fn a_job_that_always_fails_is_dead(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let poison = play.put(JobSpec {
        tries_max: 3,
        ..spec("a")
    });
    let healthy = play.put(spec("a"));
    for number in 1..=3 {
        let taken = play.one("x", &any("a"));
        let is_poison = taken.job == poison;
        let taken = if is_poison {
            taken
        } else {
            // The queue moves on while the other one waits for its next try.
            play.done(&taken);
            play.one("x", &any("a"))
        };
        assert_eq!(taken.job, poison);
        play.fail(&taken, Some(Duration::ZERO), &format!("error {number}"));
    }
    let seen = play.find(poison).expect("the dead are kept");
    let Standing::Dead(why) = &seen.standing else {
        panic!("it is {seen:?}");
    };
    assert!(why.contains("3 times") && why.contains("error 3"), "{why}");
    let dead = play.0.store().dead(8).expect("the store is there");
    assert_eq!(dead.len(), 1);
    for taken in play.take("x", &any("a"), 8) {
        assert_eq!(taken.job, healthy);
        play.done(&taken);
    }
    let rejected = play.put(spec("b"));
    let taken = play.one("x", &any("b"));
    play.end(&taken, Ending::Reject("never".into()))
        .expect("the lease holds");
    let seen = play.find(rejected).expect("the dead are kept");
    assert_eq!(seen.standing, Standing::Dead("never".into()));
    assert_eq!(play.counts(), (0, 2));
}

fn a_dead_job_comes_back_or_is_forgotten(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let job = play.put(JobSpec {
        tries_max: 1,
        ..spec("a")
    });
    let taken = play.one("x", &any("a"));
    play.fail(&taken, None, "once");
    play.none(&any("a"));
    let now = play.0.now();
    play.0.store().retry(now, job).expect("it is dead");
    assert_eq!(play.0.store().retry(now, job), Err(JobError::Unknown));
    let taken = play.one("x", &any("a"));
    assert_eq!((taken.job, taken.attempt), (job, 1));
    play.fail(&taken, None, "twice");
    play.0.store().drop_dead(job).expect("it is dead");
    assert_eq!(play.0.store().drop_dead(job), Err(JobError::Unknown));
    assert_eq!((play.find(job), play.counts()), (None, (0, 0)));
}

fn a_second_job_with_a_key_is_the_first(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let dedupe = play.0.terms().dedupe;
    let keyed = || JobSpec {
        dedupe: Some("k".into()),
        ..spec("a")
    };
    let first = play.put(keyed());
    assert_eq!(play.put(keyed()), first);
    assert_eq!(play.counts(), (1, 0));
    assert!(play.find(first).is_some());
    let taken = play.one("x", &any("a"));
    play.done(&taken);
    // Also when the first is done already.
    assert_eq!(play.put(keyed()), first);
    play.none(&any("a"));
    let (id, now) = (play.0.id(), play.0.now());
    let stored = play.0.store().put(now, id, keyed()).expect("there is room");
    assert!(stored.duplicate);
    play.0.pass(dedupe + dedupe / 4);
    assert_ne!(play.put(keyed()), first);
    assert_eq!(play.take("x", &any("a"), 8).len(), 1);
}

fn a_put_that_is_made_again_is_one_put(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let (job, now) = (play.0.id(), play.0.now());
    for again in [false, true] {
        let stored = play.0.store().put(now, job, spec("a")).expect("there is room");
        assert_eq!((stored.job, stored.duplicate), (job, again));
    }
    assert_eq!(play.take("x", &any("a"), 8).len(), 1);
}
