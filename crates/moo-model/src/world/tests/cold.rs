//! Worlds of which little is in memory: they answer as others do, whatever leaves memory when.

use super::*;
use crate::world::shadow::Shadow;

const OBJECTS: i64 = 40;
const NAMES: [&str; 2] = ["a", "b"];

/// A world of objects that each have `.a` and `.b`, 100 both, with a long text beside, and its store.
fn cold_world(bytes_max: u64) -> (StdArc<World>, StdArc<Shadow>) {
    let shadow = StdArc::new(Shadow::default());
    let root = Root {
        cold: Some(shadow.clone()),
        ..Root::default()
    };
    let world = World::bounded(root, Box::new(shadow.clone()), bytes_max);
    let mut tx = begin(&world);
    for n in 0..OBJECTS {
        let obj = tx.create(Obj::NOTHING, Some(Obj(0)));
        for name in NAMES {
            let defined = tx.define_property(obj, name, Value::int(100), Obj(0), PropPerms::READ);
            defined.expect("it was just made");
        }
        let text = Value::string("long ".repeat(100 + 20 * n as usize));
        tx.define_property(obj, "text", text, Obj(0), PropPerms::READ)
            .expect("it was just made");
    }
    commit(tx).expect("nobody else is there");
    settle(&world);
    (world, shadow)
}

/// Commits what changes nothing, until the store has all that was committed before.
fn settle(world: &StdArc<World>) {
    for _ in 0..4 {
        let (result, _) = begin(world).commit(true, |_| Vec::new());
        assert!(result.is_ok(), "it has read nothing");
    }
}

/// Reads everything until these are not in memory.
fn drive_out(world: &StdArc<World>, gone: &[Obj]) {
    let is_out = |obj: &Obj| {
        world
            .snapshot()
            .entry(*obj)
            .is_some_and(|entry| entry.record().is_none())
    };
    for _ in 0..20 {
        if gone.iter().all(is_out) {
            return;
        }
        for n in (0..OBJECTS).map(Obj).filter(|obj| !gone.contains(obj)) {
            begin(world).name(n);
        }
    }
    panic!("what nobody uses leaves memory");
}

fn total(root: &Root) -> i64 {
    let sum = |record: &ObjectRecord| {
        record
            .slots
            .iter()
            .filter_map(|slot| slot.value.as_int())
            .sum::<i64>()
    };
    root.iter()
        .map(|item| sum(&item.expect("it can be read").1))
        .sum()
}

#[test]
fn what_is_read_again_and_again_fits_into_the_bound() {
    let bytes_max = 20_000;
    let (world, shadow) = cold_world(bytes_max);
    for round in 0..20 {
        for n in 0..OBJECTS {
            let mut tx = begin(&world);
            assert_eq!(get(&mut tx, Obj(n), "a"), Value::int(100));
            let text = get(&mut tx, Obj(n), "text");
            assert_eq!(text.as_str().map(str::len), Some(500 + 100 * n as usize));
        }
        assert!(
            round == 0 || world.resident_bytes() < 2 * bytes_max,
            "{} bytes are in memory",
            world.resident_bytes()
        );
    }
    assert!(shadow.loads() > OBJECTS as u64, "it does not all fit");
    let before = shadow.loads();
    assert!((0..OBJECTS).all(|n| begin(&world).valid(Obj(n))));
    assert_eq!(
        shadow.loads(),
        before,
        "whether an object exists is known without it"
    );
}

#[test]
fn edits_meet_a_newer_version_that_has_left_memory() {
    let (world, _) = cold_world(5_000);
    let (mut mine, mut other) = (begin(&world), begin(&world));
    set(&mut mine, Obj(7), "a", 1);
    set(&mut other, Obj(7), "b", 2);
    commit(other).expect("it is the first");
    settle(&world);
    drive_out(&world, &[Obj(7)]);
    // Whether it conflicts is not known without the stamps of cells, so at worst it runs again.
    if commit(mine).is_err() {
        let mut again = begin(&world);
        set(&mut again, Obj(7), "a", 1);
        commit(again).expect("nobody else is there");
    }
    let mut tx = begin(&world);
    assert_eq!(
        (get(&mut tx, Obj(7), "a"), get(&mut tx, Obj(7), "b")),
        (Value::int(1), Value::int(2))
    );
}

#[test]
fn two_walk_into_a_room_that_has_left_memory() {
    let (world, _) = cold_world(5_000);
    let (room, first, second) = (Obj(5), Obj(6), Obj(7));
    let mut mine = begin(&world);
    mine.relocate(first, room).expect("it exists");
    let mut other = begin(&world);
    other.relocate(second, room).expect("it exists");
    commit(other).expect("it is the first");
    settle(&world);
    drive_out(&world, &[room]);
    commit(mine).expect("nobody has asked who is there");
    assert_eq!(
        begin(&world).contents(room).as_deref(),
        Some(&vec![second, first])
    );
}

#[test]
fn an_object_that_cannot_be_read_ends_what_needs_it_and_nothing_else() {
    let (world, shadow) = cold_world(5_000);
    let bad = Obj(9);
    drive_out(&world, &[bad]);
    shadow.damage(bad);
    for edits in [false, true] {
        let mut tx = begin(&world);
        assert!(tx.valid(bad) && tx.unreadable().is_none());
        assert_eq!(
            tx.find_property(bad, Symbol::new("a")).map(drop),
            Err(ErrorCode::PropNf)
        );
        let unreadable = tx.unreadable().expect("it was asked for").to_string();
        assert_eq!(unreadable, "#9 cannot be read: it is missing");
        if edits {
            tx.set_name(bad, Value::str("new")).expect("it exists");
        }
        assert!(commit(tx).is_err());
    }
    let mut tx = begin(&world);
    set(&mut tx, Obj(8), "a", 5);
    commit(tx).expect("it is another object");
}

/// Amounts move between objects, and objects come and go, while others add everything up, in the newest state and in old
/// ones, and nearly nothing fits into memory.
#[test]
fn threads_that_race_with_what_leaves_memory_see_whole_states() {
    let (world, _) = cold_world(3_000);
    let expected = total(&world.snapshot());
    std::thread::scope(|scope| {
        for seed in 1..=3u64 {
            let world = &world;
            scope.spawn(move || {
                let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let mut below = |limit: u64| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random % limit
                };
                let mut old: Vec<Arc<Root>> = Vec::new();
                for step in 0..1_500 {
                    let mut tx = begin(world);
                    let places: Vec<(Obj, &str)> = (0..2)
                        .map(|_| (Obj(below(OBJECTS as u64) as i64), NAMES[below(2) as usize]))
                        .collect();
                    let (from, to) = (places[0], places[1]);
                    let amount = get(&mut tx, from.0, from.1).as_int().expect("it is a number");
                    set(&mut tx, from.0, from.1, amount - 1);
                    let amount = get(&mut tx, to.0, to.1).as_int().expect("it is a number");
                    set(&mut tx, to.0, to.1, amount + 1);
                    if step % 50 == 0 {
                        let made = tx.create(Obj(0), Some(Obj(0)));
                        tx.destroy(made).expect("it was just made");
                    }
                    // One that lost a race is not run again: others have done enough.
                    let _ = commit(tx);
                    if step % 100 == 0 {
                        old.insert(below(old.len() as u64 + 1) as usize, world.snapshot());
                        old.truncate(4);
                        old.iter().for_each(|root| assert_eq!(total(root), expected));
                    }
                }
            });
        }
    });
    assert_eq!(total(&world.snapshot()), expected);
}
