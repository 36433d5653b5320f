//! Maps from scalar values to values, in the order of their keys.
//!
//! Two forms (engine decision 2.10). Up to [`FLAT_MAX`] entries are one sorted array: the quickest to search and to
//! copy at that size. Larger maps are `imbl::OrdMap`, a copy-on-write B-tree of a well-kept library: it edits in place
//! what nobody shares, and an edit of a shared map copies one path of nodes and not the whole.
//!
//! Invariants: keys are neither lists nor maps nor unset, and no two are equal; a tree has more than [`FLAT_MIN`]
//! entries and an array at most [`FLAT_MAX`], so that a map that shrinks and grows does not change its form each time.

use std::cmp::Ordering;

use imbl::OrdMap;
use imbl::shared_ptr::DefaultSharedPtr;

use super::{Kind, Value, View};
use crate::text::compare_folded;

/// The most entries that are kept as an array.
pub const FLAT_MAX: usize = 128;

/// A tree with no more entries than this becomes an array.
const FLAT_MIN: usize = FLAT_MAX / 2;

/// A value in its role as a key: ordered as maps order it.
#[derive(Clone)]
struct Key(Value);

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        compare_keys(&self.0, &other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// A map. Cloning copies an array and shares a tree.
#[derive(Clone, Default)]
pub struct Map {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Flat(Vec<(Key, Value)>),
    Tree {
        entries: OrdMap<Key, Value>,
        /// Whether a list or a map was ever among the values.
        nests: bool,
    },
}

impl Default for Form {
    fn default() -> Form {
        Form::Flat(Vec::new())
    }
}

/// Whether a value may be a key.
pub fn is_key(value: &Value) -> bool {
    !value.is_container() && !value.is_unset()
}

/// The order of keys: integers, object numbers, errors, floats, strings without regard to case, then anonymous
/// objects by their age.
#[inline(always)]
pub fn compare_keys(a: &Value, b: &Value) -> Ordering {
    match Value::both_int(a, b) {
        Some((a, b)) => a.cmp(&b),
        None => compare_other_keys(a, b),
    }
}

#[inline(never)]
fn compare_other_keys(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return compare_folded(a, b);
    }
    if let (View::Anon(a), View::Anon(b)) = (a.view(), b.view()) {
        return a.cmp(&b);
    }
    let by_kind = rank(a.kind()).cmp(&rank(b.kind()));
    by_kind.then_with(|| a.order(b).unwrap_or(Ordering::Equal))
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Int => 0,
        Kind::Obj => 1,
        Kind::Err => 2,
        Kind::Float => 3,
        Kind::Str => 4,
        Kind::Anon => 5,
        Kind::List | Kind::Map | Kind::Unset => 6,
    }
}

impl Map {
    /// A map without entries.
    pub fn new() -> Map {
        Map::default()
    }

    /// The map of keys and values in turn, where the keys may be keys and ascend; else nothing.
    pub fn of_ordered(parts: Vec<Value>) -> Option<Map> {
        let mut entries: Vec<(Key, Value)> = Vec::with_capacity(parts.len() / 2);
        let mut parts = parts.into_iter();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            let ascends = entries
                .last()
                .is_none_or(|(last, _)| compare_keys(&last.0, &key).is_lt());
            if !ascends || !is_key(&key) {
                return None;
            }
            entries.push((Key(key), value));
        }
        let mut map = Map {
            form: Form::Flat(entries),
        };
        map.grow();
        Some(map)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Flat(entries) => entries.len(),
            Form::Tree { entries, .. } => entries.len(),
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key as it was written, and its value.
    pub fn entry(&self, key: &Value) -> Option<(&Value, &Value)> {
        match &self.form {
            Form::Flat(entries) => {
                let at = find(entries, key).ok()?;
                let (key, value) = &entries[at];
                Some((&key.0, value))
            }
            Form::Tree { entries, .. } => {
                let (key, value) = entries.get_key_value(&Key(key.clone()))?;
                Some((&key.0, value))
            }
        }
    }

    /// The value of a key, to be edited where it is; it must not become unset.
    pub fn get_mut(&mut self, key: &Value) -> Option<&mut Value> {
        match &mut self.form {
            Form::Flat(entries) => {
                let at = find(entries, key).ok()?;
                Some(&mut entries[at].1)
            }
            Form::Tree { entries, nests } => {
                *nests = true;
                entries.get_mut(&Key(key.clone()))
            }
        }
    }

    /// Gives the key this value; an equal key is replaced with its spelling. The caller has asked [`is_key`].
    pub fn insert(&mut self, key: Value, value: Value) {
        debug_assert!(is_key(&key) && !value.is_unset());
        match &mut self.form {
            Form::Flat(entries) => match find(entries, &key) {
                Ok(at) => entries[at] = (Key(key), value),
                Err(at) => {
                    entries.insert(at, (Key(key), value));
                    self.grow();
                }
            },
            Form::Tree { entries, nests } => {
                *nests |= value.is_container();
                entries.insert(Key(key), value);
            }
        }
    }

    /// Takes the key out; gives whether it was there.
    pub fn remove(&mut self, key: &Value) -> bool {
        match &mut self.form {
            Form::Flat(entries) => match find(entries, key) {
                Ok(at) => {
                    entries.remove(at);
                    true
                }
                Err(_) => false,
            },
            Form::Tree { entries, .. } => {
                let found = entries.remove(&Key(key.clone())).is_some();
                if entries.len() <= FLAT_MIN {
                    let entries = std::mem::take(entries).into_iter().collect();
                    self.form = Form::Flat(entries);
                }
                found
            }
        }
    }

    /// The first entry.
    pub fn first(&self) -> Option<(&Value, &Value)> {
        let entry = match &self.form {
            Form::Flat(entries) => entries.first(),
            Form::Tree { entries, .. } => entries.get_min(),
        };
        entry.map(|(key, value)| (&key.0, value))
    }

    /// The last entry.
    pub fn last(&self) -> Option<(&Value, &Value)> {
        let entry = match &self.form {
            Form::Flat(entries) => entries.last(),
            Form::Tree { entries, .. } => entries.get_max(),
        };
        entry.map(|(key, value)| (&key.0, value))
    }

    /// All entries, in the order of the keys.
    pub fn iter(&self) -> Iter<'_> {
        Iter(match &self.form {
            Form::Flat(entries) => IterForm::Flat(entries.iter()),
            Form::Tree { entries, .. } => IterForm::Tree(entries.iter()),
        })
    }

    /// Whether dropping the map may drop lists or maps in it.
    pub(super) fn nests(&self) -> bool {
        match &self.form {
            Form::Flat(entries) => entries.iter().any(|(_, value)| value.is_container()),
            Form::Tree { nests, .. } => *nests,
        }
    }

    /// Makes an array that is too long for one a tree.
    fn grow(&mut self) {
        if let Form::Flat(entries) = &mut self.form
            && entries.len() > FLAT_MAX
        {
            let nests = entries.iter().any(|(_, value)| value.is_container());
            let entries = std::mem::take(entries).into_iter().collect();
            self.form = Form::Tree { entries, nests };
        }
    }
}

fn find(entries: &[(Key, Value)], key: &Value) -> Result<usize, usize> {
    entries.binary_search_by(|(known, _)| compare_keys(&known.0, key))
}

/// Entries in any order; of equal keys the last counts.
impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Map {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

/// The entries of a map, in the order of the keys.
pub struct Iter<'a>(IterForm<'a>);

enum IterForm<'a> {
    Flat(std::slice::Iter<'a, (Key, Value)>),
    Tree(imbl::ordmap::Iter<'a, Key, Value, DefaultSharedPtr>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<(&'a Value, &'a Value)> {
        match &mut self.0 {
            IterForm::Flat(entries) => entries.next().map(|(key, value)| (&key.0, value)),
            IterForm::Tree(entries) => entries.next().map(|(key, value)| (&key.0, value)),
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Value, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
