//! CURVE: how sockets that a network carries are encrypted, and who may connect to them.
//!
//! Invariants: no socket of ours is bound or connected over tcp without keys; a key that is not admitted gets no
//! further than the handshake; what an admitted peer sends carries the id that its key was admitted under.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use super::crowd::{Admission, Crowd};
use super::{GatewayError, check_local, open_socket};
use crate::limits::{HANDSHAKE_MS, HEARTBEAT_MS, RECEIVE_BURST};
use crate::protocol::HostId;
use crate::protocol::hex::{from_hex, to_hex};

/// Where libzmq asks who may connect.
const ZAP_ENDPOINT: &str = "inproc://zeromq.zap.01";
/// The domain of sockets that only admitted keys may connect to.
const MEMBERS: &str = "members";
/// The domain of the enrollment socket, which takes any key.
const STRANGERS: &str = "strangers";
/// The property of a message that has what the doorkeeper said of its sender.
const USER_ID: &str = "User-Id";

/// A key pair of one process.
#[derive(Clone, PartialEq, Eq)]
pub struct CurveKeys {
    /// What others know it by.
    pub public: [u8; 32],
    /// What nobody else may have.
    pub secret: [u8; 32],
}

impl CurveKeys {
    /// A new pair. Draws on the system's randomness.
    pub fn generate() -> Result<CurveKeys, GatewayError> {
        require_curve()?;
        let pair = zmq::CurveKeyPair::new()?;
        Ok(CurveKeys {
            public: pair.public_key,
            secret: pair.secret_key,
        })
    }

    /// Both keys, for a file that only its owner can read.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.public);
        bytes[32..].copy_from_slice(&self.secret);
        bytes
    }

    /// What [`Self::to_bytes`] gave; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<CurveKeys> {
        let (public, secret) = bytes.split_first_chunk()?;
        Some(CurveKeys {
            public: *public,
            secret: secret.try_into().ok()?,
        })
    }
}

impl fmt::Debug for CurveKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurveKeys").finish_non_exhaustive()
    }
}

/// What a process needs to speak to a daemon over a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CurveClient {
    /// Its own keys.
    pub keys: CurveKeys,
    /// The daemon's public key.
    pub server: [u8; 32],
}

/// The keys that may connect, each with the id that it was enrolled under. Clones are the same list.
#[derive(Clone, Default, Debug)]
pub struct Admitted(Arc<RwLock<HashMap<[u8; 32], HostId>>>);

impl Admitted {
    /// Lets a key in from now on.
    pub fn admit(&self, key: [u8; 32], id: HostId) {
        self.write(|known| {
            known.insert(key, id);
        });
    }

    /// Lets none of this id's keys in any more; gives those that there were. Connections that exist end with
    /// [`ServerSender::cut_network`](super::ServerSender::cut_network).
    pub fn expel(&self, id: HostId) -> Vec<[u8; 32]> {
        let mut expelled = Vec::new();
        self.write(|known| {
            known.retain(|key, owner| {
                let stays = *owner != id;
                if !stays {
                    expelled.push(*key);
                }
                stays
            });
        });
        expelled
    }

    /// The id of a key that may connect.
    pub fn id_of(&self, key: &[u8; 32]) -> Option<HostId> {
        // A list that was being changed when somebody panicked is still a list of keys that were admitted.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).copied()
    }

    fn write(&self, change: impl FnOnce(&mut HashMap<[u8; 32], HostId>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Who has sent a frame, by what the socket knows of the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaker {
    /// A process on this machine that can reach the sockets in `run/`.
    Local,
    /// The owner of an admitted key.
    Enrolled(HostId, [u8; 32]),
    /// The owner of this key, of which nothing else is known. Only the enrollment socket hears such.
    Stranger([u8; 32]),
}

impl Speaker {
    /// The sender of this part of a message that came over a network; `None` if the doorkeeper has not said who it is.
    pub(super) fn of(part: &mut zmq::Message) -> Option<Speaker> {
        let text = part.gets(USER_ID)?;
        let (id, key) = text.split_once('/')?;
        let key = from_hex(key)?;
        match id {
            "" => Some(Speaker::Stranger(key)),
            id => Some(Speaker::Enrolled(HostId(from_hex(id)?), key)),
        }
    }

    fn to_user_id(self) -> Option<String> {
        match self {
            Speaker::Local => None,
            Speaker::Enrolled(id, key) => Some(format!("{id}/{}", to_hex(&key))),
            Speaker::Stranger(key) => Some(format!("/{}", to_hex(&key))),
        }
    }
}

/// Fails where the library was built without CURVE.
fn require_curve() -> Result<(), GatewayError> {
    match zmq::has("curve") {
        Some(true) => Ok(()),
        _ => Err(GatewayError::Setup(
            "this build has no CURVE, so it cannot encrypt; see .cargo/config.toml of its sources".into(),
        )),
    }
}

/// Makes a socket the encrypted end that others connect to.
pub(super) fn serve(socket: &zmq::Socket, keys: &CurveKeys, anybody: bool) -> Result<(), GatewayError> {
    require_curve()?;
    socket.set_curve_server(true)?;
    socket.set_curve_secretkey(&keys.secret)?;
    socket.set_zap_domain(if anybody { STRANGERS } else { MEMBERS })?;
    socket.set_handshake_ivl(HANDSHAKE_MS)?;
    beat(socket)
}

/// Makes a socket the encrypted end that connects, if the endpoint is on a network.
pub(super) fn join(
    socket: &zmq::Socket,
    endpoint: &str,
    curve: Option<&CurveClient>,
) -> Result<(), GatewayError> {
    let Some(curve) = curve.filter(|_| check_local(endpoint).is_err()) else {
        return check_local(endpoint);
    };
    require_curve()?;
    socket.set_curve_serverkey(&curve.server)?;
    socket.set_curve_publickey(&curve.keys.public)?;
    socket.set_curve_secretkey(&curve.keys.secret)?;
    beat(socket)
}

/// A cable that was pulled is noticed by both ends.
fn beat(socket: &zmq::Socket) -> Result<(), GatewayError> {
    socket.set_heartbeat_ivl(HEARTBEAT_MS.0)?;
    socket.set_heartbeat_timeout(HEARTBEAT_MS.1)?;
    socket.set_heartbeat_ttl(HEARTBEAT_MS.1)?;
    Ok(())
}

/// Answers libzmq's question who may connect. It shares the thread of the sockets whose door it keeps: that thread
/// never blocks, and a handshake can wait for its turn.
pub(super) struct Doorkeeper {
    pub(super) socket: zmq::Socket,
    admitted: Admitted,
    pub(super) crowd: Crowd,
    /// Whose connections have to end, since there are too many.
    pub(super) crowded: Crowded,
}

/// The doors at which too many have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowded {
    pub(super) members: bool,
    pub(super) strangers: bool,
}

impl Doorkeeper {
    /// There is one a context, and it is there before any socket of the context is bound.
    pub(super) fn open(context: &zmq::Context, admitted: Admitted) -> Result<Doorkeeper, GatewayError> {
        let socket = open_socket(context, zmq::ROUTER)?;
        socket.bind(ZAP_ENDPOINT)?;
        Ok(Doorkeeper {
            socket,
            admitted,
            crowd: Crowd::new(Instant::now()),
            crowded: Crowded::default(),
        })
    }

    /// Answers what was asked; false when nothing was. Counts whom it turned away.
    pub(super) fn receive(&mut self, turned_away: &AtomicU64) -> bool {
        let mut heard = false;
        for _ in 0..RECEIVE_BURST {
            let Ok(question) = self.socket.recv_multipart(zmq::DONTWAIT) else {
                break;
            };
            heard = true;
            if let Some(answer) = self.answer(&question, turned_away) {
                // An answer that cannot be sent ends that handshake, and the peer tries again.
                let _ = self.socket.send_multipart(answer, zmq::DONTWAIT);
            }
        }
        heard
    }

    /// The status that a handshake is answered with, and its reason. 400 is for good; after 300 the peer tries again.
    fn judge(&mut self, speaker: Option<Speaker>, address: &str) -> (&'static str, &'static str) {
        let (admission, door) = match speaker {
            Some(Speaker::Enrolled(host, _)) => {
                let admission = self.crowd.member(host, Instant::now());
                (admission, &mut self.crowded.members)
            }
            Some(Speaker::Stranger(_)) => (self.crowd.stranger(), &mut self.crowded.strangers),
            Some(Speaker::Local) | None => {
                tracing::warn!(%address, "a peer whose key is not enrolled was turned away");
                return ("400", "this key is not enrolled");
            }
        };
        match admission {
            Admission::Granted => return ("200", ""),
            Admission::TooOften => {
                tracing::warn!(?speaker, %address, "a host connects too often and has to wait");
            }
            Admission::Crowded => {
                *door = true;
                tracing::error!(?speaker, %address, "too many connections of other machines: they all have to come anew");
            }
        }
        ("300", "too many connections")
    }

    /// The parts of a question are: routing id, empty, version, request, domain, address, identity, mechanism, key.
    fn answer(&mut self, question: &[Vec<u8>], turned_away: &AtomicU64) -> Option<Vec<Vec<u8>>> {
        let [
            from,
            _,
            version,
            request,
            domain,
            address,
            _,
            mechanism,
            credentials @ ..,
        ] = question
        else {
            return None;
        };
        let key: Option<[u8; 32]> = credentials.first().and_then(|key| key.as_slice().try_into().ok());
        let speaker = match (mechanism.as_slice(), key) {
            (b"CURVE", Some(key)) if domain == STRANGERS.as_bytes() => Some(Speaker::Stranger(key)),
            (b"CURVE", Some(key)) if domain == MEMBERS.as_bytes() => {
                self.admitted.id_of(&key).map(|id| Speaker::Enrolled(id, key))
            }
            _ => None,
        };
        let address = String::from_utf8_lossy(address);
        let (status, text) = self.judge(speaker, &address);
        if status != "200" {
            turned_away.fetch_add(1, Ordering::Relaxed);
        }
        let user_id = speaker.and_then(Speaker::to_user_id).unwrap_or_default();
        let parts: [&[u8]; 8] = [
            from,
            b"",
            version,
            request,
            status.as_bytes(),
            text.as_bytes(),
            user_id.as_bytes(),
            b"",
        ];
        Some(parts.iter().map(|part| part.to_vec()).collect())
    }
}
