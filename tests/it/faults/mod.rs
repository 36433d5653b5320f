//! The table of faults, row by row: what is broken on purpose, and what must hold all the same. A row's tests are called
//! like it; docs/testing.md tells by which tools the faults are made.

mod actors;
mod browsers;
mod clock;
mod connections;
mod crowds;
mod descriptors;
mod disk;
mod gates;
mod jobs;
mod machines;
mod places;
mod process;
mod readers;
mod redis;
mod restarts;
mod returns;
mod web_host;
mod wire;
mod workers;

use crate::support::faults::Orders;
use crate::support::ledger;
use crate::support::lone::Lone;
use crate::support::wait_for;
use crate::support::worlds::hall_wizard;

#[test]
fn a_crash_is_carried_out_where_it_was_ordered_and_once() {
    let orders = Orders::new();
    let folder = orders.folder().to_str().unwrap();
    let mut lone = Lone::start(1, &[("MOOTHALL_FAULTS", folder)]);
    let mut wizard = hall_wizard(&lone);
    ledger::make(&mut wizard);
    orders.give("commit.after_wal", "crash");
    wizard.send("append 1 1");
    orders.wait_taken("commit.after_wal");
    wait_for("the daemon to die", || lone.daemon_ended());
    lone.restart_daemon();
    let mut again = hall_wizard(&lone);
    assert!(
        ledger::read(&mut again).contains(&(1, 1)),
        "what the log had was lost"
    );
}
