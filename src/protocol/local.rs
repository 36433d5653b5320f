//! Frames on the Unix sockets in `run/`: a length of four bytes, little-endian, and one bincode body.
//!
//! Both ends are on one machine and of one build, so the body needs neither header nor version. Invariant: decoding is
//! total and bounded, and nothing may follow a body inside its frame.

use crate::limits::LOCAL_FRAME_MAX;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

const LOCAL: Configuration<LittleEndian, Varint, Limit<LOCAL_FRAME_MAX>> =
    bincode::config::standard().with_limit::<LOCAL_FRAME_MAX>();

/// Bytes before each body.
pub const LENGTH_LEN: usize = 4;

/// A frame that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// The length is over the limit.
    #[error("a frame of {0} bytes is over the limit")]
    TooLong(usize),
    /// The body is no message of this conversation.
    #[error("a frame that is not a message of this conversation")]
    Malformed,
}

/// One message as a frame. A message over the limit is refused here, before the other end has to.
pub fn encode(message: &impl Encode) -> Result<Vec<u8>, LocalError> {
    let body = bincode::encode_to_vec(message, LOCAL).map_err(|_| LocalError::Malformed)?;
    if body.len() > LOCAL_FRAME_MAX {
        return Err(LocalError::TooLong(body.len()));
    }
    let mut frame = Vec::with_capacity(LENGTH_LEN + body.len());
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The length of the body that follows these bytes.
pub fn body_len(length: [u8; LENGTH_LEN]) -> Result<usize, LocalError> {
    let len = u32::from_le_bytes(length) as usize;
    if len > LOCAL_FRAME_MAX {
        Err(LocalError::TooLong(len))
    } else {
        Ok(len)
    }
}

/// The message of a body.
pub fn decode<M: Decode<()>>(body: &[u8]) -> Result<M, LocalError> {
    match bincode::decode_from_slice(body, LOCAL) {
        Ok((message, used)) if used == body.len() => Ok(message),
        _ => Err(LocalError::Malformed),
    }
}

/// Writes one message to a stream that blocks.
pub fn write_blocking(stream: &mut impl std::io::Write, message: &impl Encode) -> std::io::Result<()> {
    stream.write_all(&encode(message).map_err(std::io::Error::other)?)
}

/// Reads one message from a stream that blocks.
pub fn read_blocking<M: Decode<()>>(stream: &mut impl std::io::Read) -> std::io::Result<M> {
    let mut length = [0; LENGTH_LEN];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; body_len(length).map_err(std::io::Error::other)?];
    stream.read_exact(&mut body)?;
    decode(&body).map_err(std::io::Error::other)
}
