//! How worlds keep passwords: `crypt()` for old ones, Argon2id for the rest.
//!
//! Invariant: one call's memory and time are bounded by the constants below, whatever its arguments say, and cost ticks.

use argon2::{Algorithm, Argon2, Params, Version};
use moo_model::{ErrorCode, Raised, Value, binary};

use super::{Args, des, hashing, row};
use crate::builtin::ArgType::{Int, Str};
use crate::builtin::{Builtin, Context};

/// The most memory that one `argon2()` may use, in KiB.
const MEMORY_KIB_MAX: i64 = 65_536;
/// The most passes over all memory that one `argon2()` may make, in KiB: what bounds its time.
const WORK_KIB_MAX: i64 = 131_072;
/// The most lanes that one `argon2()` may have.
const LANES_MAX: i64 = 16;
/// The work, in KiB, that costs a tick: about 8 microseconds.
const WORK_KIB_PER_TICK: i64 = 8;
/// The length of a hash, in bytes.
const HASH_LEN: usize = 32;
/// The most bytes that `random_bytes()` gives.
const RANDOM_BYTES_MAX: i64 = 10_000;
/// The characters of base 64 in the order of PHC strings.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn crypt(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let password = hashing::text_bytes(ctx, args.str(0)?);
    let given = if args.len() > 1 { args.str(1)? } else { "" };
    let salt = match given.as_bytes() {
        [first, second, ..] => [*first, *second],
        _ => {
            let random = ctx.host.random();
            let pick = |shift: u32| des::ALPHABET[(random >> shift & 63) as usize];
            [pick(0), pick(6)]
        }
    };
    let hash = des::crypt(&password, salt).ok_or(ErrorCode::InvArg)?;
    Ok(Value::string(hash))
}

/// The parameters of an Argon2id hash; `E_INVARG` outside the bounds.
#[derive(Clone, Copy)]
struct Costs {
    passes: i64,
    memory_kib: i64,
    lanes: i64,
}

impl Costs {
    fn params(self) -> Result<Params, ErrorCode> {
        let within = (1..=MEMORY_KIB_MAX).contains(&self.memory_kib)
            && (1..=WORK_KIB_MAX / self.memory_kib).contains(&self.passes)
            && (1..=LANES_MAX).contains(&self.lanes);
        if !within {
            return Err(ErrorCode::InvArg);
        }
        Params::new(
            self.memory_kib as u32,
            self.passes as u32,
            self.lanes as u32,
            Some(HASH_LEN),
        )
        .map_err(|_| ErrorCode::InvArg)
    }
}

/// Hashes a password, charging ticks for the work.
fn argon2id(
    ctx: &mut Context<'_>,
    costs: Costs,
    password: &[u8],
    salt: &[u8],
) -> Result<[u8; HASH_LEN], Raised> {
    let params = costs.params()?;
    ctx.task.ticks_left -= costs.memory_kib * costs.passes / WORK_KIB_PER_TICK;
    let mut hash = [0; HASH_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut hash)
        .map_err(|_| ErrorCode::InvArg)?;
    Ok(hash)
}

fn argon2(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let or = |at: usize, default: i64| {
        if args.len() > at {
            args.int(at)
        } else {
            Ok(default)
        }
    };
    let costs = Costs {
        passes: or(2, 3)?,
        memory_kib: or(3, 4096)?,
        lanes: or(4, 1)?,
    };
    let password = hashing::text_bytes(ctx, args.str(0)?);
    let latin1 = ctx.tx.settings().latin1;
    // A salt is often made of random bytes, which only a binary string can hold.
    let salt = binary::to_bytes(args.str(1)?, latin1).ok_or(ErrorCode::InvArg)?;
    let hash = argon2id(ctx, costs, &password, &salt)?;
    Ok(Value::string(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        costs.memory_kib,
        costs.passes,
        costs.lanes,
        base64(&salt),
        base64(&hash)
    )))
}

fn argon2_verify(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let (costs, salt, expected) = parse_hash(args.str(0)?).ok_or(ErrorCode::InvArg)?;
    let password = hashing::text_bytes(ctx, args.str(1)?);
    let hash = argon2id(ctx, costs, &password, &salt)?;
    // Every byte is looked at, so that time tells nothing of the first that differs.
    let difference = hash.iter().zip(&expected).fold(0, |sum, (a, b)| sum | (a ^ b));
    Ok(Value::truth(difference == 0 && expected.len() == HASH_LEN))
}

/// The parts of a hash that `argon2()` made.
fn parse_hash(text: &str) -> Option<(Costs, Vec<u8>, Vec<u8>)> {
    let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = costs
        .split(',')
        .zip(["m=", "t=", "p="])
        .map(|(part, name)| part.strip_prefix(name)?.parse::<i64>().ok());
    let costs = Costs {
        memory_kib: numbers.next()??,
        passes: numbers.next()??,
        lanes: numbers.next()??,
    };
    parts.next().is_none().then_some(())?;
    Some((costs, from_base64(salt)?, from_base64(hash)?))
}

/// Base 64 without padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| {
            word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        let digits = (0..=chunk.len()).map(|i| BASE64[(word >> (18 - 6 * i) & 63) as usize]);
        out.extend(digits.map(char::from));
    }
    out
}

/// The bytes of base 64 without padding; `None` for anything else.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0u32;
        for i in 0..4 {
            let value = chunk.get(i).map(|c| BASE64.iter().position(|b| b == c));
            word = word << 6 | value.unwrap_or(Some(0))? as u32;
        }
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len().max(1)]);
    }
    Some(out)
}

fn random_bytes(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let count = args.int(0)?;
    if !(0..=RANDOM_BYTES_MAX).contains(&count) {
        return Err(ErrorCode::InvArg.into());
    }
    let bytes = take_random(ctx, count as usize);
    Ok(Value::string(binary::from_bytes(&bytes)))
}

fn take_random(ctx: &mut Context<'_>, count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(8)).map(|_| ctx.host.random().to_le_bytes());
    let mut bytes: Vec<u8> = words.flatten().collect();
    bytes.truncate(count);
    bytes
}

/// The salts that `salt()` makes: the prefix, and the least and greatest number of random bytes that are used.
const SALTS: [(&str, usize, usize); 4] = [("", 2, 2), ("$1$", 3, 6), ("$5$", 3, 12), ("$6$", 3, 12)];

fn salt(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    if args.is_empty() {
        let bytes = take_random(ctx, 16);
        return Ok(Value::string(base64(&bytes)));
    }
    if args.len() < 2 {
        return Err(ErrorCode::Args.into());
    }
    let prefix = args.str(0)?;
    let latin1 = ctx.tx.settings().latin1;
    let random = binary::to_bytes(args.str(1)?, latin1).ok_or(ErrorCode::InvArg)?;
    let &(prefix, least, most) = SALTS
        .iter()
        .find(|salt| salt.0 == prefix)
        .ok_or(ErrorCode::InvArg)?;
    if random.len() < least {
        return Err(ErrorCode::InvArg.into());
    }
    let mut out = prefix.to_string();
    let digit = |value: u32| char::from(des::ALPHABET[(value & 63) as usize]);
    if prefix.is_empty() {
        out.extend(random.iter().take(2).map(|&byte| digit(u32::from(byte))));
    } else {
        for chunk in random[..random.len().min(most)].chunks_exact(3) {
            let word = u32::from(chunk[0]) | u32::from(chunk[1]) << 8 | u32::from(chunk[2]) << 16;
            out.extend((0..4).map(|i| digit(word >> (6 * i))));
        }
    }
    Ok(Value::string(out))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("crypt", (1, 2), &[Str, Str], crypt, "The traditional Unix hash of a password, with a random salt unless two characters are given."),
    row("argon2", (2, 5), &[Str, Str, Int, Int, Int], argon2, "The Argon2id hash of a password and a salt, with optional passes, KiB of memory and lanes; for wizards."),
    row("argon2_verify", (2, 2), &[Str, Str], argon2_verify, "Whether a hash that `argon2()` made is that of a password; for wizards."),
    row("salt", (0, 2), &[Str, Str], salt, "A salt: random without arguments, else of a kind (`\"\"`, `$1$`, `$5$`, `$6$`) from a binary string."),
    row("random_bytes", (1, 1), &[Int], random_bytes, "So many random bytes, at most 10000, as a binary string."),
];

#[cfg(test)]
mod tests {
    use super::{base64, from_base64};

    #[test]
    fn base_64_is_read_back() {
        for length in 0..20 {
            let bytes: Vec<u8> = (0..length).map(|i: u8| i.wrapping_mul(37)).collect();
            assert_eq!(from_base64(&base64(&bytes)), Some(bytes));
        }
        assert_eq!(base64(b"foob"), "Zm9vYg");
        assert_eq!(from_base64("Zm9="), None);
    }
}
