//! Connections as such: their names, options and buffers, and the ports that they come in by.

use moo_model::{ErrorCode, Obj, Raised, Value};

use super::objects::existing;
use super::players::own_connection;
use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, List as AList, Obj as AnObj, Str};
use crate::builtin::{Builtin, Context};
use crate::host::Presentation;

/// The most output that waits for a connection, in bytes, as programs are told.
const BUFFERED_OUTPUT_MAX: i64 = 65_536;

fn connection_name(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let name = ctx.host.connection_name(conn).ok_or(ErrorCode::InvArg)?;
    Ok(Value::string(name))
}

fn connection_option(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let value = ctx.host.connection_option(conn, args.str(1)?).flatten();
    value.ok_or(ErrorCode::InvArg.into())
}

fn connection_options(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    if args.len() > 1 {
        return connection_option(ctx, args);
    }
    let conn = own_connection(ctx, args)?;
    let options = ctx.host.connection_options(conn).ok_or(ErrorCode::InvArg)?;
    let pairs = options
        .into_iter()
        .map(|(name, value)| Value::list(vec![Value::string(name), value]));
    Ok(Value::list(pairs.collect()))
}

fn set_connection_option(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    ctx.host.set_connection_option(conn, args.str(1)?, &args[2])?;
    Ok(ZERO)
}

fn connection_attributes(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let facts = ctx.host.connection_attributes(conn).ok_or(ErrorCode::InvArg)?;
    let pairs = facts
        .into_iter()
        .map(|(name, value)| Value::list(vec![Value::string(name), value]));
    Ok(Value::list(pairs.collect()))
}

fn present(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let id = args.str(1)?;
    let shown = match args.len() {
        2 => None,
        3 | 4 => return Err(ErrorCode::Args.into()),
        _ => Some(Presentation {
            content_type: args.str(2)?.to_owned(),
            target: args.str(3)?.to_owned(),
            content: args[4].clone(),
            attributes: match args.get(5) {
                None => Vec::new(),
                Some(pairs) => named_values(pairs).ok_or(ErrorCode::InvArg)?,
            },
        }),
    };
    ctx.host.present(conn, id, shown)?;
    Ok(ZERO)
}

/// The pairs of a list of `{name, value}`.
fn named_values(pairs: &Value) -> Option<Vec<(String, Value)>> {
    let pair = |pair: &Value| match pair.as_list()? {
        [name, value] => Some((name.as_str()?.to_owned(), value.clone())),
        _ => None,
    };
    pairs.as_list()?.iter().map(pair).collect()
}

fn output_delimiters(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let conn = own_connection(ctx, args)?;
    let (prefix, suffix) = ctx.host.output_delimiters(conn).ok_or(ErrorCode::InvArg)?;
    Ok(Value::strings([prefix, suffix]))
}

fn buffered_output_length(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    if args.is_empty() {
        return Ok(Value::int(BUFFERED_OUTPUT_MAX));
    }
    let conn = own_connection(ctx, args)?;
    let bytes = ctx.host.buffered_output(conn).ok_or(ErrorCode::InvArg)?;
    Ok(Value::int(bytes as i64))
}

fn listen(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let handler = existing(ctx, args, 0)?;
    let port = args.int(1)?;
    Ok(Value::int(ctx.host.listen(handler, port, args.flag(2))?))
}

fn unlisten(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    // Ports are numbers, so whatever else is named is not open.
    let port = args[0].as_int().ok_or(ErrorCode::InvArg)?;
    ctx.host.unlisten(port)?;
    Ok(ZERO)
}

fn listeners(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let wanted = |handler: Obj, port: i64| match args.first() {
        None => true,
        Some(wanted) => *wanted == Value::obj(handler) || *wanted == Value::int(port),
    };
    let rows = ctx
        .host
        .listeners()
        .into_iter()
        .filter(|&(o, port, _)| wanted(o, port));
    let rows = rows.map(|(handler, port, print)| {
        Value::list(vec![Value::obj(handler), Value::int(port), Value::truth(print)])
    });
    Ok(Value::list(rows.collect()))
}

fn open_network_connection(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    // Outbound requests belong to workers; a world cannot open sockets by itself.
    ctx.require_wizard()?;
    Err(ErrorCode::Perm.into())
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("connection_name", (1, 1), &[AnObj], connection_name, "Where a connection comes from."),
    row("connection_option", (2, 2), &[AnObj, Str], connection_option, "The value of one of a connection's options."),
    row("connection_options", (1, 2), &[AnObj, Str], connection_options, "A connection's options as `{name, value}` pairs, or the value of one."),
    row("set_connection_option", (3, 3), &[AnObj, Str, Any], set_connection_option, "Sets one of a connection's options."),
    row("connection_attributes", (1, 1), &[AnObj], connection_attributes, "What a connection's client has said of itself, as `{name, value}` pairs."),
    row("present", (2, 6), &[AnObj, Str, Str, Str, Any, AList], present, "Has a player's client show something under an id: a media type, where, the content, and hints as `{name, value}` pairs; with the id alone, show it no more."),
    row("output_delimiters", (1, 1), &[AnObj], output_delimiters, "The lines that a connection wants before and after the output of each command."),
    row("buffered_output_length", (0, 1), &[AnObj], buffered_output_length, "The bytes that wait to be sent to a connection, or the most that may wait."),
    row("listen", (2, 3), &[AnObj, Any, Any], listen, "Opens a port whose connections an object handles, with the server's messages if the third argument is true; for wizards."),
    row("unlisten", (1, 2), &[Any, Any], unlisten, "Closes a port; for wizards."),
    row("listeners", (0, 1), &[Any], listeners, "The open ports, or those of an object or number, as `{object, port, messages}`."),
    row("open_network_connection", (2, 3), &[Any, Any, Any], open_network_connection, "Refused with `E_PERM`: worlds do not open connections by themselves."),
];
