//! The quick paths on parts of strings, lists and maps: turns of loops, and what needs no more room and can be no error.
//! What they leave goes to `rare`.

use moo_model::value::map::is_key;
use moo_model::{Obj, Value, View};

use super::index;

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
        (View::Obj(now), View::Obj(last)) => (now.0, last.0, |n| Value::obj(Obj(n))),
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

/// The key of the element that was given last: how many were given is in `at + 1`, the keys in `at + 2`. It is that number
/// where there are no keys.
#[inline(never)]
pub(super) fn key_of_turn(regs: &mut [Value], at: u16, to: u16) {
    let (given, keys) = (&regs[usize::from(at) + 1], &regs[usize::from(at) + 2]);
    let nth = given.as_int().unwrap_or(0) as usize;
    regs[usize::from(to)] = match keys.as_list() {
        Some(keys) => keys.get(nth.wrapping_sub(1)).cloned().unwrap_or_default(),
        None => given.clone(),
    };
}

/// `{R[from], ..}`, so many of them, which are taken.
#[inline(never)]
pub(super) fn make_list(regs: &mut [Value], to: u16, (from, count): (u16, u16)) {
    let window = usize::from(from)..usize::from(from) + usize::from(count);
    let items = regs[window].iter_mut().map(Value::take).collect();
    regs[usize::from(to)] = Value::list(items);
}

/// `base[index]` for a character of a string, or a short key of a map. Gives whether it is done.
#[inline(never)]
pub(super) fn get(regs: &mut [Value], to: u16, (base, index): (u16, u16)) -> bool {
    let (base, index) = (&regs[usize::from(base)], &regs[usize::from(index)]);
    if let (View::Str(text), Some(i)) = (base.view(), index.as_int())
        && text.is_ascii_only()
        && let Some(&byte) = text.as_str().as_bytes().get((i as usize).wrapping_sub(1))
    {
        regs[usize::from(to)] = Value::ascii(byte);
        return true;
    }
    if index.may_be_large() {
        return false;
    }
    let Ok(found) = index::element(base, index) else {
        return false;
    };
    regs[usize::from(to)] = found;
    true
}

/// `base[index] = value` where nobody else holds the list or the map, and no more room is needed. Gives whether it is done.
#[inline(never)]
pub(super) fn set(regs: &mut [Value], (base, index): (u16, u16), value: u16, max_map_entries: usize) -> bool {
    let (index, value) = (regs[usize::from(index)].clone(), regs[usize::from(value)].clone());
    let base = &mut regs[usize::from(base)];
    if let (Some(items), Some(i)) = (base.list_mut(), index.as_int())
        && let Some(item) = items.get_mut((i as usize).wrapping_sub(1))
    {
        *item = value;
        return true;
    }
    match base.map_mut() {
        Some(map)
            if map.len() < max_map_entries
                && is_key(&index)
                && !index.may_be_large()
                && !value.is_unset() =>
        {
            map.insert(index, value);
            true
        }
        _ => false,
    }
}

/// Adds an item to a list that nobody else holds, and that may get longer. Gives whether it is done.
#[inline(never)]
pub(super) fn append(regs: &mut [Value], list: u16, item: u16, limit: usize) -> bool {
    let item = regs[usize::from(item)].clone();
    match regs[usize::from(list)].list_mut() {
        Some(items) if items.len() < limit => {
            items.push(item);
            true
        }
        _ => false,
    }
}
