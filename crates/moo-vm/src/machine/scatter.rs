//! Scattering assignment: one list over several variables.

use moo_lang::program::{Scatter, ScatterKind};
use moo_model::{ErrorCode, Value};

/// Assigns the targets from `count` items, which `item` gives by number. Gives the next instruction: the first
/// default that is needed, or the end. `E_ARGS`, with nothing assigned, when there are too few items or too many.
pub(super) fn assign(
    regs: &mut [Value],
    spec: &Scatter,
    count: usize,
    item: impl Fn(&[Value], usize) -> Value,
) -> Result<usize, ErrorCode> {
    let Scatter {
        required, optional, ..
    } = *spec;
    if count == required && spec.targets.len() == required {
        for (nth, target) in spec.targets.iter().enumerate() {
            regs[usize::from(target.register)] = item(regs, nth);
        }
        return Ok(spec.done as usize);
    }
    let has_rest = spec.targets.len() > required + optional;
    if count < required || !has_rest && count > required + optional {
        return Err(ErrorCode::Args);
    }
    let mut given_optional = (count - required).min(optional);
    let rest = count - required - given_optional;
    let mut next = 0;
    let mut resume = None;
    for target in &spec.targets {
        let register = usize::from(target.register);
        match target.kind {
            ScatterKind::Required => {
                regs[register] = item(regs, next);
                next += 1;
            }
            ScatterKind::Optional(_) if given_optional > 0 => {
                regs[register] = item(regs, next);
                given_optional -= 1;
                next += 1;
            }
            ScatterKind::Optional(default) => resume = resume.or(default),
            ScatterKind::Rest => {
                regs[register] = Value::list((next..next + rest).map(|nth| item(regs, nth)).collect());
                next += rest;
            }
        }
    }
    Ok(resume.unwrap_or(spec.done) as usize)
}
