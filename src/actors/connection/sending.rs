//! What one message to the connections leads to, on its way to others.
//!
//! Invariant: it is sent on at the end of that message, in the order in which it came up; what somebody has no room for is
//! kept and tried again, and no line is taken meanwhile.

use super::{ConnectionActor, Errand};
use crate::actors::errand;
use crate::actors::executor::Assignment;
use crate::actors::scheduler::{EndTasks, Input, Submit};
use crate::limits::ACTOR_RETRY;
use actix::{AsyncContext, Context};

impl ConnectionActor {
    /// Sends on what the message led to. What the scheduler has no room for is kept, and lines are refused meanwhile.
    pub(super) fn flush(&mut self, context: &mut Context<Self>) {
        if !self.items.is_empty() {
            self.parts.outlet.say(std::mem::take(&mut self.items));
        }
        self.send_errand();
        let was_behind = self.is_behind;
        self.is_behind = !self.send_on();
        if self.is_behind && !was_behind {
            tracing::warn!("others have more to do than they can; lines are refused for now");
        }
        let has_more = self.is_behind || !self.adoptions.is_empty();
        if has_more && !std::mem::replace(&mut self.retries, true) {
            context.run_later(ACTOR_RETRY, |actor, context| {
                actor.retries = false;
                actor.flush(context);
            });
        }
    }

    fn send_errand(&mut self) {
        let Errand {
            rows,
            conns,
            after,
            settles,
        } = std::mem::take(&mut self.errand);
        if rows.is_empty() && conns.is_empty() && after.is_empty() {
            return;
        }
        let mut job = errand::of_rows(&self.parts.outside, rows);
        job.conns = conns;
        self.tasks.insert(job.id, settles);
        self.submits.push_back(Assignment {
            after,
            ..errand::unasked(job)
        });
    }

    fn send_on(&mut self) -> bool {
        self.send_adoptions();
        let scheduler = &self.parts.scheduler;
        if !self.submits.is_empty() {
            let submits = std::mem::take(&mut self.submits);
            if let Err(Submit(refused)) = scheduler.offer_or_return(Submit(submits.into())) {
                self.submits = refused.into();
            }
        }
        if !self.inputs.is_empty() {
            let inputs = std::mem::take(&mut self.inputs);
            if let Err(Input(refused)) = scheduler.offer_or_return(Input(inputs.into())) {
                self.inputs = refused.into();
            }
        }
        if !self.ends.is_empty() {
            let ends = std::mem::take(&mut self.ends);
            if let Err(EndTasks(refused)) = scheduler.offer_or_return(EndTasks(ends)) {
                self.ends = refused;
            }
        }
        self.submits.is_empty() && self.inputs.is_empty() && self.ends.is_empty()
    }

    /// Has connections taken over, as many as there is room for. Nobody else need wait for the others.
    fn send_adoptions(&mut self) {
        while let Some(adopt) = self.adoptions.pop_front() {
            if let Err(adopt) = self.parts.past.adopt(adopt) {
                self.adoptions.push_front(adopt);
                return;
            }
        }
    }
}
