//! Many values let go of at once.

use super::Value;
use super::words::FIRST_HEAP;

impl Value {
    /// Unsets all of these. Most own no node, which one test tells of four.
    #[inline(always)]
    pub fn unset_all(values: &mut [Value]) {
        let mut fours = values.chunks_exact_mut(4);
        for four in &mut fours {
            if four.iter().fold(0, |tags, value| tags | value.tag()) >= FIRST_HEAP {
                let_go(four);
            }
            for value in four {
                // There is nothing to drop, and no need to look again.
                std::mem::forget(value.take());
            }
        }
        for value in fours.into_remainder() {
            *value = Value::UNSET;
        }
    }
}

#[cold]
#[inline(never)]
fn let_go(values: &mut [Value]) {
    values.iter_mut().for_each(|value| *value = Value::UNSET);
}
