//! Tasks that clients' programs ask for besides lines, so that nobody has more of them waiting than a share.
//!
//! Lines are one at a time for each connection; of these only typed messages have such an order (`turns.rs`), so they are
//! counted: by player, and those that nobody need be logged in for together. Invariant: each is counted from its submission to the end of its first slice.

use crate::limits::{BESIDE_ANONYMOUS_MAX, BESIDE_MAX, BESIDE_PLAYER_MAX};
use moo_model::Obj;
use std::collections::HashMap;

/// The tasks under way.
#[derive(Debug, Default)]
pub(super) struct Beside {
    tasks: HashMap<i64, Obj>,
    of: HashMap<Obj, usize>,
}

impl Beside {
    /// Whether one more may be begun for this player; `Obj::NOTHING` for nobody.
    pub fn has_room(&self, player: Obj) -> bool {
        let most = if player == Obj::NOTHING {
            BESIDE_ANONYMOUS_MAX
        } else {
            BESIDE_PLAYER_MAX
        };
        self.tasks.len() < BESIDE_MAX && self.of.get(&player).is_none_or(|&count| count < most)
    }

    /// A task is submitted.
    pub fn begin(&mut self, task: i64, player: Obj) {
        self.tasks.insert(task, player);
        *self.of.entry(player).or_default() += 1;
    }

    /// A task is done, of whatever kind.
    pub fn end(&mut self, task: i64) {
        let Some(player) = self.tasks.remove(&task) else {
            return;
        };
        if let Some(count) = self.of.get_mut(&player) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&player);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_player_has_a_share_and_nobody_takes_that_of_others() {
        let mut beside = Beside::default();
        let (ann, bob) = (Obj(7), Obj(8));
        let mut task = 0;
        while beside.has_room(ann) {
            task += 1;
            beside.begin(task, ann);
        }
        assert_eq!(task, BESIDE_PLAYER_MAX as i64);
        assert!(beside.has_room(bob) && beside.has_room(Obj::NOTHING));
        beside.end(1);
        beside.end(1);
        beside.end(-5);
        assert!(beside.has_room(ann));
        beside.begin(task + 1, ann);
        assert!(!beside.has_room(ann));
        for player in 0..BESIDE_MAX as i64 {
            beside.begin(1_000 + player, Obj(1_000 + player));
        }
        assert!(!beside.has_room(bob), "all together are bounded, too");
    }
}
