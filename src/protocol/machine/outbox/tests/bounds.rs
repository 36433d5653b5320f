//! Bounds: what memory, the store, a host and a client are spared, and that it is asked for or told of afterwards.

use super::*;

#[test]
fn the_past_comes_from_memory_and_from_the_store_in_parts() {
    let mut scene = Scene::with(1..=1);
    let count = STREAM_RING_EVENTS_MAX as u64 + 100;
    for number in 1..=count {
        scene.tell(&number.to_string(), &[1]);
    }
    let replay = scene.replay(1, 1);
    let stored = replay
        .pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Stored { .. }))
        .count();
    assert_eq!((stored, replay.pieces.len() as u64, replay.lost), (100, count, 0));
    let texts = scene.texts(&replay);
    assert!(texts.iter().all(|(seq, text)| *text == seq.to_string()));

    let (mut next, mut parts) = (1, 0);
    loop {
        let from = StreamPos { era: ERA, seq: next };
        let part = scene
            .outbox
            .replay(client(1), Some(HOST), from, Some(count - 3), 4_096);
        let part = part.expect("there is such a stream");
        assert!(part.pieces.len() < 100 && !part.pieces.is_empty());
        next += part.pieces.len() as u64;
        parts += 1;
        if part.is_done {
            break;
        }
    }
    assert_eq!(next, count - 2);
    assert!(parts > 10);
    let tiny = scene
        .outbox
        .replay(client(1), Some(HOST), StreamPos { era: ERA, seq: 1 }, None, 0);
    assert_eq!(tiny.map(|replay| replay.pieces.len()), Some(1));
    let other_era = StreamPos { era: ERA + 1, seq: 1 };
    assert_eq!(
        scene.outbox.replay(client(1), Some(HOST), other_era, None, 100),
        None
    );
}

#[test]
fn what_is_not_written_is_not_told() {
    let mut scene = Scene::with(1..=1);
    scene.commit(vec![prepared("a", &[1])]);
    let replay = scene
        .outbox
        .replay(client(1), Some(HOST), at(1), None, usize::MAX);
    let replay = replay.expect("it has the client");
    assert_eq!((replay.pieces.len(), replay.lost, replay.is_done), (0, 0, true));
    assert_eq!(heads(&scene.outbox.pinged(Wall(1_000))), []);
}

#[test]
fn a_full_stream_gives_up_its_oldest_events_and_says_how_many() {
    let mut scene = Scene::with(1..=2);
    let count = OUTBOX_STREAM_EVENTS_MAX as u64 + 1;
    for _ in 1..=count {
        scene.commit(vec![prepared("x", &[1, 2])]);
        scene.leave();
        scene.ack(2, u64::MAX);
    }
    let lost = scene.outbox.counters().lost;
    assert!(lost > 0 && lost < count / 8);
    assert_eq!(scene.replay(1, 1).lost, lost);
    assert_eq!(scene.rows() as u64, count - lost);
    scene.crash(1..=2);
    let replay = scene.replay(1, 1);
    assert_eq!((replay.lost, replay.pieces.len() as u64), (lost, count - lost));
}

#[test]
fn a_stream_is_bounded_in_bytes_and_in_time() {
    let mut scene = Scene::with(1..=1);
    let long = "y".repeat(100_000);
    for _ in 0..OUTBOX_STREAM_BYTES_MAX / long.len() + 2 {
        scene.tell(&long, &[1]);
    }
    assert!(scene.outbox.counters().stored_bytes <= OUTBOX_STREAM_BYTES_MAX as u64);
    let later = Wall(1_001).plus(OUTBOX_AGE_MAX);
    assert_eq!(heads(&scene.outbox.pinged(later)), []);
    assert_eq!(scene.rows(), 0);
    assert_eq!(scene.replay(1, 1).lost, scene.outbox.counters().lost);
}

#[test]
fn memory_is_bounded_over_all_streams() {
    let mut scene = Scene::with(1..=20);
    scene.outbox.shared.set_memory_max(1_000_000);
    let long = "z".repeat(100_000);
    (1..=20).for_each(|conn| drop(scene.tell(&long, &[conn])));
    assert!(scene.outbox.counters().memory_bytes <= 1_000_000);
    assert!(matches!(scene.replay(1, 1).pieces[..], [Piece::Stored { .. }]));
    assert!(matches!(scene.replay(20, 1).pieces[..], [Piece::Kept { .. }]));
    (1..=20).for_each(|conn| scene.ack(conn, 1));
    assert_eq!((scene.outbox.counters().memory_bytes, scene.rows()), (0, 0));
}

#[test]
fn a_host_without_credit_is_sent_nothing_until_it_has_some_and_then_told_its_heads() {
    let mut scene = Scene::with(1..=2);
    scene.outbox.registered(OTHER);
    scene.open(3, OTHER);
    let long = "w".repeat(200_000);
    let mut sent = 0;
    for _ in 0..100 {
        sent += frames(&scene.tell(&long, &[1])).len() as u64;
    }
    assert_eq!(sent, u64::from(CREDIT_BYTES) / 200_080 + 1);
    assert_eq!(scene.outbox.counters().choked_hosts, 1);
    assert_eq!(frames(&scene.tell("x", &[2, 3])), [(1, vec![(3, 1)], "x".into())]);

    let pinged = scene.outbox.pinged(Wall(1_000));
    let of_host = pinged
        .iter()
        .find(|out| matches!(out, Out::Heads { host: HOST, .. }));
    assert!(matches!(of_host, Some(Out::Heads { frame, heads, .. }) if *frame == sent && heads.is_empty()));

    assert_eq!(scene.outbox.acknowledged(HOST, 1, &[], &[]), []);
    let out = scene.outbox.acknowledged(HOST, sent, &[], &[]);
    assert_eq!(heads(&out), [(client(1), 100), (client(2), 1)]);
    assert_eq!(frames(&scene.tell("y", &[2])).len(), 1);
}

#[test]
fn a_paused_client_is_sent_nothing_and_hears_its_head_when_it_goes_on() {
    let mut scene = Scene::with(1..=2);
    assert_eq!(scene.outbox.acknowledged(HOST, 0, &[], &[client(1)]), []);
    assert_eq!(frames(&scene.tell("a", &[1, 2])), [(1, vec![(2, 1)], "a".into())]);
    assert_eq!(heads(&scene.outbox.pinged(Wall(1_000))), [(client(2), 1)]);
    let out = scene.outbox.acknowledged(HOST, 1, &[(client(2), 1)], &[]);
    assert_eq!(heads(&out), [(client(1), 1)]);
    assert_eq!(frames(&scene.tell("b", &[1])), [(2, vec![(1, 2)], "b".into())]);
}

#[test]
fn a_connection_without_a_host_keeps_its_events_for_the_next_one() {
    let mut scene = Scene::with(1..=1);
    scene.outbox.host_gone(HOST);
    assert_eq!(scene.tell("a", &[1]), []);
    let pos = scene.outbox.attach(client(1), OTHER, 9, None, ERA);
    assert_eq!(pos, Some(StreamPos { era: ERA, seq: 1 }));
    assert_eq!(scene.texts(&scene.replay(1, 1)), [(1, "a".into())]);
    let out = scene.tell("b", &[1]);
    let Some(Out::Frame { host, route, .. }) = out.first() else {
        panic!("{out:?}");
    };
    assert_eq!((*host, route.to[0].attach_epoch, route.to[0].seq), (OTHER, 9, 2));
    scene.ack(1, 2);
    assert_eq!(scene.outbox.unacked(client(1)), Some((at(1), 2)));
}

#[test]
fn a_host_that_heard_more_than_the_store_has_is_given_another_era() {
    let mut scene = Scene::with(1..=1);
    scene.tell("a", &[1]);
    let ahead = StreamPos { era: ERA, seq: 4 };
    let pos = scene.outbox.attach(client(1), HOST, 2, Some(ahead), ERA + 1);
    assert_eq!(pos, Some(StreamPos { era: ERA + 1, seq: 1 }));
    scene.commit(Vec::new());
    scene.crash(1..=1);
    assert_eq!(scene.outbox.head(client(1)), pos);
}

#[test]
fn last_words_are_kept_until_they_are_read() {
    let mut scene = Scene::with(1..=2);
    scene.outbox.say(prepared("farewell", &[1]));
    scene.outbox.finish(client(1));
    assert_eq!(frames(&scene.tell("too late", &[1])).len(), 1);
    assert!(scene.outbox.owes_last_words());
    scene.ack(1, 1);
    assert!(!scene.outbox.owes_last_words());
    assert_eq!((scene.rows(), scene.outbox.head(client(1))), (0, None));
    scene.outbox.say(prepared("farewell", &[2]));
    scene.outbox.finish(client(2));
    scene.commit(Vec::new());
    scene.outbox.host_gone(HOST);
    assert_eq!(scene.rows(), 0);
    assert!(scene.store.is_empty());
}

#[test]
fn a_frame_names_only_so_many_recipients() {
    let conns = LIST_ENTRIES_MAX as u64 + 5;
    let mut scene = Scene::with(1..=conns);
    let all: Vec<u64> = (1..=conns).collect();
    let frames = frames(&scene.tell("news", &all));
    let sizes: Vec<_> = frames.iter().map(|(frame, to, _)| (*frame, to.len())).collect();
    assert_eq!(sizes, [(1, LIST_ENTRIES_MAX), (2, 5)]);
    assert_eq!(scene.rows(), 1);
    assert_eq!(heads(&scene.outbox.pinged(Wall(1_000))).len() as u64, conns);
}

#[test]
fn stored_rows_look_as_they_always_did() {
    let cause = Some(Cause {
        task: 3,
        corr: 0,
        cmd_seq: 2,
    });
    let mut value = row::begin(b"ev", cause, Wall(1_000), 1);
    row::add_recipient(&mut value, ClientId([0xAA; 16]), 5);
    let mut golden = vec![1, 251, 0xE8, 0x03, 1, 3, 0, 2, 2, b'e', b'v'];
    golden.extend([0xAA; 16]);
    golden.extend([0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(value, golden);
    for len in 0..golden.len() {
        let cut = read_event(&golden[..len]);
        // Whole recipients may be missing: nothing says how many there are.
        assert!(cut.is_none() || len == golden.len() - 24);
    }
    let mark = row::mark_row(ClientId([1; 16]), row::Mark { era: 4, gone: 9 });
    assert_eq!(mark.value, Some(vec![1, 4, 9]));
}
