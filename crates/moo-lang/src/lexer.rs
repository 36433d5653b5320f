//! Source text to tokens, byte by byte; comments are set aside with the token they stand before.
//!
//! Invariant: every byte of the source is read once, and the last token is the only [`TokenKind::End`].

use crate::token::{Fault, Mark, Token, TokenKind, Word, error_from_name};

/// What the lexer makes of a program.
pub(crate) struct Lexed {
    /// The tokens, closed by [`TokenKind::End`].
    pub tokens: Vec<Token>,
    /// The comments in order.
    pub comments: Vec<Comment>,
}

/// One line of a comment.
pub(crate) struct Comment {
    /// The index of the token that follows.
    pub before: usize,
    /// The text without marks and surrounding white space, never empty.
    pub text: String,
}

/// Takes a whole program apart. Faults become [`TokenKind::Bad`] tokens; the parser reports them where they matter.
/// `strings_span_lines` is [`Options::strings_span_lines`](crate::parser::Options).
pub(crate) fn lex(source: &str, strings_span_lines: bool) -> Lexed {
    let mut lexer = Lexer {
        strings_span_lines,
        source,
        bytes: source.as_bytes(),
        at: 0,
        line: 1,
        last_line: 0,
        out: Lexed {
            tokens: Vec::with_capacity(source.len() / 3 + 1),
            comments: Vec::new(),
        },
    };
    while lexer.skip_blank() {
        let start = lexer.at;
        let kind = lexer.token();
        lexer.push(kind, start);
    }
    let end = lexer.at;
    lexer.push(TokenKind::End, end);
    lexer.out
}

struct Lexer<'a> {
    strings_span_lines: bool,
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    last_line: u32,
    out: Lexed,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        // Zero stands for the end: a zero byte in the source is no part of any token either.
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        let first_on_line = self.last_line != self.line;
        self.last_line = self.line;
        self.out.tokens.push(Token {
            kind,
            start,
            end: self.at,
            line: self.line,
            first_on_line,
        });
    }

    /// Skips white space and comments; false at the end of the program.
    fn skip_blank(&mut self) -> bool {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.peek(1) == b'*' => self.comment(),
                _ => return true,
            }
        }
        false
    }

    /// `"/*" anything "*/"`
    fn comment(&mut self) {
        let body = self.at + 2;
        let (text, end) = match self.source[body..].find("*/") {
            Some(len) => (&self.source[body..body + len], body + len + 2),
            None => (&self.source[body..], self.source.len()),
        };
        self.line += text.bytes().filter(|&b| b == b'\n').count() as u32;
        self.at = end;
        if body + text.len() == end {
            self.push(TokenKind::Bad(Fault::Comment), end);
            return;
        }
        let before = self.out.tokens.len();
        let lines = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
        self.out.comments.extend(lines.map(|line| Comment {
            before,
            text: line.to_string(),
        }));
    }

    fn token(&mut self) -> TokenKind {
        match self.peek(0) {
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(),
            b'"' => self.string(),
            b'#' => self.object(),
            _ => self.mark(),
        }
    }

    /// `digit { digit }`, as its value modulo 2^64.
    fn digits(&mut self) -> i64 {
        let mut value = 0i64;
        while self.peek(0).is_ascii_digit() {
            value = value
                .wrapping_mul(10)
                .wrapping_add(i64::from(self.peek(0) - b'0'));
            self.at += 1;
        }
        value
    }

    /// `digits | ( digits "." [ digits ] | "." digits | digits ) [ "e" [ "+" | "-" ] digits ]`
    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let whole = self.digits();
        let mut float = false;
        // `1..3` is a range of two integers.
        if self.peek(0) == b'.' && self.peek(1) != b'.' {
            float = true;
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(0), b'e' | b'E') {
            float = true;
            self.at += 1;
            if matches!(self.peek(0), b'+' | b'-') {
                self.at += 1;
            }
            if !self.peek(0).is_ascii_digit() {
                return TokenKind::Bad(Fault::FloatForm);
            }
            self.digits();
        }
        if !float {
            return TokenKind::Int(whole);
        }
        match self.source[start..self.at].parse::<f64>() {
            Ok(value) if value.is_finite() => TokenKind::Float(value),
            _ => TokenKind::Bad(Fault::FloatRange),
        }
    }

    /// `letter { letter | digit }`
    fn name(&mut self) -> TokenKind {
        let start = self.at;
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
            self.at += 1;
        }
        let name = &self.source[start..self.at];
        if let Some(word) = Word::from_name(name) {
            TokenKind::Word(word)
        } else {
            error_from_name(name).map_or(TokenKind::Name, TokenKind::Error)
        }
    }

    /// `'"' { character | "\" character } '"'`, on one line unless told otherwise.
    fn string(&mut self) -> TokenKind {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return TokenKind::Text;
                }
                Some(b'\n') if self.strings_span_lines => self.at += 1,
                Some(b'\\') if !matches!(self.bytes.get(self.at + 1), None | Some(b'\n')) => self.at += 2,
                Some(b'\n') | None => return TokenKind::Bad(Fault::MissingQuote),
                // The bytes within a character are never a quote, a backslash or a newline.
                Some(_) => self.at += 1,
            }
        }
    }

    /// `"#" [ "-" ] digits`
    fn object(&mut self) -> TokenKind {
        self.at += 1;
        let negative = self.peek(0) == b'-';
        self.at += usize::from(negative);
        if !self.peek(0).is_ascii_digit() {
            return TokenKind::Bad(Fault::ObjectNumber);
        }
        let number = self.digits();
        TokenKind::Object(if negative { number.wrapping_neg() } else { number })
    }

    fn mark(&mut self) -> TokenKind {
        match Mark::starting(self.peek(0), self.peek(1)) {
            Some(mark) => {
                self.at += mark.text().len();
                TokenKind::Mark(mark)
            }
            None => self.unknown(),
        }
    }

    fn unknown(&mut self) -> TokenKind {
        self.at += self.source[self.at..].chars().next().map_or(1, char::len_utf8);
        TokenKind::Bad(Fault::Character)
    }
}

/// The text between a string token's quotes, with each backslash gone and what follows it kept.
pub(crate) fn unescape(quoted: &str) -> String {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(quoted);
    if !inner.contains('\\') {
        return inner.to_string();
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}
