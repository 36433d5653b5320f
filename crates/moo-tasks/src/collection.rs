//! The end of an anonymous object that nothing refers to: its `:recycle` is called, as for `recycle()`, and it is gone.
//!
//! Invariant: only what was found unreachable comes here (see `moo_model::world`), so nobody but its own verb can bring
//! the object back, and that does not save it.

use std::sync::LazyLock;

use moo_model::world::{Code, Transaction};
use moo_model::{Obj, Value};
use moo_vm::machine::Machine;
use triomphe::Arc;

use crate::own_program;

static COLLECT: LazyLock<Arc<Code>> = LazyLock::new(|| Code::new("recycle(args[1]);\n"));

/// A machine that is about to collect the object with its owner's permissions; none if it is gone already. It runs as the
/// system object, to which a world's own `#0:bf_recycle` does not apply.
pub fn machine(tx: &mut Transaction, obj: Obj) -> Option<Machine> {
    let owner = tx.owner(obj)?;
    let args = vec![Value::obj(obj)];
    Some(own_program::machine(
        &COLLECT,
        "collect",
        Obj::SYSTEM,
        owner,
        args,
    ))
}
