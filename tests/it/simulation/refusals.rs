//! What the model's daemon refuses: requests that it has no time for, by chance, and connections that another host has.

use moothall::protocol::ClientId;
use moothall::protocol::HostId;
use moothall::protocol::codec::Envelope;
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, RejectReason};

use super::daemon::{Answer, Daemon, Reply, Sent};
use super::store::Change;

/// The longest that a host is told to wait, in milliseconds.
const WAIT_MAX_MS: usize = 700;

impl Daemon {
    /// Whether the daemon has no time for this request.
    pub(super) fn refuses(&mut self) -> bool {
        let refuses = self.random.below(1_000) < self.refused_per_mille;
        self.refusals += u64::from(refuses);
        refuses
    }

    fn wait_ms(&mut self) -> u32 {
        u32::try_from(self.random.below(WAIT_MAX_MS)).unwrap_or_default()
    }

    /// A client's request is refused for now.
    pub(super) fn refuse_client(&mut self, to: HostId, envelope: &Envelope) -> Sent {
        let error = match self.random.below(3) {
            0 => RpcMessageError::Draining,
            _ => RpcMessageError::Busy {
                retry_after_ms: self.wait_ms(),
            },
        };
        self.refusal(to, envelope, error)
    }

    /// A host's own request is refused for now.
    pub(super) fn reject(&mut self, to: HostId, envelope: &Envelope) -> Sent {
        let reason = match self.random.below(2) {
            0 => RejectReason::Draining,
            _ => RejectReason::Full,
        };
        let retry_after_ms = self.wait_ms();
        self.host_reply(
            to,
            envelope,
            &DaemonToHostReply::Reject {
                reason,
                retry_after_ms,
            },
        )
    }

    /// Whether the daemon has this connection.
    pub fn knows(&self, client: ClientId) -> bool {
        self.memory.conns.contains_key(&client)
    }

    /// Gives a connection to a host that is not simulated; the one that had it is told once that is written.
    pub fn fence(&mut self, client: ClientId) {
        let Some(conn) = self.memory.conns.get(&client).cloned() else {
            return;
        };
        let attach_epoch = conn.attach_epoch + 1;
        self.outbox.close(client);
        let changes = vec![Change::Conn(client, None), Change::Fenced(client, attach_epoch)];
        let answer = Answer {
            host: conn.host,
            envelope: Envelope {
                epoch: self.epoch,
                ..Envelope::default()
            },
            reply: Reply::Direct(DaemonDirect::Fence { client, attach_epoch }),
        };
        self.commit(changes, Vec::new(), Some((u64::MAX, answer)));
    }

    /// What a host hears that speaks for a connection which is not here.
    pub(super) fn refuse_unknown(&self, to: HostId, envelope: &Envelope, client: ClientId) -> Sent {
        let error = match self.memory.fenced.get(&client) {
            Some(&epoch) => RpcMessageError::Fenced { epoch },
            None => RpcMessageError::NoConnection,
        };
        self.refusal(to, envelope, error)
    }
}
