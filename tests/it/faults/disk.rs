//! Faults of the disk: full, broken, torn, of another time. What was answered is kept, and whatever cannot be is said.

use crate::support::checker::{Answers, entries, tally};
use crate::support::ledger;
use crate::support::server::{Options, Server, clean_command};
use crate::support::small_disk::SmallDisk;
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::hall_wizard;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Appends entries until told to stop; gives what was asked and answered.
fn append_until(over: &AtomicBool, player: &mut Telnet) -> Answers {
    let mut answers = Answers::default();
    while !over.load(Ordering::SeqCst) {
        answers.asked += 1;
        player.send(&format!("append 1 {}", answers.asked));
        let answer = format!("kept {}", answers.asked);
        while let Some(line) = player.next_line(Duration::from_secs(10)) {
            if line == answer {
                answers.answered.insert(answers.asked);
                break;
            }
            if player.is_closed() {
                return answers;
            }
        }
    }
    answers
}

#[track_caller]
fn check_ledger(wizard: &mut Telnet, answers: Answers) {
    let rows = entries(&wizard.eval("$ledger.rows"));
    let tally = tally(&rows, &BTreeMap::from([(1, answers)]));
    assert!(tally.is_clean(), "{tally}");
}

#[test]
fn f39_on_a_full_disk_players_are_told_nothing_is_lost_and_all_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(220) else { return };
    let options = Options {
        data: Some(disk.path().join("data")),
        ..Options::default()
    };
    let server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    ledger::count_for_ever(&mut wizard);
    wizard.send("append 1 1");
    wizard.expect("kept 1");

    disk.fill_up_to(70);
    wizard.expect("*** The server's disk is full.");
    wizard.send("append 1 2");
    wizard.expect("Nothing can be kept right now");
    wizard.send("look");
    wizard.expect("Nothing can be kept right now");
    let mut late = Telnet::connect(server.telnet(), "late");
    late.expect("Nothing can be kept right now");
    late.expect_end();

    disk.clear();
    wizard.expect("*** The server has room on its disk again.");
    wizard.send("append 1 3");
    wizard.expect("kept 3");
    let count: u64 = wizard.eval("$ledger.count").parse().unwrap();
    wait_for("the counting task to run on", || {
        let now: u64 = wizard.eval("$ledger.count").parse().unwrap();
        (now > count).then_some(())
    });
    assert_eq!(ledger::read(&mut wizard), [(1, 1), (1, 3)]);
    drop(hall_wizard(&server));
}

#[test]
fn f39_a_server_without_room_is_refused_in_words() {
    let Some(disk) = SmallDisk::mount(100) else { return };
    disk.fill_up_to(30);
    let options = Options {
        data: Some(disk.path().join("data")),
        ..Options::default()
    };
    let refusal = Server::try_start(options).err().expect("there is no room");
    assert_eq!(refusal.code, Some(69));
    assert!(
        refusal
            .said
            .contains("MiB free, and at least 80 are needed: make room"),
        "{}",
        refusal.said
    );
}

/// The library that makes faults in a store's logs, compiled here and now.
fn log_faults(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/moo-db/tests/crash/log_faults.c");
    let library = folder.join("log_faults.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .expect("a C compiler is part of what builds this project");
    assert!(compiled.success());
    library
}

#[test]
fn f40_a_failed_sync_ends_the_daemon_at_once_and_the_next_one_has_all_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let order = folder.path().join("fail");
    let options = Options::default()
        .with("LD_PRELOAD", log_faults(folder.path()).display())
        .with("LOG_FAULTS", order.display());
    let server = Server::start(options);
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    let daemon = server.pid("moothall-daemon").unwrap();
    wizard.send("append 1 1");
    wizard.expect("kept 1");
    fs::write(&order, "fail sync").unwrap();
    // Nothing more is written after this one: the failure must show without a next write.
    wizard.send("append 1 2");
    wait_for("the daemon to end", || {
        (server.pid("moothall-daemon") != Some(daemon)).then_some(())
    });
    fs::remove_file(&order).unwrap();
    let mut again = hall_wizard(&server);
    let rows = ledger::read(&mut again);
    assert!(rows.contains(&(1, 1)), "{rows:?}");
    assert!(server.log().contains("bringing the log to the disk failed"));
}

/// The newest log of the store.
fn newest_log(data: &Path) -> PathBuf {
    let logs = fs::read_dir(data.join("db"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let mut logs: Vec<_> = logs
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect();
    logs.sort();
    logs.pop().expect("a store has a log")
}

#[test]
fn f41_a_torn_last_record_loses_whole_commits_from_the_end_and_nothing_else() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    for number in 1..=50 {
        wizard.send(&format!("append 1 {number}"));
        wizard.expect(&format!("kept {number}"));
    }
    drop(wizard);
    for program in ["moothall", "moothall-daemon", "moothall-telnet"] {
        server.kill9(program);
    }
    let log = newest_log(server.data());
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(file.metadata().unwrap().len() - 7).unwrap();
    server.start_again();
    let mut wizard = hall_wizard(&server);
    let rows = ledger::read(&mut wizard);
    let whole: Vec<(usize, u64)> = (1..=rows.len() as u64).map(|number| (1, number)).collect();
    assert_eq!(rows, whole, "what is kept is every entry up to some commit");
    assert!(
        rows.len() >= 40,
        "only the end is torn, but {} entries are left",
        rows.len()
    );
}

/// What `moothallctl backup` does.
fn backup(server: &Server, copy: &Path) -> Output {
    let mut operator = clean_command(env!("CARGO_BIN_EXE_moothallctl"));
    operator.arg("--data").arg(server.data()).arg("backup").arg(copy);
    operator.output().unwrap()
}

#[test]
fn f43_a_backup_taken_under_load_is_one_commit_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    wizard.eval("add_property($ledger, \"total\", 0, {player, \"r\"})");
    wizard.eval("delete_verb($player, \"append\")");
    // The total and the rows change in one commit, so they agree in any one state of the world.
    ledger::add_verb(
        &mut wizard,
        "append",
        "\"any\", \"none\", \"none\"",
        &[
            "{client, number} = args;",
            "$ledger.total = $ledger.total + toint(number);",
            "$ledger.rows = {@$ledger.rows, {toint(client), toint(number)}};",
            "notify(player, tostr(\"kept \", number));",
        ],
    );
    let over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let writer = scope.spawn(|| append_until(&over, &mut wizard));
        let first = backup(&server, &copy);
        assert!(first.status.success(), "{first:?}");
        let again = backup(&server, &copy);
        assert_eq!(again.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&again.stderr).contains("exists already"),
            "{again:?}"
        );
        over.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    let restored = Server::start(Options {
        data: Some(copy),
        ..Options::default()
    });
    let mut there = hall_wizard(&restored);
    let rows = ledger::read(&mut there);
    let whole: Vec<(usize, u64)> = (1..=rows.len() as u64).map(|number| (1, number)).collect();
    assert_eq!(rows, whole);
    let total: u64 = rows.iter().map(|(_, number)| number).sum();
    assert_eq!(there.eval("$ledger.total"), total.to_string());
    let mut here = hall_wizard(&server);
    check_ledger(&mut here, answers);
}
