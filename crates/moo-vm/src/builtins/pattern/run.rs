//! Searching for a pattern: backtracking, with its choices on a stack of its own.

use moo_model::text::fold_char;

use super::{GROUPS, Pattern, STATES_MAX, STEPS_MAX, SUBJECT_MAX, Step, is_word};

/// The search was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtins) struct TooComplex;

/// Which match is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtins) enum Direction {
    /// The one that starts first.
    First,
    /// The one that starts last.
    Last,
}

/// Where a pattern matched, and how much work that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::builtins) struct Found {
    /// The whole match and then the groups, as character offsets; `None` for a group that had no part in it.
    pub groups: Option<[Option<(usize, usize)>; GROUPS + 1]>,
    /// Steps taken.
    pub steps: usize,
}

/// What to undo or try on the way back from a dead end.
enum Choice {
    Try { step: usize, at: usize },
    Place { slot: usize, old: Option<usize> },
    Iteration { which: usize, old: usize },
}

struct Runner<'a> {
    pattern: &'a Pattern,
    text: &'a [char],
    places: [Option<usize>; 2 * (GROUPS + 1)],
    iterations: Vec<usize>,
    choices: Vec<Choice>,
    steps: usize,
}

impl Pattern {
    /// Looks for the pattern in a text.
    pub(in crate::builtins) fn find(&self, subject: &str, direction: Direction) -> Result<Found, TooComplex> {
        if subject.len() > SUBJECT_MAX {
            return Err(TooComplex);
        }
        let fold = |c: char| if self.cased { c } else { fold_char(c) };
        let text: Vec<char> = subject.chars().map(fold).collect();
        let mut runner = Runner {
            pattern: self,
            text: &text,
            places: [None; 2 * (GROUPS + 1)],
            iterations: vec![0; self.loops],
            choices: Vec::new(),
            steps: 0,
        };
        let first = self.first_char();
        let starts_here = |at: usize| first.is_none_or(|c| text.get(at) == Some(&c));
        let mut search = |at: usize| match starts_here(at) {
            true => runner.match_at(at),
            false => Ok(false),
        };
        let mut starts = 0..=text.len();
        let found = loop {
            let at = match direction {
                Direction::First => starts.next(),
                Direction::Last => starts.next_back(),
            };
            match at {
                None => break false,
                Some(at) if search(at)? => break true,
                Some(_) => {}
            }
        };
        Ok(Found {
            groups: found.then(|| runner.groups()),
            steps: runner.steps + text.len(),
        })
    }

    /// The character that every match starts with, if that is known.
    fn first_char(&self) -> Option<char> {
        let mut steps = self.steps.iter().skip_while(|step| matches!(step, Step::Save(_)));
        match steps.next() {
            Some(Step::Char(c)) => Some(*c),
            _ => None,
        }
    }
}

impl Runner<'_> {
    fn groups(&self) -> [Option<(usize, usize)>; GROUPS + 1] {
        std::array::from_fn(|group| self.places[2 * group].zip(self.places[2 * group + 1]))
    }

    /// Tries the pattern at one place.
    fn match_at(&mut self, start: usize) -> Result<bool, TooComplex> {
        self.places = [None; 2 * (GROUPS + 1)];
        self.places[0] = Some(start);
        self.choices.clear();
        let (mut step, mut at) = (0, start);
        loop {
            self.steps += 1;
            if self.steps > STEPS_MAX || self.choices.len() > STATES_MAX {
                return Err(TooComplex);
            }
            let Some(instruction) = self.pattern.steps.get(step) else {
                self.places[1] = Some(at);
                return Ok(true);
            };
            match self.advance(instruction, step, at) {
                Some(next) => (step, at) = next,
                None => match self.back() {
                    Some(next) => (step, at) = next,
                    None => return Ok(false),
                },
            }
        }
    }

    /// Takes one step: where to go on, or `None` at a dead end.
    fn advance(&mut self, instruction: &Step, step: usize, at: usize) -> Option<(usize, usize)> {
        let here = self.text.get(at).copied();
        let after_word = at > 0 && is_word(self.text[at - 1]);
        let before_word = here.is_some_and(is_word);
        let go = |offset: isize| step.wrapping_add_signed(offset);
        let one = |ok: bool| ok.then_some((step + 1, at + 1));
        let none = |ok: bool| ok.then_some((step + 1, at));
        match *instruction {
            Step::Char(c) => one(here == Some(c)),
            Step::Any => one(here.is_some()),
            Step::Set(set) => one(here.is_some_and(|c| self.pattern.sets[set].has(c, self.pattern.cased))),
            Step::Word(wanted) => one(here.is_some() && before_word == wanted),
            Step::Start => none(at == 0),
            Step::End => none(here.is_none()),
            Step::Edge(wanted) => none((after_word != before_word) == wanted),
            Step::WordStart => none(!after_word && before_word),
            Step::WordEnd => none(after_word && !before_word),
            Step::Save(slot) => {
                self.choices.push(Choice::Place {
                    slot,
                    old: self.places[slot],
                });
                self.places[slot] = Some(at);
                none(true)
            }
            Step::Same(group) => {
                let (from, to) = self.places[2 * group].zip(self.places[2 * group + 1])?;
                let length = to.checked_sub(from)?;
                // A reference costs as much as it compares.
                self.steps += length;
                let matches = self.text.get(at..at + length)? == &self.text[from..to];
                matches.then_some((step + 1, at + length))
            }
            Step::Split(first, second) => {
                self.choices.push(Choice::Try { step: go(second), at });
                Some((go(first), at))
            }
            Step::Jump(offset) => Some((go(offset), at)),
            Step::Enter(which) => {
                self.choices.push(Choice::Iteration {
                    which,
                    old: self.iterations[which],
                });
                self.iterations[which] = at;
                none(true)
            }
            Step::Repeat(which, _) if self.iterations[which] == at => none(true),
            Step::Repeat(_, offset) => {
                self.choices.push(Choice::Try { step: step + 1, at });
                Some((go(offset), at))
            }
        }
    }

    /// Goes back to the last choice that has something left to try.
    fn back(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.choices.pop()? {
                Choice::Try { step, at } => return Some((step, at)),
                Choice::Place { slot, old } => self.places[slot] = old,
                Choice::Iteration { which, old } => self.iterations[which] = old,
            }
        }
    }
}
