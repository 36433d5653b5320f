//! Worlds as text: what is read, what is refused and where the mistake is said to be.

use std::path::Path;

use moo_model::world::{Dialect, Flags, ObjSpec, PrepSpec, PropPerms};
use moo_model::{ErrorCode, Map, Obj, Symbol, Value};

use super::*;

const CONSTANTS: &str = "// dialect: lambda
define ROOT = #1;
define LAMP = #4
define HACKER = #2;
";

const OBJECTS: &str = r#"
object #0
  name: "System"
  owner: #2
endobject
object ROOT
  name: "Root"
  owner: #2
  property description (owner: HACKER, flags: "rc") = "Nothing \"special\".\n";
  property key (owner: #2, flags: "");
endobject
/* A comment with endobject
endobject in it. */
object HACKER
  parent: ROOT
  owner: HACKER
  player: true
  wizard: true
endobject
object LAMP [ import_export_id -> "lamp", tags -> {1, {2}} ]
  name: "brass lamp"
  parent: ROOT
  location: HACKER
  owner: #0
  fertile: true
  property "lit-message" (owner: HACKER, flags: "rc") = {"endobject", -1, 1.5, #-2, E_PERM, LAMP, true, {}, ["b" -> [], 1 -> {LAMP}]};
  override description = "Old.";
  override key (owner: HACKER, flags: "c");
  verb "li*ght ignite" (this in-front-of any) owner: HACKER flags: "rd"
    if (this.key)
      return "endverb"; /* endverb */
    endif
  endverb
  method is_lit owner: HACKER
    return 1;
  endmethod
endobject
"#;

fn files(pairs: &[(&str, &str)]) -> Files {
    let owned = pairs
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()));
    owned.collect()
}

fn is_builtin(name: &str) -> bool {
    name == "length"
}

#[track_caller]
fn check_problem(objects: &str, expected: &str) {
    let files = files(&[("constants.moo", CONSTANTS), ("core/o.moo", objects)]);
    let problems = read(&files, &is_builtin).err().expect("there is a mistake");
    let all = problems.to_string();
    assert!(all.lines().any(|line| line == expected), "{all}");
}

fn world() -> Root {
    let files = files(&[("constants.moo", CONSTANTS), ("core/o.moo", OBJECTS)]);
    read(&files, &is_builtin).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn objects_are_read_with_their_attributes() {
    let root = world();
    assert_eq!(root.settings.dialect, Dialect::Lambda);
    assert_eq!(root.max_object(), Obj(4));
    assert!(root.entry(Obj(3)).is_none());
    assert_eq!(*root.players, vec![Obj(2)]);
    let lamp = root.get(Obj(4)).expect("it is in memory").expect("it is defined");
    assert_eq!((lamp.location, lamp.parent), (Obj(2), Obj(1)));
    assert!(lamp.flags.has(Flags::FERTILE) && !lamp.flags.has(Flags::READ));
    assert_eq!(
        *root
            .get(Obj(1))
            .expect("it is in memory")
            .expect("it is defined")
            .children,
        vec![Obj(2), Obj(4)]
    );
    assert_eq!(
        *root
            .get(Obj(2))
            .expect("it is in memory")
            .expect("it is defined")
            .contents,
        vec![Obj(4)]
    );
}

#[test]
fn properties_are_inherited_and_overridden() {
    let root = world();
    let slot = |obj: i64, name: &str| {
        let definer = root.iter().find_map(|item| {
            let (_, record) = item.expect("it is in memory");
            let symbol = Symbol::new(name);
            record
                .propdefs
                .iter()
                .find(|def| def.symbol == symbol)
                .map(|def| def.id)
        });
        let record = root
            .get(Obj(obj))
            .expect("it is in memory")
            .expect("it is defined");
        let at = definer
            .and_then(|id| record.slot_index(id))
            .expect("it has the property");
        record.slots[at].clone()
    };
    assert_eq!(slot(1, "description").value, Value::str("Nothing \"special\".\n"));
    assert_eq!(slot(1, "key").value, Value::int(0));
    assert_eq!(slot(4, "description").value, Value::str("Old."));
    assert_eq!(slot(4, "description").owner, Obj(0));
    assert!(slot(2, "description").value.is_unset());
    assert!(slot(4, "key").value.is_unset());
    assert_eq!(
        (slot(4, "key").owner, slot(4, "key").perms),
        (Obj(2), PropPerms::CHOWN)
    );
    let expected = Value::list(vec![
        Value::str("endobject"),
        Value::int(-1),
        Value::float(1.5),
        Value::obj(Obj(-2)),
        Value::err(ErrorCode::Perm),
        Value::obj(Obj(4)),
        Value::int(1),
        Value::empty_list(),
        Value::map(
            [
                (Value::int(1), Value::list(vec![Value::obj(Obj(4))])),
                (Value::str("b"), Value::map(Map::new())),
            ]
            .into_iter()
            .collect(),
        ),
    ]);
    assert_eq!(slot(4, "lit-message").value, expected);
}

#[test]
fn verbs_keep_their_order_and_their_text() {
    let root = world();
    let verbs = root
        .get(Obj(4))
        .expect("it is in memory")
        .expect("it is defined")
        .verbs
        .clone();
    assert_eq!(verbs[0].names, Value::str("li*ght ignite"));
    assert_eq!(verbs[0].args.prep, PrepSpec::Is(2));
    assert_eq!(verbs[0].args.iobj, ObjSpec::Any);
    assert_eq!(verbs[0].perms.0, 9);
    assert!(
        verbs[0]
            .code
            .source
            .starts_with("if (this.key)\nreturn \"endverb\";")
    );
    assert_eq!((verbs[1].args.dobj, verbs[1].perms.0), (ObjSpec::This, 13));
    assert_eq!(&*verbs[1].code.source, "return 1;");
}

#[test]
fn text_files_can_be_included() {
    let object =
        "object #0\n owner: #0\n property t (owner: #0, flags: \"\") = include!(\"../a.txt\");\nendobject";
    let root = read(&files(&[("core/o.moo", object), ("a.txt", "a\nb")]), &is_builtin);
    let root = root.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        root.get(Obj(0))
            .expect("it is in memory")
            .expect("it is defined")
            .slots[0]
            .value,
        Value::str("a\nb")
    );
    let escape = object.replace("../a", "../../a");
    check_problem(
        &escape,
        "core/o.moo:3: ../../a.txt leads out of the world's folder",
    );
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    check_problem(
        "object #0\n  nme: \"x\"\nendobject",
        "core/o.moo:2: there is no attribute nme",
    );
    check_problem(
        "object #0\n  owner: NOBODY\nendobject",
        "core/o.moo:2: NOBODY is defined nowhere",
    );
    check_problem(
        "object #0\nendobject\nobject #0\nendobject",
        "core/o.moo:3: #0 is already defined in core/o.moo:1",
    );
    check_problem(
        "object #0\n parent: #7\nendobject",
        "core/o.moo:1: the parent of #0 is #7, which is defined nowhere",
    );
    check_problem(
        "object #0\n parent: #0\nendobject",
        "core/o.moo:1: #0 is, by its parent, in or below a cycle",
    );
    check_problem(
        "object #0\n override x = 1;\nendobject",
        "core/o.moo:2: #0 inherits no property x",
    );
    check_problem(
        "object #0\n property x (owner: #0, flags: \"\") = [{} -> 2];\nendobject",
        "core/o.moo:2: neither a list nor a map can be a key of a map",
    );
    check_problem(
        "object #0\n verb x (this near this) owner: #0 flags: \"\"\nendverb\nendobject",
        "core/o.moo:2: there is no preposition `near`",
    );
    check_problem(
        "object #0\n verb x (this none this) owner: #0 flags: \"\"\n",
        "core/o.moo:3: the body has no `endverb`",
    );
}

#[test]
fn every_error_in_every_verb_is_reported_on_its_line() {
    let objects = "object #0
  method a owner: #0
    x = ;
    lenght(1);
  endmethod
  method b owner: #0

    return 1
  endmethod
endobject
";
    let files = files(&[("o.moo", objects)]);
    let problems = read(&files, &is_builtin).err().expect("there are mistakes");
    let lines: Vec<u32> = problems.0.iter().map(|problem| problem.line).collect();
    assert_eq!(lines.len(), 3, "{problems}");
    assert_eq!(&lines[..2], &[3, 4]);
}

#[test]
fn no_truncation_of_a_file_makes_the_reader_stumble() {
    for len in (0..OBJECTS.len()).filter(|&len| OBJECTS.is_char_boundary(len)) {
        drop(read(
            &files(&[("constants.moo", CONSTANTS), ("o.moo", &OBJECTS[..len])]),
            &is_builtin,
        ));
    }
}

/// Checks the world that is built into the server, as far as this crate can: its files, names and syntax.
#[test]
fn the_built_in_world_is_well_formed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../worlds/hall");
    let files = read_folder(&folder).expect("the folder can be read");
    if let Err(problems) = read(&files, &|_| true) {
        panic!("worlds/hall:\n{problems}");
    }
}
