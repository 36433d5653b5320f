//! A task's private view of the world: a snapshot, what was read of it, and the edits made to it.
//!
//! Invariant: every answer that depends on the snapshot marks the cell it came from, so that the commit can tell
//! whether the same task would read the same things now. Edits are seen by this transaction only.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use triomphe::Arc;

use super::entry::Unreadable;
use super::last_property::LastProperty;
use super::lookup::Lookups;
use super::record::{Flags, ObjectRecord, PropId, Stamp, cell};
use super::root::{Root, Settings};
use super::{Snapshot, World};
use crate::{ErrorCode, Obj, Value};

/// Epochs of transactions with uncommitted schema changes: above all committed ones, each used once.
static PRIVATE_EPOCH: AtomicU64 = AtomicU64::new(1 << 63);

/// Ranks below this one are a transaction's own; a commit puts its stamp above them.
pub const LOCAL_RANKS: u64 = 1 << 20;

/// A change to a set of objects that does not depend on what else is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delta {
    Add(Obj),
    Remove(Obj),
    /// Of children: there is one more that is not listed, because it is anonymous.
    Unlisted,
}

/// What a transaction knows of one object.
pub(super) struct Seen {
    pub obj: Obj,
    /// Which version of the object the snapshot has; `None` if it has no such object.
    pub version: Option<Stamp>,
    /// That version, once anything of it was asked for but whether it exists.
    pub base: Option<Arc<ObjectRecord>>,
    /// What the commit has to put the edits into, if that is neither `base` nor in memory: the newest version with the
    /// commit that made it.
    pub newest: Option<(Stamp, Arc<ObjectRecord>)>,
    /// About how much memory the edited copy takes, once it is complete.
    pub bytes: u64,
    /// Whether a value that it writes refers to an anonymous object, once that was looked for.
    pub refers: bool,
    /// The edited copy, from the first edit on. Nobody else holds it.
    pub own: Option<Arc<ObjectRecord>>,
    /// Recycled by this transaction.
    pub gone: bool,
    /// Cells whose answers were used.
    pub reads: u8,
    /// Cells that were edited.
    pub writes: u8,
    /// Whether the object's being there, or not, was used.
    pub exists_read: bool,
    /// Slots read, by index in `base`, as bits.
    pub slot_reads: SmallVec<[u64; 2]>,
    /// Slots edited.
    pub slot_writes: SmallVec<[PropId; 4]>,
    /// Whether the set of slots itself was edited: then all were read and all are written.
    pub slots_replaced: bool,
    pub contents_deltas: SmallVec<[Delta; 2]>,
    pub children_deltas: SmallVec<[Delta; 2]>,
}

impl Seen {
    #[inline]
    pub fn record(&self) -> Option<&ObjectRecord> {
        if self.gone {
            None
        } else {
            self.own.as_deref().or(self.base.as_deref())
        }
    }

    #[inline]
    pub fn mark_slot(&mut self, index: usize) {
        let word = index / 64;
        if word >= self.slot_reads.len() {
            self.slot_reads.resize(word + 1, 0);
        }
        self.slot_reads[word] |= 1 << (index % 64);
    }

    /// Whether the slot at this place of the snapshot's record was read, or all of them were.
    pub fn uses_slot(&self, index: usize) -> bool {
        let marked = self.slot_reads.get(index / 64);
        self.slots_replaced || self.gone || marked.is_some_and(|bits| bits & (1 << (index % 64)) != 0)
    }

    #[cold]
    fn copy(&mut self) {
        let base = self.base.as_deref();
        let base = base.expect("an object without a base has its own copy");
        self.own = Some(Arc::new(base.clone()));
    }

    pub fn is_edited(&self) -> bool {
        self.gone
            || self.writes != 0
            || !self.slot_writes.is_empty()
            || self.slots_replaced
            || !self.contents_deltas.is_empty()
            || !self.children_deltas.is_empty()
    }
}

/// A transaction. Dropping it undoes everything.
pub struct Transaction {
    /// `None` once it is committed.
    world: Option<StdArc<World>>,
    pub(super) base: Snapshot,
    pub(super) seen: Vec<Seen>,
    index: FxHashMap<Obj, u32>,
    /// The object looked at last, and its place in `seen`.
    last: (Obj, u32),
    pub(super) lookups: Box<Lookups>,
    /// The key under which lookups are cached: the snapshot's epoch, or a private one.
    pub(super) epoch: u64,
    pub(super) extent_read: bool,
    /// The number of object numbers, once this transaction changed it.
    pub(super) own_extent: Option<usize>,
    pub(super) players_read: bool,
    pub(super) own_players: Option<Vec<Obj>>,
    ranks_used: u64,
    pub(super) last_property: LastProperty,
    /// How often a slot became clear, or no longer so.
    pub(super) clearings: u64,
    /// The first object that could not be had.
    pub(super) unreadable: Option<Unreadable>,
    /// Whether it made an anonymous object.
    pub(super) makes_anonymous: bool,
}

impl Transaction {
    /// Starts on the newest committed state. `lookups` are the executor's and come back with
    /// [`Transaction::into_lookups`].
    pub fn begin(world: &StdArc<World>, mut lookups: Box<Lookups>) -> Transaction {
        let base = world.newest();
        let kept = lookups.world.take().filter(|kept| StdArc::ptr_eq(kept, world));
        Transaction {
            world: Some(kept.unwrap_or_else(|| world.clone())),
            epoch: base.schema_epoch,
            base,
            seen: Vec::new(),
            index: FxHashMap::default(),
            last: (Obj(i64::MIN), 0),
            lookups,
            extent_read: false,
            own_extent: None,
            players_read: false,
            own_players: None,
            ranks_used: 0,
            last_property: LastProperty::none(),
            clearings: 0,
            unreadable: None,
            makes_anonymous: false,
        }
    }

    /// Undoes everything and goes on with the newest committed state.
    pub fn start_over(&mut self) {
        let (world, lookups) = self.end();
        *self = Transaction::begin(&world, lookups);
    }

    /// Ends without committing, giving the lookup tables back.
    pub fn into_lookups(mut self) -> Box<Lookups> {
        let (world, mut lookups) = self.end();
        lookups.world = Some(world);
        lookups
    }

    /// What the next transaction of the executor takes over.
    pub(super) fn end(&mut self) -> (StdArc<World>, Box<Lookups>) {
        let world = self.world.take().expect("a transaction ends once");
        (world, std::mem::take(&mut self.lookups))
    }

    pub(super) fn world(&self) -> &World {
        self.world.as_ref().expect("the transaction has not ended")
    }

    /// How often the executor's lookup tables had an answer, and how often not.
    pub fn lookup_counts(&self) -> (u64, u64) {
        (self.lookups.hits, self.lookups.misses)
    }

    /// The commit whose state this transaction sees.
    pub fn snapshot_stamp(&self) -> Stamp {
        self.base.stamp
    }

    /// What names lead to is the same for as long as this is: no two states of the world in which it differs have the same.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What was settled for the world at import.
    pub fn settings(&self) -> Settings {
        self.base.settings
    }

    /// The state this transaction started from.
    pub fn root(&self) -> &Arc<Root> {
        &self.base
    }

    /// Why this transaction cannot take effect, whatever else becomes of it: an object could not be read. What was
    /// asked of that was answered as if it had nothing.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    /// Whether anything was edited.
    pub fn is_edited(&self) -> bool {
        self.own_extent.is_some() || self.own_players.is_some() || self.seen.iter().any(Seen::is_edited)
    }

    /// The place of an object in `seen`.
    #[inline]
    pub(super) fn place(&mut self, obj: Obj) -> usize {
        // Before anything was looked at, `last` holds a number that programs can write too.
        if self.last.0 == obj && !self.seen.is_empty() {
            self.last.1 as usize
        } else {
            self.place_slow(obj)
        }
    }

    #[inline(never)]
    fn place_slow(&mut self, obj: Obj) -> usize {
        let place = self.glance(obj);
        let seen = &self.seen[place];
        if seen.base.is_none() && seen.version.is_some() {
            self.load(place);
        }
        self.last = (obj, place as u32);
        place
    }

    /// The place of an object in `seen`, where its record need not be yet: for asking whether it exists.
    fn glance(&mut self, obj: Obj) -> usize {
        let next = self.seen.len() as u32;
        let place = *self.index.entry(obj).or_insert(next);
        if place == next {
            let entry = self.base.entry(obj);
            self.seen.push(Seen {
                obj,
                version: entry.map(|entry| entry.written),
                base: None,
                newest: None,
                bytes: 0,
                refers: false,
                own: None,
                gone: false,
                reads: 0,
                writes: 0,
                exists_read: false,
                slot_reads: SmallVec::new(),
                slot_writes: SmallVec::new(),
                slots_replaced: false,
                contents_deltas: SmallVec::new(),
                children_deltas: SmallVec::new(),
            });
        }
        place as usize
    }

    /// Has the record of an object that exists, which may be in the store only. If it cannot be had, the object seems to
    /// have nothing, and the transaction will not take effect.
    fn load(&mut self, place: usize) {
        let obj = self.seen[place].obj;
        let Some(entry) = self.base.entry(obj) else { return };
        if let Some(record) = entry.record() {
            entry.touch();
            self.seen[place].base = Some(record.clone());
            return;
        }
        match self.world().fetch(&self.base, obj, entry) {
            Ok(record) => self.seen[place].base = Some(record),
            Err(unreadable) => {
                // What follows from an object that seems empty is for nobody else.
                self.use_private_epoch();
                self.seen[place].base = Some(Arc::new(ObjectRecord::new(Obj::NOTHING)));
                self.unreadable.get_or_insert(unreadable);
            }
        }
    }

    /// Reads one cell of an object; `None` if there is no such object.
    #[inline]
    pub(super) fn read(&mut self, obj: Obj, cell: u8) -> Option<&ObjectRecord> {
        let place = self.place(obj);
        let seen = &mut self.seen[place];
        seen.reads |= cell;
        seen.exists_read = true;
        seen.record()
    }

    /// The object's record for editing a cell; `E_INVIND` if there is no such object.
    pub(super) fn edit(&mut self, obj: Obj, cell: u8) -> Result<&mut ObjectRecord, ErrorCode> {
        let place = self.place(obj);
        let seen = &mut self.seen[place];
        if seen.record().is_none() {
            return Err(ErrorCode::InvInd);
        }
        seen.exists_read = true;
        seen.writes |= cell;
        if cell == cell::SCHEMA {
            seen.reads |= cell;
            self.use_private_epoch();
        }
        Ok(self.own(place))
    }

    /// The edited copy of an object that exists, made if it is the first edit.
    #[inline]
    pub(super) fn own(&mut self, place: usize) -> &mut ObjectRecord {
        let seen = &mut self.seen[place];
        if seen.own.is_none() {
            seen.copy();
        }
        let own = seen.own.as_mut().and_then(Arc::get_mut);
        own.expect("only the transaction holds an edited copy")
    }

    /// From now on names may lead elsewhere than in the snapshot, so the shared tables are neither used nor filled.
    pub(super) fn use_private_epoch(&mut self) {
        self.epoch = PRIVATE_EPOCH.fetch_add(1, Ordering::Relaxed);
    }

    /// The next rank in a set of objects, counted within this transaction; the commit makes it final.
    pub(super) fn next_rank(&mut self) -> u64 {
        self.ranks_used = (self.ranks_used + 1).min(LOCAL_RANKS - 1);
        self.ranks_used
    }

    /// Whether the object exists.
    #[inline]
    pub fn valid(&mut self, obj: Obj) -> bool {
        if obj.0 < 0 && !obj.is_anonymous() {
            return false;
        }
        let place = if self.last.0 == obj && !self.seen.is_empty() {
            self.last.1 as usize
        } else {
            self.glance(obj)
        };
        let seen = &mut self.seen[place];
        seen.exists_read = true;
        seen.record().is_some() || (seen.base.is_none() && seen.version.is_some())
    }

    /// The name; `None` for an object that does not exist, as with every reader below.
    pub fn name(&mut self, obj: Obj) -> Option<Value> {
        self.read(obj, cell::HEADER).map(|record| record.name.clone())
    }

    /// The owner.
    #[inline]
    pub fn owner(&mut self, obj: Obj) -> Option<Obj> {
        self.read(obj, cell::HEADER).map(|record| record.owner)
    }

    /// The flags; none for an object that does not exist.
    #[inline]
    pub fn flags(&mut self, obj: Obj) -> Flags {
        self.read(obj, cell::HEADER)
            .map(|record| record.flags)
            .unwrap_or_default()
    }

    /// The parent, `#-1` at the top.
    #[inline]
    pub fn parent(&mut self, obj: Obj) -> Option<Obj> {
        self.read(obj, cell::SCHEMA).map(|record| record.parent)
    }

    /// The location.
    pub fn location(&mut self, obj: Obj) -> Option<Obj> {
        self.read(obj, cell::LOCATION).map(|record| record.location)
    }

    /// The contents, in order of arrival.
    pub fn contents(&mut self, obj: Obj) -> Option<Arc<Vec<Obj>>> {
        self.read(obj, cell::CONTENTS)
            .map(|record| record.contents.clone())
    }

    /// The children, in order of attachment.
    pub fn children(&mut self, obj: Obj) -> Option<Arc<Vec<Obj>>> {
        self.read(obj, cell::CHILDREN)
            .map(|record| record.children.clone())
    }

    /// Whether the object has the wizard flag.
    #[inline]
    pub fn is_wizard(&mut self, who: Obj) -> bool {
        self.flags(who).has(Flags::WIZARD)
    }

    /// Whether `who` owns the object or is a wizard.
    #[inline]
    pub fn controls(&mut self, who: Obj, obj: Obj) -> bool {
        self.owner(obj) == Some(who) || self.is_wizard(who)
    }

    /// Sets the name. `E_INVIND` if there is no such object, as with every writer below.
    pub fn set_name(&mut self, obj: Obj, name: Value) -> Result<(), ErrorCode> {
        self.edit(obj, cell::HEADER)?.name = name;
        Ok(())
    }

    /// Sets the owner.
    pub fn set_owner(&mut self, obj: Obj, owner: Obj) -> Result<(), ErrorCode> {
        self.edit(obj, cell::HEADER)?.owner = owner;
        Ok(())
    }

    /// Sets or clears a flag. The player flag goes through [`Transaction::set_player`].
    pub fn set_flag(&mut self, obj: Obj, flag: Flags, on: bool) -> Result<(), ErrorCode> {
        let record = self.edit(obj, cell::HEADER)?;
        record.flags = record.flags.with(flag, on);
        Ok(())
    }

    /// Every player, in the order in which they became so.
    pub fn players(&mut self) -> Vec<Obj> {
        self.players_read = true;
        self.own_players
            .clone()
            .unwrap_or_else(|| self.base.players.to_vec())
    }

    /// Makes the object a player, or no longer one.
    pub fn set_player(&mut self, obj: Obj, on: bool) -> Result<(), ErrorCode> {
        self.set_flag(obj, Flags::PLAYER, on)?;
        let mut players = self.players();
        players.retain(|&player| player != obj);
        if on {
            let was_there = self.base.players.contains(&obj) && self.own_players.is_none();
            if was_there {
                return Ok(());
            }
            players.push(obj);
        }
        self.own_players = Some(players);
        Ok(())
    }

    /// The highest object number in use or recycled.
    pub fn max_object(&mut self) -> Obj {
        Obj(self.extent() as i64 - 1)
    }

    pub(super) fn extent(&mut self) -> usize {
        self.extent_read = true;
        self.own_extent.unwrap_or(self.base.objects.len())
    }
}
