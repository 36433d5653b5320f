//! The children of a supervisor that died: found by a list it kept, to be adopted, or ended where that cannot be.
//!
//! Invariant: only a process whose number *and* moment of start are in the list is touched, and only if this machine has
//! not been started anew since; a number that another process took over is left alone.

use super::running::Handle;
use rustix::process::Signal;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the last supervisor left running.
#[derive(Debug, Default)]
pub struct Left {
    /// Who can go on under a new one: the name and the process.
    pub orphans: Vec<(String, Handle)>,
    /// How many of another version, or of no use now, were ended.
    pub ended: usize,
}

/// The list's place.
fn list_path(run_dir: &Path) -> PathBuf {
    run_dir.join("children")
}

/// The first line of a list: which supervisors may take it over, and the start of the machine that it is true for.
fn heading() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{} {}", env!("CARGO_PKG_VERSION"), boot.trim())
}

/// Bytes of a list, filled up with empty lines: one page, more than the most children need.
const LIST_LEN: usize = 4_096;

/// Writes down which processes run, in one step, so that a reader finds the old list or the new one: the page of the file is
/// written over, which no signal interrupts. A new file renamed over it would do as well, but some file systems write
/// that out before they go on, and all children would wait for the disk.
///
/// # Errors
/// What the file system says; `FileTooLarge` of more children than a server has.
pub fn remember<'a>(run_dir: &Path, children: impl Iterator<Item = (&'a str, u32)>) -> io::Result<()> {
    let lines = children.filter_map(|(name, pid)| Some(format!("{pid} {} {name}\n", start_of(pid)?)));
    let mut text: Vec<u8> = [heading() + "\n"]
        .into_iter()
        .chain(lines)
        .collect::<String>()
        .into();
    if text.len() > LIST_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    text.resize(LIST_LEN, b'\n');
    let mut options = File::options();
    let list = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(list_path(run_dir))?;
    list.write_all_at(&text, 0)
}

/// Finds what runs on. Whoever has none of the `names`, or is of another version, is asked to end, waited for as long
/// as `patience`, and killed. Blocks.
pub fn take_over(run_dir: &Path, names: &[&str], patience: Duration) -> io::Result<Left> {
    let text = match fs::read_to_string(list_path(run_dir)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Left::default()),
        Err(error) => return Err(error),
    };
    let (found, ours) = (text.lines().next().unwrap_or_default(), heading());
    let boot_of = |heading: &str| heading.rsplit_once(' ').map(|(_, boot)| boot.to_owned());
    if boot_of(found) != boot_of(&ours) {
        return Ok(Left::default());
    }
    let running = text.lines().skip(1).filter_map(parse).filter_map(find);
    let (orphans, strangers): (Vec<_>, Vec<_>) =
        running.partition(|(name, _)| found == ours && names.contains(&name.as_str()));
    end_all(&strangers, patience);
    Ok(Left {
        orphans,
        ended: strangers.len(),
    })
}

fn parse(line: &str) -> Option<(String, u32, u64)> {
    let mut words = line.splitn(3, ' ');
    let (pid, start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((words.next()?.to_owned(), pid, start))
}

/// The process of a line, if it is still the same. Opened first and looked at then, so it cannot be exchanged between.
fn find((name, pid, start): (String, u32, u64)) -> Option<(String, Handle)> {
    let handle = Handle::open(pid).ok()?;
    (start_of(pid) == Some(start)).then_some((name, handle))
}

fn end_all(processes: &[(String, Handle)], patience: Duration) {
    for signal in [Signal::TERM, Signal::KILL] {
        for (name, process) in processes {
            // One that has ended meanwhile is what is wanted.
            if process.signal(signal).is_ok() {
                tracing::warn!(
                    name,
                    pid = process.pid(),
                    ?signal,
                    "a process of another server is ended"
                );
            }
        }
        let limit = Instant::now() + patience;
        for (_, process) in processes {
            process.wait(limit.saturating_duration_since(Instant::now()));
        }
    }
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

#[cfg(test)]
mod tests;
