//! `Starved`: a process that gets hardly any processor time. Where control groups can be made it gets one hundredth of
//! a core; elsewhere it is stopped and let go on by turns, and that is said.

use super::server::signal;
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Microseconds of a core that the process gets in each period of so many.
const QUOTA_US: u64 = 1_000;
const PERIOD_US: u64 = 100_000;

/// Where the two versions of control groups are, and in which files they take their limit.
const PLACES: [(&str, &[(&str, Limit)]); 2] = [
    ("/sys/fs/cgroup", &[("cpu.max", Limit::Both)]),
    (
        "/sys/fs/cgroup/cpu",
        &[
            ("cpu.cfs_period_us", Limit::Period),
            ("cpu.cfs_quota_us", Limit::Quota),
        ],
    ),
];

#[derive(Clone, Copy)]
enum Limit {
    Both,
    Period,
    Quota,
}

impl Limit {
    fn text(self) -> String {
        match self {
            Limit::Both => format!("{QUOTA_US} {PERIOD_US}"),
            Limit::Period => PERIOD_US.to_string(),
            Limit::Quota => QUOTA_US.to_string(),
        }
    }
}

enum How {
    /// In a group of its own, in this folder.
    Group(PathBuf),
    /// Stopped by a thread that ends when its channel does.
    Turns(Option<Sender<()>>, Option<JoinHandle<()>>),
}

/// The starved process. Dropping this gives it back its share.
pub struct Starved {
    pid: u32,
    how: How,
}

impl Starved {
    /// Starves a process from now on.
    pub fn new(pid: u32) -> Starved {
        let how = PLACES
            .iter()
            .find_map(|(place, files)| group(Path::new(place), files, pid));
        let how = how.unwrap_or_else(|| {
            eprintln!("no control group can be made here: the process is stopped and let go on by turns");
            turns(pid)
        });
        Starved { pid, how }
    }
}

fn group(place: &Path, files: &[(&str, Limit)], pid: u32) -> Option<How> {
    let folder = place.join(format!("moothall-it-{pid}"));
    fs::create_dir(&folder).ok()?;
    let is_limited = files.iter().all(|(file, limit)| {
        // A file that is not there would be made on an ordinary file system, and limit nothing.
        folder.join(file).exists() && fs::write(folder.join(file), limit.text()).is_ok()
    });
    if is_limited && fs::write(folder.join("cgroup.procs"), pid.to_string()).is_ok() {
        return Some(How::Group(folder));
    }
    fs::remove_dir(&folder).ok();
    None
}

fn turns(pid: u32) -> How {
    let (over, ends) = channel();
    let (on, off) = (
        Duration::from_micros(QUOTA_US),
        Duration::from_micros(PERIOD_US - QUOTA_US),
    );
    let thread = std::thread::spawn(move || {
        for (what, time) in [(Signal::STOP, off), (Signal::CONT, on)].iter().cycle() {
            signal(pid, *what);
            if ends.recv_timeout(*time) == Err(RecvTimeoutError::Disconnected) {
                return signal(pid, Signal::CONT);
            }
        }
    });
    How::Turns(Some(over), Some(thread))
}

impl Drop for Starved {
    fn drop(&mut self) {
        match &mut self.how {
            How::Group(folder) => {
                let parent = folder
                    .parent()
                    .expect("it was made in a folder")
                    .join("cgroup.procs");
                fs::write(parent, self.pid.to_string()).ok();
                fs::remove_dir(folder).ok();
            }
            How::Turns(over, thread) => {
                drop(over.take());
                drop(thread.take().map(JoinHandle::join));
            }
        }
    }
}
