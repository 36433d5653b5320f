//! `SchedulerActor`: gives tasks to executors and carries out what their reports ask for.
//!
//! Parent: the supervisor. Bound: [`SCHEDULER_GATE_MAX`](crate::limits::SCHEDULER_GATE_MAX) messages; tasks themselves are bounded by the board, by one
//! command a connection, and by what programs may ask besides. The core is [`moo_tasks::scheduler`]. It is not restarted by itself: attempts in flight would
//! be lost to it, so its panic ends the process, and the next one finds every waiting task in the store.

mod awaiting;
mod counting;
mod input;
mod restore;
mod telling;
mod work;

use super::connection::{Carry, ConnectionActor, Finished};
use super::errand;
use super::executor::{Assignment, Executors, Ready, lane_of, micros, wall_seconds};
use super::lifecycle::Request as LifecycleRequest;
use super::worker::WorkerActor;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::limits::{HOOK_TRIES_MAX, WALL_CLOCK_LOOK};
use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle};
use moo_model::Value;
use moo_model::world::{Transaction, World};
use moo_tasks::attempt::{End, Failure, Job, Report, Work};
use moo_tasks::board::{Waiting, WaitsFor};
use moo_tasks::connections::Connection;
use moo_tasks::held::Effect;
use moo_tasks::outside::Outside;
use moo_tasks::scheduler::{Action, Event, Micros, Scheduler, Waker};
use moo_tasks::snapshot;
use moo_vm::builtins;
use moo_vm::options::ServerOptions;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// New tasks.
pub struct Submit(pub Vec<Assignment>);

/// A verb that the server calls, for somebody who waits until its first slice has ended.
pub struct RunHook(pub Assignment, pub oneshot::Sender<()>);

/// Tasks that are to end: their connection is gone.
pub struct EndTasks(pub Vec<i64>);

pub use awaiting::AwaitReports;
pub use counting::CountTasks;
pub use input::{Answer, Input, Woken};
pub use restore::{HostsBack, Restore};
pub use work::{Worked, WorkedTask};

/// Executors have reports, or tasks that were held back may begin.
pub struct TakeReports;

/// The world is closed: nothing new begins. Answered when nothing runs any more.
pub struct Stop(pub oneshot::Sender<()>);

/// What a task is about to do.
enum Pending {
    /// Its first slice.
    First(Box<Assignment>),
    /// Its next slice, or the first one of a forked task.
    Waited(Arc<Waiting>),
    /// An errand in place of this task, which ended before it came to a line that it was given.
    InPlaceOf(i64, Box<Assignment>),
    /// A hook that others have kept from its commit so often.
    Again(Box<Assignment>, u32),
}

/// What the scheduler is made with.
#[derive(Clone)]
pub struct SchedulerParts {
    /// What surrounds the world.
    pub outside: Arc<Outside>,
    /// The world, for `$server_options`.
    pub world: Arc<World>,
    /// The executors.
    pub executors: Arc<Executors>,
    /// Tasks that may be with executors at once.
    pub slots: usize,
    /// The same, of one player.
    pub lane_slots: usize,
    /// Rung when a program wants anonymous objects collected.
    pub collector: Arc<Notify>,
    /// Where dumps and the server's end are asked for.
    pub lifecycle: mpsc::Sender<LifecycleRequest>,
    /// The connections; set once they are there.
    pub connections: Arc<OnceLock<Gate<ConnectionActor>>>,
    /// Who gives work out; set once it is there.
    pub workers: Arc<OnceLock<Gate<WorkerActor>>>,
}

/// The scheduler.
pub struct SchedulerActor {
    parts: SchedulerParts,
    core: Scheduler<Pending, Woken>,
    actions: Vec<Action<Pending, Woken>>,
    /// What is known of each task that is with an executor.
    running: HashMap<i64, Running>,
    timer: Option<(Micros, SpawnHandle)>,
    /// Who waits for the end of a task's first slice.
    awaited: HashMap<i64, oneshot::Sender<()>>,
    stopping: Option<oneshot::Sender<()>>,
    /// Stored tasks that wait until hosts are back, each with what wakes it.
    overdue: Vec<(i64, Option<Woken>)>,
    /// What the connections have not taken yet. Nothing begins meanwhile, so it grows by what runs already, and no more.
    untold: Vec<Finished>,
    /// What workers gave to tasks of which it is not known here yet that they wait.
    early: HashMap<i64, WorkedTask>,
    _guard: ExitGuard,
}

struct Running {
    kill: Arc<AtomicBool>,
    conn: Option<Arc<Connection>>,
    /// Whoever gave it waits to hear that it is done.
    is_errand: bool,
    /// The task under whose number that is told.
    told_as: i64,
    /// A hook, to be tried again if it must, and how often it was.
    hook: Option<(Job, u32)>,
    /// Those who wait for the reports of all that ran when they asked.
    awaited_by: Vec<Arc<awaiting::AllReported>>,
}

impl SchedulerActor {
    /// A scheduler without tasks.
    pub fn new(parts: SchedulerParts, guard: ExitGuard) -> Self {
        SchedulerActor {
            core: Scheduler::new(parts.slots, parts.lane_slots),
            parts,
            actions: Vec::new(),
            running: HashMap::new(),
            timer: None,
            awaited: HashMap::new(),
            stopping: None,
            overdue: Vec::new(),
            untold: Vec::new(),
            early: HashMap::new(),
            _guard: guard,
        }
    }

    fn on(&mut self, event: Event<Pending, Woken>) {
        let now = micros(wall_seconds());
        self.core
            .hold(self.parts.outside.is_read_only() || !self.untold.is_empty());
        self.core.on(now, event, &mut self.actions);
    }

    /// Carries out what has come together, and sees to the next moment.
    fn act(&mut self, context: &mut Context<Self>) {
        let mut assignments = Vec::new();
        // What is submitted here may start at once.
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Start {
                        id,
                        work,
                        woken,
                        since,
                    } => assignments.push(Ready {
                        assignment: self.assignment(id, work, woken),
                        since,
                    }),
                    Action::Gone { id, woken } => {
                        self.withdraw(id);
                        self.parts.outside.board.remove(id);
                        woken.into_iter().for_each(|woken| self.settle_unread(id, woken));
                    }
                    Action::Stop(id) => {
                        if let Some(running) = self.running.get(&id) {
                            running.kill.store(true, Ordering::Relaxed);
                        }
                    }
                    Action::Forget(id) => self.delete_stored(id),
                }
            }
        }
        if !assignments.is_empty() {
            self.parts.executors.assign(assignments);
        }
        self.set_timer(context);
        if self.running.is_empty()
            && let Some(stopping) = self.stopping.take()
        {
            // Whoever asked may have stopped waiting.
            stopping.send(()).ok();
        }
    }

    /// A task that deletes the row of another one, which was killed too late.
    fn delete_stored(&mut self, id: i64) {
        self.parts.outside.board.remove(id);
        let job = errand::of_rows(&self.parts.outside, vec![snapshot::gone(id)]);
        self.submit(errand::unasked(job));
    }

    fn assignment(&mut self, id: i64, work: Pending, woken: Option<Woken>) -> Assignment {
        // A connection whose line wakes the task takes up no other until this slice says whether it reads on.
        let (mut reads_from, mut told_as, mut tries) = (None, id, 0);
        let assignment = match work {
            Pending::First(assignment) => *assignment,
            Pending::InPlaceOf(task, assignment) => {
                told_as = task;
                *assignment
            }
            Pending::Again(assignment, before) => {
                tries = before;
                *assignment
            }
            Pending::Waited(waiting) => {
                let object = waiting.reads_from();
                reads_from = object.and_then(|object| self.parts.outside.connections.find(object));
                self.parts.outside.board.start(id);
                let machine = waiting.machine.clone();
                let Woken {
                    value,
                    rows,
                    reply,
                    after,
                } = woken.unwrap_or_else(|| Ok(Value::int(0)).into());
                let work = match waiting.waits_for {
                    WaitsFor::Start(_) => Work::Start(machine),
                    _ => Work::Resume { machine, wake: value },
                };
                let job = Job {
                    id,
                    player: waiting.player,
                    conn: None,
                    work,
                    stored: true,
                    rows,
                    conns: Vec::new(),
                    kill: Arc::default(),
                };
                Assignment { job, reply, after }
            }
        };
        let running = Running {
            is_errand: matches!(
                assignment.job.work,
                Work::Rows | Work::Request(_) | Work::Service(_)
            ),
            kill: assignment.job.kill.clone(),
            conn: assignment.job.conn.clone().or(reads_from),
            told_as,
            awaited_by: Vec::new(),
            hook: matches!(assignment.job.work, Work::Hook { .. }).then(|| (assignment.job.clone(), tries)),
        };
        self.running.insert(id, running);
        assignment
    }

    fn submit(&mut self, assignment: Assignment) {
        let id = assignment.job.id;
        let lane = lane_of(&assignment.job);
        let work = Pending::First(Box::new(assignment));
        self.on(Event::Submit { id, lane, work });
    }

    /// A task waits from now on, or was found waiting in the store.
    fn add(&mut self, waiting: Arc<Waiting>) {
        let (id, lane, until) = (waiting.id, waiting.player.0, waiting.waits_for.until());
        self.parts.outside.board.put(waiting.clone());
        self.on(Event::Add {
            id,
            lane,
            until,
            work: Pending::Waited(waiting),
        });
    }

    /// Takes in what came of a slice; gives what its connections must know.
    fn report(&mut self, report: Report, finished: &mut Vec<Finished>) {
        let Report {
            id,
            end,
            effects,
            spawned,
            login,
            ..
        } = report;
        let mut running = self.running.remove(&id);
        // Dropped when all of the report was taken in.
        let _told_at_the_end = running
            .as_mut()
            .map(|running| std::mem::take(&mut running.awaited_by));
        if let (End::Failed(Failure::Contended), Some(running)) = (&end, &mut running)
            && let Some((job, tries)) = running.hook.take()
        {
            return self.try_again(job, tries + 1);
        }
        let is_errand = running.as_ref().is_some_and(|running| running.is_errand);
        let told_as = running.as_ref().map_or(id, |running| running.told_as);
        let conn = running.and_then(|running| running.conn);
        if let Some(waiter) = self.awaited.remove(&id) {
            // Whoever asked may have stopped waiting.
            waiter.send(()).ok();
        }
        let mut reads = None;
        match &end {
            End::Waits(waiting) => {
                reads = waiting.reads_from();
                self.pause(waiting.clone());
            }
            End::Done(_) | End::Failed(_) => {
                self.parts.outside.board.remove(id);
                self.on(Event::Ended(id));
                self.settle_early(id);
            }
        }
        spawned
            .into_iter()
            .for_each(|waiting| self.add(Arc::new(waiting)));
        let carry = self.carry_out(effects);
        if conn.is_some() || is_errand || reads.is_some() || !carry.is_empty() {
            finished.push(Finished {
                task: told_as,
                conn,
                login,
                carry,
                reads,
            });
        }
    }

    /// A hook did not come to its commit, and nobody else would have it run. One that never does is given up in the end,
    /// with its rows written all the same.
    fn try_again(&mut self, mut job: Job, tries: u32) {
        self.on(Event::Ended(job.id));
        if tries >= HOOK_TRIES_MAX {
            tracing::error!(task = job.id, player = %job.player, "a hook was given up: others kept changing what it reads");
            job.work = Work::Rows;
        }
        let (id, lane) = (job.id, job.player.0);
        let work = Pending::Again(Box::new(errand::unasked(job)), tries);
        self.on(Event::Submit { id, lane, work });
    }

    fn pause(&mut self, waiting: Arc<Waiting>) {
        let (id, until) = (waiting.id, waiting.waits_for.until());
        self.parts.outside.board.put(waiting.clone());
        self.on(Event::Paused {
            id,
            until,
            work: Pending::Waited(waiting),
        });
        self.settle_early(id);
    }

    /// Does what concerns tasks and the server; gives back what concerns connections.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<Carry> {
        let mut carried = Vec::new();
        for effect in effects {
            match effect {
                Effect::Resume(id, value) => {
                    self.parts.outside.board.wake(id, &value);
                    self.on(Event::Wake {
                        id,
                        by: Waker::Resume,
                        value: Ok(value).into(),
                    });
                }
                Effect::Kill(id) => {
                    let reader = self.parts.outside.board.find(id);
                    if let Some(object) = reader.and_then(|task| task.reads_from()) {
                        carried.push(Carry::StopReading(id, object));
                    }
                    self.on(Event::Kill(id));
                }
                Effect::Log { text, is_error } if is_error => tracing::error!(target: "world", "{text}"),
                Effect::Log { text, .. } => tracing::info!(target: "world", "{text}"),
                Effect::Shutdown(words) => self.ask(LifecycleRequest::Shutdown(words)),
                Effect::Dump => self.ask(LifecycleRequest::Dump),
                Effect::Collect => self.parts.collector.notify_one(),
                Effect::LoadOptions => self.load_options(),
                effect => carried.push(Carry::Effect(effect)),
            }
        }
        carried
    }

    fn ask(&self, request: LifecycleRequest) {
        if let Err(error) = self.parts.lifecycle.try_send(request) {
            tracing::warn!(%error, "a request for a dump or the server's end was not taken");
        }
    }

    fn load_options(&self) {
        let mut tx = Transaction::begin(&self.parts.world, Box::default());
        let names = builtins::all().map(|builtin| builtin.name);
        let options = ServerOptions::load(&mut tx, names);
        if let Some(unreadable) = tx.unreadable() {
            tracing::error!(%unreadable, "$server_options stay as they were");
            return;
        }
        self.parts.outside.set_options(options);
    }

    /// Moments are those of the wall clock, which may be set: it is looked at again after a while in any case.
    fn set_timer(&mut self, context: &mut Context<Self>) {
        let next = self.core.next_moment();
        if next == self.timer.as_ref().map(|(at, _)| *at) {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            context.cancel_future(handle);
        }
        self.timer = next.map(|at| {
            let wait = Duration::from_micros(at.saturating_sub(micros(wall_seconds())));
            let handle = context.run_later(wait.min(WALL_CLOCK_LOOK), |scheduler, context| {
                scheduler.timer = None;
                scheduler.on(Event::Tick);
                scheduler.act(context);
            });
            (at, handle)
        });
    }
}

impl Actor for SchedulerActor {
    type Context = Context<Self>;
}

impl Handler<Offered<Submit>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, submit: Offered<Submit>, context: &mut Context<Self>) {
        submit
            .accept()
            .0
            .into_iter()
            .for_each(|assignment| self.submit(assignment));
        self.act(context);
    }
}

impl Handler<Offered<RunHook>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, hook: Offered<RunHook>, context: &mut Context<Self>) {
        let RunHook(assignment, waiter) = hook.accept();
        self.awaited.insert(assignment.job.id, waiter);
        self.submit(assignment);
        self.act(context);
    }
}

impl Handler<Offered<EndTasks>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, end: Offered<EndTasks>, context: &mut Context<Self>) {
        for id in end.accept().0 {
            if self.core.knows(id) {
                self.on(Event::Kill(id));
                self.delete_stored(id);
            }
        }
        self.act(context);
    }
}

impl Handler<Offered<TakeReports>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, take: Offered<TakeReports>, context: &mut Context<Self>) {
        take.accept();
        let mut finished = Vec::new();
        for report in self.parts.executors.reports() {
            self.report(report, &mut finished);
        }
        self.on(Event::Tick);
        self.act(context);
        self.tell_connections(finished, context);
    }
}

impl Handler<Offered<Stop>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, stop: Offered<Stop>, context: &mut Context<Self>) {
        self.core.close();
        self.stopping = Some(stop.accept().0);
        self.act(context);
    }
}
