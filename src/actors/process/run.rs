//! From a configuration to a running server, and from its end to an exit code.

use super::child::ChildActor;
use super::control::ControlActor;
use super::notify::Notifier;
use super::predecessors;
use super::root::{ChildEvent, EndAll, FromChild, RootActor};
use super::spec::{ProcessSpec, table};
use crate::actors::kit::exit;
use crate::actors::kit::folder_lock::{FolderLock, LockError};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::private_folder;
use crate::actors::kit::restart::Intensity;
use crate::actors::kit::supervisor::{ChildSpec, Restart, Supervisor};
use crate::config::{Config, Processes};
use crate::limits::{CHILD_PAUSE_FIRST, CHILD_PAUSE_MAX, PROCESS_GATE_MAX};
use actix::{Arbiter, System};
use std::cell::OnceCell;
use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What a run is told beside its configuration.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// A world to import into an empty data folder.
    pub import: Option<PathBuf>,
    /// Whether to go on without the tasks that another version of the server has compiled.
    pub drop_tasks: bool,
    /// Where jobs are kept, if a flag says so.
    pub jobs: Option<String>,
    /// The configuration file, for the children to read as well.
    pub config_file: Option<PathBuf>,
    /// Whether children end at once when this process does.
    pub die_with_parent: bool,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// What to exit with.
    pub code: u8,
    /// What to say.
    pub message: String,
}

impl From<LockError> for RunError {
    fn from(error: LockError) -> Self {
        RunError {
            code: exit::CANNOT_CREATE,
            message: error.to_string(),
        }
    }
}

/// Something for whoever started the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// It serves: where, or how to begin. Goes to standard output.
    Ready(&'a str),
    /// It ends, and why. Goes to standard error.
    Failed(&'a str),
}

/// Where notices go.
pub type Voice = Arc<dyn Fn(Notice) + Send + Sync>;

/// All that the root needs to start children and to speak. Clones are the same server.
#[derive(Clone)]
pub struct Launch {
    /// The children, in the order of their start.
    pub specs: Vec<Arc<ProcessSpec>>,
    /// The parent of all actors.
    pub supervisor: Supervisor,
    /// Where sockets and lists are.
    pub run_dir: PathBuf,
    /// Timeouts and intensities.
    pub settings: Processes,
    /// How the server speaks to whoever started it.
    pub voice: Voice,
    /// The service manager.
    pub notifier: Notifier,
    /// The root itself, for its children.
    pub root: Arc<std::sync::OnceLock<Gate<RootActor>>>,
}

impl Launch {
    /// Starts a child's actor. One on probation is given up at its first end.
    pub fn start_child(&self, spec: &Arc<ProcessSpec>, on_probation: bool) -> Gate<ChildActor> {
        let intensity = Intensity {
            restarts_max: match on_probation {
                true => 0,
                false => self.settings.restarts_max as usize,
            },
            window: Duration::from_secs(self.settings.restart_window_s),
            pause_first: CHILD_PAUSE_FIRST,
            pause_max: CHILD_PAUSE_MAX,
        };
        let child = ChildSpec {
            name: spec.name,
            restart: Restart::Permanent,
            intensity,
        };
        let root = self
            .root
            .get()
            .expect("the root runs, since it asks for this")
            .clone();
        let (spec, settings) = (Arc::clone(spec), self.settings.clone());
        let slot = self
            .supervisor
            .supervise(child, Arbiter::current(), move |guard| {
                ChildActor::new(Arc::clone(&spec), settings.clone(), root.clone(), guard)
            });
        Gate::new(slot, PROCESS_GATE_MAX)
    }
}

/// Runs a server until it is told to end. Gives the exit code.
pub fn run(config: &Config, options: &RunOptions) -> Result<u8, RunError> {
    let run_dir = config.data.join("run");
    make_folders(&config.data, &run_dir)?;
    let _lock = FolderLock::take(&run_dir)?;
    let patience = Duration::from_secs(config.processes.stop_timeout_s);
    let programs = std::env::current_exe()
        .map_err(|error| unavailable(format!("cannot find my own folder: {error}")))?;
    let folder = programs.parent().unwrap_or(Path::new("/"));
    let specs = table(config, folder, &run_dir, options);
    take_over(&specs, &run_dir, patience);
    let listener = listen(&run_dir.join("control.sock"))?;
    let notifier = Notifier::from_environment(|name| std::env::var_os(name));
    let system = System::new();
    let started = system.block_on(async {
        pass_signals_on(start(
            specs,
            &config.processes,
            &run_dir,
            listener,
            notifier,
            Arc::new(speak),
        ))
    });
    started.map_err(|error| unavailable(format!("cannot listen for signals: {error}")))?;
    let code = system
        .run_with_code()
        .map_err(|error| unavailable(error.to_string()))?;
    Ok(u8::try_from(code).unwrap_or(exit::INTERNAL))
}

/// Starts the actors over a table of children, on the current arbiter, which must be the main one.
pub(super) fn start(
    specs: Vec<ProcessSpec>,
    settings: &Processes,
    run_dir: &Path,
    listener: UnixListener,
    notifier: Notifier,
    voice: Voice,
) -> Gate<RootActor> {
    let known_root: Rc<OnceCell<Gate<RootActor>>> = Rc::default();
    let root_of_children = Rc::clone(&known_root);
    let supervisor = Supervisor::start(move |child| {
        // The root or the control socket given up is our own failure; a process given up is the root's to judge.
        let report = FromChild {
            name: child.name,
            event: ChildEvent::GivenUp,
        };
        let told = matches!(child.name, "root" | "control")
            || root_of_children
                .get()
                .is_none_or(|root| root.offer(report).is_err());
        if told {
            // Not by way of the actors, which would take the children with them: those go on as orphans.
            std::process::exit(exit::INTERNAL.into());
        }
    });
    let launch = Launch {
        specs: specs.into_iter().map(Arc::new).collect(),
        supervisor: supervisor.clone(),
        run_dir: run_dir.to_owned(),
        settings: settings.clone(),
        voice,
        notifier,
        root: Arc::default(),
    };
    let once = ChildSpec {
        intensity: Intensity {
            restarts_max: 0,
            ..ChildSpec::permanent("root").intensity
        },
        ..ChildSpec::permanent("root")
    };
    let for_root = launch.clone();
    let slot = supervisor.supervise(once, Arbiter::current(), move |guard| {
        RootActor::new(for_root.clone(), guard)
    });
    let root = Gate::new(slot, PROCESS_GATE_MAX);
    launch.root.get_or_init(|| root.clone());
    known_root.get_or_init(|| root.clone());
    let for_control = root.clone();
    supervisor.supervise(
        ChildSpec::permanent("control"),
        Arbiter::current(),
        move |guard| ControlActor::new(listener.try_clone(), for_control.clone(), guard),
    );
    root
}

/// Finds the children of a supervisor that died, for their entries to begin with.
fn take_over(specs: &[ProcessSpec], run_dir: &Path, patience: Duration) {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    let left = match predecessors::take_over(run_dir, &names, patience) {
        Ok(left) => left,
        Err(error) => {
            return tracing::warn!(%error, "the list of the last supervisor's children cannot be read");
        }
    };
    if left.ended > 0 {
        tracing::warn!(count = left.ended, "processes of the last supervisor were ended");
    }
    for (name, process) in left.orphans {
        tracing::warn!(
            child = name,
            pid = process.pid(),
            "a child of the last supervisor is adopted"
        );
        if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
            spec.orphan
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .replace(process);
        }
    }
}

fn pass_signals_on(root: Gate<RootActor>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    actix::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if root.offer(EndAll).is_err() {
                System::current().stop_with_code(exit::INTERNAL.into());
            }
        }
    });
    Ok(())
}

fn speak(notice: Notice) {
    match notice {
        Notice::Ready(text) => {
            let mut out = io::stdout().lock();
            // Whoever listened may have gone; the server serves on.
            writeln!(out, "{text}").and_then(|()| out.flush()).ok();
        }
        Notice::Failed(text) => eprintln!("moothall: error: {text}"),
    }
}

fn unavailable(message: String) -> RunError {
    RunError {
        code: exit::UNAVAILABLE,
        message,
    }
}

/// Makes the data folder and the folder of sockets in it, for this user alone.
fn make_folders(data: &Path, run_dir: &Path) -> Result<(), RunError> {
    [data, run_dir]
        .into_iter()
        .try_for_each(private_folder::prepare)
        .map_err(|error| RunError {
            code: exit::CANNOT_CREATE,
            message: format!(
                "cannot use the data folder {}: {error}; choose another with --data",
                data.display()
            ),
        })
}

/// Binds the control socket in place of one that nobody listens on: the lock is held.
pub(super) fn listen(path: &Path) -> Result<UnixListener, RunError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unavailable(format!("cannot replace {}: {error}", path.display())));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(path).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.map_err(|error| {
        unavailable(format!(
            "cannot listen on {}: {error}; a data folder with a shorter path may help",
            path.display()
        ))
    })
}
