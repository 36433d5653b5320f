//! Binary strings: bytes written as text, with `~XX` for every byte that is not a printable character.
//!
//! Invariant: what is written reads back as the same bytes, in Latin-1 worlds and others.

/// Appends one byte to a binary string.
pub fn push_byte(out: &mut String, byte: u8) {
    match byte {
        b'~' => out.push_str("~7E"),
        b' '..=b'}' => out.push(char::from(byte)),
        _ => {
            let digit = |n: u8| char::from(b"0123456789ABCDEF"[usize::from(n)]);
            out.extend(['~', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// The binary string for bytes.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    bytes.iter().for_each(|&byte| push_byte(&mut out, byte));
    out
}

/// The bytes of a character: one in a Latin-1 world where it has such a code, else its UTF-8 form.
pub fn char_bytes(c: char, latin1: bool, out: &mut Vec<u8>) {
    match u8::try_from(c) {
        Ok(byte) if latin1 || c.is_ascii() => out.push(byte),
        _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// The bytes that a binary string stands for; `None` if an escape is malformed.
pub fn to_bytes(text: &str, latin1: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '~' {
            let high = chars.next()?.to_digit(16)?;
            let low = chars.next()?.to_digit(16)?;
            out.push((high * 16 + low) as u8);
        } else {
            char_bytes(c, latin1, &mut out);
        }
    }
    Some(out)
}
