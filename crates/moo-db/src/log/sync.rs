//! Bringing the log to the disk soon after it was written, beside the thread that writes it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rocksdb::DB;

use super::{Event, Listener, tell};

/// How long what was written may wait for more to go to the disk with it.
const DELAY: Duration = Duration::from_millis(50);

/// The thread that syncs, when told that there is something to sync.
pub(super) struct Syncer {
    bell: Option<SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
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
                        let reason = format!("bringing the log to the disk failed: {error}");
                        // The writer learns of it with its next group; the listener should not wait for that.
                        drop(failed.send(reason.clone()));
                        tell(&listener, Event::Failed(reason));
                        return;
                    }
                }
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
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.bell = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
