//! Looking for a value among others, charged as it is done: one search may compare far more than the values are large.

use moo_model::{ErrorCode, Value, View, bytes};

use crate::outcome::Limit;
use crate::task::TaskState;

/// A value of fewer bytes is compared at no charge but that of going through the list.
const LIGHT: usize = 256;

/// The place of the first element that equals the value, from 0; `cased` as in `equal()`. Ends the task when its ticks are
/// used up on the way.
pub fn position(
    value: &Value,
    items: &[Value],
    cased: bool,
    task: &mut TaskState,
) -> Result<Option<usize>, ErrorCode> {
    task.charge_size(items.len());
    let weight = weight_of(value);
    if weight < LIGHT && !cased {
        return Ok(value.position_in(items));
    }
    for (nth, item) in items.iter().enumerate() {
        if weight >= LIGHT && is_as_long(value, item) {
            task.charge_size(weight);
            if task.ticks_left < 0 {
                task.abort = Some(Limit::Ticks);
                return Err(ErrorCode::Quota);
            }
        }
        let is_equal = if cased {
            item.identical(value)
        } else {
            item == value
        };
        if is_equal {
            return Ok(Some(nth));
        }
    }
    Ok(None)
}

/// Whether two values are equal, as `==` has it. What was looked at of large ones is charged, and large work is followed by a
/// look at the limits of the task.
#[inline(never)]
pub fn equal(a: &Value, b: &Value, task: &mut TaskState) -> bool {
    if !a.may_be_large() || !b.may_be_large() {
        return a == b;
    }
    let (is_equal, work) = a.equals_with_work(b);
    task.charge_size(work);
    is_equal
}

/// How many bytes a comparison with the value may have to look at.
fn weight_of(value: &Value) -> usize {
    match value.as_str() {
        Some(text) => text.len(),
        None if value.as_list().is_some() || value.as_map().is_some() => {
            bytes::stored_size(value).unwrap_or(bytes::STORED_BYTES_MAX)
        }
        None => 0,
    }
}

/// Whether the two are not told apart by their kinds and lengths alone.
fn is_as_long(value: &Value, item: &Value) -> bool {
    match (value.as_str(), item.as_str()) {
        (Some(value), Some(item)) => value.len() == item.len(),
        _ => match (value.view(), item.view()) {
            (View::List(value), View::List(item)) => value.len() == item.len(),
            (View::Map(value), View::Map(item)) => value.len() == item.len(),
            _ => false,
        },
    }
}
