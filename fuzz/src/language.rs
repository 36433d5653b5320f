//! Text to program and back, and the patterns of `match()`.

use std::sync::Arc;

use moo_lang::parser::ERRORS_MAX;
use moo_lang::testing::{Vocabulary, program};
use moo_lang::{Options, Style, ast, compile, parse, parse_with_warnings, store_text, unparse, verify};
use moo_model::{Value, literal};
use moo_vm::builtins::is_builtin;
use moo_vm::testing::{Bench, WIZARD};

/// No nesting takes less than a byte, so trees of so many bytes are as high as the parser allows, and no higher.
const TREE_BYTES_MAX: usize = 900;

/// Any text: the parser tells at least one place and not too many, or gives a tree that compiles to a program which the
/// verifier accepts.
pub fn parser(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    for options in [Options::new(&is_builtin), Options::loading(&is_builtin)] {
        match parse_with_warnings(&source, &options) {
            Ok(parsed) => {
                assert!(parsed.warnings.len() <= ERRORS_MAX);
                let compiled = compile::compile(&Arc::new(parsed.program));
                assert_eq!(verify::verify(&compiled), Ok(()));
            }
            Err(found) => {
                let lines = source.split('\n').count();
                assert!((1..=ERRORS_MAX).contains(&found.errors.len()));
                for error in &found.errors {
                    assert!(
                        (1..=lines + 1).contains(&(error.line as usize)),
                        "{error} of {lines} lines"
                    );
                    error.with_caret(&source);
                }
            }
        }
    }
}

/// Trees chosen by the bytes, and those of texts that are programs: printed in whatever style, they read back as they were.
pub fn round_trip(data: &[u8]) {
    let tree = match data.split_first() {
        Some((0, text)) => {
            let text = String::from_utf8_lossy(text);
            match parse(&text, &Options::new(&|_| true)) {
                Ok(tree) => tree,
                Err(_) => return,
            }
        }
        _ => program(&data[..data.len().min(TREE_BYTES_MAX)], Vocabulary::HARD),
    };
    reads_back(&tree);
}

fn reads_back(tree: &ast::Program) {
    let options = Options::new(&|_| true);
    let stored = parse(&store_text(tree), &options);
    // Parentheses take room in the height of a source that they do not take in that of its tree.
    let Ok(stored) = stored else { return };
    assert_eq!(&stored, tree, "{}", store_text(tree));
    for bits in 0..8 {
        let style = Style {
            fully_parenthesised: bits & 1 != 0,
            indent: bits & 2 != 0,
            comments: bits & 4 != 0,
        };
        let lines = unparse(tree, &style);
        let Ok(again) = parse(&lines.join("\n"), &options) else {
            assert!(style.fully_parenthesised, "{lines:#?}");
            continue;
        };
        assert_eq!(unparse(&again, &style), lines);
        assert!(
            lines
                .iter()
                .all(|line| !line.starts_with('.') && line.trim_end() == line)
        );
    }
}

/// A pattern and a subject, between which the first newline stands: `match()` and `rmatch()` end, and name places inside the
/// subject; `substitute()` takes what they give.
pub fn pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, subject) = text.split_once('\n').unwrap_or((&text, "aaaaaaaa"));
    let mut bench = Bench::new(WIZARD);
    for name in ["match", "rmatch"] {
        let args = [Value::str(subject), Value::str(pattern)];
        let Ok(found) = bench.call(name, &args) else {
            continue;
        };
        let Some([from, to, ..]) = found.as_list() else {
            continue;
        };
        let (from, to) = (from.as_int().expect("a place"), to.as_int().expect("a place"));
        let len = subject.chars().count() as i64;
        assert!(
            1 <= from && from <= to + 1 && to <= len,
            "{}",
            literal::to_literal(&found)
        );
        let whole = bench.call("substitute", &[Value::str("%0"), found.clone()]);
        let whole = whole.expect("a match can be substituted");
        let expected: String = subject
            .chars()
            .skip(from as usize - 1)
            .take((to - from + 1) as usize)
            .collect();
        assert_eq!(whole.as_str(), Some(expected.as_str()));
    }
}
