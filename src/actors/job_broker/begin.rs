//! The job store and its broker at the daemon's start.

use super::desk::Desk;
use super::{BrokerParts, Exchange, JobBroker, Look};
use crate::actors::boot::Booted;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::{ChildSpec, Supervisor};
use crate::actors::outlet::Outlet;
use crate::config::{JobStore, Jobs};
use crate::jobs::embedded::{Embedded, StoredRows};
use crate::jobs::memory::Memory;
use crate::jobs::redis::Settings;
use crate::jobs::row;
use crate::limits::{JOB_GATE_MAX, JOBS_FED_MAX};
use crate::protocol::Wall;
use actix::Arbiter;
use moo_db::DbError;
use moo_model::ledger::Relation;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The job store, with what the last daemon left in it. `written` is how far the log is.
pub fn open(
    booted: &Booted,
    config: &Jobs,
    wall: fn() -> Wall,
    written: &Arc<AtomicU64>,
) -> Result<Arc<Desk>, DbError> {
    let rows = |relation| booted.store.rows(relation).collect::<Result<Vec<_>, _>>();
    let stored = StoredRows {
        jobs: rows(Relation::Job)?,
        dead: rows(Relation::JobDead)?,
        keys: rows(Relation::JobDedupe)?,
    };
    let seen = rows(Relation::JobSeen)?;
    let (memory, exchange) = match &config.store {
        JobStore::Embedded => (
            Memory::new(&config.world, None, 1).with_lease(config.lease()),
            None,
        ),
        JobStore::Redis(_) => {
            let mark = rows(Relation::Server)?;
            let mark = mark.iter().find_map(|(key, value)| row::read_mark(key, value));
            let exchange = Arc::new(Exchange::new(written.clone(), booted.folder.clone(), mark));
            (Memory::feed(JOBS_FED_MAX), Some(exchange))
        }
    };
    let desk = Arc::new(Desk::new(wall, exchange, config.lease()));
    desk.open(|now| {
        let (jobs, unreadable) = Embedded::load(memory, now, stored);
        if unreadable > 0 {
            tracing::error!(unreadable, "some stored jobs cannot be read and are lost");
        }
        jobs
    });
    desk.remember(seen.iter().filter_map(|(key, value)| row::read_seen(key, value)));
    Ok(desk)
}

/// Has the job store elsewhere answered, where there is one. What this world had of it when it last ended is ready again.
pub fn connect(config: &Jobs, desk: &Arc<Desk>, outlet: &Arc<Outlet>) -> io::Result<()> {
    if let (JobStore::Redis(url), Some(exchange)) = (&config.store, desk.exchange()) {
        exchange.give_back(world_taker(config));
        let settings = Settings::new(url, &config.namespace, &config.world, exchange.folder());
        let lease = config.lease();
        exchange.start(desk, outlet, Settings { lease, ..settings })?;
    }
    Ok(())
}

/// The name under which the world itself takes jobs of a store elsewhere.
pub fn world_taker(config: &Jobs) -> String {
    format!("{}/world", config.world)
}

/// Starts the broker on this arbiter; gives a gate to it.
pub fn start(supervisor: &Supervisor, parts: BrokerParts) -> Gate<JobBroker> {
    let desk = parts.desk.clone();
    parts.outside.set_jobs(desk.clone());
    let spec = ChildSpec::permanent("jobs");
    let slot = supervisor.supervise(spec, Arbiter::current(), move |guard| {
        JobBroker::new(parts.clone(), guard)
    });
    let gate = Gate::new(slot, JOB_GATE_MAX);
    let bell = gate.clone();
    desk.set_bell(move || {
        // The broker looks by itself after a while.
        bell.offer(Look).ok();
    });
    gate
}
