//! The server's own rows that ride in a world commit: tasks, connections, keys and what else must not be torn from it.
//!
//! Invariant: a row's relation and key say all about where it lies; the world never reads a row.

/// Which of the server's own tables a row belongs to. Numbers are stored, so they are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Relation {
    /// Suspended, forked and reading tasks, by task id.
    Task = 1,
    /// Connections with what must survive a restart, by client id.
    Connection = 2,
    /// Events not yet acknowledged, by their number in the order of commits; how far each stream is, by client id.
    Outbox = 3,
    /// Single facts of the server: counters, the daemon's epoch.
    Server = 4,
    /// Tokens that were revoked, by their subject.
    Auth = 5,
    /// Processes of other machines that may connect, by their public key, and invitations by their id.
    Enrolled = 6,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Relation; 6] = [
        Relation::Task,
        Relation::Connection,
        Relation::Outbox,
        Relation::Server,
        Relation::Auth,
        Relation::Enrolled,
    ];
}

/// A row to put, or to delete where `value` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table.
    pub relation: Relation,
    /// The key in byte order.
    pub key: Vec<u8>,
    /// The new value.
    pub value: Option<Vec<u8>>,
}
