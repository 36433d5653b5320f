//! The streams as the last daemon left them.

use super::Outbox;
use super::row::{self, Read};
use super::stream::Stream;
use crate::protocol::ClientId;

/// An outbox from the store.
#[derive(Debug)]
pub struct Loaded<A> {
    /// The outbox. No host has any of its streams, and no connection a number: see [`Outbox::bind`].
    pub outbox: Outbox<A>,
    /// Rows that could not be read. Their events are lost, which is told to whoever asks for them.
    pub unreadable: usize,
}

impl<A> Outbox<A> {
    /// The outbox of these rows, which come in the order of their keys. Events stay in the store until they are asked for.
    pub fn load(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Loaded<A> {
        let mut outbox = Outbox::default();
        let (mut events, mut unreadable) = (Vec::new(), 0);
        for (key, value) in rows {
            match row::read(&key, &value) {
                Some(Read::Mark(client, mark)) => outbox.add_loaded(Stream::new(client, mark)),
                Some(Read::Event(number, event)) => {
                    outbox.shared.add_stored(number, event.event.len(), event.at);
                    events.push((number, event.to));
                }
                Some(Read::Past(number, past)) => {
                    let bytes = past.event.len();
                    let Outbox { history, pending, .. } = &mut outbox;
                    history.restore(number, bytes, past.at, past.heard, pending);
                }
                Some(Read::Forgotten(player, through)) => outbox.history.restore_forgotten(player, through),
                None => unreadable += 1,
            }
        }
        let mut unused = Vec::new();
        for (number, to) in events {
            for (client, seq) in to {
                let conn = outbox.by_client.get(&client);
                if let Some(stream) = conn.and_then(|conn| outbox.streams.get_mut(conn)) {
                    stream.restore(seq, number, &mut outbox.shared, &mut unused);
                }
            }
        }
        // Rows of streams that are no more, or that were accepted by all before the deletion was written.
        for number in outbox.shared.unused() {
            outbox.shared.remove_unused(number);
            unused.push(number);
        }
        outbox.pending.extend(unused.into_iter().map(row::event_gone));
        Loaded { outbox, unreadable }
    }

    /// Until it is bound, a stream has a number that no connection is ever given.
    fn add_loaded(&mut self, stream: Stream) {
        let conn = u64::MAX - self.streams.len() as u64;
        self.by_client.insert(stream.client, conn);
        self.streams.insert(conn, stream);
    }

    /// Closes all streams but those of the clients that are known.
    pub fn keep_only(&mut self, is_known: impl Fn(ClientId) -> bool) {
        let unknown: Vec<ClientId> = self
            .by_client
            .keys()
            .copied()
            .filter(|&client| !is_known(client))
            .collect();
        unknown.into_iter().for_each(|client| self.close(client));
    }
}
