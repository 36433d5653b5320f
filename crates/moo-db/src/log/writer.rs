//! The log's thread: from what waits to rows in the store.

use std::sync::Arc as StdArc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use moo_model::world::{CommitRecord, ObjectRecord, Root, Stamp};
use rocksdb::{DB, WriteOptions};
use triomphe::Arc;

use super::sync::Syncer;
use super::{Durability, Event, Listener, Message, Progress, space, tell};
use crate::batch::Batch;
use crate::draft::place;
use crate::error::DbError;
use crate::row;
use crate::table::meta;

/// A group is written when it has grown to so many bytes, even if more commits wait.
const GROUP_BYTES: usize = 4 << 20;
/// How long the log waits before it looks again whether there is room.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Why the log ends.
enum End {
    Closed,
    Failed(String),
}

pub(super) struct Writer {
    durability: Durability,
    progress: StdArc<Progress>,
    listener: Listener,
    /// Every object as its rows say it is.
    stored: Vec<Option<Arc<ObjectRecord>>>,
    /// The last commit in the group.
    stamp: Stamp,
    /// Who waits for the group to be on the disk.
    flushes: Vec<SyncSender<()>>,
    closing: bool,
    /// Whether it was told that the disk is full.
    is_short: bool,
}

impl Writer {
    pub fn new(
        root: &Root,
        durability: Durability,
        progress: StdArc<Progress>,
        listener: Listener,
    ) -> Writer {
        Writer {
            durability,
            progress,
            listener,
            stored: root.objects.iter().cloned().collect(),
            stamp: root.stamp,
            flushes: Vec::new(),
            closing: false,
            is_short: false,
        }
    }

    /// Runs until the log is closed or fails.
    pub fn run(mut self, db: &StdArc<DB>, messages: &Receiver<Message>) {
        let syncer = (self.durability == Durability::Relaxed)
            .then(|| Syncer::start(db.clone(), self.listener.clone()));
        let end = self.groups(db, messages, syncer.as_ref());
        drop(syncer);
        let end = match end {
            End::Closed => db.flush_wal(true).err().map(|error| error.to_string()),
            End::Failed(reason) => Some(reason),
        };
        if let Some(reason) = end {
            self.tell(Event::Failed(reason));
        }
        self.progress.set_ended();
    }

    fn groups(&mut self, db: &DB, messages: &Receiver<Message>, syncer: Option<&Syncer>) -> End {
        let mut batch = Batch::new(db);
        while !self.closing {
            let Some(first) = self.next(db, messages) else {
                return End::Closed;
            };
            self.take(first, &mut batch);
            while batch.len() < GROUP_BYTES && !self.closing {
                let Ok(next) = messages.try_recv() else { break };
                self.take(next, &mut batch);
            }
            if let Err(end) = self.write(db, &mut batch, syncer) {
                return end;
            }
            self.announce();
        }
        End::Closed
    }

    /// Waits for a message; looks for room meanwhile if that was short. `None` when nobody can send one any more.
    fn next(&mut self, db: &DB, messages: &Receiver<Message>) -> Option<Message> {
        loop {
            if !self.is_short {
                return messages.recv().ok();
            }
            match messages.recv_timeout(LOOK_AGAIN) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => drop(self.look_for_room(db)),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Adds a message to the group.
    fn take(&mut self, message: Message, batch: &mut Batch<'_>) {
        match message {
            Message::Commit(record) => self.commit(&record, batch),
            Message::Rows(rows) => rows.iter().for_each(|row| batch.row(row)),
            Message::Flush(answer) => self.flushes.push(answer),
            Message::Close => self.closing = true,
        }
    }

    fn commit(&mut self, record: &CommitRecord, batch: &mut Batch<'_>) {
        if let Some(extent) = record.extent {
            self.stored.resize(extent.max(self.stored.len()), None);
            batch.fact(meta::EXTENT, |row| row::put_number(extent as u64, row));
        }
        if let Some(players) = &record.players {
            batch.fact(meta::PLAYERS, |row| row::put_objects(players, row));
        }
        for change in &record.objects {
            let Some(at) = place(change.obj, self.stored.len()) else {
                continue;
            };
            batch.change(change, self.stored[at].as_ref());
            self.stored[at] = change.record.clone();
        }
        if let Some(extent) = record.extent {
            self.stored.truncate(extent);
        }
        record.rows.iter().for_each(|row| batch.row(row));
        self.stamp = record.stamp;
    }

    fn write(&mut self, db: &DB, batch: &mut Batch<'_>, syncer: Option<&Syncer>) -> Result<(), End> {
        let must_sync = self.durability == Durability::Strict || !self.flushes.is_empty();
        if batch.is_empty() && self.stamp == self.progress.written.load(Ordering::Relaxed) {
            return if must_sync { sync(db) } else { Ok(()) };
        }
        while self.look_for_room(db) < space::RESERVE_BYTES {
            if self.progress.closing.load(Ordering::Acquire) {
                return Err(End::Failed(DbError::DiskFull.to_string()));
            }
            thread::sleep(LOOK_AGAIN);
        }
        batch.clock(self.stamp);
        let mut options = WriteOptions::default();
        options.set_sync(must_sync);
        db.write_opt(batch.take(), &options)
            .map_err(|source| End::Failed(DbError::new("writing the log", source).to_string()))?;
        match syncer.map_or(Ok(()), Syncer::ring) {
            Ok(()) => Ok(()),
            Err(reason) => Err(End::Failed(reason)),
        }
    }

    /// How much of the disk is free; tells when that becomes short and when it is no more.
    fn look_for_room(&mut self, db: &DB) -> u64 {
        let free = space::free(db.path());
        let is_short = free
            < if self.is_short {
                space::AMPLE_BYTES
            } else {
                space::SHORT_BYTES
            };
        if is_short != self.is_short {
            self.is_short = is_short;
            self.tell(if is_short {
                Event::DiskFull
            } else {
                Event::Writable
            });
        }
        free
    }

    fn tell(&self, event: Event) {
        tell(&self.listener, event);
    }

    /// Tells everyone who waits that the group is written.
    fn announce(&mut self) {
        if self.progress.written.load(Ordering::Relaxed) < self.stamp {
            self.progress.set_written(self.stamp);
            self.tell(Event::Written(self.stamp));
        }
        for answer in self.flushes.drain(..) {
            // Who has stopped waiting needs no answer.
            let _ = answer.send(());
        }
    }
}

fn sync(db: &DB) -> Result<(), End> {
    db.flush_wal(true)
        .map_err(|error| End::Failed(format!("bringing the log to the disk failed: {error}")))
}
