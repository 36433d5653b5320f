//! Leases as this daemon knows them, without a Redis.

use super::*;
use crate::protocol::WireValue;
use crate::protocol::job::{Confirm, JobSpec, JobTarget};
use moo_model::Value;

const JOB: JobId = JobId([1; 16]);
const HOST: HostId = HostId([2; 16]);
const LEASE: Duration = Duration::from_secs(3_600);

fn taken(lease: u64) -> Taken {
    Taken {
        job: JOB,
        lease,
        queue: Queue::World,
        attempt: 1,
        owner: None,
        spec: JobSpec {
            kind: "carry".into(),
            target: JobTarget::World,
            data: WireValue::new(&Value::int(0)),
            order_key: None,
            dedupe: None,
            not_before: None,
            ttl_ms: 0,
            tries_max: 0,
            from: None,
            confirm: Confirm::Queued,
        },
    }
}

fn want(host: Option<HostId>) -> Want {
    Want {
        host,
        taker: host.map_or("here/world".into(), |host| format!("{host}/1")),
        queues: vec![Queue::World],
        most: 1,
    }
}

/// An exchange that has the job for the world or a host.
fn holding(host: Option<HostId>) -> Exchange {
    let exchange = Exchange::default();
    exchange.hold(&want(host), &[taken(1)], Instant::now(), LEASE);
    exchange
}

/// The same with a lease that is over.
fn late(host: Option<HostId>) -> Exchange {
    let exchange = Exchange::default();
    exchange.hold(&want(host), &[taken(1)], Instant::now(), Duration::ZERO);
    exchange
}

#[test]
fn what_a_task_did_of_a_job_counts_only_while_its_lease_holds() {
    let exchange = holding(None);
    assert!(exchange.claim(JOB));
    assert_eq!(exchange.release_own(JOB), Some(1));
    assert!(!exchange.claim(JOB), "it is done");
    let exchange = late(None);
    assert!(!exchange.claim(JOB));
    assert_eq!(exchange.release_own(JOB), None);
    // Redis says that it is somebody else's.
    let exchange = holding(None);
    exchange.extended(JOB, 1, None);
    assert!(!exchange.claim(JOB));
}

#[test]
fn a_job_that_a_commit_has_claimed_stays_until_that_commit_ends_it() {
    let exchange = holding(None);
    assert!(exchange.claim(JOB));
    exchange.extended(JOB, 1, None);
    exchange.give_back("here/world".into());
    // It was given to this world again, while the task of the first lease is about to commit.
    exchange.hold(&want(None), &[taken(2)], Instant::now(), Duration::ZERO);
    assert_eq!(exchange.release_own(JOB), Some(2));
}

#[test]
fn an_agents_lease_is_extended_when_the_agent_says_so_and_never_else() {
    let exchange = holding(Some(HOST));
    assert!(exchange.to_extend(true).is_empty());
    exchange.ask_to_extend(JOB);
    assert_eq!(exchange.to_extend(false), [(JOB, 1)]);
    exchange.extended(JOB, 1, Some(Instant::now() + LEASE));
    assert!(exchange.to_extend(true).is_empty());
    let exchange = holding(None);
    assert_eq!(exchange.to_extend(true), [(JOB, 1)], "a task of the world runs");
    assert!(exchange.to_extend(false).is_empty());
}

#[test]
fn a_lease_is_good_for_its_own_host_and_for_its_time() {
    let exchange = holding(Some(HOST));
    assert!(exchange.holds(JOB, 1, HOST));
    assert!(!exchange.holds(JOB, 2, HOST));
    assert!(!exchange.holds(JOB, 1, HostId([3; 16])));
    assert!(exchange.release(JOB, 1) && !exchange.release(JOB, 1));
    let exchange = late(Some(HOST));
    assert!(!exchange.holds(JOB, 1, HOST) && !exchange.release(JOB, 1));
    exchange.to_extend(true);
    assert!(
        exchange.takers().is_empty(),
        "nothing is kept for who let it run out"
    );
}

#[test]
fn a_job_is_forgotten_there_once_the_commit_that_says_so_is_written() {
    let exchange = Exchange::default();
    exchange.cancel(JOB, 5);
    assert_eq!(exchange.to_cancel(4, 8), (vec![], false));
    assert_eq!(exchange.to_cancel(5, 8), (vec![JOB], true));
    // What was not carried out is ordered still.
    assert_eq!(exchange.to_cancel(5, 8), (vec![JOB], true));
    exchange.cancelled(&[JOB]);
    assert_eq!(exchange.to_cancel(5, 8), (vec![], true));
}

#[test]
fn a_job_that_was_brought_there_is_shown_until_they_are_listed_anew() {
    let exchange = Exchange::default();
    let Taken { spec, queue, .. } = taken(1);
    let seen = Seen {
        job: JOB,
        queue,
        standing: crate::jobs::Standing::Ready,
        tries: 0,
        since: crate::protocol::Wall(1),
        why: String::new(),
        owner: None,
        spec,
    };
    exchange.show(seen.clone());
    assert_eq!(exchange.listed(|seen| seen.job == JOB).len(), 1);
    // Of large ones, only some are.
    let mut large = seen;
    large.spec.data = WireValue::new(&Value::string("x".repeat(JOBS_SEEN_BYTES_MAX / 4)));
    for _ in 0..5 {
        exchange.show(large.clone());
    }
    assert_eq!(exchange.listed(|_| true).len(), 4);
    exchange.list(Arc::default());
    assert!(exchange.listed(|_| true).is_empty());
}

#[test]
fn what_a_taker_had_done_ends_before_the_rest_is_given_back() {
    let exchange = Exchange::default();
    let end = |stamp| {
        exchange.end(Ended {
            job: JobId([1; 16]),
            lease: 1,
            how: Ending::Done,
            stamp,
        });
    };
    end(5);
    exchange.give_back("x".into());
    end(6);
    let next = || locked(&exchange.orders).next_gone();
    assert_eq!(next(), None);
    // A later end, of somebody else, holds up nothing.
    locked(&exchange.orders).ends.pop_front();
    assert_eq!(next(), Some("x".into()));
}
