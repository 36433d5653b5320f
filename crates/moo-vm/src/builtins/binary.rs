//! Binary strings from programs: their form is [`moo_model::binary`].

use moo_model::binary::{char_bytes, push_byte, to_bytes};
use moo_model::{ErrorCode, Raised, Value, View};

use super::{Args, MANY, row};
use crate::builtin::ArgType::{Any, Str};
use crate::builtin::{Builtin, Context};

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
