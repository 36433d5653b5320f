//! The judge of all scenarios: what clients know is compared with what the world and the wire gave them.
//!
//! Commands: every answered entry of the ledger is there, and none is there twice. Lines: those of one client are
//! numbered from 1 and come in that order, without gap or repeat.

use std::collections::{BTreeMap, BTreeSet};

/// What one client knows: the entries it asked for, from 1 on, and which of them were answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The last entry asked for.
    pub asked: u64,
    /// The entries whose answer came.
    pub answered: BTreeSet<u64>,
}

/// The number in a line that is only this word and a number.
pub fn numbered(line: &str, word: &str) -> Option<u64> {
    line.strip_prefix(word)?.parse().ok()
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

/// What was lost, doubled or came in the wrong order, over a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What was expected.
    pub expected: u64,
    /// What never came.
    pub lost: u64,
    /// What came again.
    pub doubled: u64,
    /// What came after something later.
    pub disordered: u64,
}

impl Tally {
    /// Whether all is as it must be.
    pub fn is_clean(&self) -> bool {
        (self.lost, self.doubled, self.disordered) == (0, 0, 0)
    }
}

impl std::ops::Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally {
            expected: self.expected + other.expected,
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            disordered: self.disordered + other.disordered,
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} expected, {} lost, {} doubled, {} out of order",
            self.expected, self.lost, self.doubled, self.disordered
        )
    }
}

/// The numbered lines that one client hears.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    seen: BTreeSet<u64>,
    highest: u64,
    doubled: u64,
    disordered: u64,
}

impl Lines {
    /// A line came.
    pub fn hear(&mut self, number: u64) {
        if !self.seen.insert(number) {
            self.doubled += 1;
        } else if number < self.highest {
            self.disordered += 1;
        }
        self.highest = self.highest.max(number);
    }

    /// Whether this line has come.
    pub fn has(&self, number: u64) -> bool {
        self.seen.contains(&number)
    }

    /// How many different lines came.
    pub fn heard(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The verdict, when the lines from 1 to `last` were said.
    pub fn tally(&self, last: u64) -> Tally {
        Tally {
            expected: last,
            lost: (1..=last).filter(|number| !self.seen.contains(number)).count() as u64,
            doubled: self.doubled,
            disordered: self.disordered,
        }
    }
}

/// The verdict on the entries `(client, number)` in the world: lost is what was answered and is not there, doubled what
/// is there again or was never asked for.
pub fn tally(entries: &[(usize, u64)], clients: &BTreeMap<usize, Answers>) -> Tally {
    let mut tally = Tally::default();
    let mut seen = BTreeSet::new();
    for entry in entries {
        let asked = clients.get(&entry.0).map_or(0, |answers| answers.asked);
        if !seen.insert(*entry) || !(1..=asked).contains(&entry.1) {
            tally.doubled += 1;
        }
    }
    for (client, answers) in clients {
        tally.expected += answers.answered.len() as u64;
        let is_there = |number: &&u64| seen.contains(&(*client, **number));
        tally.lost += (answers.answered.len() - answers.answered.iter().filter(is_there).count()) as u64;
    }
    tally
}

#[test]
fn lines_are_judged_by_their_numbers() {
    let verdict = |numbers: &[u64], last| {
        let mut lines = Lines::default();
        numbers.iter().for_each(|number| lines.hear(*number));
        let Tally {
            lost,
            doubled,
            disordered,
            ..
        } = lines.tally(last);
        (lost, doubled, disordered)
    };
    assert_eq!(verdict(&[1, 2, 3], 3), (0, 0, 0));
    assert_eq!(verdict(&[1, 3], 4), (2, 0, 0));
    assert_eq!(verdict(&[1, 2, 2, 3], 3), (0, 1, 0));
    assert_eq!(verdict(&[1, 3, 2], 3), (0, 0, 1));
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
    let count = tally(&entries("{{7, 1}, {7, 1}, {7, 9}}"), &clients);
    assert_eq!((count.expected, count.lost, count.doubled), (2, 1, 2));
    assert_eq!(verdict("{{7, 2}, {7, 1}, {7, 3}}"), Ok(()));
    assert!(verdict("{{7, 1}}").unwrap_err().contains("lost"));
    assert!(verdict("{{7, 1}, {7, 2}, {7, 1}}").unwrap_err().contains("twice"));
    assert!(verdict("{{7, 1}, {7, 2}, {7, 4}}").unwrap_err().contains("never"));
    assert!(verdict("{{8, 1}}").unwrap_err().contains("never"));
}
