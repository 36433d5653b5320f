//! Expressions as text, with parentheses where the style and the levels of operators want them.
//!
//! Invariant: what is printed for an expression reads back as that expression wherever it may stand.

use std::fmt::Write;

use moo_model::number::float_source;
use moo_model::{Obj, Value, View, literal};

use super::statement::Printer;
use crate::ast::{Arg, Codes, Expr, Target};
use crate::operator::{self, COND, POWER, PREFIX, PRIMARY};
use crate::token::is_plain_name;

impl Printer<'_> {
    pub(super) fn expr(&self, expr: &Expr, out: &mut String) {
        match expr {
            Expr::Literal(value) => push_literal(value, out),
            Expr::Var(var) => out.push_str(self.variable(*var)),
            Expr::First => out.push('^'),
            Expr::Last => out.push('$'),
            Expr::Prop(base, name) => self.property(base, name, out),
            Expr::Verb(base, name, args) => self.verb(base, name, args, out),
            Expr::Index(base, index) => {
                self.base(base, out);
                self.between("[", index, "]", out);
            }
            Expr::Range(base, from, to) => {
                self.base(base, out);
                self.between("[", from, "..", out);
                self.between("", to, "]", out);
            }
            Expr::Assign(target, value) => {
                self.expr(target, out);
                self.between(" = ", value, "", out);
            }
            Expr::Scatter(targets, value) => {
                self.targets(targets, out);
                self.between(" = ", value, "", out);
            }
            Expr::Cond(condition, then, otherwise) => {
                self.operand(condition, COND + 1, out);
                self.between(" ? ", then, " | ", out);
                self.operand(otherwise, COND + 1, out);
            }
            Expr::And(left, right) => self.infix(expr, left, "&&", right, out),
            Expr::Or(left, right) => self.infix(expr, left, "||", right, out),
            Expr::Binary(op, left, right) => self.infix(expr, left, operator::binary_text(*op), right, out),
            Expr::Unary(op, operand) => {
                out.push_str(operator::unary_text(*op));
                self.operand(operand, PREFIX, out);
            }
            Expr::List(args) => self.args("{", args, "}", out),
            Expr::Map(entries) => self.map(entries, out),
            Expr::Call(name, args) => {
                out.push_str(name);
                self.args("(", args, ")", out);
            }
            Expr::Catch(body, codes, default) => self.catch(body, codes, default.as_deref(), out),
        }
    }

    fn between(&self, before: &str, expr: &Expr, after: &str, out: &mut String) {
        out.push_str(before);
        self.expr(expr, out);
        out.push_str(after);
    }

    /// An operand that must bind at least at `level`; in full style every operation is wrapped.
    fn operand(&self, expr: &Expr, level: u8, out: &mut String) {
        let needed = if self.style.fully_parenthesised {
            PRIMARY
        } else {
            level
        };
        if operator::level(expr) < needed {
            self.between("(", expr, ")", out);
        } else {
            self.expr(expr, out);
        }
    }

    fn infix(&self, whole: &Expr, left: &Expr, text: &str, right: &Expr, out: &mut String) {
        let level = operator::level(whole);
        let (left_level, right_level) = if level == POWER {
            (level + 1, level)
        } else {
            (level, level + 1)
        };
        self.operand(left, left_level, out);
        out.push(' ');
        out.push_str(text);
        out.push(' ');
        self.operand(right, right_level, out);
    }

    /// What a `.`, `:` or `[` follows. A negative number is wrapped: `-5:f()` reads as the negative of `5:f()`.
    fn base(&self, expr: &Expr, out: &mut String) {
        let negative = match expr {
            Expr::Literal(value) => match value.view() {
                View::Int(i) => i < 0,
                View::Float(f) => f.is_sign_negative(),
                _ => false,
            },
            _ => false,
        };
        if negative || operator::level(expr) < PRIMARY {
            self.between("(", expr, ")", out);
        } else {
            self.expr(expr, out);
        }
    }

    fn property(&self, base: &Expr, name: &Expr, out: &mut String) {
        if let Some(name) = system_name(base, name) {
            out.push('$');
            out.push_str(&name);
            return;
        }
        self.base(base, out);
        // Without the space `5.foo` would start with the float `5.`.
        if matches!(base, Expr::Literal(value) if value.as_int().is_some_and(|i| i >= 0)) {
            out.push(' ');
        }
        out.push('.');
        self.member(name, out);
    }

    fn verb(&self, base: &Expr, name: &Expr, args: &[Arg], out: &mut String) {
        if let Some(name) = system_name(base, name) {
            out.push('$');
            out.push_str(&name);
        } else {
            self.base(base, out);
            out.push(':');
            self.member(name, out);
        }
        self.args("(", args, ")", out);
    }

    /// A property's or verb's name: bare if it can be, else in parentheses.
    fn member(&self, name: &Expr, out: &mut String) {
        match plain_name(name) {
            Some(name) => out.push_str(&name),
            None => self.between("(", name, ")", out),
        }
    }

    fn args(&self, open: &str, args: &[Arg], close: &str, out: &mut String) {
        out.push_str(open);
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            match arg {
                Arg::Plain(expr) => self.expr(expr, out),
                Arg::Splice(expr) => self.between("@", expr, "", out),
            }
        }
        out.push_str(close);
    }

    fn map(&self, entries: &[(Expr, Expr)], out: &mut String) {
        out.push('[');
        for (i, (key, value)) in entries.iter().enumerate() {
            let before = if i > 0 { ", " } else { "" };
            self.between(before, key, " -> ", out);
            self.expr(value, out);
        }
        out.push(']');
    }

    pub(super) fn codes(&self, codes: &Codes, out: &mut String) {
        match codes {
            Codes::Any => out.push_str("ANY"),
            Codes::List(args) => self.args("", args, "", out),
        }
    }

    fn catch(&self, body: &Expr, codes: &Codes, default: Option<&Expr>, out: &mut String) {
        self.between("`", body, " ! ", out);
        self.codes(codes, out);
        if let Some(default) = default {
            self.between(" => ", default, "", out);
        }
        out.push('\'');
    }

    fn targets(&self, targets: &[Target], out: &mut String) {
        out.push('{');
        for (i, target) in targets.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            match target {
                Target::Required(var) => out.push_str(self.variable(*var)),
                Target::Rest(var) => {
                    out.push('@');
                    out.push_str(self.variable(*var));
                }
                Target::Optional(var, default) => {
                    out.push('?');
                    out.push_str(self.variable(*var));
                    if let Some(default) = default {
                        self.between(" = ", default, "", out);
                    }
                }
            }
        }
        out.push('}');
    }
}

/// The name that `$name` may stand for.
fn system_name(base: &Expr, name: &Expr) -> Option<String> {
    match base {
        Expr::Literal(value) if value.as_obj() == Some(Obj::SYSTEM) => plain_name(name),
        _ => None,
    }
}

fn plain_name(name: &Expr) -> Option<String> {
    let Expr::Literal(value) = name else { return None };
    match value.view() {
        View::Str(text) if is_plain_name(&text) => Some(text.to_string()),
        _ => None,
    }
}

fn push_literal(value: &Value, out: &mut String) {
    match value.view() {
        View::Float(f) => out.push_str(&float_source(f)),
        View::Int(i) => write!(out, "{i}").expect("a string accepts every write"),
        View::Str(text) => literal::quoted(&text, out),
        _ => out.push_str(&literal::to_literal(value)),
    }
}
