//! What the connections hear of tasks.
//!
//! Invariant: they hear of every slice, in the order in which slices ended, since a connection that missed one would wait
//! for ever. While they have no room nothing begins.

use super::SchedulerActor;
use crate::actors::connection::{Finished, TasksFinished};
use crate::limits::ACTOR_RETRY;
use actix::{AsyncContext, Context};
use moo_tasks::scheduler::Event;

impl SchedulerActor {
    /// Tells the connections what came of slices. What they have no room for is kept, and they are told again soon.
    pub(super) fn tell_connections(&mut self, finished: Vec<Finished>, context: &mut Context<Self>) {
        let is_behind = !self.untold.is_empty();
        self.untold.extend(finished);
        if !is_behind && !self.tell_untold() {
            tracing::warn!("the connections have more to do than they can; no task begins for now");
            context.run_later(ACTOR_RETRY, Self::tell_again);
        }
    }

    /// Whether the connections know all.
    fn tell_untold(&mut self) -> bool {
        let untold = std::mem::take(&mut self.untold);
        if let (false, Some(connections)) = (untold.is_empty(), self.parts.connections.get())
            && let Err(TasksFinished(refused)) = connections.offer_or_return(TasksFinished(untold))
        {
            self.untold = refused;
        }
        self.untold.is_empty()
    }

    fn tell_again(&mut self, context: &mut Context<Self>) {
        if !self.tell_untold() {
            context.run_later(ACTOR_RETRY, Self::tell_again);
            return;
        }
        self.on(Event::Tick);
        self.act(context);
    }
}
