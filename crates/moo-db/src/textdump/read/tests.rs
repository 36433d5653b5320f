//! Textdumps as they come: whole, damaged, and in another character set.

use std::time::Instant;

use moo_model::world::{LOCAL_RANKS, PrepSpec};
use moo_model::{Obj, Symbol, Value};

use super::super::{Imported, Warnings};
use super::*;
use crate::textdump::tests::{SMALL, lambda_core};

fn import(bytes: &[u8]) -> Result<Imported, ReadError> {
    read(bytes, &|_| true, &mut |_| {})
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let error = import(text.as_bytes()).err().expect("the file is damaged");
    assert_eq!(error.to_string(), expected);
}

fn line_of(text: &str, line: &str) -> usize {
    text.lines().position(|l| l == line).expect("the line is there") + 1
}

#[test]
fn a_small_world_is_read_whole() {
    // The wizard has one slot less than the class it inherits from.
    let imported = import(SMALL.as_bytes()).expect("the file is whole");
    let root = &imported.root;
    assert_eq!(imported.report.objects, 2);
    assert_eq!(*root.players, vec![Obj(1)]);
    let system = root
        .get(Obj(0))
        .expect("it is in memory")
        .expect("it is in the file");
    assert_eq!(system.name, Value::str("System Object"));
    assert_eq!(*system.children, vec![Obj(1)]);
    assert_eq!(system.slots[0].value, Value::str("hello"));
    assert_eq!(system.propdefs[0].symbol, Symbol::new("greeting"));
    assert_eq!(&*system.verbs[0].code.source, "return #1;");
    assert_eq!(system.verbs[0].args.prep, PrepSpec::None);
    let wizard = root
        .get(Obj(1))
        .expect("it is in memory")
        .expect("it is in the file");
    assert_eq!(wizard.parent_rank, LOCAL_RANKS);
    assert!(wizard.slots[0].value.is_unset());
    assert_eq!(imported.connections, vec![(Obj(1), Obj(0))]);
    let task = &imported.forked[0];
    assert_eq!((task.id, task.start, task.first_line), (77, 1_795_325_873, 3));
    assert_eq!(task.activation.programmer, Obj(3));
    assert_eq!(task.body, "player:tell(x);");
    assert!(task.variables[1].1.is_unset());
}

#[test]
fn a_missing_property_value_is_made_clear_and_reported() {
    let imported = import(SMALL.as_bytes()).expect("the file is whole");
    let expected = "#1 has 0 property values for 1 properties: 1 were made clear, 0 dropped";
    assert!(imported.report.warnings.lines.contains(&expected.to_string()));
}

#[test]
fn damage_is_named_with_its_line() {
    let at = line_of(SMALL, "#1");
    check_error(
        &SMALL.replacen("\n#1\n", "\n#3\n", 1),
        &format!("line {at}: expected `#1` or `#1 recycled`, found `#3`"),
    );
    let at = line_of(SMALL, "173");
    check_error(
        &SMALL.replacen("\n173\n", "\nrxd\n", 1),
        &format!("line {at}: expected the permissions of a verb, found `rxd`"),
    );
    check_error(
        "** LambdaMOO Database, Format Version 4 **\n2\n",
        "line 3: expected the number of programs, but the file ends here",
    );
    check_error(
        "** LambdaMOO Database, Format Version 17 **\n",
        "the file is a textdump of version 17; versions 0 to 4 can be read",
    );
    check_error(
        "hello\n",
        "line 1: expected `** LambdaMOO Database, Format Version N **`, found `hello`",
    );
}

#[test]
fn text_that_is_not_utf8_is_latin1() {
    let mut bytes = SMALL.as_bytes().to_vec();
    let at = SMALL.find("hello").expect("the greeting is there");
    bytes[at] = 0xE4;
    let imported = import(&bytes).expect("the file is whole");
    assert!(imported.root.settings.latin1);
    let system = imported
        .root
        .get(Obj(0))
        .expect("it is in memory")
        .expect("it is in the file");
    assert_eq!(system.slots[0].value, Value::str("\u{e4}ello"));
}

#[test]
fn a_program_that_does_not_parse_is_kept_as_text() {
    let text = SMALL.replace("return #1;", "return #1");
    let imported = import(text.as_bytes()).expect("the world is not lost for one verb");
    assert_eq!(imported.report.programs_unparsable, 1);
    let system = imported
        .root
        .get(Obj(0))
        .expect("it is in memory")
        .expect("it is in the file");
    assert_eq!(&*system.verbs[0].code.source, "return #1");
}

#[test]
fn cycles_and_dangling_references_are_cut() {
    let system = "#0\nSystem Object\n\n16\n1\n";
    let whole = format!("{system}-1\n-1\n-1\n-1\n1\n-1\n");
    let broken = format!("{system}9\n-1\n-1\n1\n1\n-1\n");
    assert!(SMALL.contains(&whole));
    let text = SMALL.replacen(&whole, &broken, 1);
    let imported = import(text.as_bytes()).expect("it can be repaired");
    let lines = imported.report.warnings.lines.join("\n");
    assert!(
        lines.contains("#0.location was #9, which does not exist: set to #-1"),
        "{lines}"
    );
    assert!(lines.contains("which leads back to"), "{lines}");
}

#[test]
fn trouble_among_the_tasks_does_not_lose_the_world() {
    let text = SMALL.replace("0 suspended tasks", "many suspended tasks");
    let imported = import(text.as_bytes()).expect("the world is whole");
    assert_eq!(imported.forked.len(), 1);
    assert!(
        imported
            .report
            .warnings
            .lines
            .iter()
            .any(|line| line.contains("`many suspended tasks`"))
    );
}

#[test]
fn every_truncation_and_many_mutations_end_in_a_world_or_an_error() {
    for len in 0..SMALL.len() {
        drop(import(&SMALL.as_bytes()[..len]));
    }
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for _ in 0..20_000 {
        let mut bytes = SMALL.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = b"0123456789-\n#. \xff"[random(16)],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"0123456789-\n#. \xff"[random(16)]),
            }
        }
        drop(import(&bytes));
    }
}

#[test]
fn lists_nested_too_deep_are_refused() {
    let deep = "4\n1\n".repeat(moo_model::bytes::DEPTH_MAX + 1) + "0\n0\n";
    let text = SMALL.replacen("2\nhello\n", &deep, 1);
    let error = import(text.as_bytes()).err().expect("it could not be stored");
    assert!(
        error.to_string().contains("a list or map that nests no deeper"),
        "{error}"
    );
}

#[test]
fn lambda_core_is_read_without_a_warning() {
    let Some(bytes) = lambda_core() else { return };
    let start = Instant::now();
    let imported = import(&bytes).expect("it is a good file");
    eprintln!("read in {:?}: {:?}", start.elapsed(), imported.report);
    assert_eq!(imported.report.warnings, Warnings::default());
    assert_eq!(imported.report.programs, 1748);
    assert_eq!(imported.report.programs_unparsable, 0);
    assert_eq!(imported.report.bytes, bytes.len() as u64);
}

/// A task that waits in `suspend()`, called by a verb that was called by `eval()`.
const SUSPENDED: &str = "1 suspended tasks
1795325873 4711 0
0
1 -1 0 50
language version 4
x = this:wait();
.
1 variables
x
6
1 rt_stack slots in use
4
1
0
5
0
-111
1 -7 -8 1 -9 1 1 -10 8
No
More
Parse
Infos
start
start begin
6
7 3 9
eval
language version 4
suspend(5);
.
0 variables
0 rt_stack slots in use
0
-111
1 -7 -8 1 -9 1 0 -10 8
No
More
Parse
Infos
wait
wait
6
3 1 3
move
bf_move data: what = 7, where = 2
";

#[test]
fn suspended_tasks_are_read_over_and_reported() {
    let text = SMALL.replace("0 suspended tasks\n", SUSPENDED);
    let imported = import(text.as_bytes()).expect("the world is whole");
    let lines = imported.report.warnings.lines;
    assert!(
        lines.contains(&"the suspended task 4711, in #0:wait, was not restored".to_string()),
        "{lines:#?}"
    );
    assert_eq!(imported.report.tasks_dropped, 1);
    assert_eq!(imported.connections, vec![(Obj(1), Obj(0))]);
}
