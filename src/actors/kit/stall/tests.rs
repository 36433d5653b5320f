//! Answers in virtual time, and one real arbiter that is stuck until the alarm has said so.

use super::*;
use actix::{Arbiter, System};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A watch of one arbiter, with when it last answered and whether it is there.
fn watch_of_one() -> (Watch, Arc<AtomicU64>, Arc<AtomicBool>) {
    let (answered_ms, lives) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
    let is_there = Arc::clone(&lives);
    let arbiter = Watched {
        name: "main",
        ask: Box::new(move || is_there.load(Ordering::Relaxed)),
        asked_ms: 0,
        answered_ms: Arc::clone(&answered_ms),
        is_reported: false,
    };
    let watch = Watch {
        arbiters: vec![arbiter],
        last_look: Duration::ZERO,
    };
    (watch, answered_ms, lives)
}

#[test]
fn a_stall_is_reported_once_when_it_begins_and_once_when_it_ends() {
    let (mut watch, answered_ms, _) = watch_of_one();
    for quiet in [100, 200, 300] {
        assert_eq!(watch.look(ms(quiet)), []);
    }
    assert_eq!(watch.look(ms(400)), [Stall::Began("main", ms(300))]);
    assert_eq!(watch.look(ms(500)), []);
    answered_ms.store(550, Ordering::Relaxed);
    assert_eq!(watch.look(ms(600)), [Stall::Ended("main", ms(450))]);
    answered_ms.store(601, Ordering::Relaxed);
    assert_eq!(watch.look(ms(700)), []);
}

#[test]
fn a_watcher_that_was_held_up_itself_blames_nobody_for_that() {
    let (mut watch, answered_ms, _) = watch_of_one();
    assert_eq!(watch.look(ms(100)), []);
    assert_eq!(watch.look(ms(60_000)), []);
    assert_eq!(
        watch.look(ms(60_200)),
        [],
        "it has its time from when the watcher went on"
    );
    answered_ms.store(60_210, Ordering::Relaxed);
    assert_eq!(watch.look(ms(60_300)), []);
}

#[test]
fn an_arbiter_that_is_gone_is_forgotten() {
    let (mut watch, _, lives) = watch_of_one();
    lives.store(false, Ordering::Relaxed);
    assert_eq!(watch.look(ms(150)), []);
    assert!(watch.arbiters.is_empty());
}

#[test]
fn a_stuck_arbiter_is_reported_while_it_is_stuck() {
    System::new().block_on(async {
        let (reported, reports) = mpsc::channel();
        let alarm = StallAlarm::start(move |stall| drop(reported.send(stall.clone()))).unwrap();
        let arbiter = Arbiter::new();
        alarm.watch("stuck", &arbiter.handle());
        let (release, released) = mpsc::channel::<()>();
        arbiter.spawn_fn(move || assert!(released.recv().is_err(), "the test lets go by dropping"));
        let first = reports.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(
            matches!(first, Stall::Began("stuck", silent) if silent > ARBITER_STALL),
            "{first:?}"
        );
        drop(release);
        let second = reports.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(matches!(second, Stall::Ended("stuck", _)), "{second:?}");
    });
}
