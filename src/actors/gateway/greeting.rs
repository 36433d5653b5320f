//! A host's hello: who may be one, and which start of a host stands.

use super::{GatewayActor, Host, identity};
use crate::actors::connection::HostCame;
use crate::actors::host_session::HostSession;
use crate::actors::keyring::LOCAL_KEY;
use crate::actors::kit::gate::Gate;
use crate::actors::kit::supervisor::{ChildSpec, Restart};
use crate::gateway::PeerId;
use crate::gateway::curve::Speaker;
use crate::limits::{HOST_GATE_MAX, HOST_INSTANCES_MAX};
use crate::protocol::HostId;
use crate::protocol::header::{VERSION, VERSION_MIN};
use crate::protocol::host::{HostType, RejectReason};
use crate::protocol::token::{Grant, Principal, TokenError, key_hash};
use crate::protocol::worker::REMOTE_WORKER;

impl GatewayActor {
    /// Checks a hello. A new start of a host replaces the last one, whose sockets are gone with it; should that one wake
    /// up, it is turned away.
    pub(super) fn greet(
        &mut self,
        (from, speaker): (PeerId, Speaker),
        versions: (u8, u8),
        id: HostId,
        token: &str,
    ) -> Result<(), RejectReason> {
        let (claimed, instance) = identity(from).ok_or(RejectReason::BadToken)?;
        if versions.0 > VERSION || versions.1 < VERSION_MIN {
            return Err(RejectReason::BadVersion);
        }
        if id != claimed {
            return Err(RejectReason::BadToken);
        }
        let key = match speaker {
            Speaker::Enrolled(_, key) => key_hash(&key),
            Speaker::Local | Speaker::Stranger(_) => LOCAL_KEY,
        };
        let (host_type, token) = self.kind_of(id, key, token).map_err(|error| {
            tracing::warn!(host = %id, %error, "a host was refused");
            RejectReason::BadToken
        })?;
        if self.is_draining {
            return Err(RejectReason::Draining);
        }
        if self
            .replaced
            .get(&id)
            .is_some_and(|replaced| replaced.contains(&instance))
        {
            return Err(RejectReason::Fenced);
        }
        let known = self.hosts.get(&id);
        let came = HostCame {
            host: id,
            instance,
            peer: from,
            is_new: known.is_some_and(|known| known.instance != instance),
        };
        // What the connections do not know must not be so: the host asks again.
        if !self.tell_departed() || self.connections.offer(came).is_err() {
            tracing::warn!(host = %id, "a host must come again: the connections have too much to do");
            return Err(RejectReason::Full);
        }
        match self.hosts.get_mut(&id) {
            Some(known) if known.instance == instance => (known.missed, known.token) = (0, token),
            Some(known) => {
                let replaced = self.replaced.entry(id).or_default();
                if replaced.len() >= HOST_INSTANCES_MAX {
                    replaced.pop_front();
                }
                replaced.push_back(known.instance);
                (known.instance, known.missed, known.token) = (instance, 0, token);
            }
            None => {
                let session = self.start_session(id, host_type.clone(), key);
                let host = Host {
                    instance,
                    host_type: HostType::of_host(&host_type),
                    name: host_type,
                    session,
                    token,
                    missed: 0,
                };
                self.hosts.insert(id, host);
            }
        }
        Ok(())
    }

    /// What a host serves, by its token, whose id this gives too; or, if it has none that holds any more, by the key that
    /// it was enrolled with and has just proved to have.
    fn kind_of(
        &self,
        id: HostId,
        key: [u8; 32],
        token: &str,
    ) -> Result<(String, Option<[u8; 16]>), TokenError> {
        if token.is_empty() && key != LOCAL_KEY {
            let kind = self.desk.kind_of(id).ok_or(TokenError::Revoked)?;
            if kind.starts_with(REMOTE_WORKER) {
                return Err(TokenError::NotBearers);
            }
            return Ok((kind, None));
        }
        let claims = self.parts.keys.check(id.0, Principal::Host(id, key), token)?;
        match claims.grant {
            Grant::Host { host_type, .. } => Ok((host_type, Some(claims.jti))),
            _ => Err(TokenError::Invalid),
        }
    }

    fn start_session(&self, id: HostId, name: String, key: [u8; 32]) -> Gate<HostSession> {
        let parts = self.parts.clone();
        let spec = ChildSpec {
            restart: Restart::Transient,
            ..ChildSpec::permanent("host-session")
        };
        let slot = self
            .supervisor
            .supervise(spec, self.arbiter.clone(), move |guard| {
                HostSession::new(parts.clone(), (id, key), name.clone(), guard)
            });
        Gate::new(slot, HOST_GATE_MAX)
    }
}
