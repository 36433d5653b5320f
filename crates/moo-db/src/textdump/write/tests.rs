//! What is written is what was read.

use moo_model::world::{Code, Settings, VerbRecord};
use moo_model::{ErrorCode, Map, Value};
use triomphe::Arc;

use super::*;
use crate::store::tests::check_same;
use crate::textdump::tests::{SMALL, lambda_core, small_world};
use crate::textdump::{Imported, read};

fn import(bytes: &[u8]) -> Imported {
    read(bytes, &|_| true, &mut |_| {}).expect("it is a good file")
}

fn export(imported: &Imported) -> (Vec<u8>, Warnings) {
    let dump = Dump {
        root: &imported.root,
        forked: &imported.forked,
        connections: &imported.connections,
    };
    let mut out = Vec::new();
    let warnings = write(&dump, &mut out).expect("memory takes every write");
    (out, warnings)
}

#[test]
fn a_small_file_comes_back_byte_by_byte() {
    // The one thing that the file lacks is the inherited property of the wizard.
    let whole = SMALL.replacen("-1\n0\n0\n0\n#0:0", "-1\n0\n0\n1\n5\n1\n1\n#0:0", 1);
    let (out, warnings) = export(&import(whole.as_bytes()));
    assert_eq!(String::from_utf8(out).expect("it is text"), whole);
    assert_eq!(warnings, Warnings::default());
}

fn edit_system(imported: &mut Imported, edit: impl FnOnce(&mut ObjectRecord)) {
    let system = imported.root.get(Obj(0)).expect("it is in memory");
    let mut system = ObjectRecord::clone(&system.expect("it is in the file"));
    edit(&mut system);
    imported.root.objects.set(0, Some(crate::draft::entry(system)));
}

/// The small world with a value in its one property.
fn with_value(value: Value, latin1: bool) -> Imported {
    let mut imported = import(SMALL.as_bytes());
    edit_system(&mut imported, |system| system.slots[0].value = value);
    imported.root.settings = Settings {
        latin1,
        ..imported.root.settings
    };
    imported
}

#[test]
fn every_kind_of_value_comes_back() {
    let value = Value::list(vec![
        Value::int(-5),
        Value::float(1.0 / 3.0),
        Value::float(-0.0),
        Value::float(1e300),
        Value::str("a \u{e4} \u{4e2d}"),
        Value::str(""),
        Value::err(ErrorCode::Quota),
        Value::obj(Obj(-3)),
        Value::list(vec![Value::empty_list(), Value::list(vec![Value::int(1)])]),
    ]);
    let (out, warnings) = export(&with_value(value.clone(), false));
    assert_eq!(warnings, Warnings::default());
    let back = import(&out);
    assert_eq!(
        back.root
            .get(Obj(0))
            .expect("it is in memory")
            .expect("it is there")
            .slots[0]
            .value,
        value
    );
}

#[test]
fn maps_come_back_and_are_reported() {
    let inner = Value::list(vec![Value::map(Map::new()), Value::int(2)]);
    let entries = [(Value::str("k"), inner), (Value::float(0.5), Value::obj(Obj(3)))];
    let value = Value::map(entries.into_iter().collect());
    let (out, warnings) = export(&with_value(value.clone(), false));
    let text = String::from_utf8_lossy(&out);
    assert!(
        text.contains("\n10\n2\n9\n0.5\n1\n3\n2\nk\n4\n2\n10\n0\n0\n2\n"),
        "{text}"
    );
    let warning = "#0: there is a map, which LambdaMOO cannot read; this server can";
    assert_eq!(warnings.lines, [warning, warning]);
    let back = import(&out);
    assert_eq!(
        back.root
            .get(Obj(0))
            .expect("it is in memory")
            .expect("it is there")
            .slots[0]
            .value,
        value
    );
    let unordered = text.replacen("\n9\n0.5\n1\n3\n2\nk\n", "\n2\nz\n1\n3\n2\nk\n", 1);
    let back = import(unordered.as_bytes());
    let value = &back
        .root
        .get(Obj(0))
        .expect("it is in memory")
        .expect("it is there")
        .slots[0]
        .value;
    assert_eq!(format!("{value:?}"), "[\"k\" -> {[], 2}, \"z\" -> #3]");
    for (wrong, expected) in [
        (
            "\n10\nc 0\n",
            "expected the number of entries of a map, found `c 0`",
        ),
        (
            "\n10\n1\n4\n0\n0\n1\n",
            "expected the end of a map whose keys are neither lists nor maps, found `1`",
        ),
    ] {
        let text = text.replacen("\n10\n", wrong, 1);
        let error = read(text.as_bytes(), &|_| true, &mut |_| {})
            .err()
            .expect("it is wrong");
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn latin1_worlds_go_out_as_latin1_and_losses_are_reported() {
    let (out, warnings) = export(&with_value(Value::str("\u{e4}\u{4e2d}\n"), true));
    assert!(out.windows(6).any(|bytes| bytes == b"\xe4?~0A\n"));
    assert_eq!(
        warnings.lines,
        ["#0: 2 characters of a string had to be replaced"]
    );
    let (_, warnings) = export(&with_value(Value::int(1 << 40), false));
    assert_eq!(
        warnings.lines,
        ["#0: 1099511627776 is outside the 32 bits that LambdaMOO's integers may have"]
    );
}

#[test]
fn programs_are_fully_parenthesised_and_broken_ones_are_kept() {
    let mut imported = import(SMALL.as_bytes());
    for (source, expected) in [
        (
            "if (a)\nb = a + b * c;\nendif",
            "#0:0\nif (a)\nb = a + (b * c);\nendif\n.\n",
        ),
        ("this is\nno program", "#0:0\nthis is\nno program\n.\n"),
        ("nor is\n\n", "#0:0\nnor is\n\n\n.\n"),
    ] {
        edit_system(&mut imported, |system| {
            let verb = &mut Arc::make_mut(&mut system.verbs)[0];
            *verb = Arc::new(VerbRecord {
                code: Code::new(source),
                ..VerbRecord::clone(verb)
            });
        });
        let (out, _) = export(&imported);
        let out = String::from_utf8(out).expect("it is text");
        assert!(out.contains(expected), "{out}");
    }
}

#[test]
fn a_failed_dump_leaves_the_old_file_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("world.db");
    let root = small_world();
    let dump = Dump {
        root: &root,
        forked: &[],
        connections: &[],
    };
    write_file(&dump, &path).expect("there is room");
    let before = fs::read(&path).expect("it was written");
    assert_eq!(import(&before).report.objects, 2);
    fs::create_dir(beside(&path)).expect("a folder can be made");
    assert!(write_file(&dump, &path).is_err());
    assert_eq!(fs::read(&path).expect("it is still there"), before);
    let names: Vec<_> = fs::read_dir(folder.path()).expect("it is there").collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn lambda_core_comes_back_byte_by_byte() {
    let Some(bytes) = lambda_core() else { return };
    let imported = import(&bytes);
    let (out, warnings) = export(&imported);
    assert_eq!(warnings, Warnings::default());
    check_same(&import(&out).root, &imported.root);
    // The one verb whose program is empty is written like one that was never programmed.
    let theirs = without(&bytes, b"\n#10:17\n.");
    let ours = without(&out, b"\n1747");
    let theirs = without(&theirs, b"\n1748");
    let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert!(ours == theirs, "the first byte that differs is {at:?}");
}

/// The bytes without the first place where these stand.
#[track_caller]
fn without(bytes: &[u8], part: &[u8]) -> Vec<u8> {
    let at = bytes.windows(part.len()).position(|window| window == part);
    let at = at.expect("it stands somewhere");
    [&bytes[..at], &bytes[at + part.len()..]].concat()
}
