//! `JobBroker`: brings jobs and those who do them together.
//!
//! Parent: the supervisor. Bound: [`JOB_GATE_MAX`](crate::limits::JOB_GATE_MAX) messages. A restart loses what agents have offered to take, which they
//! offer again each [`JOB_OFFER_PERIOD`](crate::limits::JOB_OFFER_PERIOD); jobs and leases are the desk's. What the world does itself runs as tasks, whose commits
//! end their jobs. Jobs for players go to the agent that holds the player's connection at that moment; where nobody
//! does, they wait.

mod begin;
mod clerk;
mod desk;
mod exchange;
mod figures;
mod lanes;
mod put;
mod step;
mod trade;

use super::errand;
use super::executor::Assignment;
use super::outlet::{After, Outlet, Reply};
use super::publisher::answer;
use super::scheduler::{SchedulerActor, Submit};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{Claim, PeerId, ServerSender};
use crate::jobs::{Ending, JobError, JobStore, Owner, Queue, Taken};
use crate::limits::{BUSY_RETRY_MS, JOB_CREDITS_MAX, JOB_QUEUES_MAX, JOB_SWEEP, WORLD_JOBS_AT_ONCE};
use crate::protocol::client::Refusal;
use crate::protocol::codec::Envelope;
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::ClientEvent;
use crate::protocol::host::{DaemonToHostReply, HostToDaemonMessage};
use crate::protocol::job::JobOut;
use crate::protocol::machine::outbox::Prepared;
use crate::protocol::{HostId, JobId, WireObj, hex};
use actix::{Actor, AsyncContext, Context, Handler};
pub use begin::{connect, open, start, world_taker};
pub use desk::Desk;
pub use exchange::Exchange;
pub use figures::JobFigures;
use moo_model::world::World;
use moo_model::{Obj, Value};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::jobs::{JobDesk, id_text};
use moo_tasks::outside::Outside;
use moo_tasks::service::Service;
use std::collections::HashMap;
use std::sync::Arc;
pub use step::{Step, What, refusal};

/// A host has said something about jobs.
pub struct FromAgent {
    /// The host.
    pub host: HostId,
    /// Where the answer goes.
    pub reply: Reply,
    /// What it said.
    pub message: HostToDaemonMessage,
    /// What its frame takes up until it was dealt with.
    pub _claim: Claim,
}

/// Something may be done now that could not before.
pub struct Look;

/// What the broker is made with.
#[derive(Clone)]
pub struct BrokerParts {
    /// The store.
    pub desk: Arc<Desk>,
    /// Where commits are made and answers leave.
    pub outlet: Arc<Outlet>,
    /// Where the world's own jobs run.
    pub scheduler: Gate<SchedulerActor>,
    /// Who is connected.
    pub outside: Arc<Outside>,
    /// The way to hosts, for answers that wait for no commit.
    pub sender: ServerSender,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// The world, for the names of players.
    pub world: Arc<World>,
    /// The name under which the world itself takes jobs of a store elsewhere.
    pub world_taker: String,
}

/// A process that does jobs.
struct Agent {
    peer: PeerId,
    /// The name that its jobs are taken under; new at each of its starts.
    taker: String,
    queues: Vec<Queue>,
    /// So many jobs it would take now.
    credits: usize,
    /// Whether some are being given to it.
    is_asked: bool,
}

/// The broker.
pub struct JobBroker {
    parts: BrokerParts,
    agents: HashMap<HostId, Agent>,
    _guard: ExitGuard,
}

impl JobBroker {
    /// A broker that knows no agent yet.
    pub fn new(parts: BrokerParts, guard: ExitGuard) -> Self {
        JobBroker {
            parts,
            agents: HashMap::new(),
            _guard: guard,
        }
    }

    fn heard(&mut self, from: FromAgent) {
        let FromAgent {
            host, reply, message, ..
        } = from;
        match message {
            HostToDaemonMessage::JobPut { .. } if self.parts.outlet.is_crowded() => {
                let retry_after_ms = BUSY_RETRY_MS;
                self.answer(reply, Err(RpcMessageError::Busy { retry_after_ms }));
            }
            HostToDaemonMessage::JobPut { job } => match self.checked(host, job) {
                Err(error) => self.answer(reply, Err(error)),
                Ok(spec) => {
                    let id = JobId(self.parts.desk.next_id());
                    let (spec, reply) = (Box::new(spec), Some(reply));
                    self.commit(What::Put { job: id, spec, reply });
                }
            },
            HostToDaemonMessage::JobTake { queues, credits } => {
                let answered = self.offer(host, reply.to, queues, credits);
                self.answer(reply, answered);
                self.look();
            }
            // A lease is no secret: it is good for the host alone that was given it.
            HostToDaemonMessage::JobAck { job, lease, .. }
            | HostToDaemonMessage::JobExtend { job, lease }
                if !self.parts.desk.holds(job, lease, host) =>
            {
                self.answer(reply, Err(refusal(&JobError::LateLease)));
            }
            HostToDaemonMessage::JobAck { job, lease, out } => self.end(job, lease, out, reply),
            HostToDaemonMessage::JobExtend { job, lease } => {
                let desk = &self.parts.desk;
                let extended = match desk.exchange() {
                    Some(exchange) => {
                        exchange.ask_to_extend(job);
                        Ok(())
                    }
                    None => desk.store().extend(desk.now(), job, lease),
                };
                self.answer(reply, extended.map_err(|error| refusal(&error)));
            }
            _ => {}
        }
    }

    fn answer(&self, reply: Reply, answered: Result<(), RpcMessageError>) {
        let sender = &self.parts.sender;
        match answered {
            Ok(()) => answer(sender, reply, &DaemonToHostReply::Ack),
            Err(error) => answer(sender, reply, &Refusal { error, head: None }),
        }
    }

    fn commit(&self, what: What) {
        let step = Step::new(&self.parts.desk, what);
        self.parts.outlet.commit(After::Job(Box::new(step)));
    }

    /// An agent would take so many jobs of these queues from now on, in place of what it offered before.
    fn offer(
        &mut self,
        host: HostId,
        peer: PeerId,
        queues: Vec<String>,
        credits: u16,
    ) -> Result<(), RpcMessageError> {
        let refused = |why: String| Err(RpcMessageError::InvalidRequest(why));
        if queues.len() > JOB_QUEUES_MAX {
            return refused(format!("an agent takes from {JOB_QUEUES_MAX} queues at most"));
        }
        let mut known = Vec::with_capacity(queues.len());
        for name in queues {
            match Queue::parse(&name) {
                Some(queue @ (Queue::Any(_) | Queue::Worker(_))) => known.push(queue),
                Some(Queue::Agent(id)) if id == host => known.push(Queue::Agent(id)),
                _ => return refused(format!("{name} is no queue that this agent may take from")),
            }
        }
        // What is new at each start of a process is known to nobody else, so it is not written down as it is.
        let start = hex::to_hex(&blake3::hash(peer.as_bytes()).as_bytes()[..4]);
        let taker = format!("{host}/{start}");
        let is_asked = self.agents.get(&host).is_some_and(|agent| agent.is_asked);
        let agent = Agent {
            peer,
            taker: taker.clone(),
            queues: known,
            credits: usize::from(credits).min(JOB_CREDITS_MAX),
            is_asked,
        };
        if self
            .agents
            .insert(host, agent)
            .is_none_or(|before| before.taker != taker)
        {
            self.give_back(host, Some(&taker));
        }
        Ok(())
    }

    /// What a host had that is gone, or was started anew under another name, is ready again at once.
    fn give_back(&self, host: HostId, but: Option<&str>) {
        let desk = &self.parts.desk;
        let of_host = format!("{host}/");
        let takers = desk.store().memory().takers();
        if let Some(exchange) = desk.exchange() {
            let theirs = exchange
                .takers()
                .into_iter()
                .filter(|taker| taker.starts_with(&of_host));
            let gone = theirs.filter(|taker| Some(taker.as_str()) != but);
            gone.for_each(|taker| exchange.give_back(taker));
        }
        for taker in takers {
            if taker.starts_with(&of_host) && Some(taker.as_str()) != but {
                let given = desk.store().give_back(desk.now(), &taker).unwrap_or_default();
                tracing::info!(%host, jobs = given, "a host is gone that had jobs; they are ready again");
                self.commit(What::Write);
            }
        }
    }

    fn end(&mut self, job: JobId, lease: u64, out: JobOut, reply: Reply) {
        let (how, deliver) = Ending::of(out);
        let event = match deliver {
            None => None,
            Some((player, event)) => match self.prepared(player, &event) {
                Some(event) => Some(event),
                // The connection of this number is never there, so the job comes back.
                None => Some((
                    u64::MAX,
                    Box::new(Prepared::new(&event, None, self.parts.outlet.now(), vec![])),
                )),
            },
        };
        self.commit(What::End {
            job,
            lease,
            how,
            event,
            reply,
        });
    }

    /// An event for a player's connection, and the number of that.
    fn prepared(&self, player: WireObj, event: &ClientEvent) -> Option<(u64, Box<Prepared>)> {
        let conn = self.parts.outside.connections.find(player.into())?.id;
        let prepared = Prepared::new(event, None, self.parts.outlet.now(), vec![conn.0]);
        Some((conn.0, Box::new(prepared)))
    }

    /// Gives out what can be.
    fn look(&mut self) {
        self.parts.desk.heard();
        for host in self.parts.desk.departed() {
            if let (Some(agent), Some(exchange)) = (self.agents.remove(&host), self.parts.desk.exchange()) {
                // Also what was given to it in an answer that was lost.
                exchange.give_back(agent.taker);
            }
            self.give_back(host, None);
        }
        for (host, count) in self.parts.desk.answered() {
            if let Some(agent) = self.agents.get_mut(&host) {
                agent.is_asked = false;
                agent.credits = agent.credits.saturating_sub(count);
            }
        }
        match self.parts.desk.exchange().cloned() {
            Some(exchange) => self.trade(&exchange),
            None => {
                self.run_in_world();
                self.assign();
            }
        }
    }

    /// Has the world do its own jobs.
    fn run_in_world(&mut self) {
        let room = WORLD_JOBS_AT_ONCE.saturating_sub(self.parts.desk.running());
        if room == 0 || self.parts.outside.is_read_only() {
            return;
        }
        let taken = self.parts.desk.take_for_world(room);
        if taken.is_empty() {
            return;
        }
        // That a job was tried is known also to a daemon that this one's last task ends.
        self.commit(What::Write);
        self.submit(taken);
    }

    fn submit(&self, taken: Vec<Taken>) {
        let jobs: Vec<_> = taken.into_iter().map(|taken| self.world_job(taken)).collect();
        if let Err(busy) = self.parts.scheduler.offer(Submit(jobs)) {
            tracing::error!(%busy, "jobs of the world could not be run; the daemon ends, and the next one runs them");
            std::process::exit(i32::from(crate::actors::kit::exit::INTERNAL));
        }
    }

    fn world_job(&self, taken: Taken) -> Assignment {
        let Taken {
            job,
            lease,
            attempt,
            owner,
            spec,
            ..
        } = taken;
        let owner = match owner {
            Some(Owner {
                world: Some(world),
                number,
            }) => Value::list(vec![Value::string(world), Value::obj(number.into())]),
            own => Value::obj(own.map_or(Obj::NOTHING, |own| own.number.into())),
        };
        let data = spec.data.open_foreign().unwrap_or(Value::int(0));
        let service = Service::job(spec.kind, data, owner, id_text(job.0), attempt);
        let task = Job {
            work: Work::Service(Arc::new(service)),
            ..errand::of_rows(&self.parts.outside, Vec::new())
        };
        let step = Step::new(
            &self.parts.desk,
            What::World {
                job,
                lease,
                how: None,
            },
        );
        Assignment {
            job: task,
            reply: None,
            after: vec![After::Job(Box::new(step))],
        }
    }

    /// Has agents given what they would take: of their own queues, and for the players whose connections they hold.
    fn assign(&mut self) {
        let players = self.waited_for();
        let mut steps = Vec::new();
        for (host, agent) in &mut self.agents {
            if agent.credits == 0 || agent.is_asked {
                continue;
            }
            let mut queues = agent.queues.clone();
            let theirs = players.iter().filter(|(_, _, at)| at == host);
            queues.extend(theirs.clone().map(|(queue, ..)| queue.clone()));
            let names = theirs.filter_map(|(queue, player, _)| match queue {
                Queue::Named(name) => Some((name.clone(), *player)),
                _ => None,
            });
            let names = names.collect();
            let store = self.parts.desk.store();
            queues.retain(|queue| store.memory().is_ready(queue));
            drop(store);
            if queues.is_empty() {
                continue;
            }
            agent.is_asked = true;
            let envelope = Envelope {
                epoch: self.parts.epoch,
                ..Envelope::default()
            };
            steps.push(What::Assign {
                host: *host,
                taker: agent.taker.clone(),
                reply: Reply {
                    to: agent.peer,
                    envelope,
                },
                queues,
                names,
                most: agent.credits,
            });
        }
        steps.into_iter().for_each(|step| self.commit(step));
    }

    /// The queues of players with jobs that may be taken, each with the player and the host that they are at.
    fn waited_for(&self) -> Vec<(Queue, WireObj, HostId)> {
        let store = self.parts.desk.store();
        let waiting: Vec<Queue> = store.memory().ready_for_players().cloned().collect();
        drop(store);
        let has_names = waiting.iter().any(|queue| matches!(queue, Queue::Named(_)));
        let names = if has_names {
            self.connected_names()
        } else {
            HashMap::new()
        };
        let connections = &self.parts.outside.connections;
        let found = waiting.into_iter().filter_map(|queue| {
            let player = match &queue {
                Queue::User(player) => *player,
                Queue::Named(name) => *names.get(name)?,
                _ => return None,
            };
            let host = HostId(connections.find(player.into())?.host().0);
            Some((queue, player, host))
        });
        found.collect()
    }

    /// Does what time asks for.
    fn sweep(&mut self) {
        let desk = &self.parts.desk;
        let mut store = desk.store();
        if let Err(error) = store.sweep(desk.now()) {
            tracing::warn!(%error, "the job store could not be looked through");
        }
        let has_rows = store.has_rows();
        drop(store);
        if has_rows {
            self.commit(What::Write);
        }
        self.look();
    }
}

impl Actor for JobBroker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(JOB_SWEEP, |broker, _| broker.sweep());
    }
}

impl Handler<Offered<Look>> for JobBroker {
    type Result = ();

    fn handle(&mut self, look: Offered<Look>, _: &mut Context<Self>) {
        look.accept();
        self.look();
    }
}

impl Handler<Offered<FromAgent>> for JobBroker {
    type Result = ();

    fn handle(&mut self, from: Offered<FromAgent>, _: &mut Context<Self>) {
        self.heard(from.accept());
    }
}
