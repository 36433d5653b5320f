//! The 24 bytes before every message.
//!
//! Invariant: little endian, every field at a fixed place; a header that parses has our magic and a version we speak.

use super::kind::Kind;

/// The first two bytes of every frame.
pub const MAGIC: u16 = 0x484D;
/// The newest protocol version, and the one written.
pub const VERSION: u8 = 1;
/// The oldest protocol version understood.
pub const VERSION_MIN: u8 = 1;
/// Bytes of a header.
pub const HEADER_LEN: usize = 24;
/// Bytes before a body: the header and the principal.
pub const PREAMBLE_LEN: usize = HEADER_LEN + 16;

/// Flag: this request was sent before, and its answer did not come.
pub const FLAG_RESEND: u8 = 1;
/// Flag: no answer is wanted.
pub const FLAG_NO_REPLY: u8 = 2;
/// Flag: the body is JSON; see [`super::worker_json`].
pub const FLAG_JSON: u8 = 4;

/// A header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u16,
    /// Protocol version of the frame.
    pub version: u8,
    /// [`FLAG_RESEND`], [`FLAG_NO_REPLY`], [`FLAG_JSON`].
    pub flags: u8,
    /// What the body is.
    pub kind: Kind,
    /// Zero.
    pub zero: u16,
    /// Joins a reply to its request; 0 = the daemon speaks first.
    pub correlation: u64,
    /// Milliseconds left to answer in; 0 = no deadline.
    pub deadline_ms: u32,
    /// Which start of the daemon; 0 = not known yet.
    pub epoch: u32,
}

const _: () = assert!(size_of::<Header>() == HEADER_LEN);

impl Header {
    /// The bytes.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0..2].copy_from_slice(&self.magic.to_le_bytes());
        out[2] = self.version;
        out[3] = self.flags;
        out[4..6].copy_from_slice(&self.kind.0.to_le_bytes());
        out[6..8].copy_from_slice(&self.zero.to_le_bytes());
        out[8..16].copy_from_slice(&self.correlation.to_le_bytes());
        out[16..20].copy_from_slice(&self.deadline_ms.to_le_bytes());
        out[20..24].copy_from_slice(&self.epoch.to_le_bytes());
        out
    }

    /// Reads a header, whatever its kind; `None` if it is not one of ours or of a version we do not speak.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Option<Header> {
        let [m0, m1, version, flags, k0, k1, z0, z1, rest @ ..] = *bytes;
        let [c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3, e0, e1, e2, e3] = rest;
        let header = Header {
            magic: u16::from_le_bytes([m0, m1]),
            version,
            flags,
            kind: Kind(u16::from_le_bytes([k0, k1])),
            zero: u16::from_le_bytes([z0, z1]),
            correlation: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            deadline_ms: u32::from_le_bytes([d0, d1, d2, d3]),
            epoch: u32::from_le_bytes([e0, e1, e2, e3]),
        };
        let spoken = (VERSION_MIN..=VERSION).contains(&version);
        (header.magic == MAGIC && header.zero == 0 && spoken).then_some(header)
    }
}

/// Marks a whole frame as sent again, to the daemon of this epoch. The frame must have a header.
pub fn mark_resend(frame: &mut [u8], epoch: u32) {
    frame[3] |= FLAG_RESEND;
    set_epoch(frame, epoch);
}

/// Addresses a whole frame to the daemon of this epoch. The frame must have a header.
pub fn set_epoch(frame: &mut [u8], epoch: u32) {
    frame[20..24].copy_from_slice(&epoch.to_le_bytes());
}

/// Marks a whole frame as one that wants no answer. The frame must have a header.
pub fn mark_no_reply(frame: &mut [u8]) {
    frame[3] |= FLAG_NO_REPLY;
}
