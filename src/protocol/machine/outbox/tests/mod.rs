//! The outbox against a store that is a map: what is numbered, kept, sent, asked for again, and found after a crash.

mod bounds;
mod history;
mod takeover;

use std::collections::BTreeMap;

use super::*;
use crate::limits::{
    CREDIT_BYTES, OUTBOX_AGE_MAX, OUTBOX_STREAM_BYTES_MAX, OUTBOX_STREAM_EVENTS_MAX, STREAM_RING_EVENTS_MAX,
};
use crate::protocol::event::StreamPos;

const HOST: HostId = HostId([7; 16]);
const OTHER: HostId = HostId([8; 16]);
const ERA: u32 = 5;

/// An outbox, and the store as the log has written it.
#[derive(Default)]
struct Scene {
    outbox: Outbox<u32>,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    stamp: u64,
}

fn client(conn: u64) -> ClientId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&conn.to_be_bytes());
    ClientId(id)
}

fn at(seq: u64) -> StreamPos {
    StreamPos { era: ERA, seq }
}

fn event(text: &str) -> ClientEvent {
    ClientEvent::Disconnect {
        reason: text.to_owned(),
        lines: Vec::new(),
    }
}

fn prepared(text: &str, to: &[u64]) -> Prepared {
    Prepared::new(&event(text), None, Wall(1_000), to.to_vec())
}

fn text_of(bytes: &[u8]) -> String {
    match crate::protocol::codec::decode_event(bytes) {
        Some(ClientEvent::Disconnect { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

impl Scene {
    fn with(conns: std::ops::RangeInclusive<u64>) -> Scene {
        let mut scene = Scene::default();
        scene.outbox.registered(HOST);
        conns.for_each(|conn| scene.open(conn, HOST));
        scene
    }

    fn open(&mut self, conn: u64, host: HostId) {
        let pos = self.outbox.open(Opening {
            conn,
            client: client(conn),
            host,
            attach_epoch: 1,
            wants_ends: false,
            era: ERA,
        });
        assert_eq!(pos, StreamPos { era: ERA, seq: 0 });
    }

    fn put(&mut self, rows: Vec<Row>) {
        for Row { relation, key, value } in rows {
            assert_eq!(relation, moo_model::ledger::Relation::Outbox);
            match value {
                Some(value) => drop(self.store.insert(key, value)),
                None => drop(self.store.remove(&key)),
            }
        }
    }

    /// Commits these events; nothing is told of them yet.
    fn commit(&mut self, events: Vec<Prepared>) {
        self.stamp += 1;
        let rows = self.outbox.number(self.stamp, events, None);
        self.put(rows);
    }

    /// What may leave now that all commits are written.
    fn leave(&mut self) -> Vec<Out<u32>> {
        self.outbox.written(self.stamp, usize::MAX)
    }

    /// Commits one event and gives what is sent because of it.
    fn tell(&mut self, text: &str, to: &[u64]) -> Vec<Out<u32>> {
        self.commit(vec![prepared(text, to)]);
        self.leave()
    }

    fn ack(&mut self, conn: u64, seq: u64) {
        let out = self
            .outbox
            .acknowledged(HOST, u64::MAX, &[(client(conn), seq)], &[]);
        assert_eq!(out, []);
    }

    /// How many rows of events the store has, once deletions have ridden along.
    fn rows(&mut self) -> usize {
        self.commit(Vec::new());
        self.store.keys().filter(|key| key.len() == 8).count()
    }

    /// The process is killed; the next finds what was written, and its connections again.
    fn crash(&mut self, conns: std::ops::RangeInclusive<u64>) {
        let Loaded { outbox, unreadable } = Outbox::load(self.store.clone());
        assert_eq!(unreadable, 0);
        self.outbox = outbox;
        self.outbox.registered(HOST);
        for conn in conns {
            assert!(self.outbox.bind(client(conn), conn, false));
            self.outbox.attach(client(conn), HOST, 2, None, ERA + 1);
        }
    }

    fn replay(&self, conn: u64, from: u64) -> Replay {
        let from = StreamPos { era: ERA, seq: from };
        let replay = self.outbox.replay(client(conn), None, from, None, usize::MAX);
        replay.expect("there is such a stream")
    }

    /// The texts of the past, wherever they lie.
    fn texts(&self, replay: &Replay) -> Vec<(u64, String)> {
        let texts = replay.pieces.iter().map(|piece| match piece {
            Piece::Kept { seq, event, .. } => (*seq, text_of(event)),
            Piece::Stored { seq, row } => {
                let value = &self.store[event_key(*row).as_slice()];
                let stored = read_event(value).expect("it was written by us");
                (*seq, text_of(&stored.event))
            }
        });
        texts.collect()
    }
}

/// A frame, as the host's number, its recipients' connections with their numbers, and the text.
type Framed = (u64, Vec<(u64, u64)>, String);

fn frames(out: &[Out<u32>]) -> Vec<Framed> {
    let frames = out.iter().filter_map(|out| match out {
        Out::Frame { route, event, .. } => {
            let conn = |client: ClientId| u64::from_be_bytes(client.0[8..].try_into().expect("eight bytes"));
            let to = route.to.iter().map(|to| (conn(to.client), to.seq)).collect();
            Some((route.frame, to, text_of(event)))
        }
        _ => None,
    });
    frames.collect()
}

fn heads(out: &[Out<u32>]) -> Vec<(ClientId, u64)> {
    let heads = out.iter().filter_map(|out| match out {
        Out::Heads { heads, .. } => Some(heads.clone()),
        _ => None,
    });
    let mut heads: Vec<_> = heads.flatten().collect();
    heads.sort_unstable();
    heads
}

#[test]
fn events_leave_in_the_order_of_commits_once_those_are_written() {
    let mut scene = Scene::with(1..=2);
    scene.commit(vec![prepared("a", &[1]), prepared("b", &[1, 2])]);
    scene.commit(vec![prepared("c", &[2, 99])]);
    assert_eq!(scene.outbox.written(0, 10), []);
    assert_eq!(scene.outbox.head(client(1)).map(|pos| pos.seq), Some(0));
    let mut first = scene.outbox.written(1, 1);
    assert_eq!(first.len(), 1);
    first.extend(scene.outbox.written(1, 10));
    assert_eq!(
        frames(&first),
        [
            (1, vec![(1, 1)], "a".into()),
            (2, vec![(1, 2), (2, 1)], "b".into())
        ]
    );
    assert_eq!(frames(&scene.leave()), [(3, vec![(2, 2)], "c".into())]);
    assert!(scene.outbox.is_drained());
}

#[test]
fn what_nobody_is_sent_holds_up_nothing_behind_it() {
    let mut scene = Scene::with(1..=2);
    scene.outbox.detach(client(1), 1);
    scene.commit(vec![prepared("a", &[1]), prepared("b", &[2])]);
    assert_eq!(
        frames(&scene.outbox.written(1, 1)),
        [(1, vec![(2, 1)], "b".into())]
    );
}

#[test]
fn the_servers_words_come_before_what_is_committed_later() {
    let mut scene = Scene::with(1..=1);
    scene.outbox.say(prepared("welcome", &[1]));
    assert!(scene.outbox.is_waiting());
    assert_eq!(scene.outbox.written(u64::MAX, 10), []);
    let out = scene.tell("you see a hall", &[1]);
    assert!(!scene.outbox.is_waiting());
    let texts: Vec<_> = frames(&out).into_iter().map(|(.., text)| text).collect();
    assert_eq!(texts, ["welcome", "you see a hall"]);
    assert_eq!(scene.texts(&scene.replay(1, 1)).len(), 2);
    scene.crash(1..=1);
    assert_eq!(
        scene.texts(&scene.replay(1, 1)),
        [(1, "welcome".into()), (2, "you see a hall".into())]
    );
}

#[test]
fn an_answer_follows_its_commits_events_and_tells_their_head() {
    let mut scene = Scene::with(1..=1);
    scene.tell("before", &[1]);
    let rows = scene
        .outbox
        .number(9, vec![prepared("done", &[1])], Some((1, 42)));
    scene.put(rows);
    let out = scene.outbox.written(9, 10);
    let answer = Out::Answer {
        answer: 42,
        head: Some(StreamPos { era: ERA, seq: 2 }),
    };
    assert_eq!((out.len(), out.last()), (2, Some(&answer)));
}

#[test]
fn a_shared_row_lives_until_its_last_recipient_has_it() {
    let mut scene = Scene::with(1..=3);
    scene.tell("hello", &[1, 2, 3]);
    assert_eq!(scene.rows(), 1);
    scene.ack(1, 1);
    scene.ack(3, 1);
    assert_eq!(scene.rows(), 1);
    scene.ack(1, 1);
    scene.outbox.close(client(2));
    assert_eq!(scene.rows(), 0);
    assert_eq!(scene.outbox.counters().stored_bytes, 0);
    assert_eq!(scene.outbox.counters().memory_bytes, 0);
}

#[test]
fn nothing_is_accepted_that_was_not_written_or_is_another_hosts() {
    let mut scene = Scene::with(1..=1);
    scene.commit(vec![prepared("a", &[1])]);
    scene.ack(1, 1);
    scene.leave();
    scene.outbox.acknowledged(OTHER, 0, &[(client(1), 1)], &[]);
    assert_eq!(scene.rows(), 1);
    scene.ack(1, 1);
    assert_eq!(scene.rows(), 0);
}

#[test]
fn numbers_go_on_over_a_crash_with_and_without_rows_left() {
    let mut scene = Scene::with(1..=2);
    for text in ["a", "b", "c"] {
        scene.tell(text, &[1, 2]);
    }
    scene.ack(1, 3);
    scene.ack(2, 1);
    assert_eq!(scene.rows(), 2);
    scene.crash(1..=2);
    assert_eq!(scene.outbox.head(client(1)), Some(StreamPos { era: ERA, seq: 3 }));
    assert_eq!(scene.outbox.unacked(client(1)), None);
    assert_eq!(scene.outbox.unacked(client(2)), Some((at(2), 3)));
    assert_eq!(
        scene.texts(&scene.replay(2, 2)),
        [(2, "b".into()), (3, "c".into())]
    );
    assert_eq!(
        frames(&scene.tell("d", &[1, 2])),
        [(1, vec![(1, 4), (2, 4)], "d".into())]
    );
    scene.ack(1, 4);
    scene.ack(2, 4);
    assert_eq!(scene.rows(), 0);
    scene.crash(1..=2);
    assert_eq!(scene.outbox.head(client(2)).map(|pos| pos.seq), Some(4));
}

#[test]
fn an_accepted_event_whose_deletion_was_not_written_is_there_again_and_can_be_accepted_again() {
    let mut scene = Scene::with(1..=1);
    scene.tell("a", &[1]);
    scene.ack(1, 1);
    scene.crash(1..=1);
    assert_eq!(scene.outbox.unacked(client(1)), Some((at(1), 1)));
    let last = StreamPos { era: ERA, seq: 1 };
    let head = scene.outbox.attach(client(1), HOST, 3, Some(last), ERA + 1);
    assert_eq!(head, Some(last));
    assert_eq!(scene.rows(), 0);
}

#[test]
fn events_before_a_missing_row_are_told_as_lost() {
    let mut scene = Scene::with(1..=1);
    for text in ["a", "b", "c"] {
        scene.tell(text, &[1]);
    }
    scene.store.remove(event_key(2).as_slice());
    scene.crash(1..=1);
    let replay = scene.replay(1, 1);
    assert_eq!((replay.lost, replay.is_done), (2, true));
    assert_eq!(scene.texts(&replay), [(3, "c".into())]);
    assert_eq!(scene.rows(), 1);
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_rows_of_nobody_deleted() {
    let mut scene = Scene::with(1..=1);
    scene.tell("a", &[1]);
    scene.store.remove(client(1).0.as_slice());
    scene.store.insert(event_key(77).to_vec(), vec![9, 9]);
    let loaded = Outbox::load(scene.store.clone());
    assert_eq!(loaded.unreadable, 1);
    scene.outbox = loaded.outbox;
    scene.commit(Vec::new());
    assert!(!scene.store.contains_key(event_key(1).as_slice()));
}

#[test]
fn only_known_clients_streams_are_kept() {
    let mut scene = Scene::with(1..=2);
    scene.tell("a", &[1, 2]);
    scene.crash(1..=2);
    scene.outbox.keep_only(|known| known == client(2));
    assert_eq!(scene.outbox.head(client(1)), None);
    assert_eq!((scene.rows(), scene.store.len()), (1, 2));
}

#[test]
fn a_client_that_comes_anew_begins_at_one() {
    let mut scene = Scene::with(1..=1);
    scene.tell("a", &[1]);
    scene.crash(1..=1);
    scene.open(1, HOST);
    assert_eq!(scene.rows(), 0);
    assert_eq!(frames(&scene.tell("b", &[1])), [(1, vec![(1, 1)], "b".into())]);
}
