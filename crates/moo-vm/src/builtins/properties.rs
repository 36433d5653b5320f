//! Properties: declaring them, and who may do what with them.

use moo_model::world::{Dialect, Flags, PropPerms, Property};
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use super::object_fields::{self, Field};
use super::objects::{existing, object_allows};
use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, List, Obj as AnObj, Object, Str};
use crate::builtin::{Builtin, Context};
use crate::property_access::allows;

/// What a property name leads to.
enum Found {
    /// A property that every object has.
    Field,
    /// A defined one.
    Property(Property),
}

/// Finds a property by name; `E_PROPNF` if there is none.
fn find(ctx: &mut Context<'_>, obj: Obj, name: &str) -> Result<Found, Raised> {
    let symbol = object_fields::find_name(name).ok_or(ErrorCode::PropNf)?;
    if Field::of(symbol).is_some() {
        return Ok(Found::Field);
    }
    Ok(Found::Property(ctx.tx.find_property(obj, symbol)?))
}

/// As [`find`], for functions to which built-in properties do not exist.
fn find_defined(ctx: &mut Context<'_>, obj: Obj, name: &str) -> Result<Property, Raised> {
    match find(ctx, obj, name)? {
        Found::Property(property) => Ok(property),
        Found::Field => Err(ErrorCode::PropNf.into()),
    }
}

fn require(ctx: &mut Context<'_>, property: &Property, wanted: PropPerms) -> Result<(), Raised> {
    if allows(ctx, property, wanted) {
        Ok(())
    } else {
        Err(ErrorCode::Perm.into())
    }
}

/// `{owner, permissions}` or `{owner, permissions, new name}`, as programs write it.
struct Info<'a> {
    owner: Obj,
    perms: PropPerms,
    new_name: Option<&'a str>,
}

impl<'a> Info<'a> {
    /// `E_TYPE` for another shape; `E_INVARG` for an owner that does not exist or letters other than `r`, `w` and `c`.
    fn parse(ctx: &mut Context<'_>, parts: &'a [Value]) -> Result<Info<'a>, Raised> {
        let (owner, letters, new_name) = match parts {
            [owner, letters] => (owner, letters, None),
            [owner, letters, name] => (owner, letters, Some(name.as_str().ok_or(ErrorCode::Type)?)),
            _ => return Err(ErrorCode::Type.into()),
        };
        let owner = owner.as_obj().ok_or(ErrorCode::Type)?;
        let letters = letters.as_str().ok_or(ErrorCode::Type)?;
        if !ctx.tx.valid(owner) {
            return Err(ErrorCode::InvArg.into());
        }
        let mut perms = PropPerms::default();
        for letter in letters.chars() {
            let bit = match letter.to_ascii_lowercase() {
                'r' => PropPerms::READ,
                'w' => PropPerms::WRITE,
                'c' => PropPerms::CHOWN,
                _ => return Err(ErrorCode::InvArg.into()),
            };
            perms.0 |= bit.0;
        }
        Ok(Info {
            owner,
            perms,
            new_name,
        })
    }
}

fn properties(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::READ) {
        return Err(ErrorCode::Perm.into());
    }
    let names = ctx.tx.property_names(obj).ok_or(ErrorCode::InvArg)?;
    ctx.check_list(names.len())?;
    Ok(Value::list(names))
}

fn property_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    let property = find_defined(ctx, obj, args.str(1)?)?;
    require(ctx, &property, PropPerms::READ)?;
    let letters = [
        ('r', PropPerms::READ),
        ('w', PropPerms::WRITE),
        ('c', PropPerms::CHOWN),
    ];
    let perms = letters
        .iter()
        .filter(|(_, bit)| property.perms.has(*bit))
        .map(|(letter, _)| *letter);
    Ok(Value::list(vec![
        Value::obj(property.owner),
        Value::string(perms.collect()),
    ]))
}

fn set_property_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let info = Info::parse(ctx, args.list(2)?)?;
    let obj = existing(ctx, args, 0)?;
    let name = args.str(1)?;
    let property = find_defined(ctx, obj, name)?;
    ctx.require_self(property.owner)?;
    if info.owner != property.owner {
        ctx.require_wizard()?;
    }
    if let Some(new_name) = info.new_name {
        rename(ctx, &property, name, new_name)?;
    }
    ctx.tx.set_property_perms(&property, info.owner, info.perms);
    Ok(ZERO)
}

/// Renames a property; `E_INVARG` away from its definer or where the new name is taken. Another spelling in upper and
/// lower case of the same name is free.
fn rename(ctx: &mut Context<'_>, property: &Property, old: &str, new: &str) -> Result<(), Raised> {
    let same = moo_model::text::equal_folded(old, new);
    if property.definer != property.obj || !same && is_taken(ctx, property.obj, new) {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.task.store_bytes(new.len())?;
    ctx.tx.rename_property(property.obj, Symbol::new(old), new)?;
    Ok(())
}

/// Whether a property of this name cannot be defined on the object.
fn is_taken(ctx: &mut Context<'_>, obj: Obj, name: &str) -> bool {
    object_fields::find_name(name)
        .is_some_and(|symbol| Field::of(symbol).is_some() || ctx.tx.property_clashes(obj, symbol))
}

fn add_property(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let info = Info::parse(ctx, args.list(3)?)?;
    if info.new_name.is_some() {
        return Err(ErrorCode::InvArg.into());
    }
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::WRITE) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.require_self(info.owner)?;
    let name = args.str(1)?;
    if is_taken(ctx, obj, name) {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.task.store(&args[2])?;
    ctx.task.store_bytes(name.len())?;
    ctx.tx
        .define_property(obj, name, args[2].clone(), info.owner, info.perms)?;
    Ok(ZERO)
}

fn delete_property(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::WRITE) {
        return Err(ErrorCode::Perm.into());
    }
    let symbol = object_fields::find_name(args.str(1)?).ok_or(ErrorCode::PropNf)?;
    ctx.tx.delete_property(obj, symbol)?;
    Ok(ZERO)
}

fn clear_property(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    let Found::Property(property) = find(ctx, obj, args.str(1)?)? else {
        return Err(ErrorCode::Perm.into());
    };
    match ctx.tx.settings().dialect {
        Dialect::Lambda => ctx.require_self(property.owner)?,
        Dialect::Toast | Dialect::Moor => require(ctx, &property, PropPerms::WRITE)?,
    }
    if property.definer == obj {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.tx.clear_property(&property);
    Ok(ZERO)
}

fn is_clear_property(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    let Found::Property(property) = find(ctx, obj, args.str(1)?)? else {
        return Ok(ZERO);
    };
    require(ctx, &property, PropPerms::READ)?;
    Ok(Value::truth(ctx.tx.is_clear(&property)))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("properties", (1, 1), &[Object], properties, "The names of the properties that an object defines."),
    row("property_info", (2, 2), &[Object, Str], property_info, "A property's owner and permissions: `{owner, \"rwc\"}`."),
    row("set_property_info", (3, 3), &[Object, Str, List], set_property_info, "Sets a property's owner and permissions, and its name if a third is given."),
    row("add_property", (4, 4), &[AnObj, Str, Any, List], add_property, "Defines a property on an object with its value and `{owner, permissions}`."),
    row("delete_property", (2, 2), &[AnObj, Str], delete_property, "Deletes a property that an object defines."),
    row("clear_property", (2, 2), &[Object, Str], clear_property, "Makes an inherited property take its parent's value again."),
    row("is_clear_property", (2, 2), &[Object, Str], is_clear_property, "Whether an inherited property takes its parent's value."),
];
