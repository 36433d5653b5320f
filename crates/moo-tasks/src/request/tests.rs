//! Requests against a small world: what they give, whom they refuse, and what is left of them.

use std::sync::Arc;

use moo_model::literal::to_literal;
use moo_model::tag::tag;
use moo_model::{Obj, Value};

use super::{Action, Expected, Failed, ObjectName, Request, results};
use crate::attempt::tests::{Stage, Still, WIZARD};
use crate::attempt::{End, Job, Work};

const NOBODY: Obj = Obj(0);

fn system() -> ObjectName {
    ObjectName::Number(Obj::SYSTEM)
}

fn stage() -> Stage {
    Stage::new(&[("greet wave", "return {\"hello\", @args};")])
}

fn ask(stage: &Stage, player: Obj, actions: Vec<Action>, rollback: bool) -> Vec<Result<Value, Failed>> {
    let job = Job {
        player,
        work: Work::Request(Arc::new(Request {
            actions,
            rollback,
            names: None,
        })),
        ..stage.call("greet")
    };
    let (report, _) = stage.run(&job, &mut Still::default(), 3);
    match report.end {
        End::Done(value) => results(&value),
        end => panic!("the request ended otherwise: {end:?}"),
    }
}

/// What one action gives, as a literal; or the error's name and its text.
fn one(stage: &Stage, player: Obj, action: Action) -> String {
    match ask(stage, player, vec![action], false).remove(0) {
        Ok(value) => to_literal(&value),
        Err(failed) => format!("! {} {}", to_literal(&failed.code), failed.message),
    }
}

#[test]
fn a_programmer_sees_what_the_permissions_allow() {
    let stage = stage();
    let as_wizard = |action| one(&stage, WIZARD, action);
    assert_eq!(as_wizard(Action::Eval("1 + 1".into())), "2");
    assert_eq!(
        as_wizard(Action::Invoke(system(), "wave".into(), vec![Value::int(7)])),
        r#"{"hello", 7}"#
    );
    assert_eq!(as_wizard(Action::Read(system(), "n".into())), "0");
    assert_eq!(
        as_wizard(Action::Verbs(system(), true)),
        r##"{{#0, #1, "xd", "greet wave", {"this", "none", "this"}}}"##
    );
    assert_eq!(
        as_wizard(Action::Verb(system(), "wave".into())),
        r##"{{#0, #1, "xd", "greet wave", {"this", "none", "this"}}, {"return {\"hello\", @args};"}}"##
    );
    assert_eq!(
        as_wizard(Action::Properties(system(), false)),
        r##"{{#0, "n", #1, "r", 0}}"##
    );
    assert_eq!(
        as_wizard(Action::Property(system(), "n".into())),
        r##"{{#0, "n", #1, "r", 0}, 0}"##
    );
    assert_eq!(as_wizard(Action::Resolve(ObjectName::Match("me".into()))), "#1");
    assert_eq!(
        as_wizard(Action::Objects(Obj(0), 10)),
        r##"{{#1, "", #-1, #1, #-1, 7}}"##
    );
}

#[test]
fn nobody_sees_or_does_what_the_builtins_would_refuse_them() {
    let stage = stage();
    let refused = |action| one(&stage, NOBODY, action);
    assert!(refused(Action::Eval("1".into())).starts_with("! E_PERM"));
    assert!(refused(Action::Invoke(system(), "greet".into(), Vec::new())).starts_with("! E_PERM"));
    assert!(refused(Action::Update(system(), "n".into(), Value::int(1))).starts_with("! E_PERM"));
    assert!(refused(Action::Program(system(), "greet".into(), Vec::new())).starts_with("! E_PERM"));
    assert!(refused(Action::Verb(system(), "greet".into())).starts_with("! E_PERM"));
    assert_eq!(one(&stage, NOBODY, Action::Read(system(), "n".into())), "0");
    assert_eq!(stage.n(), 0);
}

#[test]
fn what_is_not_there_or_does_not_compile_is_said_so() {
    let stage = stage();
    let as_wizard = |action| one(&stage, WIZARD, action);
    assert!(as_wizard(Action::Verb(system(), "dance".into())).starts_with("! E_VERBNF"));
    assert!(as_wizard(Action::Property(system(), "m".into())).starts_with("! E_PROPNF"));
    assert!(as_wizard(Action::Resolve(ObjectName::Match("a unicorn".into()))).starts_with("! E_INVIND"));
    assert!(
        as_wizard(Action::Read(ObjectName::System(vec!["no".into()]), "n".into())).starts_with("! E_PROPNF")
    );
    let failed = ask(&stage, WIZARD, vec![Action::Eval("1 +".into())], false).remove(0);
    let failed = failed.expect_err("it is no expression");
    assert_eq!(failed.message, "The expression does not compile");
    assert!(failed.value.as_list().is_some_and(|lines| !lines.is_empty()));
    let program = Action::Program(system(), "greet".into(), vec!["return 1 +;".into()]);
    assert!(as_wizard(program).contains("does not compile"));
    let set = |literal: &str| Action::UpdateLiteral(system(), "n".into(), literal.into());
    let failed = ask(&stage, WIZARD, vec![set("{1,")], false).remove(0);
    assert!(failed.expect_err("it is no value").is_no_value());
    assert!(one(&stage, NOBODY, set("1")).starts_with("! E_PERM"));
    assert_eq!((as_wizard(set("7")), stage.n()), ("0".to_owned(), 7));
}

#[test]
fn of_a_batch_that_stands_or_falls_together_nothing_is_left_if_one_action_fails() {
    let stage = stage();
    let set = |value| Action::Update(system(), "n".into(), Value::int(value));
    let bad = || Action::Read(system(), "m".into());
    let given = ask(&stage, WIZARD, vec![set(5), bad(), set(6)], true);
    assert_eq!(
        given.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(stage.n(), 0);
    ask(&stage, WIZARD, vec![set(5), bad()], false);
    assert_eq!(stage.n(), 5);
    let program = Action::Program(system(), "greet".into(), vec!["return 42;".into()]);
    let call = Action::Invoke(system(), "greet".into(), Vec::new());
    let given = ask(&stage, WIZARD, vec![program, call], true);
    assert_eq!(given[1], Ok(Value::int(42)));
}

#[test]
fn jobs_are_asked_for_by_the_built_in_functions() {
    let stage = stage();
    let as_wizard = |action| one(&stage, WIZARD, action);
    // Nobody keeps jobs for this world.
    let enqueue = || {
        Action::Enqueue(
            "mail".into(),
            Value::int(7),
            vec![("delay".into(), Value::int(1))],
        )
    };
    assert!(as_wizard(enqueue()).starts_with("! E_QUOTA"));
    assert_eq!(as_wizard(Action::Jobs(None)), "{}");
    assert!(as_wizard(Action::Job([7; 16])).starts_with("! E_INVARG"));
    assert!(as_wizard(Action::Cancel([7; 16])).starts_with("! E_INVARG"));
    let odd = Action::Enqueue(
        "mail".into(),
        Value::int(7),
        vec![("colour".into(), Value::int(1))],
    );
    assert!(as_wizard(odd).starts_with("! E_INVARG"));
    let others = Action::Jobs(Some(WIZARD));
    assert!(one(&stage, NOBODY, others).starts_with("! E_PERM"));
}

#[test]
fn what_is_not_what_was_expected_any_more_is_not_changed() {
    let stage = stage();
    let expect = |tag: String| Action::Expect(system(), Expected::Property, "n".into(), tag);
    let set = |value| Action::Update(system(), "n".into(), Value::int(value));
    ask(&stage, WIZARD, vec![expect(tag(&Value::int(0))), set(5)], false);
    assert_eq!(stage.n(), 5);
    let given = ask(&stage, WIZARD, vec![expect(tag(&Value::int(0))), set(6)], false);
    assert_eq!((&given[0], stage.n()), (&Ok(Value::int(5)), 5));
    let absent = Action::Expect(system(), Expected::Property, "m".into(), tag(&Value::int(0)));
    ask(&stage, WIZARD, vec![absent, set(7)], false);
    assert_eq!(stage.n(), 5, "what is not there is not what was expected");
    let expect = |tag| Action::Expect(system(), Expected::Verb, "greet".into(), tag);
    let code = || Value::strings(["return {\"hello\", @args};"]);
    let program = || Action::Program(system(), "greet".into(), vec!["return 1;".into()]);
    for _ in 0..2 {
        ask(&stage, WIZARD, vec![expect(tag(&code())), program()], false);
        let call = Action::Invoke(system(), "greet".into(), Vec::new());
        assert_eq!(
            one(&stage, WIZARD, call),
            "1",
            "the second time it is expected in vain"
        );
    }
}
