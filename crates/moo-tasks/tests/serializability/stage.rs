//! A world on which tasks run against each other, and what is written down of each.
//!
//! Invariant: a task is run by the same code as in the daemon, from its first attempt to its commit; only the clock and
//! the dice are ours, and rolling the dice is where others may come between.

use crate::operation::{Operation, register};
use moo_model::ledger::Row;
use moo_model::world::shadow::Shadow;
use moo_model::world::{
    ArgSpec, Code, Flags, ObjSpec, PrepSpec, PropPerms, Root, Stamp, Transaction, VerbPerms, VerbRecord,
    World,
};
use moo_model::{Obj, Value};
use moo_tasks::attempt::{Bench, End, Failure, Job, Release, Work};
use moo_tasks::held::Says;
use moo_tasks::outside::{Outside, Surroundings};
use moo_tasks::priority::Priority;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const WIZARD: Obj = Obj(1);

/// The world with its registers on #0, and all that surrounds it.
pub struct Stage {
    world: Arc<World>,
    outside: Outside,
    priority: Priority,
    /// Counts what begins and what ends.
    moments: AtomicU64,
}

/// One task, as whoever asked for it knows it.
#[derive(Clone, Debug)]
pub struct Done {
    /// What it was to do.
    pub operations: Vec<Operation>,
    /// What each operation saw; nothing of a task that gave up, which must have had no effect.
    pub seen: Option<Vec<Value>>,
    /// The commit that it says it is, or whose state it says it saw.
    pub stamp: Stamp,
    /// Whether it made that commit.
    pub has_committed: bool,
    /// When it was asked for, and when it was answered.
    pub began: u64,
    /// See `began`.
    pub ended: u64,
}

impl Stage {
    /// A world with these registers and so many objects. Where it is `cold`, whatever can leaves memory at once.
    pub fn new(registers: &[Value], objects: usize, cold: bool) -> Stage {
        let world = if cold {
            let shadow = Arc::new(Shadow::default());
            let root = Root {
                cold: Some(shadow.clone()),
                ..Root::default()
            };
            World::bounded(root, Box::new(shadow), 0)
        } else {
            World::new(Root::default(), Box::new(()))
        };
        let mut tx = Transaction::begin(&world, Box::default());
        for _ in 0..objects {
            tx.create(Obj::NOTHING, Some(WIZARD));
        }
        for flag in [Flags::WIZARD, Flags::PROGRAMMER] {
            tx.set_flag(WIZARD, flag, true).expect("it exists");
        }
        for (at, value) in registers.iter().enumerate() {
            let name = register(at);
            tx.define_property(Obj::SYSTEM, &name, value.clone(), WIZARD, PropPerms::READ)
                .expect("it exists");
        }
        let verb = VerbRecord {
            id: 0,
            names: Value::str("txn"),
            owner: WIZARD,
            perms: VerbPerms(VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
            args: ArgSpec {
                dobj: ObjSpec::This,
                prep: PrepSpec::None,
                iobj: ObjSpec::This,
            },
            code: Code::new(include_str!("txn.moo")),
        };
        tx.add_verb(Obj::SYSTEM, verb).expect("it exists");
        let (result, _) = tx.commit(true, |_| Vec::new());
        result.map(drop).expect("nobody else is there");
        Stage {
            world,
            outside: Outside::new(1, 0),
            priority: Priority::default(),
            moments: AtomicU64::new(0),
        }
    }

    /// Lets commits pass that read what is not so any more: a world that these tests must find at fault.
    pub fn without_validation(self) -> Stage {
        self.world.commit_without_validation();
        self
    }

    /// Runs a task; `between` is called wherever others may come between.
    pub fn run(&self, operations: Vec<Operation>, between: &mut dyn FnMut(), attempts_max: u32) -> Done {
        let job = Job {
            id: self.outside.ids.next(),
            player: WIZARD,
            conn: None,
            work: Work::Hook {
                on: Obj::SYSTEM,
                verb: "txn",
                args: operations.iter().map(Operation::to_value).collect(),
            },
            stored: false,
            rows: Vec::new(),
            conns: Vec::new(),
            kill: Arc::default(),
        };
        let bench = Bench {
            world: &self.world,
            outside: &self.outside,
            priority: &self.priority,
            attempts_max,
            bytes_max: i64::MAX,
        };
        let began = self.moment();
        let mut release = HasCommitted(false);
        let report = bench.run(&job, &mut Dice(between), &mut Box::default(), &mut release);
        let seen = match report.end {
            End::Done(value) => Some(value.as_list().expect("what it saw").to_vec()),
            End::Failed(Failure::Contended) => None,
            // No step raises an error, one task after another: the judge will find this at fault.
            end => Some(vec![Value::str(&format!("{end:?}"))]),
        };
        Done {
            operations,
            seen,
            stamp: report.stamp,
            has_committed: release.0,
            began,
            ended: self.moment(),
        }
    }

    fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }
}

/// Notes whether there was a commit; nothing is said.
struct HasCommitted(bool);

impl Release for HasCommitted {
    fn prepare(&mut self, _: Says, _: &End) -> bool {
        false
    }

    fn leave(&mut self, _: Stamp) -> Vec<Row> {
        self.0 = true;
        Vec::new()
    }
}

struct Dice<'a>(&'a mut dyn FnMut());

impl Surroundings for Dice<'_> {
    fn now(&self) -> f64 {
        1_000.0
    }

    fn zone(&self, _time: i64) -> (i32, String) {
        (0, "UTC".into())
    }

    fn random(&mut self) -> u64 {
        (self.0)();
        4
    }

    fn cpu_seconds(&self) -> f64 {
        0.0
    }

    fn live_bytes(&self) -> i64 {
        0
    }

    fn db_disk_size(&self) -> i64 {
        0
    }

    fn yield_now(&mut self) {}

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
