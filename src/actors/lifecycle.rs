//! The daemon's life: start everything in order, serve, and stop everything in the opposite order.
//!
//! Start: lock, store, world, log, executors, publisher, scheduler, connections, gateway, sockets, hooks, ready. Stop:
//! no new tasks, the log on the disk, clients told, a last dump, the log closed. Invariant: whatever was answered is in
//! the log before the process ends.

use super::DaemonError;
use super::assembly::{Actors, Ground, Wires, load_options, serve_hosts, start_log};
use super::beginning::{begin_tasks, run_hook};
use super::boot::{self, Booted};
use super::checkpointer::{self, Checkpointer};
use super::collector::Collector;
use super::connection::{CloseAll, Drain as DrainConnections, HostGone};
use super::errand::{hook, unasked};
use super::gateway::{GatewayActor, TurnAway};
use super::keyring::{Keys, KeysError, LOCAL_KEY};
use super::publisher::Drain;
use super::scheduler::{Stop, Submit};
use super::worker::WorkerEnded;
use crate::actors::kit::child_link::{ChildLink, Order, Upbringing};
use crate::actors::kit::exit;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::stall;
use crate::actors::kit::supervisor::Supervisor;
use crate::config::Config;
use crate::fault;
use crate::gateway::{ServerSender, ServerSide};
use crate::limits::{
    CONNECTION_IDS_RESERVED, DUMP_INTERVAL_DEFAULT_S, DUMP_INTERVAL_MIN_S, HOUSEKEEPING, LIFECYCLE_QUEUE_MAX,
    STOP_TASKS_MAX, TASK_IDS_RESERVED,
};
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent};
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::control::{ChildReady, WORKER_NAME};
use crate::protocol::worker::WORKER_KIND;
use crate::protocol::{HostId, Wall, WorkerId};
use moo_db::Log;
use moo_model::ledger::Row;
use moo_model::world::{CommitRecord, Sink, Stamp, Transaction, World};
use moo_model::{Obj, Symbol, Value};
use moo_tasks::outside::Outside;
use std::path::PathBuf;
use std::sync::Arc;
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
    /// Whether to go on without the tasks that another version of the server has compiled.
    pub drop_tasks: bool,
    /// What becomes of it without a supervisor.
    pub upbringing: Upbringing,
}

const STOPPED: &str = "*** Shutting down: the server was asked to stop ***";

/// The time of day.
pub fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Runs the daemon until it is told to stop. Must be called on the main arbiter.
pub async fn run(config: &Config, options: Options) -> Result<(), DaemonError> {
    let (link, orders) = ChildLink::connect(&options.run_dir, "daemon", options.upbringing)
        .await
        .map_err(unavailable)?;
    let (data, import, progress) = (config.data.clone(), options.import.clone(), link.clone());
    let bounded = config.database.memory.0.is_some();
    let drop_tasks = options.drop_tasks;
    let booted = spawn_blocking(move || {
        boot::boot(&data, import.as_deref(), bounded, drop_tasks, &mut |what| {
            progress.progress(what)
        })
    })
    .await
    .map_err(|error| DaemonError {
        code: exit::INTERNAL,
        message: error.to_string(),
    })??;
    let _alarm = stall::watch_here("main").map_err(unavailable)?;
    let daemon = Daemon::start(config, &options, booted).await?;
    link.ready(ChildReady {
        addresses: Vec::new(),
        notes: daemon.notes.clone(),
    });
    daemon.serve(link, orders).await
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> DaemonError {
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
    sender: ServerSender,
    checkpointer: Checkpointer,
    requests: mpsc::Receiver<Request>,
    supervisor: Supervisor,
    gateway: Gate<GatewayActor>,
    task_ids_below: i64,
    conn_ids_to: u64,
    notes: Vec<String>,
}

/// The way to the log, where tests may have the daemon die with a commit in its hands.
struct FaultySink(Box<dyn Sink>);

impl Sink for FaultySink {
    fn wait_for_room(&self) {
        self.0.wait_for_room();
    }

    fn accept(&self, record: CommitRecord) {
        fault::point("commit.before_wal");
        self.0.accept(record);
    }

    fn wake(&self) {
        self.0.wake();
    }

    fn written(&self) -> Stamp {
        self.0.written()
    }
}

impl Daemon {
    async fn start(config: &Config, options: &Options, mut booted: Booted) -> Result<Daemon, DaemonError> {
        let supervisor = Supervisor::start(|child| {
            tracing::error!(actor = child.name, "an actor of the daemon cannot be kept alive");
            std::process::exit(i32::from(exit::INTERNAL));
        });
        let outbox = std::mem::take(&mut booted.outbox);
        let wires = Wires::new(config, options, &booted, outbox)?;
        let outside = Arc::new(Outside::new(booted.first_task, booted.last_conn));
        let log = start_log(config, &booted, &wires, &outside)?;
        let sink = Box::new(FaultySink(log.sink()));
        let world = match config.database.memory.0 {
            Some(bytes_max) => World::bounded(booted.root, sink, bytes_max),
            None => World::new(booted.root, sink),
        };
        load_options(&world, &outside);
        let ground = Ground {
            world,
            store: Arc::new(booted.store),
            outside,
            epoch: booted.epoch,
        };
        let (lifecycle, requests) = mpsc::channel(LIFECYCLE_QUEUE_MAX);
        let actors = Actors::start(config, &supervisor, &wires, &ground, lifecycle)?;
        begin_tasks(
            &ground.outside,
            &actors,
            booted.tasks,
            &booted.lost_tasks,
            booted.connected.returned,
            booted.connected.departed,
        )
        .await;
        let collector = Collector {
            world: ground.world.clone(),
            outside: ground.outside.clone(),
            scheduler: actors.scheduler.clone(),
            wanted: wires.collector.clone(),
        };
        actix::spawn(collector.run());
        let gateway = serve_hosts(config, options, &supervisor, &wires, &ground, &actors, &log)?;
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
            sender: wires.sender,
            requests,
            supervisor,
            gateway,
            task_ids_below: booted.first_task + TASK_IDS_RESERVED,
            conn_ids_to: booted.last_conn + CONNECTION_IDS_RESERVED,
            notes: booted.notes,
        })
    }

    async fn serve(mut self, link: ChildLink, mut orders: mpsc::Receiver<Order>) -> Result<(), DaemonError> {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        let mut last_dump = Instant::now();
        let (dumped, mut dumps) = mpsc::channel::<bool>(1);
        let (mut is_dumping, mut dump_again) = (false, false);
        let (words, keep_clients) = loop {
            let wants_dump = tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Stop { keep_clients }) => break (STOPPED.to_owned(), keep_clients),
                    None => break (STOPPED.to_owned(), false),
                    Some(Order::MintHostToken { request, host }) => {
                        let token = match host.starts_with(WORKER_NAME) {
                            true => self.keys.worker_token(WorkerId::named(&host), WORKER_KIND, LOCAL_KEY).0,
                            false => self.keys.host_token(HostId::named(&host), &host, LOCAL_KEY),
                        };
                        link.minted(request, Ok(token));
                        false
                    }
                    Some(Order::HostEnded { host }) => {
                        self.host_ended(&host);
                        false
                    }
                    Some(Order::HostToken(_)) => false,
                },
                Some(request) = self.requests.recv() => match request {
                    Request::Shutdown(words) => break (words, false),
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
                let (checkpointer, dumped) = (self.checkpointer.clone(), dumped.clone());
                let scheduler = self.actors.scheduler.clone();
                let started = hook(
                    &self.ground.outside,
                    Obj::SYSTEM,
                    "checkpoint_started",
                    Obj::NOTHING,
                    Vec::new(),
                );
                actix::spawn(async move {
                    // The dump shows what the hook did.
                    run_hook(&scheduler, started).await;
                    // Nobody listens any more when the daemon is about to end, which dumps by itself.
                    dumped.send(checkpointer.dump().await).await.ok();
                });
            }
        };
        if is_dumping {
            // The dump at the end writes the same file.
            dumps.recv().await;
        }
        self.stop(&words, keep_clients).await;
        Ok(())
    }

    /// The process of a host has ended: its connections linger. What a worker had is given to another or has failed.
    fn host_ended(&self, host: &str) {
        if host.starts_with(WORKER_NAME) {
            if self
                .actors
                .workers
                .offer(WorkerEnded(WorkerId::named(host)))
                .is_err()
            {
                tracing::warn!(worker = host, "the end of a worker is noticed later");
            }
            return;
        }
        if self
            .actors
            .connections
            .offer(HostGone(HostId::named(host)))
            .is_err()
        {
            tracing::warn!(
                host,
                "the connections of a host that ended were not told; its successor tells them"
            );
        }
    }

    fn run_hook(&self, verb: &'static str, args: Vec<Value>) {
        let job = hook(&self.ground.outside, Obj::SYSTEM, verb, Obj::NOTHING, args);
        if self.actors.scheduler.offer(Submit(vec![unasked(job)])).is_err() {
            tracing::warn!(verb, "a hook of the server could not be run");
        }
    }

    fn keep_ids_reserved(&mut self) {
        let mut rows = Vec::new();
        if self.ground.outside.ids.peek() + TASK_IDS_RESERVED / 2 > self.task_ids_below {
            self.task_ids_below += TASK_IDS_RESERVED;
            rows.push(boot::task_ids_row(self.task_ids_below));
        }
        if self.ground.outside.connections.last() + CONNECTION_IDS_RESERVED / 2 > self.conn_ids_to {
            self.conn_ids_to += CONNECTION_IDS_RESERVED;
            rows.push(boot::last_conn_row(self.conn_ids_to));
        }
        if !rows.is_empty() && self.log.put_rows(rows).is_err() {
            tracing::error!("numbers could not be reserved: the log has ended");
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

    /// Stops in order. Tasks that do not end in time are left uncommitted, and commands among them are driven again by
    /// the next daemon. Clients that are kept wait for that with their hosts; the others are told and closed.
    async fn stop(self, words: &str, keep_clients: bool) {
        tracing::info!(words, keep_clients, "the daemon stops");
        self.supervisor.let_end();
        if keep_clients {
            self.turn_hosts_away();
        }
        let (stopped, all_ended) = oneshot::channel();
        if self.actors.scheduler.offer(Stop(stopped)).is_ok()
            && tokio::time::timeout(STOP_TASKS_MAX, all_ended).await.is_err()
        {
            tracing::warn!("some tasks did not end in time; nothing of them takes effect");
        }
        let mut rows = vec![boot::last_conn_row(self.ground.outside.connections.last())];
        if !keep_clients {
            rows.extend(self.close_clients(words).await);
        }
        let log = self.log.clone();
        let write = move || log.put_rows(rows).is_ok() && log.flush().is_ok();
        if !matches!(spawn_blocking(write).await, Ok(true)) {
            tracing::error!("the log had ended before it could be flushed");
        }
        let (drained, all_sent) = oneshot::channel();
        if self.actors.publisher.offer(Drain(drained)).is_ok() {
            // Without an answer the last words are lost, and nothing else.
            tokio::time::timeout(STOP_TASKS_MAX, all_sent).await.ok();
        }
        // Whoever restarts the daemon alone waits for the next one, not for a dump.
        if self.checkpointer.file.is_some() && !keep_clients {
            self.checkpointer.dump().await;
        }
        drop(self.sockets);
        let (log, past) = (self.log, self.actors.past);
        let close = move || {
            past.close();
            log.close();
        };
        if spawn_blocking(close).await.is_err() {
            tracing::error!("the log did not close");
        }
    }

    /// From now on hosts keep what their clients type for the next daemon.
    fn turn_hosts_away(&self) {
        let envelope = Envelope {
            epoch: self.ground.epoch,
            ..Envelope::default()
        };
        let back_in_ms = u32::try_from(STOP_TASKS_MAX.as_millis()).unwrap_or(u32::MAX);
        let told =
            self.gateway.offer(TurnAway).is_ok() && self.actors.connections.offer(DrainConnections).is_ok();
        let sent = encode(&envelope, &HostBroadcastEvent::Draining { back_in_ms })
            .map(|frame| self.sender.publish(HOST_BROADCAST_TOPIC, frame));
        if !told || !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("hosts could not be told that this daemon ends; they find out");
        }
    }

    /// Tells all clients the last words. Gives the rows that have their hooks run at the next start.
    async fn close_clients(&self, words: &str) -> Vec<Row> {
        let (closed, rows) = oneshot::channel();
        if self
            .actors
            .connections
            .offer(CloseAll(words.to_owned(), closed))
            .is_err()
        {
            tracing::warn!("clients could not be told");
        }
        rows.await.unwrap_or_default()
    }
}
