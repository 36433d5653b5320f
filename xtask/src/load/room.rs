//! One room full of listeners on the real programs, in which one of them speaks on a fixed schedule: how many lines a
//! second are heard, how late, and what a million of them cost.
//!
//! Every line must be heard by everyone, or the measurement ends with an error.

use super::clients::{Client, READ_LEN, Watch};
use super::processes::Process;
use super::server::Server;
use super::{PATIENCE, prepared};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Listeners in one room.
pub const LISTENERS: usize = 1_000;
/// Lines a second said there, and for how long.
pub const LINES_PER_SECOND: u32 = 100;
const LINES: usize = 1_000;

/// What the wizard types so that a room hears numbered lines; the listeners log in without a password.
const SETUP: [&str; 3] = [
    r#";add_verb($player, {player, "rxd", "loadsay"}, {"any", "none", "none"})"#,
    r#";set_verb_code($player, "loadsay", {"for who in (player.location.contents)", "notify(who, \"said \" + argstr);", "endfor"})"#,
    r#";;for i in [1..1000] p = create($player, #-1); p.name = tostr("Ear", i); set_player_flag(p, 1); move(p, player.location); suspend(0); endfor"#,
];

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    let (programs, folder) = prepared(root, LISTENERS)?;
    let server = Server::start(&programs, &folder.path().join("room"), None, PATIENCE)?;
    let mut listeners = listeners(&server)?;
    let family = server.processes()?;
    let before: f64 = family.iter().map(Process::cpu_seconds).sum();
    let heard = hear(&mut listeners)?;
    let used = family.iter().map(Process::cpu_seconds).sum::<f64>() - before;
    let deliveries = heard.latencies.len() as f64;
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
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

/// Somebody in the room.
pub trait Listener {
    /// Its socket.
    fn stream(&self) -> &TcpStream;
    /// Says a number to all.
    fn say(&mut self, number: usize) -> Result<(), String>;
    /// Reads what is there, and gives the numbers that were said.
    fn hear(&mut self, buffer: &mut [u8], on_number: impl FnMut(usize)) -> Result<(), String>;
}

impl Listener for Client {
    fn stream(&self) -> &TcpStream {
        Client::stream(self)
    }

    fn say(&mut self, number: usize) -> Result<(), String> {
        self.send(&format!("loadsay {number}"))
    }

    fn hear(&mut self, buffer: &mut [u8], mut on_number: impl FnMut(usize)) -> Result<(), String> {
        self.lines(buffer, |line| {
            let number = line
                .strip_prefix(b"said ")
                .and_then(|text| std::str::from_utf8(text).ok());
            if let Some(number) = number.and_then(|text| text.parse().ok()) {
                on_number(number);
            }
        })
    }
}

/// What was heard.
pub struct Heard {
    /// From the saying of each line to its hearing by each listener.
    pub latencies: Vec<Duration>,
    /// How long all of it took.
    pub taken: Duration,
}

impl Heard {
    /// The latency that this part of all deliveries did not exceed, in milliseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        let at = (self.latencies.len().saturating_sub(1) as f64 * part) as usize;
        self.latencies
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// The first listener says numbered lines on a fixed schedule, whether or not the server keeps up; a latency counts
/// from when its line was due.
pub fn hear<L: Listener>(listeners: &mut [L]) -> Result<Heard, String> {
    let mut watch = Watch::new(listeners.iter().map(L::stream))?;
    let period = Duration::from_secs(1) / LINES_PER_SECOND;
    let (mut said, mut buffer) = (0, [0; READ_LEN]);
    let mut latencies = Vec::with_capacity(LINES * listeners.len());
    let begun = Instant::now();
    while latencies.len() < LINES * listeners.len() {
        let due = |number: usize| begun + period * u32::try_from(number).unwrap_or(u32::MAX);
        while said < LINES && due(said) <= Instant::now() {
            listeners[0].say(said)?;
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
            listeners[at].hear(&mut buffer, |number| latencies.push(now - due(number)))?;
        }
    }
    let taken = begun.elapsed();
    latencies.sort_unstable();
    Ok(Heard { latencies, taken })
}
