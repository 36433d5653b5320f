//! Verbs: declaring them, when they answer, and who may do what with them. Their programs are in `verb_code`.

use moo_model::world::{ArgSpec, Code, Flags, ObjSpec, PrepSpec, VerbPerms, VerbRecord};
use moo_model::{ErrorCode, Obj, Raised, Value, View, preposition};

use super::objects::{existing, object_allows};
use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, List, Obj as AnObj, Object};
use crate::builtin::{Builtin, Context};

/// A verb that an object defines, as `verb-desc` arguments name it.
pub(super) struct Found {
    pub obj: Obj,
    /// Its place, counted from 0.
    pub index: usize,
    pub verb: VerbRecord,
}

/// The verb that the first two arguments name. `E_TYPE` unless the second is a string or an integer, `E_INVARG` for an
/// integer below 1 or an object that does not exist, `E_VERBNF` if there is no such verb.
pub(super) fn find(ctx: &mut Context<'_>, args: &[Value]) -> Result<Found, Raised> {
    check_description(&args[1])?;
    let obj = existing(ctx, args, 0)?;
    find_on(ctx, obj, &args[1])
}

/// What is wrong with the description of a verb by itself.
fn check_description(description: &Value) -> Result<(), Raised> {
    match description.view() {
        View::Str(_) => Ok(()),
        View::Int(i) if i >= 1 => Ok(()),
        View::Int(_) => Err(ErrorCode::InvArg.into()),
        _ => Err(ErrorCode::Type.into()),
    }
}

fn find_on(ctx: &mut Context<'_>, obj: Obj, description: &Value) -> Result<Found, Raised> {
    let verbs = ctx.tx.verbs(obj).ok_or(ErrorCode::InvArg)?;
    let by_number = |number: i64| {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Some((index, verbs.get(index)?.clone()))
    };
    let found = match description.view() {
        View::Int(number) => by_number(number),
        View::Str(name) => ctx.tx.find_own_verb(obj, &name).or_else(|| {
            let numeric = ctx.options.numeric_verb_names;
            by_number(name.parse().ok().filter(|_| numeric)?)
        }),
        _ => None,
    };
    let (index, verb) = found.ok_or(ErrorCode::VerbNf)?;
    Ok(Found {
        obj,
        index,
        verb: VerbRecord::clone(&verb),
    })
}

/// `E_PERM` unless the verb's permissions, its ownership or a wizard's powers let the frame do what `wanted` says.
pub(super) fn require(ctx: &mut Context<'_>, found: &Found, wanted: VerbPerms) -> Result<(), Raised> {
    if found.verb.perms.has(wanted) {
        Ok(())
    } else {
        ctx.require_self(found.verb.owner)
    }
}

/// `{owner, permissions, names}` as programs write it.
struct Info {
    owner: Obj,
    perms: VerbPerms,
    names: Value,
}

const LETTERS: [(char, VerbPerms); 4] = [
    ('r', VerbPerms::READ),
    ('w', VerbPerms::WRITE),
    ('x', VerbPerms::EXEC),
    ('d', VerbPerms::DEBUG),
];

impl Info {
    /// `E_TYPE` for another shape; `E_INVARG` for an owner that does not exist, unknown letters or no names.
    fn parse(ctx: &mut Context<'_>, parts: &[Value]) -> Result<Info, Raised> {
        let [owner, letters, names] = parts else {
            return Err(ErrorCode::Type.into());
        };
        let owner = owner.as_obj().ok_or(ErrorCode::Type)?;
        let letters = letters.as_str().ok_or(ErrorCode::Type)?;
        let names = names.as_str().ok_or(ErrorCode::Type)?.trim_start_matches(' ');
        if !ctx.tx.valid(owner) || names.is_empty() {
            return Err(ErrorCode::InvArg.into());
        }
        let mut perms = VerbPerms::default();
        for letter in letters.chars() {
            let known = LETTERS
                .iter()
                .find(|(known, _)| *known == letter.to_ascii_lowercase());
            perms.0 |= known.ok_or(ErrorCode::InvArg)?.1.0;
        }
        Ok(Info {
            owner,
            perms,
            names: Value::str(names),
        })
    }
}

/// `{dobj, preposition, iobj}` as programs write it.
fn parse_args(parts: &[Value]) -> Result<ArgSpec, Raised> {
    let [dobj, prep, iobj] = parts else {
        return Err(ErrorCode::Type.into());
    };
    let texts = (dobj.as_str(), prep.as_str(), iobj.as_str());
    let (Some(dobj), Some(prep), Some(iobj)) = texts else {
        return Err(ErrorCode::Type.into());
    };
    let object = |word: &str| match word.to_ascii_lowercase().as_str() {
        "this" => Ok(ObjSpec::This),
        "none" => Ok(ObjSpec::None),
        "any" => Ok(ObjSpec::Any),
        _ => Err(ErrorCode::InvArg),
    };
    Ok(ArgSpec {
        dobj: object(dobj)?,
        prep: parse_preposition(prep).ok_or(ErrorCode::InvArg)?,
        iobj: object(iobj)?,
    })
}

/// A preposition by a word, a phrase, several with slashes between them, or its number with or without `#`.
fn parse_preposition(text: &str) -> Option<PrepSpec> {
    match text.to_ascii_lowercase().as_str() {
        "none" => return Some(PrepSpec::None),
        "any" => return Some(PrepSpec::Any),
        _ => {}
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    if let Ok(number) = digits.parse::<u8>() {
        preposition::name(number)?;
        return Some(PrepSpec::Is(number));
    }
    // Any one phrase of a list tells which preposition it is; lists are written as `verb_args()` gives them.
    let first = text.split('/').next()?;
    preposition::find(first).map(PrepSpec::Is)
}

fn args_value(args: ArgSpec) -> Value {
    let object = |spec| match spec {
        ObjSpec::This => "this",
        ObjSpec::None => "none",
        ObjSpec::Any => "any",
    };
    let prep = match args.prep {
        PrepSpec::None => Some("none".to_string()),
        PrepSpec::Any => Some("any".to_string()),
        PrepSpec::Is(number) => preposition::name(number),
    };
    Value::strings([
        object(args.dobj),
        prep.as_deref().unwrap_or("none"),
        object(args.iobj),
    ])
}

fn verbs(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::READ) {
        return Err(ErrorCode::Perm.into());
    }
    let verbs = ctx.tx.verbs(obj).ok_or(ErrorCode::InvArg)?;
    ctx.check_list(verbs.len())?;
    Ok(Value::list(verbs.iter().map(|verb| verb.names.clone()).collect()))
}

fn add_verb(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let info = Info::parse(ctx, args.list(1)?)?;
    let spec = parse_args(args.list(2)?)?;
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::WRITE) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.require_self(info.owner)?;
    ctx.task.store(&info.names)?;
    let record = VerbRecord {
        // The world numbers verbs when they are added.
        id: 0,
        names: info.names,
        owner: info.owner,
        perms: info.perms,
        args: spec,
        code: Code::new(""),
    };
    let index = ctx.tx.add_verb(obj, record)?;
    Ok(Value::int(index as i64 + 1))
}

fn delete_verb(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    check_description(&args[1])?;
    let obj = existing(ctx, args, 0)?;
    if !object_allows(ctx, obj, Flags::WRITE) {
        return Err(ErrorCode::Perm.into());
    }
    let found = find_on(ctx, obj, &args[1])?;
    ctx.tx.delete_verb(obj, found.index)?;
    Ok(ZERO)
}

fn verb_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::READ)?;
    let verb = found.verb;
    let perms = LETTERS
        .iter()
        .filter(|(_, bit)| verb.perms.has(*bit))
        .map(|(letter, _)| *letter);
    Ok(Value::list(vec![
        Value::obj(verb.owner),
        Value::string(perms.collect()),
        verb.names,
    ]))
}

fn set_verb_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    check_description(&args[1])?;
    let info = Info::parse(ctx, args.list(2)?)?;
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::WRITE)?;
    if info.owner != found.verb.owner {
        ctx.require_wizard()?;
    }
    ctx.task.store(&info.names)?;
    ctx.tx.edit_verb(found.obj, found.index, |verb| {
        verb.owner = info.owner;
        verb.perms = info.perms;
        verb.names = info.names;
    })?;
    Ok(ZERO)
}

fn verb_args(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::READ)?;
    Ok(args_value(found.verb.args))
}

fn set_verb_args(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    check_description(&args[1])?;
    let spec = parse_args(args.list(2)?)?;
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::WRITE)?;
    ctx.tx
        .edit_verb(found.obj, found.index, |verb| verb.args = spec)?;
    Ok(ZERO)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("verbs", (1, 1), &[Object], verbs, "The names of the verbs that an object defines."),
    row("verb_info", (2, 2), &[Object, Any], verb_info, "A verb's owner, permissions and names: `{owner, \"rwxd\", names}`."),
    row("set_verb_info", (3, 3), &[AnObj, Any, List], set_verb_info, "Sets a verb's owner, permissions and names."),
    row("verb_args", (2, 2), &[Object, Any], verb_args, "The commands that a verb answers: `{direct object, preposition, indirect object}`."),
    row("set_verb_args", (3, 3), &[AnObj, Any, List], set_verb_args, "Sets the commands that a verb answers."),
    row("add_verb", (3, 3), &[AnObj, List, List], add_verb, "Defines a verb without a program; gives its number."),
    row("delete_verb", (2, 2), &[AnObj, Any], delete_verb, "Deletes a verb that an object defines."),
];
