//! The tables of the store and the keys of their rows.
//!
//! Invariant: keys are big-endian, so that the order of bytes is the order of numbers.

use moo_model::Obj;
use moo_model::ledger::Relation;

/// The format that is written: raised when an older server could misread a store.
pub(crate) const FORMAT: u8 = 1;

/// Object numbers that a store may have: far more than fit into memory, and few enough that a damaged count of them is
/// noticed.
pub(crate) const OBJECT_NUMBERS_MAX: u64 = 1 << 28;

/// A table, one column family each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Facts of the whole world, by name.
    Meta,
    /// Header, parent and location, by object.
    Object,
    /// The properties an object defines, in order, by object.
    PropDef,
    /// The slots that are clear, by object. A row in `PropVal` for the same slot counts before this one.
    PropClear,
    /// The slots that have a value, by object and property.
    PropVal,
    /// The verbs an object defines, in order, without their programs, by object.
    VerbDef,
    /// A program's stored text, by object and verb.
    VerbProg,
    /// The server's own rows: see [`Relation`].
    Task,
    /// As above.
    Connection,
    /// As above.
    Outbox,
    /// As above.
    Server,
    /// As above.
    Auth,
    /// As above.
    Enrolled,
    /// As above.
    Job,
    /// As above.
    JobDead,
    /// As above.
    JobDedupe,
    /// As above.
    JobSeen,
}

impl Table {
    /// Every table, by its number.
    pub const ALL: [Table; 17] = [
        Table::Meta,
        Table::Object,
        Table::PropDef,
        Table::PropClear,
        Table::PropVal,
        Table::VerbDef,
        Table::VerbProg,
        Table::Task,
        Table::Connection,
        Table::Outbox,
        Table::Server,
        Table::Auth,
        Table::Enrolled,
        Table::Job,
        Table::JobDead,
        Table::JobDedupe,
        Table::JobSeen,
    ];

    /// The name of the column family.
    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Object => "obj",
            Table::PropDef => "propdef",
            Table::PropClear => "propclear",
            Table::PropVal => "propval",
            Table::VerbDef => "verbdef",
            Table::VerbProg => "verbprog",
            Table::Task => "task",
            Table::Connection => "conn",
            Table::Outbox => "outbox",
            Table::Server => "server",
            Table::Auth => "auth",
            Table::Enrolled => "enrolled",
            Table::Job => "jobs",
            Table::JobDead => "job_dead",
            Table::JobDedupe => "job_dedupe",
            Table::JobSeen => "job_seen",
        }
    }

    /// The table of one of the server's relations.
    pub fn of(relation: Relation) -> Table {
        match relation {
            Relation::Task => Table::Task,
            Relation::Connection => Table::Connection,
            Relation::Outbox => Table::Outbox,
            Relation::Server => Table::Server,
            Relation::Auth => Table::Auth,
            Relation::Enrolled => Table::Enrolled,
            Relation::Job => Table::Job,
            Relation::JobDead => Table::JobDead,
            Relation::JobDedupe => Table::JobDedupe,
            Relation::JobSeen => Table::JobSeen,
        }
    }
}

/// The names of the rows of [`Table::Meta`].
pub(crate) mod meta {
    /// The store's format.
    pub const FORMAT: &[u8] = b"format";
    /// What was settled at import. It is written last, so that it tells that the world is whole.
    pub const WORLD: &[u8] = b"world";
    /// The number of the last commit.
    pub const CLOCK: &[u8] = b"clock";
    /// How many object numbers there are.
    pub const EXTENT: &[u8] = b"extent";
    /// Up to which id anonymous objects were made; absent if none ever was.
    pub const ANONYMOUS: &[u8] = b"anonymous";
    /// The players.
    pub const PLAYERS: &[u8] = b"players";
}

/// The key of an object's row.
pub(crate) fn object_key(obj: Obj) -> [u8; 8] {
    obj.0.to_be_bytes()
}

/// The key of the row of one property or verb of an object.
pub(crate) fn part_key(obj: Obj, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&object_key(obj));
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The object of a key.
pub(crate) fn object_of(key: &[u8]) -> Option<Obj> {
    Some(Obj(i64::from_be_bytes(key.try_into().ok()?)))
}

/// The object and the property or verb of a key.
pub(crate) fn part_of(key: &[u8]) -> Option<(Obj, u32)> {
    let (obj, part) = key.split_at_checked(8)?;
    Some((object_of(obj)?, u32::from_be_bytes(part.try_into().ok()?)))
}
