//! The store in memory: what a job store means, as a machine without a clock, a disk or a network. The embedded store is
//! this one, written down.
//!
//! Invariants: a job is in exactly one place: behind its order key, delayed, ready, taken, or dead; of the jobs of one queue
//! with one order key only the first is in any of the last four. A change of a job is noted, so that whoever writes it down
//! misses none.

mod shelf;
mod written;

use super::{
    Counts, Ending, JobError, JobStore, Load, Now, OWN, Owner, Queue, Seen, Standing, Stored, Taken, Tally,
    backoff, size_of, tries_of, ttl_of,
};
use crate::limits::{JOB_DEDUPE, JOB_LEASE, JOBS_BYTES_MAX, JOBS_DEAD_BYTES_MAX, JOBS_DEAD_MAX, JOBS_MAX};
use crate::protocol::job::JobSpec;
use crate::protocol::{JobId, Moment, Wall, WireObj};
pub use shelf::{Dead, Entry, Place, Touched};
use shelf::{SeenBytes, Shelf};
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// Jobs in memory.
#[derive(Debug)]
pub struct Memory {
    shelf: Shelf,
    world: String,
    most: (usize, usize),
    next_seq: u64,
    next_lease: u64,
    is_draining: bool,
    is_feed: bool,
    lease: Duration,
    tally: Tally,
}

impl Memory {
    /// No jobs, for the world of this name; of so many jobs and bytes at most, or as many as [`JOBS_MAX`] and
    /// [`JOBS_BYTES_MAX`] say. Leases are numbered from a number that no earlier store has come to.
    pub fn new(world: &str, most: Option<(usize, usize)>, first_lease: u64) -> Memory {
        Memory {
            shelf: Shelf::default(),
            world: world.to_owned(),
            most: most.unwrap_or((JOBS_MAX, JOBS_BYTES_MAX)),
            next_seq: 1,
            next_lease: first_lease,
            is_draining: false,
            is_feed: false,
            lease: JOB_LEASE,
            tally: Tally::default(),
        }
    }

    /// The same with leases that hold this long.
    pub fn with_lease(self, lease: Duration) -> Memory {
        Memory { lease, ..self }
    }

    /// Jobs that wait to be sent to a store elsewhere, in their order and as they are, so many at most.
    pub fn feed(jobs_max: usize) -> Memory {
        Memory {
            is_feed: true,
            ..Memory::new("", Some((jobs_max, JOBS_BYTES_MAX)), 1)
        }
    }

    /// So many jobs at most of a queue that may be taken, the oldest first, of those that were put up to this number. A
    /// job whose key this store has judged needs no second judge, so it goes without its key.
    pub fn oldest(&self, queue: &Queue, up_to: u64, most: usize) -> Vec<(JobId, JobSpec)> {
        let ready = self.shelf.ready.get(queue).into_iter();
        let ready = ready.flat_map(|jobs| jobs.range(..=up_to));
        let spec = |job: &JobId| JobSpec {
            dedupe: None,
            ..self.shelf.jobs[job].spec.clone()
        };
        ready.take(most).map(|(_, job)| (*job, spec(job))).collect()
    }

    /// The number of the last job that was put.
    pub fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// The job of a dedupe key that is still remembered.
    pub fn known(&self, key: &str, now: Wall) -> Option<JobId> {
        self.shelf.known(key, now)
    }

    /// The jobs that were put under a dedupe key which is remembered, and are not here any more.
    pub fn keyed_elsewhere(&self) -> Vec<JobId> {
        let is_elsewhere = |job: &JobId| !self.shelf.jobs.contains_key(job);
        self.shelf.keyed().filter(is_elsewhere).collect()
    }

    /// Remembers the dedupe keys of these jobs no more: they were lost elsewhere.
    pub fn forget_keys_of(&mut self, lost: &HashSet<JobId>) {
        let forgotten = self.shelf.forget_keys_of(lost);
        let touched = forgotten.into_iter().map(Touched::KeyGone);
        self.shelf.touched.extend(touched);
    }

    /// Gives a job up.
    pub fn reject(&mut self, now: Now, job: JobId, why: String) {
        self.kill(job, now, why);
    }

    /// Whether so many more jobs of so many bytes would be too much.
    pub fn has_room(&self, jobs: usize, bytes: usize) -> bool {
        self.shelf.jobs.len() + jobs <= self.most.0 && self.shelf.bytes + bytes <= self.most.1
    }

    /// The queues of players that have jobs which may be taken.
    pub fn ready_for_players(&self) -> impl Iterator<Item = &Queue> {
        let is_player = |queue: &&Queue| matches!(queue, Queue::User(_) | Queue::Named(_));
        self.shelf.ready.keys().filter(is_player)
    }

    /// Whether a queue has a job that may be taken.
    pub fn is_ready(&self, queue: &Queue) -> bool {
        self.shelf.ready.contains_key(queue)
    }

    /// Whether jobs reach the world of this name.
    pub fn reaches(&self, world: &str) -> bool {
        self.is_feed || world == self.world
    }

    /// What somebody's jobs that are alive come to.
    pub fn load_of(&self, owner: WireObj) -> Load {
        self.shelf.of_owner.get(&owner).copied().unwrap_or_default()
    }

    /// So many jobs at most that are alive, of one owner or all, the oldest first.
    pub fn list_of(&self, owner: Option<WireObj>, most: usize) -> Vec<Seen> {
        let is_wanted = |job: &&JobId| owner.is_none() || self.shelf.jobs[*job].spec.from == owner;
        let jobs = self.shelf.by_seq.values().filter(is_wanted).take(most);
        let mut bytes = SeenBytes::default();
        jobs.map(|job| (job, &self.shelf.jobs[job]))
            .take_while(|(_, entry)| bytes.has_room(entry))
            .map(|(job, entry)| self.shelf.seen(*job, entry))
            .collect()
    }

    /// Everybody who has jobs.
    pub fn takers(&self) -> BTreeSet<String> {
        self.shelf.takers()
    }

    /// Where a job waits here, where there is no other world than this one.
    fn queue_of(&self, spec: &JobSpec) -> Result<Queue, JobError> {
        if self.is_feed {
            return Ok(Queue::Feed);
        }
        match Queue::of(spec) {
            Queue::Peers => Ok(Queue::World),
            Queue::Peer(world) if world == self.world => Ok(Queue::World),
            Queue::Peer(world) => Err(JobError::Refused(format!(
                "the world {world} is not reached: this daemon keeps its jobs to itself"
            ))),
            queue => Ok(queue),
        }
    }

    /// A job goes where the calendar says: ready now, or later.
    fn place_by(&self, now: Now, due: Option<Wall>) -> Place {
        match due.filter(|due| *due > now.wall && !self.is_feed) {
            Some(due) => Place::Delayed(due),
            None => Place::Ready,
        }
    }

    fn lease_end(&self, now: Now, taker: &str) -> Moment {
        match taker {
            OWN => Moment(u64::MAX),
            _ => now.moment.plus(self.lease),
        }
    }

    fn kill(&mut self, job: JobId, now: Now, why: String) {
        if let Some(entry) = self.shelf.remove(job) {
            let at = now.wall;
            self.shelf.bury(job, Dead { entry, why, at });
            self.shelf.touched.push(Touched::Dead(job));
            self.forget_oldest_dead();
        }
    }

    /// The oldest of the dead go until there is room for the rest.
    fn forget_oldest_dead(&mut self) {
        let shelf = &mut self.shelf;
        while shelf.dead.len() > JOBS_DEAD_MAX || shelf.dead_bytes > JOBS_DEAD_BYTES_MAX {
            let Some(oldest) = shelf.oldest_dead() else {
                return;
            };
            tracing::warn!(job = %oldest, "more jobs have died than are kept; the oldest is forgotten");
            shelf.unbury(oldest);
            shelf.forgotten += 1;
            shelf.touched.push(Touched::DeadGone(oldest));
        }
    }

    /// A try has failed: the next one, or none.
    fn fail(&mut self, now: Now, job: JobId, after: Option<Duration>, why: String) {
        let Some(entry) = self.shelf.jobs.get_mut(&job) else {
            return;
        };
        if entry.tries >= tries_of(&entry.spec) {
            let why = format!("tried {} times; at last: {why}", entry.tries);
            return self.kill(job, now, why);
        }
        let pause = after.unwrap_or_else(|| backoff(entry.tries, now.chance));
        entry.why = why;
        let due = (!pause.is_zero()).then(|| now.wall.plus(pause));
        let place = self.place_by(now, due);
        self.shelf.set_place(job, place);
        self.shelf.touched.push(Touched::Progress(job));
    }

    /// It comes back as if it had not been taken.
    fn park(&mut self, now: Now, job: JobId, after: Duration, why: String) {
        let Some(entry) = self.shelf.jobs.get_mut(&job) else {
            return;
        };
        entry.tries = entry.tries.saturating_sub(1);
        entry.why = why;
        let due = (!after.is_zero()).then(|| now.wall.plus(after));
        let place = self.place_by(now, due);
        self.shelf.set_place(job, place);
        self.shelf.touched.push(Touched::Progress(job));
    }

    fn stored(&self, job: JobId, duplicate: bool, from: Option<WireObj>) -> Stored {
        Stored {
            job,
            duplicate,
            of_owner: from.map_or(0, |owner| self.load_of(owner).jobs),
        }
    }

    /// The job, if this lease of it holds.
    fn leased(&self, job: JobId, lease: u64) -> Result<(), JobError> {
        let entry = self.shelf.jobs.get(&job).ok_or(JobError::LateLease)?;
        match &entry.place {
            Place::Taken { .. } if entry.lease == lease => Ok(()),
            _ => Err(JobError::LateLease),
        }
    }

    fn take_one(&mut self, now: Now, taker: &str, queue: &Queue) -> Option<Taken> {
        loop {
            let job = self.shelf.first_ready(queue)?;
            let entry = self.shelf.jobs.get_mut(&job)?;
            if entry.until <= now.wall {
                self.kill(job, now, EXPIRED.to_owned());
                continue;
            }
            entry.tries = entry.tries.saturating_add(1);
            entry.lease = self.next_lease;
            self.next_lease += 1;
            let taken = Taken {
                job,
                lease: entry.lease,
                queue: entry.queue.clone(),
                attempt: entry.tries,
                owner: entry.spec.from.map(Owner::own),
                spec: entry.spec.clone(),
            };
            let until = self.lease_end(now, taker);
            let taker = taker.to_owned();
            self.shelf.set_place(job, Place::Taken { taker, until });
            self.shelf.touched.push(Touched::Progress(job));
            self.tally.takes += 1;
            return Some(taken);
        }
    }
}

/// Why a job is dead that nobody came for.
pub const EXPIRED: &str = "nobody has done it in the time that it was given";
/// What is said of a taker whose lease has run out.
pub const VANISHED: &str = "whoever had it let its lease run out";

impl Default for Memory {
    fn default() -> Memory {
        Memory::new("", None, 1)
    }
}

impl JobStore for Memory {
    fn put(&mut self, now: Now, job: JobId, spec: JobSpec) -> Result<Stored, JobError> {
        let (dedupe, from) = (spec.dedupe.clone(), spec.from);
        let known = dedupe.as_ref().and_then(|key| self.shelf.known(key, now.wall));
        let is_known = || self.shelf.jobs.contains_key(&job) || self.shelf.dead.contains_key(&job);
        if let Some(job) = known.or_else(|| is_known().then_some(job)) {
            return Ok(self.stored(job, true, from));
        }
        let queue = self.queue_of(&spec)?;
        let size = size_of(&spec);
        if !self.has_room(1, size) {
            return Err(JobError::Full);
        }
        if let Some(key) = dedupe {
            let until = now.wall.plus(JOB_DEDUPE);
            self.shelf.remember(key.clone(), job, until);
            self.shelf.touched.push(Touched::Key(key));
        }
        let place = self.place_by(now, spec.not_before);
        let entry = Entry {
            seq: self.next_seq,
            queue,
            place: place.clone(),
            tries: 0,
            lease: 0,
            since: now.wall,
            until: spec
                .not_before
                .unwrap_or_default()
                .max(now.wall)
                .plus(ttl_of(&spec)),
            why: String::new(),
            size,
            spec,
        };
        self.next_seq += 1;
        self.shelf.add(job, entry);
        if self.shelf.is_first(job) {
            self.shelf.set_place(job, place);
        }
        self.shelf.touched.push(Touched::Job(job));
        self.tally.puts += 1;
        Ok(self.stored(job, false, from))
    }

    fn take(&mut self, now: Now, taker: &str, queues: &[Queue], most: usize) -> Result<Vec<Taken>, JobError> {
        let mut taken = Vec::new();
        for queue in queues {
            while !self.is_draining && taken.len() < most {
                match self.take_one(now, taker, queue) {
                    Some(one) => taken.push(one),
                    None => break,
                }
            }
        }
        Ok(taken)
    }

    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError> {
        self.leased(job, lease)?;
        self.shelf.extend(job, now.moment.plus(self.lease));
        Ok(())
    }

    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        self.leased(job, lease)?;
        self.tally.ended(&how);
        match how {
            Ending::Done => {
                self.shelf.remove(job);
                self.shelf.touched.push(Touched::Gone(job));
            }
            Ending::Retry { after, why } => self.fail(now, job, after, why),
            Ending::Park { after, why } => self.park(now, job, after, why),
            Ending::Reject(why) => self.kill(job, now, why),
        }
        Ok(())
    }

    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError> {
        let jobs = self.shelf.taken_by(taker);
        for job in &jobs {
            self.fail(now, *job, Some(Duration::ZERO), VANISHED.to_owned());
        }
        Ok(jobs.len())
    }

    fn sweep(&mut self, now: Now) -> Result<(), JobError> {
        for job in self.shelf.leases_over(now.moment) {
            self.fail(now, job, Some(Duration::ZERO), VANISHED.to_owned());
        }
        for job in self.shelf.jobs_over(now.wall) {
            self.kill(job, now, EXPIRED.to_owned());
        }
        for job in self.shelf.due(now.wall) {
            self.shelf.set_place(job, Place::Ready);
        }
        for key in self.shelf.forget_keys(now.wall) {
            self.shelf.touched.push(Touched::KeyGone(key));
        }
        Ok(())
    }

    fn set_draining(&mut self, draining: bool) {
        self.is_draining = draining;
    }

    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError> {
        let alive = self.shelf.jobs.get(&job).map(|entry| self.shelf.seen(job, entry));
        Ok(alive.or_else(|| self.shelf.dead.get(&job).map(|dead| dead.seen(job))))
    }

    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        Ok(self.list_of(None, most))
    }

    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        Ok(self.shelf.newest_of_the_dead(most))
    }

    fn cancel(&mut self, _now: Now, job: JobId) -> Result<(), JobError> {
        let entry = self.shelf.jobs.get(&job).ok_or(JobError::Unknown)?;
        if matches!(entry.place, Place::Taken { .. }) {
            return Err(JobError::AtWork);
        }
        self.shelf.remove(job);
        self.shelf.touched.push(Touched::Gone(job));
        Ok(())
    }

    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        let size = self.shelf.dead.get(&job).ok_or(JobError::Unknown)?.entry.size;
        if !self.has_room(1, size) {
            return Err(JobError::Full);
        }
        let Some(dead) = self.shelf.unbury(job) else {
            return Err(JobError::Unknown);
        };
        let until = now.wall.plus(ttl_of(&dead.entry.spec));
        let entry = Entry {
            seq: self.next_seq,
            tries: 0,
            place: Place::Ready,
            until,
            ..dead.entry
        };
        self.next_seq += 1;
        self.shelf.add(job, entry);
        if self.shelf.is_first(job) {
            self.shelf.set_place(job, Place::Ready);
        }
        self.shelf
            .touched
            .extend([Touched::DeadGone(job), Touched::Job(job)]);
        Ok(())
    }

    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError> {
        self.shelf.unbury(job).ok_or(JobError::Unknown)?;
        self.shelf.touched.push(Touched::DeadGone(job));
        Ok(())
    }

    fn counts(&mut self) -> Result<Counts, JobError> {
        Ok(self.shelf.counts())
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

impl Dead {
    fn seen(&self, job: JobId) -> Seen {
        Seen {
            job,
            queue: self.entry.queue.clone(),
            standing: Standing::Dead(self.why.clone()),
            tries: self.entry.tries,
            since: self.entry.since,
            why: self.why.clone(),
            owner: self.entry.spec.from.map(Owner::own),
            spec: self.entry.spec.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
