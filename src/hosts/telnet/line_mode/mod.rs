//! Bytes to lines: the line editor of a client that has none, and the chunks of binary mode.
//!
//! Invariants: what comes out does not depend on how the bytes were cut (in text mode); a line holds printable
//! characters, spaces and tabs only; no more than one line's worth of bytes is ever kept, and none between lines.
//!
//! Everything that happens to a whole line (flush command, out-of-band lines, `.program`, `read()`) is the
//! daemon's: it depends on state that MOO code can see and change there.

use crate::limits::BINARY_CHUNK_MAX;

/// What the client has finished typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line without its end.
    Line(String),
    /// Bytes of binary mode, written as a MOO binary string.
    Chunk(String),
    /// A line longer than the bound has begun; all of it is dropped.
    TooLong,
}

/// The editor's memory between two pieces of input.
#[derive(Debug)]
pub struct LineMode {
    /// The line so far, undecoded, so that a character may arrive in two pieces.
    line: Vec<u8>,
    after_cr: bool,
    /// The rest of the present line is dropped.
    overflowed: bool,
    binary: bool,
    /// The most bytes of a line.
    len_max: usize,
}

/// Most lines fit in this; reserving it at once saves growing the line four times.
const FIRST_RESERVE: usize = 64;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;

impl LineMode {
    /// An empty line of at most `len_max` bytes, in text mode.
    pub fn new(len_max: usize) -> LineMode {
        LineMode {
            line: Vec::new(),
            after_cr: false,
            overflowed: false,
            binary: false,
            len_max,
        }
    }

    /// Whether bytes are handed on as chunks instead of lines.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// Enters or leaves binary mode. A half line goes in front of the first chunk, as players of older servers know it.
    pub fn set_binary(&mut self, on: bool) {
        self.binary = on;
        self.after_cr = false;
    }

    /// Takes the bytes a client sent and hands on what they complete.
    pub fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Input)) {
        if self.binary {
            let mut raw = std::mem::take(&mut self.line);
            raw.extend_from_slice(bytes);
            raw.chunks(BINARY_CHUNK_MAX)
                .for_each(|chunk| take(Input::Chunk(encode_binary(chunk))));
            return;
        }
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => self.finish(&mut take),
                BACKSPACE | DELETE => self.erase_character(),
                b'\t' | b' '..=b'~' | 0x80.. => self.keep(byte, &mut take),
                _ => {}
            }
        }
    }

    /// Takes back the last character of the line.
    pub fn erase_character(&mut self) {
        let length = self.line.len();
        let whole = (2..=length.min(4)).find(|&bytes| {
            std::str::from_utf8(&self.line[length - bytes..]).is_ok_and(|tail| tail.chars().count() == 1)
        });
        self.line.truncate(length - whole.unwrap_or(1).min(length));
    }

    /// Takes back the whole line.
    pub fn erase_line(&mut self) {
        self.line = Vec::new();
    }

    fn keep(&mut self, byte: u8, take: &mut impl FnMut(Input)) {
        if self.overflowed {
            return;
        }
        if self.line.len() == self.len_max {
            self.overflowed = true;
            self.line = Vec::new();
            take(Input::TooLong);
            return;
        }
        if self.line.capacity() == 0 {
            self.line.reserve(FIRST_RESERVE);
        }
        self.line.push(byte);
    }

    fn finish(&mut self, take: &mut impl FnMut(Input)) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.overflowed) {
            return;
        }
        let line = if line.is_ascii() {
            as_text(line)
        } else {
            decode(&line)
        };
        // A byte that is not UTF-8 grows when it is read as Latin-1, so the bound is looked at again.
        take(if line.len() > self.len_max {
            Input::TooLong
        } else {
            Input::Line(line)
        });
    }
}

fn as_text(ascii: Vec<u8>) -> String {
    String::from_utf8(ascii).expect("the caller has seen that every byte is ASCII")
}

/// UTF-8, with each byte that is not part of any character read as Latin-1; control characters are left out.
fn decode(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.extend(chunk.valid().chars().filter(|&c| c == '\t' || !c.is_control()));
        text.extend(
            chunk
                .invalid()
                .iter()
                .map(|&byte| char::from(byte))
                .filter(|c| !c.is_control()),
        );
    }
    text
}

/// Writes bytes as a MOO binary string: printable ASCII but `~` as it is, all else as `~` and two hexadecimal digits.
pub fn encode_binary(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    for &byte in bytes {
        if matches!(byte, b' '..=b'}') {
            text.push(char::from(byte));
        } else {
            text.push('~');
            text.push(hex_digit(byte >> 4));
            text.push(hex_digit(byte & 0xF));
        }
    }
    text
}

fn hex_digit(nibble: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(nibble & 0xF)])
}

#[cfg(test)]
mod tests;
