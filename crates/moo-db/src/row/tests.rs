//! Rows come back as they were written, and damaged ones are errors.

use super::*;

fn slot_of(id: u32, value: Value) -> Slot {
    Slot {
        id: PropId(id),
        perms: PropPerms(5),
        owner: Obj(-1),
        value,
        stamp: 0,
    }
}

#[test]
fn an_object_comes_back() {
    let record = ObjectRecord {
        name: Value::str("a lamp \u{e4}"),
        flags: Flags(0x1FF),
        parent: Obj(7),
        parent_rank: u64::MAX,
        location: Obj(-1),
        location_rank: 1 << 20,
        ..ObjectRecord::new(Obj(-3))
    };
    let mut row = Vec::new();
    put_object(&record, &mut row);
    let back = object(&row).expect("it was just written");
    assert_eq!(format!("{back:?}"), format!("{record:?}"));
    for len in 0..row.len() {
        assert!(object(&row[..len]).is_err(), "{len} bytes");
    }
    row.push(0);
    assert_eq!(object(&row).err(), Some(RowError::Trailing));
    row[0] = 9;
    assert_eq!(object(&row).err(), Some(RowError::Version(9)));
}

#[test]
fn clear_slots_come_back_without_the_others() {
    let slots = [
        slot_of(3, Value::UNSET),
        slot_of(4, Value::int(1)),
        slot_of(900, Value::UNSET),
    ];
    let mut row = Vec::new();
    assert!(put_clear_slots(&slots, &mut row));
    let back = clear_slots(&row).expect("it was just written");
    assert_eq!(back.iter().map(|slot| slot.id.0).collect::<Vec<_>>(), [3, 900]);
    assert!(!put_clear_slots(&slots[1..2], &mut row));
}

#[test]
fn a_count_that_is_not_followed_by_items_is_refused() {
    let mut row = Vec::new();
    put_number(u64::MAX, &mut row);
    assert!(objects(&row).is_err() && propdefs(&row).is_err() && verbdefs(&row).is_err());
}
