//! The JSON inside a token.
//!
//! Invariant: whatever [`Payload::claims`] gives, [`Payload::new`] would write as the same JSON.

use serde::{Deserialize, Serialize};

use super::{Claims, Grant, calendar};
use crate::protocol::hex::{from_hex, to_hex};
use crate::protocol::{ClientId, HostId, WireObj, WorkerId};

/// Who signs.
pub(super) const ISSUER: &str = "moothall";

/// The claims as they are written.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) iss: String,
    /// The world.
    pub(super) aud: String,
    jti: String,
    iat: String,
    pub(super) nbf: String,
    exp: String,
    #[serde(flatten)]
    grant: GrantText,
}

/// A grant with its ids as text. The first field of each variant tells which it is.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum GrantText {
    Client {
        client: String,
        generation: u32,
    },
    Auth {
        player: i64,
        generation: u32,
        auth_time: String,
    },
    Host {
        host: String,
        host_type: String,
        key_hash: String,
        generation: u32,
    },
    Worker {
        worker: String,
        kinds: Vec<String>,
        key_hash: String,
        generation: u32,
    },
}

impl Payload {
    pub(super) fn new(world: &str, claims: &Claims) -> Payload {
        let issued = calendar::to_text(claims.issued);
        Payload {
            iss: ISSUER.into(),
            aud: world.into(),
            jti: to_hex(&claims.jti),
            nbf: issued.clone(),
            iat: issued,
            exp: calendar::to_text(claims.expires),
            grant: match &claims.grant {
                Grant::Client { client, generation } => GrantText::Client {
                    client: to_hex(&client.0),
                    generation: *generation,
                },
                Grant::Auth {
                    player,
                    generation,
                    auth_time,
                } => GrantText::Auth {
                    player: player.0,
                    generation: *generation,
                    auth_time: calendar::to_text(*auth_time),
                },
                Grant::Host {
                    host,
                    host_type,
                    key_hash,
                    generation,
                } => GrantText::Host {
                    host: to_hex(&host.0),
                    host_type: host_type.clone(),
                    key_hash: to_hex(key_hash),
                    generation: *generation,
                },
                Grant::Worker {
                    worker,
                    kinds,
                    key_hash,
                    generation,
                } => GrantText::Worker {
                    worker: to_hex(&worker.0),
                    kinds: kinds.clone(),
                    key_hash: to_hex(key_hash),
                    generation: *generation,
                },
            },
        }
    }

    /// What it says; `None` if a claim is malformed.
    pub(super) fn claims(&self) -> Option<Claims> {
        let grant = match &self.grant {
            GrantText::Client { client, generation } => Grant::Client {
                client: ClientId(from_hex(client)?),
                generation: *generation,
            },
            GrantText::Auth {
                player,
                generation,
                auth_time,
            } => Grant::Auth {
                player: WireObj(*player),
                generation: *generation,
                auth_time: calendar::from_text(auth_time)?,
            },
            GrantText::Host {
                host,
                host_type,
                key_hash,
                generation,
            } => Grant::Host {
                host: HostId(from_hex(host)?),
                host_type: host_type.clone(),
                key_hash: from_hex(key_hash)?,
                generation: *generation,
            },
            GrantText::Worker {
                worker,
                kinds,
                key_hash,
                generation,
            } => Grant::Worker {
                worker: WorkerId(from_hex(worker)?),
                kinds: kinds.clone(),
                key_hash: from_hex(key_hash)?,
                generation: *generation,
            },
        };
        Some(Claims {
            jti: from_hex(&self.jti)?,
            issued: calendar::from_text(&self.iat)?,
            expires: calendar::from_text(&self.exp)?,
            grant,
        })
    }
}
