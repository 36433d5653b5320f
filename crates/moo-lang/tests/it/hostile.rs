//! Source of any bytes and any length ends in a tree or in errors, on a small stack.

use std::path::Path;
use std::thread;

use moo_lang::ast::HEIGHT_MAX;
use moo_lang::parser::ERRORS_MAX;
use moo_lang::{Options, Style, parse, store_text, unparse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::builtins::is_builtin;

/// The stack of a thread that nobody has configured.
const STACK_BYTES: usize = 2 << 20;
/// The length of the repeated sources.
const SOURCE_BYTES: usize = 1 << 20;

/// What is repeated.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "(", ")", "[", "{", "}", "`", "'", "!", "-", "!(", "!(-(", "({", "a+", "a+(b*(", "a^", "a=", "a?",
    "a?b|", "a?(b|", "f(", "f(@", "$x(", "$x:y(", "a[", "a[1..", "a[1]", "a.b", "a.(", "a:(b)(", "{?a=",
    "{a,", "`a!", "`a!b,", "`a!b=>", "if(1)", "if(", "if(1);else ", "if(1);elseif(1)", "while(1)",
    "while a(", "fork(1)", "for x in(y)", "for x in[1..", "try ", "try except(ANY)", "try finally ",
    "except(", "endif ", "else ", "return ", "break ", "a;", "f();", ";", "=;", ");", "\"", "\"\"", "\\",
    "/*", "*/", "/**/", "/*a*/", "#", "#1", "1", "1.", ".", "..", "$", "@", "\n", "a\n", "(\n", "é", "\0",
    "x y ", "E_PERM", "&", "|", "&&", "1e",
];

/// Runs `check` on a thread with a small stack; a panic there is a panic here.
fn on_small_stack(check: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(check)
        .expect("a thread can be started");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Parses; what parses is printed in every style, read back and compared. Gives whether it parses.
fn survive(source: &str) -> bool {
    let options = Options::new(&is_builtin);
    match parse(source, &options) {
        Ok(program) => {
            for style in [Style::DUMP, Style::LISTING] {
                let again = parse(&unparse(&program, &style).join("\n"), &options);
                let again = again.unwrap_or_else(|errors| panic!("{style:?} does not read back: {errors}"));
                assert_eq!(unparse(&again, &style), unparse(&program, &style));
            }
            assert_eq!(parse(&store_text(&program), &options).as_ref(), Ok(&program));
            true
        }
        Err(errors) => {
            let last = errors.errors.last().expect("a refused program has an error");
            assert!(last.line >= 1 && last.column >= 1);
            false
        }
    }
}

#[test]
fn a_megabyte_of_one_thing_is_no_danger() {
    on_small_stack(|| {
        for piece in PIECES {
            let source = piece.repeat(SOURCE_BYTES / piece.len());
            if let Err(errors) = parse(&source, &Options::new(&is_builtin)) {
                assert!((1..=ERRORS_MAX).contains(&errors.errors.len()), "{piece:?}");
            }
        }
    });
}

#[test]
fn the_deepest_trees_allowed_can_be_printed_and_read_on_a_small_stack() {
    let shapes: [(&str, &str); 14] = [
        ("(", ")"),
        ("!", ""),
        ("!(", ")"),
        ("a+", ""),
        ("a+(", ")"),
        ("a^", ""),
        ("a=", ""),
        ("a?b|", ""),
        ("a?", "|b"),
        ("{", "}"),
        ("({", "})"),
        ("min(", ")"),
        ("a[(", ")]"),
        ("`", "!ANY'"),
    ];
    on_small_stack(move || {
        for (open, close) in shapes {
            let nested = |levels: usize| format!("{}a{};", open.repeat(levels), close.repeat(levels));
            let deepest = (1..=HEIGHT_MAX).rev().find(|&levels| survive(&nested(levels)));
            assert!(
                deepest.is_some_and(|levels| levels > HEIGHT_MAX * 9 / 10),
                "{open} {deepest:?}"
            );
            assert!(!survive(&nested(HEIGHT_MAX + 1)), "{open}");
        }
    });
}

#[test]
fn the_deepest_blocks_allowed_can_be_printed_and_read_on_a_small_stack() {
    let shapes: [(&str, &str); 5] = [
        ("if(1)", "endif "),
        ("while(1)", "endwhile "),
        ("fork(1)", "endfork "),
        ("try ", "except(ANY)endtry "),
        ("try finally ", "endtry "),
    ];
    on_small_stack(move || {
        for (open, close) in shapes {
            let nested = |levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
            assert!(survive(&nested(HEIGHT_MAX - 2)), "{open}");
            let errors = parse(&nested(HEIGHT_MAX + 1), &Options::new(&is_builtin)).expect_err("too deep");
            assert_eq!(errors.errors.len(), 1);
            assert_eq!(
                errors.errors[0].message,
                "Program is nested too deeply (max. 1000)"
            );
        }
    });
}

/// The sources of the snapshot tests.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut sources = Vec::new();
    for kind in ["parse", "decompile", "errors"] {
        for entry in std::fs::read_dir(folder.join(kind)).expect("the folder is part of the package") {
            let path = entry.expect("a readable entry").path();
            if path.extension().is_some_and(|extension| extension == "moo") {
                sources.push(std::fs::read_to_string(&path).expect("a readable program"));
            }
        }
    }
    sources.sort();
    sources
}

#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "if", "(", ")", "else", "elseif", "endif", "for", "in", "endfor", "while", "endwhile", "fork",
    "endfork", "try", "except", "finally", "endtry", "return", "break", "continue", "ANY", "x", "y", "this",
    "length", "1", "2.5", "\"s\"", "#3", "E_PERM", "{", "}", "[", "]", "..", ",", ";", ";", ";", ".", ":",
    "$", "@", "?", "|", "!", "`", "'", "=>", "=", "&&", "||", "==", "<", "+", "-", "*", "^", "\n",
    "/* c */", "\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_danger(bytes in vec(any::<u8>(), 0..300)) {
        survive(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_tokens_are_no_danger(tokens in vec(select(TOKENS), 0..80), glue in select(vec!["", " "])) {
        survive(&tokens.join(glue));
    }

    #[test]
    fn damaged_programs_are_no_danger(
        source in select(corpus()),
        damage in vec((any::<Index>(), 0..6usize, select(TOKENS)), 1..6),
    ) {
        let mut chars: Vec<char> = source.chars().collect();
        for (place, removed, inserted) in damage {
            let from = place.index(chars.len() + 1);
            let to = (from + removed).min(chars.len());
            chars.splice(from..to, inserted.chars());
        }
        survive(&chars.into_iter().collect::<String>());
    }
}
