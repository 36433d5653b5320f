//! One player beside another who uses all that the server has; and how far a task goes past its time limit, whatever it does.

use super::clients::Client;
use super::server::Server;
use super::{ANSWER, PATIENCE, PING, SETUP, WRITE, prepared};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Tasks that one player starts.
const TASKS: usize = 1_000;
/// Commands of the other player, and from the begin of one to the next.
const COMMANDS: u32 = 500;
const PACE: Duration = Duration::from_millis(10);
/// What 99 of 100 of them may take.
const P99_MAX_MS: f64 = 20.0;

/// The time limit under which loops are measured, in seconds, and how far they may go past it.
const LIMIT_S: f64 = 1.0;
const OVERSHOOT_MAX_MS: f64 = 50.0;
/// The last line of what a player is told whose task was ended.
const ENDED: &str = "(End of traceback)";

/// Limits under which tasks are heavy, and a verb that starts many of them: some loop until their time is up, some suspend
/// between loops, and some of these write one property, all the same.
const HEAVY: [&str; 5] = [
    r#";add_property($player, "load_sum", 0, {player, "r"})"#,
    r#";add_verb($player, {player, "rxd", "loadheavy"}, {"any", "none", "none"})"#,
    r#";set_verb_code($player, "loadheavy", {"for i in [1..toint(argstr)]", "fork (0)", "while (1)", "for j in [1..20000]", "endfor", "if (i % 3)", "if (i % 3 == 1)", "this.load_sum = this.load_sum + 1;", "endif", "suspend(0);", "endif", "endwhile", "endfork", "endfor", "notify(player, \"pong\");"})"#,
    ";$server_options.queued_task_limit = 2000",
    ";$server_options.bg_ticks = 2000000000",
];

/// What tasks do until their time is up: what they prepare, and then do over and over again.
const LOOPS: [(&str, &str, &str); 14] = [
    ("an empty loop", "", ""),
    ("a loop over a list of a million", LIST, "for x in (l) endfor"),
    ("a comparison of lists of a million", LISTS, "x = l == m;"),
    ("a search in a list of a million", LIST, "x = 5 in l;"),
    ("setadd() to a list of a million", LIST, "x = setadd(l, 5);"),
    (
        "a list of a million, changed in the middle",
        LISTS,
        "m[500000] = l[1]; x = m;",
    ),
    ("toliteral() of a list of a million", LIST, "x = toliteral(l);"),
    ("strsub() in 8 MB", TEXT, "x = strsub(s, \"a\", \"b\");"),
    ("index() in 8 MB", TEXT, "x = index(s, \"aaaaaaaaaaaaaaab\");"),
    ("match() in 8 MB", TEXT, "x = `match(s, \"%(a*%)*b\") ! ANY';"),
    ("a string of 16 MB put together", TEXT, "x = tostr(s, s);"),
    ("string_hash() of 8 MB", TEXT, "x = string_hash(s);"),
    ("calls fifty deep", "", "`player:loaddeep() ! E_MAXREC';"),
    ("argon2()", "", "x = argon2(\"password\", \"saltsaltsalt\");"),
];
const LIST: &str = "l = {}; for i in [1..1000000] l = {@l, 0}; endfor";
const LISTS: &str = "l = {}; m = {}; for i in [1..1000000] l = {@l, 0}; m = {@m, 0}; endfor";
const TEXT: &str = "s = \"a\"; while (length(s) < 8000000) s = s + s; endwhile";

/// What the wizard types before the loops.
const LIMITED: [&str; 7] = [
    r#";add_verb($player, {player, "rxd", "loaddeep"}, {"this", "none", "this"})"#,
    r#";set_verb_code($player, "loaddeep", {"return this:loaddeep();"})"#,
    ";$server_options.fg_seconds = 1",
    ";$server_options.fg_ticks = 2000000000",
    ";$server_options.max_list_concat = 4000000",
    ";$server_options.max_string_concat = 33000000",
    ";load_server_options()",
];

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    let (programs, folder) = prepared(root, 8)?;
    println!("| what | figure | wanted | |");
    println!("|---|---|---|---|");
    beside_heavy_tasks(&programs, &folder.path().join("fair"))?;
    println!("\n| ended for its time | after, s | of CPU, ms too many | wanted | |");
    println!("|---|---|---|---|---|");
    past_the_limit(&programs, &folder.path().join("limit"))
}

fn wizard(server: &Server, lines: &[&str]) -> Result<Client, String> {
    let mut wizard = Client::connect(server.address)?;
    wizard.send("connect Wizard")?;
    for line in lines {
        wizard.send(line)?;
        let said = wizard.expect("=> ", PATIENCE);
        said.map_err(|error| format!("`{line}`: {error}"))?;
    }
    Ok(wizard)
}

fn beside_heavy_tasks(programs: &Path, data: &Path) -> Result<(), String> {
    let server = Server::start(programs, data, None, PATIENCE)?;
    let _wizard = wizard(&server, &[SETUP.as_slice(), HEAVY.as_slice()].concat())?;
    let mut players = Vec::new();
    for name in ["Load1", "Load2"] {
        let mut player = Client::connect(server.address)?;
        player.send(&format!("connect {name}"))?;
        player.send(PING)?;
        player.expect(ANSWER, PATIENCE)?;
        players.push(player);
    }
    let alone = paced(&mut players[0])?;
    print_row("a player's command, alone", &alone);
    players[1].send(&format!("loadheavy {TASKS}"))?;
    players[1].expect(ANSWER, PATIENCE)?;
    let beside = paced(&mut players[0])?;
    print_row(
        &format!("the same beside {TASKS} heavy tasks of another"),
        &beside,
    );
    drop(players);
    server.stop(PATIENCE)
}

/// Commands on a fixed schedule, every other one of which writes; gives how long each took, in milliseconds, rising.
fn paced(player: &mut Client) -> Result<Vec<f64>, String> {
    let begun = Instant::now();
    let mut latencies = Vec::new();
    for number in 0..COMMANDS {
        thread::sleep((PACE * number).saturating_sub(begun.elapsed()));
        let sent = Instant::now();
        player.send(if number % 2 == 0 { PING } else { WRITE })?;
        player.expect(ANSWER, PATIENCE)?;
        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

fn print_row(what: &str, latencies: &[f64]) {
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    println!(
        "| {what} | p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms | p99 < {P99_MAX_MS} ms | {} |",
        at(0.5),
        at(0.99),
        at(1.0),
        met(at(0.99) < P99_MAX_MS)
    );
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// What tasks use beyond their time limit, by what they do.
fn past_the_limit(programs: &Path, data: &Path) -> Result<(), String> {
    let server = Server::start(programs, data, None, PATIENCE)?;
    let mut wizard = wizard(&server, &LIMITED)?;
    for (what, before, again) in LOOPS {
        let cpu = cpu_of_programs(programs, data)?;
        let sent = Instant::now();
        wizard.send(&format!(";;{before} while (1) {again} endwhile"))?;
        wizard
            .expect(ENDED, PATIENCE)
            .map_err(|error| format!("{what}: {error}"))?;
        let after = sent.elapsed().as_secs_f64();
        let overshoot = (cpu_of_programs(programs, data)? - cpu - LIMIT_S) * 1e3;
        println!(
            "| {what} | {after:.3} | {overshoot:.1} | < {OVERSHOOT_MAX_MS} ms | {} |",
            met(overshoot < OVERSHOOT_MAX_MS)
        );
    }
    drop(wizard);
    server.stop(PATIENCE)
}

/// CPU seconds that the server has counted for programs: those of a task are limited, whoever else wants the machine.
fn cpu_of_programs(programs: &Path, data: &Path) -> Result<f64, String> {
    const NAME: &str = "moothall_tasks_cpu_seconds_total ";
    let asked = Command::new(programs.join("moothallctl"))
        .args(["metrics", "--data"])
        .arg(data)
        .output();
    let asked = asked.map_err(|error| format!("cannot start moothallctl: {error}"))?;
    let text = String::from_utf8_lossy(&asked.stdout);
    let value = text.lines().find_map(|line| line.strip_prefix(NAME));
    value.and_then(|value| value.parse().ok()).ok_or_else(|| {
        let error = String::from_utf8_lossy(&asked.stderr);
        format!("moothallctl metrics says nothing of {NAME}: {error}")
    })
}
