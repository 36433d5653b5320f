//! The state after a number of commits: as their plans say it must be, and as a store has it.

use std::collections::BTreeMap;

use moo_db::Store;
use moo_model::ledger::Relation;
use moo_model::world::{Flags, ObjectRecord, Root};
use moo_model::{Obj, Value};
use triomphe::Arc;

use crate::plan::{Extra, FIRST_CELL, FIRST_MADE, Plan};

/// The rows of this many commits stay in the outbox.
pub const OUTBOX: u64 = 16;
/// The properties of a cell, in the order of their slots.
pub const PROPERTIES: [&str; 3] = ["count", "last", "text"];

/// One object that commits write to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cell {
    /// How many commits wrote to it.
    pub count: i64,
    /// The last of them.
    pub last: Option<Plan>,
    /// Its name.
    pub name: String,
    /// The last that wrote a long text.
    pub text: Option<Plan>,
    /// Whether it is a player.
    pub is_player: bool,
}

/// The whole state.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct State {
    /// The number of the last commit.
    pub stamp: u64,
    /// Every cell.
    pub cells: Vec<Cell>,
    /// What is in each room, in order.
    pub rooms: [Vec<usize>; 2],
    /// The objects that were made, and by whom.
    pub made: BTreeMap<usize, Plan>,
    /// How many object numbers there are.
    pub extent: usize,
    /// The players, in order.
    pub players: Vec<usize>,
    /// Who wrote the program of the first room last.
    pub program: Option<Plan>,
    /// The row of each thread's task.
    pub tasks: BTreeMap<u64, Plan>,
    /// The rows of the last commits.
    pub outbox: BTreeMap<u64, Plan>,
}

impl State {
    /// Carries out what a commit does.
    pub fn apply(&mut self, plan: Plan) {
        self.stamp += 1;
        let cells = plan.cells();
        for number in cells {
            let cell = &mut self.cells[number - FIRST_CELL];
            cell.count += 1;
            cell.last = Some(plan);
        }
        let [first, second, _] = cells;
        self.cells[first - FIRST_CELL].name = plan.word();
        match plan.extra() {
            Extra::None => {}
            Extra::Text => self.cells[first - FIRST_CELL].text = Some(plan),
            Extra::Move => {
                let from = usize::from(self.rooms[1].contains(&second));
                self.rooms[from].retain(|cell| *cell != second);
                self.rooms[1 - from].push(second);
            }
            Extra::Make => {
                self.made.insert(self.extent, plan);
                self.extent += 1;
            }
            Extra::Recycle => drop(self.made.pop_first()),
            Extra::Player => {
                let cell = &mut self.cells[first - FIRST_CELL];
                cell.is_player = !cell.is_player;
                self.players.retain(|player| *player != first);
                self.players.extend(cell.is_player.then_some(first));
            }
            Extra::Program => self.program = Some(plan),
        }
        if plan.ends_task() {
            self.tasks.remove(&plan.thread);
        } else {
            self.tasks.insert(plan.thread, plan);
        }
        self.outbox.insert(self.stamp, plan);
        self.outbox.remove(&self.stamp.saturating_sub(OUTBOX));
    }

    /// The state that a store has.
    ///
    /// # Errors
    /// Whatever in it no commit can have left there.
    pub fn of(store: &Store) -> Result<State, String> {
        let root = store.load().map_err(|error| error.to_string())?;
        let root = root.ok_or("there is no world")?;
        let mut state = State::of_root(&root)?;
        for (key, plan) in plans(store, Relation::Task)? {
            state.tasks.insert(key, plan);
        }
        for (key, plan) in plans(store, Relation::Outbox)? {
            state.outbox.insert(key, plan);
        }
        for row in store.rows(Relation::Server) {
            let (_, value) = row.map_err(|error| error.to_string())?;
            let after = u64::from_be_bytes(value.try_into().map_err(|_| "a server row is no number")?);
            if after > root.stamp {
                return Err(format!(
                    "a row that was written after commit {after} is there without it"
                ));
            }
        }
        Ok(state)
    }

    /// The state of a world, without the server's rows.
    pub fn of_root(root: &Root) -> Result<State, String> {
        let mut state = State {
            stamp: root.stamp,
            extent: root.objects.len(),
            players: root.players.iter().map(|player| player.0 as usize).collect(),
            ..State::default()
        };
        for number in FIRST_CELL..FIRST_MADE {
            state
                .cells
                .push(cell(&*record(root, number)?).map_err(|what| format!("#{number}: {what}"))?);
        }
        for (room, number) in state.rooms.iter_mut().zip(1..) {
            let contents = record(root, number)?.contents.clone();
            room.extend(contents.iter().map(|obj| obj.0 as usize));
            for &inner in room.iter() {
                if record(root, inner)?.location != Obj(number as i64) {
                    return Err(format!("#{inner} is in #{number} and elsewhere"));
                }
            }
        }
        for item in root.iter().skip(FIRST_MADE) {
            let (obj, record) = item.map_err(|error| error.to_string())?;
            let plan = plan_of(&record.name).ok_or_else(|| format!("{obj} has another name"))?;
            state.made.insert(obj.0 as usize, plan);
        }
        let verbs = record(root, 1)?.verbs.clone();
        let source = &*verbs.first().ok_or("the room has no verb")?.code.source;
        let word = source
            .strip_prefix("return \"")
            .and_then(|rest| rest.strip_suffix("\";"));
        state.program = word.and_then(plan_of_word);
        if source != state.program.map(Plan::program).unwrap_or_default() {
            return Err(format!("the program is {source}"));
        }
        Ok(state)
    }
}

fn record(root: &Root, number: usize) -> Result<Arc<ObjectRecord>, String> {
    let found = root.get(Obj(number as i64)).map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("#{number} is missing"))
}

fn plan_of_word(word: &str) -> Option<Plan> {
    let (thread, seq) = word.split_once('.')?;
    Some(Plan {
        thread: thread.parse().ok()?,
        seq: seq.parse().ok()?,
    })
}

fn plan_of(value: &Value) -> Option<Plan> {
    plan_of_word(value.as_str()?)
}

/// A cell's own values; what it has not is the class's.
fn cell(record: &ObjectRecord) -> Result<Cell, String> {
    let own = |nth: usize| {
        record
            .slots
            .get(nth)
            .map(|slot| slot.value.clone())
            .filter(|value| !value.is_unset())
    };
    let text = own(2);
    let written = text
        .as_ref()
        .and_then(|text| plan_of_word(text.as_str()?.split(' ').next()?));
    if text.as_ref().and_then(Value::as_str).map(str::to_owned) != written.map(Plan::text) {
        return Err("the text is torn".to_owned());
    }
    Ok(Cell {
        count: own(0).and_then(|count| count.as_int()).unwrap_or_default(),
        last: own(1).as_ref().and_then(plan_of),
        name: record.name.as_str().unwrap_or_default().to_owned(),
        text: written,
        is_player: record.flags.has(Flags::PLAYER),
    })
}

/// The rows of a relation whose keys are numbers.
fn plans(store: &Store, relation: Relation) -> Result<Vec<(u64, Plan)>, String> {
    let row = |row: Result<(Vec<u8>, Vec<u8>), moo_db::DbError>| {
        let (key, value) = row.map_err(|error| error.to_string())?;
        let key = key.try_into().map_err(|_| "a row's key is no number")?;
        let plan = Plan::from_bytes(&value).ok_or("a row is no plan")?;
        Ok((u64::from_be_bytes(key), plan))
    };
    store.rows(relation).map(row).collect()
}
