//! Beats in virtual time, and one real arbiter that is stuck until the alarm has said so.

use super::*;
use actix::{Arbiter, System};
use std::sync::mpsc;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn watch_of_one() -> (Watch, Arc<AtomicU64>) {
    let beat = Arc::new(AtomicU64::new(0));
    let arbiter = Watched {
        name: "main",
        last_beat_ms: Arc::clone(&beat),
        stalled_since: None,
    };
    (
        Watch {
            arbiters: vec![arbiter],
            last_look: Duration::ZERO,
        },
        beat,
    )
}

#[test]
fn a_stall_is_reported_once_when_it_begins_and_once_when_it_ends() {
    let (mut watch, beat) = watch_of_one();
    assert_eq!(watch.look(ms(100)), []);
    assert_eq!(watch.look(ms(200)), []);
    assert_eq!(watch.look(ms(300)), [Stall::Began("main", ms(300))]);
    assert_eq!(watch.look(ms(400)), []);
    beat.store(450, Ordering::Relaxed);
    assert_eq!(watch.look(ms(500)), [Stall::Ended("main", ms(450))]);
}

#[test]
fn a_watcher_that_was_held_up_itself_blames_nobody_for_that() {
    let (mut watch, beat) = watch_of_one();
    assert_eq!(watch.look(ms(60_000)), []);
    beat.store(60_010, Ordering::Relaxed);
    assert_eq!(watch.look(ms(60_100)), []);
}

#[test]
fn an_arbiter_that_is_gone_is_forgotten() {
    let (mut watch, beat) = watch_of_one();
    drop(beat);
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
