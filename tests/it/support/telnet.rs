//! `Telnet`: a client that types lines and waits for words. What it receives is kept until somebody asks for it.

use super::{DEADLINE, GLANCE, wait_for};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The line after the output of every command, once `mark_commands` was called.
const MARK: &str = "=-=done=-=";

/// Marks that were given out: each connection has its own, since another's may be shown to it again.
static MARKS: AtomicU64 = AtomicU64::new(0);

/// How many of the last lines a failure prints.
const TRANSCRIPT: usize = 60;

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;
/// The server does an option from now on.
pub const WILL: u8 = 251;
/// The server does it no more.
pub const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
/// Showing what is typed: offered while a password is, so that the client does not.
pub const ECHO: u8 = 1;

/// Where in a telnet command the bytes stand.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Text,
    Command,
    Option,
    Data,
    DataCommand,
}

/// One connection of a player.
pub struct Telnet {
    stream: TcpStream,
    name: String,
    /// The line that ends the output of its commands.
    mark: String,
    state: State,
    partial: Vec<u8>,
    waiting: VecDeque<String>,
    transcript: VecDeque<String>,
    commands: Vec<u8>,
    closed: bool,
}

impl Telnet {
    /// Connects; the name is for failures alone.
    #[track_caller]
    pub fn connect(address: SocketAddr, name: &str) -> Telnet {
        Telnet::try_connect(address, name).expect("the telnet host listens")
    }

    /// Connects and waits to be greeted with a line that contains `greeting`; tries again while a host that was killed
    /// is replaced.
    #[track_caller]
    pub fn arrive(address: SocketAddr, name: &str, greeting: &str) -> Telnet {
        wait_for("a greeting", || {
            let mut telnet = Telnet::try_connect(address, name).ok()?;
            let line = telnet.wait_until(DEADLINE, |line| line.contains(greeting));
            line.map(|_| telnet)
        })
    }

    /// Connects, unless nobody listens.
    pub fn try_connect(address: SocketAddr, name: &str) -> std::io::Result<Telnet> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GLANCE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Telnet {
            stream,
            name: name.to_owned(),
            mark: String::new(),
            state: State::Text,
            partial: Vec::new(),
            waiting: VecDeque::new(),
            transcript: VecDeque::new(),
            commands: Vec::new(),
            closed: false,
        })
    }

    /// Types a line.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.note(format!("> {line}"));
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Types lines.
    #[track_caller]
    pub fn send_all(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.send(line));
    }

    /// Sends bytes as they are. That the other side has hung up shows when something is waited for.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).is_err() {
            self.closed = true;
        }
    }

    /// Waits for a line that contains `text`, passing over those before it, and gives it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        match self.wait_until(DEADLINE, |line| line.contains(text)) {
            Some(line) => line,
            None => self.fail(&format!("no line with {text:?} came")),
        }
    }

    /// Waits for lines that contain these texts, in this order.
    #[track_caller]
    pub fn expect_all(&mut self, texts: &[&str]) {
        for text in texts {
            self.expect(text);
        }
    }

    /// Waits until the other side has hung up, and gives the lines that came before.
    #[track_caller]
    pub fn expect_end(&mut self) -> Vec<String> {
        let lines = self.read_to_end(DEADLINE);
        if !self.closed {
            self.fail("the connection was not closed");
        }
        lines
    }

    /// The next line, if one comes before the connection ends or the time is over.
    pub fn next_line(&mut self, patience: Duration) -> Option<String> {
        self.wait_until(patience, |_| true)
    }

    /// All lines until the connection ends or the time is over.
    pub fn read_to_end(&mut self, patience: Duration) -> Vec<String> {
        let end = Instant::now() + patience;
        let mut lines = Vec::new();
        while let Some(line) = self.next_line(end.saturating_duration_since(Instant::now())) {
            lines.push(line);
        }
        lines
    }

    /// Whether the other side has hung up, as far as was read.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The telnet commands received, with their options, in order.
    pub fn telnet_commands(&self) -> &[u8] {
        &self.commands
    }

    /// From now on every command is followed by a mark, so that `command` knows where its output ends.
    #[track_caller]
    pub fn mark_commands(&mut self) {
        self.mark = format!("{MARK}{}", MARKS.fetch_add(1, Ordering::Relaxed));
        self.send(&format!("SUFFIX {}", self.mark));
        self.command("@@first@@");
    }

    /// Types a command and gives all lines up to the end of its output; what came before it is dropped.
    #[track_caller]
    pub fn command(&mut self, line: &str) -> Vec<String> {
        self.waiting.clear();
        self.send(line);
        let mut lines = Vec::new();
        loop {
            match self.next_line(DEADLINE) {
                Some(line) if line == self.mark => return lines,
                Some(line) => lines.push(line),
                None => self.fail(&format!("the command {line:?} did not end")),
            }
        }
    }

    /// Types a command whose output must have these texts in it, in this order.
    #[track_caller]
    pub fn check(&mut self, line: &str, texts: &[&str]) {
        let lines = self.command(line);
        let mut rest = lines.iter();
        for text in texts {
            if !rest.any(|line| line.contains(text)) {
                self.fail(&format!(
                    "the command {line:?} did not say {text:?}, but {lines:#?}"
                ));
            }
        }
    }

    /// Types a command whose whole output must be these lines.
    #[track_caller]
    pub fn check_exactly(&mut self, line: &str, expected: &[&str]) {
        let lines = self.command(line);
        if lines != expected {
            self.fail(&format!(
                "the command {line:?} said {lines:#?}, not {expected:#?}"
            ));
        }
    }

    /// Evaluates an expression as programmers do in LambdaCore and in the hall, and gives its literal.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> String {
        let lines = self.command(&format!(";{expression}"));
        match lines.iter().find_map(|line| line.strip_prefix("=> ")) {
            Some(literal) => literal.to_owned(),
            None => self.fail(&format!("{expression} has no value: {lines:#?}")),
        }
    }

    /// Fails if a line with this text has come, up to the end of a command that is typed to find out.
    #[track_caller]
    pub fn expect_none(&mut self, text: &str) {
        let mut lines: Vec<String> = self.waiting.drain(..).collect();
        lines.extend(self.command("@@nothing@@"));
        if let Some(line) = lines.iter().find(|line| line.contains(text)) {
            self.fail(&format!("a line came that should not have: {line:?}"));
        }
    }

    fn wait_until(&mut self, patience: Duration, is: impl Fn(&str) -> bool) -> Option<String> {
        let end = Instant::now() + patience;
        loop {
            while let Some(line) = self.waiting.pop_front() {
                if is(&line) {
                    return Some(line);
                }
            }
            if self.closed {
                return None;
            }
            let is_last_look = Instant::now() >= end;
            self.receive();
            if is_last_look && self.waiting.is_empty() {
                return None;
            }
        }
    }

    /// Reads what is there, or waits a moment for it.
    fn receive(&mut self) {
        let mut buffer = [0; 16_384];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.closed = true,
            Ok(count) => buffer[..count].iter().for_each(|byte| self.take(*byte)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.closed = true,
        }
    }

    fn take(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Text, IAC) => State::Command,
            (State::Text, b'\n') => {
                let line = String::from_utf8_lossy(&self.partial).into_owned();
                self.partial.clear();
                self.note(line.clone());
                self.waiting.push_back(line);
                State::Text
            }
            (State::Text, b'\r') => State::Text,
            (State::Text, _) => {
                self.partial.push(byte);
                State::Text
            }
            (State::Command, WILL..=DONT) => {
                self.commands.push(byte);
                State::Option
            }
            (State::Command, SB) => State::Data,
            (State::Command, _) => State::Text,
            (State::Option, _) => {
                self.answer(byte);
                State::Text
            }
            (State::Data, IAC) => State::DataCommand,
            (State::Data, _) => State::Data,
            (State::DataCommand, SE) => State::Text,
            (State::DataCommand, _) => State::Data,
        };
    }

    /// Agrees to an option that the server offers or ends for itself, as clients do with ECHO, and to nothing else.
    fn answer(&mut self, option: u8) {
        let command = self.commands.last().copied();
        self.commands.push(option);
        let answer = match command {
            Some(WILL) if option == ECHO => DO,
            Some(WONT) if option == ECHO => DONT,
            _ => return,
        };
        self.send_bytes(&[IAC, answer, option]);
    }

    fn note(&mut self, line: String) {
        if self.transcript.len() >= TRANSCRIPT {
            self.transcript.pop_front();
        }
        self.transcript.push_back(line);
    }

    #[track_caller]
    fn fail(&self, problem: &str) -> ! {
        let state = if self.closed { "closed" } else { "open" };
        let lines: Vec<&str> = self.transcript.iter().map(String::as_str).collect();
        panic!(
            "{}: {problem}; the connection is {state}. The last lines:\n{}",
            self.name,
            lines.join("\n")
        );
    }
}
