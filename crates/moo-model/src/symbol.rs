//! Interned names: verb, property and variable names, compared without regard to case.
//!
//! Invariant: a symbol is never freed, so only names that cost their maker stored space are interned (definitions
//! and program constants); names made at run time are looked up with [`Symbol::find`].

use std::fmt;
use std::sync::{LazyLock, RwLock};

use rustc_hash::FxHashMap;

use crate::text::fold;

/// A case-folded name. Two symbols are equal when their texts differ at most in case.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

#[derive(Default)]
struct Table {
    by_text: FxHashMap<&'static str, u32>,
    texts: Vec<&'static str>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

impl Symbol {
    /// The symbol of a name, made if it is new.
    pub fn new(name: &str) -> Symbol {
        if let Some(symbol) = Self::find(name) {
            return symbol;
        }
        let mut table = TABLE.write().expect("no code that holds the table panics");
        let folded = fold(name);
        if let Some(&id) = table.by_text.get(folded.as_ref()) {
            return Symbol(id);
        }
        let id = u32::try_from(table.texts.len()).expect("four billion distinct names do not fit in memory");
        let text: &'static str = Box::leak(folded.into_owned().into_boxed_str());
        table.texts.push(text);
        table.by_text.insert(text, id);
        Symbol(id)
    }

    /// The symbol of a name, if anything was ever called so.
    pub fn find(name: &str) -> Option<Symbol> {
        let table = TABLE.read().expect("no code that holds the table panics");
        table.by_text.get(fold(name).as_ref()).map(|&id| Symbol(id))
    }

    /// The folded text.
    pub fn text(self) -> &'static str {
        TABLE.read().expect("no code that holds the table panics").texts[self.0 as usize]
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
