//! Bytes to messages, and both ends of every conversation as state machines.
//!
//! Invariant: no sockets, no threads, no clock; time and randomness are arguments. Every decode is total and bounded:
//! any bytes at all give a message or an error, in memory that a constant bounds.

pub mod admin;
pub mod broadcast;
pub mod client;
pub mod codec;
pub mod control;
pub mod enroll;
pub mod error;
pub mod event;
pub mod figure;
pub mod header;
pub mod hex;
pub mod host;
pub mod id;
mod info;
pub mod job;
pub mod kind;
pub mod local;
pub mod moment;
pub mod surface;
pub mod token;
pub mod value;
pub mod worker;
pub mod worker_json;

pub mod machine;

pub use codec::{Envelope, Frame, FrameError, Message};
pub use header::Header;
pub use id::{ClientId, HostId, JobId, ReqId, WorkerId};
pub use kind::{Family, Kind};
pub use moment::{Moment, Wall};
pub use value::{WireObj, WireValue};

#[cfg(test)]
mod tests;
