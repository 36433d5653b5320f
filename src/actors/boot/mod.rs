//! From a data folder to a world that is ready to run: open the store, or fill it from an import or the built-in world,
//! and take back the tasks and connections that were there when the server last stopped.
//!
//! Invariant: nothing serves before all of this is done, and a start that fails has imported all or nothing.

mod connections;
mod waiting;

use super::DaemonError;
use super::outlet::Answer;
use crate::actors::kit::exit;
use crate::actors::kit::secret_file::random;
use crate::limits::{CONNECTION_IDS_RESERVED, TASK_IDS_RESERVED};
use crate::protocol::hex;
use crate::protocol::machine::outbox::{Loaded, Outbox};
pub use connections::{Connected, Departed};
use moo_db::textdump::ForkedTask;
use moo_db::{DbError, Store, objdef, textdump};
use moo_model::Value;
use moo_model::ledger::{Relation, Row};
use moo_model::world::Root;
use moo_tasks::board::{Waiting, WaitsFor};
use moo_tasks::snapshot::{self, Restored};
use moo_vm::builtins;
use moo_vm::machine::{ImportedFork, Machine, RestoreError};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

include!(concat!(env!("OUT_DIR"), "/hall.rs"));

/// The server's own facts, by the keys of their rows.
mod fact {
    /// How often a daemon was started on this data, as four bytes.
    pub const EPOCH: &[u8] = b"epoch";
    /// The first task number that no daemon has used, as eight bytes.
    pub const NEXT_TASK: &[u8] = b"next_task";
    /// The last number of a connection that any daemon may have used, as eight bytes.
    pub const LAST_CONN: &[u8] = b"last_conn";
    /// What tells this folder from any other, but for its copies, as hexadecimal digits.
    pub const FOLDER: &[u8] = b"folder";
    /// The file that the world was imported from.
    pub const IMPORTED_FROM: &[u8] = b"imported_from";
}

/// A world and what came with it.
pub struct Booted {
    /// The store.
    pub store: Store,
    /// The world.
    pub root: Root,
    /// Which start on this data this is, from 1.
    pub epoch: u32,
    /// What tells this folder from any other, but for its copies.
    pub folder: String,
    /// The first task number to give out.
    pub first_task: i64,
    /// The textdump that the world came from, if it did.
    pub imported_from: Option<PathBuf>,
    /// Tasks that wait.
    pub tasks: Vec<Restored>,
    /// Rows of tasks that cannot be taken back.
    pub lost_tasks: Vec<i64>,
    /// The last connection number that may have been given out.
    pub last_conn: u64,
    /// Who was connected when the server stopped.
    pub connected: Connected,
    /// What clients have not accepted yet.
    pub outbox: Outbox<Answer>,
    /// Lines for whoever started the server.
    pub notes: Vec<String>,
}

impl From<DbError> for DaemonError {
    fn from(error: DbError) -> DaemonError {
        let code = match error {
            DbError::Locked { .. } | DbError::Folder { .. } => exit::CANNOT_CREATE,
            DbError::NotEmpty | DbError::Newer { .. } | DbError::Corrupt { .. } => exit::DATA,
            _ => exit::UNAVAILABLE,
        };
        DaemonError {
            code,
            message: error.to_string(),
        }
    }
}

/// Opens the world in `data`; where it is `bounded`, its records stay in the store until they are asked for. `progress`
/// hears what takes long. Tasks that another version has compiled are dropped only with `drop_tasks`.
pub fn boot(
    data: &Path,
    import: Option<&Path>,
    bounded: bool,
    drop_tasks: bool,
    progress: &mut dyn FnMut(String),
) -> Result<Booted, DaemonError> {
    let store = Store::open(&data.join("db"))?;
    let mut notes = Vec::new();
    let open = |store: &Store| if bounded { store.outline() } else { store.load() };
    let stored = open(&store)?;
    let root = match (stored, import) {
        (Some(_), Some(path)) => {
            return Err(DaemonError {
                code: exit::DATA,
                message: format!(
                    "{} holds a world already, so {} is not imported; choose an empty folder with --data, or leave out --import",
                    data.display(),
                    path.display()
                ),
            });
        }
        (Some(root), None) => root,
        (None, import) => {
            let (root, rows) = match import {
                Some(path) => imported(path, progress, &mut notes)?,
                None => (built_in()?, Vec::new()),
            };
            store.initialise(&root, &rows)?;
            match bounded {
                true => open(&store)?.expect("it was just put there"),
                false => root,
            }
        }
    };
    take_back(store, root, notes, drop_tasks)
}

/// Reads what the last daemon left.
fn take_back(store: Store, root: Root, notes: Vec<String>, drop_tasks: bool) -> Result<Booted, DaemonError> {
    let facts: Vec<(Vec<u8>, Vec<u8>)> = store.rows(Relation::Server).collect::<Result<_, _>>()?;
    let fact = |name: &[u8]| {
        facts
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_slice())
    };
    let number = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_be_bytes);
    let epoch = fact(fact::EPOCH)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    let reserved = fact(fact::NEXT_TASK).and_then(number).unwrap_or(1);
    let folder = fact(fact::FOLDER).map(|id| String::from_utf8_lossy(id).into_owned());
    let imported_from =
        fact(fact::IMPORTED_FROM).map(|path| PathBuf::from(String::from_utf8_lossy(path).into_owned()));
    let left = waiting::left(store.rows(Relation::Task), drop_tasks)?;
    let connected = Connected::read(store.rows(Relation::Connection))?;
    let last_conn = fact(fact::LAST_CONN).and_then(number).unwrap_or(0).unsigned_abs();
    let last_conn = last_conn.max(connected.last());
    let rows = store.rows(Relation::Outbox).collect::<Result<Vec<_>, _>>()?;
    let Loaded {
        mut outbox,
        unreadable,
    } = Outbox::load(rows);
    if unreadable > 0 {
        tracing::error!(unreadable, "some stored events cannot be read and are lost");
    }
    outbox.keep_only(|client| connected.goes_on(client));
    Ok(Booted {
        store,
        root,
        epoch: epoch + 1,
        folder: folder.unwrap_or_else(|| hex::to_hex(&random::<16>())),
        first_task: reserved.max(left.last.saturating_add(1)),
        imported_from,
        tasks: left.tasks,
        lost_tasks: left.lost,
        last_conn,
        connected,
        outbox,
        notes,
    })
}

/// The rows that a start writes before it serves: nobody may use its epoch or its numbers again. Rows of connections
/// that belong to nothing go with them.
pub fn start_rows(booted: &Booted) -> Vec<Row> {
    let mut rows = booted.connected.stray.clone();
    rows.extend([
        server_row(fact::EPOCH, booted.epoch.to_be_bytes().to_vec()),
        server_row(fact::FOLDER, booted.folder.clone().into_bytes()),
        task_ids_row(booted.first_task + TASK_IDS_RESERVED),
        last_conn_row(booted.last_conn + CONNECTION_IDS_RESERVED),
    ]);
    rows
}

/// The row that reserves all numbers of connections up to this one.
pub fn last_conn_row(last: u64) -> Row {
    server_row(fact::LAST_CONN, last.to_be_bytes().to_vec())
}

/// The row that reserves all task numbers below this one.
pub fn task_ids_row(below: i64) -> Row {
    server_row(fact::NEXT_TASK, below.to_be_bytes().to_vec())
}

fn server_row(key: &[u8], value: Vec<u8>) -> Row {
    Row {
        relation: Relation::Server,
        key: key.to_vec(),
        value: Some(value),
    }
}

fn is_builtin(name: &str) -> bool {
    builtins::find(name).is_some()
}

/// The world that comes with the server.
fn built_in() -> Result<Root, DaemonError> {
    let files = HALL
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    objdef::read(&files, &is_builtin).map_err(|problems| DaemonError {
        code: exit::INTERNAL,
        message: format!("the built-in world cannot be read: {problems}"),
    })
}

/// Reads a textdump or a folder of objects.
fn imported(
    path: &Path,
    progress: &mut dyn FnMut(String),
    notes: &mut Vec<String>,
) -> Result<(Root, Vec<Row>), DaemonError> {
    let refused = |text: String| DaemonError {
        code: exit::DATA,
        message: format!("{} is not imported: {text}", path.display()),
    };
    if path.is_dir() {
        let files = objdef::read_folder(path).map_err(|error| refused(error.to_string()))?;
        let root = objdef::read(&files, &is_builtin).map_err(|problems| refused(format!("\n{problems}")))?;
        notes.push(format!(
            "imported {} objects from {}",
            root.entries().count(),
            path.display()
        ));
        return Ok((root, Vec::new()));
    }
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let total = file.metadata().map_or(0, |found| found.len()).max(1);
    let mut told = 0;
    let mut on_bytes = |bytes: u64| {
        let tenth = bytes * 10 / total;
        if tenth > told {
            told = tenth;
            progress(format!("importing: {} %", tenth * 10));
        }
    };
    let imported = textdump::read(
        BufReader::with_capacity(1 << 16, file),
        &is_builtin,
        &mut on_bytes,
    )
    .map_err(|error| refused(error.to_string()))?;
    let report = &imported.report;
    notes.push(format!(
        "imported {} objects, {} programs and {} players from {}",
        report.objects,
        report.programs,
        report.players,
        path.display()
    ));
    notes.extend(
        report
            .warnings
            .lines
            .iter()
            .map(|line| format!("warning: {line}")),
    );
    let mut rows: Vec<_> = imported
        .connections
        .iter()
        .filter(|(player, _)| player.0 >= 0)
        .map(|&(player, listener)| connections::departed_row(player, listener))
        .collect();
    for task in imported.forked {
        let id = task.id;
        match forked_row(task) {
            Ok(row) => rows.push(row),
            Err(error) => notes.push(format!(
                "warning: forked task {id} of the dump does not run on: {error}"
            )),
        }
    }
    rows.push(server_row(
        fact::IMPORTED_FROM,
        path.to_string_lossy().into_owned().into_bytes(),
    ));
    Ok((imported.root, rows))
}

/// The stored form of a task that a textdump has waiting.
fn forked_row(task: ForkedTask) -> Result<Row, RestoreError> {
    let activation = task.activation;
    let machine = Machine::for_imported_fork(ImportedFork {
        definer: activation.definer,
        verb_names: Value::string(activation.verb_names),
        verb: Value::string(activation.verb),
        this: activation.this,
        player: activation.player,
        progr: activation.programmer,
        debug: activation.debug,
        variables: task.variables,
        body: task.body,
    })?;
    let waiting = Waiting {
        id: task.id,
        player: activation.player,
        waits_for: WaitsFor::Start(task.start as f64),
        machine: Arc::new(machine),
    };
    Ok(snapshot::row(&waiting, None))
}
