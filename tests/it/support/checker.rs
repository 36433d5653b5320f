//! The ledger that clients write under load, and what must hold of it after any kill: every answered entry is there,
//! and none is there twice.

use std::collections::{BTreeMap, BTreeSet};

/// What one client knows: the entries it asked for, from 1 on, and which of them were answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The last entry asked for.
    pub asked: u64,
    /// The entries whose answer came.
    pub answered: BTreeSet<u64>,
}

/// Compares the entries `(client, number)` in the world with what the clients know. `Err` says what is wrong.
pub fn check(entries: &[(usize, u64)], clients: &BTreeMap<usize, Answers>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(*entry) {
            return Err(format!("entry {} of client {} is there twice", entry.1, entry.0));
        }
        let asked = clients.get(&entry.0).map_or(0, |answers| answers.asked);
        if entry.1 == 0 || entry.1 > asked {
            return Err(format!("client {} never asked for entry {}", entry.0, entry.1));
        }
    }
    for (client, answers) in clients {
        if let Some(lost) = answers
            .answered
            .iter()
            .find(|number| !seen.contains(&(*client, **number)))
        {
            return Err(format!(
                "entry {lost} of client {client} was answered and is lost"
            ));
        }
    }
    Ok(())
}

/// The entries in a MOO literal of the form `{{1, 2}, {1, 3}}`.
pub fn entries(literal: &str) -> Vec<(usize, u64)> {
    let numbers: Vec<u64> = literal
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().expect("digits"))
        .collect();
    numbers
        .chunks(2)
        .map(|pair| (usize::try_from(pair[0]).expect("a client's number"), pair[1]))
        .collect()
}

#[test]
fn the_checker_finds_what_is_lost_doubled_or_made_up() {
    let answers = Answers {
        asked: 3,
        answered: BTreeSet::from([1, 2]),
    };
    let clients = BTreeMap::from([(7, answers)]);
    let verdict = |literal| check(&entries(literal), &clients);
    assert_eq!(verdict("{{7, 1}, {7, 2}}"), Ok(()));
    assert_eq!(verdict("{{7, 2}, {7, 1}, {7, 3}}"), Ok(()));
    assert!(verdict("{{7, 1}}").unwrap_err().contains("lost"));
    assert!(verdict("{{7, 1}, {7, 2}, {7, 1}}").unwrap_err().contains("twice"));
    assert!(verdict("{{7, 1}, {7, 2}, {7, 4}}").unwrap_err().contains("never"));
    assert!(verdict("{{8, 1}}").unwrap_err().contains("never"));
}
