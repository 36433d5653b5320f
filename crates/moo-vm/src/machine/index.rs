//! Parts of strings and lists: reading, setting, adding to and going through them.
//!
//! Invariant: an edit happens in place only where nobody else holds the value, and not at all when it raises.

use moo_model::value::Text;
use moo_model::{ErrorCode, Raised, Value, View, text};

use super::Env;
use crate::outcome::Limit;
use crate::task::TaskState;

type Result<T, E = ErrorCode> = std::result::Result<T, E>;

/// `base[index]`
pub(super) fn element(base: &Value, index: &Value) -> Result<Value> {
    match (base.view(), index.view()) {
        (View::List(items), View::Int(i)) => at(items, i).cloned(),
        (View::Str(text), View::Int(i)) => {
            let position = usize::try_from(i).map_err(|_| ErrorCode::Range)?;
            text::char_at(text, position)
                .map(Value::str)
                .ok_or(ErrorCode::Range)
        }
        _ => Err(ErrorCode::Type),
    }
}

fn at(items: &[Value], index: i64) -> Result<&Value> {
    let nth = usize::try_from(index)
        .ok()
        .and_then(|i| i.checked_sub(1))
        .ok_or(ErrorCode::Range)?;
    items.get(nth).ok_or(ErrorCode::Range)
}

/// `$` in an index: the length of the value.
pub(super) fn length(value: &Value) -> Result<Value> {
    match value.view() {
        View::List(items) => Ok(Value::int(items.len() as i64)),
        View::Str(text) => Ok(Value::int(text::len(text) as i64)),
        _ => Err(ErrorCode::Type),
    }
}

/// `base[from..to]`; empty whenever `from` is greater than `to`.
pub(super) fn slice(base: &Value, from: &Value, to: &Value, task: &mut TaskState) -> Result<Value> {
    let (Some(from), Some(to)) = (from.as_int(), to.as_int()) else {
        return Err(ErrorCode::Type);
    };
    let bounds = |len: usize| match from > to {
        true => Ok(1..1),
        false if from < 1 || to > len as i64 => Err(ErrorCode::Range),
        false => Ok(from as usize..to as usize + 1),
    };
    match base.view() {
        View::List(items) => {
            let range = bounds(items.len())?;
            task.charge_size(range.len());
            Ok(Value::list(items[range.start - 1..range.end - 1].to_vec()))
        }
        View::Str(whole) => {
            let range = bounds(text::len(whole))?;
            task.charge_size(range.len());
            Ok(Value::str(
                &whole[text::byte_range(whole, range.start, range.end - 1)],
            ))
        }
        _ => Err(ErrorCode::Type),
    }
}

/// `base[index] = value`
pub(super) fn set_element(base: &mut Value, index: &Value, value: Value, task: &mut TaskState) -> Result<()> {
    match (base.view(), index.view()) {
        (View::List(items), View::Int(i)) => {
            at(items, i)?;
            let count = items.len();
            if base.list_mut().is_none() {
                task.charge_size(count);
            }
            let items = base.list_make_mut().ok_or(ErrorCode::Type)?;
            items[i as usize - 1] = value;
            Ok(())
        }
        (View::Str(whole), View::Int(i)) => {
            let Some(new) = value.as_str() else {
                return Err(ErrorCode::Type);
            };
            let position = usize::try_from(i).map_err(|_| ErrorCode::Range)?;
            if position < 1 || position > text::len(whole) {
                return Err(ErrorCode::Range);
            }
            if text::len(Text::new(new)) != 1 {
                return Err(ErrorCode::InvArg);
            }
            let range = text::byte_range(whole, position, position);
            let mut edited = whole.as_str().to_string();
            edited.replace_range(range, new);
            task.charge_size(edited.len());
            *base = Value::string(edited);
            Ok(())
        }
        _ => Err(ErrorCode::Type),
    }
}

/// `base[from..to] = value`, where the bounds may lie one past either end.
pub(super) fn set_slice(
    base: &mut Value,
    bounds: &(Value, Value),
    value: &Value,
    env: &mut Env<'_>,
) -> Result<(), Raised> {
    let (Some(from), Some(to)) = (bounds.0.as_int(), bounds.1.as_int()) else {
        return Err(ErrorCode::Type.into());
    };
    let edges = |len: usize| {
        let len = len as i64;
        if to < 0 || from > len + 1 {
            return Err(ErrorCode::Range);
        }
        Ok(((from.saturating_sub(1).max(0)) as usize, to.min(len) as usize))
    };
    let new = match (base.view(), value.view()) {
        (View::List(items), View::List(new)) => {
            let (head, tail) = edges(items.len())?;
            let size = head + new.len() + (items.len() - tail);
            if size > env.options.max_list_concat {
                return Err(env.task.too_large(env.options));
            }
            env.task.charge_size(size);
            Value::list([&items[..head], new, &items[tail..]].concat())
        }
        (View::Str(whole), View::Str(new)) => {
            let (head, tail) = edges(text::len(whole))?;
            let start = &whole[text::byte_range(whole, 1, head)];
            let rest = &whole[text::byte_range(whole, tail + 1, text::len(whole))];
            let size = start.len() + new.len() + rest.len();
            if size > env.options.max_string_concat {
                return Err(env.task.too_large(env.options));
            }
            env.task.charge_size(size);
            Value::string([start, new.as_str(), rest].concat())
        }
        _ => return Err(ErrorCode::Type.into()),
    };
    *base = new;
    Ok(())
}

/// Adds an item to the end of a list.
#[inline]
pub(super) fn append(list: &mut Value, item: Value, env: &mut Env<'_>) -> Result<(), Raised> {
    let limit = env.options.max_list_concat;
    if let Some(items) = list.list_mut()
        && items.len() < limit
    {
        items.push(item);
        return Ok(());
    }
    let Some(items) = list.as_list() else {
        return Err(if list.is_unset() {
            ErrorCode::VarNf
        } else {
            ErrorCode::Type
        }
        .into());
    };
    check_size(items.len() + 1, env)?;
    let mut copy = Vec::with_capacity(items.len() + items.len() / 2 + 4);
    copy.extend_from_slice(items);
    copy.push(item);
    *list = Value::list(copy);
    Ok(())
}

/// Adds all items of a list to the end of another.
pub(super) fn splice(list: &mut Value, items: &Value, env: &mut Env<'_>) -> Result<(), Raised> {
    let (Some(head), Some(tail)) = (list.as_list(), items.as_list()) else {
        return Err(ErrorCode::Type.into());
    };
    check_size(head.len() + tail.len(), env)?;
    if let Some(own) = list.list_make_mut() {
        own.extend_from_slice(tail);
    }
    Ok(())
}

fn check_size(elements: usize, env: &mut Env<'_>) -> Result<(), Raised> {
    env.task.charge_size(elements);
    if elements > env.options.max_list_concat {
        Err(env.task.too_large(env.options))
    } else {
        Ok(())
    }
}

/// `value in list`: the first position of an equal element, 0 if there is none.
pub(super) fn position(value: &Value, list: &Value, task: &mut TaskState) -> Result<Value> {
    let items = list.as_list().ok_or(ErrorCode::Type)?;
    task.charge_size(items.len());
    let length = value.as_str().map_or(0, str::len);
    if length < LONG_TEXT {
        return Ok(place(value.position_in(items)));
    }
    // Comparing long strings with each other costs what they are long.
    for (nth, item) in items.iter().enumerate() {
        if item.as_str().is_some_and(|text| text.len() == length) {
            task.charge_size(length);
            if task.ticks_left < 0 {
                task.abort = Some(Limit::Ticks);
                return Err(ErrorCode::Quota);
            }
        }
        if item == value {
            return Ok(place(Some(nth)));
        }
    }
    Ok(place(None))
}

/// A string of fewer bytes is compared at no charge.
const LONG_TEXT: usize = 256;

fn place(nth: Option<usize>) -> Value {
    Value::int(nth.map_or(0, |nth| nth as i64 + 1))
}

/// One turn of `for var in [from..to]`: the bounds are in `at` and `at + 1`. Ends without overflow at the greatest
/// integer, by making the range empty once its last number was given.
#[inline(always)]
pub(super) fn next_in_range(regs: &mut [Value], at: u16, var: u16) -> bool {
    let at = usize::from(at);
    if let Some((now, last)) = Value::both_int(&regs[at], &regs[at + 1])
        && now < last
    {
        regs[at] = Value::int(now + 1);
        regs[usize::from(var)] = Value::int(now);
        return true;
    }
    next_in_range_slow(regs, at, var)
}

/// The last turn, which must not overflow, and ranges of objects.
#[cold]
fn next_in_range_slow(regs: &mut [Value], at: usize, var: u16) -> bool {
    let (now, last, of): (i64, i64, fn(i64) -> Value) = match (regs[at].view(), regs[at + 1].view()) {
        (View::Int(now), View::Int(last)) => (now, last, Value::int),
        (View::Obj(now), View::Obj(last)) => (now.0, last.0, |n| Value::obj(moo_model::Obj(n))),
        _ => return false,
    };
    if now > last {
        return false;
    }
    regs[usize::from(var)] = of(now);
    match now.checked_add(1) {
        Some(next) => regs[at] = of(next),
        None => regs[at + 1] = of(last - 1),
    }
    true
}

/// One turn of `for var in (list)`: the list is in `at`, how many were given in `at + 1`. At its end the list is let
/// go, so that the variable it came from can be edited in place again.
#[inline]
pub(super) fn next_in_list(regs: &mut [Value], at: u16, var: u16) -> bool {
    let at = usize::from(at);
    let given = regs[at + 1].as_int().unwrap_or(0) as usize;
    let item = regs[at].as_list().and_then(|items| items.get(given)).cloned();
    match item {
        Some(item) => {
            regs[usize::from(var)] = item;
            regs[at + 1] = Value::int(given as i64 + 1);
            true
        }
        None => {
            regs[at] = Value::UNSET;
            false
        }
    }
}
