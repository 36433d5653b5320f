//! The store on a Redis (7.0 or later) that several worlds share: streams with consumer groups, and a script for each call.
//!
//! A job is a value, its queue a stream that holds its id; who takes it reads the stream as a member of its group, and a
//! lease is an entry that is pending for less than its time. Of a live stream nothing is trimmed but what is done before all
//! that is not; the rest of what is done is deleted. The client is synchronous and belongs to a thread that may wait for it.
//! Invariants: nothing is awaited for longer than [`JOB_REDIS_PATIENCE`]; after an error the connection is made anew, not
//! before its rest is over; no script does anything in a Redis that is not the one which was joined.

mod calls;
mod link;
mod lost;
mod packed;
mod scripts;
mod wording;

use super::{Counts, Ending, JobError, JobStore, Load, Now, Queue, Seen, Stored, Taken, Tally};
use crate::limits::{
    JOB_BACKOFF, JOB_DEDUPE, JOB_FEED_BATCH, JOB_LEASE, JOB_REDIS_PATIENCE, JOB_REPLICA_LOOK,
    JOB_SWEPT_AT_ONCE, JOBS_BYTES_MAX, JOBS_DEAD_BYTES_MAX, JOBS_DEAD_MAX, JOBS_MAX, JOBS_SEEN_BYTES_MAX,
};
use crate::protocol::job::{Confirm, JobSpec};
use crate::protocol::{JobId, Moment, WireObj};
use calls::Sent;
pub use calls::{Call, Heard};
use link::{Away, Which};
use lost::Trail;
pub use lost::{Loss, Mark};
use packed::Facts;
use redis::{Client, Connection};
use scripts::Scripts;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use wording::{Row, entry_word, id_word, millis, number, text};

/// How a store on Redis is reached and bounded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://` and where it is.
    pub url: String,
    /// What all its keys begin with.
    pub namespace: String,
    /// The name of this world, which no other one of the same namespace has.
    pub world: String,
    /// The id of this world's folder, by which another one of the same name is told from it.
    pub folder: String,
    /// Jobs that are kept.
    pub jobs_max: usize,
    /// Of the dead, how many are kept, and bytes of them.
    pub dead_max: (usize, usize),
    /// How long a lease holds.
    pub lease: Duration,
    /// The first pause before a job is tried again.
    pub backoff: Duration,
    /// How long a dedupe key is remembered.
    pub dedupe: Duration,
}

impl Settings {
    /// What is usual, for a world of this name in the folder of this id.
    pub fn new(url: &str, namespace: &str, world: &str, folder: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            namespace: namespace.to_owned(),
            world: world.to_owned(),
            folder: folder.to_owned(),
            jobs_max: JOBS_MAX,
            dead_max: (JOBS_DEAD_MAX, JOBS_DEAD_BYTES_MAX),
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
    away: Away,
    /// How often a connection was made.
    joined: u64,
    /// What this Redis calls its present life.
    life: Option<String>,
    /// How many jobs of this world it had stored ever, when that was last heard.
    written: u64,
    /// What it was found to have lost, if nobody has asked yet.
    loss: Option<Loss>,
    /// Which jobs that can be.
    trail: Trail,
    /// The calls that were sent and not heard about yet, in their order.
    sent: VecDeque<Sent>,
    /// What is known of jobs that were taken here, each with its lease.
    known: HashMap<JobId, (u64, Facts)>,
    /// What tells this store from any other one of this Redis, and how many calls for jobs it has made.
    nonce: u64,
    asked: u64,
    /// The takers whose last call for jobs was not answered, each with the name of that call.
    unheard: HashMap<String, String>,
    /// Whether a replica had what it was to have, when one was last waited for.
    has_replica: bool,
    is_draining: bool,
    tally: Tally,
    /// The dead that were forgotten, when this was last looked at.
    forgotten: Option<u64>,
}

impl OnRedis {
    /// A store that connects when it is first asked for something.
    pub fn new(settings: Settings) -> Result<OnRedis, JobError> {
        // The address may have a password in it.
        let client = Client::open(settings.url.as_str())
            .map_err(|error| JobError::Refused(format!("that is no address of a Redis: {error}")))?;
        if settings.world.is_empty() || settings.world.contains(':') {
            let name = &settings.world;
            return Err(JobError::Refused(format!(
                "`{name}` cannot be the name of a world in a job store: it may not be empty or have a colon in it"
            )));
        }
        Ok(OnRedis {
            key: format!("{{{}}}:{LAYOUT}", settings.namespace),
            scripts: Scripts::new(settings.dead_max),
            settings,
            client,
            connection: None,
            away: Away::default(),
            joined: 0,
            life: None,
            written: 0,
            loss: None,
            trail: Trail::default(),
            sent: VecDeque::new(),
            known: HashMap::new(),
            nonce: RandomState::new().build_hasher().finish(),
            asked: 0,
            unheard: HashMap::new(),
            has_replica: true,
            is_draining: false,
            tally: Tally::default(),
            forgotten: None,
        })
    }

    /// Connects, unless it is connected: whether there is a Redis, and whether this world may be there under its name.
    pub fn join(&mut self, now: Now) -> Result<(), JobError> {
        self.ask(now, |_, _| Ok(()))
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

    /// Stores jobs, each under its id, as many in one round trip as [`OnRedis::fit`].
    pub fn put_many(
        &mut self,
        now: Now,
        jobs: &[(JobId, JobSpec)],
    ) -> Result<Vec<Result<Stored, JobError>>, JobError> {
        let mut stored = Vec::with_capacity(jobs.len());
        while stored.len() < jobs.len() {
            let rest = &jobs[stored.len()..];
            let some = rest[..Self::fit(rest)].to_vec();
            match self.call(now, Call::Put(some))? {
                Heard::Put(_, answer) => stored.extend(answer?),
                _ => return Err(JobError::Away("it gave another answer".to_owned())),
            }
        }
        self.replicate(now, jobs, &mut stored)?;
        Ok(stored)
    }

    /// Some jobs count as stored only once a replica has them. One that no replica has yet stays where it is: whoever puts
    /// it again finds it, and it is done once.
    fn replicate(
        &mut self,
        now: Now,
        jobs: &[(JobId, JobSpec)],
        stored: &mut [Result<Stored, JobError>],
    ) -> Result<(), JobError> {
        let is_wanted = |spec: &JobSpec| spec.confirm == Confirm::Replicated;
        if !jobs.iter().any(|(_, spec)| is_wanted(spec)) {
            return Ok(());
        }
        // Where there was none a moment ago, one that is back needs no more than this; nothing else waits for long.
        let most = millis(match self.has_replica {
            true => JOB_REDIS_PATIENCE / 2,
            false => JOB_REPLICA_LOOK,
        });
        let copies: u64 = self.ask(now, |connection, _| {
            redis::cmd("WAIT").arg(1).arg(most).query(connection)
        })?;
        self.has_replica = copies > 0;
        if !self.has_replica {
            for ((_, spec), stored) in jobs.iter().zip(stored) {
                if is_wanted(spec) && stored.is_ok() {
                    *stored = Err(JobError::Away("no replica has the job".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Ends tries, [`JOB_FEED_BATCH`] of them in one round trip.
    pub fn end_many(
        &mut self,
        now: Now,
        ends: &[(JobId, u64, Ending)],
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        let mut ended = Vec::with_capacity(ends.len());
        for some in ends.chunks(JOB_FEED_BATCH) {
            match self.call(now, Call::End(some.to_vec()))? {
                Heard::End(_, answer) => ended.extend(answer?),
                _ => return Err(JobError::Away("it gave another answer".to_owned())),
            }
        }
        Ok(ended)
    }

    /// Takers are still at work on these jobs: each lease that holds, holds anew from now on.
    pub fn extend_many(
        &mut self,
        now: Now,
        leases: &[(JobId, u64)],
    ) -> Result<Vec<Result<(), JobError>>, JobError> {
        let mut extended = Vec::with_capacity(leases.len());
        for some in leases.chunks(JOB_FEED_BATCH) {
            let words = some
                .iter()
                .flat_map(|(job, lease)| [id_word(*job), entry_word(*lease)]);
            let call: Vec<_> = words.collect();
            extended.extend(held(self.run(now, Which::Extend, &call)?));
        }
        Ok(extended)
    }

    /// What the jobs of this world's owners that are alive come to, of each who has any.
    pub fn of_owners(&mut self, now: Now) -> Result<HashMap<WireObj, Load>, JobError> {
        let call = [text(&self.settings.world)];
        let pairs: Vec<(String, usize)> = self.run(now, Which::Owners, &call)?;
        let mut owners: HashMap<WireObj, Load> = HashMap::new();
        for (owner, count) in pairs {
            let of_bytes = owner.strip_prefix('b');
            let Ok(number) = of_bytes.unwrap_or(&owner).parse() else {
                continue;
            };
            let load = owners.entry(WireObj(number)).or_default();
            match of_bytes {
                Some(_) => load.bytes = count,
                None => load.jobs = count,
            }
        }
        Ok(owners)
    }

    fn see(&mut self, now: Now, call: &[Vec<u8>]) -> Result<Vec<Seen>, JobError> {
        let rows: Vec<Row> = self.run(now, Which::See, call)?;
        let readable = rows.into_iter().filter_map(|row| self.seen(row));
        Ok(readable.collect())
    }

    fn listed(&mut self, set: &str, most: usize) -> Result<Vec<Seen>, JobError> {
        // What is shown says nothing about rests, so any moment will do.
        self.see(
            Now::default().late(),
            &[
                text("*"),
                text(set),
                number(most as u64),
                number(JOBS_SEEN_BYTES_MAX as u64),
            ],
        )
    }

    /// Forgets jobs that nobody has taken, [`JOB_FEED_BATCH`] of them in one round trip.
    pub fn cancel_many(&mut self, now: Now, jobs: &[JobId]) -> Result<Vec<Result<(), JobError>>, JobError> {
        let mut cancelled = Vec::with_capacity(jobs.len());
        for some in jobs.chunks(JOB_FEED_BATCH) {
            let call: Vec<_> = some.iter().copied().map(id_word).collect();
            let words: Vec<String> = self.run(now, Which::Cancel, &call)?;
            cancelled.extend(words.iter().map(|word| meant(word)));
        }
        Ok(cancelled)
    }

    fn one_word(&mut self, now: Now, which: Which, call: &[Vec<u8>]) -> Result<(), JobError> {
        let word: String = self.run(now, which, call)?;
        meant(&word)
    }
}

/// What a script's word means.
fn meant(word: &str) -> Result<(), JobError> {
    match word {
        "OK" => Ok(()),
        "FULL" => Err(JobError::Full),
        "ATWORK" => Err(JobError::AtWork),
        _ => Err(JobError::Unknown),
    }
}

impl Now {
    /// The same, for who only looks: whatever the rest, it is over.
    fn late(self) -> Now {
        Now { moment: LATE, ..self }
    }
}

/// How jobs lie on Redis, in the name of every key: one that lies otherwise is never read as one of these.
const LAYOUT: u8 = 4;

/// A moment after every rest.
const LATE: Moment = Moment(u64::MAX);

/// Of each lease, whether it held.
fn held(held: Vec<bool>) -> impl Iterator<Item = Result<(), JobError>> {
    held.into_iter()
        .map(|held| if held { Ok(()) } else { Err(JobError::LateLease) })
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
        let call = Call::Take {
            taker: taker.to_owned(),
            queues: queues.to_vec(),
            most,
        };
        match self.call(now, call)? {
            Heard::Take(.., answer) => answer,
            _ => Err(JobError::Away("it gave another answer".to_owned())),
        }
    }

    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError> {
        let mut extended = self.extend_many(now, &[(job, lease)])?;
        extended.pop().unwrap_or(Err(JobError::LateLease))
    }

    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        let mut ended = self.end_many(now, &[(job, lease, how)])?;
        ended.pop().unwrap_or(Err(JobError::LateLease))
    }

    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError> {
        self.unheard.remove(taker);
        self.run(now, Which::GiveBack, &[text(taker)])
    }

    fn sweep(&mut self, now: Now) -> Result<(), JobError> {
        let call = [
            number(millis(self.settings.lease)),
            number(JOB_SWEPT_AT_ONCE as u64),
        ];
        let forgotten: u64 = self.run(now, Which::Sweep, &call)?;
        let before = self.forgotten.replace(forgotten).unwrap_or(forgotten);
        let more = forgotten.saturating_sub(before);
        if more > 0 {
            tracing::warn!(
                more,
                "more jobs have died than are kept; the oldest are forgotten"
            );
        }
        Ok(())
    }

    fn set_draining(&mut self, draining: bool) {
        self.is_draining = draining;
    }

    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError> {
        Ok(self.see(Now::default().late(), &[id_word(job)])?.pop())
    }

    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.listed("alive", most)
    }

    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.listed("dead", most)
    }

    fn cancel(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        let mut cancelled = self.cancel_many(now, &[job])?;
        cancelled.pop().unwrap_or(Err(JobError::Unknown))
    }

    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        let bounds = [self.settings.jobs_max, JOBS_BYTES_MAX].map(|bound| number(bound as u64));
        let [jobs, bytes] = bounds;
        self.one_word(now, Which::Retry, &[id_word(job), jobs, bytes])
    }

    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError> {
        self.one_word(Now::default().late(), Which::Drop, &[id_word(job)])
    }

    fn counts(&mut self) -> Result<Counts, JobError> {
        let [alive, behind, taken, delayed, dead, bytes, dead_bytes, forgotten]: [u64; 8] =
            self.run(Now::default().late(), Which::Counts, &[])?;
        Ok(Counts {
            alive,
            ready: alive.saturating_sub(behind + taken + delayed),
            taken,
            delayed,
            dead,
            bytes,
            dead_bytes,
            forgotten,
        })
    }

    fn tally(&self) -> Tally {
        Tally {
            away: self.away.so_far,
            ..self.tally
        }
    }
}

#[cfg(test)]
mod tests;
