//! Statements.

use super::scope::{Exit, Exits, FIRST_EXIT, Loop};
use super::{Compiler, Register};
use crate::ast::{Arm, Except, Expr, Stmt, StmtKind, Var};
use crate::opcode::{NO_VARIABLE, Op};
use crate::program::{Catches, Handler};

impl Compiler {
    pub(super) fn block(&mut self, body: &[Stmt]) {
        for stmt in body {
            if stmt.line != 0 {
                self.line(stmt.line);
            }
            self.scoped(|c| c.statement(stmt));
        }
    }

    /// A body that may not run to its end: afterwards nothing more is known to be assigned than before.
    fn guarded_block(&mut self, body: &[Stmt]) {
        let known = self.variables.known();
        self.guarded(|c| c.block(body));
        self.variables.restore(known);
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Comment(_) => {}
            StmtKind::Expr(e) => self.effect(e),
            StmtKind::If { arms, otherwise } => self.branches(arms, otherwise.as_deref()),
            StmtKind::ForList { var, key, list, body } => self.for_list(*var, *key, list, body),
            StmtKind::ForRange { var, from, to, body } => self.for_range(*var, from, to, body),
            StmtKind::While { var, condition, body } => self.while_loop(*var, condition, body, stmt.line),
            StmtKind::Fork { var, delay, body } => self.fork(*var, delay, body),
            StmtKind::Return(value) => {
                self.return_value(value.as_ref());
                self.variables.end_here();
            }
            StmtKind::Break(name) => {
                let depth = self.find_loop(*name);
                self.leave(Exit::Break(depth), None);
                self.variables.end_here();
            }
            StmtKind::Continue(name) => {
                let depth = self.find_loop(*name);
                self.leave(Exit::Continue(depth), None);
                self.variables.end_here();
            }
            StmtKind::TryExcept { body, clauses } => self.try_except(body, clauses),
            StmtKind::TryFinally { body, finally } => self.try_finally(body, finally),
        }
    }

    /// An expression whose value nobody wants.
    fn effect(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(_) => {}
            Expr::Assign(target, value) => self.assign(target, value, None),
            Expr::Scatter(targets, value) => self.scatter(targets, value, None),
            _ => {
                self.operand(expr);
            }
        }
    }

    /// What every way through assigns is assigned afterwards.
    fn branches(&mut self, arms: &[Arm], otherwise: Option<&[Stmt]>) {
        let mut after: Option<Vec<bool>> = None;
        let mut ends = Vec::new();
        for (nth, arm) in arms.iter().enumerate() {
            self.line(arm.line);
            self.tick();
            let not = self.jump_unless(&arm.condition);
            let tested = self.variables.known();
            self.block(&arm.body);
            after = Some(self.variables.known_on_both(after));
            self.variables.restore(tested);
            if nth + 1 < arms.len() || otherwise.is_some() {
                ends.push(self.jump());
            }
            self.patch_all(not);
        }
        self.block(otherwise.unwrap_or(&[]));
        let after = self.variables.known_on_both(after);
        self.variables.restore(after);
        self.patch_all(ends);
    }

    /// The instructions of a counted loop: the first turn's test, the body, and at its end the test of the next turn,
    /// which goes back to the body. `continue` goes to the first test.
    ///
    /// `key` is the second variable, and where the loop's state is that tells its value.
    fn counted_loop(
        &mut self,
        var: Var,
        key: Option<(Var, Register)>,
        first: Op,
        next: impl Fn(u16) -> Op,
        body: &[Stmt],
    ) {
        self.tick();
        let top = self.here();
        self.emit(first);
        let exit = self.jump();
        let start = self.here();
        let known = self.variables.known();
        self.stored(var);
        if let Some((key, at)) = key {
            let to = self.variables.register(key);
            self.emit(Op::PairKey { at, to });
            self.stored(key);
        }
        let exits_outside = self.exits.len();
        self.loops.push(Loop {
            name: Some(var),
            key: key.map(|(key, _)| key),
            top,
            breaks: vec![exit],
            exits_outside,
        });
        self.block(body);
        self.variables.restore(known);
        self.tick();
        self.charge_excess();
        match u16::try_from(self.here() + 1 - start) {
            Ok(back) => self.emit(next(back)),
            Err(_) => self.emit(Op::Loop { to: top, ticks: 0 }),
        };
        let breaks = self.loops.pop().expect("it was pushed above").breaks;
        self.patch_all(breaks);
    }

    fn for_list(&mut self, var: Var, key: Option<Var>, list: &Expr, body: &[Stmt]) {
        let at = self.temps(if key.is_some() { 3 } else { 2 });
        self.into(list, at);
        self.emit(match key {
            Some(_) => Op::PairPrepare { at },
            None => Op::ListPrepare { at },
        });
        let to = self.variables.register(var);
        self.counted_loop(
            var,
            key.map(|key| (key, at)),
            Op::ListNext {
                at,
                var: to,
                ticks: 0,
            },
            |back| Op::ListLoop {
                at,
                var: to,
                back,
                ticks: 0,
            },
            body,
        );
    }

    fn for_range(&mut self, var: Var, from: &Expr, last: &Expr, body: &[Stmt]) {
        let at = self.temps(2);
        self.into(from, at);
        self.into(last, at + 1);
        self.emit(Op::RangePrepare { at });
        let to = self.variables.register(var);
        self.counted_loop(
            var,
            None,
            Op::RangeNext {
                at,
                var: to,
                ticks: 0,
            },
            |back| Op::RangeLoop {
                at,
                var: to,
                back,
                ticks: 0,
            },
            body,
        );
    }

    fn while_loop(&mut self, var: Option<Var>, condition: &Expr, body: &[Stmt], line: u32) {
        let top = self.here();
        self.tick();
        let out = match var {
            None => self.jump_unless(condition),
            Some(var) => {
                let register = self.variables.register(var);
                self.into(condition, register);
                self.stored(var);
                vec![super::Patch(self.emit(Op::JumpFalse {
                    a: register,
                    to: 0,
                    ticks: 0,
                }))]
            }
        };
        let exits_outside = self.exits.len();
        self.loops.push(Loop {
            name: var,
            key: None,
            top,
            breaks: out,
            exits_outside,
        });
        let start = self.here();
        let known = self.variables.known();
        self.block(body);
        match var {
            Some(_) => _ = self.emit(Op::Loop { to: top, ticks: 0 }),
            None => {
                self.line(line);
                self.scoped(|c| c.loop_while(condition, top, start));
            }
        }
        self.variables.restore(known);
        let breaks = self.loops.pop().expect("it was pushed above").breaks;
        self.patch_all(breaks);
    }

    fn fork(&mut self, var: Option<Var>, delay: &Expr, body: &[Stmt]) {
        let delay = self.operand(delay);
        let register = var.map_or(NO_VARIABLE, |var| self.variables.register(var));
        self.tick();
        self.charge_excess();
        self.emit(Op::Fork { delay, var: register });
        let after = self.jump();
        let (loops, exits) = (std::mem::take(&mut self.loops), std::mem::take(&mut self.exits));
        let known = self.variables.known();
        var.iter().for_each(|var| self.stored(*var));
        let from = self.here();
        self.block(body);
        self.variables.restore(known);
        self.emit(Op::ReturnZero { ticks: 0 });
        self.forks.push(from..self.here());
        (self.loops, self.exits) = (loops, exits);
        self.patch(after);
    }

    fn return_value(&mut self, value: Option<&Expr>) {
        match value {
            None if self.exits.is_empty() => _ = self.emit(Op::ReturnZero { ticks: 0 }),
            None => {
                let zero = self.temp();
                self.emit(Op::LoadInt { to: zero, value: 0 });
                self.leave(Exit::Return, Some(zero));
            }
            Some(value) => {
                let a = self.operand(value);
                self.leave(Exit::Return, Some(a));
            }
        }
    }

    fn find_loop(&self, name: Option<Var>) -> usize {
        let found = match name {
            None => self.loops.len().checked_sub(1),
            Some(_) => self.loops.iter().rposition(|l| l.name == name || l.key == name),
        };
        found.expect("the parser has checked that there is such a loop")
    }

    /// Leaves by an exit: through the innermost `finally` that it crosses, or directly.
    fn leave(&mut self, exit: Exit, value: Option<Register>) {
        let outside = match exit {
            Exit::Return => 0,
            Exit::Break(depth) | Exit::Continue(depth) => self.loops[depth].exits_outside,
        };
        if self.exits.len() > outside {
            return self.leave_through_finally(exit, value);
        }
        match exit {
            Exit::Return => {
                _ = self.emit(Op::Return {
                    a: value.expect("a return has a value"),
                    ticks: 0,
                })
            }
            Exit::Break(depth) => {
                let jump = self.jump();
                self.loops[depth].breaks.push(jump);
            }
            Exit::Continue(depth) => {
                _ = self.emit(Op::Loop {
                    to: self.loops[depth].top,
                    ticks: 0,
                })
            }
        }
    }

    fn leave_through_finally(&mut self, exit: Exit, value: Option<Register>) {
        let exits = self.exits.last_mut().expect("one is crossed");
        let reason = exits.reason;
        let nth = exits
            .used
            .iter()
            .position(|used| *used == exit)
            .unwrap_or_else(|| {
                exits.used.push(exit);
                exits.used.len() - 1
            });
        if let Some(from) = value {
            self.emit(Op::Move { to: reason + 1, from });
        }
        self.emit(Op::LoadInt {
            to: reason,
            value: FIRST_EXIT + nth as i32,
        });
        let jump = self.jump();
        self.exits.last_mut().expect("one is crossed").jumps.push(jump);
    }

    fn try_except(&mut self, body: &[Stmt], clauses: &[Except]) {
        self.tick();
        let codes: Vec<_> = clauses.iter().map(|clause| self.codes(&clause.codes)).collect();
        let from = self.here();
        self.guarded_block(body);
        let mut ends = vec![self.jump()];
        let to = self.here();
        for (clause, codes) in clauses.iter().zip(codes) {
            let into = clause.var.map(|var| self.variables.register(var));
            let catches = Catches::Codes {
                codes,
                into,
                whole: true,
            };
            self.guard(Handler {
                from,
                to,
                target: self.here(),
                catches,
            });
            self.line(clause.line);
            let known = self.variables.known();
            clause.var.iter().for_each(|var| self.stored(*var));
            self.block(&clause.body);
            self.variables.restore(known);
            ends.push(self.jump());
        }
        self.patch_all(ends);
    }

    fn try_finally(&mut self, body: &[Stmt], finally: &[Stmt]) {
        self.tick();
        let reason = self.temps(2);
        self.emit(Op::LoadInt { to: reason, value: 0 });
        let from = self.here();
        self.exits.push(Exits {
            reason,
            used: Vec::new(),
            jumps: Vec::new(),
        });
        self.guarded_block(body);
        let exits = self.exits.pop().expect("it was pushed above");
        let target = self.here();
        // The jumps to the finally body lie inside the guarded range, but a jump never raises.
        self.guard(Handler {
            from,
            to: target,
            target,
            catches: Catches::Finally { reason },
        });
        self.patch_all(exits.jumps);
        self.block(finally);
        self.emit(Op::Reraise { reason });
        for (nth, exit) in exits.used.into_iter().enumerate() {
            self.emit(Op::SkipEqInt {
                a: reason,
                value: (FIRST_EXIT + nth as i32) as u16,
                ticks: 0,
            });
            let next = self.jump();
            self.leave(exit, (exit == Exit::Return).then_some(reason + 1));
            self.patch(next);
        }
    }
}
