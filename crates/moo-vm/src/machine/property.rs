//! Properties by a name that the compiler knew: the quick paths for properties of ordinary objects that everybody, or
//! their owner, may read or write. What they leave goes to `property_access`.

use moo_model::world::{PropPerms, Property, Transaction};
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use super::index;
use crate::builtin::Context;
use crate::property_access;

/// The property, if `wanted` is allowed to all or `progr` owns it.
#[inline(always)]
fn find(
    tx: &mut Transaction,
    obj: Option<Obj>,
    name: Symbol,
    wanted: PropPerms,
    progr: Obj,
) -> Option<Property> {
    let property = tx.find_property(obj?, name).ok()?;
    (property.perms.has(wanted) || property.owner == progr).then_some(property)
}

/// `to = obj.name`, where there is an object. Gives whether it is done.
#[inline(never)]
pub(super) fn get(tx: &mut Transaction, obj: Option<Obj>, name: Symbol, progr: Obj, to: &mut Value) -> bool {
    if let Some(value) = obj.and_then(|obj| tx.last_value(obj, name, progr)) {
        *to = value.clone();
        return true;
    }
    match find(tx, obj, name, PropPerms::READ, progr) {
        Some(property) => {
            *to = tx.property_value(&property);
            true
        }
        None => false,
    }
}

/// `obj.name = value`, for a value whose size need not be charged. Gives whether it is done.
#[inline(never)]
pub(super) fn set(tx: &mut Transaction, obj: Option<Obj>, name: Symbol, value: &Value, progr: Obj) -> bool {
    if value.is_sized() || value.is_unset() {
        return false;
    }
    match find(tx, obj, name, PropPerms::WRITE, progr) {
        Some(property) => {
            tx.set_property_value(&property, value.clone());
            true
        }
        None => false,
    }
}

/// `obj.name = obj.name + by` for an integer that this task has set before. Gives whether it is done.
#[inline(never)]
pub(super) fn add_int(tx: &mut Transaction, obj: Option<Obj>, name: Symbol, by: i64, progr: Obj) -> bool {
    match find(tx, obj, name, PropPerms::READ, progr) {
        Some(property) if property.perms.has(PropPerms::WRITE) || property.owner == progr => {
            tx.add_to_own_int(&property, by)
        }
        _ => false,
    }
}

/// `obj.name = value` for any value.
pub(super) fn set_any(ctx: &mut Context<'_>, obj: &Value, name: Symbol, value: Value) -> Result<(), Raised> {
    match find(ctx.tx, obj.referent(), name, PropPerms::WRITE, ctx.frame.progr) {
        Some(property) => {
            ctx.task.store(&value)?;
            ctx.tx.set_property_value(&property, value);
            Ok(())
        }
        None => property_access::set_property_symbol(ctx, obj, name, value),
    }
}

/// `obj.name = {@list, item}`, where `list` is what the property was a moment ago. It grows where it is if it still is that,
/// and this task has set it before.
pub(super) fn add_to(
    ctx: &mut Context<'_>,
    obj: &Value,
    name: Symbol,
    mut list: Value,
    item: Value,
) -> Result<(), Raised> {
    let Some(items) = list.as_list() else {
        return match ctx.frame.debug {
            true => Err(ErrorCode::Type.into()),
            // Without the `d` bit the error is the value of the list.
            false => set_any(ctx, obj, name, Value::err(ErrorCode::Type)),
        };
    };
    let is_full = items.len() >= ctx.options.max_list_concat;
    if let Some(property) = find(ctx.tx, obj.referent(), name, PropPerms::WRITE, ctx.frame.progr)
        && !is_full
        && ctx.tx.has_own_value(&property, &list)
    {
        ctx.task.store_longer(&list, &item)?;
        drop(list);
        let own = ctx.tx.own_value(&property);
        return index::append(own, item, ctx.task, ctx.options);
    }
    index::append(&mut list, item, ctx.task, ctx.options)?;
    set_any(ctx, obj, name, list)
}

/// `obj.name[path[0]]... = value`, where `whole` is what the property was a moment ago; in place as [`add_to`], for values
/// that take no room of their own.
pub(super) fn set_path(
    ctx: &mut Context<'_>,
    obj: &Value,
    name: Symbol,
    mut whole: Value,
    path: &[Value],
    value: Value,
) -> Result<(), Raised> {
    if !value.is_sized()
        && index::is_through_lists(&whole, path)
        && let Some(property) = find(ctx.tx, obj.referent(), name, PropPerms::WRITE, ctx.frame.progr)
        && ctx.tx.has_own_value(&property, &whole)
    {
        drop(whole);
        let own = ctx.tx.own_value(&property);
        ctx.task.forget_lengths();
        return index::set_path(own, path, value, ctx.task, ctx.options);
    }
    if ctx.frame.debug {
        index::set_path(&mut whole, path, value, ctx.task, ctx.options)?;
    } else {
        index::set_path_regardless(&mut whole, path, value, ctx.task, ctx.options);
    }
    set_any(ctx, obj, name, whole)
}
