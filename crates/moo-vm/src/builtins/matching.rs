//! `match()`, `rmatch()` and `substitute()`.

use moo_model::value::Text;
use moo_model::{ErrorCode, Raised, Value, text};

use super::pattern::{Direction, Pattern, STEPS_MAX};
use super::{Args, row};
use crate::builtin::ArgType::{Any, List, Str};
use crate::builtin::{Builtin, Context};

/// Groups that a match tells of, whether its pattern has them or not.
const GROUPS: usize = 9;
/// The longest pattern, in bytes; `E_QUOTA` beyond it.
const PATTERN_MAX: usize = 65_536;

fn match_first(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    search(ctx, args, Direction::First)
}

fn match_last(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    search(ctx, args, Direction::Last)
}

fn search(ctx: &mut Context<'_>, args: &[Value], direction: Direction) -> Result<Value, Raised> {
    let (subject, pattern) = (args.str(0)?, args.str(1)?);
    if pattern.len() > PATTERN_MAX {
        return Err(ErrorCode::Quota.into());
    }
    let pattern = Pattern::new(pattern, args.flag(2)).map_err(|_| ErrorCode::InvArg)?;
    let Ok(found) = pattern.find(subject, direction) else {
        ctx.task.charge_size(STEPS_MAX);
        return Err(ErrorCode::Quota.into());
    };
    ctx.task.charge_size(found.steps);
    let Some(groups) = found.groups else {
        return Ok(Value::empty_list());
    };
    let pair = |group: Option<(usize, usize)>| match group {
        Some((from, to)) => [Value::int(from as i64 + 1), Value::int(to as i64)],
        None => [Value::int(0), Value::int(-1)],
    };
    let [start, end] = pair(groups[0]);
    let pairs = groups[1..]
        .iter()
        .map(|&group| Value::list(pair(group).to_vec()))
        .collect();
    Ok(Value::list(vec![start, end, Value::list(pairs), args[0].clone()]))
}

/// A match as `substitute()` is given it: the whole and the groups, as pairs of positions, and the text.
struct Match<'a> {
    pairs: Vec<(usize, usize)>,
    subject: Text<'a>,
}

impl<'a> Match<'a> {
    /// Takes a match apart; `None` if it is not one.
    fn parse(parts: &'a [Value]) -> Option<Match<'a>> {
        let [start, end, groups, subject] = parts else {
            return None;
        };
        let groups = groups.as_list().filter(|groups| groups.len() == GROUPS)?;
        let subject = Text::new(subject.as_str()?);
        let length = text::len(subject);
        let pair = |start: &Value, end: &Value| match (start.as_int()?, end.as_int()?) {
            (0, -1) => Some((1, 0)),
            (start, end) => {
                let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                (start >= 1 && end <= length && start <= end + 1).then_some((start, end))
            }
        };
        let mut pairs = vec![pair(start, end)?];
        for group in groups {
            let [start, end] = group.as_list()? else {
                return None;
            };
            pairs.push(pair(start, end)?);
        }
        Some(Match { pairs, subject })
    }

    fn group(&self, number: usize) -> &'a str {
        let (from, to) = self.pairs[number];
        &self.subject.as_str()[text::byte_range(self.subject, from, to)]
    }
}

fn substitute(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (template, parts) = (args.str(0)?, args.list(1)?);
    let found = Match::parse(parts).ok_or(ErrorCode::InvArg)?;
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        let piece = match rest.as_bytes().get(at + 1) {
            Some(b'%') => "%",
            Some(digit @ b'0'..=b'9') => found.group(usize::from(digit - b'0')),
            _ => return Err(ErrorCode::InvArg.into()),
        };
        if out.len() + at + piece.len() > ctx.options.max_string_concat {
            return Err(ctx.task.too_large(ctx.options));
        }
        out.push_str(&rest[..at]);
        out.push_str(piece);
        rest = &rest[at + 2..];
    }
    ctx.check_string(out.len() + rest.len())?;
    out.push_str(rest);
    Ok(Value::string(out))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("match", (2, 3), &[Str, Str, Any], match_first, "Where a pattern first matches in a text: `{start, end, {{start, end}, ...}, text}`, or `{}`; case matters if the third argument is true."),
    row("rmatch", (2, 3), &[Str, Str, Any], match_last, "The same for the match that starts last."),
    row("substitute", (2, 2), &[Str, List], substitute, "A template with `%1` to `%9` replaced by what the groups of a match matched, `%0` by all of it, `%%` by `%`."),
];
