//! The tree of a program: the form in which a verb is kept, printed and compiled.
//!
//! Invariant: a tree made by the parser is no higher than [`HEIGHT_MAX`], so that the passes over it may recurse.

use moo_model::Value;

/// The greatest height of a tree, in nodes. Deeper source is refused with an error.
pub const HEIGHT_MAX: usize = 1000;

/// The greatest number of variables in one program.
pub const VARIABLES_MAX: usize = 4096;

/// A variable, as an index into [`Program::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(pub u16);

/// The variables that every verb starts with, in slot order; they stand first in [`Program::variables`].
pub const PREDEFINED: [&str; 18] = [
    "NUM", "OBJ", "STR", "LIST", "ERR", "INT", "FLOAT", "player", "this", "caller", "verb", "args", "argstr",
    "dobj", "dobjstr", "prepstr", "iobj", "iobjstr",
];

/// A whole verb.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Program {
    /// The statements, in order.
    pub body: Vec<Stmt>,
    /// Every variable's spelling: [`PREDEFINED`] first, then the verb's own as each was first written.
    pub variables: Vec<String>,
}

/// A statement and the line of the canonical listing on which it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// Counted from 1 over the canonical listing; 0 for a comment, which has no line there.
    pub line: u32,
    /// What it does.
    pub kind: StmtKind,
}

/// The statements of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// A comment's text without its marks: kept with the verb, not part of the canonical listing.
    Comment(String),
    /// `expr;`
    Expr(Expr),
    /// `if`, its `elseif`s in order, and the `else` body.
    If {
        /// At least one arm; the first is the `if`.
        arms: Vec<Arm>,
        /// The statements after `else`.
        otherwise: Option<Vec<Stmt>>,
    },
    /// `for var in (list)`, `for var, key in (list)`
    ForList {
        /// The loop variable and the loop's name.
        var: Var,
        /// The variable of the index or the map's key, another name of the loop.
        key: Option<Var>,
        /// The list, map or string.
        list: Expr,
        /// The loop's statements.
        body: Vec<Stmt>,
    },
    /// `for var in [from..to]`
    ForRange {
        /// The loop variable and the loop's name.
        var: Var,
        /// The first number.
        from: Expr,
        /// The last number.
        to: Expr,
        /// The loop's statements.
        body: Vec<Stmt>,
    },
    /// `while name (condition)`
    While {
        /// The variable that receives each condition, and the loop's name.
        var: Option<Var>,
        /// The condition.
        condition: Expr,
        /// The loop's statements.
        body: Vec<Stmt>,
    },
    /// `fork name (seconds)`
    Fork {
        /// The variable that receives the new task's id.
        var: Option<Var>,
        /// The delay.
        delay: Expr,
        /// The new task's statements.
        body: Vec<Stmt>,
    },
    /// `return` with or without a value.
    Return(Option<Expr>),
    /// `break`, leaving the innermost loop or the named one.
    Break(Option<Var>),
    /// `continue`, going on with the innermost loop or the named one.
    Continue(Option<Var>),
    /// `try ... except`
    TryExcept {
        /// The guarded statements.
        body: Vec<Stmt>,
        /// At least one clause.
        clauses: Vec<Except>,
    },
    /// `try ... finally`
    TryFinally {
        /// The guarded statements.
        body: Vec<Stmt>,
        /// What runs on every way out.
        finally: Vec<Stmt>,
    },
}

/// One condition of an `if` with its statements.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The canonical line of this `if` or `elseif`.
    pub line: u32,
    /// When the body runs.
    pub condition: Expr,
    /// The statements.
    pub body: Vec<Stmt>,
}

/// One `except` clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Except {
    /// The canonical line of this `except`.
    pub line: u32,
    /// The variable that receives `{code, message, value, traceback}`.
    pub var: Option<Var>,
    /// What it catches.
    pub codes: Codes,
    /// The statements.
    pub body: Vec<Stmt>,
}

/// The codes that a clause or a catch expression answers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Codes {
    /// `ANY`
    Any,
    /// The listed ones; splices add a list's elements.
    List(Vec<Arg>),
}

/// An item of an argument list, a list or a code list.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `expr`
    Plain(Expr),
    /// `@expr`
    Splice(Expr),
}

/// The expressions of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number, string, object or error. `-5` is one literal.
    Literal(Value),
    /// A variable.
    Var(Var),
    /// `^` inside an index: 1, or the first key of the indexed map.
    First,
    /// `$` inside an index: the length of the indexed value, or the last key of the indexed map.
    Last,
    /// `base.name`; `$name` is the property of `#0`.
    Prop(Box<Expr>, Box<Expr>),
    /// `base:name(args)`; `$name(args)` is the verb of `#0`.
    Verb(Box<Expr>, Box<Expr>, Vec<Arg>),
    /// `base[index]`
    Index(Box<Expr>, Box<Expr>),
    /// `base[from..to]`
    Range(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `target = value`; the target is a variable, property, index or range of such.
    Assign(Box<Expr>, Box<Expr>),
    /// `{a, ?b = 1, @c} = value`
    Scatter(Vec<Target>, Box<Expr>),
    /// `condition ? then | otherwise`
    Cond(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a && b`
    And(Box<Expr>, Box<Expr>),
    /// `a || b`
    Or(Box<Expr>, Box<Expr>),
    /// An operator between two operands, both always evaluated.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// An operator before its operand.
    Unary(UnaryOp, Box<Expr>),
    /// `{a, @b}`
    List(Vec<Arg>),
    /// `[a -> b, c -> d]`
    Map(Vec<(Expr, Expr)>),
    /// `name(args)`: a built-in function by its lower-case name.
    Call(String, Vec<Arg>),
    /// `` `body ! codes => default' ``
    Catch(Box<Expr>, Codes, Option<Box<Expr>>),
}

/// One target of a scattering assignment.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// `a`
    Required(Var),
    /// `?b` or `?b = default`
    Optional(Var, Option<Expr>),
    /// `@c`
    Rest(Var),
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

/// Operators before an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the operators")]
pub enum UnaryOp {
    Neg,
    Not,
}
