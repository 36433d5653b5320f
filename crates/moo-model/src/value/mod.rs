//! `Value`, every MOO value, in two machine words.
//!
//! Layout (engine decision 3): `w0`'s low byte is the kind; the rest is `w1` or, for a string of at most 14 bytes,
//! the text itself. Heap kinds keep a counted pointer in `w1`. A value is always written and moved as two whole
//! words: writing single fields and then copying the whole stalls the store buffer (measured 3x).
//!
//! Invariants: a heap kind owns exactly one count of its node; an inline string is valid UTF-8 of at most 14
//! bytes, and no heap string is that short; neither a list nor a map holds the unset value.

mod anonymous;
mod bury;
mod compare;
pub mod map;
mod parts;
mod text;
mod unset;
mod words;

use crate::{ErrorCode, Obj};

pub use map::Map;
pub use parts::Parts;
pub use text::Text;
pub use words::{INLINE_TEXT_MAX, Value};

/// The kind of a value, by the number that `typeof()` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// 64-bit integer, `INT`.
    Int = 0,
    /// Object number, `OBJ`.
    Obj = 1,
    /// String, `STR`.
    Str = 2,
    /// Error, `ERR`.
    Err = 3,
    /// List, `LIST`.
    List = 4,
    /// A variable that was never assigned; no program can hold it.
    Unset = 6,
    /// Double-precision number, `FLOAT`.
    Float = 9,
    /// Map, `MAP`.
    Map = 10,
    /// Reference to an anonymous object, `ANON`.
    Anon = 12,
}

/// A value taken apart for a `match`.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// An unassigned variable.
    Unset,
    /// An integer.
    Int(i64),
    /// A finite float.
    Float(f64),
    /// An object number.
    Obj(Obj),
    /// An anonymous object.
    Anon(Obj),
    /// An error.
    Err(ErrorCode),
    /// A string.
    Str(Text<'a>),
    /// A list's elements.
    List(&'a [Value]),
    /// A map.
    Map(&'a Map),
}

impl Value {
    /// The elements for editing, copied first if they are shared. `None` if it is not a list.
    pub fn list_make_mut(&mut self) -> Option<&mut Vec<Value>> {
        if self.list_mut().is_none() {
            let copy = self.as_list()?.to_vec();
            *self = Value::list(copy);
        }
        self.list_mut()
    }

    /// The map for editing, copied first if it is shared. `None` if it is no map.
    pub fn map_make_mut(&mut self) -> Option<&mut Map> {
        if self.map_mut().is_none() {
            *self = Value::map(self.as_map()?.clone());
        }
        self.map_mut()
    }

    /// The integer 1 or 0.
    pub fn truth(is: bool) -> Value {
        Value::int(i64::from(is))
    }

    /// The empty list.
    pub fn empty_list() -> Value {
        Value::list(Vec::new())
    }

    /// The empty string.
    pub fn empty_str() -> Value {
        Value::str("")
    }

    /// A list of strings.
    pub fn strings<I: IntoIterator<Item = S>, S: AsRef<str>>(texts: I) -> Value {
        Value::list(texts.into_iter().map(|text| Value::str(text.as_ref())).collect())
    }

    /// What an `if` makes of the value: non-zero numbers, non-empty strings, lists and maps are true.
    pub fn is_true(&self) -> bool {
        match self.view() {
            View::Int(i) => i != 0,
            View::Float(f) => f != 0.0,
            View::Str(s) => !s.is_empty(),
            View::List(l) => !l.is_empty(),
            View::Map(m) => !m.is_empty(),
            View::Unset | View::Obj(_) | View::Anon(_) | View::Err(_) => false,
        }
    }
}

impl From<i64> for Value {
    fn from(i: i64) -> Value {
        Value::int(i)
    }
}

impl From<Obj> for Value {
    fn from(o: Obj) -> Value {
        Value::obj(o)
    }
}

impl From<ErrorCode> for Value {
    fn from(e: ErrorCode) -> Value {
        Value::err(e)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::str(s)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.view() {
            View::Unset => f.write_str("<unset>"),
            _ => f.write_str(&crate::literal::to_literal(self)),
        }
    }
}

#[cfg(test)]
mod tests;
