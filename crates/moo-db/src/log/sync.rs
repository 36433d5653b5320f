//! Bringing the log to the disk soon after it was written, beside the thread that writes it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rocksdb::DB;

use super::{Event, Listener, tell};

/// How long what was written may wait for more to go to the disk with it.
const DELAY: Duration = Duration::from_millis(50);

/// What RocksDB says of a file that something else has failed on before: that is told by whoever did it.
const FOLLOWS: [&str; 2] = ["Seen error", "Writer has previous error"];

/// The thread that syncs, when told that there is something to sync.
pub(super) struct Syncer {
    bell: Option<SyncSender<()>>,
    /// Ends with whether it told of a failure.
    thread: Option<thread::JoinHandle<bool>>,
    failure: Receiver<String>,
}

impl Syncer {
    /// Starts the thread, which tells of a sync that failed at once: what it was to keep may be lost, and another try
    /// would only seem to succeed.
    pub fn start(db: Arc<DB>, listener: Listener) -> Syncer {
        let (bell, rung) = sync_channel::<()>(1);
        let (failed, failure) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("log-sync".into())
            .spawn(move || {
                while rung.recv().is_ok() {
                    thread::sleep(DELAY);
                    if let Err(error) = db.flush_wal(true) {
                        if FOLLOWS.iter().any(|text| error.as_ref().contains(text)) {
                            return false;
                        }
                        let reason = format!("bringing the log to the disk failed: {error}");
                        // The writer learns of it with its next group; the listener should not wait for that.
                        drop(failed.send(reason.clone()));
                        tell(&listener, Event::Failed(reason));
                        return true;
                    }
                }
                false
            })
            .expect("a process that cannot start a thread cannot run a server");
        Syncer {
            bell: Some(bell),
            thread: Some(thread),
            failure,
        }
    }

    /// Has what was written until now synced within [`DELAY`]; tells if an earlier sync failed.
    pub fn ring(&self) -> Result<(), String> {
        // A bell that rings already will be heard after this write.
        let _ = self.bell.as_ref().map(|bell| bell.try_send(()));
        self.failure.try_recv().map_or(Ok(()), Err)
    }

    /// Ends the thread, after what it was told to sync; whether it told of a failure, which the writer's own then only
    /// follows from.
    pub fn stop(mut self) -> bool {
        self.bell = None;
        let ended = self.thread.take().map(thread::JoinHandle::join);
        matches!(ended, Some(Ok(true)))
    }
}
