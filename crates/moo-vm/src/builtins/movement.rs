//! `move()`, in three steps with a verb call before each next one.

use moo_model::world::Dialect;
use moo_model::{ErrorCode, Obj, Raised, Value};

use super::objects::existing;
use super::{Args, ZERO, flow_row};
use crate::builtin::ArgType::Obj as AnObj;
use crate::builtin::{Builtin, Context, Continuation, Flow};

fn move_object(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let what = existing(ctx, args, 0)?;
    let to = args.obj(1)?;
    if to != Obj::NOTHING {
        existing(ctx, args, 1)?;
    }
    ctx.require_control(what)?;
    let asks_again = ctx.tx.settings().dialect == Dialect::Lambda;
    if !asks_again && ctx.tx.location(what) == Some(to) {
        return Ok(Flow::Value(ZERO));
    }
    if to == Obj::NOTHING {
        return accepted(ctx, what, to, true);
    }
    // A place without `:accept` refuses.
    Ok(call(to, "accept", what, Continuation::MoveAccepted { what, to }))
}

fn call(this: Obj, verb: &'static str, what: Obj, then: Continuation) -> Flow {
    Flow::Call {
        this,
        verb,
        args: vec![Value::obj(what)],
        then,
        missing: ZERO,
    }
}

/// After `:accept`, which may have changed anything: moves, and tells the old place.
pub(super) fn accepted(ctx: &mut Context<'_>, what: Obj, to: Obj, accepts: bool) -> Result<Flow, Raised> {
    if !accepts && !ctx.is_wizard() {
        return Err(ErrorCode::Nacc.into());
    }
    let there = to == Obj::NOTHING || ctx.tx.valid(to);
    let Some(from) = ctx.tx.location(what).filter(|&from| there && from != to) else {
        return Ok(Flow::Value(ZERO));
    };
    if ctx.tx.is_inside(to, what) {
        return Err(ErrorCode::RecMove.into());
    }
    ctx.tx.relocate(what, to)?;
    if ctx.tx.valid(from) {
        Ok(call(
            from,
            "exitfunc",
            what,
            Continuation::MoveExited { what, to },
        ))
    } else {
        exited(ctx, what, to)
    }
}

/// After `:exitfunc`: tells the new place, if the object is still there.
pub(super) fn exited(ctx: &mut Context<'_>, what: Obj, to: Obj) -> Result<Flow, Raised> {
    if ctx.tx.valid(to) && ctx.tx.location(what) == Some(to) {
        Ok(call(to, "enterfunc", what, Continuation::MoveEntered))
    } else {
        Ok(Flow::Value(ZERO))
    }
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    flow_row("move", (2, 2), &[AnObj, AnObj], move_object, "Moves an object to a place, which must accept it, or to nowhere (`#-1`)."),
];
