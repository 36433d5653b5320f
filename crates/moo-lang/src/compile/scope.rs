//! Which variables need a register, what is known to be assigned, and the ways out of loops and `finally`.

use crate::ast::{Arg, Expr, PREDEFINED, Program, Stmt, StmtKind, Target, Var};
use crate::compile::{Patch, Register};
use crate::opcode::Env;

/// What a predefined variable is when a verb starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Preset {
    /// Something the frame knows.
    Env(Env),
    /// A type's number.
    Int(i32),
}

/// What each of [`PREDEFINED`] starts as, in that order.
const PRESETS: [Preset; PREDEFINED.len()] = [
    Preset::Int(0),
    Preset::Int(1),
    Preset::Int(2),
    Preset::Int(4),
    Preset::Int(3),
    Preset::Int(0),
    Preset::Int(9),
    Preset::Env(Env::Player),
    Preset::Env(Env::This),
    Preset::Env(Env::Caller),
    Preset::Env(Env::Verb),
    Preset::Env(Env::Args),
    Preset::Env(Env::Argstr),
    Preset::Env(Env::Dobj),
    Preset::Env(Env::Dobjstr),
    Preset::Env(Env::Prepstr),
    Preset::Env(Env::Iobj),
    Preset::Env(Env::Iobjstr),
];

/// The types of values that LambdaMOO does not have. Their names are not reserved: a program that assigns such a variable
/// has it to itself, as on LambdaMOO, and only in others it is the type's number.
const LATER_TYPES: [(&str, i32); 2] = [("map", 10), ("anon", 12)];

/// Where a variable is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// In a register.
    Register(Register),
    /// It is predefined and never assigned here: what it starts as.
    Preset(Preset),
}

/// The variables of a program.
pub(super) struct Variables {
    places: Vec<Place>,
    /// How many registers they take.
    pub registers: Register,
    /// By variable: whether it is certainly assigned at the point of compilation.
    defined: Vec<bool>,
}

impl Variables {
    pub fn of(tree: &Program) -> Variables {
        let mut assigned = vec![false; tree.variables.len()];
        statements(&tree.body, &mut assigned);
        let mut registers = 0;
        let places = (0..tree.variables.len())
            .map(|index| match preset(index, &tree.variables[index]) {
                Some(preset) if !assigned[index] => Place::Preset(preset),
                _ => {
                    registers += 1;
                    Place::Register(registers - 1)
                }
            })
            .collect();
        let defined = (0..tree.variables.len())
            .map(|index| index < PREDEFINED.len())
            .collect();
        Variables {
            places,
            registers,
            defined,
        }
    }

    pub fn place(&self, var: Var) -> Place {
        self.places[usize::from(var.0)]
    }

    /// The register of a variable that is assigned somewhere.
    pub fn register(&self, var: Var) -> Register {
        match self.place(var) {
            Place::Register(register) => register,
            Place::Preset(_) => unreachable!("a variable that is assigned has a register"),
        }
    }

    /// The frame's field that callees see, if assigning the variable changes what they see.
    pub fn shared(&self, var: Var) -> Option<Env> {
        match PRESETS.get(usize::from(var.0)) {
            Some(Preset::Env(Env::This | Env::Caller | Env::Verb | Env::Args)) => None,
            Some(&Preset::Env(env)) => Some(env),
            _ => None,
        }
    }

    /// The registers to fill when the program starts.
    pub fn preset(&self) -> Vec<(Register, Preset)> {
        self.places
            .iter()
            .zip(PRESETS)
            .filter_map(|(place, preset)| match place {
                Place::Register(register) => Some((*register, preset)),
                Place::Preset(_) => None,
            })
            .collect()
    }

    pub fn is_defined(&self, var: Var) -> bool {
        self.defined[usize::from(var.0)]
    }

    pub fn define(&mut self, var: Var) {
        self.defined[usize::from(var.0)] = true;
    }

    /// What is known now, to come back to when the next code may not have run.
    pub fn known(&self) -> Vec<bool> {
        self.defined.clone()
    }

    pub fn restore(&mut self, known: Vec<bool>) {
        self.defined = known;
    }

    /// What is known now and was known at the end of another way here, if there was one.
    pub fn known_on_both(&self, other: Option<Vec<bool>>) -> Vec<bool> {
        match other {
            None => self.known(),
            Some(other) => self.defined.iter().zip(other).map(|(a, b)| *a && b).collect(),
        }
    }

    /// Nothing runs past the point of compilation: whatever is asked there holds.
    pub fn end_here(&mut self) {
        self.defined.fill(true);
    }

    pub fn listing(&self, names: &[String]) -> Vec<(String, Register)> {
        let place = |(index, name): (usize, &String)| match self.places[index] {
            Place::Register(register) => Some((name.clone(), register)),
            Place::Preset(_) => None,
        };
        names.iter().enumerate().filter_map(place).collect()
    }
}

/// What the variable at this index, of this name, is while the program does not assign it.
fn preset(index: usize, name: &str) -> Option<Preset> {
    let later_type = || {
        let found = LATER_TYPES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|&(_, number)| Preset::Int(number))
    };
    PRESETS.get(index).copied().or_else(later_type)
}

/// A loop around the point of compilation.
pub(super) struct Loop {
    pub name: Option<Var>,
    /// The other name of a loop with two variables.
    pub key: Option<Var>,
    /// Where `continue` goes.
    pub top: u32,
    pub breaks: Vec<Patch>,
    /// How many `finally` statements are outside of it.
    pub exits_outside: usize,
}

/// A way out of a guarded body that is not the end of it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Exit {
    /// `return` of the value in the second register.
    Return,
    /// `break` of the loop at this depth.
    Break(usize),
    /// `continue` of the loop at this depth.
    Continue(usize),
}

/// A `finally` statement around the point of compilation.
pub(super) struct Exits {
    /// The register of the reason; the next one holds a value.
    pub reason: Register,
    /// The ways out that were used, each with the reason that stands for it.
    pub used: Vec<Exit>,
    pub jumps: Vec<Patch>,
}

/// The first reason that stands for an exit; 0 is the end of the body, 1 an error.
pub(super) const FIRST_EXIT: i32 = 2;

fn statements(body: &[Stmt], assigned: &mut [bool]) {
    for stmt in body {
        statement(stmt, assigned);
    }
}

fn mark(var: Var, assigned: &mut [bool]) {
    assigned[usize::from(var.0)] = true;
}

fn statement(stmt: &Stmt, assigned: &mut [bool]) {
    match &stmt.kind {
        StmtKind::Comment(_) | StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Return(None) => {}
        StmtKind::Expr(e) | StmtKind::Return(Some(e)) => expression(e, assigned),
        StmtKind::If { arms, otherwise } => {
            for arm in arms {
                expression(&arm.condition, assigned);
                statements(&arm.body, assigned);
            }
            statements(otherwise.as_deref().unwrap_or(&[]), assigned);
        }
        StmtKind::ForList { var, key, list, body } => {
            mark(*var, assigned);
            key.iter().for_each(|key| mark(*key, assigned));
            expression(list, assigned);
            statements(body, assigned);
        }
        StmtKind::ForRange { var, from, to, body } => {
            mark(*var, assigned);
            expression(from, assigned);
            expression(to, assigned);
            statements(body, assigned);
        }
        StmtKind::While { var, condition, body }
        | StmtKind::Fork {
            var,
            delay: condition,
            body,
        } => {
            var.iter().for_each(|var| mark(*var, assigned));
            expression(condition, assigned);
            statements(body, assigned);
        }
        StmtKind::TryExcept { body, clauses } => {
            statements(body, assigned);
            for clause in clauses {
                clause.var.iter().for_each(|var| mark(*var, assigned));
                codes(&clause.codes, assigned);
                statements(&clause.body, assigned);
            }
        }
        StmtKind::TryFinally { body, finally } => {
            statements(body, assigned);
            statements(finally, assigned);
        }
    }
}

fn codes(codes: &crate::ast::Codes, assigned: &mut [bool]) {
    if let crate::ast::Codes::List(args) = codes {
        arguments(args, assigned);
    }
}

fn arguments(args: &[Arg], assigned: &mut [bool]) {
    for arg in args {
        let (Arg::Plain(e) | Arg::Splice(e)) = arg;
        expression(e, assigned);
    }
}

fn expression(expr: &Expr, assigned: &mut [bool]) {
    each_child(expr, &mut |child| expression(child, assigned));
    match expr {
        Expr::Assign(target, _) => {
            let mut root = target.as_ref();
            while let Expr::Index(base, _) | Expr::Range(base, _, _) = root {
                root = base;
            }
            if let Expr::Var(var) = root {
                mark(*var, assigned);
            }
        }
        Expr::Scatter(targets, _) => {
            for target in targets {
                let (Target::Required(var) | Target::Optional(var, _) | Target::Rest(var)) = target;
                mark(*var, assigned);
            }
        }
        _ => {}
    }
}

/// Calls `f` on every direct part of an expression.
pub(super) fn each_child<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
    fn each_arg<'a>(args: &'a [Arg], f: &mut dyn FnMut(&'a Expr)) {
        for arg in args {
            let (Arg::Plain(e) | Arg::Splice(e)) = arg;
            f(e);
        }
    }
    match expr {
        Expr::Literal(_) | Expr::Var(_) | Expr::First | Expr::Last => {}
        Expr::Prop(a, b)
        | Expr::Index(a, b)
        | Expr::Assign(a, b)
        | Expr::And(a, b)
        | Expr::Or(a, b)
        | Expr::Binary(_, a, b) => {
            f(a);
            f(b);
        }
        Expr::Range(a, b, c) | Expr::Cond(a, b, c) => {
            f(a);
            f(b);
            f(c);
        }
        Expr::Unary(_, a) => f(a),
        Expr::Verb(a, b, args) => {
            f(a);
            f(b);
            each_arg(args, f);
        }
        Expr::List(args) | Expr::Call(_, args) => each_arg(args, f),
        Expr::Map(entries) => {
            for (key, value) in entries {
                f(key);
                f(value);
            }
        }
        Expr::Scatter(targets, value) => {
            for target in targets {
                if let Target::Optional(_, Some(default)) = target {
                    f(default);
                }
            }
            f(value);
        }
        Expr::Catch(body, codes, default) => {
            f(body);
            if let crate::ast::Codes::List(args) = codes {
                each_arg(args, f);
            }
            default.iter().for_each(|default| f(default));
        }
    }
}

/// Whether evaluating the expression may assign a variable.
pub(super) fn assigns(expr: &Expr) -> bool {
    if matches!(expr, Expr::Assign(..) | Expr::Scatter(..)) {
        return true;
    }
    let mut found = false;
    each_child(expr, &mut |child| found = found || assigns(child));
    found
}
