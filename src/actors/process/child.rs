//! `ChildActor`: the process of one child, from its start or adoption to an end that nobody ordered, which is the
//! actor's end too.
//!
//! Parent: the supervisor, which starts it again with the intensity of children. Bound: `PROCESS_GATE_MAX`.
//! A restart loses nothing: it *is* the restart of the process. What is ordered counts towards no intensity.

use super::notify;
use super::root::{ChildEvent, FromChild, RootActor};
use super::running::{End, Handle, Running};
use super::spec::{ProcessSpec, Role};
use super::watchdog::{Alarm, Watchdog};
use crate::actors::kit::exit;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::config::Processes;
use crate::limits::{CHILD_ABORT, CHILD_BEAT, CHILD_GONE};
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture};
use rustix::process::Signal;
use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// A sign of life, passed on by the root, which has checked whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The main arbiter runs.
    Beat,
    /// The start goes on.
    Progress,
    /// It serves.
    Ready,
}

/// What follows the end that was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// No process, until one is ordered.
    Stay,
    /// The next process.
    Again,
}

/// What the root orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildOrder {
    /// End the process, and kill it when it has not ended in time.
    Stop {
        /// Whether it was asked to already; else it is sent SIGTERM.
        asked: bool,
        /// What then.
        then: Then,
    },
    /// Kill it now.
    Kill,
    /// Start a process, unless there is one.
    Start,
}

/// The life of a process.
struct Life {
    process: Handle,
    born: Instant,
    watchdog: Watchdog,
    ticks: SpawnHandle,
    /// Kills it, if it is still there when its time is over.
    deadline: Option<SpawnHandle>,
    /// What follows, if its end was ordered.
    then: Option<Then>,
}

/// A child.
pub struct ChildActor {
    spec: Arc<ProcessSpec>,
    settings: Processes,
    root: Gate<RootActor>,
    life: Option<Life>,
    /// The wait for the last process to be gone, after which the next one is started.
    waiting: Option<SpawnHandle>,
    _guard: ExitGuard,
}

impl ChildActor {
    /// A child whose process is started, or adopted, when the actor is.
    pub fn new(spec: Arc<ProcessSpec>, settings: Processes, root: Gate<RootActor>, guard: ExitGuard) -> Self {
        ChildActor {
            spec,
            settings,
            root,
            life: None,
            waiting: None,
            _guard: guard,
        }
    }

    fn begin(&mut self, context: &mut Context<Self>) {
        if self.life.is_some() || self.waiting.is_some() {
            return;
        }
        // A panic of this actor leaves its process behind, and that its port, for a moment.
        if let Some(last) = self.spec.still_there() {
            return self.wait_for(last, context);
        }
        let begun = match self.spec.take_orphan() {
            Some(orphan) => Ok(Running::adopt(orphan)),
            None => self.spawn(),
        };
        match begun {
            Ok(running) => self.watch(running, context),
            Err(error) => self.report(ChildEvent::Ended {
                how: format!("{} cannot be started: {error}", self.spec.program.display()),
                last: Some(exit::UNAVAILABLE),
                ordered: false,
            }),
        }
    }

    /// Begins once the last process is gone. There is no limit, since two at once would fight over a port or the data.
    fn wait_for(&mut self, last: Handle, context: &mut Context<Self>) {
        let name = self.spec.name;
        // One that has just ended is what is wanted.
        last.signal(Signal::KILL).ok();
        let gone = async move {
            let mut gone = pin!(last.gone());
            if let Ok(gone) = timeout(CHILD_GONE, gone.as_mut()).await {
                return gone;
            }
            let pid = last.pid();
            tracing::warn!(
                child = name,
                pid,
                "the last process was killed and has not gone; the next one waits for that"
            );
            gone.await
        };
        let begin = |gone: io::Result<()>, child: &mut Self, context: &mut Context<Self>| {
            child.waiting = None;
            match gone {
                Ok(()) => child.begin(context),
                Err(error) => {
                    child.report(ChildEvent::Ended {
                        how: format!("its last process cannot be waited for: {error}"),
                        last: None,
                        ordered: false,
                    });
                    context.stop();
                }
            }
        };
        self.waiting = Some(context.spawn(gone.into_actor(self).map(begin)));
    }

    /// Starts no process after all, unless another one is to follow: it does already. Nothing if none is waited for.
    fn stop_waiting(&mut self, then: Then, context: &mut Context<Self>) {
        if let Some(waiting) = self.waiting.take_if(|_| then == Then::Stay) {
            context.cancel_future(waiting);
            self.report(ChildEvent::Ended {
                how: "it was to stop before its next process was started".to_owned(),
                last: None,
                ordered: true,
            });
        }
    }

    /// Starts the process, always from the main thread.
    fn spawn(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.spec.program);
        command
            .args(self.spec.command_line())
            .stdin(Stdio::null())
            // A group of its own: Ctrl-C in a terminal reaches the supervisor alone, which stops all in their order.
            .process_group(0)
            .kill_on_drop(true);
        notify::VARIABLES.iter().for_each(|variable| {
            command.env_remove(variable);
        });
        Running::of_child(command.spawn()?)
    }

    fn watch(&mut self, running: Running, context: &mut Context<Self>) {
        let process = running.handle();
        self.spec.runs(process.clone());
        self.report(ChildEvent::Started(process.pid()));
        let seconds = Duration::from_secs;
        let watchdog = Watchdog::new(
            seconds(self.settings.ready_timeout_s),
            seconds(self.settings.watchdog_timeout_s),
            CHILD_BEAT,
        );
        let end = running.end().into_actor(self);
        context.spawn(end.map(|end, child, context| child.on_end(end, context)));
        self.life = Some(Life {
            process,
            born: Instant::now(),
            watchdog,
            ticks: context.run_interval(CHILD_BEAT, Self::on_tick),
            deadline: None,
            then: None,
        });
    }

    fn on_end(&mut self, end: End, context: &mut Context<Self>) {
        let Some(life) = self.life.take() else { return };
        context.cancel_future(life.ticks);
        life.deadline.map(|deadline| context.cancel_future(deadline));
        // A daemon that ends well was told to by its world.
        let is_done = |code: u8| code == exit::OK && self.spec.role == Role::Daemon;
        let last = end.code.filter(|&code| exit::is_final(code) || is_done(code));
        self.report(ChildEvent::Ended {
            how: end.how,
            last: last.filter(|_| life.then.is_none()),
            ordered: life.then.is_some(),
        });
        match life.then {
            Some(Then::Again) => self.begin(context),
            Some(Then::Stay) => {}
            None if last.is_none() => context.stop(),
            None => {}
        }
    }

    fn on_tick(&mut self, context: &mut Context<Self>) {
        let name = self.spec.name;
        let Some(life) = &mut self.life else { return };
        let Some(alarm) = life.watchdog.on_tick(life.born.elapsed()) else {
            return;
        };
        let why = match alarm {
            Alarm::NotReady => "was not ready in time",
            Alarm::Silent => "shows no sign of life",
        };
        tracing::error!(child = name, "the child {why} and is killed");
        self.signal(Signal::ABORT);
        self.kill_after(CHILD_ABORT, context);
    }

    fn kill_after(&mut self, time: Duration, context: &mut Context<Self>) {
        if let Some(life) = &mut self.life {
            let deadline = context.run_later(time, |child, _| child.signal(Signal::KILL));
            let earlier = life.deadline.replace(deadline);
            earlier.map(|earlier| context.cancel_future(earlier));
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(life) = &self.life
            && let Err(error) = life.process.signal(signal)
        {
            tracing::warn!(child = self.spec.name, %error, ?signal, "a signal did not reach the child");
        }
    }

    fn report(&self, event: ChildEvent) {
        let name = self.spec.name;
        if self.root.offer(FromChild { name, event }).is_err() {
            tracing::error!(child = name, "the root actor did not take a report");
        }
    }
}

impl Actor for ChildActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.begin(context);
    }
}

impl Handler<Offered<Sign>> for ChildActor {
    type Result = ();

    fn handle(&mut self, sign: Offered<Sign>, context: &mut Context<Self>) {
        let sign = sign.accept();
        let Some(life) = &mut self.life else { return };
        let now = life.born.elapsed();
        match sign {
            Sign::Beat => life.watchdog.on_beat(now),
            // A child that was told to stop may have much to put away.
            Sign::Progress if life.then.is_some() => {
                self.kill_after(Duration::from_secs(self.settings.stop_timeout_s), context);
            }
            Sign::Progress => life.watchdog.on_progress(now),
            Sign::Ready => life.watchdog.on_ready(now),
        }
    }
}

impl Handler<Offered<ChildOrder>> for ChildActor {
    type Result = ();

    fn handle(&mut self, order: Offered<ChildOrder>, context: &mut Context<Self>) {
        let order = order.accept();
        match (&mut self.life, order) {
            (Some(life), ChildOrder::Stop { asked, then }) => {
                life.then = Some(then);
                if !asked {
                    self.signal(Signal::TERM);
                }
                self.kill_after(Duration::from_secs(self.settings.stop_timeout_s), context);
            }
            (Some(life), ChildOrder::Kill) => {
                life.then = Some(Then::Stay);
                self.signal(Signal::KILL);
            }
            (None, ChildOrder::Start) => self.begin(context),
            (None, ChildOrder::Stop { then, .. }) => self.stop_waiting(then, context),
            (None, ChildOrder::Kill) => self.stop_waiting(Then::Stay, context),
            (Some(_), ChildOrder::Start) => {}
        }
    }
}
