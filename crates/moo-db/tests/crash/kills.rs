//! Kills at random moments and at every place of the commit path, and torn logs.

use std::env;
use std::fs;

use moo_db::Durability;

use crate::judge::{go_on, judge, torn};
use crate::parent::{Folder, Kill, Running, Told};
use crate::plan::Random;

/// Rounds of each kind of death, in each mode, unless told otherwise.
const ROUNDS: u64 = 2;
/// The commits of one process, in a long run and in the gate.
const COMMITS: u64 = 10_000;
const COMMITS_IN_GATE: u64 = 3_000;
/// How many torn copies are made of each folder.
const TORN: usize = 3;

/// The places on the log's side, which the preloaded library knows.
const PLACES: [&str; 5] = [
    "before_write",
    "in_write",
    "after_write",
    "before_sync",
    "after_sync",
];

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// How a process dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// At a moment that the parent chooses by what it hears.
    Moment,
    /// By itself, before or after the world changes.
    InCommit(u64),
    /// In the log.
    InLog(&'static str),
}

/// One process from start to death, on a folder that goes through many.
fn die(folder: &mut Folder, durability: Durability, death: Death, commits: u64, random: &mut Random) -> Told {
    let (mut kill, mut place, mut nth) = (Kill::Never, 0, 0);
    // Groups of commits share a write, and many writes a sync.
    let some = |random: &mut Random, share: u64| 1 + random.next() % (commits / share).max(2);
    let mut order = None;
    match death {
        Death::Moment if random.below(2) == 0 => kill = Kill::AtCommit(some(random, 1)),
        Death::Moment => kill = Kill::AtAnswer(some(random, 20)),
        Death::InCommit(where_) => (place, nth) = (where_, some(random, 1)),
        Death::InLog(place) => {
            let share = match (place, durability) {
                ("before_sync" | "after_sync", Durability::Relaxed) => commits,
                _ => 40,
            };
            order = Some(format!("die {place} {}", some(random, share)));
        }
    }
    let mut running = Running::start(folder, durability, commits, place, nth);
    if let Some(order) = order {
        fs::write(folder.order_file(), order).expect("there is room");
    }
    running.go();
    let told = running.follow(kill);
    // The order may stand if the process had made all its commits before.
    let _ = fs::remove_file(folder.order_file());
    told
}

fn die_and_recover(durability: Durability) {
    let seed = number("MOOTHALL_CRASH_SEED").unwrap_or(2_026);
    let (rounds, commits) = match number("MOOTHALL_CRASH_ROUNDS") {
        Some(rounds) => (rounds, COMMITS),
        None => (ROUNDS, COMMITS_IN_GATE),
    };
    let mut random = Random(seed);
    let mut folder = Folder::new();
    let in_log = PLACES.map(Death::InLog);
    let deaths = [Death::Moment, Death::InCommit(0), Death::InCommit(1)];
    let (mut told_in_all, mut lost, mut whole, mut torn_earlier) = (0, 0, 0, 0);
    for round in 0..rounds {
        for &death in deaths.iter().chain(&in_log) {
            let context = format!("seed {seed}, round {round}, {durability:?}, {death:?}");
            let before = folder.state.clone();
            let told = die(&mut folder, durability, death, commits, &mut random);
            for _ in 0..TORN {
                let (copy, is_newest) = torn(&folder.store(), &mut random);
                match judge(copy.path(), &before, &told, before.stamp) {
                    Ok(state) => torn_earlier += u64::from(state.stamp < told.answered),
                    // A hole in the middle may be more than can be mended; then it is said.
                    Err(problem) if !is_newest && problem.starts_with("it does not open") => {}
                    Err(problem) => panic!("{context}, torn: {problem}"),
                }
            }
            let state = go_on(&mut folder, &told, &context);
            told_in_all += told.commits.len();
            lost += before.stamp + told.commits.len() as u64 - state.stamp;
            whole += u64::from(told.is_done);
        }
    }
    eprintln!(
        "{durability:?}: {} deaths, {told_in_all} commits, {lost} that nobody was told are lost, {torn_earlier} torn \
         copies ended before an answer, {whole} processes came to their end",
        rounds * (deaths.len() + in_log.len()) as u64
    );
    assert!(whole < rounds * 4, "most processes must die");
}

#[test]
fn whatever_it_dies_of_relaxed_keeps_a_prefix_with_all_that_was_answered() {
    die_and_recover(Durability::Relaxed);
}

#[test]
fn whatever_it_dies_of_strict_keeps_a_prefix_with_all_that_was_answered() {
    die_and_recover(Durability::Strict);
}
