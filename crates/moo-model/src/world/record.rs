//! An object as the world keeps it: one immutable record, shared by every snapshot that sees it.
//!
//! Invariant: each part that transactions validate by itself (a *cell*) has a stamp, the time of the commit that
//! last wrote it. Slots are sorted by property id, one for every property of the object and its ancestors.

use std::any::Any;
use std::sync::OnceLock;

use triomphe::Arc;

use crate::{Obj, Symbol, Value};

/// A commit's number: 0 for the empty world, then one more for each commit.
pub type Stamp = u64;

/// A property's identity, for as long as its definition lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropId(pub u32);

/// An object's flags, by their bits in a textdump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// May connect.
    pub const PLAYER: Flags = Flags(1);
    /// May write programs.
    pub const PROGRAMMER: Flags = Flags(2);
    /// May do anything.
    pub const WIZARD: Flags = Flags(4);
    /// `.r`: others may list its properties and verbs.
    pub const READ: Flags = Flags(16);
    /// `.w`: others may add properties and verbs.
    pub const WRITE: Flags = Flags(32);
    /// `.f`: others may make children of it.
    pub const FERTILE: Flags = Flags(128);
    /// `.a`: others may make anonymous children of it.
    pub const ANONYMOUS: Flags = Flags(256);

    /// Whether every bit of `other` is set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set or cleared.
    #[must_use]
    pub fn with(self, other: Flags, on: bool) -> Flags {
        if on {
            Flags(self.0 | other.0)
        } else {
            Flags(self.0 & !other.0)
        }
    }
}

/// A property's permission bits: 1 read, 2 write, 4 change of ownership in descendants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PropPerms(pub u8);

impl PropPerms {
    /// `r`
    pub const READ: PropPerms = PropPerms(1);
    /// `w`
    pub const WRITE: PropPerms = PropPerms(2);
    /// `c`
    pub const CHOWN: PropPerms = PropPerms(4);

    /// Whether every bit of `other` is set.
    #[inline]
    pub fn has(self, other: PropPerms) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A property as its definer declares it.
#[derive(Clone, Debug)]
pub struct PropDef {
    /// Its identity.
    pub id: PropId,
    /// Its name, as it is looked up.
    pub symbol: Symbol,
    /// Its name, as it was written.
    pub name: Value,
}

/// One object's value of one property.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Which property.
    pub id: PropId,
    /// What may be done with it by others.
    pub perms: PropPerms,
    /// Who controls it.
    pub owner: Obj,
    /// The value; unset means clear, so that the nearest ancestor's counts.
    pub value: Value,
    /// The commit that last wrote this slot.
    pub stamp: Stamp,
}

/// What a verb's object arguments must be when it is used as a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ObjSpec {
    /// Must be empty.
    None = 0,
    /// May be anything.
    Any = 1,
    /// Must be the object that is searched.
    This = 2,
}

/// What a verb's preposition must be when it is used as a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrepSpec {
    /// There must be none.
    None,
    /// May be anything.
    Any,
    /// This entry of the table of prepositions.
    Is(u8),
}

/// A verb's argument specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgSpec {
    /// The direct object.
    pub dobj: ObjSpec,
    /// The preposition.
    pub prep: PrepSpec,
    /// The indirect object.
    pub iobj: ObjSpec,
}

/// A verb's permission bits: 1 read, 2 write, 4 execute, 8 debug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VerbPerms(pub u8);

impl VerbPerms {
    /// `r`
    pub const READ: VerbPerms = VerbPerms(1);
    /// `w`
    pub const WRITE: VerbPerms = VerbPerms(2);
    /// `x`: may be called by other verbs.
    pub const EXEC: VerbPerms = VerbPerms(4);
    /// `d`: errors in it are raised.
    pub const DEBUG: VerbPerms = VerbPerms(8);

    /// Whether every bit of `other` is set.
    #[inline]
    pub fn has(self, other: VerbPerms) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A verb's program: its stored text, and what the machine made of it when it first ran.
pub struct Code {
    /// The canonical text; empty for a verb without a program.
    pub source: Box<str>,
    /// The compiled form, made at the first call; its type is the machine's own.
    pub compiled: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Code {
    /// A program by its canonical text.
    pub fn new(source: impl Into<Box<str>>) -> Arc<Code> {
        Arc::new(Code {
            source: source.into(),
            compiled: OnceLock::new(),
        })
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({} bytes)", self.source.len())
    }
}

/// A verb as its definer holds it.
#[derive(Clone, Debug)]
pub struct VerbRecord {
    /// Tells the verbs of one object apart, also after others were deleted.
    pub id: u32,
    /// The names, separated by spaces, as written.
    pub names: Value,
    /// Whose permissions it runs with.
    pub owner: Obj,
    /// What others may do with it.
    pub perms: VerbPerms,
    /// When it answers a command.
    pub args: ArgSpec,
    /// What it does.
    pub code: Arc<Code>,
}

/// The cells of an object other than its slots, as bits.
pub mod cell {
    /// Name, owner and flags.
    pub const HEADER: u8 = 1;
    /// Where it is.
    pub const LOCATION: u8 = 2;
    /// What is in it.
    pub const CONTENTS: u8 = 4;
    /// What inherits from it.
    pub const CHILDREN: u8 = 8;
    /// Parent, property definitions and verbs: all that lookups by name depend on.
    pub const SCHEMA: u8 = 16;
    /// How many cells there are.
    pub const COUNT: usize = 5;
}

/// An object.
#[derive(Clone, Debug)]
pub struct ObjectRecord {
    /// Its name.
    pub name: Value,
    /// Who controls it.
    pub owner: Obj,
    /// What it is allowed.
    pub flags: Flags,
    /// What it inherits from.
    pub parent: Obj,
    /// Its rank among its siblings: they are ordered by it.
    pub parent_rank: u64,
    /// Where it is.
    pub location: Obj,
    /// Its rank among the contents of its location.
    pub location_rank: u64,
    /// What is in it, in order of arrival.
    pub contents: Arc<Vec<Obj>>,
    /// What inherits from it, in order of attachment.
    pub children: Arc<Vec<Obj>>,
    /// The properties defined here.
    pub propdefs: Arc<Vec<PropDef>>,
    /// The verbs defined here.
    pub verbs: Arc<Vec<Arc<VerbRecord>>>,
    /// The values of all its properties, by id.
    pub slots: Vec<Slot>,
    /// The commits that last wrote each cell, in the order of the cell bits.
    pub stamps: [Stamp; cell::COUNT],
    /// Whether any of its values may refer to an anonymous object.
    pub refers_to_anonymous: bool,
}

impl ObjectRecord {
    /// A nameless, parentless object that is nowhere.
    pub fn new(owner: Obj) -> ObjectRecord {
        ObjectRecord {
            name: Value::empty_str(),
            owner,
            flags: Flags::default(),
            parent: Obj::NOTHING,
            parent_rank: 0,
            location: Obj::NOTHING,
            location_rank: 0,
            contents: Arc::new(Vec::new()),
            children: Arc::new(Vec::new()),
            propdefs: Arc::new(Vec::new()),
            verbs: Arc::new(Vec::new()),
            slots: Vec::new(),
            stamps: [0; cell::COUNT],
            refers_to_anonymous: false,
        }
    }

    /// The index of a property's slot.
    #[inline]
    pub fn slot_index(&self, id: PropId) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    /// Puts a slot at its place, replacing one of the same property.
    pub fn put_slot(&mut self, slot: Slot) {
        match self.slots.binary_search_by_key(&slot.id, |s| s.id) {
            Ok(at) => self.slots[at] = slot,
            Err(at) => self.slots.insert(at, slot),
        }
    }

    /// The number for a verb that is about to be added.
    pub fn next_verb_id(&self) -> u32 {
        self.verbs.iter().map(|verb| verb.id + 1).max().unwrap_or(0)
    }
}
