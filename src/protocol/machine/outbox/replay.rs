//! The past of a stream, in pieces.

use std::sync::Arc;

use super::shared::Kept;
use super::{Outbox, Stream};
use crate::protocol::event::{Cause, StreamPos};
use crate::protocol::{ClientId, HostId};

/// What a piece costs in an answer besides its event.
const PIECE_COST: usize = 48;

/// An event of the past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// It is in memory.
    Kept {
        /// Its number in the stream.
        seq: u64,
        /// What it came from.
        cause: Option<Cause>,
        /// Its bytes.
        event: Arc<[u8]>,
    },
    /// It is in the store.
    Stored {
        /// Its number in the stream.
        seq: u64,
        /// The number of its row: the key is [`super::event_key`], the value is read by [`super::read_event`].
        row: u64,
    },
}

/// A part of a stream's past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// How many of the events that were asked for are gone for good; those that follow are the next.
    pub lost: u64,
    /// The events, rising.
    pub pieces: Vec<Piece>,
    /// Whether this is all that was asked for.
    pub is_done: bool,
}

impl<A> Outbox<A> {
    /// The events from `from` to `to`, or to the last that may be asked for, as far as they fit into so many bytes: one at
    /// least, if there is one. A host may ask for what is written; the daemon itself also for what is not, as far as it is
    /// in memory. `None` if there is no such stream, its numbers are of another era, or it is a host that asks and another
    /// one has the connection.
    pub fn replay(
        &self,
        client: ClientId,
        host: Option<HostId>,
        from: StreamPos,
        to: Option<u64>,
        bytes_max: usize,
    ) -> Option<Replay> {
        let stream = self.stream(client).filter(|stream| stream.era == from.era)?;
        if host.is_some_and(|host| !stream.is_at(host)) {
            return None;
        }
        let last = match host {
            Some(_) => stream.written,
            None => stream.head(),
        };
        let to = to.map_or(last, |to| to.min(last));
        let first = from.seq.max(stream.first());
        let lost = first.min(to + 1).saturating_sub(from.seq.max(1));
        let (mut pieces, mut bytes, mut seq) = (Vec::new(), 0, first);
        while seq <= to
            && let Some((piece, cost)) = self.piece(stream, seq)
            && (pieces.is_empty() || bytes + cost <= bytes_max)
            && (seq <= stream.written || matches!(piece, Piece::Kept { .. }))
        {
            bytes += cost;
            seq += 1;
            pieces.push(piece);
        }
        Some(Replay {
            lost,
            pieces,
            is_done: seq > to,
        })
    }

    fn piece(&self, stream: &Stream, seq: u64) -> Option<(Piece, usize)> {
        let row = stream.row(seq)?;
        let cost = PIECE_COST + self.shared.bytes(row);
        let piece = match self.shared.kept(row).cloned() {
            Some(Kept { event, cause }) => Piece::Kept { seq, cause, event },
            None => Piece::Stored { seq, row },
        };
        Some((piece, cost))
    }
}
