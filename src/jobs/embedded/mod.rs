//! The store that comes with the server: the machine in memory, and rows by which the next process has the same.
//!
//! Who changes it takes the rows of that change and writes them, in a commit of the world or by themselves. So a job that
//! a verb puts is in its task's commit, and the end of a job is in the commit of its effect. Invariant: rows come in the
//! order of the changes; the rows of all changes so far, read back, are this store, but for the time that leases have run.

use super::memory::{Memory, Touched};
use super::row::{self, Read};
use super::{Counts, Ending, JobError, JobStore, Now, Queue, Seen, Stored, Taken, Tally};
use crate::protocol::JobId;
use crate::protocol::job::JobSpec;
use moo_model::ledger::{Relation, Row};
use rustc_hash::FxHashMap;
use std::collections::HashSet;

macro_rules! noted {
    ($self:ident, $call:expr) => {{
        let result = $call;
        $self.note();
        result
    }};
}

/// What the last process left, by relation.
#[derive(Debug, Default)]
pub struct StoredRows {
    /// Of [`Relation::Job`].
    pub jobs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Of [`Relation::JobDead`].
    pub dead: Vec<(Vec<u8>, Vec<u8>)>,
    /// Of [`Relation::JobDedupe`].
    pub keys: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Jobs with their rows.
#[derive(Debug, Default)]
pub struct Embedded {
    memory: Memory,
    /// Rows that wait to be written.
    pending: Vec<Row>,
    uncancelled: Vec<JobId>,
}

impl Embedded {
    /// The store that these rows are. What the world itself had is ready again at once; what others had stays
    /// theirs for a lease. Rows that cannot be read are left out and counted.
    pub fn load(mut memory: Memory, now: Now, rows: StoredRows) -> (Embedded, usize) {
        let (mut jobs, mut progress) = (Vec::new(), FxHashMap::default());
        let (mut unreadable, mut uncancelled) = (0, Vec::new());
        for (key, value) in &rows.jobs {
            match row::read(key, value) {
                Some(Read::Job(job, entry)) => jobs.push((job, *entry)),
                Some(Read::Cancelled(job)) => uncancelled.push(job),
                Some(Read::Progress(job, how)) => {
                    progress.insert(job, how);
                }
                None => unreadable += 1,
            }
        }
        jobs.sort_by_key(|(_, entry)| entry.seq);
        for (job, mut entry) in jobs {
            if let Some(progress) = progress.remove(&job) {
                progress.apply(&mut entry);
            }
            memory.restore(now, job, entry);
        }
        let pending = progress.into_keys().flat_map(row::gone).collect();
        for (key, value) in &rows.dead {
            match row::read_dead(key, value) {
                Some((job, dead)) => memory.restore_dead(job, dead),
                None => unreadable += 1,
            }
        }
        for (key, value) in &rows.keys {
            match row::read_key(key, value) {
                Some((key, job, until)) => memory.restore_key(key, job, until),
                None => unreadable += 1,
            }
        }
        memory.settled();
        let loaded = Embedded {
            memory,
            pending,
            uncancelled,
        };
        (loaded, unreadable)
    }

    /// The rows of what has changed since this was last asked.
    pub fn rows(&mut self) -> Vec<Row> {
        self.note();
        std::mem::take(&mut self.pending)
    }

    /// Whether there are such rows.
    pub fn has_rows(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Gives a job up.
    pub fn reject(&mut self, now: Now, job: JobId, why: String) {
        self.memory.reject(now, job, why);
        self.note();
    }

    /// Remembers the dedupe keys of these jobs no more: they were lost elsewhere.
    pub fn forget_keys_of(&mut self, lost: &HashSet<JobId>) {
        noted!(self, self.memory.forget_keys_of(lost));
    }

    /// The jobs that a store elsewhere was to forget when the last process ended, and may not have.
    pub fn uncancelled(&self) -> &[JobId] {
        &self.uncancelled
    }

    /// The machine.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Writes down what was touched, as it is now.
    fn note(&mut self) {
        for touched in self.memory.touched() {
            match touched {
                Touched::Job(job) => {
                    let entry = self.memory.entry(job);
                    self.pending.extend(entry.map(|entry| row::put(job, entry)));
                }
                Touched::Progress(job) => {
                    let entry = self.memory.entry(job);
                    self.pending.extend(entry.map(|entry| row::progress(job, entry)));
                }
                Touched::Gone(job) => self.pending.extend(row::gone(job)),
                Touched::Dead(job) => {
                    self.pending.extend(row::gone(job));
                    self.pending.push(row::dead(job, self.memory.dead_entry(job)));
                }
                Touched::DeadGone(job) => self.pending.push(row::dead(job, None)),
                Touched::Key(key) => {
                    let known = self.memory.key(&key);
                    self.pending.push(row::key(&key, known));
                }
                Touched::KeyGone(key) => self.pending.push(row::key(&key, None)),
            }
        }
    }
}

/// The relations that [`Embedded::load`] reads.
pub const RELATIONS: [Relation; 3] = [Relation::Job, Relation::JobDead, Relation::JobDedupe];

impl JobStore for Embedded {
    fn put(&mut self, now: Now, job: JobId, spec: JobSpec) -> Result<Stored, JobError> {
        noted!(self, self.memory.put(now, job, spec))
    }

    fn take(&mut self, now: Now, taker: &str, queues: &[Queue], most: usize) -> Result<Vec<Taken>, JobError> {
        noted!(self, self.memory.take(now, taker, queues, most))
    }

    fn extend(&mut self, now: Now, job: JobId, lease: u64) -> Result<(), JobError> {
        noted!(self, self.memory.extend(now, job, lease))
    }

    fn end(&mut self, now: Now, job: JobId, lease: u64, how: Ending) -> Result<(), JobError> {
        noted!(self, self.memory.end(now, job, lease, how))
    }

    fn give_back(&mut self, now: Now, taker: &str) -> Result<usize, JobError> {
        noted!(self, self.memory.give_back(now, taker))
    }

    fn sweep(&mut self, now: Now) -> Result<(), JobError> {
        noted!(self, self.memory.sweep(now))
    }

    fn set_draining(&mut self, draining: bool) {
        self.memory.set_draining(draining);
    }

    fn find(&mut self, job: JobId) -> Result<Option<Seen>, JobError> {
        self.memory.find(job)
    }

    fn list(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.memory.list(most)
    }

    fn dead(&mut self, most: usize) -> Result<Vec<Seen>, JobError> {
        self.memory.dead(most)
    }

    fn cancel(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        noted!(self, self.memory.cancel(now, job))
    }

    fn retry(&mut self, now: Now, job: JobId) -> Result<(), JobError> {
        noted!(self, self.memory.retry(now, job))
    }

    fn drop_dead(&mut self, job: JobId) -> Result<(), JobError> {
        noted!(self, self.memory.drop_dead(job))
    }

    fn counts(&mut self) -> Result<Counts, JobError> {
        self.memory.counts()
    }

    fn tally(&self) -> Tally {
        self.memory.tally()
    }
}

#[cfg(test)]
mod tests;
