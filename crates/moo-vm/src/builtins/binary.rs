//! Binary strings: bytes written as text, with `~XX` for every byte that is not a printable character.

use moo_model::{ErrorCode, Raised, Value, View};

use super::{Args, MANY, row};
use crate::builtin::ArgType::{Any, Str};
use crate::builtin::{Builtin, Context};

/// Appends one byte to a binary string.
fn push_byte(out: &mut String, byte: u8) {
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
fn char_bytes(c: char, latin1: bool, out: &mut Vec<u8>) {
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

fn encode_binary(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let latin1 = ctx.tx.settings().latin1;
    let mut out = String::new();
    let mut bytes = Vec::new();
    // Shared lists unfold without bound, so it is the visits that are counted.
    let mut visited = 0;
    let mut pending: Vec<&Value> = args.iter().rev().collect();
    while let Some(value) = pending.pop() {
        bytes.clear();
        match value.view() {
            View::Int(i) => bytes.push(u8::try_from(i).map_err(|_| ErrorCode::InvArg)?),
            View::Str(s) => s.chars().for_each(|c| char_bytes(c, latin1, &mut bytes)),
            View::List(items) => {
                visited += items.len();
                pending.extend(items.iter().rev());
            }
            _ => return Err(ErrorCode::InvArg.into()),
        }
        let grown = out.len() + bytes.len();
        if grown > ctx.options.max_string_concat || visited > ctx.options.max_list_concat {
            return Err(ctx.task.too_large(ctx.options));
        }
        bytes.iter().for_each(|&byte| push_byte(&mut out, byte));
    }
    ctx.task.charge_size(visited);
    ctx.check_string(out.len())?;
    Ok(Value::string(out))
}

fn decode_binary(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let latin1 = ctx.tx.settings().latin1;
    let bytes = to_bytes(args.str(0)?, latin1).ok_or(ErrorCode::InvArg)?;
    ctx.check_list(bytes.len())?;
    if args.flag(1) {
        return Ok(Value::list(
            bytes.into_iter().map(|b| Value::int(i64::from(b))).collect(),
        ));
    }
    let mut out = Vec::new();
    let mut run = String::new();
    for byte in bytes {
        if matches!(byte, b' '..=b'~' | b'\t') {
            run.push(char::from(byte));
        } else {
            if !run.is_empty() {
                out.push(Value::string(std::mem::take(&mut run)));
            }
            out.push(Value::int(i64::from(byte)));
        }
    }
    if !run.is_empty() {
        out.push(Value::string(run));
    }
    Ok(Value::list(out))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("encode_binary", (0, MANY), &[], encode_binary, "The binary string for texts, bytes (integers from 0 to 255) and lists of such."),
    row("decode_binary", (1, 2), &[Str, Any], decode_binary, "The texts and bytes of a binary string; only bytes if the second argument is true."),
];
