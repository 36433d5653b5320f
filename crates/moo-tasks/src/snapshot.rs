//! Waiting tasks as bytes, for the row that rides in the commit that made them wait.
//!
//! Layout: version, kind of wait, moment or object, player, value, number or order, machine. Invariant: a row that reads back is
//! the same task; one that does not is refused as a whole, with its reason.

use std::sync::Arc;

use moo_model::bytes;
use moo_model::ledger::{Relation, Row};
use moo_model::{ErrorCode, Obj, Raised, Value};
use moo_vm::machine::{Machine, RestoreError};
use moo_vm::work::WorkOrder;

use crate::board::{Waiting, WaitsFor};
use crate::scheduler::Waker;

const VERSION: u8 = 1;

/// Why a stored task cannot go on.
#[derive(Debug)]
pub enum Unreadable {
    /// The row is not one that this version writes.
    Malformed,
    /// The task's frames cannot be restored.
    Machine(RestoreError),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Malformed => f.write_str("its row cannot be read by this version"),
            Unreadable::Machine(error) => write!(f, "its frames cannot be restored: {error}"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// A task as it comes back from its row.
#[derive(Debug)]
pub struct Restored {
    /// The task.
    pub waiting: Waiting,
    /// The value it was woken with, if that happened and it has not run since.
    pub woken: Option<Value>,
}

impl Restored {
    /// What wakes it at once, if anything does: `is_connected` tells whether what it reads from is still there.
    pub fn wake(&self, is_connected: impl FnOnce(Obj) -> bool) -> Option<(Waker, Result<Value, Raised>)> {
        match (&self.woken, &self.waiting.waits_for) {
            (Some(value), _) => Some((Waker::Resume, Ok(value.clone()))),
            (None, WaitsFor::Input(from, _)) if !is_connected(*from) => {
                Some((Waker::Input, Err(ErrorCode::InvArg.into())))
            }
            (None, _) => None,
        }
    }
}

/// The row of a waiting task; with `woken`, of one that goes on at once.
pub fn row(task: &Waiting, woken: Option<&Value>) -> Row {
    let mut out = vec![VERSION];
    let (kind, number) = match (woken, &task.waits_for) {
        (Some(_), _) => (4, 0),
        (None, WaitsFor::Start(at)) => (0, at.to_bits()),
        (None, WaitsFor::Moment(at)) => (1, at.to_bits()),
        (None, WaitsFor::Resume) => (2, 0),
        (None, WaitsFor::Input(conn, _)) => (3, conn.0 as u64),
        (None, WaitsFor::Work(_)) => (5, 0),
    };
    out.push(kind);
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&task.player.0.to_le_bytes());
    let mut value = Vec::new();
    match (woken, &task.waits_for) {
        (Some(woken), _) => bytes::encode(woken, &mut value),
        (None, WaitsFor::Work(order)) => bytes::encode(&order.to_value(), &mut value),
        (None, WaitsFor::Input(_, request)) => value.extend_from_slice(&request.to_le_bytes()),
        _ => {}
    }
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(&value);
    out.extend_from_slice(&task.machine.to_bytes());
    Row {
        relation: Relation::Task,
        key: key(task.id),
        value: Some(out),
    }
}

/// The row that says that there is no such task any more.
pub fn gone(id: i64) -> Row {
    Row {
        relation: Relation::Task,
        key: key(id),
        value: None,
    }
}

/// The task of a stored row.
pub fn restore(key: &[u8], value: &[u8]) -> Result<Restored, Unreadable> {
    let (id, kind, number, player, woken, machine) = take_apart(key, value).ok_or(Unreadable::Malformed)?;
    let waits_for = match kind {
        0 => WaitsFor::Start(f64::from_bits(number)),
        1 => WaitsFor::Moment(f64::from_bits(number)),
        2 | 4 => WaitsFor::Resume,
        3 => {
            let request = woken.try_into().map_err(|_| Unreadable::Malformed)?;
            WaitsFor::Input(Obj(number as i64), u64::from_le_bytes(request))
        }
        5 => {
            let order = bytes::decode(woken).map_err(|_| Unreadable::Malformed)?;
            let order = WorkOrder::from_value(&order).ok_or(Unreadable::Malformed)?;
            WaitsFor::Work(Arc::new(order))
        }
        _ => return Err(Unreadable::Malformed),
    };
    let woken = match kind {
        4 => Some(bytes::decode(woken).map_err(|_| Unreadable::Malformed)?),
        _ => None,
    };
    let machine = Machine::from_bytes(machine).map_err(Unreadable::Machine)?;
    let waiting = Waiting {
        id,
        player,
        waits_for,
        machine: Arc::new(machine),
    };
    Ok(Restored { waiting, woken })
}

/// The number of a stored task, for a row that may not be readable otherwise.
pub fn id_of(key: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(key.try_into().ok()?))
}

fn key(id: i64) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

type Parts<'a> = (i64, u8, u64, Obj, &'a [u8], &'a [u8]);

fn take_apart<'a>(key: &[u8], value: &'a [u8]) -> Option<Parts<'a>> {
    let (&[VERSION, kind], rest) = value.split_first_chunk()? else {
        return None;
    };
    let (number, rest) = rest.split_first_chunk()?;
    let (player, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (woken, machine) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    let player = Obj(i64::from_le_bytes(*player));
    Some((
        id_of(key)?,
        kind,
        u64::from_le_bytes(*number),
        player,
        woken,
        machine,
    ))
}
