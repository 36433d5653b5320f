//! The law of the text: whatever tree is printed, in whatever style, reads back as the same tree.
//!
//! Proptest shrinks a failing tree by shrinking the bytes that it is built from.

use moo_lang::ast::*;
use moo_lang::testing::{Vocabulary, program};
use moo_lang::{Options, Style, parse, store_text, unparse};
use proptest::collection::vec;
use proptest::prelude::*;

fn without_comments(body: &mut Vec<Stmt>) {
    body.retain(|statement| !matches!(statement.kind, StmtKind::Comment(_)));
    for statement in body {
        match &mut statement.kind {
            StmtKind::If { arms, otherwise } => {
                arms.iter_mut().for_each(|arm| without_comments(&mut arm.body));
                otherwise.iter_mut().for_each(without_comments);
            }
            StmtKind::ForList { body, .. }
            | StmtKind::ForRange { body, .. }
            | StmtKind::While { body, .. }
            | StmtKind::Fork { body, .. } => without_comments(body),
            StmtKind::TryExcept { body, clauses } => {
                without_comments(body);
                clauses
                    .iter_mut()
                    .for_each(|clause| without_comments(&mut clause.body));
            }
            StmtKind::TryFinally { body, finally } => {
                without_comments(body);
                without_comments(finally);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_tree_reads_back_from_its_text(bytes in vec(any::<u8>(), 0..250)) {
        let options = Options::new(&|_| true);
        let commented = program(&bytes, Vocabulary::HARD);
        let stored = parse(&store_text(&commented), &options);
        prop_assert_eq!(stored.as_ref(), Ok(&commented));
        let mut plain = commented.clone();
        without_comments(&mut plain.body);
        for style in 0..8 {
            let comments = style & 4 != 0;
            let style = Style { fully_parenthesised: style & 1 != 0, indent: style & 2 != 0, comments };
            let lines = unparse(&commented, &style);
            let again = parse(&lines.join("\n"), &options);
            prop_assert_eq!(again.as_ref(), Ok(if comments { &commented } else { &plain }), "{:?}", lines);
            // Equality of trees does not look at the case of strings; the text does.
            prop_assert_eq!(unparse(&again.expect("just compared"), &style), lines.clone());
            prop_assert!(lines.iter().all(|line| !line.starts_with('.') && line.trim_end() == line));
        }
    }

    #[test]
    fn the_listing_has_the_lines_that_the_statements_carry(bytes in vec(any::<u8>(), 0..250)) {
        let program = program(&bytes, Vocabulary::HARD);
        let lines = unparse(&program, &Style::DUMP);
        for statement in program.body.iter().filter(|statement| statement.line > 0) {
            let alone = moo_lang::unparse_statements(&program, std::slice::from_ref(statement), &Style::DUMP);
            prop_assert_eq!(&lines[statement.line as usize - 1], &alone[0]);
        }
    }
}
