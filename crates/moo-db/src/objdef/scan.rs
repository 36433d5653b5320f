//! The words, marks and strings of a file of objects, read from left to right.
//!
//! Invariant: the place never moves back, and always stands between two characters.

use super::Problem;

pub(super) struct Scanner<'a> {
    pub file: &'a str,
    text: &'a str,
    at: usize,
    /// The line of the place `counted`, at or before `at`.
    line: u32,
    counted: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Scanner<'a> {
        Scanner {
            file,
            text,
            at: 0,
            line: 1,
            counted: 0,
        }
    }

    /// The line of the current place.
    pub fn line(&mut self) -> u32 {
        let passed = &self.text.as_bytes()[self.counted..self.at];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u32;
        self.counted = self.at;
        self.line
    }

    pub fn problem(&mut self, message: impl Into<String>) -> Problem {
        Problem {
            file: self.file.to_string(),
            line: self.line(),
            message: message.into(),
        }
    }

    /// The problem that something else stands here.
    pub fn expected(&mut self, what: &str) -> Problem {
        self.skip_space();
        let found: String = self.rest().chars().take_while(|&c| c != '\n').take(30).collect();
        let found = if found.is_empty() {
            "the end of the line or file".to_string()
        } else {
            format!("`{found}`")
        };
        self.problem(format!("expected {what}, found {found}"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Moves past white space and comments.
    pub fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let skipped = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                rest.len() - rest.trim_start().len()
            };
            if skipped == 0 {
                return;
            }
            self.at += skipped;
        }
    }

    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    /// The next character after white space.
    pub fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    /// Moves past this mark if it stands here.
    pub fn eat(&mut self, mark: &str) -> bool {
        self.skip_space();
        let is_here = self.rest().starts_with(mark);
        if is_here {
            self.at += mark.len();
        }
        is_here
    }

    /// Moves past this mark, which must stand here.
    pub fn need(&mut self, mark: &str) -> Result<(), Problem> {
        if self.eat(mark) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{mark}`")))
        }
    }

    /// The characters from here on for which this holds.
    pub fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// The word that starts here, of letters, digits and underscores; empty if there is none.
    pub fn word(&mut self) -> &'a str {
        self.skip_space();
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// The word that starts here, without moving.
    pub fn peek_word(&mut self) -> &'a str {
        self.skip_space();
        let before = self.at;
        let word = self.word();
        self.at = before;
        word
    }

    /// A string literal with its escapes undone.
    pub fn string(&mut self) -> Result<String, Problem> {
        self.need("\"")?;
        let mut text = String::new();
        loop {
            let plain = self.take_while(|c| c != '"' && c != '\\');
            text.push_str(plain);
            if self.rest().starts_with('"') {
                self.at += 1;
                return Ok(text);
            }
            if self.rest().is_empty() {
                return Err(self.problem("the string has no end"));
            }
            self.at += 1;
            text.push(self.escape()?);
        }
    }

    /// What stands after a backslash.
    fn escape(&mut self) -> Result<char, Problem> {
        let Some(c) = self.rest().chars().next() else {
            return Err(self.problem("the string has no end"));
        };
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' => c,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'x' => self.code_point(2)?,
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            _ => return Err(self.problem(format!("there is no escape \\{c}"))),
        })
    }

    fn code_point(&mut self, digits: usize) -> Result<char, Problem> {
        let rest = self.rest();
        let code = rest
            .get(..digits)
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .and_then(char::from_u32);
        let Some(c) = code else {
            return Err(self.problem(format!(
                "an escape needs {digits} hexadecimal digits of a character"
            )));
        };
        self.at += digits;
        Ok(c)
    }

    /// The text of a verb up to this word, and the line on which it starts; afterwards the place is behind the word.
    pub fn body(&mut self, end: &str) -> Result<(&'a str, u32), Problem> {
        let first_line = self.line();
        let start = self.at;
        loop {
            self.skip_space();
            let rest = self.rest();
            match rest.chars().next() {
                None => {
                    let mut problem = self.problem(format!("the body has no `{end}`"));
                    problem.line = first_line;
                    return Err(problem);
                }
                Some('"') => self.skip_string(),
                Some(c) if c.is_ascii_alphanumeric() || c == '_' => {
                    let before = self.at;
                    if self.word().eq_ignore_ascii_case(end) {
                        return Ok((&self.text[start..before], first_line));
                    }
                }
                Some(c) => self.at += c.len_utf8(),
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        loop {
            self.take_while(|c| c != '"' && c != '\\');
            let rest = self.rest();
            if !rest.starts_with('\\') {
                self.at += rest.len().min(1);
                return;
            }
            let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
            self.at += 1 + escaped;
        }
    }

    /// Moves behind the next line that begins with this word, to go on after a problem.
    pub fn skip_past_line(&mut self, word: &str) {
        while !self.rest().is_empty() {
            let line = self.take_while(|c| c != '\n');
            self.at += self.rest().len().min(1);
            if line.trim_start().starts_with(word) {
                return;
            }
        }
    }
}
