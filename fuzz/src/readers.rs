//! The readers of what lies on disk: rows, waiting tasks, textdumps and folders of objects.

use std::fmt::Debug;

use moo_db::error::RowError;
use moo_db::{objdef as folders, row, textdump as dumps};
use moo_model::bytes;
use moo_model::world::{PropId, Root};
use moo_tasks::{connections, snapshot};
use moo_vm::builtins::is_builtin;
use moothall::protocol::machine::outbox;

/// Bytes that are read as a value: what can be read is written the same again.
pub fn values(data: &[u8]) {
    let Ok(value) = bytes::decode(data) else { return };
    let mut written = Vec::new();
    bytes::encode(&value, &mut written);
    assert_eq!(written, data, "a value has one encoding");
    assert!(bytes::is_within_depth(&value));
}

/// Reads a row, writes what it says, and reads that again.
fn again<T: Debug>(
    data: &[u8],
    read: impl Fn(&[u8]) -> Result<T, RowError>,
    write: impl Fn(&T, &mut Vec<u8>),
) {
    let Ok(first) = read(data) else { return };
    let mut written = Vec::new();
    write(&first, &mut written);
    let second = read(&written).expect("what was written can be read");
    assert_eq!(format!("{second:?}"), format!("{first:?}"));
}

/// Bytes that are read as a row of any table: what can be read says the same after it was written.
pub fn rows(data: &[u8]) {
    let Some((&table, data)) = data.split_first() else {
        return;
    };
    match table % 12 {
        0 => again(data, row::object, row::put_object),
        1 => again(data, row::propdefs, |defs, out| row::put_propdefs(defs, out)),
        2 => again(data, row::clear_slots, |slots, out| {
            row::put_clear_slots(slots, out);
        }),
        3 => again(data, |row| row::slot(PropId(7), row), row::put_slot),
        4 => again(data, row::verbdefs, |verbs, out| {
            row::put_verbdefs(verbs.iter().cloned(), out)
        }),
        5 => again(data, row::source, |source, out| row::put_source(source, out)),
        6 => again(data, row::number, |number, out| row::put_number(*number, out)),
        7 => again(data, row::objects, |objects, out| row::put_objects(objects, out)),
        8 => again(data, row::settings, |settings, out| {
            row::put_settings(*settings, out)
        }),
        9 => drop(outbox::read_event(data)),
        10 => drop(outbox::read_history(data)),
        _ => connection(data),
    }
}

/// A connection's row, whose key is the first part.
fn connection(data: &[u8]) {
    let Some((key, value)) = data.split_at_checked(18) else {
        return;
    };
    let Some((_, connections::stored::Read::Connection(stored))) = connections::stored::read(key, value)
    else {
        return;
    };
    let row = stored.row();
    let value = row.value.expect("it is put");
    let again = connections::stored::read(&row.key, &value).expect("what was written can be read");
    assert_eq!(again.1, connections::stored::Read::Connection(stored));
}

/// Bytes that are read as a waiting task: what can be read is written the same after it was read again.
pub fn tasks(data: &[u8]) {
    let Some((key, value)) = data.split_at_checked(8) else {
        return;
    };
    let Ok(restored) = snapshot::restore(key, value) else {
        return;
    };
    let written = snapshot::row(&restored.waiting, restored.woken.as_ref());
    let value = written.value.expect("it is put");
    let again = snapshot::restore(&written.key, &value).expect("what was written can be read");
    assert_eq!(
        snapshot::row(&again.waiting, again.woken.as_ref()).value,
        Some(value)
    );
}

/// Bytes that are read as a textdump: the world that comes out can be written, and comes out of that again.
pub fn textdump(data: &[u8]) {
    let Ok(imported) = dumps::read(data, &is_builtin, &mut |_| {}) else {
        return;
    };
    let first = dump_of(&imported);
    let again = dumps::read(&first[..], &is_builtin, &mut |_| {}).expect("what was written can be read");
    assert!(
        dump_of(&again) == first,
        "a world that was read from its dump has another"
    );
}

fn dump_of(imported: &dumps::Imported) -> Vec<u8> {
    let mut out = Vec::new();
    let dump = dumps::Dump {
        root: &imported.root,
        forked: &imported.forked,
        connections: &imported.connections,
    };
    dumps::write(&dump, &mut out).expect("memory takes everything");
    out
}

/// Text that is read as a folder of objects, its files separated by lines that begin with `//// `: a world that can be
/// dumped comes out, or problems.
pub fn objdef(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut files = folders::Files::new();
    for part in format!("\n{text}").split("\n//// ") {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        files.insert(
            if name.is_empty() { "a.moo" } else { name }.to_string(),
            content.to_string(),
        );
    }
    match folders::read(&files, &is_builtin) {
        Ok(root) => check_ranks(&root),
        Err(problems) => assert!((1..=folders::PROBLEMS_MAX).contains(&problems.0.len())),
    }
}

/// Contents and children are in the order of ranks, as a store that has no more than ranks will give them.
fn check_ranks(root: &Root) {
    for item in root.iter() {
        let (obj, record) = item.expect("an import is all in memory");
        let ranks = record.contents.iter().map(|&inner| {
            let inner = root.get(inner).expect("an import is all in memory");
            let inner = inner.expect("what is in an object exists");
            assert_eq!(inner.location, obj);
            inner.location_rank
        });
        assert!(ranks.is_sorted(), "contents of {obj}");
    }
}
