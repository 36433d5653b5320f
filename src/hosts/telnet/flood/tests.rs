//! The flood gate over virtual time.

use super::*;

fn settings(lines: u32, burst: u32, bytes: u32) -> config::Telnet {
    let mut settings = config::Config::default().telnet;
    settings.lines_per_second_max = lines;
    settings.lines_burst_max = burst;
    settings.bytes_per_second_max = bytes;
    settings
}

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let settings = settings(10, 50, 0);
    let mut gate = FloodGate::new(&settings, Duration::ZERO);
    assert_eq!(gate.on_read(&settings, Duration::ZERO, 49, 1_000_000), None);
    assert_eq!(
        gate.on_read(&settings, Duration::ZERO, 1, 10),
        Some(Duration::from_millis(100))
    );
    assert_eq!(gate.on_read(&settings, Duration::from_millis(200), 1, 10), None);
}

#[test]
fn over_a_long_time_no_more_than_the_rate_passes() {
    let settings = settings(20, 100, 0);
    let mut gate = FloodGate::new(&settings, Duration::ZERO);
    let (mut now, mut lines) = (Duration::ZERO, 0);
    while now < Duration::from_secs(60) {
        lines += 7;
        now += gate.on_read(&settings, now, 7, 70).unwrap_or(Duration::ZERO);
    }
    assert!((1200..=1320).contains(&lines), "{lines}");
}

#[test]
fn bytes_are_measured_as_lines_are() {
    let settings = settings(0, 0, 1000);
    let mut gate = FloodGate::new(&settings, Duration::from_secs(5));
    assert_eq!(gate.on_read(&settings, Duration::from_secs(5), 900, 3000), None);
    let wait = gate
        .on_read(&settings, Duration::from_secs(5), 0, 2000)
        .expect("too many bytes");
    assert!((wait.as_secs_f64() - 1.001).abs() < 1e-9, "{wait:?}");
}

#[test]
fn zero_means_no_limit() {
    let settings = settings(0, 0, 0);
    let mut gate = FloodGate::new(&settings, Duration::ZERO);
    for _ in 0..1000 {
        assert_eq!(gate.on_read(&settings, Duration::ZERO, 10_000, 1_000_000), None);
    }
}
