//! Actors that panic or stop, and what their supervisor makes of it. Time is paused: nothing here waits.

use super::super::gate::{Gate, Offered};
use super::*;
use actix::{ActorContext, Arbiter, System};
use std::sync::Mutex;

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Panic,
    Stop,
}

struct Worker {
    _guard: ExitGuard,
}

impl Actor for Worker {
    type Context = Context<Self>;
}

impl Handler<Offered<Order>> for Worker {
    type Result = ();

    fn handle(&mut self, order: Offered<Order>, context: &mut Context<Self>) {
        match order.accept() {
            Order::Panic => panic!("on purpose"),
            Order::Stop => context.stop(),
        }
    }
}

struct Bench {
    supervisor: Supervisor,
    gate: Gate<Worker>,
    given_up: Arc<Mutex<Vec<&'static str>>>,
}

impl Bench {
    fn new(spec: ChildSpec) -> Bench {
        let given_up: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let notes = Arc::clone(&given_up);
        let supervisor = Supervisor::start(move |child| notes.lock().unwrap().push(child.name));
        let slot = supervisor.supervise(spec, Arbiter::current(), |guard| Worker { _guard: guard });
        Bench {
            supervisor,
            gate: Gate::new(slot, 4),
            given_up,
        }
    }

    /// Ends the worker and waits until the supervisor has answered that.
    async fn end(&self, order: Order) -> ChildState {
        let before = self.state().await;
        self.gate.offer(order).expect("a worker is there");
        loop {
            let state = self.state().await;
            let answered = state.restarts > before.restarts || !state.running;
            if answered && state.last_exit.is_some() && (state.running || self.is_final(&state)) {
                return state;
            }
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    }

    fn is_final(&self, state: &ChildState) -> bool {
        !self.given_up.lock().unwrap().is_empty() || state.last_exit == Some(ExitReason::Stopped)
    }

    async fn state(&self) -> ChildState {
        self.supervisor.observe().await.remove(0)
    }
}

/// Runs a test on an actix system whose clock only moves when the test moves it.
fn in_paused_time(test: impl Future<Output = ()>) {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime")
    };
    System::with_tokio_rt(runtime).block_on(test);
}

#[test]
fn an_actor_that_panics_is_started_again_at_once_in_the_same_slot() {
    in_paused_time(async {
        let bench = Bench::new(ChildSpec::permanent("worker"));
        let started = Instant::now();
        let state = bench.end(Order::Panic).await;
        assert_eq!(
            (state.running, state.restarts, state.last_exit),
            (true, 1, Some(ExitReason::Panicked))
        );
        assert!(started.elapsed() < Duration::from_millis(100));
        assert_eq!(bench.end(Order::Panic).await.restarts, 2);
    });
}

#[test]
fn a_permanent_actor_is_also_started_again_after_an_ordinary_stop() {
    in_paused_time(async {
        let bench = Bench::new(ChildSpec::permanent("worker"));
        bench.gate.offer(Order::Stop).unwrap();
        while bench.state().await.restarts == 0 {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(bench.state().await.last_exit, Some(ExitReason::Stopped));
    });
}

#[test]
fn a_transient_actor_that_stops_stays_stopped() {
    in_paused_time(async {
        let spec = ChildSpec {
            restart: Restart::Transient,
            ..ChildSpec::permanent("worker")
        };
        let bench = Bench::new(spec);
        assert!(bench.end(Order::Panic).await.running);
        let state = bench.end(Order::Stop).await;
        assert_eq!((state.running, state.restarts), (false, 1));
        assert_eq!(bench.gate.offer(Order::Stop), Err(super::super::gate::Busy));
    });
}

#[test]
fn an_actor_that_nobody_can_reach_any_more_ends_and_is_let_go() {
    in_paused_time(async {
        let supervisor = Supervisor::start(|_| {});
        let spec = ChildSpec {
            restart: Restart::Transient,
            ..ChildSpec::permanent("worker")
        };
        let parts = Arc::new(());
        let kept = Arc::clone(&parts);
        let slot = supervisor.supervise(spec, Arbiter::current(), move |guard| {
            let _parts = Arc::clone(&kept);
            Worker { _guard: guard }
        });
        let gate = Gate::new(slot, 4);
        assert!(supervisor.observe().await[0].running);
        drop(gate);
        while supervisor.observe().await[0].running {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(Arc::strong_count(&parts), 1, "nor is what it was made with kept");
    });
}

#[test]
fn the_eleventh_panic_in_ten_seconds_gives_the_process_up() {
    in_paused_time(async {
        let bench = Bench::new(ChildSpec::permanent("worker"));
        for restarts in 1..=10 {
            assert_eq!(bench.end(Order::Panic).await.restarts, restarts);
        }
        assert!(bench.given_up.lock().unwrap().is_empty());
        assert!(!bench.end(Order::Panic).await.running);
        assert_eq!(*bench.given_up.lock().unwrap(), ["worker"]);
    });
}

#[test]
fn eleven_panics_over_a_longer_time_are_all_answered() {
    in_paused_time(async {
        let bench = Bench::new(ChildSpec::permanent("worker"));
        for restarts in 1..=11 {
            assert_eq!(bench.end(Order::Panic).await.restarts, restarts);
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(bench.given_up.lock().unwrap().is_empty());
    });
}

#[test]
fn nothing_is_started_again_once_the_program_ends() {
    in_paused_time(async {
        let bench = Bench::new(ChildSpec::permanent("worker"));
        bench.supervisor.let_end();
        let state = bench.end(Order::Stop).await;
        assert_eq!((state.running, state.restarts), (false, 0));
    });
}
