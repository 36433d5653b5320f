//! LambdaCore's programs: what the original server printed must be what we print.

use std::path::Path;
use std::sync::Arc;

use moo_lang::compile::compile;
use moo_lang::verify::verify;
use moo_lang::{Options, Style, parse, parse_with_warnings, store_text, unparse};

use crate::builtins::is_builtin;

/// Where the database stands when it is there at all, from this package.
const DATABASE: &str = "../../../shared/worlds/LambdaCore-20Jun18.db";

struct Verb {
    name: String,
    lines: Vec<String>,
}

/// The program section of a textdump: `#object:index`, lines, `.`
fn programs() -> Option<Vec<Verb>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATABASE);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: no LambdaCore database at {DATABASE}");
        return None;
    };
    let text = String::from_utf8(bytes).expect("the database is ASCII");
    let mut verbs = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let is_head = line
            .strip_prefix('#')
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(object, index)| {
                !object.is_empty()
                    && !index.is_empty()
                    && (object.to_string() + index).bytes().all(|b| b.is_ascii_digit())
            });
        if is_head {
            let body = lines
                .by_ref()
                .take_while(|line| *line != ".")
                .map(String::from)
                .collect();
            verbs.push(Verb {
                name: line.to_string(),
                lines: body,
            });
        }
    }
    Some(verbs)
}

#[test]
fn every_program_prints_as_the_original_server_printed_it() {
    let Some(verbs) = programs() else { return };
    assert_eq!(verbs.len(), 1748);
    let styles = [Style::LISTING, Style::DUMP, Style::STORED];
    for verb in &verbs {
        let options = Options::loading(&is_builtin);
        let parsed = parse_with_warnings(&verb.lines.join("\n"), &options);
        let parsed = parsed.unwrap_or_else(|errors| panic!("{}: {errors}", verb.name));
        assert_eq!(
            unparse(&parsed.program, &Style::DUMP),
            verb.lines,
            "{}",
            verb.name
        );
        assert_eq!(parsed.warnings, [], "{}", verb.name);
        for style in styles {
            let again = parse(&unparse(&parsed.program, &style).join("\n"), &options);
            assert_eq!(again.as_ref(), Ok(&parsed.program), "{} in {style:?}", verb.name);
        }
    }
}

#[test]
fn every_program_compiles_to_sound_code_and_so_does_its_stored_text() {
    let Some(verbs) = programs() else { return };
    for verb in &verbs {
        let options = Options::loading(&is_builtin);
        let program = parse(&verb.lines.join("\n"), &options).expect("LambdaCore is correct");
        let stored = parse(&store_text(&program), &options).expect("what we store can be read");
        let code = compile(&Arc::new(program));
        assert_eq!(verify(&code), Ok(()), "{}", verb.name);
        let again = compile(&Arc::new(stored));
        assert_eq!(
            (code.code, code.handlers),
            (again.code, again.handlers),
            "{}",
            verb.name
        );
    }
}

#[test]
fn canonical_lines_are_those_of_the_listing() {
    let Some(verbs) = programs() else { return };
    for verb in &verbs {
        let program =
            parse(&verb.lines.join("\n"), &Options::loading(&is_builtin)).expect("LambdaCore is correct");
        for statement in &program.body {
            let alone = moo_lang::unparse_statements(&program, std::slice::from_ref(statement), &Style::DUMP);
            let from = statement.line as usize - 1;
            assert_eq!(
                verb.lines[from..from + alone.len()],
                alone,
                "{} line {}",
                verb.name,
                statement.line
            );
        }
    }
}
