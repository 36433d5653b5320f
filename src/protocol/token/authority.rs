//! What everybody asks who holds a token: the ring, what was revoked, what was verified lately, and who failed.
//!
//! Invariant: a token that was verified before is compared again with its bearer, class, generation and end each time
//! it is presented; the cache spares the signature and nothing else.

use super::cache::Cache;
use super::failures::Failures;
use super::{Claims, Grant, KeyRing, Principal, Revocations, RingError, TokenError};
use crate::protocol::broadcast::Subject;
use crate::protocol::{Moment, Wall};
use moo_model::ledger::Row;

/// A token as it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Whose failures are counted together; none if whoever passes it on counts them, for many whom it speaks for.
    pub peer: Option<[u8; 16]>,
    /// Whom it is to speak for.
    pub principal: Principal,
    /// The token.
    pub token: &'a str,
}

/// The daemon's judge of tokens.
#[derive(Debug)]
pub struct Authority {
    ring: KeyRing,
    revocations: Revocations,
    cache: Cache,
    failures: Failures,
}

impl Authority {
    /// With these keys, and what was revoked before.
    pub fn new(ring: KeyRing, revocations: Revocations) -> Authority {
        Authority {
            ring,
            revocations,
            cache: Cache::default(),
            failures: Failures::default(),
        }
    }

    /// The keys.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The generation that tokens of this subject need to have.
    pub fn generation(&self, subject: Subject) -> u32 {
        self.revocations.generation(subject)
    }

    /// Signs a token; see [`KeyRing::sign`].
    pub fn sign(&self, grant: Grant, jti: [u8; 16], now: Wall) -> String {
        self.ring.sign(grant, jti, now)
    }

    /// The token that follows one which was taken and says the same.
    pub fn renew(&self, claims: &Claims, jti: [u8; 16], now: Wall) -> String {
        self.sign(claims.grant.clone(), jti, now)
    }

    /// Judges a token. A signature costs about 100 microseconds, unless it was verified in the last minute.
    pub fn check(&mut self, presented: &Presented<'_>, now: Wall, at: Moment) -> Result<Claims, TokenError> {
        let peer = presented.peer;
        if peer.is_some_and(|peer| self.failures.is_refused(peer, at)) {
            return Err(TokenError::TooManyFailures);
        }
        let judged = self.judge(presented, now, at);
        if let (Some(peer), Err(_)) = (peer, &judged) {
            self.failures.add(peer, at);
        }
        judged
    }

    fn judge(&mut self, presented: &Presented<'_>, now: Wall, at: Moment) -> Result<Claims, TokenError> {
        let Presented { principal, token, .. } = *presented;
        let class = principal.class();
        let claims = match self.cache.get(token, at) {
            Some(claims) => claims.clone(),
            None => {
                let claims = self.ring.verify(class, token, now)?;
                self.cache.put(token, claims.clone(), at);
                claims
            }
        };
        if claims.grant.class() != class {
            return Err(TokenError::Invalid);
        }
        if claims.is_over(now) {
            return Err(TokenError::Expired);
        }
        self.revocations.check(&claims)?;
        match principal.is_bearer_of(&claims.grant) {
            true => Ok(claims),
            false => Err(TokenError::NotBearers),
        }
    }

    /// Kills all tokens of a subject; see [`Revocations::revoke`].
    pub fn revoke(&mut self, subject: Subject, now: Wall) -> (u32, Vec<Row>) {
        self.revocations.revoke(subject, now)
    }

    /// A subject is no more; see [`Revocations::forget`].
    pub fn forget(&mut self, subject: Subject) -> Option<Row> {
        self.revocations.forget(subject)
    }

    /// The authority that follows this one: it signs with the ring's next key. At once: no key of the ring is used any
    /// more, since whoever has read one has read them all, and all tokens that there are die. Gives also what has to be
    /// stored.
    pub fn rotated(&self, at_once: bool, now: Wall) -> Result<(Authority, Vec<Row>), RingError> {
        let mut after = Authority::new(self.ring.clone(), self.revocations.clone());
        if at_once {
            after.ring = KeyRing::generate(after.ring.world())?;
            let rows = after.revocations.revoke_all(now);
            return Ok((after, rows));
        }
        after.ring.rotate(now)?;
        Ok((after, Vec::new()))
    }

    #[cfg(test)]
    pub(super) fn revocations_mut(&mut self) -> &mut Revocations {
        &mut self.revocations
    }
}
