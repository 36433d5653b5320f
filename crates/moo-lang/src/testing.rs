//! Random trees, for tests of this crate and of those above it.
//!
//! A tree is built from a string of random bytes, each a choice, so that a failing tree becomes smaller with its bytes;
//! where they run out, every choice is the first and the smallest. Invariant: every tree is one that the parser makes of
//! some text.

use moo_model::{ErrorCode, Obj, Value};

use crate::ast::*;
use crate::lines::number_lines;
use crate::opcode::{Env, Op};
use crate::program;

/// The variables after the predefined ones. Their order is fixed by a first statement that names them all.
const OWN: [&str; 4] = ["a", "Bee", "c_1", "_d"];

/// What a random program may name beside its variables.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    /// Strings; as constants, the names of properties and verbs.
    pub texts: &'a [&'a str],
    /// Built-in functions by name.
    pub functions: &'a [&'a str],
    /// Objects by number.
    pub objects: &'a [i64],
}

impl Vocabulary<'_> {
    /// What is hard to print and to read back.
    pub const HARD: Vocabulary<'static> = Vocabulary {
        texts: &[
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
        ],
        functions: &["tostr", "pass", "f_2"],
        objects: &[0, -1, 12],
    };
}

struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
    words: Vocabulary<'a>,
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

    fn one_of<'w>(&mut self, words: &'w [&'w str]) -> &'w str {
        words[self.pick(words.len())]
    }

    fn literal(&mut self) -> Value {
        match self.pick(8) {
            0 => Value::int(self.pick(9) as i64),
            1 => Value::int([-1, i64::MIN, i64::MAX, -77][self.pick(4)]),
            2 => Value::float([0.5, 1e20, -1.5, 1.0 / 3.0, 5e-324, f64::MAX, -1e-7, 100.0][self.pick(8)]),
            3 => Value::obj(Obj(self.words.objects[self.pick(self.words.objects.len())])),
            4 => Value::err([ErrorCode::Perm, ErrorCode::None, ErrorCode::Float][self.pick(3)]),
            _ => Value::str(self.one_of(self.words.texts)),
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
        match self.pick(20) {
            0 => Expr::Var(self.var()),
            1 => Expr::Literal(self.literal()),
            2 if self.indexes > 0 => [Expr::Last, Expr::First][self.pick(2)].clone(),
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
            16 => Expr::Call(self.one_of(self.words.functions).to_string(), self.args(0)),
            18 => {
                let count = self.pick(3);
                Expr::Map((0..count).map(|_| (self.expr(), self.expr())).collect())
            }
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
                let key = self.maybe(Self::var);
                let list = self.expr();
                let around = self.loops.len();
                self.loops.extend(key.map(Some));
                let body = self.loop_body(Some(var));
                self.loops.truncate(around);
                StmtKind::ForList { var, key, list, body }
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

/// The program that these bytes choose. Each nesting takes a byte at least, so it is no higher than they are many.
pub fn program(bytes: &[u8], words: Vocabulary<'_>) -> Program {
    let mut choices = Choices {
        bytes: bytes.iter(),
        words,
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

/// An operand that can be made of any bits.
pub trait OfBits {
    /// Becomes what they are.
    fn set(&mut self, bits: u32);
}

impl OfBits for u8 {
    fn set(&mut self, bits: u32) {
        *self = bits as u8;
    }
}

impl OfBits for u16 {
    fn set(&mut self, bits: u32) {
        *self = bits as u16;
    }
}

impl OfBits for u32 {
    fn set(&mut self, bits: u32) {
        *self = bits;
    }
}

impl OfBits for i32 {
    fn set(&mut self, bits: u32) {
        *self = bits as i32;
    }
}

impl OfBits for Env {
    fn set(&mut self, bits: u32) {
        *self = [Env::Player, Env::This, Env::Args, Env::Verb, Env::Dobjstr][bits as usize % 5];
    }
}

/// Changes a compiled program as these bytes choose, four to a change: an operand becomes another number, or an
/// instruction takes the place of another. The verifier may or may not have something against the result.
pub fn spoil(program: &mut program::Program, bytes: &[u8]) {
    for change in bytes.chunks_exact(4) {
        let at = usize::from(change[0]) % program.code.len();
        let from = usize::from(change[2]) % program.code.len();
        let other: Op = program.code[from];
        match change[1] {
            0..=3 => program.code[at].set_operand(change[1].into(), change[2].into()),
            4..=7 => {
                let bits = u32::from_le_bytes([change[2], change[3], 0, 0]);
                program.code[at].set_operand(usize::from(change[1]) - 4, bits);
            }
            8 => program.code[at] = other,
            _ => program.code.swap(at, from),
        }
    }
    // The compiler sees to it that every loop costs ticks. Once it is spoilt, every instruction that can charge does.
    let charged = program.code.iter_mut().filter_map(Op::ticks_mut);
    charged.for_each(|ticks| *ticks = (*ticks).max(1));
}
