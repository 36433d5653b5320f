//! Messages to frames and back.
//!
//! A frame is one piece of memory: header (24 bytes), principal (16), body. Invariants: decoding is total; a body is
//! measured against its kind's limit before a byte of it is read; its variant agrees with the header; no byte of it
//! is left over. Every body starts with its enum's variant number, in one byte.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use bincode::{Decode, Encode};

use super::header::{FLAG_JSON, HEADER_LEN, Header, MAGIC, PREAMBLE_LEN, VERSION};
use super::kind::{Family, Kind};
use crate::limits::DECODE_CLAIM_MAX;

/// The one configuration that reads bytes from a socket. The limit bounds what a length prefix may claim in memory.
const WIRE: Configuration<LittleEndian, Varint, Limit<DECODE_CLAIM_MAX>> =
    bincode::config::standard().with_limit::<DECODE_CLAIM_MAX>();

/// Something that is a whole body.
pub trait Message: Encode + Decode<()> {
    /// The family that its variants are numbered in.
    const FAMILY: Family;

    /// The message as JSON; `None` where its conversation has no such form.
    fn to_json(&self) -> Option<serde_json::Value> {
        None
    }

    /// The message of a JSON body; `None` for anything else.
    fn from_json(_body: &[u8]) -> Option<Self> {
        None
    }
}

macro_rules! messages {
    ($($family:ident: $($type:ident)::+;)*) => {
        $(impl Message for super::$($type)::+ {
            const FAMILY: Family = Family::$family;
        })*
    };
}

messages! {
    HostToDaemon: host::HostToDaemonMessage;
    DaemonToHost: host::DaemonToHostReply;
    HostClientToDaemon: client::ClientRequest;
    DaemonToClient: client::ClientReply;
    Refusal: client::Refusal;
    Event: event::EventFrame;
    Stream: event::StreamControl;
    HostBroadcast: broadcast::HostBroadcastEvent;
    ClientsBroadcast: broadcast::ClientsBroadcastEvent;
    Enrollment: enroll::Enrollment;
}

/// What stands around a message: everything in a frame that is not its body or its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// [`super::header::FLAG_RESEND`], [`super::header::FLAG_NO_REPLY`], [`FLAG_JSON`].
    pub flags: u8,
    /// Joins a reply to its request; 0 = the daemon speaks first.
    pub correlation: u64,
    /// Milliseconds left to answer in; 0 = no deadline.
    pub deadline_ms: u32,
    /// Which start of the daemon; 0 = not known yet.
    pub epoch: u32,
    /// The client, host or worker that the message is about; zero in events.
    pub principal: [u8; 16],
}

impl Envelope {
    /// The envelope of the answer to this request, which is said in the same form.
    pub fn reply(&self, epoch: u32) -> Envelope {
        Envelope {
            flags: self.flags & FLAG_JSON,
            deadline_ms: 0,
            epoch,
            ..*self
        }
    }
}

/// Why bytes are not a message, or a message cannot be bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Shorter than a header and a principal, or not one of ours, or of a version that is not spoken.
    #[error("the frame has no header that this version understands")]
    BadHeader,
    /// A kind that this version has no row for. The link lives: the asker is told.
    #[error("messages of kind {:#06x} are not supported", kind.0)]
    Unsupported {
        /// The kind.
        kind: Kind,
        /// The envelope to answer in.
        envelope: Envelope,
    },
    /// The body is larger than its kind allows.
    #[error("a message of kind {:#06x} has {len} bytes; at most {limit} are allowed", kind.0)]
    TooLarge {
        /// The kind.
        kind: Kind,
        /// The bytes of the body.
        len: usize,
        /// The kind's limit.
        limit: usize,
    },
    /// The body is not what the header says.
    #[error("a message of kind {:#06x} cannot be read", kind.0)]
    BadBody {
        /// The kind.
        kind: Kind,
    },
    /// The message belongs to another conversation than the one asked for.
    #[error("a message of kind {:#06x} does not belong here", kind.0)]
    WrongFamily {
        /// The kind.
        kind: Kind,
    },
}

/// A frame, checked up to its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// What the body is.
    pub kind: Kind,
    /// What stands around it.
    pub envelope: Envelope,
    /// The body, at most as long as its kind allows.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks a frame's header, kind and size.
    pub fn parse(bytes: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let (head, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(FrameError::BadHeader)?;
        let (principal, body) = rest.split_first_chunk::<16>().ok_or(FrameError::BadHeader)?;
        let Header {
            flags,
            kind,
            correlation,
            deadline_ms,
            epoch,
            ..
        } = Header::from_bytes(head).ok_or(FrameError::BadHeader)?;
        let envelope = Envelope {
            flags,
            correlation,
            deadline_ms,
            epoch,
            principal: *principal,
        };
        let Some(row) = kind.row() else {
            return Err(FrameError::Unsupported { kind, envelope });
        };
        if body.len() > row.body_max {
            return Err(FrameError::TooLarge {
                kind,
                len: body.len(),
                limit: row.body_max,
            });
        }
        Ok(Frame { kind, envelope, body })
    }

    /// Reads the body.
    pub fn decode<M: Message>(&self) -> Result<M, FrameError> {
        let kind = self.kind;
        if kind.family() != M::FAMILY as u8 {
            return Err(FrameError::WrongFamily { kind });
        }
        if self.envelope.flags & FLAG_JSON != 0 {
            let message = M::from_json(self.body).ok_or(FrameError::BadBody { kind })?;
            return match variant_of(&message) == kind.variant() {
                true => Ok(message),
                false => Err(FrameError::BadBody { kind }),
            };
        }
        if self.body.first() != Some(&kind.variant()) {
            return Err(FrameError::BadBody { kind });
        }
        match bincode::decode_from_slice::<M, _>(self.body, WIRE) {
            Ok((message, read)) if read == self.body.len() => Ok(message),
            _ => Err(FrameError::BadBody { kind }),
        }
    }
}

/// Writes a whole frame. Fails only when the body is larger than its kind allows.
pub fn encode<M: Message>(envelope: &Envelope, message: &M) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::with_capacity(PREAMBLE_LEN + 88);
    out.resize(PREAMBLE_LEN, 0);
    if envelope.flags & FLAG_JSON != 0 {
        return encode_json(out, envelope, message);
    }
    put(&mut out, message);
    finish(out, envelope, M::FAMILY)
}

/// The same for whoever speaks JSON; in bytes, and marked so, where the message has no such form.
fn encode_json<M: Message>(
    mut out: Vec<u8>,
    envelope: &Envelope,
    message: &M,
) -> Result<Vec<u8>, FrameError> {
    let Some(json) = message.to_json() else {
        let flags = envelope.flags & !FLAG_JSON;
        return encode(&Envelope { flags, ..*envelope }, message);
    };
    out.extend_from_slice(json.to_string().as_bytes());
    seal(out, envelope, Kind::new(M::FAMILY, variant_of(message)))
}

/// A message's place in its enum.
fn variant_of<M: Message>(message: &M) -> u8 {
    let mut bytes = Vec::new();
    put(&mut bytes, message);
    bytes[0]
}

/// Writes the frame of an event whose own bytes are there already, from [`encode_event`] or a stored row.
pub fn encode_stored_event(
    envelope: &Envelope,
    event: &[u8],
    route: &super::event::Route,
) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::with_capacity(PREAMBLE_LEN + event.len() + 48 + route.to.len() * 24);
    out.resize(PREAMBLE_LEN, 0);
    out.extend_from_slice(event);
    put(&mut out, route);
    finish(out, envelope, Family::Event)
}

/// The bytes of an event alone: what an outbox row holds.
pub fn encode_event(event: &super::event::ClientEvent) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    put(&mut out, event);
    out
}

/// Reads what [`encode_event`] wrote; `None` if the bytes are not exactly one event.
pub fn decode_event(bytes: &[u8]) -> Option<super::event::ClientEvent> {
    match bincode::decode_from_slice(bytes, WIRE) {
        Ok((event, read)) if read == bytes.len() => Some(event),
        _ => None,
    }
}

/// Writes a part of a stored row of the daemon's own. The row says which version it is.
pub fn put_stored<E: Encode>(out: &mut Vec<u8>, part: &E) {
    put(out, part);
}

/// Reads what [`put_stored`] wrote; gives also what follows it.
pub fn take_stored<D: Decode<()>>(bytes: &[u8]) -> Option<(D, &[u8])> {
    let (part, read) = bincode::decode_from_slice(bytes, WIRE).ok()?;
    Some((part, bytes.get(read..)?))
}

/// Writes header and principal into the room left for them, now that the body tells its variant and size.
fn finish(out: Vec<u8>, envelope: &Envelope, family: Family) -> Result<Vec<u8>, FrameError> {
    let kind = Kind::new(family, out[PREAMBLE_LEN]);
    seal(out, envelope, kind)
}

/// The same where the body does not tell its variant.
fn seal(mut out: Vec<u8>, envelope: &Envelope, kind: Kind) -> Result<Vec<u8>, FrameError> {
    let len = out.len() - PREAMBLE_LEN;
    let limit = kind.row().map_or(0, |row| row.body_max);
    if len > limit {
        return Err(FrameError::TooLarge { kind, len, limit });
    }
    let Envelope {
        flags,
        correlation,
        deadline_ms,
        epoch,
        principal,
    } = *envelope;
    let header = Header {
        magic: MAGIC,
        version: VERSION,
        flags,
        kind,
        zero: 0,
        correlation,
        deadline_ms,
        epoch,
    };
    out[..HEADER_LEN].copy_from_slice(&header.to_bytes());
    out[HEADER_LEN..PREAMBLE_LEN].copy_from_slice(&principal);
    Ok(out)
}

fn put<E: Encode>(out: &mut Vec<u8>, value: &E) {
    bincode::encode_into_writer(value, Tail(out), bincode::config::standard())
        .expect("a growing buffer takes everything, and no message holds a type that refuses to be written");
}

/// Appends to a buffer.
struct Tail<'a>(&'a mut Vec<u8>);

impl Writer for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
