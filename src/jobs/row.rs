//! The stored rows of jobs: a job as it was put, how far it is, those that a store elsewhere is to forget, the dead, keys that a second job may not have, and jobs of
//! another store whose effect is in the world already, and what was last heard of that store.
//!
//! Invariant: a row starts with its version; what cannot be read is told, never guessed.

use super::Queue;
use super::memory::{Dead, Entry, Place};
use super::redis::Mark;
use super::size_of;
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::job::JobSpec;
use crate::protocol::{JobId, Wall};
use bincode::{Decode, Encode};
use moo_model::ledger::{Relation, Row};

/// The version that is written, of all these rows.
const VERSION: u8 = 1;
/// What follows a job's id in the keys of its two rows.
const SPEC: u8 = 0;
const PROGRESS: u8 = 1;
/// What follows it in the key of a row that says that a store elsewhere is to forget the job.
const CANCELLED: u8 = 2;
/// The key of what was last heard of a job store on Redis, among the facts of the server.
const MARK: &[u8] = b"job_store";

#[derive(Encode, Decode)]
struct StoredJob {
    seq: u64,
    queue: String,
    since: Wall,
    until: Wall,
    spec: JobSpec,
}

#[derive(Encode, Decode)]
enum StoredPlace {
    Ready,
    Delayed(Wall),
    Taken(String),
}

/// How far a job is.
#[derive(Encode, Decode)]
pub(super) struct Progress {
    tries: u8,
    lease: u64,
    place: StoredPlace,
    why: String,
}

#[derive(Encode, Decode)]
struct StoredDead {
    job: StoredJob,
    tries: u8,
    why: String,
    at: Wall,
}

#[derive(Encode, Decode)]
struct StoredKey {
    job: [u8; 16],
    until: Wall,
}

#[derive(Encode, Decode)]
struct StoredMark {
    place: String,
    life: String,
    written: u64,
}

/// One row of [`Relation::Job`], read back.
pub(super) enum Read {
    Job(JobId, Box<Entry>),
    Progress(JobId, Progress),
    Cancelled(JobId),
}

fn encoded(part: &impl Encode) -> Option<Vec<u8>> {
    let mut value = vec![VERSION];
    put_stored(&mut value, part);
    Some(value)
}

fn decoded<D: Decode<()>>(value: &[u8]) -> Option<D> {
    let (&version, rest) = value.split_first()?;
    let (part, rest) = take_stored(rest)?;
    (version == VERSION && rest.is_empty()).then_some(part)
}

fn job_row(job: JobId, tag: u8, value: Option<Vec<u8>>) -> Row {
    let mut key = job.0.to_vec();
    key.push(tag);
    let relation = Relation::Job;
    Row { relation, key, value }
}

fn stored(entry: &Entry) -> StoredJob {
    StoredJob {
        seq: entry.seq,
        queue: entry.queue.name(),
        since: entry.since,
        until: entry.until,
        spec: entry.spec.clone(),
    }
}

fn entry(stored: StoredJob) -> Option<Entry> {
    Some(Entry {
        seq: stored.seq,
        queue: Queue::parse(&stored.queue)?,
        place: stored.spec.not_before.map_or(Place::Ready, Place::Delayed),
        tries: 0,
        lease: 0,
        since: stored.since,
        until: stored.until,
        why: String::new(),
        size: size_of(&stored.spec),
        spec: stored.spec,
    })
}

impl Progress {
    /// The same job, as far as this says.
    pub fn apply(self, entry: &mut Entry) {
        entry.tries = self.tries;
        entry.lease = self.lease;
        entry.why = self.why;
        entry.place = match self.place {
            StoredPlace::Ready => Place::Ready,
            StoredPlace::Delayed(due) => Place::Delayed(due),
            StoredPlace::Taken(taker) => Place::Taken {
                taker,
                until: Default::default(),
            },
        };
    }
}

/// A job as it was put.
pub(super) fn put(job: JobId, entry: &Entry) -> Row {
    job_row(job, SPEC, encoded(&stored(entry)))
}

/// How far a job is.
pub(super) fn progress(job: JobId, entry: &Entry) -> Row {
    let place = match &entry.place {
        Place::Behind | Place::Ready => StoredPlace::Ready,
        Place::Delayed(due) => StoredPlace::Delayed(*due),
        Place::Taken { taker, .. } => StoredPlace::Taken(taker.clone()),
    };
    let progress = Progress {
        tries: entry.tries,
        lease: entry.lease,
        place,
        why: entry.why.clone(),
    };
    job_row(job, PROGRESS, encoded(&progress))
}

/// A job is gone.
pub(super) fn gone(job: JobId) -> [Row; 2] {
    [job_row(job, SPEC, None), job_row(job, PROGRESS, None)]
}

/// A store elsewhere is to forget a job, or has heard so.
pub fn cancelled(job: JobId, is_waiting: bool) -> Row {
    job_row(job, CANCELLED, is_waiting.then(|| vec![VERSION]))
}

/// A dead job, or that it is none any more.
pub(super) fn dead(job: JobId, dead: Option<&Dead>) -> Row {
    let stored = dead.map(|dead| StoredDead {
        job: stored(&dead.entry),
        tries: dead.entry.tries,
        why: dead.why.clone(),
        at: dead.at,
    });
    Row {
        relation: Relation::JobDead,
        key: job.0.to_vec(),
        value: stored.and_then(|stored| encoded(&stored)),
    }
}

/// A dedupe key and its job, or that it is forgotten.
pub(super) fn key(key: &str, known: Option<(JobId, Wall)>) -> Row {
    let stored = known.map(|(job, until)| StoredKey { job: job.0, until });
    Row {
        relation: Relation::JobDedupe,
        key: key.as_bytes().to_vec(),
        value: stored.and_then(|stored| encoded(&stored)),
    }
}

/// A job of another store has taken effect, and when; or that this is forgotten.
pub fn seen(job: JobId, at: Option<Wall>) -> Row {
    Row {
        relation: Relation::JobSeen,
        key: job.0.to_vec(),
        value: at.and_then(|at| encoded(&at)),
    }
}

/// What was last heard of a job store on Redis.
pub fn mark(mark: &Mark) -> Row {
    let stored = StoredMark {
        place: mark.place.clone(),
        life: mark.life.clone(),
        written: mark.written,
    };
    Row {
        relation: Relation::Server,
        key: MARK.to_vec(),
        value: encoded(&stored),
    }
}

/// Reads that row; of any other one of [`Relation::Server`] none.
pub fn read_mark(key: &[u8], value: &[u8]) -> Option<Mark> {
    if key != MARK {
        return None;
    }
    let StoredMark { place, life, written } = decoded(value)?;
    Some(Mark { place, life, written })
}

/// Reads a row of [`Relation::JobSeen`].
pub fn read_seen(key: &[u8], value: &[u8]) -> Option<(JobId, Wall)> {
    Some((JobId(key.try_into().ok()?), decoded(value)?))
}

/// Reads a row of [`Relation::Job`].
pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Read> {
    let (id, tag) = key.split_first_chunk::<16>()?;
    let job = JobId(*id);
    match tag {
        [SPEC] => Some(Read::Job(job, Box::new(entry(decoded(value)?)?))),
        [PROGRESS] => Some(Read::Progress(job, decoded(value)?)),
        [CANCELLED] => (value == [VERSION]).then_some(Read::Cancelled(job)),
        _ => None,
    }
}

/// Reads a row of [`Relation::JobDead`].
pub(super) fn read_dead(key: &[u8], value: &[u8]) -> Option<(JobId, Dead)> {
    let stored: StoredDead = decoded(value)?;
    let mut entry = entry(stored.job)?;
    entry.tries = stored.tries;
    let (why, at) = (stored.why, stored.at);
    Some((JobId(key.try_into().ok()?), Dead { entry, why, at }))
}

/// Reads a row of [`Relation::JobDedupe`].
pub(super) fn read_key(key: &[u8], value: &[u8]) -> Option<(String, JobId, Wall)> {
    let stored: StoredKey = decoded(value)?;
    let key = String::from_utf8(key.to_vec()).ok()?;
    Some((key, JobId(stored.job), stored.until))
}
