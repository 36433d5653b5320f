//! A server that is started for a measurement.

use super::clients::Client;
use super::processes::Process;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What every world that is measured says to a new connection.
pub const GREETING: &str = "Welcome";

/// Between two looks at whether a server listens, or has ended.
const AGAIN: Duration = Duration::from_millis(5);

/// Settings that keep the server from slowing a load that comes from one machine.
const SETTINGS: [(&str, &str); 3] = [
    ("MOOTHALL_TELNET_LINES_PER_SECOND_MAX", "0"),
    ("MOOTHALL_TELNET_BYTES_PER_SECOND_MAX", "0"),
    ("MOOTHALL_LOG_FILTER", "warn"),
];

/// A running server; killed when dropped without [`Server::stop`].
pub struct Server {
    child: Child,
    /// Where it listens for telnet.
    pub address: SocketAddr,
    /// Where it listens for WebSockets; nowhere if it was not asked to.
    pub web: Option<SocketAddr>,
    log: PathBuf,
}

impl Server {
    /// Starts the programs on a data folder and waits until the world has greeted a connection.
    pub fn start(
        programs: &Path,
        data: &Path,
        import: Option<&Path>,
        patience: Duration,
    ) -> Result<Server, String> {
        Server::launch(programs, data, import, None, patience)
    }

    /// The same with the built-in world, for WebSockets, too.
    pub fn start_with_web(programs: &Path, data: &Path, patience: Duration) -> Result<Server, String> {
        Server::launch(programs, data, None, Some(free_address()?), patience)
    }

    fn launch(
        programs: &Path,
        data: &Path,
        import: Option<&Path>,
        web: Option<SocketAddr>,
        patience: Duration,
    ) -> Result<Server, String> {
        let address = free_address()?;
        let log = data.with_extension("log");
        let file = File::create(&log).map_err(|error| format!("cannot make a log: {error}"))?;
        let mut command = Command::new(programs.join("moothall"));
        command
            .arg("run")
            .arg("--data")
            .arg(data)
            .args(["--telnet", &address.to_string()])
            .arg("--die-with-parent");
        if let Some(import) = import {
            command.arg("--import").arg(import);
        }
        if let Some(web) = web {
            command.args(["--web", &web.to_string()]);
        }
        // What names files for the measurements is no setting of the server.
        command
            .env_remove("MOOTHALL_WORLDS")
            .envs(SETTINGS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let child = command
            .spawn()
            .map_err(|error| format!("cannot start moothall: {error}"))?;
        let mut server = Server {
            child,
            address,
            web,
            log,
        };
        server.wait_for_greeting(patience)?;
        Ok(server)
    }

    fn wait_for_greeting(&mut self, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Ok(mut client) = Client::connect(self.address)
                && client.expect(GREETING, patience).is_ok()
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("moothall ended ({status}):\n{}", self.said()));
            }
            thread::sleep(AGAIN);
        }
        Err(format!(
            "moothall greeted nobody in {} s:\n{}",
            patience.as_secs(),
            self.said()
        ))
    }

    /// The supervisor and its children.
    pub fn processes(&self) -> Result<Vec<Process>, String> {
        Process::family(self.child.id())
    }

    /// Ends the server as an operator does, and waits for it.
    pub fn stop(mut self, patience: Duration) -> Result<(), String> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).map_err(|error| format!("cannot stop moothall: {error}"))?;
        let begun = Instant::now();
        while begun.elapsed() < patience {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("moothall ended badly ({status}):\n{}", self.said())),
                Ok(None) => thread::sleep(AGAIN),
                Err(error) => return Err(format!("cannot wait for moothall: {error}")),
            }
        }
        Err(format!("moothall does not stop:\n{}", self.said()))
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only a measurement that failed gets here with a server that still runs.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// A port that nobody listens on at this moment.
fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no port is free: {error}"))
}
