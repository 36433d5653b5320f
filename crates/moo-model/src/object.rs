//! Object numbers: the names by which everything in the world refers to an object.

use std::fmt;

/// An object number such as `#12`. Negative numbers never name a world object: they are the special
/// results below, or connections that have not logged in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Obj(pub i64);

impl Obj {
    /// `#0`, the system object.
    pub const SYSTEM: Obj = Obj(0);
    /// `#-1`, no object.
    pub const NOTHING: Obj = Obj(-1);
    /// `#-2`, the name given to a match was ambiguous.
    pub const AMBIGUOUS: Obj = Obj(-2);
    /// `#-3`, the name given to a match named nothing.
    pub const FAILED_MATCH: Obj = Obj(-3);
}

impl fmt::Display for Obj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for Obj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
