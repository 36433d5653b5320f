//! What a daemon does before it hears its first input.

use super::assembly::Actors;
use super::boot::Departed;
use super::connection::{AwaitHosts, Returned, TakeBack};
use super::errand::{hook, unasked};
use super::scheduler::{Restore, RunHook, SchedulerActor};
use crate::actors::kit::gate::Gate;
use moo_model::{Obj, Value};
use moo_tasks::attempt::{Job, Work};
use moo_tasks::outside::Outside;
use moo_tasks::snapshot;
use tokio::sync::oneshot;

/// What runs before the first input, one after the other: the connections that go on are taken back, then the hooks of
/// those that do not, `server_started`, and the tasks that waited.
pub(super) async fn begin_tasks(
    outside: &Outside,
    actors: &Actors,
    tasks: Vec<snapshot::Restored>,
    lost_tasks: &[i64],
    returned: Vec<Returned>,
    departed: Vec<Departed>,
) {
    let scheduler = &actors.scheduler;
    let (done, taken) = oneshot::channel();
    if actors.connections.offer(TakeBack(returned, done)).is_err() || taken.await.is_err() {
        tracing::error!("the connections of the last daemon were not taken back");
    }
    for Departed {
        player,
        listener,
        rows,
    } in departed
    {
        let object = player.unwrap_or(Obj::NOTHING);
        let mut job = hook(
            outside,
            listener,
            "user_disconnected",
            object,
            vec![Value::obj(object)],
        );
        if player.is_none() {
            job.work = Work::Rows;
        }
        run_hook(scheduler, Job { rows, ..job }).await;
    }
    let started = hook(outside, Obj::SYSTEM, "server_started", Obj::NOTHING, Vec::new());
    let rows = lost_tasks.iter().map(|&id| snapshot::gone(id)).collect();
    run_hook(scheduler, Job { rows, ..started }).await;
    if scheduler.offer(Restore(tasks)).is_err() {
        tracing::error!("the scheduler takes no tasks");
    }
    if actors.connections.offer(AwaitHosts).is_err() {
        tracing::error!("the connections take no messages");
    }
}

/// Runs a verb of the server's own and waits for the end of its first slice.
pub(super) async fn run_hook(scheduler: &Gate<SchedulerActor>, job: Job) {
    let (done, ended) = oneshot::channel();
    if scheduler.offer(RunHook(unasked(job), done)).is_err() || ended.await.is_err() {
        tracing::error!("the scheduler takes no hooks");
    }
}
