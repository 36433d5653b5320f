//! `Server`: one real `moothall` with its children. Dropping it ends them all; a failing test prints their log.

use super::{DEADLINE, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How much of a log a failing test prints.
const LOG_TAIL: usize = 16_000;

/// How a server is to be started. The default is the built-in world, and any free port.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A world to import.
    pub import: Option<PathBuf>,
    /// More settings, as environment variables.
    pub settings: Vec<(&'static str, String)>,
    /// Another place for the data folder than a fresh temporary one.
    pub data: Option<PathBuf>,
    /// A file of settings.
    pub config: Option<PathBuf>,
    /// Another address for players than a free port.
    pub telnet: Option<SocketAddr>,
    /// Whether browsers are served as well, on a free port.
    pub has_web: bool,
}

impl Options {
    /// A server that imports this world.
    pub fn importing(world: &Path) -> Options {
        Options {
            import: Some(world.to_owned()),
            ..Options::default()
        }
    }

    /// The built-in world, for browsers too.
    pub fn web() -> Options {
        Options {
            has_web: true,
            ..Options::default()
        }
    }

    /// The same with one more setting.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Options {
        self.settings.push((name, value.to_string()));
        self
    }
}

/// How a server that did not start ended.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code.
    pub code: Option<i32>,
    /// All it wrote to standard error.
    pub said: String,
}

/// A running server.
pub struct Server {
    folder: TempDir,
    data: PathBuf,
    options: Options,
    child: Child,
    lines: Receiver<String>,
    telnet: SocketAddr,
    web: Option<SocketAddr>,
    /// Whether the data folder is this server's and not that of another one, which refused it.
    owns_data: bool,
}

impl Server {
    /// Starts a server on a fresh folder and waits until it serves.
    #[track_caller]
    pub fn start(options: Options) -> Server {
        match Server::try_start(options) {
            Ok(server) => server,
            Err(refusal) => panic!("the server did not start: {refusal:?}"),
        }
    }

    /// Starts a server; one that ends instead of serving says how.
    pub fn try_start(options: Options) -> Result<Server, Refusal> {
        let folder = tempfile::Builder::new().prefix("moothall-it-").tempdir().unwrap();
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let telnet = options.telnet.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let (child, lines) = launch(folder.path(), &data, &options, (telnet, None));
        let mut server = Server {
            folder,
            data,
            options,
            child,
            lines,
            telnet,
            web: None,
            owns_data: true,
        };
        match server.until_ready() {
            Ok(telnet) => server.telnet = telnet,
            Err(refusal) => {
                server.owns_data = false;
                return Err(refusal);
            }
        }
        // From now on this data folder holds a world, and an import into it would be refused.
        server.options.import = None;
        Ok(server)
    }

    /// Where players connect.
    pub fn telnet(&self) -> SocketAddr {
        self.telnet
    }

    /// Where browsers connect.
    #[track_caller]
    pub fn web(&self) -> SocketAddr {
        self.web.expect("a server that serves browsers")
    }

    /// The folder of the world.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What all its processes have logged up to now.
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }

    /// The process of one of its programs, `moothall` itself among them; none while it is not running.
    pub fn pid(&self, program: &str) -> Option<u32> {
        processes_of(&self.data)
            .into_iter()
            .find(|(name, _)| name == program)
            .map(|(_, pid)| pid)
    }

    /// Bytes of memory that one of its programs has, which must be running.
    #[track_caller]
    pub fn resident(&self, program: &str) -> u64 {
        let pid = wait_for(program, || self.pid(program));
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.expect("it has memory").trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("a number of KiB") << 10
    }

    /// Sends a signal to one of its programs, which must be running.
    #[track_caller]
    pub fn signal(&self, program: &str, which: Signal) {
        let pid = wait_for(program, || self.pid(program));
        signal(pid, which);
    }

    /// Runs `moothallctl` on it.
    pub fn control(&self, words: &[&str]) -> Output {
        clean_command(env!("CARGO_BIN_EXE_moothallctl"))
            .args(words)
            .arg("--data")
            .arg(&self.data)
            .output()
            .unwrap()
    }

    /// One of the figures that the daemon shows of itself, if it answers.
    pub fn figure(&self, group: &str, name: &str) -> Option<u64> {
        let status = self.status()?;
        let figures = status["daemon"]["figures"].as_array()?;
        let figure = figures
            .iter()
            .find(|figure| figure["group"] == group && figure["name"] == name)?;
        figure["value"].as_u64()
    }

    /// What `moothallctl status --json` says, if anybody answers.
    pub fn status(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.control(&["status", "--json"]).stdout).ok()
    }

    /// Kills one of its programs as a crash would, and waits until that process is gone.
    #[track_caller]
    pub fn kill9(&mut self, program: &str) {
        let pid = wait_for(program, || self.pid(program));
        signal(pid, Signal::KILL);
        if program == "moothall" {
            self.child.wait().unwrap();
        } else {
            wait_for("a killed process to end", || has_ended(pid).then_some(()));
        }
    }

    /// Asks the server to end, as an operator would, and waits for it. It can be started again.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.child.id(), Signal::TERM);
        self.ended()
    }

    /// Waits for a server that ends by itself.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        wait_for("the server to end", || self.child.try_wait().unwrap())
    }

    /// Starts a server that has ended again, on the same data and the same port.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.ended();
        (self.child, self.lines) = launch(
            self.folder.path(),
            &self.data,
            &self.options,
            (self.telnet, self.web),
        );
        if let Err(refusal) = self.until_ready() {
            panic!("the server did not start again: {refusal:?}");
        }
    }

    /// Ends the server as an operator would and starts it again.
    #[track_caller]
    pub fn restart(&mut self) {
        let status = self.stop();
        assert!(status.success(), "the server ended with {status}");
        self.start_again();
    }

    /// Waits for the line that says where players connect.
    fn until_ready(&mut self) -> Result<SocketAddr, Refusal> {
        let (end, mut telnet) = (Instant::now() + DEADLINE, None);
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    let address = |place: &str| place.replace(' ', ":").parse().expect("an address is said");
                    if let Some(place) = line.strip_prefix("Moothall is ready: telnet ") {
                        telnet = Some(address(place));
                    } else if let Some(place) = line.strip_prefix("Moothall is ready: web ") {
                        self.web = Some(address(place));
                    }
                    if let Some(telnet) = telnet.filter(|_| self.web.is_some() == self.options.has_web) {
                        return Ok(telnet);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Refusal {
                        code: self.ended().code(),
                        said: self.log(),
                    });
                }
            }
            assert!(
                Instant::now() < end,
                "the server was not ready in {DEADLINE:?}; its log:\n{}",
                self.log()
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            print_log(&self.log());
        }
        // The supervisor first, or it would start again what is killed before it.
        self.child.kill().ok();
        self.child.wait().ok();
        if self.owns_data {
            for (_, pid) in processes_of(&self.data) {
                signal(pid, Signal::KILL);
            }
        }
    }
}

/// Starts `moothall`; its lines come through the channel, which closes when it ends.
fn launch(
    folder: &Path,
    data: &Path,
    options: &Options,
    (telnet, web): (SocketAddr, Option<SocketAddr>),
) -> (Child, Receiver<String>) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let web = match (options.has_web, web) {
        (false, _) => "off".to_owned(),
        (true, None) => "127.0.0.1:0".to_owned(),
        (true, Some(web)) => web.to_string(),
    };
    let mut command = clean_command(env!("CARGO_BIN_EXE_moothall"));
    command
        .args(["run", "--telnet", &telnet.to_string(), "--web", &web, "--data"])
        .arg(data)
        // Most tests ask nothing of the outside.
        .env("MOOTHALL_WORKERS_COUNT", "0")
        .envs(
            options
                .settings
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        )
        .stdout(Stdio::piped())
        .stderr(log);
    if let Some(file) = &options.config {
        command.arg("--config").arg(file);
    }
    if let Some(world) = &options.import {
        command.arg("--import").arg(world);
    }
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    (child, lines)
}

/// A program of ours without settings from outside, reading nothing.
pub fn clean_command(program: &str) -> Command {
    let mut command = Command::new(program);
    let foreign = std::env::vars_os().map(|(name, _)| name);
    for name in foreign.filter(|name| name.to_string_lossy().starts_with("MOOTHALL_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Shows the end of a log, for a test that fails.
pub fn print_log(log: &str) {
    let tail = log.len().saturating_sub(LOG_TAIL);
    let tail = (tail..log.len())
        .find(|at| log.is_char_boundary(*at))
        .unwrap_or(0);
    eprintln!("--- the end of the server's log:\n{}---", &log[tail..]);
}

/// What the programs that log into this folder have logged.
pub fn read_log(folder: &Path) -> String {
    fs::read(folder.join("log"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // One that is gone already is what was wanted.
        kill_process(pid, signal).ok();
    }
}

/// Whether a process has ended, so that nothing is held by it any more: its locks go with the last of its threads, which may be
/// later than the first.
fn has_ended(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which stands in brackets.
    let state = status.rsplit(") ").next().unwrap_or_default();
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    state.is_empty() || (state.starts_with(['Z', 'X']) && threads() <= 1)
}

/// The names and numbers of the running processes that were started on this data folder.
fn processes_of(data: &Path) -> Vec<(String, u32)> {
    let data = data.to_string_lossy().into_owned();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    pids.filter_map(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let mut words = words.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let program = words.next()?;
        let ours = words.any(|word| word == data || word.strip_prefix(&data) == Some("/run"));
        let name = Path::new(&*program).file_name()?.to_str()?.to_owned();
        (ours && name.starts_with("moothall")).then_some((name, pid))
    })
    .collect()
}
