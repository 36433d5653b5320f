//! Signs of life and their absence, in virtual time.

use super::*;

const TICK: Duration = Duration::from_secs(1);

fn watchdog() -> Watchdog {
    Watchdog::new(Duration::from_secs(20), Duration::from_secs(10), TICK)
}

/// Ticks once a second over a span of seconds; gives the first second with an alarm.
fn first_alarm(watchdog: &mut Watchdog, seconds: std::ops::Range<u64>) -> Option<(u64, Alarm)> {
    seconds
        .into_iter()
        .find_map(|second| Some((second, watchdog.on_tick(Duration::from_secs(second))?)))
}

#[test]
fn a_child_that_is_not_ready_in_time_raises_one_alarm() {
    let mut watchdog = watchdog();
    assert_eq!(first_alarm(&mut watchdog, 0..60), Some((20, Alarm::NotReady)));
    assert_eq!(first_alarm(&mut watchdog, 21..90), None);
}

#[test]
fn a_beat_alone_does_not_make_a_start_longer_but_progress_does() {
    let mut watchdog = watchdog();
    assert_eq!(first_alarm(&mut watchdog, 0..16), None);
    watchdog.on_beat(Duration::from_secs(15));
    watchdog.on_progress(Duration::from_secs(5));
    assert_eq!(first_alarm(&mut watchdog, 16..60), Some((25, Alarm::NotReady)));
}

#[test]
fn a_ready_child_that_falls_silent_raises_an_alarm_after_the_timeout() {
    let mut watchdog = watchdog();
    watchdog.on_ready(Duration::from_secs(1));
    for second in 2..30 {
        watchdog.on_beat(Duration::from_secs(second));
        assert_eq!(watchdog.on_tick(Duration::from_secs(second)), None);
    }
    assert_eq!(first_alarm(&mut watchdog, 30..60), Some((39, Alarm::Silent)));
}

#[test]
fn a_watcher_that_slept_gives_everybody_a_whole_timeout_again() {
    let mut watchdog = watchdog();
    watchdog.on_ready(Duration::from_secs(1));
    assert_eq!(first_alarm(&mut watchdog, 1..5), None);
    assert_eq!(
        first_alarm(&mut watchdog, 3_600..3_700),
        Some((3_610, Alarm::Silent))
    );
}
