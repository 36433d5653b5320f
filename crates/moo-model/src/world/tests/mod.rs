//! Transactions against each other: who must conflict, who must not, and that inheritance survives every edit.

mod cold;

use super::*;
use crate::{ErrorCode, Obj, Symbol, Value};

fn world_of(count: i64) -> StdArc<World> {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = begin(&world);
    for _ in 0..count {
        tx.create(Obj::NOTHING, Some(Obj(0)));
    }
    commit(tx).expect("nobody else is there");
    world
}

fn begin(world: &StdArc<World>) -> Transaction {
    Transaction::begin(world, Box::default())
}

fn commit(tx: Transaction) -> Result<Stamp, Conflict> {
    tx.commit(false, |_| Vec::new()).0.map(|done| done.stamp)
}

fn define(world: &StdArc<World>, obj: Obj, name: &str, value: i64) {
    let mut tx = begin(world);
    tx.define_property(obj, name, Value::int(value), Obj(0), PropPerms::READ)
        .expect("the object exists");
    commit(tx).expect("nobody else is there");
}

#[track_caller]
fn get(tx: &mut Transaction, obj: Obj, name: &str) -> Value {
    let property = tx
        .find_property(obj, Symbol::new(name))
        .expect("the property exists");
    tx.property_value(&property)
}

fn set(tx: &mut Transaction, obj: Obj, name: &str, value: i64) {
    let property = tx
        .find_property(obj, Symbol::new(name))
        .expect("the property exists");
    tx.set_property_value(&property, Value::int(value));
}

#[test]
fn a_snapshot_does_not_see_later_commits() {
    let world = world_of(1);
    define(&world, Obj(0), "n", 1);
    let mut old = begin(&world);
    let mut new = begin(&world);
    set(&mut new, Obj(0), "n", 2);
    commit(new).expect("it is the first");
    assert_eq!(get(&mut old, Obj(0), "n"), Value::int(1));
    assert_eq!(get(&mut begin(&world), Obj(0), "n"), Value::int(2));
    commit(old).expect("a reader of one state never conflicts");
}

#[test]
fn two_increments_of_one_property_conflict() {
    let world = world_of(1);
    define(&world, Obj(0), "n", 0);
    let (mut a, mut b) = (begin(&world), begin(&world));
    for tx in [&mut a, &mut b] {
        let n = get(tx, Obj(0), "n").as_int().expect("it is a number");
        set(tx, Obj(0), "n", n + 1);
    }
    commit(a).expect("it is the first");
    let part = Part::Property(Symbol::new("n"));
    assert_eq!(commit(b), Err(Conflict { obj: Obj(0), part }));
}

#[test]
fn a_conflict_says_what_of_the_object_has_changed() {
    let world = world_of(3);
    let loser = |reads: &dyn Fn(&mut Transaction), changes: &dyn Fn(&mut Transaction)| {
        let (mut loser, mut winner) = (begin(&world), begin(&world));
        reads(&mut loser);
        loser.set_name(Obj(2), Value::int(1)).expect("it exists");
        changes(&mut winner);
        commit(winner).expect("it is the first");
        let conflict = commit(loser).expect_err("what it read has changed");
        (conflict.obj.0, conflict.part.to_string())
    };
    let rename = |tx: &mut Transaction| tx.set_name(Obj(0), Value::int(7)).expect("it exists");
    let owner = |tx: &mut Transaction| _ = tx.owner(Obj(0));
    assert_eq!(loser(&owner, &rename), (0, "(name, owner, flags)".to_owned()));
    let walk = |tx: &mut Transaction| tx.relocate(Obj(1), Obj(0)).expect("it exists");
    let look = |tx: &mut Transaction| drop(tx.contents(Obj(0)));
    assert_eq!(loser(&look, &walk), (0, "(contents)".to_owned()));
    let create = |tx: &mut Transaction| _ = tx.create(Obj(0), None);
    let count = |tx: &mut Transaction| _ = tx.max_object();
    assert_eq!(loser(&count, &create).1, "(max_object)");
}

#[test]
fn edits_of_different_properties_of_one_object_merge() {
    let world = world_of(1);
    define(&world, Obj(0), "a", 0);
    define(&world, Obj(0), "b", 0);
    let (mut first, mut second) = (begin(&world), begin(&world));
    set(&mut first, Obj(0), "a", 1);
    set(&mut second, Obj(0), "b", 2);
    commit(first).expect("it is the first");
    commit(second).expect("it touched another property");
    let mut tx = begin(&world);
    assert_eq!(
        (get(&mut tx, Obj(0), "a"), get(&mut tx, Obj(0), "b")),
        (Value::int(1), Value::int(2))
    );
}

#[test]
fn two_doctors_cannot_both_leave() {
    let world = world_of(2);
    define(&world, Obj(0), "on_call", 1);
    define(&world, Obj(1), "on_call", 1);
    let (mut a, mut b) = (begin(&world), begin(&world));
    for (tx, me) in [(&mut a, Obj(0)), (&mut b, Obj(1))] {
        let both = get(tx, Obj(0), "on_call").is_true() && get(tx, Obj(1), "on_call").is_true();
        assert!(both);
        set(tx, me, "on_call", 0);
    }
    commit(a).expect("it is the first");
    assert!(commit(b).is_err(), "the second read what the first changed");
}

#[test]
fn two_players_may_walk_into_one_room_at_once() {
    let world = world_of(3);
    let (mut a, mut b) = (begin(&world), begin(&world));
    a.relocate(Obj(1), Obj(0)).expect("it exists");
    b.relocate(Obj(2), Obj(0)).expect("it exists");
    let mut reader = begin(&world);
    let empty = reader.contents(Obj(0)).expect("it exists");
    reader
        .set_name(Obj(1), Value::int(empty.len() as i64))
        .expect("it exists");
    commit(a).expect("it is the first");
    commit(b).expect("adding does not depend on who else is there");
    assert_eq!(
        begin(&world).contents(Obj(0)).as_deref(),
        Some(&vec![Obj(1), Obj(2)])
    );
    assert!(commit(reader).is_err(), "it acted on an empty room");
}

#[test]
fn creators_never_get_the_same_number() {
    let world = world_of(1);
    let (mut a, mut b) = (begin(&world), begin(&world));
    assert_eq!((a.create(Obj(0), None), b.create(Obj(0), None)), (Obj(1), Obj(1)));
    commit(a).expect("it is the first");
    assert!(commit(b).is_err());
}

#[test]
fn a_verb_added_to_an_ancestor_conflicts_with_a_search_that_missed_it() {
    let world = world_of(2);
    let mut tx = begin(&world);
    tx.change_parent(Obj(1), Obj(0)).expect("no cycle");
    commit(tx).expect("nobody else is there");
    let mut search = begin(&world);
    assert!(search.find_callable_verb(Obj(1), Symbol::new("wave")).is_none());
    search.set_name(Obj(1), Value::str("x")).expect("it exists");
    let mut programmer = begin(&world);
    programmer.add_verb(Obj(0), verb("wave")).expect("it exists");
    commit(programmer).expect("it is the first");
    assert!(commit(search).is_err());
}

fn verb(names: &str) -> VerbRecord {
    VerbRecord {
        id: 0,
        names: Value::str(names),
        owner: Obj(0),
        perms: VerbPerms(7),
        args: ArgSpec {
            dobj: ObjSpec::None,
            prep: PrepSpec::None,
            iobj: ObjSpec::None,
        },
        code: Code::new(""),
    }
}

#[test]
fn an_inherited_value_follows_the_parent_until_it_is_set() {
    let world = world_of(2);
    define(&world, Obj(0), "color", 1);
    let mut tx = begin(&world);
    let child = tx.create(Obj(0), Some(Obj(1)));
    assert_eq!(get(&mut tx, child, "color"), Value::int(1));
    set(&mut tx, Obj(0), "color", 2);
    assert_eq!(get(&mut tx, child, "color"), Value::int(2));
    set(&mut tx, child, "color", 3);
    set(&mut tx, Obj(0), "color", 4);
    assert_eq!(get(&mut tx, child, "color"), Value::int(3));
    tx.change_parent(child, Obj::NOTHING).expect("no cycle");
    assert_eq!(
        tx.find_property(child, Symbol::new("color")).err(),
        Some(ErrorCode::PropNf)
    );
    tx.change_parent(child, Obj(0)).expect("no cycle");
    assert_eq!(
        get(&mut tx, child, "color"),
        Value::int(4),
        "a value that was left behind is gone"
    );
}

#[test]
fn a_destroyed_object_leaves_its_children_to_its_parent() {
    let world = world_of(1);
    let mut tx = begin(&world);
    let middle = tx.create(Obj(0), None);
    let low = tx.create(middle, None);
    tx.define_property(middle, "p", Value::int(1), Obj(0), PropPerms::READ)
        .expect("it exists");
    tx.destroy(middle).expect("it exists");
    assert_eq!(tx.parent(low), Some(Obj(0)));
    assert!(tx.find_property(low, Symbol::new("p")).is_err());
    assert_eq!(tx.children(Obj(0)).as_deref(), Some(&vec![low]));
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert!(!tx.valid(middle) && tx.max_object() == low);
}

#[test]
fn renumbering_mends_every_reference() {
    let world = world_of(4);
    let mut tx = begin(&world);
    tx.destroy(Obj(1)).expect("it exists");
    tx.change_parent(Obj(2), Obj(3)).expect("no cycle");
    tx.relocate(Obj(2), Obj(3)).expect("it exists");
    tx.set_owner(Obj(2), Obj(3)).expect("it exists");
    assert_eq!(tx.renumber(Obj(3)), Ok(Obj(1)));
    assert_eq!(
        (tx.parent(Obj(2)), tx.location(Obj(2)), tx.owner(Obj(2))),
        (Some(Obj(1)), Some(Obj(1)), Some(Obj(1)))
    );
    assert!(!tx.valid(Obj(3)));
    commit(tx).expect("nobody else is there");
    assert_eq!(begin(&world).children(Obj(1)).as_deref(), Some(&vec![Obj(2)]));
}

#[test]
fn records_reach_the_log_in_commit_order() {
    let seen = StdArc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let world = World::new(
        Root::default(),
        Box::new(move |record: CommitRecord| log.lock().expect("no test panics here").push(record.stamp)),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    loop {
                        let mut tx = begin(&world);
                        tx.create(Obj::NOTHING, Some(Obj(0)));
                        if commit(tx).is_ok() {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(
        *seen.lock().expect("the writers are done"),
        (1..=800).collect::<Vec<_>>()
    );
    assert_eq!(begin(&world).max_object(), Obj(799));
}

#[test]
fn what_a_name_led_to_on_an_object_that_was_never_committed_is_forgotten() {
    let world = world_of(2);
    for (class, name) in [(Obj(0), "wave"), (Obj(1), "nod")] {
        let mut tx = begin(&world);
        tx.add_verb(class, verb(name)).expect("it exists");
        commit(tx).expect("nobody else is there");
    }
    let (mut mine, mut other) = (begin(&world), begin(&world));
    let made = mine.create(Obj(0), None);
    assert!(mine.find_callable_verb(made, Symbol::new("wave")).is_some());
    assert_eq!(other.create(Obj(1), None), made);
    commit(other).expect("it is the first");
    let (result, lookups) = mine.commit(false, |_| Vec::new());
    assert!(result.is_err());
    let mut again = Transaction::begin(&world, lookups);
    assert!(again.find_callable_verb(made, Symbol::new("wave")).is_none());
}

#[test]
fn an_inherited_value_that_was_read_before_follows_every_edit_of_the_chain() {
    let world = world_of(3);
    define(&world, Obj(0), "n", 1);
    let mut tx = begin(&world);
    tx.change_parent(Obj(1), Obj(0)).expect("there is no cycle");
    tx.change_parent(Obj(2), Obj(1)).expect("there is no cycle");
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    let clear = |tx: &mut Transaction, obj| {
        let property = tx.find_property(obj, Symbol::new("n")).expect("it is inherited");
        tx.clear_property(&property);
    };
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(1));
    set(&mut tx, Obj(0), "n", 2);
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(2));
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(2));
    set(&mut tx, Obj(1), "n", 3);
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(3));
    clear(&mut tx, Obj(1));
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(2));
    set(&mut tx, Obj(2), "n", 4);
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(4));
    clear(&mut tx, Obj(2));
    assert_eq!(get(&mut tx, Obj(2), "n"), Value::int(2));
    tx.change_parent(Obj(1), Obj::NOTHING).expect("there is no cycle");
    assert!(tx.find_property(Obj(2), Symbol::new("n")).is_err());
}

#[test]
fn who_writes_the_value_that_another_wrote_from_the_same_state_does_not_get_away_with_it() {
    let world = world_of(1);
    define(&world, Obj(0), "n", 0);
    let (mut a, mut b) = (begin(&world), begin(&world));
    for tx in [&mut a, &mut b] {
        assert_eq!(get(tx, Obj(0), "n"), Value::int(0));
        set(tx, Obj(0), "n", 1);
    }
    commit(a).expect("it is the first");
    commit(b).expect_err("both have counted one, and the sum would be one");
}

#[test]
fn who_looked_at_a_list_of_members_conflicts_with_whoever_joins_it() {
    let world = world_of(4);
    define(&world, Obj(3), "n", 0);
    for of_contents in [true, false] {
        let (mut looker, mut reader) = (begin(&world), begin(&world));
        for tx in [&mut looker, &mut reader] {
            let members = if of_contents {
                tx.contents(Obj(0))
            } else {
                tx.children(Obj(0))
            };
            assert_eq!(members.map(|members| members.len()), Some(0));
        }
        set(&mut looker, Obj(3), "n", 1);
        let mut joiner = begin(&world);
        match of_contents {
            true => joiner.relocate(Obj(1), Obj(0)).expect("it exists"),
            false => joiner.change_parent(Obj(2), Obj(0)).expect("it exists"),
        }
        commit(joiner).expect("it is the first");
        commit(looker).expect_err("somebody is there now");
        commit(reader).expect("it changed nothing, and saw one state");
    }
}
