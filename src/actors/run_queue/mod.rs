//! The run queue of the executors: so many threads run tasks at once, however many tasks have begun.
//!
//! A task that has used its time slice yields to whoever waits and takes another turn later, on the thread it is on, because
//! its stack is there. So a short task never waits for the end of a long one, and no task is torn apart for it. Players take
//! turns: one with many long tasks makes another wait for one slice, not for as many as wait.
//!
//! Invariant: so many threads at most hold a turn; the turns of one lane are given in the order of asking, lanes take turns,
//! and none is idle while somebody waits.

mod lanes;

use lanes::Lanes;
use moo_tasks::scheduler::Lane;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Who may run.
pub struct RunQueue<J> {
    line: Mutex<Line<J>>,
    /// How many wait, for whoever runs and would know whether to rest.
    waiting: AtomicUsize,
    lane_of: fn(&J) -> Lane,
}

struct Line<J> {
    waiting: Lanes<Next<J>>,
    /// Turns that nobody holds.
    free: usize,
    /// Threads that have nothing to do.
    idle: Vec<Arc<Seat<J>>>,
    is_closed: bool,
}

/// Who waits for a turn.
enum Next<J> {
    /// A job, for any thread.
    Begin(J),
    /// A thread in the middle of one.
    GoOn(Arc<Seat<J>>),
}

/// Where one thread waits.
pub struct Seat<J> {
    given: Mutex<Option<Given<J>>>,
    changed: Condvar,
}

/// Whether threads may be started for jobs.
#[derive(Clone, Copy)]
enum NewThreads {
    Wanted,
    None,
}

enum Given<J> {
    /// A turn, and what to do with it.
    Job(J),
    /// A turn to go on.
    Turn,
    /// No more turns.
    End,
}

impl<J> RunQueue<J> {
    /// So many turns, and no thread yet; a job is of the lane that `lane_of` says.
    pub fn new(turns: usize, lane_of: fn(&J) -> Lane) -> RunQueue<J> {
        RunQueue {
            line: Mutex::new(Line {
                waiting: Lanes::default(),
                free: turns,
                idle: Vec::new(),
                is_closed: false,
            }),
            waiting: AtomicUsize::new(0),
            lane_of,
        }
    }

    /// Puts jobs in line. Those that are given back have a turn and no thread: each needs a new one.
    #[must_use]
    pub fn offer(&self, jobs: impl IntoIterator<Item = J>) -> Vec<J> {
        let mut line = self.lock();
        if line.is_closed {
            return Vec::new();
        }
        for job in jobs {
            line.waiting.push_back((self.lane_of)(&job), Next::Begin(job));
        }
        self.deal(&mut line, NewThreads::Wanted)
    }

    /// Takes back a job for which no thread could be started: its turn goes to another, and it to the next thread that is
    /// done.
    pub fn take_back(&self, job: J) {
        let mut line = self.lock();
        line.free += 1;
        if !line.is_closed {
            line.waiting.push_front((self.lane_of)(&job), Next::Begin(job));
        }
        let homeless = self.deal(&mut line, NewThreads::None);
        debug_assert!(homeless.is_empty(), "none was to be started");
    }

    /// A new thread without a job waits for one; `None` when there will be none any more.
    pub fn arrive(&self, seat: &Arc<Seat<J>>) -> Option<J> {
        self.wait_for_job(self.lock(), seat)
    }

    /// A thread is done with its job and gives up its turn; it waits for the next job.
    pub fn done(&self, seat: &Arc<Seat<J>>) -> Option<J> {
        let mut line = self.lock();
        line.free += 1;
        self.wait_for_job(line, seat)
    }

    /// Whether a turn is waited for.
    pub fn are_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// A thread in the middle of its job, which is of this lane, gives up its turn, and goes on when it has another one. `start` is called with a
    /// job that needs a new thread.
    pub fn yield_now(&self, lane: Lane, seat: &Arc<Seat<J>>, start: impl FnMut(J)) {
        let mut line = self.lock();
        line.free += 1;
        line.waiting.push_back(lane, Next::GoOn(seat.clone()));
        let homeless = self.deal(&mut line, NewThreads::Wanted);
        drop(line);
        homeless.into_iter().for_each(start);
        seat.wait();
    }

    /// From now on no job begins; those that have begun go on taking turns.
    pub fn close(&self) {
        let mut line = self.lock();
        line.is_closed = true;
        line.waiting.retain(|next| matches!(next, Next::GoOn(_)));
        line.idle.drain(..).for_each(|seat| seat.give(Given::End));
        self.waiting.store(line.waiting.len(), Ordering::Relaxed);
    }

    fn wait_for_job(&self, mut line: MutexGuard<'_, Line<J>>, seat: &Arc<Seat<J>>) -> Option<J> {
        let is_closed = line.is_closed;
        if !is_closed {
            line.idle.push(seat.clone());
        }
        let homeless = self.deal(&mut line, NewThreads::None);
        debug_assert!(homeless.is_empty(), "none was to be started");
        drop(line);
        if is_closed { None } else { seat.wait() }
    }

    /// Gives free turns to those in front. Gives the jobs that have one and need a new thread; where there are to be no new
    /// ones, such a job lets those behind it go first.
    fn deal(&self, line: &mut Line<J>, new_threads: NewThreads) -> Vec<J> {
        let (mut homeless, mut passed_over) = (Vec::new(), Vec::new());
        while line.free > 0
            && let Some((lane, next)) = line.waiting.pop_front()
        {
            match next {
                Next::GoOn(seat) => seat.give(Given::Turn),
                Next::Begin(job) => match (line.idle.pop(), new_threads) {
                    (Some(seat), _) => seat.give(Given::Job(job)),
                    (None, NewThreads::Wanted) => homeless.push(job),
                    (None, NewThreads::None) => {
                        passed_over.push((lane, job));
                        continue;
                    }
                },
            }
            line.free -= 1;
        }
        for (lane, job) in passed_over.into_iter().rev() {
            line.waiting.push_front(lane, Next::Begin(job));
        }
        self.waiting.store(line.waiting.len(), Ordering::Relaxed);
        homeless
    }

    fn lock(&self) -> MutexGuard<'_, Line<J>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Seat<J> {
    /// A place for one thread.
    pub fn new() -> Arc<Seat<J>> {
        Arc::new(Seat {
            given: Mutex::new(None),
            changed: Condvar::new(),
        })
    }

    fn give(&self, given: Given<J>) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
        self.changed.notify_one();
    }

    /// Waits for a turn; gives the job that came with it, if one did.
    fn wait(&self) -> Option<J> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match given.take() {
                Some(Given::Job(job)) => return Some(job),
                Some(Given::Turn | Given::End) => return None,
                None => given = self.changed.wait(given).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests;
