//! Settings of the job store: with the world, or on a Redis that several worlds share.

use serde::Deserialize;
use std::time::Duration;

/// Settings of the job store.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each field")]
pub struct Jobs {
    pub store: JobStore,
    pub namespace: String,
    pub world: String,
    pub lease_s: u64,
}

impl Jobs {
    /// How long a job that was taken stays its taker's.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s.max(1))
    }
}

/// Where jobs are stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum JobStore {
    /// With the world.
    Embedded,
    /// On the Redis of this address.
    Redis(String),
}

impl TryFrom<String> for JobStore {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "embedded" => Ok(JobStore::Embedded),
            url if url.starts_with("redis://") || url.starts_with("redis+unix://") => {
                Ok(JobStore::Redis(text))
            }
            // An address may have a password in it, and is not repeated.
            _ => Err("it is neither `embedded` nor an address such as redis://127.0.0.1:6379/".to_owned()),
        }
    }
}
