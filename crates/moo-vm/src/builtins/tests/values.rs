//! Values, numbers, strings, lists, patterns and digests.

use moo_model::world::Dialect;

use super::*;
use crate::testing::{PLAYER, WIZARD};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    Bench::new(PLAYER).check(cases);
}

#[test]
fn counts_are_checked_before_types() {
    check(&[
        ("length()", "! E_ARGS"),
        ("length(1, 2)", "! E_ARGS"),
        ("length(1)", "! E_TYPE"),
        ("min(\"x\")", "! E_TYPE"),
        ("listappend(1, 1)", "! E_TYPE"),
        ("listappend({}, 1, \"x\")", "! E_TYPE"),
        ("atan(1.5, 1.5, 1)", "! E_ARGS"),
        ("sqrt(4)", "! E_TYPE"),
        ("random(1, 1, 1)", "! E_ARGS"),
    ]);
}

#[test]
fn values_become_text() {
    check(&[
        ("tostr()", "\"\""),
        (
            "tostr(1, 1.0, #5, E_PERM, \"x\", {1})",
            "\"11.0#5Permission deniedx{list}\"",
        ),
        ("tostr(100000.0, 1e15, -0.0)", "\"100000.01e+15-0.0\""),
        (
            "toliteral({1, \"a\\\"b\", E_PERM, {}})",
            "\"{1, \\\"a\\\\\\\"b\\\", E_PERM, {}}\"",
        ),
        ("typeof(1.0)", "9"),
        ("typeof(E_PERM)", "3"),
    ]);
}

#[test]
fn text_becomes_numbers() {
    check(&[
        ("toint(\"12abc\")", "0"),
        ("toint(\"1.9\")", "1"),
        ("toint(\"1e3\")", "1000"),
        ("toint(\" 12\")", "12"),
        ("toint(\"- 5\")", "0"),
        ("tonum(#7)", "7"),
        ("toint(1e30)", "! E_FLOAT"),
        ("toint(-1.9)", "-1"),
        ("toint({})", "! E_TYPE"),
        ("toint(E_PERM)", "3"),
        ("toobj(\"#-9223372036854775807\")", "#-4611686018427387903"),
        ("toobj(\"#5x\")", "#0"),
        ("toobj(\"#5\")", "#5"),
        ("toobj(\" 7\")", "#7"),
        ("toobj(\"\")", "#0"),
        ("tofloat(\"\")", "! E_INVARG"),
        ("tofloat(\" 3.5 \")", "3.5"),
        ("tofloat(\"inf\")", "! E_INVARG"),
        ("tofloat(\"1e999\")", "! E_INVARG"),
        ("tofloat(3)", "3.0"),
    ]);
}

#[test]
fn values_have_sizes() {
    check(&[
        ("value_bytes(1)", "16"),
        ("value_bytes(1.0)", "24"),
        ("value_bytes(\"abc\")", "20"),
        ("value_bytes({1})", "48"),
        ("value_bytes({})", "32"),
        ("value_bytes({{1}, \"abc\"})", "100"),
    ]);
    let mut tower = Value::list(vec![Value::int(1)]);
    for _ in 0..60 {
        tower = Value::list(vec![tower.clone(), tower]);
    }
    let size = Bench::new(PLAYER)
        .call("value_bytes", &[tower])
        .expect("it is measured once");
    assert!(size.as_int().is_some_and(|size| size > 1 << 60));
}

#[test]
fn numbers_are_computed() {
    check(&[
        ("min(3, 1, 2)", "1"),
        ("max(1.5)", "1.5"),
        ("max(1.5, 1)", "! E_TYPE"),
        ("max(2, 7, 7, -1)", "7"),
        ("abs(-4)", "4"),
        ("abs(-4.5)", "4.5"),
        ("sqrt(-1.0)", "! E_INVARG"),
        ("log(0.0)", "! E_FLOAT"),
        ("log(-1.0)", "! E_INVARG"),
        ("exp(1e5)", "! E_FLOAT"),
        ("ceil(1.2)", "2.0"),
        ("trunc(-1.2)", "-1.0"),
        ("atan(1.0, 0.0)", "1.5707963267949"),
        ("floatstr(1.5, 0)", "\"2\""),
        ("floatstr(1234.5678, 2)", "\"1234.57\""),
        ("floatstr(1234.5678, 2, 1)", "\"1.23e+03\""),
        ("floatstr(1.0, -1)", "! E_INVARG"),
        ("random(0)", "! E_INVARG"),
        ("random(1)", "1"),
        ("random(5, 4)", "! E_INVARG"),
    ]);
    let mut bench = Bench::new(PLAYER);
    let rolls: Vec<i64> = (0..200)
        .map(|_| {
            bench
                .run("random(6)")
                .ok()
                .and_then(|roll| roll.as_int())
                .expect("it is a number")
        })
        .collect();
    assert_eq!((rolls.iter().min(), rolls.iter().max()), (Some(&1), Some(&6)));
}

#[test]
fn time_is_the_hosts() {
    let mut bench = Bench::new(PLAYER);
    bench.host.now = 1.9;
    bench.check(&[
        ("time()", "1"),
        ("ctime(0)", "\"Thu Jan  1 00:00:00 1970 UTC\""),
        ("ctime()", "\"Thu Jan  1 00:00:01 1970 UTC\""),
        ("ctime(\"x\")", "! E_TYPE"),
    ]);
}

#[test]
fn strings_are_searched_by_character() {
    check(&[
        ("length(\"häß\")", "3"),
        ("index(\"foobar\", \"O\")", "2"),
        ("index(\"foobar\", \"O\", 1)", "0"),
        ("index(\"föobar\", \"b\")", "4"),
        ("index(\"FÖOBAR\", \"öo\")", "2"),
        ("index(\"FÖOBAR\", \"öo\", 1)", "0"),
        ("strsub(\"FÖO fÖo\", \"fö\", \"x\")", "\"xO xo\""),
        ("index(\"x\", \"\")", "1"),
        ("rindex(\"foo\", \"\")", "4"),
        ("rindex(\"foobar\", \"o\")", "3"),
        ("index(\"foobar\", \"o\", 0, 2)", "1"),
        ("rindex(\"foobar\", \"o\", 0, -4)", "2"),
        ("index(\"foobar\", \"o\", 0, -1)", "! E_INVARG"),
        ("rindex(\"foobar\", \"o\", 0, 1)", "! E_INVARG"),
        (
            "strsub(\"%n is a fink.\", \"%n\", \"Fred\")",
            "\"Fred is a fink.\"",
        ),
        ("strsub(\"foobar\", \"OB\", \"b\")", "\"fobar\""),
        ("strsub(\"foobar\", \"OB\", \"b\", 1)", "\"foobar\""),
        ("strsub(\"aaa\", \"aa\", \"b\")", "\"ba\""),
        ("strsub(\"a\", \"\", \"b\")", "! E_INVARG"),
        ("strcmp(\"a\", \"b\")", "-1"),
        ("strcmp(\"a\", \"a\")", "0"),
        ("strcmp(\"a\", \"A\")", "1"),
    ]);
    let long = "Xy".repeat(3000) + "needle" + &"Xy".repeat(10);
    let args = [Value::string(long), Value::str("NEEDLE")];
    let mut bench = Bench::new(PLAYER);
    assert_eq!(show(bench.call("index", &args)), "6001");
    assert_eq!(show(bench.call("rindex", &args)), "6001");
}

#[test]
fn growth_is_checked_first() {
    let mut bench = Bench::new(PLAYER);
    (bench.options.max_string_concat, bench.options.max_list_concat) = (20, 3);
    bench.check(&[
        ("strsub(\"aaaaa\", \"a\", \"bbbbb\")", "! E_QUOTA"),
        ("tostr(\"0123456789\", \"0123456789\", \"x\")", "! E_QUOTA"),
        ("toliteral({1, 2, 3, 4, 5, 6, 7, 8})", "! E_QUOTA"),
        ("listappend({1, 2, 3}, 4)", "! E_QUOTA"),
        ("setadd({1, 2, 3}, 3)", "{1, 2, 3}"),
        ("encode_binary(0, 1, 2, 3, 4, 5, 6)", "! E_QUOTA"),
        ("decode_binary(\"abcd\")", "! E_QUOTA"),
        ("substitute(\"%0%0%0\", {1, 9, {{0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}}, \"123456789\"})", "! E_QUOTA"),
    ]);
    assert!(bench.task.abort.is_some(), "what cannot be caught ends the task");
}

#[test]
fn lists_are_edited() {
    check(&[
        ("listappend({1, 2}, 3)", "{1, 2, 3}"),
        ("listappend({1, 2}, 3, 0)", "{3, 1, 2}"),
        ("listappend({1, 2}, 3, -9)", "{3, 1, 2}"),
        ("listappend({1, 2}, 3, 99)", "{1, 2, 3}"),
        ("listinsert({1, 2}, 3)", "{3, 1, 2}"),
        ("listinsert({1, 2}, 3, 2)", "{1, 3, 2}"),
        ("listinsert({1, 2}, 3, 99)", "{1, 2, 3}"),
        ("listdelete({1, 2}, 1)", "{2}"),
        ("listdelete({1, 2}, 3)", "! E_RANGE"),
        ("listset({1, 2}, 9, 2)", "{1, 9}"),
        ("listset({1, 2}, 9, 0)", "! E_RANGE"),
        ("setadd({\"a\"}, \"A\")", "{\"a\"}"),
        ("setremove({1, 2, 1}, 1)", "{2, 1}"),
        ("is_member(\"A\", {\"a\"})", "0"),
        ("is_member(\"A\", {\"a\", \"A\"})", "2"),
        ("is_member(\"A\", {\"a\"}, 0)", "1"),
        ("is_member(\"À\", {\"à\"}, 0)", "1"),
        ("equal(\"A\", \"a\")", "0"),
        ("equal({\"a\"}, {\"a\"})", "1"),
        ("equal(1, 1.0)", "0"),
    ]);
}

#[test]
fn patterns_match_and_substitute() {
    let none = ", {0, -1}".repeat(8);
    let none = &none;
    check(&[
        (
            "match(\"foobar\", \"%(o+%)b\")",
            &format!("{{2, 4, {{{{2, 3}}{none}}}, \"foobar\"}}"),
        ),
        ("match(\"foo\", \"x\")", "{}"),
        ("match(\"a^b\", \"a^b\")", "! E_INVARG"),
        ("match(\"Foo\", \"foo\", 1)", "{}"),
        (
            "match(\"FÖOB\", \"[à-ö]o\")",
            "{2, 3, {{0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}, {0, -1}}, \"FÖOB\"}",
        ),
        (
            "rmatch(\"aaa\", \"a*\")",
            &format!("{{4, 3, {{{{0, -1}}{none}}}, \"aaa\"}}"),
        ),
        (
            &format!("substitute(\"%1-%0-%%\", {{2, 4, {{{{2, 3}}{none}}}, \"foobar\"}})"),
            "\"oo-oob-%\"",
        ),
        (
            &format!("substitute(\"%1\", {{2, 4, {{{{2, 9}}{none}}}, \"foobar\"}})"),
            "! E_INVARG",
        ),
        (
            &format!("substitute(\"%x\", {{2, 4, {{{{2, 3}}{none}}}, \"foobar\"}})"),
            "! E_INVARG",
        ),
        ("substitute(\"%1\", {})", "! E_INVARG"),
    ]);
}

#[test]
fn binary_strings_hold_bytes() {
    check(&[
        ("encode_binary(\"a~b\", 10, {9, {255}})", "\"a~7Eb~0A~09~FF\""),
        ("encode_binary(256)", "! E_INVARG"),
        ("encode_binary(1.0)", "! E_INVARG"),
        ("decode_binary(\"foo~0abar~00\")", "{\"foo\", 10, \"bar\", 0}"),
        ("decode_binary(\"ab\", 1)", "{97, 98}"),
        ("decode_binary(\"~7e~09x\")", "{\"~\tx\"}"),
        ("decode_binary(\"~0\")", "! E_INVARG"),
        ("decode_binary(\"~zz\")", "! E_INVARG"),
    ]);
}

#[test]
fn digests_follow_the_dialect() {
    check(&[
        ("string_hash(\"foo\")", "\"ACBD18DB4CC2F85CEDEF654FCCC4A4D8\""),
        ("value_hash(\"foo\")", "\"0DBA520E335C06BA9240A978E9455878\""),
        ("binary_hash(\"~66oo\")", "\"ACBD18DB4CC2F85CEDEF654FCCC4A4D8\""),
        (
            "string_hash(\"foo\", \"sha1\")",
            "\"0BEEC7B5EA3F0FDBC95D0DD47F3C5BC275DA8A33\"",
        ),
        ("string_hash(\"foo\", \"rot13\")", "! E_INVARG"),
    ]);
    let mut toast = Bench::with_dialect(PLAYER, Dialect::Toast);
    let hash = show(toast.run("string_hash(\"foo\")"));
    assert!(hash.starts_with("\"2C26B46B") && hash.len() == 66, "{hash}");
}

#[test]
fn passwords_are_kept_as_hashes() {
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("crypt(\"foo\", \"ab\")", "\"abQ9KY.KfrYrc\""),
        ("crypt(\"foo\", \"abQ9KY.KfrYrc\")", "\"abQ9KY.KfrYrc\""),
        ("crypt(\"foo\", \"!!\")", "! E_INVARG"),
        ("argon2(\"pw\", \"short\")", "! E_INVARG"),
        ("argon2(\"pw\", \"saltsalt\", 1, 99999999)", "! E_INVARG"),
        ("argon2_verify(\"nonsense\", \"pw\")", "! E_INVARG"),
        ("salt(\"\", \"~00~00\")", "\"..\""),
        ("salt(\"$1$\", \"12\")", "! E_INVARG"),
        ("random_bytes(10001)", "! E_INVARG"),
    ]);
    let random = bench.run("crypt(\"foo\")").expect("a salt is made");
    assert_eq!(random.as_str().map(str::len), Some(13));
    let salt = bench.run("salt()").expect("salts are free");
    let hash = bench
        .call(
            "argon2",
            &[Value::str("secret"), salt, Value::int(1), Value::int(64)],
        )
        .expect("the arguments are in bounds");
    assert!(
        hash.as_str()
            .is_some_and(|hash| hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"))
    );
    let verify = |bench: &mut Bench, password: &str| {
        show(bench.call("argon2_verify", &[hash.clone(), Value::str(password)]))
    };
    assert_eq!(verify(&mut bench, "secret"), "1");
    assert_eq!(verify(&mut bench, "Secret"), "0");
    Bench::new(PLAYER).check(&[("argon2(\"a\", \"saltsalt\")", "! E_PERM")]);
}
