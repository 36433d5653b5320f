//! How calls are put to the scripts, and how their answers are read.
//!
//! Invariant: what a script is given stands in the order that `scripts` says; a queue of this world alone has the world's name
//! before its own, so that no number of an object leads into another world.

use super::OnRedis;
use super::packed::Facts;
use crate::jobs::{
    Ending, JobError, Now, Owner, Queue, Seen, Standing, Stored, Taken, size_of, tries_of, ttl_of,
};
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::job::JobSpec;
use crate::protocol::{JobId, Wall, WireObj};
use redis::{FromRedisValue, Value};
use std::time::Duration;

/// The version of a stored job.
const VERSION: u8 = 1;

/// What `TAKE` gives of a queue: its name, entries, ids and rows.
pub(super) type Given = (String, Vec<String>, Vec<Vec<u8>>, Vec<Vec<u8>>);
/// A job as `SEE` shows it.
pub(super) type Row = (
    Vec<u8>,
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
    job.0.to_vec()
}

fn id_of(word: &[u8]) -> Option<JobId> {
    Some(JobId(word.try_into().ok()?))
}

/// Leases are entries: of their turn the microseconds since the year 2020, and in the last bits their number.
const LEASES_SINCE: u64 = 1_577_836_800_000_000;
const NUMBER_BITS: u32 = 14;
/// The highest number of an entry in its turn.
pub(super) const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// The lease of an entry; none if it is of no turn of ours.
fn lease_of(entry: &str) -> Option<u64> {
    let (turn, number) = entry.split_once('-')?;
    let (turn, number) = (turn.parse::<u64>().ok()?, number.parse::<u64>().ok()?);
    let turn = turn.checked_sub(LEASES_SINCE)?;
    let has_room = turn.leading_zeros() >= NUMBER_BITS && number <= NUMBER_MAX;
    has_room.then_some(turn << NUMBER_BITS | number)
}

/// The entry of a lease.
pub(super) fn entry_word(lease: u64) -> Vec<u8> {
    let turn = (lease >> NUMBER_BITS).saturating_add(LEASES_SINCE);
    format!("{turn}-{}", lease & NUMBER_MAX).into_bytes()
}

fn read_spec(bytes: &[u8]) -> Option<JobSpec> {
    let (&version, rest) = bytes.split_first()?;
    let (spec, rest) = take_stored(rest)?;
    (version == VERSION && rest.is_empty()).then_some(spec)
}

/// What came of the puts of a group of so many jobs: how many its owner had before all of them were stored, or a word on each.
pub(super) fn stored_of(
    answer: Value,
    jobs: &[JobId],
    has_owner: bool,
) -> Result<Vec<Result<Stored, JobError>>, redis::ParsingError> {
    if let Value::Int(before) = answer {
        let before = usize::try_from(before).unwrap_or(0);
        let stored = jobs.iter().enumerate().map(|(at, job)| {
            Ok(Stored {
                job: *job,
                duplicate: false,
                of_owner: if has_owner { before + at + 1 } else { 0 },
            })
        });
        return Ok(stored.collect());
    }
    let each: Vec<(Vec<u8>, u8, usize)> = FromRedisValue::from_redis_value(answer)?;
    let stored = each
        .into_iter()
        .map(|(word, duplicate, of_owner)| match id_of(&word) {
            Some(job) => Ok(Stored {
                job,
                duplicate: duplicate == 1,
                of_owner,
            }),
            None if word == b"FULL" => Err(JobError::Full),
            None => Err(JobError::Refused(
                "no world of that name has ever used this job store".to_owned(),
            )),
        });
    Ok(stored.collect())
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

    /// A job to `PUT`, as it will lie there: what is known of it, and what to do.
    pub(super) fn put_row(&self, spec: &JobSpec, number: u64) -> (Facts, Vec<u8>) {
        let facts = Facts {
            queue: self.queue_name(&Queue::of(spec)),
            tries_max: tries_of(spec),
            order_key: spec.order_key.clone().unwrap_or_default(),
            size: size_of(spec) as u64,
            world: self.settings.world.clone(),
            owner: spec.from.map(|owner| owner.0.to_string()).unwrap_or_default(),
            due: spec.not_before.unwrap_or_default().0,
            ttl: millis(ttl_of(spec)),
            number,
            tries: 0,
        };
        let mut bytes = vec![VERSION];
        put_stored(&mut bytes, spec);
        let row = facts.pack(&bytes);
        (facts, row)
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
            entry_word(lease),
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

    /// A job that was taken, and what is known of it; none if it cannot be read.
    pub(super) fn taken(&self, entry: &str, id: &[u8], row: &[u8]) -> Option<(Taken, Facts)> {
        let (facts, spec) = Facts::unpack(row)?;
        let (owner, spec) = self.own(read_spec(spec)?, facts.world.clone(), &facts.owner);
        let taken = Taken {
            job: id_of(id)?,
            lease: lease_of(entry)?,
            queue: self.queue_of(&facts.queue)?,
            attempt: facts.tries.saturating_add(1),
            owner,
            spec,
        };
        Some((taken, facts))
    }

    /// A job as it is seen; none if it cannot be read.
    pub(super) fn seen(&self, row: Row) -> Option<Seen> {
        let (id, queue, standing, tries, since, why, spec, due, taker, world, owner) = row;
        let (owner, spec) = self.own(read_spec(&spec)?, world, &owner);
        Some(Seen {
            job: id_of(&id)?,
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
