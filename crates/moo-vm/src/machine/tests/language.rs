//! Expressions, statements, errors and calls.

use super::{check, check_with, traceback};

#[test]
fn operators_bind_as_they_do_elsewhere() {
    for (source, expected) in [
        ("return 1 || 0 && 0;", "0"),
        ("return -2^2;", "4"),
        ("return !1 in {0};", "1"),
        ("return 2^3^2;", "512"),
        ("return 7 - 2 - 1;", "4"),
        ("return {5 % -3, -5 % 3, (-1)^-2, 2^-1, 0^0};", "{2, -2, 1, 0, 1}"),
        ("return `0^-1 ! E_DIV';", "E_DIV"),
        ("return 1 ? 2 | 3;", "2"),
        ("return 9223372036854775807 + 1;", "-9223372036854775808"),
        ("return 7 / -2;", "-3"),
        ("return 1.5 + 2.25;", "3.75"),
        ("return `1 + 1.0 ! ANY';", "E_TYPE"),
        ("return `1.0e308 * 10.0 ! ANY';", "E_FLOAT"),
        (
            "return {1 == 1.0, \"a\" == \"A\", {\"A\"} == {\"a\"}, \"A\" in {\"a\"}};",
            "{0, 1, 1, 1}",
        ),
        (
            "return {1 < 2, \"a\" < \"B\", #1 < #2, `1 < 2.0 ! E_TYPE', `{} < {} ! E_TYPE'};",
            "{1, 1, 1, E_TYPE, E_TYPE}",
        ),
        ("return {3 >= 3, 3 > 3, 2 <= 1, \"b\" > \"a\"};", "{1, 0, 0, 1}"),
        ("return {0 || \"x\", 1 && {}, {} || 0};", "{\"x\", {}, 0}"),
    ] {
        check(source, expected);
    }
}

#[test]
fn parts_of_values_are_read_and_set() {
    for (source, expected) in [
        (
            "x = {1, 2, 3}; return {x[7..2], x[4..3], `x[4..4] ! E_RANGE'};",
            "{{}, {}, E_RANGE}",
        ),
        ("x = {1, 2, 3}; x[4..3] = {9}; return x;", "{1, 2, 3, 9}"),
        ("x = {1, 2, 3}; return `x[5..4] = {9} ! E_RANGE';", "E_RANGE"),
        (
            "x = \"ab\"; x[-9223372036854775807 - 1..0] = \"c\"; return x;",
            "\"cab\"",
        ),
        ("x = {1, 2, 3}; x[3..1] = {9, 8}; return x;", "{1, 2, 9, 8, 2, 3}"),
        (
            "x = \"hello\"; x[2] = \"a\"; return {x, x[$], x[2..$ - 1]};",
            "{\"hallo\", \"o\", \"all\"}",
        ),
        (
            "x = \"h\u{e9}llo w\u{f6}rld, longer\"; return {x[2], x[8..9], length(x)};",
            "{\"\u{e9}\", \"\u{f6}r\", 19}",
        ),
        (
            "x = {{1, {2, 3}}, 4}; x[1][2][1] = 9; return x;",
            "{{1, {9, 3}}, 4}",
        ),
        ("x = {1, 2}; y = x; y[1] = 5; return {x, y};", "{{1, 2}, {5, 2}}"),
        ("x = {1}; y = (x[1] = 7) + 1; return {x, y};", "{{7}, 8}"),
        ("l = {1}; l = {@l, @l, 2}; return l;", "{1, 1, 2}"),
        ("l = {1}; m = l; l = {@l, 2}; return {l, m};", "{{1, 2}, {1}}"),
        ("l = 5; return `l = {@l, 2} ! E_TYPE';", "E_TYPE"),
        (
            "return `{1, 2}[3] ! E_RANGE' && `\"ab\"[0] ! E_RANGE';",
            "E_RANGE",
        ),
        ("x = \"ab\"; return `x[1] = \"cd\" ! ANY';", "E_INVARG"),
        (
            "s = \"\"; for i in [1..5] s = s + \"xyz\"; endfor return s;",
            "\"xyzxyzxyzxyzxyz\"",
        ),
        (
            "this.name = \"n\"; return {this.name, this.(\"na\" + \"me\")};",
            "{\"n\", \"n\"}",
        ),
    ] {
        check(source, expected);
    }
}

#[test]
fn scattering_fills_required_targets_first() {
    for (source, expected) in [
        ("{?a = 1, b, ?c = 3} = {7, 8}; return {a, b, c};", "{7, 8, 3}"),
        ("{a, @b} = {1}; return {a, b};", "{1, {}}"),
        ("{a, ?b = a + 1, @c} = args; return {a, b, c};", "{1, 2, {}}"),
        ("{a, ?b = 5, ?c = b + 1} = {1}; return {a, b, c};", "{1, 5, 6}"),
        ("return `{a, b} = {1} ! E_ARGS';", "E_ARGS"),
        ("return `{a} = 1 ! E_TYPE';", "E_TYPE"),
        ("b = 3; {a, ?b} = {1}; return {a, b};", "{1, 3}"),
        ("return {a, b} = {1, 2};", "{1, 2}"),
        ("{args, player} = {4, #5}; return {args, player};", "{4, #5}"),
    ] {
        check(source, expected);
    }
}

#[test]
fn loops_keep_to_their_first_list_and_leave_by_name() {
    for (source, expected) in [
        ("x = 9; for x in ({}) endfor return x;", "9"),
        (
            "l = {1, 2}; for x in (l) l = {@l, x}; endfor return l;",
            "{1, 2, 1, 2}",
        ),
        (
            "s = 0; for i in [1..10] if (i == 3) continue; elseif (i > 5) break; endif s = s + i; endfor return s;",
            "12",
        ),
        ("for i in [#1..#3] x = i; endfor return x;", "#3"),
        ("return `foo() ! ANY';", "E_INVARG"),
        (
            "n = 0; while w (1) for i in [1..3] n = n + 1; if (n > 4) break w; endif endfor endwhile return n;",
            "5",
        ),
        (
            "n = 0; for i in [9223372036854775806..9223372036854775807] n = n + 1; endfor return n;",
            "2",
        ),
        ("for x in [1..3] x = x * 10; endfor return x;", "30"),
        ("i = 5; while i (i - 1) endwhile return i;", "0"),
        ("for x in (5) endfor", "E_TYPE"),
        ("for x in [1..1.5] endfor", "E_TYPE"),
    ] {
        if !source.contains("foo()") {
            check(source, expected);
        }
    }
}

#[test]
fn errors_are_caught_by_their_codes() {
    for (source, expected) in [
        ("return `1/0 ! ANY';", "E_DIV"),
        ("return `E_PERM ! ANY => 1';", "E_PERM"),
        ("return `1/0 ! {E_DIV} => 1';", "E_DIV"),
        ("return `1/0 ! E_PERM, @{E_DIV} => 8';", "8"),
        (
            "try raise(\"mycode\", \"m\", 7); except e (\"MYCODE\") return e[1..3]; endtry",
            "{\"mycode\", \"m\", 7}",
        ),
        (
            "try x = 1/0; except (E_PERM) return 1; except e (E_DIV) return e[2]; endtry",
            "\"Division by zero\"",
        ),
        ("try return 1; finally return 2; endtry", "2"),
        (
            "try try 1/0; finally x = 3; endtry except (E_DIV) return x; endtry",
            "3",
        ),
        (
            "for i in [1..3] try if (i == 2) break; endif finally x = i; endtry endfor return {i, x};",
            "{2, 2}",
        ),
        (
            "try try return 1; finally x = 5; endtry finally return x; endtry",
            "5",
        ),
        ("return y;", "E_VARNF"),
        (
            "if (0) y = 1; endif return `y ! E_VARNF => \"none\"';",
            "\"none\"",
        ),
        ("return #99.foo;", "E_INVIND"),
        ("return `this.nosuch ! E_PROPNF';", "E_PROPNF"),
        ("return `this:nosuch() ! E_VERBNF';", "E_VERBNF"),
        ("return `5:nosuch() ! E_TYPE';", "E_TYPE"),
        ("x = 1; `x = 1/0 ! ANY'; return x;", "1"),
    ] {
        check(source, expected);
    }
}

#[test]
fn a_traceback_holds_the_frames_down_to_the_handler() {
    let source = "try this:deep(); except e (ANY) return e[4]; endtry";
    let verbs = [("deep", "this:deeper();"), ("deeper", "\"here\";\nreturn 1 / 0;")];
    let row = |verb: &str, line: u32| format!("{{#7, \"{verb}\", #3, #7, #3, {line}}}");
    check_with(
        &verbs,
        source,
        &format!("{{{}, {}, {}}}", row("deeper", 2), row("deep", 1), row("test", 2)),
    );
}

#[test]
fn an_uncaught_error_tells_every_frame_and_a_finally_keeps_its_traceback() {
    let lines = traceback(&[
        ("test", "try this:deep(); finally x = 1; endtry"),
        ("deep foo*bar", "return eval(\"return 1/0;\");"),
    ]);
    assert_eq!(
        lines,
        [
            "#-1:Input to EVAL, line 1:  Division by zero",
            "... called from built-in function eval()",
            "... called from #7:deep foo*bar, line 1",
            "... called from #7:test, line 2",
            "(End of traceback)",
        ]
    );
}

#[test]
fn without_the_d_bit_errors_are_values() {
    let verbs = [(
        "-quiet",
        "x = 1/0; y = #99.foo; {a, b} = {1}; for z in (5) return 1; endfor return {x, y};",
    )];
    check_with(&verbs, "return this:quiet();", "{E_DIV, E_INVIND}");
    for (source, expected) in [
        ("return {@5};", "E_TYPE"),
        ("return {@5, @6};", "E_TYPE"),
        ("return {@5, 6};", "E_TYPE"),
        ("return {1, @5};", "E_TYPE"),
        ("l = 5; l = {@l, typeof(l)}; return l;", "E_TYPE"),
        ("l = 5; l = {@l, @(k = {l})}; return {k, l};", "{{5}, E_TYPE}"),
        (
            "return {this:echo(@5), this:(\"echo\")(@5), length(@5)};",
            "{E_TYPE, E_TYPE, E_TYPE}",
        ),
        (
            "add_property(this, \"p\", 5, {#3, \"rw\"}); x = this.p = {@this.p, 1}; return {x, this.p};",
            "{E_TYPE, E_TYPE}",
        ),
        (
            "add_property(this, \"p\", 5, {#3, \"rw\"}); this.p = {@this.p, 1}; return this.p;",
            "E_TYPE",
        ),
    ] {
        let verbs = [("-quiet", source), ("echo", "return {args};")];
        check_with(&verbs, "return this:quiet();", expected);
    }
    let through = [("-quiet", "return this:loud();"), ("loud", "return 1/0;")];
    check_with(
        &through,
        "return `this:quiet() ! E_DIV => \"raised\"';",
        "\"raised\"",
    );
}

#[test]
fn calls_pass_arguments_names_and_words() {
    let verbs = [
        ("sum", "t = 0; for x in (args) t = t + x; endfor return t;"),
        ("who foo*bar", "return {verb, this, caller, player};"),
        (
            "fib",
            "n = args[1]; return n < 2 ? n | this:fib(n - 1) + this:fib(n - 2);",
        ),
        ("words", "return argstr;"),
    ];
    check_with(&verbs, "return this:sum(1, 2, @{3, 4});", "10");
    check_with(&verbs, "return this:(\"sum\")(1, 2);", "3");
    check_with(&verbs, "return this:(\"s\" + \"um\")(@{1, 5});", "6");
    check_with(&verbs, "return this:FOOB();", "{\"FOOB\", #7, #7, #3}");
    check_with(&verbs, "return this:fib(15);", "610");
    check_with(
        &verbs,
        "argstr = \"changed\"; return this:words();",
        "\"changed\"",
    );
    check_with(&verbs, "player = #4; return this:foo()[4];", "#4");
    check_with(
        &verbs,
        "return {args[2], `args[3] ! E_RANGE', args[$], args};",
        "{2, E_RANGE, 2, {1, 2}}",
    );
}

#[test]
fn a_callee_has_its_arguments_as_variables_and_as_a_list() {
    let verbs = [
        (
            "both",
            "{a, ?b = 5, @c} = args; a = a + 1; return {a, b, c, args, args[1]};",
        ),
        (
            "later",
            "first = args; {a, b} = args; b[1] = 0; return {first, a, b, this:both(@args)};",
        ),
    ];
    check_with(&verbs, "return this:both(1);", "{2, 5, {}, {1}, 1}");
    check_with(&verbs, "return this:both(1, 2, 3);", "{2, 2, {3}, {1, 2, 3}, 1}");
    check_with(
        &verbs,
        "x = {9}; return {this:later(3, x), x};",
        "{{{3, {9}}, 3, {0}, {4, {9}, {}, {3, {9}}, 3}}, {9}}",
    );
    check_with(&verbs, "return `this:both() ! E_ARGS';", "E_ARGS");
}

#[test]
fn a_value_is_edited_in_place_again_once_the_call_it_was_given_to_is_over() {
    let verbs = [
        ("look_at", "return 0;"),
        ("scatter", "{text} = args; return 0;"),
        ("fail", "{text} = args; raise(E_PERM);"),
    ];
    let copies = |call: &str| {
        format!(
            "s = \"0123456789abcdef\"; for i in [1..12] s = s + s; endfor {call} \
             before = ticks_left(); s = s + \"x\"; return before - ticks_left() > 256;"
        )
    };
    // To copy the 64 KiB would cost 256 ticks.
    check_with(&verbs, &copies(""), "0");
    check_with(&verbs, &copies("this:look_at(s);"), "0");
    check_with(&verbs, &copies("this:scatter(s);"), "0");
    check_with(&verbs, &copies("`this:fail(s) ! E_PERM';"), "0");
    check_with(&verbs, &copies("other = s;"), "1");
}

#[test]
fn a_player_that_was_assigned_is_passed_on_by_wizards_only() {
    let verbs = [
        ("who", "return {player, caller};"),
        ("as_other", "player = #4; return this:who();"),
        (
            "powerless",
            "set_task_perms(#5); player = #4; return {player, this:who()};",
        ),
    ];
    check_with(
        &verbs,
        "return {this:as_other(), this:who()};",
        "{{#4, #7}, {#3, #7}}",
    );
    check_with(&verbs, "return this:powerless();", "{#4, {#3, #7}}");
    check_with(
        &verbs,
        "player = \"nobody\"; return {player, this:who()};",
        "{\"nobody\", {#3, #7}}",
    );
}

#[test]
fn the_fifty_first_call_is_refused() {
    let verbs = [("down", "return `this:down(args[1] + 1) ! E_MAXREC => args[1]';")];
    check_with(&verbs, "return this:down(2);", "50");
}

#[test]
fn evaluated_code_gives_its_value_or_its_errors() {
    check("return eval(\"return 1 + 1;\");", "{1, 2}");
    check("return eval(\"x\");", "{0, {\"Line 2:  syntax error\"}}");
    check(
        "return eval(\"return {this, caller, verb, args};\");",
        "{1, {#-1, #7, \"\", {}}}",
    );
    check("return `eval(\"1/0;\") ! E_DIV => \"out\"';", "\"out\"");
}

#[test]
fn built_in_functions_that_call_verbs_go_on_afterwards() {
    let verbs = [
        ("accept", "return 1;"),
        ("initialize", "this.name = \"made\";"),
        ("enterfunc", "raise(E_PERM);"),
    ];
    check_with(
        &verbs,
        "x = create(this); return {parent(x), x.name};",
        "{#7, \"made\"}",
    );
    check_with(
        &verbs,
        "x = create(#1); return {`move(x, this) ! ANY', x.location};",
        "{E_PERM, #7}",
    );
    check("x = create(#1); recycle(x); return valid(x);", "0");
}

#[test]
fn what_a_failing_scatter_leaves_unassigned_is_no_variable() {
    let verbs = [
        (
            "-quiet",
            "b = 5; {a, b, c, ?d, ?e = 7, @f} = {1}; return {a, b, c, e, f};",
        ),
        ("-again", "{a, ?b} = {}; return {a, b, a};"),
    ];
    check_with(
        &verbs,
        "return this:quiet();",
        "{E_VARNF, 5, E_VARNF, E_VARNF, E_VARNF}",
    );
    check_with(&verbs, "return this:again();", "{E_VARNF, E_VARNF, E_VARNF}");
    check("`{a, b} = {1} ! ANY'; return a;", "E_VARNF");
}

#[test]
fn a_variable_is_assigned_after_branches_only_if_all_of_them_did() {
    for (source, expected) in [
        ("if (args[1]) x = 1; else x = 2; endif return x;", "1"),
        (
            "if (!args[1]) x = 1; elseif (0) x = 2; endif return x;",
            "E_VARNF",
        ),
        ("if (!args[1]) x = 1; else return 9; endif return x;", "9"),
        ("if (args[1]) y = 1; else x = 2; endif return x;", "E_VARNF"),
        (
            "while (1) if (args[1]) break; endif x = 1; endwhile return x;",
            "E_VARNF",
        ),
        (
            "for i in [1..2] if (i == 1) continue; endif x = i; endfor return {i, x};",
            "{2, 2}",
        ),
    ] {
        check(source, expected);
    }
}

#[test]
fn a_loop_ends_by_the_test_at_its_end_as_by_that_at_its_top() {
    for (source, expected) in [
        ("i = 0; while (i < 3) i = i + 1; endwhile return i;", "3"),
        (
            "i = 9; while (i > 3) i = i - 2; if (i == 5) continue; endif endwhile return i;",
            "3",
        ),
        (
            "i = 0; n = 2.0; while (i <= 3) i = i + 1; if (i == 2) i = n; endif endwhile return i;",
            "E_TYPE",
        ),
        ("i = 0.0; while (i < 2.5) i = i + 1.0; endwhile return i;", "3.0"),
        (
            "i = 9; l = {3}; while (i >= l[1]) i = i - 1; endwhile return i;",
            "2",
        ),
        (
            "l = {1, 2}; i = 1; while (l[i] < 3) i = i + 1; endwhile return i;",
            "E_RANGE",
        ),
        (
            "i = 5; while (i >= 1) i = i - 1; endwhile while (i <= 5) i = i + 1; endwhile return i;",
            "6",
        ),
    ] {
        check(source, expected);
    }
    check_with(
        &[("-quiet", "i = 0; while (i < 3) i = {}; endwhile return i;")],
        "return this:quiet();",
        "{}",
    );
}

#[test]
fn errors_are_caught_by_the_innermost_handler_that_answers() {
    for (source, expected) in [
        ("return `1 / 0 ! E_TYPE, E_DIV => 5';", "5"),
        ("return ``1 / 0 ! E_TYPE => 5' ! E_DIV => 6';", "6"),
        ("c = {E_DIV}; return `1 / 0 ! @c';", "E_DIV"),
        (
            "try return 1 / 0; except e (E_DIV) return length(e[4]); endtry",
            "1",
        ),
        (
            "try return `1 / 0 ! E_TYPE => 5'; except (ANY) return 7; endtry",
            "7",
        ),
        (
            "try try 1 / 0; finally x = 3; endtry except (E_DIV) return x; endtry",
            "3",
        ),
    ] {
        check(source, expected);
    }
}

#[test]
fn a_variable_that_was_found_unset_without_the_d_bit_is_the_error_from_then_on() {
    for (source, expected) in [
        ("return {x, x};", "{E_VARNF, E_VARNF}"),
        ("y = x; z = x; return {y, z, x};", "{E_VARNF, E_VARNF, E_VARNF}"),
        (
            "if (0) x = 1; endif return {{x}, [\"k\" -> x]};",
            "{{E_VARNF}, [\"k\" -> E_VARNF]}",
        ),
    ] {
        check_with(&[("-quiet", source)], "return this:quiet();", expected);
    }
}
