//! `Lone`: a daemon and a telnet host without a supervisor, with a `Proxy` between them. The test itself restarts what
//! it kills. Dropping it ends both; a failing test prints their log.

use super::fault_proxy::Proxy;
use super::server::{clean_command, print_log, read_log, signal};
use super::telnet::Telnet;
use super::wait_for;
use moothall::protocol::token::{Grant, KeyRing};
use moothall::protocol::{HostId, Wall};
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// What the daemon calls its world in tokens.
const WORLD: &str = "moothall";

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Daemon,
    Host,
    /// The host that another one has replaced.
    OldHost,
}

/// The two programs and what stands between them.
pub struct Lone {
    folder: TempDir,
    telnet: SocketAddr,
    settings: Vec<(&'static str, String)>,
    daemon: Child,
    host: Option<Child>,
    old_host: Option<Child>,
    /// What stands between them.
    pub proxy: Proxy,
}

impl Lone {
    /// Both on a fresh folder; players can come in as soon as the host has said hello.
    #[track_caller]
    pub fn start(seed: u64, settings: &[(&'static str, &str)]) -> Lone {
        let mut lone = Lone::without_host(seed, settings);
        lone.start_host();
        lone
    }

    /// The daemon alone, so that rules can be set before the host comes.
    #[track_caller]
    pub fn without_host(seed: u64, settings: &[(&'static str, &str)]) -> Lone {
        let folder = tempfile::Builder::new().prefix("moothall-it-").tempdir().unwrap();
        // The host is given a port that was free a moment ago, and takes it again whenever it is started.
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let telnet = port.local_addr().unwrap();
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let data = folder.path().join("data");
        let proxy = Proxy::start(&folder.path().join("front"), &data.join("run"), seed);
        let lone = Lone {
            daemon: launch_daemon(&folder, &settings),
            folder,
            telnet,
            settings,
            host: None,
            old_host: None,
            proxy,
        };
        wait_for("the daemon to serve", || lone.serves().then_some(()));
        lone
    }

    /// Starts the host, in place of one that has ended.
    pub fn start_host(&mut self) {
        // One that was killed has its port until it is gone.
        if let Some(mut last) = self.host.take() {
            last.wait().unwrap();
        }
        let token = self.folder.path().join("token");
        fs::write(&token, host_token(&self.data())).unwrap();
        let mut host = program(
            env!("CARGO_BIN_EXE_moothall-telnet"),
            &self.folder,
            &self.settings,
        );
        host.args(["--listen", &self.telnet.to_string(), "--run-dir"])
            .arg(self.folder.path().join("front"))
            .arg("--token-file")
            .arg(token);
        self.host = Some(host.spawn().unwrap());
    }

    /// Starts another process as the same host, on another port. The old one is left as it is.
    pub fn replace_host(&mut self) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        self.telnet = port.local_addr().unwrap();
        drop(port);
        self.old_host = self.host.take();
        self.start_host();
    }

    /// How the host that was replaced ended, if it has.
    pub fn old_host_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.old_host.as_mut()?.try_wait().unwrap()
    }

    /// Where players connect.
    pub fn telnet(&self) -> SocketAddr {
        self.telnet
    }

    /// The folder of the world.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What both have logged up to now.
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }

    /// Stops a program as `kill -STOP` would, lets it go on, or worse.
    pub fn signal(&self, program: Program, what: Signal) {
        let child = match program {
            Program::Daemon => &self.daemon,
            Program::Host => self.host.as_ref().expect("the host was started"),
            Program::OldHost => self.old_host.as_ref().expect("the host was replaced"),
        };
        signal(child.id(), what);
    }

    /// Kills a program as a crash would and starts it again at once.
    pub fn crash(&mut self, program: Program) {
        self.signal(program, Signal::KILL);
        match program {
            Program::Daemon => self.restart_daemon(),
            Program::Host => {
                self.host.take().expect("the host was started").wait().unwrap();
                self.start_host();
            }
            Program::OldHost => {}
        }
    }

    /// How the daemon ended, if it has; it can be started again with [`Lone::restart_daemon`].
    pub fn daemon_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.daemon.try_wait().unwrap()
    }

    /// Whether a daemon is there that serves.
    pub fn serves(&self) -> bool {
        UnixStream::connect(self.data().join("run/admin.sock")).is_ok()
    }

    /// Starts a daemon that has ended again.
    pub fn restart_daemon(&mut self) {
        self.daemon.wait().unwrap();
        self.daemon = launch_daemon(&self.folder, &self.settings);
    }

    /// A connection that waits until the host listens.
    #[track_caller]
    pub fn connect(&self, name: &str) -> Telnet {
        wait_for("the host to listen", || {
            Telnet::try_connect(self.telnet, name).ok()
        })
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            print_log(&self.log());
        }
        let hosts = self.host.iter_mut().chain(&mut self.old_host);
        for child in hosts.chain([&mut self.daemon]) {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn launch_daemon(folder: &TempDir, settings: &[(&'static str, String)]) -> Child {
    let mut daemon = program(env!("CARGO_BIN_EXE_moothall-daemon"), folder, settings);
    daemon.arg("--data").arg(folder.path().join("data"));
    daemon.spawn().unwrap()
}

fn program(path: &str, folder: &TempDir, settings: &[(&'static str, String)]) -> Command {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .unwrap();
    let mut command = clean_command(path);
    command
        .envs(settings.iter().map(|(name, value)| (*name, value.as_str())))
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command
}

/// A token of the kind that a supervisor hands to its telnet host, made from the daemon's own keys.
fn host_token(data: &std::path::Path) -> String {
    let ring = KeyRing::from_bytes(WORLD, &fs::read(data.join("keys")).unwrap()).unwrap();
    let grant = Grant::Host {
        host: HostId::named("telnet"),
        host_type: "telnet".to_owned(),
        key_hash: [0; 32],
        generation: 0,
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    ring.sign(grant, [7; 16], Wall(u64::try_from(since.as_millis()).unwrap()))
}
