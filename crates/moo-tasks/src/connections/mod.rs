//! Who is connected: what tasks may ask about connections while they run, kept up by the server's connection actor.
//!
//! Invariants: one connection an object number; a number below zero is a connection that has not logged in and is
//! never used again on the same data. What a commit changes in a connection changes under the commit lock, where its
//! row is written too, so the last row says how it is. Locks here are held for a look-up only, never while a program
//! runs.

mod display;
pub mod stored;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use moo_model::Obj;
use moo_model::ledger::Row;
use rustc_hash::FxHashMap;

use crate::input_queue::InputQueue;
use stored::{Stored, StoredLine};

pub use display::{CONTENT_TYPES, Display};

/// The number of the first connection that has not logged in, less its own number.
const FIRST_UNLOGGED: i64 = -1;

/// A connection's number, never used again on the same data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Where a connection is, and what proves that somebody speaks for it. Tasks have no use for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// What its host calls it.
    pub client: [u8; 16],
    /// Its host.
    pub host: [u8; 16],
    /// The start of that host which has its socket.
    pub instance: [u8; 8],
    /// What its host serves.
    pub host_type: String,
    /// What its host must present to speak for it, in the server's own words.
    pub proof: Vec<u8>,
    /// How often it was taken up, from 0: a host that knows a lower number has lost it.
    pub epoch: u32,
}

/// What must run for a connection before its next line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Due {
    /// Nothing.
    #[default]
    Nothing = 0,
    /// `user_connected`: a player has logged in.
    Connected = 1,
    /// `user_created`: a new player has logged in.
    Created = 2,
    /// `user_disconnected`: the connection was closed, and this is the last of it.
    Disconnected = 3,
    /// The connection was closed, and nothing is left to be run.
    Closed = 4,
    /// `user_reconnected`: a player has logged in who was connected.
    Reconnected = 5,
}

impl Due {
    fn from_number(number: u8) -> Option<Due> {
        [
            Due::Nothing,
            Due::Connected,
            Due::Created,
            Due::Disconnected,
            Due::Closed,
            Due::Reconnected,
        ]
        .into_iter()
        .find(|due| *due as u8 == number)
    }
}

/// One connection, as tasks see it.
#[derive(Debug)]
pub struct Connection {
    /// Its own number.
    pub id: ConnId,
    /// The object whose verbs speak for the server to it.
    pub listener: Obj,
    /// Whether the server's own lines are printed.
    pub prints_messages: bool,
    /// The text of `connection_name()`.
    pub name: String,
    /// The far end, as operators see it.
    pub peer: String,
    object: AtomicI64,
    since: AtomicI64,
    last_input: AtomicI64,
    input_task: AtomicI64,
    input: Mutex<InputQueue>,
    state: Mutex<State>,
}

/// What only the server knows of a connection.
#[derive(Debug, Default)]
struct State {
    attachment: Attachment,
    /// Whom a commit has given it to, and when; it is theirs once the connection actor has heard so.
    claimed: Option<(Obj, i64)>,
    due: Due,
    display: Display,
    /// The wait for input of a task that has committed it and was not answered.
    asked: Option<[u8; 16]>,
    /// Its row is deleted, and must not come back.
    is_gone: bool,
}

/// What is known of a connection when it is made.
pub struct NewConnection {
    /// As in [`Connection`].
    pub listener: Obj,
    /// As in [`Connection`].
    pub prints_messages: bool,
    /// As in [`Connection`].
    pub name: String,
    /// As in [`Connection`].
    pub peer: String,
    /// Where it is.
    pub attachment: Attachment,
    /// Its flush command.
    pub flush_command: String,
    /// Seconds since 1970.
    pub now: i64,
}

impl Connection {
    /// Its player, or its own negative number before login.
    pub fn object(&self) -> Obj {
        Obj(self.object.load(Relaxed))
    }

    /// Whose it is by the last commit, which may be ahead of [`Connection::object`].
    pub fn owner(&self) -> Obj {
        let claimed = self.state().claimed;
        claimed.map_or_else(|| self.object(), |(player, _)| player)
    }

    /// When it was made, or logged in; seconds since 1970.
    pub fn since(&self) -> i64 {
        self.since.load(Relaxed)
    }

    /// When the last line came; seconds since 1970.
    pub fn last_input(&self) -> i64 {
        self.last_input.load(Relaxed)
    }

    /// A line has come.
    pub fn touch(&self, now: i64) {
        self.last_input.store(now, Relaxed);
    }

    /// The task that handles the last line that was taken up, for `read()`.
    pub fn input_task(&self) -> i64 {
        self.input_task.load(Relaxed)
    }

    /// A line was taken up by this task.
    pub fn set_input_task(&self, task: i64) {
        self.input_task.store(task, Relaxed);
    }

    /// Its lines. The guard must not be kept.
    pub fn input(&self) -> MutexGuard<'_, InputQueue> {
        // Each change of the queue is complete before anything in it can panic.
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is.
    pub fn attachment(&self) -> Attachment {
        self.state().attachment.clone()
    }

    /// What its host calls it.
    pub fn client(&self) -> [u8; 16] {
        self.state().attachment.client
    }

    /// Its host, and the start of that host which has its socket.
    pub fn host(&self) -> ([u8; 16], [u8; 8]) {
        let state = self.state();
        (state.attachment.host, state.attachment.instance)
    }

    /// Its host must present something else from now on.
    pub fn set_proof(&self, proof: Vec<u8>) {
        self.state().attachment.proof = proof;
    }

    /// It is elsewhere from now on.
    pub fn attach(&self, attachment: Attachment) {
        self.state().attachment = attachment;
    }

    /// The last wait for input of a task that reads from it, or is about to, unless that was answered.
    pub fn asked(&self) -> Option<[u8; 16]> {
        self.state().asked
    }

    /// A commit has a task wait for input; or that is over.
    pub fn set_asked(&self, request: Option<[u8; 16]>) {
        self.state().asked = request;
    }

    /// What its client has said of itself, and what it is shown.
    pub fn display(&self) -> Display {
        self.state().display.clone()
    }

    /// Whether its client takes this media type besides lines.
    pub fn takes(&self, content_type: &str) -> bool {
        self.state().display.takes(content_type)
    }

    /// Changes that; its row is still to be written.
    pub fn change_display<T>(&self, change: impl FnOnce(&mut Display) -> T) -> T {
        change(&mut self.state().display)
    }

    /// A commit gives it to a player, for whom `due` is to be run.
    pub fn claim(&self, player: Obj, now: i64, due: Due) {
        let mut state = self.state();
        state.claimed = Some((player, now));
        state.due = due;
    }

    /// What must run for it before its next line.
    pub fn due(&self) -> Due {
        self.state().due
    }

    /// Something must run for it before its next line, or has run.
    pub fn set_due(&self, due: Due) {
        self.state().due = due;
    }

    /// A hook of this player's has run for it, so that of its login is not due any more. That of its end still is, if it
    /// was closed meanwhile.
    pub fn hook_has_run(&self, player: Obj) {
        let is_owner = self.owner() == player;
        let mut state = self.state();
        if is_owner && matches!(state.due, Due::Connected | Due::Created | Due::Reconnected) {
            state.due = Due::Nothing;
        }
    }

    /// From now on its row is deleted whenever it would be written.
    pub fn set_gone(&self) {
        self.state().is_gone = true;
    }

    /// Its row, as it is now.
    pub fn row(&self) -> Row {
        let state = self.state();
        if state.is_gone {
            return stored::gone(state.attachment.client);
        }
        let (object, since) = state.claimed.unwrap_or((self.object(), self.since()));
        let input = self.input();
        let (prefix, suffix) = input.delimiters();
        let stored = Stored {
            id: self.id,
            listener: self.listener,
            prints_messages: self.prints_messages,
            name: self.name.clone(),
            peer: self.peer.clone(),
            object,
            since,
            attachment: state.attachment.clone(),
            due: state.due,
            options: input.options().clone(),
            delimiters: (prefix.to_owned(), suffix.to_owned()),
            programming: input.programming(),
            display: state.display.clone(),
        };
        stored.row()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is an assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Table {
    by_object: FxHashMap<Obj, Arc<Connection>>,
    /// Oldest first, since numbers rise.
    by_id: BTreeMap<ConnId, Arc<Connection>>,
}

/// All connections.
#[derive(Default)]
pub struct Connections {
    table: RwLock<Table>,
    /// The last number that was given out.
    last: AtomicU64,
}

impl Connections {
    /// No connections; numbers are given out after `last`.
    pub fn after(last: u64) -> Connections {
        Connections {
            table: RwLock::default(),
            last: AtomicU64::new(last),
        }
    }

    /// The last number that was given out.
    pub fn last(&self) -> u64 {
        self.last.load(Relaxed)
    }

    /// Adds a connection that has not logged in and gives it its numbers.
    pub fn open(&self, new: NewConnection) -> Arc<Connection> {
        let id = ConnId(self.last.fetch_add(1, Relaxed) + 1);
        let state = State {
            attachment: new.attachment,
            ..State::default()
        };
        let object = FIRST_UNLOGGED - id.0 as i64;
        self.add(Connection {
            id,
            listener: new.listener,
            prints_messages: new.prints_messages,
            name: new.name,
            peer: new.peer,
            object: AtomicI64::new(object),
            since: AtomicI64::new(new.now),
            last_input: AtomicI64::new(new.now),
            input_task: AtomicI64::new(0),
            input: Mutex::new(InputQueue::new(&new.flush_command)),
            state: Mutex::new(state),
        })
    }

    /// Adds a connection that an earlier server had, with its lines in the order of their numbers.
    pub fn restore(&self, stored: Stored, lines: Vec<StoredLine>, now: i64) -> Arc<Connection> {
        let input = InputQueue::restored(&stored, lines);
        self.add(Connection {
            id: stored.id,
            listener: stored.listener,
            prints_messages: stored.prints_messages,
            name: stored.name,
            peer: stored.peer,
            object: AtomicI64::new(stored.object.0),
            since: AtomicI64::new(stored.since),
            last_input: AtomicI64::new(now),
            input_task: AtomicI64::new(0),
            input: Mutex::new(input),
            state: Mutex::new(State {
                attachment: stored.attachment,
                due: stored.due,
                display: stored.display,
                ..State::default()
            }),
        })
    }

    fn add(&self, connection: Connection) -> Arc<Connection> {
        let connection = Arc::new(connection);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.by_object.insert(connection.object(), connection.clone());
        table.by_id.insert(connection.id, connection.clone());
        connection
    }

    /// Gives the connection to a player. Whoever was connected as that player is connected no more, and returned.
    pub fn log_in(&self, connection: &Connection, player: Obj, now: i64) -> Option<Arc<Connection>> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let own = table.by_object.remove(&connection.object())?;
        let other = table.by_object.remove(&player);
        if let Some(other) = &other {
            table.by_id.remove(&other.id);
        }
        connection.object.store(player.0, Relaxed);
        connection.since.store(now, Relaxed);
        connection.state().claimed = None;
        table.by_object.insert(player, own);
        other
    }

    /// Removes a connection.
    pub fn close(&self, connection: &Connection) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let object = connection.object();
        if table
            .by_object
            .get(&object)
            .is_some_and(|known| known.id == connection.id)
        {
            table.by_object.remove(&object);
        }
        table.by_id.remove(&connection.id);
    }

    /// The connection of a player, or of an unlogged number.
    pub fn find(&self, object: Obj) -> Option<Arc<Connection>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.by_object.get(&object).cloned()
    }

    /// The connection of this number.
    pub fn get(&self, id: ConnId) -> Option<Arc<Connection>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.by_id.get(&id).cloned()
    }

    /// All connections, newest first.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.by_id.values().rev().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
