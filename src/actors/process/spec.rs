//! The table of children: what each is called, which program it is, and what it is started with.

use super::running::Handle;
use crate::actors::kit::child_link::{DIE_WITH_PARENT, SUPERVISED};
use crate::config::{Config, Listen};
use crate::limits::WORKERS_MAX;
use crate::protocol::control::ChildReady;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// What the supervisor owes a child, and what it owes the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Holds the world. Started first, stopped last; the server ends when it cannot be kept alive.
    Daemon,
    /// Holds client sockets. The server goes on without it and tries again.
    Host,
    /// Makes requests for the world. As a host.
    Worker,
}

impl Role {
    /// Those that need the daemon: started after it and stopped before it.
    pub const BESIDE: [Role; 2] = [Role::Host, Role::Worker];
}

/// The names of workers; see [`WORKER_NAME`](crate::protocol::control::WORKER_NAME).
const WORKER_NAMES: [&str; WORKERS_MAX] = [
    "worker-1",
    "worker-2",
    "worker-3",
    "worker-4",
    "worker-5",
    "worker-6",
    "worker-7",
    "worker-8",
    "worker-9",
    "worker-10",
    "worker-11",
    "worker-12",
    "worker-13",
    "worker-14",
    "worker-15",
    "worker-16",
];

/// One child of the table.
#[derive(Debug)]
pub struct ProcessSpec {
    /// The name in `Hello`, in the log and in `moothallctl status`.
    pub name: &'static str,
    /// What it is to the others.
    pub role: Role,
    /// The program.
    pub program: PathBuf,
    /// What it is always started with.
    pub arguments: Vec<OsString>,
    /// What it is started with as well until it was ready for the first time.
    pub first_arguments: Vec<OsString>,
    /// With this word added it only reads its settings and says what is wrong with them; none if it knows no such word.
    pub check: Option<&'static str>,
    /// Where it listens: the service's name, and the address that was asked for.
    pub listen: Option<(&'static str, SocketAddr)>,
    /// What it said when it was ready for the first time.
    pub first_ready: OnceLock<ChildReady>,
    /// A process of the last supervisor, to be its first life under this one.
    pub orphan: Mutex<Option<Handle>>,
    /// The last process that was started or adopted.
    pub last: Mutex<Option<Handle>>,
}

impl ProcessSpec {
    /// The orphan to begin with, the first time this is asked.
    pub fn take_orphan(&self) -> Option<Handle> {
        self.orphan.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether there is an orphan to begin with.
    pub fn has_orphan(&self) -> bool {
        self.orphan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Takes note of the process that runs now.
    pub fn runs(&self, process: Handle) {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(process);
    }

    /// The last process, if it is there still.
    pub fn still_there(&self) -> Option<Handle> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.filter(|process| !process.wait(Duration::ZERO))
    }

    /// Whether a child that serves there does what it is meant to: an orphan may have been started with other settings.
    pub fn fits(&self, ready: &ChildReady) -> bool {
        let Some((service, asked)) = self.listen.filter(|(_, asked)| asked.port() != 0) else {
            return true;
        };
        let asked = asked.to_string();
        ready
            .addresses
            .iter()
            .any(|(name, at)| name == service && *at == asked)
    }

    /// The words of its next start. A port that the system chose is kept over restarts.
    pub fn command_line(&self) -> Vec<OsString> {
        let mut words = self.arguments.clone();
        let first_ready = self.first_ready.get();
        if first_ready.is_none() {
            words.extend(self.first_arguments.iter().cloned());
        }
        if let Some((service, asked)) = self.listen {
            let bound =
                first_ready.and_then(|ready| ready.addresses.iter().find(|(name, _)| name == service));
            let address = bound.map_or_else(|| asked.to_string(), |(_, address)| address.clone());
            words.extend(["--listen".into(), address.into()]);
        }
        words
    }
}

/// The children of a server: programs from `folder`, working on `run_dir`.
pub fn table(
    config: &Config,
    folder: &Path,
    run_dir: &Path,
    options: &super::RunOptions,
) -> Vec<ProcessSpec> {
    let mut common: Vec<OsString> = vec![SUPERVISED.into(), "--run-dir".into(), run_dir.into()];
    if let Some(file) = &options.config_file {
        common.extend(["--config".into(), file.into()]);
    }
    if options.die_with_parent {
        common.push(DIE_WITH_PARENT.into());
    }
    let child = |name, role, program: &str| ProcessSpec {
        name,
        role,
        program: folder.join(program),
        arguments: common.clone(),
        first_arguments: Vec::new(),
        check: Some("--check"),
        listen: None,
        first_ready: OnceLock::new(),
        orphan: Mutex::default(),
        last: Mutex::default(),
    };
    let mut daemon = child("daemon", Role::Daemon, "moothall-daemon");
    daemon
        .arguments
        .extend(["--data".into(), config.data.clone().into()]);
    // What the settings say the daemon reads itself: everybody sees the words of a process, and not its settings.
    if let Some(store) = &options.jobs {
        daemon.arguments.extend(["--jobs".into(), store.into()]);
    }
    if let Some(import) = &options.import {
        daemon.first_arguments = vec!["--import".into(), import.into()];
    }
    if options.drop_tasks {
        daemon.first_arguments.push("--drop-tasks".into());
    }
    let mut telnet = child("telnet", Role::Host, "moothall-telnet");
    telnet.listen = Some(("telnet", config.telnet.listen));
    let mut table = vec![daemon, telnet];
    if let Listen::At(address) = config.web.listen {
        let mut web = child("web", Role::Host, "moothall-web");
        web.listen = Some(("web", address));
        table.push(web);
    }
    table.extend(
        WORKER_NAMES
            .iter()
            .take(config.workers.count as usize)
            .map(|&name| {
                let mut worker = child(name, Role::Worker, "moothall-worker");
                worker.arguments.extend(["--name".into(), name.into()]);
                worker
            }),
    );
    table
}
