//! The children of a supervisor that died: found by a list it kept, and ended before new ones are started.
//!
//! Invariant: only a process whose number *and* moment of start are in the list is signalled; a reused number is not.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The list's place.
fn list_path(run_dir: &Path) -> PathBuf {
    run_dir.join("children")
}

/// Writes down which processes run, in one step, so that a reader finds the old list or the new one.
pub fn remember(run_dir: &Path, pids: impl Iterator<Item = u32>) -> io::Result<()> {
    let text: String = pids
        .filter_map(|pid| Some(format!("{pid} {}\n", start_of(pid)?)))
        .collect();
    let new = run_dir.join("children.new");
    fs::write(&new, text)?;
    fs::rename(new, list_path(run_dir))
}

/// Ends what the last supervisor of this folder left running: asks, waits for `patience`, and kills. Blocks.
pub fn end_all(run_dir: &Path, patience: Duration) -> io::Result<usize> {
    let text = match fs::read_to_string(list_path(run_dir)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let orphans: Vec<(u32, u64)> = text.lines().filter_map(parse).filter(is_running).collect();
    signal_all(&orphans, Signal::TERM);
    let limit = Instant::now() + patience;
    while orphans.iter().any(is_running) && Instant::now() < limit {
        thread::sleep(LOOK);
    }
    signal_all(&orphans, Signal::KILL);
    while orphans.iter().any(is_running) && Instant::now() < limit + patience {
        thread::sleep(LOOK);
    }
    Ok(orphans.len())
}

fn parse(line: &str) -> Option<(u32, u64)> {
    let (pid, start) = line.split_once(' ')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

fn signal_all(orphans: &[(u32, u64)], signal: Signal) {
    for orphan in orphans.iter().filter(|orphan| is_running(orphan)) {
        if let Some(pid) = Pid::from_raw(orphan.0.cast_signed())
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::warn!(pid = orphan.0, %error, "an orphan of the last supervisor could not be signalled");
        }
    }
}

fn is_running(&(pid, start): &(u32, u64)) -> bool {
    let exists = Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid).is_ok());
    exists && start_of(pid) == Some(start)
}

/// When a process started, in the kernel's ticks since boot; none for one that is gone or only waits to be reaped.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, so fields are counted after the last bracket: state is the first.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        None
    } else {
        fields.nth(18)?.parse().ok()
    }
}
