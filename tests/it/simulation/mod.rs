//! The protocol's machines under one clock and one seed: the real host and the real outbox, a model of the daemon's
//! commits around them, people at both ends, and a network that loses, repeats, delays and reorders.
//!
//! The model checks the promises: every event that was committed reaches each of its readers once and in order; every
//! line that was typed takes effect once, in order, and is answered. Time is virtual, so minutes pass in milliseconds.
//! `MOOTHALL_SEEDS=N` runs that many seeds, `MOOTHALL_SEED=N` only that one, with what happened in it printed.

mod daemon;
mod mishaps;
mod network;
mod people;
mod reckoning;
mod refusals;
mod sessions;
mod store;
mod world;

use std::env;

use world::World;

/// Seeds that the gate runs.
const SEEDS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_or_doubled_whatever_the_seed() {
    if let Some(seed) = number("MOOTHALL_SEED") {
        World::new(seed, true).run().unwrap();
        return;
    }
    let mut tally = world::Tally::default();
    for seed in 0..number("MOOTHALL_SEEDS").unwrap_or(SEEDS) {
        match World::new(seed, false).run() {
            Ok(run) => tally.add(&run),
            Err(why) => panic!("seed {seed}: {why}\nrun it alone with MOOTHALL_SEED={seed}"),
        }
    }
    println!("simulated: {tally:?}");
    assert!(
        tally.daemon_crashes > 0
            && tally.frames_lost > 0
            && tally.refusals > 0
            && tally.fenced > 0
            && tally.deliveries > 0,
        "nothing happened: {tally:?}"
    );
}

/// A checker that finds nothing proves nothing: a daemon that forgets the numbers of commands must be found out.
#[test]
fn a_daemon_that_forgets_what_it_did_is_found_out() {
    let found = (0..200).any(|seed| {
        let mut world = World::new(seed, false);
        world.daemon.forgets_commands = true;
        world.run().is_err()
    });
    assert!(found, "commands ran twice and nobody noticed");
}

/// So must one that forgets events: it stores none.
#[test]
fn a_daemon_that_stores_no_events_is_found_out() {
    let found = (0..200).any(|seed| {
        let mut world = World::new(seed, false);
        world.daemon.stores_no_events = true;
        world.run().is_err()
    });
    assert!(found, "events were lost and nobody noticed");
}
