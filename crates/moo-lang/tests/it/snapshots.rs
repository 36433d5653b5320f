//! `testdata/*/x.moo` beside `x.expect`; `UPDATE=1` writes what is expected anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use moo_lang::{Options, Style, parse, unparse};

use crate::builtins::is_builtin;

/// Checks every program of a folder against the text that `render` makes of it.
fn check_folder(folder: &str, render: fn(&str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is part of the package");
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "moo"));
    sources.sort();
    assert!(!sources.is_empty(), "no programs in {}", folder.display());
    for path in sources {
        let source = std::fs::read_to_string(&path).expect("a readable program");
        let found = render(&source);
        let expected_path = path.with_extension("expect");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected_path, found).expect("a writable folder");
            continue;
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
        assert_eq!(
            found,
            expected,
            "{}: run with UPDATE=1 if this is meant",
            path.display()
        );
    }
}

#[test]
fn trees() {
    check_folder("parse", |source| {
        let program = parse(source, &Options::loading(&is_builtin)).expect("a correct program");
        let mut out = format!(
            "variables {:?}\n",
            &program.variables[moo_lang::ast::PREDEFINED.len()..]
        );
        for statement in &program.body {
            writeln!(out, "{statement:?}").expect("a string accepts every write");
        }
        out
    });
}

#[test]
fn renderings() {
    check_folder("decompile", |source| {
        let options = Options::loading(&is_builtin);
        let program = parse(source, &options).expect("a correct program");
        let mut out = String::new();
        for (name, style) in [
            ("listing", Style::LISTING),
            ("dump", Style::DUMP),
            ("stored", Style::STORED),
        ] {
            let lines = unparse(&program, &style);
            let again = parse(&lines.join("\n"), &options).expect("what is printed can be read");
            assert_eq!(unparse(&again, &style), lines, "{name}");
            writeln!(out, "== {name}\n{}", lines.join("\n")).expect("a string accepts every write");
        }
        out
    });
}

#[test]
fn errors() {
    check_folder("errors", |source| {
        let errors = parse(source, &Options::new(&is_builtin)).expect_err("a wrong program");
        let mut out = String::new();
        for error in &errors.errors {
            let (text, shown) = (error.moo_text(), error.with_caret(source));
            writeln!(out, "{text}\n{shown}\n").expect("a string accepts every write");
        }
        out
    });
}
