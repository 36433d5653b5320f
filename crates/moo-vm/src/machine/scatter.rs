//! Scattering assignment: one list over several variables.

use moo_lang::program::{Scatter, ScatterKind};
use moo_model::{ErrorCode, Value};

/// Assigns the targets from the items. Gives the next instruction: the first default that is needed, or the end.
/// `E_ARGS`, with nothing assigned, when there are too few items or too many.
#[inline(always)]
pub(super) fn assign(regs: &mut [Value], spec: &Scatter, items: &[Value]) -> Result<usize, ErrorCode> {
    if items.len() != spec.required || spec.targets.len() != spec.required {
        return assign_some(regs, spec, items);
    }
    for (target, item) in spec.targets.iter().zip(items) {
        regs[usize::from(target.register)] = item.clone();
    }
    Ok(spec.done as usize)
}

/// As [`assign`], from a list in a register. `E_TYPE` where it is no list.
#[inline(never)]
pub(super) fn assign_from(regs: &mut [Value], spec: &Scatter, from: u16) -> Result<usize, ErrorCode> {
    let list = regs[usize::from(from)].clone();
    assign(regs, spec, list.as_list().ok_or(ErrorCode::Type)?)
}

/// As [`assign`], where not all targets are required.
#[cold]
fn assign_some(regs: &mut [Value], spec: &Scatter, items: &[Value]) -> Result<usize, ErrorCode> {
    let Scatter {
        required, optional, ..
    } = *spec;
    let count = items.len();
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
                regs[register] = items[next].clone();
                next += 1;
            }
            ScatterKind::Optional(_) if given_optional > 0 => {
                regs[register] = items[next].clone();
                given_optional -= 1;
                next += 1;
            }
            ScatterKind::Optional(default) => resume = resume.or(default),
            ScatterKind::Rest => {
                regs[register] = Value::list(items[next..next + rest].to_vec());
                next += rest;
            }
        }
    }
    Ok(resume.unwrap_or(spec.done) as usize)
}
