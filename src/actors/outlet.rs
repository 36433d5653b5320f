//! The way out for everything that was committed: one queue in the order of commits, filled by executors under the
//! commit lock and by the connection actor, and emptied by the publisher.
//!
//! Invariant: entries leave in the order they came, none before the log has written the commit that it belongs to.

use crate::gateway::PeerId;
use crate::limits::BODY_EVENT_MAX;
use crate::protocol::codec::Envelope;
use crate::protocol::event::{Line, LineBody};
use crate::protocol::host::HostType;
use crate::protocol::{ClientId, HostId};
use moo_model::world::Stamp;
use moo_model::{Obj, Value};
use moo_tasks::attempt::{End, Job, Work};
use moo_tasks::connections::ConnId;
use moo_tasks::held::{Shown, Told};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of lines in one event at most.
const GROUP_BYTES_MAX: usize = BODY_EVENT_MAX / 2;
/// Bytes of one line in an event; longer ones travel in pieces.
const PIECE_BYTES_MAX: usize = BODY_EVENT_MAX / 4;
/// What a line costs in an event besides its bytes.
const LINE_COST: usize = 8;

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Who asked.
    pub to: PeerId,
    /// The envelope of the answer.
    pub envelope: Envelope,
}

/// Where a stream of events goes.
#[derive(Clone, Debug)]
pub struct NewStream {
    /// The connection.
    pub conn: ConnId,
    /// What its host calls it.
    pub client: ClientId,
    /// Its host.
    pub host: HostId,
    /// What its host serves.
    pub host_type: HostType,
}

/// One thing on its way out.
#[derive(Clone, Debug)]
pub enum Item {
    /// A connection exists from here on.
    Open(NewStream),
    /// Lines for a connection.
    Told(Told),
    /// How a command's task ended, for a connection that wants to know.
    Ended {
        /// The connection.
        conn: ConnId,
        /// The task.
        task: i64,
        /// How.
        end: End,
    },
    /// An option of a connection that its host must know.
    Option {
        /// The connection.
        conn: ConnId,
        /// Its player or number.
        object: Obj,
        /// The option.
        name: String,
        /// Its value.
        value: Value,
    },
    /// The connection has new tokens.
    Credentials {
        /// The connection.
        conn: ConnId,
        /// Its client token.
        client_token: String,
        /// Its player's, after login.
        auth_token: Option<String>,
        /// What its host presents in place of it.
        bound: [u8; 16],
    },
    /// A command's request is answered.
    Submitted {
        /// The request.
        reply: Reply,
        /// The task that it became.
        task: i64,
    },
    /// The connection is closed, with these last lines; nothing more goes to it.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why, for the host's log.
        reason: &'static str,
        /// What to show.
        lines: Vec<String>,
    },
    /// The connection is gone at its host; nothing more goes to it.
    Forget(ConnId),
}

/// What leaves together, once `stamp` is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The commit; 0 for what belongs to none.
    pub stamp: Stamp,
    /// The task that wrote it; 0 for none.
    pub task: i64,
    /// The command that started the task; 0 for none.
    pub cmd_seq: u64,
    /// What leaves.
    pub items: Vec<Item>,
}

impl Entry {
    /// What one slice of a task has to say.
    pub fn of_task(job: &Job, stamp: Stamp, told: Vec<Told>, end: &End, reply: Option<Reply>) -> Entry {
        let mut items: Vec<_> = told.into_iter().map(Item::Told).collect();
        if let (Some(reply), Some(conn)) = (reply, &job.conn) {
            items.push(Item::Ended {
                conn: conn.id,
                task: job.id,
                end: end.clone(),
            });
            items.push(Item::Submitted { reply, task: job.id });
        }
        let cmd_seq = match &job.work {
            Work::Login(line) | Work::Command { line, .. } | Work::OutOfBand(line) => line.ticket,
            _ => 0,
        };
        Entry {
            stamp,
            task: job.id,
            cmd_seq,
            items,
        }
    }

    /// Something of the server's own.
    pub fn of_server(items: Vec<Item>) -> Entry {
        Entry {
            stamp: 0,
            task: 0,
            cmd_seq: 0,
            items,
        }
    }
}

/// The queue.
#[derive(Default)]
pub struct Outlet {
    entries: Mutex<Vec<Entry>>,
    rung: AtomicBool,
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Outlet {
    /// Sets, once, how the publisher is told to look.
    pub fn set_bell(&self, bell: impl Fn() + Send + Sync + 'static) {
        if self.bell.set(Box::new(bell)).is_err() {
            tracing::error!("the outlet has a bell already");
        }
    }

    /// Adds an entry. Whoever adds one rings once done.
    pub fn push(&self, entry: Entry) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    /// Has the publisher look, unless it was told so and has not looked yet.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(bell) = self.bell.get()
        {
            bell();
        }
    }

    /// Takes all entries, in order. The next ring is heard again.
    pub fn take(&self) -> Vec<Entry> {
        self.rung.store(false, Ordering::Release);
        std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line as it travels. A value that is no text is shown as its literal, a malformed binary string as it is.
pub fn wire_line(Shown { output, is_binary }: &Shown) -> Line {
    let text = output.text.as_str();
    let bytes = text.filter(|_| *is_binary).and_then(decode_binary);
    let body = match (bytes, text) {
        (Some(bytes), _) => LineBody::Bytes(bytes),
        (None, Some(text)) => LineBody::Text(text.to_owned()),
        (None, None) => LineBody::Text(moo_model::literal::to_literal(&output.text)),
    };
    Line {
        body,
        no_newline: output.no_newline || *is_binary,
        no_flush: output.no_flush,
    }
}

/// Lines cut into groups that fit into one event each; a line that is too long for one is cut itself.
pub fn groups(lines: impl IntoIterator<Item = Line>) -> Vec<Vec<Line>> {
    let mut groups = Vec::new();
    let (mut group, mut bytes) = (Vec::new(), 0);
    for line in lines.into_iter().flat_map(pieces) {
        let size = LINE_COST + line_bytes(&line);
        if bytes + size > GROUP_BYTES_MAX && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
        bytes += size;
        group.push(line);
    }
    groups.push(group);
    groups
}

fn line_bytes(line: &Line) -> usize {
    match &line.body {
        LineBody::Text(text) => text.len(),
        LineBody::Bytes(bytes) => bytes.len(),
    }
}

fn pieces(line: Line) -> Vec<Line> {
    if line_bytes(&line) <= PIECE_BYTES_MAX {
        return vec![line];
    }
    let mut bodies: Vec<LineBody> = match &line.body {
        LineBody::Bytes(bytes) => bytes
            .chunks(PIECE_BYTES_MAX)
            .map(|piece| LineBody::Bytes(piece.to_vec()))
            .collect(),
        LineBody::Text(text) => {
            let mut rest = text.as_str();
            let mut bodies = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
                bodies.push(LineBody::Text(piece.to_owned()));
                rest = after;
            }
            bodies
        }
    };
    let last = bodies.pop();
    let mut lines: Vec<Line> = bodies
        .into_iter()
        .map(|body| Line {
            body,
            no_newline: true,
            ..line
        })
        .collect();
    lines.extend(last.map(|body| Line { body, ..line }));
    lines
}

/// The bytes of a binary string: `~XX` stands for a byte; `None` if it is malformed.
fn decode_binary(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'~' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_travels_in_events_that_fit() {
        let text = "é".repeat(BODY_EVENT_MAX);
        let lines = vec![Line::text("first"), Line::text(text.clone()), Line::text("last")];
        let groups = groups(lines);
        assert!(
            groups
                .iter()
                .all(|group| group.iter().map(line_bytes).sum::<usize>() <= GROUP_BYTES_MAX)
        );
        let shown: String = groups
            .iter()
            .flatten()
            .map(|line| match &line.body {
                LineBody::Text(text) => format!("{text}{}", if line.no_newline { "" } else { "|" }),
                LineBody::Bytes(_) => panic!("it was text"),
            })
            .collect();
        assert_eq!(shown, format!("first|{text}|last|"));
    }

    #[test]
    fn binary_strings_are_bytes_again() {
        assert_eq!(decode_binary("a~0D~0a~7E"), Some(b"a\r\n~".to_vec()));
        assert_eq!((decode_binary("~0"), decode_binary("~xy")), (None, None));
    }
}
