//! A program that is ready to run: its code, and the built-in functions it calls.
//!
//! Invariant: made once for each stored program and kept with it, so that all executors share it.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use moo_lang::program::Program;
use moo_lang::{Options, ast, compile, parse};
use moo_model::world::{Code, VerbHit};

use crate::builtin::Builtin;
use crate::builtins;

/// A compiled program with its built-in functions found.
#[derive(Debug)]
pub struct Executable {
    program: Program,
    /// By the program's index; `None` for a function that no longer exists.
    pub builtins: Vec<Option<&'static Builtin>>,
}

impl Deref for Executable {
    type Target = Program;

    #[inline]
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

static EMPTY: LazyLock<Arc<Executable>> =
    LazyLock::new(|| Executable::new(&Arc::new(ast::Program::default())));

impl Executable {
    /// Compiles a tree.
    pub fn new(tree: &Arc<ast::Program>) -> Arc<Executable> {
        let program = compile::compile(tree);
        let builtins = program.builtins.iter().map(|name| builtins::find(name)).collect();
        Arc::new(Executable { program, builtins })
    }

    /// The program of a verb that was never programmed.
    pub fn empty() -> &'static Executable {
        &EMPTY
    }

    /// The program of a verb that was found, looked for once; `None` as in [`Executable::of`].
    #[inline]
    pub fn of_hit(hit: &VerbHit) -> Option<&Executable> {
        let ready = hit.ready.get_or_init(|| Box::new(Self::of(&hit.verb.code)));
        ready.downcast_ref::<Option<Arc<Executable>>>()?.as_deref()
    }

    /// The program of a stored text, compiled at the first call; `None` for a text that is not a program, which only an
    /// import can have stored.
    #[inline]
    pub fn of(code: &Code) -> Option<Arc<Executable>> {
        let made = code
            .compiled
            .get_or_init(|| Box::new(Self::compile_stored(&code.source)));
        made.downcast_ref::<Option<Arc<Executable>>>()?.clone()
    }

    fn compile_stored(source: &str) -> Option<Arc<Executable>> {
        if source.is_empty() {
            return Some(EMPTY.clone());
        }
        let is_builtin = |name: &str| builtins::find(name).is_some();
        let tree = parse(source, &Options::loading(&is_builtin)).ok()?;
        Some(Self::new(&Arc::new(tree)))
    }
}
