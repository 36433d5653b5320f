//! Assignments: to variables, properties, parts of values, and scattered over several variables.

use super::expression::literal_text;
use super::scope::assigns;
use super::{Compiler, Register};
use crate::ast::{Expr, Target, Var};
use crate::opcode::{Env, Op};
use crate::program::{Scatter, ScatterKind, ScatterTarget};

/// A step from a value to a part of it.
pub(super) enum Step<'a> {
    Index(&'a Expr),
    Range(&'a Expr, &'a Expr),
}

/// A step whose index, or two bounds, are in registers.
#[derive(Clone, Copy)]
enum Reached {
    Index(Register),
    Range(Register),
}

/// What a chain of indexes starts from.
pub(super) enum Root {
    Variable(Var, Register),
    Property {
        obj: Register,
        name: Result<u16, Register>,
        value: Register,
    },
}

impl Compiler {
    /// `target = value`; the value also goes to `to`, where it is wanted.
    pub(super) fn assign(&mut self, target: &Expr, value: &Expr, to: Option<Register>) {
        match target {
            Expr::Var(var) => self.assign_variable(*var, value, to),
            Expr::Prop(base, name) => self.assign_property(base, name, value, to),
            _ => self.assign_part(target, value, to),
        }
    }

    fn assign_variable(&mut self, var: Var, value: &Expr, to: Option<Register>) {
        let register = self.variables.register(var);
        self.tick();
        if !self.variable_in_place(var, register, value) {
            self.into(value, register);
        }
        self.stored(var);
        if let Some(to) = to {
            self.emit(Op::Move { to, from: register });
        }
    }

    /// A variable was just given a value.
    pub(super) fn stored(&mut self, var: Var) {
        self.variables.define(var);
        if let Some(env) = self.variables.shared(var) {
            let from = self.variables.register(var);
            self.emit(Op::StoreEnv { env, from });
        }
    }

    fn assign_property(&mut self, base: &Expr, name: &Expr, value: &Expr, to: Option<Register>) {
        if to.is_none() && self.add_to_property(base, name, value) {
            return;
        }
        if let (Some(text), true) = (literal_text(name), self.is_preset(base, Env::This)) {
            if to.is_none() {
                self.add_to_this(text, value);
            }
            let name = self.name(text);
            let value = self.assigned(value, to);
            self.tick();
            self.emit(Op::SetThisProp { name, value });
            if let Some(to) = to {
                self.emit(Op::Move { to, from: value });
            }
            return;
        }
        let obj = self.operand_before(base, &[name, value]);
        let fixed = literal_text(name).map(|text| self.name(text));
        let name = match fixed {
            Some(name) => Ok(name),
            None => Err(self.operand_before(name, &[value])),
        };
        let value = self.assigned(value, to);
        self.tick();
        self.put_property(obj, name, value);
        if let Some(to) = to {
            self.emit(Op::Move { to, from: value });
        }
    }

    /// What a property is set to. In a register of its own, where the assignment's value is used: if it fails, a verb without
    /// the `d` bit has the error there.
    fn assigned(&mut self, value: &Expr, to: Option<Register>) -> Register {
        match to {
            Some(_) => self.copied(value),
            None => self.operand(value),
        }
    }

    fn put_property(&mut self, obj: Register, name: Result<u16, Register>, value: Register) {
        self.emit(match name {
            Ok(name) => Op::SetProp { obj, name, value },
            Err(name) => Op::SetPropNamed { obj, name, value },
        });
    }

    /// `root[i][j] = value`: take the parts out along the way, set the innermost, put each back into the one around it.
    fn assign_part(&mut self, target: &Expr, value: &Expr, to: Option<Register>) {
        let (root, steps) = path(target);
        let root = self.root(root, &steps, value);
        if let Some(value) = self.set_part_in_place(&root, &steps, value) {
            if let Root::Variable(_, register) = root {
                self.put_root(&root, register);
            }
            if let Some(to) = to {
                self.emit(Op::Move { to, from: value });
            }
            return;
        }
        let mut containers = vec![match &root {
            Root::Variable(_, register) => *register,
            Root::Property { value, .. } => *value,
        }];
        let mut reached = Vec::new();
        for (nth, step) in steps.iter().enumerate() {
            let base = *containers.last().expect("it starts with the root");
            let at = self.reach(base, step);
            reached.push(at);
            if nth + 1 < steps.len() {
                let part = self.temp();
                self.emit(match at {
                    Reached::Index(index) => Op::Index {
                        to: part,
                        base,
                        index,
                    },
                    Reached::Range(from) => Op::Range { to: part, base, from },
                });
                containers.push(part);
            }
        }
        // The value of the assignment is what it was, also where that was the whole that is edited.
        let of_root = matches!((value, &root), (Expr::Var(var), Root::Variable(root, _)) if var == root);
        let value = match to {
            Some(_) if of_root => self.copied(value),
            _ => self.operand(value),
        };
        self.tick();
        let mut part = value;
        for (&base, &at) in containers.iter().zip(&reached).rev() {
            self.emit(match at {
                Reached::Index(index) => Op::SetIndex {
                    base,
                    index,
                    value: part,
                },
                Reached::Range(from) => Op::SetRange {
                    base,
                    from,
                    value: part,
                },
            });
            part = base;
        }
        self.put_root(&root, part);
        if let Some(to) = to {
            self.emit(Op::Move { to, from: value });
        }
    }

    fn root(&mut self, root: &Expr, steps: &[Step<'_>], value: &Expr) -> Root {
        if let Expr::Prop(base, name) = root {
            let later = || steps.iter().flat_map(Step::parts).chain([value]).any(assigns);
            let obj = if later() {
                self.copied(base)
            } else {
                self.operand_before(base, &[name])
            };
            let name = match literal_text(name).map(|text| self.name(text)) {
                Some(name) => Ok(name),
                None => Err(self.copied(name)),
            };
            let value = self.temp();
            self.tick();
            self.emit(match name {
                Ok(name) => Op::GetProp { to: value, obj, name },
                Err(name) => Op::GetPropNamed { to: value, obj, name },
            });
            return Root::Property { obj, name, value };
        }
        let Expr::Var(var) = root else {
            unreachable!("the parser allows only variables and properties here")
        };
        let mut register = self.operand(root);
        if steps.iter().flat_map(Step::parts).chain([value]).any(assigns) {
            let copy = self.temp();
            self.emit(Op::Move {
                to: copy,
                from: register,
            });
            register = copy;
        }
        Root::Variable(*var, register)
    }

    fn copied(&mut self, expr: &Expr) -> Register {
        let to = self.temp();
        self.into(expr, to);
        to
    }

    fn reach(&mut self, base: Register, step: &Step<'_>) -> Reached {
        self.indexed.push(base);
        let at = match step {
            Step::Index(index) => Reached::Index(self.copied(index)),
            Step::Range(from, last) => {
                let bounds = self.temps(2);
                self.into(from, bounds);
                self.into(last, bounds + 1);
                Reached::Range(bounds)
            }
        };
        self.indexed.pop();
        at
    }

    fn put_root(&mut self, root: &Root, part: Register) {
        match *root {
            Root::Variable(var, register) => {
                let home = self.variables.register(var);
                if home != register {
                    self.emit(Op::Take { to: home, from: part });
                }
                self.stored(var);
            }
            Root::Property { obj, name, value } => self.put_property(obj, name, value),
        }
    }

    /// `{a, ?b = default, @c} = value`
    pub(super) fn scatter(&mut self, targets: &[Target], value: &Expr, to: Option<Register>) {
        let from = if to.is_none() && self.is_preset(value, Env::Args) {
            None
        } else {
            Some(self.operand(value))
        };
        self.tick();
        let spec = self.program.scatters.len() as u16;
        let layout: Vec<_> = targets.iter().map(|target| self.scatter_target(target)).collect();
        let required = layout.iter().filter(|t| t.kind == ScatterKind::Required).count();
        let optional = layout
            .iter()
            .filter(|t| matches!(t.kind, ScatterKind::Optional(_)))
            .count();
        self.program.scatters.push(Scatter {
            targets: layout,
            required,
            optional,
            done: 0,
        });
        self.emit(match from {
            Some(from) => Op::ScatterFrom { from, spec },
            None => Op::ScatterArgs { spec },
        });
        // The machine gives these a value even where it goes on after an error.
        for target in targets {
            if let Target::Required(var) | Target::Rest(var) = target {
                self.variables.define(*var);
            }
        }
        for (nth, target) in targets.iter().enumerate() {
            if let Target::Optional(var, Some(default)) = target {
                let here = self.here();
                self.program.scatters[usize::from(spec)].targets[nth].kind =
                    ScatterKind::Optional(Some(here));
                let register = self.variables.register(*var);
                let known = self.variables.known();
                self.into(default, register);
                self.variables.restore(known);
            }
        }
        self.program.scatters[usize::from(spec)].done = self.here();
        for target in targets {
            match target {
                Target::Optional(var, None) if self.variables.shared(*var).is_none() => {}
                Target::Required(var) | Target::Optional(var, _) | Target::Rest(var) => self.stored(*var),
            }
        }
        if let (Some(to), Some(from)) = (to, from) {
            self.emit(Op::Move { to, from });
        }
    }

    fn scatter_target(&self, target: &Target) -> ScatterTarget {
        let (var, kind) = match target {
            Target::Required(var) => (var, ScatterKind::Required),
            Target::Optional(var, _) => (var, ScatterKind::Optional(None)),
            Target::Rest(var) => (var, ScatterKind::Rest),
        };
        ScatterTarget {
            register: self.variables.register(*var),
            kind,
        }
    }
}

impl<'a> Step<'a> {
    /// The index, if it is one.
    pub(super) fn index(&self) -> Option<&'a Expr> {
        match *self {
            Step::Index(index) => Some(index),
            Step::Range(..) => None,
        }
    }

    fn parts(&self) -> impl Iterator<Item = &'a Expr> + use<'a> {
        let (first, second) = match *self {
            Step::Index(index) => (index, None),
            Step::Range(from, last) => (from, Some(last)),
        };
        std::iter::once(first).chain(second)
    }
}

/// The root of a chain of indexes, and the steps from it outward.
fn path(target: &Expr) -> (&Expr, Vec<Step<'_>>) {
    let mut steps = Vec::new();
    let mut root = target;
    loop {
        root = match root {
            Expr::Index(base, index) => {
                steps.push(Step::Index(index));
                base
            }
            Expr::Range(base, from, last) => {
                steps.push(Step::Range(from, last));
                base
            }
            _ => break,
        };
    }
    steps.reverse();
    (root, steps)
}
