//! The numbers of one client's commands: which came, which became tasks, and which have taken effect.
//!
//! Invariants: a number is new once, and so is what it is known by besides, for as long as its number is known; numbers are
//! taken in their order, so one that leaves a hole before it is not, nor one so far past another that is not done that the
//! store would forget that; one counts as having taken effect only when its task's commit is known, and its answer leaves
//! after that commit.

use crate::actors::outlet::Reply;
use moo_tasks::connections::stored::{COMMANDS_KEPT, StoredCommand};
use std::collections::{BTreeMap, VecDeque};

/// What is to become of a number that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next one.
    New,
    /// It came before and is not done: it will be answered.
    Waits,
    /// It became this task.
    Done(i64),
    /// It was done too long ago to say more.
    Forgotten,
    /// One before it has not come, or has not been done for so long that the store could not tell it from one that has.
    Early,
}

/// A number that has come and is not done.
#[derive(Debug)]
struct Waiting {
    /// Where its answer goes, until its task has that.
    reply: Option<Reply>,
    /// Where it goes once more, because it was asked for again meanwhile.
    again: Option<Reply>,
    has_started: bool,
    /// What it is known by, if the same may come under another number.
    mark: Option<[u8; 16]>,
}

/// The numbers of one client.
#[derive(Debug)]
pub(super) struct Commands {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// The last ones that are done, in no order.
    done: VecDeque<StoredCommand>,
}

impl Default for Commands {
    /// Numbers begin at 1.
    fn default() -> Self {
        Commands {
            next: 1,
            waiting: BTreeMap::new(),
            done: VecDeque::new(),
        }
    }
}

impl Commands {
    /// What the store says to be done. A number is the next one if all before it are, as far as the store goes back.
    pub fn restored(mut done: Vec<StoredCommand>) -> Commands {
        done.sort_unstable_by_key(|done| done.seq);
        let last = done.last().map_or(0, |done| done.seq);
        let mut commands = Commands {
            next: (last + 1).saturating_sub(COMMANDS_KEPT).max(1),
            waiting: BTreeMap::new(),
            done: done.into(),
        };
        commands.pass_done();
        commands
    }

    /// A number has come.
    pub fn take(&mut self, seq: u64, reply: Reply) -> Turn {
        if let Some(waiting) = self.waiting.get_mut(&seq) {
            let place = if waiting.has_started {
                &mut waiting.again
            } else {
                &mut waiting.reply
            };
            *place = Some(reply);
            return Turn::Waits;
        }
        if let Some(done) = self.done.iter().find(|done| done.seq == seq) {
            return Turn::Done(done.task);
        }
        if seq < self.next {
            return Turn::Forgotten;
        }
        if self.is_early(seq) {
            return Turn::Early;
        }
        let waiting = Waiting {
            reply: Some(reply),
            again: None,
            has_started: false,
            mark: None,
        };
        self.waiting.insert(seq, waiting);
        self.next += 1;
        self.pass_done();
        Turn::New
    }

    /// The number that would be taken now.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether this number was taken and is not done.
    pub fn is_waiting(&self, seq: u64) -> bool {
        self.waiting.contains_key(&seq)
    }

    /// Whether the number would be taken now.
    pub fn is_next(&self, seq: u64) -> bool {
        seq == self.next
    }

    /// The number becomes a task, or rows: gives where the answer goes.
    pub fn start(&mut self, seq: u64) -> Option<Reply> {
        let waiting = self.waiting.get_mut(&seq)?;
        waiting.has_started = true;
        waiting.reply.take()
    }

    /// The number's task has committed. Gives where it must be answered once more.
    pub fn finish(&mut self, seq: u64, task: i64) -> Option<Reply> {
        let Waiting { again, mark, .. } = self.waiting.remove(&seq)?;
        self.keep(StoredCommand { seq, task, mark });
        again
    }

    /// The next number is used up by what came before, under another number, and became this task. Gives whether it could be
    /// taken now.
    pub fn pass(&mut self, seq: u64, task: i64) -> bool {
        if !self.is_next(seq) || self.is_early(seq) {
            return false;
        }
        self.next += 1;
        self.keep(StoredCommand {
            seq,
            task,
            mark: None,
        });
        self.pass_done();
        true
    }

    /// Whether one before this has not come, or has not been done for so long that its row would take this one's place.
    fn is_early(&self, seq: u64) -> bool {
        let oldest = self.waiting.first_key_value().map_or(seq, |(oldest, _)| *oldest);
        seq > self.next || seq.saturating_sub(oldest) >= COMMANDS_KEPT
    }

    fn keep(&mut self, done: StoredCommand) {
        if self.done.len() as u64 >= COMMANDS_KEPT {
            self.done.pop_front();
        }
        self.done.push_back(done);
    }

    /// What was taken under this number is to be known by this, too.
    pub fn mark(&mut self, seq: u64, mark: [u8; 16]) {
        if let Some(waiting) = self.waiting.get_mut(&seq) {
            waiting.mark = Some(mark);
        }
    }

    /// What the command that waits under this number is known by.
    pub fn mark_of(&self, seq: u64) -> Option<[u8; 16]> {
        self.waiting.get(&seq)?.mark
    }

    /// The number under which what is known by this was taken, and the task that it became if it is done.
    pub fn known_by(&self, mark: [u8; 16]) -> Option<(u64, Option<i64>)> {
        let done = self
            .done
            .iter()
            .map(|done| (done.seq, Some(done.task), done.mark));
        let waiting = self
            .waiting
            .iter()
            .map(|(seq, waiting)| (*seq, None, waiting.mark));
        done.chain(waiting)
            .find(|(_, _, known)| *known == Some(mark))
            .map(|(seq, task, _)| (seq, task))
    }

    /// The host has had the answers up to this number, so none before it comes again.
    pub fn answered(&mut self, seq: u64) {
        if self.next <= seq {
            self.next = seq.saturating_add(1);
            self.pass_done();
        }
    }

    /// The numbers that rows may be kept of.
    pub fn stored(&self) -> impl Iterator<Item = u64> {
        let waiting = self.waiting.keys().copied();
        self.done.iter().map(|done| done.seq).chain(waiting)
    }

    fn pass_done(&mut self) {
        while self.done.iter().any(|done| done.seq == self.next) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{Lane, PeerId};
    use crate::protocol::HostId;
    use crate::protocol::codec::Envelope;
    use crate::protocol::host::Role;

    fn reply(correlation: u64) -> Reply {
        Reply {
            to: PeerId::new(Role::Host, Lane::Interactive, HostId([1; 16]), 1),
            envelope: Envelope {
                correlation,
                ..Envelope::default()
            },
        }
    }

    fn done(numbers: impl IntoIterator<Item = (u64, i64)>) -> Vec<StoredCommand> {
        let done = numbers.into_iter();
        done.map(|(seq, task)| StoredCommand {
            seq,
            task,
            mark: None,
        })
        .collect()
    }

    fn correlation(reply: Option<Reply>) -> Option<u64> {
        reply.map(|reply| reply.envelope.correlation)
    }

    #[test]
    fn a_number_is_new_once_and_answered_to_whoever_asked_last() {
        let mut commands = Commands::default();
        assert_eq!(commands.take(1, reply(10)), Turn::New);
        assert_eq!(commands.take(1, reply(11)), Turn::Waits);
        assert_eq!(correlation(commands.start(1)), Some(11));
        assert_eq!(
            commands.take(1, reply(12)),
            Turn::Waits,
            "its commit is not known"
        );
        assert_eq!(correlation(commands.finish(1, 70)), Some(12));
        assert_eq!(commands.take(1, reply(13)), Turn::Done(70));
    }

    #[test]
    fn a_hole_is_not_skipped() {
        let mut commands = Commands::default();
        assert_eq!(commands.take(2, reply(1)), Turn::Early);
        assert_eq!(commands.take(1, reply(2)), Turn::New);
        assert_eq!(commands.take(2, reply(3)), Turn::New);
        commands.answered(9);
        assert_eq!(commands.take(10, reply(4)), Turn::New);
        assert_eq!(commands.take(5, reply(5)), Turn::Forgotten);
    }

    #[test]
    fn a_number_that_was_answered_without_being_taken_is_not_waited_for() {
        let mut commands = Commands::default();
        assert_eq!(commands.take(2, reply(1)), Turn::Early);
        commands.answered(1);
        assert_eq!(commands.take(2, reply(1)), Turn::New);
        commands.answered(1);
        assert_eq!(
            commands.take(1, reply(2)),
            Turn::Forgotten,
            "nor taken when it comes late"
        );
    }

    #[test]
    fn what_the_store_does_not_know_as_done_is_new_again() {
        let mut commands = Commands::restored(done([(1, 5), (2, 6), (4, 7)]));
        assert_eq!(commands.take(4, reply(1)), Turn::Done(7));
        assert_eq!(commands.take(3, reply(2)), Turn::New);
        assert_eq!(commands.take(5, reply(3)), Turn::New);
        let kept = (100..100 + COMMANDS_KEPT).map(|seq| (seq, 1));
        let mut commands = Commands::restored(done(kept));
        assert_eq!(commands.take(99, reply(1)), Turn::Forgotten);
        assert_eq!(commands.take(100 + COMMANDS_KEPT, reply(2)), Turn::New);
        let mut commands = Commands::restored(Vec::new());
        assert_eq!(commands.take(1, reply(1)), Turn::New);
    }

    #[test]
    fn a_number_that_is_not_done_is_not_passed_so_far_that_the_store_forgets_it() {
        let mut commands = Commands::default();
        let mut stored = Vec::new();
        assert_eq!(
            commands.take(1, reply(1)),
            Turn::New,
            "it is held, and not answered"
        );
        for seq in 2..=COMMANDS_KEPT {
            assert_eq!(commands.take(seq, reply(seq)), Turn::New, "it is out of band");
            commands.start(seq);
            commands.finish(seq, 1);
            stored.push((seq, 1));
        }
        assert_eq!(commands.take(COMMANDS_KEPT + 1, reply(1)), Turn::Early);
        assert_eq!(Commands::restored(done(stored)).take(1, reply(1)), Turn::New);
        commands.start(1);
        commands.finish(1, 1);
        assert_eq!(commands.take(COMMANDS_KEPT + 1, reply(1)), Turn::New);
    }

    #[test]
    fn what_has_a_mark_is_known_by_it_while_its_number_is_known() {
        let mark = |seq| [seq as u8; 16];
        let mut commands = Commands::default();
        for seq in 1..=COMMANDS_KEPT {
            assert_eq!(commands.take(seq, reply(seq)), Turn::New);
            commands.mark(seq, mark(seq));
        }
        assert_eq!(commands.mark_of(1), Some(mark(1)));
        assert_eq!(commands.known_by(mark(1)), Some((1, None)), "it is not done");
        for seq in 1..=COMMANDS_KEPT {
            commands.finish(seq, 70 + seq as i64);
        }
        assert_eq!(commands.known_by(mark(1)), Some((1, Some(71))));
        assert_eq!(commands.known_by(mark(200)), None);
        let mut restored = Commands::restored(commands.done.clone().into());
        assert_eq!(restored.known_by(mark(2)), Some((2, Some(72))));
        let next = COMMANDS_KEPT + 1;
        assert!(restored.pass(next, 72), "the same came under another number");
        assert_eq!(restored.known_by(mark(1)), None, "it was too long ago");
        let mut restored = Commands::restored(restored.done.into());
        assert_eq!(
            restored.take(next, reply(1)),
            Turn::Done(72),
            "its number is used up"
        );
        assert_eq!(restored.take(next + 1, reply(1)), Turn::New);
        assert!(!restored.pass(next + 3, 72), "that leaves a hole");
        for seq in next + 2..next + 1 + COMMANDS_KEPT {
            assert!(restored.pass(seq, 72));
        }
        assert!(
            !restored.pass(next + 1 + COMMANDS_KEPT, 72),
            "its row would take the place of one that is not done"
        );
    }

    #[test]
    fn only_the_last_numbers_are_remembered() {
        let mut commands = Commands::default();
        for seq in 1..=COMMANDS_KEPT + 1 {
            assert_eq!(commands.take(seq, reply(seq)), Turn::New);
            commands.start(seq);
            commands.finish(seq, 1);
        }
        assert_eq!(commands.take(1, reply(1)), Turn::Forgotten);
        assert_eq!(commands.take(2, reply(1)), Turn::Done(1));
        assert_eq!(commands.stored().count() as u64, COMMANDS_KEPT);
    }
}
