//! Which task runs next: queues, timers and what wakes whom, without threads and without a clock.
//!
//! Invariants: at most `slots` tasks run, and of one lane (a player) at most `lane_slots`, so that nobody's tasks keep
//! others from starting; the ready tasks of one lane start in order, and lanes take turns;
//! a task that waits starts once for each time it is woken; a killed task never starts again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;

/// Whose turn a task takes: a player's, or an unlogged connection's.
pub type Lane = i64;

/// Microseconds on the clock that moments are given by. It may be set forward or back between two events.
pub type Micros = u64;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This moment. It may not be woken before.
    Start(Micros),
    /// This moment, or a wake.
    Moment(Micros),
    /// A wake.
    Wake,
    /// A line of input.
    Input,
    /// What a worker gives.
    Work,
}

/// Who wakes a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waker {
    /// Another task.
    Resume,
    /// A line of input, or the end of its connection.
    Input,
    /// A worker, or whoever sees that none answers.
    Work,
}

/// What happens to the scheduler. `W` is a task's work, `V` what it can be woken with.
#[derive(Clone, Debug)]
pub enum Event<W, V> {
    /// A new task that is ready.
    Submit {
        /// Its number, which no other task has or had.
        id: i64,
        /// Whose turn it takes.
        lane: Lane,
        /// Its work.
        work: W,
    },
    /// A new task that waits.
    Add {
        /// Its number, never used before.
        id: i64,
        /// Whose turn it takes.
        lane: Lane,
        /// For what.
        until: Until,
        /// Its work once it is woken.
        work: W,
    },
    /// A running task has ended.
    Ended(i64),
    /// A running task waits.
    Paused {
        /// Which.
        id: i64,
        /// For what.
        until: Until,
        /// Its work once it is woken.
        work: W,
    },
    /// A waiting task is woken.
    Wake {
        /// Which.
        id: i64,
        /// By whom: what does not fit what it waits for is ignored.
        by: Waker,
        /// With what.
        value: V,
    },
    /// The moment that a waiting task waits for is now.
    Due(i64),
    /// A task is to end.
    Kill(i64),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<W, V> {
    /// Run this.
    Start {
        /// The task.
        id: i64,
        /// Its work.
        work: W,
        /// What it was woken with; `None` for a new task or one whose moment has come.
        woken: Option<V>,
        /// When it became ready: the moment that it waited for, if it did.
        since: Micros,
    },
    /// The waiting or ready task is no more: it was killed.
    Gone {
        /// The task.
        id: i64,
        /// What it was woken with and did not come to.
        woken: Option<V>,
    },
    /// The running task is to be stopped.
    Stop(i64),
    /// The task was killed while it ran, and then tried to wait: it is no more, and what was stored of it is to be
    /// deleted.
    Forget(i64),
}

#[derive(Debug)]
enum State<W, V> {
    Ready {
        work: W,
        woken: Option<V>,
        since: Micros,
    },
    Running {
        killed: bool,
    },
    Waiting {
        until: Until,
        work: W,
    },
}

#[derive(Debug)]
struct Entry<W, V> {
    lane: Lane,
    state: State<W, V>,
}

/// Tasks by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// On an executor.
    pub running: usize,
    /// Ready to run.
    pub ready: usize,
    /// Waiting for a moment, a wake or a worker.
    pub suspended: usize,
    /// Waiting for input.
    pub reading: usize,
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler<W, V> {
    tasks: BTreeMap<i64, Entry<W, V>>,
    /// Ready tasks of each lane that has any.
    ready: FxHashMap<Lane, VecDeque<i64>>,
    /// The lanes that have any and of which another may run, in the order of their turns.
    turns: VecDeque<Lane>,
    /// How many tasks of each lane run.
    running_of: FxHashMap<Lane, usize>,
    /// Moments, with the task; one that does not fit the task's state any more is skipped.
    timers: BinaryHeap<Reverse<(Micros, i64)>>,
    running: usize,
    slots: usize,
    lane_slots: usize,
    is_held: bool,
}

impl<W, V> Scheduler<W, V> {
    /// A scheduler that lets so many tasks run at once, and so many of one lane.
    pub fn new(slots: usize, lane_slots: usize) -> Scheduler<W, V> {
        Scheduler {
            tasks: BTreeMap::new(),
            ready: FxHashMap::default(),
            turns: VecDeque::new(),
            running_of: FxHashMap::default(),
            timers: BinaryHeap::new(),
            running: 0,
            slots,
            lane_slots,
            is_held: false,
        }
    }

    /// Takes an event and appends what follows from it.
    pub fn on(&mut self, now: Micros, event: Event<W, V>, actions: &mut Vec<Action<W, V>>) {
        match event {
            Event::Submit { id, lane, work } => {
                let (woken, since) = (None, now);
                let state = State::Ready { work, woken, since };
                self.tasks.insert(id, Entry { lane, state });
                self.enqueue(id, lane);
            }
            Event::Add {
                id,
                lane,
                until,
                work,
            } => {
                let state = State::Running { killed: false };
                self.tasks.insert(id, Entry { lane, state });
                self.wait(id, until, work);
            }
            Event::Ended(id) => {
                if self.stopped_running(id).is_some() {
                    self.tasks.remove(&id);
                }
            }
            Event::Paused { id, until, work } => match self.stopped_running(id) {
                Some(true) => {
                    self.tasks.remove(&id);
                    actions.push(Action::Forget(id));
                }
                Some(false) => self.wait(id, until, work),
                None => {}
            },
            Event::Wake { id, by, value } => self.wake(now, id, by, value),
            Event::Due(id) => self.hurry(now, id),
            Event::Kill(id) => self.kill(id, actions),
            Event::Tick => {}
        }
        self.wake_due(now);
        self.fill(actions);
    }

    /// The next moment at which [`Event::Tick`] is wanted.
    pub fn next_moment(&self) -> Option<Micros> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether everything that is ready is held back for now. What follows from a change comes with the next event.
    pub fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// From now on nothing starts; what runs may end.
    pub fn close(&mut self) {
        self.slots = 0;
    }

    /// Whether there is such a task.
    pub fn knows(&self, id: i64) -> bool {
        self.tasks.contains_key(&id)
    }

    /// Whether the task waits for input.
    pub fn reads(&self, id: i64) -> bool {
        matches!(
            self.tasks.get(&id).map(|entry| &entry.state),
            Some(State::Waiting {
                until: Until::Input,
                ..
            })
        )
    }

    /// Whether the task runs now: what it will wait for is not known yet.
    pub fn runs(&self, id: i64) -> bool {
        matches!(
            self.tasks.get(&id).map(|entry| &entry.state),
            Some(State::Running { .. })
        )
    }

    /// How many tasks do what.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.tasks.values() {
            match &entry.state {
                State::Ready { .. } => counts.ready += 1,
                State::Running { .. } => counts.running += 1,
                State::Waiting {
                    until: Until::Input, ..
                } => counts.reading += 1,
                State::Waiting { .. } => counts.suspended += 1,
            }
        }
        counts
    }

    /// Notes that a task runs no more; gives whether it was killed meanwhile. `None` for one that did not run.
    fn stopped_running(&mut self, id: i64) -> Option<bool> {
        let &Entry {
            lane,
            state: State::Running { killed },
        } = self.tasks.get(&id)?
        else {
            return None;
        };
        self.running -= 1;
        self.free_lane_slot(lane);
        Some(killed)
    }

    /// A task of this lane runs no more: the lane takes turns again if it could not, and has something that is ready.
    fn free_lane_slot(&mut self, lane: Lane) {
        let Some(running) = self.running_of.get_mut(&lane) else {
            return;
        };
        if *running == self.lane_slots && self.ready.contains_key(&lane) {
            self.turns.push_back(lane);
        }
        *running -= 1;
        if *running == 0 {
            self.running_of.remove(&lane);
        }
    }

    /// Whether one more task of this lane than run already may run.
    fn has_lane_slot(&self, lane: Lane) -> bool {
        self.running_of
            .get(&lane)
            .is_none_or(|&running| running < self.lane_slots)
    }

    fn wait(&mut self, id: i64, until: Until, work: W) {
        if let Until::Start(at) | Until::Moment(at) = until {
            self.timers.push(Reverse((at, id)));
        }
        if let Some(entry) = self.tasks.get_mut(&id) {
            entry.state = State::Waiting { until, work };
        }
    }

    fn wake(&mut self, now: Micros, id: i64, by: Waker, value: V) {
        let fits = |until| match by {
            Waker::Resume => matches!(until, Until::Moment(_) | Until::Wake),
            Waker::Input => until == Until::Input,
            Waker::Work => until == Until::Work,
        };
        if let Some(Entry {
            state: State::Waiting { until, .. },
            ..
        }) = self.tasks.get(&id)
            && fits(*until)
        {
            self.make_ready(id, now, Some(value));
        }
    }

    fn hurry(&mut self, now: Micros, id: i64) {
        if let Some(Entry {
            state:
                State::Waiting {
                    until: Until::Start(_) | Until::Moment(_),
                    ..
                },
            ..
        }) = self.tasks.get(&id)
        {
            self.make_ready(id, now, None);
        }
    }

    fn make_ready(&mut self, id: i64, since: Micros, woken: Option<V>) {
        let Some(entry) = self.tasks.remove(&id) else {
            return;
        };
        let lane = entry.lane;
        let state = match entry.state {
            State::Waiting { work, .. } => State::Ready { work, woken, since },
            other => other,
        };
        self.tasks.insert(id, Entry { lane, state });
        self.enqueue(id, lane);
    }

    fn enqueue(&mut self, id: i64, lane: Lane) {
        let has_slot = self.has_lane_slot(lane);
        let queue = self.ready.entry(lane).or_default();
        if queue.is_empty() && has_slot {
            self.turns.push_back(lane);
        }
        queue.push_back(id);
    }

    fn kill(&mut self, id: i64, actions: &mut Vec<Action<W, V>>) {
        match self.tasks.get_mut(&id).map(|entry| &mut entry.state) {
            None => {}
            Some(State::Running { killed }) => {
                *killed = true;
                actions.push(Action::Stop(id));
            }
            Some(State::Ready { .. } | State::Waiting { .. }) => {
                let entry = self.tasks.remove(&id).expect("it was there a moment ago");
                self.leave_lane(id, entry.lane);
                let woken = match entry.state {
                    State::Ready { woken, .. } => woken,
                    State::Running { .. } | State::Waiting { .. } => None,
                };
                actions.push(Action::Gone { id, woken });
            }
        }
    }

    /// Takes a task out of its lane, so that it costs the next one there no turn.
    fn leave_lane(&mut self, id: i64, lane: Lane) {
        if let Some(queue) = self.ready.get_mut(&lane) {
            queue.retain(|&known| known != id);
            if queue.is_empty() {
                self.ready.remove(&lane);
                self.turns.retain(|&known| known != lane);
            }
        }
    }

    fn wake_due(&mut self, now: Micros) {
        while let Some(&Reverse((at, id))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            let is_due = matches!(
                self.tasks.get(&id).map(|entry| &entry.state),
                Some(State::Waiting { until: Until::Start(due) | Until::Moment(due), .. }) if *due == at
            );
            if is_due {
                self.make_ready(id, at, None);
            }
        }
    }

    fn fill(&mut self, actions: &mut Vec<Action<W, V>>) {
        while self.running < self.slots
            && !self.is_held
            && let Some((id, lane)) = self.next_in_turn()
        {
            let Some(entry) = self.tasks.get_mut(&id) else {
                continue;
            };
            match std::mem::replace(&mut entry.state, State::Running { killed: false }) {
                State::Ready { work, woken, since } => {
                    self.running += 1;
                    *self.running_of.entry(lane).or_default() += 1;
                    actions.push(Action::Start {
                        id,
                        work,
                        woken,
                        since,
                    });
                }
                other => entry.state = other,
            }
            if self.ready.contains_key(&lane) && self.has_lane_slot(lane) {
                self.turns.push_back(lane);
            }
        }
    }

    fn next_in_turn(&mut self) -> Option<(i64, Lane)> {
        let lane = self.turns.pop_front()?;
        let queue = self.ready.get_mut(&lane)?;
        let id = queue.pop_front()?;
        if queue.is_empty() {
            self.ready.remove(&lane);
        }
        Some((id, lane))
    }
}

#[cfg(test)]
mod tests;
