//! Types and conversions of values.

use std::collections::HashMap;

use moo_model::{ErrorCode, Obj, Raised, Value, View, literal, number};

use super::{Args, MANY, edit_row, quick_row, row};
use crate::builtin::ArgType::{Any, Number, Obj as AnObj};
use crate::builtin::{Builtin, Context};

fn type_at_once(value: &Value) -> Option<i64> {
    Some(value.kind() as i64)
}

fn type_of(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(args[0].kind() as i64))
}

fn tostr(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    if let [only] = args
        && only.as_str().is_some()
    {
        return Ok(only.take());
    }
    if args.first().is_some_and(Value::is_own_text) {
        let tail = Value::string(text_of(ctx, &args[1..])?);
        let size = [&args[0], &tail].map(|part| part.as_str().map_or(0, str::len));
        ctx.task.charge_size(size[1]);
        if size[0] + size[1] > ctx.options.max_string_concat {
            return Err(ctx.task.too_large(ctx.options));
        }
        args[0].push_str(&tail);
        return Ok(args[0].take());
    }
    let text = text_of(ctx, args)?;
    ctx.check_string(text.len())?;
    Ok(Value::string(text))
}

/// The values as text, one after the other; `E_QUOTA` for more than a string may have.
fn text_of(ctx: &mut Context<'_>, values: &[Value]) -> Result<String, Raised> {
    let size = values
        .iter()
        .filter_map(Value::as_str)
        .map(str::len)
        .sum::<usize>();
    if size > ctx.options.max_string_concat {
        return Err(ctx.task.too_large(ctx.options));
    }
    let mut out = String::with_capacity(size + values.len());
    for value in values {
        match value.as_str() {
            Some(text) => out.push_str(text),
            None => {
                literal::write_str(value, &mut out);
                // Numbers and errors were not counted above, and there may be as many as a list may have.
                if out.len() > ctx.options.max_string_concat {
                    return Err(ctx.task.too_large(ctx.options));
                }
            }
        }
    }
    Ok(out)
}

fn toliteral(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    literal_text(ctx, &args[0]).map(Value::string)
}

/// The source form of a value, within the size that a string may have.
pub(super) fn literal_text(ctx: &mut Context<'_>, value: &Value) -> Result<String, Raised> {
    let mut out = String::new();
    if !literal::to_literal_bounded(value, ctx.options.max_string_concat, &mut out) {
        return Err(ctx.task.too_large(ctx.options));
    }
    ctx.task.charge_size(out.len());
    Ok(out)
}

fn toint(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    int_of(&args[0]).map(Value::int)
}

/// A value as an integer. `E_FLOAT` for a float that is too large, `E_TYPE` for lists and maps.
fn int_of(value: &Value) -> Result<i64, Raised> {
    // The largest integer is not a float; its successor, 2^63, is.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    match value.view() {
        View::Int(i) => Ok(i),
        View::Float(f) if (-BOUND..BOUND).contains(&f) => Ok(f as i64),
        View::Float(_) => Err(ErrorCode::Float.into()),
        View::Obj(o) => Ok(o.0),
        View::Err(e) => Ok(e as i64),
        View::Str(s) => Ok(number::int_from_text(&s)),
        View::List(_) | View::Map(_) | View::Anon(_) | View::Unset => Err(ErrorCode::Type.into()),
    }
}

fn tofloat(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    match args[0].view() {
        View::Float(_) => Ok(args[0].clone()),
        View::Str(s) => number::float_from_text(&s)
            .map(Value::float)
            .ok_or(ErrorCode::InvArg.into()),
        _ => int_of(&args[0]).map(|i| Value::float(i as f64)),
    }
}

fn toobj(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let number = match args[0].as_str() {
        Some(text) => {
            let text = text.trim_matches(' ');
            number::int_from_text(text.strip_prefix('#').unwrap_or(text))
        }
        None => int_of(&args[0])?,
    };
    Ok(Value::obj(Obj::numbered(number)))
}

fn equal(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::truth(args[0].identical(&args[1])))
}

/// The length of what need not be gone through to know it.
fn length_at_once(value: &Value) -> Option<i64> {
    let length = match value.view() {
        View::List(items) => items.len(),
        View::Str(s) if s.is_ascii_only() => s.len(),
        View::Map(map) => map.len(),
        _ => return None,
    };
    Some(length as i64)
}

fn length(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    match args[0].view() {
        View::Str(s) if !s.is_ascii_only() => {
            ctx.task.charge_size(s.len());
            Ok(Value::int(moo_model::text::len(s) as i64))
        }
        _ => Ok(length_at_once(&args[0]).map(Value::int).ok_or(ErrorCode::Type)?),
    }
}

fn min(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    extreme(args, std::cmp::Ordering::Less)
}

fn max(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    extreme(args, std::cmp::Ordering::Greater)
}

fn extreme(args: &[Value], wanted: std::cmp::Ordering) -> Result<Value, Raised> {
    let mut best = &args[0];
    for arg in &args[1..] {
        // Numbers of one kind always have an order, so a missing one tells mixed kinds.
        if arg.order(best).ok_or(ErrorCode::Type)? == wanted {
            best = arg;
        }
    }
    Ok(best.clone())
}

fn value_bytes(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(size_of_value(ctx, &args[0])))
}

/// What a value would take in LambdaMOO on a 64-bit machine, and an estimate for maps. What is shared counts at each
/// place, as there; it is measured once, because sharing makes values exponentially larger than they are.
fn size_of_value(ctx: &mut Context<'_>, value: &Value) -> i64 {
    if !value.is_container() {
        return scalar_size(value);
    }
    let mut sizes: HashMap<usize, i64> = HashMap::new();
    let mut pending = vec![value];
    while let Some(&container) = pending.last() {
        let known = |value: &Value| sizes.contains_key(&address(value));
        if known(container) {
            pending.pop();
            continue;
        }
        let before = pending.len();
        let parts = container.parts().into_iter().flatten();
        pending.extend(parts.filter(|part| part.is_container() && !known(part)));
        if pending.len() > before {
            continue;
        }
        let (mut sum, mut count) = (empty_size(container), 0);
        for part in container.parts().into_iter().flatten() {
            let size = match part.is_container() {
                true => sizes.get(&address(part)).copied().unwrap_or(0),
                false => scalar_size(part),
            };
            (sum, count) = (size.saturating_add(sum), count + 1);
        }
        ctx.task.charge_size(count);
        sizes.insert(address(container), sum);
        pending.pop();
    }
    sizes.get(&address(value)).copied().unwrap_or(0)
}

/// Where a list's or map's content is: the same for two values that share it. All empty lists may be in one place.
fn address(value: &Value) -> usize {
    match value.view() {
        View::List(items) => items.as_ptr() as usize,
        View::Map(map) => std::ptr::from_ref(map) as usize,
        _ => 0,
    }
}

/// What a list or a map takes besides its parts.
fn empty_size(value: &Value) -> i64 {
    /// A value of a list; a list has one more.
    const CELL: i64 = 16;
    /// What holds a key and its value.
    const ENTRY: i64 = 32;
    2 * CELL + value.as_map().map_or(0, |map| map.len() as i64 * ENTRY)
}

fn scalar_size(value: &Value) -> i64 {
    match value.view() {
        View::Str(s) => 17 + s.len() as i64,
        View::Float(_) => 24,
        _ => 16,
    }
}

fn object_bytes(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let obj = args.obj(0)?;
    let record = ctx.tx.record(obj).ok_or(ErrorCode::InvInd)?;
    // A header, then a fixed cost and the text for each verb and property: an estimate, as the manual says.
    let mut size = 144 + record.name.as_str().map_or(0, str::len) as i64;
    for verb in record.verbs.iter() {
        let names = verb.names.as_str().map_or(0, str::len);
        size += 48 + (names + verb.code.source.len()) as i64;
    }
    for def in record.propdefs.iter() {
        size += 24 + def.name.as_str().map_or(0, str::len) as i64;
    }
    for slot in &record.slots {
        size = size.saturating_add(16 + size_of_value(ctx, &slot.value));
    }
    Ok(Value::int(size))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    quick_row("typeof", type_at_once, type_of, "The type of a value, as one of `INT`, `OBJ`, `STR`, `ERR`, `LIST`, `FLOAT` and `MAP`."),
    edit_row("tostr", (0, MANY), &[], tostr, "The arguments as text, one after the other; a list is `{list}` and a map `[map]`."),
    row("toliteral", (1, 1), &[Any], toliteral, "The text of an expression that gives the value."),
    row("toint", (1, 1), &[Any], toint, "The value as an integer; 0 for a string that is not a number."),
    row("tonum", (1, 1), &[Any], toint, "The same as `toint()`."),
    row("tofloat", (1, 1), &[Any], tofloat, "The value as a float; `E_INVARG` for a string that is not a number."),
    row("toobj", (1, 1), &[Any], toobj, "The value as an object number; a string may start with `#`."),
    row("equal", (2, 2), &[Any, Any], equal, "Whether two values are the same, strings compared with regard to case."),
    quick_row("length", length_at_once, length, "The number of characters of a string, of elements of a list or of entries of a map."),
    row("min", (1, MANY), &[Number], min, "The smallest of numbers of one kind."),
    row("max", (1, MANY), &[Number], max, "The largest of numbers of one kind."),
    row("value_bytes", (1, 1), &[Any], value_bytes, "An estimate of the memory that a value takes."),
    row("object_bytes", (1, 1), &[AnObj], object_bytes, "An estimate of the memory that an object takes; for wizards."),
];
