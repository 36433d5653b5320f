//! An invitation as it goes from an operator to a host: `moothallctl enroll` prints it, `moothall-telnet --enroll`
//! reads it.
//!
//! Invariant: what [`Invitation::to_text`] writes, [`Invitation::from_text`] reads.

use super::ConfigError;
use serde::{Deserialize, Serialize};

/// What an invited process has to know, keys and secrets as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The key that the server is known by.
    pub daemon_key: String,
    /// What the invitation is found by.
    pub token_id: String,
    /// What only the invited process may know.
    pub secret: String,
    /// What the process will serve.
    pub role: String,
}

impl Invitation {
    /// For a file; it begins with what to do with it.
    pub fn to_text(&self, ttl_s: u64) -> String {
        let values = toml::to_string(self).expect("four strings have a TOML form");
        let role = &self.role;
        format!(
            "# Lets one {role} host in, once, within {ttl_s} seconds. Keep it secret. On the host's machine:\n\
             # moothall-{role} --config FILE --enroll THIS_FILE\n{values}"
        )
    }

    /// Reads such a file.
    pub fn from_text(text: &str) -> Result<Invitation, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let problem = error.message();
            ConfigError::new(format!(
                "this is no invitation: {problem}; `moothallctl enroll` prints one"
            ))
        })
    }
}
