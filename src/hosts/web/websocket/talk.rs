//! The two conversations that a WebSocket may have, by its subprotocol.
//!
//! Invariant: a frame goes to its conversation only if it is of the kind and the size that this takes.

use super::super::session::{Act, Session};
use super::super::terminal::Terminal;
use crate::hosts::link::ToClient;
use crate::limits::WEB_FRAME_MAX;
use std::time::Duration;

/// What is said to those who send bytes where text is wanted.
pub const NO_BYTES: &str = "only text is understood here";

/// What a client says and hears.
#[derive(Debug)]
pub enum Talk {
    /// Messages in JSON.
    Json(Box<Session>),
    /// Lines and text.
    Terminal(Box<Terminal>),
}

/// A message of a client.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// In text frames.
    Text(&'a str),
    /// In binary frames.
    Bytes(&'a [u8]),
}

impl Talk {
    /// What has become to be done.
    pub fn acts(&mut self) -> Vec<Act> {
        match self {
            Talk::Json(session) => session.acts(),
            Talk::Terminal(terminal) => terminal.acts(),
        }
    }

    /// Whether somebody is logged in.
    pub fn is_known(&self) -> bool {
        match self {
            Talk::Json(session) => session.is_known(),
            Talk::Terminal(terminal) => terminal.is_known(),
        }
    }

    /// Whether it may send bytes that are no text.
    pub fn takes_bytes(&self) -> bool {
        matches!(self, Talk::Terminal(_))
    }

    /// How long a message may be now.
    pub fn frame_max(&self) -> usize {
        match self {
            Talk::Json(session) => session.frame_max(),
            Talk::Terminal(_) => WEB_FRAME_MAX,
        }
    }

    /// The client says something. `admit` says how long it must wait before another login under a name. What is not taken
    /// at all ends the socket with this code and these words.
    pub fn hear(
        &mut self,
        heard: &Heard<'_>,
        now: Duration,
        admit: impl Fn(&str) -> Result<(), Duration>,
    ) -> Result<(), (u16, &'static str)> {
        let length = match heard {
            Heard::Text(text) => text.len(),
            Heard::Bytes(bytes) => bytes.len(),
        };
        if length > self.frame_max() {
            return Err((1009, "the message is too large"));
        }
        match (self, heard) {
            (Talk::Json(session), Heard::Text(text)) => session.hear(text, now, admit),
            (Talk::Json(_), Heard::Bytes(_)) => return Err((1003, NO_BYTES)),
            (Talk::Terminal(terminal), Heard::Text(text)) => terminal.hear_text(text, admit),
            (Talk::Terminal(terminal), Heard::Bytes(bytes)) => terminal.hear(bytes, admit),
        }
        Ok(())
    }

    /// The link has something for the client.
    pub fn told(&mut self, told: ToClient) {
        match self {
            Talk::Json(session) => session.told(told),
            Talk::Terminal(terminal) => terminal.told(told),
        }
    }

    /// Ends the conversation.
    pub fn close(&mut self, code: u16, words: &str) {
        match self {
            Talk::Json(session) => session.close(code, words),
            Talk::Terminal(terminal) => terminal.close(code, words),
        }
    }
}
