//! Every gate filled to its bound. Which gates there are is read from the code, so that none is forgotten.

use actix::dev::ToEnvelope;
use actix::{Actor, Arbiter, Context, Handler, System};
use moothall::actors::kit::gate::{Gate, Offered};
use moothall::actors::kit::supervisor::{ChildSpec, ExitGuard, Supervisor};
use moothall::hosts::link::gate_bound;
use moothall::limits;
use moothall::memory::live_bytes;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Every gate: how the code names its bound, and that bound.
const GATES: [(&str, usize); 12] = [
    ("ENROLLMENT_GATE_MAX", limits::ENROLLMENT_GATE_MAX),
    ("PROCESS_GATE_MAX", limits::PROCESS_GATE_MAX),
    ("GATEWAY_GATE_MAX", limits::GATEWAY_GATE_MAX),
    ("HOST_GATE_MAX", limits::HOST_GATE_MAX),
    ("CONNECTION_GATE_MAX", limits::CONNECTION_GATE_MAX),
    ("SCHEDULER_GATE_MAX", limits::SCHEDULER_GATE_MAX),
    ("PUBLISHER_GATE_MAX", limits::PUBLISHER_GATE_MAX),
    ("JOB_GATE_MAX", limits::JOB_GATE_MAX),
    ("WORKER_GATE_MAX", limits::WORKER_GATE_MAX),
    ("WORKER_LINK_GATE_MAX", limits::WORKER_LINK_GATE_MAX),
    ("INBOUND_BURSTS_MAX", limits::INBOUND_BURSTS_MAX),
    ("1", 1),
];

/// Clients of a host whose link's gate is filled: its bound follows from their number.
const CLIENTS: u32 = 1_000;
/// Messages that are offered to a full gate.
const TOO_MANY: usize = 10_000;

/// What is offered: a number, and some weight that is to leave the memory with it.
type Message = (usize, Vec<u8>);

struct Sink {
    taken: Sender<usize>,
    _guard: ExitGuard,
}

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<Offered<Message>> for Sink {
    type Result = ();

    fn handle(&mut self, offered: Offered<Message>, _: &mut Context<Self>) {
        self.taken.send(offered.accept().0).expect("the test listens");
    }
}

/// A gate of that bound, and what comes through it. Nothing does before the test waits.
fn gate(bound: usize) -> (Gate<Sink>, Receiver<usize>) {
    let (taken, came) = channel();
    let supervisor = Supervisor::start(|_| {});
    let slot = supervisor.supervise(ChildSpec::permanent("sink"), Arbiter::current(), move |guard| {
        Sink {
            taken: taken.clone(),
            _guard: guard,
        }
    });
    (Gate::new(slot, bound), came)
}

/// Offers messages until the gate has refused many of them; gives how many it took. Each that it refuses comes back to
/// whoever sent it.
fn fill<A>(gate: &Gate<A>, name: &str) -> usize
where
    A: Actor + Handler<Offered<Message>>,
    A::Context: ToEnvelope<A, Offered<Message>>,
{
    let mut taken = 0;
    let (mut refused, mut full_at) = (0, None);
    while refused < TOO_MANY {
        match gate.clone().offer_or_return((taken + refused, vec![7; 64])) {
            Ok(()) => taken += 1,
            Err((number, weight)) => {
                assert_eq!((number, weight.len()), (taken + refused, 64), "{name}");
                drop(weight);
                let full = *full_at.get_or_insert_with(live_bytes);
                assert_eq!(live_bytes(), full, "{name}: what is refused costs no memory");
                refused += 1;
            }
        }
    }
    taken
}

#[test]
fn f54_every_gate_says_busy_at_its_bound_and_loses_nothing_that_it_took() {
    let of_links = ("gate_bound", gate_bound(CLIENTS));
    for (name, bound) in GATES.into_iter().chain([of_links]) {
        System::new().block_on(async {
            let (gate, came) = gate(bound);
            // The actor starts before anything is counted.
            tokio::task::yield_now().await;
            assert_eq!(fill(&gate, name), bound, "{name}");
            assert_eq!((gate.waiting(), gate.bound()), (bound, bound), "{name}");
            while gate.waiting() > 0 {
                tokio::task::yield_now().await;
            }
            let came: Vec<usize> = came.try_iter().collect();
            assert!(
                came.iter().copied().eq(0..bound),
                "{name}: what was taken came, once and in order"
            );
            assert_eq!(gate.offer((0, Vec::new())), Ok(()), "{name} is open again");
        });
    }
}

/// The sources below a folder.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn f54_no_gate_of_the_code_is_forgotten() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut met = 0;
    for text in &files {
        for bound in bounds_given(text).into_iter().chain(bounds_named(text)) {
            met += 1;
            let is_walked = GATES.iter().any(|(name, _)| *name == bound) || bound.contains("gate_bound(");
            assert!(is_walked, "a gate of bound {bound:?} is not walked");
        }
    }
    assert!(met > GATES.len(), "{met} gates were found");
}

/// The bounds that gates are made with in a source; not those that were given before, under the name of `bound`.
fn bounds_given(text: &str) -> Vec<&str> {
    let calls = text
        .match_indices(" Gate::new(")
        .map(|(at, call)| &text[at + call.len()..]);
    let bounds = calls.filter_map(|rest| {
        let call = rest.split([';', '}']).next()?;
        call.trim_end().trim_end_matches(')').rsplit(", ").next()
    });
    bounds.filter(|bound| *bound != "bound").collect()
}

/// The bounds of gates that have a name.
fn bounds_named(text: &str) -> Vec<&str> {
    let constants = text.lines().filter_map(|line| line.strip_prefix("pub const "));
    let names = constants.filter_map(|line| line.split(':').next());
    names.filter(|name| name.ends_with("_GATE_MAX")).collect()
}
