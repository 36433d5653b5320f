//! Collects the anonymous objects that nothing refers to, while the world runs on.
//!
//! A round looks at one committed state on a thread of its own, with what tasks hold beside it, and then has each object it
//! found recycled by a task like any other. One round runs at a time: after a while, if anything was committed since the
//! last one, or when a program asks for it. Invariant: what tasks hold is noted from before the state is taken until every
//! task that ran then has told how it ended, so that no task is missed between two slices; see `moo_model::world`.

use super::errand::{of_rows, unasked};
use super::scheduler::{AwaitReports, RunHook, SchedulerActor};
use crate::actors::kit::gate::Gate;
use crate::limits::{COLLECT_PERIOD, COLLECTED_AT_ONCE};
use moo_model::Obj;
use moo_model::world::{Root, Stamp, World};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::outside::Outside;
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn_blocking;

/// What collects, and what it needs for that.
pub struct Collector {
    /// The world.
    pub world: Arc<World>,
    /// The tasks.
    pub outside: Arc<Outside>,
    /// Who runs them.
    pub scheduler: Gate<SchedulerActor>,
    /// Rung when a program asks for a round.
    pub wanted: Arc<Notify>,
}

impl Collector {
    /// Collects for as long as the daemon runs.
    pub async fn run(self) {
        let mut last: Stamp = 0;
        loop {
            let is_asked = tokio::time::timeout(COLLECT_PERIOD, self.wanted.notified())
                .await
                .is_ok();
            let stamp = self.world.snapshot().stamp;
            if is_asked || stamp != last {
                self.round().await;
                last = self.world.snapshot().stamp;
            }
        }
    }

    async fn round(&self) {
        if self.world.snapshot().anonymous.is_empty() {
            return;
        }
        let Some(found) = self.find().await else {
            tracing::warn!("anonymous objects could not be collected now; it is tried again later");
            return;
        };
        if found.is_empty() {
            return;
        }
        for objects in found.chunks(COLLECTED_AT_ONCE) {
            self.recycle(objects).await;
        }
        let now = self.world.snapshot();
        let left = found.iter().filter(|&&obj| now.entry(obj).is_some()).count();
        tracing::info!(
            collected = found.len() - left,
            left,
            "nothing referred to these anonymous objects"
        );
    }

    /// What nothing refers to; none if the scheduler takes no messages.
    async fn find(&self) -> Option<Vec<Obj>> {
        let board = &self.outside.board;
        board.note_held();
        let state = self.world.snapshot();
        let (reported, all_reported) = oneshot::channel();
        let is_asked = self.scheduler.offer(AwaitReports(reported)).is_ok();
        let is_answered = is_asked && all_reported.await.is_ok();
        if !is_answered {
            board.forget_held();
            return None;
        }
        let held = board.take_held();
        let find = move || {
            let mut objects = Vec::new();
            held.each_anonymous(|obj| objects.push(obj));
            Root::unreachable(&state, objects)
        };
        let found = spawn_blocking(find).await.ok()?;
        found
            .inspect_err(|error| tracing::error!(%error, "anonymous objects cannot be looked for"))
            .ok()
    }

    /// Recycles these, side by side. What is left of them is found again.
    async fn recycle(&self, objects: &[Obj]) {
        let mut ends = Vec::with_capacity(objects.len());
        for &obj in objects {
            let job = Job {
                work: Work::Collect(obj),
                ..of_rows(&self.outside, Vec::new())
            };
            let (ended, end) = oneshot::channel();
            if self.scheduler.offer(RunHook(unasked(job), ended)).is_ok() {
                ends.push(end);
            }
        }
        for end in ends {
            // The task may have ended in any way.
            end.await.ok();
        }
    }
}
