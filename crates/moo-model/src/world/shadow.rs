//! A store in memory, for tests of worlds that do not fit into memory.
//!
//! It is as unkind as a store may be: what was committed is written late, and somebody who reads an object may get one
//! part of it as it was before a commit and another as it is after. Invariant: what it says is written can be read.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use super::commit::{CommitRecord, Sink};
use super::entry::{ColdStore, Unreadable};
use super::record::{ObjectRecord, Stamp};
use crate::Obj;

/// The store. Clones of its `Arc` are a world's sink and the place that it reads from.
#[derive(Default)]
pub struct Shadow {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    objects: HashMap<Obj, ObjectRecord>,
    waiting: VecDeque<CommitRecord>,
    written: Stamp,
    loads: u64,
    damaged: Option<Obj>,
}

impl Inner {
    fn write(&mut self) {
        let Some(record) = self.waiting.pop_front() else {
            return;
        };
        for change in record.objects {
            match change.record {
                Some(record) => drop(self.objects.insert(change.obj, stored(&record))),
                None => drop(self.objects.remove(&change.obj)),
            }
        }
        self.written = record.stamp;
    }
}

/// A record without what is not stored.
fn stored(record: &ObjectRecord) -> ObjectRecord {
    let mut stored = record.clone();
    (stored.contents, stored.children) = Default::default();
    stored.stamps = Default::default();
    stored.slots.iter_mut().for_each(|slot| slot.stamp = 0);
    stored
}

impl Shadow {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("nobody panics while they hold this lock")
    }

    /// How many objects were read so far.
    pub fn loads(&self) -> u64 {
        self.lock().loads
    }

    /// From now on this object cannot be read.
    pub fn damage(&self, obj: Obj) {
        self.lock().damaged = Some(obj);
    }
}

impl Sink for std::sync::Arc<Shadow> {
    fn accept(&self, record: CommitRecord) {
        self.lock().waiting.push_back(record);
    }

    fn wake(&self) {
        let mut inner = self.lock();
        // A few always wait, as long as there are any.
        while inner.waiting.len() > 3 {
            inner.write();
        }
    }

    fn written(&self) -> Stamp {
        self.lock().written
    }
}

impl ColdStore for Shadow {
    fn load(&self, obj: Obj) -> Result<ObjectRecord, Unreadable> {
        let unreadable = |reason: &str| Unreadable {
            obj,
            reason: reason.into(),
        };
        let part = || {
            let mut inner = self.lock();
            inner.loads += 1;
            let is_damaged = inner.damaged == Some(obj);
            inner.objects.get(&obj).filter(|_| !is_damaged).cloned()
        };
        let first = part().ok_or_else(|| unreadable("it is missing"))?;
        thread::yield_now();
        let second = part().ok_or_else(|| unreadable("it is missing"))?;
        Ok(ObjectRecord {
            slots: second.slots,
            ..first
        })
    }
}
