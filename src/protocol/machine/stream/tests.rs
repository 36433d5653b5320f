//! One connection's events under loss, repetition and reordering, in virtual time.

use super::*;

const T0: Moment = Moment(1_000_000);
const ERA: u32 = 1;

fn at(seq: u64) -> StreamPos {
    StreamPos { era: ERA, seq }
}

/// A stream of epoch 5 that has delivered everything up to 10. Its events are their own numbers.
fn stream() -> Stream<u64> {
    Stream::new(5, at(10))
}

fn event(seq: u64) -> Input<u64> {
    Input::Event {
        attach_epoch: 5,
        seq,
        bytes: 1_000,
        event: seq,
    }
}

fn chunk(seqs: impl IntoIterator<Item = u64>, done: bool) -> Input<u64> {
    Input::Chunk {
        events: seqs.into_iter().map(|seq| (seq, seq)).collect(),
        done,
        lost: 0,
    }
}

fn deliver(seqs: impl IntoIterator<Item = u64>) -> Vec<Output<u64>> {
    seqs.into_iter()
        .map(|seq| Output::Deliver { seq, event: seq })
        .collect()
}

fn later(ms: u64) -> Moment {
    T0.plus(Duration::from_millis(ms))
}

#[test]
fn events_in_order_are_delivered_and_repeats_are_not() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event(11)), deliver([11]));
    assert_eq!(stream.on(T0, event(12)), deliver([12]));
    assert_eq!(stream.on(T0, event(11)), []);
    assert_eq!(stream.last(), at(12));
    assert!(stream.is_past(at(12)) && !stream.is_past(at(13)));
}

#[test]
fn a_hole_is_asked_for_once_and_filled_without_repeats() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event(13)), [Output::Replay { from: at(11) }]);
    assert_eq!(stream.on(T0, event(14)), []);
    assert_eq!(stream.on(T0, chunk([11], false)), deliver([11]));
    assert_eq!(stream.on(T0, chunk([12, 13], true)), deliver([12, 13, 14]));
    assert_eq!(stream.on(later(500), Input::Tick), []);
}

#[test]
fn a_late_event_fills_its_hole_before_the_replay_does() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event(12)), [Output::Replay { from: at(11) }]);
    assert_eq!(stream.on(T0, event(11)), deliver([11, 12]));
    assert_eq!(stream.on(T0, chunk([11, 12], true)), []);
}

#[test]
fn a_lost_tail_is_asked_for_after_a_moment() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, Input::Head(12)), []);
    assert_eq!(stream.on(later(STREAM_TAIL_MS - 1), Input::Tick), []);
    assert_eq!(
        stream.on(later(STREAM_TAIL_MS), Input::Tick),
        [Output::Replay { from: at(11) }]
    );
    assert_eq!(
        stream.on(later(STREAM_TAIL_MS), chunk([11, 12], true)),
        deliver([11, 12])
    );
}

#[test]
fn a_tail_that_comes_in_time_is_not_asked_for() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, Input::Head(11)), []);
    assert_eq!(stream.on(later(10), event(11)), deliver([11]));
    assert_eq!(stream.on(later(1_000), Input::Tick), []);
}

#[test]
fn what_is_held_is_bounded_and_comes_again() {
    let mut stream = stream();
    stream.on(T0, event(12));
    for seq in 13..200 {
        assert_eq!(stream.on(T0, event(seq)), []);
    }
    assert!(stream.held_bytes <= STREAM_HOLD_MAX);
    assert_eq!(stream.on(T0, chunk(11..200, true)), deliver(11..200));
    assert_eq!((stream.held.len(), stream.held_bytes), (0, 0));
}

#[test]
fn events_for_another_epoch_are_dropped() {
    let mut stream = stream();
    let stale = Input::Event {
        attach_epoch: 4,
        seq: 11,
        bytes: 1,
        event: 11,
    };
    assert_eq!(stream.on(T0, stale), []);
    assert_eq!(stream.last(), at(10));
}

#[test]
fn reattaching_asks_for_what_was_missed() {
    let mut stream = stream();
    let attached = Input::Attached {
        attach_epoch: 6,
        head: at(12),
    };
    assert_eq!(stream.on(T0, attached), [Output::Replay { from: at(11) }]);
    assert_eq!(stream.attach_epoch(), 6);
    assert_eq!(stream.on(T0, event(13)), [], "the old epoch is deaf");
    assert_eq!(stream.on(T0, chunk([11, 12], true)), deliver([11, 12]));
}

#[test]
fn a_new_era_starts_where_it_stands() {
    let mut stream = stream();
    stream.on(T0, event(15));
    let head = StreamPos { era: ERA + 1, seq: 3 };
    assert_eq!(
        stream.on(
            T0,
            Input::Attached {
                attach_epoch: 5,
                head
            }
        ),
        []
    );
    assert_eq!(stream.on(T0, event(4)), deliver([4]));
}

#[test]
fn lost_events_are_told_and_passed_over() {
    let mut stream = stream();
    stream.on(T0, event(20));
    let input = Input::Chunk {
        events: vec![(18, 18), (19, 19)],
        done: true,
        lost: 7,
    };
    let expected: Vec<_> = std::iter::once(Output::Gap { lost: 7 })
        .chain(deliver(18..=20))
        .collect();
    assert_eq!(stream.on(T0, input), expected);
}

#[test]
fn an_unanswered_replay_is_asked_for_again() {
    let mut stream = stream();
    stream.on(T0, event(12));
    let deadline = BULK_DEADLINE_S * 1_000;
    assert_eq!(stream.on(later(deadline - 1), Input::Tick), []);
    assert_eq!(
        stream.on(later(deadline), Input::Tick),
        [Output::Replay { from: at(11) }]
    );
}

#[test]
fn an_empty_replay_does_not_make_a_circle() {
    let mut stream = stream();
    stream.on(T0, event(12));
    assert_eq!(stream.on(T0, chunk([], true)), []);
    assert_eq!(
        stream.on(later(STREAM_TAIL_MS), Input::Tick),
        [Output::Replay { from: at(11) }]
    );
}
