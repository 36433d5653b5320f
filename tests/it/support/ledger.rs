//! Verbs and a ledger in the hall, by which clients prove what happened to their commands and to their lines.
//!
//! `append CLIENT NUMBER` adds an entry to `$ledger.rows` and says `kept NUMBER`. `pour COUNT` says `drop 1` to
//! `drop COUNT`, each in a commit of its own. `pour` goes on where it was when the daemon is started again.

use super::checker::{Lines, entries};
use super::telnet::Telnet;
use std::time::{Duration, Instant};

/// Players of a crowd whose ledgers are read at once.
const PLAYERS_READ: usize = 100;

/// Adds a verb to every player. The code's lines are MOO.
#[track_caller]
pub fn add_verb(wizard: &mut Telnet, name: &str, args: &str, code: &[&str]) {
    wizard.eval(&format!(
        "add_verb($player, {{player, \"rd\", \"{name}\"}}, {{{args}}})"
    ));
    set_code(wizard, name, code);
}

#[track_caller]
fn set_code(wizard: &mut Telnet, name: &str, code: &[&str]) {
    let lines: Vec<String> = code.iter().map(|line| format!("{line:?}")).collect();
    assert_eq!(
        wizard.eval(&format!(
            "set_verb_code($player, \"{name}\", {{{}}})",
            lines.join(", ")
        )),
        "{}"
    );
}

/// Makes the ledger and the verbs.
#[track_caller]
pub fn make(wizard: &mut Telnet) {
    wizard.eval("add_property(#0, \"ledger\", create($thing), {player, \"r\"})");
    wizard.eval("add_property($ledger, \"rows\", {}, {player, \"r\"})");
    wizard.eval("add_property($ledger, \"count\", 0, {player, \"r\"})");
    let append = [
        "{client, number} = args;",
        "$ledger.rows = {@$ledger.rows, {toint(client), toint(number)}};",
        "notify(player, tostr(\"kept \", number));",
    ];
    add_verb(wizard, "append", "\"any\", \"none\", \"none\"", &append);
    let pour = [
        "for number in [1..toint(args[1])]",
        "notify(player, tostr(\"drop \", number));",
        "suspend(0);",
        "endfor",
    ];
    add_verb(wizard, "pour", "\"any\", \"none\", \"none\"", &pour);
}

/// As [`make`], for very many clients, who would fight for one list: each player has its own.
#[track_caller]
pub fn make_for_crowd(wizard: &mut Telnet) {
    make(wizard);
    wizard.eval("add_property($player, \"rows\", {}, {player, \"r\"})");
    let append = [
        "{client, number} = args;",
        "player.rows = {@player.rows, {toint(client), toint(number)}};",
        "notify(player, tostr(\"kept \", number));",
    ];
    set_code(wizard, "append", &append);
}

/// Has a task count up `$ledger.count` for ever, once a second.
#[track_caller]
pub fn count_for_ever(wizard: &mut Telnet) {
    wizard.check(
        ";;fork (0) while (1) $ledger.count = $ledger.count + 1; suspend(1); endwhile endfork",
        &["=> 0"],
    );
}

/// The entries in the ledger.
#[track_caller]
pub fn read(wizard: &mut Telnet) -> Vec<(usize, u64)> {
    entries(&wizard.eval("$ledger.rows"))
}

/// The entries in the ledgers of a crowd. They are asked for in parts: one line would be too long.
#[track_caller]
pub fn read_of_crowd(wizard: &mut Telnet) -> Vec<(usize, u64)> {
    let players: usize = wizard.eval("length(players())").parse().expect("a number");
    let parts = (1..=players).step_by(PLAYERS_READ).map(|first| {
        let last = players.min(first + PLAYERS_READ - 1);
        entries(&wizard.eval(&format!(
            ";rows = {{}}; for p in (players()[{first}..{last}]) rows = {{@rows, @p.rows}}; endfor return rows;"
        )))
    });
    parts.flatten().collect()
}

/// Asks for that many lines, and gives what came of them and how long that took. Silence for longer than `patience`
/// ends the wait.
pub fn pour(player: &mut Telnet, count: u64, patience: Duration) -> (Lines, Duration) {
    let started = Instant::now();
    player.send(&format!("pour {count}"));
    (hear(player, count, patience), started.elapsed())
}

/// Hears lines of `pour` until the last of `count` has come, or nothing has for so long.
pub fn hear(player: &mut Telnet, count: u64, patience: Duration) -> Lines {
    let mut lines = Lines::default();
    while lines.heard() < count {
        let Some(line) = player.next_line(patience) else {
            break;
        };
        if let Some(number) = line.strip_prefix("drop ").and_then(|number| number.parse().ok()) {
            lines.hear(number);
        }
    }
    lines
}
