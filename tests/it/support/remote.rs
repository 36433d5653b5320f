//! `RemoteHost`: a telnet host that was enrolled with a server and reaches it by tcp alone, on another machine or on
//! this one. Dropping it ends it.

use super::cable::Cable;
use super::server::{Options, Server, clean_command};
use super::telnet::Telnet;
use super::worlds::Door;
use moothall::hosts::identity::Identity;
use rustix::process::Signal;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use tempfile::TempDir;

/// The four places of a server that other machines reach.
#[derive(Clone)]
pub struct Ports {
    pub rpc: String,
    pub events: String,
    pub enroll: String,
    pub telnet: SocketAddr,
}

fn free_port(address: &str) -> SocketAddr {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap()
}

impl Ports {
    /// Ports at an address of this machine that were free a moment ago.
    pub fn at(address: &str) -> Ports {
        let port = || free_port(address).to_string();
        Ports {
            rpc: port(),
            events: port(),
            enroll: port(),
            telnet: free_port("127.0.0.1"),
        }
    }

    /// A server that has them open, with its keys beside its world.
    pub fn serve(&self, keys: &Path) -> Options {
        Options::default()
            .with("MOOTHALL_NETWORK_RPC", &self.rpc)
            .with("MOOTHALL_NETWORK_EVENTS", &self.events)
            .with("MOOTHALL_NETWORK_ENROLL", &self.enroll)
            .with("MOOTHALL_NETWORK_KEYS", keys.display())
    }
}

/// What an operator says to a server, and what comes back.
pub fn operate(data: &Path, words: &[&str]) -> Output {
    let mut command = clean_command(env!("CARGO_BIN_EXE_moothallctl"));
    command.args(words).arg("--data").arg(data).output().unwrap()
}

/// The same, where it has to work.
#[track_caller]
pub fn order(server: &Server, words: &[&str]) -> String {
    let output = operate(server.data(), words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "moothallctl {words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A host with a folder and settings of its own.
pub struct RemoteHost {
    folder: TempDir,
    cable: Option<Cable>,
    telnet: SocketAddr,
    child: Option<Child>,
}

impl RemoteHost {
    /// A host that was not enrolled yet, with these ports in its settings; beyond the cable if there is one.
    pub fn prepare(ports: &Ports, cable: Option<Cable>) -> RemoteHost {
        let folder = tempfile::Builder::new().prefix("moothall-it-").tempdir().unwrap();
        let host = RemoteHost {
            telnet: match &cable {
                Some(cable) => format!("{}:7777", cable.there()).parse().unwrap(),
                None => ports.telnet,
            },
            folder,
            cable,
            child: None,
        };
        let settings = format!(
            "data = {:?}\n[daemon]\nrpc = {:?}\nevents = {:?}\nenroll = {:?}\nidentity = {:?}\n[telnet]\nlisten = \"{}\"\n",
            host.folder.path().join("data"),
            ports.rpc,
            ports.events,
            ports.enroll,
            host.identity(),
            host.telnet,
        );
        fs::write(host.settings(), settings).unwrap();
        host
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("host.toml")
    }

    /// The file that says who it is.
    pub fn identity(&self) -> PathBuf {
        self.folder.path().join("identity")
    }

    /// The other machine's cable.
    pub fn cable(&self) -> &Cable {
        self.cable.as_ref().expect("it is on another machine")
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_moothall-telnet");
        let mut command = match &self.cable {
            Some(cable) => cable.command(program),
            None => clean_command(program),
        };
        command.arg("--config").arg(self.settings());
        command
    }

    /// Takes up an invitation.
    pub fn enroll(&self, invitation: &str) -> Output {
        let file = self.folder.path().join("invitation.toml");
        fs::write(&file, invitation).unwrap();
        self.command().arg("--enroll").arg(file).output().unwrap()
    }

    /// Starts it.
    pub fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let child = self
            .command()
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Stops it as `kill -STOP` would, lets it go on, or worse.
    pub fn signal(&self, what: Signal) {
        let child = self.child.as_ref().expect("it was started");
        super::server::signal(child.id(), what);
    }

    /// The id that it was enrolled under.
    pub fn id(&self) -> String {
        Identity::read(&self.identity()).unwrap().id.to_string()
    }

    /// How it ended, once it has.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let child = self.child.as_mut().expect("it was started");
        super::wait_for("the host to end", || child.try_wait().unwrap()).code()
    }

    /// What it has logged up to now.
    pub fn log(&self) -> String {
        super::server::read_log(self.folder.path())
    }

    /// Somebody who stands at the door of the hall here.
    #[track_caller]
    pub fn caller(&self) -> Telnet {
        Telnet::arrive(self.telnet, "caller", "Type guest and press Enter")
    }

    /// A guest of the hall who comes in here.
    #[track_caller]
    pub fn guest(&self) -> Telnet {
        let mut guest = self.caller();
        guest.send("guest");
        guest.expect("***");
        guest.send("tour off");
        guest.expect("The porter nods");
        guest.mark_commands();
        guest
    }
}

impl Door for RemoteHost {
    fn telnet(&self) -> SocketAddr {
        self.telnet
    }
}

impl Drop for RemoteHost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            super::server::print_log(&self.log());
        }
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
