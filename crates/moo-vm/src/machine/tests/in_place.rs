//! What is edited in place gives what a copy would have given, also where it is refused, and nobody else sees it.

use super::{check, check_with};

#[test]
fn parts_of_parts_are_set_for_one_holder_only() {
    for (source, expected) in [
        (
            "l = {{1, 2}, {3, 4}}; m = l; l[2][1] = 9; return {l, m};",
            "{{{1, 2}, {9, 4}}, {{1, 2}, {3, 4}}}",
        ),
        (
            "a = {1}; l = {a, a}; l[1][1] = 2; return {l, a};",
            "{{{2}, {1}}, {1}}",
        ),
        (
            "l = {{{1}}}; x = (l[1][1][1] = 5); return {l, x};",
            "{{{{5}}}, 5}",
        ),
        (
            "l = {{1}}; return {`l[1][2] = 5 ! E_RANGE', `l[2][1] = 5 ! E_RANGE', l};",
            "{E_RANGE, E_RANGE, {{1}}}",
        ),
        (
            "l = {{1}}; return {`l[1][1][1] = 5 ! E_TYPE', `l[\"\"][1] = 5 ! E_TYPE', l};",
            "{E_TYPE, E_TYPE, {{1}}}",
        ),
        (
            "l = {\"abc\"}; l[1][2] = \"x\"; return {l, `l[1][2] = \"xy\" ! E_INVARG'};",
            "{{\"axc\"}, E_INVARG}",
        ),
        ("l = {1, {2}}; l[$][$] = l; return l;", "{1, {{1, {2}}}}"),
        (
            "l = {{1, 2}}; i = 0; l[(i = i + 1)][(i = i + 1)] = i; return l;",
            "{{1, 2}}",
        ),
        ("s = \"abc\"; s[2][1] = \"x\"; return s;", "\"axc\""),
        (
            "l = {[\"a\" -> {1}]}; m = l[1]; l[1][\"A\"][1] = 2; return {l, m};",
            "{{[\"A\" -> {2}]}, [\"a\" -> {1}]}",
        ),
        (
            "m = [1 -> {1, 2}]; return {`m[2][1] = 5 ! E_RANGE', m[1][$] = 7, m};",
            "{E_RANGE, 7, [1 -> {1, 7}]}",
        ),
    ] {
        check(source, expected);
    }
}

#[test]
fn what_is_on_the_way_is_looked_at_before_the_value_is_made() {
    let verbs = [("note", "this.name = tostr(this.name, args[1]); return args[1];")];
    let source = "l = {{1}}; `l[2][this:note(1)] = this:note(2) ! E_RANGE'; `l[1][this:note(7)] = this:note(3) ! E_RANGE'; \
                  return this.name;";
    check_with(&verbs, source, "\"thing73\"");
}

#[test]
fn functions_that_give_their_variable_a_new_value_edit_it() {
    for (source, expected) in [
        (
            "l = {1}; m = l; l = setadd(l, 2); l = setadd(l, 2); return {l, m};",
            "{{1, 2}, {1}}",
        ),
        (
            "l = {1, 2, 3}; l = setremove(l, 2); l = setremove(l, 9); return l;",
            "{1, 3}",
        ),
        (
            "l = {}; l = listappend(l, 1); l = listappend(l, 3, 1); l = listinsert(l, 0); l = listinsert(l, 2, 3); return l;",
            "{0, 1, 2, 3}",
        ),
        (
            "l = {1, 2}; l = listset(l, \"x\", 2); l = listdelete(l, 1); return l;",
            "{\"x\"}",
        ),
        (
            "l = {1}; l = setadd(l, l); l = setadd(l, length(l)); return l;",
            "{1, {1}, 2}",
        ),
        (
            "s = \"\"; for i in [8..11] s = tostr(s, i, \" and -\", -i, #1); endfor t = s; s = tostr(s, \"!\"); return {t, s};",
            "{\"8 and --8#19 and --9#110 and --10#111 and --11#1\", \"8 and --8#19 and --9#110 and --10#111 and --11#1!\"}",
        ),
        (
            "l = {1}; try l = listdelete(l, 2); except (E_RANGE) return l; endtry",
            "{1}",
        ),
        ("l = {1}; `l = listdelete(l, 2) ! ANY'; return l;", "{1}"),
        (
            "l = {1}; try l = listset(l, 5, 2); finally return l; endtry",
            "{1}",
        ),
        (
            "s = tostr(-9223372036854775807 - 1, 0); return s;",
            "\"-92233720368547758080\"",
        ),
    ] {
        check(source, expected);
    }
    let quiet = [("-quiet", "l = {1}; l = listdelete(l, 2); return l;")];
    check_with(&quiet, "return this:quiet();", "E_RANGE");
}

#[test]
fn properties_are_edited_where_they_are() {
    let set_up = |rest: &str| format!("add_property(this, \"l\", {{1}}, {{#3, \"\"}}); {rest}");
    for (source, expected) in [
        (
            "this.l = {@this.l, 2}; x = this.l; this.l = {@this.l, 3}; this.l = {@this.l, x}; return {x, this.l};",
            "{{1, 2}, {1, 2, 3, {1, 2}}}",
        ),
        (
            "this.l = {@this.l, 2}; o = this; o.l = {@o.l, length(o.l)}; o.l[1] = o.l[$]; return o.l;",
            "{2, 2, 2}",
        ),
        (
            "this.l = {{1, 2}, 3}; x = this.l; this.l[1][2] = 7; this.l[2] = \"s\"; return {x, this.l};",
            "{{{1, 2}, 3}, {{1, 7}, \"s\"}}",
        ),
        (
            "this.l = {1, 2}; x = (this.l[2] = 5); return {x, `this.l[3] = 1 ! E_RANGE', `this.l[1][1] = 1 ! E_TYPE', this.l};",
            "{5, E_RANGE, E_TYPE, {1, 5}}",
        ),
        (
            "this.l = 5; return {`this.l = {@this.l, 1} ! E_TYPE', `this.m = {@this.m, 1} ! E_PROPNF', this.l};",
            "{E_TYPE, E_PROPNF, 5}",
        ),
        (
            "set_task_perms(#5); return `this.l = {@this.l, 1} ! E_PERM';",
            "E_PERM",
        ),
        (
            "this.l = {@this.l, 2}; return {@this.l, this.l = {@this.l, 3}};",
            "{1, 2, {1, 2, 3}}",
        ),
    ] {
        check(&set_up(source), expected);
    }
    let verbs = [("grow", "this.l = {@this.l, args[1]}; return args[1] + 1;")];
    // The item is made after the list was read, as written.
    check_with(
        &verbs,
        &set_up("this.l = {@this.l, this:grow(5)}; return this.l;"),
        "{1, 6}",
    );
}

#[test]
fn a_property_that_grows_is_charged_for_what_it_grows_by() {
    let grow = "add_property(this, \"l\", {}, {#3, \"\"}); for i in [1..2000] this.l = {@this.l, {i}}; endfor \
                before = ticks_left(); for i in [1..100] this.l = {@this.l, i}; endfor return before - ticks_left() < 1500;";
    check(grow, "1");
    let deep = "add_property(this, \"l\", {}, {#3, \"\"}); x = {}; for i in [1..983] x = {x}; endfor \
                this.l = {@this.l, 1}; return {`this.l = {@this.l, x} ! E_QUOTA', length(this.l)};";
    check(deep, "{E_QUOTA, 1}");
    let large = "add_property(this, \"l\", {}, {#3, \"\"}); s = \"0123456789abcdef\"; for i in [1..15] s = s + s; endfor \
                 l = {}; for i in [1..60] l = {@l, s}; endfor x = {l, l, l}; this.l = {1}; \
                 return {`this.l = {@this.l, x} ! E_QUOTA', this.l};";
    check(large, "{E_QUOTA, {1}}");
}

#[test]
fn a_number_in_a_property_is_added_to_with_the_same_errors_and_rights() {
    let set_up = |rest: &str| format!("add_property(this, \"n\", 1, {{#3, \"r\"}}); {rest}");
    for (source, expected) in [
        (
            "this.n = this.n + 1; this.n = this.n + 5; this.n = this.n - 3; return this.n;",
            "4",
        ),
        (
            "this.n = 9223372036854775807; this.n = this.n + 1; return this.n;",
            "-9223372036854775808",
        ),
        (
            "this.n = 1.5; return {`this.n = this.n + 1 ! E_TYPE', this.n};",
            "{E_TYPE, 1.5}",
        ),
        (
            "this.n = 2; set_task_perms(#5); return {`this.n = this.n + 1 ! E_PERM', this.n};",
            "{E_PERM, 2}",
        ),
        ("return `this.m = this.m + 1 ! E_PROPNF';", "E_PROPNF"),
        ("x = (this.n = this.n + 1); return {x, this.n};", "{2, 2}"),
    ] {
        check(&set_up(source), expected);
    }
    let quiet = [(
        "-quiet",
        "this.n = this.n + 1; this.n = this.n + 1; this.n = {}; this.n = this.n + 1; return this.n;",
    )];
    check_with(&quiet, &set_up("return this:quiet();"), "E_TYPE");
}

#[test]
fn a_variable_keeps_its_value_until_a_catch_expression_has_one() {
    for (source, expected) in [
        ("x = 1; x = `x + 1 / 0 ! E_DIV => x + 5'; return x;", "6"),
        ("x = 1; `x = `1 / 0 ! E_TYPE' ! ANY'; return x;", "1"),
        ("x = `1 / 0 ! ANY'; return x;", "E_DIV"),
        ("x = `7 ! ANY => 8'; return x;", "7"),
        (
            "x = 3; x = `1 / 0 ! ANY => `x / 0 ! E_DIV => x + 1''; return x;",
            "4",
        ),
    ] {
        check(source, expected);
    }
}
