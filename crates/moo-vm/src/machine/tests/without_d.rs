//! What assignments that fail leave in verbs without the `d` bit. LambdaMOO pushes the error in place of what the failing
//! instruction would have given, and goes on: of an indexed put that is the new whole, which is then assigned; of a put in a property
//! it is the value of the assignment.

use super::check_with;

#[track_caller]
fn check_quiet(source: &str, expected: &str) {
    let verbs = [("-quiet", source), ("echo", "return args[1];")];
    check_with(&verbs, "return this:quiet();", expected);
}

#[test]
fn a_part_that_cannot_be_set_leaves_its_error_in_the_variable() {
    for (source, expected) in [
        ("l = {1, 2}; x = (l[9] = 1); return {x, l};", "{1, E_RANGE}"),
        ("l = {1, 2}; l[\"a\"] = 1; return l;", "E_TYPE"),
        ("s = \"abc\"; s[2] = 5; return s;", "E_TYPE"),
        (
            "s = \"abc\"; x = (s[9] = \"x\"); return {x, s};",
            "{\"x\", E_RANGE}",
        ),
        (
            "l = {1, 2}; x = (l[5..6] = {1}); return {x, l};",
            "{{1}, E_RANGE}",
        ),
        ("l = {1, 2}; l[1..2] = 5; return l;", "E_TYPE"),
        ("n = 5; n[1] = 5; return n;", "E_TYPE"),
        ("l = {1}; k = l; l[9] = 5; return {k, l};", "{{1}, E_RANGE}"),
        ("l = {1}; l[9] = (l = {2}); return l;", "E_RANGE"),
        ("argstr[9] = \"x\"; return argstr;", "E_RANGE"),
        ("m = [1 -> 2]; x = (m[{}] = 5); return {x, m};", "{5, E_TYPE}"),
    ] {
        check_quiet(source, expected);
    }
}

#[test]
fn a_part_of_a_part_leaves_its_error_in_the_part_around_it() {
    for (source, expected) in [
        (
            "l = {{1}, 2}; x = (l[1][9] = 5); return {x, l};",
            "{5, {E_RANGE, 2}}",
        ),
        ("l = {{1}, 2}; l[9][1] = 5; return l;", "E_RANGE"),
        ("l = {{1}, 2}; l[2][1] = 5; return l;", "{{1}, E_TYPE}"),
        ("l = {{1}}; l[this:echo(9)][1] = 5; return l;", "E_RANGE"),
        ("l = {{1}}; l[1][this:echo(9)] = 5; return l;", "{E_RANGE}"),
        ("l = {\"abc\"}; l[1][9] = \"x\"; return l;", "{E_RANGE}"),
        ("l = {{1, 2}, 3}; l[1][7..8] = {}; return l;", "{E_RANGE, 3}"),
        (
            "l = {{{1}, 2}, 3}; l[1][1][9] = 5; return l;",
            "{{E_RANGE, 2}, 3}",
        ),
        (
            "l = {{1}}; k = l; l[1][9] = 5; return {k, l};",
            "{{{1}}, {E_RANGE}}",
        ),
        (
            "m = [1 -> [2 -> 3]]; m[9][1] = 5; return m;",
            "[1 -> [2 -> 3], 9 -> E_TYPE]",
        ),
    ] {
        check_quiet(source, expected);
    }
}

#[test]
fn a_property_is_given_what_its_parts_could_not_be() {
    let set_up = |rest: &str| format!("add_property(this, \"p\", {{{{1}}, 2}}, {{#3, \"rw\"}}); {rest}");
    for (source, expected) in [
        ("x = (this.p[9] = 5); return {x, this.p};", "{5, E_RANGE}"),
        ("this.p[9] = 5; return this.p;", "E_RANGE"),
        ("this.p[1][9] = 5; return this.p;", "{E_RANGE, 2}"),
        ("this.p[2][1] = 5; this.p[2] = 6; return this.p;", "{{1}, 6}"),
        (
            "this.p[1][1] = 3; this.p[1][9] = 5; this.p[2] = 4; return this.p;",
            "{E_RANGE, 4}",
        ),
        ("this.p[1..9] = 5; return this.p;", "E_TYPE"),
        ("n = \"p\"; this.(n)[9] = 5; return this.p;", "E_RANGE"),
    ] {
        check_quiet(&set_up(source), expected);
    }
}

#[test]
fn the_value_of_a_failing_put_in_a_property_is_the_error() {
    for (source, expected) in [
        ("return this.nope = 1;", "E_PROPNF"),
        ("y = 7; x = (this.nope = y); return {x, y};", "{E_PROPNF, 7}"),
        ("y = 7; x = (#99.nope = y); return {x, y};", "{E_INVIND, 7}"),
        (
            "y = 7; n = \"nope\"; x = (this.(n) = y); return {x, y};",
            "{E_PROPNF, 7}",
        ),
        ("this.nope = y = 7; return y;", "7"),
        // Of an indexed one it is what was to be put.
        ("x = (this.nope[1] = 5); return x;", "5"),
    ] {
        check_quiet(source, expected);
    }
}
