//! The daemon's life: start everything in order, serve, and stop everything in the opposite order.
//!
//! Start: lock, store, world, log, executors, publisher, scheduler, connections, gateway, sockets, hooks, ready. Stop:
//! no new tasks, the log on the disk, clients told, a last dump, the log closed. Invariant: whatever was answered is in
//! the log before the process ends.

use super::DaemonError;
use super::admin::Admin;
use super::boot::{self, Booted};
use super::checkpointer::{self, Checkpointer};
use super::connection::{CloseAll, ConnectionActor, ConnectionParts};
use super::executor::{Executors, Workshop};
use super::gateway::{Burst, GatewayActor};
use super::health::{HealthActor, HealthParts};
use super::host_session::HostParts;
use super::keyring::{Keys, KeysError};
use super::outlet::Outlet;
use super::publisher::{Drain, Look, PublisherActor, PublisherParts};
use super::scheduler::{Restore, SchedulerActor, SchedulerParts, Stop, Submit, TakeReports, hook, unasked};
use crate::actors::kit::child_link::{ChildLink, Order};
use crate::actors::kit::exit;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::{ChildSpec, ExitGuard, Supervisor};
use crate::config::{Config, Durability};
use crate::gateway::{Inbound, ServerEndpoints, ServerSender, ServerSide};
use crate::limits::{
    CONNECTION_GATE_MAX, DUMP_INTERVAL_DEFAULT_S, DUMP_INTERVAL_MIN_S, GATEWAY_GATE_MAX, HOUSEKEEPING,
    LIFECYCLE_QUEUE_MAX, PUBLISHER_GATE_MAX, SCHEDULER_GATE_MAX, SLOTS_PER_EXECUTOR, STOP_TASKS_MAX,
    TASK_BYTES_MAX, TASK_IDS_RESERVED,
};
use crate::protocol::Wall;
use crate::protocol::control::ChildReady;
use actix::{Actor, Arbiter, Context};
use moo_db::{Event as LogEvent, Log};
use moo_model::world::{Transaction, World};
use moo_model::{Obj, Symbol, Value};
use moo_tasks::attempt::{Job, connected_row};
use moo_tasks::outside::Outside;
use moo_tasks::snapshot;
use moo_vm::builtins;
use moo_vm::options::ServerOptions;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

/// What the world asks of its server.
#[derive(Clone, Debug)]
pub enum Request {
    /// Its end, with the line that players are told.
    Shutdown(String),
    /// A dump.
    Dump,
}

/// What the program was told besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder with the sockets.
    pub run_dir: PathBuf,
    /// A world to import into an empty data folder.
    pub import: Option<PathBuf>,
    /// End at once when the supervisor is gone.
    pub die_with_parent: bool,
}

const STOPPED: &str = "*** Shutting down: the server was asked to stop ***";

/// The time of day.
pub fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Runs the daemon until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), DaemonError> {
    let orphan_time = match options.die_with_parent {
        true => Duration::ZERO,
        false => Duration::from_secs(config.processes.orphan_timeout_s),
    };
    let (link, orders) = ChildLink::connect(&options.run_dir, "daemon", orphan_time)
        .await
        .map_err(unavailable)?;
    let (data, import, progress) = (config.data.clone(), options.import.clone(), link.clone());
    let booted =
        spawn_blocking(move || boot::boot(&data, import.as_deref(), &mut |what| progress.progress(what)))
            .await
            .map_err(|error| DaemonError {
                code: exit::INTERNAL,
                message: error.to_string(),
            })??;
    let daemon = Daemon::start(config, &options, booted)?;
    link.ready(ChildReady {
        addresses: Vec::new(),
        notes: daemon.notes.clone(),
    });
    daemon.serve(link, orders).await
}

fn unavailable(error: impl std::fmt::Display) -> DaemonError {
    DaemonError {
        code: exit::UNAVAILABLE,
        message: error.to_string(),
    }
}

impl From<KeysError> for DaemonError {
    fn from(error: KeysError) -> DaemonError {
        DaemonError {
            code: exit::CANNOT_CREATE,
            message: error.to_string(),
        }
    }
}

/// The running daemon.
struct Daemon {
    ground: Ground,
    actors: Actors,
    log: Log,
    keys: Arc<Keys>,
    sockets: ServerSide,
    checkpointer: Checkpointer,
    requests: mpsc::Receiver<Request>,
    supervisor: Supervisor,
    task_ids_below: i64,
    notes: Vec<String>,
}

/// What all actors stand on.
struct Ground {
    world: Arc<World>,
    outside: Arc<Outside>,
    epoch: u32,
}

/// The ways to the actors that know the world.
struct Actors {
    publisher: Gate<PublisherActor>,
    scheduler: Gate<SchedulerActor>,
    connections: Gate<ConnectionActor>,
}

/// A child whose end is the process's end: its state is nowhere else, and the next process finds all in the store.
fn irreplaceable(name: &'static str) -> ChildSpec {
    let mut spec = ChildSpec::permanent(name);
    spec.intensity.restarts_max = 0;
    spec
}

/// Starts an actor on the main arbiter; gives a gate to it.
fn start_actor<A: Actor<Context = Context<A>>>(
    supervisor: &Supervisor,
    spec: ChildSpec,
    bound: usize,
    factory: impl Fn(ExitGuard) -> A + Send + Sync + 'static,
) -> Gate<A> {
    Gate::new(supervisor.supervise(spec, Arbiter::current(), factory), bound)
}

/// The ways between threads, made before there is anybody at their ends.
struct Wires {
    outlet: Arc<Outlet>,
    written: Arc<AtomicU64>,
    gateway: Arc<OnceLock<Gate<GatewayActor>>>,
    sender: ServerSender,
    sockets: ServerSide,
    keys: Arc<Keys>,
}

impl Wires {
    fn new(config: &Config, options: &Options) -> Result<Wires, DaemonError> {
        let keys = Arc::new(Keys::open(&config.data.join("keys"), wall)?);
        let ipc = |name: &str| format!("ipc://{}", options.run_dir.join(name).display());
        let endpoints = ServerEndpoints {
            rpc: ipc("rpc.sock"),
            events: ipc("events.sock"),
        };
        let gateway: Arc<OnceLock<Gate<GatewayActor>>> = Arc::default();
        let inbound = gateway.clone();
        let (sockets, sender) = ServerSide::start(&endpoints, move |burst: &mut Vec<Inbound>| {
            let frames = std::mem::take(burst);
            let taken = inbound.get().map(|gateway| gateway.offer(Burst(frames)));
            if !matches!(taken, Some(Ok(()))) {
                tracing::warn!("frames were dropped; hosts ask again");
            }
        })
        .map_err(unavailable)?;
        Ok(Wires {
            outlet: Arc::default(),
            written: Arc::default(),
            gateway,
            sender,
            sockets,
            keys,
        })
    }
}

impl Daemon {
    fn start(config: &Config, options: &Options, booted: Booted) -> Result<Daemon, DaemonError> {
        let supervisor = Supervisor::start(|child| {
            tracing::error!(actor = child.name, "an actor of the daemon cannot be kept alive");
            std::process::exit(i32::from(exit::INTERNAL));
        });
        let wires = Wires::new(config, options)?;
        let log = start_log(config, &booted, &wires)?;
        let world = World::new(booted.root, log.sink());
        let outside = Arc::new(Outside::new(booted.first_task));
        load_options(&world, &outside);
        let ground = Ground {
            world,
            outside,
            epoch: booted.epoch,
        };
        let (lifecycle, requests) = mpsc::channel(LIFECYCLE_QUEUE_MAX);
        let actors = Actors::start(config, &supervisor, &wires, &ground, lifecycle)?;
        begin_tasks(
            &ground.outside,
            &actors.scheduler,
            booted.tasks,
            &booted.lost_tasks,
            &booted.connected,
        );
        serve_hosts(config, options, &supervisor, &wires, &ground, &actors)?;
        let named = Some(config.database.dump_file.clone()).filter(|path| !path.as_os_str().is_empty());
        let file = named.or_else(|| booted.imported_from.as_deref().map(checkpointer::beside));
        Ok(Daemon {
            checkpointer: Checkpointer {
                world: ground.world.clone(),
                outside: ground.outside.clone(),
                file,
            },
            ground,
            actors,
            log,
            keys: wires.keys,
            sockets: wires.sockets,
            requests,
            supervisor,
            task_ids_below: booted.first_task + TASK_IDS_RESERVED,
            notes: booted.notes,
        })
    }

    async fn serve(mut self, link: ChildLink, mut orders: mpsc::Receiver<Order>) -> Result<(), DaemonError> {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        let mut last_dump = Instant::now();
        let (dumped, mut dumps) = mpsc::channel::<bool>(1);
        let (mut is_dumping, mut dump_again) = (false, false);
        let words = loop {
            let wants_dump = tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Stop) | None => break STOPPED.to_owned(),
                    Some(Order::MintHostToken { request, host }) => {
                        link.minted(request, Ok(self.keys.host_token(&host)));
                        false
                    }
                    Some(Order::HostToken(_)) => false,
                },
                Some(request) = self.requests.recv() => match request {
                    Request::Shutdown(words) => break words,
                    Request::Dump => true,
                },
                Some(is_written) = dumps.recv() => {
                    is_dumping = false;
                    self.run_hook("checkpoint_finished", vec![Value::truth(is_written)]);
                    std::mem::take(&mut dump_again)
                }
                _ = housekeeping.tick() => {
                    self.keep_ids_reserved();
                    self.checkpointer.file.is_some() && last_dump.elapsed() >= self.dump_interval()
                }
            };
            dump_again |= wants_dump && is_dumping;
            if wants_dump && !is_dumping {
                (is_dumping, last_dump) = (true, Instant::now());
                self.run_hook("checkpoint_started", Vec::new());
                let (checkpointer, dumped) = (self.checkpointer.clone(), dumped.clone());
                actix::spawn(async move {
                    // Nobody listens any more when the daemon is about to end, which dumps by itself.
                    dumped.send(checkpointer.dump().await).await.ok();
                });
            }
        };
        self.stop(&words).await;
        Ok(())
    }

    fn run_hook(&self, verb: &'static str, args: Vec<Value>) {
        let job = hook(&self.ground.outside, Obj::SYSTEM, verb, Obj::NOTHING, args);
        if self.actors.scheduler.offer(Submit(vec![unasked(job)])).is_err() {
            tracing::warn!(verb, "a hook of the server could not be run");
        }
    }

    fn keep_ids_reserved(&mut self) {
        if self.ground.outside.ids.peek() + TASK_IDS_RESERVED / 2 > self.task_ids_below {
            self.task_ids_below += TASK_IDS_RESERVED;
            if self
                .log
                .put_rows(vec![boot::task_ids_row(self.task_ids_below)])
                .is_err()
            {
                tracing::error!("task numbers could not be reserved: the log has ended");
            }
        }
    }

    /// `#0.dump_interval`, as far as it makes sense.
    fn dump_interval(&self) -> Duration {
        let mut tx = Transaction::begin(&self.ground.world, Box::default());
        let property = tx.find_property(Obj::SYSTEM, Symbol::new("dump_interval")).ok();
        let seconds = property.and_then(|found| tx.property_value(&found).as_int());
        let seconds = seconds
            .filter(|&seconds| seconds >= DUMP_INTERVAL_MIN_S)
            .unwrap_or(DUMP_INTERVAL_DEFAULT_S);
        Duration::from_secs(seconds.unsigned_abs())
    }

    /// Stops in order. Tasks that do not end in time are left uncommitted.
    async fn stop(self, words: &str) {
        tracing::info!(words, "the daemon stops");
        self.supervisor.let_end();
        let (stopped, all_ended) = oneshot::channel();
        if self.actors.scheduler.offer(Stop(stopped)).is_ok()
            && tokio::time::timeout(STOP_TASKS_MAX, all_ended).await.is_err()
        {
            tracing::warn!("some tasks did not end in time; nothing of them takes effect");
        }
        if self.actors.connections.offer(CloseAll(words.to_owned())).is_err() {
            tracing::warn!("clients could not be told");
        }
        let log = self.log.clone();
        if !matches!(spawn_blocking(move || log.flush()).await, Ok(Ok(()))) {
            tracing::error!("the log had ended before it could be flushed");
        }
        let (drained, all_sent) = oneshot::channel();
        if self.actors.publisher.offer(Drain(drained)).is_ok() {
            // Without an answer the last words are lost, and nothing else.
            tokio::time::timeout(STOP_TASKS_MAX, all_sent).await.ok();
        }
        if self.checkpointer.file.is_some() {
            self.checkpointer.dump().await;
        }
        drop(self.sockets);
        let log = self.log;
        if spawn_blocking(move || log.close()).await.is_err() {
            tracing::error!("the log did not close");
        }
    }
}

impl Actors {
    fn start(
        config: &Config,
        supervisor: &Supervisor,
        wires: &Wires,
        ground: &Ground,
        lifecycle: mpsc::Sender<Request>,
    ) -> Result<Actors, DaemonError> {
        let publisher = start_publisher(supervisor, wires, ground.epoch);
        let place = Arc::new(OnceLock::new());
        let scheduler = start_scheduler(config, supervisor, wires, ground, lifecycle, &place)?;
        let parts = ConnectionParts {
            outside: ground.outside.clone(),
            world: ground.world.clone(),
            outlet: wires.outlet.clone(),
            sender: wires.sender.clone(),
            scheduler: scheduler.clone(),
            publisher: publisher.clone(),
            keys: wires.keys.clone(),
            epoch: ground.epoch,
        };
        let spec = irreplaceable("connections");
        let connections = start_actor(supervisor, spec, CONNECTION_GATE_MAX, move |guard| {
            ConnectionActor::new(parts.clone(), guard)
        });
        place.get_or_init(|| connections.clone());
        Ok(Actors {
            publisher,
            scheduler,
            connections,
        })
    }
}

/// Starts the log, which takes note of this start before anything else.
fn start_log(config: &Config, booted: &Booted, wires: &Wires) -> Result<Log, DaemonError> {
    let durability = match config.database.durability {
        Durability::Relaxed => moo_db::Durability::Relaxed,
        Durability::Strict => moo_db::Durability::Strict,
    };
    let (outlet, written) = (wires.outlet.clone(), wires.written.clone());
    wires.written.store(booted.root.stamp, Ordering::Release);
    let log = booted
        .store
        .log(&booted.root, durability, move |event| match event {
            LogEvent::Written(stamp) => {
                written.store(stamp, Ordering::Release);
                outlet.ring();
            }
            LogEvent::DiskFull => {
                tracing::error!(
                    "the disk is full: nothing is answered until there is room in the data folder"
                );
            }
            LogEvent::Writable => tracing::info!("there is room on the disk again"),
            LogEvent::Failed(why) => {
                tracing::error!(why, "the store has failed; the daemon ends");
                std::process::exit(i32::from(exit::UNAVAILABLE));
            }
        });
    log.put_rows(boot::start_rows(booted.epoch, booted.first_task))
        .map_err(unavailable)?;
    log.flush().map_err(unavailable)?;
    Ok(log)
}

/// Opens the daemon to hosts and operators.
fn serve_hosts(
    config: &Config,
    options: &Options,
    supervisor: &Supervisor,
    wires: &Wires,
    ground: &Ground,
    actors: &Actors,
) -> Result<(), DaemonError> {
    let host = HostParts {
        sender: wires.sender.clone(),
        keys: wires.keys.clone(),
        epoch: ground.epoch,
        linger_s: config.sessions.linger_s,
        publisher: actors.publisher.clone(),
        connections: actors.connections.clone(),
        outside: ground.outside.clone(),
        now: wall,
    };
    let gateway = start_gateway(supervisor, host);
    start_health(supervisor, wires, ground.epoch, &gateway, &actors.publisher);
    let admin = Admin {
        world: ground.world.clone(),
        gateway: gateway.clone(),
        connections: actors.connections.clone(),
        scheduler: actors.scheduler.clone(),
        epoch: ground.epoch,
        started: Instant::now(),
    };
    admin
        .listen(&options.run_dir.join("admin.sock"))
        .map_err(unavailable)?;
    wires.gateway.get_or_init(|| gateway);
    Ok(())
}

fn load_options(world: &Arc<World>, outside: &Outside) {
    let mut tx = Transaction::begin(world, Box::default());
    outside.set_options(ServerOptions::load(
        &mut tx,
        builtins::all().map(|builtin| builtin.name),
    ));
}

fn start_publisher(supervisor: &Supervisor, wires: &Wires, epoch: u32) -> Gate<PublisherActor> {
    let parts = PublisherParts {
        sender: wires.sender.clone(),
        outlet: wires.outlet.clone(),
        written: wires.written.clone(),
        epoch,
        now: wall,
    };
    let gate = start_actor(
        supervisor,
        irreplaceable("publisher"),
        PUBLISHER_GATE_MAX,
        move |guard| PublisherActor::new(parts.clone(), guard),
    );
    let bell = gate.clone();
    wires.outlet.set_bell(move || {
        if bell.offer(Look).is_err() {
            tracing::error!("the publisher takes no messages");
        }
    });
    gate
}

fn start_scheduler(
    config: &Config,
    supervisor: &Supervisor,
    wires: &Wires,
    ground: &Ground,
    lifecycle: mpsc::Sender<Request>,
    connections: &Arc<OnceLock<Gate<ConnectionActor>>>,
) -> Result<Gate<SchedulerActor>, DaemonError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let count = match config.tasks.executors {
        0 => cores.max(2),
        count => count,
    };
    let workshop = Workshop {
        world: ground.world.clone(),
        outside: ground.outside.clone(),
        outlet: wires.outlet.clone(),
        attempts_max: config.tasks.attempts_max,
        bytes_max: TASK_BYTES_MAX,
        store: config.data.join("db"),
    };
    let bell: Arc<OnceLock<Gate<SchedulerActor>>> = Arc::default();
    let ring = bell.clone();
    let executors = Executors::start(count, workshop, move || {
        if ring
            .get()
            .is_none_or(|scheduler| scheduler.offer(TakeReports).is_err())
        {
            tracing::error!("the scheduler takes no reports");
        }
    })
    .map_err(unavailable)?;
    let parts = SchedulerParts {
        outside: ground.outside.clone(),
        world: ground.world.clone(),
        executors: Arc::new(executors),
        slots: count * SLOTS_PER_EXECUTOR,
        lifecycle,
        connections: connections.clone(),
    };
    let gate = start_actor(
        supervisor,
        irreplaceable("scheduler"),
        SCHEDULER_GATE_MAX,
        move |guard| SchedulerActor::new(parts.clone(), guard),
    );
    bell.get_or_init(|| gate.clone());
    Ok(gate)
}

fn start_gateway(supervisor: &Supervisor, host: HostParts) -> Gate<GatewayActor> {
    let (parent, arbiter) = (supervisor.clone(), Arbiter::current());
    start_actor(
        supervisor,
        ChildSpec::permanent("gateway"),
        GATEWAY_GATE_MAX,
        move |guard| GatewayActor::new(host.clone(), parent.clone(), arbiter.clone(), guard),
    )
}

fn start_health(
    supervisor: &Supervisor,
    wires: &Wires,
    epoch: u32,
    gateway: &Gate<GatewayActor>,
    publisher: &Gate<PublisherActor>,
) {
    let parts = HealthParts {
        sender: wires.sender.clone(),
        epoch,
        gateway: gateway.clone(),
        publisher: publisher.clone(),
        now: wall,
    };
    // It takes no messages, so nobody needs a way to it.
    drop(
        supervisor.supervise(ChildSpec::permanent("health"), Arbiter::current(), move |guard| {
            HealthActor::new(parts.clone(), guard)
        }),
    );
}

/// What runs before the first input: the hooks of connections that the last server had, `server_started`, and the
/// tasks that waited.
fn begin_tasks(
    outside: &Outside,
    scheduler: &Gate<SchedulerActor>,
    tasks: Vec<snapshot::Restored>,
    lost_tasks: &[i64],
    connected: &[(Obj, Obj)],
) {
    let disconnected = connected.iter().map(|&(player, listener)| {
        let job = hook(
            outside,
            listener,
            "user_disconnected",
            player,
            vec![Value::obj(player)],
        );
        Job {
            rows: vec![connected_row(player, None)],
            ..job
        }
    });
    let started = hook(outside, Obj::SYSTEM, "server_started", Obj::NOTHING, Vec::new());
    let started = Job {
        rows: lost_tasks.iter().map(|&id| snapshot::gone(id)).collect(),
        ..started
    };
    let jobs = disconnected.chain([started]).map(unasked).collect();
    let taken = scheduler
        .offer(Submit(jobs))
        .and_then(|()| scheduler.offer(Restore(tasks)));
    if taken.is_err() {
        tracing::error!("the scheduler takes no tasks");
    }
}
