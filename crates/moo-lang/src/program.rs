//! A compiled program: what the machine runs.
//!
//! Invariant: only the compiler makes one, and the verifier has seen it, so every operand is in bounds.

use std::sync::Arc;

use moo_model::{Symbol, Value};

use crate::ast;
use crate::opcode::Op;

/// A verb or property name in a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// As it is looked up.
    pub symbol: Symbol,
    /// As it was written.
    pub text: Value,
}

/// Where control goes when an instruction in a range raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The first guarded instruction.
    pub from: u32,
    /// The first instruction after them.
    pub to: u32,
    /// Where to go on.
    pub target: u32,
    /// What it answers to.
    pub catches: Catches,
}

/// What a handler answers to, and what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catches {
    /// `except` or a catch expression.
    Codes {
        /// Which codes.
        codes: Codes,
        /// The register that receives the code, or the whole `{code, message, value, traceback}`.
        into: Option<u16>,
        /// Whether `into` receives the whole.
        whole: bool,
    },
    /// `finally`: `reason` becomes 1 and the register after it holds the error.
    Finally {
        /// The register of the reason for leaving.
        reason: u16,
    },
}

/// The codes that a handler answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// All of them.
    Any,
    /// Those in this list among the constants.
    Constant(u16),
    /// Those in the list in this register.
    Register(u16),
}

/// One target of a scattering assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScatterTarget {
    /// The register that receives it.
    pub register: u16,
    /// Which kind of target it is.
    pub kind: ScatterKind,
}

/// The kinds of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScatterKind {
    /// `a`
    Required,
    /// `?b`, with the place of its default's code where it has one.
    Optional(Option<u32>),
    /// `@c`
    Rest,
}

/// A scattering assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scatter {
    /// The targets, in order.
    pub targets: Vec<ScatterTarget>,
    /// How many of them are required.
    pub required: usize,
    /// How many of them are optional.
    pub optional: usize,
    /// Where to go on when no default is needed.
    pub done: u32,
}

/// A compiled program.
#[derive(Debug, Default)]
pub struct Program {
    /// The instructions.
    pub code: Vec<Op>,
    /// Literals.
    pub constants: Vec<Value>,
    /// Verb and property names.
    pub names: Vec<Name>,
    /// Built-in functions called, by name.
    pub builtins: Vec<String>,
    /// Error handlers, inner ones first.
    pub handlers: Vec<Handler>,
    /// Scattering assignments.
    pub scatters: Vec<Scatter>,
    /// The first instruction of each canonical line, in ascending order of instruction.
    pub lines: Vec<(u32, u32)>,
    /// How many registers a frame needs.
    pub registers: u16,
    /// Each variable of the tree that has a register.
    pub variables: Vec<(String, u16)>,
    /// The places where a task may stop, in order: a stopped frame is stored as an index into them.
    pub call_sites: Vec<u32>,
    /// What it was compiled from.
    pub tree: Arc<ast::Program>,
}

impl Program {
    /// Whether the register is that of a variable.
    pub fn is_variable(&self, register: u16) -> bool {
        self.variables.iter().any(|(_, known)| *known == register)
    }

    /// The canonical line of an instruction; 1 for a program without lines.
    pub fn line_at(&self, pc: u32) -> u32 {
        let next = self.lines.partition_point(|&(start, _)| start <= pc);
        self.lines.get(next.wrapping_sub(1)).map_or(1, |&(_, line)| line)
    }
}
