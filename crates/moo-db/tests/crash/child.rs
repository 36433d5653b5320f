//! The process that commits until it is killed, or has made all the commits that it was to make.

use std::env;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use moo_db::{Durability, Event, Log, Store};
use moo_model::ledger::{Relation, Row};
use moo_model::world::{
    ArgSpec, Code, CommitRecord, Committed, Conflict, Flags, ObjSpec, PrepSpec, PropPerms, Root, Sink, Stamp,
    Transaction, VerbPerms, VerbRecord, World,
};
use moo_model::{ErrorCode, Obj, Symbol, Value};

use crate::plan::{CELLS, Extra, FIRST_CELL, FIRST_MADE, Plan};
use crate::state::{OUTBOX, PROPERTIES};

/// The variable that says what this process is to do; without it, it is no such process.
pub const ORDERS: &str = "MOOTHALL_CRASH_CHILD";
/// How many threads commit.
const THREADS: u64 = 4;
/// How many commits a thread may be ahead of the log.
const AHEAD: u64 = 30;

/// What a child is to do.
pub struct Orders {
    /// The store's folder.
    pub folder: String,
    /// When a commit counts as written.
    pub durability: Durability,
    /// The number of the first commit of each thread.
    pub first: u64,
    /// How many commits to make, over all threads.
    pub commits: u64,
    /// Where to die, of its own accord: 0 under the lock of commits before the world has changed, 1 after that.
    pub place: u64,
    /// At which passing of that place; 0 for never.
    pub nth: u64,
}

impl Orders {
    /// As the variable has them.
    pub fn to_text(&self) -> String {
        let strict = self.durability == Durability::Strict;
        let Orders {
            folder,
            first,
            commits,
            place,
            nth,
            ..
        } = self;
        format!("{folder}\n{strict}\n{first}\n{commits}\n{place}\n{nth}")
    }

    fn of_text(text: &str) -> Option<Orders> {
        let mut lines = text.lines();
        let folder = lines.next()?.to_owned();
        let strict = lines.next()? == "true";
        let mut number = || lines.next()?.parse().ok();
        Some(Orders {
            folder,
            durability: if strict {
                Durability::Strict
            } else {
                Durability::Relaxed
            },
            first: number()?,
            commits: number()?,
            place: number()?,
            nth: number()?,
        })
    }
}

/// A world of a class, two rooms and the cells, all in the first room.
pub fn first_root() -> Root {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    for number in 0..FIRST_MADE {
        let parent = if number < FIRST_CELL { Obj::NOTHING } else { Obj(0) };
        tx.create(parent, Some(Obj(0)));
    }
    let done: Result<(), ErrorCode> = (|| {
        for name in PROPERTIES {
            tx.define_property(Obj(0), name, Value::int(0), Obj(0), PropPerms(3))?;
        }
        tx.add_verb(Obj(1), verb())?;
        (0..CELLS).try_for_each(|cell| tx.relocate(Obj((FIRST_CELL + cell) as i64), Obj(1)))
    })();
    done.expect("all of them were just made");
    assert!(tx.commit(false, |_| Vec::new()).0.is_ok(), "nobody else is there");
    Root::clone(&world.snapshot())
}

fn verb() -> VerbRecord {
    VerbRecord {
        id: 0,
        names: Value::str("told"),
        owner: Obj(0),
        perms: VerbPerms(13),
        args: ArgSpec {
            dobj: ObjSpec::This,
            prep: PrepSpec::None,
            iobj: ObjSpec::This,
        },
        code: Code::new(""),
    }
}

/// Tells the parent, in one piece.
fn say(line: String) {
    let mut out = stdout().lock();
    // A parent that has heard enough has closed its end; this process is about to be killed.
    let _ = out
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| out.flush());
}

/// Ends this process as a kill from outside would: nothing more runs.
fn die() -> ! {
    loop {
        let _ = std::process::Command::new("kill")
            .args(["-9", &std::process::id().to_string()])
            .status();
    }
}

/// Passes a place; the process ends here if that was ordered.
fn pass(orders: &Orders, place: u64, passed: &AtomicU64) {
    if orders.nth > 0 && orders.place == place && passed.fetch_add(1, Ordering::SeqCst) + 1 >= orders.nth {
        die();
    }
}

/// Tells each commit in the order of commits, then hands it on.
struct Telling {
    inner: Box<dyn Sink>,
    orders: Arc<Orders>,
    passed: AtomicU64,
}

impl Sink for Telling {
    fn wait_for_room(&self) {
        self.inner.wait_for_room();
    }

    fn written(&self) -> Stamp {
        self.inner.written()
    }

    fn accept(&self, record: CommitRecord) {
        pass(&self.orders, 1, &self.passed);
        let row = record.rows.iter().find(|row| row.relation == Relation::Outbox);
        let plan = row.and_then(|row| Plan::from_bytes(row.value.as_ref()?));
        let plan = plan.expect("every commit has such a row");
        say(format!("commit {} {} {}", record.stamp, plan.thread, plan.seq));
        self.inner.accept(record);
    }

    fn wake(&self) {
        self.inner.wake();
    }
}

/// What the parent starts again and again; it does nothing in a process that has no orders.
#[test]
#[ignore = "other tests start it as a process that they kill"]
fn commits_until_it_is_killed() {
    let Some(orders) = env::var(ORDERS).ok().and_then(|text| Orders::of_text(&text)) else {
        return;
    };
    let orders = Arc::new(orders);
    let store = Store::open(Path::new(&orders.folder)).expect("the folder is good");
    let root = store
        .load()
        .expect("the rows are whole")
        .expect("there is a world");
    let log = store.log(&root, orders.durability, |event| match event {
        Event::Written(stamp) => say(format!("answered {stamp}")),
        Event::Failed(reason) => say(format!("failed {reason}")),
        Event::DiskFull | Event::Writable => {}
    });
    let sink = Telling {
        inner: log.sink(),
        orders: orders.clone(),
        passed: AtomicU64::new(0),
    };
    let world = World::new(root, Box::new(sink));
    say("ready".to_owned());
    stdin().lock().lines().next();
    let passed = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (orders, world, log, passed) = (&orders, &world, &log, &passed);
            scope.spawn(move || commit_all(orders, world, log, thread, passed));
        }
    });
    log.close();
    say("done".to_owned());
}

/// One thread's commits, never far ahead of the log.
fn commit_all(orders: &Orders, world: &Arc<World>, log: &Log, thread: u64, passed: &AtomicU64) {
    for seq in orders.first..orders.first + orders.commits / THREADS {
        let plan = Plan { thread, seq };
        let stamp = loop {
            let mut tx = Transaction::begin(world, Box::default());
            carry_out(plan, &mut tx).expect("every object of the plan exists");
            let before = || pass(orders, 0, passed);
            if let Ok(done) = commit(tx, plan, before) {
                break done.stamp;
            }
        };
        if seq % 8 == thread {
            let row = Row {
                relation: Relation::Server,
                key: thread.to_be_bytes().to_vec(),
                value: Some(stamp.to_be_bytes().to_vec()),
            };
            // A log that has failed, or is busy, does not take it: then it is not there.
            let _ = log.put_rows(vec![row]);
        }
        if log.wait(stamp.saturating_sub(AHEAD)).is_err() {
            return;
        }
    }
}

/// Commits what was carried out, with the rows that ride along.
pub fn commit(tx: Transaction, plan: Plan, before: impl FnOnce()) -> Result<Committed, Conflict> {
    let rows = |stamp: Stamp| {
        before();
        let row = |relation, key: u64, value: Option<Plan>| Row {
            relation,
            key: key.to_be_bytes().to_vec(),
            value: value.map(Plan::to_bytes),
        };
        vec![
            row(Relation::Task, plan.thread, (!plan.ends_task()).then_some(plan)),
            row(Relation::Outbox, stamp, Some(plan)),
            row(Relation::Outbox, stamp.saturating_sub(OUTBOX), None),
        ]
    };
    tx.commit(false, rows).0
}

/// Does in a transaction what the plan says, from what the transaction reads.
pub fn carry_out(plan: Plan, tx: &mut Transaction) -> Result<(), ErrorCode> {
    let cells = plan.cells().map(|cell| Obj(cell as i64));
    for cell in cells {
        let [count, last, _] = PROPERTIES.map(Symbol::new);
        let count = tx.find_property(cell, count)?;
        let before = tx.property_value(&count).as_int().unwrap_or_default();
        tx.set_property_value(&count, Value::int(before + 1));
        let last = tx.find_property(cell, last)?;
        tx.set_property_value(&last, Value::string(plan.word()));
    }
    let [first, second, _] = cells;
    tx.set_name(first, Value::string(plan.word()))?;
    match plan.extra() {
        Extra::None => {}
        Extra::Text => {
            let text = tx.find_property(first, Symbol::new("text"))?;
            tx.set_property_value(&text, Value::string(plan.text()));
        }
        Extra::Move => {
            let there = tx.location(second) == Some(Obj(1));
            tx.relocate(second, Obj(if there { 2 } else { 1 }))?;
        }
        Extra::Make => {
            let made = tx.create(Obj::NOTHING, Some(Obj(0)));
            tx.set_name(made, Value::string(plan.word()))?;
        }
        Extra::Recycle => {
            let end = tx.max_object().0;
            let oldest = (FIRST_MADE as i64..=end).map(Obj).find(|&obj| tx.valid(obj));
            oldest.map_or(Ok(()), |oldest| tx.destroy(oldest))?;
        }
        Extra::Player => {
            let is_player = tx.flags(first).has(Flags::PLAYER);
            tx.set_player(first, !is_player)?;
        }
        Extra::Program => tx.set_verb_code(Obj(1), 0, Code::new(plan.program()))?,
    }
    Ok(())
}
