//! The stored connections, taken apart: those that go on, those whose last hook is still to run, and rows of none.

use crate::actors::connection::Returned;
use crate::protocol::ClientId;
use moo_db::DbError;
use moo_model::Obj;
use moo_model::ledger::{Relation, Row};
use moo_tasks::connections::Due;
use moo_tasks::connections::stored::{self, Read, Stored, StoredCommand, StoredLine};
use std::collections::{BTreeMap, HashSet};

/// Who was connected when the last server stopped.
#[derive(Debug, Default)]
pub struct Connected {
    /// Connections that go on, if their clients are still there.
    pub returned: Vec<Returned>,
    /// Connections that have ended, the newest first.
    pub departed: Vec<Departed>,
    /// Rows that belong to nothing, to be deleted.
    pub stray: Vec<Row>,
    /// The clients of the connections that go on.
    clients: HashSet<[u8; 16]>,
}

/// A connection that has ended, and of which the world is still to hear.
#[derive(Debug)]
pub struct Departed {
    /// The player; none where nothing is to be said.
    pub player: Option<Obj>,
    /// The object whose verb says so.
    pub listener: Obj,
    /// The rows that go with that.
    pub rows: Vec<Row>,
}

/// What is stored of one client.
#[derive(Default)]
struct Parts {
    connection: Option<Box<Stored>>,
    lines: Vec<StoredLine>,
    commands: Vec<StoredCommand>,
    keys: Vec<Vec<u8>>,
}

/// The row of a player who was connected to another server, which ended without a word to the world.
pub fn departed_row(player: Obj, listener: Obj) -> Row {
    Row {
        relation: Relation::Connection,
        key: player.0.to_be_bytes().to_vec(),
        value: Some(listener.0.to_be_bytes().to_vec()),
    }
}

fn read_departed_row(key: &[u8], value: &[u8]) -> Option<(Obj, Obj)> {
    let number = |bytes: &[u8]| Some(Obj(i64::from_be_bytes(bytes.try_into().ok()?)));
    Some((number(key)?, number(value)?))
}

fn deletion(key: Vec<u8>) -> Row {
    Row {
        relation: Relation::Connection,
        key,
        value: None,
    }
}

impl Connected {
    /// Takes the rows apart, which come in the order of their keys.
    pub fn read(
        rows: impl IntoIterator<Item = Result<(Vec<u8>, Vec<u8>), DbError>>,
    ) -> Result<Connected, DbError> {
        let mut connected = Connected::default();
        let mut clients: BTreeMap<[u8; 16], Parts> = BTreeMap::new();
        for row in rows {
            let (key, value) = row?;
            if let Some((player, listener)) = read_departed_row(&key, &value) {
                connected.departed.push(Departed {
                    player: Some(player),
                    listener,
                    rows: vec![deletion(key)],
                });
                continue;
            }
            let Some((client, read)) = stored::read(&key, &value) else {
                tracing::error!("a row of a connection cannot be read and is dropped");
                connected.stray.push(deletion(key));
                continue;
            };
            let parts = clients.entry(client).or_default();
            match read {
                Read::Connection(stored) => parts.connection = Some(stored),
                Read::Command(command) => parts.commands.push(command),
                Read::Line(line) => parts.lines.push(line),
            }
            parts.keys.push(key);
        }
        clients.into_values().for_each(|parts| connected.add(parts));
        connected.departed.reverse();
        Ok(connected)
    }

    fn add(&mut self, parts: Parts) {
        let deletions = parts.keys.into_iter().map(deletion);
        let Some(stored) = parts.connection else {
            return self.stray.extend(deletions);
        };
        match stored.due {
            Due::Nothing | Due::Connected | Due::Created | Due::Reconnected => {
                self.clients.insert(stored.attachment.client);
                self.returned.push(Returned {
                    stored: *stored,
                    lines: parts.lines,
                    commands: parts.commands,
                });
            }
            Due::Disconnected | Due::Closed => self.departed.push(Departed {
                player: (stored.due == Due::Disconnected).then_some(stored.object),
                listener: stored.listener,
                rows: deletions.collect(),
            }),
        }
    }

    /// Whether this client's connection goes on.
    pub fn goes_on(&self, client: ClientId) -> bool {
        self.clients.contains(&client.0)
    }

    /// The highest number of a connection that is stored.
    pub fn last(&self) -> u64 {
        let numbers = self.returned.iter().map(|returned| returned.stored.id.0);
        numbers.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moo_tasks::connections::{Attachment, Connections, NewConnection};

    fn put(row: Row) -> Result<(Vec<u8>, Vec<u8>), DbError> {
        Ok((row.key, row.value.expect("it is put")))
    }

    #[test]
    fn rows_are_sorted_by_what_becomes_of_them() {
        let connections = Connections::default();
        let open = |client: u8| {
            connections.open(NewConnection {
                listener: Obj(0),
                prints_messages: true,
                name: "somewhere".into(),
                peer: "there".into(),
                attachment: Attachment {
                    client: [client; 16],
                    ..Attachment::default()
                },
                flush_command: String::new(),
                now: 1,
            })
        };
        let (here, gone) = (open(1), open(2));
        connections.log_in(&gone, Obj(7), 2);
        gone.set_due(Due::Disconnected);
        let rows = [
            departed_row(Obj(9), Obj(0)),
            here.row(),
            stored::command([1; 16], 4, 40),
            stored::line([1; 16], 1, false, "kept"),
            gone.row(),
            stored::command([2; 16], 1, 41),
            stored::command([3; 16], 1, 42),
        ];
        let connected = Connected::read(rows.map(put)).expect("the store is whole");
        let [returned] = &connected.returned[..] else {
            panic!("one goes on: {connected:?}");
        };
        assert_eq!((returned.stored.id, connected.last()), (here.id, 1));
        let command = StoredCommand {
            seq: 4,
            task: 40,
            mark: None,
        };
        assert_eq!(returned.commands, [command]);
        assert_eq!(returned.lines.len(), 1);
        let departed: Vec<_> = connected
            .departed
            .iter()
            .map(|departed| (departed.player, departed.rows.len()))
            .collect();
        assert_eq!(departed, [(Some(Obj(7)), 2), (Some(Obj(9)), 1)]);
        assert_eq!(connected.stray.len(), 1, "a command of nobody");
    }
}
