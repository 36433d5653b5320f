//! Properties by a name that the compiler knew: the quick paths for properties of ordinary objects that everybody, or
//! their owner, may read or write. What they leave goes to `property_access`.

use moo_model::world::{PropPerms, Property, Transaction};
use moo_model::{Obj, Raised, Symbol, Value};

use crate::builtin::Context;
use crate::property_access;

/// The property, if `wanted` is allowed to all or `progr` owns it.
#[inline(always)]
fn find(tx: &mut Transaction, obj: &Value, name: Symbol, wanted: PropPerms, progr: Obj) -> Option<Property> {
    let property = tx.find_property(obj.as_obj()?, name).ok()?;
    (property.perms.has(wanted) || property.owner == progr).then_some(property)
}

/// `obj.name`
#[inline(always)]
pub(super) fn get(tx: &mut Transaction, obj: &Value, name: Symbol, progr: Obj) -> Option<Value> {
    let property = find(tx, obj, name, PropPerms::READ, progr)?;
    Some(tx.property_value(&property))
}

/// `obj.name = value`, for a value whose size need not be charged. Gives whether it is done.
#[inline(always)]
pub(super) fn set(tx: &mut Transaction, obj: &Value, name: Symbol, value: &Value, progr: Obj) -> bool {
    if value.is_sized() {
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

/// `obj.name = value` for any value.
pub(super) fn set_any(ctx: &mut Context<'_>, obj: &Value, name: Symbol, value: Value) -> Result<(), Raised> {
    match find(ctx.tx, obj, name, PropPerms::WRITE, ctx.frame.progr) {
        Some(property) => {
            ctx.task.store(&value)?;
            ctx.tx.set_property_value(&property, value);
            Ok(())
        }
        None => property_access::set_property_symbol(ctx, obj, name, value),
    }
}
