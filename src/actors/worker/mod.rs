//! `WorkerActor`: the daemon's end of all workers' conversations, which gives work out and brings answers to the tasks
//! that wait for them. Who does what is decided by [`Dispatch`].
//!
//! Parent: the supervisor. Bound: [`WORKER_GATE_MAX`](crate::limits::WORKER_GATE_MAX) messages. A restart loses which
//! workers are known and what each has: they attach again and name it, as after a restart of the daemon. Invariant: an
//! order is given out only after the commit that made its task wait is written; every order is answered to its task.

mod greeting;
mod hearing;
mod listing;

use super::enrollment::EnrollmentDesk;
use super::keyring::Keys;
use super::outlet::{After, Reply};
use super::scheduler::{SchedulerActor, Woken, Worked, WorkedTask};
use crate::actors::executor::wall_seconds;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::curve::Speaker;
use crate::gateway::{Claim, PeerId, ServerSender};
use crate::limits::{ORDER_LOST_AFTER, PING_PERIOD, WITHDRAWN_MAX, WORKER_TICK};
use crate::protocol::broadcast::{Subject, WORKER_BROADCAST_TOPIC, WORKER_JSON_TOPIC};
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::error::WorkerError;
use crate::protocol::header::FLAG_JSON;
use crate::protocol::host::DaemonDirect;
use crate::protocol::machine::dispatch::{Dispatch, Order, Output};
use crate::protocol::machine::health::{Health, Verdict};
use crate::protocol::worker::{
    DaemonToWorkerMessage, DaemonToWorkerReply, RetryClass, WorkerToDaemonMessage,
};
use crate::protocol::{Moment, ReqId, WireValue, WorkerId};
use actix::{Actor, AsyncContext, Context, Handler};
use moo_model::{Raised, Value};
use moo_tasks::board::Waiting;
use moo_tasks::outside::Outside;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

pub use greeting::check_name;
use hearing::raised;
pub use listing::ListWorkers;

/// Something that a worker has said.
pub struct Said {
    /// Where an answer goes.
    pub reply: Reply,
    /// Who sent it, by its key.
    pub speaker: Speaker,
    /// What it said.
    pub message: WorkerToDaemonMessage,
    /// What its frame takes up until it was dealt with.
    pub claim: Claim,
}

/// What workers have said.
pub struct FromWorkers(pub Vec<Said>);

/// A task waits for a worker, and that is in the log.
pub struct Ordered(pub Arc<Waiting>);

/// A task has waited for a worker since before this daemon.
pub struct Reclaimed(pub Arc<Waiting>);

/// A task that waited for a worker is no more.
pub struct Withdrawn(pub i64);

/// The process of a supervised worker has ended.
pub struct WorkerEnded(pub WorkerId);

/// A worker's socket is gone, or does not read.
pub struct PeerLost(pub PeerId);

/// A ping was sent to all workers.
pub struct WorkersPinged;

/// The token of one worker, or of every one, is dead: it has to say hello with another.
pub struct ForgetWorkers {
    /// Whose; `None` is everybody's.
    pub subject: Option<Subject>,
    /// Hears how many workers that were.
    pub forgotten: oneshot::Sender<u64>,
}

/// What the actor is made with.
#[derive(Clone)]
pub struct WorkerParts {
    /// The way to the workers.
    pub sender: ServerSender,
    /// Tokens.
    pub keys: Arc<Keys>,
    /// Who was enrolled; set before any worker can be heard.
    pub desk: Arc<OnceLock<EnrollmentDesk>>,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// Whose tasks wait.
    pub scheduler: Gate<SchedulerActor>,
    /// Which do.
    pub outside: Arc<Outside>,
}

/// A worker that has said hello.
struct Peer {
    /// Where it is reached.
    to: PeerId,
    /// The flags of what it is told: whether in JSON.
    flags: u8,
    /// The kinds of work that it was allowed.
    kinds: Vec<String>,
    /// The hash of its key.
    key: [u8; 32],
    /// The ids of the token that it said hello with and of the last one that it was given: whoever revokes either means it.
    /// None where its key stands for it.
    tokens: [Option<[u8; 16]>; 2],
    /// Whether it is ready to be given work.
    is_attached: bool,
    /// Pings since its last answer.
    missed: u64,
}

/// The actor.
pub struct WorkerActor {
    parts: WorkerParts,
    dispatch: Dispatch,
    /// The tasks of all orders that the dispatch knows.
    waiting: HashMap<ReqId, Arc<Waiting>>,
    peers: HashMap<WorkerId, Peer>,
    /// Starts of workers that others have replaced, the last ones of each.
    replaced: HashMap<WorkerId, VecDeque<PeerId>>,
    health: Health<WorkerId>,
    /// What the scheduler has not taken yet.
    untold: Vec<WorkedTask>,
    /// Tasks that ended before what they ordered was heard of, the last ones.
    withdrawn: VecDeque<i64>,
    out: Vec<Output>,
    /// How often requests were given out, answered, and failed without an answer.
    given: u64,
    answered: u64,
    failed: u64,
    born: Instant,
    _guard: ExitGuard,
}

impl WorkerActor {
    /// One that knows no worker, and the orders of all tasks that wait already.
    pub fn new(parts: WorkerParts, guard: ExitGuard) -> Self {
        let mut actor = WorkerActor {
            dispatch: Dispatch::new(Moment(0)),
            waiting: HashMap::new(),
            peers: HashMap::new(),
            replaced: HashMap::new(),
            health: Health::new(PING_PERIOD),
            untold: Vec::new(),
            withdrawn: VecDeque::new(),
            out: Vec::new(),
            given: 0,
            answered: 0,
            failed: 0,
            born: Instant::now(),
            _guard: guard,
            parts,
        };
        for waiting in actor.parts.outside.board.orders() {
            actor.reclaim(waiting);
        }
        actor
    }

    fn now(&self) -> Moment {
        let since = self.born.elapsed().as_micros();
        Moment(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// The order as the dispatch knows it: its time is the monotonic clock's from here on.
    fn order_of(&self, waiting: &Waiting) -> Option<Order> {
        let order = waiting.order()?;
        let most = Duration::from_millis(u64::from(order.timeout_ms));
        let left = Duration::from_secs_f64((order.deadline - wall_seconds()).clamp(0.0, most.as_secs_f64()));
        Some(Order {
            id: ReqId(order.id),
            task: waiting.id,
            kind: order.kind.clone(),
            deadline: self.now().plus(left),
            tries_max: order.tries_max,
        })
    }

    fn ordered(&mut self, waiting: Arc<Waiting>) {
        if self.withdrawn.contains(&waiting.id) {
            return;
        }
        if let Some(order) = self.order_of(&waiting) {
            let now = self.now();
            self.waiting.insert(order.id, waiting);
            self.dispatch.order(now, order, &mut self.out);
            self.act();
        }
    }

    fn reclaim(&mut self, waiting: Arc<Waiting>) {
        if let Some(order) = self.order_of(&waiting) {
            self.waiting.insert(order.id, waiting);
            self.dispatch.restore(self.now(), order);
        }
    }

    /// A task is no more. That may be heard before what it has ordered, which waits for the log.
    fn withdraw(&mut self, task: i64) {
        match self.dispatch.cancel(task, &mut self.out) {
            Some(id) => drop(self.waiting.remove(&id)),
            None => {
                if self.withdrawn.len() >= WITHDRAWN_MAX {
                    self.withdrawn.pop_front();
                }
                self.withdrawn.push_back(task);
            }
        }
        self.act();
    }

    /// Finds the orders of tasks that nobody has told of for a while: what told of them was lost with a mistake of ours, or
    /// was refused. Nobody else would ever wake such a task.
    fn find_lost_orders(&mut self) {
        for waiting in self.parts.outside.board.orders() {
            let is_lost = waiting.order().is_some_and(|order| {
                let left = Duration::from_secs_f64((order.deadline - wall_seconds()).max(0.0));
                let age = Duration::from_millis(u64::from(order.timeout_ms)).saturating_sub(left);
                let is_answered = self.untold.iter().any(|told| told.id == order.id);
                age >= ORDER_LOST_AFTER && !is_answered && !self.dispatch.knows(ReqId(order.id))
            });
            if is_lost {
                tracing::warn!(
                    task = waiting.id,
                    "nobody had told of what a task asks of a worker"
                );
                self.reclaim(waiting);
            }
        }
    }

    /// Carries out what the dispatch wants.
    fn act(&mut self) {
        while !self.out.is_empty() {
            for output in std::mem::take(&mut self.out) {
                match output {
                    Output::Send {
                        worker,
                        id,
                        attempt,
                        timeout_ms,
                    } => self.send(worker, id, attempt, timeout_ms),
                    Output::Cancel { worker, id } => {
                        self.direct(worker, &DaemonDirect::CancelRequest { id });
                    }
                    Output::Fail { task, id, error } => self.finish(task, id, Err(raised(&error)), None),
                }
            }
        }
        self.tell_scheduler();
    }

    fn send(&mut self, worker: WorkerId, id: ReqId, attempt: u8, timeout_ms: u32) {
        let Some(order) = self.waiting.get(&id).and_then(|waiting| waiting.order()) else {
            return;
        };
        let message = DaemonDirect::WorkerRequest {
            id,
            attempt,
            perms: order.perms.into(),
            request: order.request.iter().map(WireValue::new).collect(),
            timeout_ms,
            retry: match order.tries_max {
                0 | 1 => RetryClass::AtMostOnce,
                max => RetryClass::Idempotent { max },
            },
        };
        self.given += 1;
        if !self.direct(worker, &message)
            && let Some(task) = self.dispatch.unsent(worker, id, attempt)
        {
            let error = WorkerError::InvalidRequest("no message can carry it".to_owned());
            self.finish(task, id, Err(raised(&error)), None);
        }
    }

    /// Says something to a worker unasked; false if no frame can carry it.
    fn direct(&self, worker: WorkerId, message: &DaemonDirect) -> bool {
        let Some(peer) = self.peers.get(&worker) else {
            return true;
        };
        let envelope = Envelope {
            flags: peer.flags,
            epoch: self.parts.epoch,
            principal: worker.0,
            ..Envelope::default()
        };
        let Ok(frame) = encode(&envelope, message) else {
            return false;
        };
        if let Err(error) = self.parts.sender.reply(peer.to, frame) {
            // It does not name it with its next pings then, and it is given out again or has failed.
            tracing::warn!(%worker, %error, "a request could not be sent to its worker");
        }
        true
    }

    /// A task is to go on. With `reply`, its worker hears so once that is committed.
    fn finish(&mut self, task: i64, id: ReqId, value: Result<Value, Raised>, reply: Option<Reply>) {
        self.waiting.remove(&id);
        match reply {
            Some(_) => self.answered += 1,
            None => self.failed += 1,
        }
        let ack = reply.map(|reply| After::Worker {
            reply,
            message: DaemonToWorkerReply::Ack,
        });
        self.untold.push(WorkedTask {
            task,
            id: id.0,
            with: Woken {
                after: ack.into_iter().collect(),
                ..value.into()
            },
        });
    }

    fn tell_scheduler(&mut self) {
        if self.untold.is_empty() {
            return;
        }
        let told = std::mem::take(&mut self.untold);
        if let Err(Worked(refused)) = self.parts.scheduler.offer_or_return(Worked(told)) {
            // It is told with the next tick.
            self.untold = refused;
        }
    }

    /// A worker is gone, with all that it had.
    fn lose(&mut self, worker: WorkerId) {
        let now = self.now();
        self.peers.remove(&worker);
        self.health.on_left(worker);
        self.dispatch.gone(now, worker, &mut self.out);
        self.act();
    }

    /// A ping was sent: what follows from the answers to those before.
    fn check_workers(&mut self) {
        for (&id, peer) in &mut self.peers {
            if peer.missed == 0 {
                self.health.on_answer(id);
            }
            peer.missed += 1;
        }
        for verdict in self.health.on_ping(self.now()) {
            match verdict {
                Verdict::Suspect(id) => {
                    tracing::warn!(worker = %id, "a worker has missed some pings");
                    self.dispatch.suspect(id);
                }
                Verdict::Dead(id) => {
                    tracing::warn!(worker = %id, "a worker does not answer any more");
                    self.lose(id);
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.dispatch.tick(now, &mut self.out);
        self.act();
    }

    /// Takes workers for such as have not said hello; gives how many. Those that were meant alone are told to end.
    fn forget(&mut self, subject: Option<Subject>) -> u64 {
        let is_meant = |id: WorkerId, peer: &Peer| match subject {
            None => true,
            Some(Subject::Worker(revoked)) => id == revoked,
            Some(Subject::Token(jti)) => peer.tokens.contains(&Some(jti)),
            Some(_) => false,
        };
        let meant = self.peers.iter().filter(|(id, peer)| is_meant(**id, peer));
        let meant: Vec<WorkerId> = meant.map(|(&id, _)| id).collect();
        for &worker in &meant {
            if subject.is_some() {
                self.publish(&DaemonToWorkerMessage::PleaseDie { worker });
            }
            self.lose(worker);
        }
        meant.len() as u64
    }

    fn publish(&self, message: &DaemonToWorkerMessage) {
        for (flags, topic) in [(0, WORKER_BROADCAST_TOPIC), (FLAG_JSON, WORKER_JSON_TOPIC)] {
            let envelope = Envelope {
                flags,
                epoch: self.parts.epoch,
                ..Envelope::default()
            };
            if let Ok(frame) = encode(&envelope, message) {
                // A worker that misses it is refused at its next word.
                self.parts.sender.publish(topic, frame).ok();
            }
        }
    }
}

impl Actor for WorkerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(WORKER_TICK, |workers, _| workers.tick());
    }
}

impl Handler<Offered<FromWorkers>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, from: Offered<FromWorkers>, _: &mut Context<Self>) {
        from.accept().0.into_iter().for_each(|said| self.said(said));
    }
}

impl Handler<Offered<Ordered>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, ordered: Offered<Ordered>, _: &mut Context<Self>) {
        self.ordered(ordered.accept().0);
    }
}

impl Handler<Offered<Reclaimed>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, reclaimed: Offered<Reclaimed>, _: &mut Context<Self>) {
        self.reclaim(reclaimed.accept().0);
    }
}

impl Handler<Offered<Withdrawn>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, withdrawn: Offered<Withdrawn>, _: &mut Context<Self>) {
        self.withdraw(withdrawn.accept().0);
    }
}

impl Handler<Offered<WorkerEnded>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, ended: Offered<WorkerEnded>, _: &mut Context<Self>) {
        self.lose(ended.accept().0);
    }
}

impl Handler<Offered<PeerLost>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, lost: Offered<PeerLost>, _: &mut Context<Self>) {
        let lost = lost.accept().0;
        let known = self.peers.iter().find(|(_, peer)| peer.to == lost);
        if let Some((&worker, _)) = known {
            self.lose(worker);
        }
    }
}

impl Handler<Offered<WorkersPinged>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, pinged: Offered<WorkersPinged>, _: &mut Context<Self>) {
        pinged.accept();
        self.check_workers();
        self.find_lost_orders();
    }
}

impl Handler<Offered<ForgetWorkers>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, forget: Offered<ForgetWorkers>, _: &mut Context<Self>) {
        let ForgetWorkers { subject, forgotten } = forget.accept();
        // Whoever ordered it may have stopped waiting.
        forgotten.send(self.forget(subject)).ok();
    }
}
