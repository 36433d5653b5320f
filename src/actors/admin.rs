//! The daemon's end of `run/admin.sock`: one question, one answer.
//!
//! Invariant: an operator's program that hangs holds up nobody; it is hung up on after [`OPERATOR_TIMEOUT`], or
//! [`BACKUP_TIMEOUT`] where it has to wait for a backup.

use super::backup;
use super::connection::{ConnectionActor, CountClients, ListConnections};
use super::enrollment::{EnrollmentDesk, KINDS};
use super::figures;
use super::gateway::{GatewayActor, ListHosts};
use super::job_broker::{Desk, Step, What};
use super::keyring::{KeyDesk, LOCAL_KEY};
use super::meters::Meters;
use super::outlet::{After, Outlet};
use super::publisher::PublisherActor;
use super::scheduler::{CountTasks, SchedulerActor};
use super::taps::Taps;
use super::worker::{self, ListWorkers, WorkerActor};
use crate::actors::kit::child_link::{read_message, write_message};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::Supervisor;
use crate::jobs::JobError;
use crate::limits::{ADMIN_CONNECTIONS_MAX, BACKUP_TIMEOUT, OPERATOR_TIMEOUT};
use crate::protocol::admin::{AdminReply, AdminRequest, DaemonStatus, HostStatus};
use crate::protocol::broadcast::Subject;
use crate::protocol::hex::to_hex;
use crate::protocol::{HostId, JobId, WorkerId};
use moo_db::Store;
use moo_model::world::{Transaction, World};
use moo_tasks::outside::Outside;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const TOO_BUSY: &str = "the daemon is too busy or about to end; try again";

/// What the answers are made from.
#[derive(Clone)]
pub struct Admin {
    /// The world.
    pub world: Arc<World>,
    /// The hosts.
    pub gateway: Gate<GatewayActor>,
    /// The workers.
    pub workers: Gate<WorkerActor>,
    /// The connections.
    pub connections: Gate<ConnectionActor>,
    /// What a backup is a copy of.
    pub store: Arc<Store>,
    /// The file of the keys, which is part of a backup.
    pub key_file: PathBuf,
    /// The tasks.
    pub scheduler: Gate<SchedulerActor>,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// When it started.
    pub started: Instant,
    /// The keys and tokens.
    pub keys: KeyDesk,
    /// Who may come from other machines.
    pub enrollment: EnrollmentDesk,
    /// The job store.
    pub desk: Arc<Desk>,
    /// The events on their way to hosts.
    pub outlet: Arc<Outlet>,
    /// Who watches them.
    pub taps: Arc<Taps>,
    /// What surrounds the world: its connections among that.
    pub outside: Arc<Outside>,
    /// The publisher.
    pub publisher: Gate<PublisherActor>,
    /// The parent of all actors.
    pub supervisor: Supervisor,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// The last commit that is written.
    pub written: Arc<AtomicU64>,
    /// The folder of the database.
    pub database: PathBuf,
}

impl Admin {
    /// Listens on a socket, in place of one that a dead daemon left.
    pub fn listen(self, socket: &Path) -> io::Result<()> {
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(socket)?;
        actix::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let admin = self.clone();
                        actix::spawn(async move {
                            if let Err(error) = admin.serve(stream).await {
                                tracing::debug!(%error, "an operator was not answered");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "an operator could not connect");
                        tokio::time::sleep(crate::limits::ACCEPT_REST).await;
                    }
                }
            }
        });
        Ok(())
    }

    async fn serve(self, mut stream: UnixStream) -> io::Result<()> {
        let request = timeout(OPERATOR_TIMEOUT, read_message(&mut stream)).await??;
        if let AdminRequest::Tap(object) = request {
            return self.tap(object, stream).await;
        }
        let patience = match &request {
            AdminRequest::Backup(_) => BACKUP_TIMEOUT,
            _ => OPERATOR_TIMEOUT,
        };
        timeout(patience, self.answer(request, stream)).await?
    }

    async fn answer(self, request: AdminRequest, mut stream: UnixStream) -> io::Result<()> {
        let reply = match request {
            AdminRequest::Backup(folder) => self.backup(folder.into()).await,
            AdminRequest::Status => match self.status().await {
                Some(status) => AdminReply::Status(status),
                None => AdminReply::Refused(TOO_BUSY.to_owned()),
            },
            AdminRequest::Metrics => match self.status().await {
                Some(status) => AdminReply::Metrics(status.figures),
                None => AdminReply::Refused(TOO_BUSY.to_owned()),
            },
            AdminRequest::Profile => decided(|| Ok(AdminReply::Profile(figures::profile()))).await,
            AdminRequest::Conflicts => AdminReply::Conflicts(figures::conflicts(&self.outside)),
            AdminRequest::Tap(_) => AdminReply::Refused("a tap is a conversation of its own".to_owned()),
            AdminRequest::ListKeys => AdminReply::Keys(self.keys.list()),
            AdminRequest::RotateKeys { at_once } => {
                decided(move || Ok(AdminReply::Keys(self.keys.rotate(at_once)?))).await
            }
            AdminRequest::Revoke(subject) => match self.check_known(subject).await {
                Ok(()) => decided(move || self.revoke(subject)).await,
                Err(why) => AdminReply::Refused(why),
            },
            AdminRequest::Invite { kind, ttl_s } => {
                decided(move || Ok(AdminReply::Invitation(self.enrollment.invite(&kind, ttl_s)?))).await
            }
            AdminRequest::ListEnrolled => AdminReply::Enrolled(self.enrollment.list()),
            AdminRequest::Jobs { dead } => AdminReply::Jobs(self.desk.shown(dead)),
            AdminRequest::RetryJob(id) => self.bury(JobId(id), true),
            AdminRequest::DropJob(id) => self.bury(JobId(id), false),
            AdminRequest::WorkerToken { kind, name } => match worker::check_name(&kind, &name) {
                Ok(id) => AdminReply::Token(self.keys.keys.worker_token(id, &kind, LOCAL_KEY).0),
                Err(why) => AdminReply::Refused(why),
            },
        };
        write_message(&mut stream, &reply).await
    }

    /// Brings a job back that was given up, or forgets it.
    fn bury(&self, job: JobId, again: bool) -> AdminReply {
        match self.desk.bury(job, again) {
            Ok(()) => {
                let write = Step::new(&self.desk, What::Write);
                self.outlet.commit(After::Job(Box::new(write)));
                AdminReply::Done
            }
            Err(JobError::Unknown) => {
                let advice = "`moothallctl jobs dead` shows those that were given up";
                AdminReply::Refused(format!("no job {job} was given up; {advice}"))
            }
            Err(error) => AdminReply::Refused(error.to_string()),
        }
    }

    async fn backup(&self, folder: PathBuf) -> AdminReply {
        let (store, keys) = (self.store.clone(), self.key_file.clone());
        match spawn_blocking(move || backup::take(&store, &keys, &folder)).await {
            Ok(Ok(())) => AdminReply::Done,
            Ok(Err(error)) => AdminReply::Refused(error.to_string()),
            Err(error) => AdminReply::Refused(format!("the thread of the backup has failed: {error}")),
        }
    }

    /// A host of another machine is struck off first: it could else come back with its key alone. Its connections are
    /// ended last, after the words to its clients.
    fn revoke(&self, subject: Subject) -> Result<AdminReply, Box<dyn Error + Send + Sync>> {
        let is_expelled = match subject {
            Subject::Host(id) => self.enrollment.expel(id)?,
            Subject::Worker(id) => self.enrollment.expel(HostId(id.0))?,
            _ => false,
        };
        let revoked = self.keys.revoke(subject)?;
        if is_expelled {
            self.enrollment.cut();
        }
        Ok(AdminReply::Revoked {
            generation: revoked.generation,
            closed: revoked.connections,
            hosts: revoked.hosts,
        })
    }

    /// Fails, in words, for an id that nobody has: a mistyped one would else be taken for done. A token need not be known,
    /// since one that was stolen may have been shown to nobody yet.
    async fn check_known(&self, subject: Subject) -> Result<(), String> {
        const SEE: &str = "`moothallctl status` shows who is there";
        match subject {
            Subject::Client(id) => {
                let clients = self.outside.connections.all();
                let is_known = clients.iter().any(|conn| conn.client() == id.0);
                is_known
                    .then_some(())
                    .ok_or(format!("no client {id} is connected; {SEE}"))
            }
            Subject::Player(player) => {
                let mut tx = Transaction::begin(&self.world, Box::default());
                let is_known = tx.players().contains(&player.into());
                is_known
                    .then_some(())
                    .ok_or(format!("#{} is no player; {SEE}", player.0))
            }
            Subject::Host(id) => {
                let is_enrolled = self.enrollment.kind_of(id).is_some();
                let is_own = KINDS.iter().any(|kind| HostId::named(kind) == id);
                let is_known = is_enrolled || is_own || self.is_connected(id).await;
                let advice = "`moothallctl status` and `moothallctl enroll --list` show those that are";
                is_known
                    .then_some(())
                    .ok_or(format!("no host {id} is known; {advice}"))
            }
            Subject::Worker(id) => {
                let is_enrolled = self.enrollment.kind_of(HostId(id.0)).is_some();
                let is_known = is_enrolled || self.is_attached(id).await;
                is_known
                    .then_some(())
                    .ok_or(format!("no worker {id} is known; {SEE}"))
            }
            Subject::Token(_) => Ok(()),
        }
    }

    async fn is_attached(&self, id: WorkerId) -> bool {
        let (workers, listed) = oneshot::channel();
        let asked = self.workers.offer(ListWorkers(workers)).is_ok();
        let shown = id.to_string();
        asked
            && listed
                .await
                .is_ok_and(|work| work.workers.iter().any(|worker| worker.id == shown))
    }

    async fn is_connected(&self, id: HostId) -> bool {
        let (hosts, listed) = oneshot::channel();
        let asked = self.gateway.offer(ListHosts(hosts)).is_ok();
        asked
            && listed
                .await
                .is_ok_and(|hosts| hosts.iter().any(|host| host.id == id))
    }

    /// `None` when one of the actors has no time.
    pub async fn status(&self) -> Option<DaemonStatus> {
        let (tasks, counted) = oneshot::channel();
        let (workers, work) = oneshot::channel();
        let (hosts, listed) = oneshot::channel();
        let (clients, by_host) = oneshot::channel();
        let (connections, rows) = oneshot::channel();
        self.scheduler.offer(CountTasks(tasks)).ok()?;
        self.gateway.offer(ListHosts(hosts)).ok()?;
        self.workers.offer(ListWorkers(workers)).ok()?;
        self.connections.offer(CountClients(clients)).ok()?;
        self.connections
            .offer(ListConnections(ADMIN_CONNECTIONS_MAX, connections))
            .ok()?;
        let by_host = by_host.await.ok()?;
        let hosts = listed.await.ok()?.into_iter();
        let hosts: Vec<_> = hosts
            .map(|host| HostStatus {
                connections: by_host.get(&host.id).copied().unwrap_or_default(),
                kind: host.name,
                id: host.id.to_string(),
                state: host.state.to_owned(),
                token: host.token.map_or_else(String::new, |jti| to_hex(&jti)),
            })
            .collect();
        let (connections, connections_total) = rows.await.ok()?;
        let tasks = counted.await.ok()?;
        let objects = self.world.snapshot().entries().count() as u64;
        let mut status = DaemonStatus {
            epoch: self.epoch,
            uptime_s: self.started.elapsed().as_secs(),
            objects,
            tasks,
            figures: Vec::new(),
            hosts,
            work: work.await.ok()?,
            connections,
            connections_total,
        };
        status.figures = self.figures(&status).await;
        Some(status)
    }
}

/// Carries out a decision on a thread that may wait for the disk.
async fn decided(
    decide: impl FnOnce() -> Result<AdminReply, Box<dyn Error + Send + Sync>> + Send + 'static,
) -> AdminReply {
    match spawn_blocking(decide).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => AdminReply::Refused(error.to_string()),
        Err(error) => AdminReply::Refused(error.to_string()),
    }
}
