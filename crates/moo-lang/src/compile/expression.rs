//! Expressions.

use moo_model::{Value, View};

use super::scope::{Place, Preset, assigns};
use super::{Compiler, Patch, Register};
use crate::ast::{Arg, BinaryOp, Codes, Expr, UnaryOp, Var};
use crate::opcode::{Env, Op};
use crate::program::{self, Catches, Handler};

/// The most arguments that are passed in registers; more, or spliced ones, are passed as a list.
const WINDOW_MAX: usize = 32;

impl Compiler {
    /// The register where an expression's value is: its own for a variable, else a temporary.
    pub(super) fn operand(&mut self, expr: &Expr) -> Register {
        if let Expr::Var(var) = expr
            && let Place::Register(register) = self.variables.place(*var)
        {
            self.check_defined(*var, register);
            return register;
        }
        let to = self.temp();
        self.into(expr, to);
        to
    }

    /// As [`Compiler::operand`], for a value that must stay what it is while `later` are evaluated.
    pub(super) fn operand_before(&mut self, expr: &Expr, later: &[&Expr]) -> Register {
        if matches!(expr, Expr::Var(_)) && later.iter().any(|e| assigns(e)) {
            let to = self.temp();
            self.into(expr, to);
            return to;
        }
        self.operand(expr)
    }

    fn check_defined(&mut self, var: Var, register: Register) {
        if !self.variables.is_defined(var) {
            self.emit(Op::CheckVar { var: register });
            self.variables.define(var);
        }
    }

    /// Compiles an expression into a register. The register is written last, after all that may raise.
    pub(super) fn into(&mut self, expr: &Expr, to: Register) {
        let writes_early = matches!(expr, Expr::And(..) | Expr::Or(..) | Expr::Cond(..));
        if writes_early && !self.is_temp(to) {
            self.scoped(|c| {
                let value = c.temp();
                c.evaluate(expr, value);
                c.emit(Op::Take { to, from: value });
            });
        } else {
            self.evaluate(expr, to);
        }
    }

    fn evaluate(&mut self, expr: &Expr, to: Register) {
        self.scoped(|c| match expr {
            Expr::Literal(value) => c.literal(value, to),
            Expr::Var(var) => c.variable(*var, to),
            Expr::First | Expr::Last => {
                let a = *c
                    .indexed
                    .last()
                    .expect("the parser allows `^` and `$` inside an index only");
                c.emit(match expr {
                    Expr::First => Op::First { to, a },
                    _ => Op::Last { to, a },
                });
            }
            Expr::Prop(base, name) => c.property(base, name, to),
            Expr::Verb(base, name, args) => c.verb_call(base, name, args, to),
            Expr::Index(base, index) => c.index(base, index, to),
            Expr::Range(base, from, last) => c.range(base, from, last, to),
            Expr::Assign(target, value) => c.assign(target, value, Some(to)),
            Expr::Scatter(targets, value) => c.scatter(targets, value, Some(to)),
            Expr::Cond(condition, then, otherwise) => c.conditional(condition, then, otherwise, to),
            Expr::And(a, b) => c.shortcut(a, b, to, |a| Op::JumpFalse { a, to: 0, ticks: 0 }),
            Expr::Or(a, b) => c.shortcut(a, b, to, |a| Op::JumpTrue { a, to: 0, ticks: 0 }),
            Expr::Binary(op, a, b) => c.binary(*op, a, b, to),
            Expr::Unary(op, a) => {
                let a = c.operand(a);
                c.tick();
                c.emit(match op {
                    UnaryOp::Neg => Op::Neg { to, a },
                    UnaryOp::Not => Op::Not { to, a },
                });
            }
            Expr::List(items) => c.list(items, to),
            Expr::Map(entries) => c.map(entries, to),
            Expr::Call(name, args) => c.builtin_call(name, args, to),
            Expr::Catch(body, codes, default) => c.catch(body, codes, default.as_deref(), to),
        });
    }

    fn literal(&mut self, value: &Value, to: Register) {
        let small = value.as_int().and_then(|i| i32::try_from(i).ok());
        let op = match small {
            Some(value) => Op::LoadInt { to, value },
            None => Op::LoadConst {
                to,
                k: self.constant(value),
            },
        };
        self.emit(op);
    }

    fn variable(&mut self, var: Var, to: Register) {
        match self.variables.place(var) {
            Place::Register(from) if self.variables.is_defined(var) => self.emit(Op::Move { to, from }),
            Place::Register(from) => {
                self.variables.define(var);
                self.emit(Op::MoveVar { to, from })
            }
            Place::Preset(Preset::Env(env)) => self.emit(Op::LoadEnv { to, env }),
            Place::Preset(Preset::Int(value)) => self.emit(Op::LoadInt { to, value }),
        };
    }

    fn property(&mut self, base: &Expr, name: &Expr, to: Register) {
        if let (Some(text), true) = (literal_text(name), self.is_preset(base, Env::This)) {
            let name = self.name(text);
            self.tick();
            self.emit(Op::GetThisProp { to, name });
            return;
        }
        let obj = self.operand_before(base, &[name]);
        let op = match literal_text(name) {
            Some(text) => Op::GetProp {
                to,
                obj,
                name: self.name(text),
            },
            None => Op::GetPropNamed {
                to,
                obj,
                name: self.operand(name),
            },
        };
        self.tick();
        self.emit(op);
    }

    fn index(&mut self, base: &Expr, index: &Expr, to: Register) {
        if let (Some(at), true) = (argument_index(index), self.is_preset(base, Env::Args)) {
            self.tick();
            self.emit(Op::LoadArg { to, index: at });
            return;
        }
        let base = self.operand_before(base, &[index]);
        self.indexed.push(base);
        let index = self.operand(index);
        self.indexed.pop();
        self.tick();
        self.emit(Op::Index { to, base, index });
    }

    /// Whether the expression is this predefined variable and the program never assigns it.
    pub(super) fn is_preset(&self, expr: &Expr, env: Env) -> bool {
        matches!(expr, Expr::Var(var) if self.variables.place(*var) == Place::Preset(Preset::Env(env)))
    }

    fn range(&mut self, base: &Expr, from: &Expr, last: &Expr, to: Register) {
        let base = self.operand_before(base, &[from, last]);
        self.indexed.push(base);
        let bounds = self.temps(2);
        self.into(from, bounds);
        self.into(last, bounds + 1);
        self.indexed.pop();
        self.tick();
        self.emit(Op::Range {
            to,
            base,
            from: bounds,
        });
    }

    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr, to: Register) {
        self.tick();
        let not = self.jump_unless(condition);
        let known = self.variables.known();
        self.into(then, to);
        self.variables.restore(known.clone());
        let end = self.jump();
        self.patch_all(not);
        self.into(otherwise, to);
        self.variables.restore(known);
        self.patch(end);
    }

    fn shortcut(&mut self, a: &Expr, b: &Expr, to: Register, jump: impl Fn(Register) -> Op) {
        self.into(a, to);
        self.tick();
        let end = Patch(self.emit(jump(to)));
        let known = self.variables.known();
        self.into(b, to);
        self.variables.restore(known);
        self.patch(end);
    }

    fn binary(&mut self, op: BinaryOp, a: &Expr, b: &Expr, to: Register) {
        self.tick();
        if let (BinaryOp::Add | BinaryOp::Sub, Some(value)) = (op, small_int(b)) {
            let a = self.operand(a);
            self.emit(match op {
                BinaryOp::Add => Op::AddInt { to, a, value },
                _ => Op::SubInt { to, a, value },
            });
            return;
        }
        let a = match a {
            // A temporary that gets the result has room for the left operand until then.
            Expr::Var(_) => self.operand_before(a, &[b]),
            _ if self.is_temp(to) => {
                self.into(a, to);
                to
            }
            _ => self.operand(a),
        };
        let b = self.operand(b);
        self.emit(match op {
            BinaryOp::Add => Op::Add { to, a, b },
            BinaryOp::Sub => Op::Sub { to, a, b },
            BinaryOp::Mul => Op::Mul { to, a, b },
            BinaryOp::Div => Op::Div { to, a, b },
            BinaryOp::Mod => Op::Mod { to, a, b },
            BinaryOp::Pow => Op::Pow { to, a, b },
            BinaryOp::Eq => Op::Eq { to, a, b },
            BinaryOp::Ne => Op::Ne { to, a, b },
            BinaryOp::Lt => Op::Lt { to, a, b },
            BinaryOp::Le => Op::Le { to, a, b },
            BinaryOp::Gt => Op::Lt { to, a: b, b: a },
            BinaryOp::Ge => Op::Le { to, a: b, b: a },
            BinaryOp::In => Op::In { to, a, b },
        });
    }

    /// Builds a list in pieces of bounded size, so that a long literal does not need as many registers.
    pub(super) fn list(&mut self, items: &[Arg], to: Register) {
        self.tick();
        let plain = items
            .iter()
            .take(WINDOW_MAX)
            .take_while(|item| matches!(item, Arg::Plain(_)))
            .count();
        if plain == items.len() {
            return self.plain_list(items, to);
        }
        let list = self.temp();
        let mut rest = items;
        if let [Arg::Splice(first), tail @ ..] = items {
            self.into(first, list);
            self.emit(Op::CheckList { a: list });
            rest = tail;
        } else {
            let (head, tail) = items.split_at(plain);
            self.scoped(|c| c.plain_list(head, list));
            rest = if plain == 0 { rest } else { tail };
        }
        for item in rest {
            self.scoped(|c| c.add_item(list, item));
        }
        self.emit(Op::Take { to, from: list });
    }

    /// Adds one more item to the list in a register.
    pub(super) fn add_item(&mut self, list: Register, item: &Arg) {
        match item {
            Arg::Plain(e) => {
                let item = self.operand(e);
                self.emit(Op::Append { to: list, item });
            }
            Arg::Splice(e) => {
                self.tick();
                let items = self.operand(e);
                self.emit(Op::Splice { to: list, items });
            }
        }
    }

    /// Builds a map entry by entry, each value before its key as in ToastStunt.
    fn map(&mut self, entries: &[(Expr, Expr)], to: Register) {
        self.tick();
        if entries.is_empty() {
            self.emit(Op::EmptyMap { to });
            return;
        }
        let map = self.temp();
        self.emit(Op::EmptyMap { to: map });
        for (key, value) in entries {
            self.scoped(|c| {
                let value = c.operand_before(value, &[key]);
                let key = c.operand(key);
                c.emit(Op::MapPut { to: map, key, value });
            });
        }
        self.emit(Op::Take { to, from: map });
    }

    fn plain_list(&mut self, items: &[Arg], to: Register) {
        if items.is_empty() {
            self.emit(Op::EmptyList { to });
            return;
        }
        let from = self.temps(items.len() as u16);
        self.plain_items(items, from);
        self.emit(Op::MakeList {
            to,
            from,
            count: items.len() as u16,
        });
    }

    pub(super) fn plain_items(&mut self, items: &[Arg], first: Register) {
        for (to, item) in (first..).zip(items) {
            let (Arg::Plain(e) | Arg::Splice(e)) = item;
            self.into(e, to);
        }
    }

    fn verb_call(&mut self, base: &Expr, name: &Expr, args: &[Arg], to: Register) {
        let fixed = literal_text(name).map(|text| self.name(text));
        let head = if fixed.is_some() { 1 } else { 2 };
        let in_window = passes_in_window(args);
        let at = self.window(to, head + if in_window { args.len() as u16 } else { 1 });
        let of_this = fixed.is_some() && in_window && self.is_preset(base, Env::This);
        if !of_this {
            self.into(base, at);
        }
        if fixed.is_none() {
            self.into(name, at + 1);
        }
        self.arguments(args, at + head);
        let count = args.len() as u16;
        self.tick();
        self.emit(match (fixed, in_window) {
            (Some(name), true) if of_this => Op::CallThis {
                at,
                name,
                count,
                ticks: 0,
            },
            (Some(name), true) => Op::CallVerb {
                at,
                name,
                count,
                ticks: 0,
            },
            (Some(name), false) => Op::CallVerbList { at, name, ticks: 0 },
            (None, true) => Op::CallVerbNamed { at, count, ticks: 0 },
            (None, false) => Op::CallVerbNamedList { at, ticks: 0 },
        });
        self.take(to, at);
    }

    fn builtin_call(&mut self, name: &str, args: &[Arg], to: Register) {
        let function = self.builtin(name);
        if let [Arg::Plain(Expr::Var(var))] = args
            && let Place::Register(arg) = self.variables.place(*var)
        {
            self.check_defined(*var, arg);
            self.tick();
            self.emit(Op::CallBuiltinOn {
                at: to,
                function,
                arg,
                ticks: 0,
            });
            return;
        }
        let in_window = passes_in_window(args);
        let at = self.window(to, if in_window { args.len().max(1) as u16 } else { 1 });
        self.arguments(args, at);
        self.tick();
        self.emit(if in_window {
            Op::CallBuiltin {
                at,
                function,
                count: args.len() as u16,
                ticks: 0,
            }
        } else {
            Op::CallBuiltinList {
                at,
                function,
                ticks: 0,
            }
        });
        self.take(to, at);
    }

    /// The first of the registers for a call whose value goes to `to`: that very one where it is the last temporary.
    fn window(&mut self, to: Register, count: u16) -> Register {
        if self.is_temp(to) && to + 1 == self.top {
            self.temps(count - 1);
            return to;
        }
        self.temps(count)
    }

    fn take(&mut self, to: Register, from: Register) {
        if to != from {
            self.emit(Op::Take { to, from });
        }
    }

    fn arguments(&mut self, args: &[Arg], at: Register) {
        if passes_in_window(args) {
            self.plain_items(args, at);
        } else {
            self.list(args, at);
        }
    }

    /// The codes that a handler answers to: a list that is made here, where they are not all known when compiling.
    pub(super) fn codes(&mut self, codes: &Codes) -> program::Codes {
        let Codes::List(items) = codes else {
            return program::Codes::Any;
        };
        let known = items.iter().map(|item| match item {
            Arg::Plain(Expr::Literal(code)) => Some(code.clone()),
            _ => None,
        });
        if let Some(known) = known.collect::<Option<Vec<Value>>>() {
            self.tick();
            return program::Codes::Constant(self.constant(&Value::list(known)));
        }
        let list = self.temp();
        self.list(items, list);
        program::Codes::Register(list)
    }

    fn catch(&mut self, body: &Expr, codes: &Codes, default: Option<&Expr>, to: Register) {
        self.tick();
        let codes = self.codes(codes);
        let from = self.here();
        let known = self.variables.known();
        let value = if self.is_temp(to) { to } else { self.temp() };
        self.guarded(|c| c.into(body, value));
        self.take(to, value);
        self.variables.restore(known);
        let end = self.jump();
        let target = self.here();
        let into = default.is_none().then_some(to);
        self.guard(Handler {
            from,
            to: target,
            target,
            catches: Catches::Codes {
                codes,
                into,
                whole: false,
            },
        });
        if let Some(default) = default {
            let known = self.variables.known();
            self.into(default, to);
            self.variables.restore(known);
        }
        self.patch(end);
    }
}

/// The text of a name that is known when compiling.
pub(super) fn literal_text(name: &Expr) -> Option<&str> {
    match name {
        Expr::Literal(value) => value.as_str(),
        _ => None,
    }
}

/// An integer small enough to be part of an instruction, as the bits it is stored in.
pub(super) fn small_int(expr: &Expr) -> Option<u16> {
    match expr {
        Expr::Literal(value) => i16::try_from(value.as_int()?).ok().map(|i| i as u16),
        _ => None,
    }
}

fn argument_index(index: &Expr) -> Option<u16> {
    match index {
        Expr::Literal(value) => match value.view() {
            View::Int(i) => u16::try_from(i).ok(),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn passes_in_window(args: &[Arg]) -> bool {
    args.len() <= WINDOW_MAX && args.iter().all(|arg| matches!(arg, Arg::Plain(_)))
}
