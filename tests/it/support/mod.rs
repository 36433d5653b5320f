//! What scenarios stand on: the real programs on ports and folders of their own, and clients that wait for words.
//!
//! Invariant: nothing here sleeps for a fixed time. Everything waits for what it needs, up to `DEADLINE`.

pub mod bad_cable;
pub mod cable;
pub mod checker;
pub mod crowd;
pub mod fault_proxy;
pub mod faults;
pub mod ledger;
pub mod lone;
pub mod outside;
pub mod peer;
pub mod random;
pub mod redis;
pub mod remote;
pub mod rest;
pub mod schema;
pub mod server;
pub mod small_disk;
pub mod starved;
pub mod tab;
pub mod telnet;
pub mod web;
pub mod worlds;

use server::clean_command;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long anything may take before a scenario fails: far more than it needs on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// By how much a time that a row of the table of faults allows may be exceeded on a busy machine.
pub const BUSY: Duration = Duration::from_millis(1_500);

/// Between two looks at something that cannot be waited for.
pub const GLANCE: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to see; fails at the deadline, saying what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} in vain for {what}");
        std::thread::sleep(GLANCE);
    }
}

/// A number that the environment may set.
pub fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// The Python that `scripts/setup` made, if it has this module; none, said loudly, where that is missing.
pub fn python(module: &str) -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = from("MOOTHALL_CACHE")
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("moothall")))
        .or_else(|| Some(from("HOME")?.join(".cache/moothall")))?;
    let python = cache.join("python/bin/python");
    let mut command = clean_command(&python.to_string_lossy());
    let imported = command.args(["-c", &format!("import {module}")]);
    if imported
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return Some(python);
    }
    eprintln!(
        "SKIPPED, AND SO NOT SHOWN TO WORK: there is no {} with {module}",
        python.display()
    );
    None
}

/// The LambdaCore textdump, which is not part of this repository; none, said loudly, where it is missing.
pub fn lambdacore() -> Option<PathBuf> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/worlds/LambdaCore-20Jun18.db");
    if file.exists() {
        return Some(file);
    }
    eprintln!(
        "SKIPPED, AND SO NOT SHOWN TO WORK: there is no {}",
        file.display()
    );
    None
}
