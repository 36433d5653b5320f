//! When a commit counts as written, and what becomes of a disk that fails.

use std::fs;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use moo_db::Durability;

use crate::judge::go_on;
use crate::parent::{Folder, Kill, Running, Told};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long an answer that must not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);
/// How long what was written may wait for the disk, and the most that a machine with much to do adds.
const DELAY: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_millis(450);

/// Lets a process commit while syncs are held; gives the answers that came meanwhile, and in all.
fn with_held_syncs(durability: Durability) -> (u64, Told) {
    let mut folder = Folder::new();
    let mut running = Running::start(&mut folder, durability, 400, 0, 0);
    let first = folder.state.stamp;
    fs::write(folder.order_file(), "hold sync").expect("there is room");
    running.go();
    let held = folder.order_file().with_extension("held");
    let (answers, answered) = channel();
    let follower = thread::spawn(move || {
        while running.hear() {
            let last = running.told().answered;
            if last > first && answers.send(last).is_err() {
                break;
            }
        }
        running.follow(Kill::Never)
    });
    let end = Instant::now() + PATIENCE;
    while !held.exists() {
        assert!(Instant::now() < end, "nothing was ever brought to the disk");
        thread::yield_now();
    }
    let while_held = match answered.recv_timeout(SILENCE) {
        Ok(last) => last - first,
        Err(RecvTimeoutError::Timeout) => 0,
        Err(RecvTimeoutError::Disconnected) => panic!("the process has ended"),
    };
    fs::remove_file(folder.order_file()).expect("it was written above");
    answered.iter().last();
    let told = follower.join().expect("it only hears");
    assert!(told.is_done, "{told:?}");
    go_on(&mut folder, &told, "after syncs were held");
    (while_held, told)
}

#[test]
fn strict_answers_after_the_sync_only() {
    let (while_held, told) = with_held_syncs(Durability::Strict);
    assert_eq!(while_held, 0, "an answer came before the disk had it");
    assert_eq!(told.answered, told.commits.last().expect("it commits").0);
}

#[test]
fn relaxed_answers_before_the_sync() {
    let (while_held, told) = with_held_syncs(Durability::Relaxed);
    assert!(while_held > 0, "no answer came without the disk");
    assert_eq!(told.answered, told.commits.last().expect("it commits").0);
}

#[test]
fn relaxed_brings_every_write_to_the_disk_soon() {
    let mut folder = Folder::new();
    let mut running = Running::start(&mut folder, Durability::Relaxed, 8_000, 0, 0);
    let trace_file = folder.dir.path().join("trace");
    // What was traced until now was the opening of the store.
    fs::write(&trace_file, "").expect("there is room");
    running.go();
    assert!(running.follow(Kill::Never).is_done);
    let trace = fs::read_to_string(trace_file).expect("it was written");
    let moments: Vec<(bool, u64)> = trace
        .lines()
        .filter_map(|line| Some((line.starts_with('s'), line.get(2..)?.parse().ok()?)))
        .collect();
    let mut longest = 0;
    for (at, (_, written)) in moments.iter().enumerate().filter(|(_, (is_sync, _))| !is_sync) {
        let synced = moments[at..].iter().find(|(is_sync, _)| *is_sync);
        let (_, synced) = synced.expect("closing the log brings the last writes to the disk");
        longest = longest.max(synced.saturating_sub(*written));
    }
    eprintln!(
        "{} writes and syncs, the longest wait {} us",
        moments.len(),
        longest / 1_000
    );
    assert!(Duration::from_nanos(longest) < DELAY + LATE);
}

/// A process whose disk fails in the middle: it tells why, answers nothing more, and what it answered is there.
#[track_caller]
fn check_failure(durability: Durability, order: &str, reason: &str) {
    let mut folder = Folder::new();
    let mut running = Running::start(&mut folder, durability, 40_000, 0, 0);
    running.go();
    while running.told().answered < folder.state.stamp + 50 {
        assert!(running.hear(), "the process has ended");
    }
    fs::write(folder.order_file(), order).expect("there is room");
    let told = running.follow(Kill::Never);
    fs::remove_file(folder.order_file()).expect("it was written above");
    let said = told.failed.clone().unwrap_or_default();
    assert!(said.contains(reason), "{said:?}");
    let last = told.commits.last().expect("it commits").0;
    assert!(
        told.answered < last && (told.commits.len() as u64) < 40_000,
        "nothing was stopped"
    );
    go_on(&mut folder, &told, order);
}

#[test]
fn a_sync_that_fails_stops_commits_with_its_reason() {
    check_failure(Durability::Relaxed, "fail sync", "fdatasync");
    check_failure(Durability::Strict, "fail sync", "fdatasync");
}

#[test]
fn a_write_that_fails_stops_commits_with_its_reason() {
    check_failure(Durability::Relaxed, "fail write", "writing the log failed");
    check_failure(Durability::Strict, "fail write", "writing the log failed");
}
