//! The store on a Redis (7.0 or later) that several worlds share: streams with consumer groups, and a script for each call.
//!
//! A job is a hash, its queue a stream that holds its id; who takes it reads the stream as a member of its group, and a
//! lease is an entry that is pending for less than its time. A live stream is never trimmed: what is done is deleted one by
//! one. The client is synchronous and belongs to a thread that may wait for it. Invariants: nothing is awaited for longer
//! than [`JOB_REDIS_PATIENCE`]; after an error the connection is made anew, not before its rest is over.

mod link;
mod scripts;

use super::{
    Counts, Ending, JobError, JobStore, Now, Queue, Seen, Standing, Stored, Taken, size_of, tries_of, ttl_of,
};
use crate::limits::{
    JOB_BACKOFF, JOB_BACKOFF_MAX, JOB_DEDUPE, JOB_LEASE, JOB_REDIS_PATIENCE, JOB_REDIS_REST,
    JOB_SWEPT_AT_ONCE, JOBS_BYTES_MAX, JOBS_MAX,
};
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::job::{Confirm, JobSpec};
use crate::protocol::{JobId, Moment, Wall, hex};
use link::Which;
use redis::{Client, Connection, Value};
use scripts::Scripts;
use std::time::Duration;

/// The version of a stored job.
const VERSION: u8 = 1;

/// How a store on Redis is reached and bounded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://` and where it is.
    pub url: String,
    /// What all its keys begin with.
    pub namespace: String,
    /// The name of this world, which no other one of the same namespace has.
    pub world: String,
    /// Jobs that are kept.
    pub jobs_max: usize,
    /// How long a lease holds.
    pub lease: Duration,
    /// The first pause before a job is tried again.
    pub backoff: Duration,
    /// How long a dedupe key is remembered.
    pub dedupe: Duration,
}

impl Settings {
    /// What is usual, for a world of this name.
    pub fn new(url: &str, namespace: &str, world: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            namespace: namespace.to_owned(),
            world: world.to_owned(),
            jobs_max: JOBS_MAX,
            lease: JOB_LEASE,
            backoff: JOB_BACKOFF,
            dedupe: JOB_DEDUPE,
        }
    }
}

/// Jobs on Redis.
pub struct OnRedis {
    settings: Settings,
    key: String,
    scripts: Scripts,
    client: Client,
    connection: Option<Connection>,
    /// After an error: how long the rest before the next try is, and until when it lasts.
    rest: Duration,
    rest_until: Option<Moment>,
    /// What this Redis calls its present life.
    life: Option<String>,
    /// Whether it was found to have lost what it had, and nobody has asked yet.
    has_forgotten: bool,
    is_draining: bool,
}

impl OnRedis {
    /// A store that connects when it is first asked for something.
    pub fn new(settings: Settings) -> Result<OnRedis, JobError> {
        let client = Client::open(settings.url.as_str()).map_err(|error| {
            JobError::Refused(format!("{} is no address of a Redis: {error}", settings.url))
        })?;
        Ok(OnRedis {
            key: format!("{{{}}}", settings.namespace),
            settings,
            scripts: Scripts::new(),
            client,
            connection: None,
            rest: JOB_REDIS_REST,
            rest_until: None,
            life: None,
            has_forgotten: false,
            is_draining: false,
        })
    }

    /// Whether Redis came back without what it had. True once for each time.
    pub fn has_forgotten(&mut self) -> bool {
        std::mem::take(&mut self.has_forgotten)
    }

    /// Waits on a connection of its own until there may be something for this world, so long at most.
    pub fn wait_for_bell(&mut self, now: Now, most: Duration) -> Result<bool, JobError> {
        let bell = format!("{}:bell:{}", self.key, self.settings.world);
        let rung: Option<(String, String)> = self.ask(now, |connection, _| {
            connection.set_read_timeout(Some(most + JOB_REDIS_PATIENCE))?;
            redis::cmd("BLPOP")
                .arg(&bell)
                .arg(most.as_secs_f64())
                .query(connection)
        })?;
        Ok(rung.is_some())
    }

    /// Stores jobs, each under its id, in one round trip.
    pub fn put_many(
        &mut self,
        now: Now,
        jobs: &[(JobId, JobSpec)],
    ) -> Result<Vec<Result<Stored, JobError>>, JobError> {
        let calls = jobs.iter().map(|(job, spec)| self.put_call(*job, spec)).collect();
        let answers: Vec<(String, Value)> = self.run_many(now, Which::Put, calls)?;
        let mut stored = Vec::with_capacity(answers.len());
        for (answer, (_, spec)) in answers.into_iter().zip(jobs) {
            stored.push(match stored_of(answer) {
                Ok(known) if spec.confirm == Confirm::Replicated => self.replicated(now, known),
                other => other,
            });
        }
        Ok(stored)
    }

    /// Ends tries, in one round trip.
    pub fn end_many(
        &mut self,
        now: Now,
        ends: &[(JobId, u64, Ending)],
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        let calls = ends
            .iter()
            .map(|(job, lease, how)| self.end_call(now, *job, *lease, how))
            .collect();
        let held: Vec<bool> = self.run_many(now, Which::End, calls)?;
        let held = held
            .into_iter()
            .map(|held| if held { Ok(()) } else { Err(JobError::LateLease) });
        Ok(held.collect())
    }

    /// A job counts as stored only once a replica has it. One that no replica has yet stays where it is: whoever puts it
    /// again finds it, and it is done once.
    fn replicated(&mut self, now: Now, stored: Stored) -> Result<Stored, JobError> {
        let most = u64::try_from(JOB_REDIS_PATIENCE.as_millis()).unwrap_or(u64::MAX) / 2;
        let copies: u64 = self.ask(now, |connection, _| {
            redis::cmd("WAIT").arg(1).arg(most).query(connection)
        })?;
        if copies > 0 {
            return Ok(stored);
        }
        Err(JobError::Away("no replica has the job".to_owned()))
    }

    /// The name of a queue among those of all worlds.
    fn queue_name(&self, queue: &Queue) -> String {
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

    fn put_call(&self, job: JobId, spec: &JobSpec) -> Vec<Vec<u8>> {
        let text = |text: &str| text.as_bytes().to_vec();
        let number = |number: u64| number.to_string().into_bytes();
        let mut bytes = vec![VERSION];
        put_stored(&mut bytes, spec);
        vec![
            text(&hex::to_hex(&job.0)),
            text(&self.queue_name(&Queue::of(spec))),
            text(spec.order_key.as_deref().unwrap_or_default()),
            text(spec.dedupe.as_deref().unwrap_or_default()),
            number(millis(self.settings.dedupe)),
            number(spec.not_before.unwrap_or_default().0),
            number(millis(ttl_of(spec))),
            number(tries_of(spec).into()),
            number(size_of(spec) as u64),
            bytes,
            text(&self.settings.world),
            number(self.settings.jobs_max as u64),
            number(JOBS_BYTES_MAX as u64),
        ]
    }

    fn end_call(&self, now: Now, job: JobId, lease: u64, how: &Ending) -> Vec<Vec<u8>> {
        let (how, pause, why) = match how {
            Ending::Done => ("done", -1, ""),
            Ending::Retry { after, why } => {
                let pause = after.map_or(-1, |after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
                ("retry", pause, why.as_str())
            }
            Ending::Reject(why) => ("reject", -1, why.as_str()),
        };
        let words = [
            hex::to_hex(&job.0),
            lease.to_string(),
            how.to_owned(),
            pause.to_string(),
            why.to_owned(),
            millis(self.settings.backoff).to_string(),
            millis(JOB_BACKOFF_MAX).to_string(),
            (now.chance % 1_000).to_string(),
        ];
        words.into_iter().map(String::into_bytes).collect()
    }

    fn see(&mut self, now: Now, args: Vec<Vec<u8>>) -> Result<Vec<Seen>, JobError> {
        let rows: Vec<Row> = self.run(now, Which::See, args)?;
        let readable = rows.into_iter().filter_map(|row| self.seen(row));
        Ok(readable.collect())
    }

    fn seen(&self, row: Row) -> Option<Seen> {
        let (id, queue, standing, tries, since, why, spec, due, taker) = row;
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
            spec: read_spec(&spec)?,
        })
    }

    fn listed(&mut self, set: &str, most: usize) -> Result<Vec<Seen>, JobError> {
        let args = ["*".to_owned(), set.to_owned(), most.to_string()];
        // What is shown says nothing about rests, so any moment will do.
        self.see(
            Now::default().late(),
            args.into_iter().map(String::into_bytes).collect(),
        )
    }

    fn one_word(&mut self, now: Now, which: Which, args: Vec<Vec<u8>>) -> Result<(), JobError> {
        let word: String = self.run(now, which, args)?;
        match word.as_str() {
            "OK" => Ok(()),
            "FULL" => Err(JobError::Full),
            "ATWORK" => Err(JobError::AtWork),
            _ => Err(JobError::Unknown),
        }
    }
}

impl Now {
    /// The same, for who only looks: whatever the rest, it is over.
    fn late(self) -> Now {
        Now { moment: LATE, ..self }
    }
}

/// A moment after every rest.
const LATE: Moment = Moment(u64::MAX);

/// A job as `SEE` shows it.
type Row = (String, String, String, u8, u64, String, Vec<u8>, u64, String);

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn id_word(job: JobId) -> Vec<u8> {
    hex::to_hex(&job.0).into_bytes()
}

fn read_spec(bytes: &[u8]) -> Option<JobSpec> {
    let (&version, rest) = bytes.split_first()?;
    let (spec, rest) = take_stored(rest)?;
    (version == VERSION && rest.is_empty()).then_some(spec)
}

fn stored_of((word, more): (String, Value)) -> Result<Stored, JobError> {
    if let Some(job) = hex::from_hex(&word) {
        let duplicate = more == Value::Int(1);
        return Ok(Stored {
            job: JobId(job),
            duplicate,
        });
    }
    match word.as_str() {
        "FULL" => Err(JobError::Full),
        _ => Err(JobError::Refused(
            "no world of that name has ever used this job store".to_owned(),
        )),
    }
}

impl JobStore for OnRedis {
    fn put(&mut self, now: Now, job: JobId, spec: JobSpec) -> Result<Stored, JobError> {
        let mut stored = self.put_many(now, &[(job, spec)])?;
        stored
            .pop()
            .unwrap_or_else(|| Err(JobError::Away("it gave no answer".to_owned())))
    }

    fn take(&mut self, now: Now, taker: &str, queues: &[Queue], most: usize) -> Result<Vec<Taken>, JobError> {
        if self.is_draining || queues.is_empty() || most == 0 {
            return Ok(Vec::new());
        }
        let mut args = vec![taker.as_bytes().to_vec(), most.to_string().into_bytes()];
        args.extend(queues.iter().map(|queue| self.queue_name(queue).into_bytes()));
        let rows: Vec<(String, u64, String, u8, Vec<u8>)> = self.run(now, Which::Take, args)?;
        let mut taken = Vec::with_capacity(rows.len());
        for (id, lease, queue, attempt, spec) in rows {
            let found = (hex::from_hex(&id), self.queue_of(&queue), read_spec(&spec));
            if let (Some(job), Some(queue), Some(spec)) = found {
                let job = JobId(job);
                taken.push(Taken {
                    job,
                    lease,
                    queue,
                    attempt,
                    spec,
                });
            } else {
                tracing::error!(id, "a job on Redis cannot be read; it is left to its last try");
            }
        }
        Ok(taken)
    }

    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError> {
        let args = vec![id_word(job), lease.to_string().into_bytes()];
        let held: bool = self.run(now, Which::Extend, args)?;
        if held { Ok(()) } else { Err(JobError::LateLease) }
    }

    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        let mut ended = self.end_many(now, &[(job, lease, how)])?;
        ended.pop().unwrap_or(Err(JobError::LateLease))
    }

    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError> {
        self.run(now, Which::GiveBack, vec![taker.as_bytes().to_vec()])
    }

    fn sweep(&mut self, now: Now) -> Result<(), JobError> {
        let words = [
            millis(self.settings.lease).to_string(),
            JOB_SWEPT_AT_ONCE.to_string(),
        ];
        self.run::<()>(
            now,
            Which::Sweep,
            words.into_iter().map(String::into_bytes).collect(),
        )
    }

    fn set_draining(&mut self, draining: bool) {
        self.is_draining = draining;
    }

    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError> {
        Ok(self.see(Now::default().late(), vec![id_word(job)])?.pop())
    }

    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.listed("alive", most)
    }

    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.listed("dead", most)
    }

    fn cancel(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        self.one_word(now, Which::Cancel, vec![id_word(job)])
    }

    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        let most = self.settings.jobs_max.to_string().into_bytes();
        self.one_word(now, Which::Retry, vec![id_word(job), most])
    }

    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError> {
        self.one_word(Now::default().late(), Which::Drop, vec![id_word(job)])
    }

    fn counts(&mut self) -> Result<Counts, JobError> {
        let [alive, taken, delayed, dead, bytes]: [u64; 5] =
            self.run(Now::default().late(), Which::Counts, Vec::new())?;
        Ok(Counts {
            alive,
            ready: alive.saturating_sub(taken + delayed),
            taken,
            delayed,
            dead,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests;
