//! `ConnectionActor`: everything about clients that the daemon knows: who they are, their lines, their logins and ends.
//!
//! Parent: the supervisor. Bound: [`CONNECTION_GATE_MAX`](crate::limits::CONNECTION_GATE_MAX) messages; each client's lines are bounded by its queue and its
//! host's window. One actor holds all connections, because an idle one then costs its state alone and a burst of
//! commands one message. It is not restarted by itself: until connections are stored its state is nowhere else, so its
//! panic ends the process.

mod closing;
mod effects;
mod login;
mod request;
mod tokens;

use super::keyring::Keys;
use super::outlet::{Item, Outlet, Reply};
use super::publisher::{PublisherActor, answer};
use super::reattach::{Reattach, TellPositions};
use super::scheduler::{EndTasks, Input, SchedulerActor, Submit};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::ServerSender;
use crate::limits::CONNECTION_SWEEP;
use crate::protocol::admin::ConnectionStatus;
use crate::protocol::client::{ClientReply, DaemonToClientReply};
use crate::protocol::token::Credentials;
use crate::protocol::{ClientId, HostId, Wall};
use actix::{Actor, AsyncContext, Context, Handler};
use moo_model::world::{Lookups, Transaction, World};
use moo_model::{ErrorCode, Obj, Raised, Value};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::connections::{ConnId, Connection};
use moo_tasks::held::{Effect, Shown, Told};
use moo_tasks::input_queue::{Programming, Step, value_of};
use moo_tasks::login::Login;
use moo_tasks::outside::Outside;
use moo_vm::host::Output;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::oneshot;

pub use request::{Request, Requests};
pub use tokens::CloseRevoked;

/// Something that a task did to connections, on its way from its report.
#[derive(Debug)]
pub enum Carry {
    /// As the task held it.
    Effect(Effect),
    /// The task that read from this connection was killed.
    StopReading(i64, Obj),
}

/// What the connections must know of a task's slice.
#[derive(Debug)]
pub struct Finished {
    /// The task.
    pub task: i64,
    /// The connection whose line or event it was: for a first slice, and for one that a line given to `read()` began.
    pub conn: Option<Arc<Connection>>,
    /// Whom the connection belongs to from now on.
    pub login: Option<Login>,
    /// The verb that the connection programs from now on.
    pub programming: Option<Programming>,
    /// What it did.
    pub carry: Vec<Carry>,
    /// The connection that it reads from.
    pub reads: Option<Obj>,
}

impl Finished {
    /// The task waits for a line.
    pub fn reads(task: i64, from: Obj) -> Finished {
        Finished {
            task,
            conn: None,
            login: None,
            programming: None,
            carry: Vec::new(),
            reads: Some(from),
        }
    }
}

/// Slices have ended.
pub struct TasksFinished(pub Vec<Finished>);

/// A host is gone, and its clients with it.
pub struct HostGone(pub HostId);

/// The server ends: everyone is told so. Hooks run at the next start.
pub struct CloseAll(pub String);

/// Which connections are there? At most so many are listed; the number is that of all.
pub struct ListConnections(pub usize, pub oneshot::Sender<(Vec<ConnectionStatus>, u64)>);

/// How many clients does each host have?
pub struct CountClients(pub oneshot::Sender<HashMap<HostId, u64>>);

/// One client.
struct Client {
    id: ClientId,
    host: HostId,
    peer: String,
    conn: Arc<Connection>,
    /// What the host presents in place of tokens.
    credentials: Credentials,
    /// When its player last gave a password.
    auth_time: Option<Wall>,
    /// The highest command number that came.
    cmd_last: u64,
    /// Requests by command number, until they are answered.
    unanswered: HashMap<u64, Reply>,
    /// Why, and with which words, it is closed once its last hook has run.
    closing: Option<(&'static str, Vec<String>)>,
}

/// What the actor is made with.
#[derive(Clone)]
pub struct ConnectionParts {
    /// What surrounds the world.
    pub outside: Arc<Outside>,
    /// The world, for the server's own texts.
    pub world: Arc<World>,
    /// The way to clients.
    pub outlet: Arc<Outlet>,
    /// The way to hosts.
    pub sender: ServerSender,
    /// The scheduler.
    pub scheduler: Gate<SchedulerActor>,
    /// The publisher.
    pub publisher: Gate<PublisherActor>,
    /// Tokens.
    pub keys: Arc<Keys>,
    /// Seconds that a connection may stay without logging in, where the world does not say.
    pub login_timeout_s: i64,
    /// Which start of the daemon this is.
    pub epoch: u32,
}

/// All connections.
pub struct ConnectionActor {
    parts: ConnectionParts,
    lookups: Box<Lookups>,
    clients: HashMap<ConnId, Client>,
    by_client: HashMap<ClientId, ConnId>,
    unlogged: HashSet<ConnId>,
    last_conn: u64,
    /// What one message leads to, sent on together at its end.
    submits: Vec<super::executor::Assignment>,
    inputs: Vec<(i64, Result<Value, Raised>)>,
    ends: Vec<i64>,
    items: Vec<Item>,
    _guard: ExitGuard,
}

impl ConnectionActor {
    /// No connections.
    pub fn new(parts: ConnectionParts, guard: ExitGuard) -> Self {
        ConnectionActor {
            parts,
            lookups: Box::default(),
            clients: HashMap::new(),
            by_client: HashMap::new(),
            unlogged: HashSet::new(),
            last_conn: 0,
            submits: Vec::new(),
            inputs: Vec::new(),
            ends: Vec::new(),
            items: Vec::new(),
            _guard: guard,
        }
    }

    /// The connection of a client, if that host may speak for it with this hash of its tokens.
    pub(super) fn client_of(
        &mut self,
        client: ClientId,
        host: HostId,
        bound: &[u8; 16],
    ) -> Option<Option<ConnId>> {
        let conn = *self.by_client.get(&client)?;
        let client = self.clients.get_mut(&conn)?;
        let is_theirs = client.host == host && client.credentials.accept(bound, self.parts.keys.now());
        Some(is_theirs.then_some(conn))
    }

    /// Has the publisher tell where streams are; false if it has no time.
    pub(super) fn tell_positions(&self, positions: TellPositions) -> bool {
        self.parts.publisher.offer(positions).is_ok()
    }

    /// Looks something up in the world.
    fn look<T>(&mut self, look: impl FnOnce(&mut Transaction) -> T) -> T {
        let mut tx = Transaction::begin(&self.parts.world, std::mem::take(&mut self.lookups));
        let found = look(&mut tx);
        self.lookups = tx.into_lookups();
        found
    }

    /// Takes up lines of a connection until one has to be waited for.
    fn pump(&mut self, conn: &Arc<Connection>) {
        loop {
            let step = conn.input().take_up();
            match step {
                None => return,
                Some(Step::Nothing { ticket }) => self.answer_line(conn.id, ticket, 0),
                Some(Step::Read { task, line }) => {
                    conn.set_input_task(task);
                    self.inputs.push((task, Ok(value_of(&line))));
                    self.answer_line(conn.id, line.ticket, task);
                }
                Some(Step::Login(line)) => self.start(conn, line.ticket, Work::Login(line)),
                Some(Step::OutOfBand(line)) => self.start(conn, line.ticket, Work::OutOfBand(line)),
                Some(Step::Command { line, may_program }) => {
                    self.start(conn, line.ticket, Work::Command { line, may_program })
                }
                Some(Step::Program { program, ticket }) => self.start(conn, ticket, Work::Program(program)),
            }
        }
    }

    fn start(&mut self, conn: &Arc<Connection>, ticket: u64, work: Work) {
        let id = self.parts.outside.ids.next();
        conn.set_input_task(id);
        let job = Job {
            id,
            player: conn.object(),
            conn: Some(conn.clone()),
            work,
            stored: false,
            rows: Vec::new(),
            kill: Arc::default(),
        };
        let client = self.clients.get_mut(&conn.id);
        let reply = client.and_then(|client| client.unanswered.remove(&ticket));
        self.submits.push(super::executor::Assignment { job, reply });
    }

    /// Runs a hook before the connection's next line.
    fn start_hook(&mut self, conn: &Arc<Connection>, verb: &'static str) {
        let player = conn.object();
        let mut job = super::scheduler::hook(
            &self.parts.outside,
            conn.listener,
            verb,
            player,
            vec![Value::obj(player)],
        );
        job.conn = Some(conn.clone());
        conn.input().begin();
        self.submits.push(super::scheduler::unasked(job));
    }

    /// Answers a line that became no task of its own.
    fn answer_line(&mut self, conn: ConnId, ticket: u64, task: i64) {
        let client = self.clients.get_mut(&conn);
        if let Some(reply) = client.and_then(|client| client.unanswered.remove(&ticket)) {
            let message = ClientReply {
                reply: DaemonToClientReply::TaskSubmitted { task_id: task as u64 },
                head: None,
            };
            answer(&self.parts.sender, reply, &message);
        }
    }

    fn tell(&mut self, conn: &Connection, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        let shown = |line: String| Shown {
            output: Output {
                text: Value::string(line),
                no_flush: false,
                no_newline: false,
            },
            is_binary: false,
        };
        self.items.push(Item::Told(Told {
            conn: conn.id,
            object: conn.object(),
            lines: lines.into_iter().map(shown).collect(),
        }));
    }

    /// A slice of a task has ended.
    fn finished(&mut self, finished: Finished) {
        if let Some(from) = finished.reads {
            self.start_reading(finished.task, from);
        }
        for carry in finished.carry {
            match carry {
                Carry::Effect(effect) => self.carry_out(effect),
                Carry::StopReading(task, object) => {
                    if let Some(conn) = self.parts.outside.connections.find(object) {
                        conn.input().stop_reading(task);
                        self.pump(&conn);
                    }
                }
            }
        }
        let Some(conn) = finished.conn else { return };
        conn.input().finish();
        if !self.clients.contains_key(&conn.id) {
            return;
        }
        if let Some(programming) = finished.programming {
            conn.input().start_programming(programming);
        }
        if let Some(login) = finished.login {
            self.log_in(&conn, login);
        }
        self.close_if_due(&conn);
        self.pump(&conn);
    }

    fn start_reading(&mut self, task: i64, from: Obj) {
        match self.parts.outside.connections.find(from) {
            Some(conn) => {
                if conn.input().read(task) {
                    self.pump(&conn);
                } else {
                    self.inputs.push((task, Err(ErrorCode::InvArg.into())));
                }
            }
            None => self.ends.push(task),
        }
    }

    /// Sends on what the message led to.
    fn flush(&mut self) {
        if !self.items.is_empty() {
            self.parts.outlet.say(std::mem::take(&mut self.items));
        }
        let mut sent = true;
        if !self.submits.is_empty() {
            let submits = std::mem::take(&mut self.submits);
            sent &= self.parts.scheduler.offer(Submit(submits)).is_ok();
        }
        if !self.inputs.is_empty() {
            let inputs = std::mem::take(&mut self.inputs);
            sent &= self.parts.scheduler.offer(Input(inputs)).is_ok();
        }
        if !self.ends.is_empty() {
            let ends = std::mem::take(&mut self.ends);
            sent &= self.parts.scheduler.offer(EndTasks(ends)).is_ok();
        }
        if !sent {
            tracing::error!("the scheduler takes no tasks");
        }
    }

    fn list(&mut self, most: usize) -> Vec<ConnectionStatus> {
        let now = super::executor::wall_seconds() as i64;
        let mut connections = self.parts.outside.connections.all();
        connections.reverse();
        connections.truncate(most);
        let rows: Vec<_> = connections
            .iter()
            .map(|conn| {
                let peer = self.clients.get(&conn.id).map(|client| client.peer.clone());
                (conn.object(), peer, now - conn.since(), now - conn.last_input())
            })
            .collect();
        let status = |tx: &mut Transaction,
                      (object, peer, connected, idle): (Obj, Option<String>, i64, i64)| {
            let name = tx.name(object).unwrap_or_default();
            ConnectionStatus {
                player: object.0,
                name: name.as_str().unwrap_or_default().to_owned(),
                peer: peer.unwrap_or_default(),
                connected_s: u64::try_from(connected).unwrap_or_default(),
                idle_s: u64::try_from(idle).unwrap_or_default(),
            }
        };
        self.look(|tx| rows.into_iter().map(|row| status(tx, row)).collect())
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(CONNECTION_SWEEP, |actor, _| {
            actor.sweep();
            actor.renew_credentials();
            actor.flush();
        });
    }
}

impl Handler<Offered<Requests>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, requests: Offered<Requests>, _: &mut Context<Self>) {
        requests
            .accept()
            .0
            .into_iter()
            .for_each(|request| self.request(request));
        self.flush();
    }
}

impl Handler<Offered<TasksFinished>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, finished: Offered<TasksFinished>, _: &mut Context<Self>) {
        finished
            .accept()
            .0
            .into_iter()
            .for_each(|finished| self.finished(finished));
        self.flush();
    }
}

impl Handler<Offered<Reattach>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, asked: Offered<Reattach>, _: &mut Context<Self>) {
        self.reattach(asked.accept());
    }
}

impl Handler<Offered<HostGone>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, gone: Offered<HostGone>, _: &mut Context<Self>) {
        self.host_gone(gone.accept().0);
        self.flush();
    }
}

impl Handler<Offered<CloseAll>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, close: Offered<CloseAll>, _: &mut Context<Self>) {
        self.close_all(&close.accept().0);
        self.flush();
    }
}

impl Handler<Offered<ListConnections>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, list: Offered<ListConnections>, _: &mut Context<Self>) {
        let ListConnections(most, answer) = list.accept();
        let rows = self.list(most);
        // Whoever asked may have stopped waiting.
        answer
            .send((rows, self.parts.outside.connections.len() as u64))
            .ok();
    }
}

impl Handler<Offered<CountClients>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, count: Offered<CountClients>, _: &mut Context<Self>) {
        let mut counts = HashMap::new();
        for client in self.clients.values() {
            *counts.entry(client.host).or_default() += 1;
        }
        // Whoever asked may have stopped waiting.
        count.accept().0.send(counts).ok();
    }
}
