//! `HealthActor`: the pings that show hosts, workers and clients that the daemon lives, and the daemon that they do.
//! What follows from their answers is judged by `protocol::machine::health`, where the answers arrive.
//!
//! Parent: the supervisor. It takes no messages. A restart loses the count of pings, which starts anew from the clock,
//! so that it never goes back. It also looks how late its own clock rings: that is the lag of the main arbiter.

use super::gateway::{GatewayActor, Pinged};
use super::meters::Meters;
use super::publisher::{PublisherActor, TellHeads};
use super::worker::{WorkerActor, WorkersPinged};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::ExitGuard;
use crate::fault;
use crate::gateway::ServerSender;
use crate::limits::{LAG_LOOK, PING_PERIOD};
use crate::protocol::broadcast::{
    CLIENT_BROADCAST_TOPIC, ClientsBroadcastEvent, HOST_BROADCAST_TOPIC, HostBroadcastEvent,
    WORKER_BROADCAST_TOPIC, WORKER_JSON_TOPIC,
};
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::header::FLAG_JSON;
use crate::protocol::worker::DaemonToWorkerMessage;
use crate::protocol::{Message, Wall};
use actix::{Actor, AsyncContext, Context};
use std::sync::Arc;
use std::time::Instant;

/// What the actor is made with.
#[derive(Clone)]
pub struct HealthParts {
    /// The way to hosts.
    pub sender: ServerSender,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// Who counts the answers.
    pub gateway: Gate<GatewayActor>,
    /// The same of workers.
    pub workers: Gate<WorkerActor>,
    /// Who tells how far streams are.
    pub publisher: Gate<PublisherActor>,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// The wall clock.
    pub now: fn() -> Wall,
}

/// The actor.
pub struct HealthActor {
    parts: HealthParts,
    ping: u64,
    _guard: ExitGuard,
}

impl HealthActor {
    /// The first ping goes out one period after the start.
    pub fn new(parts: HealthParts, guard: ExitGuard) -> Self {
        let ping = (parts.now)().0;
        HealthActor {
            parts,
            ping,
            _guard: guard,
        }
    }

    fn beat(&mut self, context: &mut Context<Self>) {
        // Set anew each time: an interval would make up for what a paused machine missed, all at once.
        context.run_later(PING_PERIOD, Self::beat);
        fault::point("health.ping");
        self.ping += 1;
        let (ping, timestamp) = (self.ping, (self.parts.now)().0);
        self.publish(
            HOST_BROADCAST_TOPIC,
            &HostBroadcastEvent::PingPong { ping, timestamp },
        );
        self.publish(
            WORKER_BROADCAST_TOPIC,
            &DaemonToWorkerMessage::PingWorkers { ping },
        );
        self.publish_as(
            FLAG_JSON,
            WORKER_JSON_TOPIC,
            &DaemonToWorkerMessage::PingWorkers { ping },
        );
        self.publish(
            CLIENT_BROADCAST_TOPIC,
            &ClientsBroadcastEvent::PingPong { timestamp },
        );
        // Whoever is too busy now is told with the next ping.
        self.parts.publisher.offer(TellHeads).ok();
        self.parts.gateway.offer(Pinged).ok();
        self.parts.workers.offer(WorkersPinged).ok();
    }

    /// Looks how late the clock rings, which is how long whatever comes to this arbiter has to wait.
    fn look(&mut self, due: Instant, context: &mut Context<Self>) {
        let now = Instant::now();
        self.parts
            .meters
            .turn
            .record_time(now.saturating_duration_since(due));
        self.parts.meters.tick();
        let next = now + LAG_LOOK;
        context.run_later(LAG_LOOK, move |health, context| health.look(next, context));
    }

    fn publish(&self, topic: &[u8], event: &impl Message) {
        self.publish_as(0, topic, event);
    }

    fn publish_as(&self, flags: u8, topic: &[u8], event: &impl Message) {
        let envelope = Envelope {
            flags,
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        if let Ok(frame) = encode(&envelope, event) {
            // A ping that cannot be sent counts as missed for all.
            self.parts.sender.publish(topic, frame).ok();
        }
    }
}

impl Actor for HealthActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_later(PING_PERIOD, Self::beat);
        self.look(Instant::now(), context);
    }
}
