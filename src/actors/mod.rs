//! Everything that lives, fails and is started again: actors, and the processes they run in.
//!
//! `kit` is the machinery without a MOO in it; `process` is the program `moothall`, which watches the others. All else
//! here is the daemon:
//!
//! ```text
//! lifecycle           starts and stops the rest in order
//! +- kit::Supervisor
//! |  +- PublisherActor    committed output, numbered, to the hosts    \
//! |  +- SchedulerActor    tasks to executors, reports back            | their panic ends the process
//! |  +- ConnectionActor   clients, lines, logins                      /
//! |  +- GatewayActor      frames to messages
//! |  |  +- HostSession    one for each host
//! |  +- WorkerActor       requests of tasks to workers, and their answers back
//! |  +- JobBroker         jobs to those who do them
//! |  +- HealthActor       pings
//! |  +- EnrollmentActor   lets in processes of other machines
//! +- executors            threads that run tasks
//! +- the log's thread, the gateway's I/O thread
//! ```
//!
//! A line's way: I/O thread, gateway, connection, scheduler, executor; its output: outlet, publisher, I/O thread. All
//! actors share the main arbiter, since each does little for a message and a hop between threads costs more than that.

pub mod kit;
pub mod process;

mod admin;
mod assembly;
mod backup;
mod beginning;
mod boot;
mod checkpointer;
mod collector;
mod connection;
mod doors;
mod enrollment;
mod errand;
mod executor;
mod figures;
mod gateway;
mod health;
mod host_session;
mod job_broker;
mod keyring;
mod lifecycle;
mod meters;
mod outlet;
mod own_process;
mod publisher;
mod room;
mod run_queue;
mod scheduler;
mod taps;
mod worker;
mod world_request;

pub use lifecycle::{Options, run};

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DaemonError {
    /// What to exit with.
    pub code: u8,
    /// What to say.
    pub message: String,
}
