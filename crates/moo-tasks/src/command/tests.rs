//! Lines as commands: words, prepositions, objects and the order in which verbs are searched.

use moo_model::world::{
    ArgSpec, Code, Flags, ObjSpec, PrepSpec, PropPerms, Root, Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Symbol, Value};

use super::*;

#[track_caller]
fn check(line: &str, verb: &str, args: &[&str], argstr: &str) {
    let parsed = parse(line).expect("the line has a word");
    assert_eq!(parsed.verb, verb, "{line}");
    assert_eq!(parsed.args, args, "{line}");
    assert_eq!(parsed.argstr, argstr, "{line}");
}

#[test]
fn words_are_split_at_spaces_and_quotes_hold_them_together() {
    check(
        "say hello   there  \"quoted text\"  x",
        "say",
        &["hello", "there", "quoted text", "x"],
        "hello   there  \"quoted text\"  x",
    );
    check("   look   me  ", "look", &["me"], "me  ");
    check("look a\"b c\"d e", "look", &["ab cd", "e"], "a\"b c\"d e");
    check("look red\\ ball", "look", &["red ball"], "red\\ ball");
    check("look \"\" x", "look", &["", "x"], "\"\" x");
    check("look \"open end ", "look", &["open end "], "\"open end ");
    check("a\tb c", "a\tb", &["c"], "c");
    check("x\\", "x", &[], "");
}

#[test]
fn one_character_commands_are_written_out() {
    check("::x", "emote", &[":x"], ":x");
    check("\"", "say", &[], "");
    check("  ;1", "eval", &["1"], "1");
    check("\"say hi", "say", &["say", "hi"], "say hi");
    assert_eq!(
        words("\"say hi"),
        ["say hi"],
        "without the abbreviation it is a quoted word"
    );
    assert_eq!(parse("   "), None);
}

#[track_caller]
fn check_prep(line: &str, dobjstr: &str, prep: Option<(&str, u8)>, iobjstr: &str) {
    let parsed = parse(line).expect("the line has a word");
    assert_eq!(parsed.dobjstr, dobjstr, "{line}");
    assert_eq!(
        parsed.prep,
        prep.map(|(phrase, number)| (phrase.to_owned(), number)),
        "{line}"
    );
    assert_eq!(parsed.iobjstr, iobjstr, "{line}");
}

#[test]
fn a_preposition_divides_the_objects() {
    check_prep("put a on top of b", "a", Some(("on top of", 4)), "b");
    check_prep("put a off of b", "a", Some(("off", 14)), "of b");
    check_prep("look foo for about bar", "foo", Some(("for", 11)), "about bar");
    check_prep("look \"in\"", "", Some(("in", 3)), "");
    check_prep("put a in \"\" b", "a", Some(("in", 3)), " b");
    check_prep("put a IN box", "a", Some(("IN", 3)), "box");
    check_prep("get the red ball", "the red ball", None, "");
}

const PLAYER: Obj = Obj(3);
const ROOM: Obj = Obj(2);

/// #2 a room with #3 the player; the things named, in the room from #4 on.
fn room(things: &[(&str, &[&str])]) -> Transaction {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    let count = 4 + things.len() as i64;
    for _ in 0..count {
        tx.create(Obj::NOTHING, Some(Obj(0)));
    }
    tx.set_flag(PLAYER, Flags::PLAYER, true).expect("it exists");
    tx.set_name(PLAYER, Value::str("Ada")).expect("it exists");
    tx.relocate(PLAYER, ROOM).expect("both exist");
    for (thing, (name, aliases)) in (4..).map(Obj).zip(things) {
        tx.set_name(thing, Value::str(name)).expect("it exists");
        let aliases = Value::strings(aliases.iter().copied());
        tx.define_property(thing, "aliases", aliases, Obj(0), PropPerms::READ)
            .expect("it exists");
        tx.relocate(thing, ROOM).expect("both exist");
    }
    tx
}

#[test]
fn exact_names_beat_prefixes_and_nothing_else_matches() {
    let things: &[(&str, &[&str])] = &[
        ("red ball", &[]),
        ("red box", &[]),
        ("ball", &["sphere"]),
        ("Blue box", &[]),
    ];
    let mut tx = room(things);
    for (name, expected) in [
        ("red", Obj::AMBIGUOUS),
        ("ball", Obj(6)),
        ("SPH", Obj(6)),
        ("box", Obj::FAILED_MATCH),
        ("b", Obj::AMBIGUOUS),
        ("blue", Obj(7)),
        ("me", PLAYER),
        ("HERE", ROOM),
        ("ada", PLAYER),
        ("", Obj::NOTHING),
        ("#6", Obj(6)),
        ("#99", Obj::FAILED_MATCH),
        ("#-1", Obj::FAILED_MATCH),
        ("#6x", Obj::FAILED_MATCH),
    ] {
        assert_eq!(match_object(&mut tx, PLAYER, name), expected, "{name}");
    }
}

#[test]
fn two_exact_names_are_ambiguous() {
    let mut tx = room(&[("lamp", &[]), ("brass lamp", &["lamp"]), ("lamps", &[])]);
    assert_eq!(match_object(&mut tx, PLAYER, "lamp"), Obj::AMBIGUOUS);
    assert_eq!(match_object(&mut tx, PLAYER, "lamps"), Obj(6));
}

fn verb(tx: &mut Transaction, on: Obj, names: &str, perms: VerbPerms, args: (ObjSpec, PrepSpec, ObjSpec)) {
    let record = VerbRecord {
        id: 0,
        names: Value::str(names),
        owner: Obj(0),
        perms,
        args: ArgSpec {
            dobj: args.0,
            prep: args.1,
            iobj: args.2,
        },
        code: Code::new(""),
    };
    tx.add_verb(on, record).expect("it exists");
}

fn find(tx: &mut Transaction, line: &str) -> Option<(Obj, String)> {
    let parsed = parse(line).expect("the line has a word");
    let matched = parsed.match_objects(tx, PLAYER);
    let found = parsed.find_verb(tx, PLAYER, &matched)?;
    Some((
        found.this,
        found.hit.verb.names.as_str().unwrap_or_default().to_owned(),
    ))
}

#[test]
fn verbs_are_searched_on_player_room_and_both_objects() {
    let (none, any, this) = (ObjSpec::None, ObjSpec::Any, ObjSpec::This);
    let mut tx = room(&[("red ball", &[]), ("box", &[])]);
    verb(
        &mut tx,
        Obj(5),
        "put p*lace",
        VerbPerms(0),
        (any, PrepSpec::Is(3), this),
    );
    verb(
        &mut tx,
        Obj(4),
        "poke",
        VerbPerms(0),
        (this, PrepSpec::None, none),
    );
    verb(&mut tx, ROOM, "poke", VerbPerms(0), (any, PrepSpec::Any, any));
    verb(
        &mut tx,
        PLAYER,
        "dance",
        VerbPerms(0),
        (any, PrepSpec::None, none),
    );
    verb(&mut tx, PLAYER, "bow", VerbPerms(0), (this, PrepSpec::None, none));
    assert_eq!(
        find(&mut tx, "place \"red ball\" in box  "),
        Some((Obj(5), "put p*lace".into()))
    );
    assert_eq!(
        find(&mut tx, "poke red"),
        Some((ROOM, "poke".into())),
        "the room comes before the object"
    );
    assert_eq!(
        find(&mut tx, "dance"),
        Some((PLAYER, "dance".into())),
        "any takes nothing as well"
    );
    assert_eq!(find(&mut tx, "bow"), None, "this does not");
    assert_eq!(find(&mut tx, "bow me"), Some((PLAYER, "bow".into())));
}

#[test]
fn huh_on_the_room_takes_what_nothing_else_does() {
    let mut tx = room(&[]);
    assert_eq!(find(&mut tx, "xyzzy"), None);
    let spec = (ObjSpec::This, PrepSpec::None, ObjSpec::This);
    verb(&mut tx, ROOM, "huh", VerbPerms::EXEC, spec);
    assert_eq!(find(&mut tx, "xyzzy a to b"), Some((ROOM, "huh".into())));
}

#[test]
fn a_verb_sees_the_words_as_they_were_typed() {
    let mut tx = room(&[("box", &[])]);
    let parsed = parse("put it INTO box").expect("the line has a word");
    let matched = parsed.match_objects(&mut tx, PLAYER);
    assert_eq!(matched.words.prepstr, Value::str("INTO"));
    assert_eq!(matched.words.dobj, Value::obj(Obj::FAILED_MATCH));
    assert_eq!(matched.words.iobj, Value::obj(Obj(4)));
    assert_eq!(Symbol::find("put it"), None, "typed words are not interned");
}
