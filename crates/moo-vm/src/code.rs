//! A verb's stored program as a tree.

use moo_lang::{Options, ast, parse};
use moo_model::world::Code;

use crate::builtins::is_builtin;

/// The tree of a stored program. Calls of functions that do not exist are kept. Text that is no program, which nothing
/// stores, gives the empty tree.
pub fn tree_of(code: &Code) -> ast::Program {
    parse(&code.source, &Options::loading(&is_builtin)).unwrap_or_default()
}
