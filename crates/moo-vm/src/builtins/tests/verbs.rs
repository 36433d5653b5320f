//! Verbs and their programs.

use super::*;
use crate::builtin::{Flow, MachineCall};
use crate::testing::{PLAYER, PROGRAMMER, THING};

/// A programmer with a verb on the thing.
fn bench() -> Bench {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[(
        "add_verb(#7, {#4, \"rxd\", \"  foo*bar baz \"}, {\"this\", \"in\", \"none\"})",
        "1",
    )]);
    bench
}

#[test]
fn verbs_are_declared() {
    let mut bench = bench();
    bench.check(&[
        ("verbs(#7)", "{\"foo*bar baz \"}"),
        ("verb_info(#7, \"foob\")", "{#4, \"rxd\", \"foo*bar baz \"}"),
        ("verb_info(#7, 1)", "{#4, \"rxd\", \"foo*bar baz \"}"),
        ("verb_info(#7, \"foo*bar\")", "! E_VERBNF"),
        ("verb_info(#7, 0)", "! E_INVARG"),
        ("verb_info(#7, 2)", "! E_VERBNF"),
        ("verb_info(#7, \"1\")", "! E_VERBNF"),
        ("verb_info(#7, #1)", "! E_TYPE"),
        ("verb_info(#99, 1)", "! E_INVARG"),
        (
            "add_verb(#7, {#4, \"q\", \"x\"}, {\"this\", \"none\", \"this\"})",
            "! E_INVARG",
        ),
        (
            "add_verb(#7, {#99, \"\", \"x\"}, {\"this\", \"none\", \"this\"})",
            "! E_INVARG",
        ),
        (
            "add_verb(#7, {#4, \"\", \"  \"}, {\"this\", \"none\", \"this\"})",
            "! E_INVARG",
        ),
        (
            "add_verb(#7, {#3, \"\", \"x\"}, {\"this\", \"none\", \"this\"})",
            "! E_PERM",
        ),
        (
            "add_verb(#2, {#4, \"\", \"x\"}, {\"this\", \"none\", \"this\"})",
            "! E_PERM",
        ),
        (
            "add_verb(#7, {#4, \"\"}, {\"this\", \"none\", \"this\"})",
            "! E_TYPE",
        ),
        (
            "add_verb(#7, {#4, \"\", \"x\"}, {\"those\", \"none\", \"this\"})",
            "! E_INVARG",
        ),
        (
            "add_verb(#7, {#4, \"\", \"x\"}, {\"this\", \"none\", \"this\"})",
            "2",
        ),
        ("delete_verb(#7, 3)", "! E_VERBNF"),
        ("delete_verb(#7, 1)", "0"),
        ("verbs(#7)", "{\"x\"}"),
        ("verbs(#2)", "! E_PERM"),
    ]);
    bench.options.numeric_verb_names = true;
    bench.check(&[("verb_info(#7, \"1\")", "{#4, \"\", \"x\"}")]);
}

#[test]
fn argument_specifications_name_prepositions_in_many_ways() {
    let mut bench = bench();
    bench.check(&[
        ("verb_args(#7, 1)", "{\"this\", \"in/inside/into\", \"none\"}"),
        ("set_verb_args(#7, 1, {\"ANY\", \"On Top Of\", \"this\"})", "0"),
        (
            "verb_args(#7, 1)",
            "{\"any\", \"on top of/on/onto/upon\", \"this\"}",
        ),
        ("set_verb_args(#7, 1, {\"any\", \"#13\", \"this\"})", "0"),
        ("verb_args(#7, 1)", "{\"any\", \"as\", \"this\"}"),
        ("set_verb_args(#7, 1, {\"any\", \"off/off of\", \"this\"})", "0"),
        ("verb_args(#7, 1)", "{\"any\", \"off/off of\", \"this\"}"),
        ("set_verb_args(#7, 1, {\"any\", \"15\", \"this\"})", "! E_INVARG"),
        (
            "set_verb_args(#7, 1, {\"any\", \"in-front-of\", \"this\"})",
            "! E_INVARG",
        ),
        ("set_verb_args(#7, 1, {\"any\", 3, \"this\"})", "! E_TYPE"),
        ("set_verb_args(#7, 1, {\"none\", \"any\", \"none\"})", "0"),
        ("verb_args(#7, 1)", "{\"none\", \"any\", \"none\"}"),
    ]);
}

#[test]
fn programs_are_written_and_listed() {
    let mut bench = bench();
    bench.check(&[
        ("verb_code(#7, 1)", "{}"),
        (
            "set_verb_code(#7, 1, {\"IF (x) return 1 + 2 * 3;\", \"endif foo.bar = x;\"})",
            "{}",
        ),
        (
            "verb_code(#7, 1)",
            "{\"if (x)\", \"  return 1 + 2 * 3;\", \"endif\", \"foo.bar = x;\"}",
        ),
        (
            "verb_code(#7, 1, 1, 0)",
            "{\"if (x)\", \"return 1 + (2 * 3);\", \"endif\", \"foo.bar = x;\"}",
        ),
        ("set_verb_code(#7, 1, {\"x = ;\"})", "{\"Line 1:  syntax error\"}"),
        (
            "set_verb_code(#7, 1, {\"frobnicate(1);\"})",
            "{\"Line 1:  Unknown built-in function: frobnicate\"}",
        ),
        ("set_verb_code(#7, 1, {1})", "! E_TYPE"),
        ("set_verb_code(#7, 9, {})", "! E_VERBNF"),
        (
            "verb_code(#7, 1, 0, 0)",
            "{\"if (x)\", \"return 1 + 2 * 3;\", \"endif\", \"foo.bar = x;\"}",
        ),
        ("set_verb_code(#7, 1, {})", "{}"),
        ("verb_code(#7, 1)", "{}"),
    ]);
    let listing = bench.run("disassemble(#7, 1)").expect("it may be read");
    assert!(
        listing
            .as_list()
            .is_some_and(|lines| lines.iter().all(|line| line.as_str().is_some()))
    );
}

#[test]
fn others_need_permission() {
    let mut bench = bench();
    bench.frame.progr = PLAYER;
    bench.check(&[
        ("verb_info(#7, 1)", "{#4, \"rxd\", \"foo*bar baz \"}"),
        ("verb_code(#7, 1)", "{}"),
        ("set_verb_code(#7, 1, {})", "! E_PERM"),
        ("set_verb_info(#7, 1, {#4, \"rwxd\", \"x\"})", "! E_PERM"),
        ("set_verb_args(#7, 1, {\"none\", \"any\", \"none\"})", "! E_PERM"),
        ("delete_verb(#7, 1)", "! E_PERM"),
        ("eval(\"return 1;\")", "! E_PERM"),
    ]);
    bench.frame.progr = PROGRAMMER;
    bench.check(&[
        ("set_verb_info(#7, 1, {#3, \"w\", \"x\"})", "! E_PERM"),
        ("set_verb_info(#7, 1, {#4, \"w\", \"x\"})", "0"),
    ]);
    bench.frame.progr = PLAYER;
    bench.check(&[
        ("verb_info(#7, 1)", "! E_PERM"),
        ("verb_code(#7, 1)", "! E_PERM"),
        ("disassemble(#7, 1)", "! E_PERM"),
        ("set_verb_info(#7, 1, {#4, \"rw\", \"y\"})", "0"),
        ("set_verb_code(#7, 1, {})", "! E_PERM"),
    ]);
}

#[test]
fn the_machine_does_what_needs_frames() {
    let mut bench = Bench::new(PROGRAMMER);
    let eval = bench.flow("eval", &[Value::str("a;"), Value::str("b;")]);
    assert!(matches!(eval, Ok(Flow::Machine(MachineCall::Eval(text))) if text == "a;\nb;\n"));
    let call = bench.flow("call_function", &[Value::str("TOSTR"), Value::int(1)]);
    assert!(
        matches!(call, Ok(Flow::Machine(MachineCall::Function(builtin, args)))
        if builtin.name == "tostr" && args == [Value::int(1)])
    );
    let pass = bench.flow("pass", &[Value::int(1)]);
    assert!(matches!(pass, Ok(Flow::Machine(MachineCall::Pass(args))) if args.len() == 1));
    bench.check(&[
        ("call_function(\"length\")", "! E_ARGS"),
        ("call_function(\"nope\")", "! E_INVARG"),
        ("eval()", "! E_ARGS"),
        ("eval(1)", "! E_TYPE"),
    ]);
}

#[test]
fn errors_are_raised_with_message_and_value() {
    let mut bench = Bench::new(PLAYER);
    let raised = bench.run("raise(E_PERM)").expect_err("it raises");
    assert_eq!(raised, ErrorCode::Perm.into());
    let raised = bench.run("raise(\"mine\", \"m\", 7)").expect_err("it raises");
    assert_eq!((raised.message(), raised.value), (Value::str("m"), Value::int(7)));
    let raised = bench.run("raise(5)").expect_err("it raises");
    assert_eq!(raised.message(), Value::str("5"));
    bench.check(&[("raise(E_PERM, 5)", "! E_TYPE")]);
}

#[test]
fn functions_describe_themselves() {
    Bench::new(PLAYER).check(&[
        ("function_info(\"abs\")", "{\"abs\", 1, 1, {-2}}"),
        ("function_info(\"atan\")", "{\"atan\", 1, 2, {9, 9}}"),
        (
            "function_info(\"force_input\")",
            "{\"force_input\", 2, 3, {1, 2, -1}}",
        ),
        ("function_info(\"max\")", "{\"max\", 1, -1, {-2}}"),
        ("function_info(\"pass\")", "{\"pass\", 0, -1, {}}"),
        ("function_info(\"read\")", "{\"read\", 0, 2, {1, -1}}"),
        ("function_info(\"substitute\")", "{\"substitute\", 2, 2, {2, 4}}"),
        (
            "function_info(\"verb_cache_stats\")",
            "{\"verb_cache_stats\", 0, 0, {}}",
        ),
        ("function_info(\"nope\")", "! E_INVARG"),
        ("function_info(1)", "! E_TYPE"),
    ]);
    let all = Bench::new(PLAYER).run("function_info()").expect("it tells");
    assert_eq!(all.as_list().map(<[Value]>::len), Some(super::all().count()));
    assert_eq!(THING, Obj(7));
}
