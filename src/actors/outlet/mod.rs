//! The way out for everything that was committed: the outbox, shared by those who commit, those who know the connections,
//! and the publisher, which sends what it gives.
//!
//! Executors number what a task says under the commit lock; the connection actor has the server's own words numbered at
//! once, and they are stored by the next commit. Invariant: nobody keeps the outbox locked while they wait for anything.

mod after;
mod committer;
mod ends;
mod lines;
mod past;

use crate::actors::job_broker::{Desk, Step};
use crate::actors::keyring::Keys;
use crate::actors::world_request;
use crate::gateway::PeerId;
use crate::limits::JOB_STEPS_MAX;
use crate::protocol::broadcast::Subject;
use crate::protocol::client::DaemonToClientReply;
use crate::protocol::codec::Envelope;
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{self, Cause, ClientEvent, Line, StreamPos};
use crate::protocol::host::{DaemonDirect, DaemonToHostReply, HostType};
use crate::protocol::machine::outbox::{Opening, Outbox, Prepared};
use crate::protocol::worker::DaemonToWorkerReply;
use crate::protocol::{ClientId, HostId, Wall, WireObj, WireValue};
use committer::Wishes;
use ends::fitting;
pub use ends::scheduler_error;
use lines::narratives;
use moo_model::ledger::Row;
use moo_model::world::Stamp;
use moo_model::{Obj, Value};
use moo_tasks::attempt::{End, Job, Release, Work};
use moo_tasks::board::Waiting;
use moo_tasks::connections::ConnId;
use moo_tasks::held::{Says, Told};
use moo_tasks::outside::Outside;
use moo_vm::host::Presentation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use after::{After, Attached, TakenUp};
pub use past::{Adopt, AskHistory, AskReplay, Missed, Past};

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Who asked.
    pub to: PeerId,
    /// The envelope of the answer.
    pub envelope: Envelope,
}

impl Reply {
    /// The client on whose behalf it was asked; no real one if the host asked for itself.
    pub fn client(&self) -> ClientId {
        ClientId(self.envelope.principal)
    }
}

/// Something for one other that leaves with the commit that it tells of.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are answers, and each command has one"
)]
pub enum Answer {
    /// To a request.
    To {
        /// The request.
        reply: Reply,
        /// What is answered.
        message: Message,
    },
    /// A task waits from now on for what a worker gives.
    Order(Arc<Waiting>),
}

/// What is answered, to a host or to one of its clients.
#[derive(Clone, Debug)]
pub enum Message {
    /// To a client.
    Client(DaemonToClientReply),
    /// To the host itself.
    Host(DaemonToHostReply),
    /// To the host itself, which has not asked.
    Unasked(DaemonDirect),
    /// To a worker.
    Worker(DaemonToWorkerReply),
    /// No answer, but why there is none.
    Refused(RpcMessageError),
}

/// Where a stream of events goes.
#[derive(Clone, Debug)]
pub struct NewStream {
    /// The connection.
    pub conn: ConnId,
    /// What its host calls it.
    pub client: ClientId,
    /// Its host.
    pub host: HostId,
    /// What its host serves.
    pub host_type: HostType,
}

/// Something of the server's own on its way out.
#[derive(Clone, Debug)]
pub enum Item {
    /// A connection exists from here on.
    Open(NewStream),
    /// Lines for a connection.
    Told(Told),
    /// An option of a connection that its host must know.
    Option {
        /// The connection.
        conn: ConnId,
        /// Its player or number.
        object: Obj,
        /// The option.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Something is shown to a connection's client, or no more.
    Presented {
        /// The connection.
        conn: ConnId,
        /// Its id.
        id: String,
        /// What.
        shown: Option<Presentation>,
    },
    /// The connection's host is gone; it lingers.
    Detach {
        /// The connection.
        conn: ConnId,
        /// The last epoch under which a host has it, or was to have it.
        attach_epoch: u32,
    },
    /// The connection is closed, with these last lines; nothing more goes to it.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why, for the host's log.
        reason: &'static str,
        /// What to show.
        lines: Vec<String>,
    },
    /// The connection is gone at its host; nothing more goes to it.
    Forget(ConnId),
}

/// The outbox and its bells.
pub struct Outlet {
    outbox: Mutex<Outbox<Answer>>,
    epoch: u32,
    now: fn() -> Wall,
    rung: AtomicBool,
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    wishes: Wishes,
}

impl Outlet {
    /// The way out of a daemon of this epoch, with what the last one left.
    pub fn new(outbox: Outbox<Answer>, epoch: u32, now: fn() -> Wall) -> Outlet {
        Outlet {
            outbox: Mutex::new(outbox),
            epoch,
            now,
            rung: AtomicBool::new(false),
            bell: OnceLock::new(),
            wishes: Wishes::default(),
        }
    }

    /// The outbox. The guard must not be kept. Who changed what streams there are, or what was accepted, says so with
    /// [`Outlet::commit_later`].
    pub fn outbox(&self) -> MutexGuard<'_, Outbox<Answer>> {
        // Each change of the outbox is complete before anything in it can panic.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the asker's stream is: an answer that leaves now is delivered after the events up to there.
    pub fn head(&self, asked: &Reply) -> Option<StreamPos> {
        self.outbox().head(asked.client())
    }

    /// The time of day.
    pub fn now(&self) -> Wall {
        (self.now)()
    }

    /// Sets, once, how the publisher is told to look.
    pub fn set_bell(&self, bell: impl Fn() + Send + Sync + 'static) {
        if self.bell.set(Box::new(bell)).is_err() {
            tracing::error!("the outlet has a bell already");
        }
    }

    /// Has the publisher look, unless it was told so and has not looked yet.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(bell) = self.bell.get()
        {
            bell();
        }
    }

    /// The publisher looks: the next ring is heard again. What it looks at is read only after this, so that whoever rings
    /// from now on, and whatever was written before, is not missed.
    pub fn heard(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }

    /// Takes something of the server's own: it is numbered before all that is committed later, and stored with it.
    pub fn say(&self, items: Vec<Item>) {
        let at = self.now();
        items.into_iter().for_each(|item| self.take(item, at));
        if self.outbox().is_waiting() {
            self.wishes.now();
        } else {
            self.wishes.later();
        }
    }

    fn take(&self, item: Item, at: Wall) {
        match item {
            Item::Open(to) => {
                self.outbox().open(Opening {
                    conn: to.conn.0,
                    client: to.client,
                    host: to.host,
                    attach_epoch: 0,
                    wants_ends: to.host_type != HostType::Tcp,
                    era: self.epoch,
                });
            }
            Item::Told(told) => {
                let events = narratives(WireObj::from(Obj::NOTHING), vec![told], None, at);
                let mut outbox = self.outbox();
                events.into_iter().for_each(|event| outbox.say(event));
            }
            Item::Option {
                conn,
                object,
                name,
                value,
            } => {
                let event = ClientEvent::SetConnectionOption {
                    connection: object.into(),
                    option: name,
                    value: WireValue::new(&value),
                };
                self.outbox().say(fitting(&event, None, at, vec![conn.0]));
            }
            Item::Presented { conn, id, shown } => {
                let shown = shown.as_ref().map(wire_presentation);
                let event = ClientEvent::Presentation { id, shown };
                self.outbox().say(fitting(&event, None, at, vec![conn.0]));
            }
            Item::Detach { conn, attach_epoch } => {
                let mut outbox = self.outbox();
                if let Some(client) = outbox.client_of(conn.0) {
                    outbox.detach(client, attach_epoch);
                }
            }
            Item::Close { conn, reason, lines } => {
                let event = ClientEvent::Disconnect {
                    reason: reason.to_owned(),
                    lines: lines.into_iter().map(Line::text).collect(),
                };
                let event = fitting(&event, None, at, vec![conn.0]);
                let mut outbox = self.outbox();
                outbox.say_over(event);
                if let Some(client) = outbox.client_of(conn.0) {
                    outbox.finish(client);
                }
            }
            Item::Forget(conn) => {
                let mut outbox = self.outbox();
                if let Some(client) = outbox.client_of(conn.0) {
                    outbox.close(client);
                }
            }
        }
    }

    /// Has this happen in a commit that is made at once, with whatever else waits for one.
    pub fn commit(&self, after: After) {
        self.wishes.push(after);
    }

    /// Whether as much waits for that already as may.
    pub fn is_crowded(&self) -> bool {
        self.wishes.waiting() >= JOB_STEPS_MAX
    }

    /// The same; the rows are wanted in the next commit, which is made at once.
    pub fn commit_now(&self) {
        self.wishes.now();
    }

    /// Rows wait in the outbox that no commit needs to be made for at once.
    pub fn commit_later(&self) {
        self.wishes.later();
    }
}

/// What is shown to a client, as it travels.
pub fn wire_presentation(shown: &Presentation) -> event::Presentation {
    let attrs = shown.attributes.iter();
    event::Presentation {
        content_type: shown.content_type.clone(),
        target: shown.target.clone(),
        content: WireValue::new(&shown.content),
        attrs: attrs
            .map(|(name, value)| (name.clone(), WireValue::new(value)))
            .collect(),
    }
}

/// Where what a slice says goes.
#[derive(Clone, Copy)]
pub struct WayOut<'a> {
    /// To clients and hosts.
    pub outlet: &'a Outlet,
    /// Who is connected.
    pub outside: &'a Outside,
    /// To the job store.
    pub desk: &'a Arc<Desk>,
    /// To tokens that end.
    pub keys: &'a Keys,
}

/// What one slice of a task has to say, on its way through its commit.
pub struct Outgoing<'a> {
    outlet: &'a Outlet,
    outside: &'a Outside,
    desk: &'a Arc<Desk>,
    keys: &'a Keys,
    job: &'a Job,
    reply: &'a mut Option<Reply>,
    /// What else leaves with its commit.
    after: &'a mut Vec<After>,
    /// What stands in place of the slice's own end: it met a fault of ours.
    fault: Option<(End, Vec<Told>)>,
    ready: Vec<Prepared>,
    /// The answer to what a client's program asks of the world.
    answer: Option<Message>,
    /// The task itself, where it waits for a worker.
    order: Option<Arc<Waiting>>,
    /// What it orders of the job store.
    jobs: Vec<Step>,
    /// Whose sessions end with it.
    ended: Vec<Obj>,
}

impl<'a> Outgoing<'a> {
    /// What a slice of this job says; `reply` is who waits to hear that it was done.
    pub fn new(
        way_out: WayOut<'a>,
        job: &'a Job,
        reply: &'a mut Option<Reply>,
        after: &'a mut Vec<After>,
    ) -> Outgoing<'a> {
        let WayOut {
            outlet,
            outside,
            desk,
            keys,
        } = way_out;
        Outgoing {
            outlet,
            outside,
            desk,
            keys,
            job,
            reply,
            after,
            fault: None,
            ready: Vec::new(),
            answer: None,
            order: None,
            jobs: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// The same where the task has ended so, and its player is told this, whatever the slice itself says.
    pub fn of_fault(mut self, end: End, told: Vec<Told>) -> Outgoing<'a> {
        self.fault = Some((end, told));
        self
    }

    fn cause(&self) -> Cause {
        let cmd_seq = match &self.job.work {
            Work::Login(line)
            | Work::Authenticate(line)
            | Work::Command { line, .. }
            | Work::OutOfBand(line) => line.ticket,
            _ => 0,
        };
        Cause {
            task: self.job.id as u64,
            corr: self.reply.map_or(0, |reply| reply.envelope.correlation),
            cmd_seq,
        }
    }
}

impl Release for Outgoing<'_> {
    fn prepare(&mut self, says: Says, end: &End) -> bool {
        let Says { told, jobs, ended } = says;
        self.ended = ended;
        let at = self.outlet.now();
        let cause = Some(self.cause());
        let (end, told) = match &self.fault {
            Some((end, told)) => (end, told.clone()),
            None => (end, told),
        };
        self.jobs = jobs
            .into_iter()
            .filter_map(|order| Step::ordered(self.desk, order))
            .collect();
        for after in &mut *self.after {
            if let After::Job(step) = after {
                step.task_ended(end);
            }
        }
        let heard = self.told_to_asker(&told);
        self.ready = narratives(self.job.player.into(), told, cause, at);
        let events = [self.asks_for(end), self.ends_with(end)];
        for (event, conn) in events.into_iter().flatten() {
            self.ready.push(fitting(&event, cause, at, vec![conn.0]));
        }
        let answer = match &self.job.work {
            Work::Request(request) => Some(world_request::answer(request, self.job.id, end, heard)),
            Work::Service(service) => Some(world_request::service_answer(service, self.job.id, end)),
            _ => None,
        };
        if self.reply.is_some() {
            self.answer = answer.map(|answer| answer.map_or_else(Message::Refused, Message::Client));
        }
        self.order = match end {
            End::Waits(waiting) if waiting.order().is_some() => Some(Arc::clone(waiting)),
            _ => None,
        };
        let leaves = !self.ready.is_empty() || self.reply.is_some() || !self.after.is_empty();
        leaves || self.order.is_some() || !self.jobs.is_empty() || !self.ended.is_empty()
    }

    fn may_leave(&mut self) -> bool {
        let may = |after: &After| match after {
            After::Job(step) => step.may_take_effect(),
            _ => true,
        };
        self.after.iter().all(may)
    }

    fn leave(&mut self, stamp: Stamp) -> Vec<Row> {
        let submitted = DaemonToClientReply::TaskSubmitted {
            task_id: self.job.id as u64,
        };
        let message = self.answer.take().unwrap_or(Message::Client(submitted));
        let events = std::mem::take(&mut self.ready);
        let mut outbox = self.outlet.outbox();
        let answer = self.reply.take().map(|reply| {
            let conn = outbox.conn_of(reply.client()).unwrap_or_default();
            (conn, Answer::To { reply, message })
        });
        let mut rows = outbox.number(stamp, events, answer);
        for after in self.after.drain(..) {
            rows.extend(after.leave(stamp, self.outlet.epoch, &mut outbox));
        }
        if let Some(waiting) = self.order.take() {
            rows.extend(outbox.number(stamp, Vec::new(), Some((0, Answer::Order(waiting)))));
        }
        for step in self.jobs.drain(..) {
            rows.extend(step.leave(stamp, &mut outbox));
        }
        for player in self.ended.drain(..) {
            rows.extend(self.keys.end(Subject::Player(player.into())));
            rows.extend(outbox.forget_past(player.0));
        }
        rows
    }
}
