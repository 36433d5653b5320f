//! What a Redis was found to have lost, and which jobs that can be.
//!
//! Invariant: where it is known that only the last jobs of this world were lost, no other one is taken for lost, however
//! long ago Redis has forgotten it.

use super::link::Which;
use super::wording::{id_word, text};
use super::{JobError, Now, OnRedis, Settings};
use crate::limits::{JOB_FEED_BATCH, JOBS_KNOWN_MAX};
use crate::protocol::JobId;
use std::collections::{HashSet, VecDeque};

/// What a Redis was found to have lost of what it had confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// Everything: it came back empty.
    All,
    /// So many jobs, the last ones of this world: another one took over, or it came back from a file, without them.
    Last(u64),
}

/// What was last heard of what a Redis has of this world, for a later process to notice what is lost by then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// What tells which Redis, and which world there.
    pub place: String,
    /// What that called its life.
    pub life: String,
    /// How many jobs of this world it had stored ever.
    pub written: u64,
}

/// Which jobs may be lost.
#[derive(Debug, Default)]
enum Suspects {
    #[default]
    None,
    These(HashSet<JobId>),
    All,
}

impl Suspects {
    fn add(&mut self, more: Suspects) {
        *self = match (std::mem::take(self), more) {
            (Suspects::None, one) | (one, Suspects::None) => one,
            (Suspects::These(some), Suspects::These(more)) => Suspects::These(&some | &more),
            _ => Suspects::All,
        };
    }
}

/// The last jobs of this world that this process has heard to be stored, in their order, and those of them that may be lost.
#[derive(Debug, Default)]
pub(super) struct Trail {
    last: VecDeque<JobId>,
    suspects: Suspects,
}

impl Trail {
    /// One more is stored.
    pub fn stored(&mut self, job: JobId) {
        if self.last.len() == JOBS_KNOWN_MAX {
            self.last.pop_front();
        }
        self.last.push_back(job);
    }

    /// Others were stored meanwhile of which nobody has heard.
    pub fn interrupted(&mut self) {
        self.last.clear();
    }

    /// So much was lost. Where it is more than is known here, that may be any.
    pub fn lost(&mut self, loss: Loss) {
        let jobs = match loss {
            Loss::All => None,
            Loss::Last(jobs) => usize::try_from(jobs).ok(),
        };
        let kept = jobs.and_then(|jobs| self.last.len().checked_sub(jobs));
        self.suspects.add(match kept {
            Some(kept) => Suspects::These(self.last.drain(kept..).collect()),
            None => Suspects::All,
        });
        if kept.is_none() {
            self.last.clear();
        }
    }
}

impl OnRedis {
    /// What an earlier process has heard last, unless that was of another Redis.
    pub fn recall(&mut self, mark: Mark) {
        if mark.place == self.place() && self.life.is_none() {
            (self.life, self.written) = (Some(mark.life), mark.written);
        }
    }

    /// What was heard last, if anything was.
    pub fn mark(&self) -> Option<Mark> {
        self.life.clone().map(|life| Mark {
            place: self.place(),
            life,
            written: self.written,
        })
    }

    /// What tells this world's place there from any other. It is kept, and a password in the address is not to be.
    fn place(&self) -> String {
        let Settings { url, world, .. } = &self.settings;
        let place = format!("{url} {} {world}", self.key);
        blake3::hash(place.as_bytes()).to_hex().to_string()
    }

    /// What Redis was found to have lost. Each loss is told once.
    pub fn loss(&mut self) -> Option<Loss> {
        self.loss.take()
    }

    /// Of jobs that this world has put lately, whether each was stored by a Redis that still knows of it: it is there, or
    /// was ended.
    pub(super) fn knows(&mut self, now: Now, jobs: &[JobId]) -> Result<Vec<bool>, JobError> {
        let mut known = Vec::with_capacity(jobs.len());
        for some in jobs.chunks(JOB_FEED_BATCH) {
            let mut call = vec![text(&self.settings.world)];
            call.extend(some.iter().copied().map(id_word));
            known.extend(self.run::<Vec<bool>>(now, Which::Known, &call)?);
        }
        Ok(known)
    }

    /// Which of these jobs of this world were lost since this was last asked: those that may be, and of which Redis does not
    /// know.
    pub fn lost_of(&mut self, now: Now, jobs: &[JobId]) -> Result<HashSet<JobId>, JobError> {
        let suspects = std::mem::take(&mut self.trail.suspects);
        let jobs: Vec<JobId> = match &suspects {
            Suspects::None => Vec::new(),
            Suspects::These(these) => jobs.iter().copied().filter(|job| these.contains(job)).collect(),
            Suspects::All => jobs.to_vec(),
        };
        match self.knows(now, &jobs) {
            Ok(known) => {
                let lost = jobs.into_iter().zip(known).filter(|(_, is_known)| !is_known);
                Ok(lost.map(|(job, _)| job).collect())
            }
            Err(error) => {
                self.trail.suspects.add(suspects);
                Err(error)
            }
        }
    }
}
