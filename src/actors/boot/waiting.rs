//! The tasks that the last daemon left waiting.
//!
//! Invariant: none is dropped that another version of the server could run on, unless whoever starts this one says so.

use crate::actors::DaemonError;
use crate::actors::kit::exit;
use moo_db::DbError;
use moo_tasks::snapshot::{self, Restored, Unreadable};
use moo_vm::machine::RestoreError;

/// What was left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Tasks that wait.
    pub tasks: Vec<Restored>,
    /// Rows of tasks that cannot be taken back.
    pub lost: Vec<i64>,
    /// The highest number of any of them; 0 without one.
    pub last: i64,
}

/// Reads rows of tasks. With `drop_tasks`, those that another version has compiled count as lost; else they are an error.
pub(super) fn left(
    rows: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), DbError>>,
    drop_tasks: bool,
) -> Result<Left, DaemonError> {
    let mut left = Left::default();
    let mut of_another_version = 0;
    for row in rows {
        let (key, value) = row?;
        let id = snapshot::id_of(&key).unwrap_or_default();
        left.last = left.last.max(id);
        match snapshot::restore(&key, &value) {
            Ok(restored) => left.tasks.push(restored),
            Err(error) => {
                tracing::error!(task = id, %error, "a stored task cannot go on");
                let is_of_another = matches!(error, Unreadable::Machine(RestoreError::OtherCompiler));
                of_another_version += usize::from(is_of_another);
                left.lost.push(id);
            }
        }
    }
    if of_another_version > 0 && !drop_tasks {
        return Err(DaemonError {
            code: exit::DATA,
            message: format!(
                "{of_another_version} of the tasks that wait in this world were compiled by another version of moothall, and \
                 this one cannot run them on; start the world with that version once more and let them end or kill them, or \
                 add --drop-tasks to go on without them"
            ),
        });
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use moo_model::{Obj, Value, bytes};
    use moo_tasks::board::{Waiting, WaitsFor};
    use moo_vm::machine::{ImportedFork, Machine};
    use std::sync::Arc;

    fn row(id: i64) -> (Vec<u8>, Vec<u8>) {
        let machine = Machine::for_imported_fork(ImportedFork {
            definer: Obj(0),
            verb_names: Value::str("tick"),
            verb: Value::str("tick"),
            this: Obj(0),
            player: Obj(2),
            progr: Obj(2),
            debug: true,
            variables: Vec::new(),
            body: "return 1;".into(),
        })
        .unwrap();
        let waiting = Waiting {
            id,
            player: Obj(2),
            waits_for: WaitsFor::Start(1.0),
            machine: Arc::new(machine),
        };
        let row = snapshot::row(&waiting, None);
        (row.key, row.value.unwrap())
    }

    /// The same row as a compiler would have left it whose revision has another number.
    fn of_another_version((key, mut value): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
        let begins = |revision: i64| {
            let mut out = Vec::new();
            let nothing = Value::list(Vec::new());
            bytes::encode(
                &Value::list(vec![Value::int(revision), nothing.clone(), nothing]),
                &mut out,
            );
            out
        };
        let (one, two) = (begins(1), begins(2));
        let at = one.iter().zip(&two).position(|(one, two)| one != two).unwrap();
        let start = value.windows(at).position(|window| window == &one[..at]).unwrap();
        value[start + at] = 0x7f;
        (key, value)
    }

    #[test]
    fn tasks_of_another_version_are_dropped_only_when_that_is_asked_for() {
        let rows = || [row(7), of_another_version(row(9))].map(Ok).into_iter();
        let refusal = left(rows(), false).unwrap_err();
        assert_eq!(refusal.code, exit::DATA);
        assert!(refusal.message.contains("1 of the tasks") && refusal.message.contains("--drop-tasks"));
        let left = left(rows(), true).unwrap();
        assert_eq!((left.tasks.len(), left.lost, left.last), (1, vec![9], 9));
    }

    #[test]
    fn a_damaged_row_keeps_no_world_from_its_start() {
        let (key, mut damaged) = row(8);
        damaged.truncate(damaged.len() - 1);
        let rows = [row(7), (key, damaged)].map(Ok);
        let left = left(rows.into_iter(), false).unwrap();
        assert_eq!((left.tasks.len(), left.lost, left.last), (1, vec![8], 8));
    }
}
