//! The daemon's keys: the one that signs, the next one, and the one before, which still verifies for a day.
//!
//! Invariant: the next key is told to everybody before anything is signed with it, since [`KeyRing::rotate`] takes it
//! from the ring where it has been since the last rotation.

use std::fmt;
use std::time::Duration;

use pasetors::Public;
use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate};
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};

use super::payload::{ISSUER, Payload};
use super::{Claims, Grant, TokenClass, TokenError, calendar};
use crate::limits::{AUTH_LIFE_S, KEY_OVERLAP_S, TOKEN_LEN_MAX, TOKEN_SKEW_S};
use crate::protocol::Wall;
use crate::protocol::host::PubKey;

/// The version of the stored form.
const STORED_VERSION: u8 = 1;
/// Bytes of a secret key, which hold the public one too.
const KEY_LEN: usize = 64;
/// What separates our keyed hashes from any other use of the same key.
const BOUND_CONTEXT: &str = "moothall 2026 bound tokens of a connection";

/// Why there is no ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RingError {
    /// The system gives no randomness.
    #[error("cannot make a key: the system gives no random bytes")]
    Generate,
    /// The stored bytes are not a ring.
    #[error("the stored keys cannot be read; remove their file to make new ones, and everyone logs in again")]
    Stored,
}

/// What a key of the ring is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyUse {
    /// It signs.
    Current,
    /// It will sign after the next rotation.
    Next,
    /// It has signed, and still verifies.
    Previous,
}

#[derive(Clone)]
struct Key {
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

impl Key {
    fn generate() -> Result<Key, RingError> {
        let pair = AsymmetricKeyPair::<V4>::generate().map_err(|_| RingError::Generate)?;
        Ok(Key {
            secret: pair.secret,
            public: pair.public,
        })
    }

    fn from_bytes(bytes: &[u8; KEY_LEN]) -> Option<Key> {
        let secret = AsymmetricSecretKey::<V4>::from(bytes).ok()?;
        let public = AsymmetricPublicKey::try_from(&secret).ok()?;
        Some(Key { secret, public })
    }

    /// A name that tells nothing else: the start of the public key's hash.
    fn kid(&self) -> String {
        blake3::hash(self.public.as_bytes()).to_hex()[..16].to_owned()
    }
}

/// The keys of one world.
#[derive(Clone)]
pub struct KeyRing {
    world: String,
    current: Key,
    next: Key,
    /// The key before this one, and when it stops to verify.
    previous: Option<(Key, Wall)>,
    bound_key: [u8; 32],
}

impl KeyRing {
    /// New keys. Draws on the system's randomness.
    pub fn generate(world: &str) -> Result<KeyRing, RingError> {
        let seed = Key::generate()?;
        Ok(KeyRing {
            world: world.into(),
            current: Key::generate()?,
            next: Key::generate()?,
            previous: None,
            bound_key: blake3::derive_key(BOUND_CONTEXT, seed.secret.as_bytes()),
        })
    }

    /// The world that its tokens are for.
    pub fn world(&self) -> &str {
        &self.world
    }

    /// The ring as bytes, secrets included: for a file that only its owner can read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![STORED_VERSION];
        out.extend_from_slice(&self.bound_key);
        out.extend_from_slice(self.current.secret.as_bytes());
        out.extend_from_slice(self.next.secret.as_bytes());
        if let Some((key, until)) = &self.previous {
            out.extend_from_slice(key.secret.as_bytes());
            out.extend_from_slice(&until.0.to_le_bytes());
        }
        out
    }

    /// The ring that [`Self::to_bytes`] wrote.
    pub fn from_bytes(world: &str, bytes: &[u8]) -> Result<KeyRing, RingError> {
        Self::read(world, bytes).ok_or(RingError::Stored)
    }

    fn read(world: &str, bytes: &[u8]) -> Option<KeyRing> {
        let (&[STORED_VERSION], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (bound_key, rest) = rest.split_first_chunk::<32>()?;
        let (current, rest) = rest.split_first_chunk::<KEY_LEN>()?;
        let (next, rest) = rest.split_first_chunk::<KEY_LEN>()?;
        let previous = match rest.split_first_chunk::<KEY_LEN>() {
            None if rest.is_empty() => None,
            None => return None,
            Some((key, until)) => Some((
                Key::from_bytes(key)?,
                Wall(u64::from_le_bytes(until.try_into().ok()?)),
            )),
        };
        Some(KeyRing {
            world: world.into(),
            current: Key::from_bytes(current)?,
            next: Key::from_bytes(next)?,
            previous,
            bound_key: *bound_key,
        })
    }

    /// The next key becomes the one that signs; the one that did so far verifies for a day more.
    pub fn rotate(&mut self, now: Wall) -> Result<(), RingError> {
        let after = Key::generate()?;
        let retired = std::mem::replace(&mut self.current, std::mem::replace(&mut self.next, after));
        self.previous = Some((retired, now.plus(Duration::from_secs(KEY_OVERLAP_S))));
        Ok(())
    }

    /// The public keys: signing, next, and the one before while it still verifies.
    pub fn public_keys(&self, now: Wall) -> Vec<PubKey> {
        self.listed(now).map(|(_, key)| key).collect()
    }

    /// The same, each with what it is for.
    pub fn listed(&self, now: Wall) -> impl Iterator<Item = (KeyUse, PubKey)> {
        let never = Wall(u64::MAX);
        let lasting = [
            (KeyUse::Current, &self.current, never),
            (KeyUse::Next, &self.next, never),
        ];
        let previous = self.previous.iter().filter(move |(_, until)| *until > now);
        let previous = previous.map(|(key, until)| (KeyUse::Previous, key, *until));
        lasting.into_iter().chain(previous).map(|(used, key, not_after)| {
            let ed25519 = key.public.as_bytes();
            let key = PubKey {
                kid: key.kid(),
                ed25519: ed25519.try_into().expect("an Ed25519 public key has 32 bytes"),
                not_after,
            };
            (used, key)
        })
    }

    /// Signs a token that holds from now for its class's life; one of a player for no longer than
    /// [`AUTH_LIFE_S`] after the password. `jti` must be random.
    pub fn sign(&self, grant: Grant, jti: [u8; 16], now: Wall) -> String {
        let class = grant.class();
        let mut expires = now.plus(class.life());
        if let Grant::Auth { auth_time, .. } = &grant {
            expires = expires.min(auth_time.plus(Duration::from_secs(AUTH_LIFE_S)));
        }
        let claims = Claims {
            jti,
            issued: now,
            expires,
            grant,
        };
        let payload = serde_json::to_vec(&Payload::new(&self.world, &claims))
            .expect("strings and numbers always have a JSON form");
        let footer = class.footer().as_bytes();
        PublicToken::sign(
            &self.current.secret,
            &payload,
            Some(footer),
            Some(&self.assertion(class)),
        )
        .expect("a payload that is not empty and a key of the right length are all that signing asks for")
    }

    /// Verifies a token of one class by its signature and times alone. Costs about 100 microseconds; ask
    /// [`Authority`](super::Authority), which knows more and remembers.
    pub fn verify(&self, class: TokenClass, token: &str, now: Wall) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Invalid);
        }
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| TokenError::Invalid)?;
        let assertion = self.assertion(class);
        let previous = self
            .previous
            .iter()
            .filter(|(_, until)| *until > now)
            .map(|(key, _)| key);
        let trusted = [&self.current, &self.next]
            .into_iter()
            .chain(previous)
            .find_map(|key| {
                let footer = Some(class.footer().as_bytes());
                PublicToken::verify(&key.public, &untrusted, footer, Some(&assertion)).ok()
            })
            .ok_or(TokenError::Invalid)?;
        self.read_claims(class, trusted.payload(), now)
    }

    fn read_claims(&self, class: TokenClass, payload: &str, now: Wall) -> Result<Claims, TokenError> {
        let payload: Payload = serde_json::from_str(payload).map_err(|_| TokenError::Invalid)?;
        let claims = payload.claims().ok_or(TokenError::Invalid)?;
        if payload.iss != ISSUER || payload.aud != self.world || claims.grant.class() != class {
            return Err(TokenError::Invalid);
        }
        let not_before = calendar::from_text(&payload.nbf).ok_or(TokenError::Invalid)?;
        if now.plus(Duration::from_secs(TOKEN_SKEW_S)) < not_before {
            return Err(TokenError::NotYet);
        }
        if claims.is_over(now) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The keyed hash of a connection's tokens. Once they were verified, a host presents this instead of them.
    pub fn bound(&self, client_token: &str, auth_token: Option<&str>) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.bound_key);
        // The length keeps the two apart.
        hasher.update(&(client_token.len() as u64).to_le_bytes());
        hasher.update(client_token.as_bytes());
        hasher.update(auth_token.unwrap_or_default().as_bytes());
        let mut out = [0; 16];
        hasher.finalize_xof().fill(&mut out);
        out
    }

    /// Signed with the token but not in it: it holds in this world and class alone.
    fn assertion(&self, class: TokenClass) -> Vec<u8> {
        format!("{}|{}", self.world, class.word()).into_bytes()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("world", &self.world)
            .field("current", &self.current.kid())
            .finish_non_exhaustive()
    }
}
