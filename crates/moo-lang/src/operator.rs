//! How tightly each form of expression binds, and how operators are written: the one table for reading and printing.
//!
//! Invariant: a larger level binds tighter, and the levels agree with the order in which the parser descends.

use crate::ast::{BinaryOp, Expr, UnaryOp};
use crate::token::Mark;

/// Assignments.
pub(crate) const ASSIGN: u8 = 1;
/// `? |`
pub(crate) const COND: u8 = 2;
/// `&&` and `||`, which share a level.
pub(crate) const LOGIC: u8 = 3;
/// Comparisons and `in`.
pub(crate) const COMPARE: u8 = 4;
/// `+` and `-`. The two levels below are kept for bit operators.
pub(crate) const SUM: u8 = 7;
/// `*`, `/` and `%`.
pub(crate) const PRODUCT: u8 = 8;
/// `^`, the only operator that groups from the right.
pub(crate) const POWER: u8 = 9;
/// `!` and `-` before an operand.
pub(crate) const PREFIX: u8 = 10;
/// Everything that needs no parentheses anywhere.
pub(crate) const PRIMARY: u8 = 11;

/// The level of an expression's outermost form.
pub(crate) fn level(expr: &Expr) -> u8 {
    match expr {
        Expr::Assign(..) | Expr::Scatter(..) => ASSIGN,
        Expr::Cond(..) => COND,
        Expr::And(..) | Expr::Or(..) => LOGIC,
        Expr::Binary(op, ..) => binary_level(*op),
        Expr::Unary(..) => PREFIX,
        _ => PRIMARY,
    }
}

/// The level of an operator between two operands.
pub(crate) fn binary_level(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Eq | Ne | Lt | Le | Gt | Ge | In => COMPARE,
        Add | Sub => SUM,
        Mul | Div | Mod => PRODUCT,
        Pow => POWER,
    }
}

/// How an operator between two operands is written.
pub(crate) fn binary_text(op: BinaryOp) -> &'static str {
    use BinaryOp::*;
    match op {
        Add => "+",
        Sub => "-",
        Mul => "*",
        Div => "/",
        Mod => "%",
        Pow => "^",
        Eq => "==",
        Ne => "!=",
        Lt => "<",
        Le => "<=",
        Gt => ">",
        Ge => ">=",
        In => "in",
    }
}

/// The operator that a mark is between two operands; `in`, `&&` and `||` are not among them.
pub(crate) fn binary_from_mark(mark: Mark) -> Option<BinaryOp> {
    use BinaryOp::*;
    Some(match mark {
        Mark::Plus => Add,
        Mark::Minus => Sub,
        Mark::Star => Mul,
        Mark::Slash => Div,
        Mark::Percent => Mod,
        Mark::Caret => Pow,
        Mark::Equal => Eq,
        Mark::NotEqual => Ne,
        Mark::Less => Lt,
        Mark::LessEqual => Le,
        Mark::Greater => Gt,
        Mark::GreaterEqual => Ge,
        _ => return None,
    })
}

/// How an operator before its operand is written.
pub(crate) fn unary_text(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Not => "!",
    }
}
