//! Orders and workers against each other: by hand where the order of things matters, and by chance.

use super::*;

const ANN: WorkerId = WorkerId([1; 16]);
const BEN: WorkerId = WorkerId([2; 16]);

fn at(millis: u64) -> Moment {
    Moment(millis * 1_000)
}

fn id(number: u8) -> ReqId {
    ReqId([number; 16])
}

/// An order of the task of its number, which may take 30 s.
fn order(number: u8, tries_max: u8) -> Order {
    Order {
        id: id(number),
        task: i64::from(number),
        kind: "http".to_owned(),
        deadline: at(30_000),
        tries_max,
    }
}

/// A dispatch with these workers, each with so many credits.
fn with(workers: &[(WorkerId, u16)]) -> Dispatch {
    let mut dispatch = Dispatch::new(at(0));
    for &(worker, credits) in workers {
        dispatch.attach(at(0), (worker, "http"), &[], &mut Vec::new());
        dispatch.ready(at(0), worker, credits, &mut Vec::new());
    }
    dispatch
}

fn sent(worker: WorkerId, number: u8, attempt: u8, timeout_ms: u32) -> Output {
    Output::Send {
        worker,
        id: id(number),
        attempt,
        timeout_ms,
    }
}

fn failed(number: u8) -> impl Fn(&Output) -> bool {
    move |output| matches!(output, Output::Fail { task, .. } if *task == i64::from(number))
}

/// What comes out of a step.
fn out(step: impl FnOnce(&mut Vec<Output>)) -> Vec<Output> {
    let mut out = Vec::new();
    step(&mut out);
    out
}

#[test]
fn an_order_goes_to_the_worker_with_the_most_room_and_its_answer_to_the_task() {
    let mut dispatch = with(&[(ANN, 1), (BEN, 2)]);
    let first = out(|out| dispatch.order(at(1_000), order(1, 1), out));
    assert_eq!(first, [sent(BEN, 1, 1, 29_000)]);
    assert_eq!(dispatch.answered(ANN, id(1), 1), None, "another worker's word");
    assert_eq!(dispatch.answered(BEN, id(1), 2), None, "of another attempt");
    assert_eq!(dispatch.answered(BEN, id(1), 1), Some(1));
    assert_eq!(dispatch.answered(BEN, id(1), 1), None, "a second time");
    assert_eq!(dispatch.counts(), (0, 0));
}

#[test]
fn no_worker_is_given_more_than_it_has_said_it_takes() {
    let mut dispatch = with(&[(ANN, 1)]);
    let both = out(|out| {
        dispatch.order(at(0), order(1, 1), out);
        dispatch.order(at(0), order(2, 1), out);
    });
    assert_eq!(both.len(), 1);
    assert_eq!(dispatch.counts(), (1, 1));
    assert_eq!(dispatch.answered(ANN, id(1), 1), Some(1));
    assert_eq!(
        out(|out| dispatch.ready(at(5), ANN, 1, out)),
        [sent(ANN, 2, 1, 29_995)]
    );
    out(|out| dispatch.ready(at(5), ANN, 3, out));
    out(|out| dispatch.ready(at(5), ANN, 0, out));
    assert_eq!(
        out(|out| dispatch.order(at(6), order(3, 1), out)),
        [],
        "it has taken them back"
    );
}

#[test]
fn what_a_dead_worker_had_is_done_again_only_if_it_may_be_and_once() {
    let mut dispatch = with(&[(ANN, 9)]);
    out(|out| dispatch.order(at(0), order(1, 1), out));
    out(|out| dispatch.order(at(0), order(2, 2), out));
    let lost = out(|out| dispatch.gone(at(10), ANN, out));
    assert!(lost.len() == 1 && failed(1)(&lost[0]), "{lost:?}");
    dispatch.attach(at(20), (BEN, "http"), &[], &mut Vec::new());
    assert_eq!(
        out(|out| dispatch.ready(at(20), BEN, 9, out)),
        [sent(BEN, 2, 2, 29_980)]
    );
    assert_eq!(dispatch.answered(ANN, id(2), 1), None, "the dead one's word");
    let lost = out(|out| dispatch.gone(at(30), BEN, out));
    assert!(lost.len() == 1 && failed(2)(&lost[0]), "{lost:?}");
}

#[test]
fn a_task_that_is_no_more_and_one_whose_time_is_over_are_withdrawn() {
    let mut dispatch = with(&[(ANN, 1)]);
    out(|out| dispatch.order(at(0), order(1, 1), out));
    out(|out| dispatch.order(at(0), order(2, 1), out));
    let cancel = Output::Cancel {
        worker: ANN,
        id: id(1),
    };
    let withdrawn = out(|out| assert_eq!(dispatch.cancel(1, out), Some(id(1))));
    assert_eq!(withdrawn, [cancel]);
    assert_eq!(dispatch.answered(ANN, id(1), 1), None);
    assert_eq!(out(|out| dispatch.tick(at(29_999), out)), []);
    let over = out(|out| dispatch.tick(at(30_000), out));
    assert!(over.len() == 1 && failed(2)(&over[0]), "{over:?}");
}

#[test]
fn a_kind_without_workers_is_waited_for_a_while_and_then_no_more() {
    let mut dispatch = Dispatch::new(at(0));
    assert_eq!(out(|out| dispatch.order(at(1_000), order(1, 1), out)), []);
    assert_eq!(out(|out| dispatch.tick(at(4_999), out)), []);
    let over = out(|out| dispatch.tick(at(5_000), out));
    let none = WorkerError::NoWorkerAvailable("http".to_owned());
    assert!(
        matches!(&over[..], [Output::Fail { task: 1, error, .. }] if *error == none),
        "{over:?}"
    );
    let at_once = out(|out| dispatch.order(at(9_000), order(2, 1), out));
    assert!(at_once.len() == 1 && failed(2)(&at_once[0]), "{at_once:?}");
    dispatch.attach(at(9_000), (ANN, "http"), &[], &mut Vec::new());
    dispatch.gone(at(10_000), ANN, &mut Vec::new());
    assert_eq!(
        out(|out| dispatch.order(at(14_999), order(3, 1), out)),
        [],
        "one was here a moment ago"
    );
}

#[test]
fn orders_of_before_wait_for_whoever_has_them_and_then_go_by_their_class() {
    let mut dispatch = Dispatch::new(at(0));
    for (number, tries_max) in [(1, 1), (2, 1), (3, 2)] {
        dispatch.restore(at(0), order(number, tries_max));
    }
    let unknown = Output::Cancel {
        worker: ANN,
        id: id(9),
    };
    let attached = out(|out| dispatch.attach(at(2_000), (ANN, "http"), &[(id(1), 1), (id(9), 1)], out));
    assert_eq!(attached, [unknown]);
    assert_eq!(dispatch.answered(ANN, id(1), 1), Some(1));
    out(|out| dispatch.ready(at(2_000), ANN, 5, out));
    assert_eq!(out(|out| dispatch.tick(at(4_999), out)), []);
    let over = out(|out| dispatch.tick(at(5_000), out));
    assert!(over.iter().any(failed(2)), "{over:?}");
    assert!(over.contains(&sent(ANN, 3, 2, 25_000)), "{over:?}");
}

#[test]
fn what_a_worker_does_not_name_has_never_reached_it() {
    let mut dispatch = with(&[(ANN, 5), (BEN, 1)]);
    out(|out| dispatch.order(at(0), order(1, 2), out));
    assert_eq!(out(|out| dispatch.pong(at(10), ANN, &[], out)), []);
    assert_eq!(out(|out| dispatch.pong(at(20), ANN, &[id(1)], out)), []);
    assert_eq!(out(|out| dispatch.pong(at(30), ANN, &[], out)), []);
    let again = out(|out| dispatch.pong(at(40), ANN, &[], out));
    assert_eq!(again, [sent(ANN, 1, 2, 29_960)]);
}

#[test]
fn a_suspect_worker_is_given_nothing_until_it_answers() {
    let mut dispatch = with(&[(ANN, 5)]);
    dispatch.suspect(ANN);
    assert_eq!(out(|out| dispatch.order(at(0), order(1, 1), out)), []);
    assert_eq!(
        out(|out| dispatch.pong(at(9), ANN, &[], out)),
        [sent(ANN, 1, 1, 29_991)]
    );
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn whatever_happens_each_order_ends_once_and_none_is_given_out_too_often() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut dispatch = Dispatch::new(at(0));
        let mut ends: BTreeMap<u8, u32> = BTreeMap::new();
        let mut tries: BTreeMap<u8, (u8, u8)> = BTreeMap::new();
        let mut with_worker: Vec<(WorkerId, ReqId, u8)> = Vec::new();
        let mut now = 0;
        for number in 0..120_u8 {
            now += dice.below(400);
            let worker = if dice.below(2) == 0 { ANN } else { BEN };
            let mut out = Vec::new();
            match dice.below(8) {
                0..=2 => {
                    let tries_max = 1 + dice.below(2) as u8;
                    let order = Order {
                        deadline: at(now + dice.below(3_000)),
                        ..order(number, tries_max)
                    };
                    tries.insert(number, (0, tries_max));
                    dispatch.order(at(now), order, &mut out);
                }
                3 => dispatch.attach(at(now), (worker, "http"), &[], &mut out),
                4 => dispatch.ready(at(now), worker, dice.below(4) as u16, &mut out),
                5 => dispatch.gone(at(now), worker, &mut out),
                6 => dispatch.pong(at(now), worker, &[], &mut out),
                _ => {
                    if !with_worker.is_empty() {
                        let at = dice.below(with_worker.len() as u64) as usize;
                        let (worker, id, attempt) = with_worker.swap_remove(at);
                        if let Some(task) = dispatch.answered(worker, id, attempt) {
                            *ends.entry(task as u8).or_default() += 1;
                        }
                    }
                }
            }
            dispatch.tick(at(now), &mut out);
            for output in out {
                match output {
                    Output::Send {
                        worker, id, attempt, ..
                    } => {
                        let (made, most) = tries.get_mut(&id.0[0]).expect("it was ordered");
                        *made += 1;
                        assert!(
                            *made == attempt && *made <= *most,
                            "seed {seed}: {id} a {attempt}. time"
                        );
                        with_worker.push((worker, id, attempt));
                    }
                    Output::Fail { task, .. } => *ends.entry(task as u8).or_default() += 1,
                    Output::Cancel { .. } => {}
                }
            }
        }
        let mut out = Vec::new();
        dispatch.tick(at(now + 3_000), &mut out);
        let failed = out.iter().filter_map(|output| match output {
            Output::Fail { task, .. } => Some(*task as u8),
            _ => None,
        });
        failed.for_each(|task| *ends.entry(task).or_default() += 1);
        let once: BTreeMap<u8, u32> = tries.keys().map(|&number| (number, 1)).collect();
        assert_eq!(ends, once, "seed {seed}");
        assert_eq!(dispatch.counts(), (0, 0), "seed {seed}");
    }
}
