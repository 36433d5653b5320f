//! What an operator does to a running server with `moothallctl`, and what players notice of it.

use crate::support::server::{Options, Server, clean_command};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_guest, hall_return, hall_wizard};
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

#[track_caller]
fn check_done(output: &Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

#[track_caller]
fn check_refused(output: &Output, code: i32, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part), "{said:?} does not say {part:?}");
}

#[test]
fn a_daemon_is_restarted_under_players_who_stay_connected() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    let (daemon, telnet) = (server.pid("moothall-daemon"), server.pid("moothall-telnet"));
    check_done(
        &server.control(&["restart", "daemon", "--rolling"]),
        &[
            "ending daemon",
            "daemon has ended: exit code 0",
            "daemon is ready",
        ],
    );
    assert_ne!(server.pid("moothall-daemon"), daemon);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn a_restart_of_the_daemon_keeps_every_client_whatever_it_was_doing() {
    let server = Server::start(Options::default());
    let mut caller = Telnet::arrive(server.telnet(), "caller", "Type guest and press Enter");
    let mut players: Vec<_> = ["Ann", "Bea", "Cyd"]
        .map(|name| hall_character(&server, name))
        .into();
    players.push(hall_guest(&server));
    for round in 1..=2 {
        let mut restart = clean_command(env!("CARGO_BIN_EXE_moothallctl"))
            .args(["restart", "daemon", "--data"])
            .arg(server.data())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Some lines reach the old daemon, some wait for the new one.
        for line in 1..=20 {
            let words = format!("say round {round} line {line}");
            players.iter_mut().for_each(|player| player.send(&words));
        }
        assert!(restart.wait().unwrap().success());
        for player in &mut players {
            for line in 1..=20 {
                player.expect(&format!("You say, \"round {round} line {line}\""));
            }
        }
    }
    caller.send("guest");
    caller.expect("***");
    assert!(players.iter().all(|player| !player.is_closed()));
}

#[test]
fn a_restart_into_bad_settings_is_refused_with_key_and_line_and_the_old_daemon_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moothall.toml");
    std::fs::write(&file, "[tasks]\nattempts_max = 5\n").unwrap();
    let server = Server::start(Options {
        config: Some(file.clone()),
        ..Options::default()
    });
    let mut ann = hall_character(&server, "Ann");
    let daemon = server.pid("moothall-daemon");
    std::fs::write(&file, "[tasks]\nattempts_max = 0\n").unwrap();
    for order in [&["restart", "daemon"][..], &["restart", "all", "--rolling"]] {
        let refused = server.control(order);
        check_refused(&refused, 1, "line 2: `tasks.attempts_max` is 0");
        check_refused(&refused, 1, "nothing was ended");
    }
    assert_eq!(server.pid("moothall-daemon"), daemon);
    ann.check("look", &["The Porch"]);
    std::fs::write(&file, "[tasks]\nattempts_max = 6\n").unwrap();
    check_done(&server.control(&["restart", "daemon"]), &["daemon is ready"]);
    ann.check("look", &["The Porch"]);
}

#[test]
fn a_loose_data_folder_is_closed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let run = data.join("run");
    std::fs::create_dir_all(&run).unwrap();
    for loose in [&data, &run] {
        std::fs::set_permissions(loose, Permissions::from_mode(0o755)).unwrap();
    }
    let server = Server::start(Options {
        data: Some(data.clone()),
        ..Options::default()
    });
    for closed in [&data, &run] {
        let mode = std::fs::metadata(closed).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", closed.display());
    }
    assert!(server.log().contains("was open to others (mode 755)"));
}

#[test]
fn a_drained_host_stays_away_until_it_is_restarted() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut caller = Telnet::arrive(server.telnet(), "caller", "Type guest and press Enter");
    check_done(&server.control(&["drain", "telnet"]), &["telnet has ended"]);
    for told in [&mut ann, &mut caller] {
        told.expect("The server is going down. Please come back later.");
        told.expect_end();
    }
    let status = server.status().unwrap();
    assert_eq!(status["supervisor"]["health"], "degraded");
    check_refused(&server.control(&["drain", "telnet"]), 1, "telnet does not run");
    check_done(&server.control(&["restart", "telnet"]), &["telnet is ready"]);
    hall_return(&server, "Ann");
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    let server = Server::start(Options::default());
    check_refused(&server.control(&["restart", "web"]), 1, "daemon, telnet");
    check_refused(
        &server.control(&["drain"]),
        2,
        "drain needs <daemon|telnet|web> after it",
    );
    check_refused(&server.control(&["tap", "Nobody"]), 1, "nobody called `Nobody`");
    check_refused(&server.control(&["tap", "#999999"]), 1, "is not connected");
}

#[test]
fn status_tells_of_health_queues_and_restarts() {
    let server = Server::start(Options::default());
    hall_character(&server, "Ann");
    check_done(
        &server.control(&["status"]),
        &[
            "PROCESS",
            "daemon",
            "telnet",
            "ok",
            "QUEUE",
            "scheduler",
            "HOST",
            "alive",
        ],
    );
    let status = server.status().unwrap();
    let gateway = status["daemon"]["figures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|figure| figure["group"] == "queue" && figure["label"] == "gateway");
    assert!(gateway.expect("the figure is listed")["bound"].as_u64() > Some(0));
    assert!(server.figure("outbox", "events") > Some(0));
    assert!(server.figure("world", "commits") > Some(0));
    assert_eq!(server.figure("actor", "restarts"), Some(0));
}

#[test]
fn what_the_server_counts_is_shown_to_operators_and_wizards() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    wizard.eval(r#"add_verb(player, {player, "rxd", "spin"}, {"this", "none", "this"})"#);
    wizard.eval(r#"set_verb_code(player, "spin", {"for i in [1..1000]", "endfor"})"#);
    wizard.check(";;for i in [1..20] player:spin(); endfor", &["=> 0"]);
    wizard.check(r#";verb_profile(player, "spin")[1][3]"#, &["=> 20"]);
    wizard.check(r#";verb_profile(player, "spin")[1][4] > 10000"#, &["=> 1"]);
    wizard.check(";lag()[1][1]", &[r#"=> "start""#]);
    wizard.check(";length(usage())", &["=> 10"]);
    check_done(&server.control(&["profile"]), &["US A CALL", ":spin"]);
    check_done(&server.control(&["conflicts"]), &["TIMES"]);
    check_done(
        &server.control(&["metrics"]),
        &[
            "# TYPE moothall_tasks_wait_seconds histogram",
            "moothall_tasks_ended_total{how=\"done\"}",
            "moothall_process_resident_bytes ",
            "moothall_queue_waiting{queue=\"scheduler\"} ",
        ],
    );
    assert!(server.figure("tasks", "slices") > Some(5));
    assert!(server.figure("log", "write") > Some(0), "some commits were timed");
}

#[test]
fn a_tap_shows_what_a_player_is_told() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut tap = clean_command(env!("CARGO_BIN_EXE_moothallctl"))
        .args(["tap", "ann", "--data"])
        .arg(server.data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let out = BufReader::new(tap.stdout.take().expect("it is piped"));
    std::thread::spawn(move || {
        out.lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    // The tap begins at some moment, so she speaks until it hears.
    wait_for("the tap to hear", || {
        ann.command("say hello tap");
        let mut heard = lines.try_iter();
        heard.any(|line| line.contains("hello tap")).then_some(())
    });
    tap.kill().unwrap();
    tap.wait().unwrap();
}
