//! `RootActor`: knows every child and decides what follows from what happens to one.
//!
//! Parent: the supervisor, which ends the program when the root does. Bound: `PROCESS_GATE_MAX`. There is no restart.

use super::child::{ChildActor, ChildOrder, Sign};
use super::predecessors;
use super::run::{Launch, Notice};
use super::spec::{ProcessSpec, Role};
use crate::actors::kit::exit;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::limits::CHILD_SLOW_RETRY;
use crate::protocol::control::{
    ChildPhase, ChildReady, ChildStatus, FromSupervisor, SupervisorStatus, ToSupervisor,
};
use actix::{Actor, AsyncContext, Context, Handler, System};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Something that happened to a process, told by its actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEvent {
    /// A process was started.
    Started(u32),
    /// It ended, or could not be started.
    Ended {
        /// In words.
        how: String,
        /// The exit code, if it would end so again.
        last: Option<u8>,
    },
    /// It ended too often, and its actor with it.
    GivenUp,
}

/// An event and whose it is.
pub struct FromChild {
    /// The name in the table.
    pub name: &'static str,
    /// What happened.
    pub event: ChildEvent,
}

/// A process has connected to the control socket.
pub struct Attach {
    /// The name it gives itself.
    pub name: String,
    /// What the kernel calls it.
    pub pid: u32,
    /// The way to it.
    pub peer: mpsc::Sender<FromSupervisor>,
}

/// An attached process said something.
pub struct Said {
    /// As in `Attach`.
    pub name: String,
    /// As in `Attach`.
    pub pid: u32,
    /// What it said.
    pub message: ToSupervisor,
}

/// An attached process has hung up.
pub struct Detach {
    /// As in `Attach`.
    pub name: String,
    /// As in `Attach`.
    pub pid: u32,
}

/// Asks for the state of all.
pub struct StatusFor(pub oneshot::Sender<SupervisorStatus>);

/// The operator, or the system, wants the server to end. A second time it ends at once.
pub struct EndAll;

/// One child and what is known of it.
struct Entry {
    spec: Arc<ProcessSpec>,
    gate: Option<Gate<ChildActor>>,
    peer: Option<mpsc::Sender<FromSupervisor>>,
    status: ChildStatus,
    wants_token: bool,
}

/// How far the server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not all children have been ready yet.
    Starting,
    /// All have.
    Serving,
    /// The hosts were told to stop.
    EndingHosts,
    /// The daemon was told to stop.
    EndingDaemon,
}

/// The head of the server.
pub struct RootActor {
    launch: Launch,
    children: Vec<Entry>,
    phase: Phase,
    exit_code: u8,
    born: Instant,
    _guard: ExitGuard,
}

impl RootActor {
    /// A root over the children of `launch`.
    pub fn new(launch: Launch, guard: ExitGuard) -> Self {
        let entry = |spec: &Arc<ProcessSpec>| Entry {
            spec: Arc::clone(spec),
            gate: None,
            peer: None,
            status: ChildStatus {
                name: spec.name.to_owned(),
                pid: None,
                state: ChildPhase::Starting,
                restarts: 0,
                addresses: Vec::new(),
            },
            wants_token: false,
        };
        let children = launch.specs.iter().map(entry).collect();
        RootActor {
            launch,
            children,
            phase: Phase::Starting,
            exit_code: exit::OK,
            born: Instant::now(),
            _guard: guard,
        }
    }

    /// Where the child of this name and process is; none for a stranger.
    fn find(&self, name: &str, pid: u32) -> Option<usize> {
        self.children
            .iter()
            .position(|entry| entry.status.name == name && entry.status.pid == Some(pid))
    }

    fn all(&self, role: Role, is: impl Fn(&Entry) -> bool) -> bool {
        self.children
            .iter()
            .filter(|entry| entry.spec.role == role)
            .all(is)
    }

    fn ending(&self) -> bool {
        matches!(self.phase, Phase::EndingHosts | Phase::EndingDaemon)
    }

    /// Gives every child of this role a life, unless it has one.
    fn start(&mut self, role: Role) {
        for entry in self
            .children
            .iter_mut()
            .filter(|entry| entry.spec.role == role && entry.gate.is_none())
        {
            entry.gate = Some(self.launch.start_child(&entry.spec));
        }
    }

    fn order(&self, role: Role, order: ChildOrder) {
        for entry in self
            .children
            .iter()
            .filter(|entry| entry.spec.role == role && entry.status.pid.is_some())
        {
            self.tell(entry, order);
        }
    }

    fn tell(&self, entry: &Entry, order: ChildOrder) {
        if entry.gate.as_ref().is_none_or(|gate| gate.offer(order).is_err()) {
            tracing::error!(
                child = entry.spec.name,
                ?order,
                "a child's actor did not take an order"
            );
        }
    }

    fn on_started(&mut self, child: usize, pid: u32) {
        let entry = &mut self.children[child];
        if entry.status.state == ChildPhase::Waiting {
            entry.status.restarts += 1;
        }
        entry.status.pid = Some(pid);
        entry.status.state = ChildPhase::Starting;
        tracing::info!(child = entry.spec.name, pid, "a child was started");
        self.remember_children();
        if self.ending() {
            self.tell(&self.children[child], ChildOrder::Stop);
        }
    }

    fn on_ended(&mut self, child: usize, how: &str, last: Option<u8>, context: &mut Context<Self>) {
        let ending = self.ending();
        let entry = &mut self.children[child];
        entry.status.pid = None;
        entry.peer = None;
        entry.wants_token = false;
        entry.status.state = if ending {
            ChildPhase::Stopped
        } else {
            ChildPhase::Waiting
        };
        if ending {
            tracing::info!(child = entry.spec.name, how, "a child ended");
            self.remember_children();
            self.go_on_ending();
            return;
        }
        tracing::warn!(child = entry.spec.name, how, "a child ended");
        let Some(code) = last else { return };
        if self.phase == Phase::Serving && entry.spec.role == Role::Host {
            self.fail(child, context);
        } else {
            if code != exit::OK {
                (self.launch.voice)(Notice::Failed(&format!(
                    "the {} could not go on: {how}",
                    entry.spec.name
                )));
            }
            self.end_all(code);
        }
    }

    fn on_given_up(&mut self, child: usize, context: &mut Context<Self>) {
        let entry = &mut self.children[child];
        entry.gate = None;
        let name = entry.spec.name;
        if entry.spec.role == Role::Daemon || self.phase == Phase::Starting {
            (self.launch.voice)(Notice::Failed(&format!(
                "the {name} ended too often and is not started again"
            )));
            self.end_all(exit::INTERNAL);
        } else {
            self.fail(child, context);
        }
    }

    /// Goes on without a host, and tries it again later.
    fn fail(&mut self, child: usize, context: &mut Context<Self>) {
        let entry = &mut self.children[child];
        entry.status.state = ChildPhase::Failed;
        tracing::error!(child = entry.spec.name, retry = ?CHILD_SLOW_RETRY, "a host failed; it is tried again later");
        context.run_later(CHILD_SLOW_RETRY, move |root, _| {
            if root.ending() {
                return;
            }
            root.children[child].status.state = ChildPhase::Waiting;
            match &root.children[child].gate {
                Some(_) => root.tell(&root.children[child], ChildOrder::Retry),
                None => root.start(Role::Host),
            }
        });
    }

    fn on_ready(&mut self, child: usize, ready: ChildReady) {
        let entry = &mut self.children[child];
        entry.status.state = ChildPhase::Ready;
        entry.status.addresses = ready.addresses.clone();
        // Only the first one counts: it says which ports the system chose.
        entry.spec.first_ready.get_or_init(|| ready);
        tracing::info!(child = entry.spec.name, "a child is ready");
        if entry.spec.role == Role::Daemon && !self.ending() {
            self.start(Role::Host);
            self.ask_for_tokens();
        }
        if self.phase == Phase::Starting
            && self
                .children
                .iter()
                .all(|entry| entry.status.state == ChildPhase::Ready)
        {
            self.phase = Phase::Serving;
            self.announce();
        }
    }

    /// Says to whoever started the server where it is.
    fn announce(&self) {
        for (service, address) in self.children.iter().flat_map(|entry| &entry.status.addresses) {
            let words = address
                .rsplit_once(':')
                .map_or_else(|| address.clone(), |(ip, port)| format!("{ip} {port}"));
            (self.launch.voice)(Notice::Ready(&format!("Moothall is ready: {service} {words}")));
        }
        let notes = self
            .children
            .iter()
            .filter_map(|entry| entry.spec.first_ready.get())
            .flat_map(|ready| &ready.notes);
        notes.for_each(|note| (self.launch.voice)(Notice::Ready(note)));
    }

    /// Asks the daemon, if it is ready, for the tokens that hosts wait for. The number is the host's place.
    fn ask_for_tokens(&mut self) {
        let daemon = self.children.iter().find(|entry| entry.spec.role == Role::Daemon);
        let Some(peer) = daemon
            .filter(|entry| entry.status.state == ChildPhase::Ready)
            .and_then(|entry| entry.peer.clone())
        else {
            return;
        };
        for (number, entry) in self
            .children
            .iter_mut()
            .enumerate()
            .filter(|(_, entry)| entry.wants_token)
        {
            let message = FromSupervisor::MintHostToken {
                request: number as u64,
                host: entry.status.name.clone(),
            };
            entry.wants_token = peer.try_send(message).is_err();
        }
    }

    fn on_minted(&mut self, request: u64, token: Result<String, String>) {
        let Some(entry) = usize::try_from(request)
            .ok()
            .and_then(|number| self.children.get(number))
        else {
            return;
        };
        let host = entry.spec.name;
        match token {
            Ok(token) => {
                let sent = entry
                    .peer
                    .as_ref()
                    .map(|peer| peer.try_send(FromSupervisor::HostToken(token)));
                if !matches!(sent, Some(Ok(()))) {
                    tracing::warn!(host, "a token came too late for its host");
                }
            }
            Err(error) => tracing::error!(host, error, "the daemon made no token"),
        }
    }

    /// Ends the hosts and then the daemon; the program exits with `code` after that.
    fn end_all(&mut self, code: u8) {
        if self.ending() {
            self.order(Role::Host, ChildOrder::Kill);
            self.order(Role::Daemon, ChildOrder::Kill);
            return;
        }
        self.exit_code = code;
        self.phase = Phase::EndingHosts;
        self.launch.supervisor.let_end();
        self.order(Role::Host, ChildOrder::Stop);
        self.go_on_ending();
    }

    fn go_on_ending(&mut self) {
        let gone = |entry: &Entry| entry.status.pid.is_none();
        if self.phase == Phase::EndingHosts && self.all(Role::Host, gone) {
            self.phase = Phase::EndingDaemon;
            self.order(Role::Daemon, ChildOrder::Stop);
        }
        if self.phase == Phase::EndingDaemon && self.all(Role::Daemon, gone) {
            System::current().stop_with_code(self.exit_code.into());
        }
    }

    fn remember_children(&self) {
        let pids = self.children.iter().filter_map(|entry| entry.status.pid);
        if let Err(error) = predecessors::remember(&self.launch.run_dir, pids) {
            tracing::warn!(%error, "the list of children cannot be written");
        }
    }
}

impl Actor for RootActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.start(Role::Daemon);
        if self.children.iter().all(|entry| entry.spec.role != Role::Daemon) {
            self.start(Role::Host);
        }
    }
}

impl Handler<Offered<FromChild>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<FromChild>, context: &mut Context<Self>) {
        let FromChild { name, event } = message.accept();
        let Some(child) = self.children.iter().position(|entry| entry.spec.name == name) else {
            return;
        };
        match event {
            ChildEvent::Started(pid) => self.on_started(child, pid),
            ChildEvent::Ended { how, last } => self.on_ended(child, &how, last, context),
            ChildEvent::GivenUp => self.on_given_up(child, context),
        }
    }
}

impl Handler<Offered<Attach>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Attach>, _: &mut Context<Self>) {
        let Attach { name, pid, peer } = message.accept();
        match self.find(&name, pid) {
            Some(child) => self.children[child].peer = Some(peer),
            // Dropping its sender hangs up on it.
            None => tracing::warn!(name, pid, "a process that is no child of ours was hung up on"),
        }
    }
}

impl Handler<Offered<Detach>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Detach>, _: &mut Context<Self>) {
        let Detach { name, pid } = message.accept();
        if let Some(child) = self.find(&name, pid) {
            self.children[child].peer = None;
        }
    }
}

impl Handler<Offered<Said>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Said>, _: &mut Context<Self>) {
        let Said { name, pid, message } = message.accept();
        let Some(child) = self.find(&name, pid) else {
            return;
        };
        let sign = match &message {
            ToSupervisor::Progress(_) => Sign::Progress,
            ToSupervisor::Ready(_) => Sign::Ready,
            _ => Sign::Beat,
        };
        if let Some(gate) = &self.children[child].gate
            && gate.offer(sign).is_err()
        {
            tracing::debug!(name, "a sign of life was not taken");
        }
        match message {
            ToSupervisor::Progress(what) => tracing::info!(child = name, what, "a child is starting"),
            ToSupervisor::Ready(ready) => self.on_ready(child, ready),
            ToSupervisor::WantToken => {
                self.children[child].wants_token = true;
                self.ask_for_tokens();
            }
            ToSupervisor::Minted { request, token } if self.children[child].spec.role == Role::Daemon => {
                self.on_minted(request, token);
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
            children: self.children.iter().map(|entry| entry.status.clone()).collect(),
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
