//! Values moved to places that hold none, and many values let go of at once.

use super::Value;
use super::words::FIRST_HEAP;

impl Value {
    /// Moves the value to a place that is unset. An integer may stay here too.
    ///
    /// Its words are read one by one, as they were written: a processor that has just written two words waits for both to
    /// reach the cache before it reads them as one.
    #[inline(always)]
    pub fn move_to_unset(&mut self, to: &mut Value) {
        debug_assert!(to.is_unset());
        let moved = match self.as_int() {
            Some(i) => Value::int(i),
            None => self.take(),
        };
        // There is nothing to drop.
        std::mem::forget(std::mem::replace(to, moved));
    }

    /// Moves the value to another place. An integer may stay here too; see [`Value::move_to_unset`].
    #[inline(always)]
    pub fn move_to(&mut self, to: &mut Value) {
        *to = match self.as_int() {
            Some(i) => Value::int(i),
            None => self.take(),
        };
    }

    /// Unsets all of these. Most own no node, which one test tells of four.
    #[inline(always)]
    pub fn unset_all(values: &mut [Value]) {
        let (fours, rest) = values.as_chunks_mut::<4>();
        fours.iter_mut().for_each(unset_four);
        if rest.is_empty() {
            return;
        }
        // The last four, of which some are unset already: sooner done than the rest one by one.
        match values.last_chunk_mut::<4>() {
            Some(last) => unset_four(last),
            None => values.iter_mut().for_each(|value| *value = Value::UNSET),
        }
    }
}

#[inline(always)]
fn unset_four(four: &mut [Value; 4]) {
    if four.iter().fold(0, |tags, value| tags | value.tag()) >= FIRST_HEAP {
        let_go(four);
    }
    for value in four {
        // There is nothing to drop, and no need to look again.
        std::mem::forget(value.take());
    }
}

#[cold]
#[inline(never)]
fn let_go(values: &mut [Value]) {
    values.iter_mut().for_each(|value| *value = Value::UNSET);
}
