//! `ConnectionActor`: everything about clients that the daemon knows: who they are, their lines, their logins and ends.
//!
//! Parent: the supervisor. Bound: [`CONNECTION_GATE_MAX`](crate::limits::CONNECTION_GATE_MAX) messages; each client's lines are bounded by its queue and its
//! host's window. One actor holds all connections, because an idle one then costs its state alone and a burst of
//! commands one message. It is not restarted by itself: what its messages led to and was not sent on is nowhere else, so
//! its panic ends the process, and the next daemon finds every connection in the store.
//!
//! A connection whose host is gone *lingers*: its player stays in the world, and for a while its host, or a login of the
//! same player, can take it up again. Only when that time is over has the player left.

mod asking;
mod attach;
mod beside;
mod census;
mod closing;
mod commands;
mod counts;
mod display;
mod effects;
mod lines;
mod linger;
mod listing;
mod login;
mod reattach;
mod request;
mod restore;
mod sending;
mod sessions;
mod tokens;
mod turns;

use super::executor::Assignment;
use super::job_broker::Desk;
use super::keyring::Keys;
use super::outlet::{Adopt, After, Item, Outlet, Past, Reply};
use super::publisher::answer_client;
use super::scheduler::{Answer, SchedulerActor};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{PeerId, ServerSender};
use crate::limits::CONNECTION_SWEEP;
use crate::protocol::client::DaemonToClientReply;
use crate::protocol::token::Credentials;
use crate::protocol::{ClientId, HostId, Wall};
use actix::{Actor, AsyncContext, Context, Handler};
use beside::Beside;
use census::Census;
use commands::Commands;
use counts::Counts;
use lines::Save;
use linger::Ended;
use login::LoginAsked;
use moo_model::Obj;
use moo_model::ledger::Row;
use moo_model::world::{Lookups, Transaction, World};
use moo_tasks::connections::{ConnId, Connection};
use moo_tasks::held::{Effect, Shown, Told};
use moo_tasks::login::Login;
use moo_tasks::outside::Outside;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokens::Proof;
use tokio::sync::oneshot;
use turns::Turns;

pub use linger::{ClientsOf, HostCame, HostCounts, HostGone};
pub use listing::{CountClients, ListConnections};
pub use reattach::Reattach;
pub use request::{Request, Requests};
pub use restore::{AwaitHosts, Returned, TakeBack};
pub use tokens::{AskSession, CloseRevoked};

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
            carry: Vec::new(),
            reads: Some(from),
        }
    }
}

/// Slices have ended.
pub struct TasksFinished(pub Vec<Finished>);

/// The daemon ends, and another one follows: lines are refused for now, and wait with their hosts.
pub struct Drain;

/// The server ends: everyone is told so. Hooks run at the next start, of which the rows that are answered tell.
pub struct CloseAll(pub String, pub oneshot::Sender<Vec<Row>>);

/// One client.
struct Client {
    conn: Arc<Connection>,
    /// What the host presents in place of tokens.
    credentials: Credentials,
    /// When its player last gave a password.
    auth_time: Option<Wall>,
    /// The id of its player's token.
    player_token: Option<[u8; 16]>,
    /// Its session; empty before login.
    sid: String,
    /// What its host called it when it last asked for it.
    asked_as: ClientId,
    commands: Commands,
    /// The login that its host waits to hear about.
    login: Option<LoginAsked>,
    /// What is to be stored for it once it can be.
    save: Save,
    /// Why, and with which words, it is closed once its last hook has run.
    closing: Option<(&'static str, Vec<String>)>,
}

impl Client {
    fn new(
        conn: Arc<Connection>,
        (credentials, auth_time, player_token, sid): Proof,
        commands: Commands,
    ) -> Client {
        Client {
            asked_as: ClientId(conn.client()),
            conn,
            credentials,
            auth_time,
            player_token,
            sid,
            commands,
            login: None,
            save: Save::default(),
            closing: None,
        }
    }

    fn id(&self) -> ClientId {
        ClientId(self.conn.client())
    }

    fn host(&self) -> HostId {
        HostId(self.conn.host().0)
    }

    fn proof(&self) -> Proof {
        (
            self.credentials.clone(),
            self.auth_time,
            self.player_token,
            self.sid.clone(),
        )
    }
}

/// What one message has to be stored, all together.
#[derive(Debug, Default)]
struct Errand {
    rows: Vec<Row>,
    /// Connections whose rows are written as they are.
    conns: Vec<Arc<Connection>>,
    /// What leaves once that is written.
    after: Vec<After>,
    settles: Settles,
}

/// What is to be done once a task has committed.
#[derive(Debug, Default)]
struct Settles {
    /// The commands that have taken effect.
    tickets: Vec<(ConnId, u64)>,
    /// The connections of which something was stored.
    stored: Vec<Arc<Connection>>,
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
    /// Who shows the past of streams.
    pub past: Past,
    /// The way to hosts.
    pub sender: ServerSender,
    /// The job store, whose jobs follow clients.
    pub desk: Arc<Desk>,
    /// The scheduler.
    pub scheduler: Gate<SchedulerActor>,
    /// Tokens.
    pub keys: Arc<Keys>,
    /// Seconds that a connection may stay without logging in, where the world does not say.
    pub login_timeout_s: i64,
    /// Seconds that a connection without a host is kept.
    pub linger_s: u32,
    /// Which start of the daemon this is.
    pub epoch: u32,
}

/// All connections.
pub struct ConnectionActor {
    parts: ConnectionParts,
    lookups: Box<Lookups>,
    clients: HashMap<ConnId, Client>,
    by_client: HashMap<ClientId, ConnId>,
    by_sid: HashMap<String, ConnId>,
    /// Where each host can be told something.
    peers: HashMap<HostId, PeerId>,
    /// When each that has not logged in is looked at again, in seconds since 1970.
    unlogged: HashMap<ConnId, i64>,
    /// Sweeps until it is looked again whose tokens are to be renewed.
    renewal_rest: u32,
    /// Connections without a host, with the sweeps that are left to them.
    lingering: HashMap<ConnId, u32>,
    census: Census,
    ended: Ended,
    /// Connections of the last daemon whose hosts have not come back; none once nobody waits for them.
    awaited: Option<HashSet<ConnId>>,
    /// Whether somebody is to be told when none is awaited any more.
    tells_hosts_back: bool,
    counts: Counts,
    /// What is to be done when a task has committed.
    tasks: HashMap<i64, Settles>,
    beside: Beside,
    turns: Turns,
    /// What one message leads to, sent on together at its end.
    submits: VecDeque<Assignment>,
    inputs: VecDeque<Answer>,
    ends: Vec<i64>,
    adoptions: VecDeque<Adopt>,
    items: Vec<Item>,
    errand: Errand,
    /// Others did not take everything; it is tried again.
    is_behind: bool,
    /// It will try again by itself.
    retries: bool,
    is_draining: bool,
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
            by_sid: HashMap::new(),
            peers: HashMap::new(),
            unlogged: HashMap::new(),
            renewal_rest: 0,
            lingering: HashMap::new(),
            census: Census::default(),
            ended: Ended::default(),
            awaited: Some(HashSet::new()),
            tells_hosts_back: false,
            counts: Counts::default(),
            tasks: HashMap::new(),
            beside: Beside::default(),
            turns: Turns::default(),
            submits: VecDeque::new(),
            inputs: VecDeque::new(),
            ends: Vec::new(),
            adoptions: VecDeque::new(),
            items: Vec::new(),
            errand: Errand::default(),
            is_behind: false,
            retries: false,
            is_draining: false,
            _guard: guard,
        }
    }

    /// Looks something up in the world.
    fn look<T>(&mut self, look: impl FnOnce(&mut Transaction) -> T) -> T {
        let mut tx = Transaction::begin(&self.parts.world, std::mem::take(&mut self.lookups));
        let found = look(&mut tx);
        self.lookups = tx.into_lookups();
        found
    }

    fn reply(&self, to: Reply, reply: DaemonToClientReply) {
        let head = self.parts.outlet.head(&to);
        answer_client(&self.parts.sender, to, reply, head);
    }

    fn tell(&mut self, conn: &Connection, lines: Vec<String>) {
        self.tell_as(conn.object(), conn, lines);
    }

    /// The same to a connection that will be this player's.
    fn tell_as(&mut self, object: Obj, conn: &Connection, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        self.items.push(Item::Told(Told {
            conn: conn.id,
            object,
            lines: lines.into_iter().map(Shown::line).collect(),
        }));
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(CONNECTION_SWEEP, |actor, context| {
            actor.sweep();
            actor.renew_credentials();
            actor.flush(context);
        });
    }
}

impl Handler<Offered<Requests>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, requests: Offered<Requests>, context: &mut Context<Self>) {
        requests
            .accept()
            .0
            .into_iter()
            .for_each(|request| self.request(request));
        self.flush(context);
    }
}

impl Handler<Offered<TasksFinished>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, finished: Offered<TasksFinished>, context: &mut Context<Self>) {
        finished
            .accept()
            .0
            .into_iter()
            .for_each(|finished| self.finished(finished));
        self.flush(context);
    }
}

impl Handler<Offered<Reattach>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, asked: Offered<Reattach>, context: &mut Context<Self>) {
        self.reattach(asked.accept());
        self.flush(context);
    }
}

impl Handler<Offered<HostGone>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, gone: Offered<HostGone>, context: &mut Context<Self>) {
        let host = gone.accept().0;
        self.parts.desk.host_gone(host);
        self.host_gone(host);
        self.flush(context);
    }
}

impl Handler<Offered<HostCame>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, came: Offered<HostCame>, context: &mut Context<Self>) {
        self.host_came(&came.accept());
        self.flush(context);
    }
}

impl Handler<Offered<HostCounts>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, counts: Offered<HostCounts>, _: &mut Context<Self>) {
        self.compare(counts.accept());
    }
}

impl Handler<Offered<ClientsOf>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, clients: Offered<ClientsOf>, context: &mut Context<Self>) {
        self.reconcile(clients.accept());
        self.flush(context);
    }
}

impl Handler<Offered<TakeBack>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, take: Offered<TakeBack>, context: &mut Context<Self>) {
        let TakeBack(returned, done) = take.accept();
        self.take_back(returned);
        self.flush(context);
        // Whoever asked may have stopped waiting.
        done.send(()).ok();
    }
}

impl Handler<Offered<AwaitHosts>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, awaiting: Offered<AwaitHosts>, context: &mut Context<Self>) {
        awaiting.accept();
        self.await_hosts();
        self.flush(context);
    }
}

impl Handler<Offered<Drain>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, drain: Offered<Drain>, _: &mut Context<Self>) {
        drain.accept();
        self.is_draining = true;
    }
}

impl Handler<Offered<CloseAll>> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, close: Offered<CloseAll>, context: &mut Context<Self>) {
        let CloseAll(words, answer) = close.accept();
        let rows = self.close_all(&words);
        self.flush(context);
        // Whoever asked may have stopped waiting.
        answer.send(rows).ok();
    }
}
