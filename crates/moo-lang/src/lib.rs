//! Text to program and back: the lexer, the parser, the tree and its canonical text; and the compiler to register code.
//!
//! Invariant: nothing here knows a world, a clock or the built-in functions' bodies.

pub mod ast;
