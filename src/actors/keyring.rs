//! The daemon's keys: one ring a data folder, in a file that only its owner can read.
//!
//! Invariant: the ring does not change while the daemon runs, so it is shared and needs no actor of its own.

use crate::protocol::token::{Claims, Grant, KeyRing, RingError, TokenClass, TokenError};
use crate::protocol::{ClientId, HostId, Wall};
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What worlds are called in tokens and welcomes.
pub const WORLD: &str = "moothall";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ring itself.
    #[error("{0}")]
    Ring(#[from] RingError),
}

/// The keys, and the clock that tokens are signed by.
pub struct Keys {
    ring: KeyRing,
    now: fn() -> Wall,
}

impl Keys {
    /// The ring in `file`, made if there is none.
    pub fn open(file: &Path, now: fn() -> Wall) -> Result<Keys, KeysError> {
        let problem = |source| KeysError::File {
            path: file.to_owned(),
            source,
        };
        let ring = match fs::read(file) {
            Ok(bytes) => KeyRing::from_bytes(WORLD, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = KeyRing::generate(WORLD)?;
                write_new(file, &ring.to_bytes()).map_err(problem)?;
                ring
            }
            Err(error) => return Err(problem(error)),
        };
        Ok(Keys { ring, now })
    }

    /// The ring.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// A token for a new connection.
    pub fn client_token(&self, client: ClientId) -> String {
        let grant = Grant::Client {
            client,
            generation: 0,
        };
        self.ring.sign(grant, fresh_id(), (self.now)())
    }

    /// A token for a host that the supervisor starts under this name.
    pub fn host_token(&self, name: &str) -> String {
        let grant = Grant::Host {
            host: HostId::named(name),
            host_type: name.to_owned(),
            key_hash: [0; 32],
        };
        self.ring.sign(grant, fresh_id(), (self.now)())
    }

    /// Verifies a host's token.
    pub fn verify_host(&self, token: &str) -> Result<Claims, TokenError> {
        self.ring.verify(TokenClass::Host, token, (self.now)())
    }

    /// What a host presents in place of a connection's tokens.
    pub fn bound(&self, client_token: &str) -> [u8; 16] {
        self.ring.bound(client_token, None)
    }
}

/// Sixteen bytes that no other token of ours has.
pub fn fresh_id() -> [u8; 16] {
    let half = |salt: u64| RandomState::new().hash_one(salt).to_le_bytes();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half(0));
    id[8..].copy_from_slice(&half(1));
    id
}

/// Writes a file that was not there, whole or not at all, readable by its owner alone.
fn write_new(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = file.with_extension("new");
    let mut options = OpenOptions::new();
    let mut out = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&draft, file)
}
