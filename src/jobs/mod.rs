//! Jobs: work that is stored until somebody has done it, in one of three stores behind one trait.
//!
//! `memory` is what a store means, as a pure machine; `embedded` writes it down as rows that ride in the world's
//! commits; `redis` keeps the same promises on a Redis that several worlds share. `conformance` holds all of them
//! to one suite. Invariant: a job that was stored leaves its store by one of three ends only: done, cancelled, or among the
//! dead with a reason that a person can read; and only whoever has its newest lease decides which.

#[cfg(test)]
pub mod conformance;
pub mod embedded;
pub mod memory;
pub mod redis;
pub mod row;

use std::fmt;
use std::time::Duration;

use crate::protocol::event::ClientEvent;
use crate::protocol::hex;
use crate::protocol::host::DaemonDirect;
use crate::protocol::job::{JobOut, JobSpec, JobTarget};
use crate::protocol::{HostId, JobId, Moment, Wall, WireObj};

/// The time by both clocks, and some chance, as a store is handed them: leases go by the monotonic one, everything that
/// has a date by the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// The monotonic clock.
    pub moment: Moment,
    /// The calendar.
    pub wall: Wall,
    /// 64 random bits, for jitter.
    pub chance: u64,
}

/// The taker that is this world itself. Its leases do not run out: each of its jobs ends in a commit of this process, or
/// the process has ended.
pub const OWN: &str = "world";

/// Where a job waits. Its name is stored and travels, as [`Queue::name`] writes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Queue {
    /// For verbs of this world.
    World,
    /// For anyone who does this kind.
    Any(String),
    /// For a worker of this kind.
    Worker(String),
    /// For one process.
    Agent(HostId),
    /// For whoever holds this player's connection.
    User(WireObj),
    /// For whichever world this name is logged in at.
    Named(String),
    /// For verbs of the world of this name.
    Peer(String),
    /// For verbs of every world, a job for each.
    Peers,
    /// On its way to a store elsewhere.
    Feed,
}

impl Queue {
    /// Where a job of this kind and target waits.
    pub fn of(spec: &JobSpec) -> Queue {
        match &spec.target {
            JobTarget::World => Queue::World,
            JobTarget::Any => Queue::Any(spec.kind.clone()),
            JobTarget::Worker(kind) => Queue::Worker(kind.clone()),
            JobTarget::Agent(id) => Queue::Agent(*id),
            JobTarget::User(object) => Queue::User(*object),
            JobTarget::Named(name) => Queue::Named(name.to_lowercase()),
            JobTarget::Peer(world) => Queue::Peer(world.clone()),
            JobTarget::Peers => Queue::Peers,
        }
    }

    /// The queue of this name.
    pub fn parse(name: &str) -> Option<Queue> {
        let (sort, rest) = name.split_once(':').unwrap_or((name, ""));
        Some(match sort {
            "world" if rest.is_empty() => Queue::World,
            "worlds" if rest.is_empty() => Queue::Peers,
            "feed" if rest.is_empty() => Queue::Feed,
            "any" if !rest.is_empty() => Queue::Any(rest.to_owned()),
            "worker" if !rest.is_empty() => Queue::Worker(rest.to_owned()),
            "agent" => Queue::Agent(HostId(hex::from_hex(rest)?)),
            "user" => Queue::User(WireObj(rest.parse().ok()?)),
            "name" if !rest.is_empty() => Queue::Named(rest.to_lowercase()),
            "peer" if !rest.is_empty() => Queue::Peer(rest.to_owned()),
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Queue::World => write!(f, "world"),
            Queue::Any(kind) => write!(f, "any:{kind}"),
            Queue::Worker(kind) => write!(f, "worker:{kind}"),
            Queue::Agent(id) => write!(f, "agent:{id}"),
            Queue::User(object) => write!(f, "user:{}", object.0),
            Queue::Named(name) => write!(f, "name:{name}"),
            Queue::Peer(world) => write!(f, "peer:{world}"),
            Queue::Peers => write!(f, "worlds"),
            Queue::Feed => write!(f, "feed"),
        }
    }
}

/// What came of a put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The job's id: that of the first one with its dedupe key, if it is a second one.
    pub job: JobId,
    /// Whether it was known already.
    pub duplicate: bool,
    /// How many jobs its owner has in this store now that are alive; 0 for one without an owner.
    pub of_owner: usize,
}

/// What somebody's jobs that are alive come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// How many there are.
    pub jobs: usize,
    /// What they take up.
    pub bytes: usize,
}

/// Whose a job is. Numbers of objects mean something in their own world only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The name of the owner's world; none for this one.
    pub world: Option<String>,
    /// The owner's number there.
    pub number: WireObj,
}

impl Owner {
    /// An owner of this world.
    pub fn own(number: WireObj) -> Owner {
        Owner { world: None, number }
    }

    /// The owner's number, if they are of this world.
    pub fn here(&self) -> Option<WireObj> {
        self.world.is_none().then_some(self.number)
    }
}

/// A job that somebody has taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Taken {
    /// Its id.
    pub job: JobId,
    /// The number that proves to the store who has it.
    pub lease: u64,
    /// The queue that it came from.
    pub queue: Queue,
    /// The first try is 1.
    pub attempt: u8,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// What to do. It is `from` nobody if its owner is of another world.
    pub spec: JobSpec,
}

impl Taken {
    /// The message that gives it to an agent, whose lease holds this long.
    pub fn assignment(self, lease: Duration) -> DaemonDirect {
        DaemonDirect::JobAssign {
            job: self.job,
            lease: self.lease,
            lease_ms: u32::try_from(lease.as_millis()).unwrap_or(u32::MAX),
            queue: self.queue.name(),
            attempt: self.attempt,
            spec: self.spec,
        }
    }
}

/// How a try ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The job is done.
    Done,
    /// It is to be tried again, if it has tries left.
    Retry {
        /// After this long; `None` for the store's own doubling backoff.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// It could not be tried, by no fault of its own: it comes back with as many tries as it had.
    Park {
        /// After this long.
        after: Duration,
        /// Why.
        why: String,
    },
    /// It is not to be tried again, and why.
    Reject(String),
}

impl Ending {
    /// What an agent's word means for the store, and whom it wants told what.
    pub fn of(out: JobOut) -> (Ending, Option<(WireObj, ClientEvent)>) {
        match out {
            JobOut::Done(_) => (Ending::Done, None),
            JobOut::Deliver(to, event) => (Ending::Done, Some((to, event))),
            JobOut::Retry { after_ms, why } => {
                let after = (after_ms > 0).then(|| Duration::from_millis(after_ms.into()));
                (Ending::Retry { after, why }, None)
            }
            JobOut::Reject(why) => (Ending::Reject(why), None),
        }
    }
}

/// Where a job is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Behind another one with the same order key.
    Behind,
    /// Waiting for its time.
    Delayed(Wall),
    /// Ready to be taken.
    Ready,
    /// Taken, by this taker.
    Taken(String),
    /// Given up, and why.
    Dead(String),
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Behind => "behind",
            Standing::Delayed(_) => "delayed",
            Standing::Ready => "ready",
            Standing::Taken(_) => "taken",
            Standing::Dead(_) => "dead",
        })
    }
}

/// A job as people and programs see it.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Its id.
    pub job: JobId,
    /// Where it waits or waited.
    pub queue: Queue,
    /// Where it is.
    pub standing: Standing,
    /// How often it was tried, this try included.
    pub tries: u8,
    /// When it was stored.
    pub since: Wall,
    /// What went wrong last; empty if nothing has.
    pub why: String,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// What to do. It is `from` nobody if its owner is of another world.
    pub spec: JobSpec,
}

/// How many jobs there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Alive: all but the dead.
    pub alive: u64,
    /// Of them, those that may be taken now.
    pub ready: u64,
    /// Of them, those that somebody has.
    pub taken: u64,
    /// Of them, those that wait for their time.
    pub delayed: u64,
    /// Given up.
    pub dead: u64,
    /// Bytes of those alive.
    pub bytes: u64,
    /// Bytes of the dead.
    pub dead_bytes: u64,
    /// The dead that were forgotten because there were too many.
    pub forgotten: u64,
}

/// What a store was asked since this process started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Jobs that were stored.
    pub puts: u64,
    /// Jobs that were given to somebody.
    pub takes: u64,
    /// Tries that ended with the job done.
    pub done: u64,
    /// Tries that ended otherwise, by whoever had the job.
    pub retries: u64,
    /// Jobs that came back with all their tries.
    pub parks: u64,
    /// How long the store was away.
    pub away: Duration,
    /// How often it was found without jobs that it had confirmed.
    pub losses: u64,
}

impl Tally {
    /// A try has ended so.
    fn ended(&mut self, how: &Ending) {
        match how {
            Ending::Done => self.done += 1,
            Ending::Retry { .. } | Ending::Reject(_) => self.retries += 1,
            Ending::Park { .. } => self.parks += 1,
        }
    }
}

/// Why a store does not do what it is asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JobError {
    /// As many jobs or bytes wait as may.
    #[error("the job queue is full; try again later")]
    Full,
    /// Somebody else has the job now, or nobody: this lease is over.
    #[error("the lease of that job is over")]
    LateLease,
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// The job is with somebody who works on it.
    #[error("that job is being worked on; wait until its lease is over")]
    AtWork,
    /// It cannot be stored as asked, and why.
    #[error("{0}")]
    Refused(String),
    /// This world may not be in that store: its name is another's there, or there are too many. And what to do about it.
    #[error("{0}")]
    NotOurs(String),
    /// The store cannot be reached, and why. Whether it has done what was asked is not known.
    #[error("the job store does not answer: {0}")]
    Away(String),
}

/// A store of jobs.
///
/// Nothing here waits for a job: who takes asks again. A store on a network may block for as long as its time-outs say
/// and may answer [`JobError::Away`], after which the same put, by the same id, may be made again.
pub trait JobStore {
    /// Stores a job under an id that was never used before.
    fn put(&mut self, now: Now, job: JobId, spec: JobSpec) -> Result<Stored, JobError>;

    /// Gives so many jobs at most from these queues to a taker, each with a lease of its own (`JOB_LEASE`, unless it was set). Queues are
    /// looked through in the order given, each first in, first out; jobs with the same order key one at a time.
    fn take(&mut self, now: Now, taker: &str, queues: &[Queue], most: usize) -> Result<Vec<Taken>, JobError>;

    /// The taker is still at work: its lease holds anew from now on.
    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError>;

    /// A try has ended so.
    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError>;

    /// A taker is gone: its jobs are ready again at once. Gives how many there were.
    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError>;

    /// Does what time asks for: jobs whose moment has come, leases and jobs that are over, keys to forget. Called each
    /// [`JOB_SWEEP`](crate::limits::JOB_SWEEP) or oftener.
    fn sweep(&mut self, now: Now) -> Result<(), JobError>;

    /// While it drains, nothing is given to anybody; jobs are stored as ever.
    fn set_draining(&mut self, draining: bool);

    /// A job, alive or dead.
    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError>;

    /// So many jobs at most that are alive, the oldest first; fewer where they are large, about
    /// [`JOBS_SEEN_BYTES_MAX`](crate::limits::JOBS_SEEN_BYTES_MAX) of them. Where there are more, a store elsewhere may count
    /// one that waits for its time for days as put then.
    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError>;

    /// So many of the dead at most, the newest first; fewer where they are large.
    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError>;

    /// Forgets a job that nobody has taken.
    fn cancel(&mut self, now: Now, job: JobId) -> Result<(), JobError>;

    /// Brings a dead job back, with all its tries and the time that it was given at first.
    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError>;

    /// Forgets a dead job.
    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError>;

    /// How many there are.
    fn counts(&mut self) -> Result<Counts, JobError>;

    /// What was asked so far.
    fn tally(&self) -> Tally;
}

/// The pause before the next try after this many: a second, doubled with each, and up to a quarter more by chance.
pub fn backoff(tries: u8, chance: u64) -> Duration {
    use crate::limits::{JOB_BACKOFF, JOB_BACKOFF_MAX};
    let doubled = JOB_BACKOFF.saturating_mul(1 << u32::from(tries.saturating_sub(1)).min(16));
    let pause = doubled.min(JOB_BACKOFF_MAX);
    pause + pause.mul_f64((chance % 1_000) as f64 / 4_000.0)
}

/// The tries that a job is given: what it asks for, or as many as is usual.
pub fn tries_of(spec: &JobSpec) -> u8 {
    match spec.tries_max {
        0 => crate::limits::JOB_TRIES,
        tries => tries,
    }
}

/// How long a job is kept: as it asks, at most a day.
pub fn ttl_of(spec: &JobSpec) -> Duration {
    use crate::limits::JOB_PARKED_MAX;
    match spec.ttl_ms {
        0 => JOB_PARKED_MAX,
        ms => Duration::from_millis(ms).min(JOB_PARKED_MAX),
    }
}

/// What a job takes up.
pub fn size_of(spec: &JobSpec) -> usize {
    const ENTRY: usize = 256;
    let texts = [&spec.order_key, &spec.dedupe].into_iter().flatten();
    ENTRY + spec.kind.len() + spec.data.0.len() + texts.map(String::len).sum::<usize>()
}
