//! What the program of every host does, whatever its clients speak: it proves itself to the daemon, obeys the supervisor
//! and the daemon, and ends in order.
//!
//! Invariant: a program ends by itself only when it was told to, or when trying again would be of no use; the exit code
//! says which.

pub mod bind;
pub mod command_line;

use crate::actors::kit::child_link::{ChildLink, Order, Upbringing};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::secret_file::random;
use crate::actors::kit::supervisor::{ChildSpec, Supervisor};
use crate::config::Config;
use crate::gateway::HostEndpoints;
use crate::hosts::identity::{Identity, IdentityError};
use crate::hosts::link::{self, FromHost, HostLink, ToHost};
use crate::limits::{CLOSE_FLUSH_MAX, HOST_ORDERS_MAX, INBOUND_BURSTS_MAX};
use crate::protocol::control::ChildReady;
use crate::protocol::host::HostType;
use crate::protocol::{ClientId, HostId, WireObj};
use actix::Arbiter;
use bind::BindError;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// The system object, to which the port of a host's settings belongs.
pub const SYSTEM_OBJECT: WireObj = WireObj(0);

/// Why a host could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The port of the configuration cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The link to the daemon can never work.
    #[error("this host cannot work with the daemon: {0}")]
    Link(String),
    /// The daemon does not take what this host proves itself with.
    #[error("the daemon refuses this host's {0}")]
    Refused(&'static str),
    /// This host is not enrolled with the daemon of its settings.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The settings leave nothing to do.
    #[error("{0}")]
    Settings(&'static str),
    /// The system refused something that every process needs.
    #[error("this host cannot run: {0}")]
    System(#[from] io::Error),
}

/// What the program was told besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the sockets of the daemon and of the supervisor.
    pub run_dir: PathBuf,
    /// A token to say hello with, where no supervisor hands one out.
    pub token: Option<String>,
    /// What becomes of it without a supervisor.
    pub upbringing: Upbringing,
}

/// The part of a host that differs from others.
pub trait Serves {
    /// The way to the daemon.
    fn link(&self) -> &Gate<HostLink>;
    /// Where it serves.
    fn ready(&self) -> ChildReady;
    /// The world opens or closes a port: whether that worked, the daemon sees in the list of listeners.
    fn on_ports(&mut self, order: &ToHost);
    /// Takes no more clients, and brings the others to their end.
    fn stop(&mut self) -> impl Future<Output = ()>;
}

/// A host's way to its supervisor and what it is to prove itself to the daemon with.
pub struct Program {
    child: ChildLink,
    orders: mpsc::Receiver<Order>,
    credential: Credential,
    from_link: mpsc::Receiver<ToHost>,
}

/// What a host starts with besides its clients' sockets.
pub struct Started {
    /// For [`Program::obey`].
    pub program: Program,
    /// Watches the link; other actors of the host may be put under it.
    pub supervisor: Supervisor,
    /// The way to the link.
    pub link: Gate<HostLink>,
}

/// What kind of host it is.
#[derive(Clone, Copy, Debug)]
pub struct HostKind {
    /// Its name in the supervisor's table.
    pub name: &'static str,
    /// What its clients speak.
    pub host_type: fn() -> HostType,
    /// How many clients it can hold.
    pub connections_max: u32,
    /// Bytes that may wait for a client before it gets no more for a while.
    pub pause_bytes: usize,
    /// How many questions may wait for the link besides what clients send.
    pub questions_max: usize,
}

/// Starts what every host has. Must be called on the main arbiter.
pub async fn start(config: &Config, options: Options, kind: HostKind) -> Result<Started, HostError> {
    let (child, orders) = ChildLink::connect(&options.run_dir, kind.name, options.upbringing).await?;
    let endpoints = endpoints(config, &options, kind.name)?;
    let credential = Credential::new(&endpoints, options.token);
    let (supervisor, link, from_link) = start_link(endpoints, kind);
    Ok(Started {
        program: Program {
            child,
            orders,
            credential,
            from_link,
        },
        supervisor,
        link,
    })
}

/// Starts the link: what watches it, the way to it, and what it has to say.
pub fn start_link(
    endpoints: HostEndpoints,
    kind: HostKind,
) -> (Supervisor, Gate<HostLink>, mpsc::Receiver<ToHost>) {
    let supervisor = Supervisor::start(|child| {
        tracing::error!(actor = child.name, "an actor of this host cannot be kept alive");
        std::process::exit(i32::from(crate::actors::kit::exit::INTERNAL));
    });
    let (to_host, from_link) = mpsc::channel(HOST_ORDERS_MAX);
    // The link knows where every client is: nothing could be done with a second one, so its end is ours.
    let mut spec = ChildSpec::permanent("link");
    spec.intensity.restarts_max = 0;
    let slot = supervisor.supervise(spec, Arbiter::current(), move |exit| {
        HostLink::new(
            endpoints.clone(),
            (kind.host_type)(),
            kind.connections_max,
            kind.pause_bytes,
            to_host.clone(),
            exit,
        )
    });
    let bound = link::gate_bound(kind.connections_max) + kind.questions_max;
    let link = Gate::new(slot.clone(), bound);
    link::begin(&link, Gate::new(slot, INBOUND_BURSTS_MAX));
    (supervisor, link, from_link)
}

impl Program {
    /// Obeys until the host is to end, and brings it to its end.
    pub async fn obey(mut self, mut host: impl Serves) -> Result<(), HostError> {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::HostToken(token)) => tell(host.link(), FromHost::Token(token)),
                    Some(Order::MintHostToken { .. } | Order::HostEnded { .. }) => {
                        tracing::warn!("a host was told what only the daemon should be");
                    }
                    Some(Order::Stop { .. }) | None => break,
                },
                Some(order) = self.from_link.recv() => match order {
                    ToHost::Up => {
                        self.credential.was_taken();
                        self.child.ready(host.ready());
                    }
                    ToHost::WantToken => match self.credential.show()? {
                        Some(token) => tell(host.link(), FromHost::Token(token)),
                        None => self.child.want_token(),
                    },
                    ToHost::Listen { .. } | ToHost::Unlisten { .. } => host.on_ports(&order),
                    ToHost::Drain { why, .. } => {
                        tracing::info!(why, "the daemon asks this host to end");
                        break;
                    }
                    ToHost::GiveUp(why) => return Err(HostError::Link(why)),
                },
            }
        }
        host.stop().await;
        leave(host.link()).await;
        Ok(())
    }
}

/// Tells the daemon that this host ends, and waits until that is said.
pub async fn leave(link: &Gate<HostLink>) {
    let (done, left) = oneshot::channel();
    tell(link, FromHost::Leave(done));
    // An error means that the link is gone, and with it its sockets.
    tokio::time::timeout(CLOSE_FLUSH_MAX, left).await.ok();
}

/// Tells the link something that it must hear.
pub fn tell(link: &Gate<HostLink>, message: FromHost) {
    if link.offer(message).is_err() {
        tracing::error!("the link takes no orders");
    }
}

/// Where the daemon is: on this machine, or where the settings say, with the keys that this host was enrolled with.
pub fn endpoints(config: &Config, options: &Options, name: &str) -> Result<HostEndpoints, HostError> {
    let instance = u64::from_le_bytes(random());
    if config.daemon.rpc.is_empty() {
        let ipc = |name: &str| format!("ipc://{}", options.run_dir.join(name).display());
        return Ok(HostEndpoints {
            rpc: ipc("rpc.sock"),
            events: ipc("events.sock"),
            curve: None,
            id: HostId::named(name),
            instance,
        });
    }
    let identity = Identity::read(&config.daemon.identity)?;
    Ok(HostEndpoints {
        rpc: format!("tcp://{}", config.daemon.rpc),
        events: format!("tcp://{}", config.daemon.events),
        curve: Some(identity.curve),
        id: identity.id,
        instance,
    })
}

/// What this host has to say hello with, where no supervisor hands it tokens: a token of its own, or none, because the
/// key that it speaks with stands for it. One that was refused is not shown again.
struct Credential {
    token: Option<String>,
    what: &'static str,
    is_refused: bool,
}

impl Credential {
    fn new(endpoints: &HostEndpoints, token: Option<String>) -> Credential {
        let is_remote = endpoints.curve.is_some();
        Credential {
            token: token.or(is_remote.then(String::new)),
            what: if is_remote { "key; enroll it anew" } else { "token" },
            is_refused: false,
        }
    }

    fn was_taken(&mut self) {
        self.is_refused = false;
    }

    /// What to say hello with; none if the supervisor is to be asked.
    fn show(&mut self) -> Result<Option<String>, HostError> {
        let token = self.token.clone();
        if token.is_some() && std::mem::replace(&mut self.is_refused, true) {
            return Err(HostError::Refused(self.what));
        }
        Ok(token)
    }
}

/// Names clients: no two of one start of the process have the same name, nor any of two starts.
#[derive(Debug)]
pub struct ClientNames {
    next: AtomicU64,
    /// It is not the start's own number, which only this process and the daemon may know: whoever knew it could take the
    /// place of the host's sockets.
    start: [u8; 8],
}

impl Default for ClientNames {
    fn default() -> Self {
        ClientNames {
            next: AtomicU64::new(0),
            start: random(),
        }
    }
}

impl ClientNames {
    /// The next name.
    pub fn next(&self) -> ClientId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        id[8..].copy_from_slice(&self.start);
        ClientId(id)
    }
}
