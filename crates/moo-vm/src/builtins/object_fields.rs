//! The built-in properties: those that every object has without anybody defining them.
//!
//! Invariant: they come before all other properties, so no property of such a name can be defined.

use std::sync::LazyLock;

use moo_model::world::Flags;
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use crate::builtin::Context;
use crate::options::BUILTIN_PROPERTIES;

/// A built-in property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the properties")]
pub enum Field {
    Name,
    Owner,
    Programmer,
    Wizard,
    R,
    W,
    F,
    Location,
    Contents,
}

/// The properties in the order of [`BUILTIN_PROPERTIES`].
const FIELDS: [Field; 9] = [
    Field::Name,
    Field::Owner,
    Field::Programmer,
    Field::Wizard,
    Field::R,
    Field::W,
    Field::F,
    Field::Location,
    Field::Contents,
];

static SYMBOLS: LazyLock<[Symbol; 9]> = LazyLock::new(|| BUILTIN_PROPERTIES.map(Symbol::new));

/// The symbol of a property's name; none if nothing was ever called so. Built-in properties always were.
pub fn find_name(name: &str) -> Option<Symbol> {
    LazyLock::force(&SYMBOLS);
    Symbol::find(name)
}

impl Field {
    /// The built-in property of this name.
    #[inline]
    pub fn of(name: Symbol) -> Option<Field> {
        let at = SYMBOLS.iter().position(|&symbol| symbol == name)?;
        Some(FIELDS[at])
    }

    fn name(self) -> &'static str {
        BUILTIN_PROPERTIES[self as usize]
    }

    fn flag(self) -> Option<Flags> {
        match self {
            Field::Programmer => Some(Flags::PROGRAMMER),
            Field::Wizard => Some(Flags::WIZARD),
            Field::R => Some(Flags::READ),
            Field::W => Some(Flags::WRITE),
            Field::F => Some(Flags::FERTILE),
            _ => None,
        }
    }
}

/// `E_PERM` where the world keeps the property for wizards and the frame's programmer is none.
fn check_protection(ctx: &mut Context<'_>, field: Field) -> Result<(), Raised> {
    if ctx.options.protected_properties.contains(field.name()) {
        ctx.require_wizard()?;
    }
    Ok(())
}

/// A built-in property of an object. `E_INVIND` if there is no such object.
pub fn get_field(ctx: &mut Context<'_>, obj: Obj, field: Field) -> Result<Value, Raised> {
    check_protection(ctx, field)?;
    let tx = &mut *ctx.tx;
    let value = match field {
        Field::Name => tx.name(obj),
        Field::Owner => tx.owner(obj).map(Value::obj),
        Field::Location => tx.location(obj).map(Value::obj),
        Field::Contents => tx
            .contents(obj)
            .map(|contents| Value::list(contents.iter().map(|&o| Value::obj(o)).collect())),
        _ => {
            let flag = field.flag();
            tx.valid(obj)
                .then(|| Value::truth(flag.is_some_and(|flag| tx.flags(obj).has(flag))))
        }
    };
    value.ok_or(ErrorCode::InvInd.into())
}

/// Sets a built-in property. The rules of each are those of the manual: players are renamed by wizards only,
/// ownership and powers are wizards' to give, places change by `move()` alone.
pub fn set_field(ctx: &mut Context<'_>, obj: Obj, field: Field, value: &Value) -> Result<(), Raised> {
    if !ctx.tx.valid(obj) {
        return Err(ErrorCode::InvInd.into());
    }
    check_protection(ctx, field)?;
    match field {
        Field::Name => {
            if value.as_str().is_none() {
                return Err(ErrorCode::Type.into());
            }
            if ctx.tx.flags(obj).has(Flags::PLAYER) {
                ctx.require_wizard()?;
            }
            ctx.require_control(obj)?;
            ctx.task.store(value)?;
            ctx.tx.set_name(obj, value.clone())?;
        }
        Field::Owner => {
            let owner = value.as_obj().ok_or(ErrorCode::Type)?;
            ctx.require_wizard()?;
            ctx.tx.set_owner(obj, owner)?;
        }
        Field::Location | Field::Contents => return Err(ErrorCode::Perm.into()),
        Field::Programmer | Field::Wizard => {
            ctx.require_wizard()?;
            set_power(ctx, obj, field, value.is_true())?;
        }
        Field::R | Field::W | Field::F => {
            ctx.require_control(obj)?;
            if let Some(flag) = field.flag() {
                ctx.tx.set_flag(obj, flag, value.is_true())?;
            }
        }
    }
    Ok(())
}

/// Gives or takes a power; a change of who is a wizard is noted in the server's log.
fn set_power(ctx: &mut Context<'_>, obj: Obj, field: Field, on: bool) -> Result<(), Raised> {
    let Some(flag) = field.flag() else { return Ok(()) };
    if field == Field::Wizard && ctx.tx.flags(obj).has(flag) != on {
        let verb = ctx.frame.verb.as_str().unwrap_or("").to_string();
        let line = format!(
            "{}wizard: {obj} by programmer {} in {}:{verb}, line {}",
            if on { "" } else { "no longer " },
            ctx.frame.progr,
            ctx.frame.definer,
            ctx.line(),
        );
        ctx.host.log(&line, false);
    }
    ctx.tx.set_flag(obj, flag, on)?;
    Ok(())
}
