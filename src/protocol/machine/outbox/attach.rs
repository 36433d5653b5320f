//! Which streams there are, and which host has each.

use super::row::{self, Mark};
use super::stream::{Attached, Stream};
use super::{Opening, Outbox, Recalled, Row};
use crate::protocol::client::HistoryRecall;
use crate::protocol::event::StreamPos;
use crate::protocol::{ClientId, HostId, Wall};

impl<A> Outbox<A> {
    /// A connection exists from here on, with a stream that begins at 1; gives its position. A stream of the same client
    /// that is left over from before is closed.
    pub fn open(&mut self, opening: Opening) -> StreamPos {
        let Opening {
            conn,
            client,
            host,
            attach_epoch,
            wants_ends,
            era,
        } = opening;
        self.close(client);
        let mark = Mark { era, gone: 0 };
        let mut stream = Stream::new(client, mark);
        stream.attached = Some(Attached {
            host,
            epoch: attach_epoch,
        });
        stream.wants_ends = wants_ends;
        let pos = stream.pos();
        self.streams.insert(conn, stream);
        self.by_client.insert(client, conn);
        self.pending.push(row::mark_row(client, mark));
        pos
    }

    /// Gives a number to the connection of a stream that was found in the store; what is numbered for it from now on is
    /// of this stream. False if there is no such stream.
    pub fn bind(&mut self, client: ClientId, conn: u64, wants_ends: bool) -> bool {
        let Some(before) = self.by_client.get(&client).copied() else {
            return false;
        };
        if let Some(mut stream) = self.streams.remove(&before) {
            stream.wants_ends = wants_ends;
            self.streams.insert(conn, stream);
        }
        self.by_client.insert(client, conn);
        true
    }

    /// From now on this host has the connection, under this epoch. Gives how far its stream is: what comes later is sent
    /// to the host, what it misses before it asks for. `last` is what the client accepted last, as far as its host knows;
    /// if that was never given out, this store has lost history, and the stream goes on in another era, which is `era`.
    pub fn attach(
        &mut self,
        client: ClientId,
        host: HostId,
        attach_epoch: u32,
        last: Option<StreamPos>,
        era: u32,
    ) -> Option<StreamPos> {
        let stream = self.stream_mut(client)?;
        stream.attached = Some(Attached {
            host,
            epoch: attach_epoch,
        });
        let own = last.filter(|last| last.era == stream.era);
        if own.is_some_and(|last| last.seq > stream.head()) {
            stream.era = era;
            let row = row::mark_row(client, stream.mark());
            self.pending.push(row);
        } else if let Some(last) = own {
            self.accepted(client, last.seq);
        }
        self.head(client)
    }

    /// The connection lingers: its events are kept, and sent to nobody. A host that was to have it under this epoch, or
    /// an earlier one, is gone.
    pub fn detach(&mut self, client: ClientId, attach_epoch: u32) {
        if let Some(stream) = self.stream_mut(client) {
            stream.attached = None;
            stream.epoch_lost = Some(attach_epoch);
        }
    }

    /// Whether the host that was to have the connection under this epoch is gone meanwhile.
    pub fn is_lost(&self, client: ClientId, attach_epoch: u32) -> bool {
        let lost = self.stream(client).and_then(|stream| stream.epoch_lost);
        lost.is_some_and(|lost| attach_epoch <= lost)
    }

    /// A host is gone with its sockets: its connections linger, and those that only had their last words to be read
    /// are closed.
    pub fn host_gone(&mut self, host: HostId) {
        let mut closing = Vec::new();
        for stream in self.streams.values_mut().filter(|stream| stream.is_at(host)) {
            stream.attached = None;
            if stream.is_closing {
                closing.push(stream.client);
            }
        }
        closing.into_iter().for_each(|client| self.close(client));
        self.hosts.remove(&host);
    }

    /// A host has registered: its frames are counted from 1 again, and all its credit is there.
    pub fn registered(&mut self, host: HostId) {
        self.hosts.insert(host, Default::default());
    }

    /// The connection has got its last words, and ends once they are accepted. Nothing more is numbered for it.
    pub fn finish(&mut self, client: ClientId) {
        let Some(stream) = self.stream_mut(client) else {
            return;
        };
        stream.is_closing = true;
        if stream.is_empty() || stream.attached.is_none() {
            self.close(client);
        }
    }

    /// The host has no socket of this client any more. What only had last words to be read ends with it; a connection that
    /// goes on is closed by who knows why.
    pub fn socket_gone(&mut self, client: ClientId, host: HostId) {
        if self
            .stream(client)
            .is_some_and(|stream| stream.is_closing && stream.is_at(host))
        {
            self.close(client);
        }
    }

    /// The connection is gone, with all that it was to be told.
    pub fn close(&mut self, client: ClientId) {
        let Some(conn) = self.by_client.remove(&client) else {
            return;
        };
        self.takers.close(conn);
        let Some(mut stream) = self.streams.remove(&conn) else {
            return;
        };
        while let Some((row, is_unused)) = stream.pop(&mut self.shared) {
            self.pending.extend(is_unused.then(|| row::event_gone(row)));
        }
        self.pending.push(row::mark_gone(client));
    }

    /// How far a stream is: the last event of which the commit is written.
    pub fn head(&self, client: ClientId) -> Option<StreamPos> {
        self.stream(client).map(Stream::pos)
    }

    /// What a client has accepted last, or lost, and the last event that has a number, whether its commit is written or
    /// not.
    pub fn held(&self, client: ClientId) -> Option<(StreamPos, StreamPos)> {
        let stream = self.stream(client)?;
        let at = |seq| StreamPos { era: stream.era, seq };
        Some((at(stream.first() - 1), at(stream.head())))
    }

    /// The first and last event that a client has not accepted, if any, written or not: what a player who logs in anew
    /// has missed. They are read with [`Outbox::replay`].
    pub fn unacked(&self, client: ClientId) -> Option<(StreamPos, u64)> {
        let stream = self.stream(client).filter(|stream| !stream.is_empty())?;
        let first = StreamPos {
            era: stream.era,
            seq: stream.first(),
        };
        Some((first, stream.head()))
    }

    /// A connection begins to take over another one: until [`Outbox::finish_take_over`] what it is told waits behind what
    /// that one was told. Gives the last event of that one, behind which they come; none where the old one was taking over
    /// itself, so that what is its own is still to come.
    pub fn begin_take_over(&mut self, from: u64, to: u64) -> Option<u64> {
        let is_whole = !self.takers.is_taker(from);
        self.takers.begin(from, to);
        self.streams.get(&from).map(Stream::head).filter(|_| is_whole)
    }

    /// Everything up to here has been said again on the connection that takes over ([`Outbox::say_over`]), which is stored
    /// by the same commit.
    pub fn give_away(&mut self, client: ClientId, seq: u64) {
        if let Some(stream) = self.stream_mut(client) {
            stream.written = stream.written.max(seq.min(stream.head()));
        }
        self.accepted(client, seq);
    }

    /// A connection has been taken over, and is no more: what is told to it goes to its taker, which hears for itself.
    pub fn finish_take_over(&mut self, from: u64) {
        self.takers.finish(from);
    }

    /// A connection that lives is replaced by another one: what running tasks still tell it goes there.
    pub fn replace(&mut self, from: u64, to: u64) {
        self.takers.replace(from, to);
    }

    /// Whether this connection's host shows how commands end.
    pub fn wants_ends(&self, conn: u64) -> bool {
        self.streams.get(&conn).is_some_and(|stream| stream.wants_ends)
    }

    /// The connection of a client, if it has a stream.
    pub fn conn_of(&self, client: ClientId) -> Option<u64> {
        self.by_client.get(&client).copied()
    }

    /// From now on what a connection is told stays in this player's past, if any.
    pub fn remember(&mut self, conn: u64, player: Option<i64>) {
        if let Some(stream) = self.streams.get_mut(&conn) {
            stream.remembered_by = player;
        }
    }

    /// A part of what a player was told before; positions in the stream of `conn` are understood too.
    pub fn recall(&self, player: i64, conn: u64, recall: HistoryRecall, now: Wall) -> Recalled {
        self.history.recall(player, conn, recall, now)
    }

    /// A player is no more, and the number will be somebody else's. The past is forgotten by the commit that stores the
    /// rows that this gives.
    #[must_use]
    pub fn forget_past(&mut self, player: i64) -> Vec<Row> {
        let mut rows = Vec::new();
        self.history.forget(player, &mut rows);
        rows
    }

    /// The client of a connection.
    pub fn client_of(&self, conn: u64) -> Option<ClientId> {
        self.streams.get(&conn).map(|stream| stream.client)
    }
}

impl Stream {
    /// Whether this host has the connection.
    pub(super) fn is_at(&self, host: HostId) -> bool {
        self.attached.is_some_and(|attached| attached.host == host)
    }
}
