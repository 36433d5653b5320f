//! What neither the compiler nor clippy holds: the walls between folders, the shape of files, what comes in from outside,
//! and that the table of faults names the tests that there are.
//!
//! A finding is one line, `path:line: what is wrong`. Invariant: no network and no clock; the same tree, the same findings.

mod dependencies;
mod faults;
mod layout;
mod source;
mod walls;

#[cfg(test)]
mod tests;

use source::Source;
use std::fs;
use std::path::Path;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the workspace.
    path: String,
    /// The line, counted from 1; 0 means the file as a whole.
    line: usize,
    /// What is wrong, and what would be right.
    text: String,
}

impl Finding {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Finding {
            path: path.to_owned(),
            line,
            text: text.into(),
        }
    }
}

/// Looks at the whole tree, prints what it finds, and fails if that is anything.
pub fn run(root: &Path) -> Result<(), String> {
    let mut findings = look_at_sources(root)?;
    findings.extend(dependencies::check(root)?);
    findings.sort();
    for Finding { path, line, text } in &findings {
        let place = if *line == 0 {
            path.clone()
        } else {
            format!("{path}:{line}")
        };
        println!("{place}: {text}");
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} findings", findings.len()))
    }
}

fn look_at_sources(root: &Path) -> Result<Vec<Finding>, String> {
    let sources = read_sources(root)?;
    let mut findings = layout::check(&sources);
    for source in &sources {
        findings.extend(walls::check(source));
    }
    let table = fs::read_to_string(root.join(faults::TABLE));
    let table = table.map_err(|error| format!("cannot read {}: {error}", faults::TABLE))?;
    findings.extend(faults::check(&table, &sources));
    Ok(findings)
}

/// Every Rust file of the folders that hold sources, without `target`, in the order of their paths.
fn read_sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for top in ["src", "crates", "xtask", "tests", "benches", "fuzz", "build.rs"] {
        read_into(root, &root.join(top), &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_into(root: &Path, place: &Path, sources: &mut Vec<Source>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", place.display());
    if place.is_dir() {
        if place.file_name().is_some_and(|name| name == "target") {
            return Ok(());
        }
        for entry in fs::read_dir(place).map_err(failed)? {
            read_into(root, &entry.map_err(failed)?.path(), sources)?;
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") && place.exists() {
        let path = place
            .strip_prefix(root)
            .unwrap_or(place)
            .to_string_lossy()
            .into_owned();
        sources.push(Source::new(path, &fs::read_to_string(place).map_err(failed)?));
    }
    Ok(())
}
