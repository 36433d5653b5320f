//! Requests to the outside, made by worker processes while the task that asks waits.
//!
//! Invariant: a request is an order in the commit that makes its task wait, so one that was not committed never leaves.

use moo_model::{ErrorCode, Map, Obj, Raised, Value, bytes};

use super::{Args, flow_row};
use crate::builtin::ArgType::{Any, List, Number, Str};
use crate::builtin::{Builtin, Context, Flow};
use crate::options::{int_option, option, queued_task_limit};
use crate::outcome::Wake;
use crate::work::{
    KIND_LEN_MAX, ORDERS_MAX, ORDERS_OF_OWNER_MAX, ORDERS_OF_VERB_MAX, REQUEST_BYTES_MAX, TIMEOUT_S,
    TIMEOUT_S_MAX, TRIES_MAX, WorkOrder,
};

/// The kind of work that is HTTP.
const HTTP: &str = "http";
/// Seconds that `curl()` waits where it is not told.
const CURL_TIMEOUT_S: f64 = 60.0;
/// Methods of HTTP that may be carried out twice with the effect of once.
const IDEMPOTENT: [&str; 5] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];

/// `E_PERM` unless the programmer is a wizard, or one of `$server_options.worker_programmers`.
fn require_leave(ctx: &mut Context<'_>) -> Result<(), Raised> {
    let progr = ctx.progr();
    let others = option(ctx.tx, "worker_programmers");
    let is_named = others.is_some_and(|list| {
        let named = list.as_list().unwrap_or_default();
        named.iter().any(|who| who.as_obj() == Some(progr))
    });
    if is_named { Ok(()) } else { ctx.require_wizard() }
}

/// A quota of `$server_options`, if it makes sense.
fn quota(ctx: &mut Context<'_>, name: &str, default: usize) -> usize {
    let set = int_option(ctx.tx, name).and_then(|limit| usize::try_from(limit).ok());
    set.unwrap_or(default)
}

/// `E_QUOTA` when too many tasks wait for workers already: in all, of this programmer, or from this verb.
fn require_room(ctx: &mut Context<'_>, verb: &(Obj, String)) -> Result<(), Raised> {
    let progr = ctx.progr();
    let of_owner = quota(ctx, "worker_requests_per_owner", ORDERS_OF_OWNER_MAX);
    let of_verb = quota(ctx, "worker_requests_per_verb", ORDERS_OF_VERB_MAX);
    let now = ctx.host.orders(progr, verb);
    let limit = queued_task_limit(ctx.tx, progr);
    let has_room = now.all < ORDERS_MAX
        && now.of_owner < of_owner
        && now.of_verb < of_verb
        && ctx.host.may_queue(progr, limit);
    if has_room {
        Ok(())
    } else {
        Err(ErrorCode::Quota.into())
    }
}

/// The options of a request: a map, or a list of pairs for worlds without maps.
fn options_of(given: Option<&Value>) -> Result<Map, Raised> {
    let Some(given) = given else { return Ok(Map::new()) };
    if let Some(map) = given.as_map() {
        return Ok(map.clone());
    }
    let pairs = given.as_list().ok_or(ErrorCode::Type)?;
    let mut map = Map::new();
    for pair in pairs {
        match pair.as_list() {
            Some([name, value]) if name.as_str().is_some() => map.insert(name.clone(), value.clone()),
            _ => return Err(ErrorCode::InvArg.into()),
        }
    }
    Ok(map)
}

/// Seconds that are longer than nothing and not too long.
fn timeout(seconds: &Value) -> Result<f64, Raised> {
    let seconds = match seconds.as_int() {
        Some(seconds) => seconds as f64,
        None => seconds.as_float().ok_or(ErrorCode::Type)?,
    };
    if seconds > 0.0 && seconds <= TIMEOUT_S_MAX {
        Ok(seconds)
    } else {
        Err(ErrorCode::InvArg.into())
    }
}

/// Stops the task until a worker has answered.
fn order(
    ctx: &mut Context<'_>,
    kind: &str,
    mut request: Vec<Value>,
    (options, seconds): (Map, f64),
    tries_max: u8,
) -> Result<Flow, Raised> {
    require_leave(ctx)?;
    let name = ctx.frame.verb.as_str().unwrap_or_default();
    let verb = (ctx.frame.definer, name.to_ascii_lowercase());
    require_room(ctx, &verb)?;
    request.push(Value::map(options));
    let whole = Value::list(request);
    if whole.refers_to_anonymous() {
        return Err(ErrorCode::InvArg.into());
    }
    let size = bytes::stored_size(&whole).filter(|&size| size <= REQUEST_BYTES_MAX);
    ctx.task.charge_size(size.ok_or(ErrorCode::Quota)?);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&ctx.task.id.to_be_bytes());
    id[8..].copy_from_slice(&ctx.host.random().to_be_bytes());
    Ok(Flow::Suspend(Wake::Work(Box::new(WorkOrder {
        id,
        kind: kind.to_owned(),
        request: whole.as_list().unwrap_or_default().to_vec(),
        perms: ctx.progr(),
        verb,
        timeout_ms: (seconds * 1e3) as u32,
        deadline: ctx.host.now() + seconds,
        tries_max,
    }))))
}

fn worker_request(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let kind = args.str(0)?.to_ascii_lowercase();
    let request = args.get(1).and_then(Value::as_list).unwrap_or_default().to_vec();
    let options = options_of(args.get(2))?;
    if kind.is_empty() || kind.len() > KIND_LEN_MAX {
        return Err(ErrorCode::InvArg.into());
    }
    let seconds = options
        .get(&Value::str("timeout"))
        .map_or(Ok(TIMEOUT_S), timeout)?;
    let method = request.first().and_then(Value::as_str).unwrap_or_default();
    let may_repeat = match options.get(&Value::str("retry")) {
        Some(said) => said.is_true(),
        None => kind == HTTP && IDEMPOTENT.iter().any(|known| known.eq_ignore_ascii_case(method)),
    };
    let tries_max = if may_repeat { TRIES_MAX } else { 1 };
    order(ctx, &kind, request, (options, seconds), tries_max)
}

fn curl(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let request = vec![
        Value::str("GET"),
        Value::str(args.str(0)?),
        Value::map(Map::new()),
        Value::empty_str(),
    ];
    let seconds = args.get(2).map_or(Ok(CURL_TIMEOUT_S), timeout)?;
    let form = if args.flag(1) { "page with headers" } else { "page" };
    let options = [(Value::str("as"), Value::str(form))].into_iter().collect();
    order(ctx, HTTP, request, (options, seconds), TRIES_MAX)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    flow_row("worker_request", (1, 3), &[Str, List, Any], worker_request, "Has a worker of that kind carry out a request, and stops this task until it has; for wizards and `$server_options.worker_programmers`. See [workers](workers.md)."),
    flow_row("curl", (1, 3), &[Str, Any, Number], curl, "The page at a URL as a binary string, with the headers before it if the second argument is true, within so many seconds; for the same."),
];
