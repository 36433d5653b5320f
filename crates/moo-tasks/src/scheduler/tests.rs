//! The scheduler by example, and under seeded random events against a model that knows only the promises.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

type Core = Scheduler<u32, i64>;

fn on(core: &mut Core, now: Micros, event: Event<u32, i64>) -> Vec<Action<u32, i64>> {
    let mut actions = Vec::new();
    core.on(now, event, &mut actions);
    actions
}

fn submit(id: i64, lane: Lane) -> Event<u32, i64> {
    Event::Submit { id, lane, work: 0 }
}

/// No task.
const NOTHING: [i64; 0] = [];

fn started(actions: &[Action<u32, i64>]) -> Vec<i64> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Start { id, .. } => Some(*id),
            _ => None,
        })
        .collect()
}

#[test]
fn players_take_turns() {
    let mut core = Core::new(1, 9);
    assert_eq!(started(&on(&mut core, 0, submit(1, 7))), [1]);
    for (id, lane) in [(2, 7), (3, 7), (4, 8), (5, 9)] {
        assert_eq!(
            started(&on(&mut core, 0, submit(id, lane))),
            NOTHING,
            "one runs already"
        );
    }
    let order: Vec<i64> = (0..4)
        .scan(1, |last, _| {
            *last = started(&on(&mut core, 0, Event::Ended(*last)))[0];
            Some(*last)
        })
        .collect();
    assert_eq!(order, [2, 4, 5, 3]);
}

#[test]
fn one_player_holds_only_so_many_slots() {
    let mut core = Core::new(4, 2);
    for id in 1..=3 {
        on(&mut core, 0, submit(id, 7));
    }
    assert_eq!(core.counts().running, 2, "the third waits for one of its own");
    assert_eq!(
        started(&on(&mut core, 0, submit(4, 8))),
        [4],
        "and keeps nobody else"
    );
    assert_eq!(started(&on(&mut core, 0, Event::Ended(1))), [3]);
}

#[test]
fn a_sleeper_starts_when_its_moment_comes_and_only_then() {
    let mut core = Core::new(2, 2);
    let until = Until::Moment(100);
    assert_eq!(
        started(&on(
            &mut core,
            0,
            Event::Add {
                id: 1,
                lane: 7,
                until,
                work: 5
            }
        )),
        NOTHING
    );
    assert_eq!(core.next_moment(), Some(100));
    assert_eq!(started(&on(&mut core, 99, Event::Tick)), NOTHING);
    let due = on(&mut core, 130, Event::Tick);
    assert_eq!(
        due,
        [Action::Start {
            id: 1,
            work: 5,
            woken: None,
            since: 100,
        }],
        "and it counts as ready from its moment on"
    );
    assert_eq!(on(&mut core, 131, Event::Tick), []);
}

#[test]
fn a_wake_must_fit_what_the_task_waits_for() {
    let mut core = Core::new(9, 9);
    for (id, until) in [
        (1, Until::Start(1_000)),
        (2, Until::Moment(1_000)),
        (3, Until::Wake),
        (4, Until::Input),
    ] {
        on(
            &mut core,
            0,
            Event::Add {
                id,
                lane: 7,
                until,
                work: 0,
            },
        );
    }
    let mut wake = |id, by| !on(&mut core, 1, Event::Wake { id, by, value: 42 }).is_empty();
    assert!(
        !wake(1, Waker::Resume),
        "a forked task that has not started cannot be resumed"
    );
    assert!(!wake(4, Waker::Resume) && !wake(3, Waker::Input));
    assert!(wake(2, Waker::Resume) && wake(3, Waker::Resume) && wake(4, Waker::Input));
    assert!(!wake(2, Waker::Resume), "it runs now");
    assert_eq!(
        started(&on(&mut core, 1_000, Event::Tick)),
        [1],
        "the old timer of the second one is dead"
    );
}

#[test]
fn killing_depends_on_what_the_task_does() {
    let mut core = Core::new(1, 1);
    on(&mut core, 0, submit(1, 7));
    on(&mut core, 0, submit(2, 7));
    assert_eq!(
        on(&mut core, 0, Event::Kill(2)),
        [Action::Gone { id: 2, woken: None }]
    );
    assert_eq!(on(&mut core, 0, Event::Kill(1)), [Action::Stop(1)]);
    let paused = Event::Paused {
        id: 1,
        until: Until::Wake,
        work: 0,
    };
    assert_eq!(on(&mut core, 0, paused), [Action::Forget(1)]);
    assert_eq!(on(&mut core, 0, Event::Kill(1)), []);
    assert_eq!(core.counts(), Counts::default());
}

#[test]
fn what_a_killed_task_was_woken_with_comes_back() {
    let mut core = Core::new(1, 1);
    on(&mut core, 0, submit(1, 7));
    let reader = Event::Add {
        id: 2,
        lane: 7,
        until: Until::Input,
        work: 0,
    };
    on(&mut core, 0, reader);
    let line = Event::Wake {
        id: 2,
        by: Waker::Input,
        value: 42,
    };
    assert_eq!(on(&mut core, 0, line), [], "the only slot is taken");
    let gone = Action::Gone {
        id: 2,
        woken: Some(42),
    };
    assert_eq!(on(&mut core, 0, Event::Kill(2)), [gone]);
}

/// A xorshift, for tests that can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What was promised about each task.
#[derive(Default)]
struct Model {
    /// Ready tasks with the lane and the order in which they became so.
    ready: BTreeMap<u64, (i64, Lane)>,
    waiting: BTreeMap<i64, (Lane, Until)>,
    running: BTreeMap<i64, (Lane, bool)>,
    arrivals: u64,
    lane_slots: usize,
    /// For each lane with a ready task that may run, which lanes have had a turn since it last had one.
    passed: BTreeMap<Lane, BTreeSet<Lane>>,
}

impl Model {
    fn make_ready(&mut self, id: i64, lane: Lane) {
        self.arrivals += 1;
        self.ready.insert(self.arrivals, (id, lane));
        self.may_have_turn(lane);
    }

    fn running_of(&self, lane: Lane) -> usize {
        self.running.values().filter(|(other, _)| *other == lane).count()
    }

    fn has_lane_slot(&self, lane: Lane) -> bool {
        self.running_of(lane) < self.lane_slots
    }

    /// From now on the lane waits for a turn, if it has anything that may run.
    fn may_have_turn(&mut self, lane: Lane) {
        if self.has_lane_slot(lane) && self.ready.values().any(|(_, other)| *other == lane) {
            self.passed.entry(lane).or_default();
        }
    }

    fn stop(&mut self, id: i64) -> Option<(Lane, bool)> {
        let (lane, killed) = self.running.remove(&id)?;
        self.may_have_turn(lane);
        Some((lane, killed))
    }

    fn wake_due(&mut self, now: Micros) {
        let due: Vec<_> = self
            .waiting
            .iter()
            .filter_map(|(&id, &(lane, until))| match until {
                Until::Start(at) | Until::Moment(at) if at <= now => Some((at, id, lane)),
                _ => None,
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        for (_, id, lane) in due {
            self.waiting.remove(&id);
            self.make_ready(id, lane);
        }
    }

    fn start(&mut self, id: i64) {
        let (&place, &(_, lane)) = self
            .ready
            .iter()
            .find(|(_, (known, _))| *known == id)
            .expect("only ready tasks start");
        let earlier = self.ready.range(..place).any(|(_, (_, other))| *other == lane);
        assert!(
            !earlier,
            "task {id} overtook another one of its player in lane {lane}"
        );
        self.ready.remove(&place);
        self.running.insert(id, (lane, false));
        self.passed.remove(&lane);
        for passed in self.passed.values_mut() {
            assert!(
                passed.insert(lane),
                "lane {lane} had two turns while another waited for one"
            );
        }
        self.may_have_turn(lane);
    }

    fn remove_ready(&mut self, id: i64) -> bool {
        let place = self
            .ready
            .iter()
            .find(|(_, (known, _))| *known == id)
            .map(|(place, _)| *place);
        let Some((_, lane)) = place.and_then(|place| self.ready.remove(&place)) else {
            return false;
        };
        if !self.ready.values().any(|(_, other)| *other == lane) {
            self.passed.remove(&lane);
        }
        true
    }
}

#[derive(Default)]
struct Simulation {
    model: Model,
    now: Micros,
    next_id: i64,
}

impl Simulation {
    fn until(&self, dice: &mut Dice) -> Until {
        match dice.roll(5) {
            0 => Until::Start(self.now + dice.roll(50)),
            1 => Until::Moment(self.now + dice.roll(50)),
            2 => Until::Wake,
            3 => Until::Work,
            _ => Until::Input,
        }
    }

    /// One of the keys of a table.
    fn pick<T>(table: &BTreeMap<i64, T>, dice: &mut Dice) -> Option<i64> {
        let place = dice.roll(table.len().max(1) as u64) as usize;
        table.keys().nth(place).copied()
    }

    fn event(&mut self, dice: &mut Dice) -> Option<Event<u32, i64>> {
        self.now += dice.roll(4);
        let lane = dice.roll(5) as i64;
        Some(match dice.roll(10) {
            0..=2 => {
                self.next_id += 1;
                self.model.make_ready(self.next_id, lane);
                submit(self.next_id, lane)
            }
            3 => {
                self.next_id += 1;
                let until = self.until(dice);
                self.model.waiting.insert(self.next_id, (lane, until));
                Event::Add {
                    id: self.next_id,
                    lane,
                    until,
                    work: 0,
                }
            }
            4 | 5 => {
                let id = Self::pick(&self.model.running, dice)?;
                self.model.stop(id);
                Event::Ended(id)
            }
            6 => {
                let id = Self::pick(&self.model.running, dice)?;
                let until = self.until(dice);
                let (lane, killed) = self.model.stop(id)?;
                if !killed {
                    self.model.waiting.insert(id, (lane, until));
                }
                Event::Paused { id, until, work: 0 }
            }
            7 => {
                let id = Self::pick(&self.model.waiting, dice)?;
                let by = match dice.roll(3) {
                    0 => Waker::Resume,
                    1 => Waker::Work,
                    _ => Waker::Input,
                };
                let (lane, until) = self.model.waiting[&id];
                let fits = match until {
                    Until::Start(_) => false,
                    Until::Moment(_) | Until::Wake => by == Waker::Resume,
                    Until::Input => by == Waker::Input,
                    Until::Work => by == Waker::Work,
                };
                if fits {
                    self.model.waiting.remove(&id);
                    self.model.make_ready(id, lane);
                }
                Event::Wake { id, by, value: 1 }
            }
            8 => {
                let id = 1 + dice.roll(self.next_id.max(1) as u64) as i64;
                if let Some((_, killed)) = self.model.running.get_mut(&id) {
                    *killed = true;
                }
                let waited = self.model.waiting.remove(&id).is_some();
                if self.model.remove_ready(id) {
                    assert!(!waited, "a task is in one place");
                }
                Event::Kill(id)
            }
            _ => Event::Tick,
        })
    }
}

#[test]
fn random_events_keep_every_promise() {
    for seed in 1..=60 {
        let mut dice = Dice(seed * 0x9E37_79B9);
        let slots = 1 + dice.roll(4) as usize;
        let lane_slots = 1 + dice.roll(slots as u64) as usize;
        let mut core = Core::new(slots, lane_slots);
        let mut simulation = Simulation::default();
        simulation.model.lane_slots = lane_slots;
        for _ in 0..2_000 {
            let Some(event) = simulation.event(&mut dice) else {
                continue;
            };
            let actions = on(&mut core, simulation.now, event);
            simulation.model.wake_due(simulation.now);
            for id in started(&actions) {
                simulation.model.start(id);
            }
            let model = &simulation.model;
            assert!(model.running.len() <= slots, "seed {seed}: too many run");
            assert!(
                model
                    .running
                    .values()
                    .all(|(lane, _)| model.running_of(*lane) <= lane_slots),
                "seed {seed}: too many of one lane run"
            );
            assert!(
                model.running.len() == slots
                    || !model.ready.values().any(|(_, lane)| model.has_lane_slot(*lane)),
                "seed {seed}: a slot is idle while a task may run"
            );
            let counts = core.counts();
            assert_eq!(
                (counts.running, counts.ready, counts.suspended + counts.reading),
                (model.running.len(), model.ready.len(), model.waiting.len()),
                "seed {seed}"
            );
        }
    }
}
