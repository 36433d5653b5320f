//! Interned names: verb, property and variable names, compared without regard to case.
//!
//! Invariant: a symbol is never freed, so only names that cost their maker stored space are interned (definitions
//! and program constants); names made at run time are looked up with [`Symbol::find`].
//!
//! Every task looks names up and hardly any makes one: who looks takes no lock and writes nothing that others read, who makes
//! one puts a new table in the place of the old, with which it shares all but a path.

use std::fmt;
use std::sync::{LazyLock, Mutex};

use arc_swap::ArcSwap;
use imbl::shared_ptr::DefaultSharedPtr;
use imbl::{GenericHashMap, Vector};
use rustc_hash::FxBuildHasher;

use crate::text::fold;

/// A case-folded name. Two symbols are equal when their texts differ at most in case.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

#[derive(Clone, Default)]
struct Table {
    by_text: GenericHashMap<&'static str, u32, FxBuildHasher, DefaultSharedPtr>,
    texts: Vector<&'static str>,
}

static TABLE: LazyLock<ArcSwap<Table>> = LazyLock::new(ArcSwap::default);
/// Held while a name is added.
static ADDING: Mutex<()> = Mutex::new(());

impl Symbol {
    /// The symbol of a name, made if it is new.
    pub fn new(name: &str) -> Symbol {
        if let Some(symbol) = Self::find(name) {
            return symbol;
        }
        let _adding = ADDING.lock().expect("no code that adds a name panics");
        let mut table = Table::clone(&TABLE.load());
        let folded = fold(name);
        if let Some(&id) = table.by_text.get(folded.as_ref()) {
            return Symbol(id);
        }
        let id = u32::try_from(table.texts.len()).expect("four billion distinct names do not fit in memory");
        let text: &'static str = Box::leak(folded.into_owned().into_boxed_str());
        table.texts.push_back(text);
        table.by_text.insert(text, id);
        TABLE.store(table.into());
        Symbol(id)
    }

    /// The symbol of a name, if anything was ever called so.
    pub fn find(name: &str) -> Option<Symbol> {
        let table = TABLE.load();
        table.by_text.get(fold(name).as_ref()).map(|&id| Symbol(id))
    }

    /// The folded text.
    pub fn text(self) -> &'static str {
        TABLE.load().texts[self.0 as usize]
    }

    /// The number behind the symbol: stable for this process only, so never stored.
    pub fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
