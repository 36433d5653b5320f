//! Where the jobs of a store lie, and every order that they are looked up in.
//!
//! Invariant: each index holds exactly the jobs whose place says so; only [`Shelf::set_place`], [`Shelf::add`] and
//! [`Shelf::remove`] change a place.

use super::super::{Counts, Load, Owner, Queue, Seen, Standing};
use crate::limits::JOBS_SEEN_BYTES_MAX;
use crate::protocol::job::JobSpec;
use crate::protocol::{JobId, Moment, Wall, WireObj};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// Where a job is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Behind its order key, or nowhere yet.
    Behind,
    /// Waiting for its time.
    Delayed(Wall),
    /// Ready to be taken.
    Ready,
    /// Taken.
    Taken {
        /// By whom.
        taker: String,
        /// Until its lease runs out.
        until: Moment,
    },
}

/// A job that is alive.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its place in the order of puts.
    pub seq: u64,
    /// Where it waits.
    pub queue: Queue,
    /// Where it is. One that is behind another keeps what is to become of it.
    pub place: Place,
    /// How often it was taken.
    pub tries: u8,
    /// Its last lease.
    pub lease: u64,
    /// When it was stored.
    pub since: Wall,
    /// When it is given up.
    pub until: Wall,
    /// What went wrong last.
    pub why: String,
    /// What it takes up.
    pub size: usize,
    /// What to do.
    pub spec: JobSpec,
}

/// A job that was given up.
#[derive(Clone, PartialEq, Debug)]
pub struct Dead {
    /// The job as it was.
    pub entry: Entry,
    /// Why.
    pub why: String,
    /// When.
    pub at: Wall,
}

/// What is to be written down anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Touched {
    /// A whole job.
    Job(JobId),
    /// How far a job is.
    Progress(JobId),
    /// A job that is gone.
    Gone(JobId),
    /// A job that is dead now.
    Dead(JobId),
    /// One that is not among the dead any more.
    DeadGone(JobId),
    /// A dedupe key.
    Key(String),
    /// One that is forgotten.
    KeyGone(String),
}

type Line = (Queue, String);

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub jobs: FxHashMap<JobId, Entry>,
    pub by_seq: BTreeMap<u64, JobId>,
    /// Jobs that may be taken, by queue in the order of puts.
    pub ready: FxHashMap<Queue, BTreeMap<u64, JobId>>,
    /// The jobs of each order key; all but the first are behind.
    lines: FxHashMap<Line, VecDeque<JobId>>,
    delayed: BTreeSet<(Wall, JobId)>,
    leases: BTreeSet<(Moment, JobId)>,
    ends: BTreeSet<(Wall, JobId)>,
    keys: FxHashMap<String, (JobId, Wall)>,
    /// Keys in the order in which they are forgotten.
    keys_by_end: BTreeSet<(Wall, String)>,
    /// How many jobs each owner has.
    pub of_owner: FxHashMap<WireObj, Load>,
    pub dead: FxHashMap<JobId, Dead>,
    dead_by_seq: BTreeMap<u64, JobId>,
    ready_count: u64,
    /// What the jobs take up.
    pub bytes: usize,
    /// What the dead take up.
    pub dead_bytes: usize,
    /// The dead that had to go.
    pub forgotten: u64,
    pub touched: Vec<Touched>,
}

impl Shelf {
    /// A job that is behind, until it is given a place.
    pub fn add(&mut self, job: JobId, entry: Entry) {
        self.bytes += entry.size;
        self.by_seq.insert(entry.seq, job);
        self.ends.insert((entry.until, job));
        if let Some(owner) = entry.spec.from {
            let load = self.of_owner.entry(owner).or_default();
            load.jobs += 1;
            load.bytes += entry.size;
        }
        if let Some(line) = line_of(&entry) {
            self.lines.entry(line).or_default().push_back(job);
        }
        self.jobs.insert(job, entry);
    }

    /// Whether no other job of its order key comes before it.
    pub fn is_first(&self, job: JobId) -> bool {
        let line = self.jobs.get(&job).and_then(line_of);
        line.is_none_or(|line| self.lines.get(&line).and_then(VecDeque::front) == Some(&job))
    }

    /// Puts a job elsewhere.
    pub fn set_place(&mut self, job: JobId, place: Place) {
        self.unplace(job);
        let Some(entry) = self.jobs.get_mut(&job) else {
            return;
        };
        match &place {
            Place::Behind => {}
            Place::Delayed(due) => {
                self.delayed.insert((*due, job));
            }
            Place::Ready => {
                let queue = self.ready.entry(entry.queue.clone()).or_default();
                queue.insert(entry.seq, job);
                self.ready_count += 1;
            }
            Place::Taken { until, .. } => {
                self.leases.insert((*until, job));
            }
        }
        entry.place = place;
    }

    /// Takes a job out of the index of its place.
    fn unplace(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        match &entry.place {
            Place::Behind => {}
            Place::Delayed(due) => {
                self.delayed.remove(&(*due, job));
            }
            Place::Ready => {
                if let Some(queue) = self.ready.get_mut(&entry.queue)
                    && queue.remove(&entry.seq).is_some()
                {
                    self.ready_count -= 1;
                    if queue.is_empty() {
                        self.ready.remove(&entry.queue);
                    }
                }
            }
            Place::Taken { until, .. } => {
                self.leases.remove(&(*until, job));
            }
        }
    }

    /// Takes a job away; whoever is behind it comes next.
    pub fn remove(&mut self, job: JobId) -> Option<Entry> {
        self.unplace(job);
        let entry = self.jobs.remove(&job)?;
        self.bytes -= entry.size;
        self.by_seq.remove(&entry.seq);
        self.ends.remove(&(entry.until, job));
        if let Some(owner) = entry.spec.from
            && let Some(load) = self.of_owner.get_mut(&owner)
        {
            load.jobs -= 1;
            load.bytes -= entry.size;
            if load.jobs == 0 {
                self.of_owner.remove(&owner);
            }
        }
        if let Some(line) = line_of(&entry) {
            self.leave_line(&line, job);
        }
        Some(entry)
    }

    fn leave_line(&mut self, line: &Line, job: JobId) {
        let Some(jobs) = self.lines.get_mut(line) else {
            return;
        };
        let was_first = jobs.front() == Some(&job);
        match was_first {
            true => drop(jobs.pop_front()),
            false => jobs.retain(|other| *other != job),
        }
        let next = jobs.front().copied();
        match next {
            None => {
                self.lines.remove(line);
            }
            Some(next) if was_first => {
                let place = self.jobs[&next].place.clone();
                self.set_place(next, place);
            }
            Some(_) => {}
        }
    }

    /// The oldest job of a queue that may be taken.
    pub fn first_ready(&self, queue: &Queue) -> Option<JobId> {
        self.ready.get(queue)?.values().next().copied()
    }

    /// A lease holds until then.
    pub fn extend(&mut self, job: JobId, until: Moment) {
        if let Some(Place::Taken { taker, .. }) = self.jobs.get(&job).map(|entry| entry.place.clone()) {
            self.set_place(job, Place::Taken { taker, until });
        }
    }

    /// The jobs that a taker has.
    pub fn taken_by(&self, taker: &str) -> Vec<JobId> {
        let is_theirs =
            |job: &JobId| matches!(&self.jobs[job].place, Place::Taken { taker: by, .. } if by == taker);
        self.leases
            .iter()
            .map(|(_, job)| *job)
            .filter(is_theirs)
            .collect()
    }

    /// Everybody who has jobs.
    pub fn takers(&self) -> BTreeSet<String> {
        let taker = |(_, job): &(Moment, JobId)| match &self.jobs[job].place {
            Place::Taken { taker, .. } => Some(taker.clone()),
            _ => None,
        };
        self.leases.iter().filter_map(taker).collect()
    }

    /// The jobs whose leases have run out.
    pub fn leases_over(&self, now: Moment) -> Vec<JobId> {
        let over = self.leases.iter().take_while(|(until, _)| *until <= now);
        over.map(|(_, job)| *job).collect()
    }

    /// The jobs whose time is over and that nobody has.
    pub fn jobs_over(&self, now: Wall) -> Vec<JobId> {
        let over = self.ends.iter().take_while(|(until, _)| *until <= now);
        let is_free = |job: &JobId| !matches!(self.jobs[job].place, Place::Taken { .. });
        over.map(|(_, job)| *job).filter(is_free).collect()
    }

    /// The jobs whose time has come.
    pub fn due(&self, now: Wall) -> Vec<JobId> {
        let due = self.delayed.iter().take_while(|(due, _)| *due <= now);
        due.map(|(_, job)| *job).collect()
    }

    /// The job of a dedupe key that is still remembered.
    pub fn known(&self, key: &str, now: Wall) -> Option<JobId> {
        let (job, until) = self.keys.get(key)?;
        (*until > now).then_some(*job)
    }

    /// The job and the end of a key that is remembered.
    pub fn key(&self, key: &str) -> Option<(JobId, Wall)> {
        self.keys.get(key).copied()
    }

    /// Remembers a dedupe key.
    pub fn remember(&mut self, key: String, job: JobId, until: Wall) {
        if let Some((_, before)) = self.keys.insert(key.clone(), (job, until)) {
            self.keys_by_end.remove(&(before, key.clone()));
        }
        self.keys_by_end.insert((until, key));
    }

    /// Forgets keys that are over, and says which.
    pub fn forget_keys(&mut self, now: Wall) -> Vec<String> {
        let mut over = Vec::new();
        while let Some((until, _)) = self.keys_by_end.first()
            && *until <= now
        {
            if let Some((_, key)) = self.keys_by_end.pop_first() {
                self.keys.remove(&key);
                over.push(key);
            }
        }
        over
    }

    /// The jobs of all keys that are remembered.
    pub fn keyed(&self) -> impl Iterator<Item = JobId> {
        self.keys.values().map(|(job, _)| *job)
    }

    /// Forgets the keys of these jobs, and says which.
    pub fn forget_keys_of(&mut self, jobs: &HashSet<JobId>) -> Vec<String> {
        let of_them = self.keys.extract_if(|_, (job, _)| jobs.contains(job));
        let forgotten: Vec<_> = of_them.map(|(key, (_, until))| (until, key)).collect();
        for end in &forgotten {
            self.keys_by_end.remove(end);
        }
        forgotten.into_iter().map(|(_, key)| key).collect()
    }

    /// Puts a job among the dead.
    pub fn bury(&mut self, job: JobId, dead: Dead) {
        self.dead_bytes += dead.entry.size;
        self.dead_by_seq.insert(dead.entry.seq, job);
        self.dead.insert(job, dead);
    }

    /// Takes one from there.
    pub fn unbury(&mut self, job: JobId) -> Option<Dead> {
        let dead = self.dead.remove(&job)?;
        self.dead_bytes -= dead.entry.size;
        self.dead_by_seq.remove(&dead.entry.seq);
        Some(dead)
    }

    /// The oldest of the dead.
    pub fn oldest_dead(&self) -> Option<JobId> {
        self.dead_by_seq.values().next().copied()
    }

    /// So many of the dead at most, the newest first.
    pub fn newest_of_the_dead(&self, most: usize) -> Vec<Seen> {
        let newest = self.dead_by_seq.values().rev().take(most);
        let mut bytes = SeenBytes::default();
        newest
            .map(|job| (job, &self.dead[job]))
            .take_while(|(_, dead)| bytes.has_room(&dead.entry))
            .map(|(job, dead)| dead.seen(*job))
            .collect()
    }

    /// A job as people see it.
    pub fn seen(&self, job: JobId, entry: &Entry) -> Seen {
        let standing = match &entry.place {
            _ if !self.is_first(job) => Standing::Behind,
            Place::Behind => Standing::Behind,
            Place::Delayed(due) => Standing::Delayed(*due),
            Place::Ready => Standing::Ready,
            Place::Taken { taker, .. } => Standing::Taken(taker.clone()),
        };
        Seen {
            job,
            queue: entry.queue.clone(),
            standing,
            tries: entry.tries,
            since: entry.since,
            why: entry.why.clone(),
            owner: entry.spec.from.map(Owner::own),
            spec: entry.spec.clone(),
        }
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        Counts {
            alive: self.jobs.len() as u64,
            ready: self.ready_count,
            taken: self.leases.len() as u64,
            delayed: self.delayed.len() as u64,
            dead: self.dead.len() as u64,
            bytes: self.bytes as u64,
            dead_bytes: self.dead_bytes as u64,
            forgotten: self.forgotten,
        }
    }
}

/// What the jobs of one look take up so far.
#[derive(Default)]
pub struct SeenBytes(usize);

impl SeenBytes {
    /// Whether one more may be looked at. The first one always may.
    pub fn has_room(&mut self, entry: &Entry) -> bool {
        let is_first = self.0 == 0;
        self.0 += entry.size;
        is_first || self.0 <= JOBS_SEEN_BYTES_MAX
    }
}

/// The line of jobs that one stands in, if it has an order key.
fn line_of(entry: &Entry) -> Option<Line> {
    let key = entry.spec.order_key.clone()?;
    if entry.queue == Queue::Feed {
        return None;
    }
    Some((entry.queue.clone(), key))
}
