//! What whoever writes the store down asks of it, and how it is made again from what was written.
//!
//! Invariant: what was restored counts as written, once [`Memory::settled`] says so.

use super::{Dead, Entry, Memory, Place, Touched};
use crate::jobs::{Now, OWN};
use crate::protocol::{JobId, Wall};

impl Memory {
    /// What has changed since this was last asked.
    pub fn touched(&mut self) -> Vec<Touched> {
        std::mem::take(&mut self.shelf.touched)
    }

    /// A job as it is, for whoever writes it down.
    pub fn entry(&self, job: JobId) -> Option<&Entry> {
        self.shelf.jobs.get(&job)
    }

    /// The same of a dead one.
    pub fn dead_entry(&self, job: JobId) -> Option<&Dead> {
        self.shelf.dead.get(&job)
    }

    /// The job and the end of a dedupe key.
    pub fn key(&self, key: &str) -> Option<(JobId, Wall)> {
        self.shelf.key(key)
    }

    /// Takes back a job that was written down, in the order of their numbers. What somebody had stays theirs for a lease,
    /// unless it is of this process's own. Where it waits is judged anew: it may have been put by a daemon whose store was
    /// elsewhere, or here. One that can wait nowhere here stays where it was.
    pub fn restore(&mut self, now: Now, job: JobId, mut entry: Entry) {
        self.next_seq = self.next_seq.max(entry.seq + 1);
        self.next_lease = self.next_lease.max(entry.lease + 1);
        if let Ok(queue) = self.queue_of(&entry.spec) {
            entry.queue = queue;
        }
        entry.place = match entry.place {
            Place::Taken { taker, .. } if taker != OWN => Place::Taken {
                taker,
                until: now.moment.plus(self.lease),
            },
            Place::Taken { .. } => Place::Ready,
            Place::Delayed(due) => self.place_by(now, Some(due)),
            place => place,
        };
        let place = entry.place.clone();
        self.shelf.add(job, entry);
        if self.shelf.is_first(job) {
            self.shelf.set_place(job, place);
        }
    }

    /// The same of a dead one.
    pub fn restore_dead(&mut self, job: JobId, mut dead: Dead) {
        if let Ok(queue) = self.queue_of(&dead.entry.spec) {
            dead.entry.queue = queue;
        }
        self.next_seq = self.next_seq.max(dead.entry.seq + 1);
        self.shelf.bury(job, dead);
    }

    /// The same of a key that a second job may not have.
    pub fn restore_key(&mut self, key: String, job: JobId, until: Wall) {
        self.shelf.remember(key, job, until);
    }

    /// Notes nothing of what was restored.
    pub fn settled(&mut self) {
        self.shelf.touched.clear();
    }
}
