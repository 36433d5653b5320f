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
    /// Jobs that are to be done, and how far each is, by job id.
    Job = 7,
    /// Jobs that were given up, by job id.
    JobDead = 8,
    /// Keys that a second job may not have for a while.
    JobDedupe = 9,
    /// Jobs of a store elsewhere that have taken effect here, by job id.
    JobSeen = 10,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Relation; 10] = [
        Relation::Task,
        Relation::Connection,
        Relation::Outbox,
        Relation::Server,
        Relation::Auth,
        Relation::Enrolled,
        Relation::Job,
        Relation::JobDead,
        Relation::JobDedupe,
        Relation::JobSeen,
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
