//! What is accepted, what it means, and what is said about the rest.

use super::*;
use crate::unparse::{Style, unparse};

/// Every name is a function except those that start with `no_`.
fn is_builtin(name: &str) -> bool {
    !name.starts_with("no_")
}

fn full(source: &str) -> String {
    match parse(source, &Options::new(&is_builtin)) {
        Ok(program) => unparse(&program, &Style::DUMP).join(" "),
        Err(errors) => panic!("{source:?} does not parse: {errors}"),
    }
}

/// Checks how a program groups, by its fully parenthesised text.
#[track_caller]
fn groups(source: &str, expected: &str) {
    assert_eq!(full(source), expected, "source {source:?}");
}

/// Checks what programs and players are told.
#[track_caller]
fn refused(source: &str, expected: &[&str]) {
    let errors = parse(source, &Options::new(&is_builtin)).expect_err("the program is wrong");
    assert_eq!(errors.moo_texts(), expected, "source {source:?}");
}

/// Checks where errors are said to be, as lines and columns.
#[track_caller]
fn places(source: &str, expected: &[(u32, u32)]) {
    let errors = parse(source, &Options::new(&is_builtin)).expect_err("the program is wrong");
    let places: Vec<(u32, u32)> = errors
        .errors
        .iter()
        .map(|error| (error.line, error.column))
        .collect();
    assert_eq!(places, expected, "{errors}");
}

#[test]
fn operators_group_as_in_lambdamoo() {
    groups("return 1 || 0 && 0;", "return (1 || 0) && 0;");
    groups("return !1 in {0};", "return (!1) in {0};");
    groups("return -a ^ b;", "return (-a) ^ b;");
    groups("return a ^ b ^ c;", "return a ^ (b ^ c);");
    groups("return a - b - c;", "return (a - b) - c;");
    groups("return a == b < c;", "return (a == b) < c;");
    groups("return a + b * c ^ d;", "return a + (b * (c ^ d));");
    groups("return a < b && c + 1 > d;", "return (a < b) && ((c + 1) > d);");
    groups("a = b = c ? d | e;", "a = b = c ? d | e;");
    groups("return a || b ? c = 1 | d;", "return (a || b) ? c = 1 | d;");
    groups("return a ? b | c ? d | e;", "return a ? b | (c ? d | e);");
    groups("return a ? b ? c | d | e;", "return a ? b ? c | d | e;");
}

#[test]
fn a_minus_before_a_number_belongs_to_the_number() {
    groups("return -2 ^ 2;", "return -2 ^ 2;");
    groups("return - 5;", "return -5;");
    groups("return -(-(5));", "return 5;");
    groups("return -(1.5);", "return -1.5;");
    groups("return -#5;", "return -#5;");
    groups("return -5[1];", "return -5[1];");
    groups("return (-5)[1];", "return (-5)[1];");
}

#[test]
fn numbers_are_read_as_in_lambdamoo() {
    groups(
        "return {1., .5, 1.5, 1e3, 1.5e-3};",
        "return {1.0, 0.5, 1.5, 1000.0, 0.0015};",
    );
    groups("return x[1..3];", "return x[1..3];");
    groups("return x[1. .. .5];", "return x[1.0..0.5];");
    groups("return 18446744073709551617;", "return 1;");
    groups("return 9223372036854775808;", "return -9223372036854775808;");
    groups(
        "return {#12, #-1, E_PERM, e_float};",
        "return {#12, #-1, E_PERM, E_FLOAT};",
    );
    refused("return 1e999;", &["Line 1:  Floating-point literal out of range"]);
    refused("return 1e;", &["Line 1:  Malformed floating-point literal"]);
    refused("return #x;", &["Line 1:  Malformed object number"]);
}

#[test]
fn a_backslash_keeps_the_next_character_of_a_string() {
    groups(r#"return "a\nb\"c\\d";"#, r#"return "anb\"c\\d";"#);
    groups("return \"tab\there, é\\é\";", "return \"tab\there, éé\";");
}

#[test]
fn variables_keep_their_first_spelling_and_predefined_ones_their_own() {
    groups("Foo = foo = FOO;", "Foo = Foo = Foo;");
    groups("PLAYER = THIS; num = Int;", "player = this; NUM = INT;");
    groups("TOSTR(Dobj);", "tostr(dobj);");
    let program = parse("b = a; B = c;", &Options::new(&is_builtin)).expect("a correct program");
    assert_eq!(program.variables[..18], PREDEFINED.map(String::from));
    assert_eq!(program.variables[18..], ["b", "a", "c"]);
}

#[test]
fn errors_of_later_servers_are_plain_variables() {
    groups("E_FILE = e_intrpt;", "E_FILE = e_intrpt;");
}

#[test]
fn a_reserved_word_is_a_name_after_a_dot_or_colon() {
    groups("return x.end + x.for;", "return x.end + x.(\"for\");");
    groups("o:if(1);", "o:(\"if\")(1);");
    groups("return o.E_PERM;", "return o.(\"E_PERM\");");
}

#[test]
fn an_error_at_the_end_is_on_the_line_after_the_last_newline() {
    refused("x\n", &["Line 2:  syntax error"]);
    refused("x", &["Line 1:  syntax error"]);
    refused("if (1)\n  x;\n", &["Line 3:  syntax error"]);
    refused(
        "/* never\nclosed\n",
        &["Line 3:  End of program while in a comment"],
    );
}

#[test]
fn assignment_targets_are_checked() {
    let illegal = &["Line 1:  Illegal expression on left side of assignment."];
    for source in [
        "1 = 2;",
        "a + b = c;",
        "f() = 1;",
        "x[1..2][1] = 3;",
        "!a = 1;",
        "a ? b | c = d;",
        "o:v()[1] = 2;",
    ] {
        refused(source, illegal);
    }
    groups(
        "f(x).p[1][2] = 3; x[1][2..3] = y; (a) = 1;",
        "f(x).p[1][2] = 3; x[1][2..3] = y; a = 1;",
    );
    refused("a[1 = 2] = 3; 4 = 5;", &[illegal[0], illegal[0]]);
}

#[test]
fn scatter_targets_are_checked() {
    groups("{a, ?b, ?c = 1 + 2, @d} = e;", "{a, ?b, ?c = 1 + 2, @d} = e;");
    groups("({a, b}) = c;", "{a, b} = c;");
    groups("x = {?a = b = 1} = c;", "x = {?a = b = 1} = c;");
    refused("{} = x;", &["Line 1:  Empty list in scattering assignment."]);
    refused(
        "{a, 1} = x;",
        &["Line 1:  Scattering assignment targets must be simple variables."],
    );
    refused(
        "{?a, b.c} = x;",
        &["Line 1:  Scattering assignment targets must be simple variables."],
    );
    refused(
        "{@a, @b} = x;",
        &["Line 1:  More than one `@' target in scattering assignment."],
    );
    refused("{?a, b};", &["Line 1:  syntax error"]);
    let targets = vec!["a"; 256].join(", ");
    refused(
        &format!("{{{targets}}} = x;"),
        &["Line 1:  Too many targets in scattering assignment."],
    );
    assert!(parse(&format!("{{{}}} = x;", &targets[3..]), &Options::new(&is_builtin)).is_ok());
}

#[test]
fn the_end_marker_stands_only_inside_an_index() {
    groups("x[f($)][$ - 1..$] = $foo;", "x[f($)][$ - 1..$] = $foo;");
    let illegal = &["Line 1:  Illegal context for `$' expression."];
    refused("return $;", illegal);
    refused("for x in [1..$] endfor", illegal);
    refused("return x[1] + $[1];", illegal);
}

#[test]
fn loops_are_left_by_name_within_the_same_task() {
    groups(
        "while w (1) for i in (x) break w; continue i; break; endfor endwhile",
        "while w (1) for i in (x) break w; continue i; break; endfor endwhile",
    );
    refused("break;", &["Line 1:  No enclosing loop for `break' statement"]);
    refused(
        "continue;",
        &["Line 1:  No enclosing loop for `continue' statement"],
    );
    refused(
        "while (1) break Foo; endwhile",
        &["Line 1:  Invalid loop name in `break' statement: Foo"],
    );
    refused(
        "while (1) continue foo; endwhile",
        &["Line 1:  Invalid loop name in `continue' statement: foo"],
    );
    refused(
        "while (1) fork (0) break; endfork endwhile",
        &["Line 1:  No enclosing loop for `break' statement"],
    );
    refused(
        "while (1) endwhile break;",
        &["Line 1:  No enclosing loop for `break' statement"],
    );
}

#[test]
fn except_clauses_are_checked() {
    refused(
        "try\nexcept (ANY)\nexcept e (E_PERM)\nendtry",
        &["Line 3:  Unreachable EXCEPT clause"],
    );
    refused("try a; endtry", &["Line 1:  syntax error"]);
    refused(
        "try a; except (E_PERM) finally b; endtry",
        &["Line 1:  syntax error"],
    );
    refused("try a; except () endtry", &["Line 1:  syntax error"]);
    let clauses = |count| format!("try a; {} endtry", "except (E_PERM) ".repeat(count));
    refused(&clauses(256), &["Line 1:  Too many EXCEPT clauses (max. 255)"]);
    assert!(parse(&clauses(255), &Options::new(&is_builtin)).is_ok());
}

#[test]
fn unknown_functions_are_refused_or_kept() {
    refused(
        "No_Such(1); x = no_two();",
        &[
            "Line 1:  Unknown built-in function: No_Such",
            "Line 1:  Unknown built-in function: no_two",
        ],
    );
    let parsed = parse_with_warnings("x = 1;\nreturn No_Such(x, @y);", &Options::loading(&is_builtin));
    let Parsed { program, warnings } = parsed.expect("an unknown function is kept");
    assert_eq!(
        unparse(&program, &Style::LISTING)[1],
        "return call_function(\"No_Such\", x, @y);"
    );
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].to_string(),
        "line 2, column 8: Unknown built-in function: No_Such"
    );
}

#[test]
fn every_bad_statement_is_one_error() {
    places("x = = 1;\ny = 2;\nz = ];\n", &[(1, 5), (3, 5)]);
    places(
        "if (x = )\n  y = ;\nelseif z)\n  );\nendif\nw w;",
        &[(1, 9), (2, 7), (3, 8), (4, 3), (6, 3)],
    );
    places("x = 1\ny = 2;\nz = 3;", &[(2, 1)]);
    places("x = \"abc;\ny = 2;\nz = 3", &[(1, 5), (3, 6)]);
    places("if (a b) foo(;) endif; x;", &[(1, 7), (1, 14)]);
    places(
        "for x y\n  z;\nendfor\nwhile (\n  z;\nendwhile",
        &[(1, 7), (5, 4)],
    );
    places("foo(a\nif (x)\ny;\nendif", &[(2, 1)]);
}

#[test]
fn blocks_left_open_or_ended_twice_are_one_error_each() {
    places("while (1)\nif (2)\nfork (3)\n", &[(4, 1)]);
    places("while (1)\nif (2)\nendwhile\nx;", &[(3, 1)]);
    places(
        "endif\nx;\nendwhile\nelseif (y)\nelse",
        &[(1, 1), (3, 1), (4, 1), (5, 1)],
    );
    places("if (a)\nelse\nelse\nendif", &[(3, 1)]);
}

#[test]
fn columns_count_characters_and_carets_point_at_them() {
    let source = "x = 1;\n\té = 2;";
    let errors = parse(source, &Options::new(&is_builtin)).expect_err("é is no name");
    let error = &errors.errors[0];
    assert_eq!((error.line, error.column), (2, 2));
    assert_eq!(error.moo_text(), "Line 2:  syntax error");
    let shown = error.with_caret(source);
    assert_eq!(
        shown,
        "line 2, column 2: syntax error (expected an expression, found `é`)\n    \té = 2;\n    \t^"
    );
}

#[test]
fn syntax_of_other_servers_is_refused() {
    for source in [
        "x = a |. b;",
        "x = 'sym;",
        "x = ~1;",
        "x = {y} => y;",
        "let x = 1;",
        "x = 1; // comment",
        "begin x; end",
        "x = y.:z;",
    ] {
        let errors = parse(source, &Options::new(&is_builtin)).expect_err(source);
        assert_eq!(errors.errors[0].message, "syntax error", "{source}");
    }
}

#[test]
fn maps_and_what_goes_with_them_print_as_they_are_written() {
    for source in [
        "x = [];",
        "x = [1 -> 2, \"x\" -> {}, a = b -> c ? d | e];",
        "x[^ + (2 ^ 2)..$ - 1] = [[] -> y[^]][y[[^ -> $]]];",
        "for v, k in ([1 -> 2]) break v; endfor",
        "for i, i in ({}) break i; continue; endfor",
        "for v, k in (x) for w in (v) continue k; endfor endfor",
    ] {
        groups(source, source);
    }
    refused("x = ^;", &["Line 1:  Illegal context for `^' expression."]);
    refused("x = [1];", &["Line 1:  syntax error"]);
    refused("x = [1 -> 2,];", &["Line 1:  syntax error"]);
    refused(
        "[1 -> 2] = x;",
        &["Line 1:  Illegal expression on left side of assignment."],
    );
    refused("for a, b, c in (x) endfor", &["Line 1:  syntax error"]);
    refused("for a, b in [1..2] endfor", &["Line 1:  syntax error"]);
    refused(
        "for a, b in (x) continue c; endfor",
        &["Line 1:  Invalid loop name in `continue' statement: c"],
    );
}

#[test]
fn comments_are_kept_before_the_statement_they_stand_in() {
    let source = "/* one */ x /* two */ = 1; /* three\n * four\n\n*/ if (a /* five */) /* six **/ y;\n\
        /* seven */ elseif /* eight */ (b) endif /* nine */";
    let program = parse(source, &Options::new(&is_builtin)).expect("a correct program");
    let stored = unparse(&program, &Style::STORED);
    assert_eq!(
        stored,
        [
            "/* one */",
            "/* two */",
            "x = 1;",
            "/* three */",
            "/* * four */",
            "/* five */",
            "if (a)",
            "/* six * */",
            "y;",
            "/* seven */",
            "elseif (b)",
            "/* eight */",
            "endif",
            "/* nine */",
        ]
    );
    assert_eq!(parse(&stored.join("\n"), &Options::new(&is_builtin)), Ok(program));
}

#[test]
fn empty_statements_vanish() {
    groups(";;; x;; if (1);; endif ; /**/ ;", "x; if (1) endif");
    groups("", "");
}

#[test]
fn statements_know_their_canonical_lines() {
    let source = "/* c */ a; b; if (c)\n\n d; elseif (e) f; else g; endif try h; except (ANY) i; endtry j;";
    let program = parse(source, &Options::new(&is_builtin)).expect("a correct program");
    let lines: Vec<u32> = program.body.iter().map(|stmt| stmt.line).collect();
    assert_eq!(lines, [0, 1, 2, 3, 10, 15]);
    let StmtKind::If { arms, otherwise } = &program.body[3].kind else {
        panic!("an if statement")
    };
    assert_eq!((arms[0].line, arms[1].line, arms[1].body[0].line), (3, 5, 6));
    assert_eq!(otherwise.as_ref().expect("an else part")[0].line, 8);
    let StmtKind::TryExcept { clauses, .. } = &program.body[4].kind else {
        panic!("a try statement")
    };
    assert_eq!((clauses[0].line, clauses[0].body[0].line), (12, 13));
}

#[test]
fn the_number_of_variables_is_bounded() {
    let source = |count: usize| (0..count).map(|i| format!("v{i};")).collect::<String>();
    let most = VARIABLES_MAX - PREDEFINED.len();
    assert!(parse(&source(most), &Options::new(&is_builtin)).is_ok());
    refused(&source(most + 9), &["Line 1:  Too many variables (max. 4096)"]);
}

#[test]
fn the_number_of_errors_is_bounded() {
    let errors = parse(&"=;".repeat(1000), &Options::new(&is_builtin)).expect_err("nothing in it is right");
    assert_eq!(errors.errors.len(), ERRORS_MAX);
}
