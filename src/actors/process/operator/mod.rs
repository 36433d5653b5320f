//! What `moothallctl` does, one file for each of its commands: words to the sockets in `run/`, and what comes back.
//!
//! Invariant: nobody is waited for without a limit, and every failure says what to exit with.

mod backup;
mod jobs;
mod measures;
mod operations;
mod status;
mod tap;

pub use backup::backup;
pub use jobs::jobs;
pub use measures::{conflicts, metrics, profile};
pub use operations::operate;
pub use status::{Status, status};
pub use tap::{show, tap};

use crate::actors::kit::exit;
use crate::config::ConfigError;
use crate::limits::OPERATOR_TIMEOUT;
use crate::protocol::admin::{AdminReply, AdminRequest};
use crate::protocol::local;
use bincode::{Decode, Encode};
use std::fmt::Display;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Why an operator gets no answer, or not the one that was wished for.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct OperatorError {
    /// What to exit with.
    pub code: u8,
    /// What to say.
    pub message: String,
}

impl From<ConfigError> for OperatorError {
    fn from(error: ConfigError) -> Self {
        OperatorError {
            code: exit::CONFIG,
            message: error.to_string(),
        }
    }
}

/// What was asked was refused, or failed.
pub fn failed(why: impl Display) -> OperatorError {
    OperatorError {
        code: exit::FAILED,
        message: why.to_string(),
    }
}

/// There is no server to be asked.
pub fn nobody(data: &Path) -> OperatorError {
    OperatorError {
        code: exit::UNAVAILABLE,
        message: format!(
            "no server answers in {}; is it running, and is this its --data folder?",
            data.display()
        ),
    }
}

/// Connects to a socket of a data folder's server: `control.sock` is the supervisor's, `admin.sock` the daemon's. Each
/// answer may take as long as `patience`.
pub fn connect(data: &Path, socket: &str, patience: Duration) -> Result<UnixStream, OperatorError> {
    open(&data.join("run").join(socket), patience).map_err(|_| nobody(data))
}

fn open(socket: &Path, patience: Duration) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(OPERATOR_TIMEOUT))?;
    Ok(stream)
}

/// One question to the daemon of a data folder. That it refuses is a failure.
pub fn ask_daemon(data: &Path, question: &AdminRequest) -> Result<AdminReply, OperatorError> {
    match ask(&data.join("run").join("admin.sock"), question) {
        Ok(AdminReply::Refused(why)) => Err(failed(why)),
        Ok(reply) => Ok(reply),
        Err(_) => Err(nobody(data)),
    }
}

/// For an answer that does not go with its question.
pub fn unexpected<T>() -> Result<T, OperatorError> {
    Err(failed(
        "the daemon said something else; are both programs of one build?",
    ))
}

/// One question on a socket, and its one answer.
pub fn ask<M: Decode<()>>(socket: &Path, question: &impl Encode) -> io::Result<M> {
    ask_for(socket, question, OPERATOR_TIMEOUT)
}

/// As [`ask`], for an answer that may take so long.
pub fn ask_for<M: Decode<()>>(socket: &Path, question: &impl Encode, patience: Duration) -> io::Result<M> {
    let mut stream = open(socket, patience)?;
    local::write_blocking(&mut stream, question)?;
    local::read_blocking(&mut stream)
}
