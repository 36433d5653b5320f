//! What clients get of their streams, what is acknowledged of it, and what slow ones wait for.

use super::scene::*;
use crate::limits::STREAM_TAIL_MS;
use crate::protocol::event::StreamControl;
use crate::protocol::machine::host::{Input, Output};

#[test]
fn events_are_delivered_once_in_order_and_a_hole_is_filled() {
    let mut scene = Scene::with_client();
    scene.event(1, 1, 1, 1);
    scene.event(1, 1, 1, 1);
    scene.event(1, 1, 4, 1);
    scene.event(1, 1, 3, 1);
    assert_eq!(scene.words(1), ["1"]);
    let (envelope, from, to) = replay(&mut scene);
    assert_eq!((from, to), (2, Some(3)));
    scene.reply(envelope, &chunk(1, 2..=3, true, None));
    assert_eq!(scene.words(1), ["2", "3", "4"]);
}

#[test]
fn events_that_overtake_the_first_answer_are_not_lost() {
    let mut scene = Scene::up();
    scene.open(1);
    scene.event(1, 1, 1, 1);
    scene.known(1);
    scene.event(1, 1, 2, 1);
    assert_eq!(scene.words(1), ["1", "ready false", "2"]);
}

#[test]
fn what_is_lost_for_good_is_said_with_its_number() {
    let mut scene = Scene::with_client();
    scene.event(1, 1, 5, 1);
    let (envelope, ..) = replay(&mut scene);
    scene.reply(envelope, &chunk(1, [4], true, Some(3)));
    assert_eq!(scene.words(1), ["gap 3", "4", "5"]);
}

#[test]
fn a_tail_that_never_came_is_missed_by_its_head() {
    let mut scene = Scene::with_client();
    scene.publish(&StreamControl::Heads {
        frame: 0,
        heads: vec![(client(1), 2)],
    });
    scene.after_ms(STREAM_TAIL_MS - 1, true);
    assert_eq!(scene.heard.len(), 0, "the tail may be on its way");
    scene.after_ms(1, true);
    let (_, from, to) = replay(&mut scene);
    assert_eq!((from, to), (1, None));
}

#[test]
fn an_event_is_acknowledged_once_the_socket_has_taken_it_and_its_frame_at_once() {
    let mut scene = Scene::with_client();
    scene.event(1, 1, 1, 1);
    scene.event(1, 1, 2, 1);
    scene.after_ms(100, false);
    assert_eq!(ack(&mut scene), (2, vec![], vec![]), "credit is given back");
    scene.after_ms(100, false);
    assert_eq!(scene.heard.len(), 0, "nothing is said twice");
    assert!(!scene.take_all(1), "nobody waits for the meter");
    scene.after_ms(100, false);
    assert_eq!(ack(&mut scene), (2, vec![(client(1), 2)], vec![]));
    scene.after_ms(1_000, false);
    assert_eq!(scene.heard.len(), 0);
}

#[test]
fn a_slow_reader_is_paused_and_gets_the_rest_once_half_is_drained() {
    let mut scene = Scene::with_client();
    for seq in 1..=30 {
        scene.event(1, 1, seq, 1_000);
    }
    let told = scene.out.len();
    assert!((8..=10).contains(&told), "{told}");
    scene.after_ms(100, false);
    assert_eq!(ack(&mut scene), (30, vec![], vec![client(1)]));
    assert!(scene.take_all(1), "the host waits for the meter");
    scene.on(Input::Drained { client: client(1) });
    let asked = scene.heard.pop();
    assert_eq!(ack(&mut scene), (30, vec![(client(1), told as u64)], vec![]));
    scene.heard.extend(asked);
    let (envelope, from, to) = replay(&mut scene);
    assert_eq!((from, to), (told as u64 + 1, None));
    scene.reply(envelope, &chunk(1, from..=29, false, None));
    let (envelope, from, _) = replay(&mut scene);
    scene.reply(envelope, &chunk(1, [30], true, None));
    assert_eq!(from, 30);
    scene.take_all(1);
    assert_eq!(scene.words(1).last().map(String::as_str), Some("30"));
    scene.after_ms(100, false);
    assert_eq!(ack(&mut scene), (30, vec![(client(1), 30)], vec![]));
}

#[test]
fn one_who_never_reads_holds_up_nobody_else() {
    let mut scene = Scene::with_client();
    scene.open(2);
    scene.known(2);
    for seq in 1..=1_000 {
        scene.event(1, 1, seq, 1_000);
        scene.event(2, 1, seq, 1);
        scene.take_all(2);
    }
    let of = |n: u8| move |o: &&Output| matches!(o, Output::ToClient(id, _) if *id == client(n));
    assert_eq!(scene.out.iter().filter(of(2)).count(), 1_001);
    assert!(
        scene.out.iter().filter(of(1)).count() <= 10,
        "its queue is bounded"
    );
    scene.after_ms(100, false);
    scene.heard.drain(..scene.heard.len() - 1);
    let (frame, acks, paused) = ack(&mut scene);
    assert_eq!((frame, paused), (2_000, vec![client(1)]));
    assert!(acks.contains(&(client(2), 1_000)));
}
