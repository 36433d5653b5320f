//! Behaviours of order keys, of time, and of bounds.

use super::{Play, Subject, any, spec};
use crate::jobs::{Ending, JobError, Owner, Queue, Standing};
use crate::protocol::job::{JobSpec, JobTarget};
use crate::protocol::{Wall, WireObj};
use std::time::Duration;

pub fn an_order_key_has_one_job_at_work(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let keyed = |key: &str| JobSpec {
        order_key: Some(key.into()),
        ..spec("a")
    };
    let (a1, a2) = (play.put(keyed("a")), play.put(keyed("a")));
    let (b1, free) = (play.put(keyed("b")), play.put(spec("a")));
    let taken = play.take("x", &any("a"), 8);
    let jobs: Vec<_> = taken.iter().map(|taken| taken.job).collect();
    assert_eq!(jobs, [a1, b1, free]);
    let seen = play.find(a2).expect("it is alive");
    assert_eq!(seen.standing, Standing::Behind);
    play.done(&taken[1]);
    play.none(&any("a"));
    play.done(&taken[0]);
    let next = play.one("y", &any("a"));
    assert_eq!(next.job, a2);
    play.done(&next);
    play.done(&taken[2]);
    assert_eq!(play.counts(), (0, 0));
}

pub fn an_order_key_waits_for_a_retry(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    let keyed = || JobSpec {
        order_key: Some("k".into()),
        tries_max: 2,
        ..spec("a")
    };
    let (first, second) = (play.put(keyed()), play.put(keyed()));
    let taken = play.one("x", &any("a"));
    play.fail(&taken, None, "later");
    play.none(&any("a"));
    play.0.pass(base + base / 2);
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.job, first);
    play.fail(&taken, None, "never");
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.job, second);
    play.done(&taken);
}

pub fn a_delayed_job_waits_for_its_time(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    let due: Wall = play.0.now().wall.plus(base * 2);
    let late = play.put(JobSpec {
        not_before: Some(due),
        ..spec("a")
    });
    let early = play.put(spec("a"));
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.job, early);
    play.done(&taken);
    play.none(&any("a"));
    assert!(matches!(play.find(late).map(|seen| seen.standing), Some(Standing::Delayed(at)) if at == due));
    play.0.pass(base * 3);
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.job, late);
    play.done(&taken);
}

pub fn a_job_that_nobody_wants_is_dead_in_time(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    let user = Queue::User(WireObj(5));
    let short = play.put(JobSpec {
        target: JobTarget::User(WireObj(5)),
        ttl_ms: u64::try_from((base * 2).as_millis()).expect("it is short"),
        ..spec("a")
    });
    let long = play.put(JobSpec {
        target: JobTarget::User(WireObj(5)),
        ..spec("a")
    });
    play.0.pass(base);
    assert!(
        play.find(short)
            .is_some_and(|seen| seen.standing == Standing::Ready)
    );
    play.0.pass(base * 2);
    let seen = play.find(short).expect("the dead are kept");
    assert!(matches!(seen.standing, Standing::Dead(why) if why.contains("in the time")));
    let taken = play.one("x", &user);
    assert_eq!(taken.job, long);
    play.done(&taken);
}

pub fn a_job_that_nobody_has_can_be_cancelled(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    let keyed = || JobSpec {
        order_key: Some("k".into()),
        ..spec("a")
    };
    let now = play.0.now();
    let delayed = play.put(JobSpec {
        not_before: Some(now.wall.plus(base)),
        ..spec("a")
    });
    let (taken, behind, last) = (play.put(keyed()), play.put(keyed()), play.put(keyed()));
    let at_work = play.one("x", &any("a"));
    assert_eq!(at_work.job, taken);
    assert_eq!(play.0.store().cancel(now, taken), Err(JobError::AtWork));
    for job in [delayed, behind] {
        play.0.store().cancel(now, job).expect("nobody has it");
        assert_eq!(play.find(job), None);
    }
    assert_eq!(play.0.store().cancel(now, behind), Err(JobError::Unknown));
    play.done(&at_work);
    play.0.pass(base * 2);
    let next = play.take("x", &any("a"), 8);
    assert_eq!(next.iter().map(|taken| taken.job).collect::<Vec<_>>(), [last]);
    play.done(&next[0]);
    assert_eq!(play.counts(), (0, 0));
}

pub fn a_store_that_drains_gives_nothing(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    play.put(spec("a"));
    let taken = play.one("x", &any("a"));
    play.0.store().set_draining(true);
    play.put(spec("a"));
    play.none(&any("a"));
    play.done(&taken);
    play.0.store().set_draining(false);
    let taken = play.one("x", &any("a"));
    play.done(&taken);
}

pub fn a_full_store_says_so(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let most = play.0.jobs_max();
    let jobs: Vec<_> = (0..most).map(|_| play.put(spec("a"))).collect();
    let (id, now) = (play.0.id(), play.0.now());
    let refused = play.0.store().put(now, id, spec("a"));
    assert_eq!(refused.map(|stored| stored.job), Err(JobError::Full));
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.job, jobs[0]);
    play.done(&taken);
    play.put(spec("a"));
    assert_eq!(play.take("x", &any("a"), 2 * most).len(), most);
}

pub fn a_job_that_is_parked_keeps_its_tries(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let base = play.0.terms().backoff;
    let job = play.put(JobSpec {
        tries_max: 1,
        ..spec("a")
    });
    let park = |after: Duration| Ending::Park {
        after,
        why: "nobody is there".into(),
    };
    let before = play.0.store().tally();
    for _ in 0..3 {
        let taken = play.one("x", &any("a"));
        assert_eq!((taken.job, taken.attempt), (job, 1));
        play.end(&taken, park(Duration::ZERO)).expect("the lease holds");
        assert_eq!(play.end(&taken, Ending::Done), Err(JobError::LateLease));
    }
    let taken = play.one("x", &any("a"));
    play.end(&taken, park(base)).expect("the lease holds");
    play.none(&any("a"));
    let seen = play.find(job).expect("it is alive");
    assert_eq!((seen.tries, seen.why.as_str()), (0, "nobody is there"));
    play.0.pass(base + base / 2);
    let taken = play.one("x", &any("a"));
    assert_eq!(taken.attempt, 1);
    play.fail(&taken, None, "its last try");
    assert_eq!(play.counts(), (0, 1));
    let after = play.0.store().tally();
    let of = |tally: crate::jobs::Tally| (tally.takes, tally.parks, tally.retries);
    assert_eq!(
        of(after),
        (before.takes + 5, before.parks + 4, before.retries + 1)
    );
}

pub fn the_jobs_of_an_owner_are_counted(subject: &mut dyn Subject) {
    let mut play = Play(subject);
    let of_owner = |play: &mut Play, owner: Option<i64>| {
        let (job, now) = (play.0.id(), play.0.now());
        let spec = JobSpec {
            from: owner.map(WireObj),
            tries_max: 1,
            ..spec("a")
        };
        let stored = play.0.store().put(now, job, spec).expect("there is room");
        stored.of_owner
    };
    assert_eq!(of_owner(&mut play, Some(7)), 1);
    assert_eq!(of_owner(&mut play, Some(7)), 2);
    assert_eq!(of_owner(&mut play, Some(8)), 1);
    assert_eq!(of_owner(&mut play, None), 0);
    let taken = play.take("x", &any("a"), 2);
    assert_eq!(taken[0].owner, Some(Owner::own(WireObj(7))));
    assert_eq!(taken[0].spec.from, Some(WireObj(7)));
    play.done(&taken[0]);
    play.fail(&taken[1], None, "no luck");
    assert_eq!(
        of_owner(&mut play, Some(7)),
        1,
        "the done and the dead do not count"
    );
    let now = play.0.now();
    play.0.store().retry(now, taken[1].job).expect("it is dead");
    assert_eq!(of_owner(&mut play, Some(7)), 3, "one came back");
}
