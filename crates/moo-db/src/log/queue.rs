//! What waits for the log.
//!
//! Invariants: messages come out in the order in which they went in; a commit that was let in is never turned away,
//! so at most as many more than [`QUEUE_MAX`] wait as there are threads that commit; once the log has ended nothing is
//! taken any more, and nobody waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::{Message, NotTaken, QUEUE_MAX};

/// The queue: many put, the log's thread takes all at once.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    room: Condvar,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Message>,
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("nobody panics while they hold this lock")
    }

    /// Waits until fewer than [`QUEUE_MAX`] messages wait.
    pub fn wait_for_room(&self) {
        let is_full = |waiting: &mut Waiting| waiting.messages.len() >= QUEUE_MAX && !waiting.ended;
        let waited = self.room.wait_while(self.lock(), is_full);
        drop(waited.expect("nobody panics while they hold this lock"));
    }

    /// Adds a message, without waking the log; false if that has ended.
    pub fn push(&self, message: Message) -> bool {
        let mut waiting = self.lock();
        if !waiting.ended {
            waiting.messages.push_back(message);
        }
        !waiting.ended
    }

    /// Adds a message if there is room for it.
    pub fn push_at_once(&self, message: Message) -> Result<(), NotTaken> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Err(NotTaken::Ended);
        }
        if waiting.messages.len() >= QUEUE_MAX {
            return Err(NotTaken::Busy);
        }
        waiting.messages.push_back(message);
        drop(waiting);
        self.wake();
        Ok(())
    }

    /// Has the log look.
    pub fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Takes all that waits, into a place that is empty; waits for something if there is nothing, but for at most so
    /// long if a time is given.
    pub fn take(&self, into: &mut VecDeque<Message>, patience: Option<Duration>) {
        let is_empty = |waiting: &mut Waiting| waiting.messages.is_empty();
        let sound = "nobody panics while they hold this lock";
        let mut waiting = match patience {
            None => self.arrived.wait_while(self.lock(), is_empty).expect(sound),
            Some(patience) => {
                let waited = self.arrived.wait_timeout_while(self.lock(), patience, is_empty);
                waited.expect(sound).0
            }
        };
        std::mem::swap(&mut waiting.messages, into);
        drop(waiting);
        self.room.notify_all();
    }

    /// The log takes nothing more. What waited is dropped, and with it whoever waits for an answer is told.
    pub fn end(&self) {
        let mut waiting = self.lock();
        waiting.ended = true;
        let dropped = std::mem::take(&mut waiting.messages);
        drop(waiting);
        drop(dropped);
        self.room.notify_all();
    }
}
