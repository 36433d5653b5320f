//! Lines and richer things as they travel: what tasks told connections, made into as few events as carry it.
//!
//! Invariant: connections that were told exactly the same share one event; an event fits into a frame with all who may
//! be named in it.

use crate::limits::{ANSWER_EVENTS_MAX, BODY_EVENT_MAX};
use crate::protocol::event::{Cause, ClientEvent, Content, Line, LineBody, NarrativeEvent};
use crate::protocol::machine::outbox::Prepared;
use crate::protocol::{Wall, WireObj, WireValue};
use moo_model::Value;
use moo_tasks::held::{Shown, Told};
use moo_vm::host::{Output, Rich};
use std::collections::HashMap;

/// Bytes of lines in one event at most.
const GROUP_BYTES_MAX: usize = BODY_EVENT_MAX / 2;
/// Bytes of one line in an event; longer ones travel in pieces.
const PIECE_BYTES_MAX: usize = BODY_EVENT_MAX / 4;
/// What a line costs in an event besides its bytes.
const LINE_COST: usize = 8;

/// The events of what was told to connections. Every connection is named in `told` once.
pub fn narratives(author: WireObj, told: Vec<Told>, cause: Option<Cause>, at: Wall) -> Vec<Prepared> {
    let mut ready = Vec::new();
    for (pieces, to) in audiences(told) {
        for event in pieces
            .chunk_by(Piece::goes_with)
            .flat_map(|pieces| events(author, pieces))
        {
            ready.push(Prepared::new(&event, cause, at, to.clone()));
        }
    }
    ready
}

/// The events of lines in a row, or of one richer thing.
fn events(author: WireObj, pieces: &[Piece]) -> Vec<ClientEvent> {
    if let [
        Piece::Rich(Rich {
            content_type,
            content,
            text,
        }),
    ] = pieces
        && content_type == Rich::TYPED
    {
        return vec![ClientEvent::Typed {
            json: content.clone().into_bytes(),
            text: text.clone(),
        }];
    }
    let narrative = |content| ClientEvent::Narrative {
        event: NarrativeEvent { author, content },
    };
    contents(pieces).into_iter().map(narrative).collect()
}

/// The same as content of narratives, a typed message too.
fn contents(pieces: &[Piece]) -> Vec<Content> {
    if let [Piece::Rich(rich)] = pieces {
        return vec![Content::Rich {
            content_type: rich.content_type.clone(),
            value: WireValue::new(&Value::str(&rich.content)),
            attrs: Vec::new(),
            text: rich.text.clone(),
        }];
    }
    let lines = pieces.iter().filter_map(|piece| match piece {
        Piece::Line(line) => Some(line.clone()),
        Piece::Rich(_) => None,
    });
    groups(lines).into_iter().map(Content::Lines).collect()
}

/// What was told to one connection, for an answer to repeat: the beginning of it, if it is long.
pub fn repeated(author: WireObj, told: &Told) -> Vec<NarrativeEvent> {
    let narrative = |content| NarrativeEvent { author, content };
    let pieces: Vec<Piece> = told.lines.iter().map(Piece::of).collect();
    let contents = pieces.chunk_by(Piece::goes_with).flat_map(contents);
    contents.take(ANSWER_EVENTS_MAX).map(narrative).collect()
}

/// What is shown, in the form in which it is compared and travels.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Piece {
    Line(Line),
    Rich(Rich),
}

impl Piece {
    fn of(shown: &Shown) -> Piece {
        match shown {
            Shown::Line { output, is_binary } => Piece::Line(wire_line(output, *is_binary)),
            Shown::Rich(rich) => Piece::Rich(rich.clone()),
        }
    }

    /// Whether both may be in one event.
    fn goes_with(&self, next: &Piece) -> bool {
        matches!((self, next), (Piece::Line(_), Piece::Line(_)))
    }
}

/// What was told, each with all connections that were told just that.
fn audiences(told: Vec<Told>) -> Vec<(Vec<Piece>, Vec<u64>)> {
    let mut audiences: Vec<(Vec<Piece>, Vec<u64>)> = Vec::new();
    let mut places: HashMap<Vec<Piece>, usize> = HashMap::new();
    // In a full room nearly all are told the same, one after the other: those are not taken apart at all.
    let mut last: Option<(Vec<Shown>, usize)> = None;
    for Told { conn, lines, .. } in told {
        if let Some((before, place)) = &last
            && is_same(before, &lines)
        {
            audiences[*place].1.push(conn.0);
            continue;
        }
        let wire: Vec<Piece> = lines.iter().map(Piece::of).collect();
        let place = *places.entry(wire).or_insert_with_key(|wire| {
            audiences.push((wire.clone(), Vec::new()));
            audiences.len() - 1
        });
        audiences[place].1.push(conn.0);
        last = Some((lines, place));
    }
    audiences
}

/// Whether the same texts are shown in the same way, to the letter: values of the language are equal already when they
/// differ in case.
fn is_same(a: &[Shown], b: &[Shown]) -> bool {
    let same = |(a, b): (&Shown, &Shown)| match (a, b) {
        (
            Shown::Line { output: a, is_binary },
            Shown::Line {
                output: b,
                is_binary: other,
            },
        ) => {
            is_binary == other
                && a.no_newline == b.no_newline
                && a.no_flush == b.no_flush
                && a.text.as_str().is_some()
                && a.text.as_str() == b.text.as_str()
        }
        (Shown::Rich(a), Shown::Rich(b)) => a == b,
        _ => false,
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// A line as it travels. A value that is no text is shown as its literal, a malformed binary string as it is.
fn wire_line(output: &Output, is_binary: bool) -> Line {
    let text = output.text.as_str();
    let bytes = text.filter(|_| is_binary).and_then(decode_binary);
    let body = match (bytes, text) {
        (Some(bytes), _) => LineBody::Bytes(bytes),
        (None, Some(text)) => LineBody::Text(text.to_owned()),
        (None, None) => LineBody::Text(moo_model::literal::to_literal(&output.text)),
    };
    Line {
        body,
        no_newline: output.no_newline || is_binary,
        no_flush: output.no_flush,
    }
}

/// Lines cut into groups that fit into one event each; a line that is too long for one is cut itself.
fn groups(lines: impl IntoIterator<Item = Line>) -> Vec<Vec<Line>> {
    let mut groups = Vec::new();
    let (mut group, mut bytes) = (Vec::new(), 0);
    for line in lines.into_iter().flat_map(pieces) {
        let size = LINE_COST + line_bytes(&line);
        if bytes + size > GROUP_BYTES_MAX && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
        bytes += size;
        group.push(line);
    }
    groups.push(group);
    groups
}

fn line_bytes(line: &Line) -> usize {
    match &line.body {
        LineBody::Text(text) => text.len(),
        LineBody::Bytes(bytes) => bytes.len(),
    }
}

fn pieces(line: Line) -> Vec<Line> {
    if line_bytes(&line) <= PIECE_BYTES_MAX {
        return vec![line];
    }
    let mut bodies: Vec<LineBody> = match &line.body {
        LineBody::Bytes(bytes) => bytes
            .chunks(PIECE_BYTES_MAX)
            .map(|piece| LineBody::Bytes(piece.to_vec()))
            .collect(),
        LineBody::Text(text) => {
            let mut rest = text.as_str();
            let mut bodies = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
                bodies.push(LineBody::Text(piece.to_owned()));
                rest = after;
            }
            bodies
        }
    };
    let last = bodies.pop();
    let mut lines: Vec<Line> = bodies
        .into_iter()
        .map(|body| Line {
            body,
            no_newline: true,
            ..line
        })
        .collect();
    lines.extend(last.map(|body| Line { body, ..line }));
    lines
}

/// The bytes of a binary string: `~XX` stands for a byte; `None` if it is malformed.
fn decode_binary(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'~' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use moo_model::Obj;
    use moo_tasks::connections::ConnId;

    fn told(conn: u64, texts: &[&str]) -> Told {
        Told {
            conn: ConnId(conn),
            object: Obj(conn as i64),
            lines: texts.iter().map(|text| Shown::line(*text)).collect(),
        }
    }

    #[test]
    fn who_is_told_the_same_shares_an_event_and_case_matters() {
        let audiences = audiences(vec![
            told(1, &["You say hi"]),
            told(2, &["Ann says hi"]),
            told(3, &["Ann says hi"]),
            told(4, &["Ann says HI"]),
            told(5, &["Ann says hi"]),
            told(6, &["Ann says hi", "twice"]),
        ]);
        let shown: Vec<_> = audiences
            .iter()
            .map(|(lines, to)| (lines.len(), to.as_slice()))
            .collect();
        assert_eq!(
            shown,
            [(1, [1].as_slice()), (1, &[2, 3, 5]), (1, &[4]), (2, &[6])]
        );
    }

    #[test]
    fn long_output_travels_in_events_that_fit() {
        let text = "é".repeat(BODY_EVENT_MAX);
        let lines = vec![Line::text("first"), Line::text(text.clone()), Line::text("last")];
        let groups = groups(lines);
        assert!(
            groups
                .iter()
                .all(|group| group.iter().map(line_bytes).sum::<usize>() <= GROUP_BYTES_MAX)
        );
        let shown: String = groups
            .iter()
            .flatten()
            .map(|line| match &line.body {
                LineBody::Text(text) => format!("{text}{}", if line.no_newline { "" } else { "|" }),
                LineBody::Bytes(_) => panic!("it was text"),
            })
            .collect();
        assert_eq!(shown, format!("first|{text}|last|"));
    }

    #[test]
    fn an_answer_repeats_the_beginning_of_what_was_told() {
        let line = "x".repeat(PIECE_BYTES_MAX);
        let texts = vec![line.as_str(); ANSWER_EVENTS_MAX + 1];
        let events = repeated(WireObj(3), &told(1, &texts));
        assert_eq!(events.len(), ANSWER_EVENTS_MAX);
        let content = Content::Lines(vec![Line::text(line)]);
        assert!(
            events
                .iter()
                .all(|event| event.author == WireObj(3) && event.content == content)
        );
    }

    #[test]
    fn binary_strings_are_bytes_again() {
        assert_eq!(decode_binary("a~0D~0a~7E"), Some(b"a\r\n~".to_vec()));
        assert_eq!((decode_binary("~0"), decode_binary("~xy")), (None, None));
    }
}
