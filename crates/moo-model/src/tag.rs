//! What stands for a value, so that whoever has read it can say later which one that was.
//!
//! Invariant: two values have the same tag only if they are the same, down to the case of their letters.

use crate::{Value, bytes};
use std::fmt::Write;

/// Bytes of the digest that are shown; nobody finds two values that agree in so many.
const SHOWN: usize = 16;

/// What stands for a value: 32 hexadecimal digits.
pub fn tag(value: &Value) -> String {
    let mut flat = Vec::new();
    bytes::encode(value, &mut flat);
    let mut tag = String::with_capacity(2 * SHOWN);
    for byte in &blake3::hash(&flat).as_bytes()[..SHOWN] {
        // Writing to a string does not fail.
        write!(tag, "{byte:02x}").ok();
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_a_program_takes_for_equal_have_tags_of_their_own() {
        let tags = ["look", "Look", "look "].map(|text| tag(&Value::str(text)));
        assert_eq!(tags[0], tag(&Value::str("look")));
        assert!(tags[0].len() == 32 && tags[0] != tags[1] && tags[0] != tags[2]);
        assert_ne!(tag(&Value::strings(["a", "b"])), tag(&Value::strings(["a\nb"])));
    }
}
