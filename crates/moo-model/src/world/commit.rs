//! The end of a transaction: is everything it read still so, and if it is, the next committed state.
//!
//! Invariant: commits are numbered without gaps, published in that order, and their records reach the sink in that
//! order, because all three happen under one lock.

use std::sync::atomic::Ordering;

use triomphe::Arc;

use super::World;
use super::conflict::{Conflict, Part, same_slot};
use super::entry::Entry;
use super::lookup::Lookups;
use super::record::{ObjectRecord, PropId, Stamp, cell};
use super::root::Root;
use super::transaction::{LOCAL_RANKS, Seen, Transaction};
use super::tree::apply;
use crate::Obj;
use crate::ledger::Row;

/// What a commit changed in one object.
#[derive(Clone, Debug)]
pub struct ObjectChange {
    /// The object.
    pub obj: Obj,
    /// Its record before; `None` when it was made.
    pub before: Option<Arc<ObjectRecord>>,
    /// Its new record; `None` when it was recycled.
    pub record: Option<Arc<ObjectRecord>>,
    /// Which cells differ, as the bits of [`cell`].
    pub cells: u8,
    /// Which slots differ.
    pub slots: Vec<PropId>,
    /// Whether slots came or went, so that all are to be written.
    pub all_slots: bool,
}

/// What a commit changed, for the log.
#[derive(Clone, Debug, Default)]
pub struct CommitRecord {
    /// The commit's number.
    pub stamp: Stamp,
    /// The objects that differ.
    pub objects: Vec<ObjectChange>,
    /// How many object numbers there are now, if that changed.
    pub extent: Option<usize>,
    /// Up to which id anonymous objects may have been made, if any was.
    pub anonymous_ids: Option<u64>,
    /// The players, if they changed.
    pub players: Option<Arc<Vec<Obj>>>,
    /// The server's own rows that ride along.
    pub rows: Vec<Row>,
}

/// Where commit records go.
pub trait Sink: Send + Sync {
    /// Waits until there is room for more. Called before the lock of commits is taken.
    fn wait_for_room(&self) {}

    /// Takes the next record. Records come in the order of their stamps. Called with the lock held, so it only hands over.
    fn accept(&self, record: CommitRecord);

    /// Has what was handed over seen to. Called once the lock is free again.
    fn wake(&self) {}

    /// Up to which commit everything can be read from the world's store.
    fn written(&self) -> Stamp {
        0
    }
}

/// For worlds that are kept nowhere.
impl Sink for () {
    fn accept(&self, _record: CommitRecord) {}
}

impl<F: Fn(CommitRecord) + Send + Sync> Sink for F {
    fn accept(&self, record: CommitRecord) {
        self(record);
    }
}

/// A transaction that took effect.
pub struct Committed {
    /// Its commit's number; the snapshot's where nothing was changed.
    pub stamp: Stamp,
    /// Whether a record went to the log.
    pub logged: bool,
}

impl Transaction {
    /// Ends the transaction. `rows` is called under the commit lock with the commit's number, once it is certain to
    /// take effect, and gives the server rows that ride along; when `force` is false and nothing was edited, there is
    /// no commit and `rows` is not called.
    ///
    /// A transaction that only read needs no check: it saw one committed state. One for which something could not be
    /// read ([`Transaction::unreadable`]) takes no effect; it is for the caller to ask first.
    pub fn commit(
        mut self,
        force: bool,
        rows: impl FnOnce(Stamp) -> Vec<Row>,
    ) -> (Result<Committed, Conflict>, Box<Lookups>) {
        let (world, mut lookups) = self.end();
        let result = if let Some(unreadable) = &self.unreadable {
            let (obj, part) = (unreadable.obj, Part::Existence);
            Err(Conflict { obj, part })
        } else if !force && !self.is_edited() {
            Ok(Committed {
                stamp: self.base.stamp,
                logged: false,
            })
        } else {
            world.apply_commit(&mut self, rows)
        };
        lookups.world = Some(world);
        (result, lookups)
    }

    /// As [`Transaction::commit`] with `force`, for rows that hold whatever the transaction has read: what was said and
    /// answered. If nothing was edited there is no check either, so such a transaction never has to run again: it saw one
    /// committed state, and its commit only gives its rows a place.
    ///
    /// A row that others look for is not of this kind. Of two transactions, one that reads that there is nothing to do and
    /// leaves a waiting task, and one that adds something to do and wakes the tasks that wait, one must see the other.
    pub fn commit_noting(
        mut self,
        rows: impl FnOnce(Stamp) -> Vec<Row>,
    ) -> (Result<Committed, Conflict>, Box<Lookups>) {
        if !self.is_edited() && self.unreadable.is_none() {
            self.seen.clear();
            (self.extent_read, self.players_read) = (false, false);
        }
        self.commit(true, rows)
    }

    /// Whether everything that was read is the same in `now`.
    fn validate(&self, now: &Root) -> Result<(), Conflict> {
        if now.stamp == self.base.stamp {
            return Ok(());
        }
        if (self.extent_read || self.own_extent.is_some()) && now.extent_stamp != self.base.extent_stamp {
            return Err(Conflict {
                obj: Obj(now.objects.len() as i64),
                part: Part::Extent,
            });
        }
        if (self.players_read || self.own_players.is_some()) && now.players_stamp != self.base.players_stamp {
            return Err(Conflict {
                obj: Obj::NOTHING,
                part: Part::Players,
            });
        }
        let schema_changed = now.schema_epoch != self.base.schema_epoch;
        self.seen.iter().try_for_each(|seen| {
            let ok = seen.is_unchanged(now) && (!schema_changed || self.names_lead_the_same_way(seen, now));
            if ok { Ok(()) } else { Err(seen.conflict(now)) }
        })
    }

    /// Whether what lookups on an object depend on is as it was: parents, property definitions and verbs of the object
    /// and of each of its ancestors.
    fn names_lead_the_same_way(&self, seen: &Seen, now: &Root) -> bool {
        if seen.reads & cell::SCHEMA == 0 {
            return true;
        }
        let mut obj = seen.obj;
        while let Some(entry) = now.entry(obj) {
            if entry.schema_stamp > self.base.stamp {
                return false;
            }
            obj = entry.parent;
        }
        true
    }
}

impl Seen {
    fn is_unchanged(&self, now: &Root) -> bool {
        let current = now.entry(self.obj);
        match (self.version, current) {
            (None, None) => true,
            (Some(version), Some(current)) if version == current.written => true,
            (Some(_), Some(current)) => match (&self.base, current.record()) {
                (Some(base), Some(current)) => {
                    self.cells_unchanged(base, current) && self.slots_unchanged(base, current)
                }
                // Another version, in the store only: each part of it may be new.
                (Some(_), None) => !self.used_any_part(),
                (None, _) => true,
            },
            _ => !self.exists_read,
        }
    }

    fn used_any_part(&self) -> bool {
        self.gone
            || self.slots_replaced
            || self.reads | self.writes != 0
            || self.slot_reads.iter().any(|&bits| bits != 0)
    }

    fn cells_unchanged(&self, base: &ObjectRecord, current: &ObjectRecord) -> bool {
        let used = self.reads | self.writes;
        (0..cell::COUNT).all(|i| used & (1 << i) == 0 || base.stamps[i] == current.stamps[i])
    }

    fn slots_unchanged(&self, base: &ObjectRecord, current: &ObjectRecord) -> bool {
        let same = |index: usize| same_slot(base, current, index);
        if self.slots_replaced || self.gone {
            return base.slots.len() == current.slots.len() && (0..base.slots.len()).all(same);
        }
        let marked = self.slot_reads.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64)
                .filter(move |bit| bits & (1 << bit) != 0)
                .map(move |bit| word * 64 + bit)
        });
        marked.filter(|&index| index < base.slots.len()).all(same)
    }
}

/// Why a commit did not take effect under the lock.
enum Refusal {
    Conflict(Conflict),
    /// The newest version of an edited object is not in memory: the place in `seen`.
    Cold(usize),
}

impl World {
    fn apply_commit(
        &self,
        tx: &mut Transaction,
        rows: impl FnOnce(Stamp) -> Vec<Row>,
    ) -> Result<Committed, Conflict> {
        self.sink.wait_for_room();
        if tx.has_anonymous() {
            tx.seen
                .iter_mut()
                .for_each(|seen| seen.refers = seen.writes_reference());
        }
        for seen in tx.seen.iter_mut().filter(|_| self.memory.is_some()) {
            // Anonymous objects never leave memory, so they do not count.
            let own = seen.own.as_ref().filter(|_| !seen.obj.is_anonymous());
            seen.bytes = own.map_or(0, |own| self.weigh(own));
        }
        let mut rows = Some(rows);
        loop {
            // Most of what cannot be is found here, where nobody waits for it; and most commits find under the lock what
            // they found here.
            let now = self.newest();
            self.validate(tx, &now)?;
            let valid_at = now.stamp;
            drop(now);
            match self.publish(tx, valid_at, &mut rows) {
                Ok(published) => {
                    self.sink.wake();
                    let stamp = published.stamp;
                    drop(published);
                    self.trim();
                    return Ok(Committed { stamp, logged: true });
                }
                Err(Refusal::Conflict(conflict)) => return Err(conflict),
                Err(Refusal::Cold(place)) => self.fetch_newest(&mut tx.seen[place])?,
            }
        }
    }

    fn validate(&self, tx: &Transaction, now: &Root) -> Result<(), Conflict> {
        #[cfg(feature = "unsound-commits")]
        if self.skips_validation.load(Ordering::Relaxed) {
            return Ok(());
        }
        tx.validate(now)
    }

    /// Has the newest version of an edited object at hand for the commit. If it cannot be read, the next attempt will
    /// find out, and say so.
    fn fetch_newest(&self, seen: &mut Seen) -> Result<(), Conflict> {
        let now = self.root.load_full();
        if let Some(entry) = now.entry(seen.obj) {
            let (obj, part) = (seen.obj, Part::Existence);
            let record = self.fetch(&now, obj, entry).map_err(|_| Conflict { obj, part })?;
            seen.newest = Some((entry.written, record));
        }
        Ok(())
    }

    /// The part of a commit that is under the lock. `valid_at` is the commit up to which the transaction's reads were
    /// found unchanged. What is given back holds the root that was replaced: it is taken apart, if nobody else looks at
    /// it, when the lock is free.
    fn publish(
        &self,
        tx: &mut Transaction,
        valid_at: Stamp,
        rows: &mut Option<impl FnOnce(Stamp) -> Vec<Row>>,
    ) -> Result<Published, Refusal> {
        let guard = self
            .committing
            .lock()
            .expect("a commit does not panic while it holds the lock");
        let now = self.newest();
        if now.stamp != valid_at {
            self.validate(tx, &now).map_err(Refusal::Conflict)?;
        }
        let is_cold = |seen: &Seen| seen.is_edited() && seen.lacks_newest(&now);
        if let Some(place) = tx.seen.iter().position(is_cold) {
            return Err(Refusal::Cold(place));
        }
        let stamp = now.stamp + 1;
        let mut next = Root::clone(&now);
        // Whoever replaces a state has to count for all who still look at it, and so for this too.
        drop(now);
        next.stamp = stamp;
        next.prop_ids = self.next_prop_id.load(Ordering::Relaxed);
        let mut record = CommitRecord {
            stamp,
            ..CommitRecord::default()
        };
        if let Some(extent) = tx.own_extent {
            // Places are taken away at the end: what was in them is a change to be told.
            next.objects.resize(extent.max(next.objects.len()));
            next.extent_stamp = stamp;
            record.extent = Some(extent);
        }
        if let Some(players) = tx.own_players.take() {
            next.players = Arc::new(players);
            next.players_stamp = stamp;
            record.players = Some(next.players.clone());
        }
        if tx.makes_anonymous {
            next.anonymous_ids = self.next_anonymous_id.load(std::sync::atomic::Ordering::Relaxed);
            record.anonymous_ids = Some(next.anonymous_ids);
        }
        for seen in tx.seen.iter_mut().filter(|seen| seen.is_edited()) {
            next.schema_epoch += u64::from(changes_lookups(seen));
            record.objects.extend(self.install(&mut next, seen, stamp));
        }
        if let Some(extent) = tx.own_extent {
            next.objects.resize(extent);
        }
        record.rows = rows.take().map(|rows| rows(stamp)).unwrap_or_default();
        let replaced = self.root.swap(Arc::new(next));
        self.sink.accept(record);
        drop(guard);
        Ok(Published {
            stamp,
            _replaced: replaced,
        })
    }

    /// Puts an edited object into the next root; tells what changed.
    fn install(&self, next: &mut Root, seen: &mut Seen, stamp: Stamp) -> Option<ObjectChange> {
        let change = |before, record| ObjectChange {
            obj: seen.obj,
            before,
            record,
            cells: seen.writes,
            slots: seen.slot_writes.to_vec(),
            all_slots: seen.slots_replaced,
        };
        let current = next.entry(seen.obj).map(|entry| {
            let record = seen.newest_record(entry).cloned();
            let record = record.expect("a commit has what it replaces");
            // Older roots have this entry too, and its rows are about to be those of the next version.
            if !entry.keep(record.clone(), 0) {
                self.count(-(entry.bytes().unwrap_or(0) as i64));
            }
            (entry.written, record)
        });
        if seen.gone {
            if current.is_some() {
                next.put(seen.obj, None);
            }
            return current.map(|(_, current)| change(Some(current), None));
        }
        let own = seen.own.take()?;
        let mut record = match &current {
            Some((written, current)) if Some(*written) != seen.version => merged(current, &own, seen),
            _ => own,
        };
        let edited = Arc::get_mut(&mut record).expect("neither a merged nor an own copy is shared yet");
        stamp_record(edited, seen, stamp);
        edited.refers_to_anonymous |= seen.refers;
        let entry = Entry::new(record.clone(), stamp, seen.bytes);
        next.put(seen.obj, Some(Arc::new(entry)));
        self.count(seen.bytes as i64);
        Some(change(current.map(|(_, current)| current), Some(record)))
    }
}

/// A commit that took effect, and what it replaced.
struct Published {
    stamp: Stamp,
    _replaced: Arc<Root>,
}

impl Seen {
    /// The record of the newest version, from wherever this transaction has it.
    fn newest_record<'a>(&'a self, entry: &'a Entry) -> Option<&'a Arc<ObjectRecord>> {
        let written = Some(entry.written);
        let base = self.base.as_ref().filter(|_| self.version == written);
        let newest = self
            .newest
            .as_ref()
            .filter(|(version, _)| Some(*version) == written);
        let here = base.or(newest.map(|(_, record)| record));
        entry.record().or(here)
    }

    fn lacks_newest(&self, now: &Root) -> bool {
        let entry = now.entry(self.obj);
        entry.is_some_and(|entry| self.newest_record(entry).is_none())
    }
}

/// Whether the edit may change what a name leads to for somebody else. A new object was never looked anything up on.
fn changes_lookups(seen: &Seen) -> bool {
    seen.base.is_some() && (seen.gone || seen.writes & cell::SCHEMA != 0)
}

/// The newest record with this transaction's edits put in: others have changed other cells meanwhile.
fn merged(current: &ObjectRecord, own: &ObjectRecord, seen: &Seen) -> Arc<ObjectRecord> {
    let mut record = current.clone();
    if seen.writes & cell::HEADER != 0 {
        (record.name, record.owner, record.flags) = (own.name.clone(), own.owner, own.flags);
    }
    if seen.writes & cell::LOCATION != 0 {
        (record.location, record.location_rank) = (own.location, own.location_rank);
    }
    if seen.writes & cell::SCHEMA != 0 {
        (record.parent, record.parent_rank) = (own.parent, own.parent_rank);
        (record.propdefs, record.verbs) = (own.propdefs.clone(), own.verbs.clone());
    }
    if seen.slots_replaced {
        record.slots = own.slots.clone();
    }
    for &id in &seen.slot_writes {
        if let (Some(to), Some(from)) = (record.slot_index(id), own.slot_index(id)) {
            record.slots[to] = own.slots[from].clone();
        }
    }
    seen.contents_deltas
        .iter()
        .for_each(|&delta| apply(&mut record.contents, delta));
    seen.children_deltas
        .iter()
        .for_each(|&delta| apply(&mut record.children, delta));
    Arc::new(record)
}

fn stamp_record(record: &mut ObjectRecord, seen: &Seen, stamp: Stamp) {
    let mut written = seen.writes;
    if !seen.contents_deltas.is_empty() {
        written |= cell::CONTENTS;
    }
    if !seen.children_deltas.is_empty() {
        written |= cell::CHILDREN;
    }
    for (i, cell_stamp) in record.stamps.iter_mut().enumerate() {
        if written & (1 << i) != 0 {
            *cell_stamp = stamp;
        }
    }
    for rank in [&mut record.parent_rank, &mut record.location_rank] {
        // 0 is no rank at all: that of an object which never was anywhere.
        if (1..LOCAL_RANKS).contains(rank) {
            *rank += stamp * LOCAL_RANKS;
        }
    }
    if seen.slots_replaced {
        record.slots.iter_mut().for_each(|slot| slot.stamp = stamp);
    }
    for &id in &seen.slot_writes {
        if let Some(at) = record.slot_index(id) {
            record.slots[at].stamp = stamp;
        }
    }
}
