//! `Work`: one operation of an operator, step by step. Pure: what happens to children goes in, whose turn it is comes out.
//!
//! Invariant: a child's turn comes once, and the next batch only when all of the last one are where they should be.

use std::collections::{BTreeSet, VecDeque};

/// What is done to each child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// It ends and stays ended.
    Drain,
    /// It ends and starts again.
    Restart,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Some children are not done yet.
    Wait,
    /// Now these.
    Begin(Vec<usize>),
    /// All are done.
    Done,
}

/// An operation that was begun.
#[derive(Debug)]
pub struct Work {
    task: Task,
    batches: VecDeque<Vec<usize>>,
    doing: BTreeSet<usize>,
}

impl Work {
    /// The task on these children, by their places in the table: all at once, or one after the other.
    pub fn new(task: Task, children: Vec<usize>, rolling: bool) -> Work {
        let batches = match rolling {
            true => children.into_iter().map(|child| vec![child]).collect(),
            false => VecDeque::from([children]),
        };
        Work {
            task,
            batches,
            doing: BTreeSet::new(),
        }
    }

    /// What is done to each.
    pub fn task(&self) -> Task {
        self.task
    }

    /// Whether this child's turn has come and is not over.
    pub fn is_doing(&self, child: usize) -> bool {
        self.doing.contains(&child)
    }

    /// Asked after each thing that happened. A batch is given out once.
    pub fn next(&mut self) -> Next {
        if !self.doing.is_empty() {
            return Next::Wait;
        }
        match self.batches.pop_front() {
            Some(batch) => {
                self.doing.extend(&batch);
                Next::Begin(batch)
            }
            None => Next::Done,
        }
    }

    /// A child's process has ended.
    pub fn on_ended(&mut self, child: usize) {
        if self.task == Task::Drain {
            self.doing.remove(&child);
        }
    }

    /// A child is ready.
    pub fn on_ready(&mut self, child: usize) {
        if self.task == Task::Restart {
            self.doing.remove(&child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolling_restart_takes_the_next_child_when_the_last_one_is_ready() {
        let mut work = Work::new(Task::Restart, vec![0, 1], true);
        assert_eq!(work.next(), Next::Begin(vec![0]));
        work.on_ended(0);
        assert_eq!(work.next(), Next::Wait);
        work.on_ready(1);
        assert_eq!(work.next(), Next::Wait);
        work.on_ready(0);
        assert_eq!(work.next(), Next::Begin(vec![1]));
        work.on_ready(1);
        assert_eq!(work.next(), Next::Done);
    }

    #[test]
    fn all_at_once_is_done_when_the_last_one_is_ready() {
        let mut work = Work::new(Task::Restart, vec![0, 1], false);
        assert_eq!(work.next(), Next::Begin(vec![0, 1]));
        work.on_ready(1);
        assert!(work.is_doing(0) && !work.is_doing(1));
        assert_eq!(work.next(), Next::Wait);
        work.on_ready(0);
        assert_eq!(work.next(), Next::Done);
    }

    #[test]
    fn a_drained_child_is_done_when_it_has_ended() {
        let mut work = Work::new(Task::Drain, vec![1], false);
        assert_eq!(work.next(), Next::Begin(vec![1]));
        work.on_ready(1);
        assert_eq!(work.next(), Next::Wait);
        work.on_ended(1);
        assert_eq!(work.next(), Next::Done);
    }
}
