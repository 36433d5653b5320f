//! Values as JSON and back.

use super::*;

#[track_caller]
fn check(value: &Value, json: &str) {
    let written = to_json(value).to_string();
    assert_eq!(written, json);
    let read = from_json(&serde_json::from_str(&written).expect("what was written is JSON"));
    let read = read.expect("what was written is read");
    assert_eq!(literal::to_literal(&read), literal::to_literal(value));
}

fn refused(json: &str) -> JsonError {
    let json = serde_json::from_str(json).expect("it is JSON");
    from_json(&json).expect_err("it stands for no value")
}

fn map(pairs: &[(Value, Value)]) -> Value {
    let mut map = Map::new();
    for (key, value) in pairs {
        map.insert(key.clone(), value.clone());
    }
    Value::map(map)
}

#[test]
fn every_kind_has_a_form_and_comes_back() {
    check(&Value::int(-17), "-17");
    check(&Value::int(i64::MAX), r#"{"$int":"9223372036854775807"}"#);
    check(&Value::float(2.0), "2.0");
    check(&Value::str("a \"b\"\n"), r#""a \"b\"\n""#);
    check(&Value::obj(Obj(97)), r##"{"$object":"#97"}"##);
    check(&Value::obj(Obj(-1)), r##"{"$object":"#-1"}"##);
    check(&Value::err(ErrorCode::Perm), r#"{"$error":"E_PERM"}"#);
    check(&Value::list(vec![Value::int(1), Value::empty_list()]), "[1,[]]");
}

#[test]
fn maps_of_plain_words_are_objects_and_others_are_pairs() {
    check(
        &map(&[
            (Value::str("type"), Value::str("x")),
            (Value::str("n"), Value::int(1)),
        ]),
        r#"{"n":1,"type":"x"}"#,
    );
    check(&map(&[(Value::int(1), Value::int(2))]), r#"{"$map":[[1,2]]}"#);
    check(
        &map(&[(Value::str("$int"), Value::str("7"))]),
        r#"{"$map":[["$int","7"]]}"#,
    );
    check(&map(&[]), "{}");
}

#[test]
fn truth_and_nothing_are_read_as_the_world_has_them() {
    let json = serde_json::json!([true, false, null]);
    let read = from_json(&json).expect("it is read");
    assert_eq!(literal::to_literal(&read), "{1, 0, E_NONE}");
}

#[test]
fn what_stands_for_nothing_is_refused_by_name() {
    assert_eq!(
        refused("18446744073709551615"),
        JsonError::Number("18446744073709551615".into())
    );
    assert_eq!(refused(r#"{"$object":"97"}"#), JsonError::Form("$object".into()));
    assert_eq!(
        refused(r#"{"$literal":"{}"}"#),
        JsonError::Form("$literal".into())
    );
    assert_eq!(refused(r#"{"$int":"1","x":2}"#), JsonError::Form("$int".into()));
    assert_eq!(refused(r#"{"$map":[[1]]}"#), JsonError::Form("$map".into()));
    assert_eq!(refused(r#"{"$map":[[[],1]]}"#), JsonError::Key);
    assert_eq!(
        refused(r#"{"Name":1,"name":2}"#),
        JsonError::SameKey("name".into())
    );
}

#[test]
fn nesting_ends_at_its_bound_in_both_directions() {
    let nest = |depth: usize| (0..depth).fold(Value::int(1), |inner, _| Value::list(vec![inner]));
    let fits = to_json(&nest(JSON_DEPTH_MAX));
    assert!(from_json(&fits).is_ok());
    let shown = to_json(&nest(JSON_DEPTH_MAX + 1)).to_string();
    assert!(shown.contains(r#"{"$literal":"{1}"}"#), "{shown}");
    let deep = "[".repeat(JSON_DEPTH_MAX + 1) + &"]".repeat(JSON_DEPTH_MAX + 1);
    assert_eq!(refused(&deep), JsonError::TooDeep);
}
