//! A verb's stored program as a tree.

use std::sync::Arc;

use moo_lang::{Options, ast, parse};
use moo_model::world::Code;

use crate::builtins::is_builtin;
use crate::executable::Executable;

/// The tree of a stored program: that of its compiled form where it has run already. Calls of functions that do not
/// exist are kept. Text that is no program, which nothing stores, gives the empty tree.
pub fn tree_of(code: &Code) -> Arc<ast::Program> {
    let compiled = code.compiled.get().and_then(|_| Executable::of(code));
    match compiled {
        Some(executable) => executable.tree.clone(),
        None => Arc::new(parse(&code.source, &Options::loading(&is_builtin)).unwrap_or_default()),
    }
}
