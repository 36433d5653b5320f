//! `.program`: a verb's program typed in line by line.

use moo_lang::{Options, parse, store_text};
use moo_model::world::{Code, Flags, VerbPerms, VerbRecord, verb_name};
use moo_model::{Obj, Symbol, Value};
use moo_vm::{builtins, options};

use super::End;
use super::slice::Slice;
use crate::command;
use crate::connections::Connection;
use crate::input_queue::Programming;

/// The command's name, with the star of its shortest form.
const NAME: &str = ".pr*ogram";

impl Slice<'_> {
    /// Answers the line if it is `.program` and typed by a programmer.
    pub(super) fn start_program(&mut self, conn: &Connection, line: &str) -> Option<End> {
        let parsed = command::parse(line).filter(|parsed| verb_name::matches(NAME, &parsed.verb))?;
        let player = conn.object();
        if !self.tx.flags(player).has(Flags::PROGRAMMER) {
            return None;
        }
        let words = match self.find_program(player, &parsed.args) {
            Ok((programming, words)) => {
                self.programming = Some(programming);
                words
            }
            Err(words) => words,
        };
        self.host.tell(conn, &words);
        Some(End::Done(Value::int(0)))
    }

    fn find_program(&mut self, player: Obj, args: &[String]) -> Result<(Programming, String), String> {
        let [target] = args else {
            return Err("Usage:  .program object:verb".into());
        };
        let (name, verb) = target
            .split_once(':')
            .filter(|(_, verb)| !verb.is_empty())
            .ok_or("You must specify a verb; use the format object:verb.")?;
        let obj = match self.named_object(player, name) {
            Obj::NOTHING => return Err(format!("\"{name}\" is not a valid object.")),
            Obj::AMBIGUOUS => return Err(format!("I don't know which \"{name}\" you mean.")),
            Obj::FAILED_MATCH => return Err(format!("I don't see \"{name}\" here.")),
            obj => obj,
        };
        let (_, record) = self
            .tx
            .find_own_verb(obj, verb)
            .ok_or("That object does not have that verb definition.")?;
        if !self.may_program(player, &record) {
            return Err("Permission denied.".into());
        }
        let name = self.tx.name(obj).unwrap_or_default();
        let words = format!(
            "Now programming {}:{}.  Use \".\" to end.",
            name.as_str().unwrap_or_default(),
            record.names.as_str().unwrap_or_default()
        );
        let programming = Programming {
            obj,
            verb: record.id,
            lines: Vec::new(),
            stored: Vec::new(),
        };
        Ok((programming, words))
    }

    /// As a player names things, and also `$name`.
    fn named_object(&mut self, player: Obj, name: &str) -> Obj {
        let Some(property) = name.strip_prefix('$') else {
            return command::match_object(&mut self.tx, player, name);
        };
        let value = Symbol::find(property)
            .and_then(|symbol| self.tx.find_property(Obj::SYSTEM, symbol).ok())
            .map(|found| self.tx.property_value(&found));
        match value.and_then(|value| value.as_obj()) {
            Some(obj) if self.tx.valid(obj) => obj,
            _ => Obj::FAILED_MATCH,
        }
    }

    fn may_program(&mut self, player: Obj, verb: &VerbRecord) -> bool {
        if self.tx.is_wizard(player) {
            return true;
        }
        let is_protected =
            options::option(&mut self.tx, "protect_set_verb_code").is_some_and(|value| value.is_true());
        let is_programmer = self.tx.flags(player).has(Flags::PROGRAMMER);
        let may_write = verb.owner == player || verb.perms.has(VerbPerms::WRITE);
        is_programmer && may_write && !is_protected
    }

    /// Stores the collected program, or says what is wrong with it.
    pub(super) fn finish_program(&mut self, conn: &Connection, program: &Programming) -> End {
        let words = self
            .store_program(conn.object(), program)
            .unwrap_or_else(|words| words);
        words.iter().for_each(|line| self.host.tell(conn, line));
        End::Done(Value::int(0))
    }

    fn store_program(&mut self, player: Obj, program: &Programming) -> Result<Vec<String>, Vec<String>> {
        let verbs = self
            .tx
            .verbs(program.obj)
            .ok_or_else(|| vec!["That object appears to have disappeared ...".to_owned()])?;
        let index = verbs
            .iter()
            .position(|verb| verb.id == program.verb)
            .ok_or_else(|| vec!["That verb appears to have disappeared ...".to_owned()])?;
        if !self.may_program(player, &verbs[index]) {
            return Err(vec!["Permission denied.".to_owned()]);
        }
        let is_builtin = |name: &str| builtins::find(name).is_some();
        let tree = parse(&program.lines.join("\n"), &Options::new(&is_builtin)).map_err(|errors| {
            let mut lines = errors.moo_texts();
            lines.push(format!("{} error(s).", errors.errors.len()));
            lines.push("Verb not programmed.".to_owned());
            lines
        })?;
        self.tx
            .set_verb_code(program.obj, index, Code::new(store_text(&tree)))
            .map_err(|error| vec![error.message().to_owned()])?;
        Ok(vec!["0 error(s).".to_owned(), "Verb programmed.".to_owned()])
    }
}
