//! The end of lists and maps that hold others: one after another, without native recursion.
//!
//! Invariant: nothing is set aside on a thread that is dropping no such value.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use super::{Map, Value};

/// What is left of a node that nobody holds any more, with lists or maps among its elements.
#[expect(dead_code, reason = "they are kept to be dropped")]
pub(super) enum Dead {
    List(Vec<Value>),
    Map(Map),
}

thread_local! {
    /// While such a node is dropped: those that died with it, to be dropped after it. It is empty whenever none is
    /// dropped, so nothing is lost by never dropping it, and dropping values while the thread ends finds it there.
    static DYING: ManuallyDrop<RefCell<Option<Vec<Dead>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Drops a node without native recursion: what dies with it comes here too, and waits until it is dropped itself.
pub(super) fn bury(dead: Dead) {
    let is_outermost = DYING.with(|dying| {
        let mut dying = dying.borrow_mut();
        let is_outermost = dying.is_none();
        dying.get_or_insert_default().push(dead);
        is_outermost
    });
    if is_outermost {
        while let Some(next) = DYING.with(|dying| dying.borrow_mut().as_mut()?.pop()) {
            drop(next);
        }
        DYING.with(|dying| dying.replace(None));
    }
}
