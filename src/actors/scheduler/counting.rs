//! How many tasks do what, for the operator.
//!
//! Invariant: counting changes nothing.

use super::SchedulerActor;
use crate::actors::kit::gate::Offered;
use crate::protocol::admin::TaskCounts;
use actix::{Context, Handler};
use tokio::sync::oneshot;

/// How many tasks do what?
pub struct CountTasks(pub oneshot::Sender<TaskCounts>);

impl Handler<Offered<CountTasks>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, count: Offered<CountTasks>, _: &mut Context<Self>) {
        let counts = self.core.counts();
        let told = TaskCounts {
            running: counts.running as u64,
            queued: counts.ready as u64,
            suspended: counts.suspended as u64,
            reading: counts.reading as u64,
        };
        // Whoever asked may have stopped waiting.
        count.accept().0.send(told).ok();
    }
}
