//! Lists. Every function gives a list that is its argument edited: where it is if nobody else holds it, else a copy.

use moo_model::{ErrorCode, Raised, Value, View};

use super::{Args, edit_row, row};
use crate::builtin::ArgType::{Any, Int, List};
use crate::builtin::{Builtin, Context};
use crate::search::position;

fn listappend(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let length = args.list(0)?.len();
    let after = match args.len() {
        3 => clamp(args.int(2)?, length),
        _ => length,
    };
    insert(ctx, args, after)
}

fn listinsert(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let length = args.list(0)?.len();
    let before = match args.len() {
        3 => clamp(args.int(2)?.saturating_sub(1), length),
        _ => 0,
    };
    insert(ctx, args, before)
}

/// An index brought into `0..=length`.
fn clamp(index: i64, length: usize) -> usize {
    usize::try_from(index.max(0)).map_or(length, |index| index.min(length))
}

/// The list with the second argument put after so many elements.
fn insert(ctx: &mut Context<'_>, args: &mut [Value], after: usize) -> Result<Value, Raised> {
    let length = args.list(0)?.len();
    let item = args[1].clone();
    if let Some(own) = args[0].list_mut()
        && length < ctx.options.max_list_concat
    {
        own.insert(after, item);
        ctx.task.charge_size(length - after);
        return Ok(args[0].take());
    }
    let items = args.list(0)?;
    ctx.check_list(length + 1)?;
    let mut out = Vec::with_capacity(length + length / 2 + 4);
    out.extend_from_slice(&items[..after]);
    out.push(item);
    out.extend_from_slice(&items[after..]);
    Ok(Value::list(out))
}

/// The place of a 1-based index in a list, from 0; `E_RANGE` outside it.
fn place(items: &[Value], index: i64) -> Result<usize, Raised> {
    usize::try_from(index)
        .ok()
        .filter(|&index| (1..=items.len()).contains(&index))
        .map(|index| index - 1)
        .ok_or(ErrorCode::Range.into())
}

/// The list that is the first argument, without one element.
fn without(ctx: &mut Context<'_>, args: &mut [Value], at: usize) -> Result<Value, Raised> {
    let length = args.list(0)?.len();
    if let Some(own) = args[0].list_mut() {
        own.remove(at);
        ctx.task.charge_size(length - at);
        return Ok(args[0].take());
    }
    let items = args.list(0)?;
    ctx.task.charge_size(length);
    Ok(Value::list([&items[..at], &items[at + 1..]].concat()))
}

fn listdelete(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let at = place(args.list(0)?, args.int(1)?)?;
    without(ctx, args, at)
}

fn listset(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let at = place(args.list(0)?, args.int(2)?)?;
    let item = args[1].clone();
    if args[0].list_mut().is_none() {
        ctx.task.charge_size(args.list(0)?.len());
    }
    let items = args[0].list_make_mut().ok_or(ErrorCode::Type)?;
    items[at] = item;
    Ok(args[0].take())
}

fn setadd(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    let items = args.list(0)?;
    let length = items.len();
    if position(&args[1], items, false, ctx.task)?.is_some() {
        return Ok(args[0].take());
    }
    insert(ctx, args, length)
}

fn setremove(ctx: &mut Context<'_>, args: &mut [Value]) -> Result<Value, Raised> {
    match position(&args[1], args.list(0)?, false, ctx.task)? {
        Some(at) => without(ctx, args, at),
        None => Ok(args[0].take()),
    }
}

fn is_member(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let cased = args.len() < 3 || args.flag(2);
    let values: Vec<Value>;
    let items = match args[1].view() {
        View::List(items) => items,
        View::Map(map) => {
            values = map.iter().map(|(_, value)| value.clone()).collect();
            &values
        }
        _ => return Err(ErrorCode::Type.into()),
    };
    let found = position(&args[0], items, cased, ctx.task)?;
    Ok(Value::int(found.map_or(0, |at| at as i64 + 1)))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    edit_row("listappend", (2, 3), &[List, Any, Int], listappend, "The list with a value added at its end, or after an index."),
    edit_row("listinsert", (2, 3), &[List, Any, Int], listinsert, "The list with a value added at its front, or before an index."),
    edit_row("listdelete", (2, 2), &[List, Int], listdelete, "The list without the element at an index."),
    edit_row("listset", (3, 3), &[List, Any, Int], listset, "The list with the element at an index replaced."),
    edit_row("setadd", (2, 2), &[List, Any], setadd, "The list with a value added at its end unless it is there already."),
    edit_row("setremove", (2, 2), &[List, Any], setremove, "The list without the first element that equals a value."),
    row("is_member", (2, 3), &[Any, Any], is_member, "Where a value stands in a list or among the values of a map, or 0; case matters unless the third argument is false."),
];
