//! `HealthActor`: the pings that show hosts that the daemon lives, and the daemon that they do.
//!
//! Parent: the supervisor. It takes no messages. A restart loses the count of pings, which starts anew from the clock,
//! so that it never goes back.

use super::gateway::{GatewayActor, Pinged};
use super::publisher::{PublisherActor, TellHeads};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::ExitGuard;
use crate::gateway::ServerSender;
use crate::limits::PING_PERIOD;
use crate::protocol::Wall;
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent};
use crate::protocol::codec::{Envelope, encode};
use actix::{Actor, AsyncContext, Context};
use tokio::time::Instant;

/// What the actor is made with.
#[derive(Clone)]
pub struct HealthParts {
    /// The way to hosts.
    pub sender: ServerSender,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// Who counts the answers.
    pub gateway: Gate<GatewayActor>,
    /// Who tells how far streams are.
    pub publisher: Gate<PublisherActor>,
    /// The wall clock.
    pub now: fn() -> Wall,
}

/// The actor.
pub struct HealthActor {
    parts: HealthParts,
    ping: u64,
    last: Instant,
    _guard: ExitGuard,
}

impl HealthActor {
    /// The first ping goes out one period after the start.
    pub fn new(parts: HealthParts, guard: ExitGuard) -> Self {
        let ping = (parts.now)().0;
        HealthActor {
            parts,
            ping,
            last: Instant::now(),
            _guard: guard,
        }
    }

    fn beat(&mut self) {
        let stood_still = self.last.elapsed() > 2 * PING_PERIOD;
        self.last = Instant::now();
        self.ping += 1;
        let event = HostBroadcastEvent::PingPong {
            ping: self.ping,
            timestamp: (self.parts.now)().0,
        };
        let envelope = Envelope {
            epoch: self.parts.epoch,
            ..Envelope::default()
        };
        if let Ok(frame) = encode(&envelope, &event) {
            // A ping that cannot be sent counts as missed for all, like a machine that stands still.
            self.parts.sender.publish(HOST_BROADCAST_TOPIC, frame).ok();
        }
        // Whoever is too busy now is told with the next ping.
        self.parts.publisher.offer(TellHeads).ok();
        if !stood_still {
            self.parts.gateway.offer(Pinged).ok();
        }
    }
}

impl Actor for HealthActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(PING_PERIOD, |actor, _| actor.beat());
    }
}
