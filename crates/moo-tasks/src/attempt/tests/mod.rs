//! Slices against each other on one world: who is tried again, what leaves, and how often.

mod connections;

use std::sync::Mutex;

use moo_model::world::{
    ArgSpec, Code, CommitRecord, Flags, ObjSpec, PrepSpec, PropPerms, Root, VerbPerms, VerbRecord,
};
use moo_model::{Symbol, ledger::Relation};

use super::*;
use crate::board::WaitsFor;
use crate::connections::{Attachment, NewConnection};
use crate::held::Shown;

/// Time that stands still, dice that are loaded, and something to do in the middle of an attempt.
#[derive(Default)]
pub(crate) struct Still<'a> {
    pauses: u32,
    /// Called whenever a program asks for a random number, which is in the middle of an attempt.
    meanwhile: Option<&'a mut dyn FnMut()>,
}

impl Surroundings for Still<'_> {
    fn now(&self) -> f64 {
        1_000.0
    }

    fn zone(&self, _time: i64) -> (i32, String) {
        (0, "UTC".into())
    }

    fn random(&mut self) -> u64 {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile();
        }
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

    fn pause(&mut self, _time: Duration) {
        self.pauses += 1;
    }
}

/// Hears what slices say.
#[derive(Default)]
struct Ear {
    ready: Vec<String>,
    heard: Vec<String>,
    left: u32,
}

impl Release for Ear {
    fn prepare(&mut self, says: Says, _: &End) -> bool {
        let lines = says.told.iter().flat_map(|told| &told.lines);
        let texts = lines.filter_map(|shown| match shown {
            Shown::Line { output, .. } => output.text.as_str().map(str::to_owned),
            Shown::Rich(_) => None,
        });
        self.ready = texts.collect();
        !self.ready.is_empty()
    }

    fn leave(&mut self, _: Stamp) -> Vec<Row> {
        self.left += 1;
        self.heard.append(&mut self.ready);
        Vec::new()
    }
}

pub(crate) const WIZARD: Obj = Obj(1);
const CLIENT: [u8; 16] = [7; 16];

/// A world with #0, which has `.n`, and #1, a wizard and player; verbs go on #0.
pub(crate) struct Stage {
    world: Arc<World>,
    outside: Outside,
    conn: Arc<Connection>,
    records: Arc<Mutex<Vec<CommitRecord>>>,
}

impl Stage {
    pub(crate) fn new(verbs: &[(&str, &str)]) -> Stage {
        let records: Arc<Mutex<Vec<CommitRecord>>> = Arc::default();
        let log = records.clone();
        let sink = move |record| log.lock().expect("nobody panics").push(record);
        let world = World::new(Root::default(), Box::new(sink));
        let mut tx = Transaction::begin(&world, Box::default());
        for _ in 0..2 {
            tx.create(Obj::NOTHING, Some(WIZARD));
        }
        for flag in [Flags::WIZARD, Flags::PROGRAMMER] {
            tx.set_flag(WIZARD, flag, true).expect("it exists");
        }
        tx.set_player(WIZARD, true).expect("it exists");
        tx.define_property(Obj::SYSTEM, "n", Value::int(0), WIZARD, PropPerms::READ)
            .expect("it exists");
        for (name, code) in verbs {
            let verb = VerbRecord {
                id: 0,
                names: Value::str(name),
                owner: WIZARD,
                perms: VerbPerms(VerbPerms::EXEC.0 | VerbPerms::DEBUG.0),
                args: ArgSpec {
                    dobj: ObjSpec::This,
                    prep: PrepSpec::None,
                    iobj: ObjSpec::This,
                },
                code: Code::new(*code),
            };
            tx.add_verb(Obj::SYSTEM, verb).expect("it exists");
        }
        tx.commit(true, |_| Vec::new())
            .0
            .map(drop)
            .expect("nobody else is there");
        let outside = Outside::new(1, 0);
        let conn = outside.connections.open(NewConnection {
            listener: Obj::SYSTEM,
            prints_messages: true,
            name: "port 7777 from here, port 1".into(),
            peer: "here".into(),
            attachment: Attachment {
                client: CLIENT,
                ..Attachment::default()
            },
            flush_command: String::new(),
            now: 1_000,
        });
        outside.connections.log_in(&conn, WIZARD, 1_000);
        Stage {
            world,
            outside,
            conn,
            records,
        }
    }

    pub(crate) fn call(&self, verb: &'static str) -> Job {
        Job {
            id: self.outside.ids.next(),
            player: WIZARD,
            conn: None,
            work: Work::Hook {
                on: Obj::SYSTEM,
                verb,
                args: Vec::new(),
            },
            stored: false,
            rows: Vec::new(),
            conns: Vec::new(),
            kill: Arc::default(),
        }
    }

    /// Runs a job; gives its report and the lines that were released.
    pub(crate) fn run(&self, job: &Job, here: &mut Still<'_>, attempts_max: u32) -> (Report, Vec<String>) {
        let priority = Priority::default();
        let bench = Bench {
            world: &self.world,
            outside: &self.outside,
            priority: &priority,
            attempts_max,
            bytes_max: i64::MAX,
        };
        let mut ear = Ear::default();
        let report = bench.run(job, here, &mut Box::default(), &mut ear);
        assert!(
            ear.left <= 1,
            "output is handed over once, however often a slice was tried"
        );
        (report, ear.heard)
    }

    pub(crate) fn n(&self) -> i64 {
        let mut tx = Transaction::begin(&self.world, Box::default());
        let found = tx
            .find_property(Obj::SYSTEM, Symbol::new("n"))
            .expect("it is defined");
        tx.property_value(&found).as_int().expect("it is a number")
    }

    /// What somebody else does to `.n`.
    fn add(&self, amount: i64) {
        let mut tx = Transaction::begin(&self.world, Box::default());
        let found = tx
            .find_property(Obj::SYSTEM, Symbol::new("n"))
            .expect("it is defined");
        let value = tx.property_value(&found).as_int().expect("it is a number");
        tx.set_property_value(&found, Value::int(value + amount));
        tx.commit(false, |_| Vec::new())
            .0
            .map(drop)
            .expect("it reads what it just saw");
    }

    /// The keys of stored tasks, and whether each was put or deleted, over all commits.
    fn task_rows(&self) -> Vec<(i64, bool)> {
        let records = self.records.lock().expect("nobody panics");
        let rows = records.iter().flat_map(|record| &record.rows);
        rows.filter(|row| row.relation == Relation::Task)
            .map(|row| {
                (
                    snapshot::id_of(&row.key).expect("keys are numbers"),
                    row.value.is_some(),
                )
            })
            .collect()
    }
}

/// Reads `.n`, lets others act, and writes one more.
const INCREMENT: &str = "n = #0.n;\nnotify(player, tostr(\"was \", n));\nrandom();\n#0.n = n + 1;";

#[test]
fn a_slice_that_lost_a_race_is_run_again_and_says_everything_once() {
    let stage = Stage::new(&[("up", INCREMENT)]);
    let mut left = 2;
    let mut meanwhile = || {
        if left > 0 {
            left -= 1;
            stage.add(100);
        }
    };
    let mut here = Still {
        meanwhile: Some(&mut meanwhile),
        ..Still::default()
    };
    let (report, lines) = stage.run(&stage.call("up"), &mut here, 10);
    assert_eq!(report.attempts, 3);
    assert_eq!(lines, ["was 200"]);
    assert_eq!(stage.n(), 201);
    let conflicts = stage.outside.conflicts.rows();
    assert_eq!((conflicts[0].obj, conflicts[0].count), (Obj::SYSTEM, 2));
    assert_eq!(conflicts[0].part, "n");
    assert!(
        report.used.ticks >= 9,
        "each attempt used ticks: {:?}",
        report.used
    );
}

#[test]
fn a_slice_that_loses_every_time_ends_without_effect_and_says_so() {
    let stage = Stage::new(&[("do_out_of_band_command", INCREMENT)]);
    let mut meanwhile = || stage.add(1);
    let mut here = Still {
        meanwhile: Some(&mut meanwhile),
        ..Still::default()
    };
    let line = Line {
        text: "#$#up".into(),
        ticket: 0,
        stored: None,
    };
    let job = Job {
        conn: Some(stage.conn.clone()),
        work: Work::OutOfBand(line),
        ..stage.call("unused")
    };
    let (report, lines) = stage.run(&job, &mut here, 4);
    assert!(
        matches!(report.end, End::Failed(Failure::Contended)),
        "{:?}",
        report.end
    );
    assert_eq!(lines, [CONTENDED]);
    assert_eq!(here.pauses, 2, "the first two tries follow at once");
}

#[test]
fn a_reader_is_never_run_again() {
    let stage = Stage::new(&[("read", "n = #0.n;\nrandom();\nnotify(player, tostr(n + #0.n));")]);
    let mut meanwhile = || stage.add(1);
    let mut here = Still {
        meanwhile: Some(&mut meanwhile),
        ..Still::default()
    };
    let job = Job {
        rows: vec![snapshot::gone(77)],
        ..stage.call("read")
    };
    let (report, lines) = stage.run(&job, &mut here, 1);
    assert_eq!((report.attempts, lines), (1, vec!["0".to_owned()]));
    assert_eq!(stage.task_rows(), [(77, false)]);
}

#[test]
fn a_task_that_waits_because_of_what_it_read_is_run_again_when_that_has_changed() {
    let stage = Stage::new(&[("wait", "if (#0.n == 0)\nrandom();\nsuspend();\nendif")]);
    let mut meanwhile = || stage.add(1);
    let mut here = Still {
        meanwhile: Some(&mut meanwhile),
        ..Still::default()
    };
    let (report, _) = stage.run(&stage.call("wait"), &mut here, 10);
    assert_eq!(report.attempts, 2);
    assert!(matches!(report.end, End::Done(_)), "{:?}", report.end);
    assert_eq!(stage.task_rows(), []);
}

#[test]
fn tasks_that_wait_are_stored_by_the_commit_that_makes_them_wait() {
    let code = "fork id (60)\nnotify(player, \"later\");\nendfork\nsuspend(5);\nnotify(player, tostr(id));";
    let stage = Stage::new(&[("nap", code)]);
    let job = stage.call("nap");
    let (report, lines) = stage.run(&job, &mut Still::default(), 1);
    let End::Waits(waiting) = report.end else {
        panic!("it sleeps: {:?}", report.end);
    };
    assert!(lines.is_empty());
    assert_eq!(waiting.waits_for, WaitsFor::Moment(1_005.0));
    assert_eq!(report.spawned.len(), 1);
    let forked = report.spawned[0].id;
    assert_eq!(stage.task_rows(), [(job.id, true), (forked, true)]);

    let stored = snapshot::row(&waiting, None);
    let restored = snapshot::restore(&stored.key, stored.value.as_deref().unwrap_or_default());
    let machine = restored.expect("it was just written").waiting.machine;
    let wake = Ok(Value::int(0));
    let resumed = Job {
        work: Work::Resume { machine, wake },
        stored: true,
        ..job
    };
    let (report, lines) = stage.run(&resumed, &mut Still::default(), 1);
    assert!(matches!(report.end, End::Done(_)), "{:?}", report.end);
    assert_eq!(lines, [forked.to_string()]);
    assert_eq!(
        stage.task_rows().last(),
        Some(&(resumed.id, false)),
        "its row is gone"
    );
}

#[test]
fn errors_go_to_the_world_first_and_to_the_player_otherwise() {
    let stage = Stage::new(&[("oops", "1 / 0;")]);
    let (report, lines) = stage.run(&stage.call("oops"), &mut Still::default(), 1);
    assert!(
        matches!(report.end, End::Failed(Failure::Uncaught { .. })),
        "{:?}",
        report.end
    );
    assert_eq!(
        lines,
        ["#0:oops, line 1:  Division by zero", "(End of traceback)"]
    );

    let handler = "notify(player, tostr(\"handled \", args[2]));\nreturn 1;";
    let stage = Stage::new(&[("oops", "1 / 0;"), ("handle_uncaught_error", handler)]);
    let (_, lines) = stage.run(&stage.call("oops"), &mut Still::default(), 1);
    assert_eq!(lines, ["handled Division by zero"]);
}

#[test]
fn a_killed_slice_has_no_effect() {
    let stage = Stage::new(&[("up", INCREMENT)]);
    let job = stage.call("up");
    job.kill.store(true, Ordering::Relaxed);
    let (report, lines) = stage.run(&job, &mut Still::default(), 3);
    assert!(
        matches!(report.end, End::Failed(Failure::Killed)),
        "{:?}",
        report.end
    );
    assert_eq!((lines, stage.n()), (Vec::new(), 0));
}

#[test]
fn commands_without_a_verb_are_not_understood() {
    let stage = Stage::new(&[("do_command", "return argstr == \"mine\";")]);
    let command = |text: &str| Job {
        conn: Some(stage.conn.clone()),
        work: Work::Command {
            line: Line {
                text: text.into(),
                ticket: 1,
                stored: None,
            },
            may_program: true,
        },
        ..stage.call("unused")
    };
    let (_, lines) = stage.run(&command("xyzzy"), &mut Still::default(), 1);
    assert_eq!(lines, ["I couldn't understand that."]);
    let (report, lines) = stage.run(&command("mine"), &mut Still::default(), 1);
    assert!(
        lines.is_empty() && matches!(report.end, End::Done(_)),
        "{:?}",
        report.end
    );
}

#[test]
fn a_program_is_typed_in_and_stored() {
    let stage = Stage::new(&[("te*st", "")]);
    let job = |work| Job {
        conn: Some(stage.conn.clone()),
        work,
        ..stage.call("unused")
    };
    let line = Line {
        text: ".pr #0:te".into(),
        ticket: 1,
        stored: None,
    };
    let start = job(Work::Command {
        line,
        may_program: true,
    });
    let (report, lines) = stage.run(&start, &mut Still::default(), 1);
    assert_eq!(lines, ["Now programming :te*st.  Use \".\" to end."]);
    assert!(matches!(report.end, End::Done(_)));
    let (obj, verb) = stage.conn.input().programming().expect("it was begun");
    let mut programming = Programming {
        obj,
        verb,
        lines: Vec::new(),
        stored: Vec::new(),
    };
    programming.lines = vec!["notify(player, \"hi\");".into(), "if".into()];
    let (_, lines) = stage.run(&job(Work::Program(programming.clone())), &mut Still::default(), 1);
    assert_eq!(lines.last().map(String::as_str), Some("Verb not programmed."));
    programming.lines.pop();
    let (_, lines) = stage.run(&job(Work::Program(programming)), &mut Still::default(), 1);
    assert_eq!(lines, ["0 error(s).", "Verb programmed."]);
    let (_, lines) = stage.run(&stage.call("test"), &mut Still::default(), 1);
    assert_eq!(lines, ["hi"]);
}

#[test]
fn a_task_that_asks_a_worker_is_stored_with_what_it_asks() {
    let stage = Stage::new(&[(
        "ask",
        "notify(player, tostr(worker_request(\"http\", {\"GET\", \"u\"})));",
    )]);
    let job = stage.call("ask");
    let (report, _) = stage.run(&job, &mut Still::default(), 1);
    let End::Waits(waiting) = report.end else {
        panic!("it waits: {:?}", report.end);
    };
    let order = waiting.order().expect("for a worker");
    assert_eq!(
        (order.kind.as_str(), order.perms, order.deadline),
        ("http", WIZARD, 1_030.0)
    );
    let stored = snapshot::row(&waiting, None);
    let restored = snapshot::restore(&stored.key, stored.value.as_deref().unwrap_or_default());
    let restored = restored.expect("it was just written");
    assert_eq!(restored.waiting.order(), Some(order));
    assert_eq!(restored.wake(|_| false), None, "only a worker wakes it");
    stage.outside.board.put(waiting.clone());
    let counts = stage.outside.board.count_orders(WIZARD, &order.verb);
    assert_eq!((counts.all, counts.of_owner, counts.of_verb), (1, 1, 1));
    stage.outside.board.start(waiting.id);
    assert_eq!(stage.outside.board.orders().len(), 0, "it waits no more");
}
