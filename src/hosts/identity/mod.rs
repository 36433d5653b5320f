//! Who a host is whose daemon is on another machine: its id, its keys, and the key that it knows the daemon by.
//!
//! Invariants: an identity is written once, after the daemon has confirmed it, to a file that only its owner can read;
//! its keys are on the disk before the daemon hears of them, so an answer that is lost can be asked for again.

use crate::actors::kit::secret_file::{self, SecretError};
use crate::config::Config;
use crate::config::invitation::Invitation;
use crate::gateway::curve::{CurveClient, CurveKeys};
use crate::gateway::{GatewayError, enrollee};
use crate::limits::ENROLLMENT_PATIENCE;
use crate::protocol::HostId;
use crate::protocol::enroll::{Enrollment, EnrollmentRequest, proof};
use crate::protocol::hex::from_hex;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the file.
const FILE_VERSION: u8 = 1;
/// Where the system says what this machine is called.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// Why a host has no identity, or gets none.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] SecretError),
    /// There is none yet.
    #[error("there is no identity in {}: enroll this host with --enroll first", .0.display())]
    Missing(PathBuf),
    /// The file holds something else.
    #[error("{} holds no identity; remove it and enroll this host again", .0.display())]
    Unreadable(PathBuf),
    /// It has one.
    #[error("this host is enrolled already, as {id}; remove {path} to enroll it again", path = .path.display())]
    Enrolled {
        /// Its id.
        id: HostId,
        /// The file.
        path: PathBuf,
    },
    /// Nobody to ask is named.
    #[error("`daemon.enroll` is empty: it says where the server takes enrollments, as HOST:PORT")]
    NoAddress,
    /// The invitation is not what it should be.
    #[error("the invitation has no proper {0}; ask for another with `moothallctl enroll`")]
    Invitation(&'static str),
    /// The daemon could not be asked.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The daemon did not let this host in.
    #[error("this host was not enrolled: {0}")]
    Refused(String),
}

/// One host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id that the daemon gave it.
    pub id: HostId,
    /// What it speaks CURVE with.
    pub curve: CurveClient,
}

impl Identity {
    /// Reads an identity.
    pub fn read(path: &Path) -> Result<Identity, IdentityError> {
        let bytes = secret_file::read(path)?.ok_or_else(|| IdentityError::Missing(path.to_owned()))?;
        Identity::from_bytes(&bytes).ok_or_else(|| IdentityError::Unreadable(path.to_owned()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Identity> {
        let (&[FILE_VERSION], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (id, rest) = rest.split_first_chunk()?;
        let (server, keys) = rest.split_first_chunk()?;
        Some(Identity {
            id: HostId(*id),
            curve: CurveClient {
                keys: CurveKeys::from_bytes(keys)?,
                server: *server,
            },
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let CurveClient { keys, server } = &self.curve;
        [&[FILE_VERSION][..], &self.id.0, server, &keys.to_bytes()].concat()
    }
}

/// Makes keys, has the daemon take them, and writes who this host is from now on. Blocks until that is done.
pub fn enroll(config: &Config, kind: &str, invitation: &str) -> Result<HostId, IdentityError> {
    enroll_within(config, kind, invitation, ENROLLMENT_PATIENCE)
}

fn enroll_within(
    config: &Config,
    kind: &str,
    invitation: &str,
    patience: Duration,
) -> Result<HostId, IdentityError> {
    let path = &config.daemon.identity;
    match Identity::read(path) {
        Err(IdentityError::Missing(_)) => {}
        Err(error) => return Err(error),
        Ok(Identity { id, .. }) => {
            let path = path.clone();
            return Err(IdentityError::Enrolled { id, path });
        }
    }
    if config.daemon.enroll.is_empty() {
        return Err(IdentityError::NoAddress);
    }
    let malformed = |_| IdentityError::Invitation("form");
    let invitation = Invitation::from_text(invitation).map_err(malformed)?;
    let draft = secret_file::beside(path, ".draft");
    let curve = CurveClient {
        keys: draft_keys(&draft)?,
        server: from_hex(&invitation.daemon_key).ok_or(IdentityError::Invitation("daemon_key"))?,
    };
    let secret = from_hex(&invitation.secret).ok_or(IdentityError::Invitation("secret"))?;
    // A machine that does not say its name is known by its id alone.
    let hostname = std::fs::read_to_string(HOSTNAME).unwrap_or_default();
    let hostname = hostname.trim().to_owned();
    let question = Enrollment::Request(EnrollmentRequest {
        token_id: invitation.token_id,
        proof: proof(&secret, &curve.keys.public, kind, &hostname),
        curve_pk: curve.keys.public,
        service_type: kind.to_owned(),
        hostname,
    });
    let endpoint = format!("tcp://{}", config.daemon.enroll);
    let id = match enrollee::ask(&endpoint, &curve, &question, patience)? {
        Enrollment::Enrolled { id, .. } => HostId(id),
        Enrollment::Refused(why) => {
            // Nobody has taken these keys, or they are another enrollment's; the next try makes new ones.
            std::fs::remove_file(&draft).ok();
            return Err(IdentityError::Refused(why));
        }
        Enrollment::Request(_) => return Err(IdentityError::Refused("the server asked back".into())),
    };
    secret_file::write(path, &Identity { id, curve }.to_bytes())?;
    // A draft that stays is never looked at while there is an identity.
    std::fs::remove_file(&draft).ok();
    Ok(id)
}

/// The keys of an enrollment that was begun and not answered, or new ones, stored before anybody hears of them.
fn draft_keys(draft: &Path) -> Result<CurveKeys, IdentityError> {
    if let Some(keys) = secret_file::read(draft)?.and_then(|bytes| CurveKeys::from_bytes(&bytes)) {
        return Ok(keys);
    }
    let keys = CurveKeys::generate()?;
    secret_file::write(draft, &keys.to_bytes())?;
    Ok(keys)
}

#[cfg(test)]
mod tests;
