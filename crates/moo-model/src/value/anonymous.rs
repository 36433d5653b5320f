//! The anonymous objects that a value refers to.

use super::{Value, View};
use crate::Obj;

impl Value {
    /// Tells every anonymous object that is in the value, at any depth; one that is there twice is told twice. A part that
    /// is shared is looked into each time, so this is for values that could be stored, which are bounded as if nothing were
    /// shared.
    pub fn each_anonymous(&self, mut tell: impl FnMut(Obj)) {
        self.look_for_anonymous(|obj| {
            tell(obj);
            false
        });
    }

    /// Whether there is any, as [`Value::each_anonymous`] would tell.
    pub fn refers_to_anonymous(&self) -> bool {
        self.look_for_anonymous(|_| true)
    }

    /// Shows each to `is_enough` until that is true, and whether it became so.
    fn look_for_anonymous(&self, mut is_enough: impl FnMut(Obj) -> bool) -> bool {
        if let View::Anon(obj) = self.view() {
            return is_enough(obj);
        }
        let mut open: Vec<_> = self.parts().into_iter().collect();
        while let Some(parts) = open.last_mut() {
            match parts.next() {
                None => drop(open.pop()),
                Some(part) => {
                    if let View::Anon(obj) = part.view()
                        && is_enough(obj)
                    {
                        return true;
                    }
                    open.extend(part.parts());
                }
            }
        }
        false
    }
}
