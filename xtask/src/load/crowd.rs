//! Thousands of connections on the real programs: what they cost while they only wait, and how soon all are answered again
//! after the daemon or the telnet host was killed.
//!
//! A connection that is closed by the server while the daemon is away ends the measurement with an error.

use super::clients::{Client, READ_LEN, Watch};
use super::processes::Process;
use super::server::{self, Server};
use super::{PATIENCE, prepared};
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

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    let (programs, folder) = prepared(root, CROWD)?;
    println!("Crowds over telnet, built-in world\n");
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    returns(&programs, &folder.path().join("small"), SMALL_CROWD)?;
    returns(&programs, &folder.path().join("crowd"), CROWD)
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
pub fn kill(family: &[Process], ending: &str) -> Result<(), String> {
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
    let mut watch = Watch::new(crowd.iter().map(Client::stream))?;
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
