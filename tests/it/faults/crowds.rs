//! F30 and F31: more at once than a link takes. What is too much waits, and nothing is lost.
//!
//! `MOOTHALL_CROWD` sets how many clients are there when the link breaks (1,000).

use crate::support::crowd::Crowd;
use crate::support::lone::{Lone, Program};
use crate::support::peer::Peer;
use crate::support::worlds::hall_wizard;
use crate::support::{BUSY, number_from, wait_for};
use moothall::limits::{REATTACH_BATCH_MAX, WINDOW};
use moothall::protocol::client::Auth;
use moothall::protocol::{ClientId, HostId};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Requests at once.
const REQUESTS: usize = 4_096;

/// What one client types at once there.
const LINES: u64 = 8;

/// Until nearly everybody is served again after a link broke; and after the daemon was killed, where no more than
/// `KILL_CLIENTS` are there.
const REATTACHED_MAX: Duration = Duration::from_secs(3);
const KILL_CLIENTS: usize = 5_000;

/// What a daemon logs of a host that is suspect or dead.
const SUSPECT: [&str; 2] = ["a host has missed some pings", "a host does not answer any more"];

/// Commands that are with the daemon and not answered.
fn in_flight(lone: &Lone) -> u64 {
    let [asked, answers @ ..] = lone
        .proxy
        .seen_all(["Command", "TaskSubmitted", "Duplicate", "Busy"]);
    asked.saturating_sub(answers.iter().sum())
}

#[test]
fn f30_the_window_holds_back_what_is_too_much_and_every_line_is_answered() {
    let lone = Lone::start(30, &[]);
    let mut wizard = hall_wizard(&lone);
    Crowd::open_door(&mut wizard);
    let mut crowd = Crowd::arrive(lone.telnet(), REQUESTS / LINES as usize);
    let before = lone.proxy.seen("Command");
    lone.signal(Program::Daemon, Signal::STOP);
    let (over, window) = (AtomicBool::new(false), WINDOW as u64);
    let most = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            wait_for("all answers", || {
                most = most.max(in_flight(&lone));
                if most == window {
                    // The window is full: from now on each answer lets one more out.
                    lone.signal(Program::Daemon, Signal::CONT);
                }
                over.load(Ordering::SeqCst).then_some(())
            });
            most
        });
        let waits = crowd.ask(LINES);
        over.store(true, Ordering::SeqCst);
        eprintln!(
            "f30: {REQUESTS} lines at once were all answered within {:?}",
            waits.max()
        );
        watch.join().unwrap()
    });
    assert_eq!(most, window, "so many were with the daemon at once");
    assert_eq!(
        lone.proxy.seen("Command") - before,
        REQUESTS as u64,
        "some were sent again"
    );
}

#[test]
fn f30_a_host_that_keeps_no_window_is_answered_all_the_same() {
    let lone = Lone::start(30, &[]);
    let host = HostId([0x30; 16]);
    let mut peer = Peer::registered(&lone.data(), host, "telnet");
    let client = ClientId([1; 16]);
    let (_, bound) = peer.establish(client);
    assert_eq!(
        peer.knock_at_once(client, &Auth::Bound(bound), REQUESTS),
        REQUESTS
    );
    assert!(peer.knock(client, Auth::Bound(bound)).is_ok());
}

#[test]
fn f31_a_crowd_that_comes_back_at_once_is_served_soon_and_nobody_is_suspect() {
    let mut lone = Lone::start(31, &[]);
    let mut wizard = hall_wizard(&lone);
    Crowd::open_door(&mut wizard);
    let count = usize::try_from(number_from("MOOTHALL_CROWD", 1_000)).unwrap();
    let mut crowd = Crowd::arrive(lone.telnet(), count);
    // The wizard is there too.
    let batches = (count + 1).div_ceil(REATTACH_BATCH_MAX) as u64;
    for what in ["the link breaks", "the daemon is killed"] {
        let before = lone.proxy.seen("ReattachBatch");
        match what {
            "the link breaks" => lone.proxy.cut(),
            _ => lone.crash(Program::Daemon),
        }
        let waits = crowd.ask(1);
        let (most, all) = (waits.quantile(0.99), waits.max());
        eprintln!(
            "f31: {what}: 99 of 100 of {count} clients were answered within {most:?}, all within {all:?}"
        );
        let has_bound = what == "the link breaks" || count <= KILL_CLIENTS;
        assert!(!has_bound || most <= REATTACHED_MAX + BUSY, "{what}: {most:?}");
        assert_eq!(lone.proxy.seen("ReattachBatch") - before, batches, "{what}");
    }
    let log = lone.log();
    for words in SUSPECT {
        assert!(!log.contains(words), "{words}");
    }
}
