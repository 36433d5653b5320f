//! `ChildActor`: one life of one child process. Its own end, however it comes, is the end of the process.
//!
//! Parent: the supervisor, which starts it again with the intensity of children. Bound: `PROCESS_GATE_MAX`.
//! A restart loses nothing: it *is* the restart of the process.

use super::root::{ChildEvent, FromChild, RootActor};
use super::spec::{ProcessSpec, Role};
use super::watchdog::{Alarm, Watchdog};
use crate::actors::kit::exit;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::config::Processes;
use crate::limits::{CHILD_ABORT, CHILD_BEAT};
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

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

/// What the root orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildOrder {
    /// End the process: ask first, and kill it when it has not ended in time.
    Stop,
    /// Kill it now.
    Kill,
    /// End this life, in which the process has ended already, so that the next one begins.
    Retry,
}

/// One life of a process.
pub struct ChildActor {
    spec: Arc<ProcessSpec>,
    settings: Processes,
    root: Gate<RootActor>,
    pid: Option<Pid>,
    born: Instant,
    watchdog: Watchdog,
    stopping: bool,
    _guard: ExitGuard,
}

impl ChildActor {
    /// A life that begins when the actor does.
    pub fn new(spec: Arc<ProcessSpec>, settings: Processes, root: Gate<RootActor>, guard: ExitGuard) -> Self {
        let watchdog = Watchdog::new(
            Duration::from_secs(settings.ready_timeout_s),
            Duration::from_secs(settings.watchdog_timeout_s),
            CHILD_BEAT,
        );
        ChildActor {
            spec,
            settings,
            root,
            pid: None,
            born: Instant::now(),
            watchdog,
            stopping: false,
            _guard: guard,
        }
    }

    /// Starts the process. It is killed should this actor be dropped before it.
    fn spawn(&mut self, context: &mut Context<Self>) -> std::io::Result<()> {
        let mut process = Command::new(&self.spec.program)
            .args(self.spec.command_line())
            .stdin(Stdio::null())
            // A group of its own: Ctrl-C in a terminal reaches the supervisor alone, which stops all in their order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let id = process.id().unwrap_or_default();
        self.pid = Pid::from_raw(id.cast_signed());
        self.report(ChildEvent::Started(id));
        let end = async move { process.wait().await };
        context.spawn(
            end.into_actor(self)
                .map(|status, child, context| child.on_end(status, context)),
        );
        context.run_interval(CHILD_BEAT, Self::on_tick);
        Ok(())
    }

    fn on_end(&mut self, status: std::io::Result<ExitStatus>, context: &mut Context<Self>) {
        self.pid = None;
        let (how, code) = match &status {
            Ok(status) => (describe(*status), status.code()),
            Err(error) => (error.to_string(), None),
        };
        let code = code.and_then(|code| u8::try_from(code).ok());
        // A daemon that ends well was told to by its world.
        let is_done = |code: u8| code == exit::OK && self.spec.role == Role::Daemon;
        let last = code.filter(|&code| exit::is_final(code) || is_done(code));
        self.report(ChildEvent::Ended { how, last });
        if !self.stopping && last.is_none() {
            context.stop();
        }
    }

    fn on_tick(&mut self, context: &mut Context<Self>) {
        let Some(alarm) = self.watchdog.on_tick(self.born.elapsed()) else {
            return;
        };
        let why = match alarm {
            Alarm::NotReady => "was not ready in time",
            Alarm::Silent => "shows no sign of life",
        };
        tracing::error!(child = self.spec.name, "the child {why} and is killed");
        self.signal(Signal::ABORT);
        context.run_later(CHILD_ABORT, |child, _| child.signal(Signal::KILL));
    }

    fn signal(&self, signal: Signal) {
        // While `pid` is set the process was not waited for, so its number is still its own.
        if let Some(pid) = self.pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::warn!(child = self.spec.name, %error, ?signal, "a signal did not reach the child");
        }
    }

    fn report(&self, event: ChildEvent) {
        if self
            .root
            .offer(FromChild {
                name: self.spec.name,
                event,
            })
            .is_err()
        {
            tracing::error!(child = self.spec.name, "the root actor did not take a report");
        }
    }
}

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

impl Actor for ChildActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Err(error) = self.spawn(context) {
            let how = format!("{} cannot be started: {error}", self.spec.program.display());
            self.report(ChildEvent::Ended {
                how,
                last: Some(exit::UNAVAILABLE),
            });
        }
    }
}

impl Handler<Offered<Sign>> for ChildActor {
    type Result = ();

    fn handle(&mut self, sign: Offered<Sign>, _: &mut Context<Self>) {
        let now = self.born.elapsed();
        match sign.accept() {
            Sign::Beat => self.watchdog.on_beat(now),
            Sign::Progress => self.watchdog.on_progress(now),
            Sign::Ready => self.watchdog.on_ready(now),
        }
    }
}

impl Handler<Offered<ChildOrder>> for ChildActor {
    type Result = ();

    fn handle(&mut self, order: Offered<ChildOrder>, context: &mut Context<Self>) {
        match order.accept() {
            ChildOrder::Stop => {
                self.stopping = true;
                self.signal(Signal::TERM);
                let limit = Duration::from_secs(self.settings.stop_timeout_s);
                context.run_later(limit, |child, _| child.signal(Signal::KILL));
            }
            ChildOrder::Kill => {
                self.stopping = true;
                self.signal(Signal::KILL);
            }
            ChildOrder::Retry if self.pid.is_none() => context.stop(),
            ChildOrder::Retry => {}
        }
    }
}
