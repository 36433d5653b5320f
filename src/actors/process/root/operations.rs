//! The part of the root that carries out what an operator orders: one operation at a time, told step by step.
//!
//! Invariant: no process is ended to be started again before the next one has found its settings to be fine.

use super::messages::Operate;
use super::{Phase, RootActor};
use crate::actors::kit::gate::Offered;
use crate::actors::process::child::Then;
use crate::actors::process::spec::ProcessSpec;
use crate::actors::process::work::{Next, Task, Work};
use crate::limits::SETTINGS_CHECK_MAX;
use crate::protocol::control::{FromSupervisor, Operation};
use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

impl RootActor {
    /// What an order means for which children, or why it cannot be carried out now.
    fn plan(&self, operation: &Operation) -> Result<Plan, String> {
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
        Ok(Plan {
            task,
            children,
            rolling,
        })
    }

    fn operate(&mut self, operation: &Operation, to: mpsc::Sender<FromSupervisor>) {
        match self.plan(operation) {
            Ok(plan) => {
                tracing::info!(?operation, "an operator's order is carried out");
                self.work = Some((Work::new(plan.task, plan.children, plan.rolling), to));
                self.go_on_working(|_| {});
            }
            Err(why) => refuse(&to, why),
        }
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

    fn handle(&mut self, message: Offered<Operate>, context: &mut Context<Self>) {
        let Operate { operation, to } = message.accept();
        let specs = match self.plan(&operation) {
            Ok(plan) if plan.task == Task::Restart => plan.children,
            Ok(_) => return self.operate(&operation, to),
            Err(why) => return refuse(&to, why),
        };
        let specs = specs.into_iter();
        let specs: Vec<_> = specs
            .map(|child| Arc::clone(&self.children.entries[child].spec))
            .collect();
        let checked = async move { check_settings(&specs).await }.into_actor(self);
        context.spawn(checked.map(move |checked, root, _| match checked {
            // Much may have happened meanwhile, so the order is looked at anew.
            Ok(()) => root.operate(&operation, to),
            Err(why) => refuse(&to, why),
        }));
    }
}

/// An order, and what it is about.
struct Plan {
    task: Task,
    children: Vec<usize>,
    rolling: bool,
}

fn refuse(to: &mpsc::Sender<FromSupervisor>, why: String) {
    // An operator who has left hears nothing.
    to.try_send(FromSupervisor::Refused(why)).ok();
}

/// Has each program read the settings that its next start would read; gives what it says is wrong with them.
async fn check_settings(specs: &[Arc<ProcessSpec>]) -> Result<(), String> {
    for spec in specs {
        let Some(check) = spec.check else { continue };
        let mut command = Command::new(&spec.program);
        command.args(spec.command_line()).arg(check);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let why = match timeout(SETTINGS_CHECK_MAX, command.output()).await {
            Ok(Ok(output)) if output.status.success() => continue,
            Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Ok(Err(error)) => format!("{} cannot be started: {error}", spec.program.display()),
            Err(_) => "it did not read its settings in time".to_owned(),
        };
        let name = spec.name;
        return Err(format!(
            "nothing was ended, since {name} would not start again: {why}"
        ));
    }
    Ok(())
}
