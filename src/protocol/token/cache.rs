//! Tokens whose signatures were verified lately.
//!
//! Invariant: what comes out says only that a key of ours signed these claims; whether they hold, and for whom, is
//! asked again on every hit. At most [`TOKEN_CACHE_MAX`] tokens, none for longer than [`TOKEN_CACHE_LIFE`].

use std::collections::HashMap;

use super::Claims;
use crate::limits::{TOKEN_CACHE_LIFE, TOKEN_CACHE_MAX};
use crate::protocol::Moment;

type Known = HashMap<[u8; 32], (Moment, Claims)>;

/// Two halves: when the young one is full it becomes the old one, and what was old is forgotten.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: Known,
    old: Known,
}

impl Cache {
    /// The claims of a token that was verified not too long ago.
    pub(super) fn get(&self, token: &str, at: Moment) -> Option<&Claims> {
        let name = name_of(token);
        let (verified, claims) = self.young.get(&name).or_else(|| self.old.get(&name))?;
        (at.since(*verified) < TOKEN_CACHE_LIFE).then_some(claims)
    }

    /// Remembers a token whose signature was just verified.
    pub(super) fn put(&mut self, token: &str, claims: Claims, at: Moment) {
        if self.young.len() >= TOKEN_CACHE_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name_of(token), (at, claims));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

fn name_of(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}
