//! When a peer is cut off, and when it is heard again.

use super::*;

fn second(number: u64) -> Moment {
    Moment(number * 1_000_000)
}

#[test]
fn the_twentieth_bad_frame_within_a_minute_cuts_a_peer_off_for_a_minute() {
    let mut strikes = Strikes::default();
    for number in 1..BAD_FRAMES_MAX as u64 {
        assert!(!strikes.note(second(number)));
    }
    assert_eq!(strikes.cut_for(second(30)), None);
    assert!(strikes.note(second(30)));
    assert_eq!(strikes.cut_for(second(30)), Some(BAD_PEER_CUT));
    assert_eq!(strikes.cut_for(second(89)), Some(Duration::from_secs(1)));
    assert_eq!(strikes.cut_for(second(90)), None);
    assert!(!strikes.note(second(90)), "the slate is clean again");
    assert_eq!(strikes.total(), BAD_FRAMES_MAX as u64 + 1);
}

#[test]
fn bad_frames_now_and_then_are_only_counted() {
    let mut strikes = Strikes::default();
    for number in 0..200 {
        assert!(!strikes.note(second(number * 4)));
    }
    assert_eq!((strikes.total(), strikes.cut_for(second(800))), (200, None));
}
