//! `object.name`, read and written: built-in properties first, then defined ones, with the permissions of the frame.

use moo_model::world::{Dialect, PropPerms, Property};
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use crate::builtin::Context;
use crate::builtins::object_fields::{Field, find_name, get_field, set_field};

/// The value of `obj.name`. `E_TYPE` unless these are an object number and a string, `E_INVIND` if there is no such
/// object, `E_PROPNF` if it has no such property, `E_PERM` if the frame's programmer may not read it.
pub fn get_property(ctx: &mut Context<'_>, obj: &Value, name: &Value) -> Result<Value, Raised> {
    let symbol = resolve(ctx, obj, name)?;
    get_property_symbol(ctx, obj, symbol)
}

/// As [`get_property`], for a name that is known already.
pub fn get_property_symbol(ctx: &mut Context<'_>, obj: &Value, name: Symbol) -> Result<Value, Raised> {
    let obj = obj.referent().ok_or(ErrorCode::Type)?;
    if let Some(field) = Field::of(name) {
        return get_field(ctx, obj, field);
    }
    let property = find(ctx, obj, name)?;
    if !allows(ctx, &property, PropPerms::READ) {
        return Err(ErrorCode::Perm.into());
    }
    Ok(ctx.tx.property_value(&property))
}

/// Performs `obj.name = value`, with the errors of [`get_property`] and those of each built-in property.
pub fn set_property(ctx: &mut Context<'_>, obj: &Value, name: &Value, value: Value) -> Result<(), Raised> {
    let symbol = resolve(ctx, obj, name)?;
    set_property_symbol(ctx, obj, symbol, value)
}

/// As [`set_property`], for a name that is known already.
pub fn set_property_symbol(
    ctx: &mut Context<'_>,
    obj: &Value,
    name: Symbol,
    value: Value,
) -> Result<(), Raised> {
    let obj = obj.referent().ok_or(ErrorCode::Type)?;
    if let Some(field) = Field::of(name) {
        return set_field(ctx, obj, field, &value);
    }
    let property = find(ctx, obj, name)?;
    if !allows(ctx, &property, PropPerms::WRITE) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.task.store(&value)?;
    ctx.tx.set_property_value(&property, value);
    Ok(())
}

/// Whether the frame's programmer may do with the property what `wanted` says.
#[inline]
pub fn allows(ctx: &mut Context<'_>, property: &Property, wanted: PropPerms) -> bool {
    property.perms.has(wanted) || property.owner == ctx.progr() || ctx.is_wizard()
}

fn find(ctx: &mut Context<'_>, obj: Obj, name: Symbol) -> Result<Property, Raised> {
    ctx.tx.find_property(obj, name).map_err(|code| match code {
        ErrorCode::PropNf => not_found(ctx, obj, name.text()),
        code => code.into(),
    })
}

/// The name of an access. One that nothing was ever called is found nowhere.
fn resolve(ctx: &mut Context<'_>, obj: &Value, name: &Value) -> Result<Symbol, Raised> {
    let (Some(obj), Some(name)) = (obj.referent(), name.as_str()) else {
        return Err(ErrorCode::Type.into());
    };
    match find_name(name) {
        Some(symbol) => Ok(symbol),
        None if ctx.tx.valid(obj) => Err(not_found(ctx, obj, name)),
        None => Err(ErrorCode::InvInd.into()),
    }
}

#[cold]
fn not_found(ctx: &mut Context<'_>, obj: Obj, name: &str) -> Raised {
    let mut raised = Raised::from(ErrorCode::PropNf);
    if ctx.tx.settings().dialect == Dialect::Toast {
        raised.message = Some(Value::string(format!("Property not found: {obj}.{name}")));
        raised.value = Value::list(vec![Value::obj(obj), Value::str(name)]);
    }
    raised
}
