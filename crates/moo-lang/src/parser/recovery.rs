//! Noting errors, and finding the place where parsing can go on after one.
//!
//! Invariant: going on always makes progress, and one bad statement gives one error.

use super::{ERRORS_MAX, Parser, Stop};
use crate::ast::HEIGHT_MAX;
use crate::error::CompileError;
use crate::token::{Fault, Mark, Token, TokenKind, Word};

/// The longest piece of source, in characters, that a hint repeats.
const HINT_CHARS_MAX: usize = 20;

impl Parser<'_> {
    /// Notes an error. Only the first at each place counts: blocks left open at the end are one mistake, not many.
    pub(super) fn error_at(&mut self, token: Token, message: impl Into<String>, hint: Option<String>) {
        // Asked first, because finding a column walks the whole line.
        if self.errors.len() >= ERRORS_MAX {
            return;
        }
        let error = self.compile_error(token, message.into(), hint);
        let known = self
            .errors
            .last()
            .is_some_and(|last| (last.line, last.column) == (error.line, error.column));
        if !known {
            self.errors.push(error);
        }
    }

    pub(super) fn compile_error(&self, token: Token, message: String, hint: Option<String>) -> CompileError {
        let line_start = self.source[..token.start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let column = self.source[line_start..token.start].chars().count() as u32 + 1;
        CompileError {
            line: token.line,
            column,
            message,
            hint,
        }
    }

    /// Notes that the current token cannot stand here.
    #[cold]
    pub(super) fn unexpected(&mut self, wanted: &str) -> Stop {
        let token = self.token();
        match token.kind {
            TokenKind::Bad(fault) if fault != Fault::Character => self.error_at(token, fault.message(), None),
            _ => {
                let hint = format!("expected {wanted}, found {}", self.found(token));
                self.error_at(token, "syntax error", Some(hint));
            }
        }
        if self.errors.len() < ERRORS_MAX {
            Stop::Statement
        } else {
            Stop::Program
        }
    }

    fn found(&self, token: Token) -> String {
        let text = self.text(token);
        match token.kind {
            TokenKind::End => "the end of the program".to_string(),
            _ if text.chars().count() > HINT_CHARS_MAX => {
                format!("`{}...`", text.chars().take(HINT_CHARS_MAX).collect::<String>())
            }
            _ => format!("`{text}`"),
        }
    }

    #[cold]
    pub(super) fn too_deep(&mut self) -> Stop {
        self.error_at(
            self.token(),
            format!("Program is nested too deeply (max. {HEIGHT_MAX})"),
            None,
        );
        Stop::Statement
    }

    /// Goes to where the next statement may start: past a `;`, to a leading word at the start of a line, or to the end
    /// of an open block.
    pub(super) fn skip_statement(&mut self) {
        self.forget_nesting();
        loop {
            let token = self.token();
            match token.kind {
                TokenKind::End => return,
                TokenKind::Word(word)
                    if word.leads() && token.first_on_line || self.closes_open_block(word) =>
                {
                    return;
                }
                // A `;` inside parentheses was a slip of the same statement.
                TokenKind::Mark(Mark::Semicolon) if self.tokens[self.at + 1].closes_bracket() => {
                    self.advance()
                }
                // The rest of the line, with its `;`, went into the string.
                TokenKind::Mark(Mark::Semicolon) | TokenKind::Bad(Fault::MissingQuote) => {
                    self.advance();
                    return;
                }
                _ => self.advance(),
            }
        }
    }

    pub(super) fn closes_open_block(&self, word: Word) -> bool {
        self.closers.iter().any(|closers| closers.contains(&word))
    }

    /// Goes past a block's header that began at token `start` and is wrong at the current one, so that the block
    /// itself can be parsed: past the closing parenthesis if it can be found, else to the next line.
    pub(super) fn skip_header(&mut self, start: usize) {
        self.forget_nesting();
        let wrong = self.at;
        let mut open = 0usize;
        for i in start..self.tokens.len() {
            let token = self.tokens[i];
            let after = match token.kind {
                TokenKind::Mark(Mark::LeftParen | Mark::LeftBracket | Mark::LeftBrace) => {
                    open += 1;
                    None
                }
                _ if token.closes_bracket() => {
                    open = open.saturating_sub(1);
                    (open == 0).then_some(i + 1)
                }
                TokenKind::Mark(Mark::Semicolon) | TokenKind::Bad(Fault::MissingQuote) => Some(i + 1),
                TokenKind::End => Some(i),
                TokenKind::Word(word) if word.leads() && token.first_on_line => Some(i),
                _ => (open == 0 && i > wrong && token.first_on_line).then_some(i),
            };
            if let Some(after) = after.filter(|_| i >= wrong) {
                self.at = after;
                return;
            }
        }
    }

    /// Statements and headers stand in no parentheses and in no index.
    fn forget_nesting(&mut self) {
        self.parens = 0;
        self.indexes = 0;
    }
}
