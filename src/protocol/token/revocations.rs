//! Tokens that died before their time: generations that were raised, and single tokens.
//!
//! Invariant: a revocation is kept for longer than any token lives that it kills, and is only ever forgotten in favour
//! of a wider one.

use std::collections::HashMap;
use std::time::Duration;

use moo_model::ledger::{Relation, Row};

use super::{Claims, TokenError};
use crate::limits::{REVOCATION_LIFE_S, REVOCATIONS_MAX};
use crate::protocol::broadcast::Subject;
use crate::protocol::{ClientId, HostId, Wall, WireObj, WorkerId};

/// The version of the stored rows.
const ROW_VERSION: u8 = 1;
/// The row of the generation that everybody has at least.
const FLOOR_KEY: &[u8] = b"floor";

/// A generation, and when it was raised to this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Raised {
    generation: u32,
    at: Wall,
}

impl Raised {
    /// Whether all that it has killed has expired by itself.
    fn is_over(self, now: Wall) -> bool {
        now >= self.at.plus(Duration::from_secs(REVOCATION_LIFE_S))
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut out = vec![ROW_VERSION];
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.at.0.to_be_bytes());
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Raised> {
        let (&[ROW_VERSION], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (generation, at) = rest.split_first_chunk()?;
        Some(Raised {
            generation: u32::from_be_bytes(*generation),
            at: Wall(u64::from_be_bytes(at.try_into().ok()?)),
        })
    }
}

/// All that was revoked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revocations {
    /// What everybody's generation is at least.
    floor: Raised,
    /// By subject; single tokens stand among them with a generation of their own that nothing reaches.
    raised: HashMap<Subject, Raised>,
}

impl Revocations {
    /// What was stored, except for what is over.
    pub fn load(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>, now: Wall) -> Revocations {
        let mut loaded = Revocations::default();
        for (key, value) in rows {
            let Some(raised) = Raised::from_bytes(&value).filter(|raised| !raised.is_over(now)) else {
                continue;
            };
            if key == FLOOR_KEY {
                loaded.floor = raised;
            } else if let Some(subject) = subject_of(&key) {
                loaded.raised.insert(subject, raised);
            }
        }
        loaded
    }

    /// The generation that tokens of this subject are signed with and need to have.
    pub fn generation(&self, subject: Subject) -> u32 {
        let own = self.raised.get(&subject).map_or(0, |raised| raised.generation);
        own.max(self.floor.generation)
    }

    /// Kills all tokens that the subject has. Gives its new generation and what has to be stored.
    pub fn revoke(&mut self, subject: Subject, now: Wall) -> (u32, Vec<Row>) {
        let mut rows = self.forget_what_is_over(now);
        if self.raised.len() >= REVOCATIONS_MAX {
            rows.extend(self.revoke_all(now));
        }
        let raised = Raised {
            generation: self.generation(subject) + 1,
            at: now,
        };
        self.raised.insert(subject, raised);
        rows.push(row(key_of(subject), Some(raised.to_bytes())));
        (raised.generation, rows)
    }

    /// The subject is no more, and nobody can show a token of its for anything. Gives what has to be stored.
    pub fn forget(&mut self, subject: Subject) -> Option<Row> {
        self.raised.remove(&subject)?;
        Some(row(key_of(subject), None))
    }

    /// Kills every token that there is. Gives what has to be stored.
    pub fn revoke_all(&mut self, now: Wall) -> Vec<Row> {
        let highest = self.raised.values().map(|raised| raised.generation).max();
        self.floor = Raised {
            generation: self.floor.generation.max(highest.unwrap_or_default()) + 1,
            at: now,
        };
        let mut rows: Vec<Row> = self
            .raised
            .drain()
            .map(|(who, _)| row(key_of(who), None))
            .collect();
        rows.push(row(FLOOR_KEY.to_vec(), Some(self.floor.to_bytes())));
        rows
    }

    /// Whether a token has died.
    pub(super) fn check(&self, claims: &Claims) -> Result<(), TokenError> {
        let (subject, generation) = claims.grant.subject();
        let is_dead =
            generation < self.generation(subject) || self.raised.contains_key(&Subject::Token(claims.jti));
        if is_dead { Err(TokenError::Revoked) } else { Ok(()) }
    }

    fn forget_what_is_over(&mut self, now: Wall) -> Vec<Row> {
        let over = self.raised.extract_if(|_, raised| raised.is_over(now));
        over.map(|(who, _)| row(key_of(who), None)).collect()
    }
}

fn row(key: Vec<u8>, value: Option<Vec<u8>>) -> Row {
    Row {
        relation: Relation::Auth,
        key,
        value,
    }
}

fn key_of(subject: Subject) -> Vec<u8> {
    let (tag, id): (u8, &[u8]) = match &subject {
        Subject::Client(id) => (b'c', &id.0),
        Subject::Player(player) => (b'p', &player.0.to_be_bytes()),
        Subject::Host(id) => (b'h', &id.0),
        Subject::Worker(id) => (b'w', &id.0),
        Subject::Token(jti) => (b't', jti),
    };
    [&[tag], id].concat()
}

fn subject_of(key: &[u8]) -> Option<Subject> {
    let (&tag, id) = key.split_first()?;
    let long = || id.try_into().ok();
    Some(match tag {
        b'c' => Subject::Client(ClientId(long()?)),
        b'p' => Subject::Player(WireObj(i64::from_be_bytes(id.try_into().ok()?))),
        b'h' => Subject::Host(HostId(long()?)),
        b'w' => Subject::Worker(WorkerId(long()?)),
        b't' => Subject::Token(long()?),
        _ => return None,
    })
}
