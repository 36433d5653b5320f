//! How a process on another machine becomes known to the daemon: one question, one answer.
//!
//! Invariant: the enums are append-only; a variant's place is its number on the wire.

use bincode::{Decode, Encode};

/// Asks to be let in, once, under a token that an operator made.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EnrollmentRequest {
    /// Which enrollment token.
    pub token_id: String,
    /// The keyed hash, under the token's secret, of `curve_pk`, role and host name.
    pub proof: [u8; 32],
    /// The key that the process will speak CURVE with.
    pub curve_pk: [u8; 32],
    /// What it will serve.
    pub service_type: String,
    /// Where it runs, for the operator.
    pub hostname: String,
}

/// The enrollment socket's messages.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Enrollment {
    /// A process asks.
    Request(EnrollmentRequest),
    /// It is known from now on by this id, and may say `Hello` with this token.
    Enrolled {
        /// The id given.
        id: [u8; 16],
        /// Its first token.
        token: String,
    },
    /// It is not let in, and why.
    Refused(String),
}
