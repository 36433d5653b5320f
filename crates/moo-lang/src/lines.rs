//! The canonical line numbers of a tree: those of its listing without comments, by which errors and tasks name places.
//!
//! Invariant: the numbers agree with what [`crate::unparse::unparse`] prints when comments are left out.

use crate::ast::{Program, Stmt, StmtKind};

/// Sets the line of every statement, arm and clause.
pub fn number_lines(program: &mut Program) {
    number(&mut program.body, 1);
}

/// Numbers the statements from `next` on; gives the first line after them.
fn number(body: &mut [Stmt], mut next: u32) -> u32 {
    for stmt in body {
        stmt.line = next;
        next = match &mut stmt.kind {
            StmtKind::Comment(_) => {
                stmt.line = 0;
                next
            }
            StmtKind::Expr(_) | StmtKind::Return(_) | StmtKind::Break(_) | StmtKind::Continue(_) => next + 1,
            StmtKind::ForList { body, .. }
            | StmtKind::ForRange { body, .. }
            | StmtKind::While { body, .. }
            | StmtKind::Fork { body, .. } => number(body, next + 1) + 1,
            StmtKind::If { arms, otherwise } => {
                for arm in arms {
                    arm.line = next;
                    next = number(&mut arm.body, next + 1);
                }
                if let Some(body) = otherwise {
                    next = number(body, next + 1);
                }
                next + 1
            }
            StmtKind::TryExcept { body, clauses } => {
                next = number(body, next + 1);
                for clause in clauses {
                    clause.line = next;
                    next = number(&mut clause.body, next + 1);
                }
                next + 1
            }
            StmtKind::TryFinally { body, finally } => {
                next = number(body, next + 1);
                number(finally, next + 1) + 1
            }
        };
    }
    next
}
