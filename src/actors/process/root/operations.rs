//! The part of the root that carries out what an operator orders: one operation at a time, told step by step.

use super::messages::Operate;
use super::{Phase, RootActor};
use crate::actors::kit::gate::Offered;
use crate::actors::process::child::Then;
use crate::actors::process::work::{Next, Task, Work};
use crate::protocol::control::{FromSupervisor, Operation};
use actix::{Context, Handler};

impl RootActor {
    fn operate(&mut self, operation: &Operation) -> Result<Work, String> {
        let (task, name, rolling) = match operation {
            Operation::Drain { child } => (Task::Drain, child, false),
            Operation::Restart { child, rolling } => (Task::Restart, child, *rolling),
        };
        let children = match self.children.named(name) {
            Some(child) => vec![child],
            None if name == "all" && task == Task::Restart => (0..self.children.entries.len()).collect(),
            None => {
                let known: Vec<&str> = self.launch.specs.iter().map(|spec| spec.name).collect();
                return Err(format!(
                    "there is no child `{name}`; this server has {}",
                    known.join(", ")
                ));
            }
        };
        if self.phase != Phase::Serving {
            return Err("the server is starting or ending; try again when it serves".to_owned());
        }
        if self.work.is_some() {
            return Err("another operation is under way; try again when it is over".to_owned());
        }
        let is_gone = |&child: &usize| self.children.entries[child].status.pid.is_none();
        if task == Task::Drain && children.iter().any(is_gone) {
            return Err(format!("{name} does not run"));
        }
        Ok(Work::new(task, children, rolling))
    }

    /// Lets a change happen to the operation under way, and does what follows.
    pub(super) fn go_on_working(&mut self, change: impl FnOnce(&mut Work)) {
        let Some((work, _)) = &mut self.work else { return };
        change(work);
        let (task, next) = (work.task(), work.next());
        match next {
            Next::Wait => {}
            Next::Begin(batch) => batch.into_iter().for_each(|child| self.begin_work(task, child)),
            Next::Done => self.finish_work(FromSupervisor::Done),
        }
    }

    fn begin_work(&mut self, task: Task, child: usize) {
        let entry = &self.children.entries[child];
        let name = entry.spec.name;
        if entry.status.pid.is_none() {
            self.step(child, &format!("starting {name}"));
            return self.start_again(child);
        }
        entry.stop_gently(match task {
            Task::Drain => Then::Stay,
            Task::Restart => Then::Again,
        });
        self.step(child, &format!("ending {name}"));
    }

    /// Tells the operator what has happened to a child whose turn it is.
    pub(super) fn step(&self, child: usize, words: &str) {
        if let Some((_, to)) = self.work.as_ref().filter(|(work, _)| work.is_doing(child)) {
            // An operator who has left changes nothing about what was begun.
            to.try_send(FromSupervisor::Step(words.to_owned())).ok();
        }
    }

    pub(super) fn refuse_work(&mut self, why: &str) {
        self.finish_work(FromSupervisor::Refused(why.to_owned()));
    }

    fn finish_work(&mut self, last_word: FromSupervisor) {
        if let Some((_, to)) = self.work.take() {
            to.try_send(last_word).ok();
        }
    }
}

impl Handler<Offered<Operate>> for RootActor {
    type Result = ();

    fn handle(&mut self, message: Offered<Operate>, _: &mut Context<Self>) {
        let Operate { operation, to } = message.accept();
        match self.operate(&operation) {
            Ok(work) => {
                tracing::info!(?operation, "an operator's order is carried out");
                self.work = Some((work, to));
                self.go_on_working(|_| {});
            }
            Err(why) => {
                to.try_send(FromSupervisor::Refused(why)).ok();
            }
        }
    }
}
