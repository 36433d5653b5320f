//! Tree to canonical text: `verb_code()`, listings, dumps, and the form in which the database keeps a verb.
//!
//! Invariant: reading back what is printed, in any style, gives the same tree (comments only when they are printed).

mod expression;
mod statement;

use crate::ast::{Program, Stmt};
use statement::Printer;

/// How a program is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Parentheses around every operand that is itself an operation, instead of only where they are needed.
    pub fully_parenthesised: bool,
    /// Two spaces for each block a statement stands in.
    pub indent: bool,
    /// Whether comments are printed, each on a line of its own; they have no part in canonical line numbers.
    pub comments: bool,
}

impl Style {
    /// What `verb_code()` gives unless told otherwise.
    pub const LISTING: Style = Style {
        fully_parenthesised: false,
        indent: true,
        comments: false,
    };
    /// What textdumps hold.
    pub const DUMP: Style = Style {
        fully_parenthesised: true,
        indent: false,
        comments: false,
    };
    /// What the database keeps.
    pub const STORED: Style = Style {
        fully_parenthesised: false,
        indent: false,
        comments: true,
    };
}

/// The lines of a program; none for one without statements.
pub fn unparse(program: &Program, style: &Style) -> Vec<String> {
    unparse_statements(program, &program.body, style)
}

/// The lines of some of a program's statements, such as the body of a `fork`.
pub fn unparse_statements(program: &Program, statements: &[Stmt], style: &Style) -> Vec<String> {
    let mut printer = Printer::new(program, *style);
    printer.statements(statements);
    printer.into_lines()
}

/// The text from which [`crate::parse`] makes an equal tree, comments included: what the database keeps.
pub fn store_text(program: &Program) -> String {
    unparse(program, &Style::STORED).join("\n")
}

#[cfg(test)]
mod tests;
