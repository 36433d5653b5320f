//! Thousands of connections on the real programs: what they cost while they only wait, how soon all are answered again
//! after the daemon or the telnet host was killed, and how many lines a second one full room hears.
//!
//! A connection that is closed by the server while the daemon is away ends the measurement with an error.

use super::clients::{Client, READ_LEN, Watch};
use super::processes::Process;
use super::server::{self, Server};
use super::{PATIENCE, cargo, programs, raise_file_limit};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Connections that only wait, and that come back after the daemon was killed.
const CROWD: usize = 10_000;
/// The same, for the everyday restart.
const SMALL_CROWD: usize = 2_000;
/// How many connections are opened before they are waited for.
const STEP: usize = 100;
/// How long the processors of an idle server are watched.
const IDLE_SPAN: Duration = Duration::from_secs(10);

/// Listeners in one room.
const LISTENERS: usize = 1_000;
/// Lines a second said there, and for how long.
const LINES_PER_SECOND: u32 = 100;
const LINES: usize = 1_000;

/// What the wizard types so that a room hears numbered lines; the listeners log in without a password.
const SETUP: [&str; 3] = [
    r#";add_verb($player, {player, "rxd", "loadsay"}, {"any", "none", "none"})"#,
    r#";set_verb_code($player, "loadsay", {"for who in (player.location.contents)", "notify(who, \"said \" + argstr);", "endfor"})"#,
    r#";;for i in [1..1000] p = create($player, #-1); p.name = tostr("Ear", i); set_player_flag(p, 1); move(p, player.location); suspend(0); endfor"#,
];

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    cargo(root, &["build", "--release", "--bins"])?;
    let programs = programs()?;
    raise_file_limit(CROWD as u64 + 200)?;
    let folder =
        tempfile::tempdir().map_err(|error| format!("cannot make a folder to measure in: {error}"))?;
    println!("Crowds over telnet, built-in world\n");
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    returns(&programs, &folder.path().join("small"), SMALL_CROWD)?;
    returns(&programs, &folder.path().join("crowd"), CROWD)?;
    room(&programs, &folder.path().join("room"))
}

/// Connections that wait, the daemon killed under them, and then their host.
fn returns(programs: &Path, data: &Path, count: usize) -> Result<(), String> {
    let server = Server::start(programs, data, None, PATIENCE)?;
    let mut crowd = gather(&server, count)?;
    let family = server.processes()?;
    let memory = family
        .iter()
        .map(|process| process.memory().map(|memory| memory.proportional))
        .sum::<Result<u64, String>>()?;
    println!(
        "| {count} idle connections, all processes | {:.0} MB | {} |",
        memory as f64 / 1e6,
        if count == CROWD { "< 160 MB" } else { "-" }
    );
    let before: f64 = family.iter().map(Process::cpu_seconds).sum();
    thread::sleep(IDLE_SPAN);
    let used = family.iter().map(Process::cpu_seconds).sum::<f64>() - before;
    println!(
        "| {count} idle connections, of one core | {:.2} % | {} |",
        100.0 * used / IDLE_SPAN.as_secs_f64(),
        if count == CROWD { "< 2 %" } else { "-" }
    );
    kill(&family, "daemon")?;
    let (first, last) = answered(&mut crowd)?;
    println!(
        "| kill -9 of the daemon, {count} clients: first answer, all answered | {:.2} s, {:.2} s | {} |",
        first.as_secs_f64(),
        last.as_secs_f64(),
        if count == CROWD {
            "all < 3 s"
        } else {
            "first < 1.5 s, all < 3 s"
        }
    );
    drop(crowd);
    kill(&server.processes()?, "telnet")?;
    let back = accepts_again(&server)?;
    println!(
        "| kill -9 of the telnet host: a new client is greeted after | {:.2} s | < 0.5 s |",
        back.as_secs_f64()
    );
    server.stop(PATIENCE)
}

/// Opens connections until there are so many, each greeted by the world.
fn gather(server: &Server, count: usize) -> Result<Vec<Client>, String> {
    let mut crowd = Vec::with_capacity(count);
    while crowd.len() < count {
        let mut step = Vec::with_capacity(STEP);
        for _ in 0..STEP {
            step.push(Client::connect(server.address)?);
        }
        for client in &mut step {
            client.expect(server::GREETING, PATIENCE)?;
        }
        crowd.append(&mut step);
    }
    Ok(crowd)
}

/// Ends the process whose name has this ending, without a word.
fn kill(family: &[Process], ending: &str) -> Result<(), String> {
    let process = family
        .iter()
        .find(|process| process.name.ends_with(ending))
        .ok_or_else(|| format!("the server has no process named ..{ending}"))?;
    let pid = i32::try_from(process.id).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or("a process has no id")?;
    kill_process(pid, Signal::KILL).map_err(|error| format!("cannot kill {}: {error}", process.name))
}

/// Every client types a line; gives when the first and when the last of them was answered.
fn answered(crowd: &mut [Client]) -> Result<(Duration, Duration), String> {
    let begun = Instant::now();
    for client in crowd.iter_mut() {
        client.send("help")?;
    }
    let mut watch = Watch::new(crowd)?;
    let mut waiting = vec![true; crowd.len()];
    let (mut left, mut first, mut buffer) = (crowd.len(), None, [0; READ_LEN]);
    while left > 0 {
        if begun.elapsed() > PATIENCE {
            return Err(format!(
                "{left} clients were not answered after the daemon was killed"
            ));
        }
        for at in watch.wait(PATIENCE)? {
            let mut is_answered = false;
            // What the host says of itself in the meantime stands between stars.
            crowd[at].lines(&mut buffer, |line| {
                is_answered |= !line.is_empty() && !line.starts_with(b"***");
            })?;
            if is_answered && std::mem::take(&mut waiting[at]) {
                left -= 1;
                first.get_or_insert_with(|| begun.elapsed());
            }
        }
    }
    Ok((first.unwrap_or_default(), begun.elapsed()))
}

/// How long it takes until a new client is greeted.
fn accepts_again(server: &Server) -> Result<Duration, String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        // A connection that the kernel still took for the killed host ends at once.
        let greeted =
            Client::connect(server.address).and_then(|mut client| client.expect(server::GREETING, PATIENCE));
        if greeted.is_ok() {
            return Ok(begun.elapsed());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Err("no client is greeted after the telnet host was killed".to_owned())
}

/// One room full of listeners, in which one of them speaks on a fixed schedule.
fn room(programs: &Path, data: &Path) -> Result<(), String> {
    let server = Server::start(programs, data, None, PATIENCE)?;
    let mut listeners = listeners(&server)?;
    let family = server.processes()?;
    let before: f64 = family.iter().map(Process::cpu_seconds).sum();
    let heard = hear(&mut listeners)?;
    let used = family.iter().map(Process::cpu_seconds).sum::<f64>() - before;
    let deliveries = heard.latencies.len() as f64;
    println!(
        "| a room of {LISTENERS}, {LINES_PER_SECOND} lines a second: deliveries | {:.0}/s, p50 {:.1} ms, p99 {:.1} ms | 100,000/s, p99 < 100 ms |",
        deliveries / heard.taken.as_secs_f64(),
        heard.percentile(0.5),
        heard.percentile(0.99)
    );
    println!(
        "| the same, of the server's CPU for a million deliveries | {:.2} s | - |",
        used * 1e6 / deliveries
    );
    drop(listeners);
    server.stop(PATIENCE)
}

fn listeners(server: &Server) -> Result<Vec<Client>, String> {
    let mut wizard = Client::connect(server.address)?;
    wizard.send("connect Wizard")?;
    for line in SETUP {
        wizard.send(line)?;
        wizard
            .expect("=> ", PATIENCE)
            .map_err(|error| format!("`{line}`: {error}"))?;
    }
    let mut listeners = Vec::with_capacity(LISTENERS);
    for number in 1..=LISTENERS {
        let mut listener = Client::connect(server.address)?;
        listener.send(&format!("connect Ear{number}"))?;
        listener.send("loadsay warm")?;
        listener
            .expect("said warm", PATIENCE)
            .map_err(|error| format!("Ear{number} cannot log in: {error}"))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// What was heard.
struct Heard {
    /// From the saying of each line to its hearing by each listener.
    latencies: Vec<Duration>,
    taken: Duration,
}

impl Heard {
    fn percentile(&self, part: f64) -> f64 {
        let at = (self.latencies.len().saturating_sub(1) as f64 * part) as usize;
        self.latencies
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// The first listener says numbered lines on a fixed schedule, whether or not the server keeps up; a latency counts
/// from when its line was due.
fn hear(listeners: &mut [Client]) -> Result<Heard, String> {
    let mut watch = Watch::new(listeners)?;
    let period = Duration::from_secs(1) / LINES_PER_SECOND;
    let (mut said, mut buffer) = (0, [0; READ_LEN]);
    let mut latencies = Vec::with_capacity(LINES * listeners.len());
    let begun = Instant::now();
    while latencies.len() < LINES * listeners.len() {
        let due = |number: usize| begun + period * u32::try_from(number).unwrap_or(u32::MAX);
        while said < LINES && due(said) <= Instant::now() {
            listeners[0].send(&format!("loadsay {said}"))?;
            said += 1;
        }
        if begun.elapsed() > period * LINES as u32 + PATIENCE {
            return Err(format!(
                "of {} deliveries only {} came",
                LINES * listeners.len(),
                latencies.len()
            ));
        }
        for at in watch.wait(period)? {
            let now = Instant::now();
            listeners[at].lines(&mut buffer, |line| {
                let number = line
                    .strip_prefix(b"said ")
                    .and_then(|text| std::str::from_utf8(text).ok());
                if let Some(number) = number.and_then(|text| text.parse().ok()) {
                    latencies.push(now - due(number));
                }
            })?;
        }
    }
    let taken = begun.elapsed();
    latencies.sort_unstable();
    Ok(Heard { latencies, taken })
}
