//! `Crowd`: very many clients on one thread. They come in by a door without passwords, all type at once, and each knows
//! how long it waited.
//!
//! Invariant: every line that a client types has a number, and its answers must come in the order of the numbers, each
//! once; anything else fails the test.

use super::telnet::Telnet;
use super::{DEADLINE, ledger};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Clients that come in at the same time; more would only wait for each other.
const AT_ONCE: usize = 250;

/// What somebody types to come in, and reads once in.
pub const JOIN: &str = "join";
const JOINED: &str = "*** Created ***";

/// One client.
struct Member {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    said: u64,
}

impl Member {
    async fn arrive(address: SocketAddr) -> Result<Member, String> {
        let failed = |error: std::io::Error| format!("a client could not connect: {error}");
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (reader, writer) = stream.into_split();
        let reader = BufReader::with_capacity(512, reader);
        let mut member = Member {
            reader,
            writer,
            said: 0,
        };
        member.type_text(&format!("{JOIN}\r\n")).await?;
        while !member.line().await?.contains(JOINED) {}
        Ok(member)
    }

    async fn type_text(&mut self, text: &str) -> Result<(), String> {
        let written = self.writer.write_all(text.as_bytes()).await;
        written.map_err(|error| format!("a client was cut off: {error}"))
    }

    async fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        match timeout(DEADLINE, self.reader.read_until(b'\n', &mut line)).await {
            Err(_) => Err(format!("a client heard nothing for {DEADLINE:?}")),
            Ok(Err(error)) => Err(format!("a client was cut off: {error}")),
            Ok(Ok(0)) => Err("a client was hung up on".to_owned()),
            Ok(Ok(_)) => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
        }
    }

    /// Types so many lines at once, and reads until the last is answered.
    async fn ask(&mut self, lines: u64, since: Instant) -> Result<Duration, String> {
        let last = self.said + lines;
        let text: String = (self.said + 1..=last)
            .map(|number| format!("hear {number}\r\n"))
            .collect();
        self.type_text(&text).await?;
        while self.said < last {
            let line = self.line().await?;
            let Some(answer) = line.strip_prefix("heard ") else {
                continue;
            };
            self.said += 1;
            if answer.parse() != Ok(self.said) {
                return Err(format!(
                    "the answer to line {} was awaited, and {line:?} came",
                    self.said
                ));
            }
        }
        Ok(since.elapsed())
    }
}

/// How long each client waited.
pub struct Waits(Vec<Duration>);

impl Waits {
    /// The wait that this share of the clients did not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0[place.clamp(1, self.0.len()) - 1]
    }

    /// The longest wait.
    pub fn max(&self) -> Duration {
        self.quantile(1.0)
    }
}

/// The clients.
pub struct Crowd {
    runtime: Runtime,
    members: Vec<Member>,
}

impl Crowd {
    /// Opens the door of the hall to everybody, and has it hear what they type. Whoever has no name cannot come in any
    /// more, so the wizard stays.
    #[track_caller]
    pub fn open_door(wizard: &mut Telnet) {
        let hear = ["notify(player, tostr(\"heard \", args[1]));"];
        ledger::add_verb(wizard, "hear", "\"any\", \"none\", \"none\"", &hear);
        // Nobody looks around or is announced: a thousand people in one room would be told of each other.
        for (verb, code) in [
            ("user_connected", String::new()),
            ("user_reconnected", String::new()),
            ("user_disconnected", String::new()),
            (
                "do_login_command",
                format!(
                    "\"if (args && args[1] == \\\"{JOIN}\\\") p = create($player); set_player_flag(p, 1); return p; endif\""
                ),
            ),
        ] {
            assert_eq!(
                wizard.eval(&format!("set_verb_code(#0, \"{verb}\", {{{code}}})")),
                "{}"
            );
        }
    }

    /// So many clients, all logged in.
    #[track_caller]
    pub fn arrive(address: SocketAddr, count: usize) -> Crowd {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut crowd = Crowd {
            runtime,
            members: Vec::with_capacity(count),
        };
        while crowd.members.len() < count {
            let mut coming = JoinSet::new();
            for _ in 0..AT_ONCE.min(count - crowd.members.len()) {
                coming.spawn_on(Member::arrive(address), crowd.runtime.handle());
            }
            let arrived = crowd.runtime.block_on(coming.join_all());
            for member in arrived {
                crowd
                    .members
                    .push(member.unwrap_or_else(|problem| panic!("{problem}")));
            }
        }
        crowd
    }

    /// Every client types so many lines, all at once, and waits for its answers.
    #[track_caller]
    pub fn ask(&mut self, lines: u64) -> Waits {
        let since = Instant::now();
        let mut asking = JoinSet::new();
        for mut member in self.members.drain(..) {
            let ask = async move { (member.ask(lines, since).await, member) };
            asking.spawn_on(ask, self.runtime.handle());
        }
        let mut waits = Vec::new();
        for (wait, member) in self.runtime.block_on(asking.join_all()) {
            waits.push(wait.unwrap_or_else(|problem| panic!("{problem}")));
            self.members.push(member);
        }
        waits.sort_unstable();
        Waits(waits)
    }
}
