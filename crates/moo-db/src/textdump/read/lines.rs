//! The lines of a textdump, with their numbers for errors.
//!
//! Invariant: one line is held in memory at a time; an error names the line that was read last.

use std::io::BufRead;

use moo_model::{Obj, Value};

use super::ReadError;
use crate::draft::Warnings;

/// How many bytes lie between two reports of progress.
const PROGRESS_STEP: u64 = 256 * 1024;
/// How much of a line an error shows.
const SHOWN_MAX: usize = 40;

pub(super) struct Lines<'a, R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    bytes_told: u64,
    progress: &'a mut dyn FnMut(u64),
    /// Whether the current line was only looked at, so that it comes again.
    held: bool,
    first_number: Option<i64>,
    /// Whether some text was not UTF-8.
    pub latin1: bool,
    pub warnings: Warnings,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub fn new(input: R, progress: &'a mut dyn FnMut(u64)) -> Lines<'a, R> {
        Lines {
            input,
            line: Vec::new(),
            number: 0,
            bytes: 0,
            bytes_told: 0,
            progress,
            held: false,
            first_number: None,
            latin1: false,
            warnings: Warnings::default(),
        }
    }

    /// Keeps the number of the first line of a file that has no header.
    pub fn put_first_number(&mut self, number: i64) {
        self.first_number = Some(number.max(0));
    }

    pub fn take_first_number(&mut self) -> Option<i64> {
        self.first_number.take()
    }

    /// The next line without its end; `expected` is for the error when there is none.
    pub fn next(&mut self, expected: &str) -> Result<&[u8], ReadError> {
        if std::mem::take(&mut self.held) {
            return Ok(&self.line);
        }
        self.line.clear();
        let read = self
            .input
            .read_until(b'\n', &mut self.line)
            .map_err(|source| ReadError::Io {
                line: self.number,
                source,
            })?;
        self.number += 1;
        if read == 0 {
            return Err(ReadError::Ended {
                line: self.number,
                expected: expected.to_string(),
            });
        }
        self.bytes += read as u64;
        if self.bytes - self.bytes_told >= PROGRESS_STEP {
            self.bytes_told = self.bytes;
            (self.progress)(self.bytes);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(&self.line)
    }

    /// The next line, which stays the next one; `None` at the end of the file.
    pub fn peek(&mut self) -> Result<Option<&[u8]>, ReadError> {
        match self.next("") {
            Ok(_) => {
                self.held = true;
                Ok(Some(&self.line))
            }
            Err(ReadError::Ended { .. }) => {
                self.number -= 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the last progress and gives the number of bytes read.
    pub fn finish(&mut self) -> u64 {
        (self.progress)(self.bytes);
        self.bytes
    }

    /// The error that the current line is not what was expected.
    pub fn unexpected(&self, expected: &str) -> ReadError {
        ReadError::Unexpected {
            line: self.number,
            expected: expected.to_string(),
            found: shown(&self.line),
        }
    }

    /// Notes something odd at the current line.
    pub fn warn(&mut self, what: &str) {
        self.warnings.add(format!("line {}: {what}", self.number));
    }

    /// A line that is a decimal number.
    pub fn number(&mut self, expected: &str) -> Result<i64, ReadError> {
        let line = self.next(expected)?;
        let number = std::str::from_utf8(line)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        number.ok_or_else(|| self.unexpected(expected))
    }

    /// A line that is a number of things.
    pub fn count(&mut self, expected: &str) -> Result<i64, ReadError> {
        match self.number(expected)? {
            count if count >= 0 => Ok(count),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// A line that is an object's number.
    pub fn obj(&mut self, expected: &str) -> Result<Obj, ReadError> {
        self.number(expected).map(Obj::numbered)
    }

    /// A line of text, as UTF-8 if it is that, else as Latin-1.
    pub fn text(&mut self, expected: &str) -> Result<String, ReadError> {
        let decoded = decode(self.next(expected)?);
        self.latin1 |= decoded.1;
        Ok(decoded.0)
    }

    /// A line of text as a value.
    pub fn text_value(&mut self, expected: &str) -> Result<Value, ReadError> {
        self.text(expected).map(Value::string)
    }

    /// Lines of text up to one that begins with a dot.
    pub fn program(&mut self) -> Result<String, ReadError> {
        let mut text = String::new();
        loop {
            let line = self.next("a line of a program, or `.`")?;
            if line.first() == Some(&b'.') {
                return Ok(text);
            }
            let (line, latin1) = decode(line);
            self.latin1 |= latin1;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
        }
    }

    /// A line that begins with a number and goes on with these words; gives the number.
    pub fn counted(&mut self, words: &str) -> Result<i64, ReadError> {
        let expected = format!("`N {words}`");
        let line = self.next(&expected)?;
        number_before(line, words).ok_or_else(|| self.unexpected(&expected))
    }
}

/// The number in `<number> <words>`.
pub(super) fn number_before(line: &[u8], words: &str) -> Option<i64> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let number = line.strip_suffix(words)?.trim();
    number.parse().ok().filter(|&n: &i64| n >= 0)
}

/// The text, and whether it had to be read as Latin-1.
fn decode(line: &[u8]) -> (String, bool) {
    match std::str::from_utf8(line) {
        Ok(text) => (text.to_string(), false),
        Err(_) => (line.iter().map(|&byte| char::from(byte)).collect(), true),
    }
}

fn shown(line: &[u8]) -> String {
    if line.is_empty() {
        return "an empty line".to_string();
    }
    let (text, _) = decode(&line[..line.len().min(SHOWN_MAX)]);
    let more = if line.len() > SHOWN_MAX { "..." } else { "" };
    format!("`{}{more}`", text.escape_debug())
}
