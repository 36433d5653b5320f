//! WebSockets on the real programs: what those cost that only wait, how soon a killed host is back, and a full room in which
//! one speaks on a fixed schedule; and the same by the same clients on a Socket.IO server, which `benches/socketio` is.
//!
//! Every line must be heard by everyone, or the measurement ends with an error.

use super::clients::{Client, READ_LEN, Watch};
use super::crowd::kill;
use super::processes::Process;
use super::room::{Heard, LINES_PER_SECOND, LISTENERS, Listener, hear};
use super::server::Server;
use super::sockets::{Socket, accepts_again};
use super::{PATIENCE, prepared};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Clients that only wait.
const IDLE: usize = 5_000;

/// How many come in before all of them are read from.
const STEP: usize = 250;
/// Nothing more is on its way if nothing came for so long.
const SILENCE: Duration = Duration::from_millis(100);

const PATH: &str = "/ws";
const PROTOCOL: &str = "json.moothall.v1";

/// What the wizard types so that a room hears numbered lines, nobody is announced, and clients log in without a password.
const SETUP: [&str; 4] = [
    r#";add_verb($player, {player, "rxd", "loadsay"}, {"any", "none", "none"})"#,
    r#";set_verb_code($player, "loadsay", {"for who in (player.location.contents)", "notify(who, \"said \" + argstr);", "endfor"})"#,
    r#";set_verb_code(#0, "user_connected", {})"#,
    r#";set_verb_code(#0, "user_disconnected", {})"#,
];

/// Measures and prints. Builds the programs first.
pub fn run(root: &Path) -> Result<(), String> {
    let (programs, folder) = prepared(root, IDLE)?;
    println!("WebSockets, built-in world, and the same clients on a Socket.IO server\n");
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    let ours = Ours::start(&programs, &folder.path().join("crowd"), IDLE)?;
    idle(&ours, "logged in", "< 24 KiB", |number| ours.join(number))?;
    killed(ours)?;
    let ours = Ours::start(&programs, &folder.path().join("room"), LISTENERS)?;
    room(&ours, "| p99 < 100 ms, 0 lost |")?;
    ours.server.stop(PATIENCE)?;
    let Some(rival) = SocketIo::start(root)? else {
        println!("\nSocket.IO is not measured: npm was not found");
        return Ok(());
    };
    idle(&rival, "connected", "-", |number| rival.join(number))?;
    drop(rival);
    match SocketIo::start(root)? {
        Some(rival) => room(&rival, "| - |"),
        None => Ok(()),
    }
}

/// A server, as its clients see it.
trait Served {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// A client of this number, counted from 1, in the room.
    fn join(&self, number: usize) -> Result<Socket, String>;
    /// A text that says a number to all in the room.
    fn say(number: usize) -> String;
    /// Its processes.
    fn processes(&self) -> Result<Vec<Process>, String>;
}

struct Ours {
    server: Server,
    web: SocketAddr,
}

impl Ours {
    /// A world with as many players who need no password.
    fn start(programs: &Path, data: &Path, players: usize) -> Result<Ours, String> {
        let server = Server::start_with_web(programs, data, PATIENCE)?;
        let mut wizard = Client::connect(server.address)?;
        wizard.send("connect Wizard")?;
        let make = format!(
            r#";;for i in [1..{players}] p = create($player, #-1); p.name = tostr("Ear", i); set_player_flag(p, 1); move(p, player.location); i % 20 || suspend(0); endfor"#
        );
        for line in SETUP.into_iter().chain([&*make]) {
            wizard.send(line)?;
            let done = wizard.expect("=> ", PATIENCE);
            done.map_err(|error| format!("`{line}`: {error}"))?;
        }
        let web = server.web.ok_or("the server serves no WebSockets")?;
        Ok(Ours { server, web })
    }
}

impl Served for Ours {
    fn name(&self) -> &'static str {
        "Moothall"
    }

    fn join(&self, number: usize) -> Result<Socket, String> {
        let mut socket = Socket::open(self.web, PATH, Some(PROTOCOL))?;
        socket.send(&format!(r#"{{"type":"Command","line":"connect Ear{number}"}}"#))?;
        socket.expect(r#""type":"Player""#)?;
        Ok(socket)
    }

    fn say(number: usize) -> String {
        format!(r#"{{"type":"Command","line":"loadsay {number}"}}"#)
    }

    fn processes(&self) -> Result<Vec<Process>, String> {
        self.server.processes()
    }
}

/// A Socket.IO server of Node.js; killed when dropped.
struct SocketIo {
    child: Child,
    address: SocketAddr,
}

impl SocketIo {
    /// Starts it; none if there is no npm that could install it.
    fn start(root: &Path) -> Result<Option<SocketIo>, String> {
        let folder = root.join("benches/socketio");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--prefer-offline", "--no-progress", "--silent"]);
        match npm.current_dir(&folder).stdout(Stdio::null()).status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("npm could not install Socket.IO ({status})")),
            Err(_) => return Ok(None),
        }
        let mut node = Command::new("node");
        node.arg("server.mjs").current_dir(&folder).stdout(Stdio::piped());
        let mut child = node
            .spawn()
            .map_err(|error| format!("cannot start node: {error}"))?;
        let said = child.stdout.take().ok_or("node has no output")?;
        let mut port = String::new();
        let read = BufReader::new(said).read_line(&mut port);
        read.map_err(|error| format!("cannot read what node says: {error}"))?;
        let port = port.trim().parse();
        let port: u16 = port.map_err(|_| "the Socket.IO server says no port".to_owned())?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Ok(Some(SocketIo { child, address }))
    }
}

impl Drop for SocketIo {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Served for SocketIo {
    fn name(&self) -> &'static str {
        "Socket.IO"
    }

    /// Revision 4 of Engine.IO: `0` opens it and `40` enters the namespace.
    fn join(&self, _: usize) -> Result<Socket, String> {
        let mut socket = Socket::open(self.address, "/socket.io/?EIO=4&transport=websocket", None)?;
        socket.expect("\"sid\"")?;
        socket.send("40")?;
        socket.expect("\"sid\"")?;
        Ok(socket)
    }

    fn say(number: usize) -> String {
        format!(r#"42["say","said {number}"]"#)
    }

    fn processes(&self) -> Result<Vec<Process>, String> {
        Process::family(self.child.id())
    }
}

/// Clients that have come in. Those who wait for the others answer pings in the meantime.
fn gather(count: usize, join: impl Fn(usize) -> Result<Socket, String>) -> Result<Vec<Socket>, String> {
    let mut clients = Vec::with_capacity(count);
    for number in 1..=count {
        let client = join(number);
        clients.push(client.map_err(|error| format!("client {number} cannot come in: {error}"))?);
        if number % STEP == 0 || number == count {
            settle(&mut clients)?;
        }
    }
    Ok(clients)
}

/// Reads away what has come, and answers pings.
fn settle(clients: &mut [Socket]) -> Result<(), String> {
    let mut watch = Watch::new(clients.iter().map(Socket::stream))?;
    let mut buffer = [0; READ_LEN];
    loop {
        let ready: Vec<usize> = watch.wait(SILENCE)?.collect();
        if ready.is_empty() {
            return Ok(());
        }
        for at in ready {
            clients[at].texts(&mut buffer, |_| {})?;
        }
    }
}

fn memory(family: &[Process]) -> Result<Vec<u64>, String> {
    let each = family.iter().map(Process::memory);
    each.map(|memory| memory.map(|memory| memory.proportional))
        .collect()
}

/// What clients cost that have come in this way and only wait.
fn idle<S: Served>(
    served: &S,
    state: &str,
    wanted: &str,
    join: impl Fn(usize) -> Result<Socket, String>,
) -> Result<(), String> {
    let family = served.processes()?;
    let before = memory(&family)?;
    let clients = gather(IDLE, join)?;
    let used = memory(&family)?.into_iter().zip(before);
    let used: Vec<f64> = used
        .map(|(after, before)| after.saturating_sub(before) as f64 / IDLE as f64 / 1024.0)
        .collect();
    let shares = family.iter().zip(&used).filter(|(_, share)| **share >= 0.1);
    let shares: Vec<String> = shares
        .map(|(process, share)| format!("{} {share:.1}", process.name))
        .collect();
    println!(
        "| {}: {IDLE} idle clients, {state}, all processes | {:.1} KiB each ({}) | {wanted} |",
        served.name(),
        used.iter().sum::<f64>(),
        shares.join(", ")
    );
    drop(clients);
    Ok(())
}

/// How soon a new host serves after the web host was killed.
fn killed(ours: Ours) -> Result<(), String> {
    kill(&ours.processes()?, "web")?;
    let back = accepts_again(ours.web, PATH, PROTOCOL, "\"Hello\"", PATIENCE)?;
    println!(
        "| Moothall: kill -9 of the web host | back and accepting in {:.0} ms | < 500 ms |",
        back.as_secs_f64() * 1e3
    );
    ours.server.stop(PATIENCE)
}

/// Somebody in a room of such a server.
struct InRoom<S> {
    socket: Socket,
    served: std::marker::PhantomData<S>,
}

impl<S: Served> Listener for InRoom<S> {
    fn stream(&self) -> &TcpStream {
        self.socket.stream()
    }

    fn say(&mut self, number: usize) -> Result<(), String> {
        self.socket.send(&S::say(number))
    }

    fn hear(&mut self, buffer: &mut [u8], mut on_number: impl FnMut(usize)) -> Result<(), String> {
        const SAID: &[u8] = b"\"said ";
        self.socket.texts(buffer, |text| {
            if let Some(at) = text.windows(SAID.len()).position(|part| part == SAID) {
                let digits = text[at + SAID.len()..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit());
                on_number(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')));
            }
        })
    }
}

fn room<S: Served>(served: &S, wanted: &str) -> Result<(), String> {
    let clients = gather(LISTENERS, |number| served.join(number))?;
    let served_by = std::marker::PhantomData::<S>;
    let listener = |socket| InRoom {
        socket,
        served: served_by,
    };
    let mut listeners: Vec<_> = clients.into_iter().map(listener).collect();
    let family = served.processes()?;
    let before: f64 = family.iter().map(Process::cpu_seconds).sum();
    let heard: Heard = hear(&mut listeners)?;
    let used = family.iter().map(Process::cpu_seconds).sum::<f64>() - before;
    let deliveries = heard.latencies.len() as f64;
    println!(
        "| {}: a room of {LISTENERS}, {LINES_PER_SECOND} messages a second | {:.0} deliveries/s, p50 {:.1} ms, p99 {:.1} ms, 0 lost; {:.1} s of CPU for a million {wanted}",
        served.name(),
        deliveries / heard.taken.as_secs_f64(),
        heard.percentile(0.5),
        heard.percentile(0.99),
        used * 1e6 / deliveries
    );
    Ok(())
}
