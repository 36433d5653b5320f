//! Statements as lines.
//!
//! Invariant: one line for each statement, block header and block end, as the canonical line numbers count them.

use super::Style;
use crate::ast::{Except, Expr, Program, Stmt, StmtKind, Var};

/// The spaces of one level of indentation.
const INDENT: &str = "  ";

/// Collects the lines of a program.
pub(super) struct Printer<'a> {
    variables: &'a [String],
    pub(super) style: Style,
    lines: Vec<String>,
    level: usize,
}

impl<'a> Printer<'a> {
    pub(super) fn new(program: &'a Program, style: Style) -> Printer<'a> {
        Printer {
            variables: &program.variables,
            style,
            lines: Vec::new(),
            level: 0,
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    pub(super) fn statements(&mut self, statements: &[Stmt]) {
        for statement in statements {
            self.statement(&statement.kind);
        }
    }

    pub(super) fn variable(&self, var: Var) -> &'a str {
        &self.variables[usize::from(var.0)]
    }

    fn statement(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::Comment(text) => self.comment(text),
            StmtKind::Expr(expr) => self.line(|printer, out| {
                printer.expr(expr, out);
                out.push(';');
            }),
            StmtKind::If { arms, otherwise } => {
                for (i, arm) in arms.iter().enumerate() {
                    self.head(if i == 0 { "if" } else { "elseif" }, None, &arm.condition);
                    self.block(&arm.body);
                }
                if let Some(body) = otherwise {
                    self.word("else");
                    self.block(body);
                }
                self.word("endif");
            }
            StmtKind::ForList { var, key, list, body } => {
                self.for_head(*var, *key, &[("(", list)], ")");
                self.block(body);
                self.word("endfor");
            }
            StmtKind::ForRange { var, from, to, body } => {
                self.for_head(*var, None, &[("[", from), ("..", to)], "]");
                self.block(body);
                self.word("endfor");
            }
            StmtKind::While { var, condition, body } => {
                self.head("while", *var, condition);
                self.block(body);
                self.word("endwhile");
            }
            StmtKind::Fork { var, delay, body } => {
                self.head("fork", *var, delay);
                self.block(body);
                self.word("endfork");
            }
            StmtKind::Return(value) => self.return_line(value.as_ref()),
            StmtKind::Break(name) => self.leave_loop("break", *name),
            StmtKind::Continue(name) => self.leave_loop("continue", *name),
            StmtKind::TryExcept { body, clauses } => {
                self.word("try");
                self.block(body);
                clauses.iter().for_each(|clause| self.except(clause));
                self.word("endtry");
            }
            StmtKind::TryFinally { body, finally } => {
                self.word("try");
                self.block(body);
                self.word("finally");
                self.block(finally);
                self.word("endtry");
            }
        }
    }

    fn block(&mut self, statements: &[Stmt]) {
        self.level += 1;
        self.statements(statements);
        self.level -= 1;
    }

    /// Adds one line, indented as the style wants it.
    fn line(&mut self, write: impl FnOnce(&Self, &mut String)) {
        let mut line = if self.style.indent {
            INDENT.repeat(self.level)
        } else {
            String::new()
        };
        write(self, &mut line);
        self.lines.push(line);
    }

    fn word(&mut self, word: &str) {
        self.line(|_, out| out.push_str(word));
    }

    /// `word name (expr)`
    fn head(&mut self, word: &str, name: Option<Var>, expr: &Expr) {
        self.line(|printer, out| {
            out.push_str(word);
            printer.space_and_name(name, out);
            out.push_str(" (");
            printer.expr(expr, out);
            out.push(')');
        });
    }

    fn space_and_name(&self, name: Option<Var>, out: &mut String) {
        if let Some(var) = name {
            out.push(' ');
            out.push_str(self.variable(var));
        }
    }

    fn for_head(&mut self, var: Var, key: Option<Var>, parts: &[(&str, &Expr)], close: &str) {
        self.line(|printer, out| {
            out.push_str("for ");
            out.push_str(printer.variable(var));
            if let Some(key) = key {
                out.push_str(", ");
                out.push_str(printer.variable(key));
            }
            out.push_str(" in ");
            for (mark, expr) in parts {
                out.push_str(mark);
                printer.expr(expr, out);
            }
            out.push_str(close);
        });
    }

    fn except(&mut self, clause: &Except) {
        self.line(|printer, out| {
            out.push_str("except");
            printer.space_and_name(clause.var, out);
            out.push_str(" (");
            printer.codes(&clause.codes, out);
            out.push(')');
        });
        self.block(&clause.body);
    }

    fn return_line(&mut self, value: Option<&Expr>) {
        self.line(|printer, out| {
            out.push_str("return");
            if let Some(expr) = value {
                out.push(' ');
                printer.expr(expr, out);
            }
            out.push(';');
        });
    }

    fn leave_loop(&mut self, word: &str, name: Option<Var>) {
        self.line(|printer, out| {
            out.push_str(word);
            printer.space_and_name(name, out);
            out.push(';');
        });
    }

    fn comment(&mut self, text: &str) {
        if !self.style.comments {
            return;
        }
        self.line(|_, out| {
            out.push_str("/* ");
            // The parser makes no such text, but nothing in a tree may end the comment early or break its line.
            out.push_str(&text.replace("*/", "* /").replace('\n', " "));
            out.push_str(" */");
        });
    }
}
