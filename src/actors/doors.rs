//! The sockets for other machines, as the settings want them, and the keys that they are encrypted with.
//!
//! Invariant: keys that were made are in their file before anybody hears of them.

use super::DaemonError;
use super::keyring::KeysError;
use super::lifecycle::unavailable;
use crate::actors::kit::exit;
use crate::actors::kit::secret_file;
use crate::config::{Config, Listen};
use crate::gateway::Network;
use crate::gateway::curve::{Admitted, CurveKeys};
use std::path::Path;

/// The sockets for other machines that the settings ask for, and the keys that they are encrypted with.
pub(super) fn network(config: &Config) -> Result<Option<Network>, DaemonError> {
    let tcp = |listen| match listen {
        Listen::Off => None,
        Listen::At(address) => Some(format!("tcp://{address}")),
    };
    let settings = &config.network;
    let (Some(rpc), Some(events)) = (tcp(settings.rpc), tcp(settings.events)) else {
        return Ok(None);
    };
    Ok(Some(Network {
        rpc,
        events,
        enroll: tcp(settings.enroll),
        workers: tcp(settings.workers),
        keys: curve_keys(&settings.keys)?,
        admitted: Admitted::default(),
    }))
}

/// The daemon's keys in that file, made if there are none.
fn curve_keys(file: &Path) -> Result<CurveKeys, DaemonError> {
    let unreadable = || DaemonError {
        code: exit::DATA,
        message: format!(
            "{} holds no CURVE keys; remove it to make new ones, and every host is enrolled again",
            file.display()
        ),
    };
    if let Some(bytes) = secret_file::read(file).map_err(KeysError::from)? {
        return CurveKeys::from_bytes(&bytes).ok_or_else(unreadable);
    }
    let keys = CurveKeys::generate().map_err(unavailable)?;
    secret_file::write(file, &keys.to_bytes()).map_err(KeysError::from)?;
    Ok(keys)
}
