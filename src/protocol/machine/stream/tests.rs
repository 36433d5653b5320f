//! One connection's events under loss, repetition and reordering, in virtual time.

use super::*;

const T0: Moment = Moment(1_000_000);
const ERA: u32 = 1;

fn at(seq: u64) -> StreamPos {
    StreamPos { era: ERA, seq }
}

fn attached(attach_epoch: u32, head: StreamPos) -> Input<u64> {
    Input::Attached { attach_epoch, head }
}

/// A stream of epoch 5 that goes on after 10. Its events are their own numbers.
fn stream() -> Stream<u64> {
    let mut stream = Stream::default();
    assert_eq!(stream.on(T0, attached(5, at(10))), []);
    stream
}

fn event_of(attach_epoch: u32, seq: u64) -> Input<u64> {
    Input::Event {
        attach_epoch,
        seq,
        bytes: 1_000,
        event: seq,
    }
}

fn event(seq: u64) -> Input<u64> {
    event_of(5, seq)
}

fn chunk(from: u64, seqs: impl IntoIterator<Item = u64>, done: bool, lost: u64) -> Input<u64> {
    Input::Chunk {
        from,
        events: seqs.into_iter().map(|seq| (seq, seq)).collect(),
        done,
        lost,
    }
}

fn deliver(seqs: impl IntoIterator<Item = u64>) -> Vec<Output<u64>> {
    seqs.into_iter()
        .map(|seq| Output::Deliver { seq, event: seq })
        .collect()
}

fn replay(from: u64, to: Option<u64>) -> Output<u64> {
    Output::Replay { from: at(from), to }
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
    assert_eq!(stream.on(T0, event(13)), [replay(11, Some(12))]);
    assert_eq!(stream.on(T0, event(14)), []);
    assert_eq!(stream.on(T0, chunk(11, 11..=12, true, 0)), deliver(11..=14));
    assert_eq!(stream.on(later(500), Input::Tick), []);
}

#[test]
fn a_replay_that_is_not_the_whole_is_followed_by_the_next() {
    let mut stream = stream();
    stream.on(T0, event(14));
    let mut expected = deliver([11]);
    expected.push(replay(12, Some(13)));
    assert_eq!(stream.on(T0, chunk(11, [11], false, 0)), expected);
    assert_eq!(stream.on(T0, chunk(12, 12..=13, true, 0)), deliver(12..=14));
}

#[test]
fn a_late_event_fills_its_hole_before_the_replay_does() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event(12)), [replay(11, Some(11))]);
    assert_eq!(stream.on(T0, event(11)), deliver([11, 12]));
    assert_eq!(stream.on(T0, chunk(11, [11], true, 0)), []);
}

#[test]
fn a_lost_tail_is_asked_for_after_a_moment() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, Input::Head(12)), []);
    assert!(stream.is_behind());
    assert_eq!(stream.on(later(STREAM_TAIL_MS - 1), Input::Tick), []);
    assert_eq!(stream.on(later(STREAM_TAIL_MS), Input::Tick), [replay(11, None)]);
    let filled = stream.on(later(STREAM_TAIL_MS), chunk(11, 11..=12, true, 0));
    assert_eq!(filled, deliver([11, 12]));
    assert!(!stream.is_behind());
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
    let got = stream.on(T0, chunk(11, [11], true, 0));
    let last_held = 11 + (STREAM_HOLD_MAX / 1_000) as u64;
    let mut expected = deliver(11..=last_held);
    expected.push(replay(last_held + 1, None));
    assert_eq!(got, expected);
    assert_eq!((stream.held.len(), stream.held_bytes), (0, 0));
}

#[test]
fn events_before_the_daemon_has_said_where_the_stream_begins_are_kept() {
    let mut stream = Stream::default();
    assert_eq!(stream.on(T0, event_of(1, 1)), []);
    assert_eq!(stream.on(later(1_000), Input::Tick), [], "there is nobody to ask");
    assert_eq!(stream.on(T0, Input::Opened(at(0))), deliver([1]));
    assert_eq!(stream.on(T0, event_of(1, 2)), deliver([2]));
}

#[test]
fn events_for_a_lower_epoch_are_dropped() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event_of(4, 11)), []);
    assert_eq!(stream.last(), at(10));
}

#[test]
fn an_epoch_that_was_never_told_is_learned_from_events() {
    let mut stream = Stream::default();
    stream.on(T0, Input::Opened(at(0)));
    assert_eq!(stream.on(T0, event_of(3, 1)), deliver([1]));
    assert_eq!(stream.attach_epoch(), 3);
    assert_eq!(stream.on(T0, event_of(2, 2)), []);
}

#[test]
fn an_event_of_a_higher_epoch_waits_until_it_is_known_whose_it_is() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event_of(6, 11)), [replay(11, None)]);
    assert_eq!(stream.on(T0, event_of(6, 12)), []);
    assert_eq!(stream.clone().on(T0, attached(6, at(12))), deliver([11, 12]));
    // Who is given a replay has the connection.
    assert_eq!(stream.on(T0, chunk(11, 11..=12, true, 0)), deliver([11, 12]));
    assert_eq!(stream.attach_epoch(), 6);
}

#[test]
fn an_event_of_a_higher_epoch_is_forgotten_if_nothing_is_replayed_to_us() {
    let mut stream = stream();
    stream.on(T0, event_of(6, 11));
    let mut now = T0;
    for _ in 0..REPLAY_REFUSALS_MAX {
        assert_eq!(stream.on(now, chunk(11, [], true, 0)), []);
        now = now.plus(Duration::from_millis(STREAM_RETRY_MS));
        stream.on(now, Input::Tick);
    }
    assert_eq!((stream.is_behind(), stream.last()), (false, at(10)));
    assert_eq!(stream.on(now, event(11)), deliver([11]), "our own epoch is heard");
}

#[test]
fn nothing_is_asked_while_the_link_is_gone_and_everything_when_it_is_back() {
    let mut stream = stream();
    stream.on(T0, event(12));
    stream.on(T0, Input::Lost);
    assert_eq!(stream.on(later(10_000), Input::Tick), []);
    assert_eq!(
        stream.on(later(10_000), attached(6, at(13))),
        [replay(11, Some(11))]
    );
    assert_eq!(stream.attach_epoch(), 6);
    let mut expected = deliver([11, 12]);
    expected.push(replay(13, None));
    assert_eq!(
        stream.on(later(10_000), chunk(11, [11], true, 0)),
        expected,
        "what came before is not asked for twice"
    );
}

#[test]
fn a_new_era_starts_where_it_stands() {
    let mut stream = stream();
    stream.on(T0, event(15));
    let head = StreamPos { era: ERA + 1, seq: 3 };
    assert_eq!(stream.on(T0, attached(5, head)), []);
    assert_eq!(stream.on(T0, event(4)), deliver([4]));
}

#[test]
fn lost_events_are_told_and_passed_over() {
    let mut stream = stream();
    stream.on(T0, event(20));
    let expected: Vec<_> = std::iter::once(Output::Gap { lost: 7 })
        .chain(deliver(18..=20))
        .collect();
    assert_eq!(stream.on(T0, chunk(11, 18..=19, true, 7)), expected);
}

#[test]
fn what_is_lost_for_the_daemon_but_came_meanwhile_is_not_told_to_be_lost() {
    let mut stream = stream();
    stream.on(T0, event(14));
    assert_eq!(stream.on(T0, event(11)), deliver([11]));
    let expected: Vec<_> = std::iter::once(Output::Gap { lost: 2 })
        .chain(deliver([14]))
        .collect();
    assert_eq!(stream.on(T0, chunk(11, [], true, 3)), expected);
}

#[test]
fn a_replay_that_is_not_answered_is_asked_for_again() {
    let mut stream = stream();
    stream.on(T0, event(12));
    let deadline = BULK_DEADLINE_S * 1_000;
    assert_eq!(stream.on(later(deadline - 1), Input::Tick), []);
    assert_eq!(stream.on(later(deadline), Input::Tick), [replay(11, Some(11))]);
    assert_eq!(stream.on(later(deadline), Input::Unanswered), []);
    assert_eq!(
        stream.on(later(deadline + STREAM_RETRY_MS), Input::Tick),
        [replay(11, Some(11))]
    );
}

#[test]
fn a_replay_that_is_refused_again_and_again_is_taken_as_lost() {
    let mut stream = stream();
    assert_eq!(stream.on(T0, event(14)), [replay(11, Some(13))]);
    for round in 1..u64::from(REPLAY_REFUSALS_MAX) {
        let refusal = [Input::Refused, chunk(11, [], true, 0)][round as usize % 2].clone();
        assert_eq!(stream.on(later((round - 1) * STREAM_RETRY_MS), refusal), []);
        assert_eq!(
            stream.on(later(round * STREAM_RETRY_MS), Input::Tick),
            [replay(11, Some(13))]
        );
    }
    let expected: Vec<_> = std::iter::once(Output::Gap { lost: 3 })
        .chain(deliver([14]))
        .collect();
    assert_eq!(stream.on(later(10_000), Input::Refused), expected);
}

#[test]
fn a_paused_client_gets_nothing_more_and_later_all_of_it() {
    let mut stream = stream();
    stream.on(T0, event(11));
    stream.on(T0, Input::Paused);
    for seq in 12..=500 {
        assert_eq!(stream.on(T0, event(seq)), []);
    }
    assert_eq!(stream.held.len(), 0);
    assert_eq!(stream.on(later(60_000), Input::Tick), []);
    assert_eq!(stream.on(later(60_000), Input::Resumed), [replay(12, None)]);
    let mut expected = deliver(12..=300);
    expected.push(replay(301, None));
    assert_eq!(stream.on(later(60_000), chunk(12, 12..=300, false, 0)), expected);
    stream.on(later(60_000), Input::Paused);
    assert_eq!(
        stream.on(later(60_000), chunk(301, 301..=400, false, 0)),
        deliver(301..=400),
        "a paused client is not asked for more, but gets what is there"
    );
    assert_eq!(stream.on(later(70_000), Input::Resumed), [replay(401, None)]);
}
