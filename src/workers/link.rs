//! `WorkerLink`: a worker's link to the daemon, one actor around [`Worker`], which decides, and the I/O thread, which has
//! the sockets; and `RequestActor`, one for each request that is being carried out.
//!
//! Parent: the program's supervisor. Mailbox: bursts of frames, bounded by [`WORKER_LINK_GATE_MAX`] (past it the link is
//! taken as lost, and begins anew); answers are bounded by how many requests run. It is not restarted by itself: it alone
//! knows what was asked, so its panic ends the process. A request whose actor panics is answered by an error.

use super::http::Http;
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::{HostEndpoints, HostInbound, HostSender, HostSide};
use crate::limits::{LINK_TICK, WORKER_LINK_GATE_MAX};
use crate::protocol::error::WorkerError;
use crate::protocol::host::Role;
use crate::protocol::kind::Lane;
use crate::protocol::machine::worker::{Answer, Input, Output, Task, Worker, WorkerConfig};
use crate::protocol::{Moment, ReqId, WireValue};
use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, Recipient, WrapFuture,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

const _: () = assert!(WORKER_LINK_GATE_MAX > 0);

/// What the program tells its link.
pub enum FromProgram {
    /// A token to say hello with.
    Token(String),
    /// Nothing new is begun; answered once all that was begun is answered, and the sockets are closed.
    Leave(oneshot::Sender<()>),
}

/// What the link tells its program.
#[derive(Debug)]
pub enum ToProgram {
    /// The daemon knows this worker.
    Up,
    /// A token is needed.
    WantToken,
    /// The process is to end.
    End(String),
    /// The link can never work.
    GiveUp(String),
}

/// Starts the I/O thread. The link itself is on the other side of the gate, so it cannot be part of its own making.
struct Begin(Gate<WorkerLink>);

/// A burst of frames.
struct Burst(Vec<HostInbound>);

/// A run of a request has ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Finished {
    id: ReqId,
    run: u64,
    answer: Answer,
}

/// Nobody waits for a request any more.
#[derive(Message)]
#[rtype(result = "()")]
struct Cancel;

/// One request that is being carried out. It ends with it.
struct RequestActor {
    id: ReqId,
    /// The same request may be withdrawn and given again while the first run of it has not quite ended.
    run: u64,
    work: Option<Task>,
    http: Arc<Http>,
    link: Recipient<Finished>,
    answer: Option<Answer>,
}

impl Actor for RequestActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let Some(task) = self.work.take() else {
            return context.stop();
        };
        let http = Arc::clone(&self.http);
        let work = async move {
            match tokio::time::timeout(task.timeout, http.carry_out(&task.request)).await {
                Ok(answer) => answer.map(|value| WireValue::new(&value)),
                Err(_) => Err(WorkerError::RequestTimedOut(
                    "it took longer than it may".to_owned(),
                )),
            }
        };
        context.spawn(work.into_actor(self).map(|answer, actor, context| {
            actor.answer = Some(answer);
            context.stop();
        }));
    }
}

impl Drop for RequestActor {
    /// However it ends, the link hears of it: one that was cancelled is not known there any more.
    fn drop(&mut self) {
        let lost = || Err(WorkerError::InternalError("the worker made a mistake".to_owned()));
        let answer = self.answer.take().unwrap_or_else(lost);
        #[expect(
            clippy::disallowed_methods,
            reason = "one message for each request, of which there are few"
        )]
        self.link.do_send(Finished {
            id: self.id,
            run: self.run,
            answer,
        });
    }
}

impl Handler<Cancel> for RequestActor {
    type Result = ();

    fn handle(&mut self, _: Cancel, context: &mut Context<Self>) {
        // The request is dropped with the future, and its connection with that.
        context.stop();
    }
}

/// The actor.
pub struct WorkerLink {
    endpoints: HostEndpoints,
    worker: Worker,
    http: Arc<Http>,
    /// The requests that are being carried out, each with the number of its run.
    running: HashMap<ReqId, (u64, Addr<RequestActor>)>,
    runs: u64,
    io: Option<(HostSide, HostSender)>,
    /// Set by the I/O thread when it had to drop a burst.
    overflowed: Arc<AtomicBool>,
    leaving: Option<oneshot::Sender<()>>,
    born: Instant,
    to_program: mpsc::Sender<ToProgram>,
    _exit: ExitGuard,
}

impl WorkerLink {
    /// A link that does nothing before [`begin`] is called on its gate.
    pub fn new(
        (endpoints, config): (HostEndpoints, WorkerConfig),
        http: Arc<Http>,
        to_program: mpsc::Sender<ToProgram>,
        exit: ExitGuard,
    ) -> WorkerLink {
        WorkerLink {
            endpoints,
            worker: Worker::new(config),
            http,
            running: HashMap::new(),
            runs: 0,
            io: None,
            overflowed: Arc::default(),
            leaving: None,
            born: Instant::now(),
            to_program,
            _exit: exit,
        }
    }

    fn now(&self) -> Moment {
        Moment(u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Gives the worker an input and does what follows.
    fn feed(&mut self, input: Input, context: &mut Context<Self>) {
        let mut out = Vec::new();
        self.worker.on(self.now(), input, &mut out);
        for output in out {
            self.carry_out(output, context);
        }
        if self.worker.pending() == 0
            && let Some(done) = self.leaving.take()
        {
            self.leave(done, context);
        }
    }

    fn carry_out(&mut self, output: Output, context: &mut Context<Self>) {
        match output {
            Output::Send(frame) => {
                // Whatever is not sent is missed in time, and said again.
                if let Some((_, sender)) = &self.io
                    && let Err(error) = sender.send(Lane::Interactive, frame)
                {
                    tracing::warn!(%error, "a frame could not be sent to the daemon");
                    self.overflowed.store(true, Ordering::Relaxed);
                }
            }
            Output::Rebuild => {
                if let Some((_, sender)) = &self.io
                    && let Err(error) = sender.rebuild()
                {
                    tracing::warn!(%error, "the sockets could not be opened anew");
                }
            }
            Output::Begin(task) => {
                let id = task.id;
                self.runs += 1;
                let request = RequestActor {
                    id,
                    run: self.runs,
                    work: Some(task),
                    http: Arc::clone(&self.http),
                    link: context.address().recipient(),
                    answer: None,
                };
                self.running.insert(id, (self.runs, request.start()));
            }
            Output::Cancel(id) => {
                if let Some((_, request)) = self.running.remove(&id) {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "one message for each request, of which there are few"
                    )]
                    request.do_send(Cancel);
                }
            }
            Output::Up => self.tell_program(ToProgram::Up),
            Output::WantToken => self.tell_program(ToProgram::WantToken),
            Output::End(why) => self.tell_program(ToProgram::End(why)),
            Output::Garbled(error) => tracing::warn!(%error, "a frame of the daemon was dropped"),
        }
    }

    fn tell_program(&self, said: ToProgram) {
        if let Err(error) = self.to_program.try_send(said) {
            tracing::warn!(%error, "the program did not take an order of the daemon");
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        if self.overflowed.swap(false, Ordering::Relaxed) {
            self.feed(Input::Reset, context);
        }
        self.feed(Input::Tick, context);
    }

    /// All that was begun is answered.
    fn leave(&mut self, done: oneshot::Sender<()>, context: &mut Context<Self>) {
        self.feed(
            Input::Leave {
                reason: "the worker ends".to_owned(),
            },
            context,
        );
        self.io = None;
        // A program that does not wait any more is about to end anyway.
        done.send(()).ok();
    }
}

/// Opens the link behind `gate`: from here on it tries to reach the daemon. Frames come through a gate of their own.
pub fn begin(gate: &Gate<WorkerLink>, frames: Gate<WorkerLink>) -> bool {
    gate.offer(Begin(frames)).is_ok()
}

impl Actor for WorkerLink {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(LINK_TICK, |link, context| link.tick(context));
    }
}

impl Handler<Offered<Begin>> for WorkerLink {
    type Result = ();

    fn handle(&mut self, begin: Offered<Begin>, context: &mut Context<Self>) {
        let Begin(frames) = begin.accept();
        let overflowed = Arc::clone(&self.overflowed);
        let started = HostSide::start_as(Role::Worker, &self.endpoints, move |burst| {
            if frames.offer(Burst(std::mem::take(burst))).is_err() {
                overflowed.store(true, Ordering::Relaxed);
            }
        });
        match started {
            Ok(io) => self.io = Some(io),
            Err(error) => self.tell_program(ToProgram::GiveUp(error.to_string())),
        }
        self.feed(Input::Start, context);
    }
}

impl Handler<Offered<Burst>> for WorkerLink {
    type Result = ();

    fn handle(&mut self, burst: Offered<Burst>, context: &mut Context<Self>) {
        for inbound in burst.accept().0 {
            let input = match inbound {
                HostInbound::Reply { frame, .. } => Input::Reply(frame),
                HostInbound::Event { frame } => Input::Event(frame),
                HostInbound::Reset { .. } => Input::Reset,
                HostInbound::Connected => Input::Connected,
                HostInbound::Disconnected => Input::Disconnected,
                HostInbound::NotAdmitted => {
                    let why = "its key is not enrolled there (any more); enroll this worker anew";
                    self.tell_program(ToProgram::GiveUp(why.to_owned()));
                    continue;
                }
            };
            self.feed(input, context);
        }
    }
}

impl Handler<Offered<FromProgram>> for WorkerLink {
    type Result = ();

    fn handle(&mut self, message: Offered<FromProgram>, context: &mut Context<Self>) {
        match message.accept() {
            FromProgram::Token(token) => self.feed(Input::Token(token), context),
            FromProgram::Leave(done) => {
                self.leaving = Some(done);
                self.feed(Input::Drain, context);
            }
        }
    }
}

impl Handler<Finished> for WorkerLink {
    type Result = ();

    fn handle(&mut self, finished: Finished, context: &mut Context<Self>) {
        if crate::fault::fails("worker.finished") {
            return;
        }
        let Finished { id, run, answer } = finished;
        // The last word of a run that was withdrawn answers nothing, least of all the run that followed it.
        if self.running.get(&id).is_some_and(|(current, _)| *current == run) {
            self.running.remove(&id);
            self.feed(Input::Finished(id, answer), context);
        }
    }
}
