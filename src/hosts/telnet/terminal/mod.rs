//! One telnet client without its socket: bytes in, finished lines out; texts in, bytes for the socket out.
//!
//! Invariants: it reads no clock and does no input or output; outside binary mode no byte of a telnet command
//! becomes text and no text becomes a telnet command; in binary mode bytes pass as they are, both ways, because
//! MOO code asked for the bare stream (and may be speaking telnet itself).

use super::engine::{self, Engine, Event, Party, options, parser};
use super::line_mode::{Input, LineMode};
use super::output::Output;
use crate::limits::ANSWERS_WAITING_MAX;
use std::io::{self, IoSlice};

/// The state of one client's end of the line.
#[derive(Debug)]
pub struct Terminal {
    engine: Engine,
    line_mode: LineMode,
    output: Output,
}

/// What AYT is answered with.
const STILL_HERE: &[u8] = b"\r\n[still here]\r\n";

impl Terminal {
    /// A fresh client whose lines are `line_len_max` bytes at most and of whose output about `output_len_max` bytes
    /// may wait.
    pub fn new(line_len_max: usize, output_len_max: usize) -> Terminal {
        let mut terminal = Terminal {
            engine: Engine::new(options::TABLE),
            line_mode: LineMode::new(line_len_max),
            output: Output::new(output_len_max),
        };
        terminal.queue_answers();
        terminal
    }

    /// Takes what the socket gave and hands on the lines it completes.
    pub fn receive(&mut self, bytes: &[u8], mut take: impl FnMut(Input)) {
        if self.line_mode.is_binary() {
            self.line_mode.feed(bytes, take);
            return;
        }
        let (line_mode, mut asked_if_here) = (&mut self.line_mode, false);
        self.engine.receive(bytes, |event| match event {
            Event::Text(text) => line_mode.feed(text, &mut take),
            Event::Command(parser::EC) => line_mode.erase_character(),
            Event::Command(parser::EL) => line_mode.erase_line(),
            Event::Command(parser::AYT) => asked_if_here = true,
            Event::Command(_) | Event::Option { .. } | Event::Subnegotiation { .. } => {}
        });
        self.queue_answers();
        if asked_if_here {
            self.output.fixed(STILL_HERE);
        }
    }

    /// Queues a text for the client, followed by the end of a line if `newline`.
    pub fn print(&mut self, text: &str, newline: bool) {
        self.output.text(text.len() + 2, |out| {
            out.reserve(text.len() + 2);
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    out.extend_from_slice(b"\r\n");
                }
                engine::quote_iac(line.strip_suffix('\r').unwrap_or(line).as_bytes(), out);
            }
            if newline {
                out.extend_from_slice(b"\r\n");
            }
        });
    }

    /// Queues bytes as they are: the output of a connection in binary mode.
    pub fn print_bytes(&mut self, bytes: &[u8]) {
        self.output.text(bytes.len(), |out| out.extend_from_slice(bytes));
    }

    /// Whether `length` more bytes can wait without dropping older ones.
    pub fn has_room(&self, length: usize) -> bool {
        self.output.has_room(length)
    }

    /// Queues a prompt: no end of line, but the mark that this client understands.
    pub fn prompt(&mut self, text: &str) {
        self.print(text, false);
        if !self.line_mode.is_binary() {
            self.output.fixed(self.engine.prompt_mark());
        }
    }

    /// Lets the client show what is typed, or (for passwords) keeps it from doing so.
    pub fn set_client_echo(&mut self, on: bool) {
        self.engine.ask(Party::Us, options::ECHO, !on);
        self.queue_answers();
    }

    /// Enters or leaves binary mode.
    pub fn set_binary(&mut self, on: bool) {
        if on != self.line_mode.is_binary() {
            self.engine.interrupt();
            self.line_mode.set_binary(on);
        }
    }

    /// Whether the client asks for telnet answers faster than it reads them, so that it should not be read from.
    pub fn is_swamped(&self) -> bool {
        self.output.fixed_waiting() > ANSWERS_WAITING_MAX
    }

    /// Whether anything waits to be sent.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Bytes of output over all time.
    pub fn queued(&self) -> u64 {
        self.output.queued()
    }

    /// How many of them are gone.
    pub fn left(&self) -> u64 {
        self.output.left()
    }

    /// Sends what waits through `write`; see [`Output::send`].
    pub fn send(&mut self, write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<bool> {
        self.output.send(write)
    }

    fn queue_answers(&mut self) {
        if !self.engine.answers().is_empty() {
            let answers = std::mem::take(self.engine.answers());
            self.output.fixed(&answers);
        }
    }
}

#[cfg(test)]
mod tests;
