//! The log's thread: from what waits to rows in the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use moo_model::world::{CommitRecord, Stamp};
use rocksdb::{DB, WriteOptions};

use super::queue::Queue;
use super::sync::Syncer;
use super::{Durability, Event, Listener, Message, Progress, space, tell};
use crate::batch::Batch;
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
    progress: Arc<Progress>,
    listener: Listener,
    /// The last commit in the group.
    stamp: Stamp,
    /// What was taken from the queue and is in no group yet.
    waiting: VecDeque<Message>,
    /// Who waits for the group to be on the disk.
    flushes: Vec<SyncSender<()>>,
    closing: bool,
    /// Whether it was told that the disk is full.
    is_short: bool,
}

impl Writer {
    pub fn new(stored: Stamp, durability: Durability, progress: Arc<Progress>, listener: Listener) -> Writer {
        Writer {
            durability,
            progress,
            listener,
            stamp: stored,
            waiting: VecDeque::new(),
            flushes: Vec::new(),
            closing: false,
            is_short: false,
        }
    }

    /// Runs until the log is closed or fails.
    pub fn run(mut self, db: &Arc<DB>, queue: &Queue) {
        let syncer = (self.durability == Durability::Relaxed)
            .then(|| Syncer::start(db.clone(), self.listener.clone()));
        let end = self.groups(db, queue, syncer.as_ref());
        let is_told = syncer.is_some_and(Syncer::stop);
        let end = match end {
            End::Closed => db.flush_wal(true).err().map(|error| error.to_string()),
            End::Failed(reason) => Some(reason),
        };
        if let Some(reason) = end.filter(|_| !is_told) {
            self.tell(Event::Failed(reason));
        }
        queue.end();
        self.progress.set_ended();
    }

    fn groups(&mut self, db: &DB, queue: &Queue, syncer: Option<&Syncer>) -> End {
        let mut batch = Batch::new(db);
        while !self.closing {
            if self.waiting.is_empty() {
                self.fetch(db, queue);
            }
            while batch.len() < GROUP_BYTES && !self.closing {
                let Some(next) = self.waiting.pop_front() else {
                    break;
                };
                self.take(next, &mut batch);
            }
            if let Err(end) = self.write(db, &mut batch, syncer) {
                return end;
            }
            self.announce();
        }
        End::Closed
    }

    /// Waits for messages; looks for room meanwhile if that was short.
    fn fetch(&mut self, db: &DB, queue: &Queue) {
        while self.waiting.is_empty() {
            queue.take(&mut self.waiting, self.is_short.then_some(LOOK_AGAIN));
            if self.is_short && self.waiting.is_empty() {
                self.look_for_room(db);
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
            batch.fact(meta::EXTENT, |row| row::put_number(extent as u64, row));
        }
        if let Some(players) = &record.players {
            batch.fact(meta::PLAYERS, |row| row::put_objects(players, row));
        }
        if let Some(ids) = record.anonymous_ids {
            batch.fact(meta::ANONYMOUS, |row| row::put_number(ids, row));
        }
        for change in &record.objects {
            batch.change(change);
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
