//! What the model's daemon keeps, and the checker's own books beside it, which the same commits write.

use std::collections::BTreeMap;

use moo_model::ledger::Row;
use moothall::protocol::{ClientId, HostId};

/// A connection as it is stored.
#[derive(Clone)]
pub struct Conn {
    pub number: u64,
    pub bound: [u8; 16],
    pub attach_epoch: u32,
    pub host: HostId,
    pub cmd_last: u64,
}

/// What the store holds; the checker's own books beside it are written by the same commits.
#[derive(Clone, Default)]
pub struct State {
    pub outbox: BTreeMap<Vec<u8>, Vec<u8>>,
    pub conns: BTreeMap<ClientId, Conn>,
    pub conn_last: u64,
    /// Connections that another host has, with their epochs there.
    pub fenced: BTreeMap<ClientId, u32>,
    /// Which lines took effect, in order.
    pub ledger: Vec<(ClientId, u64)>,
    /// What each client was told, in order.
    pub told: BTreeMap<ClientId, Vec<String>>,
}

/// One change of it.
#[derive(Clone)]
pub enum Change {
    Row(Row),
    Conn(ClientId, Option<Conn>),
    Fenced(ClientId, u32),
    Effect(ClientId, u64),
    Told(ClientId, String),
}

impl State {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Row(Row { key, value, .. }) => match value {
                Some(value) => drop(self.outbox.insert(key, value)),
                None => drop(self.outbox.remove(&key)),
            },
            Change::Conn(client, Some(conn)) => {
                self.conn_last = self.conn_last.max(conn.number);
                self.conns.insert(client, conn);
            }
            Change::Fenced(client, epoch) => drop(self.fenced.insert(client, epoch)),
            Change::Conn(client, None) => drop(self.conns.remove(&client)),
            Change::Effect(client, number) => self.ledger.push((client, number)),
            Change::Told(client, text) => self.told.entry(client).or_default().push(text),
        }
    }
}
