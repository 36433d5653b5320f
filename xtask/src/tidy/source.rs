//! A Rust file as tidy reads it: words and marks with their lines, without comments and texts.

/// One word or mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// An identifier, `::`, or one other character.
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the root of the workspace, with `/`.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// The first line.
    pub first_line: String,
    /// What the compiler would see of it, roughly.
    pub tokens: Vec<Token>,
}

/// A path that the file names, such as `crate::protocol::header`, with `super` and `self` resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its segments; the first is `crate` or the name of a crate.
    pub segments: Vec<String>,
    /// Where.
    pub line: usize,
}

impl Source {
    /// Reads a file's text.
    pub fn new(path: String, text: &str) -> Source {
        let first_line = text.lines().next().unwrap_or_default().to_owned();
        Source {
            path,
            lines: text.lines().count(),
            first_line,
            tokens: tokens(text),
        }
    }

    /// The folder's or file's module path inside its crate: `src/hosts/telnet/mod.rs` is `[hosts, telnet]`.
    pub fn module(&self) -> Vec<String> {
        let inside = match self.path.rsplit_once("src/") {
            Some((_, inside)) => inside,
            None => &self.path,
        };
        let mut parts: Vec<String> = inside
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }

    /// Every path with `::` in it, those in braces spread out.
    pub fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let starts = is_word(&self.tokens[at].text)
                && self.text(at + 1) == "::"
                && (at == 0 || self.text(at - 1) != "::");
            if starts {
                at = self.read_path(at, &[], &mut found);
            } else {
                at += 1;
            }
        }
        for named in &mut found {
            self.resolve(&mut named.segments);
        }
        found
    }

    /// Reads one path from `at`, after `prefix`; gives where it ends.
    fn read_path(&self, mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
        let line = self.tokens[at].line;
        let mut segments = prefix.to_vec();
        loop {
            if self.text(at) == "{" {
                return self.read_group(at + 1, &segments, found);
            }
            if is_word(self.text(at)) {
                segments.push(self.text(at).to_owned());
                at += 1;
            }
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        found.push(Named { segments, line });
        // A leaf that was no path at all (`*`, or something unexpected) is stepped over by the caller.
        at
    }

    fn read_group(&self, mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
        while at < self.tokens.len() && self.text(at) != "}" {
            at = if is_word(self.text(at)) {
                self.read_path(at, prefix, found)
            } else {
                at + 1
            };
        }
        at + 1
    }

    fn resolve(&self, segments: &mut Vec<String>) {
        let ups = segments.iter().take_while(|segment| *segment == "super").count();
        let own = segments.first().is_some_and(|segment| segment == "self");
        if ups == 0 && !own {
            return;
        }
        let mut base = self.module();
        base.truncate(base.len().saturating_sub(ups));
        base.insert(0, "crate".to_owned());
        base.extend(segments.drain(..).skip(ups + usize::from(own)));
        *segments = base;
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Cuts a text into words and marks; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = skip_quiet(&chars, at);
        if end > at {
            line += chars[at..end].iter().filter(|char| **char == '\n').count();
            at = end;
            continue;
        }
        let len = match chars[at] {
            first if first.is_alphanumeric() || first == '_' => chars[at..]
                .iter()
                .take_while(|char| char.is_alphanumeric() || **char == '_')
                .count(),
            ':' if chars.get(at + 1) == Some(&':') => 2,
            _ => 1,
        };
        tokens.push(Token {
            text: chars[at..at + len].iter().collect(),
            line,
        });
        at += len;
    }
    tokens
}

/// The end of a space, comment, string or character that starts at `at`; `at` itself if none does.
fn skip_quiet(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let to = |end: Option<usize>| at + end.unwrap_or(rest.len());
    match rest {
        [first, ..] if first.is_whitespace() => at + 1,
        ['/', '/', ..] => to(rest.iter().position(|char| *char == '\n')),
        ['/', '*', ..] => to((2..rest.len()).find(|end| rest[..*end].ends_with(&['*', '/']) && *end > 3)),
        ['"', ..] => to(end_of_quoted(rest, '"')),
        ['r', '"' | '#', ..] => end_of_raw(rest).map_or(at, |end| at + end),
        ['b', '"', ..] => to(end_of_quoted(&rest[1..], '"').map(|end| end + 1)),
        ['b', 'r', '"' | '#', ..] => end_of_raw(&rest[1..]).map_or(at, |end| at + end + 1),
        ['\'', '\\', ..] => to(end_of_quoted(rest, '\'')),
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn end_of_quoted(rest: &[char], quote: char) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            char if char == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The end of `r#".."#`; none for a raw identifier such as `r#type`.
fn end_of_raw(rest: &[char]) -> Option<usize> {
    let marks = rest[1..].iter().take_while(|char| **char == '#').count();
    if rest.get(1 + marks) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', marks))
        .collect();
    let body = 2 + marks;
    (body..=rest.len().checked_sub(close.len())?)
        .find(|at| rest[*at..].starts_with(&close))
        .map(|at| at + close.len())
}
