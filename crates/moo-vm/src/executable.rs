//! A program that is ready to run: its code, and the built-in functions it calls.
//!
//! Invariant: made once for each stored program and kept with it, so that all executors share it.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use moo_lang::opcode::{Env, Op};
use moo_lang::program::{Program, Scatter, ScatterKind, ScatterTarget};
use moo_lang::verify::{Defect, verify};
use moo_lang::{Options, ast, compile, parse};
use moo_model::Obj;
use moo_model::world::{Code, VerbHit, VerbRecord};

use crate::builtin::Builtin;
use crate::builtins;
use crate::profile::{self, Tally};

/// A compiled program with its built-in functions found.
#[derive(Debug)]
pub struct Executable {
    program: Program,
    /// By the program's index; `None` for a function that no longer exists.
    pub builtins: Vec<Option<&'static Builtin>>,
    /// What a call needs to know of it.
    pub(crate) entry: Entry,
}

/// What a call of a program needs. One that begins with `{a, b} = args`, into its first registers in turn, and does not look
/// at its arguments again, gets them there by the call itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    /// How many registers it has.
    pub registers: u16,
    /// How many arguments are put into the first of them; more than there ever are for other programs.
    pub takes: u16,
    /// Where it goes on then.
    pub then: u32,
}

impl Entry {
    fn of(program: &Program) -> Entry {
        let (takes, then) = Entry::taken(program).unwrap_or((u16::MAX, 0));
        Entry {
            registers: program.registers,
            takes,
            then,
        }
    }

    fn taken(program: &Program) -> Option<(u16, u32)> {
        let (first, rest) = program.code.split_first()?;
        let Op::ScatterArgs { spec } = *first else {
            return None;
        };
        let Scatter { targets, done, .. } = &program.scatters[usize::from(spec)];
        let in_turn = (0..).zip(targets).all(|(register, target)| {
            let plain = ScatterTarget {
                register,
                kind: ScatterKind::Required,
            };
            *target == plain
        });
        let again = rest.iter().any(|op| {
            matches!(
                op,
                Op::ScatterArgs { .. } | Op::LoadArg { .. } | Op::LoadEnv { env: Env::Args, .. }
            )
        });
        (in_turn && !again).then_some((targets.len() as u16, *done))
    }
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

static EMPTY: LazyLock<Arc<Executable>> = LazyLock::new(|| {
    let nothing = Arc::new(ast::Program::default());
    Executable::new(&nothing).expect("a program that does nothing is sound")
});

impl Executable {
    /// Compiles a tree.
    ///
    /// # Errors
    /// What the verifier has against the result, which is a fault of the compiler; such a program does not run.
    pub fn new(tree: &Arc<ast::Program>) -> Result<Arc<Executable>, Defect> {
        Self::verified(compile::compile(tree))
    }

    /// A program that the compiler may not have made, or not like this.
    ///
    /// # Errors
    /// What the verifier has against it.
    pub fn verified(program: Program) -> Result<Arc<Executable>, Defect> {
        verify(&program).map(|()| Self::ready(program))
    }

    fn ready(program: Program) -> Arc<Executable> {
        let builtins = program.builtins.iter().map(|name| builtins::find(name)).collect();
        let entry = Entry::of(&program);
        Arc::new(Executable {
            program,
            builtins,
            entry,
        })
    }

    /// The program of a frame that runs none.
    pub fn empty() -> &'static Executable {
        &EMPTY
    }

    /// The program of a stored text, compiled at the first call; `None` for a text that is not a program, which only an
    /// import can have stored, and for one that does not pass the verifier.
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
        Self::new(&Arc::new(tree)).ok()
    }
}

/// A verb that was found, with its program: what a frame runs.
#[derive(Debug)]
pub struct ReadyVerb {
    /// The object that holds it.
    pub definer: Obj,
    /// Its place there, counted from 0.
    pub index: usize,
    /// The verb.
    pub verb: triomphe::Arc<VerbRecord>,
    /// Its program.
    pub program: Arc<Executable>,
    /// The search that found it; `None` for one that was not looked for.
    pub search: Option<u64>,
    /// What it uses.
    pub tally: Arc<Tally>,
}

impl ReadyVerb {
    /// What a name led to, made ready once; `None` as in [`Executable::of`].
    #[inline]
    pub fn of(hit: &VerbHit) -> Option<&triomphe::Arc<ReadyVerb>> {
        let ready = hit.ready.get_or_init(|| Box::new(Self::make(hit)));
        ready.downcast_ref::<Option<triomphe::Arc<ReadyVerb>>>()?.as_ref()
    }

    fn make(hit: &VerbHit) -> Option<triomphe::Arc<ReadyVerb>> {
        Some(Self::with_program(hit, Executable::of(&hit.verb.code)?))
    }

    fn with_program(hit: &VerbHit, program: Arc<Executable>) -> triomphe::Arc<ReadyVerb> {
        let place = (hit.definer, hit.index);
        triomphe::Arc::new(Self::new(place, hit.verb.clone(), program, Some(hit.search)))
    }

    /// A verb at this place of its definer.
    pub fn new(
        (definer, index): (Obj, usize),
        verb: triomphe::Arc<VerbRecord>,
        program: Arc<Executable>,
        search: Option<u64>,
    ) -> ReadyVerb {
        ReadyVerb {
            definer,
            index,
            tally: profile::tally(definer, verb.id, &verb.names),
            verb,
            program,
            search,
        }
    }

    /// As [`ReadyVerb::of`], with the empty program for a text that is none.
    pub fn or_empty(hit: &VerbHit) -> triomphe::Arc<ReadyVerb> {
        let ready = Self::of(hit).cloned();
        ready.unwrap_or_else(|| Self::with_program(hit, EMPTY.clone()))
    }
}
