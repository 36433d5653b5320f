//! Objects coming, going and moving, and the verbs that are called on the way.

use moo_model::world::{Dialect, Flags};

use super::*;
use crate::host::Close;
use crate::testing::{PLAYER, PROGRAMMER, THING, WIZARD};

/// Runs a call whose verbs all answer the same; gives its result and the verbs called.
fn trace(bench: &mut Bench, text: &str, answer: &Result<Value, Raised>) -> (String, Vec<String>) {
    let (name, args) = parse_call(text);
    let mut called = Vec::new();
    let result = bench.call_with(&name, &args, &mut called, |_, _| answer.clone());
    (show(result), called)
}

fn yes() -> Result<Value, Raised> {
    Ok(Value::int(1))
}

#[test]
fn creation_asks_for_a_fertile_parent() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("create()", "! E_ARGS"),
        ("create(1)", "! E_TYPE"),
        ("create({1})", "! E_TYPE"),
        ("create(#2, 1.0)", "! E_TYPE"),
        ("create(#1)", "! E_PERM"),
        ("create(#99)", "! E_PERM"),
        ("create(#2, #5)", "! E_PERM"),
        ("create(#2, #-1)", "! E_PERM"),
        ("create(#7)", "#8"),
        ("create(#2)", "#9"),
        ("create(#-1)", "#10"),
        ("parent(#9)", "#2"),
        ("max_object()", "#10"),
    ]);
    assert_eq!(bench.tx.owner(Obj(9)), Some(PROGRAMMER));
    let mut wizard = Bench::new(WIZARD);
    wizard.check(&[
        ("create(#1, #-1)", "#8"),
        ("create(#1, #8)", "#9"),
        ("create(#1, #99)", "! E_INVARG"),
    ]);
    assert_eq!(
        (wizard.tx.owner(Obj(8)), wizard.tx.owner(Obj(9))),
        (Some(Obj(8)), Some(Obj(8)))
    );
    let mut toast = Bench::with_dialect(PROGRAMMER, Dialect::Toast);
    toast.check(&[("create(#99)", "! E_INVARG")]);
}

#[test]
fn a_new_object_stays_when_its_initialization_fails() {
    let mut bench = Bench::new(PROGRAMMER);
    let failure = Err(ErrorCode::Div.into());
    let (result, called) = trace(&mut bench, "create(#2)", &failure);
    assert_eq!(
        (result.as_str(), called),
        ("! E_DIV", vec!["#8:initialize()".to_string()])
    );
    assert!(bench.tx.valid(Obj(8)));
}

#[test]
fn quotas_count_in_lambda_worlds_only() {
    for (dialect, second) in [(Dialect::Lambda, "! E_QUOTA"), (Dialect::Toast, "#9")] {
        let mut bench = Bench::with_dialect(PROGRAMMER, dialect);
        bench.define(PROGRAMMER, "ownership_quota", Value::int(1));
        bench.check(&[("create(#2)", "#8"), ("create(#2)", second), ("recycle(#8)", "0")]);
        assert_eq!(bench.property(PROGRAMMER, "ownership_quota"), Value::int(1));
    }
}

#[test]
fn moving_asks_and_tells() {
    let mut bench = Bench::new(PROGRAMMER);
    let (result, called) = trace(&mut bench, "move(#7, #2)", &yes());
    assert_eq!(
        (result.as_str(), called.join(" ")),
        ("0", "#2:accept(#7) #2:enterfunc(#7)".to_string())
    );
    let (_, called) = trace(&mut bench, "move(#7, #6)", &yes());
    assert_eq!(called.join(" "), "#6:accept(#7) #2:exitfunc(#7) #6:enterfunc(#7)");
    let (_, called) = trace(&mut bench, "move(#7, #6)", &yes());
    assert_eq!(
        called.join(" "),
        "#6:accept(#7)",
        "already there: asked, and nothing else"
    );
    let (_, called) = trace(&mut bench, "move(#7, #-1)", &yes());
    assert_eq!(called.join(" "), "#6:exitfunc(#7)");
    let refusal = Ok(Value::int(0));
    assert_eq!(trace(&mut bench, "move(#7, #6)", &refusal).0, "! E_NACC");
    bench.check(&[
        ("move(#7, #99)", "! E_INVARG"),
        ("move(#99, #2)", "! E_INVARG"),
        ("move(#2, #6)", "! E_PERM"),
        ("move(#7, #7)", "! E_RECMOVE"),
        ("move(#0)", "! E_ARGS"),
    ]);
}

#[test]
fn wizards_move_where_they_are_refused() {
    let mut bench = Bench::new(WIZARD);
    let refusal = Ok(Value::int(0));
    let (result, called) = trace(&mut bench, "move(#7, #6)", &refusal);
    assert_eq!((result.as_str(), called.len()), ("0", 2));
    assert_eq!(trace(&mut bench, "move(#6, #7)", &refusal).0, "! E_RECMOVE");
    assert_eq!(trace(&mut bench, "move(#0, #0)", &refusal).0, "! E_RECMOVE");
}

#[test]
fn entering_is_not_told_where_leaving_moved_it_on() {
    let mut bench = Bench::new(PROGRAMMER);
    trace(&mut bench, "move(#7, #2)", &yes()).0.clear();
    let mut called = Vec::new();
    let args = [Value::obj(THING), Value::obj(Obj(6))];
    let result = bench.call_with("move", &args, &mut called, |bench, verb| {
        if verb == "exitfunc" {
            bench.tx.relocate(THING, Obj(1)).expect("it exists");
        }
        Ok(Value::int(1))
    });
    assert_eq!((show(result), called.len()), ("0".to_string(), 2));
    assert_eq!(bench.tx.location(THING), Some(Obj(1)));
}

#[test]
fn moving_to_where_it_is_does_nothing_in_toast_worlds() {
    let mut bench = Bench::with_dialect(PROGRAMMER, Dialect::Toast);
    trace(&mut bench, "move(#7, #2)", &yes()).1.clear();
    assert_eq!(
        trace(&mut bench, "move(#7, #2)", &yes()),
        ("0".to_string(), Vec::new())
    );
}

#[test]
fn recycling_empties_and_tells() {
    let mut bench = Bench::new(PROGRAMMER);
    for (what, place) in [(THING, Obj(6)), (Obj(1), THING), (Obj(2), THING)] {
        bench.tx.relocate(what, place).expect("both exist");
    }
    bench
        .tx
        .change_parent(PLAYER, THING)
        .expect("no property clashes");
    let (result, called) = trace(&mut bench, "recycle(#7)", &yes());
    assert_eq!(result, "0");
    assert_eq!(
        called.join(" "),
        "#7:recycle() #7:exitfunc(#1) #7:exitfunc(#2) #6:exitfunc(#7)"
    );
    assert_eq!(bench.tx.parent(PLAYER), Some(Obj(1)));
    bench.check(&[
        ("valid(#7)", "0"),
        ("max_object()", "#7"),
        ("recycle(#7)", "! E_INVARG"),
        ("recycle(#2)", "! E_PERM"),
        ("recycle(E_ARGS)", "! E_TYPE"),
        ("parent(#7)", "! E_INVARG"),
        ("children(#7)", "! E_INVARG"),
    ]);
}

#[test]
fn a_failing_recycle_verb_does_not_save_the_object() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.tx.relocate(Obj(2), THING).expect("both exist");
    let failure = Err(ErrorCode::Div.into());
    assert_eq!(trace(&mut bench, "recycle(#7)", &failure).0, "! E_DIV");
    assert!(!bench.tx.valid(THING));
    assert_eq!(bench.tx.location(Obj(2)), Some(Obj::NOTHING));
}

#[test]
fn a_recycled_player_is_disconnected() {
    let mut bench = Bench::new(WIZARD);
    bench.host.connect(PLAYER);
    bench.check(&[("recycle(#5)", "0"), ("players()", "{#3, #4}")]);
    assert_eq!(bench.host.closed, [(PLAYER, Close::Recycled)]);
}

#[test]
fn parents_change_within_limits() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.define(THING, "color", Value::int(1));
    bench.check(&[
        ("chparent(#7, #2)", "0"),
        ("parent(#7)", "#2"),
        ("children(#2)", "{#6, #7}"),
        ("chparent(#7, #99)", "! E_INVARG"),
        ("chparent(#7, #1)", "! E_PERM"),
        ("chparent(#2, #-1)", "! E_PERM"),
        ("chparent(#7, #7)", "! E_RECMOVE"),
        ("chparent(#7, #-1)", "0"),
        ("parent(#7)", "#-1"),
    ]);
    let mut wizard = Bench::new(WIZARD);
    wizard.check(&[("chparent(#2, #6)", "! E_RECMOVE")]);
    wizard.define(Obj(2), "color", Value::int(1));
    wizard.define(THING, "color", Value::int(1));
    wizard.check(&[("chparent(#7, #6)", "! E_INVARG")]);
}

#[test]
fn numbers_are_given_anew_by_wizards() {
    let mut bench = Bench::new(WIZARD);
    bench.check(&[
        ("recycle(#6)", "0"),
        ("renumber(#7)", "#6"),
        ("valid(#7)", "0"),
        ("max_object()", "#7"),
        ("reset_max_object()", "0"),
        ("max_object()", "#6"),
    ]);
    Bench::new(PLAYER).check(&[("renumber(#7)", "! E_PERM"), ("reset_max_object()", "! E_PERM")]);
}

#[test]
fn players_are_made_and_unmade_by_wizards() {
    let mut bench = Bench::new(WIZARD);
    bench.host.connect(PLAYER);
    bench.check(&[
        ("players()", "{#3, #4, #5}"),
        ("is_player(#5)", "1"),
        ("is_player(#99)", "! E_INVARG"),
        ("set_player_flag(#5, 0)", "0"),
        ("is_player(#5)", "0"),
        ("set_player_flag(#7, 1)", "0"),
        ("players()", "{#3, #4, #7}"),
    ]);
    assert_eq!(bench.host.closed, [(PLAYER, Close::Booted)]);
    assert!(bench.tx.flags(THING).has(Flags::PLAYER));
    Bench::new(PROGRAMMER).check(&[("set_player_flag(#4, 1)", "! E_PERM")]);
}

#[test]
fn an_anonymous_object_is_made_with_a_flag_and_has_no_number() {
    let mut bench = Bench::new(PROGRAMMER);
    bench.check(&[
        ("create(#7, 1)", "*anonymous*"),
        ("create(#7, #4, 1, {})", "*anonymous*"),
        ("create(#7, #5, 1)", "! E_PERM"),
        ("create(#2, 1)", "! E_PERM"),
        ("create(#2, {}, 1)", "! E_TYPE"),
        ("create(#2, 0)", "#8"),
        ("max_object()", "#8"),
    ]);
    let made = bench
        .run("create(#7, 1)")
        .expect("the parent is the programmer's");
    for (name, expected) in [
        ("typeof", "12"),
        ("valid", "1"),
        ("parent", "#7"),
        ("properties", "{}"),
        ("verbs", "{}"),
        ("tostr", "\"*anonymous*\""),
        ("toint", "! E_TYPE"),
        ("toobj", "! E_TYPE"),
        ("children", "! E_TYPE"),
        ("is_player", "! E_TYPE"),
        ("recycle", "0"),
        ("valid", "0"),
        ("recycle", "! E_INVARG"),
    ] {
        assert_eq!(
            show(bench.call(name, std::slice::from_ref(&made))),
            expected,
            "{name}"
        );
    }
    let of = [Value::obj(THING), made];
    assert_eq!(show(bench.call("move", &of)), "! E_TYPE");
}
