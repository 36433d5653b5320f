//! What a link hears from the daemon.
//!
//! Invariant: any bytes at all are heard without a panic; what cannot be read is logged and dropped.

use super::{HostLink, Pending, ToHost};
use crate::gateway::HostInbound;
use crate::gateway::Lane;
use crate::hosts::router::{Missing, ToClient};
use crate::limits::LIST_ENTRIES_MAX;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent};
use crate::protocol::client::{ClientReply, Refusal};
use crate::protocol::event::{EventFrame, StreamControl, StreamPos};
use crate::protocol::host::{DaemonDirect, DaemonToHostReply, HostToDaemonMessage, HostType};
use crate::protocol::{ClientId, Family, Frame, FrameError};
use std::sync::Arc;
use std::time::Duration;

const UNREADABLE: &str =
    "The server's answer could not be read; your line may or may not have been carried out.";

impl HostLink {
    pub(super) fn on_inbound(&mut self, inbound: HostInbound) {
        let bytes = match &inbound {
            HostInbound::Reply { frame, .. } | HostInbound::Event { frame } => frame,
            HostInbound::Reset { .. } => return self.lose(),
        };
        let handled = Frame::parse(bytes).and_then(|frame| self.on_frame(&frame));
        if let Err(error) = handled {
            tracing::warn!(%error, "a frame of the daemon was dropped");
        }
    }

    pub(super) fn on_frame(&mut self, frame: &Frame<'_>) -> Result<(), FrameError> {
        let (now, mut steps) = (self.now(), Vec::new());
        let current = self.handshake.on_epoch(now, frame.envelope.epoch, &mut steps);
        self.take_steps(steps);
        if !current {
            return Ok(());
        }
        let family = |family: Family| frame.kind.family() == family as u8;
        if family(Family::Event) {
            self.on_event(frame.decode()?);
        } else if family(Family::DaemonToClient) || family(Family::Refusal) || family(Family::DaemonToHost) {
            self.on_answer(frame)?;
        } else if family(Family::Stream) {
            self.on_stream(frame.decode()?);
        } else if family(Family::HostBroadcast) {
            self.on_broadcast(frame.decode()?);
        } else if family(Family::DaemonDirect) {
            self.on_direct(frame.decode()?);
        } else if family(Family::ClientsBroadcast) {
            if let ClientsBroadcastEvent::System { message } = frame.decode()? {
                self.router.tell_all(&ToClient::Notice(message.into()));
            }
        } else {
            return Err(FrameError::WrongFamily { kind: frame.kind });
        }
        Ok(())
    }

    pub(super) fn on_event(&mut self, EventFrame { event, route }: EventFrame) {
        self.frame_heard = self.frame_heard.max(route.frame);
        let event = Arc::new(event);
        for to in &route.to {
            let missing = self.router.event(to, &event);
            self.ask_replay(missing);
        }
    }

    pub(super) fn on_answer(&mut self, frame: &Frame<'_>) -> Result<(), FrameError> {
        let pending = self.pending.remove(&frame.envelope.correlation);
        if frame.kind.family() == Family::DaemonToHost as u8 {
            return frame.decode().map(|reply| self.on_host_reply(reply, pending));
        }
        match pending {
            Some(Pending::Client { client, cmd_seq }) => self.on_client_answer(client, cmd_seq, frame),
            Some(Pending::Replay(missing)) => {
                self.give_up_replay(&missing);
                Ok(())
            }
            Some(Pending::Host) | None => Ok(()),
        }
    }

    pub(super) fn on_client_answer(
        &mut self,
        client: ClientId,
        cmd_seq: u64,
        frame: &Frame<'_>,
    ) -> Result<(), FrameError> {
        if frame.kind.family() == Family::Refusal as u8 {
            let Refusal { error, .. } = frame.decode()?;
            self.router.refuse(client, cmd_seq, &error);
            return Ok(());
        }
        match frame.decode() {
            Ok(ClientReply { reply, .. }) => {
                let mut requests = Vec::new();
                self.router.answer(client, cmd_seq, reply, &mut requests);
                self.ask(requests);
                Ok(())
            }
            Err(error) => {
                self.router.tell(client, ToClient::Refused(UNREADABLE.into()));
                Err(error)
            }
        }
    }

    pub(super) fn on_host_reply(&mut self, reply: DaemonToHostReply, pending: Option<Pending>) {
        match reply {
            DaemonToHostReply::Reattached { results } => {
                for (client, outcome) in results {
                    let mut requests = Vec::new();
                    let missing = self.router.reattached(client, outcome, &mut requests);
                    self.ask(requests);
                    self.ask_replay(missing);
                }
            }
            DaemonToHostReply::ReplayChunk {
                client,
                events,
                done,
                lost,
            } => {
                let next = events.last().map(|(seq, ..)| seq + 1);
                let events = events.into_iter().map(|(seq, _, event)| (seq, event)).collect();
                self.router.replay(client, events, lost);
                if let (false, Some(next), Some(Pending::Replay(missing))) = (done, next, pending)
                    && next <= missing.to
                {
                    let from = StreamPos {
                        seq: next,
                        ..missing.from
                    };
                    self.ask_replay(Some(Missing { from, ..missing }));
                }
            }
            reply => {
                let (now, mut steps) = (self.now(), Vec::new());
                self.handshake.on_reply(now, &reply, &mut steps);
                self.take_steps(steps);
            }
        }
    }

    /// The daemon does not give the missing events: the client is told how many it misses, and its stream goes on.
    pub(super) fn give_up_replay(&mut self, missing: &Missing) {
        let lost = missing.to + 1 - missing.from.seq.min(missing.to + 1);
        self.router.replay(missing.client, Vec::new(), Some(lost));
    }

    pub(super) fn on_stream(&mut self, control: StreamControl) {
        match control {
            StreamControl::Probe { probe } => {
                let (now, mut steps) = (self.now(), Vec::new());
                self.handshake.on_probe(now, probe, &mut steps);
                self.take_steps(steps);
            }
            StreamControl::Heads { heads, .. } => {
                for (client, head) in heads {
                    let missing = self.router.head(client, head);
                    self.ask_replay(missing);
                }
            }
        }
    }

    pub(super) fn on_broadcast(&mut self, event: HostBroadcastEvent) {
        match event {
            HostBroadcastEvent::PingPong { ping, .. } => {
                self.last_ping = ping;
                self.handshake.on_ping(self.now());
                if self.handshake.is_up() {
                    self.pong(ping);
                }
            }
            HostBroadcastEvent::Listen {
                handler,
                host_type: HostType::Tcp,
                port,
                options,
            } => {
                self.tell_host(ToHost::Listen {
                    handler,
                    port,
                    options,
                });
            }
            HostBroadcastEvent::Unlisten {
                host_type: HostType::Tcp,
                port,
            } => {
                self.tell_host(ToHost::Unlisten { port });
            }
            HostBroadcastEvent::Draining { .. } => self.lose(),
            // Tokens are the daemon's business and that of hosts whose clients carry them.
            HostBroadcastEvent::Listen { .. }
            | HostBroadcastEvent::Unlisten { .. }
            | HostBroadcastEvent::Keys { .. }
            | HostBroadcastEvent::Revoked { .. } => {}
        }
    }

    pub(super) fn on_direct(&mut self, direct: DaemonDirect) {
        match direct {
            DaemonDirect::CloseClient { client, reason } => {
                self.router.tell(client, ToClient::Close(reason.into()));
            }
            DaemonDirect::Fence { client, .. } => {
                self.router
                    .tell(client, ToClient::Close("*** Connected elsewhere ***".into()));
            }
            DaemonDirect::ListClients => {
                let clients: Vec<(ClientId, u32)> = self.router.epochs().collect();
                let parts = clients.chunks(LIST_ENTRIES_MAX).count().max(1);
                for part in 0..parts {
                    let from = part * LIST_ENTRIES_MAX;
                    let to = clients.len().min(from + LIST_ENTRIES_MAX);
                    let message = HostToDaemonMessage::ClientList {
                        clients: clients[from..to].to_vec(),
                        done: part + 1 == parts,
                    };
                    self.say(Lane::Interactive, &message, Some(Pending::Host));
                }
            }
            DaemonDirect::Drain { deadline_ms, why } => {
                self.tell_host(ToHost::Drain {
                    within: Duration::from_millis(u64::from(deadline_ms)),
                    why,
                });
            }
            DaemonDirect::JobAssign { .. }
            | DaemonDirect::WorkerRequest { .. }
            | DaemonDirect::CancelRequest { .. } => {
                tracing::warn!("the daemon sent work to a host that asked for none");
            }
        }
    }
}
