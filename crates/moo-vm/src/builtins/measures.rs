//! What the server knows of its own work: what verbs cost, where tasks were in each other's way, and how late it is.

use moo_model::{Obj, Raised, Value};

use super::{row, verbs};
use crate::builtin::ArgType::{Any, Obj as AnObj};
use crate::builtin::{Builtin, Context};
use crate::profile;

/// What a row of the profile costs whoever looks for some among them, as a size.
const ROW_SIZE: usize = 64;

/// `{definer, names, calls, ticks, seconds}`
fn profile_row(row: &profile::Row) -> Value {
    let number = |n: u64| Value::int(i64::try_from(n).unwrap_or(i64::MAX));
    Value::list(vec![
        Value::obj(row.definer),
        row.names.clone(),
        number(row.used.calls),
        number(row.used.ticks),
        Value::float(row.used.nanos as f64 / 1e9),
    ])
}

/// All verbs for wizards; those of one object, or one of its verbs, also for whoever owns the verb.
fn verb_profile(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let mut rows = profile::rows();
    ctx.task.charge_size(rows.len() * ROW_SIZE);
    match args.len() {
        0 => ctx.require_wizard()?,
        1 => {
            let obj = super::objects::existing(ctx, args, 0)?;
            let may_see = names_visible(ctx, obj);
            rows.retain(|row| row.definer == obj && may_see.contains(&row.names));
        }
        _ => {
            let found = verbs::find(ctx, args)?;
            ctx.require_self(found.verb.owner)?;
            rows.retain(|row| row.definer == found.obj && row.names == found.verb.names);
        }
    }
    ctx.check_list(rows.len())?;
    Ok(Value::list(rows.iter().map(profile_row).collect()))
}

/// The names of the verbs on an object that the frame's programmer owns, or of all for wizards.
fn names_visible(ctx: &mut Context<'_>, obj: Obj) -> Vec<Value> {
    let (all, progr) = (ctx.is_wizard(), ctx.progr());
    let verbs = ctx.tx.verbs(obj).unwrap_or_default();
    let own = verbs.iter().filter(|verb| all || verb.owner == progr);
    own.map(|verb| verb.names.clone()).collect()
}

fn conflicts(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let rows = ctx.host.conflicts();
    ctx.check_list(rows.len())?;
    let rows = rows.into_iter().map(|row| {
        Value::list(vec![
            Value::obj(row.obj),
            Value::string(row.part),
            Value::int(i64::try_from(row.count).unwrap_or(i64::MAX)),
        ])
    });
    Ok(Value::list(rows.collect()))
}

fn lag(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    let rows = ctx.host.lag().into_iter().map(|row| {
        Value::list(vec![
            Value::str(row.step),
            Value::float(row.median),
            Value::float(row.p99),
        ])
    });
    Ok(Value::list(rows.collect()))
}

fn usage(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(ctx.host.usage())
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("verb_profile", (0, 2), &[AnObj, Any], verb_profile, "What verbs used since the server started, those with the most time first: `{definer, names, calls, ticks, seconds}` each, without what they called; ticks and seconds are samples. All verbs for wizards, else the caller's own of an object."),
    row("conflicts", (0, 0), &[], conflicts, "Where tasks were in each other's way and had to run again: `{object, property, times}` each, the most frequent first; for wizards."),
    row("lag", (0, 0), &[], lag, "How late the server was in the last minute: `{step, median, p99}` each, in seconds. `start` is from when a task is ready until it runs, `write` from a commit until it is written, `turn` how late the server's own clock rings."),
    row("usage", (0, 0), &[], usage, "What the server's process has used: `{{load in 1, 5 and 15 minutes}, user seconds, system seconds, page reclaims, page faults, block input, block output, waits, switches, signals}`."),
];
