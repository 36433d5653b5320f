//! Digests of texts, bytes and values.

use md5::Digest;
use moo_model::world::Dialect;
use moo_model::{ErrorCode, Raised, Value, binary};

use super::{Args, row, values};
use crate::builtin::ArgType::{Any, Str};
use crate::builtin::{Builtin, Context};

/// Bytes to their digest.
type Algorithm = fn(&[u8]) -> Vec<u8>;

/// The algorithm of a name that programs give it.
fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name.to_ascii_lowercase().as_str() {
        "md5" => |bytes| md5::Md5::digest(bytes).to_vec(),
        "sha1" => |bytes| sha1::Sha1::digest(bytes).to_vec(),
        "sha224" => |bytes| sha2::Sha224::digest(bytes).to_vec(),
        "sha256" => |bytes| sha2::Sha256::digest(bytes).to_vec(),
        "sha384" => |bytes| sha2::Sha384::digest(bytes).to_vec(),
        "sha512" => |bytes| sha2::Sha512::digest(bytes).to_vec(),
        _ => return None,
    })
}

/// The digest of bytes as the optional arguments `algorithm` and `binary` ask for it.
fn digest(ctx: &mut Context<'_>, bytes: &[u8], args: &[Value]) -> Result<Value, Raised> {
    ctx.task.charge_size(bytes.len());
    let name = match args.get(1) {
        Some(name) => name.as_str().ok_or(ErrorCode::Type)?,
        None if ctx.tx.settings().dialect == Dialect::Lambda => "md5",
        None => "sha256",
    };
    let digest = algorithm(name).ok_or(ErrorCode::InvArg)?(bytes);
    if args.flag(2) {
        return Ok(Value::string(binary::from_bytes(&digest)));
    }
    Ok(Value::string(
        digest.iter().map(|byte| format!("{byte:02X}")).collect(),
    ))
}

fn string_hash(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let bytes = text_bytes(ctx, args.str(0)?);
    digest(ctx, &bytes, args)
}

fn binary_hash(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let latin1 = ctx.tx.settings().latin1;
    let bytes = binary::to_bytes(args.str(0)?, latin1).ok_or(ErrorCode::InvArg)?;
    digest(ctx, &bytes, args)
}

fn value_hash(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let text = values::literal_text(ctx, &args[0])?;
    let bytes = text_bytes(ctx, &text);
    digest(ctx, &bytes, args)
}

/// The bytes that a text has in this world's dumps, so that hashes made elsewhere still agree.
pub(super) fn text_bytes(ctx: &mut Context<'_>, text: &str) -> Vec<u8> {
    if !ctx.tx.settings().latin1 || text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("string_hash", (1, 3), &[Str, Str, Any], string_hash, "The digest of a text in hexadecimal, or as a binary string if the third argument is true."),
    row("binary_hash", (1, 3), &[Str, Str, Any], binary_hash, "The digest of the bytes of a binary string."),
    row("value_hash", (1, 3), &[Any, Str, Any], value_hash, "The digest of a value's literal form."),
];
