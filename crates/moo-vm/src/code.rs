//! A verb's stored program as a tree.

use std::sync::Arc;

use moo_lang::ast;
use moo_lang::program::Program;
use moo_model::world::Code;

use crate::builtins::is_builtin;

/// The tree of a stored program: that of the compiled form where there is one, else parsed anew. Calls of functions
/// that do not exist are kept. Text that is no program, which nothing stores, gives the empty tree.
pub fn tree_of(code: &Code) -> Arc<ast::Program> {
    let compiled = code
        .compiled
        .get()
        .and_then(|made| made.downcast_ref::<Arc<Program>>());
    match compiled {
        Some(program) => program.tree.clone(),
        None => {
            let parsed = moo_lang::parse(&code.source, &moo_lang::Options::loading(&is_builtin));
            Arc::new(parsed.unwrap_or_default())
        }
    }
}
