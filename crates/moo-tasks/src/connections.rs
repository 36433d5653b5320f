//! Who is connected: what tasks may ask about connections while they run, kept up by the server's connection actor.
//!
//! Invariant: one connection an object number; a number below zero is a connection that has not logged in and is
//! never used again while the server runs. Locks here are held for a look-up only, never while a program runs.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use moo_model::Obj;
use rustc_hash::FxHashMap;

use crate::input_queue::InputQueue;

/// The first number of a connection that has not logged in.
const FIRST_UNLOGGED: i64 = -2;

/// A connection's number, for as long as this server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

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
    object: AtomicI64,
    since: AtomicI64,
    last_input: AtomicI64,
    input_task: AtomicI64,
    input: Mutex<InputQueue>,
}

/// What is known of a connection when it is made.
pub struct NewConnection {
    /// As in [`Connection`].
    pub id: ConnId,
    /// As in [`Connection`].
    pub listener: Obj,
    /// As in [`Connection`].
    pub prints_messages: bool,
    /// As in [`Connection`].
    pub name: String,
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
}

#[derive(Default)]
struct Table {
    by_object: FxHashMap<Obj, Arc<Connection>>,
    /// Oldest first.
    order: Vec<Arc<Connection>>,
    unlogged_used: i64,
}

/// All connections.
#[derive(Default)]
pub struct Connections {
    table: RwLock<Table>,
}

impl Connections {
    /// Adds a connection that has not logged in and gives it its number.
    pub fn open(&self, new: NewConnection) -> Arc<Connection> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let object = FIRST_UNLOGGED - table.unlogged_used;
        table.unlogged_used += 1;
        let connection = Arc::new(Connection {
            id: new.id,
            listener: new.listener,
            prints_messages: new.prints_messages,
            name: new.name,
            object: AtomicI64::new(object),
            since: AtomicI64::new(new.now),
            last_input: AtomicI64::new(new.now),
            input_task: AtomicI64::new(0),
            input: Mutex::new(InputQueue::new(&new.flush_command)),
        });
        table.by_object.insert(Obj(object), connection.clone());
        table.order.push(connection.clone());
        connection
    }

    /// Gives the connection to a player. Whoever was connected as that player is connected no more, and returned.
    pub fn log_in(&self, connection: &Connection, player: Obj, now: i64) -> Option<Arc<Connection>> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let own = table.by_object.remove(&connection.object())?;
        let other = table.by_object.remove(&player);
        if let Some(other) = &other {
            table.order.retain(|known| known.id != other.id);
        }
        connection.object.store(player.0, Relaxed);
        connection.since.store(now, Relaxed);
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
        table.order.retain(|known| known.id != connection.id);
    }

    /// The connection of a player, or of an unlogged number.
    pub fn find(&self, object: Obj) -> Option<Arc<Connection>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.by_object.get(&object).cloned()
    }

    /// All connections, newest first.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.order.iter().rev().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .order
            .len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(connections: &Connections, id: u64) -> Arc<Connection> {
        connections.open(NewConnection {
            id: ConnId(id),
            listener: Obj(0),
            prints_messages: true,
            name: format!("port 7777 from host{id}, port 1"),
            flush_command: String::new(),
            now: 100,
        })
    }

    #[test]
    fn numbers_below_zero_are_used_once() {
        let connections = Connections::default();
        let first = open(&connections, 1);
        connections.close(&first);
        assert_eq!(
            (first.object(), open(&connections, 2).object()),
            (Obj(-2), Obj(-3))
        );
        assert!(connections.find(Obj(-2)).is_none());
    }

    #[test]
    fn a_second_login_takes_the_player_over() {
        let connections = Connections::default();
        let (old, new) = (open(&connections, 1), open(&connections, 2));
        assert!(connections.log_in(&old, Obj(7), 110).is_none());
        let replaced = connections
            .log_in(&new, Obj(7), 120)
            .expect("the first one was there");
        assert_eq!(replaced.id, ConnId(1));
        assert_eq!(
            connections.find(Obj(7)).map(|connection| connection.id),
            Some(ConnId(2))
        );
        connections.close(&old);
        assert_eq!(
            connections.len(),
            1,
            "closing the old one leaves the new one alone"
        );
        assert_eq!(
            connections.find(Obj(7)).map(|connection| connection.since()),
            Some(120)
        );
    }

    #[test]
    fn the_newest_stands_first() {
        let connections = Connections::default();
        (1..=3).for_each(|id| drop(open(&connections, id)));
        let ids: Vec<_> = connections
            .all()
            .iter()
            .map(|connection| connection.id.0)
            .collect();
        assert_eq!(ids, [3, 2, 1]);
    }
}
