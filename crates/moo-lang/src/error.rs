//! What is wrong with a program, and where.
//!
//! Invariant: the errors of one program stand in the order of their places.

use std::fmt;

/// One thing that is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The line of the source, counted from 1. An error at the end is on the line after the last newline.
    pub line: u32,
    /// The column, counted from 1 in characters.
    pub column: u32,
    /// What programs and players are told; the texts are those of LambdaMOO.
    pub message: String,
    /// More for a person, such as what was expected; not part of [`CompileError::moo_text`].
    pub hint: Option<String>,
}

impl CompileError {
    /// The text that `set_verb_code()` and `eval()` return.
    pub fn moo_text(&self) -> String {
        format!("Line {}:  {}", self.line, self.message)
    }

    /// The error with its source line and a caret under the place.
    pub fn with_caret(&self, source: &str) -> String {
        let line = source
            .split('\n')
            .nth(self.line.saturating_sub(1) as usize)
            .unwrap_or("");
        // Tabs are kept so that the caret stands under its character at any tab width.
        let before = line.chars().take(self.column.saturating_sub(1) as usize);
        let margin: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
        format!("{self}\n    {line}\n    {margin}^")
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a program; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileErrors {
    /// The errors, in the order of their places.
    pub errors: Vec<CompileError>,
}

impl CompileErrors {
    /// The list that `set_verb_code()` and `eval()` return.
    pub fn moo_texts(&self) -> Vec<String> {
        self.errors.iter().map(CompileError::moo_text).collect()
    }
}

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileErrors {}
