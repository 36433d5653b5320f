//! Worlds as folders of text files: objects with their properties and verbs, and names for some of them.
//!
//! What is read is what values can be today: numbers, strings, errors, objects and lists. Metadata in brackets is
//! allowed and dropped. Invariant: a folder is read wholly or not at all, and every file's mistakes are reported.

mod build;
mod definition;
mod folder;
mod literal;
mod scan;

use std::collections::BTreeMap;
use std::fmt;

use moo_model::world::Root;

pub use folder::{FolderError, read_folder};

/// The greatest number of problems reported.
pub const PROBLEMS_MAX: usize = 200;
/// The greatest object number: so many places are set aside.
pub const OBJECT_MAX: i64 = 16_000_000;

/// The files of a world by their paths, with `/` between folders: those named `.moo` hold objects.
pub type Files = BTreeMap<String, String>;

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's path.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Why a world was not read: everything found, never empty, in the order of files and then of lines as far as each
/// step of the reading got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Problems {
    fn add(&mut self, problem: Problem) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(problem);
        }
    }
}

/// Reads a world. `is_builtin` tells the names of built-in functions; a call of any other is a problem.
///
/// The world behaves like LambdaMOO if `constants.moo` begins with the line `// dialect: lambda`, else like mooR.
///
/// # Errors
/// Everything that is wrong with the files; then there is no world.
pub fn read(files: &Files, is_builtin: &dyn Fn(&str) -> bool) -> Result<Root, Problems> {
    let mut problems = Problems(Vec::new());
    let definitions = definition::read_all(files, is_builtin, &mut problems);
    let root = build::build(definitions, &mut problems);
    if problems.0.is_empty() {
        Ok(root)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
