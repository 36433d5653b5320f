//! Properties, declared and used with different people's permissions.

use moo_model::world::{Dialect, Flags, PropPerms};

use super::*;
use crate::property_access::{get_property, set_property};
use crate::testing::{PLAYER, PROGRAMMER, THING, WIZARD};

fn get(bench: &mut Bench, obj: Obj, name: &str) -> String {
    show(get_property(
        &mut bench.context(),
        &Value::obj(obj),
        &Value::str(name),
    ))
}

fn set(bench: &mut Bench, obj: Obj, name: &str, value: Value) -> String {
    let done = set_property(&mut bench.context(), &Value::obj(obj), &Value::str(name), value);
    show(done.map(|()| Value::int(0)))
}

#[test]
fn properties_are_declared_once_in_a_family() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("add_property(#7, \"foobar\", 0, {#4, \"rw\"})", "0"),
        ("add_property(#7, \"FooBar\", 0, {#4, \"\"})", "! E_INVARG"),
        ("add_property(#7, \"name\", 0, {#4, \"\"})", "! E_INVARG"),
        ("add_property(#7, \"f\", 0, {#4, \"\"})", "! E_INVARG"),
        ("add_property(#7, \"parent\", 0, {#4, \"\"})", "0"),
        ("add_property(#7, \"\", 0, {#4, \"\"})", "0"),
        ("add_property(#7, \"x\", 0, {#-1, \"\"})", "! E_INVARG"),
        ("add_property(#7, \"x\", 0, {#4, \"abc\"})", "! E_INVARG"),
        ("add_property(#7, \"x\", 0, {#3, \"\"})", "! E_PERM"),
        ("add_property(#7, \"x\", 0, {#4, \"\", \"y\"})", "! E_INVARG"),
        ("add_property(#7, \"x\", 0, {4})", "! E_TYPE"),
        ("add_property(#99, \"x\", 0, {#4, \"\"})", "! E_INVARG"),
        ("add_property(#2, \"x\", 0, {#4, \"\"})", "! E_PERM"),
        ("properties(#7)", "{\"foobar\", \"parent\", \"\"}"),
        ("delete_property(#7, \"nope\")", "! E_PROPNF"),
        ("delete_property(#7, \"name\")", "! E_PROPNF"),
        ("delete_property(#7, \"parent\")", "0"),
        ("properties(#7)", "{\"foobar\", \"\"}"),
        ("properties(#2)", "! E_PERM"),
        ("create(#7)", "#8"),
        ("add_property(#8, \"foobar\", 0, {#4, \"\"})", "! E_INVARG"),
        ("add_property(#8, \"own\", 0, {#4, \"\"})", "0"),
        ("add_property(#7, \"own\", 0, {#4, \"\"})", "! E_INVARG"),
        ("delete_property(#8, \"foobar\")", "! E_PROPNF"),
    ]);
}

#[test]
fn information_is_for_those_who_may_read() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("add_property(#7, \"p\", 0, {#4, \"CR\"})", "0"),
        ("property_info(#7, \"p\")", "{#4, \"rc\"}"),
        ("property_info(#7, \"nope\")", "! E_PROPNF"),
        ("property_info(#7, \"name\")", "! E_PROPNF"),
        ("property_info(#99, \"p\")", "! E_INVARG"),
        ("set_property_info(#7, \"p\", {#3, \"\"})", "! E_PERM"),
        ("set_property_info(#7, \"p\", {#4, \"\", \"q\"})", "0"),
        ("set_property_info(#7, \"p\", {#4, \"\"})", "! E_PROPNF"),
        ("set_property_info(#7, \"q\", {#4, \"\", \"Q\"})", "0"),
        ("properties(#7)", "{\"Q\"}"),
        (
            "set_property_info(#7, \"q\", {#4, \"\", \"owner\"})",
            "! E_INVARG",
        ),
        ("set_property_info(#7, \"name\", {#4, \"\"})", "! E_PROPNF"),
    ]);
    bench.frame.progr = PLAYER;
    bench.check(&[
        ("property_info(#7, \"q\")", "! E_PERM"),
        ("set_property_info(#7, \"q\", {#5, \"\"})", "! E_PERM"),
    ]);
    bench.frame.progr = WIZARD;
    bench.check(&[
        ("set_property_info(#7, \"q\", {#5, \"w\"})", "0"),
        ("property_info(#7, \"q\")", "{#5, \"w\"}"),
    ]);
}

#[test]
fn clear_properties_take_the_parents_value() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("add_property(#7, \"p\", 123, {#4, \"rc\"})", "0"),
        ("create(#7)", "#8"),
        ("is_clear_property(#8, \"p\")", "1"),
        ("is_clear_property(#7, \"p\")", "0"),
        ("is_clear_property(#8, \"name\")", "0"),
        ("is_clear_property(#8, \"nope\")", "! E_PROPNF"),
    ]);
    assert_eq!(set(&mut bench, Obj(8), "p", Value::int(5)), "0");
    bench.check(&[
        ("is_clear_property(#8, \"p\")", "0"),
        ("clear_property(#8, \"p\")", "0"),
    ]);
    assert_eq!(get(&mut bench, Obj(8), "P"), "123");
    bench.check(&[
        ("clear_property(#7, \"p\")", "! E_INVARG"),
        ("clear_property(#8, \"name\")", "! E_PERM"),
        ("clear_property(#99, \"p\")", "! E_INVARG"),
    ]);
}

#[test]
fn clearing_asks_for_ownership_in_lambda_worlds_and_writing_elsewhere() {
    for (dialect, expected) in [(Dialect::Lambda, "! E_PERM"), (Dialect::Toast, "0")] {
        let mut bench = Bench::with_dialect(PROGRAMMER, dialect);
        bench.check(&[
            ("add_property(#7, \"p\", 1, {#4, \"rw\"})", "0"),
            ("create(#7)", "#8"),
        ]);
        bench.frame.progr = PLAYER;
        bench.check(&[("clear_property(#8, \"p\")", expected)]);
    }
}

#[test]
fn access_follows_permissions() {
    let mut bench = Bench::new(PROGRAMMER);
    let perms = [
        ("open", PropPerms(3)),
        ("shown", PropPerms::READ),
        ("hidden", PropPerms(0)),
    ];
    for (name, perms) in perms {
        bench
            .tx
            .define_property(THING, name, Value::int(1), PROGRAMMER, perms)
            .expect("the thing exists");
    }
    bench.frame.progr = PLAYER;
    assert_eq!(get(&mut bench, THING, "shown"), "1");
    assert_eq!(get(&mut bench, THING, "hidden"), "! E_PERM");
    assert_eq!(get(&mut bench, THING, "nope"), "! E_PROPNF");
    assert_eq!(get(&mut bench, Obj(99), "shown"), "! E_INVIND");
    assert_eq!(get(&mut bench, Obj(99), "name"), "! E_INVIND");
    assert_eq!(get(&mut bench, Obj(99), "never interned before"), "! E_INVIND");
    assert_eq!(set(&mut bench, THING, "open", Value::int(2)), "0");
    assert_eq!(set(&mut bench, THING, "shown", Value::int(2)), "! E_PERM");
    let untyped = get_property(&mut bench.context(), &Value::int(1), &Value::str("name"));
    assert_eq!(show(untyped), "! E_TYPE");
    bench.frame.progr = WIZARD;
    assert_eq!(get(&mut bench, THING, "hidden"), "1");
}

#[test]
fn built_in_properties_have_rules_of_their_own() {
    let mut bench = Bench::new(PROGRAMMER);
    assert_eq!(get(&mut bench, THING, "NAME"), "\"thing\"");
    assert_eq!(get(&mut bench, PROGRAMMER, "programmer"), "1");
    assert_eq!(get(&mut bench, THING, "location"), "#-1");
    assert_eq!(get(&mut bench, THING, "contents"), "{}");
    assert_eq!(set(&mut bench, THING, "name", Value::str("box")), "0");
    assert_eq!(set(&mut bench, THING, "name", Value::int(1)), "! E_TYPE");
    assert_eq!(set(&mut bench, THING, "r", Value::str("yes")), "0");
    assert_eq!(get(&mut bench, THING, "r"), "1");
    assert_eq!(set(&mut bench, PROGRAMMER, "name", Value::str("x")), "! E_PERM");
    assert_eq!(set(&mut bench, Obj(2), "f", Value::int(1)), "! E_PERM");
    assert_eq!(set(&mut bench, THING, "owner", Value::obj(PLAYER)), "! E_PERM");
    assert_eq!(set(&mut bench, THING, "wizard", Value::int(0)), "! E_PERM");
    assert_eq!(set(&mut bench, THING, "location", Value::obj(PLAYER)), "! E_PERM");
    assert_eq!(set(&mut bench, Obj(99), "name", Value::str("x")), "! E_INVIND");
    bench.frame.progr = WIZARD;
    assert_eq!(set(&mut bench, THING, "owner", Value::obj(PLAYER)), "0");
    assert_eq!(set(&mut bench, THING, "owner", Value::int(5)), "! E_TYPE");
    assert_eq!(set(&mut bench, PROGRAMMER, "name", Value::str("x")), "0");
    assert_eq!(
        set(&mut bench, THING, "contents", Value::empty_list()),
        "! E_PERM"
    );
    assert_eq!(set(&mut bench, THING, "wizard", Value::int(1)), "0");
    assert!(bench.tx.flags(THING).has(Flags::WIZARD));
    assert_eq!(bench.host.log.len(), 1, "new wizards are noted");
}

#[test]
fn protected_properties_are_for_wizards() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.options.protected_properties.insert("location");
    assert_eq!(get(&mut bench, THING, "location"), "! E_PERM");
    assert_eq!(get(&mut bench, THING, "name"), "\"thing\"");
    bench.frame.progr = WIZARD;
    assert_eq!(get(&mut bench, THING, "location"), "#-1");
}

#[test]
fn toast_worlds_are_told_what_was_not_found() {
    let mut bench = Bench::with_dialect(PLAYER, Dialect::Toast);
    let raised = get_property(&mut bench.context(), &Value::obj(THING), &Value::str("Foo"))
        .expect_err("there is no such property");
    assert_eq!(raised.message(), Value::str("Property not found: #7.Foo"));
    assert_eq!(literal::to_literal(&raised.value), "{#7, \"Foo\"}");
}
