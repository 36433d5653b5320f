//! Jobs: work that is stored until somebody has done it, here or elsewhere.

use moo_model::{ErrorCode, Map, Raised, Value};

use super::{Args, ZERO, row};
use crate::builtin::ArgType::{Any, Str};
use crate::builtin::{Builtin, Context};
use crate::host::{JobSeen, JobTo, NewJob};

/// Bytes of a job's kind, keys and names at most.
const NAME_MAX: usize = 64;
/// Seconds that a job may be asked to wait, or be kept, at most: what a store keeps.
const SECONDS_MAX: f64 = 24.0 * 3_600.0;

fn enqueue_job(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let owner = ctx.progr();
    let mut job = NewJob::new(owner, args.str(0)?, args.get(1).cloned().unwrap_or(ZERO));
    if !is_name(&job.kind) {
        return Err(ErrorCode::InvArg.into());
    }
    if let Some(options) = args.get(2) {
        for (name, value) in pairs(options).ok_or(ErrorCode::InvArg)? {
            set_option(&mut job, &name, &value)?;
        }
    }
    if job.data.refers_to_anonymous() {
        return Err(ErrorCode::InvArg.into());
    }
    let is_limited = !ctx.is_wizard();
    let is_own = match &job.to {
        JobTo::World => true,
        JobTo::Player(player) => *player == owner,
        _ => false,
    };
    // Whoever wants replicas makes all jobs of this world wait for them.
    if is_limited && (!is_own || job.is_replicated) {
        return Err(ErrorCode::Perm.into());
    }
    ctx.task.store(&job.data)?;
    let id = ctx.host.enqueue_job(job, is_limited)?;
    Ok(Value::string(id))
}

/// The options by name: a map's, or those of a list of `{name, value}`.
fn pairs(options: &Value) -> Option<Vec<(String, Value)>> {
    let named = |name: &Value, value: &Value| Some((name.as_str()?.to_ascii_lowercase(), value.clone()));
    if let Some(map) = options.as_map() {
        return map.iter().map(|(name, value)| named(name, value)).collect();
    }
    let pair = |pair: &Value| match pair.as_list()? {
        [name, value] => named(name, value),
        _ => None,
    };
    options.as_list()?.iter().map(pair).collect()
}

fn set_option(job: &mut NewJob, name: &str, value: &Value) -> Result<(), ErrorCode> {
    match name {
        "to" => job.to = target(value).ok_or(ErrorCode::InvArg)?,
        "delay" => job.delay = seconds(value)?,
        "ttl" => job.ttl = seconds(value)?,
        "tries" => {
            let tries = value.as_int().ok_or(ErrorCode::Type)?;
            job.tries = u8::try_from(tries)
                .ok()
                .filter(|tries| *tries > 0)
                .ok_or(ErrorCode::InvArg)?;
        }
        "order" => job.order = Some(key(value)?),
        "dedupe" => job.dedupe = Some(key(value)?),
        "confirm" => match value.as_str() {
            Some("queued") => job.is_replicated = false,
            Some("replicated") => job.is_replicated = true,
            _ => return Err(ErrorCode::InvArg),
        },
        _ => return Err(ErrorCode::InvArg),
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != ':')
}

fn key(value: &Value) -> Result<String, ErrorCode> {
    let text = value.as_str().ok_or(ErrorCode::Type)?;
    let is_key = (1..=NAME_MAX).contains(&text.len());
    is_key.then(|| text.to_owned()).ok_or(ErrorCode::InvArg)
}

fn seconds(value: &Value) -> Result<f64, ErrorCode> {
    let seconds = match value.as_int() {
        Some(seconds) => seconds as f64,
        None => value.as_float().ok_or(ErrorCode::Type)?,
    };
    let makes_sense = (0.0..=SECONDS_MAX).contains(&seconds);
    makes_sense.then_some(seconds).ok_or(ErrorCode::InvArg)
}

/// Who is to do a job: `"world"`, `"worlds"`, `"any"`, a player, or `{"world" | "worker" | "agent" | "user", name}`.
fn target(value: &Value) -> Option<JobTo> {
    if let Some(player) = value.as_obj() {
        return (player.0 >= 0).then_some(JobTo::Player(player));
    }
    if let Some(text) = value.as_str() {
        return match text {
            "world" => Some(JobTo::World),
            "worlds" => Some(JobTo::Worlds),
            "any" => Some(JobTo::Any),
            _ => None,
        };
    }
    let [sort, name] = value.as_list()? else {
        return None;
    };
    let name = name.as_str().filter(|name| is_name(name))?.to_owned();
    match sort.as_str()? {
        "world" => Some(JobTo::WorldNamed(name)),
        "worker" => Some(JobTo::Worker(name)),
        "agent" => Some(JobTo::Agent(name)),
        "user" => Some(JobTo::User(name)),
        _ => None,
    }
}

/// A job by its id: `E_INVARG` if there is none, `E_PERM` unless its owner asks.
fn known_job(ctx: &mut Context<'_>, args: &[Value]) -> Result<JobSeen, Raised> {
    let job = ctx.host.find_job(args.str(0)?).ok_or(ErrorCode::InvArg)?;
    ctx.require_self(job.owner)?;
    Ok(job)
}

fn cancel_job(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let job = known_job(ctx, args)?;
    ctx.host.cancel_job(&job.id)?;
    Ok(ZERO)
}

fn queued_jobs(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (everything, progr) = (ctx.is_wizard(), ctx.progr());
    let whose = match args.first() {
        Some(whose) => {
            let whose = whose.as_obj().ok_or(ErrorCode::Type)?;
            ctx.require_self(whose)?;
            Some(whose)
        }
        None => (!everything).then_some(progr),
    };
    let jobs = ctx.host.queued_jobs(whose);
    ctx.check_list(jobs.len())?;
    let rows = jobs.into_iter().map(|job| {
        Value::list(vec![
            Value::string(job.id),
            Value::string(job.kind),
            Value::string(job.to),
            Value::string(job.state),
            Value::obj(job.owner),
            Value::int(job.tries),
        ])
    });
    Ok(Value::list(rows.collect()))
}

fn job_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let job = known_job(ctx, args)?;
    let mut facts = Map::default();
    let mut fact = |name: &str, value| facts.insert(Value::str(name), value);
    fact("id", Value::string(job.id));
    fact("kind", Value::string(job.kind));
    fact("to", Value::string(job.to));
    fact("state", Value::string(job.state));
    fact("owner", Value::obj(job.owner));
    fact("tries", Value::int(job.tries));
    fact("since", Value::int(job.since));
    fact("error", Value::string(job.error));
    fact("data", job.data);
    Ok(Value::map(facts))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("enqueue_job", (1, 3), &[Str, Any, Any], enqueue_job, "Stores a job of a kind, with its data, once this task commits, and gives its id. A map or `{name, value}` pairs say how: `to` (`\"world\"`, a player, `\"any\"`, `\"worlds\"`, or `{\"world\" | \"user\" | \"worker\" | \"agent\", name}`; who is no wizard may name the world and themselves), `delay` and `ttl` in seconds, `tries`, `order`, `dedupe`, `confirm`. `E_QUOTA` when too many wait."),
    row("queued_jobs", (0, 1), &[Any], queued_jobs, "The caller's jobs that are not done, somebody's, or everybody's for wizards, as `{id, kind, to, state, owner, tries}`."),
    row("job_info", (1, 1), &[Str], job_info, "What is known of one job, dead ones included, as a map."),
    row("cancel_job", (1, 1), &[Str], cancel_job, "Forgets a job that nobody has taken; `E_PERM` while somebody works on it."),
];
