//! Bounds of jobs and of the stores that keep them.
//!
//! Invariant: as of all bounds, the unit is in the name or its words; a size without one is in bytes.

use super::MIB;
use std::time::Duration;

/// How long a job that was taken stays its taker's, unless that extends it.
pub const JOB_LEASE: Duration = Duration::from_secs(30);
/// How often a lease is extended in its time, of a task of the world that is at work.
pub const JOB_EXTENDS: u32 = 3;
/// How old what is shown of a store elsewhere may be while nobody looks.
pub const JOB_LIST_IDLE: Duration = Duration::from_secs(2);
/// How often a job store looks at its clock.
pub const JOB_SWEEP: Duration = Duration::from_millis(250);
/// How often a job is tried that does not say so itself.
pub const JOB_TRIES: u8 = 5;
/// The pause after a job's first try that failed; each later one is twice as long.
pub const JOB_BACKOFF: Duration = Duration::from_secs(1);
/// The longest such pause.
pub const JOB_BACKOFF_MAX: Duration = Duration::from_secs(300);
/// How long a second job with the same dedupe key is the first one.
pub const JOB_DEDUPE: Duration = Duration::from_secs(600);
/// How long a job waits for its time, and from then on for somebody to do it; it may ask for less.
pub const JOB_PARKED_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long it is known which jobs of a store elsewhere have taken effect.
pub const JOB_SEEN: Duration = Duration::from_secs(24 * 3_600);
/// Jobs of one owner who is no wizard.
pub const JOBS_OF_OWNER_MAX: usize = 1_000;
/// Bytes of the jobs of such an owner.
pub const JOBS_OF_OWNER_BYTES_MAX: usize = 8 * MIB;
/// Bytes of the data of one job.
pub const JOB_DATA_MAX: usize = MIB;
/// Jobs that a program or an operator sees at once, and about how many bytes of them.
pub const JOBS_SEEN_MAX: usize = 1_000;
/// See [`JOBS_SEEN_MAX`].
pub const JOBS_SEEN_BYTES_MAX: usize = 2 * MIB;
/// Jobs of the world that are with the scheduler at once.
pub const WORLD_JOBS_AT_ONCE: usize = 256;
/// Jobs that a host offers to take.
pub const JOB_CREDITS: u16 = 64;
/// Jobs that an agent may have at once.
pub const JOB_CREDITS_MAX: usize = 256;
/// Queues that an agent may take from, besides those of the players whose connections it holds.
pub const JOB_QUEUES_MAX: usize = 64;
/// How often an agent says anew how many jobs it would take.
pub const JOB_OFFER_PERIOD: Duration = Duration::from_secs(5);
/// How often the thread between a daemon and a job store on Redis looks by itself.
pub const EXCHANGE_LOOK: Duration = Duration::from_millis(100);
/// The rest after an exchange with such a store that failed.
pub const EXCHANGE_REST: Duration = Duration::from_millis(20);
/// How often the same trouble with such a store is told.
pub const EXCHANGE_TOLD: Duration = Duration::from_secs(60);
/// Jobs that are sent to such a store, or ended there, at once.
pub const JOB_FEED_BATCH: usize = 256;
/// How long a task of the world is kept in its lease of a job from such a store.
pub const WORLD_JOB_MAX: Duration = Duration::from_secs(600);
/// How long a host waits to hear whether a replica of such a store has its job.
pub const JOB_REPLICA_PATIENCE: Duration = Duration::from_secs(5);
/// How long it is looked whether one is there, after none was.
pub const JOB_REPLICA_LOOK: Duration = Duration::from_millis(20);
/// Bytes of a job's kind, and of each name and key in it.
pub const JOB_NAME_MAX: usize = 64;
/// Jobs that wait for such a store while it is away.
pub const JOBS_FED_MAX: usize = 10_000;
/// Messages that may wait for the job broker.
pub const JOB_GATE_MAX: usize = 16_384;
/// Steps of the job broker that may wait for a commit.
pub const JOB_STEPS_MAX: usize = 65_536;
/// How long a job store on Redis is waited for.
pub const JOB_REDIS_PATIENCE: Duration = Duration::from_secs(2);
/// The rest before a connection to it is made anew; each later one is twice as long.
pub const JOB_REDIS_REST: Duration = Duration::from_millis(50);
/// The longest such rest.
pub const JOB_REDIS_REST_MAX: Duration = Duration::from_secs(2);
/// Worlds that share such a store. A job for all of them is told apart by one byte of its id.
pub const JOB_WORLDS_MAX: usize = 256;
/// Jobs of each sort that one look at its clock deals with.
pub const JOB_SWEPT_AT_ONCE: usize = 1_000;
/// Jobs that a store keeps.
pub const JOBS_MAX: usize = 1_000_000;
/// Bytes of jobs that a store keeps.
pub const JOBS_BYTES_MAX: usize = 1024 * MIB;
/// Jobs that were given up and are kept for the operator; past that the oldest are forgotten.
pub const JOBS_DEAD_MAX: usize = 10_000;
/// Bytes of them.
pub const JOBS_DEAD_BYTES_MAX: usize = 64 * MIB;
/// The last jobs of each world of which a store on Redis knows that it has had them, so that a put may be made again. More
/// than may wait for it.
pub const JOBS_KNOWN_MAX: usize = 16_384;
/// Bytes of jobs that are sent to such a store at once, but for a single job that has more.
pub const JOB_FEED_BYTES: usize = 4 * MIB;
