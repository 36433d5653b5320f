//! Serializability, judged: random tasks run against each other on one world, in an order that follows from a seed and on
//! real threads, and what they saw must be what they could have seen one after another.
//!
//! `MOOTHALL_SEEDS=N` runs so many seeds of each workload, `MOOTHALL_SEED=N` only that one. That the judges would notice
//! is shown on a world whose commits do not look whether what they read is still so.

mod history;
mod operation;
mod stage;

use fastrand::Rng;
use history::{cycle, replay};
use moo_model::{Obj, Value};
use operation::{Model, Operation};
use stage::{Done, Stage};
use std::cell::{Cell, RefCell};
use std::sync::Mutex;

/// Seeds of each workload, else.
const SEEDS: u64 = 300;
/// Tasks of one history under a seed.
const TASKS: u32 = 60;
/// How deep tasks come between the steps of others.
const DEPTH_MAX: u32 = 3;
/// Attempts there: the right of way, which waits for others to end, is for threads.
const ATTEMPTS_MAX: u32 = 5;
/// Threads, and tasks of each.
const THREADS: u64 = 4;
const TASKS_A_THREAD: u32 = 250;

/// What the tasks of a history do.
struct Workload {
    registers: Vec<Value>,
    objects: usize,
    /// The steps of a task, given a number that no other task has.
    task: fn(&mut Rng, i64) -> Vec<Operation>,
    /// What must be true whatever has been done.
    holds: fn(&Model) -> bool,
}

/// Lists to which numbers are appended.
fn lists() -> Workload {
    Workload {
        registers: vec![Value::list(Vec::new()); 3],
        objects: 2,
        task: |rng, unique| {
            let mut steps = Vec::new();
            for step in 0..rng.i64(1..=5) {
                let register = rng.usize(..3);
                steps.push(match rng.bool() {
                    true => Operation::Append(register, unique * 10 + step),
                    false => Operation::Read(register),
                });
            }
            steps
        },
        holds: |_| true,
    }
}

/// Numbers to which equal and different steps are added, and which are set to what they are already.
fn counters() -> Workload {
    Workload {
        registers: vec![Value::int(0); 3],
        objects: 2,
        task: |rng, unique| {
            let mut steps = Vec::new();
            for _ in 0..rng.usize(1..=4) {
                let register = rng.usize(..3);
                steps.push(match rng.u8(..6) {
                    0 | 1 => Operation::Add(register, 1),
                    2 => Operation::Add(register, unique),
                    3 => Operation::Write(register, rng.i64(..2)),
                    _ => Operation::Read(register),
                });
            }
            steps
        },
        holds: |_| true,
    }
}

const ACCOUNTS: usize = 4;

/// Accounts between which money moves, and people who add them all up.
fn bank() -> Workload {
    Workload {
        registers: vec![Value::int(100); ACCOUNTS],
        objects: 2,
        task: |rng, _| match rng.u8(..3) {
            0 => (0..ACCOUNTS).map(Operation::Read).collect(),
            _ => {
                let from = rng.usize(..ACCOUNTS);
                let to = (from + rng.usize(1..ACCOUNTS)) % ACCOUNTS;
                vec![Operation::Transfer(from, to, rng.i64(1..120))]
            }
        },
        holds: |model| {
            let amounts = (0..ACCOUNTS).map(|at| model.register(at).as_int().expect("a number"));
            amounts.clone().sum::<i64>() == 100 * ACCOUNTS as i64 && amounts.clone().all(|amount| amount >= 0)
        },
    }
}

/// Two doctors, one of whom must be on call: each looks at both and changes only itself (write skew).
fn doctors() -> Workload {
    Workload {
        registers: vec![Value::int(1); 2],
        objects: 2,
        task: |rng, _| {
            let own = rng.usize(..2);
            match rng.u8(..3) {
                0 => vec![Operation::Write(own, 1)],
                1 => vec![Operation::Read(own), Operation::Read(1 - own)],
                _ => vec![Operation::Leave(own, 1 - own)],
            }
        },
        holds: |model| (0..2).any(|at| model.register(at).as_int() == Some(1)),
    }
}

/// The objects that others are in and children of, and all that there are at the beginning.
const ROOMS: std::ops::Range<i64> = 2..5;
const OBJECTS: i64 = 10;
const PLACES: i64 = 2;

/// Objects that are made, moved and recycled, in rooms for two and with parents of two.
fn objects() -> Workload {
    Workload {
        registers: Vec::new(),
        objects: OBJECTS as usize,
        task: |rng, _| {
            let mut steps = Vec::new();
            for _ in 0..rng.usize(1..=3) {
                let room = Obj(rng.i64(ROOMS));
                let thing = Obj(rng.i64(ROOMS.end..OBJECTS + 6));
                steps.push(match rng.u8(..32) {
                    0..8 => Operation::Enter(thing, room, PLACES),
                    8..14 => Operation::Adopt(thing, room, PLACES),
                    14..18 => Operation::Create(room),
                    18..20 => Operation::Recycle(thing),
                    20 => Operation::Recycle(room),
                    21..24 => Operation::Contents(room),
                    24..27 => Operation::Children(room),
                    27..30 => Operation::Where(thing),
                    _ => Operation::Last,
                });
            }
            steps
        },
        holds: |_| true,
    }
}

impl Workload {
    fn stage(&self) -> Stage {
        Stage::new(&self.registers, self.objects, false)
    }

    /// Where nothing stays in memory for long.
    fn cold_stage(&self) -> Stage {
        Stage::new(&self.registers, self.objects, true)
    }

    /// Sees everything, when all are done.
    fn look(&self, stage: &Stage) -> Done {
        let registers = (0..self.registers.len()).map(Operation::Read);
        let objects = (0..OBJECTS).map(Obj);
        let steps = registers
            .chain(objects.flat_map(|obj| {
                [
                    Operation::Contents(obj),
                    Operation::Children(obj),
                    Operation::Where(obj),
                ]
            }))
            .chain([Operation::Last]);
        stage.run(steps.collect(), &mut || (), 1)
    }

    fn judge(&self, history: &[Done]) -> Result<(), String> {
        let model = replay(history, Model::new(&self.registers, self.objects))?;
        if !(self.holds)(&model) {
            return Err("what must always hold does not hold at the end".into());
        }
        let are_lists = self
            .registers
            .first()
            .is_some_and(|first| first.as_list().is_some());
        if are_lists { cycle(history) } else { Ok(()) }
    }

    /// A history in which tasks come between the steps of others, as a seed has it.
    fn interleaved(&self, stage: &Stage, seed: u64) -> Vec<Done> {
        let play = Interleaved {
            workload: self,
            stage,
            rng: RefCell::new(Rng::with_seed(seed)),
            begun: Cell::new(0),
            history: RefCell::default(),
        };
        while play.begun.get() < TASKS {
            play.task(0);
        }
        let mut history = play.history.into_inner();
        history.push(self.look(stage));
        history
    }

    /// A history of threads.
    fn threaded(&self, stage: &Stage, seed: u64, tasks: u32) -> Vec<Done> {
        let history = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let history = &history;
                scope.spawn(move || {
                    let mut rng = Rng::with_seed(seed * THREADS + thread);
                    let mut dice = rng.fork();
                    let mut between = || {
                        if dice.bool() {
                            std::thread::yield_now();
                        }
                    };
                    for task in 0..tasks {
                        let unique = (thread as i64 + 1) * 1_000 + i64::from(task);
                        let done = stage.run((self.task)(&mut rng, unique), &mut between, 1_000);
                        history.lock().expect("nobody panics").push(done);
                    }
                });
            }
        });
        let mut history = history.into_inner().expect("nobody panicked");
        history.push(self.look(stage));
        history
    }

    fn shows_nothing_but_one_task_after_another(&self) {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let seeds = match number("MOOTHALL_SEED") {
            Some(seed) => seed..seed + 1,
            None => 0..number("MOOTHALL_SEEDS").unwrap_or(SEEDS),
        };
        for seed in seeds.clone() {
            if let Err(why) = self.judge(&self.interleaved(&self.stage(), seed)) {
                panic!("seed {seed}: {why}\nrun it alone with MOOTHALL_SEED={seed}");
            }
        }
        for seed in seeds.clone().step_by(12) {
            if let Err(why) = self.judge(&self.interleaved(&self.cold_stage(), seed)) {
                panic!("seed {seed}, with little in memory: {why}");
            }
        }
        // Where little is in memory tasks lose more races, and wait in between.
        for (stage, tasks) in [
            (self.stage(), TASKS_A_THREAD),
            (self.cold_stage(), TASKS_A_THREAD / 10),
        ] {
            if let Err(why) = self.judge(&self.threaded(&stage, seeds.start, tasks)) {
                panic!("on threads: {why}");
            }
        }
    }

    fn is_found_out_without_validation(&self) {
        let is_noticed = |seed| {
            self.judge(&self.interleaved(&self.stage().without_validation(), seed))
                .is_err()
        };
        let noticed = (0..20).filter(|&seed| is_noticed(seed)).count();
        assert!(
            noticed >= 10,
            "only {noticed} of 20 histories were found at fault"
        );
    }
}

/// A history that is being made.
struct Interleaved<'a> {
    workload: &'a Workload,
    stage: &'a Stage,
    rng: RefCell<Rng>,
    begun: Cell<u32>,
    history: RefCell<Vec<Done>>,
}

impl Interleaved<'_> {
    fn task(&self, depth: u32) {
        self.begun.set(self.begun.get() + 1);
        let steps = (self.workload.task)(&mut self.rng.borrow_mut(), i64::from(self.begun.get()));
        let mut between = || {
            let is_wanted = self.rng.borrow_mut().u8(..4) == 0;
            if is_wanted && depth < DEPTH_MAX && self.begun.get() < TASKS {
                self.task(depth + 1);
            }
        };
        let done = self.stage.run(steps, &mut between, ATTEMPTS_MAX);
        self.history.borrow_mut().push(done);
    }
}

macro_rules! judged {
    ($($workload:ident)*) => {$(
        mod $workload {
            #[test]
            fn show_nothing_but_one_task_after_another() {
                super::$workload().shows_nothing_but_one_task_after_another();
            }

            #[test]
            fn are_found_out_without_validation() {
                super::$workload().is_found_out_without_validation();
            }
        }
    )*};
}

judged! { lists counters bank doctors objects }
