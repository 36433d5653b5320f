//! Values to bytes and back: the form in which they are stored and sent.
//!
//! One version byte, then the value in preorder: a tag, then a variable-length number, eight bytes of a float, or a
//! length and its bytes, elements, or keys and values in turn. Invariants: no recursion, so no nesting can overflow a stack; decoding any bytes
//! gives a value or an error, in memory proportional to their number; every value has exactly one encoding.

use crate::value::{Parts, View};
use crate::{ErrorCode, Map, Obj, Value};

/// The version written, and the only one read.
pub const VERSION: u8 = 1;
/// How deep lists and maps may nest in bytes that are read: `{}` is 1 deep. See [`is_within_depth`].
pub const DEPTH_MAX: usize = 1_000;

/// Elements that room is made for before they are seen to be there.
const ROOM_AT_FIRST: usize = 1_024;

const INT: u8 = 0;
const OBJ: u8 = 1;
const STR: u8 = 2;
const ERR: u8 = 3;
const LIST: u8 = 4;
const UNSET: u8 = 6;
const FLOAT: u8 = 9;
const MAP: u8 = 10;

/// The fewest bytes that an element takes: a tag and one byte more.
const ELEMENT_MIN: usize = 2;

/// Why bytes are not a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// They end inside the value.
    #[error("the value ends too early")]
    Truncated,
    /// They go on after the value.
    #[error("bytes follow the value")]
    Trailing,
    /// The version is not ours.
    #[error("values of version {0} cannot be read")]
    Version(u8),
    /// A tag that no kind has, or the unset value inside a list or map.
    #[error("there is no kind of value with tag {0}")]
    Tag(u8),
    /// A number that is too large, or not written in its shortest form.
    #[error("a number in the value is malformed")]
    Number,
    /// An infinite float, or not a number.
    #[error("a float in the value is not finite")]
    NotFinite,
    /// No error has this number.
    #[error("there is no error with number {0}")]
    ErrorCode(u64),
    /// A string is not UTF-8.
    #[error("a string in the value is not UTF-8")]
    Text,
    /// A map's keys do not ascend, or one is a list or a map.
    #[error("the keys of a map are not in their order")]
    Keys,
    /// Lists and maps nest deeper than [`DEPTH_MAX`].
    #[error("lists and maps nest deeper than {DEPTH_MAX}")]
    Depth,
}

/// Appends the value's bytes.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    out.push(VERSION);
    let Some(top) = put(value, out) else { return };
    let mut open = vec![top];
    while let Some(elements) = open.last_mut() {
        match elements.next() {
            Some(element) => open.extend(put(element, out)),
            None => drop(open.pop()),
        }
    }
}

/// Whether [`decode`] will take back what [`encode`] makes of this value. Whoever stores values that programs built
/// asks first.
pub fn is_within_depth(value: &Value) -> bool {
    let Some(top) = value.parts() else { return true };
    let mut open = vec![top];
    while let Some(elements) = open.last_mut() {
        match elements.find_map(Value::parts) {
            Some(_) if open.len() == DEPTH_MAX => return false,
            Some(inner) => open.push(inner),
            None => drop(open.pop()),
        }
    }
    true
}

/// The most bytes that a value kept in the world may take. Sharing lets a small value stand for far more than fits
/// anywhere: `x = {x, x}` doubles it.
pub const STORED_BYTES_MAX: usize = 64 << 20;

/// How deep the lists and maps of a value kept in the world may nest: some levels less than can be read, for the records around it.
pub const STORED_DEPTH_MAX: usize = DEPTH_MAX - 16;

/// About how many bytes [`encode`] would make of this value; `None` if it is too large, or nested too deep, to be kept, or
/// has an unset value in it, which could not be read back.
/// Looks at no more of it than may be kept.
pub fn stored_size(value: &Value) -> Option<usize> {
    let mut size = leaf_size(value);
    let mut open: Vec<_> = value.parts().into_iter().collect();
    while let Some(elements) = open.last_mut() {
        let Some(element) = elements.next() else {
            open.pop();
            continue;
        };
        size += leaf_size(element);
        if size > STORED_BYTES_MAX || element.is_unset() {
            return None;
        }
        if let Some(inner) = element.parts() {
            if open.len() == STORED_DEPTH_MAX {
                return None;
            }
            open.push(inner);
        }
    }
    (size <= STORED_BYTES_MAX).then_some(size)
}

fn leaf_size(value: &Value) -> usize {
    10 + value.as_str().map_or(0, str::len)
}

/// Reads a value. All bytes must belong to it.
pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut input = Input { rest: bytes };
    match input.byte()? {
        VERSION => {}
        other => return Err(DecodeError::Version(other)),
    }
    let value = match input.node()? {
        Node::Leaf(value) => value,
        Node::Open(open) => input.fill(open)?,
    };
    if input.rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing)
    }
}

/// Writes a value's tag and, if it is a scalar, its content; else its length, and gives back the parts still to be
/// written.
fn put<'a>(value: &'a Value, out: &mut Vec<u8>) -> Option<Parts<'a>> {
    match value.view() {
        View::Unset => out.push(UNSET),
        View::Int(i) => put_signed(INT, i, out),
        View::Obj(o) | View::Anon(o) => put_signed(OBJ, o.0, out),
        View::Float(f) => {
            out.push(FLOAT);
            out.extend_from_slice(&f.to_bits().to_le_bytes());
        }
        View::Err(e) => {
            out.push(ERR);
            put_number(e as u64, out);
        }
        View::Str(s) => {
            out.push(STR);
            put_number(s.len() as u64, out);
            out.extend_from_slice(s.as_bytes());
        }
        View::List(elements) => {
            out.push(LIST);
            put_number(elements.len() as u64, out);
        }
        View::Map(map) => {
            out.push(MAP);
            put_number(map.len() as u64, out);
        }
    }
    value.parts()
}

/// Small numbers of either sign take few bytes: the sign is moved to the lowest bit.
fn put_signed(tag: u8, number: i64, out: &mut Vec<u8>) {
    out.push(tag);
    put_number(((number << 1) ^ (number >> 63)) as u64, out);
}

/// Seven bits a byte, low ones first; the high bit says that more follow.
fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

enum Node {
    Leaf(Value),
    /// A list or map whose parts follow.
    Open(Open),
}

/// A list or map of which some parts were read.
struct Open {
    parts: Vec<Value>,
    /// How many there are to be.
    len: usize,
    is_map: bool,
}

impl Open {
    fn close(self) -> Result<Value, DecodeError> {
        if self.is_map {
            Map::of_ordered(self.parts)
                .map(Value::map)
                .ok_or(DecodeError::Keys)
        } else {
            Ok(Value::list(self.parts))
        }
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl Input<'_> {
    fn node(&mut self) -> Result<Node, DecodeError> {
        let value = match self.byte()? {
            INT => Value::int(self.signed()?),
            OBJ => Value::obj(Obj(self.signed()?)),
            FLOAT => self.float()?,
            ERR => self.error()?,
            STR => self.text()?,
            LIST => return self.open(1, false),
            MAP => return self.open(2, true),
            UNSET => Value::UNSET,
            tag => return Err(DecodeError::Tag(tag)),
        };
        Ok(Node::Leaf(value))
    }

    /// Reads the length of a list, or of a map with `parts` to each of its entries.
    fn open(&mut self, parts: usize, is_map: bool) -> Result<Node, DecodeError> {
        let len = usize::try_from(self.number()?).map_err(|_| DecodeError::Truncated)?;
        if len > self.rest.len() / (ELEMENT_MIN * parts) {
            return Err(DecodeError::Truncated);
        }
        let len = len * parts;
        Ok(Node::Open(Open {
            parts: Vec::with_capacity(len.min(ROOM_AT_FIRST)),
            len,
            is_map,
        }))
    }

    /// Reads a list's or map's parts and all that nests in them.
    fn fill(&mut self, outermost: Open) -> Result<Value, DecodeError> {
        // What is around `inner` and not yet full, outermost first.
        let mut open: Vec<Open> = Vec::new();
        let mut inner = outermost;
        loop {
            while inner.parts.len() == inner.len {
                let full = inner.close()?;
                let Some(outer) = open.pop() else { return Ok(full) };
                inner = outer;
                inner.parts.push(full);
            }
            match self.node()? {
                Node::Leaf(leaf) if leaf.is_unset() => return Err(DecodeError::Tag(UNSET)),
                Node::Leaf(leaf) => inner.parts.push(leaf),
                Node::Open(_) if open.len() + 1 == DEPTH_MAX => return Err(DecodeError::Depth),
                Node::Open(deeper) => open.push(std::mem::replace(&mut inner, deeper)),
            }
        }
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            let overflows = shift == 63 && bits > 1;
            let padded = byte == 0 && shift > 0;
            if overflows || padded {
                return Err(DecodeError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Number)
    }

    fn signed(&mut self) -> Result<i64, DecodeError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn float(&mut self) -> Result<Value, DecodeError> {
        let (bits, rest) = self.rest.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        let number = f64::from_bits(u64::from_le_bytes(*bits));
        if number.is_finite() {
            Ok(Value::float(number))
        } else {
            Err(DecodeError::NotFinite)
        }
    }

    fn error(&mut self) -> Result<Value, DecodeError> {
        let number = self.number()?;
        let code = i64::try_from(number).ok().and_then(ErrorCode::from_number);
        code.map(Value::err).ok_or(DecodeError::ErrorCode(number))
    }

    fn text(&mut self) -> Result<Value, DecodeError> {
        let len = usize::try_from(self.number()?).map_err(|_| DecodeError::Truncated)?;
        let (text, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        std::str::from_utf8(text)
            .map(Value::str)
            .map_err(|_| DecodeError::Text)
    }
}

#[cfg(test)]
mod tests;
