//! How calls are put to the scripts, and how their answers are read.
//!
//! Invariant: what a script is given stands in the order that `scripts` says; a queue of this world alone has the world's name
//! before its own, so that no number of an object leads into another world.

use super::OnRedis;
use crate::jobs::{
    Ending, JobError, Now, Owner, Queue, Seen, Standing, Stored, Taken, size_of, tries_of, ttl_of,
};
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::job::JobSpec;
use crate::protocol::{JobId, Wall, WireObj, hex};
use std::time::Duration;

/// The version of a stored job.
const VERSION: u8 = 1;

/// A job as `TAKE` gives it.
pub(super) type Given = (String, u64, String, u8, Vec<u8>, String, String);
/// A job as `SEE` shows it.
pub(super) type Row = (
    String,
    String,
    String,
    u8,
    u64,
    String,
    Vec<u8>,
    u64,
    String,
    String,
    String,
);

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A number, as scripts are given it.
pub(super) fn number(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// A word.
pub(super) fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

pub(super) fn id_word(job: JobId) -> Vec<u8> {
    hex::to_hex(&job.0).into_bytes()
}

fn read_spec(bytes: &[u8]) -> Option<JobSpec> {
    let (&version, rest) = bytes.split_first()?;
    let (spec, rest) = take_stored(rest)?;
    (version == VERSION && rest.is_empty()).then_some(spec)
}

/// What came of a put.
pub(super) fn stored_of((word, duplicate, of_owner): (String, u8, usize)) -> Result<Stored, JobError> {
    if let Some(job) = hex::from_hex(&word) {
        return Ok(Stored {
            job: JobId(job),
            duplicate: duplicate == 1,
            of_owner,
        });
    }
    match word.as_str() {
        "FULL" => Err(JobError::Full),
        _ => Err(JobError::Refused(
            "no world of that name has ever used this job store".to_owned(),
        )),
    }
}

impl OnRedis {
    /// The name of a queue among those of all worlds.
    pub(super) fn queue_name(&self, queue: &Queue) -> String {
        let world = &self.settings.world;
        match queue {
            Queue::World | Queue::User(_) | Queue::Agent(_) => format!("w:{world}:{queue}"),
            Queue::Peer(world) => format!("w:{world}:world"),
            Queue::Any(_) | Queue::Worker(_) | Queue::Named(_) | Queue::Peers | Queue::Feed => queue.name(),
        }
    }

    fn queue_of(&self, name: &str) -> Option<Queue> {
        match name.strip_prefix("w:").and_then(|rest| rest.split_once(':')) {
            Some((world, queue)) if world == self.settings.world => Queue::parse(queue),
            Some((world, _)) => Some(Queue::Peer(world.to_owned())),
            None => Queue::parse(name),
        }
    }

    /// A job to `PUT`.
    pub(super) fn put_words(&self, job: JobId, spec: &JobSpec) -> [Vec<u8>; 10] {
        let mut bytes = vec![VERSION];
        put_stored(&mut bytes, spec);
        let owner = spec.from.map(|owner| owner.0.to_string());
        [
            id_word(job),
            text(&self.queue_name(&Queue::of(spec))),
            text(spec.order_key.as_deref().unwrap_or_default()),
            text(spec.dedupe.as_deref().unwrap_or_default()),
            number(spec.not_before.unwrap_or_default().0),
            number(millis(ttl_of(spec))),
            number(tries_of(spec).into()),
            number(size_of(spec) as u64),
            text(owner.as_deref().unwrap_or_default()),
            bytes,
        ]
    }

    /// A try to `END`.
    pub(super) fn end_words(now: Now, job: JobId, lease: u64, how: &Ending) -> [Vec<u8>; 6] {
        let pause = |after: &Duration| i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let (how, pause, why) = match how {
            Ending::Done => ("done", 0, ""),
            Ending::Retry { after, why } => ("retry", after.as_ref().map_or(-1, pause), why.as_str()),
            Ending::Park { after, why } => ("park", pause(after), why.as_str()),
            Ending::Reject(why) => ("reject", 0, why.as_str()),
        };
        [
            id_word(job),
            number(lease),
            text(how),
            pause.to_string().into_bytes(),
            text(why),
            number(now.chance % 1_000),
        ]
    }

    /// Whose a job is, and what it is as far as this world goes.
    fn own(&self, mut spec: JobSpec, world: String, owner: &str) -> (Option<Owner>, JobSpec) {
        let world = (world != self.settings.world).then_some(world);
        let number = owner.parse().ok().map(WireObj);
        if world.is_some() {
            spec.from = None;
        }
        (number.map(|number| Owner { world, number }), spec)
    }

    /// A job that was taken; none if it cannot be read.
    pub(super) fn taken(&self, given: Given) -> Option<Taken> {
        let (id, lease, queue, attempt, spec, world, owner) = given;
        let (owner, spec) = self.own(read_spec(&spec)?, world, &owner);
        Some(Taken {
            job: JobId(hex::from_hex(&id)?),
            lease,
            queue: self.queue_of(&queue)?,
            attempt,
            owner,
            spec,
        })
    }

    /// A job as it is seen; none if it cannot be read.
    pub(super) fn seen(&self, row: Row) -> Option<Seen> {
        let (id, queue, standing, tries, since, why, spec, due, taker, world, owner) = row;
        let (owner, spec) = self.own(read_spec(&spec)?, world, &owner);
        Some(Seen {
            job: JobId(hex::from_hex(&id)?),
            queue: self.queue_of(&queue)?,
            standing: match standing.as_str() {
                "behind" => Standing::Behind,
                "delayed" => Standing::Delayed(Wall(due)),
                "ready" => Standing::Ready,
                "taken" => Standing::Taken(taker),
                _ => Standing::Dead(why.clone()),
            },
            tries,
            since: Wall(since),
            why,
            owner,
            spec,
        })
    }
}
