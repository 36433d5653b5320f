//! The check that a program must pass before it may run: every operand is in bounds, every way ends.
//!
//! Invariant: the machine indexes registers, tables and code by operands without a second thought of its own.

use crate::opcode::{NO_VARIABLE, Op, Operand};
use crate::program::{Catches, Codes, Program, Scatter, ScatterKind};

/// Why a program may not run: our own bug, never the programmer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The instruction.
    pub pc: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Checks a program.
pub fn verify(program: &Program) -> Result<(), Defect> {
    for (pc, op) in program.code.iter().enumerate() {
        for operand in op.operands().into_iter().chain(window(op)) {
            if !in_bounds(program, operand) {
                return Err(Defect {
                    pc,
                    what: format!("{} has {operand:?}", op.name()),
                });
            }
        }
    }
    let is_loop = |(pc, op): &(usize, &Op)| goes_back_for_nothing(program, *pc, op);
    if let Some((pc, op)) = program.code.iter().enumerate().find(is_loop) {
        return Err(Defect {
            pc,
            what: format!("{} goes back without a charge", op.name()),
        });
    }
    let stays_inside = |(pc, op): (usize, &Op)| match *op {
        Op::RangeLoop { back, .. }
        | Op::ListLoop { back, .. }
        | Op::LoopLt { back, .. }
        | Op::LoopLe { back, .. }
        | Op::LoopLtInt { back, .. }
        | Op::LoopGtInt { back, .. } => usize::from(back) <= pc + 1,
        _ => pc + skipped(op) + 1 < program.code.len() || is_end(op),
    };
    if let Some((pc, op)) = program
        .code
        .iter()
        .enumerate()
        .find(|&place| !stays_inside(place))
    {
        return Err(Defect {
            pc,
            what: format!("{} leads out of the code", op.name()),
        });
    }
    let end = program.code.len();
    if !program.code.last().is_some_and(is_end) {
        return Err(Defect {
            pc: end,
            what: "the code does not end with a return".into(),
        });
    }
    verify_tables(program)
}

/// Whether it may go back and is none of those that charge for it: such a loop would never come to its limits.
fn goes_back_for_nothing(program: &Program, pc: usize, op: &Op) -> bool {
    let is_back = |to: u32| to as usize <= pc;
    { *op }.ticks_mut().is_none()
        && op.operands().into_iter().any(|operand| match operand {
            Operand::Target(to) => is_back(to),
            Operand::Scatter(k) => {
                let scatter = &program.scatters[usize::from(k)];
                let default_is_back = |kind| matches!(kind, ScatterKind::Optional(Some(to)) if is_back(to));
                is_back(scatter.done) || scatter.targets.iter().any(|target| default_is_back(target.kind))
            }
            _ => false,
        })
}

/// How many instructions behind it one may pass over, on its way or where an error is no end of it.
fn skipped(op: &Op) -> usize {
    use Op::*;
    match op {
        SkipLt { .. }
        | SkipLe { .. }
        | SkipEq { .. }
        | SkipNe { .. }
        | SkipLtInt { .. }
        | SkipGtInt { .. }
        | SkipEqInt { .. }
        | RangePrepare { .. }
        | ListPrepare { .. }
        | PairPrepare { .. }
        | RangeNext { .. }
        | ListNext { .. }
        | Fork { .. } => 1,
        AddThisProp { .. } => 3,
        _ => 0,
    }
}

/// Whether the instruction ends the code.
fn is_end(op: &Op) -> bool {
    matches!(op, Op::ReturnZero { .. })
}

/// The registers that an instruction uses besides those it names.
fn window(op: &Op) -> Option<Operand> {
    use Op::*;
    match *op {
        MakeList { from, count, .. } => Some(Operand::Window(from, count.into())),
        RangePrepare { at }
        | RangeNext { at, .. }
        | RangeLoop { at, .. }
        | ListLoop { at, .. }
        | ListPrepare { at }
        | ListNext { at, .. } => Some(Operand::Window(at, 2)),
        PairPrepare { at } | PairKey { at, .. } => Some(Operand::Window(at, 3)),
        Range { from, .. } | SetRange { from, .. } => Some(Operand::Window(from, 2)),
        CallVerb { at, count, .. } | CallThis { at, count, .. } => {
            Some(Operand::Window(at, u32::from(count) + 1))
        }
        CallVerbNamed { at, count, .. } => Some(Operand::Window(at, u32::from(count) + 2)),
        CallVerbList { at, .. } => Some(Operand::Window(at, 2)),
        CallVerbNamedList { at, .. } => Some(Operand::Window(at, 3)),
        SetPath { at, depth, .. } => Some(Operand::Window(at, u32::from(depth) + 1)),
        SetPropPath { at, depth, .. } => Some(Operand::Window(at, u32::from(depth) + 2)),
        AddToProp { at, .. } => Some(Operand::Window(at, 2)),
        CallBuiltin { at, count, .. } => Some(Operand::Window(at, count.into())),
        Reraise { reason } => Some(Operand::Window(reason, 2)),
        Fork { var, .. } if var != NO_VARIABLE => Some(Operand::Register(var)),
        _ => None,
    }
}

fn in_bounds(program: &Program, operand: Operand) -> bool {
    let below = |index: u16, len: usize| usize::from(index) < len;
    match operand {
        Operand::Register(r) => r < program.registers,
        Operand::Window(first, count) => count <= u32::from(program.registers.saturating_sub(first)),
        Operand::Constant(k) => below(k, program.constants.len()),
        Operand::Name(k) => below(k, program.names.len()),
        Operand::Builtin(k) => below(k, program.builtins.len()),
        Operand::Scatter(k) => below(k, program.scatters.len()),
        Operand::Target(to) => (to as usize) < program.code.len(),
        Operand::Number(_) => true,
    }
}

fn verify_tables(program: &Program) -> Result<(), Defect> {
    let register = |r: u16| r < program.registers;
    let target = |to: u32| (to as usize) < program.code.len();
    for handler in &program.handlers {
        let registers = match handler.catches {
            Catches::Codes { codes, into, .. } => {
                let codes = match codes {
                    Codes::Any => true,
                    Codes::Constant(k) => usize::from(k) < program.constants.len(),
                    Codes::Register(r) => register(r),
                };
                codes && into.is_none_or(register)
            }
            Catches::Finally { reason } => register(reason) && reason.checked_add(1).is_some_and(register),
        };
        if !registers || !target(handler.target) || handler.from > handler.to || handler.to > handler.target {
            return Err(Defect {
                pc: handler.from as usize,
                what: format!("{handler:?}"),
            });
        }
    }
    for scatter in &program.scatters {
        let sound = scatter.targets.iter().all(|t| {
            register(t.register) && !matches!(t.kind, ScatterKind::Optional(Some(to)) if !target(to))
        });
        if !sound || !target(scatter.done) || !counts_its_targets(scatter) {
            return Err(Defect {
                pc: 0,
                what: format!("{scatter:?}"),
            });
        }
    }
    Ok(())
}

/// Whether there are as many targets of each kind as it says, and at most one for the rest.
fn counts_its_targets(scatter: &Scatter) -> bool {
    let count = |of: fn(ScatterKind) -> bool| scatter.targets.iter().filter(|t| of(t.kind)).count();
    count(|kind| kind == ScatterKind::Required) == scatter.required
        && count(|kind| matches!(kind, ScatterKind::Optional(_))) == scatter.optional
        && count(|kind| kind == ScatterKind::Rest) <= 1
}
