//! Reading a textdump: the order of its parts.
//!
//! Invariant: no bytes make this panic, and memory stays in proportion to the bytes read, whatever counts they claim.

mod build;
mod lines;
mod object;
mod program;
mod repair;
mod task;
mod value;

use std::io::{self, BufRead};

use moo_model::Obj;

use super::{Imported, Report, VERSION_READ_MAX};
use lines::Lines;
use object::RawObject;

/// Capacity set aside for a count that the file claims: more comes as the items do.
const TRUSTED_COUNT: i64 = 1024;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Something else stands where a part of the file was expected.
    #[error("line {line}: expected {expected}, found {found}")]
    Unexpected {
        /// The line, counted from 1.
        line: u64,
        /// What the format wants there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The file ends too early.
    #[error("line {line}: expected {expected}, but the file ends here")]
    Ended {
        /// The line after the last one.
        line: u64,
        /// What the format wants there.
        expected: String,
    },
    /// It is a textdump of a version that is not read.
    #[error("the file is a textdump of version {version}; versions 0 to {VERSION_READ_MAX} can be read")]
    Version {
        /// The version it names.
        version: u32,
    },
    /// The file cannot be read.
    #[error("reading failed after line {line}: {source}")]
    Io {
        /// The last line read.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

/// Objects and players as the file gives them.
struct Draft {
    objects: Vec<Option<RawObject>>,
    players: Vec<Obj>,
}

/// Reads a textdump. `is_builtin` tells the names of built-in functions; `progress` is called with the number of bytes
/// read, now and then and at the end.
///
/// # Errors
/// The first place where the file is not a textdump; then nothing was imported.
pub fn read(
    input: impl BufRead,
    is_builtin: &dyn Fn(&str) -> bool,
    progress: &mut dyn FnMut(u64),
) -> Result<Imported, ReadError> {
    let mut lines = Lines::new(input, progress);
    let mut report = Report {
        version: header(&mut lines)?,
        ..Report::default()
    };
    let object_count = match lines.take_first_number() {
        Some(count) => count,
        None => lines.count("the number of objects")?,
    };
    let program_count = lines.count("the number of programs")?;
    lines.number("the unused number of the header")?;
    let player_count = lines.count("the number of players")?;
    let mut players = Vec::with_capacity(player_count.min(TRUSTED_COUNT) as usize);
    for _ in 0..player_count {
        players.push(lines.obj("the number of a player")?);
    }
    let mut objects = Vec::with_capacity(object_count.min(TRUSTED_COUNT) as usize);
    for number in 0..object_count {
        objects.push(object::read(&mut lines, Obj(number))?);
    }
    let mut draft = Draft { objects, players };
    program::read_all(&mut lines, program_count, &mut draft, is_builtin, &mut report)?;
    let tasks = task::read_all(&mut lines, report.version);
    report.tasks_forked = tasks.forked.len();
    report.tasks_dropped = tasks.dropped;

    repair::repair(&mut draft, &mut lines.warnings);
    let root = build::build(draft, lines.latin1, &mut lines.warnings);
    report.objects = root.entries().count();
    report.players = root.players.len();
    report.bytes = lines.finish();
    report.warnings = std::mem::take(&mut lines.warnings);
    Ok(Imported {
        root,
        forked: tasks.forked,
        connections: tasks.connections,
        report,
    })
}

/// The version in the first line. Version 0 had no such line: there the first line is the number of objects.
fn header<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<u32, ReadError> {
    let expected = "`** LambdaMOO Database, Format Version N **`";
    let line = lines.next(expected)?;
    let first = std::str::from_utf8(line).unwrap_or("").trim().to_string();
    if let Ok(count) = first.parse::<i64>() {
        lines.put_first_number(count);
        return Ok(0);
    }
    let version = first
        .strip_prefix("** LambdaMOO Database, Format Version ")
        .and_then(|rest| rest.strip_suffix("**"))
        .and_then(|number| number.trim().parse::<u32>().ok());
    match version {
        Some(version) if version <= VERSION_READ_MAX => Ok(version),
        Some(version) => Err(ReadError::Version { version }),
        None => Err(lines.unexpected(expected)),
    }
}

#[cfg(test)]
mod tests;
