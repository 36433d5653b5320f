//! Tasks that an earlier server left waiting.
//!
//! What is due already starts once hosts are back, so that those who are to hear of it are there, but no later than
//! [`OVERDUE_WAIT_MAX`] after the start.

use super::SchedulerActor;
use crate::actors::connection::Finished;
use crate::actors::executor::wall_seconds;
use crate::actors::kit::gate::Offered;
use crate::limits::OVERDUE_WAIT_MAX;
use actix::{AsyncContext, Context, Handler};
use moo_tasks::board::WaitsFor;
use moo_tasks::scheduler::{Event, Waker};
use moo_tasks::snapshot::Restored;
use std::sync::Arc;

/// Tasks that were stored when the server last stopped.
pub struct Restore(pub Vec<Restored>);

/// The hosts have taken up their connections: what is overdue starts now.
pub struct HostsBack;

impl SchedulerActor {
    fn restore(&mut self, restored: Restored, finished: &mut Vec<Finished>) {
        let connections = &self.parts.outside.connections;
        let wake = restored.wake(|object| connections.find(object).is_some());
        let mut waiting = restored.waiting;
        let id = waiting.id;
        match (&waiting.waits_for, wake) {
            (WaitsFor::Input(object, _), None) => finished.push(Finished::reads(id, *object)),
            (WaitsFor::Work(_), None) => {
                let waiting = Arc::new(waiting);
                self.add(Arc::clone(&waiting));
                return self.reclaim(waiting);
            }
            (_, Some((by @ (Waker::Input | Waker::Work), value))) => {
                self.add(Arc::new(waiting));
                self.on(Event::Wake {
                    id,
                    by,
                    value: value.into(),
                });
                return;
            }
            (_, Some((Waker::Resume, value))) => {
                self.add(Arc::new(waiting));
                if let Ok(value) = &value {
                    self.parts.outside.board.wake(id, value);
                }
                self.overdue.push((id, Some(value.into())));
                return;
            }
            (WaitsFor::Start(at) | WaitsFor::Moment(at), None) if *at <= wall_seconds() => {
                let later = wall_seconds() + OVERDUE_WAIT_MAX.as_secs_f64();
                waiting.waits_for = match waiting.waits_for {
                    WaitsFor::Start(_) => WaitsFor::Start(later),
                    _ => WaitsFor::Moment(later),
                };
                self.overdue.push((id, None));
            }
            (_, None) => {}
        }
        self.add(Arc::new(waiting));
    }

    /// Starts what is overdue, in the order in which it was found.
    fn start_overdue(&mut self) {
        for (id, woken) in std::mem::take(&mut self.overdue) {
            match woken {
                None => self.on(Event::Due(id)),
                Some(value) => self.on(Event::Wake {
                    id,
                    by: Waker::Resume,
                    value,
                }),
            }
        }
    }
}

impl Handler<Offered<Restore>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, restore: Offered<Restore>, context: &mut Context<Self>) {
        let mut finished = Vec::new();
        for restored in restore.accept().0 {
            self.restore(restored, &mut finished);
        }
        context.run_later(OVERDUE_WAIT_MAX, |scheduler, context| {
            scheduler.start_overdue();
            scheduler.act(context);
        });
        self.act(context);
        self.tell_connections(finished, context);
    }
}

impl Handler<Offered<HostsBack>> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, back: Offered<HostsBack>, context: &mut Context<Self>) {
        back.accept();
        self.start_overdue();
        self.act(context);
    }
}
