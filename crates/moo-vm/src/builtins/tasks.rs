//! Tasks: who called, what is left, and other tasks.

use moo_model::world::Transaction;
use moo_model::{ErrorCode, Obj, Raised, Value};

use super::{Args, ZERO, flow_row, row};
use crate::builtin::ArgType::{Any, Int, Number, Obj as AnObj};
use crate::builtin::{Builtin, Context, Flow};
use crate::frame::Frame;
use crate::host::QueuedTask;
use crate::machine::redacted;
use crate::options::queued_task_limit;
use crate::outcome::Wake;

fn caller_perms(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    let caller = ctx.below.last().map_or(Obj::NOTHING, |frame| frame.progr);
    Ok(Value::obj(caller))
}

fn set_task_perms(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let who = args.obj(0)?;
    ctx.require_self(who)?;
    ctx.frame.progr = who;
    Ok(ZERO)
}

/// `{this, verb, programmer, definer, player}` of a frame, with its line if asked for. A built-in function has nobody's
/// permissions there; an anonymous object is shown to who controls it.
fn frame_row(tx: &mut Transaction, progr: Obj, frame: &Frame, lines: bool) -> Value {
    let nothing = || Value::obj(Obj::NOTHING);
    let mut row = match frame.builtin_name() {
        Some(name) => vec![nothing(), Value::str(name), nothing(), nothing()],
        None => vec![
            match frame.this.referent() {
                Some(this) if tx.controls(progr, this) => frame.this.clone(),
                _ => redacted(&frame.this),
            },
            frame.verb.clone(),
            Value::obj(frame.progr),
            Value::obj(frame.definer),
        ],
    };
    row.push(Value::obj(frame.player));
    if lines {
        row.push(Value::int(i64::from(frame.line())));
    }
    Value::list(row)
}

fn callers(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let lines = args.flag(0);
    let progr = ctx.progr();
    let frames = ctx.below.iter().rev();
    let rows = frames.map(|frame| frame_row(ctx.tx, progr, frame, lines));
    Ok(Value::list(rows.collect()))
}

fn task_id(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(ctx.task.id))
}

fn ticks_left(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(ctx.task.ticks_left.max(0)))
}

fn seconds_left(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(ctx.host.seconds_left().max(0.0) as i64))
}

fn suspend(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let wake = match args.first() {
        None => Wake::Never,
        Some(delay) => {
            let seconds = match delay.as_int() {
                Some(seconds) => seconds as f64,
                None => delay.as_float().ok_or(ErrorCode::Type)?,
            };
            if seconds < 0.0 {
                return Err(ErrorCode::InvArg.into());
            }
            Wake::After(seconds)
        }
    };
    let progr = ctx.progr();
    let limit = queued_task_limit(ctx.tx, progr);
    if !ctx.host.may_queue(progr, limit) {
        return Err(ErrorCode::Quota.into());
    }
    Ok(Flow::Suspend(wake))
}

fn read(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let conn = match args.first() {
        Some(_) => {
            let conn = args.obj(0)?;
            let owner = ctx.tx.owner(conn);
            if owner != Some(ctx.progr()) {
                ctx.require_wizard()?;
            }
            conn
        }
        None => {
            let player = ctx.frame.player;
            ctx.require_wizard()?;
            if !ctx.host.is_input_task(player) {
                return Err(ErrorCode::Perm.into());
            }
            player
        }
    };
    let at_once = args.flag(1);
    match ctx.host.read_line(conn, at_once)? {
        Some(line) => Ok(Flow::Value(line)),
        None if at_once => Ok(Flow::Value(ZERO)),
        None => Ok(Flow::Suspend(Wake::Input(conn))),
    }
}

/// Another task by the id in the first argument: `E_INVARG` if there is none, `E_PERM` unless its owner asks.
fn other_task(ctx: &mut Context<'_>, args: &[Value]) -> Result<QueuedTask, Raised> {
    let id = args.int(0)?;
    let task = ctx.host.queued_tasks().into_iter().find(|task| task.id == id);
    let task = task.ok_or(ErrorCode::InvArg)?;
    ctx.require_self(task.owner)?;
    Ok(task)
}

fn resume(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let task = other_task(ctx, args)?;
    let value = args.get(1).cloned().unwrap_or(ZERO);
    ctx.task.store(&value)?;
    ctx.host.resume(task.id, value)?;
    Ok(ZERO)
}

fn kill_task(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    if args.int(0)? == ctx.task.id {
        return Ok(Flow::Kill);
    }
    let task = other_task(ctx, args)?;
    ctx.host.kill(task.id)?;
    Ok(Flow::Value(ZERO))
}

/// The tasks that the frame's programmer may see.
fn visible_tasks(ctx: &mut Context<'_>) -> Vec<QueuedTask> {
    let everything = ctx.is_wizard();
    let progr = ctx.progr();
    let mut tasks = ctx.host.queued_tasks();
    tasks.retain(|task| everything || task.owner == progr);
    tasks
}

fn queued_tasks(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let tasks = visible_tasks(ctx);
    if args.flag(1) {
        return Ok(Value::int(tasks.len() as i64));
    }
    ctx.check_list(tasks.len())?;
    Ok(Value::list(tasks.into_iter().map(|task| task.row).collect()))
}

fn task_stack(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let task = other_task(ctx, args)?;
    let stack = task.stack.ok_or(ErrorCode::InvArg)?;
    if args.flag(1) {
        return Ok(stack);
    }
    let rows = stack.as_list().unwrap_or_default().iter().map(|row| {
        let items = row.as_list().unwrap_or_default();
        Value::list(items.iter().take(5).cloned().collect())
    });
    Ok(Value::list(rows.collect()))
}

fn queue_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    if args.is_empty() {
        return Ok(super::objects::obj_list(&ctx.host.queue_info()));
    }
    let player = args.obj(0)?;
    let count = ctx
        .host
        .queued_tasks()
        .iter()
        .filter(|task| task.owner == player)
        .count();
    Ok(Value::int(count as i64))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("caller_perms", (0, 0), &[], caller_perms, "Whose permissions the caller of this verb has; `#-1` if the server called it."),
    row("set_task_perms", (1, 1), &[AnObj], set_task_perms, "Gives this verb somebody else's permissions for the rest of its run; for wizards."),
    row("callers", (0, 1), &[Any], callers, "Who called, innermost first: `{this, verb, programmer, definer, player}`, with line numbers if the argument is true."),
    row("task_id", (0, 0), &[], task_id, "The number of this task."),
    row("ticks_left", (0, 0), &[], ticks_left, "The ticks that this task may still use."),
    row("seconds_left", (0, 0), &[], seconds_left, "The whole seconds that this task may still use."),
    flow_row("suspend", (0, 1), &[Number], suspend, "Stops this task for so many seconds, or until `resume()`."),
    flow_row("read", (0, 2), &[AnObj, Any], read, "Stops this task until a line comes from a connection; gives 0 at once if the second argument is true and there is none."),
    row("resume", (1, 2), &[Int, Any], resume, "Lets a suspended task go on, with a value for its `suspend()`."),
    flow_row("kill_task", (1, 1), &[Int], kill_task, "Ends a task."),
    row("queued_tasks", (0, 2), &[Any, Any], queued_tasks, "The caller's waiting tasks, or everybody's for wizards; their number if the second argument is true."),
    row("task_stack", (1, 2), &[Int, Any], task_stack, "The frames of a suspended task, as `callers()` shows them."),
    row("queue_info", (0, 1), &[AnObj], queue_info, "The players with tasks or connections, or the number of one player's waiting tasks."),
];
