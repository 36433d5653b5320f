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
                vec![Patch(self.emit(Op::JumpTrue { a, to: 0, ticks: 0 }))]
            }
            _ => {
                let a = self.scoped(|c| c.operand(condition));
                vec![Patch(self.emit(Op::JumpFalse { a, to: 0, ticks: 0 }))]
            }
        }
    }

    /// Emits the instruction that skips the next one when the comparison holds.
    fn skip_if(&mut self, op: BinaryOp, a: &Expr, b: &Expr) {
        let bound = small_int(b).and_then(|value| Bound::of(op, value as i16));
        let equal = small_int(b).filter(|_| op == BinaryOp::Eq);
        if bound.is_some() || equal.is_some() {
            let a = self.operand(a);
            self.emit(match (bound, equal) {
                (Some(Bound::Below(value)), _) => Op::SkipLtInt { a, value, ticks: 0 },
                (Some(Bound::Above(value)), _) => Op::SkipGtInt { a, value, ticks: 0 },
                (None, value) => Op::SkipEqInt {
                    a,
                    value: value.expect("one of them is there"),
                    ticks: 0,
                },
            });
            return;
        }
        let a = self.operand_before(a, &[b]);
        let b = self.operand(b);
        self.emit(match op {
            BinaryOp::Lt => Op::SkipLt { a, b, ticks: 0 },
            BinaryOp::Le => Op::SkipLe { a, b, ticks: 0 },
            BinaryOp::Gt => Op::SkipLt { a: b, b: a, ticks: 0 },
            BinaryOp::Ge => Op::SkipLe { a: b, b: a, ticks: 0 },
            BinaryOp::Eq => Op::SkipEq { a, b, ticks: 0 },
            _ => Op::SkipNe { a, b, ticks: 0 },
        });
    }

    /// The end of a loop whose first test is at `top` and whose body is at `start`: where the test is one comparison, it is
    /// made here too, by the instruction that goes back.
    pub(super) fn loop_while(&mut self, condition: &Expr, top: u32, start: u32) {
        use BinaryOp::{Ge, Gt, Le, Lt};
        let far = self.here() - start > BACK_MAX;
        let (op, a, b) = match condition {
            Expr::Binary(op @ (Lt | Le | Gt | Ge), a, b) if is_plain(a) && is_plain(b) && !far => (op, a, b),
            _ => {
                self.emit(Op::Loop { to: top, ticks: 0 });
                return;
            }
        };
        self.tick();
        self.tick();
        self.charge_excess();
        if let Some(bound) = small_int(b).and_then(|value| Bound::of(*op, value as i16)) {
            let a = self.operand(a);
            let back = self.back_to(start);
            self.emit(match bound {
                Bound::Below(value) => Op::LoopLtInt {
                    a,
                    value,
                    back,
                    ticks: 0,
                },
                Bound::Above(value) => Op::LoopGtInt {
                    a,
                    value,
                    back,
                    ticks: 0,
                },
            });
            return;
        }
        let a = self.operand_before(a, &[b]);
        let b = self.operand(b);
        let back = self.back_to(start);
        self.emit(match op {
            BinaryOp::Lt => Op::LoopLt { a, b, back, ticks: 0 },
            BinaryOp::Le => Op::LoopLe { a, b, back, ticks: 0 },
            BinaryOp::Gt => Op::LoopLt {
                a: b,
                b: a,
                back,
                ticks: 0,
            },
            _ => Op::LoopLe {
                a: b,
                b: a,
                back,
                ticks: 0,
            },
        });
    }

    /// The distance to here from an instruction that is near.
    fn back_to(&self, start: u32) -> u16 {
        u16::try_from(self.here() + 1 - start).expect("the caller has looked how far it is")
    }
}

/// A loop of more instructions goes back by an address. A test adds a few.
const BACK_MAX: u32 = u16::MAX as u32 - 16;

/// A comparison with a small integer. That a number is at most 5 is the same as that it is below 6, and what is no integer
/// is an error in both.
#[derive(Clone, Copy)]
enum Bound {
    Below(u16),
    Above(u16),
}

impl Bound {
    fn of(op: BinaryOp, value: i16) -> Option<Bound> {
        match op {
            BinaryOp::Lt => Some(Bound::Below(value as u16)),
            BinaryOp::Le => value.checked_add(1).map(|value| Bound::Below(value as u16)),
            BinaryOp::Gt => Some(Bound::Above(value as u16)),
            BinaryOp::Ge => value.checked_sub(1).map(|value| Bound::Above(value as u16)),
            _ => None,
        }
    }
}

/// Whether the expression is short and calls nothing, so that it may be compiled twice.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Var(_) | Expr::Literal(_) => true,
        Expr::Prop(a, b) | Expr::Index(a, b) => is_leaf(a) && is_leaf(b),
        Expr::Binary(BinaryOp::Add | BinaryOp::Sub, a, b) => is_leaf(a) && is_leaf(b),
        _ => false,
    }
}

fn is_leaf(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(_) | Expr::Literal(_))
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}
