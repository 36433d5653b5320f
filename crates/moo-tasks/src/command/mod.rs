//! A typed line as a command: its words, its objects, and the verb that answers it.
//!
//! Invariant: nothing here decides what runs before a command (hooks, intrinsic commands); see
//! [`crate::input_queue`] and [`crate::attempt`].

use std::sync::Arc;

use moo_model::preposition;
use moo_model::text::equal_folded;
use moo_model::world::{CommandShape, Transaction, VerbHit};
use moo_model::{Obj, Symbol, Value};
use moo_vm::frame::CommandWords;

/// A line taken apart, before any object is matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The first word, as typed.
    pub verb: String,
    /// The other words.
    pub args: Vec<String>,
    /// Everything after the first word and the spaces that follow it, as typed.
    pub argstr: String,
    /// The words before the preposition.
    pub dobjstr: String,
    /// The preposition, as typed, and its number.
    pub prep: Option<(String, u8)>,
    /// The words after the preposition.
    pub iobjstr: String,
}

/// A verb that was found for a command, and the object it was found on.
pub struct Found {
    /// The verb.
    pub hit: triomphe::Arc<VerbHit>,
    /// Its `this`.
    pub this: Obj,
}

/// A command with its objects matched.
pub struct Matched {
    /// What the verb sees in its variables.
    pub words: Arc<CommandWords>,
    /// The direct object.
    pub dobj: Obj,
    /// The indirect object.
    pub iobj: Obj,
}

/// The words of a line, split at spaces; `"` quotes and `\` takes the next character as it is.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(' ');
    while !rest.is_empty() {
        let (word, after) = first_word(rest);
        words.push(word);
        rest = after.trim_start_matches(' ');
    }
    words
}

/// The first word of a text that starts with one, and the text from the space after it on.
fn first_word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' if !quoted => return (word, &text[at..]),
            '"' => quoted = !quoted,
            '\\' => word.extend(chars.next().map(|(_, literal)| literal)),
            c => word.push(c),
        }
    }
    (word, "")
}

/// The line with `"`, `:` and `;` at its start written out as `say`, `emote` and `eval`, and without leading spaces.
pub fn expand(line: &str) -> String {
    let line = line.trim_start_matches(' ');
    let (verb, rest) = match line.chars().next() {
        Some('"') => ("say ", &line[1..]),
        Some(':') => ("emote ", &line[1..]),
        Some(';') => ("eval ", &line[1..]),
        _ => ("", line),
    };
    format!("{verb}{rest}")
}

/// Takes a line apart; `None` for one without a word.
pub fn parse(line: &str) -> Option<Parsed> {
    let line = expand(line);
    if line.is_empty() {
        return None;
    }
    let (verb, rest) = first_word(&line);
    let argstr = rest.trim_start_matches(' ').to_owned();
    let args = words(&argstr);
    let (dobjstr, prep, iobjstr) = match preposition::search(&args) {
        Some((number, from, to)) => (
            args[..from].join(" "),
            Some((args[from..to].join(" "), number)),
            args[to..].join(" "),
        ),
        None => (args.join(" "), None, String::new()),
    };
    Some(Parsed {
        verb,
        args,
        argstr,
        dobjstr,
        prep,
        iobjstr,
    })
}

/// What a player's word for a thing names: `#-1` for no word, `#-2` for several things, `#-3` for none.
pub fn match_object(tx: &mut Transaction, player: Obj, name: &str) -> Obj {
    if name.is_empty() {
        return Obj::NOTHING;
    }
    if let Some(number) = name.strip_prefix('#').and_then(parse_number) {
        return if tx.valid(number) {
            number
        } else {
            Obj::FAILED_MATCH
        };
    }
    if name.eq_ignore_ascii_case("me") {
        return player;
    }
    let here = tx.location(player).unwrap_or(Obj::NOTHING);
    if name.eq_ignore_ascii_case("here") {
        return here;
    }
    let near = [player, here]
        .into_iter()
        .filter_map(|place| tx.contents(place))
        .collect::<Vec<_>>();
    match_among(
        tx,
        near.iter().flat_map(|contents| contents.iter().copied()),
        name,
    )
}

fn parse_number(digits: &str) -> Option<Obj> {
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    let is_number = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Obj)).flatten()
}

/// How well a thing's names fit a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    None,
    Prefix,
    Exact,
}

/// Exact names beat prefixes; a second thing with an exact name makes the word ambiguous.
fn match_among(tx: &mut Transaction, things: impl Iterator<Item = Obj>, name: &str) -> Obj {
    let (mut exact, mut prefix) = (Obj::FAILED_MATCH, Obj::FAILED_MATCH);
    for thing in things {
        match fit(tx, thing, name) {
            Fit::Exact if exact == Obj::FAILED_MATCH || exact == thing => exact = thing,
            Fit::Exact => return Obj::AMBIGUOUS,
            Fit::Prefix if prefix == Obj::FAILED_MATCH || prefix == thing => prefix = thing,
            Fit::Prefix => prefix = Obj::AMBIGUOUS,
            Fit::None => {}
        }
    }
    if exact == Obj::FAILED_MATCH { prefix } else { exact }
}

fn fit(tx: &mut Transaction, thing: Obj, name: &str) -> Fit {
    let own = tx.name(thing);
    let aliases = tx
        .find_property(thing, Symbol::new("aliases"))
        .ok()
        .map(|found| tx.property_value(&found));
    let aliases = aliases.as_ref().and_then(Value::as_list).unwrap_or_default();
    own.iter()
        .chain(aliases)
        .filter_map(Value::as_str)
        .map(|text| fit_text(text, name))
        .max()
        .unwrap_or(Fit::None)
}

fn fit_text(text: &str, name: &str) -> Fit {
    match text.get(..name.len()) {
        Some(start) if equal_folded(start, name) => {
            if text.len() == name.len() {
                Fit::Exact
            } else {
                Fit::Prefix
            }
        }
        _ => Fit::None,
    }
}

impl Parsed {
    /// Finds the objects that the command names.
    pub fn match_objects(&self, tx: &mut Transaction, player: Obj) -> Matched {
        let dobj = match_object(tx, player, &self.dobjstr);
        let iobj = match_object(tx, player, &self.iobjstr);
        let prepstr = self.prep.as_ref().map_or("", |(phrase, _)| phrase);
        let words = CommandWords {
            argstr: Value::str(&self.argstr),
            dobjstr: Value::str(&self.dobjstr),
            dobj: Value::obj(dobj),
            prepstr: Value::str(prepstr),
            iobjstr: Value::str(&self.iobjstr),
            iobj: Value::obj(iobj),
        };
        Matched {
            words: Arc::new(words),
            dobj,
            iobj,
        }
    }

    /// The verb that answers the command: on the player, its location, the direct or the indirect object, in this
    /// order; failing that, the location's `huh`.
    pub fn find_verb(&self, tx: &mut Transaction, player: Obj, matched: &Matched) -> Option<Found> {
        let here = tx.location(player).unwrap_or(Obj::NOTHING);
        let shape = CommandShape {
            verb: &self.verb,
            dobj: (!self.dobjstr.is_empty(), matched.dobj),
            prep: self.prep.as_ref().map(|&(_, number)| number),
            iobj: (!self.iobjstr.is_empty(), matched.iobj),
        };
        for this in [player, here, matched.dobj, matched.iobj] {
            if tx.valid(this)
                && let Some(hit) = tx.find_command_verb(this, &shape)
            {
                return Some(Found {
                    hit: triomphe::Arc::new(hit),
                    this,
                });
            }
        }
        if !tx.valid(here) {
            return None;
        }
        let hit = tx.find_callable_verb(here, Symbol::new("huh")).cloned()?;
        Some(Found { hit, this: here })
    }
}

#[cfg(test)]
mod tests;
