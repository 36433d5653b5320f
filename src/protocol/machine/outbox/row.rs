//! The stored rows of the outbox: an event with all who are to have it, how far a stream has come, an event of the
//! past with the players who were told it, and how much of a player's past is forgotten.
//!
//! Invariants: a row starts with its version; what cannot be read is told, never guessed. An event's key is its row
//! number, eight bytes in the order of commits, and has a letter before it where it is past; a mark's key is its client's id.
//! What is forgotten of a past comes before all events of the past. Recipients stand last in an event's row,
//! so that all before them can be written outside of any lock.

use bincode::{Decode, Encode};
use moo_model::ledger::{Relation, Row};

use super::history::Heard;
use crate::protocol::codec::{put_stored, take_stored};
use crate::protocol::event::Cause;
use crate::protocol::{ClientId, Wall};

/// The version that is written, of both rows.
const VERSION: u8 = 1;
/// What a recipient takes in a row: its client's id and the event's number in its stream.
const RECIPIENT_LEN: usize = 24;

/// What a row of a player's past begins its key with, before the event's number.
const HISTORY: u8 = b'h';
/// What a row begins its key with that says how much of a past is forgotten, before the player's number.
const FORGOTTEN: u8 = b'f';

/// What an event of a past carries besides the players who were told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
struct PastHead {
    at: Wall,
    event_len: u32,
}

/// An event of a past, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPast {
    /// When it was made.
    pub at: Wall,
    /// The event's own bytes.
    pub event: Vec<u8>,
    /// Who was told it.
    pub(super) heard: Vec<Heard>,
}

/// What a stored event carries besides those who are to have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
struct Head {
    at: Wall,
    cause: Option<Cause>,
    event_len: u32,
}

/// A stored event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// When it was made.
    pub at: Wall,
    /// What it came from, if a task.
    pub cause: Option<Cause>,
    /// The event's own bytes.
    pub event: Vec<u8>,
    /// Who is to have it, each with its number in their stream.
    pub to: Vec<(ClientId, u64)>,
}

/// How far a stream has come: it exists, and everything up to `gone` was accepted or given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Mark {
    pub era: u32,
    pub gone: u64,
}

/// A row of the outbox, read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Read {
    Event(u64, StoredEvent),
    Past(u64, StoredPast),
    Forgotten(i64, u64),
    Mark(ClientId, Mark),
}

/// An event's row up to its recipients.
pub(super) fn begin(event: &[u8], cause: Option<Cause>, at: Wall, recipients: usize) -> Vec<u8> {
    let mut row = Vec::with_capacity(48 + event.len() + recipients * RECIPIENT_LEN);
    row.push(VERSION);
    let event_len = u32::try_from(event.len()).expect("an event is far smaller than 4 GiB");
    put_stored(&mut row, &Head { at, cause, event_len });
    row.extend_from_slice(event);
    row
}

/// Adds a recipient to an event's row.
pub(super) fn add_recipient(row: &mut Vec<u8>, client: ClientId, seq: u64) {
    row.extend_from_slice(&client.0);
    row.extend_from_slice(&seq.to_be_bytes());
}

/// The key of an event's row.
pub fn event_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The row that holds an event.
pub(super) fn event_row(number: u64, value: Vec<u8>) -> Row {
    row(&event_key(number), Some(value))
}

/// Deletes an event's row.
pub(super) fn event_gone(number: u64) -> Row {
    row(&event_key(number), None)
}

/// The key of the row of an event in players' pasts.
pub fn history_key(number: u64) -> [u8; 9] {
    let mut key = [HISTORY; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The row of an event in players' pasts.
pub(super) fn history_row(number: u64, at: Wall, event: &[u8], heard: &[Heard]) -> Row {
    let mut value = Vec::with_capacity(16 + event.len() + heard.len() * RECIPIENT_LEN);
    value.push(VERSION);
    let event_len = u32::try_from(event.len()).expect("an event is far smaller than 4 GiB");
    put_stored(&mut value, &PastHead { at, event_len });
    value.extend_from_slice(event);
    for heard in heard {
        value.extend_from_slice(&heard.player.to_be_bytes());
        value.extend_from_slice(&heard.conn.to_be_bytes());
        value.extend_from_slice(&heard.seq.to_be_bytes());
    }
    row(&history_key(number), Some(value))
}

/// Deletes it.
pub(super) fn history_gone(number: u64) -> Row {
    row(&history_key(number), None)
}

fn forgotten_key(player: i64) -> [u8; 9] {
    let mut key = [FORGOTTEN; 9];
    key[1..].copy_from_slice(&player.to_be_bytes());
    key
}

/// The row that says up to which event of the past a player's is forgotten.
pub(super) fn forgotten_row(player: i64, through: u64) -> Row {
    let mut value = vec![VERSION];
    value.extend_from_slice(&through.to_be_bytes());
    row(&forgotten_key(player), Some(value))
}

/// Deletes it.
pub(super) fn forgotten_gone(player: i64) -> Row {
    row(&forgotten_key(player), None)
}

fn read_forgotten(player: [u8; 8], value: &[u8]) -> Option<Read> {
    let (&VERSION, through) = value.split_first()? else {
        return None;
    };
    let through = u64::from_be_bytes(through.try_into().ok()?);
    Some(Read::Forgotten(i64::from_be_bytes(player), through))
}

/// Reads the value of such a row; `None` if it is not one of a version that is known.
pub fn read_history(value: &[u8]) -> Option<StoredPast> {
    let (&VERSION, body) = value.split_first()? else {
        return None;
    };
    let (PastHead { at, event_len }, rest) = take_stored(body)?;
    let (event, heard) = rest.split_at_checked(usize::try_from(event_len).ok()?)?;
    let entries = heard.chunks_exact(RECIPIENT_LEN);
    if !entries.remainder().is_empty() {
        return None;
    }
    let heard = entries.filter_map(|entry| {
        let (player, rest) = entry.split_first_chunk()?;
        let (conn, seq) = rest.split_first_chunk()?;
        Some(Heard {
            player: i64::from_be_bytes(*player),
            conn: u64::from_be_bytes(*conn),
            seq: u64::from_be_bytes(seq.try_into().ok()?),
        })
    });
    Some(StoredPast {
        at,
        event: event.to_vec(),
        heard: heard.collect(),
    })
}

/// The row that says how far a stream has come.
pub(super) fn mark_row(client: ClientId, mark: Mark) -> Row {
    let mut value = vec![VERSION];
    put_stored(&mut value, &mark);
    row(&client.0, Some(value))
}

/// Deletes it.
pub(super) fn mark_gone(client: ClientId) -> Row {
    row(&client.0, None)
}

fn row(key: &[u8], value: Option<Vec<u8>>) -> Row {
    Row {
        relation: Relation::Outbox,
        key: key.to_vec(),
        value,
    }
}

/// Reads the value of an event's row; `None` if it is not one of a version that is known.
pub fn read_event(value: &[u8]) -> Option<StoredEvent> {
    let (&VERSION, body) = value.split_first()? else {
        return None;
    };
    let (Head { at, cause, event_len }, rest) = take_stored(body)?;
    let (event, to) = rest.split_at_checked(usize::try_from(event_len).ok()?)?;
    let recipients = to.chunks_exact(RECIPIENT_LEN);
    if !recipients.remainder().is_empty() {
        return None;
    }
    let to = recipients.filter_map(|entry| {
        let (client, seq) = entry.split_first_chunk::<16>()?;
        Some((ClientId(*client), u64::from_be_bytes(seq.try_into().ok()?)))
    });
    Some(StoredEvent {
        at,
        cause,
        event: event.to_vec(),
        to: to.collect(),
    })
}

/// Reads any row of the outbox.
pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Read> {
    if let Ok(number) = key.try_into() {
        return read_event(value).map(|event| Read::Event(u64::from_be_bytes(number), event));
    }
    if let Some((&HISTORY, number)) = key.split_first()
        && let Ok(number) = number.try_into()
    {
        return read_history(value).map(|past| Read::Past(u64::from_be_bytes(number), past));
    }
    if let Some((&FORGOTTEN, player)) = key.split_first()
        && let Ok(player) = player.try_into()
    {
        return read_forgotten(player, value);
    }
    let client = ClientId(key.try_into().ok()?);
    let (&VERSION, body) = value.split_first()? else {
        return None;
    };
    let (mark, rest) = take_stored(body)?;
    rest.is_empty().then_some(Read::Mark(client, mark))
}
