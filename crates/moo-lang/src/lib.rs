//! Text to program and back: the lexer, the parser, the tree and its canonical text; and the compiler to register code.
//!
//! Invariant: nothing here knows a world, a clock or the built-in functions' bodies.

pub mod ast;
pub mod compile;
mod constant;
pub mod disassemble;
pub mod error;
mod lexer;
pub mod lines;
pub mod opcode;
mod operator;
pub mod parser;
pub mod program;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod unparse;
pub mod verify;

pub use constant::{NotConstant, constant};
pub use error::{CompileError, CompileErrors};
pub use parser::{Options, Parsed, UnknownBuiltins, parse, parse_with_warnings};
pub use unparse::{Style, store_text, unparse, unparse_statements};
