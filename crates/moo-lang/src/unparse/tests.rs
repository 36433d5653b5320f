//! The canonical text, row by row of its description.

use super::*;
use crate::parser::{Options, parse};

fn program(source: &str) -> Program {
    parse(source, &Options::new(&|_| true))
        .unwrap_or_else(|errors| panic!("{source:?} does not parse: {errors}"))
}

/// Checks the text in both modes for one statement, given without its `;`; the law of reading back is checked too.
#[track_caller]
fn both(source: &str, minimal: &str, full: &str) {
    let program = program(&format!("{source};"));
    for (style, expected) in [(Style::LISTING, minimal), (Style::DUMP, full)] {
        let text = unparse(&program, &style).join("\n");
        assert_eq!(text, format!("{expected};"), "source {source:?}");
        assert_eq!(
            parse(&text, &Options::new(&|_| true)),
            Ok(program.clone()),
            "source {source:?}"
        );
    }
}

#[track_caller]
fn same(source: &str, expected: &str) {
    both(source, expected, expected);
}

#[test]
fn parentheses_stand_only_where_they_are_needed() {
    both("((a+b)*c)-d", "(a + b) * c - d", "((a + b) * c) - d");
    both("a-(b-c)", "a - (b - c)", "a - (b - c)");
    both("(b^c)^d", "(b ^ c) ^ d", "(b ^ c) ^ d");
    both("b^(c^d)", "b ^ c ^ d", "b ^ (c ^ d)");
    both("(a&&b)||c", "a && b || c", "(a && b) || c");
    both("a||(b||c)", "a || (b || c)", "a || (b || c)");
    both("(b==c)==d", "b == c == d", "(b == c) == d");
    both("(b=c)+1", "(b = c) + 1", "(b = c) + 1");
    both("!!x", "!!x", "!(!x)");
    both("-b^c", "-b ^ c", "(-b) ^ c");
    both("-(b^c)", "-(b ^ c)", "-(b ^ c)");
    both("a = b + c * d", "a = b + c * d", "a = b + (c * d)");
    both("b in c in d", "b in c in d", "(b in c) in d");
    both("!b in c", "!b in c", "(!b) in c");
    both(
        "x = (raw ? line | ((\"return \" + line) + \";\"))",
        "x = raw ? line | \"return \" + line + \";\"",
        "x = raw ? line | ((\"return \" + line) + \";\")",
    );
    both(
        "(a ? b | c) ? d | (e ? f | g)",
        "(a ? b | c) ? d | (e ? f | g)",
        "(a ? b | c) ? d | (e ? f | g)",
    );
}

#[test]
fn some_places_never_need_parentheses() {
    same("b ? c = 1 | d", "b ? c = 1 | d");
    same("a = b = c", "a = b = c");
    same("b[c = d]", "b[c = d]");
    same("x = f(b ? c | d)", "x = f(b ? c | d)");
    same("`(b = c) ! ANY'", "`b = c ! ANY'");
    same("2 ^ (-5)", "2 ^ -5");
    same("x[(a = 1)..(b ? c | d)]", "x[a = 1..b ? c | d]");
    both("x.(a + b * c)", "x.(a + b * c)", "x.(a + (b * c))");
}

#[test]
fn bases_of_names_and_indexes_are_wrapped() {
    same("(b + c).foo", "(b + c).foo");
    same("(-b).foo", "(-b).foo");
    both("-(b.foo)", "-b.foo", "-b.foo");
    same("(b = c):foo()", "(b = c):foo()");
    same("(a ? b | c)[1]", "(a ? b | c)[1]");
    same("(`b ! ANY').foo", "`b ! ANY'.foo");
    same("{1, 2}[1]", "{1, 2}[1]");
}

#[test]
fn numbers_before_a_dot_stay_numbers() {
    same("(5).foo", "5 .foo");
    same("(5).(\"a b\")", "5 .(\"a b\")");
    same("-5 .foo", "-5 .foo");
    same("(-5).foo", "(-5).foo");
    same("5:foo()", "5:foo()");
    same("5[1]", "5[1]");
    same("1.5.foo", "1.5.foo");
    same("1e20.foo", "1e+20.foo");
    same("(-1.5):foo()", "(-1.5):foo()");
}

#[test]
fn names_are_bare_where_they_can_be() {
    same("o.(\"foo\")", "o.foo");
    same("o.(\"a b\")", "o.(\"a b\")");
    same("o.(\"if\")", "o.(\"if\")");
    same("o.(\"\")", "o.(\"\")");
    same("o.(\"9a\")", "o.(\"9a\")");
    same("o:(\"c d\")(1)", "o:(\"c d\")(1)");
    same("o:(\"Foo\")(1)", "o:Foo(1)");
    same("o.(e)", "o.(e)");
    same("o:(e)(a, @b)", "o:(e)(a, @b)");
    same("#0.(\"x\")", "$x");
    same("#0.x", "$x");
    same("#0:(\"x\")(a)", "$x(a)");
    same("#0.(\"foo bar\")", "#0.(\"foo bar\")");
    same("#0.(\"if\")", "#0.(\"if\")");
    same("#0:(\"if\")()", "#0:(\"if\")()");
    same("x[$ in y]", "x[$ in y]");
    same("x[$.foo..$]", "x[$.foo..$]");
}

#[test]
fn literals_have_one_form() {
    for (source, text) in [
        ("1e10", "10000000000.0"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("1e100", "1e+100"),
        ("1.0e15", "1e+15"),
        ("- 5", "-5"),
        ("-0.0", "-0.0"),
        ("0.1", "0.1"),
        ("123456789.123456789", "123456789.12345679"),
        ("#-1", "#-1"),
        ("e_perm", "E_PERM"),
        ("{1, @x, {}}", "{1, @x, {}}"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("\"a\\\"b\\\\c\tz\"", "\"a\\\"b\\\\c\tz\""),
    ] {
        same(source, text);
    }
    same("1 + 2", "1 + 2");
    same("!0", "!0");
    same("-#5", "-#5");
}

#[test]
fn other_forms_have_one_form() {
    same("`e!E_PERM,@c=>d'", "`e ! E_PERM, @c => d'");
    same("`e ! any'", "`e ! ANY'");
    same("{a,?b,?c=1+2,@d}=e", "{a, ?b, ?c = 1 + 2, @d} = e");
    same("({a} = b)[1]", "({a} = b)[1]");
    same("f(a,@b)", "f(a, @b)");
    same("PASS(@args)", "pass(@args)");
    same("a[$/2]", "a[$ / 2]");
    same("\"comment\"", "\"comment\"");
}

#[test]
fn blocks_are_laid_out_line_by_line() {
    let source = "if(a)b;elseif(c)d;else e;endif for x in(many)continue x;endfor for x in[1..n-1]break;endfor \
        try a;except e(E_PERM,@c)b;except(ANY)endtry try a;finally b;endtry fork(5)a;endfork fork id(n)endfork \
        while name(c)break name;endwhile return;return a;";
    let expected = "if (a)\n  b;\nelseif (c)\n  d;\nelse\n  e;\nendif\nfor x in (many)\n  continue x;\nendfor\n\
        for x in [1..n - 1]\n  break;\nendfor\ntry\n  a;\nexcept e (E_PERM, @c)\n  b;\nexcept (ANY)\nendtry\n\
        try\n  a;\nfinally\n  b;\nendtry\nfork (5)\n  a;\nendfork\nfork id (n)\nendfork\n\
        while name (c)\n  break name;\nendwhile\nreturn;\nreturn a;";
    let program = program(source);
    assert_eq!(unparse(&program, &Style::LISTING).join("\n"), expected);
    let flat: Vec<&str> = expected.lines().map(str::trim_start).collect();
    assert_eq!(
        unparse(
            &program,
            &Style {
                indent: false,
                ..Style::LISTING
            }
        ),
        flat
    );
}

#[test]
fn an_empty_program_has_no_lines() {
    assert_eq!(
        unparse(&Program::default(), &Style::LISTING),
        Vec::<String>::new()
    );
    assert_eq!(
        unparse(&program("/* only this */ ;"), &Style::LISTING),
        Vec::<String>::new()
    );
    assert_eq!(store_text(&program("/* only this */ ;")), "/* only this */");
}

#[test]
fn a_part_of_a_program_prints_alone() {
    let program = program("Foo = 1; fork (5) foo = 2; if (x) y; endif endfork");
    let crate::ast::StmtKind::Fork { body, .. } = &program.body[1].kind else {
        panic!("a fork statement")
    };
    assert_eq!(
        unparse_statements(&program, body, &Style::LISTING),
        ["Foo = 2;", "if (x)", "  y;", "endif"]
    );
}

#[test]
fn a_comment_cannot_end_early() {
    let mut program = program("x;");
    program.body[0].kind = crate::ast::StmtKind::Comment("a */ b\n. c".to_string());
    assert_eq!(store_text(&program), "/* a * / b . c */");
}
