//! x
use super::*;
use crate::host::*;
use moo_model::world::*;
use moo_model::*;
struct Dead;
#[rustfmt::skip]
impl Host for Dead {
    fn now(&self) -> f64 { 0.0 }
    fn zone(&self, _: i64) -> (i32, String) { (0, "UTC".into()) }
    fn random(&mut self) -> u64 { 4 }
    fn seconds_left(&self) -> f64 { 5.0 }
    fn is_killed(&self) -> bool { false }
    fn is_over_memory(&self) -> bool { false }
    fn connected(&self, _: bool) -> Vec<Obj> { vec![] }
    fn connection_times(&self, _: Obj) -> Option<(i64, i64)> { None }
    fn connection_name(&self, _: Obj) -> Option<String> { None }
    fn connection_option(&self, _: Obj, _: &str) -> Option<Option<Value>> { None }
    fn connection_options(&self, _: Obj) -> Option<Vec<(String, Value)>> { None }
    fn set_connection_option(&mut self, _: Obj, _: &str, _: &Value) -> Result<(), ErrorCode> { Ok(()) }
    fn output_delimiters(&self, _: Obj) -> Option<(String, String)> { None }
    fn buffered_output(&self, _: Obj) -> Option<usize> { None }
    fn notify(&mut self, _: Obj, _: Output) -> bool { true }
    fn close(&mut self, _: Obj, _: Close) {}
    fn switch_player(&mut self, _: Obj, _: Obj, _: bool) -> Result<(), ErrorCode> { Ok(()) }
    fn force_input(&mut self, _: Obj, _: &str, _: bool) -> Result<(), ErrorCode> { Ok(()) }
    fn flush_input(&mut self, _: Obj, _: bool) {}
    fn read_line(&mut self, _: Obj, _: bool) -> Result<Option<Value>, ErrorCode> { Ok(None) }
    fn is_input_task(&self, _: Obj) -> bool { false }
    fn listen(&mut self, _: Obj, p: i64, _: bool) -> Result<i64, ErrorCode> { Ok(p) }
    fn unlisten(&mut self, _: i64) -> Result<(), ErrorCode> { Ok(()) }
    fn listeners(&self) -> Vec<(Obj, i64, bool)> { vec![] }
    fn next_task_id(&mut self) -> i64 { 1 }
    fn fork(&mut self, _: crate::fork::ForkRequest) -> Result<(), ErrorCode> { Ok(()) }
    fn may_queue(&mut self, _: Obj, _: Option<i64>) -> bool { true }
    fn queued_tasks(&self) -> Vec<QueuedTask> { vec![] }
    fn resume(&mut self, _: i64, _: Value) -> Result<(), ErrorCode> { Ok(()) }
    fn kill(&mut self, _: i64) -> Result<(), ErrorCode> { Ok(()) }
    fn queue_info(&self) -> Vec<Obj> { vec![] }
    fn log(&mut self, _: &str, _: bool) {}
    fn shutdown(&mut self, _: String) {}
    fn dump_database(&mut self) {}
    fn db_disk_size(&self) -> i64 { 0 }
    fn load_server_options(&mut self) {}
}

fn go(verbs: &[(&str, &str)], iters: u64) -> f64 {
    let world = World::new(Root::default(), Box::new(()));
    let mut tx = Transaction::begin(&world, Box::default());
    let o = tx.create(Obj::NOTHING, Some(Obj(0)));
    tx.set_flag(o, Flags::WIZARD, true).unwrap();
    tx.define_property(o, "count", Value::int(0), o, PropPerms(3))
        .unwrap();
    for (name, src) in verbs {
        tx.add_verb(
            o,
            VerbRecord {
                id: 0,
                names: Value::str(name),
                owner: o,
                perms: VerbPerms(15),
                args: ArgSpec {
                    dobj: ObjSpec::None,
                    prep: PrepSpec::None,
                    iobj: ObjSpec::None,
                },
                code: Code::new(*src),
            },
        )
        .unwrap();
    }
    tx.commit(true, |_| vec![]).0.ok().unwrap();
    let mut best = f64::MAX;
    for _ in 0..3 {
        let mut tx = Transaction::begin(&world, Box::default());
        let hit = tx.find_callable_verb(o, Symbol::new(verbs[0].0)).unwrap();
        let mut m = Machine::for_verb(VerbStart {
            hit,
            this: o,
            player: o,
            caller: o,
            verb: Value::str("x"),
            args: Value::empty_list(),
            words: CommandWords::none(),
            progr: o,
        });
        let mut task = TaskState::new(
            1,
            crate::options::SliceLimits {
                ticks: 1 << 60,
                seconds: 9.0,
                depth: 50,
            },
            true,
        );
        let options = ServerOptions::default();
        let start = std::time::Instant::now();
        let out = m.run(
            &mut Env {
                tx: &mut tx,
                host: &mut Dead,
                task: &mut task,
                options: &options,
            },
            None,
        );
        best = best.min(start.elapsed().as_nanos() as f64 / iters as f64);
        assert!(matches!(out, Outcome::Done(_)), "{out:?}");
    }
    best
}

#[test]
fn speed() {
    println!(
        "for {:.1}",
        go(&[("x", "for i in [1..10000000] endfor")], 10_000_000)
    );
    println!(
        "while {:.1}",
        go(
            &[("x", "i = 0; while (i < 10000000) i = i + 1; endwhile")],
            10_000_000
        )
    );
    println!(
        "fib {:.1}",
        go(
            &[
                ("x", "return this:fib(25);"),
                (
                    "fib",
                    "n = args[1]; if (n < 2) return n; endif return this:fib(n - 1) + this:fib(n - 2);"
                )
            ],
            242785
        )
    );
    println!(
        "prop {:.1}",
        go(
            &[("x", "for i in [1..1000000] this.count = this.count + 1; endfor")],
            1_000_000
        )
    );
    println!(
        "append {:.1}",
        go(
            &[(
                "x",
                "for j in [1..1000] l = {}; for i in [1..1000] l = {@l, i}; endfor endfor"
            )],
            1_000_000
        )
    );
    println!(
        "iter {:.1}",
        go(
            &[(
                "x",
                "l = {}; for i in [1..1000] l = {@l, i}; endfor for j in [1..1000] s = 0; for x in (l) s = s + x; endfor endfor"
            )],
            1_000_000
        )
    );
    println!(
        "strapp {:.1}",
        go(
            &[(
                "x",
                "for j in [1..50] s = \"\"; for i in [1..20000] s = s + \"x\"; endfor endfor"
            )],
            1_000_000
        )
    );
}
