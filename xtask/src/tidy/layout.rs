//! The shape of files: what each opens with, how long and what it is called, and that some module holds it.

use super::Finding;
use super::source::Source;
use std::collections::BTreeMap;
use std::path::Path;

/// Lines that a file may have. A longer one is split along its meaning.
const LINES_MAX: usize = 500;

/// Files that may be longer, each with the reason: one loop or one table that would be worse in parts.
const LONG_FILES: [(&str, &str); 1] = [(
    "crates/moo-vm/src/machine/run.rs",
    "the run loop: one match, read against the table of instructions",
)];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = [
    "util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "stuff",
];

/// Looks at all files together, since a file is held by another.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let by_path: BTreeMap<&str, &Source> = sources
        .iter()
        .map(|source| (source.path.as_str(), source))
        .collect();
    let mut findings = Vec::new();
    for source in sources {
        let mut find = |text: String| findings.push(Finding::new(&source.path, 0, text));
        if !source.first_line.starts_with("//!") {
            find("the file does not open with `//!` and its job".to_owned());
        }
        if source.lines > LINES_MAX && !LONG_FILES.iter().any(|(path, _)| *path == source.path) {
            find(format!(
                "the file has {} lines, more than {LINES_MAX}: split it along its meaning",
                source.lines
            ));
        }
        if let Some(name) = names(&source.path).find(|name| EMPTY_NAMES.contains(name)) {
            find(format!("`{name}` says nothing about what is inside"));
        }
        if let Some(problem) = held(source, &by_path) {
            find(problem);
        }
    }
    findings
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches(".rs").split('/')
}

/// What is wrong if no module declares this file.
fn held(source: &Source, by_path: &BTreeMap<&str, &Source>) -> Option<String> {
    let path = Path::new(&source.path);
    let (folder, stem) = (path.parent()?, path.file_stem()?.to_str()?);
    let is_root = matches!(stem, "lib" | "main" | "build")
        || folder.ends_with("src/bin")
        || folder.ends_with("benches")
        || folder.ends_with("fuzz_targets")
        || folder.ends_with("tests")
            && !folder.starts_with("src")
            && folder.components().count() <= 3
            && !held_by_src(folder);
    if is_root {
        return None;
    }
    let (name, holder) = if stem == "mod" {
        (folder.file_name()?.to_str()?, folder.parent()?)
    } else {
        (stem, folder)
    };
    let holders =
        ["mod.rs", "lib.rs", "main.rs"].map(|file| holder.join(file).to_string_lossy().into_owned());
    let declares = |holder: &&Source| {
        holder
            .tokens
            .windows(3)
            .any(|words| words[0].text == "mod" && words[1].text == name && words[2].text == ";")
    };
    let held = holders
        .iter()
        .filter_map(|holder| by_path.get(holder.as_str()).copied())
        .any(|holder| declares(&holder));
    if held {
        None
    } else {
        Some(format!("no module declares this file: `mod {name};` is missing"))
    }
}

/// Whether a folder `tests` lies inside a source folder, where it holds unit tests and not programs of its own.
fn held_by_src(folder: &Path) -> bool {
    folder.components().any(|part| part.as_os_str() == "src")
}
