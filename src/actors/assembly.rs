//! The parts of the daemon put together: the ways between threads, the log, and every actor with what it needs.
//!
//! Invariant: a part is started after everything that it sends to, or is given a place that is filled before anything
//! can come through it.

use super::DaemonError;
use super::admin::Admin;
use super::boot::{self, Booted};
use super::connection::{ConnectionActor, ConnectionParts};
use super::doors;
use super::enrollment::{EnrollmentActor, EnrollmentDesk};
use super::executor::{Executors, Workshop};
use super::gateway::{Burst, GatewayActor};
use super::health::{HealthActor, HealthParts};
use super::host_session::HostParts;
use super::job_broker::{self, BrokerParts, Desk, JobBroker};
use super::keyring::{KeyDesk, Keys};
use super::lifecycle::{Options, Request, unavailable, wall};
use super::meters::Meters;
use super::outlet::{Answer, Outlet, Past};
use super::publisher::{Look, PublisherActor, PublisherParts};
use super::room::Room;
use super::scheduler::{SchedulerActor, SchedulerParts, TakeReports};
use super::taps::Taps;
use super::worker::{WorkerActor, WorkerParts};
use crate::actors::kit::exit;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::{ChildSpec, ExitGuard, Supervisor};
use crate::config::{Config, Durability};
use crate::fault;
use crate::gateway::{Inbound, Network, ServerEndpoints, ServerSender, ServerSide};
use crate::limits::{
    CONNECTION_GATE_MAX, ENROLLMENT_GATE_MAX, GATEWAY_GATE_MAX, LANES_FULL, PUBLISHER_GATE_MAX,
    SCHEDULER_GATE_MAX, SLOTS, SLOTS_PER_EXECUTOR, TASK_BYTES_MAX, WORKER_GATE_MAX,
};
use crate::protocol::enroll::Roll;
use crate::protocol::machine::outbox::Outbox;
use crate::protocol::token::Revocations;
use actix::{Actor, Arbiter, Context};
use moo_db::{Event as LogEvent, Log, Store};
use moo_model::ledger::Relation;
use moo_model::world::{Transaction, World};
use moo_tasks::outside::Outside;
use moo_vm::builtins;
use moo_vm::options::ServerOptions;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::{Notify, mpsc};

/// What all actors stand on.
pub(super) struct Ground {
    pub world: Arc<World>,
    pub store: Arc<Store>,
    pub outside: Arc<Outside>,
    pub epoch: u32,
}

/// The ways to the actors that know the world.
pub(super) struct Actors {
    pub past: Past,
    pub publisher: Gate<PublisherActor>,
    pub scheduler: Gate<SchedulerActor>,
    pub workers: Gate<WorkerActor>,
    pub connections: Gate<ConnectionActor>,
    pub jobs: Gate<JobBroker>,
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
pub(super) struct Wires {
    outlet: Arc<Outlet>,
    jobs: Arc<Desk>,
    taps: Arc<Taps>,
    written: Arc<AtomicU64>,
    meters: Arc<Meters>,
    gateway: Arc<OnceLock<Gate<GatewayActor>>>,
    workers: Arc<OnceLock<Gate<WorkerActor>>>,
    /// Who was enrolled, for the workers' end.
    desk: Arc<OnceLock<EnrollmentDesk>>,
    scheduler: Arc<OnceLock<Gate<SchedulerActor>>>,
    /// Rung when a program wants anonymous objects collected.
    pub collector: Arc<Notify>,
    pub sender: ServerSender,
    pub sockets: ServerSide,
    pub keys: Arc<Keys>,
    /// How other machines are served, if they are.
    network: Option<Network>,
    /// Who of them may come, and who has.
    roll: Roll,
}

impl Wires {
    /// Opens the sockets of a daemon whose clients have not accepted yet what is in the outbox.
    pub fn new(
        config: &Config,
        options: &Options,
        booted: &Booted,
        outbox: Outbox<Answer>,
    ) -> Result<Wires, DaemonError> {
        let stored: Vec<_> = booted.store.rows(Relation::Auth).collect::<Result<_, _>>()?;
        let revocations = Revocations::load(stored.into_iter(), wall());
        let keys = Arc::new(Keys::open(&config.data.join("keys"), revocations, wall)?);
        let ipc = |name: &str| format!("ipc://{}", options.run_dir.join(name).display());
        let endpoints = ServerEndpoints {
            rpc: ipc("rpc.sock"),
            events: ipc("events.sock"),
            workers: ipc("workers.sock"),
            network: doors::network(config)?,
        };
        let written: Arc<AtomicU64> = Arc::default();
        let jobs = job_broker::open(booted, &config.jobs, wall, &written)?;
        let network = endpoints.network.clone();
        let stored: Vec<_> = booted.store.rows(Relation::Enrolled).collect::<Result<_, _>>()?;
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
            taps: Arc::default(),
            outlet: Arc::new(Outlet::new(outbox, booted.epoch, wall)),
            written,
            meters: Arc::default(),
            jobs,
            gateway,
            workers: Arc::default(),
            desk: Arc::default(),
            scheduler: Arc::default(),
            collector: Arc::default(),
            sender,
            sockets,
            keys,
            network,
            roll: Roll::load(stored.into_iter()),
        })
    }
}

impl Actors {
    pub fn start(
        config: &Config,
        supervisor: &Supervisor,
        wires: &Wires,
        ground: &Ground,
        lifecycle: mpsc::Sender<Request>,
    ) -> Result<Actors, DaemonError> {
        wires
            .outlet
            .start_committing(ground.world.clone())
            .map_err(unavailable)?;
        let past = Past::start(ground.store.clone(), wires.outlet.clone(), wires.sender.clone())
            .map_err(unavailable)?;
        let publisher = start_publisher(supervisor, wires, ground.epoch, past.clone());
        let place = Arc::new(OnceLock::new());
        let scheduler = start_scheduler(config, supervisor, wires, ground, lifecycle, &place)?;
        let workers = start_workers(supervisor, wires, ground, &scheduler);
        let parts = ConnectionParts {
            outside: ground.outside.clone(),
            world: ground.world.clone(),
            outlet: wires.outlet.clone(),
            sender: wires.sender.clone(),
            desk: wires.jobs.clone(),
            scheduler: scheduler.clone(),
            past: past.clone(),
            keys: wires.keys.clone(),
            linger_s: config.sessions.linger_s,
            login_timeout_s: i64::from(config.telnet.login_timeout_s),
            epoch: ground.epoch,
        };
        let spec = irreplaceable("connections");
        let connections = start_actor(supervisor, spec, CONNECTION_GATE_MAX, move |guard| {
            ConnectionActor::new(parts.clone(), guard)
        });
        place.get_or_init(|| connections.clone());
        let jobs = job_broker::start(
            supervisor,
            BrokerParts {
                desk: wires.jobs.clone(),
                outlet: wires.outlet.clone(),
                scheduler: scheduler.clone(),
                outside: ground.outside.clone(),
                sender: wires.sender.clone(),
                epoch: ground.epoch,
                world: ground.world.clone(),
                world_taker: job_broker::world_taker(&config.jobs),
            },
        );
        job_broker::connect(&config.jobs, &wires.jobs, &wires.outlet).map_err(unavailable)?;
        Ok(Actors {
            past,
            publisher,
            scheduler,
            workers,
            connections,
            jobs,
        })
    }
}

/// Starts the log, which takes note of this start before anything else.
pub(super) fn start_log(
    config: &Config,
    booted: &Booted,
    wires: &Wires,
    outside: &Arc<Outside>,
) -> Result<Log, DaemonError> {
    let durability = match config.database.durability {
        Durability::Relaxed => moo_db::Durability::Relaxed,
        Durability::Strict => moo_db::Durability::Strict,
    };
    let (outlet, written) = (wires.outlet.clone(), wires.written.clone());
    let (meters, jobs) = (wires.meters.clone(), wires.jobs.clone());
    let room = Room {
        outside: outside.clone(),
        scheduler: wires.scheduler.clone(),
        sender: wires.sender.clone(),
        epoch: booted.epoch,
    };
    wires.written.store(booted.root.stamp, Ordering::Release);
    let log = booted
        .store
        .log(&booted.root, durability, move |event| match event {
            LogEvent::Written(stamp) => {
                fault::point("commit.after_wal");
                written.store(stamp, Ordering::Release);
                jobs.log_moved();
                meters.written(stamp);
                outlet.ring();
            }
            LogEvent::DiskFull => room.is_short(),
            LogEvent::Writable => room.is_back(),
            LogEvent::Failed(why) => {
                tracing::error!(why, "the store has failed; the daemon ends");
                // Not a code that is final: the next daemon finds in the log whatever was announced as written.
                std::process::exit(i32::from(exit::INTERNAL));
            }
        });
    log.put_rows(boot::start_rows(booted)).map_err(unavailable)?;
    log.flush().map(|()| log).map_err(unavailable)
}

/// Opens the daemon to hosts and operators.
pub(super) fn serve_hosts(
    config: &Config,
    options: &Options,
    supervisor: &Supervisor,
    wires: &Wires,
    ground: &Ground,
    actors: &Actors,
    log: &Log,
) -> Result<Gate<GatewayActor>, DaemonError> {
    let host = HostParts {
        sender: wires.sender.clone(),
        keys: wires.keys.clone(),
        epoch: ground.epoch,
        linger_s: config.sessions.linger_s,
        outlet: wires.outlet.clone(),
        publisher: actors.publisher.clone(),
        connections: actors.connections.clone(),
        jobs: actors.jobs.clone(),
        outside: ground.outside.clone(),
        now: wall,
        admin: Arc::default(),
    };
    let enrollment = enrollment_desk(wires, log);
    wires.desk.get_or_init(|| enrollment.clone());
    let asked_by_hosts = host.admin.clone();
    let gateway = start_gateway(supervisor, host, &enrollment, &actors.workers);
    start_health(supervisor, wires, ground.epoch, &gateway, actors);
    let admin = Admin {
        store: ground.store.clone(),
        key_file: config.data.join("keys"),
        world: ground.world.clone(),
        gateway: gateway.clone(),
        workers: actors.workers.clone(),
        connections: actors.connections.clone(),
        scheduler: actors.scheduler.clone(),
        epoch: ground.epoch,
        started: Instant::now(),
        keys: KeyDesk {
            keys: wires.keys.clone(),
            log: log.clone(),
            sender: wires.sender.clone(),
            epoch: ground.epoch,
            connections: actors.connections.clone(),
            gateway: gateway.clone(),
            workers: actors.workers.clone(),
        },
        enrollment,
        desk: wires.jobs.clone(),
        outlet: wires.outlet.clone(),
        taps: wires.taps.clone(),
        outside: ground.outside.clone(),
        publisher: actors.publisher.clone(),
        supervisor: supervisor.clone(),
        meters: wires.meters.clone(),
        written: wires.written.clone(),
        database: config.data.join("db"),
    };
    asked_by_hosts.get_or_init(|| admin.clone());
    admin
        .listen(&options.run_dir.join("admin.sock"))
        .map_err(unavailable)?;
    wires.gateway.get_or_init(|| gateway.clone());
    Ok(gateway)
}

pub(super) fn load_options(world: &Arc<World>, outside: &Outside) {
    let mut tx = Transaction::begin(world, Box::default());
    outside.set_options(ServerOptions::load(
        &mut tx,
        builtins::all().map(|builtin| builtin.name),
    ));
}

fn start_publisher(supervisor: &Supervisor, wires: &Wires, epoch: u32, past: Past) -> Gate<PublisherActor> {
    let parts = PublisherParts {
        sender: wires.sender.clone(),
        outlet: wires.outlet.clone(),
        taps: wires.taps.clone(),
        past,
        workers: wires.workers.clone(),
        written: wires.written.clone(),
        epoch,
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
    let asked = config.tasks.executors;
    let count = if asked == 0 { cores.max(2) } else { asked };
    let workshop = Workshop {
        world: ground.world.clone(),
        outside: ground.outside.clone(),
        outlet: wires.outlet.clone(),
        desk: wires.jobs.clone(),
        keys: wires.keys.clone(),
        attempts_max: config.tasks.attempts_max,
        bytes_max: TASK_BYTES_MAX,
        store: config.data.join("db"),
        meters: wires.meters.clone(),
    };
    let ring = wires.scheduler.clone();
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
        slots: SLOTS.max(LANES_FULL * count * SLOTS_PER_EXECUTOR),
        lane_slots: count * SLOTS_PER_EXECUTOR,
        collector: wires.collector.clone(),
        lifecycle,
        connections: connections.clone(),
        workers: wires.workers.clone(),
    };
    let gate = start_actor(
        supervisor,
        irreplaceable("scheduler"),
        SCHEDULER_GATE_MAX,
        move |guard| SchedulerActor::new(parts.clone(), guard),
    );
    wires.scheduler.get_or_init(|| gate.clone());
    Ok(gate)
}

fn start_workers(
    supervisor: &Supervisor,
    wires: &Wires,
    ground: &Ground,
    scheduler: &Gate<SchedulerActor>,
) -> Gate<WorkerActor> {
    let parts = WorkerParts {
        sender: wires.sender.clone(),
        keys: wires.keys.clone(),
        desk: wires.desk.clone(),
        epoch: ground.epoch,
        scheduler: scheduler.clone(),
        outside: ground.outside.clone(),
    };
    let spec = ChildSpec::permanent("workers");
    let gate = start_actor(supervisor, spec, WORKER_GATE_MAX, move |guard| {
        WorkerActor::new(parts.clone(), guard)
    });
    wires.workers.get_or_init(|| gate.clone());
    gate
}

fn enrollment_desk(wires: &Wires, log: &Log) -> EnrollmentDesk {
    let network = wires.network.as_ref();
    let public_key = network.filter(|network| network.enroll.is_some());
    EnrollmentDesk::new(
        wires.roll.clone(),
        network
            .map(|network| network.admitted.clone())
            .unwrap_or_default(),
        wires.keys.clone(),
        log.clone(),
        wires.sender.clone(),
        public_key.map(|network| network.keys.public),
    )
}

fn start_gateway(
    supervisor: &Supervisor,
    host: HostParts,
    enrollment: &EnrollmentDesk,
    workers: &Gate<WorkerActor>,
) -> Gate<GatewayActor> {
    let (parent, arbiter) = (supervisor.clone(), Arbiter::current());
    let desk = enrollment.clone();
    let spec = ChildSpec::permanent("enrollment");
    let clerk = start_actor(supervisor, spec, ENROLLMENT_GATE_MAX, move |guard| {
        EnrollmentActor::new(desk.clone(), guard)
    });
    let (desk, workers) = (enrollment.clone(), workers.clone());
    start_actor(
        supervisor,
        ChildSpec::permanent("gateway"),
        GATEWAY_GATE_MAX,
        move |guard| {
            let (enrollment, place) = ((desk.clone(), clerk.clone()), (parent.clone(), arbiter.clone()));
            GatewayActor::new(host.clone(), enrollment, workers.clone(), place, guard)
        },
    )
}

fn start_health(
    supervisor: &Supervisor,
    wires: &Wires,
    epoch: u32,
    gateway: &Gate<GatewayActor>,
    actors: &Actors,
) {
    let parts = HealthParts {
        sender: wires.sender.clone(),
        epoch,
        gateway: gateway.clone(),
        workers: actors.workers.clone(),
        publisher: actors.publisher.clone(),
        meters: wires.meters.clone(),
        now: wall,
    };
    // It takes no messages, so nobody needs a way to it.
    drop(
        supervisor.supervise(ChildSpec::permanent("health"), Arbiter::current(), move |guard| {
            HealthActor::new(parts.clone(), guard)
        }),
    );
}
