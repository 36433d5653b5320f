//! What stays of events in players' pasts, and what is told of it.

use super::*;
use crate::limits::{HISTORY_AGE_MAX, HISTORY_BYTES_MAX, HISTORY_EVENTS_MAX};
use crate::protocol::WireObj;
use crate::protocol::client::HistoryRecall;

const ANN: i64 = 70;
const BEN: i64 = 71;
const LATER: Wall = Wall(2_000);

fn said(text: &str, at: Wall, to: &[u64]) -> Prepared {
    let event = ClientEvent::SystemMessage {
        player: WireObj(-1),
        message: text.to_owned(),
    };
    Prepared::new(&event, None, at, to.to_vec())
}

/// Ann has connection 1, Ben 2; 3 is remembered by nobody.
fn scene() -> Scene {
    let mut scene = Scene::with(1..=3);
    scene.outbox.remember(1, Some(ANN));
    scene.outbox.remember(2, Some(BEN));
    scene
}

impl Scene {
    fn say(&mut self, text: &str, to: &[u64]) {
        self.commit(vec![said(text, Wall(1_000), to)]);
        self.leave();
    }

    fn forget(&mut self, player: i64) {
        let rows = self.outbox.forget_past(player);
        self.put(rows);
    }

    /// The process is killed, and the next one remembers for the same players.
    fn restart(&mut self) {
        self.crash(1..=3);
        self.outbox.remember(1, Some(ANN));
        self.outbox.remember(2, Some(BEN));
    }

    fn pasts(&mut self) -> usize {
        self.commit(Vec::new());
        self.store
            .keys()
            .filter(|key| key.len() == 9 && key[0] == b'h')
            .count()
    }

    /// The texts of what is recalled, read from the store as it is read there.
    fn recall(&mut self, player: i64, recall: HistoryRecall) -> (Vec<String>, bool, u64) {
        let recalled = self.outbox.recall(player, 1, recall, LATER);
        let text = |number: &u64| {
            let past = read_history(&self.store[&history_key(*number).to_vec()]).expect("it is readable");
            match crate::protocol::codec::decode_event(&past.event) {
                Some(ClientEvent::SystemMessage { message, .. }) => message,
                other => panic!("{other:?}"),
            }
        };
        let texts = recalled.numbers.iter().map(text).collect();
        (texts, recalled.more_before, recalled.total)
    }
}

fn own(seq: u64) -> StreamPos {
    StreamPos { era: ERA, seq }
}

fn past(seq: u64) -> StreamPos {
    StreamPos {
        era: HISTORY_ERA,
        seq,
    }
}

#[test]
fn what_was_accepted_can_be_recalled_by_whoever_was_told_it() {
    let mut scene = scene();
    scene.say("both", &[1, 2, 3]);
    scene.say("ann", &[1]);
    scene.tell("not for reading", &[1]);
    scene.say("ben", &[2]);
    scene.say("nobody", &[3]);
    (1..=3).for_each(|conn| scene.ack(conn, 9));
    assert_eq!((scene.rows(), scene.pasts()), (0, 3));
    let all = HistoryRecall::Seconds(10, 100);
    assert_eq!(
        scene.recall(ANN, all),
        (vec!["both".to_owned(), "ann".into()], false, 2)
    );
    assert_eq!(
        scene.recall(BEN, all),
        (vec!["both".to_owned(), "ben".into()], false, 2)
    );
    assert_eq!(scene.recall(99, all), (Vec::new(), false, 0));
    assert_eq!(
        scene.recall(ANN, HistoryRecall::Seconds(0, 100)).0,
        Vec::<String>::new()
    );
    scene.crash(1..=3);
    assert_eq!(
        scene.recall(BEN, all),
        (vec!["both".to_owned(), "ben".into()], false, 2)
    );
}

#[test]
fn a_past_is_paged_by_its_own_places_and_by_those_of_the_stream() {
    let mut scene = scene();
    for number in 1..=6 {
        scene.say(&number.to_string(), &[1]);
    }
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        scene.recall(ANN, HistoryRecall::Before(own(5), 2)),
        (texts(&["3", "4"]), true, 6)
    );
    assert_eq!(
        scene.recall(ANN, HistoryRecall::Before(past(3), 9)),
        (texts(&["1", "2"]), false, 6)
    );
    assert_eq!(
        scene.recall(ANN, HistoryRecall::After(own(4), 9)),
        (texts(&["5", "6"]), true, 6)
    );
    assert_eq!(
        scene.recall(ANN, HistoryRecall::After(past(0), 1)),
        (texts(&["1"]), false, 6)
    );
    assert_eq!(
        scene.recall(ANN, HistoryRecall::Before(own(99), 1)).0,
        texts(&["6"])
    );
    assert_eq!(scene.recall(ANN, HistoryRecall::None), (Vec::new(), false, 6));
}

#[test]
fn a_past_is_bounded_in_events_and_bytes_and_age() {
    let mut scene = scene();
    for number in 0..=HISTORY_EVENTS_MAX {
        scene.say(&number.to_string(), &[1, 2]);
    }
    assert_eq!(scene.pasts(), HISTORY_EVENTS_MAX);
    assert_eq!(scene.recall(ANN, HistoryRecall::After(past(0), 1)).0, ["1"]);
    let long = "x".repeat(HISTORY_BYTES_MAX / 4);
    (0..9).for_each(|_| scene.say(&long, &[1]));
    assert_eq!(scene.recall(ANN, HistoryRecall::None).2, 3);
    assert_eq!(
        scene.recall(BEN, HistoryRecall::None).2,
        HISTORY_EVENTS_MAX as u64,
        "Ben has his still"
    );
    let much_later = Wall(1_001).plus(HISTORY_AGE_MAX);
    scene.outbox.pinged(much_later);
    assert_eq!(scene.pasts(), 0);
}

#[test]
fn a_player_who_is_no_more_leaves_no_past_to_the_next_one() {
    let mut scene = scene();
    scene.say("both", &[1, 2]);
    scene.say("ann", &[1]);
    scene.forget(ANN);
    assert_eq!(scene.recall(ANN, HistoryRecall::None).2, 0);
    assert_eq!((scene.recall(BEN, HistoryRecall::None).2, scene.pasts()), (1, 1));
    scene.say("again", &[1]);
    scene.crash(1..=2);
    let all = HistoryRecall::Seconds(10, 100);
    assert_eq!(scene.recall(ANN, all), (vec!["again".to_owned()], false, 1));
    assert_eq!(scene.recall(BEN, all), (vec!["both".to_owned()], false, 1));
    scene.outbox.pinged(Wall(1_001).plus(HISTORY_AGE_MAX));
    scene.commit(Vec::new());
    assert_eq!(
        scene.rows(),
        0,
        "what is forgotten needs no word once it is gone for all"
    );
    assert!(scene.store.keys().all(|key| key.len() != 9));
}

#[test]
fn a_past_is_forgotten_by_the_commit_that_says_so() {
    let mut scene = scene();
    scene.say("both", &[1, 2]);
    scene.say("ann", &[1]);
    scene.forget(ANN);
    scene.restart();
    assert_eq!(scene.recall(ANN, HistoryRecall::None).2, 0);
    assert_eq!((scene.recall(BEN, HistoryRecall::None).2, scene.pasts()), (1, 1));
}

#[test]
fn what_was_given_up_before_it_was_forgotten_does_not_come_back() {
    let mut scene = scene();
    scene.say("old", &[1, 2]);
    (0..HISTORY_EVENTS_MAX).for_each(|_| scene.say("ann", &[1]));
    let all = HistoryRecall::None;
    assert_eq!(scene.recall(ANN, all).2, HISTORY_EVENTS_MAX as u64);
    scene.restart();
    assert_eq!(
        scene.recall(ANN, all).2,
        HISTORY_EVENTS_MAX as u64,
        "a past is bounded after a restart too"
    );
    scene.forget(ANN);
    assert_eq!((scene.recall(ANN, all).2, scene.recall(BEN, all).2), (0, 1));
    scene.restart();
    assert_eq!((scene.recall(ANN, all).2, scene.recall(BEN, all).2), (0, 1));
}

#[test]
fn what_is_told_after_a_past_was_forgotten_has_a_number_of_its_own() {
    let mut scene = scene();
    scene.say("both", &[1, 2]);
    scene.forget(ANN);
    scene.store.retain(|key, _| key[0] != b'h');
    scene.restart();
    scene.say("again", &[1]);
    let all = HistoryRecall::Seconds(10, 100);
    scene.restart();
    assert_eq!(scene.recall(ANN, all), (vec!["again".to_owned()], false, 1));
}

#[test]
fn an_event_that_is_in_nobodys_past_any_more_is_deleted_at_the_start() {
    let mut scene = scene();
    scene.say("ann", &[1]);
    scene.put(vec![row::forgotten_row(ANN, 9)]);
    scene.restart();
    scene.outbox.pinged(Wall(1_001).plus(HISTORY_AGE_MAX));
    assert_eq!(scene.pasts(), 0);
    scene.say("again", &[1]);
    scene.restart();
    assert_eq!(scene.recall(ANN, HistoryRecall::None).2, 1);
}

#[test]
fn an_event_that_nobody_was_told_goes_with_the_others() {
    let mut history = History::default();
    let ann = Heard {
        player: ANN,
        conn: 1,
        seq: 1,
    };
    history.insert(1, 10, Wall(1), &[]);
    history.insert(2, 10, Wall(1), &[ann]);
    let mut gone = Vec::new();
    history.bound_all(Wall(2).plus(HISTORY_AGE_MAX), &mut gone);
    assert_eq!(gone, [row::history_gone(1), row::history_gone(2)]);
}
