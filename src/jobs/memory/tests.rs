//! The suite on the store in memory, on a clock that is moved by hand.

use super::*;
use crate::jobs::conformance::{SUITE, Subject, Terms, spec};
use crate::limits::JOB_BACKOFF;

const MOST: usize = 40;

/// A store and its clock.
struct OnMemory {
    store: Memory,
    now: Now,
    ids: u8,
}

impl Subject for OnMemory {
    fn store(&mut self) -> &mut dyn JobStore {
        &mut self.store
    }

    fn now(&mut self) -> Now {
        self.now
    }

    fn pass(&mut self, time: Duration) {
        self.now.moment = self.now.moment.plus(time);
        self.now.wall = self.now.wall.plus(time);
        self.store.sweep(self.now).expect("memory is always there");
    }

    fn terms(&self) -> Terms {
        Terms {
            lease: JOB_LEASE,
            backoff: JOB_BACKOFF,
            dedupe: JOB_DEDUPE,
        }
    }

    fn id(&mut self) -> JobId {
        self.ids += 1;
        JobId([self.ids; 16])
    }

    fn jobs_max(&self) -> usize {
        MOST
    }
}

#[test]
fn memory_keeps_the_promises_of_job_stores() {
    for (name, behaviour) in SUITE {
        eprintln!("{name}");
        behaviour(&mut OnMemory {
            store: Memory::new("here", Some((MOST, usize::MAX)), 1),
            now: Now {
                wall: Wall::from_secs(1_000_000),
                ..Now::default()
            },
            ids: 0,
        });
    }
}

#[test]
fn jobs_that_wait_when_the_store_becomes_another_are_done_by_that() {
    let (now, id) = (Now::default(), JobId([1; 16]));
    let (mut feed, mut here) = (Memory::feed(10), Memory::default());
    feed.put(now, id, spec("a")).expect("there is room");
    let entry = feed.entry(id).expect("it waits").clone();
    here.restore(now, id, entry.clone());
    let entry = here.entry(id).expect("it waits").clone();
    let taken = here.take(now, "x", &[Queue::Any("a".into())], 2);
    assert_eq!(taken.map(|taken| taken.len()), Ok(1));
    let mut feed = Memory::feed(10);
    feed.restore(now, id, entry);
    assert_eq!(feed.oldest(&Queue::Feed, feed.last_seq(), 2).len(), 1);
}
