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
        assert_eq!(log.put_rows(Vec::new()), Err(LogEnded));
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
        root.get(Obj(0)).expect("it exists").name,
        Value::str("last words")
    );
}
