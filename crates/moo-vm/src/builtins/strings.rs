//! Searching and replacing in strings. Positions count characters.

use std::borrow::Cow;

use moo_model::value::Text;
use moo_model::{ErrorCode, Raised, Value, text};

use super::{Args, row};
use crate::builtin::ArgType::{Any, Int, Str};
use crate::builtin::{Builtin, Context};

/// The greatest product of lengths that is searched without folding both texts first.
const SHORT_WORK: usize = 4096;

/// A search for one text in another, by byte offsets.
struct Search<'a> {
    haystack: &'a str,
    needle: &'a str,
    /// Both folded, when case does not matter and the texts are long or not ASCII.
    folded: Option<(Cow<'a, str>, Cow<'a, str>)>,
    cased: bool,
}

impl<'a> Search<'a> {
    fn new(haystack: &'a str, needle: &'a str, cased: bool) -> Search<'a> {
        let long = haystack.len().saturating_mul(needle.len()) > SHORT_WORK;
        let folds = !cased && (long || !haystack.is_ascii() && !needle.is_ascii());
        Search {
            haystack,
            needle,
            folded: folds.then(|| (text::fold(haystack), text::fold(needle))),
            cased,
        }
    }

    /// The first occurrence at or after a byte offset that is a character's.
    fn first(&self, from: usize) -> Option<usize> {
        let at = match (&self.folded, self.cased) {
            (Some((haystack, needle)), _) => haystack[from..].find(needle.as_ref()),
            (None, true) => self.haystack[from..].find(self.needle),
            (None, false) => first_ascii(&self.haystack.as_bytes()[from..], self.needle.as_bytes()),
        };
        at.map(|at| from + at)
    }

    /// The last occurrence.
    fn last(&self) -> Option<usize> {
        match (&self.folded, self.cased) {
            (Some((haystack, needle)), _) => haystack.rfind(needle.as_ref()),
            (None, true) => self.haystack.rfind(self.needle),
            (None, false) if self.needle.is_empty() => Some(self.haystack.len()),
            (None, false) => self
                .haystack
                .as_bytes()
                .windows(self.needle.len())
                .rposition(|window| window.eq_ignore_ascii_case(self.needle.as_bytes())),
        }
    }
}

/// The first occurrence without regard to the case of ASCII: candidates are where the first byte is.
fn first_ascii(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let Some(first) = needle.first() else {
        return Some(0);
    };
    let starts = &haystack[..(haystack.len() + 1).checked_sub(needle.len())?];
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts)
        .find(|&at| haystack[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// The byte offset after so many characters; the text's length when there are fewer.
fn skip_chars(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

fn position(text: &str, byte: Option<usize>) -> Value {
    let position = byte.map_or(0, |byte| text::position_of(Text::new(text), byte));
    Value::int(position as i64)
}

fn index(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (subject, what) = (args.str(0)?, args.str(1)?);
    ctx.task.charge_size(subject.len());
    let skip = if args.len() > 3 { args.int(3)? } else { 0 };
    let skip = usize::try_from(skip).map_err(|_| ErrorCode::InvArg)?;
    let rest = &subject[skip_chars(subject, skip)..];
    Ok(position(rest, Search::new(rest, what, args.flag(2)).first(0)))
}

fn rindex(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (subject, what) = (args.str(0)?, args.str(1)?);
    ctx.task.charge_size(subject.len());
    let skip = if args.len() > 3 { args.int(3)? } else { 0 };
    if skip > 0 {
        return Err(ErrorCode::InvArg.into());
    }
    let kept = match skip {
        0 => subject,
        _ => {
            let chars = text::len(Text::new(subject));
            let skip = usize::try_from(skip.unsigned_abs()).unwrap_or(usize::MAX);
            &subject[..skip_chars(subject, chars.saturating_sub(skip))]
        }
    };
    Ok(position(kept, Search::new(kept, what, args.flag(2)).last()))
}

/// Places that are replaced between two looks at the task's time.
const LOOK_EACH: usize = 1 << 16;

fn strsub(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (subject, what, with) = (args.str(0)?, args.str(1)?, args.str(2)?);
    if what.is_empty() {
        return Err(ErrorCode::InvArg.into());
    }
    ctx.task.charge_size(subject.len());
    let search = Search::new(subject, what, args.flag(3));
    let limit = ctx.options.max_string_concat;
    let mut out = String::new();
    let (mut from, mut found) = (0_usize, 0_usize);
    while let Some(at) = search.first(from) {
        found += 1;
        if found.is_multiple_of(LOOK_EACH) {
            ctx.check_time()?;
        }
        if out.len() + (at - from) + with.len() > limit {
            return Err(ctx.task.too_large(ctx.options));
        }
        out.push_str(&subject[from..at]);
        out.push_str(with);
        from = at + what.len();
    }
    if from == 0 {
        return Ok(args[0].clone());
    }
    ctx.check_string(out.len() + subject.len() - from)?;
    out.push_str(&subject[from..]);
    Ok(Value::string(out))
}

fn strcmp(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(args.str(0)?.cmp(args.str(1)?) as i64))
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("index", (2, 4), &[Str, Str, Any, Int], index, "Where a text first occurs in another, or 0; case matters if the third argument is true, and the fourth skips characters."),
    row("rindex", (2, 4), &[Str, Str, Any, Int], rindex, "Where a text last occurs in another, or 0."),
    row("strsub", (3, 4), &[Str, Str, Str, Any], strsub, "The first text with every occurrence of the second replaced by the third."),
    row("strcmp", (2, 2), &[Str, Str], strcmp, "Negative, 0 or positive as the first text sorts before, with or after the second, case and all."),
];
