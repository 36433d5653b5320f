//! Strings by character: lengths, positions, slices and comparisons as MOO counts them.
//!
//! Positions are 1-based and count characters. For ASCII text a character is found by its index.

use std::cmp::Ordering;
use std::ops::Range;

use crate::value::Text;

/// Order of two strings by ASCII-case-folded bytes, the `<` of the language.
pub fn compare_folded(a: &str, b: &str) -> Ordering {
    let mut left = a.bytes().map(|b| b.to_ascii_lowercase());
    let mut right = b.bytes().map(|b| b.to_ascii_lowercase());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x != y => return x.cmp(&y),
            _ => {}
        }
    }
}

/// The number of characters.
pub fn len(text: Text<'_>) -> usize {
    if text.is_ascii_only() {
        text.as_str().len()
    } else {
        text.chars().count()
    }
}

/// The byte range of characters `from..=to`, 1-based. The caller has checked the bounds against [`len`].
pub fn byte_range(text: Text<'_>, from: usize, to: usize) -> Range<usize> {
    if from > to {
        return 0..0;
    }
    if text.is_ascii_only() {
        return from - 1..to;
    }
    let start = byte_of(&text, from - 1);
    start..start + byte_of(&text[start..], to + 1 - from)
}

/// The character at a 1-based position, as a slice.
pub fn char_at(text: Text<'_>, position: usize) -> Option<&str> {
    if position == 0 {
        return None;
    }
    if text.is_ascii_only() {
        return text.as_str().get(position - 1..position);
    }
    let (start, c) = text.as_str().char_indices().nth(position - 1)?;
    text.as_str().get(start..start + c.len_utf8())
}

/// The byte offset of the character with this 0-based index; the text's length when it is past the end.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// The 1-based character position of a byte offset.
pub fn position_of(text: Text<'_>, byte: usize) -> usize {
    if text.is_ascii_only() {
        byte + 1
    } else {
        text[..byte].chars().count() + 1
    }
}
