//! The one unsafe module of the workspace: two words that may own a counted node.
//!
//! Proof obligations, and where each is met:
//! 1. `w1` of a heap kind came from `Arc::into_raw` of the node type that the kind names: only `from_text_node`,
//!    `from_list_node` and `from_map_node` write a heap kind.
//! 2. Each heap value owns one count: `clone` adds one, `drop` and `into_parts` give it back, nothing else copies words.
//! 3. An inline string's bytes are valid UTF-8: they are copied whole from a `&str`, never edited.
//! 4. `Value` is `Send + Sync` because its nodes are (`Arc` of plain data) and `&Value` only reads.
//! 5. Dropping a deep value does not recurse without bound: while one list or map is dropped, `bury` sets those aside
//!    that die with it, and drops them after it. It keeps them as plain data, and needs no unsafe code.
//!
//! `value/tests.rs` drives every function here with random programs against a model of plain enums.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;

use triomphe::Arc;

use super::bury::{Dead, bury};
use super::{Kind, Map, Text, View};
use crate::{ErrorCode, Obj};

/// The longest string, in bytes, that lives inside the value itself.
pub const INLINE_TEXT_MAX: usize = 14;

const UNSET: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const OBJ: u8 = 3;
const ERR: u8 = 4;
const ANON: u8 = 5;
const SHORT: u8 = 7;
const LONG: u8 = 8;
const LIST: u8 = 9;
const MAP: u8 = 10;
pub(super) const FIRST_HEAP: u8 = LONG;

/// Any MOO value: 16 bytes, cloned in O(1).
#[repr(C, align(8))]
pub struct Value {
    w0: u64,
    w1: u64,
}

/// A string longer than the inline limit.
struct TextNode {
    text: String,
    /// Whether every byte is below 0x80, so that characters can be found by index.
    ascii: bool,
}

type ListNode = Vec<Value>;

impl Value {
    /// The value of a variable that was never assigned.
    pub const UNSET: Value = Value {
        w0: UNSET as u64,
        w1: 0,
    };

    /// An integer.
    #[inline]
    pub const fn int(i: i64) -> Value {
        Value {
            w0: INT as u64,
            w1: i as u64,
        }
    }

    /// A float. The caller has made sure that it is finite, or is about to raise `E_FLOAT`.
    #[inline]
    pub const fn float(f: f64) -> Value {
        Value {
            w0: FLOAT as u64,
            w1: f.to_bits(),
        }
    }

    /// An object: its number, or a reference to an anonymous one.
    #[inline]
    pub const fn obj(o: Obj) -> Value {
        let tag = if o.is_anonymous() { ANON } else { OBJ };
        Value {
            w0: tag as u64,
            w1: o.0 as u64,
        }
    }

    /// An error.
    #[inline]
    pub const fn err(e: ErrorCode) -> Value {
        Value {
            w0: ERR as u64,
            w1: e as u64,
        }
    }

    /// A string, copied.
    #[inline]
    pub fn str(s: &str) -> Value {
        if s.len() <= INLINE_TEXT_MAX {
            Self::inline(s)
        } else {
            Self::from_text_node(s.to_owned())
        }
    }

    /// A string, taken over without a copy where it is long.
    #[inline]
    pub fn string(s: String) -> Value {
        if s.len() <= INLINE_TEXT_MAX {
            Self::inline(&s)
        } else {
            Self::from_text_node(s)
        }
    }

    /// A list, taken over without a copy.
    #[inline]
    pub fn list(items: Vec<Value>) -> Value {
        Self::from_list_node(Arc::new(items))
    }

    /// A map, taken over without a copy.
    #[inline]
    pub fn map(map: Map) -> Value {
        Self::from_map_node(Arc::new(map))
    }

    /// A string of one character below 0x80.
    #[inline]
    pub const fn ascii(byte: u8) -> Value {
        let word = SHORT as u64 | 1 << 8 | (byte as u64 & 0x7F) << 16;
        Value {
            w0: word.to_le(),
            w1: 0,
        }
    }

    #[inline]
    fn inline(s: &str) -> Value {
        if let [byte] = s.as_bytes() {
            return Self::ascii(*byte);
        }
        let mut bytes = [0u8; 16];
        bytes[0] = SHORT;
        bytes[1] = s.len() as u8;
        bytes[2..2 + s.len()].copy_from_slice(s.as_bytes());
        let word =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were sliced"));
        Value {
            w0: word(0).to_le(),
            w1: word(8).to_le(),
        }
    }

    fn from_text_node(text: String) -> Value {
        let ascii = text.is_ascii();
        let node = Arc::into_raw(Arc::new(TextNode { text, ascii }));
        Value {
            w0: u64::from(LONG),
            w1: node as u64,
        }
    }

    #[inline]
    fn from_list_node(node: Arc<ListNode>) -> Value {
        Value {
            w0: u64::from(LIST),
            w1: Arc::into_raw(node) as u64,
        }
    }

    fn from_map_node(node: Arc<Map>) -> Value {
        Value {
            w0: u64::from(MAP),
            w1: Arc::into_raw(node) as u64,
        }
    }

    #[inline]
    pub(super) fn tag(&self) -> u8 {
        self.w0 as u8
    }

    /// Runs `f` on the value's list node without touching its count.
    #[inline]
    fn list_node(&self) -> &ListNode {
        debug_assert_eq!(self.tag(), LIST);
        // SAFETY: obligation 1; the node lives while `self` owns its count.
        unsafe { &*(self.w1 as *const ListNode) }
    }

    #[inline]
    fn map_node(&self) -> &Map {
        debug_assert_eq!(self.tag(), MAP);
        // SAFETY: obligation 1; the node lives while `self` owns its count.
        unsafe { &*(self.w1 as *const Map) }
    }

    #[inline]
    fn text_node(&self) -> &TextNode {
        debug_assert_eq!(self.tag(), LONG);
        // SAFETY: obligation 1; the node lives while `self` owns its count.
        unsafe { &*(self.w1 as *const TextNode) }
    }

    #[inline]
    fn inline_text(&self) -> &str {
        debug_assert_eq!(self.tag(), SHORT);
        let len = (self.w0 >> 8) as u8 as usize;
        // SAFETY: the struct is 16 bytes, `len` is at most 14, and obligation 3 holds. The words were stored in
        // little-endian order, so byte 2 of the struct is the first byte of the text on every target.
        unsafe {
            let start = std::ptr::from_ref(self).cast::<u8>().add(2);
            std::str::from_utf8_unchecked(std::slice::from_raw_parts(start, len))
        }
    }

    /// The value taken apart.
    #[inline]
    pub fn view(&self) -> View<'_> {
        match self.tag() {
            INT => View::Int(self.w1 as i64),
            FLOAT => View::Float(f64::from_bits(self.w1)),
            OBJ => View::Obj(Obj(self.w1 as i64)),
            ANON => View::Anon(Obj(self.w1 as i64)),
            ERR => View::Err(ErrorCode::ALL[self.w1 as usize]),
            SHORT => View::Str(Text::new(self.inline_text())),
            LONG => {
                let node = self.text_node();
                View::Str(Text::examined(&node.text, node.ascii))
            }
            LIST => View::List(self.list_node()),
            MAP => View::Map(self.map_node()),
            _ => View::Unset,
        }
    }

    /// The kind that `typeof()` tells.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.tag() {
            INT => Kind::Int,
            FLOAT => Kind::Float,
            OBJ => Kind::Obj,
            ANON => Kind::Anon,
            ERR => Kind::Err,
            SHORT | LONG => Kind::Str,
            LIST => Kind::List,
            MAP => Kind::Map,
            _ => Kind::Unset,
        }
    }

    /// Whether this is the value of an unassigned variable.
    #[inline]
    pub fn is_unset(&self) -> bool {
        self.tag() == UNSET
    }

    /// The integer, if it is one.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        (self.tag() == INT).then_some(self.w1 as i64)
    }

    /// Both integers, if they are: the first test of every arithmetic instruction.
    #[inline]
    pub fn both_int(a: &Value, b: &Value) -> Option<(i64, i64)> {
        (a.tag() == INT && b.tag() == INT).then_some((a.w1 as i64, b.w1 as i64))
    }

    /// The float, if it is one.
    #[inline]
    pub fn as_float(&self) -> Option<f64> {
        (self.tag() == FLOAT).then(|| f64::from_bits(self.w1))
    }

    /// The object number, if it is one.
    #[inline]
    pub fn as_obj(&self) -> Option<Obj> {
        (self.tag() == OBJ).then_some(Obj(self.w1 as i64))
    }

    /// The object that the value refers to, numbered or anonymous.
    #[inline]
    pub fn referent(&self) -> Option<Obj> {
        matches!(self.tag(), OBJ | ANON).then_some(Obj(self.w1 as i64))
    }

    /// The error, if it is one.
    #[inline]
    pub fn as_err(&self) -> Option<ErrorCode> {
        match self.view() {
            View::Err(code) => Some(code),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        match self.tag() {
            SHORT => Some(self.inline_text()),
            LONG => Some(&self.text_node().text),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    #[inline]
    pub fn as_list(&self) -> Option<&[Value]> {
        (self.tag() == LIST).then(|| self.list_node().as_slice())
    }

    /// The elements for editing in place, if it is a list and nobody else holds it.
    #[inline]
    pub fn list_mut(&mut self) -> Option<&mut Vec<Value>> {
        if self.tag() != LIST {
            return None;
        }
        // SAFETY: obligation 1; the `Arc` is a second handle on our one count and is not dropped.
        let mut node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const ListNode) });
        let items = Arc::get_mut(&mut node)?;
        // SAFETY: `get_mut` proved that we hold the only count, and the node stays at its address while `self`
        // (borrowed mutably for the result's lifetime) owns it.
        Some(unsafe { &mut *std::ptr::from_mut(items) })
    }

    /// The map, if it is one.
    #[inline]
    pub fn as_map(&self) -> Option<&Map> {
        (self.tag() == MAP).then(|| self.map_node())
    }

    /// The map for editing in place, if it is one and nobody else holds it.
    pub fn map_mut(&mut self) -> Option<&mut Map> {
        if self.tag() != MAP {
            return None;
        }
        // SAFETY: obligation 1; the `Arc` is a second handle on our one count and is not dropped.
        let mut node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const Map) });
        let map = Arc::get_mut(&mut node)?;
        // SAFETY: as in `list_mut`.
        Some(unsafe { &mut *std::ptr::from_mut(map) })
    }

    /// Whether it is a list or a map.
    #[inline]
    pub fn is_container(&self) -> bool {
        self.tag() >= LIST
    }

    /// Whether its size varies: it is a string, a list or a map.
    #[inline]
    pub fn is_sized(&self) -> bool {
        self.tag() >= SHORT
    }

    /// Whether this is a long string that nobody else holds, so that [`Value::push_str`] edits it in place.
    #[inline]
    pub fn is_own_text(&self) -> bool {
        if self.tag() != LONG {
            return false;
        }
        // SAFETY: obligation 1; the `Arc` is a second handle on our one count and is not dropped.
        let node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const TextNode) });
        node.is_unique()
    }

    /// Appends to a string in place when it is long and nobody else holds it; else makes a new string.
    /// Gives `false`, and changes nothing, when either is not a string.
    #[inline]
    pub fn push_str(&mut self, tail: &Value) -> bool {
        if self.push_in_place(tail, usize::MAX) {
            return true;
        }
        let Some(added) = tail.as_str() else { return false };
        let Some(head) = self.as_str() else { return false };
        let mut text = String::with_capacity((head.len() + added.len()) * 2);
        text.extend([head, added]);
        *self = Value::string(text);
        true
    }

    /// Appends a string to one that is long, that nobody else holds, and that gets no longer than so many bytes; else gives
    /// `false` and changes nothing.
    #[inline]
    pub fn push_in_place(&mut self, tail: &Value, longest: usize) -> bool {
        let Some(added) = tail.as_str().filter(|_| self.tag() == LONG) else {
            return false;
        };
        // SAFETY: as in `list_mut`.
        let mut node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const TextNode) });
        match Arc::get_mut(&mut node) {
            Some(node) if node.text.len() + added.len() <= longest => {
                node.ascii = node.ascii && added.is_ascii();
                node.text.push_str(added);
                true
            }
            _ => false,
        }
    }

    /// Whether both are the very same words: equal, and cheaper to know than by comparing contents.
    #[inline]
    pub fn same_words(a: &Value, b: &Value) -> bool {
        a.w0 == b.w0 && a.w1 == b.w1
    }

    /// Whether both are short strings of ASCII that differ in more than case: what most comparisons find, told by the words
    /// alone.
    #[inline]
    pub(super) fn differ_beyond_case(a: &Value, b: &Value) -> bool {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        const CASE: u64 = 0x2020_2020_2020_2020;
        // The tag and the length are in the first two bytes of `w0`.
        const TEXT: u64 = !0xFFFF;
        let both_short = a.tag() == SHORT && b.tag() == SHORT;
        let (or0, or1) = (a.w0 | b.w0, a.w1 | b.w1);
        let ascii = (or0 & HIGH & TEXT) | (or1 & HIGH) == 0;
        let differ = ((a.w0 ^ b.w0) & !(CASE & TEXT)) | ((a.w1 ^ b.w1) & !CASE) != 0;
        both_short && ascii && differ
    }

    /// Takes the value, leaving an unset one.
    #[inline]
    pub fn take(&mut self) -> Value {
        std::mem::replace(self, Value::UNSET)
    }

    #[cold]
    fn drop_node(&mut self) {
        match self.tag() {
            LONG => {
                // SAFETY: obligation 2; this is the count that `self` owned.
                drop(unsafe { Arc::from_raw(self.w1 as *const TextNode) });
            }
            LIST => {
                // SAFETY: as above.
                let node = unsafe { Arc::from_raw(self.w1 as *const ListNode) };
                if let Ok(items) = Arc::try_unwrap(node)
                    && items.iter().any(Value::is_container)
                {
                    bury(Dead::List(items));
                }
            }
            _ => {
                // SAFETY: as above.
                let node = unsafe { Arc::from_raw(self.w1 as *const Map) };
                if let Ok(map) = Arc::try_unwrap(node)
                    && map.nests()
                {
                    bury(Dead::Map(map));
                }
            }
        }
    }
}

impl Clone for Value {
    #[inline]
    fn clone(&self) -> Value {
        if self.tag() >= FIRST_HEAP {
            if self.tag() == LONG {
                // SAFETY: obligation 1; the borrowed handle is not dropped, the clone's count goes to the result.
                let node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const TextNode) });
                std::mem::forget(Arc::clone(&node));
            } else if self.tag() == LIST {
                // SAFETY: as above.
                let node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const ListNode) });
                std::mem::forget(Arc::clone(&node));
            } else {
                // SAFETY: as above.
                let node = ManuallyDrop::new(unsafe { Arc::from_raw(self.w1 as *const Map) });
                std::mem::forget(Arc::clone(&node));
            }
        }
        Value {
            w0: self.w0,
            w1: self.w1,
        }
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        if self.tag() >= FIRST_HEAP {
            self.drop_node();
        }
    }
}

impl Default for Value {
    fn default() -> Value {
        Value::UNSET
    }
}
