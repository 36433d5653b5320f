//! Equality and order of values as MOO programs see them.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Kind, Value, View};

impl PartialEq for Value {
    /// The `==` of the language: strings without regard to ASCII case, lists element by element, never across kinds.
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

    /// Where the first of these is that equals the value, as `==` has it.
    pub fn position_in(&self, items: &[Value]) -> Option<usize> {
        match self.kind() {
            Kind::Int | Kind::Obj | Kind::Err => items.iter().position(|item| Value::same_words(item, self)),
            _ => items.iter().position(|item| item == self),
        }
    }

    /// Order of two values of one scalar kind, strings by case-folded bytes. `None` for lists and mixed kinds.
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

/// Compares without native recursion deeper than the values are nested; nesting is bounded where lists are made.
fn equal_by(a: &Value, b: &Value, cased: bool) -> bool {
    match (a.view(), b.view()) {
        (View::Unset, View::Unset) => true,
        (View::Int(a), View::Int(b)) => a == b,
        (View::Float(a), View::Float(b)) => a == b,
        (View::Obj(a), View::Obj(b)) | (View::Anon(a), View::Anon(b)) => a == b,
        (View::Err(a), View::Err(b)) => a == b,
        (View::Str(a), View::Str(b)) if cased => a.as_str() == b.as_str(),
        (View::Str(a), View::Str(b)) => crate::text::equal_folded(&a, &b),
        (View::List(a), View::List(b)) => equal_lists(a, b, cased),
        _ => false,
    }
}

/// Lists compared before pairs are remembered: most comparisons are of few.
const UNREMEMBERED: usize = 64;

/// Walks two lists side by side with an explicit stack, so that hostile nesting cannot end the process. The same two
/// nodes are compared once: sharing makes lists exponentially larger than they are.
fn equal_lists(a: &[Value], b: &[Value], cased: bool) -> bool {
    let mut pending = vec![(a, b)];
    let mut compared = 0;
    let mut remembered = HashSet::new();
    let mut remembered_texts = HashSet::new();
    while let Some((a, b)) = pending.pop() {
        if a.len() != b.len() {
            return false;
        }
        compared += 1;
        let again = compared > UNREMEMBERED && !remembered.insert((a.as_ptr(), b.as_ptr()));
        if a.is_empty() || again || std::ptr::eq(a, b) {
            continue;
        }
        for (x, y) in a.iter().zip(b) {
            match (x.as_list(), y.as_list()) {
                (Some(x), Some(y)) => pending.push((x, y)),
                (None, None) if is_remembered(x, y, &mut remembered_texts) || equal_by(x, y, cased) => {}
                _ => return false,
            }
        }
    }
    true
}

/// Strings of more bytes than this are compared once, however often the same two meet.
const TEXT_REMEMBERED: usize = 1024;

/// Whether these two long strings met before. They were equal then, or the comparison would have ended; comparing
/// them again would let a small program compare without end.
fn is_remembered(a: &Value, b: &Value, met: &mut HashSet<(*const u8, *const u8)>) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) if a.len() == b.len() && a.len() > TEXT_REMEMBERED => {
            !met.insert((a.as_ptr(), b.as_ptr()))
        }
        _ => false,
    }
}
