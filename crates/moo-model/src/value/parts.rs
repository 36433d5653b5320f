//! What stands directly inside a list or a map, for whoever walks values without recursion.

use super::{Value, View, map};

/// The elements of a list, or the keys and values of a map in turn.
pub struct Parts<'a>(Form<'a>);

enum Form<'a> {
    List(std::slice::Iter<'a, Value>),
    Map {
        entries: map::Iter<'a>,
        /// The value of the key that was given last.
        value: Option<&'a Value>,
    },
}

impl Value {
    /// What stands directly inside a list or a map; `None` for all other values.
    pub fn parts(&self) -> Option<Parts<'_>> {
        match self.view() {
            View::List(items) => Some(Parts(Form::List(items.iter()))),
            View::Map(map) => Some(Parts(Form::Map {
                entries: map.iter(),
                value: None,
            })),
            _ => None,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a Value;

    #[inline]
    fn next(&mut self) -> Option<&'a Value> {
        match &mut self.0 {
            Form::List(items) => items.next(),
            Form::Map { entries, value } => value.take().or_else(|| {
                let (key, its_value) = entries.next()?;
                *value = Some(its_value);
                Some(key)
            }),
        }
    }
}
