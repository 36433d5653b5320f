//! What was committed is there after every kind of end; what was not, is not.

mod cold;

use std::fs;

use moo_model::ledger::Row;
use moo_model::world::{
    ArgSpec, Code, Conflict, Flags, ObjSpec, ObjectRecord, PrepSpec, PropDef, PropId, PropPerms, Stamp,
    Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{Obj, Symbol, Value};

use super::*;
use crate::table::OBJECT_NUMBERS_MAX;
use crate::textdump::tests::{lambda_core, small_world};

/// Everything of a root that must survive, as text: stamps of cells are only good for one run.
pub(crate) fn portrait(root: &Root) -> String {
    let mut text = format!("{:?} {} {:?}\n", root.settings, root.objects.len(), root.players);
    let anonymous = root.anonymous.iter();
    let anonymous = anonymous.map(|(&id, entry)| {
        let record = entry.record().expect("it is always in memory");
        Ok((Obj::anonymous(id), record.clone()))
    });
    for item in root.iter().chain(anonymous) {
        let (obj, record) = item.expect("the rows are whole");
        let mut record = ObjectRecord::clone(&record);
        record.stamps = Default::default();
        record.note_references();
        record.slots.iter_mut().for_each(|slot| slot.stamp = 0);
        let sources: Vec<&str> = record.verbs.iter().map(|verb| &*verb.code.source).collect();
        text += &format!("{obj} {:?} {record:#?} {sources:?}\n", obj.anonymous_id());
    }
    format!("{text}{}", root.anonymous_ids)
}

#[track_caller]
pub(crate) fn check_same(stored: &Root, expected: &Root) {
    let (stored, expected) = (portrait(stored), portrait(expected));
    let differing = stored.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(stored == expected, "the first lines that differ: {differing:?}");
}

fn begin(world: &Arc<World>) -> Transaction {
    Transaction::begin(world, Box::default())
}

fn commit(tx: Transaction) -> Result<Stamp, Conflict> {
    tx.commit(false, |_| Vec::new()).0.map(|done| done.stamp)
}

/// A store with a world in it, and its log.
fn running(folder: &Path, root: &Root) -> (Store, Log, Arc<World>) {
    let store = Store::open(folder).expect("the folder is good");
    store.initialise(root, &[]).expect("the store is empty");
    let log = store.log(root, Durability::Relaxed, |_| {});
    let world = World::new(root.clone(), log.sink());
    (store, log, world)
}

fn reload(folder: &Path) -> Root {
    let store = Store::open(folder).expect("the folder is good");
    let root = store.load().expect("the rows are whole");
    root.expect("there is a world")
}

fn set_name(world: &Arc<World>, name: &str) -> Stamp {
    let mut tx = begin(world);
    tx.set_name(Obj(0), Value::str(name)).expect("it exists");
    commit(tx).expect("nobody else is there")
}

#[test]
fn an_imported_world_comes_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = small_world();
    let store = Store::open(folder.path()).expect("the folder is good");
    assert!(store.load().expect("it is empty").is_none());
    store.initialise(&root, &[]).expect("it is empty");
    assert!(matches!(store.initialise(&root, &[]), Err(DbError::NotEmpty)));
    drop(store);
    check_same(&reload(folder.path()), &root);
}

#[test]
fn an_import_that_was_cut_off_leaves_no_world_and_can_be_done_again() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    let stray = ObjectRecord::new(Obj(5));
    let mut batch = crate::batch::Batch::new(&store.db);
    batch.object(Obj(5), None, Some(&triomphe::Arc::new(stray)));
    store.db.write(batch.into_rows()).expect("there is room");
    assert!(store.load().expect("no world yet").is_none());
    store
        .initialise(&small_world(), &[])
        .expect("there is no world yet");
    drop(store);
    check_same(&reload(folder.path()), &small_world());
}

#[test]
fn a_second_server_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let _first = Store::open(folder.path()).expect("the folder is good");
    let second = Store::open(folder.path()).err().expect("it is in use");
    assert!(matches!(second, DbError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("is in use by another server"));
}

#[test]
fn a_newer_store_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    store
        .db
        .put_cf(store.table(Table::Meta), meta::FORMAT, [FORMAT + 1])
        .expect("there is room");
    drop(store);
    let error = Store::open(folder.path()).err().expect("it is newer");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[test]
fn a_damaged_row_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    store.initialise(&small_world(), &[]).expect("it is empty");
    store
        .db
        .put_cf(store.table(Table::Object), 1i64.to_be_bytes(), [1, 7])
        .expect("there is room");
    let error = store.load().err().expect("it is damaged");
    assert_eq!(
        error.to_string(),
        "the store is damaged: row 0000000000000001 of obj: it ends too early; restore a backup"
    );
}

#[test]
fn numbers_that_are_out_of_all_bounds_are_damage_and_not_a_crash() {
    let damaged = |table, key: &[u8], row: Vec<u8>| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(folder.path()).expect("the folder is good");
        store.initialise(&small_world(), &[]).expect("it is empty");
        store
            .db
            .put_cf(store.table(table), key, row)
            .expect("there is room");
        store.load().err().expect("it is damaged").to_string()
    };
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut row = Vec::new();
        write(&mut row);
        row
    };
    for extent in [u64::MAX, 1 << 60, OBJECT_NUMBERS_MAX + 1] {
        let row = written(&|row| crate::row::put_number(extent, row));
        let said = damaged(Table::Meta, meta::EXTENT, row);
        assert!(said.contains("of meta: a number is out of range"), "{said}");
    }
    let def = PropDef {
        id: PropId(u32::MAX),
        name: Value::str("last"),
        symbol: Symbol::new("last"),
    };
    let row = written(&|row| crate::row::put_propdefs(std::slice::from_ref(&def), row));
    let said = damaged(Table::PropDef, &0i64.to_be_bytes(), row);
    assert!(said.contains("of propdef: a number is out of range"), "{said}");
}

#[test]
fn a_copy_of_the_folder_taken_while_running_holds_all_that_was_written() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (_store, log, world) = running(&folder.path().join("a"), &small_world());
    let stamp = set_name(&world, "renamed");
    log.wait(stamp).expect("the log runs");
    // What a process that is killed leaves behind is what its files hold at that moment.
    let copy = copy_of(&folder.path().join("a"), &folder.path().join("b"));
    check_same(&reload(&copy), &world.snapshot());
}

fn copy_of(from: &Path, to: &Path) -> std::path::PathBuf {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
    }
    to.to_path_buf()
}

#[test]
fn a_torn_last_record_loses_that_commit_only() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (_store, log, world) = running(&folder.path().join("a"), &small_world());
    log.wait(set_name(&world, "first")).expect("the log runs");
    let expected = world.snapshot();
    log.wait(set_name(&world, "second")).expect("the log runs");
    let copy = copy_of(&folder.path().join("a"), &folder.path().join("b"));
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "log");
    let files = fs::read_dir(&copy).expect("it was just made");
    let newest = files
        .map(|f| f.expect("it can be read").path())
        .filter(is_log)
        .max();
    let newest = newest.expect("there is a log");
    let bytes = fs::read(&newest).expect("it can be read");
    let end = bytes.iter().rposition(|&b| b != 0).expect("it is not empty");
    fs::write(&newest, &bytes[..end - 3]).expect("there is room");
    let root = reload(&copy);
    check_same(&root, &expected);
    assert_eq!(root.stamp, expected.stamp);
}

#[test]
fn a_checkpoint_is_a_store_as_of_one_commit() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (store, log, world) = running(&folder.path().join("a"), &small_world());
    log.wait(set_name(&world, "before")).expect("the log runs");
    let expected = world.snapshot();
    store
        .checkpoint(&folder.path().join("copy"))
        .expect("there is room");
    log.wait(set_name(&world, "after")).expect("the log runs");
    check_same(&reload(&folder.path().join("copy")), &expected);
}

#[test]
fn server_rows_ride_in_commits_and_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (store, log, world) = running(folder.path(), &small_world());
    let row = |relation, key: &[u8], value: Option<&[u8]>| Row {
        relation,
        key: key.to_vec(),
        value: value.map(<[u8]>::to_vec),
    };
    let (result, _) = begin(&world).commit(true, |stamp| {
        vec![
            row(Relation::Task, b"2", Some(&stamp.to_le_bytes())),
            row(Relation::Task, b"1", Some(b"one")),
        ]
    });
    let stamp = result.expect("nobody else is there").stamp;
    let alone = vec![
        row(Relation::Task, b"1", None),
        row(Relation::Outbox, b"k", Some(b"v")),
    ];
    log.put_rows(alone).expect("the log runs");
    log.flush().expect("the log runs");
    assert_eq!(log.written(), stamp);
    let all = |relation| {
        store
            .rows(relation)
            .map(|row| row.expect("it can be read"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        all(Relation::Task),
        vec![(b"2".to_vec(), stamp.to_le_bytes().to_vec())]
    );
    assert_eq!(all(Relation::Outbox), vec![(b"k".to_vec(), b"v".to_vec())]);
    assert!(all(Relation::Server).is_empty());
}

#[test]
fn an_object_recycled_as_its_number_is_forgotten_leaves_no_row() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (store, log, world) = running(folder.path(), &small_world());
    let mut tx = begin(&world);
    let obj = tx.create(Obj::NOTHING, Some(Obj(0)));
    tx.define_property(obj, "secret", Value::str("hidden"), obj, PropPerms(0))
        .expect("it was just made");
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    tx.destroy(obj).expect("it exists");
    tx.reset_max_object();
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    assert_eq!(tx.create(Obj::NOTHING, Some(Obj(0))), obj);
    commit(tx).expect("nobody else is there");
    let expected = world.snapshot();
    drop((log, store));
    check_same(&reload(folder.path()), &expected);
}

#[test]
fn a_property_that_is_no_more_is_not_taken_for_a_new_one_where_an_anonymous_object_has_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (store, log, world) = running(folder.path(), &small_world());
    let define = |tx: &mut Transaction, name: &str| {
        tx.define_property(Obj(0), name, Value::int(0), Obj(0), PropPerms(3))
            .expect("there is no such property");
    };
    let mut tx = begin(&world);
    define(&mut tx, "old");
    let obj = tx.create_anonymous(Obj(0), Obj(0));
    keep(&mut tx, obj, "old", obj);
    commit(tx).expect("nobody else is there");
    let mut tx = begin(&world);
    tx.delete_property(Obj(0), Symbol::new("old"))
        .expect("it is defined there");
    commit(tx).expect("nobody else is there");
    drop((log, store, world));
    let store = Store::open(folder.path()).expect("the folder is good");
    for root in [store.load(), store.outline()] {
        let root = root.expect("the rows are whole").expect("there is a world");
        let world = World::new(root, Box::new(()));
        let mut tx = begin(&world);
        define(&mut tx, "new");
        let property = tx.find_property(obj, Symbol::new("new"));
        let property = property.expect("it was just defined");
        assert!(tx.is_clear(&property), "{:?}", tx.property_value(&property));
    }
}

/// A source of numbers that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn obj(&mut self, tx: &mut Transaction) -> Obj {
        Obj(self.below(tx.max_object().0 as usize + 2) as i64 - 1)
    }
}

/// One edit of any kind; one that is not allowed changes nothing.
fn edit(tx: &mut Transaction, random: &mut Random) {
    let (a, b) = (random.obj(tx), random.obj(tx));
    let name = ["p", "q", "r"][random.below(3)];
    match random.below(15) {
        0 | 1 => {
            tx.create(a, Some(b));
        }
        2 => {
            let is_empty = tx.contents(a).is_some_and(|contents| contents.is_empty());
            if a.0 > 1 && is_empty && tx.relocate(a, Obj::NOTHING).is_ok() {
                tx.destroy(a).expect("it exists and is empty");
            }
        }
        3 => {
            let _ = tx.change_parent(a, b);
        }
        4 if tx.valid(a) && !tx.is_inside(b, a) => {
            let location = if tx.valid(b) { b } else { Obj::NOTHING };
            tx.relocate(a, location).expect("it exists");
        }
        5 if !tx.property_clashes(a, Symbol::new(name)) => {
            let _ = tx.define_property(
                a,
                name,
                Value::strings([name]),
                b,
                PropPerms(random.below(8) as u8),
            );
        }
        6 => {
            let _ = tx.delete_property(a, Symbol::new(name));
        }
        7 | 8 => {
            if let Ok(property) = tx.find_property(a, Symbol::new(name)) {
                match random.below(3) {
                    0 if property.definer != a => tx.clear_property(&property),
                    1 => tx.set_property_perms(&property, b, PropPerms(random.below(8) as u8)),
                    _ => tx.set_property_value(&property, Value::int(random.below(1000) as i64)),
                }
            }
        }
        9 => {
            let _ = tx.add_verb(a, verb(b, name));
        }
        10 => {
            let _ = tx.delete_verb(a, random.below(2));
        }
        11 => {
            let code = Code::new(format!("return {};", random.below(9)));
            let _ = tx.set_verb_code(a, random.below(2), code);
        }
        12 => {
            let made = tx.create_anonymous(a, b);
            keep(tx, b, name, made);
        }
        13 => edit_anonymous(tx, random, name),
        _ => {
            let _ = tx.set_player(a, random.below(2) == 0);
            let _ = tx.set_flag(b, Flags::READ, random.below(2) == 0);
            if random.below(20) == 0 {
                tx.reset_max_object();
                let _ = tx.renumber(a);
            }
        }
    }
}

/// Has an anonymous object refer to itself, or destroys it.
fn edit_anonymous(tx: &mut Transaction, random: &mut Random, name: &str) {
    let all = tx.root().anonymous.keys().copied();
    let Some(obj) = all.map(Obj::anonymous).nth(random.below(4)) else {
        return;
    };
    if random.below(3) == 0 {
        // Another edit of this transaction may have done it.
        let _ = tx.destroy(obj);
    } else {
        keep(tx, obj, name, obj);
    }
}

/// Keeps a reference in a property, if there is one of this name.
fn keep(tx: &mut Transaction, at: Obj, name: &str, obj: Obj) {
    if let Ok(property) = tx.find_property(at, Symbol::new(name)) {
        tx.set_property_value(&property, Value::list(vec![Value::obj(obj)]));
    }
}

fn verb(owner: Obj, names: &str) -> VerbRecord {
    VerbRecord {
        id: 0,
        names: Value::str(names),
        owner,
        perms: VerbPerms(13),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::Is(3),
            iobj: ObjSpec::Any,
        },
        code: Code::new("return 1;"),
    }
}

#[test]
fn whatever_was_edited_the_store_says_what_the_world_says() {
    for seed in 1..=4 {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (store, log, mut world) = running(folder.path(), &small_world());
        let (mut store, mut log) = (Some(store), log);
        let mut random = Random(0x9E37_79B9_7F4A_7C15u64.wrapping_mul(seed));
        let mut made = 0;
        for round in 0..300 {
            let mut tx = begin(&world);
            (0..=random.below(4)).for_each(|_| edit(&mut tx, &mut random));
            commit(tx).expect("nobody else is there");
            if round % 50 == 49 {
                let expected = world.snapshot();
                drop((log, store.take()));
                let reopened = Store::open(folder.path()).expect("the folder is good");
                let root = reopened
                    .load()
                    .expect("the rows are whole")
                    .expect("there is a world");
                check_same(&root, &expected);
                assert_eq!(root.unreachable([]), expected.unreachable([]));
                made += root.anonymous.len();
                log = reopened.log(&root, Durability::Strict, |_| {});
                world = World::new(root, log.sink());
                store = Some(reopened);
            }
        }
        assert!(made > 0, "anonymous objects were made");
    }
}

#[test]
fn lambda_core_is_stored_and_loaded_whole() {
    let Some(bytes) = lambda_core() else { return };
    let imported = crate::textdump::read(&bytes[..], &|_| true, &mut |_| {}).expect("it is a good file");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    let start = std::time::Instant::now();
    store.initialise(&imported.root, &[]).expect("it is empty");
    eprintln!("stored in {:?}", start.elapsed());
    drop(store);
    let start = std::time::Instant::now();
    let root = reload(folder.path());
    eprintln!("opened and loaded in {:?}", start.elapsed());
    check_same(&root, &imported.root);
}
