//! What follows when the disk has no room, and when it has some again: tasks are held back, and people are told.
//!
//! Invariant: what was accepted before is still written; nothing that would have to be kept begins until there is room.

use super::scheduler::{SchedulerActor, TakeReports};
use crate::actors::kit::gate::Gate;
use crate::gateway::ServerSender;
use crate::protocol::broadcast::{CLIENT_BROADCAST_TOPIC, ClientsBroadcastEvent};
use crate::protocol::codec::{Envelope, encode};
use moo_tasks::outside::Outside;
use std::sync::{Arc, OnceLock};

/// The ways to everybody who must know whether the disk has room.
pub struct Room {
    /// Where it is noted, for whoever is about to begin something.
    pub outside: Arc<Outside>,
    /// The scheduler, once it is there.
    pub scheduler: Arc<OnceLock<Gate<SchedulerActor>>>,
    /// The way to the hosts.
    pub sender: ServerSender,
    /// Which start of the daemon this is.
    pub epoch: u32,
}

impl Room {
    /// From now on no task begins, and what clients ask is refused.
    pub fn is_short(&self) {
        tracing::error!("the disk is full: nothing new is done until there is room in the data folder");
        self.change(
            true,
            "*** The server's disk is full. Until there is room nothing can be kept, so nothing is done. ***",
        );
    }

    /// All may go on.
    pub fn is_back(&self) {
        tracing::info!("there is room on the disk again");
        self.change(
            false,
            "*** The server has room on its disk again. All is as before. ***",
        );
    }

    fn change(&self, read_only: bool, words: &str) {
        self.outside.set_read_only(read_only);
        if self
            .scheduler
            .get()
            .is_some_and(|scheduler| scheduler.offer(TakeReports).is_err())
        {
            tracing::error!("the scheduler takes no messages");
        }
        let message = ClientsBroadcastEvent::System {
            message: words.to_owned(),
        };
        let envelope = Envelope {
            epoch: self.epoch,
            ..Envelope::default()
        };
        // Whoever does not hear it is told by the refusal of what it asks next.
        let frame = encode(&envelope, &message);
        frame
            .map(|frame| self.sender.publish(CLIENT_BROADCAST_TOPIC, frame).ok())
            .ok();
    }
}
