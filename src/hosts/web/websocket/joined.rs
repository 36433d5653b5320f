//! Messages that come in pieces.
//!
//! Invariant: no more of a message is kept than it may be long.

use actix_http::ws::Item;

/// What a piece makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// There is more to come.
    More,
    /// A text.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// A text that is not UTF-8.
    NotText,
    /// It is longer than it may be.
    TooLarge,
}

/// A message of which not all has come.
#[derive(Debug, Default)]
pub struct Joining {
    bytes: Vec<u8>,
    is_text: bool,
}

impl Joining {
    /// Takes a piece of a message of at most this length.
    pub fn take(&mut self, item: Item, length_max: usize) -> Joined {
        let (bytes, is_last) = match item {
            Item::FirstBinary(bytes) => {
                (self.bytes, self.is_text) = (Vec::new(), false);
                (bytes, false)
            }
            Item::FirstText(bytes) => {
                (self.bytes, self.is_text) = (Vec::new(), true);
                (bytes, false)
            }
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        if self.bytes.len() + bytes.len() > length_max {
            self.bytes = Vec::new();
            return Joined::TooLarge;
        }
        self.bytes.extend_from_slice(&bytes);
        if !is_last {
            return Joined::More;
        }
        let bytes = std::mem::take(&mut self.bytes);
        match self.is_text {
            true => String::from_utf8(bytes).map_or(Joined::NotText, Joined::Text),
            false => Joined::Bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static [u8]) -> actix_web::web::Bytes {
        actix_web::web::Bytes::from_static(text)
    }

    #[test]
    fn pieces_are_joined_and_a_character_may_be_cut() {
        let mut joining = Joining::default();
        assert_eq!(joining.take(Item::FirstText(bytes(b"a\xc3")), 10), Joined::More);
        assert_eq!(joining.take(Item::Continue(bytes(b"\xa9")), 10), Joined::More);
        assert_eq!(
            joining.take(Item::Last(bytes(b"b")), 10),
            Joined::Text("a\u{e9}b".to_owned())
        );
        assert_eq!(joining.take(Item::FirstText(bytes(b"\xc3")), 10), Joined::More);
        assert_eq!(joining.take(Item::Last(bytes(b"b")), 10), Joined::NotText);
    }

    #[test]
    fn no_more_is_kept_than_a_message_may_have() {
        let mut joining = Joining::default();
        assert_eq!(joining.take(Item::FirstText(bytes(b"12345")), 8), Joined::More);
        assert_eq!(joining.take(Item::Continue(bytes(b"6789")), 8), Joined::TooLarge);
        assert_eq!(joining.take(Item::FirstBinary(bytes(b"\xff")), 8), Joined::More);
        assert_eq!(
            joining.take(Item::Last(bytes(b"\xfe")), 8),
            Joined::Bytes(vec![0xff, 0xfe])
        );
    }
}
