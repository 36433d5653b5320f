//! Players: who is one, who is connected, and what is sent to them and taken from them.

use moo_model::world::Flags;
use moo_model::{ErrorCode, Obj, Raised, Value, binary, json};

use super::objects::{existing, obj_list};
use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, Obj as AnObj, Str};
use crate::builtin::{Builtin, Context};
use crate::host::{Close, Output, Rich};

fn players(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    let players = ctx.tx.players();
    ctx.check_list(players.len())?;
    Ok(obj_list(&players))
}

fn is_player(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    Ok(Value::truth(ctx.tx.flags(obj).has(Flags::PLAYER)))
}

fn set_player_flag(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let obj = existing(ctx, args, 0)?;
    ctx.require_wizard()?;
    let on = args.flag(1);
    ctx.tx.set_player(obj, on)?;
    if !on {
        ctx.host.close(obj, Close::Booted);
    }
    Ok(ZERO)
}

fn connected_players(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Ok(obj_list(&ctx.host.connected(args.flag(0))))
}

fn connected_seconds(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let times = ctx.host.connection_times(args.obj(0)?);
    Ok(Value::int(times.ok_or(ErrorCode::InvArg)?.0))
}

fn idle_seconds(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let times = ctx.host.connection_times(args.obj(0)?);
    Ok(Value::int(times.ok_or(ErrorCode::InvArg)?.1))
}

/// The connection in the first argument; `E_PERM` unless it is the programmer's own or a wizard asks.
pub(super) fn own_connection(ctx: &mut Context<'_>, args: &[Value]) -> Result<Obj, Raised> {
    let conn = args.obj(0)?;
    ctx.require_self(conn)?;
    Ok(conn)
}

fn notify(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let is_binary = ctx.host.connection_option(conn, "binary").flatten();
    if is_binary.is_some_and(|on| on.is_true()) {
        let latin1 = ctx.tx.settings().latin1;
        binary::to_bytes(args.str(1)?, latin1).ok_or(ErrorCode::InvArg)?;
    }
    // Held until the commit and sent to somebody: a line costs by its length.
    ctx.task.charge_size(args.str(1)?.len());
    let output = Output {
        text: args[1].clone(),
        no_flush: args.flag(2),
        no_newline: args.flag(3),
    };
    Ok(Value::truth(ctx.host.notify(conn, output)))
}

/// Bytes of something rich at most, so that it fits into one event with all who see it.
const RICH_BYTES_MAX: usize = 64 << 10;

fn notify_rich(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let content_type = args.str(1)?.to_ascii_lowercase();
    let content = if content_type == Rich::TYPED {
        typed_message(&args[2])?
    } else {
        args.str(2)?.to_owned()
    };
    let text = match args.get(3) {
        Some(_) => Some(args.str(3)?.to_owned()),
        None => None,
    };
    let size = content_type.len() + content.len() + text.as_ref().map_or(0, String::len);
    ctx.task.charge_size(size);
    if size > RICH_BYTES_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let rich = Rich {
        content_type,
        content,
        text,
    };
    Ok(Value::truth(ctx.host.notify_rich(conn, rich)))
}

/// The JSON of a map that says of what type it is.
fn typed_message(value: &Value) -> Result<String, Raised> {
    let map = value.as_map().ok_or(ErrorCode::Type)?;
    let named = map.get(&Value::str("type")).and_then(Value::as_str);
    if named.is_none_or(str::is_empty) {
        return Err(ErrorCode::InvArg.into());
    }
    Ok(json::to_json(value).to_string())
}

fn boot_player(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    ctx.host.close(conn, Close::Booted);
    Ok(ZERO)
}

fn switch_player(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let conn = args.obj(0)?;
    let player = existing(ctx, args, 1)?;
    if !ctx.tx.flags(player).has(Flags::PLAYER) {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.host.switch_player(conn, player, args.flag(2))?;
    Ok(ZERO)
}

fn end_sessions(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let player = existing(ctx, args, 0)?;
    if !ctx.tx.flags(player).has(Flags::PLAYER) {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.host.end_sessions(player);
    Ok(ZERO)
}

fn force_input(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    match ctx.host.force_input(conn, args.str(1)?, args.flag(2)) {
        // Nobody is there to have typed it.
        Ok(()) | Err(ErrorCode::InvArg) => Ok(ZERO),
        Err(code) => Err(code.into()),
    }
}

fn flush_input(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    ctx.host.flush_input(conn, args.flag(1));
    Ok(ZERO)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("players", (0, 0), &[], players, "Every player, in the order in which they became so."),
    row("is_player", (1, 1), &[AnObj], is_player, "Whether an object is a player."),
    row("set_player_flag", (2, 2), &[AnObj, Any], set_player_flag, "Makes an object a player, or no longer one, which closes its connection; for wizards."),
    row("connected_players", (0, 1), &[Any], connected_players, "The connected players, newest first; also connections that are not logged in if the argument is true."),
    row("connected_seconds", (1, 1), &[AnObj], connected_seconds, "How long ago a player connected."),
    row("idle_seconds", (1, 1), &[AnObj], idle_seconds, "How long ago a player last typed something."),
    row("notify", (2, 4), &[AnObj, Str, Any, Any], notify, "Sends a line to a connection; gives 0 instead of dropping older lines if the third argument is true and there is no room."),
    row("notify_rich", (3, 4), &[AnObj, Str, Any, Str], notify_rich, "Sends something of a media type to a connection whose client takes it, and gives 1; else its line, if the fourth argument gives one. `application/json` takes a map with a `type`, which becomes a typed message; all others a string."),
    row("boot_player", (1, 1), &[AnObj], boot_player, "Closes a connection."),
    row("switch_player", (2, 3), &[AnObj, AnObj, Any], switch_player, "Hands a connection over to a player, silently if the third argument is true; for wizards."),
    row("end_sessions", (1, 1), &[AnObj], end_sessions, "Ends all tokens and sessions of a player, closes its connection and forgets what it was told, before its object is given to somebody else; for wizards."),
    row("force_input", (2, 3), &[AnObj, Str, Any], force_input, "Puts a line into a connection's input as if it had been typed, in front of the rest if the third argument is true."),
    row("flush_input", (1, 2), &[AnObj, Any], flush_input, "Drops a connection's waiting input, telling what was dropped if the second argument is true."),
];
