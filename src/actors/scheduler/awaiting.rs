//! Waiting for all tasks that run at one moment to have told how they ended.
//!
//! Invariant: it is told after everything that followed from their reports was taken in: what waits is on the board.

use super::SchedulerActor;
use crate::actors::kit::gate::Offered;
use actix::{Context, Handler};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Told once every task that runs now has ended its slice and all that follows from it was taken in.
pub struct AwaitReports(pub oneshot::Sender<()>);

/// Tells somebody when the last of the running tasks that have a share in it is gone.
pub(super) struct AllReported(Option<oneshot::Sender<()>>);

impl Drop for AllReported {
    fn drop(&mut self) {
        // Whoever asked may have stopped waiting.
        self.0.take().map(|waiter| waiter.send(()).ok());
    }
}

impl Handler<Offered<AwaitReports>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, waiter: Offered<AwaitReports>, _: &mut Context<Self>) {
        let shared = Arc::new(AllReported(Some(waiter.accept().0)));
        for running in self.running.values_mut() {
            running.awaited_by.push(shared.clone());
        }
    }
}
