//! The web host: browsers, and programs that speak JSON, over WebSockets and REST. What they say is in `docs/json.md`.
//!
//! `session` is the conversation of one JSON client, which knows no socket, no clock and no daemon, `terminal` that of a
//! terminal in a browser, with what passes beside its text in `band`; `websocket` is the actor around either, `routes` what is
//! served by which path. `websocket::taken` and `reaper` see to clients that do not read: such a socket's actor is not run at
//! all, so what ends it is outside.
//!
//! Invariant: nothing that the world says reaches a browser as HTML but through a sanitizer, and nothing of a session but
//! to its own client.

pub mod band;
pub mod health;
pub mod json;
pub mod link;
pub mod page;
pub mod reaper;
pub mod rest;
pub mod routes;
mod served;
pub mod session;
pub mod terminal;
pub mod throttle;
pub mod websocket;

use crate::actors::kit::gate::Gate;
use crate::actors::kit::stall;
use crate::actors::kit::supervisor::Supervisor;
use crate::config::{self, Config, Listen};
use crate::hosts::link::{FromHost, HostLink, ToHost};
use crate::hosts::program::bind::bind;
use crate::hosts::program::{self, ClientNames, HostError, HostKind, Options, SYSTEM_OBJECT, Serves, tell};
use crate::limits::{CLOSE_FLUSH_MAX, TOKEN_FAILURES_MAX, WEB_PAUSE_BYTES, WEB_QUESTIONS_MAX};
use crate::protocol::control::ChildReady;
use crate::protocol::host::{HostType, Listener};
use actix_web::dev::ServerHandle;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The name of this host in the supervisor's table.
pub const NAME: &str = "web";

/// The flag of `moothall` that says where it listens.
const FLAG: &str = "--web";

const GOING_DOWN: &str = "the host restarts";

/// More threads than this gain nothing: the link is one, and it is the first to be busy.
const THREADS_MAX: usize = 4;

/// What everything that is served shares.
pub struct WebShared {
    /// The settings.
    pub settings: config::Web,
    /// The way to the daemon.
    pub link: Gate<HostLink>,
    /// Where it serves.
    pub address: SocketAddr,
    /// How often somebody may try to log in.
    pub throttle: throttle::Throttle,
    /// How often somebody may show a token that is none.
    pub proofs: throttle::Throttle,
    /// What ends clients that do not read.
    pub reaper: reaper::Reaper,
    names: ClientNames,
    sockets: AtomicUsize,
    born: Instant,
}

impl WebShared {
    /// For a host that has just started.
    pub fn new(settings: config::Web, link: Gate<HostLink>, address: SocketAddr) -> WebShared {
        WebShared {
            throttle: throttle::Throttle::new(settings.logins_per_minute_max),
            proofs: throttle::Throttle::new(TOKEN_FAILURES_MAX),
            settings,
            link,
            address,
            reaper: reaper::Reaper::default(),
            names: ClientNames::default(),
            sockets: AtomicUsize::new(0),
            born: Instant::now(),
        }
    }

    /// Time since some point of this process's past.
    pub fn now(&self) -> Duration {
        self.born.elapsed()
    }

    /// How many WebSockets there are.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }
}

/// Runs the host until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), HostError> {
    let Listen::At(address) = config.web.listen else {
        return Err(HostError::Settings(
            "`web.listen` is off, so there is nothing to serve",
        ));
    };
    let kind = HostKind {
        name: NAME,
        host_type: || HostType::WebSocket,
        connections_max: config.web.connections_max,
        pause_bytes: WEB_PAUSE_BYTES,
        questions_max: WEB_QUESTIONS_MAX,
    };
    let socket = bind(address, FLAG)?;
    let _alarm = stall::watch_here("main")?;
    let started = program::start(config, options, kind).await?;
    let host = WebHost::start(config, socket, started.supervisor, started.link)?;
    started.program.obey(host).await
}

/// The server and the way to its link.
struct WebHost {
    supervisor: Supervisor,
    shared: Arc<WebShared>,
    server: ServerHandle,
}

impl WebHost {
    fn start(
        config: &Config,
        socket: TcpListener,
        supervisor: Supervisor,
        link: Gate<HostLink>,
    ) -> io::Result<WebHost> {
        let address = socket.local_addr()?;
        let shared = Arc::new(WebShared::new(config.web.clone(), link, address));
        let served = Arc::clone(&shared);
        let server = actix_web::dev::Server::build()
            .workers(threads())
            .max_concurrent_connections(config.web.connections_max as usize)
            .shutdown_timeout(CLOSE_FLUSH_MAX.as_secs())
            .disable_signals()
            .listen(NAME, socket, move || served::served(&served))?
            .run();
        let handle = server.handle();
        actix::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the web server has ended");
            }
        });
        let (reaped, silence_max) = (Arc::clone(&shared), config.web.silence_max_s);
        actix::spawn(async move { reaped.reaper.run(Duration::from_secs(silence_max.into())).await });
        tracing::info!(%address, "accepting connections");
        let listener = Listener {
            handler: SYSTEM_OBJECT,
            addr: address.to_string(),
            host_type: HostType::WebSocket,
            options: Vec::new(),
        };
        tell(&shared.link, FromHost::Listeners(vec![listener]));
        Ok(WebHost {
            supervisor,
            shared,
            server: handle,
        })
    }
}

impl Serves for WebHost {
    fn link(&self) -> &Gate<HostLink> {
        &self.shared.link
    }

    fn ready(&self) -> ChildReady {
        ChildReady {
            addresses: vec![(NAME.to_owned(), self.shared.address.to_string())],
            notes: Vec::new(),
        }
    }

    /// Ports that the world opens are for terminals.
    fn on_ports(&mut self, _: &ToHost) {}

    /// Tells clients to come back, and waits until they are gone or their time is over.
    async fn stop(&mut self) {
        self.supervisor.let_end();
        self.server.pause().await;
        tell(&self.shared.link, FromHost::CloseAll(GOING_DOWN.into()));
        let deadline = Instant::now() + CLOSE_FLUSH_MAX;
        while self.shared.sockets() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.server.stop(false).await;
    }
}

fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, THREADS_MAX)
}
