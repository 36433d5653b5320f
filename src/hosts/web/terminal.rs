//! The conversation of a terminal in a browser: lines one way, text with ANSI the other, as over telnet but without its
//! negotiation. A machine without a socket, like `session`, and told and asked by the same actor.
//!
//! Invariants: lines leave in the order they came, and no more are kept than the window lets and one frame brings; everything that the client is
//! told is UTF-8.

use super::band::Band;
use super::session::{Act, code_of};
use crate::hosts::link::{Entry, ToClient};
use crate::hosts::telnet::line_mode::{Input, LineMode};
use crate::hosts::telnet::window::{Daemon, Window};
use crate::limits::LINE_LEN_MAX;
use crate::protocol::WireValue;
use crate::protocol::event::{ClientEvent, Content, Line, LineBody};
use moo_model::{View, literal};
use std::time::Duration;

/// One terminal.
#[derive(Debug)]
pub struct Terminal {
    line_mode: LineMode,
    window: Window,
    band: Band,
    /// Somebody is logged in.
    is_known: bool,
    is_over: bool,
    out: Vec<Act>,
}

impl Terminal {
    /// A terminal whose socket has just opened, with this beside its text: it is greeted at once, and does not come back if its
    /// socket breaks.
    pub fn new(band: Band) -> Terminal {
        Terminal {
            line_mode: LineMode::new(LINE_LEN_MAX),
            window: Window::default(),
            band,
            is_known: false,
            is_over: false,
            out: vec![Act::Leave, Act::Enter(Entry::New, None)],
        }
    }

    /// What has become to be done.
    pub fn acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.out)
    }

    /// Whether somebody is logged in.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// The client has typed something. `admit` says how long it must wait before another login under a name.
    pub fn hear(&mut self, bytes: &[u8], admit: impl Fn(&str) -> Result<(), Duration>) {
        let (mut lines, mut is_too_long) = (Vec::new(), false);
        self.line_mode.feed(bytes, |input| match input {
            Input::Line(line) | Input::Chunk(line) => lines.push(line),
            Input::TooLong => is_too_long = true,
        });
        if is_too_long {
            let words = format!(">> A line may be {LINE_LEN_MAX} bytes long; yours was not taken <<");
            self.print(&words);
        }
        // A socket is read whether or not the daemon keeps up, so it is here that what waits has its bound.
        let mut is_full = self.window.is_full();
        for line in lines {
            let name = line.split_whitespace().nth(1).unwrap_or_default();
            match (self.is_known, admit_unless(self.is_known, name, &admit)) {
                (false, Err(wait)) => {
                    let words = format!(">> Too many tries; wait {} s <<", wait.as_secs() + 1);
                    self.print(&words);
                }
                _ => is_full = is_full || self.window.push(line, true).is_err(),
            }
        }
        if is_full {
            self.print(">> Too much waits for the server; the last that you sent was not taken <<");
        }
        self.send_lines();
    }

    /// The client has sent a text frame: what it types, or what its subprotocol has beside that.
    pub fn hear_text(&mut self, text: &str, admit: impl Fn(&str) -> Result<(), Duration>) {
        if self.band == Band::None {
            return self.hear(text.as_bytes(), admit);
        }
        let words = match self.band.line(text) {
            Err(words) => words,
            Ok(line) if line.len() > LINE_LEN_MAX => "it is too long for a line",
            Ok(line) => match self.window.push(line, true) {
                Ok(()) => return self.send_lines(),
                Err(_) => "too much waits for the server",
            },
        };
        self.print(&format!(">> A message was not taken: {words} <<"));
    }

    fn send_lines(&mut self) {
        let lines = self.window.take();
        if !lines.is_empty() {
            self.out.push(Act::Lines(lines));
        }
    }

    /// The link has something for the client.
    pub fn told(&mut self, told: ToClient) {
        match told {
            ToClient::Event { event, pos, mark, .. } => {
                let mut text = String::new();
                self.show(&event, &mut text);
                let beside = match &*event {
                    ClientEvent::Typed { json, .. } => self.band.frame(json),
                    _ => None,
                };
                let place = Some((pos.seq, mark));
                match (beside, text.is_empty()) {
                    (None, true) => self.out.push(Act::Pass { seq: pos.seq, mark }),
                    (Some(text), true) => self.out.push(Act::Send { text, event: place }),
                    (beside, false) => {
                        let beside = beside.map(|text| Act::Send { text, event: None });
                        self.out.extend(beside);
                        let bytes = text.into_bytes();
                        self.out.push(Act::SendBytes { bytes, event: place });
                    }
                }
                if let ClientEvent::Disconnect { reason, .. } = &*event {
                    self.close(1000, reason);
                }
            }
            ToClient::Answered => self.answered(),
            ToClient::Refused(words) => {
                self.answered();
                self.print(&words);
            }
            ToClient::Ready { fresh } => {
                if fresh {
                    self.window.forget_unanswered();
                    self.is_known = false;
                }
                self.window.set_daemon(Daemon::There);
                self.send_lines();
            }
            ToClient::Away => {
                if self.window.daemon() == Daemon::There {
                    self.window.set_daemon(Daemon::Away);
                }
            }
            ToClient::Notice(words) => self.print(&words),
            ToClient::Close { why, words } => {
                self.print(&words);
                self.close(code_of(why), &words);
            }
            // These answer programs, which ask otherwise than by lines.
            ToClient::Reply { .. } | ToClient::Entered { .. } | ToClient::NotEntered(_) => {}
        }
    }

    fn answered(&mut self) {
        self.window.answered(1);
        self.send_lines();
    }

    fn show(&mut self, event: &ClientEvent, text: &mut String) {
        match event {
            ClientEvent::Narrative { event } => match &event.content {
                Content::Lines(lines) => lines.iter().for_each(|line| put_line(line, text)),
                Content::Rich {
                    text: Some(words), ..
                } => put(words, true, text),
                Content::Rich { value, .. } => put(&as_text(value), true, text),
            },
            ClientEvent::Typed {
                text: Some(words), ..
            } => put(words, true, text),
            ClientEvent::SystemMessage { message, .. } => put(message, true, text),
            ClientEvent::RequestInput { metadata, .. } => {
                let prompts = metadata.iter().filter(|(name, _)| name == "prompt");
                prompts.for_each(|(_, prompt)| put(&as_text(prompt), false, text));
            }
            ClientEvent::Disconnect { lines, .. } => lines.iter().for_each(|line| put_line(line, text)),
            ClientEvent::Gap { lost } => {
                let words = format!(">> {lost} pieces of output to you have been lost <<");
                put(&words, true, text);
            }
            ClientEvent::ForceInput { line, at_front: true } => {
                self.window.push_front(line.clone());
                self.send_lines();
            }
            ClientEvent::ForceInput { line, .. } => {
                if self.window.push(line.clone(), true).is_err() {
                    tracing::debug!("a forced line was dropped: the daemon is away and the queue is full");
                }
                self.send_lines();
            }
            ClientEvent::FlushInput { .. } => self.window.clear(),
            ClientEvent::PlayerSwitched { .. } => self.is_known = true,
            // What a player reads about a task comes as lines; the rest is for the link and for programs.
            ClientEvent::TaskError { .. }
            | ClientEvent::TaskSuccess { .. }
            | ClientEvent::TaskSuspended { .. }
            | ClientEvent::CredentialsUpdated { .. }
            | ClientEvent::SetConnectionOption { .. }
            | ClientEvent::Presentation { .. }
            | ClientEvent::Typed { .. } => {}
        }
    }

    fn print(&mut self, words: &str) {
        let mut text = String::new();
        put(words, true, &mut text);
        let bytes = text.into_bytes();
        self.out.push(Act::SendBytes { bytes, event: None });
    }

    /// Ends the conversation.
    pub fn close(&mut self, code: u16, words: &str) {
        if !std::mem::replace(&mut self.is_over, true) {
            let words = words.to_owned();
            self.out.push(Act::Close { code, words });
        }
    }
}

/// Whoever is logged in is not held up by what lines look like.
fn admit_unless(
    is_known: bool,
    name: &str,
    admit: impl Fn(&str) -> Result<(), Duration>,
) -> Result<(), Duration> {
    if is_known { Ok(()) } else { admit(name) }
}

/// Appends a text with the ends of lines that terminals want.
fn put(words: &str, has_newline: bool, text: &mut String) {
    for (at, line) in words.split('\n').enumerate() {
        if at > 0 {
            text.push_str("\r\n");
        }
        text.push_str(line.strip_suffix('\r').unwrap_or(line));
    }
    if has_newline {
        text.push_str("\r\n");
    }
}

fn put_line(line: &Line, text: &mut String) {
    match &line.body {
        LineBody::Text(words) => put(words, !line.no_newline, text),
        LineBody::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// A value as a player reads it: a string as it is, anything else as a literal.
fn as_text(value: &WireValue) -> String {
    match value.open() {
        Ok(value) => match value.view() {
            View::Str(text) => text.to_string(),
            _ => literal::to_literal(&value),
        },
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::link::Ending;
    use crate::limits::{HELD_LINES_MAX, LINES_UNANSWERED_MAX};

    fn anybody(_: &str) -> Result<(), Duration> {
        Ok(())
    }

    fn ready() -> Terminal {
        let mut terminal = Terminal::new(Band::None);
        assert_eq!(terminal.acts(), [Act::Leave, Act::Enter(Entry::New, None)]);
        terminal.told(ToClient::Ready { fresh: false });
        terminal
    }

    #[test]
    fn lines_come_out_however_they_were_cut_and_wait_for_the_daemon() {
        let mut terminal = Terminal::new(Band::None);
        terminal.acts();
        terminal.hear(b"lo", anybody);
        terminal.hear(b"ok\r\nsay h\xc3", anybody);
        assert_eq!(terminal.acts(), []);
        terminal.told(ToClient::Ready { fresh: false });
        assert_eq!(terminal.acts(), [Act::Lines(vec!["look".into()])]);
        terminal.hear(b"\xa9\n", anybody);
        assert_eq!(terminal.acts(), [Act::Lines(vec!["say h\u{e9}".into()])]);
    }

    #[test]
    fn whoever_types_faster_than_the_daemon_answers_is_told_that_no_more_is_taken() {
        let mut terminal = ready();
        terminal.is_known = true;
        let refusal = || Act::SendBytes {
            bytes: b">> Too much waits for the server; the last that you sent was not taken <<\r\n".to_vec(),
            event: None,
        };
        let lines = "x\n".repeat(LINES_UNANSWERED_MAX + HELD_LINES_MAX);
        terminal.hear(lines.as_bytes(), anybody);
        assert_eq!(
            terminal.acts(),
            [Act::Lines(vec!["x".into(); LINES_UNANSWERED_MAX])]
        );
        for _ in 0..9 {
            terminal.hear(b"y\nz\n", anybody);
            assert_eq!(terminal.acts(), [refusal()]);
        }
        terminal.told(ToClient::Answered);
        assert_eq!(terminal.acts(), [Act::Lines(vec!["x".into()])]);
        terminal.hear(b"y\n", anybody);
        assert_eq!(terminal.acts(), []);
    }

    #[test]
    fn a_stranger_who_tries_too_often_waits_and_is_told_so() {
        let mut terminal = ready();
        terminal.hear(b"connect Ann secret\n", |name| {
            assert_eq!(name, "Ann");
            Err(Duration::from_secs(9))
        });
        let bytes = b">> Too many tries; wait 10 s <<\r\n".to_vec();
        assert_eq!(terminal.acts(), [Act::SendBytes { bytes, event: None }]);
    }

    #[test]
    fn the_last_words_come_before_the_end() {
        let mut terminal = ready();
        let (why, words) = (Ending::Elsewhere, "gone\nfor good".into());
        terminal.told(ToClient::Close { why, words });
        let bytes = b"gone\r\nfor good\r\n".to_vec();
        let words = "gone\nfor good".to_owned();
        let close = Act::Close { code: 4409, words };
        assert_eq!(terminal.acts(), [Act::SendBytes { bytes, event: None }, close]);
    }
}
