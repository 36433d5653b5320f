//! The law of the text: whatever tree is printed, in whatever style, reads back as the same tree.
//!
//! A tree is built from a string of random bytes, each a choice, so that proptest shrinks a failing tree by shrinking
//! its bytes; where they run out, every choice is the first and the smallest.

use moo_lang::ast::*;
use moo_lang::lines::number_lines;
use moo_lang::{Options, Style, parse, store_text, unparse};
use moo_model::{ErrorCode, Obj, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// The variables after the predefined ones. Their order is fixed by a first statement that names them all.
const OWN: [&str; 4] = ["a", "Bee", "c_1", "_d"];

struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
    /// The loops around this place, which `break` may name.
    loops: Vec<Option<Var>>,
    /// The indexes around this place, in which `$` may stand.
    indexes: usize,
}

impl Choices<'_> {
    fn pick(&mut self, count: usize) -> usize {
        self.bytes.next().map_or(0, |&byte| usize::from(byte) % count)
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.pick(2) == 1).then(|| make(self))
    }

    fn var(&mut self) -> Var {
        Var(self.pick(PREDEFINED.len() + OWN.len()) as u16)
    }

    fn text(&mut self) -> &'static str {
        [
            "x",
            "",
            "if",
            "a b",
            "q\"\\uote",
            "E_PERM",
            "é\t",
            "9x",
            "*/",
            "Name",
        ][self.pick(10)]
    }

    fn literal(&mut self) -> Value {
        match self.pick(8) {
            0 => Value::int(self.pick(9) as i64),
            1 => Value::int([-1, i64::MIN, i64::MAX, -77][self.pick(4)]),
            2 => Value::float([0.5, 1e20, -1.5, 1.0 / 3.0, 5e-324, f64::MAX, -1e-7, 100.0][self.pick(8)]),
            3 => Value::obj(Obj([0, -1, 12][self.pick(3)])),
            4 => Value::err([ErrorCode::Perm, ErrorCode::None, ErrorCode::Float][self.pick(3)]),
            _ => Value::str(self.text()),
        }
    }

    fn boxed(&mut self) -> Box<Expr> {
        Box::new(self.expr())
    }

    fn args(&mut self, least: usize) -> Vec<Arg> {
        let count = least + self.pick(3);
        (0..count)
            .map(|_| {
                if self.pick(3) == 2 {
                    Arg::Splice(self.expr())
                } else {
                    Arg::Plain(self.expr())
                }
            })
            .collect()
    }

    fn codes(&mut self) -> Codes {
        if self.pick(2) == 0 {
            Codes::Any
        } else {
            Codes::List(self.args(1))
        }
    }

    fn within_index<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.indexes += 1;
        let made = make(self);
        self.indexes -= 1;
        made
    }

    fn expr(&mut self) -> Expr {
        match self.pick(18) {
            0 => Expr::Var(self.var()),
            1 => Expr::Literal(self.literal()),
            2 if self.indexes > 0 => Expr::Last,
            3 => Expr::Prop(self.boxed(), self.boxed()),
            4 => Expr::Verb(self.boxed(), self.boxed(), self.args(0)),
            5 => Expr::Index(self.boxed(), self.within_index(Self::boxed)),
            6 => Expr::Range(
                self.boxed(),
                self.within_index(Self::boxed),
                self.within_index(Self::boxed),
            ),
            7 => Expr::Assign(Box::new(self.place()), self.boxed()),
            8 => Expr::Scatter(self.targets(), self.boxed()),
            9 => Expr::Cond(self.boxed(), self.boxed(), self.boxed()),
            10 => Expr::And(self.boxed(), self.boxed()),
            11 => Expr::Or(self.boxed(), self.boxed()),
            12 | 13 => Expr::Binary(self.binary(), self.boxed(), self.boxed()),
            14 => self.unary(),
            15 => Expr::List(self.args(0)),
            16 => Expr::Call(["tostr", "pass", "f_2"][self.pick(3)].to_string(), self.args(0)),
            17 => Expr::Catch(self.boxed(), self.codes(), self.maybe(Self::boxed)),
            _ => Expr::Literal(self.literal()),
        }
    }

    fn binary(&mut self) -> BinaryOp {
        use BinaryOp::*;
        [Add, Sub, Mul, Div, Mod, Pow, Eq, Ne, Lt, Le, Gt, Ge, In][self.pick(13)]
    }

    /// A minus before a number is part of the number, so no tree holds one as an operator.
    fn unary(&mut self) -> Expr {
        let operand = self.boxed();
        let number = matches!(&*operand, Expr::Literal(v) if v.as_int().is_some() || v.as_float().is_some());
        let op = if number || self.pick(2) == 0 {
            UnaryOp::Not
        } else {
            UnaryOp::Neg
        };
        Expr::Unary(op, operand)
    }

    /// Something that can be assigned to.
    fn place(&mut self) -> Expr {
        match self.pick(3) {
            1 => Expr::Range(
                Box::new(self.indexed()),
                self.within_index(Self::boxed),
                self.within_index(Self::boxed),
            ),
            _ => self.indexed(),
        }
    }

    fn indexed(&mut self) -> Expr {
        match self.pick(4) {
            0 | 1 => Expr::Var(self.var()),
            2 => Expr::Prop(self.boxed(), self.boxed()),
            _ => Expr::Index(Box::new(self.indexed()), self.within_index(Self::boxed)),
        }
    }

    fn targets(&mut self) -> Vec<Target> {
        let rest = self.pick(4);
        (0..=self.pick(3))
            .map(|i| match self.pick(3) {
                _ if i == rest => Target::Rest(self.var()),
                0 => Target::Required(self.var()),
                _ => Target::Optional(self.var(), self.maybe(Self::expr)),
            })
            .collect()
    }

    fn block(&mut self) -> Vec<Stmt> {
        (0..self.pick(4))
            .map(|_| Stmt {
                line: 0,
                kind: self.statement(),
            })
            .collect()
    }

    fn loop_body(&mut self, name: Option<Var>) -> Vec<Stmt> {
        self.loops.push(name);
        let body = self.block();
        self.loops.pop();
        body
    }

    /// For `break` and `continue`: no name, or one of those around.
    fn loop_name(&mut self) -> Option<Var> {
        let place = self.pick(self.loops.len() + 1);
        self.loops.get(place).copied().flatten()
    }

    fn statement(&mut self) -> StmtKind {
        match self.pick(14) {
            1 => StmtKind::Return(self.maybe(Self::expr)),
            2 => {
                StmtKind::Comment(["note", "/* x", "if (a) b;", "*", "/", ".", "é"][self.pick(7)].to_string())
            }
            3 => self.if_statement(),
            4 => {
                let var = self.var();
                StmtKind::ForList {
                    var,
                    list: self.expr(),
                    body: self.loop_body(Some(var)),
                }
            }
            5 => {
                let var = self.var();
                StmtKind::ForRange {
                    var,
                    from: self.expr(),
                    to: self.expr(),
                    body: self.loop_body(Some(var)),
                }
            }
            6 => {
                let var = self.maybe(Self::var);
                StmtKind::While {
                    var,
                    condition: self.expr(),
                    body: self.loop_body(var),
                }
            }
            7 => {
                let (var, delay, loops) = (
                    self.maybe(Self::var),
                    self.expr(),
                    std::mem::take(&mut self.loops),
                );
                let body = self.block();
                self.loops = loops;
                StmtKind::Fork { var, delay, body }
            }
            8 => StmtKind::TryFinally {
                body: self.block(),
                finally: self.block(),
            },
            9 => self.try_except(),
            10 if !self.loops.is_empty() => StmtKind::Break(self.loop_name()),
            11 if !self.loops.is_empty() => StmtKind::Continue(self.loop_name()),
            _ => StmtKind::Expr(self.expr()),
        }
    }

    fn if_statement(&mut self) -> StmtKind {
        let count = 1 + self.pick(3);
        let arms = (0..count)
            .map(|_| Arm {
                line: 0,
                condition: self.expr(),
                body: self.block(),
            })
            .collect();
        StmtKind::If {
            arms,
            otherwise: self.maybe(Self::block),
        }
    }

    /// Only the last clause may catch anything.
    fn try_except(&mut self) -> StmtKind {
        let body = self.block();
        let count = self.pick(3);
        let mut clauses: Vec<Except> = (0..count)
            .map(|_| Codes::List(self.args(1)))
            .map(Self::clause)
            .collect();
        clauses.push(Self::clause(self.codes()));
        for clause in &mut clauses {
            clause.var = self.maybe(Self::var);
            clause.body = self.block();
        }
        StmtKind::TryExcept { body, clauses }
    }

    fn clause(codes: Codes) -> Except {
        Except {
            line: 0,
            var: None,
            codes,
            body: Vec::new(),
        }
    }
}

fn program(bytes: &[u8]) -> Program {
    let mut choices = Choices {
        bytes: bytes.iter(),
        loops: Vec::new(),
        indexes: 0,
    };
    let own = (0..OWN.len())
        .map(|i| Arg::Plain(Expr::Var(Var((PREDEFINED.len() + i) as u16))))
        .collect();
    let mut body = vec![Stmt {
        line: 0,
        kind: StmtKind::Expr(Expr::List(own)),
    }];
    while choices.bytes.len() > 0 {
        body.push(Stmt {
            line: 0,
            kind: choices.statement(),
        });
    }
    let mut program = Program {
        body,
        variables: PREDEFINED
            .iter()
            .chain(&OWN)
            .map(|name| name.to_string())
            .collect(),
    };
    number_lines(&mut program);
    program
}

fn without_comments(body: &mut Vec<Stmt>) {
    body.retain(|statement| !matches!(statement.kind, StmtKind::Comment(_)));
    for statement in body {
        match &mut statement.kind {
            StmtKind::If { arms, otherwise } => {
                arms.iter_mut().for_each(|arm| without_comments(&mut arm.body));
                otherwise.iter_mut().for_each(without_comments);
            }
            StmtKind::ForList { body, .. }
            | StmtKind::ForRange { body, .. }
            | StmtKind::While { body, .. }
            | StmtKind::Fork { body, .. } => without_comments(body),
            StmtKind::TryExcept { body, clauses } => {
                without_comments(body);
                clauses
                    .iter_mut()
                    .for_each(|clause| without_comments(&mut clause.body));
            }
            StmtKind::TryFinally { body, finally } => {
                without_comments(body);
                without_comments(finally);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_tree_reads_back_from_its_text(bytes in vec(any::<u8>(), 0..250)) {
        let options = Options::new(&|_| true);
        let commented = program(&bytes);
        let stored = parse(&store_text(&commented), &options);
        prop_assert_eq!(stored.as_ref(), Ok(&commented));
        let mut plain = commented.clone();
        without_comments(&mut plain.body);
        for style in 0..8 {
            let comments = style & 4 != 0;
            let style = Style { fully_parenthesised: style & 1 != 0, indent: style & 2 != 0, comments };
            let lines = unparse(&commented, &style);
            let again = parse(&lines.join("\n"), &options);
            prop_assert_eq!(again.as_ref(), Ok(if comments { &commented } else { &plain }), "{:?}", lines);
            // Equality of trees does not look at the case of strings; the text does.
            prop_assert_eq!(unparse(&again.expect("just compared"), &style), lines.clone());
            prop_assert!(lines.iter().all(|line| !line.starts_with('.') && line.trim_end() == line));
        }
    }

    #[test]
    fn the_listing_has_the_lines_that_the_statements_carry(bytes in vec(any::<u8>(), 0..250)) {
        let program = program(&bytes);
        let lines = unparse(&program, &Style::DUMP);
        for statement in program.body.iter().filter(|statement| statement.line > 0) {
            let alone = moo_lang::unparse_statements(&program, std::slice::from_ref(statement), &Style::DUMP);
            prop_assert_eq!(&lines[statement.line as usize - 1], &alone[0]);
        }
    }
}
