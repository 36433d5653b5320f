//! Which jobs are written, as the thread that brings them elsewhere asks.

use super::programs::{COPY, is_of};
use super::*;
use crate::jobs::memory::Memory;
use crate::limits::{JOB_DATA_MAX, JOBS_FED_MAX, JOBS_OF_OWNER_BYTES_MAX};
use moo_model::{Obj, Value};
use moo_tasks::jobs::JobDesk;
use moo_vm::host::NewJob;

const LEASE: Duration = Duration::from_secs(30);

fn put(desk: &Desk, kind: &str) -> JobId {
    let job = NewJob::new(Obj(2), kind, Value::int(1));
    let spec = desk.spec(job).expect("it is for the world");
    let id = JobId(desk.next_id());
    desk.store().put(desk.now(), id, spec).expect("there is room");
    id
}

/// A desk whose jobs go elsewhere.
fn feeding() -> (Desk, Arc<Exchange>) {
    let exchange = Arc::new(Exchange::default());
    let desk = Desk::new(|| Wall(1), Some(exchange.clone()), LEASE);
    desk.open(|_| Embedded::load(Memory::feed(10), Now::default(), Default::default()).0);
    (desk, exchange)
}

#[test]
fn jobs_may_be_brought_elsewhere_once_their_own_commit_is_written() {
    let desk = Desk::new(|| Wall(1), None, LEASE);
    desk.open(|_| Embedded::load(Memory::feed(10), Now::default(), Default::default()).0);
    assert_eq!(desk.written_jobs(0), (0, true));
    put(&desk, "first");
    desk.at_commit(5);
    put(&desk, "second");
    put(&desk, "third");
    desk.at_commit(6);
    // A commit that puts nothing changes nothing.
    desk.at_commit(7);
    assert_eq!(desk.written_jobs(4), (0, false));
    assert_eq!(
        desk.written_jobs(5),
        (1, false),
        "whatever the log has yet to write"
    );
    let kinds = |up_to| {
        let jobs = desk.store().memory().oldest(&Queue::Feed, up_to, 10);
        jobs.into_iter().map(|(_, spec)| spec.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(1), ["first"]);
    assert_eq!(desk.written_jobs(6), (3, true));
    assert_eq!(kinds(3), ["first", "second", "third"]);
}

#[test]
fn the_store_elsewhere_is_to_forget_only_what_may_be_there() {
    let (desk, exchange) = feeding();
    let (first, second) = (put(&desk, "first"), put(&desk, "second"));
    assert_eq!(desk.offer(1, 10).len(), 1);
    assert_eq!(desk.cancel(desk.now(), second), Ok(false), "it was never sent");
    assert_eq!(desk.cancel(desk.now(), first), Ok(true));
    assert_eq!(desk.cancel(desk.now(), first), Ok(true), "it may have come there");
    // While that store does not hear of them, so many may wait to be forgotten.
    let here = put(&desk, "third");
    exchange.is_away.store(true, Ordering::Relaxed);
    assert!(desk.can_cancel(here.0) && !desk.can_cancel(first.0));
    for number in 0..JOBS_FED_MAX as u128 {
        exchange.cancel(JobId(number.to_be_bytes()), 1);
    }
    assert!(!desk.can_cancel(here.0));
}

#[test]
fn a_job_on_its_way_elsewhere_is_listed_once() {
    let (desk, exchange) = feeding();
    let job = put(&desk, "first");
    let seen = desk.store().find(job).expect("it is here").expect("it is here");
    exchange.show(seen);
    assert_eq!((desk.list(None).len(), desk.shown(false).len()), (1, 1));
    desk.fed(job, None);
    assert_eq!((desk.list(None).len(), desk.shown(false).len()), (1, 1));
}

#[test]
fn a_job_is_known_to_its_owner_by_its_key_wherever_it_is() {
    let desk = Desk::new(|| Wall(1), None, LEASE);
    desk.open(|_| Embedded::load(Memory::feed(10), Now::default(), Default::default()).0);
    let keyed = NewJob {
        dedupe: Some("once".into()),
        ..NewJob::new(Obj(2), "a", Value::int(1))
    };
    let id = desk.next_id();
    let spec = desk.spec(keyed).expect("it is for the world");
    desk.store()
        .put(desk.now(), JobId(id), spec)
        .expect("there is room");
    assert_eq!(desk.known(Obj(2), "once"), Some(id));
    assert_eq!(
        (desk.known(Obj(3), "once"), desk.known(Obj(2), "twice")),
        (None, None)
    );
    desk.fed(JobId(id), None);
    assert_eq!(desk.known(Obj(2), "once"), Some(id));
}

#[test]
fn a_job_for_all_worlds_is_found_by_what_any_of_them_has_of_it() {
    let first = [7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 9];
    let mut second = first;
    second[COPY] = 1;
    assert!(is_of(JobId(first), first) && is_of(JobId(second), first) && is_of(JobId(second), second));
    assert!(!is_of(JobId(first), second) && !is_of(JobId([7; 16]), first));
}

#[test]
fn an_owner_has_room_for_so_many_bytes_and_a_job_for_some_of_them() {
    let desk = Desk::new(|| Wall(1), None, LEASE);
    assert!(desk.takes(JOB_DATA_MAX) && !desk.takes(JOB_DATA_MAX + 1));
    let half = Value::string("x".repeat(JOB_DATA_MAX / 2));
    let mut ids = Vec::new();
    while desk.has_room(Some(Obj(2)), 1, JOB_DATA_MAX / 2) {
        let spec = desk
            .spec(NewJob::new(Obj(2), "a", half.clone()))
            .expect("it is for the world");
        ids.push(JobId(desk.next_id()));
        desk.store()
            .put(desk.now(), ids[ids.len() - 1], spec)
            .expect("there is room");
    }
    assert!(ids.len() < 2 * JOBS_OF_OWNER_BYTES_MAX / JOB_DATA_MAX + 1);
    assert!(desk.has_room(Some(Obj(3)), 1, JOB_DATA_MAX) && desk.has_room(None, 1, JOB_DATA_MAX));
    let shown = desk.shown(false).len();
    assert!(
        (1..ids.len()).contains(&shown),
        "{shown}: what is shown is bounded, too"
    );
    desk.store().cancel(desk.now(), ids[0]).expect("nobody has it");
    assert!(desk.has_room(Some(Obj(2)), 1, JOB_DATA_MAX / 2));
}
