//! Strings by character: lengths, positions, slices and comparisons as MOO counts them.
//!
//! Positions are 1-based and count characters. For ASCII text a character is found by its index.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use crate::value::Text;

/// A character without regard to case: its lower case, where that is one character of as many UTF-8 bytes. The few
/// others stand for themselves, so that folding a text moves nothing in it.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) if folded.len_utf8() == c.len_utf8() => folded,
        _ => c,
    }
}

/// A text without regard to case, as [`fold_char`] has it: byte offsets in it are those of the text itself.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

/// Whether two texts differ at most in case, the `==` of the language.
pub fn equal_folded(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return false;
    }
    a.eq_ignore_ascii_case(b) || !a.is_ascii() && !b.is_ascii() && compare_folded(a, b).is_eq()
}

/// Order of two texts without regard to case, the `<` of the language.
pub fn compare_folded(a: &str, b: &str) -> Ordering {
    let bytes = a.bytes().zip(b.bytes());
    for (at, (x, y)) in bytes.enumerate() {
        if !x.is_ascii() || !y.is_ascii() {
            // All before is ASCII, so both texts have a character's start here.
            return a[at..].chars().map(fold_char).cmp(b[at..].chars().map(fold_char));
        }
        let order = x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_beyond_ascii_and_moves_nothing() {
        assert!(
            equal_folded("ÀÉÎ Straße", "àéî STRAßE") && !equal_folded("à", "a") && !equal_folded("é", "è")
        );
        assert_eq!(fold("ÉTÉ"), "été");
        // Their lower cases have other lengths.
        for odd in ["\u{130}", "\u{212A}", "\u{23A}"] {
            assert_eq!(fold(odd), odd);
        }
        assert_eq!(compare_folded("Élan", "éland"), Ordering::Less);
        assert_eq!(compare_folded("Zoé", "zoÉ"), Ordering::Equal);
    }

    #[test]
    fn every_character_folds_to_one_of_its_own_size_and_no_further() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let folded = fold_char(c);
            assert_eq!(
                (folded.len_utf8(), fold_char(folded)),
                (c.len_utf8(), folded),
                "{c:?}"
            );
        }
    }
}
