//! Connections over the end of the daemon and of their host: who stays, who is taken over, and what is said.
//!
//! `MOOTHALL_ALL_KILLS` sets how often everything is killed at once (2).

use crate::support::ledger;
use crate::support::peer::now;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::web::Web;
use crate::support::worlds::{PASSWORD, hall_character, hall_wizard};
use crate::support::{DEADLINE, number_from, wait_for};

#[test]
fn f01_players_stay_and_each_line_takes_effect_once_when_the_daemon_is_killed() {
    let mut server = Server::start(Options::default().with("MOOTHALL_PROCESSES_RESTARTS_MAX", 100));
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    let telnet = server.pid("moothall-telnet");
    for number in 1..=3 {
        ann.send(&format!("append 1 {}", 2 * number - 1));
        server.kill9("moothall-daemon");
        ann.send(&format!("append 1 {}", 2 * number));
        ann.expect(&format!("kept {}", 2 * number));
    }
    ann.check("look", &["The Great Hall"]);
    assert_eq!(server.pid("moothall-telnet"), telnet);
    let entries: Vec<_> = (1..=6).map(|number| (1, number)).collect();
    assert_eq!(ledger::read(&mut wizard), entries);
}

#[test]
fn f01_a_task_that_reads_goes_on_with_its_connection() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    wizard.send(";;$ledger.rows = {read()}; player:tell(\"taken\"); $ledger.rows = {@$ledger.rows, read()}; player:tell(\"all read\");");
    wizard.send("one");
    wizard.expect("taken");
    server.kill9("moothall-daemon");
    wizard.send("two");
    wizard.expect("all read");
    assert_eq!(wizard.eval("$ledger.rows"), "{\"one\", \"two\"}");
}

#[test]
fn f01_held_lines_and_half_a_program_outlive_the_daemon() {
    let mut server = Server::start(Options::default().with("MOOTHALL_PROCESSES_RESTARTS_MAX", 100));
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    wizard.send(".program $ledger:append");
    wizard.expect("does not have that verb");
    wizard.eval("add_verb($ledger, {player, \"rxd\", \"say\"}, {\"this\", \"none\", \"this\"})");
    wizard.send(".program $ledger:say");
    wizard.expect("Now programming");
    wizard.send_all(&["x = 1;", "return x + 1;"]);
    server.kill9("moothall-daemon");
    wizard.send(".");
    wizard.expect("Verb programmed.");
    wizard.command("look");
    assert_eq!(wizard.eval("$ledger:say()"), "2");
    wizard.send(";;set_connection_option(player, \"hold-input\", 1); player:tell(\"held\"); suspend(4); $ledger.rows = {read(player), read(player)}; set_connection_option(player, \"hold-input\", 0); player:tell(\"all read\");");
    wizard.expect("held");
    wizard.send_all(&["first", "second"]);
    server.kill9("moothall-daemon");
    wizard.expect("all read");
    assert_eq!(wizard.eval("$ledger.rows"), "{\"first\", \"second\"}");
}

#[test]
fn f04_a_login_takes_over_what_its_dead_host_left_and_shows_what_was_missed() {
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    server.kill9("moothall-telnet");
    ann.expect_end();
    let mut wizard = hall_wizard(&server);
    let ann_there = "for p in (connected_players()) if (p.name == \"Ann\") notify(p, \"you missed this\"); return p.location.name; endif endfor";
    wizard.check(&format!(";;{ann_there}"), &["The Great Hall"]);
    let mut ann = Telnet::arrive(server.telnet(), "Ann", "Type guest and press Enter");
    ann.send(&format!("connect Ann {PASSWORD}"));
    ann.expect_all(&["*** What follows was said", "you missed this", "*** That was all"]);
    ann.mark_commands();
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn f04_all_that_was_said_in_a_long_absence_is_shown_in_its_order() {
    const LINES: usize = 2_000;
    let mut server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    server.kill9("moothall-telnet");
    ann.expect_end();
    let mut wizard = hall_wizard(&server);
    // More than one answer of the store can carry, and more than a stream keeps in memory.
    wizard.check(
        &format!(
            ";;pad = \"0123456789\"; for i in [1..7] pad = pad + pad; endfor \
             for p in (players()) if (p.name == \"Ann\") for n in [1..{LINES}] notify(p, tostr(\"said \", n, \" \", pad)); \
             endfor endif endfor return \"all said\";"
        ),
        &["all said"],
    );
    let mut ann = Telnet::arrive(server.telnet(), "Ann", "Type guest and press Enter");
    ann.send(&format!("connect Ann {PASSWORD}"));
    ann.expect("*** What follows was said");
    let mut heard = Vec::new();
    while let Some(line) = ann.next_line(DEADLINE)
        && !line.contains("*** That was all")
    {
        let number = line.strip_prefix("said ").and_then(|rest| rest.split(' ').next());
        heard.extend(number.and_then(|number| number.parse::<usize>().ok()));
    }
    assert!(
        heard.iter().copied().eq(1..=LINES),
        "{} lines: {heard:?}",
        heard.len()
    );
    ann.mark_commands();
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn f04_a_player_who_does_not_come_back_leaves_when_the_time_is_over_and_leaves_once() {
    const LINGER_S: f64 = 3.0;
    let mut server = Server::start(Options::default().with("MOOTHALL_SESSIONS_LINGER_S", LINGER_S));
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    let code = [
        "{who} = args;",
        "valid(who) && who.name == \"Ann\" && ($ledger.rows = {@$ledger.rows, ftime()});",
    ];
    let set = format!(
        "set_verb_code(#0, \"user_disconnected\", {{{:?}, {:?}}})",
        code[0], code[1]
    );
    assert_eq!(wizard.eval(&set), "{}");
    let mut ann = hall_character(&server, "Ann");
    let killed_at = now().secs() as f64;
    server.kill9("moothall-telnet");
    ann.expect_end();
    let mut wizard = hall_wizard(&server);
    let left = wait_for("Ann to leave", || {
        let rows = wizard.eval("$ledger.rows");
        let row = rows.trim_matches(['{', '}']).to_owned();
        (!row.is_empty()).then_some(row)
    });
    let after = left.parse::<f64>().expect("it ran once") - killed_at;
    assert!(after >= LINGER_S, "she left after {after} s");
    assert!(after <= LINGER_S + 5.0, "she left after {after} s");
    assert_eq!(wizard.eval("length(connected_players())"), "1");
    let mut ann = Telnet::arrive(server.telnet(), "Ann", "Type guest and press Enter");
    ann.send(&format!("connect Ann {PASSWORD}"));
    ann.expect("*** Connected ***");
    assert_eq!(wizard.eval("length($ledger.rows)"), "1");
}

#[test]
fn f07_after_everything_was_killed_tasks_go_on_and_players_are_where_they_were() {
    let mut server = Server::start(Options::web());
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    ledger::count_for_ever(&mut wizard);
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    let mut ben = Web::character(server.web(), "Ben");
    for round in 1..=number_from("MOOTHALL_ALL_KILLS", 2) {
        ann.check(&format!("append 1 {round}"), &[&format!("kept {round}")]);
        for program in ["moothall", "moothall-daemon", "moothall-telnet", "moothall-web"] {
            server.kill9(program);
        }
        server.start_again();
        let (back, welcome) = ben.come_back(server.web());
        assert_eq!(welcome["recovered"], true, "{welcome}");
        ben = back;
        assert_eq!(ben.types("look")["ok"], true);
        let mut wizard = hall_wizard(&server);
        assert_eq!(wizard.eval("length(connected_players())"), "3");
        ann = Telnet::arrive(server.telnet(), "Ann", "Type guest and press Enter");
        ann.send(&format!("connect Ann {PASSWORD}"));
        ann.expect("*** Redirecting old connection");
        ann.mark_commands();
        ann.check("look", &["The Great Hall"]);
        let kept: Vec<_> = (1..=round).map(|number| (1, number)).collect();
        assert_eq!(ledger::read(&mut wizard), kept);
        let count = wizard.eval("$ledger.count");
        wait_for("the task to go on", || {
            (wizard.eval("$ledger.count") != count).then_some(())
        });
    }
}
