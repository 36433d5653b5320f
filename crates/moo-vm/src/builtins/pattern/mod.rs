//! The pattern language of `match()`: reading a pattern, and finding it in a text.
//!
//! Invariant: neither reading nor matching uses the native stack in proportion to its input, and a match ends with
//! [`run::TooComplex`] after [`STEPS_MAX`] steps.

mod compile;
mod run;

use moo_model::text::fold_char;

pub(super) use run::Direction;

/// The most steps that one search may take.
pub(super) const STEPS_MAX: usize = 4_000_000;
/// The most states that a search may keep to come back to.
const STATES_MAX: usize = 1_000_000;
/// The longest text that is searched, in characters.
const SUBJECT_MAX: usize = 4_000_000;
/// Groups that a pattern may have.
const GROUPS: usize = 9;

/// A pattern is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// One step of a compiled pattern. Jumps are relative to the step they stand in.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// This character, already folded if case does not matter.
    Char(char),
    /// Any character.
    Any,
    /// A character of the set.
    Set(usize),
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
    /// A place where a word starts or ends, or, with `false`, one where none does.
    Edge(bool),
    /// The start of a word.
    WordStart,
    /// The end of a word.
    WordEnd,
    /// A character of a word, or, with `false`, one of no word.
    Word(bool),
    /// Remembers the place: an even number starts a group, an odd one ends it.
    Save(usize),
    /// What the group matched.
    Same(usize),
    /// Goes on at the first, or failing that at the second.
    Split(isize, isize),
    /// Goes on there.
    Jump(isize),
    /// Remembers where an iteration of a loop starts.
    Enter(usize),
    /// Repeats the loop unless the iteration matched nothing.
    Repeat(usize, isize),
}

/// A set of characters.
#[derive(Clone, Debug, Default)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Set {
    fn has(&self, c: char, cased: bool) -> bool {
        let within = |c: char| self.ranges.iter().any(|&(from, to)| from <= c && c <= to);
        let mut upper = c.to_uppercase();
        let found = within(c)
            || !cased && (within(fold_char(c)) || upper.len() == 1 && upper.next().is_some_and(within));
        found != self.negated
    }
}

/// A pattern, ready to be searched for.
#[derive(Debug)]
pub(super) struct Pattern {
    steps: Vec<Step>,
    sets: Vec<Set>,
    loops: usize,
    cased: bool,
}

/// Whether words contain the character.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
