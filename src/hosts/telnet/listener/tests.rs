//! Who is let in.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_address_is_let_in_so_often_and_again_later() {
    let (mut arrivals, one, other) = (
        Arrivals::default(),
        IpAddr::from([192, 0, 2, 1]),
        IpAddr::from([192, 0, 2, 2]),
    );
    assert!((0..3).all(|_| arrivals.admit(at(1), one, 3)));
    assert!(!arrivals.admit(at(2), one, 3));
    assert!(arrivals.admit(at(2), other, 3));
    assert!(arrivals.admit(at(10), one, 3));
}

#[test]
fn this_machine_is_never_limited_and_zero_means_nobody_is() {
    let mut arrivals = Arrivals::default();
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    assert!((0..100).all(|_| arrivals.admit(at(0), mapped, 1)));
    assert!((0..100).all(|_| arrivals.admit(at(0), IpAddr::from([192, 0, 2, 1]), 0)));
    assert!(arrivals.counts.is_empty());
}
