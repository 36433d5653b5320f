//! Worker processes: they do what tasks of the world ask of the outside, so that the daemon itself never does.
//!
//! `link` is the conversation with the daemon, `http` the one kind of work that comes with the server, `address` says
//! which addresses it may reach. Invariant: nothing here knows the world; what is asked and what is answered are values.

mod address;
mod http;
mod link;
mod request;

use crate::actors::kit::child_link::{ChildLink, Order, Upbringing};
use crate::actors::kit::exit;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::secret_file::random;
use crate::actors::kit::stall;
use crate::actors::kit::supervisor::{ChildSpec, Supervisor};
use crate::config::Config;
use crate::gateway::HostEndpoints;
use crate::hosts::identity::{self, Identity, IdentityError};
use crate::limits::{CLOSE_FLUSH_MAX, HOST_ORDERS_MAX, WORKER_LINK_GATE_MAX};
use crate::protocol::control::ChildReady;
use crate::protocol::machine::worker::WorkerConfig;
use crate::protocol::worker::{REMOTE_WORKER, WORKER_KIND};
use crate::protocol::{HostId, WorkerId};
use actix::Arbiter;
use http::{Http, HttpError};
use link::{FromProgram, ToProgram, WorkerLink};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Why a worker could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerProgramError {
    /// Its settings make no sense.
    #[error(transparent)]
    Settings(#[from] HttpError),
    /// The link to the daemon can never work.
    #[error("the worker cannot work with the daemon: {0}")]
    Link(String),
    /// The daemon does not take what this worker proves itself with.
    #[error("the daemon refuses this worker's token or key")]
    Refused,
    /// This worker is not enrolled with the daemon of its settings.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The system refused something that every process needs.
    #[error("the worker cannot run: {0}")]
    System(#[from] io::Error),
}

/// What the program was told besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the sockets of the daemon and of the supervisor.
    pub run_dir: PathBuf,
    /// Its name in the supervisor's table; made up where it runs alone.
    pub name: String,
    /// A token to say hello with, where no supervisor hands one out.
    pub token: Option<String>,
    /// What becomes of it without a supervisor.
    pub upbringing: Upbringing,
}

/// Fails for settings that no worker can work with.
pub fn check(config: &Config) -> Result<(), WorkerProgramError> {
    Http::new(&config.workers)?;
    Ok(())
}

/// Runs the worker until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), WorkerProgramError> {
    let http = Arc::new(Http::new(&config.workers)?);
    let (child, mut orders) = ChildLink::connect(&options.run_dir, &options.name, options.upbringing).await?;
    let _alarm = stall::watch_here("main")?;
    let supervisor = Supervisor::start(|child| {
        tracing::error!(actor = child.name, "an actor of the worker cannot be kept alive");
        std::process::exit(i32::from(exit::INTERNAL));
    });
    let endpoints = endpoints(config, &options)?;
    let is_remote = endpoints.curve.is_some();
    let (link, mut from_link) = start_link(config, &supervisor, endpoints, http);
    // The key that it speaks with stands for a worker of another machine.
    let (mut token, mut is_refused) = (options.token.or(is_remote.then(String::new)), false);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::HostToken(token)) => tell(&link, FromProgram::Token(token)),
                Some(Order::MintHostToken { .. } | Order::HostEnded { .. }) => {
                    tracing::warn!("a worker was told what only the daemon should be");
                }
                Some(Order::Stop { .. }) | None => break,
            },
            Some(said) = from_link.recv() => match said {
                ToProgram::Up => {
                    is_refused = false;
                    child.ready(ChildReady::default());
                }
                ToProgram::WantToken => match &mut token {
                    Some(_) if is_refused => return Err(WorkerProgramError::Refused),
                    Some(token) => {
                        is_refused = true;
                        tell(&link, FromProgram::Token(token.clone()));
                    }
                    None => child.want_token(),
                },
                ToProgram::End(why) => {
                    tracing::info!(why, "the daemon asks this worker to end");
                    break;
                }
                ToProgram::GiveUp(why) => return Err(WorkerProgramError::Link(why)),
            },
        }
    }
    supervisor.let_end();
    let (done, left) = oneshot::channel();
    tell(&link, FromProgram::Leave(done));
    // What is not done by then is lost, and its tasks are told so.
    let patience = Duration::from_secs(config.processes.stop_timeout_s).saturating_sub(CLOSE_FLUSH_MAX / 2);
    tokio::time::timeout(patience, left).await.ok();
    Ok(())
}

/// Where the daemon is: on this machine, or where the settings say, with the keys that this worker was enrolled with.
fn endpoints(config: &Config, options: &Options) -> Result<HostEndpoints, IdentityError> {
    if !config.daemon.workers.is_empty() {
        let identity = Identity::read(&config.daemon.identity)?;
        return Ok(HostEndpoints {
            rpc: format!("tcp://{}", config.daemon.workers),
            events: format!("tcp://{}", config.daemon.events),
            curve: Some(identity.curve),
            id: identity.id,
            instance: u64::from_le_bytes(random()),
        });
    }
    let ipc = |name: &str| format!("ipc://{}", options.run_dir.join(name).display());
    Ok(HostEndpoints {
        rpc: ipc("workers.sock"),
        events: ipc("events.sock"),
        curve: None,
        id: HostId(WorkerId::named(&options.name).0),
        instance: u64::from_le_bytes(random()),
    })
}

/// Has a daemon on another machine take this worker's keys, and writes who it is from now on: what `--enroll` does.
pub fn enroll(config: &Config, invitation: &str) -> Result<WorkerId, IdentityError> {
    let id = identity::enroll(config, &format!("{REMOTE_WORKER}{WORKER_KIND}"), invitation)?;
    Ok(WorkerId(id.0))
}

fn start_link(
    config: &Config,
    supervisor: &Supervisor,
    endpoints: HostEndpoints,
    http: Arc<Http>,
) -> (Gate<WorkerLink>, mpsc::Receiver<ToProgram>) {
    let (to_program, from_link) = mpsc::channel(HOST_ORDERS_MAX);
    let worker = WorkerConfig {
        build: env!("CARGO_PKG_VERSION").to_owned(),
        id: WorkerId(endpoints.id.0),
        instance: endpoints.instance,
        kind: WORKER_KIND.to_owned(),
        concurrency: config.workers.requests_max,
    };
    // What was asked of this process is known to the link alone, so its end is the process's.
    let mut spec = ChildSpec::permanent("link");
    spec.intensity.restarts_max = 0;
    let slot = supervisor.supervise(spec, Arbiter::current(), move |exit| {
        WorkerLink::new(
            (endpoints.clone(), worker.clone()),
            http.clone(),
            to_program.clone(),
            exit,
        )
    });
    let link = Gate::new(slot.clone(), WORKER_LINK_GATE_MAX);
    link::begin(&link, Gate::new(slot, WORKER_LINK_GATE_MAX));
    (link, from_link)
}

fn tell(link: &Gate<WorkerLink>, message: FromProgram) {
    if link.offer(message).is_err() {
        tracing::error!("the link takes no orders");
    }
}
