//! The clients' streams inside a host: what is handed on, acknowledged, paused and asked for.
//!
//! Invariant: an event counts for the frame's credit as soon as it is heard, and for its client only once the client's
//! socket has taken it.

use std::sync::Arc;

use super::client::{Event, Life, weight};
use super::output::Origin;
use super::{Host, Output, Ticket};
use crate::limits::{ACK_BYTES, LIST_ENTRIES_MAX, REPLAY_ASKED_BYTES};
use crate::protocol::event::{ClientEvent, Route, StreamPos};
use crate::protocol::host::HostToDaemonMessage;
use crate::protocol::machine::stream;
use crate::protocol::{ClientId, Moment};

impl Host {
    pub(super) fn event(
        &mut self,
        now: Moment,
        event: &Arc<ClientEvent>,
        route: &Route,
        out: &mut Vec<Output>,
    ) {
        self.frame_heard = self.frame_heard.max(route.frame);
        let bytes = weight(event);
        let origin = Origin {
            cause: route.cause,
            at: Some(route.at),
        };
        for to in &route.to {
            let input = stream::Input::Event {
                attach_epoch: to.attach_epoch,
                seq: to.seq,
                bytes,
                event: (Arc::clone(event), origin),
            };
            self.stream(now, to.client, input, out);
        }
        self.bytes_heard += bytes;
        if self.bytes_heard >= ACK_BYTES {
            self.acknowledge(now, out);
        }
    }

    /// Gives a client's stream an input, and does what it wants.
    pub(super) fn stream(
        &mut self,
        now: Moment,
        id: ClientId,
        input: stream::Input<Event>,
        out: &mut Vec<Output>,
    ) {
        let Some(client) = self
            .clients
            .get_mut(&id)
            .filter(|client| client.life != Life::Over)
        else {
            return;
        };
        let mut replay = None;
        client.stream.take(now, input, &mut self.streamed);
        for output in self.streamed.drain(..) {
            match output {
                stream::Output::Deliver { seq, event } => out.push(client.hand(id, seq, event)),
                stream::Output::Gap { lost } => out.push(client.hand_gap(id, lost)),
                stream::Output::Replay { from, to } => replay = Some((from, to)),
            }
        }
        if !client.is_paused && client.waiting() >= self.pause_bytes {
            client.is_paused = true;
            client.stream.take(now, stream::Input::Paused, &mut self.streamed);
        }
        if client.is_paused {
            client.want_waiting(self.pause_bytes / 2);
        }
        if client.has_unacked() && !std::mem::replace(&mut client.is_unacked, true) {
            self.unacked.push(id);
        }
        client.unpark(now, id, out);
        if client.stream.is_behind() {
            self.watch_client(id);
        }
        if let Some((from, to)) = replay {
            self.ask_replay(now, id, from, to);
        }
    }

    fn ask_replay(&mut self, now: Moment, client: ClientId, from: StreamPos, to: Option<u64>) {
        let message = HostToDaemonMessage::Replay {
            client,
            from,
            to,
            bytes_max: REPLAY_ASKED_BYTES,
        };
        self.say(now, Ticket::Replay(client, from.seq), &message);
    }

    /// From now on the client is told when time has passed.
    pub(super) fn watch_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id)
            && !std::mem::replace(&mut client.is_watched, true)
        {
            self.watched.push(id);
        }
    }

    /// Time has passed for the clients that want to know.
    pub(super) fn watch(&mut self, now: Moment, out: &mut Vec<Output>) {
        for id in std::mem::take(&mut self.watched) {
            let Some(client) = self.clients.get_mut(&id) else {
                continue;
            };
            client.is_watched = false;
            if client.rest_until.is_some_and(|until| now >= until) {
                client.rest_until = None;
                self.establish(now, id);
                self.send_commands(now, id);
                self.send_asked(now, id);
            }
            self.stream(now, id, stream::Input::Tick, out);
            if let Some(client) = self.clients.get(&id)
                && (client.rest_until.is_some() || !client.parked.is_empty())
            {
                self.watch_client(id);
            }
        }
    }

    /// A client's socket has taken half of what waited: the daemon hears of it before it is asked for more.
    pub(super) fn drained(&mut self, now: Moment, id: ClientId, out: &mut Vec<Output>) {
        if self.clients.get(&id).is_some_and(|client| client.is_paused) {
            self.acknowledge(now, out);
        }
    }

    /// A client that was paused goes on if it has room again; gives whether it does.
    fn resume(&mut self, id: ClientId) -> bool {
        let half = self.pause_bytes / 2;
        match self.clients.get_mut(&id) {
            Some(client) if client.is_paused && client.waiting() <= half => {
                client.is_paused = false;
                true
            }
            _ => false,
        }
    }

    /// Tells the daemon which frames have come, which events were taken by the clients' sockets, and who is paused.
    pub(super) fn acknowledge(&mut self, now: Moment, out: &mut Vec<Output>) {
        self.bytes_heard = 0;
        if !self.link.is_attached() {
            return;
        }
        let (mut acks, mut paused, mut resumed) = (Vec::new(), Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.unacked) {
            resumed.extend(self.resume(id).then_some(id));
            let Some(client) = self.clients.get_mut(&id) else {
                continue;
            };
            let accepted = client.accepted();
            if accepted > client.acked {
                client.acked = accepted;
                acks.push((id, accepted));
            }
            if client.is_paused {
                paused.push(id);
            }
            client.is_unacked = client.has_unacked();
            if client.is_unacked {
                self.unacked.push(id);
            }
        }
        let is_news = self.frame_acked != self.frame_heard || !acks.is_empty() || paused != self.paused_told;
        if is_news {
            self.frame_acked = self.frame_heard;
            self.tell_acks(now, &acks, &paused);
            self.paused_told = paused;
        }
        for id in resumed {
            self.stream(now, id, stream::Input::Resumed, out);
        }
    }

    /// Each part names all that are paused, because the daemon takes those whom it does not name as reading again.
    fn tell_acks(&mut self, now: Moment, acks: &[(ClientId, u64)], paused: &[ClientId]) {
        for part in 0..acks.len().div_ceil(LIST_ENTRIES_MAX).max(1) {
            let message = HostToDaemonMessage::EventAck {
                frame: self.frame_acked,
                acks: nth_part(acks, part).to_vec(),
                paused: nth_part(paused, 0).to_vec(),
            };
            self.say(now, Ticket::Quiet, &message);
        }
    }
}

/// The part of a list that goes into one message; past the end it is empty.
pub(super) fn nth_part<T>(list: &[T], part: usize) -> &[T] {
    list.chunks(LIST_ENTRIES_MAX).nth(part).unwrap_or_default()
}
