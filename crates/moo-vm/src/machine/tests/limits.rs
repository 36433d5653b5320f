//! Values past their limits: every way to make one gives `E_QUOTA`, and leaves what it was made from as it was.

use moo_model::Value;
use moo_model::world::{PropPerms, Transaction};

use super::*;

/// A string of 1,024 and one of 2,000 bytes, a list of 1,024 and one of 1,500 elements: the longer ones are as long as
/// anything may be here.
const MAKE: &str = "s = \"x\"; while (length(s) < 1024) s = s + s; endwhile \
                    l = {0}; while (length(l) < 1024) l = {@l, @l}; endwhile \
                    full = s + s[1..976]; whole = {@l, @l[1..476]}; ";

fn small() -> ServerOptions {
    ServerOptions {
        max_string_concat: 2_000,
        max_list_concat: 1_500,
        max_concat_catchable: true,
        ..ServerOptions::default()
    }
}

/// How a program that is the thing's verb ends; the thing has a property `p`.
fn run_with(source: &str, options: &ServerOptions, ticks: i64) -> Outcome {
    let world = world_with(&[("test", source)]);
    let mut tx = Transaction::begin(&world, Box::default());
    tx.define_property(THING, "p", Value::int(0), WIZARD, PropPerms(3))
        .expect("it is new there");
    let mut machine = machine(&mut tx);
    let mut task = TaskState::new(1, SliceLimits { ticks, ..limits() }, true);
    machine.run(
        &mut Env {
            tx: &mut tx,
            host: &mut TestHost::default(),
            task: &mut task,
            options,
        },
        None,
    )
}

fn value_of(source: &str, options: &ServerOptions) -> String {
    match run_with(source, options, 10_000_000) {
        Outcome::Done(value) => literal::to_literal(&value),
        other => format!("{other:?}"),
    }
}

/// Whether an expression is refused, and changes none of the variables that it names.
#[track_caller]
fn check_refused(expression: &str) {
    let source = format!(
        "{MAKE} before = {{s, l, full, whole}}; result = `{expression} ! ANY'; \
         return {{typeof(result) == ERR ? result | length(result), before == {{s, l, full, whole}}}};"
    );
    assert_eq!(value_of(&source, &small()), "{E_QUOTA, 1}", "{expression}");
}

#[track_caller]
fn check_made(expression: &str, length: usize) {
    let source = format!("{MAKE} return length({expression});");
    assert_eq!(value_of(&source, &small()), length.to_string(), "{expression}");
}

#[test]
fn a_string_is_made_up_to_its_limit_and_refused_past_it() {
    check_made("full", 2_000);
    check_made("tostr(s, s[1..976])", 2_000);
    check_made("tostr(@l, 12, E_PERM)", 1_024 + 2 + 17);
    check_made("strsub(full, \"x\", \"y\")", 2_000);
    check_made("(full[1] = \"y\") && full", 2_000);
    for expression in [
        "s + s",
        "s = s + s",
        "full + \"x\"",
        "tostr(s, s)",
        "tostr(@l, 1.5, E_PERM, s)",
        "toliteral(l)",
        "toliteral(full)",
        "strsub(s, \"x\", \"yy\")",
        "strsub(full, \"xx\", \"xxx\")",
        "substitute(\"%0%0\", match(s, \"x*\"))",
        "substitute(full + \"\", match(s, \"x*\")) + \"x\"",
        "s[1..0] = s",
        "full[3..2] = \"x\"",
        "full[1] = \"é\"",
        "encode_binary(s, s)",
        "encode_binary(full, 0)",
        "value_hash(l)",
    ] {
        check_refused(expression);
    }
}

#[test]
fn numbers_alone_make_no_string_past_its_limit() {
    let source = format!(
        "{MAKE} for i in [1..length(l)] l[i] = 1234567; endfor \
         return {{`tostr(@l) ! ANY', length(tostr(@l[1..285]))}};"
    );
    assert_eq!(value_of(&source, &small()), "{E_QUOTA, 1995}");
}

#[test]
fn a_list_is_made_up_to_its_limit_and_refused_past_it() {
    check_made("whole", 1_500);
    check_made("setadd(whole, 0)", 1_500);
    check_made("listset(whole, 1, 1)", 1_500);
    for expression in [
        "{@l, @l}",
        "l = {@l, @l}",
        "{@whole, 1}",
        "whole = {@whole, 1}",
        "{1, @whole}",
        "listappend(whole, 1)",
        "listinsert(whole, 1)",
        "setadd(whole, 1)",
        "whole = setadd(whole, 1)",
        "l[1..0] = l",
        "whole[1500..1499] = {1}",
        "decode_binary(full, 1)",
    ] {
        check_refused(expression);
    }
}

#[test]
fn a_value_past_its_limit_ends_the_task_where_the_world_does_not_want_to_catch_it() {
    let options = ServerOptions {
        max_concat_catchable: false,
        ..small()
    };
    let outcome = run_with(&format!("{MAKE} `s + s ! ANY'; return 1;"), &options, 30_000);
    assert!(matches!(outcome, Outcome::Aborted { .. }), "{outcome:?}");
}

/// A string of a mebibyte, and a list of 60 of it, which is as one that size where it is stored.
const LARGE: &str = "s = \"x\"; while (length(s) < 1048576) s = s + s; endwhile \
                     l = {}; while (length(l) < 60) l = {@l, s}; endwhile ";

#[track_caller]
fn check_large(source: &str, expected: &str) {
    let options = ServerOptions::default();
    assert_eq!(
        value_of(&format!("{LARGE}{source}"), &options),
        expected,
        "{source}"
    );
}

#[test]
fn what_is_too_large_to_be_kept_is_refused_where_it_would_be_kept() {
    check_large("this.p = l; return length(this.p);", "60");
    for store in [
        "this.p = {l, l}",
        "this.(\"p\") = {l, l}",
        "add_property(this, \"q\", {l, l}, {this.owner, \"\"})",
    ] {
        check_large(&format!("return {{`{store} ! ANY', this.p}};"), "{E_QUOTA, 0}");
    }
    let nested = "d = {}; for i in [1..2000] d = {d}; endfor ";
    check_large(&format!("{nested} return `this.p = d ! ANY';"), "E_QUOTA");
}

#[test]
fn one_slice_keeps_no_more_than_it_may_whatever_it_is_kept_as() {
    for (keep, kept) in [
        ("this.p = l", 4),
        ("this.name = s", 255),
        (
            "add_verb(this, {this.owner, \"x\", s}, {\"this\", \"none\", \"this\"})",
            255,
        ),
        ("set_verb_info(this, 1, {this.owner, \"xd\", s})", 255),
    ] {
        let source = format!("for n in [0..300] try {keep}; except (E_QUOTA) return n; endtry endfor");
        check_large(&source, &kept.to_string());
    }
}

#[test]
fn a_search_that_compares_long_values_uses_its_ticks() {
    let options = ServerOptions::default();
    for look in [
        "t in l",
        "is_member(t, l)",
        "setadd(l, t)",
        "setremove(l, t)",
        "{t} in m",
        "is_member({t}, m)",
    ] {
        let source = format!(
            "{LARGE} t = s; t[$] = \"y\"; m = {{}}; for i in (l) m = {{@m, {{s}}}}; endfor return {look};"
        );
        let outcome = run_with(&source, &options, 150_000);
        assert!(
            matches!(
                outcome,
                Outcome::Aborted {
                    limit: Limit::Ticks,
                    ..
                }
            ),
            "{look}: {outcome:?}"
        );
    }
}
