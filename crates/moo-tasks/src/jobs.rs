//! Jobs as tasks see them: what a task orders of the job store, and whom it asks about it.
//!
//! Invariant: what a task orders reaches the store with the task's commit, and never without it.

use moo_model::Obj;
use moo_vm::host::{JobSeen, JobTo, NewJob};

/// Something that a task wants of the job store.
#[derive(Clone, Debug, PartialEq)]
pub enum JobOrder {
    /// Keep this job.
    Put {
        /// Under this id.
        id: [u8; 16],
        /// The job.
        job: NewJob,
    },
    /// Forget this job, unless somebody has taken it meanwhile.
    Cancel([u8; 16]),
}

/// The job store, as far as tasks ask it. Nobody waits for a disk or a network here.
pub trait JobDesk: Send + Sync {
    /// An id that was never given out before.
    fn next_id(&self) -> [u8; 16];

    /// The job that this owner has put under a dedupe key which is still remembered.
    fn known(&self, owner: Obj, key: &str) -> Option<[u8; 16]>;

    /// Whether one job may have so many bytes of data.
    fn takes(&self, bytes: usize) -> bool;

    /// Whether there is room for so many more jobs with so many bytes of data; of this owner, if one is named.
    fn has_room(&self, owner: Option<Obj>, jobs: usize, bytes: usize) -> bool;

    /// Whether jobs can go there at all.
    fn reaches(&self, to: &JobTo) -> bool;

    /// Whether there is anybody who could confirm that a replica has a job.
    fn has_replicas(&self) -> bool;

    /// Whether the store that has this job can be told to forget it.
    fn can_cancel(&self, id: [u8; 16]) -> bool;

    /// The jobs that are not done, the oldest first, as many as a program may see at once.
    fn list(&self, owner: Option<Obj>) -> Vec<JobSeen>;

    /// A job, alive or dead.
    fn find(&self, id: [u8; 16]) -> Option<JobSeen>;
}

/// How programs write a job's id.
pub fn id_text(id: [u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The id that a program has written.
pub fn id_of(text: &str) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(id)
}
