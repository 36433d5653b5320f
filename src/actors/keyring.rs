//! The daemon's keys and what becomes of its tokens: `Keys` signs and judges them, `KeyDesk` carries out what an
//! operator or the world decides about them.
//!
//! Neither is an actor, since tokens are judged on several threads: what they share lies behind one lock, which is
//! held for one judgement. Invariants: what is revoked is refused from that moment on, stored before the operator is
//! told so, and said to all hosts; the ring in the file is never behind the one in use.

use super::connection::{CloseRevoked, ConnectionActor};
use super::gateway::{ForgetHosts, GatewayActor};
use super::worker::{ForgetWorkers, WorkerActor};
use crate::actors::kit::gate::Gate;
use crate::actors::kit::secret_file::{self, SecretError, random};
use crate::gateway::ServerSender;
use crate::limits::{AUTH_LIFE_S, CLOSE_PATIENCE};
use crate::protocol::admin::KeyStatus;
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, HostBroadcastEvent, Subject};
use crate::protocol::codec::{Envelope, encode};
use crate::protocol::host::PubKey;
use crate::protocol::token::{
    Authority, Claims, Credentials, Grant, KeyRing, KeyUse, Presented, Principal, Revocations, RingError,
    TokenError,
};
use crate::protocol::{ClientId, HostId, Moment, Wall, WireObj, WorkerId};
use moo_db::{Log, NotTaken};
use moo_model::ledger::Row;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What worlds are called in tokens and welcomes.
pub const WORLD: &str = "moothall";

/// What a process on this machine has in place of the hash of a CURVE key.
pub const LOCAL_KEY: [u8; 32] = [0; 32];

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] SecretError),
    /// The ring itself.
    #[error("{0}")]
    Ring(#[from] RingError),
    /// What was decided cannot be stored.
    #[error("the store has ended; nothing was changed for good")]
    Store,
    /// What stands on dead tokens could not be closed.
    #[error("the tokens are dead, but the daemon is too busy to close what stands on them; try again")]
    Busy,
}

/// The judge of tokens, and the clocks that it judges by.
pub struct Keys {
    authority: Mutex<Authority>,
    file: PathBuf,
    now: fn() -> Wall,
    born: Instant,
}

impl Keys {
    /// The ring in `file`, made if there is none.
    pub fn open(file: &Path, revocations: Revocations, now: fn() -> Wall) -> Result<Keys, KeysError> {
        let ring = match secret_file::read(file)? {
            Some(bytes) => KeyRing::from_bytes(WORLD, &bytes)?,
            None => {
                let ring = KeyRing::generate(WORLD)?;
                secret_file::write(file, &ring.to_bytes())?;
                ring
            }
        };
        Ok(Keys {
            authority: Mutex::new(Authority::new(ring, revocations)),
            file: file.to_owned(),
            now,
            born: Instant::now(),
        })
    }

    fn authority(&self) -> MutexGuard<'_, Authority> {
        // Every change is complete before anything can panic, so a poisoned lock holds a sound state.
        self.authority.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that tokens are judged by.
    pub fn now(&self) -> Wall {
        (self.now)()
    }

    /// The keys that tokens can be verified by, for everybody to know.
    pub fn public_keys(&self) -> Vec<PubKey> {
        self.authority().ring().public_keys((self.now)())
    }

    /// A token for a connection, and what it is known by from now on. `auth` is its player's token, after login.
    pub fn credentials(&self, client: ClientId, auth: Option<&str>) -> (String, Credentials) {
        let (jti, now) = (random(), (self.now)());
        let authority = self.authority();
        let generation = authority.generation(Subject::Client(client));
        let token = authority.sign(Grant::Client { client, generation }, jti, now);
        let bound = authority.ring().bound(&token, auth);
        (token, Credentials::new(jti, bound, now))
    }

    /// A token for a player who gave a password at that time, and its id; none if that is too long ago.
    pub fn auth_token(&self, player: WireObj, auth_time: Wall) -> Option<(String, [u8; 16])> {
        let (authority, now) = (self.authority(), (self.now)());
        let grant = Grant::Auth {
            player,
            generation: authority.generation(Subject::Player(player)),
            auth_time,
        };
        let is_fresh = now < auth_time.plus(Duration::from_secs(AUTH_LIFE_S));
        let jti = random();
        is_fresh.then(|| (authority.sign(grant, jti, now), jti))
    }

    /// The token that follows one which [`Self::check`] took, and its id.
    pub fn renew(&self, claims: &Claims) -> (String, [u8; 16]) {
        let jti = random();
        (self.authority().renew(claims, jti, (self.now)()), jti)
    }

    /// A token for a host that speaks CURVE with the key of this hash, [`LOCAL_KEY`] for one of this machine.
    pub fn host_token(&self, host: HostId, kind: &str, key_hash: [u8; 32]) -> String {
        let authority = self.authority();
        let grant = Grant::Host {
            host,
            host_type: kind.to_owned(),
            key_hash,
            generation: authority.generation(Subject::Host(host)),
        };
        authority.sign(grant, random(), (self.now)())
    }

    /// A token for a worker that does this kind of work, and its id; the rest as for hosts.
    pub fn worker_token(&self, worker: WorkerId, kind: &str, key_hash: [u8; 32]) -> (String, [u8; 16]) {
        let authority = self.authority();
        let grant = Grant::Worker {
            worker,
            kinds: vec![kind.to_owned()],
            key_hash,
            generation: authority.generation(Subject::Worker(worker)),
        };
        let jti = random();
        (authority.sign(grant, jti, (self.now)()), jti)
    }

    /// Judges a token; failures are counted by `peer`, if there is one.
    pub fn check(
        &self,
        peer: impl Into<Option<[u8; 16]>>,
        principal: Principal,
        token: &str,
    ) -> Result<Claims, TokenError> {
        let at = Moment::default().plus(self.born.elapsed());
        let presented = Presented {
            peer: peer.into(),
            principal,
            token,
        };
        self.authority().check(&presented, (self.now)(), at)
    }

    /// The generation that tokens of a subject need to have.
    pub fn generation(&self, subject: Subject) -> u32 {
        self.authority().generation(subject)
    }

    /// Kills all tokens of a subject whose sockets are closed already. Gives what has to be stored.
    pub fn end(&self, subject: Subject) -> Vec<Row> {
        self.authority().revoke(subject, (self.now)()).1
    }

    /// A client is no more, and with it what was revoked of it: its tokens are good for nothing without it. Gives what has
    /// to be stored.
    pub fn forget(&self, client: ClientId) -> Option<Row> {
        self.authority().forget(Subject::Client(client))
    }

    /// The keys by what they are for.
    fn list(&self) -> Vec<KeyStatus> {
        let now = (self.now)();
        let status = |(used, key): (KeyUse, PubKey)| KeyStatus {
            kid: key.kid,
            used_as: match used {
                KeyUse::Current => "current",
                KeyUse::Next => "next",
                KeyUse::Previous => "previous",
            }
            .to_owned(),
            public_key: key.ed25519,
            ends_in_s: (used == KeyUse::Previous).then(|| key.not_after.secs().saturating_sub(now.secs())),
        };
        self.authority().ring().listed(now).map(status).collect()
    }

    /// Goes over to the next key, in the file first.
    fn rotate(&self, at_once: bool) -> Result<Vec<Row>, KeysError> {
        let mut authority = self.authority();
        let (rotated, rows) = authority.rotated(at_once, (self.now)())?;
        secret_file::write(&self.file, &rotated.ring().to_bytes())?;
        *authority = rotated;
        Ok(rows)
    }
}

/// What a revocation has led to.
#[derive(Clone, Copy, Debug)]
pub struct Revoked {
    /// The subject's new generation.
    pub generation: u32,
    /// Connections that were closed.
    pub connections: u64,
    /// Hosts and workers that have to say hello with another token.
    pub hosts: u64,
}

/// Carries out decisions about keys and tokens. Its calls write to the disk and wait for it, so they are made on a
/// thread that may wait.
#[derive(Clone)]
pub struct KeyDesk {
    /// The keys.
    pub keys: Arc<Keys>,
    /// Where decisions are stored.
    pub log: Log,
    /// The way to hosts.
    pub sender: ServerSender,
    /// Which start of the daemon this is.
    pub epoch: u32,
    /// Whose sockets may have to be closed.
    pub connections: Gate<ConnectionActor>,
    /// Which hosts may have to say hello again.
    pub gateway: Gate<GatewayActor>,
    /// Which workers may have to.
    pub workers: Gate<WorkerActor>,
}

impl KeyDesk {
    /// The keys by what they are for.
    pub fn list(&self) -> Vec<KeyStatus> {
        self.keys.list()
    }

    /// Goes over to the next key. Tokens of the one before hold for a day more; or, `at_once`, for no moment more, and
    /// then everybody is disconnected.
    pub fn rotate(&self, at_once: bool) -> Result<Vec<KeyStatus>, KeysError> {
        let rows = self.keys.rotate(at_once)?;
        self.store(rows)?;
        self.publish(&HostBroadcastEvent::Keys {
            keys: self.keys.public_keys(),
        });
        if at_once {
            self.close(None)?;
        }
        tracing::warn!(at_once, "the signing key was changed");
        Ok(self.keys.list())
    }

    /// Kills all tokens of a subject and closes what stands on them. Gives the subject's generation, and how many
    /// connections and hosts that were. Waits for both.
    pub fn revoke(&self, subject: Subject) -> Result<Revoked, KeysError> {
        let (generation, rows) = self.keys.authority().revoke(subject, (self.keys.now)());
        self.publish(&HostBroadcastEvent::Revoked { subject, generation });
        let closed = self.close(Some(subject));
        self.store(rows)?;
        let (connections, hosts) = closed?;
        tracing::warn!(?subject, generation, connections, hosts, "tokens were revoked");
        Ok(Revoked {
            generation,
            connections,
            hosts,
        })
    }

    fn close(&self, subject: Option<Subject>) -> Result<(u64, u64), KeysError> {
        let (closed, connections) = oneshot::channel();
        let (forgotten, hosts) = oneshot::channel();
        let (let_go, workers) = oneshot::channel();
        let close = CloseRevoked { subject, closed };
        let forget = ForgetHosts { subject, forgotten };
        let is_told = self.connections.offer_for(close, CLOSE_PATIENCE).is_ok();
        let is_forgotten = self.gateway.offer_for(forget, CLOSE_PATIENCE).is_ok();
        let let_go = ForgetWorkers {
            subject,
            forgotten: let_go,
        };
        let are_let_go = self.workers.offer_for(let_go, CLOSE_PATIENCE).is_ok();
        if !(is_told && is_forgotten && are_let_go) {
            return Err(KeysError::Busy);
        }
        let count = |answer: oneshot::Receiver<u64>| answer.blocking_recv().unwrap_or_default();
        Ok((count(connections), count(hosts) + count(workers)))
    }

    fn publish(&self, event: &HostBroadcastEvent) {
        let envelope = Envelope {
            epoch: self.epoch,
            ..Envelope::default()
        };
        if let Ok(frame) = encode(&envelope, event) {
            // A host that misses it is refused, and learns the rest from its next Welcome.
            self.sender.publish(HOST_BROADCAST_TOPIC, frame).ok();
        }
    }

    fn store(&self, rows: Vec<Row>) -> Result<(), KeysError> {
        let stored = self
            .log
            .put_rows(rows)
            .and_then(|()| self.log.flush().map_err(|_| NotTaken::Ended));
        stored.map_err(|_| KeysError::Store)
    }
}
