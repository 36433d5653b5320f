//! The check that a program must pass before it may run: every operand is in bounds, every way ends.
//!
//! Invariant: the machine indexes registers, tables and code by operands without a second thought of its own.

use crate::opcode::{Op, Operand};
use crate::program::{Catches, Codes, Program, ScatterKind};

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
    let stays_inside = program.code.iter().enumerate().all(|(pc, op)| match *op {
        Op::RangeLoop { back, .. }
        | Op::ListLoop { back, .. }
        | Op::LoopLt { back, .. }
        | Op::LoopLe { back, .. }
        | Op::LoopLtInt { back, .. }
        | Op::LoopGtInt { back, .. } => usize::from(back) <= pc + 1,
        Op::AddThisProp { .. } => pc + 4 < program.code.len(),
        _ => true,
    });
    let end = program.code.len();
    if !stays_inside || !matches!(program.code.last(), Some(Op::ReturnZero { .. })) {
        return Err(Defect {
            pc: end,
            what: "the code does not end with a return".into(),
        });
    }
    verify_tables(program)
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
        if !sound || !target(scatter.done) {
            return Err(Defect {
                pc: 0,
                what: format!("{scatter:?}"),
            });
        }
    }
    Ok(())
}
