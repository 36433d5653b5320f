//! Assignments that edit a value where it is: `l = {@l, x}`, `l[i][j] = x`, `s = tostr(s, x)`, `o.p = {@o.p, x}`,
//! `o.p[i] = x`.
//!
//! Invariant: an edit in place gives, raises and leaves what making the value anew would. So everything else is evaluated
//! first, in the order in which it is written, and nothing evaluated later can assign the variable.

use super::assign::{Root, Step};
use super::expression::{literal_text, passes_in_window, small_int};
use super::scope::{Place, assigns};
use super::{Compiler, Register};
use crate::ast::{Arg, BinaryOp, Expr, Var};
use crate::opcode::{Env, Op};

/// The most indexes of one assignment that are walked by one instruction.
const PATH_MAX: usize = 8;

impl Compiler {
    /// `v = {@v, x}`, `v = {@v, @x}` or `v = f(v, ..)`; gives whether it was one of these.
    pub(super) fn variable_in_place(&mut self, var: Var, register: Register, value: &Expr) -> bool {
        match value {
            Expr::List(items) => self.add_in_place(var, register, items),
            Expr::Call(name, args) => self.call_in_place(var, register, name, args),
            _ => false,
        }
    }

    fn add_in_place(&mut self, var: Var, register: Register, items: &[Arg]) -> bool {
        let [Arg::Splice(Expr::Var(first)), last] = items else {
            return false;
        };
        let (Arg::Plain(item) | Arg::Splice(item)) = last;
        if *first != var || assigns(item) {
            return false;
        }
        if !self.variables.is_defined(var) {
            self.emit(Op::CheckVar { var: register });
        }
        self.scoped(|c| {
            if !matches!(item, Expr::Var(_) | Expr::Literal(_)) || matches!(last, Arg::Splice(_)) {
                c.emit(Op::CheckList { a: register });
            }
            c.tick();
            c.add_item(register, last);
        });
        true
    }

    /// Takes the variable for the call, which gives it its value again. No handler may see the variable in between.
    fn call_in_place(&mut self, var: Var, register: Register, name: &str, args: &[Arg]) -> bool {
        let [Arg::Plain(Expr::Var(first)), rest @ ..] = args else {
            return false;
        };
        let guarded = self.guards > 0 || !passes_in_window(args);
        let assigned = rest.iter().any(|(Arg::Plain(e) | Arg::Splice(e))| assigns(e));
        if *first != var || rest.is_empty() || guarded || assigned || !self.variables.is_defined(var) {
            return false;
        }
        let function = self.builtin(name);
        let count = args.len() as u16;
        self.scoped(|c| {
            let at = c.temps(count);
            c.plain_items(rest, at + 1);
            c.tick();
            c.emit(Op::Take {
                to: at,
                from: register,
            });
            c.emit(Op::CallBuiltin {
                at,
                function,
                count,
                ticks: 0,
            });
            c.emit(Op::Take {
                to: register,
                from: at,
            });
        });
        true
    }

    /// `o.p = {@o.p, x}`; gives whether it was that.
    pub(super) fn add_to_property(&mut self, base: &Expr, name: &Expr, value: &Expr) -> bool {
        let (Expr::Var(_), Some(text), Expr::List(items)) = (base, literal_text(name), value) else {
            return false;
        };
        let [Arg::Splice(read), Arg::Plain(item)] = items.as_slice() else {
            return false;
        };
        if !matches!(read, Expr::Prop(o, n) if **o == *base && literal_text(n) == Some(text)) || assigns(item)
        {
            return false;
        }
        self.scoped(|c| {
            let obj = c.operand(base);
            let name = c.name(text);
            let at = c.temps(2);
            c.tick();
            c.emit(Op::GetProp { to: at, obj, name });
            c.emit(Op::CheckList { a: at });
            c.into(item, at + 1);
            c.tick();
            c.tick();
            c.emit(Op::AddToProp { obj, name, at });
        });
        true
    }

    /// Before `this.p = this.p + 1`: an instruction that does it and skips the rest, where it can.
    pub(super) fn add_to_this(&mut self, name: &str, value: &Expr) {
        let Expr::Binary(op @ (BinaryOp::Add | BinaryOp::Sub), read, by) = value else {
            return;
        };
        let by = small_int(by).map(|by| by as i16);
        let by = match op {
            BinaryOp::Add => by,
            _ => by.and_then(i16::checked_neg),
        };
        let is_same = matches!(&**read, Expr::Prop(o, n)
            if self.is_preset(o, Env::This) && literal_text(n) == Some(name));
        if let (Some(by), true) = (by, is_same) {
            let name = self.name(name);
            self.emit(Op::AddThisProp {
                name,
                value: by as u16,
            });
        }
    }

    /// `root[i][j] = value` by one instruction, where all steps are indexes: what they lead to was not taken out, so nobody
    /// else holds it. Gives the register of the value; `None` where it must be done step by step.
    pub(super) fn set_part_in_place(
        &mut self,
        root: &Root,
        steps: &[Step<'_>],
        value: &Expr,
    ) -> Option<Register> {
        let indexes: Option<Vec<&Expr>> = steps.iter().map(Step::index).collect();
        let indexes = indexes.filter(|indexes| indexes.len() <= PATH_MAX)?;
        let depth = indexes.len() as u8;
        match *root {
            Root::Variable(_, base) if depth > 1 => {
                let at = self.temps(u16::from(depth) + 1);
                let value_at = at + u16::from(depth);
                self.path_and_value(base, &indexes, at, value);
                self.tick();
                self.emit(Op::SetPath { base, at, depth });
                Some(value_at)
            }
            Root::Property {
                obj,
                name: Ok(name),
                value: at,
            } if at + 1 == self.top => {
                let path = self.temps(u16::from(depth) + 1);
                self.path_and_value(at, &indexes, path, value);
                self.tick();
                self.emit(Op::SetPropPath { obj, name, at, depth });
                Some(path + u16::from(depth))
            }
            _ => None,
        }
    }

    /// Puts the indexes and the value into registers in a row. Where one of them may raise, or call something, each part
    /// on the way is looked at in its turn, and let go at the end.
    fn path_and_value(&mut self, base: Register, indexes: &[&Expr], at: Register, value: &Expr) {
        let quiet = indexes.iter().chain([&value]).all(|e| self.is_quiet(e));
        let looks = indexes.len() > 1 && !quiet;
        let part = if looks { self.temp() } else { base };
        let mut seen = base;
        for (to, index) in (at..).zip(indexes) {
            self.indexed.push(seen);
            self.into(index, to);
            self.indexed.pop();
            let is_last = usize::from(to - at) + 1 == indexes.len();
            if looks && !is_last {
                self.emit(Op::Index {
                    to: part,
                    base: seen,
                    index: to,
                });
                seen = part;
            }
        }
        self.into(value, at + indexes.len() as u16);
        if looks {
            self.emit(Op::LoadInt { to: part, value: 0 });
        }
    }

    /// Whether evaluating the expression can neither raise nor do anything.
    fn is_quiet(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(_) => true,
            Expr::Var(var) => {
                self.variables.is_defined(*var) || matches!(self.variables.place(*var), Place::Preset(_))
            }
            _ => false,
        }
    }
}
