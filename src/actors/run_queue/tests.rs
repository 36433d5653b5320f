//! The run queue by example, with threads that meet where the test wants them to.

use super::*;
use std::sync::mpsc;
use std::thread;

#[test]
fn jobs_begin_while_there_are_turns_and_wait_when_there_are_none() {
    let queue = RunQueue::new(2, |_| 0);
    assert_eq!(queue.offer([1, 2, 3]), [1, 2], "each needs a thread");
    assert!(queue.are_wanted());
    let seat = Seat::new();
    assert_eq!(
        queue.done(&seat),
        Some(3),
        "the thread that is done takes the next"
    );
    assert!(!queue.are_wanted());
}

#[test]
fn whoever_yields_goes_on_after_those_who_waited() {
    let queue = RunQueue::new(1, |_| 0);
    assert_eq!(queue.offer(["long"]), ["long"]);
    assert!(queue.offer(["short"]).is_empty());
    let (ran, order) = mpsc::channel();
    thread::scope(|scope| {
        let queue = &queue;
        let short = |job| {
            let ran = ran.clone();
            scope.spawn(move || {
                ran.send(job).expect("somebody looks");
                queue.done(&Seat::new());
            });
        };
        queue.yield_now(0, &Seat::new(), short);
        ran.send("long").expect("somebody looks");
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["short", "long"]);
        queue.close();
    });
}

#[test]
fn a_thread_goes_on_with_what_comes_while_it_works_and_after_it() {
    let queue = RunQueue::new(1, |_| 0);
    let (ran, seen) = mpsc::channel();
    thread::scope(|scope| {
        let queue = &queue;
        for job in queue.offer([1, 2]) {
            let ran = ran.clone();
            scope.spawn(move || {
                let seat = Seat::new();
                let mut next = Some(job);
                while let Some(job) = next {
                    ran.send(job).expect("somebody looks");
                    next = queue.done(&seat);
                }
            });
        }
        assert_eq!([seen.recv(), seen.recv()], [Ok(1), Ok(2)]);
        assert!(
            queue.offer([3]).is_empty(),
            "a thread is there for it, idle or about to be"
        );
        assert_eq!(seen.recv(), Ok(3));
        queue.close();
    });
}

#[test]
fn a_job_that_no_thread_could_be_started_for_goes_to_the_next_that_is_done() {
    let queue = RunQueue::new(2, |_| 0);
    assert_eq!(queue.offer([1, 2, 3, 4]), [1, 2]);
    queue.take_back(2);
    let seat = Seat::new();
    assert_eq!(queue.done(&seat), Some(2));
    assert_eq!(queue.done(&seat), Some(3));
    assert_eq!(queue.done(&seat), Some(4));
}

#[test]
fn whoever_yields_to_a_job_that_no_thread_could_be_started_for_goes_on() {
    let queue = RunQueue::new(1, |_| 0);
    assert_eq!(queue.offer([1, 2]), [1]);
    let seat = Seat::new();
    queue.yield_now(0, &seat, |job| queue.take_back(job));
    assert_eq!(queue.done(&seat), Some(2));
}

#[test]
fn after_the_close_what_has_begun_goes_on_and_nothing_begins() {
    let queue = RunQueue::new(1, |_| 0);
    assert_eq!(queue.offer([1, 2]), [1]);
    queue.close();
    assert!(queue.offer([3]).is_empty());
    queue.yield_now(0, &Seat::new(), |job| panic!("{job} begins after the close"));
    queue.take_back(1);
    assert_eq!(queue.done(&Seat::new()), None);
}

#[test]
fn lanes_take_turns_however_many_wait_in_one() {
    let queue = RunQueue::new(1, |job: &i64| job / 10);
    assert_eq!(queue.offer([11, 12, 13, 14]), [11]);
    assert!(queue.offer([21, 22]).is_empty());
    let seat = Seat::new();
    let order: Vec<_> = (0..5).map(|_| queue.done(&seat)).collect();
    assert_eq!(order, [Some(12), Some(21), Some(13), Some(22), Some(14)]);
    queue.close();
    assert!(!queue.are_wanted());
}
