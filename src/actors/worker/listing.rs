//! What operators see of workers.

use super::WorkerActor;
use crate::actors::kit::gate::Offered;
use crate::protocol::admin::{WorkStatus, WorkerStatus};
use crate::protocol::hex::to_hex;
use actix::{Context, Handler};
use tokio::sync::oneshot;

/// Which workers are there, and what waits for them?
pub struct ListWorkers(pub oneshot::Sender<WorkStatus>);

impl WorkerActor {
    fn list(&self) -> WorkStatus {
        let workers = self.dispatch.workers().into_iter();
        let workers = workers.map(|worker| WorkerStatus {
            kind: worker.kind,
            id: worker.id.to_string(),
            state: if worker.is_suspect { "suspect" } else { "alive" }.to_owned(),
            in_flight: worker.in_flight as u64,
            credits: u64::from(worker.credits),
            token: self
                .peers
                .get(&worker.id)
                .and_then(|peer| peer.tokens[1].or(peer.tokens[0]))
                .map_or_else(String::new, |jti| to_hex(&jti)),
        });
        let workers = workers.collect();
        let (queued, sent) = self.dispatch.counts();
        WorkStatus {
            workers,
            queued: queued as u64,
            sent: sent as u64,
            given: self.given,
            answered: self.answered,
            failed: self.failed,
        }
    }
}

impl Handler<Offered<ListWorkers>> for WorkerActor {
    type Result = ();

    fn handle(&mut self, list: Offered<ListWorkers>, _: &mut Context<Self>) {
        // Whoever asked may have stopped waiting.
        list.accept().0.send(self.list()).ok();
    }
}
