//! Maps. `mapdelete()` edits its argument where it is if nobody else holds it; all else leaves it as it was.

use moo_model::value::Kind;
use moo_model::value::map::is_key;
use moo_model::{ErrorCode, Raised, Value};

use super::{Args, MANY, edit_row, row};
use crate::builtin::ArgType::{Any, Int, Map};
use crate::builtin::{Builtin, Context};

fn mapkeys(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let map = args.map(0)?;
    ctx.check_list(map.len())?;
    Ok(Value::list(map.iter().map(|(key, _)| key.clone()).collect()))
}

fn mapvalues(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let map = args.map(0)?;
    if let [_, keys @ ..] = args
        && !keys.is_empty()
    {
        keys.iter().for_each(|key| ctx.task.charge_key(key));
        let value = |key| map.get(key).cloned().ok_or(ErrorCode::Range.into());
        return keys.iter().map(value).collect::<Result<_, _>>().map(Value::list);
    }
    ctx.check_list(map.len())?;
    Ok(Value::list(map.iter().map(|(_, value)| value.clone()).collect()))
}

fn mapdelete(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let (map, key) = (args.map(0)?, args[1].clone());
    let entries = map.len();
    if let Some(keys) = key.as_list() {
        ctx.task.charge_size(entries + keys.len());
        keys.iter().for_each(|key| ctx.task.charge_key(key));
        return without_all(ctx, map, keys);
    }
    if !may_be_named(&key) {
        return Err(ErrorCode::Type.into());
    }
    ctx.task.charge_key(&key);
    if map.get(&key).is_none() {
        return Err(ErrorCode::Range.into());
    }
    if args[0].map_mut().is_none() {
        ctx.task.charge_size(entries);
    }
    if let Some(own) = args[0].map_make_mut() {
        own.remove(&key);
    }
    Ok(args[0].take())
}

/// The map without all of these keys, each of which must be there in its turn.
fn without_all(ctx: &mut Context<'_>, map: &moo_model::Map, keys: &[Value]) -> Result<Value, Raised> {
    let mut left = map.clone();
    for key in keys {
        if !left.remove(key) {
            return Err(missing(ctx, key)?);
        }
    }
    Ok(Value::map(left))
}

/// Whether these functions look for the key: as on ToastStunt, not for anonymous objects, though they may be keys.
fn may_be_named(key: &Value) -> bool {
    is_key(key) && key.kind() != Kind::Anon
}

/// The error that tells which of several keys a map does not have.
fn missing(ctx: &mut Context<'_>, key: &Value) -> Result<Raised, Raised> {
    let shown = match key.as_str() {
        Some(text) => text.to_string(),
        None => super::values::literal_text(ctx, key)?,
    };
    Ok(Raised {
        code: Value::err(ErrorCode::Range),
        message: Some(Value::string(format!("Key {shown} not found in map"))),
        value: key.clone(),
    })
}

fn maphaskey(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (map, key) = (args.map(0)?, &args[1]);
    if !may_be_named(key) {
        return Err(ErrorCode::Type.into());
    }
    ctx.task.charge_key(key);
    let found = map.entry(key);
    let has = found.is_some_and(|(known, _)| !args.flag(2) || known.identical(key));
    Ok(Value::truth(has))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("mapkeys", (1, 1), &[Map], mapkeys, "The keys of a map, in their order."),
    row("mapvalues", (1, MANY), &[Map], mapvalues, "The values of a map in the order of the keys, or those of the keys given; `E_RANGE` for one that is not there."),
    edit_row("mapdelete", (2, 2), &[Map, Any], mapdelete, "The map without a key, or without each key of a list; `E_RANGE` for one that is not there."),
    row("maphaskey", (2, 3), &[Map, Any, Int], maphaskey, "Whether a map has a key; with a true third argument, one of the same case."),
];
