//! What was revoked stays so, over restarts too, for as long as it matters.

use super::*;
use crate::limits::{REVOCATION_LIFE_S, REVOCATIONS_MAX};
use moo_model::ledger::Row;
use std::collections::BTreeMap;

/// A table that rows are written to.
#[derive(Default)]
struct Stored(BTreeMap<Vec<u8>, Vec<u8>>);

impl Stored {
    fn write(&mut self, rows: Vec<Row>) {
        for row in rows {
            match row.value {
                Some(value) => drop(self.0.insert(row.key, value)),
                None => drop(self.0.remove(&row.key)),
            }
        }
    }

    fn load(&self, now: Wall) -> Revocations {
        Revocations::load(self.0.clone().into_iter(), now)
    }
}

fn subjects() -> [Subject; 5] {
    [
        Subject::Client(ClientId([1; 16])),
        Subject::Player(WireObj(-3)),
        Subject::Host(HostId([1; 16])),
        Subject::Worker(WorkerId([1; 16])),
        Subject::Token([1; 16]),
    ]
}

#[test]
fn what_is_stored_is_what_holds() {
    let (mut revocations, mut stored) = (Revocations::default(), Stored::default());
    for (place, subject) in subjects().into_iter().enumerate() {
        for _ in 0..=place {
            stored.write(revocations.revoke(subject, NOW).1);
        }
        assert_eq!(revocations.generation(subject), place as u32 + 1);
        assert_eq!(stored.load(NOW), revocations);
    }
    stored.write(revocations.revoke_all(NOW));
    assert_eq!(stored.load(NOW), revocations);
    for subject in subjects() {
        assert_eq!(revocations.generation(subject), 6, "higher than anybody's was");
    }
    assert_eq!(stored.0.len(), 1, "one row stands for all");
}

#[test]
fn a_revocation_is_forgotten_when_all_it_killed_has_expired_and_not_before() {
    let (mut revocations, mut stored) = (Revocations::default(), Stored::default());
    let [client, player, ..] = subjects();
    stored.write(revocations.revoke(client, NOW).1);
    let life = Duration::from_secs(REVOCATION_LIFE_S);
    assert!(
        TokenClass::ALL
            .iter()
            .all(|class| class.life() + Duration::from_secs(60) < life)
    );
    let last_moment = Wall(later(life).0 - 1);
    assert_eq!(stored.load(last_moment).generation(client), 1);
    assert_eq!(stored.load(later(life)).generation(client), 0);
    stored.write(revocations.revoke(player, later(life)).1);
    assert_eq!(revocations.generation(client), 0);
    assert_eq!(stored.load(NOW), revocations);
}

#[test]
fn one_revocation_too_many_revokes_everything_of_before() {
    let mut revocations = Revocations::default();
    let client = |n: usize| Subject::Client(ClientId((n as u128).to_le_bytes()));
    for n in 0..=REVOCATIONS_MAX {
        revocations.revoke(client(n), NOW);
    }
    assert_eq!(revocations.generation(client(0)), 2);
    assert_eq!(
        revocations.generation(client(REVOCATIONS_MAX + 1)),
        2,
        "whoever has a token gets another"
    );
    assert_eq!(revocations.generation(client(REVOCATIONS_MAX)), 3);
}

#[test]
fn rows_that_cannot_be_read_revoke_nothing() {
    let rows = [
        (b"floor".to_vec(), vec![9; 13]),
        (b"x1234567890123456".to_vec(), vec![1; 13]),
        (b"c12".to_vec(), vec![1; 13]),
        (Vec::new(), Vec::new()),
    ];
    assert_eq!(Revocations::load(rows.into_iter(), NOW), Revocations::default());
}
