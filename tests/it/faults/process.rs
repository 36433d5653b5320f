//! Processes that are killed, stopped or frozen, and pairs of them: rows F06, F08 to F11, F13, F14 and F20.
//!
//! `MOOTHALL_FREEZE_S` sets for how long whole groups are frozen (14 if nothing is said), `MOOTHALL_RACES` how many pairs
//! of programs are started on one folder (3).

use crate::support::ledger;
use crate::support::lone::{Lone, Program};
use crate::support::server::{Options, Server, clean_command};
use crate::support::telnet::Telnet;
use crate::support::worlds::{hall_character, hall_return, hall_wizard};
use crate::support::{BUSY, DEADLINE, number_from, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

pub(super) const PROGRAMS: [&str; 3] = ["moothall", "moothall-daemon", "moothall-telnet"];

pub(super) fn in_the_hall(server: &Server) -> Telnet {
    let mut ann = hall_character(server, "Ann");
    ann.check("in", &["The Great Hall"]);
    ann
}

/// The process of a program that takes the place of `last`.
#[track_caller]
pub(super) fn next_pid(server: &Server, program: &str, last: Option<u32>) -> u32 {
    wait_for(program, || server.pid(program).filter(|pid| Some(*pid) != last))
}

/// Waits until the status says this of the child of this name.
#[track_caller]
pub(super) fn wait_for_child(server: &Server, name: &str, state: &str) {
    wait_for(state, || {
        let status = server.status()?;
        let children = status["supervisor"]["children"].as_array()?.clone();
        let child = children.iter().find(|child| child["name"] == name)?;
        (child["state"] == state).then_some(())
    });
}

/// What was to happen after so many seconds has happened now, late by no more than a busy machine makes it.
#[track_caller]
fn in_time(what: &str, since: Instant, seconds: RangeInclusive<u64>) {
    let (took, early) = (since.elapsed(), Duration::from_millis(200));
    let least = Duration::from_secs(*seconds.start()).saturating_sub(early);
    let most = Duration::from_secs(*seconds.end()) + BUSY;
    assert!(
        (least..=most).contains(&took),
        "{what} after {took:?}, not after {seconds:?} s"
    );
}

/// Waits until the daemon says this of its telnet host.
#[track_caller]
fn wait_for_host(server: &Server, state: &str) {
    wait_for(state, || {
        (server.status()?["daemon"]["hosts"][0]["state"] == state).then_some(())
    });
}

#[test]
fn f06_a_new_supervisor_adopts_what_a_killed_one_left() {
    let mut server = Server::start(Options::default());
    let mut ann = in_the_hall(&server);
    let (daemon, telnet) = (server.pid("moothall-daemon"), server.pid("moothall-telnet"));
    server.kill9("moothall");
    ann.check("look", &["The Great Hall"]);
    server.start_again();
    assert_eq!(server.pid("moothall-daemon"), daemon);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    ann.check("look", &["The Great Hall"]);
    // What was adopted is watched like a child of one's own.
    server.kill9("moothall-daemon");
    next_pid(&server, "moothall-daemon", daemon);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    assert!(server.stop().success());
    assert_eq!(server.pid("moothall-telnet"), None);
}

#[test]
fn f06_orphans_that_nobody_adopts_say_goodbye_and_end() {
    let options = Options::default().with("MOOTHALL_PROCESSES_ORPHAN_TIMEOUT_S", 1);
    let mut server = Server::start(options);
    let mut ann = in_the_hall(&server);
    server.kill9("moothall");
    ann.expect_end();
    wait_for("the orphans to end", || {
        (server.pid("moothall-daemon").is_none() && server.pid("moothall-telnet").is_none()).then_some(())
    });
}

#[test]
fn f06_a_child_that_was_started_by_a_supervisor_and_finds_none_ends_by_itself() {
    let orphan_s = 1;
    for program in [
        env!("CARGO_BIN_EXE_moothall-daemon"),
        env!("CARGO_BIN_EXE_moothall-telnet"),
        env!("CARGO_BIN_EXE_moothall-web"),
        env!("CARGO_BIN_EXE_moothall-worker"),
    ] {
        // The folder is gone with the supervisor; the daemon makes another one, in which nobody listens.
        let folder = tempfile::tempdir().unwrap();
        let since = Instant::now();
        let ended = clean_command(program)
            .arg("--supervised")
            .arg("--data")
            .arg(folder.path().join("data"))
            .env("MOOTHALL_PROCESSES_ORPHAN_TIMEOUT_S", orphan_s.to_string())
            .env("MOOTHALL_TELNET_LISTEN", "127.0.0.1:0")
            .env("MOOTHALL_WEB_LISTEN", "127.0.0.1:0")
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{program}: {}\n{log}", ended.status);
        assert!(since.elapsed() >= Duration::from_secs(orphan_s), "{program}");
        let told = log.contains("no supervisor answers where one should be")
            && log.contains("control.sock")
            && log.contains("no supervisor has come; ending");
        assert!(told, "{program} does not say why it ended:\n{log}");
    }
}

#[test]
fn f08_a_daemon_that_crashes_again_and_again_ends_the_server_with_70() {
    let mut server = Server::start(Options::default());
    let mut ann = in_the_hall(&server);
    let mut last = None;
    for _ in 0..6 {
        last = Some(next_pid(&server, "moothall-daemon", last));
        server.signal("moothall-daemon", Signal::KILL);
    }
    assert_eq!(server.ended().code(), Some(70));
    ann.expect_end();
    assert!(
        server
            .log()
            .contains("the daemon ended too often and is not started again")
    );
}

#[test]
fn f09_a_host_that_crashes_again_and_again_is_left_and_tried_again() {
    let server = Server::start(Options::default().with("MOOTHALL_PROCESSES_RETRY_AFTER_S", 3));
    let daemon = server.pid("moothall-daemon");
    let mut last = None;
    for _ in 0..6 {
        last = Some(next_pid(&server, "moothall-telnet", last));
        server.signal("moothall-telnet", Signal::KILL);
    }
    wait_for_child(&server, "telnet", "failed");
    assert_eq!(server.status().unwrap()["supervisor"]["health"], "degraded");
    wait_for_child(&server, "telnet", "ready");
    assert_eq!(server.status().unwrap()["supervisor"]["health"], "ok");
    assert_eq!(server.pid("moothall-daemon"), daemon);
    hall_character(&server, "Ann").check("in", &["The Great Hall"]);
}

#[test]
fn f10_a_host_that_stops_for_a_moment_is_suspect_until_it_answers() {
    let server = Server::start(Options::default());
    let mut ann = in_the_hall(&server);
    let telnet = server.pid("moothall-telnet");
    server.signal("moothall-telnet", Signal::STOP);
    let stopped = Instant::now();
    ann.send("look");
    wait_for_host(&server, "suspect");
    in_time("suspect", stopped, 4..=6);
    // Nobody is to think it dead before its five seconds are over, so they pass first.
    wait_for("five seconds", || {
        (stopped.elapsed() >= Duration::from_secs(5)).then_some(())
    });
    server.signal("moothall-telnet", Signal::CONT);
    wait_for_host(&server, "alive");
    ann.expect("The Great Hall");
    ann.check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    assert!(!server.log().contains(HOST_IS_DEAD));
}

/// What the daemon logs of a host that it gives up.
const HOST_IS_DEAD: &str = "a host does not answer any more";

#[test]
fn f11_a_host_that_stays_stopped_is_replaced_after_10_seconds() {
    let server = Server::start(Options::default());
    wait_for_host(&server, "alive");
    let telnet = server.pid("moothall-telnet");
    server.signal("moothall-telnet", Signal::STOP);
    let stopped = Instant::now();
    wait_for_host(&server, "suspect");
    in_time("suspect", stopped, 4..=6);
    next_pid(&server, "moothall-telnet", telnet);
    in_time("killed and replaced", stopped, 10..=13);
    drop(Telnet::arrive(
        server.telnet(),
        "Ann",
        "Type guest and press Enter",
    ));
    in_time("accepting", stopped, 10..=14);
    wait_for_child(&server, "telnet", "ready");
    hall_character(&server, "Ann").check("in", &["The Great Hall"]);
}

/// Without a supervisor, which would have killed it: the old process wakes when another has taken its place.
#[test]
fn f11_a_host_that_wakes_after_it_was_replaced_is_fenced_and_ends() {
    let mut lone = Lone::start(11, &[]);
    let mut wizard = hall_wizard(&lone);
    ledger::make(&mut wizard);
    let mut ann = hall_character(&lone, "Ann");
    lone.signal(Program::Host, Signal::STOP);
    // This one is read by the old process when it wakes.
    ann.send("append 1 1");
    lone.replace_host();
    let mut wizard = hall_wizard(&lone);
    let mut again = hall_return(&lone, "Ann");
    again.check("append 1 2", &["kept 2"]);
    lone.signal(Program::OldHost, Signal::CONT);
    let ended = wait_for("the old process to end", || lone.old_host_ended());
    assert!(!ended.success(), "{ended}");
    let said = ann.expect_end();
    assert!(!said.iter().any(|line| line.contains("kept")), "{said:?}");
    again.check("append 1 3", &["kept 3"]);
    assert_eq!(ledger::read(&mut wizard), [(1, 2), (1, 3)]);
}

#[test]
fn f13_a_daemon_that_stays_stopped_is_replaced_and_nobody_is_disconnected() {
    let server = Server::start(Options::default());
    let mut ann = in_the_hall(&server);
    let (daemon, telnet) = (server.pid("moothall-daemon"), server.pid("moothall-telnet"));
    server.signal("moothall-daemon", Signal::STOP);
    let stopped = Instant::now();
    ann.send("look");
    next_pid(&server, "moothall-daemon", daemon);
    in_time("killed and replaced", stopped, 10..=13);
    ann.expect("The Great Hall");
    in_time("answered", stopped, 10..=15);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    ann.check("look", &["The Great Hall"]);
}

/// For how long what is stopped stays so: longer than anybody who is silent lives.
fn freeze() {
    // The pause is the fault.
    std::thread::sleep(Duration::from_secs(number_from("MOOTHALL_FREEZE_S", 14)));
}

#[test]
fn f14_nobody_is_declared_dead_after_everything_was_frozen() {
    let server = Server::start(Options::default());
    let mut ann = in_the_hall(&server);
    let pids = PROGRAMS.map(|program| server.pid(program));
    PROGRAMS
        .iter()
        .for_each(|program| server.signal(program, Signal::STOP));
    ann.send("look");
    freeze();
    PROGRAMS
        .iter()
        .for_each(|program| server.signal(program, Signal::CONT));
    ann.expect("The Great Hall");
    ann.check("look", &["The Great Hall"]);
    wait_for_host(&server, "alive");
    assert_eq!(PROGRAMS.map(|program| server.pid(program)), pids);
    let log = server.log();
    for words in ["shows no sign of life", HOST_IS_DEAD] {
        assert!(!log.contains(words), "{words}");
    }
}

#[test]
fn f14_a_daemon_without_a_supervisor_wakes_and_nobody_has_gone() {
    let lone = Lone::start(14, &[]);
    let mut wizard = hall_wizard(&lone);
    ledger::make(&mut wizard);
    let mut ann = hall_character(&lone, "Ann");
    lone.signal(Program::Daemon, Signal::STOP);
    ann.send("append 1 1");
    freeze();
    lone.signal(Program::Daemon, Signal::CONT);
    ann.expect("kept 1");
    ann.check("append 1 2", &["kept 2"]);
    assert_eq!(ledger::read(&mut wizard), [(1, 1), (1, 2)]);
    let log = lone.log();
    for words in [HOST_IS_DEAD, "connections linger"] {
        assert!(!log.contains(words), "{words}");
    }
}

/// Starts two programs at once on one folder; gives the one that goes on, when the other has ended with 73.
fn race(program: &str, data: &std::path::Path) -> Child {
    let start = || {
        clean_command(program)
            .args(["--data"])
            .arg(data)
            .env("MOOTHALL_TELNET_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut pair = [start(), start()];
    let (loser, status) = wait_for("one of two to give way", || {
        (0..2).find_map(|place| Some((place, pair[place].try_wait().unwrap()?)))
    });
    let [first, second] = pair;
    let mut winner = if loser == 0 { second } else { first };
    let code = status.code();
    if code != Some(73) || winner.try_wait().unwrap().is_some() {
        winner.kill().unwrap();
        winner.wait().unwrap();
        panic!("one goes on and the other ends with 73, not {code:?}");
    }
    winner
}

fn end(mut program: Child) {
    let pid = rustix::process::Pid::from_child(&program);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let end = Instant::now() + DEADLINE;
    while program.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            program.kill().unwrap();
            panic!("it did not end when it was asked to");
        }
        // Its end is looked for, not waited for: one that does not end is killed.
        std::thread::sleep(crate::support::GLANCE);
    }
}

#[test]
fn f20_of_two_servers_on_one_folder_the_second_gives_way_and_never_binds() {
    for program in [
        env!("CARGO_BIN_EXE_moothall"),
        env!("CARGO_BIN_EXE_moothall-daemon"),
    ] {
        for _ in 0..number_from("MOOTHALL_RACES", 3) {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            let winner = race(program, &data);
            // The winner still answers, so its socket was not taken from it.
            wait_for("the daemon of the one that goes on", || {
                let status = clean_command(env!("CARGO_BIN_EXE_moothallctl"))
                    .args(["status", "--json", "--data"])
                    .arg(&data)
                    .output()
                    .unwrap();
                let status: Value = serde_json::from_slice(&status.stdout).ok()?;
                status["daemon"]["epoch"].as_u64()
            });
            end(winner);
        }
    }
}
