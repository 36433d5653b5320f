//! Anonymous objects come, are handed around and are collected, while tasks hold them that nobody sees.

use std::sync::Arc as StdArc;

use super::*;
use crate::world::{Committed, Conflict, PropPerms, Stamp, World};
use crate::{ErrorCode, Symbol, Value};

const CLASS: Obj = Obj(0);
const SHELVES: i64 = 4;

/// A class, and some objects with a property each to keep things in.
fn world() -> StdArc<World> {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = begin(&world);
    let class = tx.create(Obj::NOTHING, None);
    assert_eq!(class, CLASS);
    for name in ["next", "kept"] {
        define(&mut tx, CLASS, name);
    }
    for _ in 1..=SHELVES {
        tx.create(CLASS, Some(CLASS));
    }
    commit(tx).expect("nobody else is there");
    world
}

fn begin(world: &StdArc<World>) -> Transaction {
    Transaction::begin(world, Box::default())
}

fn commit(tx: Transaction) -> Result<Stamp, Conflict> {
    tx.commit(false, |_| Vec::new())
        .0
        .map(|Committed { stamp, .. }| stamp)
}

fn define(tx: &mut Transaction, obj: Obj, name: &str) {
    tx.define_property(obj, name, Value::int(0), CLASS, PropPerms::READ)
        .expect("the object has no such property");
}

fn set(tx: &mut Transaction, obj: Obj, name: &str, value: Value) {
    let property = tx
        .find_property(obj, Symbol::new(name))
        .expect("the property is there");
    tx.set_property_value(&property, value);
}

fn get(tx: &mut Transaction, obj: Obj, name: &str) -> Value {
    let property = tx
        .find_property(obj, Symbol::new(name))
        .expect("the property is there");
    tx.property_value(&property)
}

/// Makes an object that a shelf keeps.
fn made(world: &StdArc<World>, shelf: Obj) -> Obj {
    let mut tx = begin(world);
    let obj = tx.create_anonymous(CLASS, CLASS);
    set(&mut tx, shelf, "kept", Value::obj(obj));
    commit(tx).expect("nobody else is there");
    obj
}

fn forget(world: &StdArc<World>, shelf: Obj) {
    let mut tx = begin(world);
    set(&mut tx, shelf, "kept", Value::int(0));
    commit(tx).expect("nobody else is there");
}

#[test]
fn it_has_no_number_and_is_nobodys_listed_child() {
    let world = world();
    let obj = made(&world, Obj(1));
    let mut tx = begin(&world);
    assert!(tx.valid(obj) && obj.is_anonymous());
    assert_eq!(tx.max_object(), Obj(SHELVES));
    assert_eq!(tx.parent(obj), Some(CLASS));
    assert!(!tx.children(CLASS).expect("it exists").contains(&obj));
    set(&mut tx, obj, "kept", Value::int(7));
    commit(tx).expect("nobody else is there");
    assert_eq!(get(&mut begin(&world), obj, "kept"), Value::int(7));
}

#[test]
fn it_follows_what_becomes_of_its_parent() {
    let world = world();
    let mut tx = begin(&world);
    let class = tx.create(CLASS, Some(CLASS));
    let obj = tx.create_anonymous(class, CLASS);
    set(&mut tx, Obj(1), "kept", Value::obj(obj));
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    define(&mut tx, class, "late");
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert_eq!(get(&mut tx, obj, "late"), Value::int(0));
    set(&mut tx, obj, "late", Value::int(3));
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert_eq!(get(&mut tx, obj, "late"), Value::int(3));
    tx.destroy(class).expect("it exists");
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert_eq!(tx.parent(obj), Some(CLASS));
    assert_eq!(
        tx.find_property(obj, Symbol::new("late")).err(),
        Some(ErrorCode::PropNf)
    );
}

#[test]
fn one_made_while_its_parent_is_destroyed_is_not_left_without() {
    let world = world();
    let mut tx = begin(&world);
    let class = tx.create(CLASS, Some(CLASS));
    commit(tx).expect("nobody else is there");
    let (mut maker, mut destroyer) = (begin(&world), begin(&world));
    maker.create_anonymous(class, CLASS);
    destroyer.destroy(class).expect("it exists");
    commit(maker).expect("it is the first");
    assert!(commit(destroyer).is_err());
}

#[test]
fn what_nothing_leads_to_is_found_also_in_circles() {
    let world = world();
    let (a, b) = (made(&world, Obj(1)), made(&world, Obj(2)));
    let mut tx = begin(&world);
    set(&mut tx, a, "next", Value::list(vec![Value::obj(b)]));
    set(&mut tx, b, "next", Value::obj(a));
    commit(tx).expect("nobody else is there");
    forget(&world, Obj(1));
    assert_eq!(world.snapshot().unreachable([]).expect("all is in memory"), []);
    forget(&world, Obj(2));
    let mut found = world.snapshot().unreachable([]).expect("all is in memory");
    found.sort();
    assert_eq!(found, [b, a]);
    assert_eq!(world.snapshot().unreachable([a]).expect("all is in memory"), []);
}

#[test]
fn whoever_took_it_from_where_it_is_no_more_runs_again() {
    let world = world();
    made(&world, Obj(1));
    let mut holder = begin(&world);
    let held = get(&mut holder, Obj(1), "kept");
    forget(&world, Obj(1));
    set(&mut holder, Obj(2), "kept", held);
    assert_eq!(commit(holder).map_err(|conflict| conflict.obj), Err(Obj(1)));
}

#[test]
fn a_reference_to_one_that_was_recycled_may_be_kept() {
    let world = world();
    let obj = made(&world, Obj(1));
    let mut tx = begin(&world);
    tx.destroy(obj).expect("it exists");
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert!(!tx.valid(obj));
    set(&mut tx, Obj(2), "kept", Value::obj(obj));
    commit(tx).expect("it was gone before");
    assert_eq!(world.snapshot().unreachable([]).expect("all is in memory"), []);
}

/// A task of the random test. It may hold one reference while it waits; while it runs, it has a transaction and what it
/// holds now.
#[derive(Default)]
struct Task {
    waits_with: Option<Obj>,
    runs: Option<(Transaction, Option<Obj>)>,
    /// How often it has ended or waited again.
    slices: u32,
}

fn below(random: &mut u64, limit: u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random % limit
}

/// A step of a task: it begins, does something, waits, or ends. One that conflicts waits as it did before.
fn act(world: &StdArc<World>, task: &mut Task, random: &mut u64) {
    let Some((mut tx, mut held)) = task.runs.take() else {
        task.runs = Some((begin(world), task.waits_with));
        return;
    };
    let shelf = Obj(1 + below(random, SHELVES as u64) as i64);
    match below(random, 7) {
        0 => held = Some(tx.create_anonymous(CLASS, CLASS)),
        1 => held = get(&mut tx, shelf, "kept").referent().or(held),
        2 | 3 => {
            let value = held.take().map_or(Value::int(0), Value::obj);
            set(&mut tx, shelf, "kept", value);
        }
        4 => {
            let kept = get(&mut tx, shelf, "kept").referent();
            if let Some((obj, next)) = kept.zip(held) {
                set(&mut tx, obj, "next", Value::list(vec![Value::obj(next)]));
            }
        }
        which => {
            task.slices += 1;
            if tx.commit(true, |_| Vec::new()).0.is_ok() {
                task.waits_with = held.filter(|_| which == 5);
            }
            return;
        }
    }
    task.runs = Some((tx, held));
}

/// A collection under way: the state it looks at, what tasks held meanwhile, and how often each task that ran when the
/// state was taken had ended then.
struct Collection {
    state: triomphe::Arc<Root>,
    held: Vec<Obj>,
    ran: Vec<Option<u32>>,
}

/// Runs tasks and collections against each other; how many objects were collected, and how often somebody missed one.
/// A hasty collector asks only at the end what tasks hold.
fn run(seed: u64, is_hasty: bool) -> (u32, u32) {
    let (world, mut random) = (world(), seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut tasks: Vec<Task> = (0..4).map(|_| Task::default()).collect();
    let mut collection: Option<Collection> = None;
    let mut found: Vec<Obj> = Vec::new();
    let (mut collected, mut missed) = (0, 0);
    for _ in 0..400 {
        match below(&mut random, 12) {
            0 if collection.is_none() => {
                collection = Some(Collection {
                    held: tasks.iter().filter_map(|task| task.waits_with).collect(),
                    state: world.snapshot(),
                    ran: tasks
                        .iter()
                        .map(|task| task.runs.as_ref().map(|_| task.slices))
                        .collect(),
                });
            }
            1 => {
                if let Some(obj) = found.pop() {
                    let mut tx = begin(&world);
                    // An earlier collection may have found it too.
                    if tx.destroy(obj).is_ok() {
                        match commit(tx) {
                            Ok(_) => collected += 1,
                            Err(_) => found.push(obj),
                        }
                    }
                }
            }
            _ => {
                let at = below(&mut random, 4) as usize;
                act(&world, &mut tasks[at], &mut random);
                if let Some(collection) = &mut collection {
                    collection.held.extend(tasks[at].waits_with);
                }
            }
        }
        let have_ended = |collection: &mut Collection| {
            let mut pairs = collection.ran.iter().zip(&tasks);
            pairs.all(|(ran, task)| ran.is_none_or(|slices| task.slices > slices))
        };
        if let Some(done) = collection.take_if(have_ended)
            && found.is_empty()
        {
            let held = match is_hasty {
                true => tasks.iter().filter_map(|task| task.waits_with).collect(),
                false => done.held,
            };
            found = done.state.unreachable(held).expect("all is in memory");
        }
        missed += wanted(&world, &tasks)
            .filter(|&obj| world.snapshot().entry(obj).is_none())
            .count() as u32;
    }
    (collected, missed)
}

/// What properties and waiting tasks refer to.
fn wanted(world: &World, tasks: &[Task]) -> impl Iterator<Item = Obj> {
    let mut wanted: Vec<Obj> = tasks.iter().filter_map(|task| task.waits_with).collect();
    for item in world.snapshot().iter() {
        let (_, record) = item.expect("all is in memory");
        for slot in &record.slots {
            slot.value.each_anonymous(|obj| wanted.push(obj));
        }
    }
    wanted.into_iter()
}

#[test]
fn whatever_happens_meanwhile_nothing_is_collected_that_somebody_has() {
    let mut all = 0;
    for seed in 1..400 {
        let (collected, missed) = run(seed, false);
        assert_eq!(missed, 0, "seed {seed}");
        all += collected;
    }
    assert!(all > 1_000, "{all} were collected");
}

#[test]
fn a_collector_that_asks_the_tasks_too_late_is_found_out() {
    assert!((1..400).any(|seed| run(seed, true).1 > 0));
}
