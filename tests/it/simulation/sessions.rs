//! What the model's daemon says to hosts: hello, registration, connections that come back, acknowledgements, replay.

use moothall::protocol::codec::{Envelope, decode_event};
use moothall::protocol::event::{StreamControl, StreamPos};
use moothall::protocol::host::{
    DaemonToHostReply, HeldConn, HostToDaemonMessage, Limits, ReattachOutcome, RejectReason,
};
use moothall::protocol::machine::outbox::{Piece, event_key, read_event};
use moothall::protocol::{ClientId, HostId, Wall};

use super::daemon::{Answer, Daemon, Reply, Sent, Session};
use super::store::{Change, Conn};

impl Daemon {
    pub(super) fn hears_host(
        &mut self,
        from: HostId,
        envelope: Envelope,
        message: HostToDaemonMessage,
    ) -> Vec<Sent> {
        let may_be_refused = matches!(
            message,
            HostToDaemonMessage::Hello { .. }
                | HostToDaemonMessage::RegisterHost { .. }
                | HostToDaemonMessage::ReattachBatch { .. }
                | HostToDaemonMessage::Replay { .. }
        );
        if may_be_refused && self.refuses() {
            return vec![self.reject(from, &envelope)];
        }
        let reply = match message {
            HostToDaemonMessage::Hello { instance, .. } => return self.welcome(from, envelope, instance),
            HostToDaemonMessage::RegisterHost { probe, .. } => self.register(from, probe),
            _ if !self.is_registered(from) => return self.refuse_stranger(from, envelope),
            HostToDaemonMessage::ReattachBatch { conns } => {
                self.reattach(from, envelope, &conns);
                return Vec::new();
            }
            HostToDaemonMessage::EventAck { frame, acks, paused } => {
                let out = self.outbox.acknowledged(from, frame, &acks, &paused);
                return self.sent(out);
            }
            HostToDaemonMessage::Replay {
                client,
                from: first,
                to,
                bytes_max,
            } => self.replay(from, client, first, to, bytes_max as usize),
            HostToDaemonMessage::RenewToken { .. } => DaemonToHostReply::Renewed {
                token: "token".into(),
            },
            HostToDaemonMessage::HostPong { .. } => return Vec::new(),
            _ => DaemonToHostReply::Ack,
        };
        vec![self.host_reply(from, &envelope, &reply)]
    }

    fn welcome(&mut self, from: HostId, envelope: Envelope, instance: u64) -> Vec<Sent> {
        if self
            .sessions
            .get(&from)
            .is_none_or(|session| session.instance != instance)
        {
            self.outbox.host_gone(from);
        }
        self.probes = self.probes.wrapping_add(1);
        let probe = [self.probes; 16];
        let session = Session {
            instance,
            probe: Some(probe),
            is_registered: false,
        };
        self.sessions.insert(from, session);
        let welcome = DaemonToHostReply::Welcome {
            version: 1,
            daemon_epoch: self.epoch,
            world: "world".into(),
            now: Wall(0),
            ping_ms: 2_000,
            limits: Limits {
                window: 512,
                frame_max: 8 << 20,
                linger_s: 300,
                input_lines: 64,
                input_bytes: 16 << 10,
                credit_bytes: 8 << 20,
            },
            keys: Vec::new(),
            topic: Vec::new(),
            host_token: "token".into(),
        };
        vec![
            self.host_reply(from, &envelope, &welcome),
            self.probe(from, probe),
        ]
    }

    pub(super) fn probe(&self, to: HostId, probe: [u8; 16]) -> Sent {
        self.event(to, &StreamControl::Probe { probe })
    }

    fn register(&mut self, from: HostId, probe: [u8; 16]) -> DaemonToHostReply {
        let Some(session) = self
            .sessions
            .get_mut(&from)
            .filter(|session| session.probe == Some(probe))
        else {
            return DaemonToHostReply::Reject {
                reason: RejectReason::BadProbe,
                retry_after_ms: 0,
            };
        };
        // The same answer may be asked for again; frames are counted anew only once.
        if !session.is_registered {
            session.is_registered = true;
            self.outbox.registered(from);
        }
        DaemonToHostReply::Ack
    }

    fn reattach(&mut self, from: HostId, envelope: Envelope, held: &[HeldConn]) {
        let mut changes = Vec::new();
        let mut results = Vec::new();
        for held in held {
            let Some(conn) = self.memory.conns.get(&held.client) else {
                let fenced = self.memory.fenced.get(&held.client);
                let outcome = fenced.map_or(ReattachOutcome::Unknown, |&current| ReattachOutcome::Fenced {
                    current,
                });
                results.push((held.client, outcome));
                continue;
            };
            if conn.bound != held.bound {
                results.push((held.client, ReattachOutcome::Denied));
                continue;
            }
            let conn = Conn {
                attach_epoch: conn.attach_epoch + 1,
                host: from,
                ..conn.clone()
            };
            let attach_epoch = conn.attach_epoch;
            changes.push(Change::Conn(held.client, Some(conn)));
            let head = self
                .outbox
                .attach(held.client, from, attach_epoch, Some(held.last), self.epoch);
            let head = head.expect("a stored connection has a stream");
            results.push((held.client, ReattachOutcome::Ok { attach_epoch, head }));
        }
        let reply = Reply::Host(DaemonToHostReply::Reattached { results });
        let answer = Answer {
            host: from,
            envelope,
            reply,
        };
        self.commit(changes, Vec::new(), Some((u64::MAX, answer)));
    }

    fn replay(
        &mut self,
        at: HostId,
        client: ClientId,
        from: StreamPos,
        to: Option<u64>,
        bytes_max: usize,
    ) -> DaemonToHostReply {
        let Some(replay) = self.outbox.replay(client, Some(at), from, to, bytes_max) else {
            return DaemonToHostReply::ReplayChunk {
                client,
                events: Vec::new(),
                done: true,
                lost: None,
            };
        };
        let events = replay.pieces.into_iter().filter_map(|piece| match piece {
            Piece::Kept { seq, cause, event } => Some((seq, cause, decode_event(&event)?)),
            Piece::Stored { seq, row } => {
                let stored = read_event(self.memory.outbox.get(&event_key(row)[..])?)?;
                Some((seq, stored.cause, decode_event(&stored.event)?))
            }
        });
        DaemonToHostReply::ReplayChunk {
            client,
            events: events.collect(),
            done: replay.is_done,
            lost: (replay.lost > 0).then_some(replay.lost),
        }
    }
}
