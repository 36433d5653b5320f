//! What is set for the web host.
//!
//! Invariant: as of all settings, `default.toml` says what each means.

use super::Listen;
use serde::Deserialize;

/// Settings of the web host.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Web {
    pub listen: Listen,
    pub origins: String,
    pub connections_max: u32,
    pub login_timeout_s: u32,
    pub logins_per_minute_max: u32,
    pub silence_max_s: u32,
}
