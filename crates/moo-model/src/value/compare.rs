//! Equality and order of values as MOO programs see them.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Kind, Value, View};

impl PartialEq for Value {
    /// The `==` of the language: strings without regard to case, lists and maps element by element, never across kinds.
    #[inline]
    fn eq(&self, other: &Value) -> bool {
        if Value::same_words(self, other) && self.kind() != Kind::Float {
            return true;
        }
        !Value::differ_beyond_case(self, other) && equal_by(self, other, false)
    }
}

impl Value {
    /// The `equal()` of the language: as `==`, but strings must agree in case.
    pub fn identical(&self, other: &Value) -> bool {
        equal_by(self, other, true)
    }

    /// Whether it may be large: it is a list, a map or a long string.
    #[inline]
    pub fn may_be_large(&self) -> bool {
        self.is_container() || self.as_str().is_some_and(|text| text.len() > TEXT_REMEMBERED)
    }

    /// As `==`, and how much was looked at: elements of lists and maps, and bytes of long strings.
    pub fn equals_with_work(&self, other: &Value) -> (bool, usize) {
        if self.is_container() && other.is_container() {
            return Comparison::new(false).run(self, other);
        }
        let work = match (self.as_str(), other.as_str()) {
            (Some(a), Some(b)) => a.len().min(b.len()),
            _ => 0,
        };
        (self == other, work)
    }

    /// Where the first of these is that equals the value, as `==` has it.
    pub fn position_in(&self, items: &[Value]) -> Option<usize> {
        match self.kind() {
            Kind::Int | Kind::Obj | Kind::Err => items.iter().position(|item| Value::same_words(item, self)),
            _ => items.iter().position(|item| item == self),
        }
    }

    /// Order of two values of one scalar kind, strings by case-folded bytes. `None` for lists, maps and mixed kinds.
    #[inline]
    pub fn order(&self, other: &Value) -> Option<Ordering> {
        match (self.view(), other.view()) {
            (View::Int(a), View::Int(b)) => Some(a.cmp(&b)),
            (View::Float(a), View::Float(b)) => a.partial_cmp(&b),
            (View::Obj(a), View::Obj(b)) => Some(a.cmp(&b)),
            // Which of two anonymous objects is older is nobody's business.
            (View::Anon(_), View::Anon(_)) => Some(Ordering::Equal),
            (View::Err(a), View::Err(b)) => Some((a as u8).cmp(&(b as u8))),
            (View::Str(a), View::Str(b)) => Some(crate::text::compare_folded(&a, &b)),
            _ => None,
        }
    }
}

fn equal_by(a: &Value, b: &Value, cased: bool) -> bool {
    match (a.view(), b.view()) {
        (View::Unset, View::Unset) => true,
        (View::Int(a), View::Int(b)) => a == b,
        (View::Float(a), View::Float(b)) => a == b,
        (View::Obj(a), View::Obj(b)) | (View::Anon(a), View::Anon(b)) => a == b,
        (View::Err(a), View::Err(b)) => a == b,
        (View::Str(a), View::Str(b)) if cased => a.as_str() == b.as_str(),
        (View::Str(a), View::Str(b)) => crate::text::equal_folded(&a, &b),
        (View::List(_), View::List(_)) | (View::Map(_), View::Map(_)) => Comparison::new(cased).run(a, b).0,
        _ => false,
    }
}

/// Pairs compared before they are remembered: most comparisons are of few.
const UNREMEMBERED: usize = 64;

/// Strings of more bytes than this are compared once, however often the same two meet.
const TEXT_REMEMBERED: usize = 1024;

/// Walks two lists or maps side by side with an explicit stack, so that hostile nesting cannot end the process. The
/// same two nodes are compared once: sharing makes values exponentially larger than they are.
struct Comparison<'a> {
    cased: bool,
    pending: Vec<(&'a Value, &'a Value)>,
    compared: usize,
    /// Elements, and bytes of long strings, that were looked at.
    work: usize,
    nodes: HashSet<(usize, usize)>,
    texts: HashSet<(*const u8, *const u8)>,
}

impl<'a> Comparison<'a> {
    fn new(cased: bool) -> Comparison<'a> {
        Comparison {
            cased,
            pending: Vec::new(),
            compared: 0,
            work: 0,
            nodes: HashSet::new(),
            texts: HashSet::new(),
        }
    }

    fn run(mut self, a: &'a Value, b: &'a Value) -> (bool, usize) {
        self.pending.push((a, b));
        while let Some((a, b)) = self.pending.pop() {
            let same = match (a.view(), b.view()) {
                (View::List(a), View::List(b)) => {
                    self.work += a.len();
                    a.len() == b.len()
                        && (self.is_known(a.as_ptr() as usize, b.as_ptr() as usize)
                            || a.iter().zip(b).all(|(a, b)| self.agree(a, b)))
                }
                (View::Map(a), View::Map(b)) => {
                    let address = |map| std::ptr::from_ref(map) as usize;
                    self.work += a.len();
                    a.len() == b.len()
                        && (self.is_known(address(a), address(b))
                            || a.iter()
                                .zip(b)
                                .all(|((k, a), (l, b))| self.agree(k, l) && self.agree(a, b)))
                }
                _ => false,
            };
            if !same {
                return (false, self.work);
            }
        }
        (true, self.work)
    }

    /// Whether these two nodes are one, or were compared before.
    fn is_known(&mut self, a: usize, b: usize) -> bool {
        self.compared += 1;
        a == b || self.compared > UNREMEMBERED && !self.nodes.insert((a, b))
    }

    /// Whether two elements are equal as far as is known now: lists and maps are compared later.
    fn agree(&mut self, a: &'a Value, b: &'a Value) -> bool {
        if a.is_container() && b.is_container() {
            self.pending.push((a, b));
            return true;
        }
        self.is_known_text(a, b) || equal_by(a, b, self.cased)
    }

    /// Whether these two long strings met before. They were equal then, or the comparison would have ended; comparing
    /// them again would let a small program compare without end.
    fn is_known_text(&mut self, a: &Value, b: &Value) -> bool {
        match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) if a.len() == b.len() && a.len() > TEXT_REMEMBERED => {
                self.work += a.len();
                !self.texts.insert((a.as_ptr(), b.as_ptr()))
            }
            _ => false,
        }
    }
}
