//! The log: every commit, and the server's own rows, to the store, in order.
//!
//! One thread takes what waits in a bounded queue, makes one batch of it, writes that, and tells how far it is; what
//! arrives meanwhile is the next batch, so that many commits share one write. Who commits waits for room before it
//! takes the lock of commits and wakes that thread after, so that nobody is held up by either. A second thread, only when that is not
//! part of every write, has the log brought to the disk soon after.
//!
//! Invariants: what was announced as written is in the store, whatever happens to this process; with
//! [`Durability::Strict`] also whatever happens to the machine. After a failed sync nothing more is written.

mod queue;
pub(crate) mod space;
mod sync;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use moo_model::ledger::Row;
use moo_model::world::{CommitRecord, Sink, Stamp};
use rocksdb::DB;

use queue::Queue;
pub use space::{RESERVE_BYTES, SHORT_BYTES};
use writer::Writer;

/// How many commits may wait for the log, and as many again may be in its hands. Whoever commits when so many wait, waits
/// too.
pub const QUEUE_MAX: usize = 4096;

/// When a commit counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once the operating system has it: nothing is lost if this process dies, at most 50 ms if the machine does.
    #[default]
    Relaxed,
    /// Once the disk has it.
    Strict,
}

/// What the log has to tell. It tells on its own thread, so whoever listens must be quick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Every commit up to this one is written: what they said may be shown.
    Written(Stamp),
    /// Less than [`SHORT_BYTES`] of the disk are free: nothing new should be accepted until [`Event::Writable`]. What was
    /// accepted is written all the same, down to [`RESERVE_BYTES`]; past that it waits for room.
    DiskFull,
    /// There is room again.
    Writable,
    /// The store failed in a way that allows no second try, as the text says. The log has ended; the process must exit.
    Failed(String),
}

/// The log has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log has ended")]
pub struct LogEnded;

/// Rows were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The log has ended.
    #[error("the log has ended")]
    Ended,
    /// [`QUEUE_MAX`] messages wait already.
    #[error("the log has as much to write as may wait; try again")]
    Busy,
}

/// Whoever is told what the log has to tell.
type Listener = Arc<Mutex<dyn FnMut(Event) + Send>>;

/// Tells an event. A listener that has panicked once is told nothing more.
fn tell(listener: &Listener, event: Event) {
    if let Ok(mut listener) = listener.lock() {
        listener(event);
    }
}

enum Message {
    Commit(CommitRecord),
    Rows(Vec<Row>),
    /// Have everything up to here on the disk, and answer.
    Flush(SyncSender<()>),
    Close,
}

/// The way to the log; clones lead to the same one. When the last is dropped, or at [`Log::close`], what waits is
/// written and the log ends.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue>,
    progress: Arc<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How far the log is.
struct Progress {
    written: AtomicU64,
    /// Set when the log should not wait for room any longer.
    closing: AtomicBool,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Progress {
    /// Locked when `written` changes too, so that no waiter misses it.
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.ended
            .lock()
            .expect("nobody panics while they hold this lock")
    }

    fn set_written(&self, stamp: Stamp) {
        let _guard = self.lock();
        self.written.store(stamp, Ordering::Release);
        self.changed.notify_all();
    }

    fn set_ended(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }
}

impl Log {
    pub(crate) fn start(
        db: Arc<DB>,
        stored: Stamp,
        durability: Durability,
        on_event: impl FnMut(Event) + Send + 'static,
    ) -> Log {
        let queue = Arc::new(Queue::default());
        let progress = Arc::new(Progress {
            written: AtomicU64::new(stored),
            closing: AtomicBool::new(false),
            ended: Mutex::new(false),
            changed: Condvar::new(),
        });
        let writer = Writer::new(
            stored,
            durability,
            progress.clone(),
            Arc::new(Mutex::new(on_event)),
        );
        let messages = queue.clone();
        let thread = thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.run(&db, &messages))
            .expect("a process that cannot start a thread cannot run a server");
        Log {
            inner: Arc::new(Inner {
                queue,
                progress,
                thread: Mutex::new(Some(thread)),
            }),
        }
    }

    /// Where a world sends its commits. A commit that finds [`QUEUE_MAX`] waiting waits too; one that finds the log
    /// ended is dropped, since the process is about to exit.
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(Entrance {
            queue: self.inner.queue.clone(),
            progress: self.inner.progress.clone(),
        })
    }

    /// Writes rows that belong to no commit, after the commits that were handed over before. Never waits.
    pub fn put_rows(&self, rows: Vec<Row>) -> Result<(), NotTaken> {
        self.inner.queue.push_at_once(Message::Rows(rows))
    }

    /// The last commit that is written.
    pub fn written(&self) -> Stamp {
        self.inner.progress.written.load(Ordering::Acquire)
    }

    /// Waits until this commit is written.
    pub fn wait(&self, stamp: Stamp) -> Result<(), LogEnded> {
        let progress = &self.inner.progress;
        let mut ended = progress.lock();
        loop {
            if self.written() >= stamp {
                return Ok(());
            }
            if *ended {
                return Err(LogEnded);
            }
            ended = progress
                .changed
                .wait(ended)
                .expect("nobody panics while they hold this lock");
        }
    }

    /// Waits until everything handed over so far, rows as well as commits, is on the disk.
    pub fn flush(&self) -> Result<(), LogEnded> {
        let (answer, done) = sync_channel(1);
        self.send(Message::Flush(answer))?;
        done.recv().map_err(|_| LogEnded)
    }

    /// Writes what waits, brings it to the disk and ends the log. What waits for room on a full disk is given up.
    pub fn close(&self) {
        self.inner.close();
    }

    fn send(&self, message: Message) -> Result<(), LogEnded> {
        self.inner.send(message).then_some(()).ok_or(LogEnded)
    }
}

/// A world's end of the queue. Commits that find the log ended are dropped: the process is about to exit.
struct Entrance {
    queue: Arc<Queue>,
    progress: Arc<Progress>,
}

impl Sink for Entrance {
    fn wait_for_room(&self) {
        self.queue.wait_for_room();
    }

    fn accept(&self, record: CommitRecord) {
        self.queue.push(Message::Commit(record));
    }

    fn wake(&self) {
        self.queue.wake();
    }

    fn written(&self) -> Stamp {
        self.progress.written.load(Ordering::Acquire)
    }
}

impl Inner {
    /// Adds a message and wakes the log; false if that has ended.
    fn send(&self, message: Message) -> bool {
        let is_taken = self.queue.push(message);
        self.queue.wake();
        is_taken
    }

    fn close(&self) {
        self.progress.closing.store(true, Ordering::Release);
        let thread = self.thread.lock().map_or(None, |mut thread| thread.take());
        if let Some(thread) = thread {
            // If the log has ended already there is nobody to tell, and only to be waited for.
            self.send(Message::Close);
            drop(thread.join());
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
