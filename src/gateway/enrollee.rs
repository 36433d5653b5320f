//! The end of an enrollment that asks: one question and its answer, over an encrypted socket that is there for it.
//!
//! Invariant: it waits no longer than it is told to; the daemon is known by its key before anything is said.

use std::time::Duration;

use super::curve::{CurveClient, join};
use super::{GatewayError, at, open_socket};
use crate::protocol::codec::{Envelope, Frame, encode};
use crate::protocol::enroll::Enrollment;

/// Asks the daemon at `endpoint`, and blocks until it has answered.
pub fn ask(
    endpoint: &str,
    curve: &CurveClient,
    question: &Enrollment,
    patience: Duration,
) -> Result<Enrollment, GatewayError> {
    let unanswered = |why: &str| GatewayError::Setup(format!("{endpoint} {why}"));
    let context = zmq::Context::new();
    let socket = open_socket(&context, zmq::DEALER)?;
    join(&socket, endpoint, Some(curve))?;
    let wait = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    socket.set_sndtimeo(wait)?;
    socket.set_rcvtimeo(wait)?;
    socket.set_immediate(true)?;
    socket.connect(endpoint).map_err(at(endpoint))?;
    let frame = encode(&Envelope::default(), question).map_err(|error| unanswered(&error.to_string()))?;
    let not_there = "does not answer; check the address, the daemon's key, and that it takes enrollments";
    socket.send(frame, 0).map_err(|_| unanswered(not_there))?;
    let answer = socket.recv_bytes(0).map_err(|_| unanswered(not_there))?;
    Frame::parse(&answer)
        .and_then(|frame| frame.decode())
        .map_err(|error| unanswered(&format!("answers what cannot be read: {error}")))
}
