//! Whether what is in a folder can be there: the first commits, in their order, and every answered one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use moo_db::{Durability, Store};
use moo_model::Value;
use moo_model::world::{CommitRecord, ObjectRecord, Sink, Transaction, World};
use tempfile::TempDir;

use crate::child::{carry_out, commit, first_root};
use crate::parent::{Folder, Told};
use crate::plan::{Plan, Random};
use crate::state::State;

/// The state in a folder, if it is the one after the first commits that were told, at least up to `answered`.
///
/// # Errors
/// What is wrong with it.
pub fn judge(folder: &Path, before: &State, told: &Told, answered: u64) -> Result<State, String> {
    let store = Store::open(folder).map_err(|error| format!("it does not open: {error}"))?;
    let found = State::of(&store)?;
    if found.stamp < answered.max(before.stamp) {
        return Err(format!(
            "commit {answered} was answered, and {} is the last",
            found.stamp
        ));
    }
    let mut expected = before.clone();
    for &(stamp, plan) in &told.commits {
        if expected.stamp == found.stamp {
            break;
        }
        if stamp != expected.stamp + 1 {
            return Err(format!("commit {stamp} was told after {}", expected.stamp));
        }
        expected.apply(plan);
    }
    if expected == found {
        Ok(found)
    } else {
        Err(difference(&expected, &found))
    }
}

/// The first lines that differ.
fn difference(expected: &State, found: &State) -> String {
    let (expected, found) = (format!("{expected:#?}"), format!("{found:#?}"));
    let differing = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
    format!("it is no state after any commit: {differing:?}")
}

/// A copy of a store with one of its logs, the newest or any, cut off or overwritten with zeros from a random byte on; and
/// whether it was the newest.
pub fn torn(folder: &Path, random: &mut Random) -> (TempDir, bool) {
    let copy = tempfile::tempdir().expect("a folder can be made");
    let mut logs: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        let path = copy.path().join(entry.file_name());
        fs::copy(entry.path(), &path).expect("it can be copied");
        if path.extension().is_some_and(|extension| extension == "log") {
            logs.push(path);
        }
    }
    logs.sort();
    let newest = logs.pop().expect("a store has a log");
    let older = logs.get(random.below(logs.len() * 2 + 1));
    let chosen = older.unwrap_or(&newest);
    let mut bytes = fs::read(chosen).expect("it was just copied");
    let from = random.below(bytes.len() + 1);
    if random.below(2) == 0 {
        bytes.truncate(from);
    } else {
        bytes[from..].fill(0);
    }
    fs::write(chosen, bytes).expect("there is room");
    (copy, older.is_none())
}

/// A sink that does something wrong to the record of one commit.
struct Wrong<F> {
    inner: Box<dyn Sink>,
    spoil: Mutex<F>,
}

impl<F: FnMut(CommitRecord) -> Vec<CommitRecord> + Send> Sink for Wrong<F> {
    fn accept(&self, record: CommitRecord) {
        let mut spoil = self.spoil.lock().expect("nothing here panics");
        for record in spoil(record) {
            self.inner.accept(record);
        }
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

/// What the judge says of a store whose log was given other records than those of the commits.
fn verdict(spoil: impl FnMut(CommitRecord) -> Vec<CommitRecord> + Send + 'static) -> Result<State, String> {
    let folder = Folder::new();
    let store = Store::open(&folder.store()).expect("the folder is good");
    let root = first_root();
    let log = store.log(&root, Durability::Relaxed, |_| {});
    let sink = Wrong {
        inner: log.sink(),
        spoil: Mutex::new(spoil),
    };
    let world = World::new(root, Box::new(sink));
    let mut told = Told::default();
    for seq in 1..100 {
        let plan = Plan { thread: 0, seq };
        let mut tx = Transaction::begin(&world, Box::default());
        carry_out(plan, &mut tx).expect("every object of the plan exists");
        let done = commit(tx, plan, || ()).expect("nobody else is there");
        told.commits.push((done.stamp, plan));
    }
    log.close();
    drop((log, world, store));
    judge(&folder.store(), &folder.state, &told, told.commits[50].0)
}

#[track_caller]
fn check_found_out(spoil: impl FnMut(CommitRecord) -> Vec<CommitRecord> + Send + 'static) {
    let said = verdict(spoil).err();
    assert!(said.is_some(), "nothing was noticed");
}

#[test]
fn commits_that_reach_the_log_as_they_were_made_are_found_good() {
    assert_eq!(verdict(|record| vec![record]).map(|state| state.stamp), Ok(100));
}

#[test]
fn a_commit_that_was_dropped_is_found_out() {
    check_found_out(|record| {
        if record.stamp == 95 {
            Vec::new()
        } else {
            vec![record]
        }
    });
}

#[test]
fn commits_in_another_order_are_found_out() {
    let mut first = None;
    check_found_out(move |record| match record.stamp {
        99 => {
            first = Some(record);
            Vec::new()
        }
        100 => [Some(record), first.take()].into_iter().flatten().collect(),
        _ => vec![record],
    });
}

#[test]
fn half_a_commit_is_found_out_whichever_half_it_is() {
    for nth in 0..4 {
        check_found_out(move |mut record| {
            if record.stamp == 100 && nth < 3 {
                record.objects.remove(nth);
            } else if record.stamp == 100 {
                record.rows.clear();
            }
            vec![record]
        });
    }
}

#[test]
fn answered_commits_that_are_missing_at_the_end_are_found_out() {
    check_found_out(|record| {
        if record.stamp >= 45 {
            Vec::new()
        } else {
            vec![record]
        }
    });
}

#[test]
fn a_value_of_another_commit_is_found_out() {
    check_found_out(|mut record| {
        if record.stamp == 100 {
            let object = record
                .objects
                .iter_mut()
                .find_map(|change| change.record.as_mut());
            let object = object.expect("a commit changes something");
            let mut other = ObjectRecord::clone(object);
            other.slots[0].value = Value::int(1_000);
            *object = other.into();
        }
        vec![record]
    });
}

/// Every way to die, and the commits told by a process, leave this much in common: a folder on which the next one goes on.
pub fn go_on(folder: &mut Folder, told: &Told, context: &str) -> State {
    match judge(&folder.store(), &folder.state, told, told.answered) {
        Ok(state) => {
            folder.state = state.clone();
            state
        }
        Err(problem) => panic!("{context}: {problem}"),
    }
}
