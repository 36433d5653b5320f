//! Parts of strings, lists and maps: reading, setting, adding to and going through them.
//!
//! Invariant: an edit happens in place only where nobody else holds the value, and not at all when it raises.

use moo_model::value::Text;
use moo_model::value::map::{compare_keys, is_key};
use moo_model::{ErrorCode, Map, Raised, Value, View, text};

use super::Env;
use crate::options::ServerOptions;
use crate::search;
use crate::task::TaskState;

type Result<T, E = ErrorCode> = std::result::Result<T, E>;

/// `base[index]`, where the quick path for lists does not apply.
pub(super) fn element(base: &Value, index: &Value) -> Result<Value> {
    match (base.view(), index.view()) {
        (View::List(items), View::Int(i)) => at(items, i).cloned(),
        (View::Str(text), View::Int(i)) => {
            let position = usize::try_from(i).map_err(|_| ErrorCode::Range)?;
            text::char_at(text, position)
                .map(Value::str)
                .ok_or(ErrorCode::Range)
        }
        (View::Map(map), _) if is_key(index) => map.get(index).cloned().ok_or(ErrorCode::Range),
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

/// `^` in an index: 1, or a map's first key.
#[inline(never)]
pub(super) fn first(value: &Value) -> Result<Value> {
    match value.view() {
        View::List(_) | View::Str(_) => Ok(Value::int(1)),
        View::Map(map) => key_of(map.first()),
        _ => Err(ErrorCode::Type),
    }
}

/// `$` in an index: the length of the value, or a map's last key.
#[inline(never)]
pub(super) fn last(value: &Value) -> Result<Value> {
    match value.view() {
        View::List(items) => Ok(Value::int(items.len() as i64)),
        View::Str(text) => Ok(Value::int(text::len(text) as i64)),
        View::Map(map) => key_of(map.last()),
        _ => Err(ErrorCode::Type),
    }
}

fn key_of(entry: Option<(&Value, &Value)>) -> Result<Value> {
    entry.map(|(key, _)| key.clone()).ok_or(ErrorCode::Range)
}

/// `base[from..to]`; empty whenever `from` is greater than `to`.
pub(super) fn slice(base: &Value, from: &Value, to: &Value, task: &mut TaskState) -> Result<Value> {
    if let Some(map) = base.as_map() {
        return slice_of_map(map, from, to, task);
    }
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

/// The entries whose keys are not less than `from` nor greater than `to`, which must be keys of the map.
fn slice_of_map(map: &Map, from: &Value, to: &Value, task: &mut TaskState) -> Result<Value> {
    if !is_key(from) || !is_key(to) {
        return Err(ErrorCode::Type);
    }
    if compare_keys(from, to).is_gt() {
        return Ok(Value::map(Map::new()));
    }
    check_bounds(map, from, to)?;
    task.charge_size(map.len());
    let entries = map.iter().skip_while(|(key, _)| compare_keys(key, from).is_lt());
    let within = entries.take_while(|(key, _)| compare_keys(key, to).is_le());
    Ok(Value::map(owned(within)))
}

fn check_bounds(map: &Map, from: &Value, to: &Value) -> Result<()> {
    match (map.get(from), map.get(to)) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(ErrorCode::Range),
    }
}

fn owned<'a>(entries: impl Iterator<Item = (&'a Value, &'a Value)>) -> Map {
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// `map[from..to] = new`: the entries between the bounds give way to the new ones. Where a new key stands among those
/// after the bounds already, that entry stays as it was.
fn set_slice_of_map(
    base: &mut Value,
    (from, to): &(Value, Value),
    new: &Value,
    env: &mut Env<'_>,
) -> Result<(), Raised> {
    let (Some(map), Some(new)) = (base.as_map(), new.as_map()) else {
        return Err(ErrorCode::Type.into());
    };
    if !is_key(from) || !is_key(to) {
        return Err(ErrorCode::Type.into());
    }
    check_bounds(map, from, to)?;
    env.task.charge_size(map.len() + new.len());
    let before = map.iter().take_while(|(key, _)| compare_keys(key, from).is_lt());
    let after = map.iter().skip_while(|(key, _)| compare_keys(key, to).is_le());
    let edited = owned(before.chain(new).chain(after));
    if edited.len() > env.options.max_map_entries {
        return Err(env.task.too_large(env.options));
    }
    *base = Value::map(edited);
    Ok(())
}

/// Puts an entry into a map.
pub(super) fn put(
    base: &mut Value,
    key: Value,
    value: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
    let Some(map) = base.as_map() else {
        return Err(ErrorCode::Type.into());
    };
    if !is_key(&key) {
        return Err(ErrorCode::Type.into());
    }
    // The compiler sees to it that this is never so; a program that was changed since may let it be.
    if value.is_unset() {
        return Err(ErrorCode::VarNf.into());
    }
    task.charge_key(&key);
    let entries = map.len();
    if entries >= options.max_map_entries && map.get(&key).is_none() {
        return Err(task.too_large(options));
    }
    if base.map_mut().is_none() {
        task.charge_size(entries);
    }
    if let Some(map) = base.map_make_mut() {
        map.insert(key, value);
    }
    Ok(())
}

/// `base[index] = value`
pub(super) fn set_element(
    base: &mut Value,
    index: &Value,
    value: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
    if base.as_map().is_some() {
        return put(base, index.clone(), value, task, options);
    }
    set_item(base, index, value, task, options)
}

/// `base[index] = value` for a list or a string.
fn set_item(
    base: &mut Value,
    index: &Value,
    value: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
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
                return Err(ErrorCode::Type.into());
            };
            let position = usize::try_from(i).map_err(|_| ErrorCode::Range)?;
            if position < 1 || position > text::len(whole) {
                return Err(ErrorCode::Range.into());
            }
            if text::len(Text::new(new)) != 1 {
                return Err(ErrorCode::InvArg.into());
            }
            let range = text::byte_range(whole, position, position);
            let size = whole.len() - range.len() + new.len();
            task.charge_size(size);
            if size > options.max_string_concat {
                return Err(task.too_large(options));
            }
            let mut edited = whole.as_str().to_string();
            edited.replace_range(range, new);
            *base = Value::string(edited);
            Ok(())
        }
        _ => Err(ErrorCode::Type.into()),
    }
}

/// `base[path[0]][path[1]]... = value`: through lists and maps in place, through strings by putting them back.
pub(super) fn set_path(
    base: &mut Value,
    path: &[Value],
    value: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
    let [index, inner @ ..] = path else { return Ok(()) };
    if inner.is_empty() {
        return set_element(base, index, value, task, options);
    }
    if let (Some(items), Some(i)) = (base.as_list(), index.as_int()) {
        at(items, i)?;
        let count = items.len();
        if base.list_mut().is_none() {
            task.charge_size(count);
        }
        let items = base.list_make_mut().ok_or(ErrorCode::Type)?;
        return set_path(&mut items[i as usize - 1], inner, value, task, options);
    }
    task.charge_key(index);
    // A key that is spelled otherwise is put back with its new spelling.
    let entry = base.as_map().and_then(|map| map.entry(index));
    if entry.is_some_and(|(key, _)| key.identical(index)) {
        let count = base.as_map().map_or(0, Map::len);
        if base.map_mut().is_none() {
            task.charge_size(count);
        }
        let part = base.map_make_mut().and_then(|map| map.get_mut(index));
        return set_path(part.ok_or(ErrorCode::Range)?, inner, value, task, options);
    }
    let mut part = element(base, index)?;
    set_path(&mut part, inner, value, task, options)?;
    set_element(base, index, part, task, options)
}

/// As [`set_path`], as a verb without the `d` bit has it: a step that fails gives its error in place of its value, and the
/// others go on with that. So what contains the part that could not be set has the error there, up to the whole itself.
pub(super) fn set_path_regardless(
    base: &mut Value,
    path: &[Value],
    value: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) {
    let [index, inner @ ..] = path else { return };
    let part = if inner.is_empty() {
        value
    } else {
        let mut part = element(base, index).unwrap_or_else(Value::err);
        set_path_regardless(&mut part, inner, value, task, options);
        part
    };
    if let Err(raised) = set_element(base, index, part, task, options) {
        *base = raised.code;
    }
}

/// Whether all that the path leads through are lists, so that nothing gets longer by setting what is at its end.
pub(super) fn is_through_lists(base: &Value, path: &[Value]) -> bool {
    let mut part = base;
    path.iter().all(|index| {
        let found = part.as_list().zip(index.as_int());
        match found.and_then(|(items, i)| at(items, i).ok()) {
            Some(inner) => {
                part = inner;
                true
            }
            None => false,
        }
    })
}

/// `base[from..to] = value`, where the bounds may lie one past either end.
pub(super) fn set_slice(
    base: &mut Value,
    bounds: &(Value, Value),
    value: &Value,
    env: &mut Env<'_>,
) -> Result<(), Raised> {
    if base.as_map().is_some() {
        return set_slice_of_map(base, bounds, value, env);
    }
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
pub(super) fn append(
    list: &mut Value,
    item: Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
    let limit = options.max_list_concat;
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
    check_size(items.len() + 1, task, options)?;
    let mut copy = Vec::with_capacity(items.len() + items.len() / 2 + 4);
    copy.extend_from_slice(items);
    copy.push(item);
    *list = Value::list(copy);
    Ok(())
}

/// Adds all items of a list to the end of another.
pub(super) fn splice(
    list: &mut Value,
    items: &Value,
    task: &mut TaskState,
    options: &ServerOptions,
) -> Result<(), Raised> {
    let (Some(head), Some(tail)) = (list.as_list(), items.as_list()) else {
        return Err(ErrorCode::Type.into());
    };
    check_size(head.len() + tail.len(), task, options)?;
    if let Some(own) = list.list_make_mut() {
        own.extend_from_slice(tail);
    }
    Ok(())
}

fn check_size(elements: usize, task: &mut TaskState, options: &ServerOptions) -> Result<(), Raised> {
    task.charge_size(elements);
    if elements > options.max_list_concat {
        Err(task.too_large(options))
    } else {
        Ok(())
    }
}

/// `value in container`: the first position of an equal element of a list or value of a map, 0 if there is none.
pub(super) fn position(value: &Value, container: &Value, task: &mut TaskState) -> Result<Value> {
    let values: Vec<Value>;
    let items = match container.view() {
        View::List(items) => items,
        View::Map(map) => {
            values = map.iter().map(|(_, value)| value.clone()).collect();
            &values
        }
        _ => return Err(ErrorCode::Type),
    };
    let found = search::position(value, items, false, task)?;
    Ok(Value::int(found.map_or(0, |nth| nth as i64 + 1)))
}

/// Makes what is in a register the list that a loop goes through.
pub(super) fn prepare(regs: &mut [Value], at: u16, env: &mut Env<'_>) -> Result<(), Raised> {
    let at = usize::from(at);
    if regs[at].as_list().is_none() {
        regs[at] = elements(&regs[at], env)?;
    }
    regs[at + 1] = Value::int(0);
    Ok(())
}

/// What a loop over a map or a string goes through, as a list: the values, or the characters. The loop holds nothing of
/// the map itself, so its body may edit that in place.
fn elements(of: &Value, env: &mut Env<'_>) -> Result<Value, Raised> {
    match of.view() {
        View::Map(map) => {
            env.task.charge_size(map.len());
            Ok(Value::list(map.iter().map(|(_, value)| value.clone()).collect()))
        }
        View::Str(text) => {
            check_size(text::len(text), env.task, env.options)?;
            let mut buffer = [0; 4];
            let characters = text.chars().map(|c| Value::str(c.encode_utf8(&mut buffer)));
            Ok(Value::list(characters.collect()))
        }
        _ => Err(ErrorCode::Type.into()),
    }
}

/// The keys of a map as a list; unset for what is gone through by index.
#[cold]
pub(super) fn keys(of: &Value) -> Result<Value> {
    match of.view() {
        View::Map(map) => Ok(Value::list(map.iter().map(|(key, _)| key.clone()).collect())),
        View::List(_) | View::Str(_) => Ok(Value::UNSET),
        _ => Err(ErrorCode::Type),
    }
}
