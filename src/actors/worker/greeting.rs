//! A worker's hello and what follows: who may be one, which start of it stands, and what it may do.

use super::{Peer, WorkerActor};
use crate::actors::keyring::LOCAL_KEY;
use crate::actors::outlet::Reply;
use crate::gateway::curve::Speaker;
use crate::limits::{HOST_INSTANCES_MAX, WORKER_KNOWN_MAX, WORKERS_ATTACHED_MAX};
use crate::protocol::control::WORKER_NAME;
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::Role;
use crate::protocol::token::{Grant, Principal, TokenError, key_hash};
use crate::protocol::worker::{DaemonToWorkerReply, REMOTE_WORKER};
use crate::protocol::{HostId, ReqId, WorkerId};
use moo_vm::work::KIND_LEN_MAX;

impl WorkerActor {
    /// Checks a hello. A new start of a worker replaces the last one, whose requests are lost with it.
    pub(super) fn greet(
        &mut self,
        (reply, speaker): (Reply, Speaker),
        versions: (u8, u8),
        id: WorkerId,
        token: &str,
    ) -> DaemonToWorkerReply {
        let from = reply.to;
        if versions.0 > VERSION || versions.1 < VERSION_MIN {
            let words = format!("this daemon speaks versions {VERSION_MIN} to {VERSION} of the protocol");
            return DaemonToWorkerReply::Rejected(words);
        }
        let is_its_own = from
            .parts()
            .is_some_and(|(role, _, claimed, _)| role == Role::Worker && claimed.0 == id.0);
        if !is_its_own {
            let words = "the routing id of the socket is not one of this worker's";
            return DaemonToWorkerReply::AuthFailed(words.to_owned());
        }
        let key = match speaker {
            Speaker::Enrolled(_, key) => key_hash(&key),
            Speaker::Local | Speaker::Stranger(_) => LOCAL_KEY,
        };
        let (kinds, token) = match self.kinds_of(id, key, token) {
            Ok(allowed) => allowed,
            Err(error) => {
                tracing::warn!(worker = %id, %error, "a worker was refused");
                return DaemonToWorkerReply::AuthFailed(error.to_string());
            }
        };
        if self
            .replaced
            .get(&id)
            .is_some_and(|replaced| replaced.contains(&from))
        {
            return DaemonToWorkerReply::Rejected("another process has taken this worker's place".to_owned());
        }
        if self.peers.len() >= WORKERS_ATTACHED_MAX && !self.peers.contains_key(&id) {
            return DaemonToWorkerReply::Rejected("too many workers are attached".to_owned());
        }
        if let Some(before) = self.peers.get(&id).filter(|peer| peer.to != from) {
            let before = before.to;
            let replaced = self.replaced.entry(id).or_default();
            if replaced.len() >= HOST_INSTANCES_MAX {
                replaced.pop_front();
            }
            replaced.push_back(before);
            self.lose(id);
        }
        let peer = Peer {
            to: from,
            flags: reply.envelope.flags,
            kinds,
            key,
            tokens: [token, None],
            is_attached: false,
            missed: 0,
        };
        self.peers.insert(id, peer);
        DaemonToWorkerReply::Ack
    }

    /// The kinds of work that a worker may do, by its token, whose id this gives too; or, if it has none, by what the key
    /// was enrolled for that it has just proved to have.
    fn kinds_of(
        &self,
        id: WorkerId,
        key: [u8; 32],
        token: &str,
    ) -> Result<(Vec<String>, Option<[u8; 16]>), TokenError> {
        if token.is_empty() && key != LOCAL_KEY {
            let desk = self.parts.desk.get();
            let enrolled = desk.and_then(|desk| desk.kind_of(HostId(id.0)));
            let kind = enrolled
                .as_deref()
                .and_then(|kind| kind.strip_prefix(REMOTE_WORKER));
            return kind
                .map(|kind| (vec![kind.to_owned()], None))
                .ok_or(TokenError::Revoked);
        }
        let claims = self.parts.keys.check(id.0, Principal::Worker(id, key), token)?;
        match claims.grant {
            Grant::Worker { kinds, .. } => Ok((kinds, Some(claims.jti))),
            _ => Err(TokenError::Invalid),
        }
    }

    /// A worker that has said hello is ready, and names what it has.
    pub(super) fn attach(
        &mut self,
        worker: WorkerId,
        kind: &str,
        token: &str,
        known: &[(ReqId, u8)],
    ) -> DaemonToWorkerReply {
        let now = self.now();
        let Some(peer) = self.peers.get_mut(&worker) else {
            return DaemonToWorkerReply::NotRegistered(worker);
        };
        if !peer.kinds.iter().any(|allowed| allowed == kind) {
            let words = format!("its token is for {}, and not for `{kind}`", peer.kinds.join(", "));
            return DaemonToWorkerReply::AuthFailed(words);
        }
        if known.len() > WORKER_KNOWN_MAX {
            return DaemonToWorkerReply::Rejected(format!("it names more than {WORKER_KNOWN_MAX} requests"));
        }
        (peer.is_attached, peer.missed) = (true, 0);
        let fresh = match token.is_empty() {
            // Its key goes on to stand for it.
            true => String::new(),
            false => {
                let (fresh, jti) = self.parts.keys.worker_token(worker, kind, peer.key);
                peer.tokens[1] = Some(jti);
                fresh
            }
        };
        tracing::info!(%worker, kind, known = known.len(), "a worker is there");
        self.dispatch.attach(now, (worker, kind), known, &mut self.out);
        DaemonToWorkerReply::Attached { worker, token: fresh }
    }

    /// A fresh token for one that still holds.
    pub(super) fn renew(&mut self, worker: WorkerId, token: &str) -> DaemonToWorkerReply {
        let Some(peer) = self.peers.get_mut(&worker) else {
            return DaemonToWorkerReply::NotRegistered(worker);
        };
        let keys = &self.parts.keys;
        match keys.check(worker.0, Principal::Worker(worker, peer.key), token) {
            Ok(claims) => {
                let (token, jti) = keys.renew(&claims);
                peer.tokens[1] = Some(jti);
                DaemonToWorkerReply::Attached { worker, token }
            }
            Err(error) => DaemonToWorkerReply::AuthFailed(error.to_string()),
        }
    }
}

/// The id of a worker that runs by itself; or, in words, why it may not be called so.
pub fn check_name(kind: &str, name: &str) -> Result<WorkerId, String> {
    let is_word = |text: &str, len_max| {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !text.is_empty() && text.len() <= len_max && text.chars().all(is_fine)
    };
    if !is_word(kind, KIND_LEN_MAX) {
        return Err(format!(
            "`{kind}` is no kind of work: letters, digits, - and _, {KIND_LEN_MAX} at most"
        ));
    }
    if !is_word(name, 16) || name.starts_with(WORKER_NAME) {
        return Err(format!(
            "`{name}` is no name for a worker: 16 letters, digits, - and _ at most, and not like those of the server's own"
        ));
    }
    Ok(WorkerId::named(name))
}
