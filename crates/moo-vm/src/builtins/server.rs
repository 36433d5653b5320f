//! The server as a whole.

use moo_model::{Raised, Value};

use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, Str};
use crate::builtin::{Builtin, Context};

fn server_version(_ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::str(env!("CARGO_PKG_VERSION")))
}

fn server_log(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let line = format!("> {}", args.str(0)?);
    ctx.host.log(&line, args.flag(1));
    Ok(ZERO)
}

fn shutdown(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let progr = ctx.progr();
    let name = ctx.tx.name(progr).unwrap_or(Value::empty_str());
    let name = name.as_str().unwrap_or("");
    let reason = if args.is_empty() { "" } else { args.str(0)? };
    let separator = if reason.is_empty() { "" } else { ": " };
    ctx.host.shutdown(format!(
        "*** Shutting down: shutdown() called by {name} ({progr}){separator}{reason} ***"
    ));
    Ok(ZERO)
}

fn dump_database(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    ctx.host.dump_database();
    Ok(ZERO)
}

fn run_gc(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    ctx.host.collect_garbage();
    Ok(ZERO)
}

/// The colours are those by which ToastStunt's collector counts what it suspects; ours suspects nobody.
fn gc_stats(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let live = ctx.tx.root().anonymous.len() as i64;
    let colours = ["black", "green", "pink", "purple", "white", "yellow"].map(|colour| (colour, 0));
    let rows = colours.into_iter().chain([("objects", live)]);
    Ok(Value::map(
        rows.map(|(name, count)| (Value::str(name), Value::int(count)))
            .collect(),
    ))
}

fn load_server_options(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    ctx.host.load_server_options();
    Ok(ZERO)
}

fn memory_usage(_ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    // Worlds take the empty list for a server that does not tell.
    Ok(Value::empty_list())
}

fn db_disk_size(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(ctx.host.db_disk_size()))
}

/// What `verb_cache_stats()` shows of chains by length; our table has none.
const CACHE_HISTOGRAM: usize = 17;

/// `{found, not there, looked for, generation, histogram}`
fn cache_stats(ctx: &mut Context<'_>) -> Vec<Value> {
    let (hits, misses) = ctx.tx.lookup_counts();
    let number = |n: u64| Value::int(i64::try_from(n).unwrap_or(i64::MAX));
    let histogram = Value::list(vec![ZERO; CACHE_HISTOGRAM]);
    vec![number(hits), ZERO, number(misses), ZERO, histogram]
}

fn verb_cache_stats(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    Ok(Value::list(cache_stats(ctx)))
}

fn log_cache_stats(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    ctx.require_wizard()?;
    let (hits, misses) = ctx.tx.lookup_counts();
    ctx.host.log(
        &format!("verb lookups: {hits} found in the table, {misses} not"),
        false,
    );
    Ok(ZERO)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("server_version", (0, 1), &[Any], server_version, "The version of the server."),
    row("server_log", (1, 2), &[Str, Any], server_log, "Writes a line to the server's log, as an error if the second argument is true; for wizards."),
    row("shutdown", (0, 1), &[Str], shutdown, "Ends the server, telling everybody why; for wizards."),
    row("dump_database", (0, 0), &[], dump_database, "Asks for a dump of the database; for wizards."),
    row("run_gc", (0, 0), &[], run_gc, "Has anonymous objects that nothing refers to collected once the task commits, which otherwise happens every minute; for wizards."),
    row("gc_stats", (0, 0), &[], gc_stats, "How many anonymous objects there are, as `\"objects\"` of a map whose other keys worlds of ToastStunt look for; for wizards."),
    row("load_server_options", (0, 0), &[], load_server_options, "Reads `$server_options` again; for wizards."),
    row("memory_usage", (0, 0), &[], memory_usage, "Statistics of memory, which this server does not keep: `{}`."),
    row("db_disk_size", (0, 0), &[], db_disk_size, "The size of the database on disk, in bytes."),
    row("verb_cache_stats", (0, 0), &[], verb_cache_stats, "How verbs were looked up: `{found, 0, not found, 0, histogram}`; for wizards."),
    row("log_cache_stats", (0, 0), &[], log_cache_stats, "Writes how verbs were looked up to the server's log; for wizards."),
];
