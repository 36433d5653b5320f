//! `RootActor`: knows every child and decides what follows from what happens to one.
//!
//! Parent: the supervisor, which ends the program when the root does. Bound: `PROCESS_GATE_MAX`. There is no restart:
//! the children go on as orphans, and the next `moothall` adopts them.

mod messages;
mod operations;

pub use messages::{Attach, ChildEvent, Detach, EndAll, FromChild, Operate, Said, StatusFor};

use super::child::{ChildOrder, Sign, Then};
use super::children::Children;
use super::predecessors;
use super::run::{Launch, Notice};
use super::spec::Role;
use super::work::{Task, Work};
use crate::actors::kit::exit;
use crate::actors::kit::gate::Offered;
use crate::actors::kit::supervisor::ExitGuard;
use crate::protocol::control::{
    ChildPhase, ChildReady, FromSupervisor, ServerHealth, SupervisorStatus, ToSupervisor,
};
use actix::{Actor, AsyncContext, Context, Handler, System};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How far the server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not all children have been ready yet.
    Starting,
    /// All have.
    Serving,
    /// The hosts and workers were told to stop.
    EndingHosts,
    /// The daemon was told to stop.
    EndingDaemon,
}

/// The head of the server.
pub struct RootActor {
    launch: Launch,
    children: Children,
    phase: Phase,
    /// What an operator has under way, and who hears of it.
    work: Option<(Work, mpsc::Sender<FromSupervisor>)>,
    exit_code: u8,
    born: Instant,
    _guard: ExitGuard,
}

impl RootActor {
    /// A root over the children of `launch`.
    pub fn new(launch: Launch, guard: ExitGuard) -> Self {
        RootActor {
            children: Children::new(&launch.specs),
            launch,
            phase: Phase::Starting,
            work: None,
            exit_code: exit::OK,
            born: Instant::now(),
            _guard: guard,
        }
    }

    fn ending(&self) -> bool {
        matches!(self.phase, Phase::EndingHosts | Phase::EndingDaemon)
    }

    /// Gives every child of this role an actor, unless it has one.
    fn start(&mut self, role: Role) {
        for child in 0..self.children.entries.len() {
            let entry = &self.children.entries[child];
            if entry.spec.role == role && entry.gate.is_none() {
                self.start_child(child);
            }
        }
    }

    fn start_child(&mut self, child: usize) {
        let entry = &mut self.children.entries[child];
        entry.gate = Some(self.launch.start_child(&entry.spec, entry.on_probation.is_some()));
    }

    /// Starts a child that has no process, whatever it has been through.
    fn start_again(&mut self, child: usize) {
        let entry = &mut self.children.entries[child];
        entry.status.state = ChildPhase::Waiting;
        match entry.gate {
            Some(_) => entry.order(ChildOrder::Start),
            None => self.start_child(child),
        }
    }

    fn on_started(&mut self, child: usize, pid: u32) {
        let ending = self.ending();
        let entry = &mut self.children.entries[child];
        if entry.status.state == ChildPhase::Waiting {
            entry.status.restarts += 1;
        }
        entry.status.pid = Some(pid);
        entry.status.state = ChildPhase::Starting;
        tracing::info!(child = entry.spec.name, pid, "a child was started");
        if ending {
            entry.order(STOP);
        }
        self.remember_children();
    }

    fn on_ended(
        &mut self,
        child: usize,
        how: &str,
        last: Option<u8>,
        ordered: bool,
        context: &mut Context<Self>,
    ) {
        let ending = self.ending();
        let drained = self
            .work
            .as_ref()
            .is_some_and(|(work, _)| work.task() == Task::Drain && work.is_doing(child));
        let entry = &mut self.children.entries[child];
        let (name, role) = (entry.spec.name, entry.spec.role);
        entry.on_ended(match ending || (ordered && drained) {
            true => ChildPhase::Stopped,
            false => ChildPhase::Waiting,
        });
        if role != Role::Daemon {
            let ended = FromSupervisor::HostEnded {
                host: name.to_owned(),
            };
            // A daemon that is not there, or does not listen, finds out by its pings.
            self.children.ready_daemon().map(|daemon| daemon.say(ended));
        }
        if ending || ordered {
            tracing::info!(child = name, how, "a child ended");
        } else {
            tracing::warn!(child = name, how, "a child ended");
        }
        self.remember_children();
        if ending {
            return self.go_on_ending();
        }
        self.step(child, &format!("{name} has ended: {how}"));
        self.go_on_working(|work| work.on_ended(child));
        let Some(code) = last else { return };
        if self.phase == Phase::Serving && role != Role::Daemon {
            self.fail(child, context);
        } else {
            if code != exit::OK {
                (self.launch.voice)(Notice::Failed(&format!("the {name} could not go on: {how}")));
            }
            self.end_all(code);
        }
    }

    fn on_given_up(&mut self, child: usize, context: &mut Context<Self>) {
        let window = Duration::from_secs(self.launch.settings.restart_window_s);
        let entry = &mut self.children.entries[child];
        entry.gate = None;
        let name = entry.spec.name;
        if entry.spec.role == Role::Daemon || self.phase == Phase::Starting {
            (self.launch.voice)(Notice::Failed(&format!(
                "the {name} ended too often and is not started again"
            )));
            self.end_all(exit::INTERNAL);
        } else if entry
            .on_probation
            .take()
            .is_some_and(|since| since.elapsed() >= window)
        {
            // The one more try held for long, so this is a new story.
            self.start_again(child);
        } else {
            self.fail(child, context);
        }
    }

    /// Goes on without a host or a worker, and tries it again later.
    fn fail(&mut self, child: usize, context: &mut Context<Self>) {
        let retry = Duration::from_secs(self.launch.settings.retry_after_s);
        let entry = &mut self.children.entries[child];
        let name = entry.spec.name;
        entry.status.state = ChildPhase::Failed;
        tracing::error!(child = name, ?retry, "a child failed; it is tried again later");
        self.refuse_work(&format!("{name} failed; the log says why"));
        self.tell_manager(None);
        context.run_later(retry, move |root, _| {
            let entry = &mut root.children.entries[child];
            if entry.status.state == ChildPhase::Failed {
                entry.on_probation = Some(Instant::now());
                root.start_again(child);
            }
        });
    }

    fn on_ready(&mut self, child: usize, ready: ChildReady) {
        let ending = self.ending();
        let entry = &mut self.children.entries[child];
        let name = entry.spec.name;
        if !entry.spec.fits(&ready) && !ending {
            tracing::warn!(
                child = name,
                "an adopted process serves elsewhere and is replaced"
            );
            return entry.stop_gently(Then::Again);
        }
        entry.status.state = ChildPhase::Ready;
        entry.status.addresses = ready.addresses.clone();
        // Only the first one counts: it says which ports the system chose.
        entry.spec.first_ready.get_or_init(|| ready);
        tracing::info!(child = name, "a child is ready");
        if entry.spec.role == Role::Daemon && !ending {
            Role::BESIDE.into_iter().for_each(|role| self.start(role));
            self.children.ask_for_tokens();
        }
        if self.phase == Phase::Starting && self.children.are_all(ChildPhase::Ready) {
            self.phase = Phase::Serving;
            self.announce();
        }
        self.tell_manager(None);
        self.step(child, &format!("{name} is ready"));
        self.go_on_working(|work| work.on_ready(child));
    }

    /// Says to whoever started the server where it is.
    fn announce(&self) {
        let entries = &self.children.entries;
        for (service, address) in entries.iter().flat_map(|entry| &entry.status.addresses) {
            let words = address
                .rsplit_once(':')
                .map_or_else(|| address.clone(), |(ip, port)| format!("{ip} {port}"));
            (self.launch.voice)(Notice::Ready(&format!("Moothall is ready: {service} {words}")));
        }
        let ready = entries.iter().filter_map(|entry| entry.spec.first_ready.get());
        let notes = ready.flat_map(|ready| &ready.notes);
        notes.for_each(|note| (self.launch.voice)(Notice::Ready(note)));
        self.launch.notifier.ready();
    }

    fn health(&self) -> ServerHealth {
        match self.phase {
            Phase::Starting => ServerHealth::Starting,
            Phase::Serving if self.children.are_all(ChildPhase::Ready) => ServerHealth::Ok,
            Phase::Serving => ServerHealth::Degraded,
            Phase::EndingHosts | Phase::EndingDaemon => ServerHealth::Ending,
        }
    }

    /// Tells the service manager how all is, in words; `doing` says what a long start is at, which may take longer.
    fn tell_manager(&self, doing: Option<&str>) {
        let more = Duration::from_secs(self.launch.settings.ready_timeout_s);
        let more = (self.phase == Phase::Starting).then_some(more);
        let words = match self.health() {
            ServerHealth::Starting => doing.unwrap_or("starting").to_owned(),
            ServerHealth::Ok => "serving".to_owned(),
            ServerHealth::Ending => "ending".to_owned(),
            ServerHealth::Degraded => {
                let missing = self.children.entries.iter();
                let missing: Vec<&str> = missing
                    .filter(|entry| entry.status.state != ChildPhase::Ready)
                    .map(|entry| entry.spec.name)
                    .collect();
                format!("serving without: {}", missing.join(", "))
            }
        };
        self.launch.notifier.status(&words, more);
    }

    /// Ends the hosts and workers and then the daemon; the program exits with `code` after that.
    fn end_all(&mut self, code: u8) {
        if self.ending() {
            let all = Role::BESIDE.into_iter().chain([Role::Daemon]);
            all.for_each(|role| self.children.order(role, ChildOrder::Kill));
            return;
        }
        self.refuse_work("the server ends");
        self.exit_code = code;
        self.phase = Phase::EndingHosts;
        self.launch.supervisor.let_end();
        self.launch.notifier.stopping();
        Role::BESIDE
            .into_iter()
            .for_each(|role| self.children.order(role, STOP));
        self.go_on_ending();
    }

    fn go_on_ending(&mut self) {
        if self.phase == Phase::EndingHosts
            && Role::BESIDE.into_iter().all(|role| self.children.are_gone(role))
        {
            self.phase = Phase::EndingDaemon;
            self.children.order(Role::Daemon, STOP);
        }
        if self.phase == Phase::EndingDaemon && self.children.are_gone(Role::Daemon) {
            System::current().stop_with_code(self.exit_code.into());
        }
    }

    fn remember_children(&self) {
        let running = self
            .children
            .entries
            .iter()
            .filter_map(|entry| Some((entry.spec.name, entry.status.pid?)));
        if let Err(error) = predecessors::remember(&self.launch.run_dir, running) {
            tracing::warn!(%error, "the list of children cannot be written");
        }
    }
}

/// How a child is ended with the server.
const STOP: ChildOrder = ChildOrder::Stop {
    asked: false,
    then: Then::Stay,
};

impl Actor for RootActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for child in 0..self.children.entries.len() {
            if self.children.entries[child].spec.has_orphan() {
                self.start_child(child);
            }
        }
        self.start(Role::Daemon);
        if self.children.of(Role::Daemon).next().is_none() {
            Role::BESIDE.into_iter().for_each(|role| self.start(role));
        }
        if let Some(beat) = self.launch.notifier.beat() {
            context.run_interval(beat, |root, _| root.launch.notifier.alive());
        }
    }
}

impl Handler<Offered<FromChild>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<FromChild>, context: &mut Context<Self>) {
        let FromChild { name, event } = message.accept();
        let Some(child) = self.children.named(name) else {
            return;
        };
        match event {
            ChildEvent::Started(pid) => self.on_started(child, pid),
            ChildEvent::Ended { how, last, ordered } => self.on_ended(child, &how, last, ordered, context),
            ChildEvent::GivenUp => self.on_given_up(child, context),
        }
    }
}

impl Handler<Offered<Attach>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Attach>, _: &mut Context<Self>) {
        let Attach { name, pid, peer } = message.accept();
        match self.children.find(&name, pid) {
            Some(child) => {
                self.children.entries[child].peer = Some(peer);
                self.children.entries[child].say(FromSupervisor::Known);
            }
            // Dropping its sender hangs up on it.
            None => tracing::warn!(name, pid, "a process that is no child of ours was hung up on"),
        }
    }
}

impl Handler<Offered<Detach>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Detach>, _: &mut Context<Self>) {
        let Detach { name, pid } = message.accept();
        if let Some(child) = self.children.find(&name, pid) {
            self.children.entries[child].peer = None;
        }
    }
}

impl Handler<Offered<Said>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Said>, _: &mut Context<Self>) {
        let Said { name, pid, message } = message.accept();
        let Some(child) = self.children.find(&name, pid) else {
            return;
        };
        let entry = &mut self.children.entries[child];
        let sign = match &message {
            ToSupervisor::Progress(_) => Sign::Progress,
            ToSupervisor::Ready(_) => Sign::Ready,
            _ => Sign::Beat,
        };
        if let Some(gate) = &entry.gate
            && gate.offer(sign).is_err()
        {
            tracing::debug!(name, "a sign of life was not taken");
        }
        match message {
            ToSupervisor::Progress(what) => {
                tracing::info!(child = name, what, "a child goes on");
                self.tell_manager(Some(&what));
                self.step(child, &format!("{name}: {what}"));
            }
            ToSupervisor::Ready(ready) => self.on_ready(child, ready),
            ToSupervisor::WantToken => {
                entry.wants_token = true;
                self.children.ask_for_tokens();
            }
            ToSupervisor::Minted { request, token } if entry.spec.role == Role::Daemon => {
                self.children.on_minted(request, token);
            }
            _ => {}
        }
    }
}

impl Handler<Offered<StatusFor>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<StatusFor>, _: &mut Context<Self>) {
        let status = SupervisorStatus {
            pid: std::process::id(),
            uptime_s: self.born.elapsed().as_secs(),
            health: self.health(),
            children: self
                .children
                .entries
                .iter()
                .map(|entry| entry.status.clone())
                .collect(),
        };
        // Whoever asked may have gone.
        message.accept().0.send(status).ok();
    }
}

impl Handler<Offered<EndAll>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<EndAll>, _: &mut Context<Self>) {
        message.accept();
        self.end_all(exit::OK);
    }
}
