//! The log: one subscriber, set once per program, writing to standard error so that standard output stays for people.

use crate::config::{ConfigError, Log, LogFormat};
use std::io;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging for the whole process. Says what is wrong with `log.filter` if it cannot be read.
pub fn start(log: &Log) -> Result<(), ConfigError> {
    start_with(log, io::stderr)
}

fn start_with(
    log: &Log,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| ConfigError::new(format!("`log.filter` is refused: {error}")))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let set = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|error| ConfigError::new(format!("logging was started twice: {error}")))
}
