//! The programs of the built-in world: they compile on any server of the family that has maps, but for the functions that
//! [`is_known`] names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use moo_lang::compile::compile;
use moo_lang::disassemble::disassemble;
use moo_lang::verify::verify;
use moo_lang::{Options, Style, parse, store_text, unparse};

use crate::builtins::is_builtin;

/// The built-in world, from this package.
const DIRECTORY: &str = "../../worlds/hall";

struct Verb {
    head: String,
    source: String,
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the world is part of the project");
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "moo") {
            found.push(path);
        }
    }
    found
}

/// What stands between a head `verb ...` or `method ...`, indented by two, and its end.
fn verbs() -> Vec<Verb> {
    let mut verbs = Vec::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(DIRECTORY)) {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let end = match line.strip_prefix("  ") {
                Some(rest) if rest.starts_with("verb ") => "  endverb",
                Some(rest) if rest.starts_with("method ") => "  endmethod",
                _ => continue,
            };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            verbs.push(Verb {
                head: format!("{}: {}", file.display(), line.trim()),
                source: body.join("\n"),
            });
        }
    }
    verbs
}

fn is_known(name: &str) -> bool {
    let ours = [
        "argon2",
        "argon2_verify",
        "conflicts",
        "connection_attributes",
        "end_sessions",
        "enqueue_job",
        "lag",
        "mapdelete",
        "notify_rich",
        "present",
        "verb_profile",
    ];
    is_builtin(name) || ours.contains(&name)
}

#[test]
fn every_program_prints_to_text_that_reads_back() {
    let verbs = verbs();
    assert!(verbs.len() > 200, "only {} programs found", verbs.len());
    for verb in &verbs {
        let options = Options::new(&is_known);
        let program =
            parse(&verb.source, &options).unwrap_or_else(|errors| panic!("{}: {errors}", verb.head));
        for style in [Style::LISTING, Style::DUMP, Style::STORED] {
            let again = parse(&unparse(&program, &style).join("\n"), &options);
            assert_eq!(again.as_ref(), Ok(&program), "{} in {style:?}", verb.head);
        }
    }
}

#[test]
fn every_program_compiles_to_sound_code_and_so_does_its_stored_text() {
    for verb in &verbs() {
        let options = Options::new(&is_known);
        let program = parse(&verb.source, &options).expect("the test above says why it is not");
        let stored = parse(&store_text(&program), &options).expect("stored text reads back");
        let code = compile(&Arc::new(program));
        verify(&code).unwrap_or_else(|defect| panic!("{}: {defect:?}", verb.head));
        let again = compile(&Arc::new(stored));
        assert_eq!(disassemble(&again), disassemble(&code), "{}", verb.head);
    }
}

#[test]
fn every_program_fits_a_screen() {
    for verb in &verbs() {
        let count = verb.source.lines().count();
        assert!(count <= 40, "{}: {count} lines", verb.head);
    }
}
