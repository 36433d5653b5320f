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

use crate::actors::kit::gate::Gate;
use crate::actors::kit::stall;
use crate::actors::kit::supervisor::{ChildSpec, Restart, Supervisor};
use crate::config::{self, Config};
use crate::hosts::link::{FromHost, HostLink, ToHost};
use crate::hosts::program::bind::bind;
use crate::hosts::program::{self, ClientNames, HostError, HostKind, Options, SYSTEM_OBJECT, Serves, tell};
use crate::limits::{CLOSE_FLUSH_MAX, HELD_HOST_BYTES_MAX};
use crate::protocol::control::ChildReady;
use crate::protocol::host::{HostType, Listener as WireListener};
use crate::protocol::{ClientId, WireObj};
use actix::{Arbiter, ArbiterHandle};
use listener::{Listener, StopListening};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The name of this host in the supervisor's table.
pub const NAME: &str = "telnet";

/// The flag of `moothall` that says where it listens.
const FLAG: &str = "--telnet";

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
    names: ClientNames,
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
            names: ClientNames::default(),
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
        self.names.next()
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

/// Runs the host until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), HostError> {
    let first = bind(config.telnet.listen, FLAG)?;
    let _alarm = stall::watch_here("main")?;
    let started = program::start(config, options, kind(config)).await?;
    let mut host = TelnetHost::start(config, started.supervisor, started.link)?;
    host.listen_on(first, SYSTEM_OBJECT)?;
    started.program.obey(host).await
}

/// What kind of host it is.
fn kind(config: &Config) -> HostKind {
    HostKind {
        name: NAME,
        host_type: || HostType::Tcp,
        connections_max: config.telnet.connections_max,
        pause_bytes: config.telnet.output_len_max,
        questions_max: 0,
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
    fn start(config: &Config, supervisor: Supervisor, link: Gate<HostLink>) -> io::Result<TelnetHost> {
        Ok(TelnetHost {
            supervisor,
            shared: Arc::new(TelnetShared::new(config.telnet.clone(), link)),
            arbiters: connection_arbiters(Arbiter::current())?,
            interface: config.telnet.listen,
            ports: BTreeMap::new(),
        })
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
        let opened = bind(address, FLAG).map_err(HostError::from);
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
        tell(&self.shared.link, FromHost::Listeners(listeners.collect()));
    }
}

impl Serves for TelnetHost {
    fn link(&self) -> &Gate<HostLink> {
        &self.shared.link
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

    fn on_ports(&mut self, order: &ToHost) {
        match order {
            ToHost::Listen { handler, port, .. } => self.listen(*handler, *port),
            ToHost::Unlisten { port } => self.unlisten(*port),
            _ => {}
        }
    }

    /// Closes the ports, says goodbye to the clients, and waits until they are gone or their time is over.
    async fn stop(&mut self) {
        self.supervisor.let_end();
        let ports: Vec<u16> = self.ports.keys().copied().collect();
        ports.into_iter().for_each(|port| self.unlisten(port));
        tell(&self.shared.link, FromHost::CloseAll(GOING_DOWN.into()));
        let deadline = Instant::now() + CLOSE_FLUSH_MAX;
        while self.shared.live() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
