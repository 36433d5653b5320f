//! Conditions: tests that lead to a jump rather than to a value.

use super::expression::small_int;
use super::{Compiler, Patch};
use crate::ast::{BinaryOp, Expr, UnaryOp};
use crate::opcode::Op;

impl Compiler {
    /// Compiles a test; the jumps that are given are taken when it is false.
    pub(super) fn jump_unless(&mut self, condition: &Expr) -> Vec<Patch> {
        match condition {
            Expr::Binary(op, a, b) if is_comparison(*op) => {
                self.tick();
                self.scoped(|c| c.skip_if(*op, a, b));
                vec![self.jump()]
            }
            Expr::And(a, b) => {
                let mut out = self.jump_unless(a);
                self.tick();
                let known = self.variables.known();
                out.extend(self.jump_unless(b));
                self.variables.restore(known);
                out
            }
            Expr::Unary(UnaryOp::Not, inner) => {
                self.tick();
                let a = self.scoped(|c| c.operand(inner));
                vec![Patch(self.emit(Op::JumpTrue { a, to: 0 }))]
            }
            _ => {
                let a = self.scoped(|c| c.operand(condition));
                vec![Patch(self.emit(Op::JumpFalse { a, to: 0 }))]
            }
        }
    }

    /// Emits the instruction that skips the next one when the comparison holds.
    fn skip_if(&mut self, op: BinaryOp, a: &Expr, b: &Expr) {
        if let Some(value) = small_int(b) {
            let a = self.operand(a);
            let skip = match op {
                BinaryOp::Lt => Some(Op::SkipLtInt { a, value }),
                BinaryOp::Le => Some(Op::SkipLeInt { a, value }),
                BinaryOp::Gt => Some(Op::SkipGtInt { a, value }),
                BinaryOp::Ge => Some(Op::SkipGeInt { a, value }),
                BinaryOp::Eq => Some(Op::SkipEqInt { a, value }),
                _ => None,
            };
            if let Some(skip) = skip {
                self.emit(skip);
                return;
            }
        }
        let a = self.operand_before(a, &[b]);
        let b = self.operand(b);
        self.emit(match op {
            BinaryOp::Lt => Op::SkipLt { a, b },
            BinaryOp::Le => Op::SkipLe { a, b },
            BinaryOp::Gt => Op::SkipLt { a: b, b: a },
            BinaryOp::Ge => Op::SkipLe { a: b, b: a },
            BinaryOp::Eq => Op::SkipEq { a, b },
            _ => Op::SkipNe { a, b },
        });
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}
