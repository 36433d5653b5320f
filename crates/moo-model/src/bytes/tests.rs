//! Values to bytes and back: every kind, every truncation, and depth.

use super::*;

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}

/// Written with version, then exactly these bytes, and read back as itself.
#[track_caller]
fn check(value: Value, expected: &[u8]) {
    let bytes = bytes_of(&value);
    assert_eq!(bytes.split_first(), Some((&VERSION, expected)));
    let back = decode(&bytes).expect("what was written can be read");
    assert_eq!(bytes_of(&back), bytes);
    assert_eq!(format!("{back:?}"), format!("{value:?}"));
    for end in 0..bytes.len() {
        assert!(
            decode(&bytes[..end]).is_err(),
            "the first {end} bytes of {bytes:?} were taken for a value"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(decode(&longer).err(), Some(DecodeError::Trailing));
}

#[track_caller]
fn refused(bytes: &[u8], error: DecodeError) {
    assert_eq!(decode(&[&[VERSION], bytes].concat()).err(), Some(error));
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::empty_list(), |inner, _| Value::list(vec![inner]))
}

#[test]
fn every_kind_has_its_bytes() {
    check(Value::int(0), &[0, 0]);
    check(Value::int(-1), &[0, 1]);
    check(Value::int(64), &[0, 0x80, 1]);
    check(
        Value::int(i64::MAX),
        &[0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
    );
    check(
        Value::int(i64::MIN),
        &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
    );
    check(Value::obj(Obj(-3)), &[1, 5]);
    check(Value::float(-0.5), &[9, 0, 0, 0, 0, 0, 0, 0xE0, 0xBF]);
    check(Value::err(ErrorCode::Perm), &[3, 3]);
    check(Value::str("é"), &[2, 2, 0xC3, 0xA9]);
    check(Value::UNSET, &[6]);
    check(
        Value::list(vec![Value::int(1), Value::empty_list(), Value::empty_str()]),
        &[4, 3, 0, 2, 4, 0, 2, 0],
    );
    let inner = Value::map(crate::Map::new());
    let entries = [
        (Value::str("b"), Value::list(vec![inner])),
        (Value::int(1), Value::int(2)),
    ];
    check(
        Value::map(entries.into_iter().collect()),
        &[10, 2, 0, 2, 0, 4, 2, 1, b'b', 4, 1, 10, 0],
    );
}

#[test]
fn long_strings_and_long_lists_come_back() {
    let long = "x".repeat(300);
    let list = Value::list(
        (0..500)
            .map(|i| Value::list(vec![Value::int(i), Value::str(&long)]))
            .collect(),
    );
    assert_eq!(
        bytes_of(&decode(&bytes_of(&list)).expect("a list of lists")),
        bytes_of(&list)
    );
}

#[test]
fn depth_is_allowed_up_to_its_limit() {
    let deepest = nested(DEPTH_MAX);
    assert!(is_within_depth(&deepest));
    assert!(decode(&bytes_of(&deepest)).is_ok());
    let deeper = nested(DEPTH_MAX + 1);
    assert!(!is_within_depth(&deeper));
    assert_eq!(decode(&bytes_of(&deeper)).err(), Some(DecodeError::Depth));
}

#[test]
fn a_million_levels_of_nesting_are_an_error_and_no_crash() {
    refused(&[4, 1].repeat(1_000_000), DecodeError::Depth);
    refused(&[10, 1, 0, 0].repeat(1_000_000), DecodeError::Depth);
}

#[test]
fn depth_is_nesting_and_not_the_number_of_lists() {
    let wide = Value::list(vec![nested(3); 2 * DEPTH_MAX]);
    let keyed = Value::map(
        (0..1000)
            .map(|i| (Value::int(i), nested(DEPTH_MAX - 1)))
            .collect(),
    );
    assert!(is_within_depth(&keyed) && decode(&bytes_of(&keyed)).is_ok());
    assert!(!is_within_depth(&Value::list(vec![keyed])));
    assert!(is_within_depth(&wide));
    assert!(decode(&bytes_of(&wide)).is_ok());
}

#[test]
fn a_claimed_length_is_not_believed() {
    refused(&[4, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], DecodeError::Truncated);
    refused(&[2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], DecodeError::Truncated);
    refused(&[10, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], DecodeError::Truncated);
}

#[test]
fn malformed_content_is_named() {
    refused(&[5], DecodeError::Tag(5));
    refused(&[4, 1, 6, 6], DecodeError::Tag(6));
    refused(&[10, 1, 0, 2, 6, 6], DecodeError::Tag(6));
    refused(&[10, 1, 4, 0, 0, 0], DecodeError::Keys);
    refused(&[10, 2, 0, 2, 0, 0, 0, 0, 0, 0], DecodeError::Keys);
    refused(&[10, 2, 2, 1, b'a', 0, 0, 2, 1, b'A', 0, 0], DecodeError::Keys);
    refused(&[3, 99], DecodeError::ErrorCode(99));
    refused(&[2, 1, 0xFF], DecodeError::Text);
    refused(&[0, 0x80, 0], DecodeError::Number);
    refused(
        &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
        DecodeError::Number,
    );
    refused(&[9, 0, 0, 0, 0, 0, 0, 0xF0, 0x7F], DecodeError::NotFinite);
    assert_eq!(decode(&[2, 0, 0]).err(), Some(DecodeError::Version(2)));
}
