//! Objects: their coming and going, their parents, and what happens after the verbs that these functions call.

use moo_model::world::{Dialect, Flags};
use moo_model::{ErrorCode, Obj, Raised, Symbol, Value};

use super::{Args, ZERO, flow_row, movement, row};
use crate::builtin::ArgType::{Any, Obj as AnObj, Object};
use crate::builtin::{ArgType, Builtin, Context, Continuation, Flow};
use crate::host::Close;

/// Goes on with a function once the verb it called has returned. The frame of `ctx` is the function's own, with the
/// programmer it was called with.
pub fn resume(ctx: &mut Context<'_>, then: Continuation, returned: Value) -> Result<Flow, Raised> {
    match then {
        Continuation::Create { obj } => Ok(Flow::Value(Value::obj(obj))),
        Continuation::MoveAccepted { what, to } => movement::accepted(ctx, what, to, returned.is_true()),
        Continuation::MoveExited { what, to } => movement::exited(ctx, what, to),
        Continuation::MoveEntered => Ok(Flow::Value(ZERO)),
        Continuation::Recycle { obj, .. } => go_on_recycling(ctx, obj),
        Continuation::Eval => Ok(Flow::Value(Value::list(vec![Value::int(1), returned]))),
        Continuation::Wrapper => Ok(Flow::Value(returned)),
    }
}

/// Ends a function whose verb raised an error, which goes on to the caller. What was done stays done; an object that is
/// being recycled goes, without any more verbs being called.
pub fn on_error(ctx: &mut Context<'_>, then: Continuation) {
    let Continuation::Recycle { obj, .. } = then else {
        return;
    };
    let contents = ctx.tx.contents(obj).map(|contents| contents.to_vec());
    for content in contents.unwrap_or_default() {
        // An object in the contents exists, so it can be moved.
        let _ = ctx.tx.relocate(content, Obj::NOTHING);
    }
    if ctx.tx.relocate(obj, Obj::NOTHING).is_ok() {
        let _ = destroy(ctx, obj);
    }
}

/// Whether the frame's programmer owns the object or is a wizard, or the flag lets everybody.
pub(super) fn object_allows(ctx: &mut Context<'_>, obj: Obj, flag: Flags) -> bool {
    ctx.tx.flags(obj).has(flag) || ctx.tx.controls(ctx.frame.progr, obj)
}

/// The object at a place in the arguments, anonymous ones included where the function's row lets them in; `E_INVARG`
/// unless it exists.
pub(super) fn existing(ctx: &mut Context<'_>, args: &[Value], at: usize) -> Result<Obj, Raised> {
    let obj = args.object(at)?;
    if ctx.tx.valid(obj) {
        Ok(obj)
    } else {
        Err(ErrorCode::InvArg.into())
    }
}

/// A list of object numbers.
pub(super) fn obj_list(objs: &[Obj]) -> Value {
    Value::list(objs.iter().map(|&obj| Value::obj(obj)).collect())
}

fn valid(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = args.object(0)?;
    Ok(Value::truth(ctx.tx.valid(obj)))
}

fn parent(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let parent = ctx.tx.parent(args.object(0)?);
    Ok(Value::obj(parent.ok_or(ErrorCode::InvArg)?))
}

fn children(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let children = ctx.tx.children(args.obj(0)?).ok_or(ErrorCode::InvArg)?;
    ctx.check_list(children.len())?;
    Ok(obj_list(&children))
}

fn max_object(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::obj(ctx.tx.max_object()))
}

/// Adds to the number of objects that somebody may still own, where the world counts. `E_QUOTA` when one more is to be
/// taken and none is left.
fn change_quota(ctx: &mut Context<'_>, owner: Obj, change: i64) -> Result<(), Raised> {
    if ctx.tx.settings().dialect != Dialect::Lambda || !ctx.tx.valid(owner) {
        return Ok(());
    }
    let Ok(property) = ctx.tx.find_property(owner, Symbol::new("ownership_quota")) else {
        return Ok(());
    };
    let Some(quota) = ctx.tx.property_value(&property).as_int() else {
        return Ok(());
    };
    if change < 0 && quota <= 0 {
        return Err(ErrorCode::Quota.into());
    }
    ctx.tx
        .set_property_value(&property, Value::int(quota.saturating_add(change)));
    Ok(())
}

/// What `create()` is asked for: `(parent [, owner] [, anonymous] [, arguments])`, told apart by their kinds.
struct Wanted {
    parent: Obj,
    owner: Obj,
    is_anonymous: bool,
    args: Vec<Value>,
}

impl Wanted {
    fn parse(ctx: &Context<'_>, args: &[Value]) -> Result<Wanted, Raised> {
        let mut rest = &args[1..];
        let mut next = |kind: ArgType| {
            let (first, others) = rest.split_first().filter(|(first, _)| kind.allows(first))?;
            rest = others;
            Some(first)
        };
        let owner = next(AnObj).and_then(Value::as_obj);
        let is_anonymous = next(ArgType::Int).is_some_and(Value::is_true);
        let args_given = next(ArgType::List).and_then(Value::as_list);
        let wanted = Wanted {
            parent: args.obj(0)?,
            owner: owner.unwrap_or(ctx.progr()),
            is_anonymous,
            args: args_given.unwrap_or_default().to_vec(),
        };
        if rest.is_empty() {
            Ok(wanted)
        } else {
            Err(ErrorCode::Type.into())
        }
    }

    /// The flag by which a parent lets others make children of this kind.
    fn flag(&self) -> Flags {
        if self.is_anonymous {
            Flags::ANONYMOUS
        } else {
            Flags::FERTILE
        }
    }
}

fn create(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let wanted = Wanted::parse(ctx, args)?;
    let (parent, owner) = (wanted.parent, wanted.owner);
    if parent != Obj::NOTHING && !ctx.tx.valid(parent) {
        return Err(match ctx.tx.settings().dialect {
            Dialect::Lambda => ErrorCode::Perm.into(),
            Dialect::Toast | Dialect::Moor => ErrorCode::InvArg.into(),
        });
    }
    if parent != Obj::NOTHING && !object_allows(ctx, parent, wanted.flag()) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.require_self(owner)?;
    if (owner != Obj::NOTHING || wanted.is_anonymous) && !ctx.tx.valid(owner) {
        return Err(ErrorCode::InvArg.into());
    }
    change_quota(ctx, owner, -1)?;
    let obj = match wanted.is_anonymous {
        true => ctx.tx.create_anonymous(parent, owner),
        false => ctx.tx.create(parent, (owner != Obj::NOTHING).then_some(owner)),
    };
    Ok(Flow::Call {
        this: obj,
        verb: "initialize",
        args: wanted.args,
        then: Continuation::Create { obj },
        missing: ZERO,
    })
}

fn recycle(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let obj = existing(ctx, args, 0)?;
    ctx.require_control(obj)?;
    Ok(Flow::Call {
        this: obj,
        verb: "recycle",
        args: Vec::new(),
        then: Continuation::Recycle { obj, moving: None },
        missing: ZERO,
    })
}

/// Moves the next content, then the object itself, to nowhere, telling each place; then destroys the object.
fn go_on_recycling(ctx: &mut Context<'_>, obj: Obj) -> Result<Flow, Raised> {
    let contents = ctx.tx.contents(obj).ok_or(ErrorCode::InvArg)?;
    let location = ctx.tx.location(obj).ok_or(ErrorCode::InvArg)?;
    let (place, moving) = match contents.first() {
        Some(&content) => (obj, content),
        None if ctx.tx.valid(location) => (location, obj),
        None => {
            destroy(ctx, obj)?;
            return Ok(Flow::Value(ZERO));
        }
    };
    ctx.tx.relocate(moving, Obj::NOTHING)?;
    Ok(Flow::Call {
        this: place,
        verb: "exitfunc",
        args: vec![Value::obj(moving)],
        then: Continuation::Recycle {
            obj,
            moving: Some(moving),
        },
        missing: ZERO,
    })
}

/// Removes an object that is empty and nowhere.
fn destroy(ctx: &mut Context<'_>, obj: Obj) -> Result<(), Raised> {
    let owner = ctx.tx.owner(obj).ok_or(ErrorCode::InvArg)?;
    ctx.tx.destroy(obj)?;
    ctx.host.close(obj, Close::Recycled);
    change_quota(ctx, owner, 1)
}

fn chparent(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    let parent = args.obj(1)?;
    if parent != Obj::NOTHING {
        existing(ctx, args, 1)?;
    }
    ctx.require_control(obj)?;
    if parent != Obj::NOTHING && !object_allows(ctx, parent, Flags::FERTILE) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.tx.change_parent(obj, parent)?;
    Ok(ZERO)
}

fn renumber(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    ctx.require_wizard()?;
    Ok(Value::obj(ctx.tx.renumber(obj)?))
}

fn reset_max_object(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    ctx.tx.reset_max_object();
    Ok(ZERO)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    flow_row("create", (1, 4), &[AnObj, Any, Any, Any], create, "Makes a child of an object, which must be fertile or the caller's: `create(parent [, owner] [, anonymous] [, arguments])`. Another owner than the caller is for wizards; an anonymous object has no number and goes when nothing refers to it; the arguments are those of `:initialize`."),
    flow_row("recycle", (1, 1), &[Object], recycle, "Destroys an object; its contents and itself are moved to nowhere first, its children become its parent's."),
    row("valid", (1, 1), &[Object], valid, "Whether there is such an object."),
    row("parent", (1, 1), &[Object], parent, "The parent of an object, or `#-1`."),
    row("children", (1, 1), &[AnObj], children, "The children of an object, in the order in which they became so."),
    row("chparent", (2, 2), &[AnObj, AnObj], chparent, "Gives an object another parent, or none."),
    row("max_object", (0, 0), &[], max_object, "The highest object number in use or once used."),
    row("renumber", (1, 1), &[AnObj], renumber, "Gives an object the lowest free number, which is the result; for wizards."),
    row("reset_max_object", (0, 0), &[], reset_max_object, "Forgets numbers above the highest object; for wizards."),
];
