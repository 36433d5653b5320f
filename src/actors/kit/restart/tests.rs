//! Restarts in virtual time: how many, and after which pause.

use super::*;

const INTENSITY: Intensity = Intensity {
    restarts_max: 5,
    window: Duration::from_secs(60),
    pause_first: Duration::from_millis(100),
    pause_max: Duration::from_millis(300),
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_first_restart_is_at_once_and_later_limits_double_up_to_the_longest() {
    let mut restarts = Restarts::new(INTENSITY);
    let pauses: Vec<Verdict> = (0..5)
        .map(|now| restarts.on_end(seconds(now), u64::MAX))
        .collect();
    assert_eq!(
        pauses,
        [0, 100, 200, 300, 300].map(|ms| Verdict::Restart(Duration::from_millis(ms)))
    );
}

#[test]
fn a_pause_is_spread_evenly_by_chance() {
    for (chance, ms) in [(0, 0), (u64::MAX / 2, 50), (u64::MAX, 100)] {
        let mut restarts = Restarts::new(INTENSITY);
        restarts.on_end(seconds(0), chance);
        assert_eq!(
            restarts.on_end(seconds(1), chance),
            Verdict::Restart(Duration::from_millis(ms))
        );
    }
}

#[test]
fn one_end_too_many_in_the_window_is_given_up() {
    let mut restarts = Restarts::new(INTENSITY);
    for now in 0..5 {
        assert!(matches!(restarts.on_end(seconds(now), 0), Verdict::Restart(_)));
    }
    assert_eq!(restarts.on_end(seconds(59), 0), Verdict::GiveUp);
}

#[test]
fn a_healthy_window_forgets_the_ends_before_it() {
    let mut restarts = Restarts::new(INTENSITY);
    for now in 0..5 {
        restarts.on_end(seconds(now), u64::MAX);
    }
    assert_eq!(
        restarts.on_end(seconds(64), u64::MAX),
        Verdict::Restart(Duration::ZERO)
    );
    assert_eq!(restarts.recent(), 1);
}
