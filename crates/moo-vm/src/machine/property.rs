//! Properties by a name that the compiler knew: the quick path for readable properties of ordinary objects.

use moo_model::world::PropPerms;
use moo_model::{Raised, Symbol, Value};

use crate::builtin::Context;
use crate::property_access;

/// `obj.name`
#[inline]
pub(super) fn get(ctx: &mut Context<'_>, obj: &Value, name: Symbol) -> Result<Value, Raised> {
    if let Some(obj) = obj.as_obj()
        && let Ok(property) = ctx.tx.find_property(obj, name)
        && (property.perms.has(PropPerms::READ) || property.owner == ctx.frame.progr)
    {
        return Ok(ctx.tx.property_value(&property));
    }
    property_access::get_property_symbol(ctx, obj, name)
}

/// `obj.name = value`
#[inline]
pub(super) fn set(ctx: &mut Context<'_>, obj: &Value, name: Symbol, value: Value) -> Result<(), Raised> {
    if let Some(obj) = obj.as_obj()
        && let Ok(property) = ctx.tx.find_property(obj, name)
        && (property.perms.has(PropPerms::WRITE) || property.owner == ctx.frame.progr)
    {
        ctx.task.store(&value)?;
        ctx.tx.set_property_value(&property, value);
        return Ok(());
    }
    property_access::set_property_symbol(ctx, obj, name, value)
}
