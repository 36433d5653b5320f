//! A world that does not fit into its memory, on a real store: it must be what the same world in memory is.

use super::*;

/// So much is less than a hundredth of what these worlds take.
const BYTES_MAX: u64 = 4_000;

fn bounded(store: &Store, durability: Durability) -> (Log, Arc<World>) {
    let root = store
        .outline()
        .expect("the rows are whole")
        .expect("there is a world");
    let log = store.log(&root, durability, |_| {});
    let world = World::bounded(root, log.sink(), BYTES_MAX);
    (log, world)
}

/// A class and so many objects of it, in rooms, with texts of some kilobytes.
fn wide_world(objects: i64) -> Root {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = begin(&world);
    tx.create(Obj::NOTHING, Some(Obj(0)));
    tx.define_property(Obj(0), "text", Value::empty_str(), Obj(0), PropPerms(3))
        .expect("it was just made");
    for n in 1..=objects {
        let obj = tx.create(Obj(0), Some(Obj(0)));
        let property = tx
            .find_property(obj, Symbol::new("text"))
            .expect("it is inherited");
        tx.set_property_value(&property, text(n, 0));
        if n > 10 {
            tx.relocate(obj, Obj(1 + n % 10)).expect("it was just made");
        }
    }
    commit(tx).expect("nobody else is there");
    Root::clone(&world.snapshot())
}

fn text(n: i64, round: i64) -> Value {
    Value::string(format!("{n}.{round} ").repeat(20 + n as usize % 500))
}

#[test]
fn whatever_is_edited_a_world_with_little_memory_stays_the_same_as_one_in_memory() {
    for seed in 1..=4 {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(folder.path()).expect("the folder is good");
        let first = small_world();
        store.initialise(&first, &[]).expect("the store is empty");
        let (mut log, mut cold) = bounded(&store, Durability::Relaxed);
        let hot = World::new(first, Box::new(()));
        let mut randoms = [(); 2].map(|()| Random(0x9E37_79B9_7F4A_7C15u64.wrapping_mul(seed)));
        let mut old: Vec<(triomphe::Arc<Root>, String)> = Vec::new();
        for round in 0..400 {
            for (world, random) in [&hot, &cold].into_iter().zip(&mut randoms) {
                let mut tx = begin(world);
                (0..=random.below(4)).for_each(|_| edit(&mut tx, random));
                commit(tx).expect("nobody else is there");
            }
            if round % 20 == 0 {
                check_same(&cold.snapshot(), &hot.snapshot());
                old.push((cold.snapshot(), portrait(&cold.snapshot())));
            }
            if round % 100 == 99 {
                // What older snapshots answer has not changed, whatever has left memory and was written over.
                for (root, expected) in old.drain(..) {
                    assert!(portrait(&root) == expected, "a snapshot has changed");
                }
                log.flush().expect("the log runs");
                drop((log, cold));
                (log, cold) = bounded(&store, Durability::Strict);
                check_same(&cold.snapshot(), &hot.snapshot());
            }
        }
    }
}

/// What one thread does to the objects that are its own, of which it knows what they must say: it gives, for each, the
/// round in which it was last written, or -1 once it is recycled.
fn rewrite(world: &Arc<World>, thread: i64) -> Vec<i64> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15u64.wrapping_mul(thread as u64 + 1));
    let mut rounds = vec![0; (OBJECTS / THREADS) as usize];
    for round in 1..=600 {
        let at = random.below(rounds.len());
        let obj = own_object(thread, at);
        if obj.0 > OBJECTS || rounds[at] < 0 {
            continue;
        }
        loop {
            let mut tx = begin(world);
            let property = tx
                .find_property(obj, Symbol::new("text"))
                .expect("it is inherited");
            let is_as_it_was = tx.property_value(&property) == text(obj.0, rounds[at]);
            assert!(is_as_it_was && tx.unreadable().is_none(), "{obj}");
            let is_last = round % 40 == 0;
            if is_last {
                tx.relocate(obj, Obj::NOTHING).expect("it exists");
                tx.destroy(obj).expect("it exists");
            } else {
                tx.set_property_value(&property, text(obj.0, round));
            }
            // The rooms and the class are shared, so somebody else may have been first.
            if commit(tx).is_ok() {
                rounds[at] = if is_last { -1 } else { round };
                break;
            }
        }
    }
    rounds
}

const OBJECTS: i64 = 400;
const THREADS: i64 = 3;

fn own_object(thread: i64, at: usize) -> Obj {
    Obj(11 + at as i64 * THREADS + thread)
}

#[test]
fn threads_rewrite_and_recycle_a_world_many_times_larger_than_its_memory() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(&folder.path().join("a")).expect("the folder is good");
    store
        .initialise(&wide_world(OBJECTS), &[])
        .expect("the store is empty");
    let (log, world) = bounded(&store, Durability::Relaxed);
    let ends: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let world = &world;
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || rewrite(world, thread)))
            .collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("it saw what it wrote"));
        joined.collect()
    });
    log.wait(world.snapshot().stamp).expect("the log runs");
    // While the log was behind, what it had not written had to stay; each look at an object lets others go now.
    for _ in 0..3 {
        (0..OBJECTS).for_each(|n| drop(begin(&world).name(Obj(n))));
    }
    let bytes = world.resident_bytes();
    assert!(bytes < 2 * BYTES_MAX, "{bytes} bytes are in memory");
    // What a process that is killed leaves behind is what its files hold at that moment.
    let killed = reload(&copy_of(&folder.path().join("a"), &folder.path().join("b")));
    check_same(&killed, &world.snapshot());
    for (thread, rounds) in ends.iter().enumerate() {
        for (at, &round) in rounds.iter().enumerate() {
            let obj = own_object(thread as i64, at);
            let found = killed.get(obj).expect("it is in memory");
            let said = found.map(|record| record.slots[0].value.clone());
            let expected = (obj.0 <= OBJECTS && round >= 0).then(|| text(obj.0, round));
            assert_eq!(said, expected, "{obj}");
        }
    }
}

#[test]
fn a_dump_of_a_world_with_little_memory_is_whole_and_leaves_memory_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    let root = wide_world(300);
    store.initialise(&root, &[]).expect("the store is empty");
    let (_log, world) = bounded(&store, Durability::Relaxed);
    let dump = |root: &Root| {
        let mut out = Vec::new();
        let dump = crate::textdump::Dump {
            root,
            forked: &[],
            connections: &[],
        };
        crate::textdump::write(&dump, &mut out).expect("a buffer takes everything");
        out
    };
    assert!(dump(&world.snapshot()) == dump(&root), "the dumps differ");
    assert_eq!(world.resident_bytes(), 0);
}

#[test]
fn a_damaged_row_shows_when_it_is_needed_and_only_there() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    store
        .initialise(&wide_world(20), &[])
        .expect("the store is empty");
    let key = crate::table::object_key(Obj(5));
    store
        .db
        .put_cf(store.table(Table::PropClear), key, [9])
        .expect("there is room");
    let (_log, world) = bounded(&store, Durability::Relaxed);
    let mut tx = begin(&world);
    assert!(tx.valid(Obj(5)) && tx.unreadable().is_none());
    assert_eq!(tx.name(Obj(4)), Some(Value::empty_str()));
    assert!(tx.unreadable().is_none());
    tx.name(Obj(5));
    let why = tx.unreadable().expect("the row is damaged").to_string();
    assert_eq!(
        why,
        "#5 cannot be read: the store is damaged: row 0000000000000005 of propclear: its version is 9, which is not \
         known; restore a backup"
    );
    assert!(commit(tx).is_err());
}
