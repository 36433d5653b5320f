//! What the log promises to those who wait for it.

use std::sync::mpsc::channel;
use std::time::Duration;

use moo_model::world::{Transaction, World};
use moo_model::{Obj, Value};

use super::*;
use crate::Store;
use crate::textdump::tests::small_world;

const PATIENCE: Duration = Duration::from_secs(20);

fn rename(world: &Arc<World>, name: &str) -> Stamp {
    let mut tx = Transaction::begin(world, Box::default());
    tx.set_name(Obj(0), Value::str(name)).expect("it exists");
    let (result, _) = tx.commit(false, |_| Vec::new());
    result.expect("nobody else is there").stamp
}

#[test]
fn every_commit_is_announced_in_order_in_both_modes() {
    for durability in [Durability::Relaxed, Durability::Strict] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(folder.path()).expect("the folder is good");
        let root = small_world();
        store.initialise(&root, &[]).expect("it is empty");
        let (events, told) = channel();
        let log = store.log(&root, durability, move |event| drop(events.send(event)));
        let world = World::new(root, log.sink());
        let last = (0..100).map(|n| rename(&world, &n.to_string())).max();
        let last = last.expect("there were commits");
        log.wait(last).expect("the log runs");
        let mut before = 0;
        while before < last {
            match told.recv_timeout(PATIENCE) {
                Ok(Event::Written(stamp)) => {
                    assert!(stamp > before);
                    before = stamp;
                }
                other => panic!("{other:?}"),
            }
        }
        log.close();
        assert_eq!(log.put_rows(Vec::new()), Err(NotTaken::Ended));
        assert_eq!(log.flush(), Err(LogEnded));
        assert_eq!(log.wait(last + 1), Err(LogEnded));
        assert_eq!(log.wait(last), Ok(()));
    }
}

#[test]
fn closing_writes_what_waits() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path()).expect("the folder is good");
    let root = small_world();
    store.initialise(&root, &[]).expect("it is empty");
    let log = store.log(&root, Durability::Relaxed, |_| {});
    let world = World::new(root, log.sink());
    let last = rename(&world, "last words");
    log.close();
    let root = store
        .load()
        .expect("the rows are whole")
        .expect("there is a world");
    assert_eq!(root.stamp, last);
    assert_eq!(
        root.get(Obj(0))
            .expect("it is in memory")
            .expect("it exists")
            .name,
        Value::str("last words")
    );
}

/// Needs a small file system of its own: `MOOTHALL_SMALL_DISK` names a folder on one of 150 to 300 MiB.
#[test]
fn a_full_disk_is_told_and_nothing_is_lost_when_there_is_room_again() {
    let Some(disk) = std::env::var_os("MOOTHALL_SMALL_DISK") else {
        eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: MOOTHALL_SMALL_DISK names no small file system");
        return;
    };
    let folder = tempfile::tempdir_in(disk).expect("a folder can be made");
    let store = Store::open(&folder.path().join("store")).expect("the folder is good");
    let root = small_world();
    store.initialise(&root, &[]).expect("it is empty");
    let (events, told) = channel();
    let log = store.log(&root, Durability::Relaxed, move |event| drop(events.send(event)));
    let world = World::new(root, log.sink());
    let filler = folder.path().join("filler");
    fill(&filler);

    let long = "x".repeat(100_000);
    let mut commits = 0..1000;
    let mut commit_until = |is_reached: &dyn Fn() -> bool| {
        commits.find_map(|n| {
            let last = rename(&world, &format!("{n}{long}"));
            // The load is one commit in a millisecond, so that the log meets the full disk and not the bound of its queue.
            std::thread::sleep(Duration::from_millis(1));
            is_reached().then_some(last)
        })
    };
    let is_told_full = || told.try_iter().any(|heard| heard == Event::DiskFull);
    let last = commit_until(&is_told_full).expect("it is told that the disk is full");
    log.wait(last)
        .expect("what was accepted until then is written all the same");

    std::fs::write(folder.path().join("last"), vec![7; 20 << 20]).expect("there is room for that");
    let last =
        commit_until(&|| log.written() + 3 < world.snapshot().stamp).expect("the log stops at the reserve");
    assert_eq!(log.put_rows(Vec::new()), Ok(()));

    std::fs::remove_file(&filler).expect("it was made");
    log.wait(last).expect("the log goes on");
    let expected = world.snapshot();
    drop(log);
    let events: Vec<Event> = told.try_iter().collect();
    assert!(events.contains(&Event::Writable), "{events:?}");
    drop(store);
    let store = Store::open(&folder.path().join("store")).expect("the folder is good");
    let root = store
        .load()
        .expect("the rows are whole")
        .expect("there is a world");
    crate::store::tests::check_same(&root, &expected);
}

/// Writes until hardly more is left than what is told as full.
fn fill(path: &std::path::Path) {
    let mut file = std::fs::File::create(path).expect("there is room");
    let block = vec![7; 1 << 16];
    let mut len = 0u64;
    while std::io::Write::write_all(&mut file, &block).is_ok() {
        len += block.len() as u64;
    }
    file.set_len(len.saturating_sub(SHORT_BYTES + (1 << 20)))
        .expect("a file can be shortened");
}
