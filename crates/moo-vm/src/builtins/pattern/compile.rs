//! Pattern text to steps.

use moo_model::text::fold_char;

use super::{GROUPS, Malformed, Pattern, Set, Step};

/// Some steps, and whether they can match nothing.
#[derive(Default)]
struct Part {
    steps: Vec<Step>,
    nullable: bool,
}

impl Part {
    fn one(step: Step, nullable: bool) -> Part {
        Part {
            steps: vec![step],
            nullable,
        }
    }
}

/// How often an item may match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// `?`
    AtMostOnce,
    /// `+`
    AtLeastOnce,
    /// `*`
    Any,
}

impl Part {
    /// The part repeated; `loops` counts the loops that watch for iterations that match nothing.
    fn repeated(mut self, repeat: Repeat, loops: &mut usize) -> Part {
        if repeat != Repeat::AtMostOnce {
            let length = self.steps.len() as isize;
            if self.nullable {
                self.steps.insert(0, Step::Enter(*loops));
                self.steps.push(Step::Repeat(*loops, -(length + 1)));
                *loops += 1;
            } else {
                self.steps.push(Step::Split(-length, 1));
            }
        }
        if repeat != Repeat::AtLeastOnce {
            let length = self.steps.len() as isize;
            self.steps.insert(0, Step::Split(1, length + 1));
            self.nullable = true;
        }
        self
    }
}

/// A group, or the whole pattern, while it is read.
struct Level {
    /// The group's number; `None` for the whole pattern.
    group: Option<usize>,
    /// The alternatives before the one being read.
    alternatives: Vec<Part>,
    /// What precedes the last item of the alternative being read.
    before: Part,
    /// The last item and the repeats after it, which are put on once no more can follow: a run of them is one.
    last: Option<(Part, Option<Repeat>)>,
    /// Whether nothing but `^` was read of the alternative, or nothing at all.
    at_start: bool,
}

impl Level {
    fn new(group: Option<usize>) -> Level {
        Level {
            group,
            alternatives: Vec::new(),
            before: Part {
                steps: Vec::new(),
                nullable: true,
            },
            last: None,
            at_start: true,
        }
    }

    /// Adds an item that a repeat may follow.
    fn push(&mut self, part: Part, loops: &mut usize) {
        self.settle(loops);
        self.last = Some((part, None));
        self.at_start = false;
    }

    /// Moves the last item, with its repeats, to those that no repeat can follow any more.
    fn settle(&mut self, loops: &mut usize) {
        if let Some((part, repeat)) = self.last.take() {
            let part = match repeat {
                Some(repeat) => part.repeated(repeat, loops),
                None => part,
            };
            self.before.steps.extend(part.steps);
            self.before.nullable &= part.nullable;
        }
    }

    /// Ends an alternative.
    fn end_alternative(&mut self, loops: &mut usize) {
        self.settle(loops);
        let empty = Part {
            steps: Vec::new(),
            nullable: true,
        };
        self.alternatives.push(std::mem::replace(&mut self.before, empty));
        self.at_start = true;
    }

    /// The finished level: its alternatives tried in order.
    fn finish(mut self, loops: &mut usize) -> Part {
        self.end_alternative(loops);
        let mut rest: usize = self.alternatives.iter().map(|part| part.steps.len() + 2).sum();
        let mut out = Part::default();
        out.steps.extend(self.group.map(|group| Step::Save(2 * group)));
        let count = self.alternatives.len();
        for (i, part) in self.alternatives.into_iter().enumerate() {
            out.nullable |= part.nullable;
            rest -= part.steps.len() + 2;
            if i + 1 == count {
                out.steps.extend(part.steps);
            } else {
                out.steps.push(Step::Split(1, part.steps.len() as isize + 2));
                out.steps.extend(part.steps);
                // The last alternative has neither a split nor a jump, which `rest` counts.
                out.steps.push(Step::Jump(rest as isize - 1));
            }
        }
        out.steps
            .extend(self.group.map(|group| Step::Save(2 * group + 1)));
        out
    }
}

struct Reader<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    levels: Vec<Level>,
    sets: Vec<Set>,
    loops: usize,
    groups: usize,
    /// Which groups have ended, so that they may be referred to.
    closed: [bool; GROUPS + 1],
    cased: bool,
}

impl Pattern {
    /// Reads a pattern.
    pub(in crate::builtins) fn new(text: &str, cased: bool) -> Result<Pattern, Malformed> {
        let mut reader = Reader {
            chars: text.chars().peekable(),
            levels: vec![Level::new(None)],
            sets: Vec::new(),
            loops: 0,
            groups: 0,
            closed: [false; GROUPS + 1],
            cased,
        };
        while let Some(c) = reader.chars.next() {
            reader.item(c)?;
        }
        let level = reader.levels.pop().filter(|level| level.group.is_none());
        let steps = level.ok_or(Malformed)?.finish(&mut reader.loops).steps;
        Ok(Pattern {
            steps,
            sets: reader.sets,
            loops: reader.loops,
            cased,
        })
    }
}

impl Reader<'_> {
    fn level(&mut self) -> Result<&mut Level, Malformed> {
        self.levels.last_mut().ok_or(Malformed)
    }

    fn push(&mut self, step: Step, nullable: bool) -> Result<(), Malformed> {
        self.push_part(Part::one(step, nullable))
    }

    fn push_part(&mut self, part: Part) -> Result<(), Malformed> {
        let level = self.levels.last_mut().ok_or(Malformed)?;
        level.push(part, &mut self.loops);
        Ok(())
    }

    fn literal(&mut self, c: char) -> Result<(), Malformed> {
        let folded = if self.cased { c } else { fold_char(c) };
        self.push(Step::Char(folded), false)
    }

    fn item(&mut self, c: char) -> Result<(), Malformed> {
        match c {
            '.' => self.push(Step::Any, false),
            '[' => self.set(),
            '*' => self.repeat(Repeat::Any),
            '+' => self.repeat(Repeat::AtLeastOnce),
            '?' => self.repeat(Repeat::AtMostOnce),
            '%' => self.escape(),
            '^' => {
                let level = self.level()?;
                if !level.at_start || !level.before.steps.is_empty() {
                    return Err(Malformed);
                }
                level.before.steps.push(Step::Start);
                Ok(())
            }
            '$' => {
                if !self.at_end() {
                    return Err(Malformed);
                }
                let level = self.levels.last_mut().ok_or(Malformed)?;
                level.settle(&mut self.loops);
                level.before.steps.push(Step::End);
                level.at_start = false;
                Ok(())
            }
            _ => self.literal(c),
        }
    }

    /// Whether an alternative ends here.
    fn at_end(&self) -> bool {
        let mut ahead = self.chars.clone();
        match ahead.next() {
            None => true,
            Some('%') => matches!(ahead.next(), Some('|' | ')')),
            Some(_) => false,
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.chars.next().ok_or(Malformed)? {
            '(' => {
                self.groups += 1;
                if self.groups > GROUPS {
                    return Err(Malformed);
                }
                self.levels.push(Level::new(Some(self.groups)));
                Ok(())
            }
            ')' => {
                let level = self.levels.pop().ok_or(Malformed)?;
                self.closed[level.group.ok_or(Malformed)?] = true;
                let part = level.finish(&mut self.loops);
                self.push_part(part)
            }
            '|' => {
                let level = self.levels.last_mut().ok_or(Malformed)?;
                level.end_alternative(&mut self.loops);
                Ok(())
            }
            digit @ '1'..='9' => {
                let group = digit as usize - '0' as usize;
                if !self.closed[group] {
                    return Err(Malformed);
                }
                self.push(Step::Same(group), true)
            }
            'b' => self.push(Step::Edge(true), true),
            'B' => self.push(Step::Edge(false), true),
            '<' => self.push(Step::WordStart, true),
            '>' => self.push(Step::WordEnd, true),
            'w' => self.push(Step::Word(true), false),
            'W' => self.push(Step::Word(false), false),
            other => self.literal(other),
        }
    }

    fn repeat(&mut self, repeat: Repeat) -> Result<(), Malformed> {
        let (_, before) = self.level()?.last.as_mut().ok_or(Malformed)?;
        // Any two different repeats together allow any number.
        *before = match *before {
            None => Some(repeat),
            Some(same) if same == repeat => Some(repeat),
            Some(_) => Some(Repeat::Any),
        };
        Ok(())
    }

    /// A set, after its `[`. A `]` that comes first and a `-` that joins nothing stand for themselves.
    fn set(&mut self) -> Result<(), Malformed> {
        let mut set = Set {
            negated: self.chars.next_if_eq(&'^').is_some(),
            ranges: Vec::new(),
        };
        loop {
            let from = self.chars.next().ok_or(Malformed)?;
            if from == ']' && !set.ranges.is_empty() {
                break;
            }
            let mut ahead = self.chars.clone();
            let joins = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            let to = if joins {
                self.chars.next();
                self.chars.next().ok_or(Malformed)?
            } else {
                from
            };
            set.ranges.push((from, to));
        }
        self.sets.push(set);
        self.push(Step::Set(self.sets.len() - 1), false)
    }
}
