//! The programs of a textdump, each under the number of its object and verb.

use std::io::BufRead;

use moo_lang::Options;
use moo_model::Obj;

use super::lines::Lines;
use super::{Draft, ReadError};
use crate::draft::{Warnings, place};
use crate::textdump::Report;

/// Reads the programs into their verbs, as the text that is stored.
pub(super) fn read_all<R: BufRead>(
    lines: &mut Lines<'_, R>,
    count: i64,
    draft: &mut Draft,
    is_builtin: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> Result<(), ReadError> {
    for _ in 0..count {
        let expected = "`#object:verb` before a program";
        let (obj, index) = match heading(lines.next(expected)?) {
            Some(heading) => heading,
            None => return Err(lines.unexpected(expected)),
        };
        let source = lines.program()?;
        let verb = place(obj, draft.objects.len())
            .and_then(|at| draft.objects[at].as_mut())
            .and_then(|object| object.verbs.get_mut(index));
        let Some(verb) = verb else {
            lines.warn(&format!(
                "the program of {obj}:{index} belongs to no verb: dropped"
            ));
            continue;
        };
        report.programs += 1;
        let name = format!("{obj}:{}", verb.names.as_str().unwrap_or(""));
        match stored(&source, is_builtin, &name, &mut lines.warnings) {
            Some(text) => verb.source = text,
            None => {
                report.programs_unparsable += 1;
                verb.source = source;
            }
        }
    }
    Ok(())
}

fn heading(line: &[u8]) -> Option<(Obj, usize)> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let (obj, index) = text.strip_prefix('#')?.split_once(':')?;
    Some((Obj(obj.parse().ok()?), index.parse().ok()?))
}

/// The canonical text of a program; `None`, with a warning, if it does not parse.
fn stored(
    source: &str,
    is_builtin: &dyn Fn(&str) -> bool,
    verb: &str,
    warnings: &mut Warnings,
) -> Option<String> {
    match moo_lang::parse_with_warnings(source, &Options::loading(is_builtin)) {
        Ok(parsed) => {
            for warning in parsed.warnings {
                warnings.add(format!("{verb}, {warning}"));
            }
            Some(moo_lang::store_text(&parsed.program))
        }
        Err(errors) => {
            warnings.add(format!("{verb} cannot run and is kept as text: {errors}"));
            None
        }
    }
}
