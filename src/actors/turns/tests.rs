//! Turns by example, with threads that meet where the test wants them to.

use super::*;
use std::sync::mpsc;
use std::thread;

#[test]
fn jobs_begin_while_there_are_turns_and_wait_when_there_are_none() {
    let turns = Turns::new(2);
    assert_eq!(turns.offer([1, 2, 3]), [1, 2], "each needs a thread");
    assert!(turns.are_wanted());
    let seat = Seat::new();
    assert_eq!(
        turns.done(&seat),
        Some(3),
        "the thread that is done takes the next"
    );
    assert!(!turns.are_wanted());
}

#[test]
fn whoever_rests_goes_on_after_those_who_waited() {
    let turns = Turns::new(1);
    assert_eq!(turns.offer(["long"]), ["long"]);
    assert!(turns.offer(["short"]).is_empty());
    let (ran, order) = mpsc::channel();
    thread::scope(|scope| {
        let turns = &turns;
        let short = |job| {
            let ran = ran.clone();
            scope.spawn(move || {
                ran.send(job).expect("somebody looks");
                turns.done(&Seat::new());
            });
        };
        turns.rest(&Seat::new(), short);
        ran.send("long").expect("somebody looks");
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["short", "long"]);
        turns.close();
    });
}

#[test]
fn a_thread_goes_on_with_what_comes_while_it_works_and_after_it() {
    let turns = Turns::new(1);
    let (ran, seen) = mpsc::channel();
    thread::scope(|scope| {
        let turns = &turns;
        for job in turns.offer([1, 2]) {
            let ran = ran.clone();
            scope.spawn(move || {
                let seat = Seat::new();
                let mut next = Some(job);
                while let Some(job) = next {
                    ran.send(job).expect("somebody looks");
                    next = turns.done(&seat);
                }
            });
        }
        assert_eq!([seen.recv(), seen.recv()], [Ok(1), Ok(2)]);
        assert!(
            turns.offer([3]).is_empty(),
            "a thread is there for it, idle or about to be"
        );
        assert_eq!(seen.recv(), Ok(3));
        turns.close();
    });
}

#[test]
fn a_job_that_no_thread_could_be_started_for_goes_to_the_next_that_is_done() {
    let turns = Turns::new(2);
    assert_eq!(turns.offer([1, 2]), [1, 2]);
    turns.take_back(2);
    assert_eq!(turns.done(&Seat::new()), Some(2));
}

#[test]
fn after_the_close_what_has_begun_goes_on_and_nothing_begins() {
    let turns = Turns::new(1);
    assert_eq!(turns.offer([1, 2]), [1]);
    turns.close();
    assert!(turns.offer([3]).is_empty());
    turns.rest(&Seat::new(), |job| panic!("{job} begins after the close"));
    assert_eq!(turns.done(&Seat::new()), None);
}
