//! The telnet host: everyone who comes with a telnet, MUD or raw client.
//!
//! `engine` is telnet itself, `line_mode` the line editor, `output` the bounded queue to the socket, and `terminal`
//! the three together; none of them knows a socket, a clock or the daemon. `window` and `flood` say how much of what a
//! client types is taken in. `connection` and `listener` are the actors around them.
//!
//! The rule of lines: every line (or chunk, in binary mode) goes to the daemon as one `Command`, numbered and in
//! order, without waiting for the one before it; the daemon decides by the connection's state whether it is a login
//! line, an intrinsic command, input for `read()` or a command, and prints delimiters as ordinary lines. The empty line
//! that greets a new connection is the daemon's own doing at `ConnectionEstablish`.

pub mod connection;
pub mod engine;
pub mod flood;
pub mod line_mode;
pub mod listener;
pub mod output;
pub mod terminal;
pub mod window;

use crate::actors::kit::child_link::{ChildLink, Order};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::secret_file::random;
use crate::actors::kit::stall;
use crate::actors::kit::supervisor::{ChildSpec, Restart, Supervisor};
use crate::config::{self, Config};
use crate::gateway::HostEndpoints;
use crate::hosts::identity::{self, Identity, IdentityError};
use crate::hosts::link::{self, FromHost, HostLink, ToHost};
use crate::limits::{CLOSE_FLUSH_MAX, HELD_HOST_BYTES_MAX, HOST_ORDERS_MAX, INBOUND_BURSTS_MAX};
use crate::protocol::control::ChildReady;
use crate::protocol::host::{HostType, Listener as WireListener};
use crate::protocol::{ClientId, HostId, WireObj};
use actix::{Arbiter, ArbiterHandle};
use listener::{BindError, Listener, StopListening};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The name of this host in the supervisor's table.
const NAME: &str = "telnet";

/// The system object, to which the first port belongs.
const SYSTEM_OBJECT: WireObj = WireObj(0);

const GOING_DOWN: &str = "*** The server is going down. Please come back later. ***";

/// What the connections of one host share.
pub struct TelnetShared {
    /// The settings.
    pub settings: config::Telnet,
    /// The way to the daemon.
    pub link: Gate<HostLink>,
    live: AtomicUsize,
    /// Bytes of lines that wait in the host.
    held: AtomicUsize,
    next_client: AtomicU64,
    /// Makes the ids of this start of the process differ from those of any other. It is not the start's own number, which
    /// only this process and the daemon may know: whoever knew it could take the place of the host's sockets.
    clients_of: [u8; 8],
    born: Instant,
}

impl TelnetShared {
    /// For a host that has just started.
    pub fn new(settings: config::Telnet, link: Gate<HostLink>) -> TelnetShared {
        TelnetShared {
            settings,
            link,
            live: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            next_client: AtomicU64::new(0),
            clients_of: random(),
            born: Instant::now(),
        }
    }

    /// Time since some point of this process's past.
    pub fn now(&self) -> Duration {
        self.born.elapsed()
    }

    /// How many connections there are.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Counts a new connection and names it.
    fn on_opened(&self) -> ClientId {
        self.live.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next_client.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        id[8..].copy_from_slice(&self.clients_of);
        ClientId(id)
    }

    /// A connection that held `before` bytes of lines holds `now`.
    fn on_held(&self, before: usize, now: usize) {
        self.held.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Whether lines may be kept for a daemon that is away.
    fn has_room_to_hold(&self) -> bool {
        self.held.load(Ordering::Relaxed) < HELD_HOST_BYTES_MAX
    }

    /// Counts a connection that is gone.
    fn on_closed(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why the host could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TelnetError {
    /// The port of the configuration cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The link to the daemon can never work.
    #[error("the telnet host cannot work with the daemon: {0}")]
    Link(String),
    /// The daemon does not take what this host proves itself with.
    #[error("the daemon refuses this host's {0}")]
    Refused(&'static str),
    /// This host is not enrolled with the daemon of its settings.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The system refused something that every process needs.
    #[error("the telnet host cannot run: {0}")]
    System(#[from] io::Error),
}

/// What the program was told besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the sockets of the daemon and of the supervisor.
    pub run_dir: PathBuf,
    /// A token to say hello with, where no supervisor hands one out.
    pub token: Option<String>,
    /// End at once when the supervisor is gone.
    pub die_with_parent: bool,
}

/// Runs the host until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), TelnetError> {
    let orphan_time = match options.die_with_parent {
        true => Duration::ZERO,
        false => Duration::from_secs(config.processes.orphan_timeout_s),
    };
    let (child, mut orders) = ChildLink::connect(&options.run_dir, NAME, orphan_time).await?;
    let endpoints = endpoints(config, &options)?;
    let mut credential = Credential::new(&endpoints, options.token);
    let first = listener::bind(config.telnet.listen)?;
    let _alarm = stall::watch_here("main")?;
    let (mut host, mut from_link) = TelnetHost::start(config, endpoints)?;
    host.listen_on(first, SYSTEM_OBJECT)?;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::HostToken(token)) => host.tell_link(FromHost::Token(token)),
                Some(Order::MintHostToken { .. } | Order::HostEnded { .. }) => {
                    tracing::warn!("a host was told what only the daemon should be");
                }
                Some(Order::Stop { .. }) | None => break,
            },
            Some(order) = from_link.recv() => match order {
                ToHost::Up => {
                    credential.was_taken();
                    child.ready(host.ready());
                }
                ToHost::WantToken => match credential.show()? {
                    Some(token) => host.tell_link(FromHost::Token(token)),
                    None => child.want_token(),
                },
                ToHost::Listen { handler, port, .. } => host.listen(handler, port),
                ToHost::Unlisten { port } => host.unlisten(port),
                ToHost::Drain { why, .. } => {
                    tracing::info!(why, "the daemon asks this host to end");
                    break;
                }
                ToHost::GiveUp(why) => return Err(TelnetError::Link(why)),
            },
        }
    }
    host.stop().await;
    Ok(())
}

/// Where the daemon is: on this machine, or where the settings say, with the keys that this host was enrolled with.
fn endpoints(config: &Config, options: &Options) -> Result<HostEndpoints, TelnetError> {
    let instance = u64::from_le_bytes(random());
    if config.daemon.rpc.is_empty() {
        let ipc = |name: &str| format!("ipc://{}", options.run_dir.join(name).display());
        return Ok(HostEndpoints {
            rpc: ipc("rpc.sock"),
            events: ipc("events.sock"),
            curve: None,
            id: HostId::named(NAME),
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

/// Has the daemon take this host's keys, and writes who it is from now on: what `--enroll` does.
pub fn enroll(config: &Config, invitation: &str) -> Result<HostId, IdentityError> {
    identity::enroll(config, NAME, invitation)
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
    fn show(&mut self) -> Result<Option<String>, TelnetError> {
        let token = self.token.clone();
        if token.is_some() && std::mem::replace(&mut self.is_refused, true) {
            return Err(TelnetError::Refused(self.what));
        }
        Ok(token)
    }
}

/// One open port.
struct Port {
    address: SocketAddr,
    handler: WireObj,
    listener: Gate<Listener>,
}

/// The ports of the host and the way to its link.
struct TelnetHost {
    supervisor: Supervisor,
    shared: Arc<TelnetShared>,
    /// Where connections run.
    arbiters: Vec<ArbiterHandle>,
    interface: SocketAddr,
    ports: BTreeMap<u16, Port>,
}

/// More arbiters than this gain nothing: the link is one, and it is the first to be busy.
const ARBITERS_MAX: usize = 4;

impl TelnetHost {
    fn start(config: &Config, endpoints: HostEndpoints) -> io::Result<(TelnetHost, mpsc::Receiver<ToHost>)> {
        let supervisor = Supervisor::start(|child| {
            tracing::error!(
                actor = child.name,
                "an actor of the telnet host cannot be kept alive"
            );
            std::process::exit(i32::from(crate::actors::kit::exit::INTERNAL));
        });
        let connections_max = config.telnet.connections_max;
        let pause_bytes = config.telnet.output_len_max;
        let (to_host, from_link) = mpsc::channel(HOST_ORDERS_MAX);
        // The link knows where every client is: nothing could be done with a second one, so its end is ours.
        let mut spec = ChildSpec::permanent("link");
        spec.intensity.restarts_max = 0;
        let here = Arbiter::current();
        let slot = supervisor.supervise(spec, here.clone(), move |exit| {
            HostLink::new(
                endpoints.clone(),
                connections_max,
                pause_bytes,
                to_host.clone(),
                exit,
            )
        });
        let link = Gate::new(slot.clone(), link::gate_bound(connections_max));
        link::begin(&link, Gate::new(slot, INBOUND_BURSTS_MAX));
        let shared = Arc::new(TelnetShared::new(config.telnet.clone(), link));
        let arbiters = connection_arbiters(here)?;
        let ports = BTreeMap::new();
        let interface = config.telnet.listen;
        Ok((
            TelnetHost {
                supervisor,
                shared,
                arbiters,
                interface,
                ports,
            },
            from_link,
        ))
    }

    fn tell_link(&self, message: FromHost) {
        if self.shared.link.offer(message).is_err() {
            tracing::error!("the link takes no orders");
        }
    }

    /// Accepts clients of `handler` on a bound socket.
    fn listen_on(&mut self, socket: std::net::TcpListener, handler: WireObj) -> io::Result<()> {
        let address = socket.local_addr()?;
        // A restart goes on with the same socket, so that nobody who waits in it is turned away.
        let (shared, arbiters) = (Arc::clone(&self.shared), self.arbiters.clone());
        let spec = ChildSpec {
            restart: Restart::Transient,
            ..ChildSpec::permanent("listener")
        };
        let slot = self.supervisor.supervise(spec, Arbiter::current(), move |exit| {
            let socket = socket
                .try_clone()
                .expect("a listener is started when there are descriptors to spare");
            Listener::new(socket, handler, Arc::clone(&shared), arbiters.clone(), exit)
                .expect("a bound socket has an address, and actors run where a reactor is")
        });
        let listener = Gate::new(slot, 1);
        self.ports.insert(
            address.port(),
            Port {
                address,
                handler,
                listener,
            },
        );
        tracing::info!(%address, "accepting connections");
        self.report_listeners();
        Ok(())
    }

    /// `listen()` of the world. The daemon sees in the list of listeners whether it worked.
    fn listen(&mut self, handler: WireObj, port: u16) {
        if self.ports.contains_key(&port) {
            return self.report_listeners();
        }
        let address = SocketAddr::new(self.interface.ip(), port);
        let opened = listener::bind(address).map_err(TelnetError::from);
        if let Err(error) = opened.and_then(|socket| Ok(self.listen_on(socket, handler)?)) {
            tracing::warn!(%error, "a port that the world asked for was not opened");
            self.report_listeners();
        }
    }

    fn unlisten(&mut self, port: u16) {
        if let Some(port) = self.ports.remove(&port)
            && port.listener.offer(StopListening).is_err()
        {
            tracing::debug!("the listener has ended already");
        }
        self.report_listeners();
    }

    fn report_listeners(&self) {
        let listeners = self.ports.values().map(|port| WireListener {
            handler: port.handler,
            addr: port.address.to_string(),
            host_type: HostType::Tcp,
            options: Vec::new(),
        });
        self.tell_link(FromHost::Listeners(listeners.collect()));
    }

    fn ready(&self) -> ChildReady {
        let addresses = self
            .ports
            .values()
            .map(|port| (NAME.to_owned(), port.address.to_string()));
        ChildReady {
            addresses: addresses.collect(),
            notes: Vec::new(),
        }
    }

    /// Closes the ports, says goodbye to the clients, and waits until they are gone or their time is over.
    async fn stop(mut self) {
        self.supervisor.let_end();
        let ports: Vec<u16> = self.ports.keys().copied().collect();
        ports.into_iter().for_each(|port| self.unlisten(port));
        self.tell_link(FromHost::CloseAll(GOING_DOWN.into()));
        let deadline = Instant::now() + CLOSE_FLUSH_MAX;
        while self.shared.live() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (done, left) = oneshot::channel();
        self.tell_link(FromHost::Leave(done));
        // An error means that the link is gone, and with it its sockets.
        tokio::time::timeout(CLOSE_FLUSH_MAX, left).await.ok();
    }
}

/// The arbiters that connections are spread over. On a small machine that is the one that the link runs on, which
/// spares each line two wake-ups of a thread.
fn connection_arbiters(here: ArbiterHandle) -> io::Result<Vec<ArbiterHandle>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 4 {
        return Ok(vec![here]);
    }
    Ok((0..(cores / 2).min(ARBITERS_MAX))
        .map(|_| Arbiter::new().handle())
        .collect())
}

#[cfg(test)]
mod tests;
