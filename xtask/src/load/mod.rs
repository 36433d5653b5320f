//! The real programs under load, over telnet: round trips, commands a second, start times and memory.
//!
//! Every server runs on a fresh data folder and a port of its own, and is stopped with SIGTERM when it was measured.
//! The load comes from this process: one thread, all connections on one epoll.

mod clients;
mod crowd;
mod fair;
mod processes;
mod room;
mod server;
mod sockets;
mod web;

use crate::bench::cargo;
use clients::{Client, Pumped, pump};
pub use crowd::run as run_crowd;
pub use fair::run as run_fair;
pub use room::run as run_room;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::Server;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
pub use web::run as run_web;

/// Players that are logged in for the load.
const PLAYERS: usize = 64;

/// Connections that only wait.
const IDLE: usize = 2000;
/// How many of them are opened at once.
const IDLE_STEP: usize = 50;

/// How long each load lasts, after a while that is not counted.
const SPAN: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(500);

/// How long anything may take before the measurement gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a start is measured; the quickest counts.
const STARTS: usize = 3;

const PING: &str = "loadping";
const WRITE: &str = "loadwrite";
const ANSWER: &str = "pong";

/// What the wizard types before the load: two commands for everybody, and players that log in without a password.
/// Both the built-in world and LambdaCore understand it.
const SETUP: [&str; 6] = [
    r#";add_property($player, "load_count", 0, {player, "r"})"#,
    r#";add_verb($player, {player, "rxd", "loadping"}, {"none", "none", "none"})"#,
    r#";set_verb_code($player, "loadping", {"notify(player, \"pong\");"})"#,
    r#";add_verb($player, {player, "rxd", "loadwrite"}, {"none", "none", "none"})"#,
    r#";set_verb_code($player, "loadwrite", {"player.load_count = player.load_count + 1;", "notify(player, \"pong\");"})"#,
    r#";;for i in [1..64] p = create($player, #-1); p.name = tostr("Load", i); set_player_flag(p, 1); endfor"#,
];

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    let (programs, folder) = prepared(root, IDLE)?;
    println!("The programs over telnet, built-in world\n");
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    commands(&programs, &folder.path().join("hall"))?;
    println!("\nStarts and memory\n");
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    starts(&programs, "built-in world", None, &folder.path().join("starts"))?;
    match lambda_core(root) {
        Some(dump) => starts(&programs, "LambdaCore", Some(&dump), &folder.path().join("core")),
        None => {
            println!(
                "\nLambdaCore is not measured: MOOTHALL_WORLDS names no folder with LambdaCore-20Jun18.db"
            );
            Ok(())
        }
    }
}

/// Builds the programs, and makes a folder and as many files as so many connections need.
fn prepared(root: &Path, connections: usize) -> Result<(PathBuf, TempDir), String> {
    cargo(root, &["build", "--release", "--bins"])?;
    raise_file_limit(connections as u64 + 200)?;
    let folder =
        tempfile::tempdir().map_err(|error| format!("cannot make a folder to measure in: {error}"))?;
    Ok((programs()?, folder))
}

/// Where the release programs are: beside the folder of this one.
fn programs() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find my own folder: {error}"))?;
    let target = own.parent().and_then(Path::parent);
    let target = target.ok_or("this program is not in a target folder of cargo")?;
    Ok(target.join("release"))
}

fn lambda_core(root: &Path) -> Option<PathBuf> {
    let folder =
        std::env::var_os("MOOTHALL_WORLDS").map_or_else(|| root.join("../shared/worlds"), PathBuf::from);
    let dump = std::path::absolute(folder.join("LambdaCore-20Jun18.db")).ok()?;
    dump.exists().then_some(dump)
}

/// Lets this process and the servers it starts hold so many files.
fn raise_file_limit(wanted: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| {
        format!("{wanted} open files are not allowed here ({error}); raise the limit with ulimit -n")
    })
}

/// Round trips and throughput.
fn commands(programs: &Path, data: &Path) -> Result<(), String> {
    let server = Server::start(programs, data, None, PATIENCE)?;
    let mut players = log_in(&server)?;
    for (command, name) in [(PING, "answers"), (WRITE, "writes a property and answers")] {
        let one = measured(&server, &mut players[..1], command, 1)?;
        let wanted = if command == PING { "p50 < 0.4 ms" } else { "-" };
        println!(
            "| round trip, 1 client, a verb that {name} | p50 {:.3} ms, p99 {:.3} ms | {wanted} |",
            one.pumped.percentile(0.5),
            one.pumped.percentile(0.99)
        );
    }
    let loads = [(1, 1), (1, 8), (20, 1), (20, 8), (64, 1), (64, 8)];
    for (count, window) in loads {
        let load = measured(&server, &mut players[..count], PING, window)?;
        let wanted = if count == PLAYERS {
            ">= 10,000/s, aim 20,000/s"
        } else {
            "-"
        };
        println!("| {count} clients, window {window} | {} | {wanted} |", load.row());
    }
    let load = measured(&server, &mut players, WRITE, 8)?;
    println!(
        "| {PLAYERS} clients, window 8, each writes its own property | {} | - |",
        load.row()
    );
    drop(players);
    server.stop(PATIENCE)
}

/// A load and what it took of the processors.
struct Load {
    pumped: Pumped,
    /// CPU seconds of each process of the server and of this one.
    cpu: Vec<(String, f64)>,
}

impl Load {
    fn row(&self) -> String {
        let answers = self.pumped.latencies.len() as f64;
        let shares: Vec<String> = self
            .cpu
            .iter()
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(name, seconds)| format!("{name} {:.0}", seconds * 1e6 / answers))
            .collect();
        format!(
            "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms; us of CPU a command: {}",
            self.pumped.rate(),
            self.pumped.percentile(0.5),
            self.pumped.percentile(0.99),
            shares.join(", ")
        )
    }
}

fn measured(server: &Server, players: &mut [Client], command: &str, window: usize) -> Result<Load, String> {
    pump(players, command, ANSWER, window, WARM_UP, PATIENCE)?;
    let mut family = server.processes()?;
    family.push(processes::Process::this());
    let before: Vec<f64> = family.iter().map(|process| process.cpu_seconds()).collect();
    let pumped = pump(players, command, ANSWER, window, SPAN, PATIENCE)?;
    let used = family
        .iter()
        .zip(before)
        .map(|(process, before)| (process.name.clone(), process.cpu_seconds() - before));
    Ok(Load {
        pumped,
        cpu: used.collect(),
    })
}

/// Prepares the world and logs everybody in.
fn log_in(server: &Server) -> Result<Vec<Client>, String> {
    let mut wizard = Client::connect(server.address)?;
    wizard.send("connect Wizard")?;
    for line in SETUP {
        wizard.send(line)?;
        wizard
            .expect("=> ", PATIENCE)
            .map_err(|error| format!("`{line}`: {error}"))?;
    }
    let mut players = Vec::with_capacity(PLAYERS);
    for number in 1..=PLAYERS {
        let mut player = Client::connect(server.address)?;
        player.send(&format!("connect Load{number}"))?;
        player.send(PING)?;
        player
            .expect(ANSWER, PATIENCE)
            .map_err(|error| format!("Load{number} cannot log in: {error}"))?;
        players.push(player);
    }
    // What the last ones to arrive made everybody else see must not fall into the first measurement.
    pump(&mut players, PING, ANSWER, 1, WARM_UP, PATIENCE)?;
    Ok(players)
}

/// Start times, and memory with and without connections.
fn starts(programs: &Path, world: &str, import: Option<&Path>, data: &Path) -> Result<(), String> {
    let begun = Instant::now();
    let mut server = Server::start(programs, data, import, PATIENCE)?;
    let wanted = if import.is_some() { "< 2 s" } else { "-" };
    println!(
        "| {world}: first start, to the greeting | {:.2} s | {wanted} |",
        begun.elapsed().as_secs_f64()
    );
    let mut quickest = Duration::MAX;
    for _ in 0..STARTS {
        server.stop(PATIENCE)?;
        let begun = Instant::now();
        server = Server::start(programs, data, None, PATIENCE)?;
        quickest = quickest.min(begun.elapsed());
    }
    println!(
        "| {world}: restart, to the greeting, best of {STARTS} | {:.2} s | < 1 s |",
        quickest.as_secs_f64()
    );
    for process in server.processes()? {
        let wanted = if process.name.ends_with("daemon") && import.is_some() {
            "< 80 MB"
        } else {
            "-"
        };
        let memory = process.memory()?;
        println!(
            "| {world}: {} resident | {:.1} MB | {wanted} |",
            process.name,
            memory.resident as f64 / 1e6
        );
    }
    idle(&server, world)?;
    server.stop(PATIENCE)
}

/// What a connection costs that only waits at the greeting, over all processes.
fn idle(server: &Server, world: &str) -> Result<(), String> {
    let total = || -> Result<(u64, usize), String> {
        let mut sum = (0, 0);
        for process in server.processes()? {
            sum = (
                sum.0 + process.memory()?.proportional,
                sum.1 + process.open_files()?,
            );
        }
        Ok(sum)
    };
    let before = total()?;
    let mut waiting = Vec::with_capacity(IDLE);
    while waiting.len() < IDLE {
        let mut step = Vec::with_capacity(IDLE_STEP);
        for _ in 0..IDLE_STEP {
            step.push(Client::connect(server.address)?);
        }
        for client in &mut step {
            client.expect(server::GREETING, PATIENCE)?;
        }
        waiting.append(&mut step);
    }
    let after = total()?;
    let each = after.0.saturating_sub(before.0) as f64 / IDLE as f64 / 1024.0;
    let files = after.1.saturating_sub(before.1) as f64 / IDLE as f64;
    println!(
        "| {world}: each of {IDLE} idle connections | {each:.1} KiB, {files:.2} files | < 16 KiB, 1 file |"
    );
    Ok(())
}
