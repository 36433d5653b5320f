//! Tree to register code.
//!
//! Registers 0.. hold the variables that need one; temporaries are above them, used as a stack. An expression is
//! compiled *into* a register, or as an *operand*: the register where its value already is.
//!
//! Invariants: the left operand is evaluated before the right one, and an assignment inside the right one does not
//! change what the left one gave; an instruction that raises has changed nothing.

mod assign;
mod condition;
mod expression;
mod in_place;
mod scope;
mod statement;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use moo_model::{Symbol, Value};

use crate::ast;
use crate::opcode::Op;
use crate::program::{Handler, Name, Program};
use scope::{Exits, Loop, Variables};

/// Compiles a tree. Every tree that the parser made can be compiled.
pub fn compile(tree: &Arc<ast::Program>) -> Program {
    let variables = Variables::of(tree);
    let mut compiler = Compiler {
        program: Program {
            tree: tree.clone(),
            ..Program::default()
        },
        names: HashMap::new(),
        builtins: HashMap::new(),
        top: variables.registers,
        variables,
        loops: Vec::new(),
        exits: Vec::new(),
        indexed: Vec::new(),
        guards: 0,
        forks: Vec::new(),
        pending_ticks: 0,
    };
    compiler.program.registers = compiler.top;
    compiler.prologue();
    compiler.block(&tree.body);
    compiler.emit(Op::ReturnZero { ticks: 0 });
    compiler.program.variables = compiler.variables.listing(&tree.variables);
    debug_assert_eq!(crate::verify::verify(&compiler.program), Ok(()));
    compiler.program
}

/// A register of the frame.
type Register = u16;

/// A jump whose target is not known yet.
#[derive(Clone, Copy)]
struct Patch(usize);

struct Compiler {
    program: Program,
    names: HashMap<Box<str>, u16>,
    builtins: HashMap<String, u16>,
    variables: Variables,
    /// The first free temporary.
    top: Register,
    loops: Vec<Loop>,
    /// The `finally` statements around the point of compilation.
    exits: Vec<Exits>,
    /// Where the innermost indexed value is, for `$`.
    indexed: Vec<Register>,
    /// How many handlers guard the point of compilation.
    guards: u32,
    /// Where the bodies of `fork` statements are: tasks of their own, which the handlers around them do not guard.
    forks: Vec<Range<u32>>,
    /// Ticks of the code since the last instruction that charges.
    pending_ticks: u32,
}

impl Compiler {
    fn prologue(&mut self) {
        for (register, source) in self.variables.preset() {
            match source {
                scope::Preset::Env(env) => self.emit(Op::LoadEnv { to: register, env }),
                scope::Preset::Int(value) => self.emit(Op::LoadInt { to: register, value }),
            };
        }
    }

    /// Adds an instruction; gives its index. Instructions that charge take over the ticks counted so far.
    fn emit(&mut self, mut op: Op) -> usize {
        if let Some(ticks) = op.ticks_mut() {
            self.charge_excess();
            *ticks = std::mem::take(&mut self.pending_ticks) as u8;
        }
        let at = self.program.code.len();
        if may_stop(&op) {
            self.program.call_sites.push(at as u32);
        }
        self.program.code.push(op);
        at
    }

    /// Counts one tick for the code that follows.
    fn tick(&mut self) {
        self.pending_ticks += 1;
    }

    /// Charges now what the next instruction could not. Whoever emits one that must stand right behind another, or whose
    /// distance to another is known already, does this before.
    fn charge_excess(&mut self) {
        while self.pending_ticks > u32::from(u8::MAX) {
            self.pending_ticks -= u32::from(u8::MAX);
            self.program.code.push(Op::Charge { ticks: u8::MAX });
        }
    }

    /// Adds a handler, for all that it encloses but the bodies of forks.
    fn guard(&mut self, handler: Handler) {
        let mut from = handler.from;
        let mut forks: Vec<Range<u32>> = self.forks.clone();
        forks.retain(|body| handler.from <= body.start && body.end <= handler.to);
        forks.sort_unstable_by_key(|body| body.start);
        for body in forks {
            // A fork within a fork lies before `from` by now.
            if body.start > from {
                let to = body.start;
                self.program.handlers.push(Handler { from, to, ..handler });
            }
            from = from.max(body.end);
        }
        self.program.handlers.push(Handler { from, ..handler });
    }

    fn here(&self) -> u32 {
        self.program.code.len() as u32
    }

    fn jump(&mut self) -> Patch {
        Patch(self.emit(Op::Jump { to: 0, ticks: 0 }))
    }

    fn patch(&mut self, patch: Patch) {
        let here = self.here();
        match &mut self.program.code[patch.0] {
            Op::Jump { to, .. } | Op::JumpFalse { to, .. } | Op::JumpTrue { to, .. } => *to = here,
            other => unreachable!("{} has no target to patch", other.name()),
        }
    }

    fn patch_all(&mut self, patches: Vec<Patch>) {
        patches.into_iter().for_each(|patch| self.patch(patch));
    }

    fn line(&mut self, line: u32) {
        let here = self.here();
        match self.program.lines.last_mut() {
            Some(last) if last.0 == here => last.1 = line,
            _ => self.program.lines.push((here, line)),
        }
    }

    /// A fresh temporary.
    fn temp(&mut self) -> Register {
        self.temps(1)
    }

    /// The first of several fresh temporaries in a row.
    fn temps(&mut self, count: u16) -> Register {
        let first = self.top;
        self.top = first
            .checked_add(count)
            .expect("the tree's height and the window's size bound the registers");
        self.program.registers = self.program.registers.max(self.top);
        first
    }

    /// Runs `f` and frees the temporaries it took.
    fn scoped<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let top = self.top;
        let result = f(self);
        self.top = top;
        result
    }

    /// Compiles what a handler guards.
    fn guarded<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        self.guards += 1;
        let result = f(self);
        self.guards -= 1;
        result
    }

    fn is_temp(&self, register: Register) -> bool {
        register >= self.variables.registers
    }

    fn name(&mut self, text: &str) -> u16 {
        if let Some(&index) = self.names.get(text) {
            return index;
        }
        let index = self.program.names.len() as u16;
        self.program.names.push(Name {
            symbol: Symbol::new(text),
            text: Value::str(text),
        });
        self.names.insert(text.into(), index);
        index
    }

    fn builtin(&mut self, name: &str) -> u16 {
        if let Some(&index) = self.builtins.get(name) {
            return index;
        }
        let index = self.program.builtins.len() as u16;
        self.program.builtins.push(name.to_string());
        self.builtins.insert(name.to_string(), index);
        index
    }

    fn constant(&mut self, value: &Value) -> u16 {
        let found = self
            .program
            .constants
            .iter()
            .rposition(|known| known.identical(value));
        found.unwrap_or_else(|| {
            self.program.constants.push(value.clone());
            self.program.constants.len() - 1
        }) as u16
    }
}

/// Whether a task may be suspended in the instruction.
fn may_stop(op: &Op) -> bool {
    use Op::*;
    matches!(
        op,
        CallVerb { .. }
            | CallThis { .. }
            | CallVerbList { .. }
            | CallVerbNamed { .. }
            | CallVerbNamedList { .. }
            | CallBuiltin { .. }
            | CallBuiltinOn { .. }
            | CallBuiltinList { .. }
    )
}

#[cfg(test)]
mod tests;
