//! A connection as bytes: the rows by which the next daemon takes it up again.
//!
//! The keys of one connection's rows begin with what its host calls it: the connection itself, the numbers of its last
//! commands, and its lines that were answered and not used yet. Invariant: a row that reads back says what was written;
//! one that does not is refused as a whole.

use moo_model::ledger::{Relation, Row};
use moo_model::{Obj, bytes};

use super::{Attachment, ConnId, Display, Due};
use crate::input_queue::Options;

/// The numbers of so many commands of a connection are kept: more than a host sends without an answer.
pub const COMMANDS_KEPT: u64 = 64;

const VERSION: u8 = 1;
const CONNECTION: u8 = 0;
const COMMAND: u8 = 1;
const LINE: u8 = 2;

/// A connection as its row says that it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its number.
    pub id: ConnId,
    /// As in [`super::Connection`].
    pub listener: Obj,
    /// As in [`super::Connection`].
    pub prints_messages: bool,
    /// As in [`super::Connection`].
    pub name: String,
    /// The far end, as operators see it.
    pub peer: String,
    /// Its player, or its own number.
    pub object: Obj,
    /// Since when; seconds since 1970.
    pub since: i64,
    /// Where it is and what proves it.
    pub attachment: Attachment,
    /// What must run for it before anything else.
    pub due: Due,
    /// Its options.
    pub options: Options,
    /// The lines printed before and after a command's output.
    pub delimiters: (String, String),
    /// The verb whose program is being typed in.
    pub programming: Option<(Obj, u32)>,
    /// What its client has said of itself, and what it is shown.
    pub display: Display,
}

/// A line that was answered and not used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Its place among the others.
    pub number: i64,
    /// Whether it belongs to the program that is being typed in.
    pub is_program: bool,
    /// The text.
    pub text: String,
}

/// A command that took effect.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCommand {
    /// Its number.
    pub seq: u64,
    /// The task that it became; 0 for none.
    pub task: i64,
    /// What it is known by, if the same may come under another number.
    pub mark: Option<[u8; 16]>,
}

/// One row of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// The connection.
    Connection(Box<Stored>),
    /// A command took effect.
    Command(StoredCommand),
    /// A line waits.
    Line(StoredLine),
}

/// Puts or deletes a row of the connection.
fn row(client: [u8; 16], tag: u8, rest: &[u8], value: Option<Vec<u8>>) -> Row {
    let mut key = client.to_vec();
    key.push(tag);
    key.extend_from_slice(rest);
    Row {
        relation: Relation::Connection,
        key,
        value,
    }
}

impl Stored {
    /// The row of this connection.
    pub fn row(&self) -> Row {
        let mut out = Writer(vec![VERSION]);
        out.number(self.id.0 as i64);
        out.number(self.listener.0);
        out.number(self.object.0);
        out.number(self.since);
        let flags = [
            self.prints_messages,
            self.options.hold_input,
            self.options.disable_oob,
            self.options.binary,
            self.options.client_echo,
        ];
        out.0.push(bits(&flags));
        out.0.push(bits(&self.options.intrinsics));
        out.0.push(self.due as u8);
        let attachment = &self.attachment;
        out.bytes(&attachment.host);
        out.bytes(&attachment.instance);
        out.number(attachment.proof.len() as i64);
        out.bytes(&attachment.proof);
        out.number(i64::from(attachment.epoch));
        let (obj, verb) = self.programming.unwrap_or((Obj::NOTHING, u32::MAX));
        out.number(obj.0);
        out.number(i64::from(verb));
        let (prefix, suffix) = &self.delimiters;
        let flush = &self.options.flush_command;
        for text in [
            &self.name,
            &self.peer,
            &attachment.host_type,
            prefix,
            suffix,
            flush,
        ] {
            out.text(text);
        }
        bytes::encode(&self.display.to_value(), &mut out.0);
        row(attachment.client, CONNECTION, &[], Some(out.0))
    }
}

/// The row that says that the connection is no more.
pub fn gone(client: [u8; 16]) -> Row {
    row(client, CONNECTION, &[], None)
}

/// The row that says that a command took effect, and as which task. It takes the place of one long past.
pub fn command(client: [u8; 16], seq: u64, task: i64) -> Row {
    marked_command(client, seq, task, None)
}

/// The same of one that is known by a mark, too.
pub fn marked_command(client: [u8; 16], seq: u64, task: i64, mark: Option<[u8; 16]>) -> Row {
    let mut out = Writer(vec![VERSION]);
    out.number(seq as i64);
    out.number(task);
    out.bytes(mark.as_ref().map_or(&[], |mark| mark));
    row(client, COMMAND, &[slot(seq)], Some(out.0))
}

/// The row that says that the number of this command need not be known any more.
pub fn command_gone(client: [u8; 16], seq: u64) -> Row {
    row(client, COMMAND, &[slot(seq)], None)
}

/// The row of a line that waits.
pub fn line(client: [u8; 16], number: i64, is_program: bool, text: &str) -> Row {
    let mut value = vec![VERSION, u8::from(is_program)];
    value.extend_from_slice(text.as_bytes());
    row(client, LINE, &line_key(number), Some(value))
}

/// The row that says that a line waits no more.
pub fn line_gone(client: [u8; 16], number: i64) -> Row {
    row(client, LINE, &line_key(number), None)
}

/// What a stored row says, and of which client; none for a row that this version does not write.
pub fn read(key: &[u8], value: &[u8]) -> Option<([u8; 16], Read)> {
    let (&client, rest) = key.split_first_chunk::<16>()?;
    let (&tag, rest) = rest.split_first()?;
    let (&VERSION, value) = value.split_first()? else {
        return None;
    };
    let mut value = Reader(value);
    let read = match tag {
        CONNECTION => Read::Connection(Box::new(connection(client, value)?)),
        COMMAND => Read::Command(StoredCommand {
            seq: value.number()? as u64,
            task: value.number()?,
            mark: value.bytes(),
        }),
        LINE => {
            let place = u64::from_be_bytes(rest.try_into().ok()?) ^ (1 << 63);
            let is_program = value.byte()? != 0;
            Read::Line(StoredLine {
                number: place as i64,
                is_program,
                text: std::str::from_utf8(value.0).ok()?.to_owned(),
            })
        }
        _ => return None,
    };
    Some((client, read))
}

fn connection(client: [u8; 16], mut row: Reader<'_>) -> Option<Stored> {
    let id = ConnId(row.number()? as u64);
    let (listener, object, since) = (Obj(row.number()?), Obj(row.number()?), row.number()?);
    let [prints_messages, hold_input, disable_oob, binary, client_echo, ..] = flags(row.byte()?);
    let [a, b, c, d, e, ..] = flags(row.byte()?);
    let due = Due::from_number(row.byte()?)?;
    let (host, instance, proof) = (row.bytes()?, row.bytes()?, row.counted()?.to_vec());
    let epoch = u32::try_from(row.number()?).ok()?;
    let (obj, verb) = (Obj(row.number()?), u32::try_from(row.number()?).ok()?);
    let (name, peer, host_type) = (row.text()?, row.text()?, row.text()?);
    let delimiters = (row.text()?, row.text()?);
    let flush_command = row.text()?;
    let display = Display::from_value(&bytes::decode(row.0).ok()?)?;
    Some(Stored {
        id,
        listener,
        prints_messages,
        name,
        peer,
        object,
        since,
        attachment: Attachment {
            client,
            host,
            instance,
            host_type,
            proof,
            epoch,
        },
        due,
        options: Options {
            hold_input,
            disable_oob,
            binary,
            client_echo,
            flush_command,
            intrinsics: [a, b, c, d, e],
        },
        delimiters,
        programming: (obj != Obj::NOTHING).then_some((obj, verb)),
        display,
    })
}

fn slot(seq: u64) -> u8 {
    (seq % COMMANDS_KEPT) as u8
}

/// Numbers in the order of bytes, those below zero first.
fn line_key(number: i64) -> [u8; 8] {
    (number as u64 ^ (1 << 63)).to_be_bytes()
}

fn bits(flags: &[bool]) -> u8 {
    let set = flags.iter().zip(0..).filter(|(flag, _)| **flag);
    set.map(|(_, place)| 1 << place).sum()
}

fn flags(byte: u8) -> [bool; 8] {
    std::array::from_fn(|place| byte & (1 << place) != 0)
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<i64> {
        self.bytes().map(i64::from_le_bytes)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<String> {
        let text = std::str::from_utf8(self.counted()?).ok()?;
        Some(text.to_owned())
    }
}
