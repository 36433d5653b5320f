//! Verbs: finding, adding and changing them. No permissions here; those are the machine's.

use triomphe::Arc;

use super::lookup::VerbHit;
use super::record::{ArgSpec, Code, ObjSpec, PrepSpec, VerbPerms, VerbRecord, cell};
use super::transaction::Transaction;
use super::verb_name;
use crate::{ErrorCode, Obj, Symbol};

/// What a typed command offers an object that is searched for a verb.
#[derive(Clone, Copy, Debug)]
pub struct CommandShape<'a> {
    /// The first word.
    pub verb: &'a str,
    /// Whether there was a direct object string, and what it matched.
    pub dobj: (bool, Obj),
    /// The preposition found, by its number in the table.
    pub prep: Option<u8>,
    /// Whether there was an indirect object string, and what it matched.
    pub iobj: (bool, Obj),
}

impl CommandShape<'_> {
    fn fits(&self, args: &ArgSpec, searched: Obj) -> bool {
        let object = |spec: ObjSpec, (given, obj): (bool, Obj)| match spec {
            ObjSpec::Any => true,
            ObjSpec::None => !given && obj == Obj::NOTHING,
            ObjSpec::This => obj == searched,
        };
        let prep = match args.prep {
            PrepSpec::Any => true,
            PrepSpec::None => self.prep.is_none(),
            PrepSpec::Is(index) => self.prep == Some(index),
        };
        prep && object(args.dobj, self.dobj) && object(args.iobj, self.iobj)
    }
}

impl Transaction {
    /// The first verb that may be called by this name, on the object or an ancestor; `None` also where there is no object.
    #[inline(always)]
    pub fn find_callable_verb(&mut self, obj: Obj, name: Symbol) -> Option<&Arc<VerbHit>> {
        let at = match self.lookups.find_verb(self.epoch, obj, name) {
            Some(at) => {
                let place = self.place(obj);
                self.seen[place].reads |= cell::SCHEMA;
                self.seen[place].exists_read = true;
                at
            }
            None => self.look_up_verb(obj, name)?,
        };
        self.lookups.verb_at(at)
    }

    /// Searches for a verb and keeps the answer; gives its place in the table.
    #[cold]
    fn look_up_verb(&mut self, obj: Obj, name: Symbol) -> Option<usize> {
        if !self.valid(obj) {
            // Nothing is kept of a number that may come to be an object without a change of any name.
            return None;
        }
        let hit = self.search_verb(obj, name.text()).map(Arc::new);
        Some(self.lookups.put_verb(self.epoch, obj, name, hit))
    }

    /// As [`Transaction::find_callable_verb`], for a name made at run time, which is not kept.
    pub fn find_callable_verb_named(&mut self, obj: Obj, name: &str) -> Option<Arc<VerbHit>> {
        match Symbol::find(name) {
            Some(symbol) => self.find_callable_verb(obj, symbol).cloned(),
            None => self.search_verb(obj, name).map(Arc::new),
        }
    }

    #[cold]
    fn search_verb(&mut self, obj: Obj, name: &str) -> Option<VerbHit> {
        self.search_chain(obj, |verb| {
            verb.perms.has(VerbPerms::EXEC) && verb_name::matches(verb.names.as_str().unwrap_or(""), name)
        })
    }

    /// The first verb on the object or an ancestor that answers a command; the `x` bit is not asked for.
    pub fn find_command_verb(&mut self, obj: Obj, command: &CommandShape<'_>) -> Option<VerbHit> {
        self.search_chain(obj, |verb| {
            command.fits(&verb.args, obj)
                && verb_name::matches(verb.names.as_str().unwrap_or(""), command.verb)
        })
    }

    fn search_chain(&mut self, obj: Obj, mut wanted: impl FnMut(&VerbRecord) -> bool) -> Option<VerbHit> {
        let mut definer = obj;
        loop {
            let record = self.read(definer, cell::SCHEMA)?;
            if let Some(index) = record.verbs.iter().position(|verb| wanted(verb)) {
                return Some(VerbHit::new(definer, index, record.verbs[index].clone()));
            }
            definer = record.parent;
        }
    }

    /// The verbs defined on the object, in order; `None` if there is no such object.
    pub fn verbs(&mut self, obj: Obj) -> Option<Arc<Vec<Arc<VerbRecord>>>> {
        self.read(obj, cell::SCHEMA).map(|record| record.verbs.clone())
    }

    /// The first verb defined on this very object that answers to the name, with its place.
    pub fn find_own_verb(&mut self, obj: Obj, name: &str) -> Option<(usize, Arc<VerbRecord>)> {
        let verbs = self.verbs(obj)?;
        let index = verbs
            .iter()
            .position(|verb| verb_name::matches(verb.names.as_str().unwrap_or(""), name))?;
        Some((index, verbs[index].clone()))
    }

    /// Adds a verb at the end; gives its place, counted from 0.
    pub fn add_verb(&mut self, obj: Obj, mut verb: VerbRecord) -> Result<usize, ErrorCode> {
        let record = self.edit(obj, cell::SCHEMA)?;
        verb.id = record.next_verb_id();
        let verbs = Arc::make_mut(&mut record.verbs);
        verbs.push(Arc::new(verb));
        Ok(verbs.len() - 1)
    }

    /// Deletes the verb at this place. `E_VERBNF` if there is none.
    pub fn delete_verb(&mut self, obj: Obj, index: usize) -> Result<(), ErrorCode> {
        let record = self.edit(obj, cell::SCHEMA)?;
        if index >= record.verbs.len() {
            return Err(ErrorCode::VerbNf);
        }
        Arc::make_mut(&mut record.verbs).remove(index);
        Ok(())
    }

    /// Edits the verb at this place. `E_VERBNF` if there is none.
    pub fn edit_verb(
        &mut self,
        obj: Obj,
        index: usize,
        edit: impl FnOnce(&mut VerbRecord),
    ) -> Result<(), ErrorCode> {
        let record = self.edit(obj, cell::SCHEMA)?;
        let verb = Arc::make_mut(&mut record.verbs)
            .get_mut(index)
            .ok_or(ErrorCode::VerbNf)?;
        edit(Arc::make_mut(verb));
        Ok(())
    }

    /// Replaces the program of the verb at this place by one given as its stored text.
    pub fn set_verb_code(&mut self, obj: Obj, index: usize, code: Arc<Code>) -> Result<(), ErrorCode> {
        self.edit_verb(obj, index, |verb| verb.code = code)
    }
}
