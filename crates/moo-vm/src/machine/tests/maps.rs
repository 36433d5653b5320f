//! Maps in programs: literals, indexes, ranges, loops, and what is shared with whom.

use super::{Machine, TestHost, check, check_with, limits, machine, traceback, world_with};
use crate::machine::Env;
use crate::options::ServerOptions;
use crate::outcome::Outcome;
use crate::task::TaskState;
use moo_model::world::Transaction;
use moo_model::{Value, literal};

#[track_caller]
fn check_all(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        check(source, expected);
    }
}

const SEVEN: &str = "[1 -> 1, 2 -> 2, 3 -> 3, 4 -> 4, 5 -> 5, 6 -> 6, 7 -> 7]";

#[test]
fn literals_are_in_the_order_of_their_keys() {
    check_all(&[
        ("return [];", "[]"),
        (
            "return [\"b\" -> 1, 3 -> 4, #1 -> 5, E_PERM -> 6, 1.5 -> 7];",
            "[3 -> 4, #1 -> 5, E_PERM -> 6, 1.5 -> 7, \"b\" -> 1]",
        ),
        ("return [\"a\" -> 1, \"A\" -> 2];", "[\"A\" -> 2]"),
        ("return [1 -> [2 -> {}], 2 -> []];", "[1 -> [2 -> {}], 2 -> []]"),
        ("return `[{} -> 1] ! ANY';", "E_TYPE"),
        ("return `[[] -> 1] ! ANY';", "E_TYPE"),
        (
            "return {typeof([]) == MAP, [] && 1, [1 -> 0] && 1};",
            "{1, [], 1}",
        ),
        ("map = 3; return {map, MAP};", "{3, 3}"),
        ("if (0) map = 3; endif return `map ! ANY';", "E_VARNF"),
        (
            "return tostr([1 -> 2], \" \", toliteral([1 -> \"a\"]));",
            "\"[map] [1 -> \\\"a\\\"]\"",
        ),
    ]);
}

#[test]
fn each_value_is_evaluated_before_its_key() {
    check(
        "t = {}; m = [((t = {@t, \"key\"}) && 1) -> ((t = {@t, \"value\"}) && 2)]; return {t, m};",
        "{{\"value\", \"key\"}, [1 -> 2]}",
    );
    check("x = 1; return [(x = 2) -> x, x -> (x = 3)];", "[2 -> 1, 3 -> 3]");
}

#[test]
fn keys_are_looked_up_without_regard_to_case() {
    check_all(&[
        (
            "m = [\"Key\" -> 1]; return {m[\"kEY\"], `m[\"no\"] ! ANY', `m[{}] ! ANY'};",
            "{1, E_RANGE, E_TYPE}",
        ),
        (
            "m = [\"First\" -> 1]; m[\"fIRST\"] = 2; return m;",
            "[\"fIRST\" -> 2]",
        ),
        (
            "m = [0.0 -> 1]; m[-0.0] = 2; return {length(m), m[0.0]};",
            "{1, 2}",
        ),
        (
            "m = [1 -> 1, 1.0 -> 2]; return {m[1], m[1.0], 1 in m, 2 in m, 3 in m};",
            "{1, 2, 1, 2, 0}",
        ),
        (
            "return {{1, [\"Key\" -> {\"A\"}]} == {1, [\"key\" -> {\"a\"}]}, [] == {}, [1 -> 2] == [1 -> 3]};",
            "{1, 0, 0}",
        ),
        (
            "x = []; x[1] = 2.0; x[#3] = \"four\"; return [1 -> 2.0, #3 -> \"FOUR\"] == x;",
            "1",
        ),
        ("return `[] < [] ! ANY';", "E_TYPE"),
        ("return `[] + [] ! ANY';", "E_TYPE"),
    ]);
}

#[test]
fn markers_stand_for_the_first_and_the_last_key() {
    let of = |rest: &str| format!("t = {SEVEN}; {rest}");
    check_all(&[
        (&of("return {t[^], t[^ + 1], t[$], t[$ - 1]};"), "{1, 2, 7, 6}"),
        (
            "return {`[][^] ! ANY', `[][$] ! ANY', `{}[^] ! ANY', `\"\"[^] ! ANY'};",
            "{E_RANGE, E_RANGE, E_RANGE, E_RANGE}",
        ),
        (
            "return {`5[^] ! ANY', `5[^..$] ! ANY', `#1[$] ! ANY'};",
            "{E_TYPE, E_TYPE, E_TYPE}",
        ),
        (
            "t = [\"a\" -> 1, \"b\" -> 2]; t[^] = \"x\"; t[^ + \"*\"] = 3; return t;",
            "[\"a\" -> \"x\", \"a*\" -> 3, \"b\" -> 2]",
        ),
        (
            "return {{1, 2, 3}[^], {1, 2, 3}[^..$], \"foobar\"[^ + 1..$], {1, 2, 3, 4}[^ .. 2 ^ ^]};",
            "{1, {1, 2, 3}, \"oobar\", {1, 2}}",
        ),
        (
            "x = {1, 2}; x[^] = 5; y = \"abc\"; y[^..2] = \"\"; return {x, y};",
            "{{5, 2}, \"c\"}",
        ),
        ("l = {7, 8}; return [1 -> l[[1 -> $][1]]];", "[1 -> 8]"),
    ]);
}

#[test]
fn ranges_go_from_key_to_key() {
    let of = |rest: &str| format!("t = {SEVEN}; {rest}");
    check_all(&[
        (&of("return t[^ + 1..3];"), "[2 -> 2, 3 -> 3]"),
        (&of("return {t[^..$] == t, t[$..^], t[16..12]};"), "{1, [], []}"),
        (
            &of("return {`t[2..16] ! ANY', `t[-2..6] ! ANY', `t[1..{}] ! ANY'};"),
            "{E_RANGE, E_RANGE, E_TYPE}",
        ),
        (
            &of("t[2..6] = [3 -> \"x\"]; return t;"),
            "[1 -> 1, 3 -> \"x\", 7 -> 7]",
        ),
        (
            &of("t[2..5] = [1 -> \"a\", 2 -> \"b\", 6 -> \"c\"]; return t;"),
            "[1 -> \"a\", 2 -> \"b\", 6 -> 6, 7 -> 7]",
        ),
        (
            &of("t[7..1] = [\"a\" -> 0, 3 -> \"x\"]; return {length(t), t[3], t[\"a\"]};"),
            "{8, 3, 0}",
        ),
        (
            &of("return {`t[16..12] = [] ! ANY', `t[6..-2] = [] ! ANY', `t[[]..2] = [] ! ANY', length(t)};"),
            "{E_RANGE, E_RANGE, E_TYPE, 7}",
        ),
        (
            &of("return {`t[^..$] = {} ! ANY', `t[^..$] = \"x\" ! ANY', `({})[1..2] ! ANY'};"),
            "{E_TYPE, E_TYPE, E_RANGE}",
        ),
        ("x = {1}; return `x[1..1] = [1 -> 2] ! ANY';", "E_TYPE"),
        (
            "t = [\"abc\" -> 1, \"one\" -> 2]; t[\"one\"..\"ONE\"] = [\"one\" -> 3, \"xyz\" -> 4]; return t;",
            "[\"abc\" -> 1, \"one\" -> 3, \"xyz\" -> 4]",
        ),
    ]);
}

#[test]
fn an_assignment_is_seen_through_no_other_variable() {
    check_all(&[
        (
            "x = [1 -> [1 -> [1 -> 1, 2 -> 2], 2 -> 3]]; y = x; z = x[1]; x[1][1][2] = \"abc\"; return {x, y, z};",
            "{[1 -> [1 -> [1 -> 1, 2 -> \"abc\"], 2 -> 3]], [1 -> [1 -> [1 -> 1, 2 -> 2], 2 -> 3]], [1 -> [1 -> 1, 2 -> 2], 2 -> 3]}",
        ),
        (
            "x = [1 -> {1, 2}]; x[1][2] = [3 -> 4]; x[1][2][5] = 6; return x;",
            "[1 -> {1, [3 -> 4, 5 -> 6]}]",
        ),
        (
            "x = {[1 -> 2]}; x[1][1..1] = [1 -> 3, 2 -> 4]; return x;",
            "{[1 -> 3, 2 -> 4]}",
        ),
        (
            "x = [1 -> 1]; return {x[2] = x, x};",
            "{[1 -> 1], [1 -> 1, 2 -> [1 -> 1]]}",
        ),
        (
            "x = [1 -> 1]; `x[2][1] = 5 ! ANY'; `x[{}] = 5 ! ANY'; return x;",
            "[1 -> 1]",
        ),
        (
            "m = []; for i in [1..300] m[i] = i; endfor n = m; m[7] = 0; m[301] = 1; return {n[7], length(n), m[7], length(m), m[$], m[^]};",
            "{7, 300, 0, 301, 1, 1}",
        ),
        (
            "add_property(this, \"m\", [1 -> 2], {player, \"rw\"}); this.m[3] = 4; return this.m;",
            "[1 -> 2, 3 -> 4]",
        ),
    ]);
}

#[test]
fn what_is_edited_within_something_is_there_again_after_an_error() {
    check_all(&[
        (
            "x = {{1, 2}, {3}}; `x[1][9] = 5 ! ANY'; return x;",
            "{{1, 2}, {3}}",
        ),
        (
            "x = [1 -> [2 -> {3}]]; `x[1][2][9] = 5 ! ANY'; `x[1][{}] = 1 ! ANY'; return x;",
            "[1 -> [2 -> {3}]]",
        ),
        (
            "x = {{\"ab\"}}; `x[1][1][1] = 5 ! ANY'; x[1][1][2] = \"c\"; return x;",
            "{{\"ac\"}}",
        ),
        (
            "x = {{1}}; try x[1][2] = 5; except e (ANY) return {e[1], e[2], x}; endtry",
            "{E_RANGE, \"Range error\", {{1}}}",
        ),
        ("x = {{1}}; try x[1][2] = 5; finally return x; endtry", "{{1}}"),
        (
            "x = {{{1, 2}, 3}}; `x[1][1][1..2] = 7 ! ANY'; x[1][1][1..1] = {}; return x;",
            "{{{2}, 3}}",
        ),
        ("x = {{1}, 2}; x[1][1] = x; return x;", "{{{{1}, 2}}, 2}"),
        ("x = {{1}, 2}; x[1][1] = x[1]; return x;", "{{{1}}, 2}"),
        (
            "x = {{1}, 2}; y = x[1][1] = x; return {x, y};",
            "{{{{{1}, 2}}, 2}, {{1}, 2}}",
        ),
        ("x = {{1}}; y = x[1]; x[1][1] = 2; return {x, y};", "{{{2}}, {1}}"),
    ]);
    check_with(
        &[(
            "-quiet",
            "x = {{1}}; x[1][5] = 2; x[1][1] = 3; m = [1 -> {}]; m[1][1] = 1; return {x, m};",
        )],
        "return this:quiet();",
        "{{E_TYPE}, [1 -> E_RANGE]}",
    );
    let lines = traceback(&[("test", "x = {{1}};\n\nx[1][2] = 5;\nreturn x;")]);
    assert_eq!(lines, ["#7:test, line 2:  Range error", "(End of traceback)"]);
}

#[test]
fn loops_go_over_lists_strings_and_maps() {
    check_all(&[
        (
            "x = {}; for v in ([\"b\" -> 2, \"a\" -> 1]) x = {@x, v}; endfor return x;",
            "{1, 2}",
        ),
        (
            "x = {}; for v, k in ([\"b\" -> 2, 3 -> 1]) x = {@x, k, v}; endfor return x;",
            "{3, 1, \"b\", 2}",
        ),
        (
            "x = {}; for v, k in ({7, 8}) x = {@x, k, v}; endfor return x;",
            "{1, 7, 2, 8}",
        ),
        (
            "x = {}; for c, k in (\"h\u{e9}\") x = {@x, c, k}; endfor return x;",
            "{\"h\", 1, \"\u{e9}\", 2}",
        ),
        (
            "x = {}; for c in (\"ab\") x = {@x, c}; endfor return x;",
            "{\"a\", \"b\"}",
        ),
        (
            "x = {}; for i, i in ({\"1\", \"2\", \"3\"}) if (i > 2) break i; endif x = {@x, i}; endfor return x;",
            "{1, 2}",
        ),
        (
            "x = {}; for v, k in ({7, 8, 9}) if (k == 1) continue v; elseif (k == 3) break k; endif x = {@x, v}; endfor return x;",
            "{8}",
        ),
        (
            "x = {}; for v, k in (\"abc\") for w in ([1 -> 2]) continue k; endfor endfor return {v, k, w};",
            "{\"c\", 3, 2}",
        ),
        (
            "v = k = 1; for v, k in ([]) endfor for v in (\"\") endfor return {v, k};",
            "{1, 1}",
        ),
        ("for x in (5) endfor", "E_TYPE"),
        ("for x, y in (#5) endfor", "E_TYPE"),
    ]);
    check_with(
        &[("who", "return player;")],
        "for v, player in ([#4 -> 1]) return {player, this:who()}; endfor",
        "{#4, #4}",
    );
}

#[test]
fn a_loop_does_not_see_what_its_body_does_to_the_map() {
    check(
        "m = [1 -> 1, 2 -> 2]; x = {}; for v, k in (m) m[k + 10] = v; m = mapdelete(m, k); x = {@x, k}; endfor \
         return {x, m};",
        "{{1, 2}, [11 -> 1, 12 -> 2]}",
    );
}

#[test]
fn a_verb_without_d_goes_on_after_errors_with_maps() {
    check_with(
        &[(
            "-quiet",
            "x = [{} -> 1]; m = [1 -> 2]; m[{}] = 5; for v, k in (5) endfor return {x, m, m[3]};",
        )],
        "return this:quiet();",
        "{E_TYPE, E_TYPE, E_TYPE}",
    );
}

/// Runs the verb `test`, waking it at once whenever it waits, each time as another machine made of its bytes.
#[track_caller]
fn check_woken(source: &str, expected: &str) {
    let world = world_with(&[("test", source)]);
    let mut tx = Transaction::begin(&world, Box::default());
    let mut machine = machine(&mut tx);
    let (mut host, options) = (TestHost::default(), ServerOptions::default());
    let mut wake = None;
    loop {
        let mut task = TaskState::new(1, limits(), true);
        let mut env = Env {
            tx: &mut tx,
            host: &mut host,
            task: &mut task,
            options: &options,
        };
        match machine.run(&mut env, wake.take()) {
            Outcome::Suspended(_) => {
                machine = Machine::from_bytes(&machine.to_bytes()).expect("its own bytes can be read");
                wake = Some(Ok(Value::int(0)));
            }
            Outcome::Done(value) => return assert_eq!(literal::to_literal(&value), expected),
            other => panic!("it should not have ended with {other:?}"),
        }
    }
}

#[test]
fn no_map_grows_past_its_limit() {
    let source = "m = [1 -> 1, 2 -> 2, 3 -> 3]; m[3] = 4; x = {`m[4] = 4 ! ANY', `[1 -> 1, 2 -> 2, 3 -> 3, 4 -> 4] ! ANY', \
                  `m[1..1] = [-1 -> 1, 0 -> 0] ! ANY'}; m = mapdelete(m, 1); m[4] = 4; return {x, m};";
    let world = world_with(&[("test", source)]);
    let mut tx = Transaction::begin(&world, Box::default());
    let (mut host, mut task) = (TestHost::default(), TaskState::new(1, limits(), true));
    let options = ServerOptions {
        max_map_entries: 3,
        max_concat_catchable: true,
        ..ServerOptions::default()
    };
    let mut machine = machine(&mut tx);
    let mut env = Env {
        tx: &mut tx,
        host: &mut host,
        task: &mut task,
        options: &options,
    };
    let Outcome::Done(value) = machine.run(&mut env, None) else {
        panic!("every error is caught")
    };
    assert_eq!(
        literal::to_literal(&value),
        "{{E_QUOTA, E_QUOTA, E_QUOTA}, [2 -> 2, 3 -> 4, 4 -> 4]}"
    );
}

#[test]
fn a_task_that_waits_within_loops_over_maps_goes_on_there() {
    check_woken(
        "m = [\"a\" -> {1}, \"b\" -> [2 -> 3]]; x = []; for v, k in (m) for c, i in (k) suspend(0); x[{k, c}[2] + k] = v; \
         endfor m[k] = suspend(0); endfor return {x, m};",
        "{[\"aa\" -> {1}, \"bb\" -> [2 -> 3]], [\"a\" -> 0, \"b\" -> 0]}",
    );
    check_woken(
        "m = []; for i in [1..200] m[i] = i; endfor return {[suspend(0) -> 1, 5 -> suspend(0)], length(m), m[200]};",
        "{[0 -> 1, 5 -> 0], 200, 200}",
    );
}
