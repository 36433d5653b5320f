//! Object numbers: the names by which everything in the world refers to an object.
//!
//! Invariant: a number at or below [`LAST_ANONYMOUS`] is never made from what a program or a file says, only by
//! [`Obj::anonymous`]: who has no reference to an anonymous object cannot guess one.

use std::fmt;

/// An object number such as `#12`. Negative numbers never name a world object: they are the special
/// results below, connections that have not logged in or, far below those, anonymous objects.
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

    /// The anonymous object with this id, which is below 2^62.
    pub const fn anonymous(id: u64) -> Obj {
        Obj(LAST_ANONYMOUS - (id & ANONYMOUS_ID_MAX) as i64)
    }

    /// An anonymous object that never was: what is shown in place of one to whoever may not come by it.
    pub const NO_ANONYMOUS: Obj = Obj::anonymous(ANONYMOUS_ID_MAX);

    /// The object that a program or a file means by a number. Numbers that would stand for anonymous objects become the
    /// lowest one that does not, which never names anything.
    pub const fn numbered(number: i64) -> Obj {
        if number > LAST_ANONYMOUS {
            Obj(number)
        } else {
            Obj(LAST_ANONYMOUS + 1)
        }
    }

    /// Whether this is an anonymous object: one that programs refer to by values, never by a number.
    #[inline]
    pub const fn is_anonymous(self) -> bool {
        self.0 <= LAST_ANONYMOUS
    }

    /// The id of an anonymous object.
    pub const fn anonymous_id(self) -> Option<u64> {
        if self.is_anonymous() {
            Some((LAST_ANONYMOUS - self.0) as u64)
        } else {
            None
        }
    }
}

/// The number that stands for the anonymous object with id 0; those of higher ids lie below it.
pub const LAST_ANONYMOUS: i64 = -(1 << 62);

/// The highest id of an anonymous object.
const ANONYMOUS_ID_MAX: u64 = (1 << 62) - 1;

impl fmt::Display for Obj {
    /// `#12`; `*anonymous*` for one of those.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_anonymous() {
            return f.write_str("*anonymous*");
        }
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for Obj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
