//! Verbs and a ledger in the hall, by which clients prove what happened to their commands and to their lines.
//!
//! `append CLIENT NUMBER` adds an entry to `$ledger.rows` and says `kept NUMBER`. `pour COUNT` says `drop 1` to
//! `drop COUNT`, each in a commit of its own. `pour` goes on where it was when the daemon is started again.

use super::checker::{Lines, entries};
use super::telnet::Telnet;
use std::time::{Duration, Instant};

/// Adds a verb to every player. The code's lines are MOO.
#[track_caller]
pub fn add_verb(wizard: &mut Telnet, name: &str, args: &str, code: &[&str]) {
    wizard.eval(&format!(
        "add_verb($player, {{player, \"rd\", \"{name}\"}}, {{{args}}})"
    ));
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
