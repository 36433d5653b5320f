//! What verbs are charged with.

use super::{check_with, run_in, world_with};
use crate::outcome::Outcome;
use crate::profile;
use crate::testing::{Bench, THING, WIZARD};
use moo_model::Value;

/// What the verb of these names used so far; no other test has verbs of such names.
fn used(names: &str) -> profile::Used {
    let rows = profile::rows();
    let row = rows.iter().find(|row| row.names == Value::str(names));
    row.map(|row| row.used).unwrap_or_default()
}

#[test]
fn calls_are_counted_and_ticks_are_charged_to_the_verb_that_uses_them() {
    let verbs = [
        ("busy_one", "for i in [1..1000] endfor return this:idle_one();"),
        ("idle_one", "return 1;"),
    ];
    let program = "for i in [1..10] this:busy_one(); endfor return 1;";
    check_with(&verbs, program, "1");
    assert_eq!(used("busy_one").calls, 10);
    assert_eq!(used("idle_one").calls, 10);
    let ticks = used("busy_one").ticks;
    assert!((9_000..=12_000).contains(&ticks), "{ticks}");
    assert!(used("idle_one").ticks <= 1_000);
}

#[test]
fn a_call_that_is_refused_is_not_counted() {
    let verbs = [("deep_one", "return this:deep_one();")];
    let world = world_with(&[&[("test", "this:deep_one();")], verbs.as_slice()].concat());
    assert!(matches!(run_in(&world), Outcome::Uncaught { .. }));
    assert_eq!(used("deep_one").calls, 49, "and `test` is the fiftieth frame");
}

#[test]
fn a_comparison_of_large_values_is_charged() {
    let program = "l = m = {}; for i in [1..1000] l = {@l, i}; m = {@m, i}; endfor \
        l = {l, l, l}; m = {m, m, listset(m, 1, 1)}; before = ticks_left(); same = l == m; \
        return {same, before - ticks_left() > 7};";
    check_with(&[], program, "{1, 1}");
}

#[test]
fn the_profile_of_a_verb_is_for_its_owner_and_wizards() {
    check_with(&[("seen_one", "return 1;")], "this:seen_one(); return 1;", "1");
    let count = |bench: &mut Bench, args: &[Value]| {
        let rows = bench.call("verb_profile", args)?;
        Ok::<_, moo_model::Raised>(rows.as_list().map_or(0, <[Value]>::len))
    };
    let mut wizard = Bench::new(WIZARD);
    assert!(count(&mut wizard, &[]).expect("wizards see all") > 0);
    let mut programmer = Bench::new(crate::testing::PROGRAMMER);
    assert!(count(&mut programmer, &[]).is_err());
    assert_eq!(
        count(&mut programmer, &[Value::obj(THING)]),
        Ok(0),
        "it has no verb there"
    );
    assert!(count(&mut programmer, &[Value::obj(THING), Value::str("seen_one")]).is_err());
}
