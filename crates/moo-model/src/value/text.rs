//! A borrowed string and what is known of it.

use std::ops::Deref;

/// A borrowed MOO string, with what is known of its characters.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    text: &'a str,
    ascii: bool,
}

impl<'a> Text<'a> {
    /// A text with its characters examined.
    pub fn new(text: &'a str) -> Text<'a> {
        Text {
            text,
            ascii: text.is_ascii(),
        }
    }

    /// A text of which it is known whether all its bytes are below 0x80.
    pub(super) fn examined(text: &'a str, ascii: bool) -> Text<'a> {
        Text { text, ascii }
    }

    /// The text, for as long as its value lives.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether bytes and characters are the same thing here.
    pub fn is_ascii_only(self) -> bool {
        self.ascii
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}
