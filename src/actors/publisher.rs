//! `PublisherActor`: sends to the hosts what the log has written, and takes in what they have accepted.
//!
//! Parent: the supervisor. Bound: [`PUBLISHER_GATE_MAX`](crate::limits::PUBLISHER_GATE_MAX) messages; what waits to be sent is bounded by what the log
//! has not written. The core is [`Outbox`](crate::protocol::machine::outbox::Outbox), which a restart does not touch; it is not restarted by itself all the
//! same, since what was taken from the outbox and not sent would be noticed late.

use super::outlet::{Answer, AskReplay, Message, Outlet, Past, Reply};
use super::taps::Taps;
use super::worker::{Ordered, WorkerActor};
use crate::actors::kit::gate::{Gate, Offered};
use crate::actors::kit::supervisor::ExitGuard;
use crate::fault;
use crate::gateway::ServerSender;
use crate::limits::OUTBOX_BURST;
use crate::protocol::broadcast::host_topic;
use crate::protocol::client::{ClientReply, DaemonToClientReply, Refusal};
use crate::protocol::codec::{Envelope, FrameError, encode, encode_stored_event};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{StreamControl, StreamPos};
use crate::protocol::machine::outbox::Out;
use crate::protocol::{ClientId, HostId};
use actix::{Actor, Context, Handler};
use moo_tasks::board::Waiting;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

/// There may be something to send.
pub struct Look;

/// A host has registered: its frames are counted from 1 again.
pub struct HostRegistered(pub HostId);

/// What a host's clients have accepted.
pub struct Acked {
    /// The host.
    pub host: HostId,
    /// The last frame that it knows of.
    pub frame: u64,
    /// The last event that each client accepted.
    pub acks: Vec<(ClientId, u64)>,
    /// All clients that take no more for now.
    pub paused: Vec<ClientId>,
}

/// Answered once all that was committed has been sent, and last words have been accepted.
pub struct Drain(pub oneshot::Sender<()>);

/// The hosts were pinged: tell them how far their streams are.
pub struct TellHeads;

/// What the publisher is made with.
#[derive(Clone)]
pub struct PublisherParts {
    /// The way to the hosts.
    pub sender: ServerSender,
    /// Where events come from.
    pub outlet: Arc<Outlet>,
    /// Who watches them.
    pub taps: Arc<Taps>,
    /// Who puts the past of streams together.
    pub past: Past,
    /// Who gives work out; set once it is there.
    pub workers: Arc<OnceLock<Gate<WorkerActor>>>,
    /// The last commit that the log has written.
    pub written: Arc<AtomicU64>,
    /// Which start of the daemon this is.
    pub epoch: u32,
}

/// The publisher.
pub struct PublisherActor {
    parts: PublisherParts,
    draining: Option<oneshot::Sender<()>>,
    _guard: ExitGuard,
}

impl PublisherActor {
    /// A publisher that has sent nothing.
    pub fn new(parts: PublisherParts, guard: ExitGuard) -> Self {
        PublisherActor {
            parts,
            draining: None,
            _guard: guard,
        }
    }

    fn look(&mut self) {
        self.parts.outlet.heard();
        let written = self.parts.written.load(Ordering::Acquire);
        loop {
            let out = self.parts.outlet.outbox().written(written, OUTBOX_BURST);
            if out.is_empty() {
                break;
            }
            self.send(out);
        }
        self.look_for_the_end();
    }

    /// A host that loses this daemon hears no more of its events, even those that are on their way, so the end waits until
    /// hosts have accepted the last words of clients that it closed.
    fn look_for_the_end(&mut self) {
        let is_at_the_end = || {
            let outbox = self.parts.outlet.outbox();
            outbox.is_drained() && !outbox.owes_last_words()
        };
        if self.draining.is_some() && is_at_the_end() {
            // Whoever asked may have stopped waiting.
            self.draining.take().map(|drained| drained.send(()).ok());
        }
    }

    fn send(&self, out: Vec<Out<Answer>>) {
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        for out in out {
            match out {
                Out::Frame { host, route, event } => {
                    fault::point("publish.before");
                    self.parts.taps.saw(&route, &event);
                    self.publish(host, encode_stored_event(&envelope, &event, &route));
                }
                Out::Heads { host, frame, heads } => {
                    self.publish(host, encode(&envelope, &StreamControl::Heads { frame, heads }));
                }
                Out::Answer {
                    answer: Answer::Order(waiting),
                    ..
                } => self.order(waiting),
                Out::Answer {
                    answer: Answer::To { reply, message },
                    head,
                } => match message {
                    Message::Client(told) => answer_client(&self.parts.sender, reply, told, head),
                    Message::Host(told) => answer(&self.parts.sender, reply, &told),
                    Message::Unasked(told) => answer(&self.parts.sender, reply, &told),
                    Message::Worker(told) => answer(&self.parts.sender, reply, &told),
                    Message::Refused(error) => answer(&self.parts.sender, reply, &Refusal { error, head }),
                },
            }
        }
    }

    /// What a task asks of a worker is in the log: from now on it may be done.
    fn order(&self, waiting: Arc<Waiting>) {
        let workers = self.parts.workers.get();
        if workers.is_none_or(|workers| workers.offer(Ordered(waiting)).is_err()) {
            tracing::error!(
                "the workers' end takes no orders; a task waits until the daemon is started again"
            );
        }
    }

    fn publish(&self, host: HostId, frame: Result<Vec<u8>, FrameError>) {
        let sent = frame.map(|frame| self.parts.sender.publish(&host_topic(host), frame));
        if !matches!(sent, Ok(Ok(()))) {
            // The host sees the hole, or the next heads, and asks for what it misses.
            tracing::warn!(%host, "an event could not be sent");
        }
    }
}

/// Sends an answer, or the refusal that one as large as this must be.
pub fn answer<M: crate::protocol::Message>(sender: &ServerSender, reply: Reply, message: &M) {
    send(sender, reply, framed(&reply.envelope, message, None));
}

/// Sends an answer to a client, whose stream is at `head`.
pub fn answer_client(
    sender: &ServerSender,
    reply: Reply,
    answer: DaemonToClientReply,
    head: Option<StreamPos>,
) {
    let message = ClientReply { reply: answer, head };
    send(sender, reply, framed(&reply.envelope, &message, head));
}

fn send(sender: &ServerSender, reply: Reply, frame: Option<Vec<u8>>) {
    if let Some(frame) = frame
        && let Err(error) = sender.reply(reply.to, frame)
    {
        tracing::warn!(%error, "an answer could not be sent");
    }
}

/// The frame of an answer. In place of one that no frame can carry stands a refusal that says so, since whoever asked
/// would ask again for ever.
fn framed<M: crate::protocol::Message>(
    envelope: &Envelope,
    message: &M,
    head: Option<StreamPos>,
) -> Option<Vec<u8>> {
    let too_large = match encode(envelope, message) {
        Ok(frame) => return Some(frame),
        Err(error) => error,
    };
    tracing::warn!(error = %too_large, "an answer is too large");
    let error = match too_large {
        FrameError::TooLarge { limit, .. } => RpcMessageError::TooLarge {
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        },
        other => RpcMessageError::InternalError(other.to_string()),
    };
    encode(envelope, &Refusal { error, head }).ok()
}

impl Actor for PublisherActor {
    type Context = Context<Self>;
}

impl Handler<Offered<Look>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, look: Offered<Look>, _: &mut Context<Self>) {
        look.accept();
        self.look();
    }
}

impl Handler<Offered<Drain>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, drain: Offered<Drain>, _: &mut Context<Self>) {
        self.draining = Some(drain.accept().0);
        self.look();
    }
}

impl Handler<Offered<HostRegistered>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, registered: Offered<HostRegistered>, _: &mut Context<Self>) {
        self.parts.outlet.outbox().registered(registered.accept().0);
    }
}

impl Handler<Offered<Acked>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, acked: Offered<Acked>, _: &mut Context<Self>) {
        let Acked {
            host,
            frame,
            acks,
            paused,
        } = acked.accept();
        let out = self
            .parts
            .outlet
            .outbox()
            .acknowledged(host, frame, &acks, &paused);
        self.send(out);
        self.look_for_the_end();
        self.parts.outlet.commit_later();
    }
}

impl Handler<Offered<AskReplay>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, ask: Offered<AskReplay>, _: &mut Context<Self>) {
        if !self.parts.past.ask(ask.accept()) {
            tracing::warn!("too many hosts ask for past events; one must ask again");
        }
    }
}

impl Handler<Offered<TellHeads>> for PublisherActor {
    type Result = ();

    fn handle(&mut self, tell: Offered<TellHeads>, _: &mut Context<Self>) {
        tell.accept();
        let now = self.parts.outlet.now();
        let out = self.parts.outlet.outbox().pinged(now);
        self.send(out);
        self.parts.outlet.commit_later();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BODY_REPLY_MAX;
    use crate::protocol::WireValue;
    use crate::protocol::codec::Frame;
    use moo_model::Value;

    #[test]
    fn an_answer_that_no_frame_can_carry_is_refused_and_not_left_out() {
        let envelope = Envelope {
            correlation: 5,
            ..Envelope::default()
        };
        let value = WireValue::new(&Value::string("x".repeat(BODY_REPLY_MAX)));
        let head = Some(StreamPos { era: 1, seq: 9 });
        let reply = DaemonToClientReply::EvalResult(value);
        let frame = framed(&envelope, &ClientReply { reply, head }, head).expect("there is an answer");
        let frame = Frame::parse(&frame).expect("it is a frame");
        let limit = u32::try_from(BODY_REPLY_MAX).expect("it is small");
        let error = RpcMessageError::TooLarge { limit };
        assert_eq!(frame.envelope.correlation, 5);
        assert_eq!(frame.decode(), Ok(Refusal { error, head }));
    }
}
