//! Functions that take maps.

use super::*;
use crate::testing::PLAYER;

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    Bench::new(PLAYER).check(cases);
}

#[test]
fn keys_and_values_come_in_the_order_of_the_keys() {
    check(&[
        ("mapkeys([\"b\" -> 1, 2 -> 3])", "{2, \"b\"}"),
        ("mapvalues([\"b\" -> 1, 2 -> 3])", "{3, 1}"),
        ("mapvalues([\"b\" -> 1, 2 -> 3], \"B\", 2, 2)", "{1, 3, 3}"),
        ("mapvalues([1 -> 2], 3)", "! E_RANGE"),
        ("mapvalues([], {})", "! E_RANGE"),
        ("mapkeys({})", "! E_TYPE"),
        ("mapvalues(1)", "! E_TYPE"),
        ("mapvalues()", "! E_ARGS"),
    ]);
}

#[test]
fn keys_are_deleted_one_by_one_or_by_a_list() {
    check(&[
        ("mapdelete([1 -> 2, \"A\" -> 3], \"a\")", "[1 -> 2]"),
        ("mapdelete([1 -> 2, 3 -> 4, 5 -> 6], {1, 5})", "[3 -> 4]"),
        ("mapdelete([1 -> 2], {})", "[1 -> 2]"),
        ("mapdelete([], 1.5)", "! E_RANGE"),
        ("mapdelete([1 -> 2], {1, 1})", "! E_RANGE"),
        ("mapdelete([1 -> 2], [])", "! E_TYPE"),
    ]);
    let missing = Bench::new(PLAYER)
        .run("mapdelete([1 -> 2, 3 -> 4], {1, 99, 3})")
        .expect_err("99 is not there");
    assert_eq!(missing.message(), Value::str("Key 99 not found in map"));
    assert_eq!(missing.value, Value::int(99));
}

#[test]
fn a_key_is_found_without_regard_to_case_unless_that_is_asked() {
    check(&[
        ("maphaskey([\"Key\" -> 1], \"key\")", "1"),
        ("maphaskey([\"Key\" -> 1], \"key\", 1)", "0"),
        ("maphaskey([\"Key\" -> 1], \"Key\", 1)", "1"),
        ("maphaskey([], 1, 1)", "0"),
        ("maphaskey([], {}, 1)", "! E_TYPE"),
        ("maphaskey([], [1 -> 2])", "! E_TYPE"),
        ("maphaskey(1, 1)", "! E_TYPE"),
        ("maphaskey([1 -> 2], 1, \"x\")", "! E_TYPE"),
        (
            "function_info(\"maphaskey\")",
            "{\"maphaskey\", 2, 3, {10, -1, 0}}",
        ),
        ("function_info(\"mapvalues\")", "{\"mapvalues\", 1, -1, {10}}"),
    ]);
}

#[test]
fn anonymous_objects_are_keys_that_only_some_functions_look_for() {
    let anon = Value::obj(Obj::anonymous(7));
    let map = Value::map([(anon.clone(), Value::int(1))].into_iter().collect());
    let mut bench = Bench::new(PLAYER);
    let mut call = |name, args: &[Value]| show(bench.call(name, args));
    assert_eq!(call("mapvalues", &[map.clone(), anon.clone()]), "{1}");
    assert_eq!(call("maphaskey", &[map.clone(), anon.clone()]), "! E_TYPE");
    assert_eq!(call("mapdelete", &[map, anon]), "! E_TYPE");
}

#[test]
fn functions_of_any_value_take_maps() {
    check(&[
        ("length([1 -> 2, 3 -> 4])", "2"),
        ("typeof([])", "10"),
        ("toint([])", "! E_TYPE"),
        ("is_member(\"b\", [1 -> \"B\", 2 -> \"b\"])", "2"),
        ("is_member(\"b\", [1 -> \"B\", 2 -> \"b\"], 0)", "1"),
        ("is_member(1, \"1\")", "! E_TYPE"),
        ("equal([\"a\" -> \"b\"], [\"a\" -> \"b\"])", "1"),
        ("equal([\"a\" -> 1], [\"A\" -> 1])", "0"),
        ("equal([1 -> \"x\"], [1 -> \"X\"])", "0"),
        ("value_bytes([])", "32"),
        ("value_bytes([1 -> 2])", "96"),
        ("value_bytes({[1 -> {2}], [1 -> {2}]})", "288"),
        ("listappend({}, [1 -> 2])", "{[1 -> 2]}"),
        ("min([])", "! E_TYPE"),
    ]);
}
