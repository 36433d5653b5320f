//! Tokens to tree: recursive descent, with precedence climbing for operators.
//!
//! Invariants: every error of a program is reported, one for each bad statement, and parsing always ends; a tree is
//! given only when there is no error, and it is no higher than [`HEIGHT_MAX`].

mod expression;
mod recovery;
mod scatter;
mod statement;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::ast::{Expr, HEIGHT_MAX, PREDEFINED, Program, Stmt, StmtKind, VARIABLES_MAX, Var};
use crate::error::{CompileError, CompileErrors};
use crate::lexer::{Comment, lex};
use crate::lines::number_lines;
use crate::token::{Mark, Token, TokenKind, Word};

/// The greatest number of errors, and of warnings, reported for one program. Parsing stops at so many errors.
pub const ERRORS_MAX: usize = 100;

/// What the parser needs to know of its surroundings.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Whether a lower-case name is a built-in function.
    pub is_builtin: &'a dyn Fn(&str) -> bool,
    /// What becomes of a call of a function that does not exist.
    pub unknown_builtins: UnknownBuiltins,
    /// Whether a string may have a newline in it, which no program has: values of the world do.
    pub strings_span_lines: bool,
}

/// What becomes of a call of a function that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownBuiltins {
    /// It is an error: for programs that someone writes now.
    Refuse,
    /// It becomes `call_function("name", ...)` and a warning: for programs that come with a database.
    Keep,
}

impl<'a> Options<'a> {
    /// Options for programs that someone writes now: unknown functions are refused.
    pub fn new(is_builtin: &'a dyn Fn(&str) -> bool) -> Options<'a> {
        Options {
            is_builtin,
            unknown_builtins: UnknownBuiltins::Refuse,
            strings_span_lines: false,
        }
    }

    /// Options for programs that come with a database: unknown functions are kept.
    pub fn loading(is_builtin: &'a dyn Fn(&str) -> bool) -> Options<'a> {
        Options {
            is_builtin,
            unknown_builtins: UnknownBuiltins::Keep,
            strings_span_lines: false,
        }
    }
}

/// A program, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The tree.
    pub program: Program,
    /// The calls of functions that do not exist, under [`UnknownBuiltins::Keep`]; at most [`ERRORS_MAX`].
    pub warnings: Vec<CompileError>,
}

/// Parses a program; warnings are dropped.
///
/// # Errors
/// Every error of the program, in order of place.
pub fn parse(source: &str, options: &Options<'_>) -> Result<Program, CompileErrors> {
    parse_with_warnings(source, options).map(|parsed| parsed.program)
}

/// Parses a program.
///
/// # Errors
/// Every error of the program, in order of place.
pub fn parse_with_warnings(source: &str, options: &Options<'_>) -> Result<Parsed, CompileErrors> {
    let mut parser = Parser::new(source, *options);
    // An error that ends the parse is among the errors, like every other.
    let body = parser.statements(&[]).unwrap_or_default();
    parser.finish(body)
}

/// Why a parse function has no result. The error has been noted when this is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The rest of the statement, or of its header, is to be skipped.
    Statement,
    /// Nothing more can be made of the program.
    Program,
}

/// An expression and its height in nodes. The expression is boxed to keep small the stack frames of the functions
/// that nest: at two kilobytes a level, the deepest source allowed would not fit a common stack.
struct Tall {
    expr: Box<Expr>,
    height: usize,
}

struct Parser<'a> {
    source: &'a str,
    options: Options<'a>,
    tokens: Vec<Token>,
    at: usize,
    comments: std::iter::Peekable<std::vec::IntoIter<Comment>>,
    errors: Vec<CompileError>,
    warnings: Vec<CompileError>,
    variables: Vec<String>,
    /// Variables by lower-case name.
    slots: HashMap<Cow<'a, str>, Var>,
    /// The names of the loops around this place, innermost last; a `fork` hides those outside it.
    loops: Vec<Option<Var>>,
    /// For each open block, the words that may end it.
    closers: Vec<&'static [Word]>,
    /// The nodes above the one being parsed.
    depth: usize,
    /// The parentheses around this place, which are no nodes but cost stack all the same.
    parens: usize,
    /// The indexes around this place: `^` and `$` have a meaning inside one.
    indexes: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, options: Options<'a>) -> Parser<'a> {
        let lexed = lex(source, options.strings_span_lines);
        let slots = PREDEFINED
            .iter()
            .zip(0..)
            .map(|(name, slot)| (name.to_ascii_lowercase().into(), Var(slot)));
        Parser {
            source,
            options,
            tokens: lexed.tokens,
            at: 0,
            comments: lexed.comments.into_iter().peekable(),
            errors: Vec::new(),
            warnings: Vec::new(),
            variables: PREDEFINED.iter().map(|name| name.to_string()).collect(),
            slots: slots.collect(),
            loops: Vec::new(),
            closers: Vec::new(),
            depth: 0,
            parens: 0,
            indexes: 0,
        }
    }

    fn finish(mut self, body: Vec<Stmt>) -> Result<Parsed, CompileErrors> {
        if !self.errors.is_empty() {
            self.errors.sort_by_key(|error| (error.line, error.column));
            return Err(CompileErrors { errors: self.errors });
        }
        let mut program = Program {
            body,
            variables: self.variables,
        };
        number_lines(&mut program);
        Ok(Parsed {
            program,
            warnings: self.warnings,
        })
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn kind(&self) -> TokenKind {
        self.tokens[self.at].kind
    }

    /// Goes past the current token; the end is never passed.
    fn advance(&mut self) {
        if self.kind() != TokenKind::End {
            self.at += 1;
        }
    }

    fn text(&self, token: Token) -> &'a str {
        &self.source[token.start..token.end]
    }

    fn at_mark(&self, mark: Mark) -> bool {
        self.kind() == TokenKind::Mark(mark)
    }

    fn at_word(&self, word: Word) -> bool {
        self.kind() == TokenKind::Word(word)
    }

    fn eat(&mut self, mark: Mark) -> bool {
        let here = self.at_mark(mark);
        if here {
            self.at += 1;
        }
        here
    }

    fn eat_word(&mut self, word: Word) -> bool {
        let here = self.at_word(word);
        if here {
            self.at += 1;
        }
        here
    }

    fn expect(&mut self, mark: Mark) -> Result<(), Stop> {
        if self.eat(mark) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{}`", mark.text())))
        }
    }

    /// Parses something that stands `levels` nodes below this place.
    fn deeper<T>(
        &mut self,
        levels: usize,
        parse: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if self.depth + levels >= HEIGHT_MAX {
            return Err(self.too_deep());
        }
        self.depth += levels;
        let result = parse(self);
        self.depth -= levels;
        result
    }

    /// A node over children of which the highest has height `below`.
    fn node(&mut self, expr: Expr, below: usize) -> Result<Tall, Stop> {
        let height = below + 1;
        if self.depth + height > HEIGHT_MAX {
            Err(self.too_deep())
        } else {
            Ok(Tall {
                expr: Box::new(expr),
                height,
            })
        }
    }

    /// The variable that a name token names, which it may be the first to do.
    #[inline(never)]
    fn variable(&mut self, token: Token) -> Var {
        let name = self.text(token);
        let folded = match name.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name),
        };
        if let Some(&var) = self.slots.get(&folded) {
            return var;
        }
        if self.variables.len() >= VARIABLES_MAX {
            let message = format!("Too many variables (max. {VARIABLES_MAX})");
            if !self.errors.iter().any(|error| error.message == message) {
                self.error_at(token, message, None);
            }
            return Var(0);
        }
        let var = Var(self.variables.len() as u16);
        self.variables.push(name.to_string());
        self.slots.insert(folded, var);
        var
    }

    /// Moves the comments that stand before the token `until` into `body`.
    fn take_comments(&mut self, until: usize, body: &mut Vec<Stmt>) {
        while let Some(comment) = self.comments.next_if(|comment| comment.before <= until) {
            body.push(Stmt {
                line: 0,
                kind: StmtKind::Comment(comment.text),
            });
        }
    }
}

#[cfg(test)]
mod tests;
