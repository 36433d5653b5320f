//! When the thread commits, and what.

use super::*;
use crate::protocol::event::ClientEvent;
use crate::protocol::machine::outbox::{Opening, Out, Outbox, Prepared};
use crate::protocol::{ClientId, HostId, Wall};
use moo_model::world::{CommitRecord, Root};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const CLIENT: ClientId = ClientId([1; 16]);
const CONN: u64 = 1;

/// A way out with one connection, and what is committed to a world without a task.
fn scene() -> (Arc<Outlet>, Receiver<CommitRecord>) {
    let (records, committed) = channel();
    let sink = move |record| drop(records.send(record));
    let world = World::new(Root::default(), Box::new(sink));
    let outlet = Arc::new(Outlet::new(Outbox::default(), 1, || Wall(1_000)));
    outlet.start_committing(world).expect("a thread can be started");
    outlet.outbox().open(Opening {
        conn: CONN,
        client: CLIENT,
        host: HostId([2; 16]),
        attach_epoch: 1,
        wants_ends: false,
        era: 1,
    });
    (outlet, committed)
}

fn speak(outlet: &Outlet) {
    let event = ClientEvent::Gap { lost: 1 };
    outlet
        .outbox()
        .say(Prepared::new(&event, None, Wall(1_000), vec![CONN]));
    outlet.wishes.now();
}

#[test]
fn words_are_committed_without_a_task_and_leave_once_that_is_written() {
    let (outlet, committed) = scene();
    speak(&outlet);
    let record = committed.recv_timeout(PATIENCE).expect("it commits");
    let put: Vec<_> = record
        .rows
        .iter()
        .map(|row| (row.key.len(), row.value.is_some()))
        .collect();
    assert_eq!(put, [(16, true), (8, true)], "the stream's mark, and the event");
    assert_eq!(outlet.outbox().written(record.stamp - 1, 10).len(), 0);
    let out = outlet.outbox().written(record.stamp, 10);
    assert!(matches!(&out[..], [Out::Frame { .. }]), "{out:?}");
}

#[test]
fn deletions_wait_for_company_and_then_go_alone() {
    let (outlet, committed) = scene();
    speak(&outlet);
    let record = committed.recv_timeout(PATIENCE).expect("it commits");
    outlet.outbox().written(record.stamp, 10);
    let began = Instant::now();
    outlet.outbox().accepted(CLIENT, 1);
    outlet.commit_later();
    let record = committed.recv_timeout(PATIENCE).expect("it commits");
    assert!(began.elapsed() >= OUTBOX_COMMIT_DELAY);
    let rows: Vec<_> = record
        .rows
        .iter()
        .map(|row| (row.key.len(), row.value.is_some()))
        .collect();
    assert_eq!(
        rows,
        [(16, true), (8, false)],
        "how far the stream is, and no event"
    );
}

#[test]
fn what_a_tasks_commit_has_taken_along_is_not_committed_again() {
    let (outlet, committed) = scene();
    assert_eq!(outlet.outbox().number(1, Vec::new(), None).len(), 1);
    outlet.commit_later();
    speak(&outlet);
    let record = committed.recv_timeout(PATIENCE).expect("it commits");
    assert_eq!((record.stamp, record.rows.len()), (1, 1));
}
