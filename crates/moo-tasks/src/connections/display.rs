//! What a client's program has said of itself, and what it is shown beside its lines.
//!
//! Invariant: bounded in number and bytes, so that the connection's row, which holds all of it, stays small.

use std::collections::BTreeMap;

use moo_model::{ErrorCode, Value, bytes};
use moo_vm::host::Presentation;

/// Facts about one client.
const ATTRIBUTES_MAX: usize = 32;
/// Things shown to one client.
const PRESENTATIONS_MAX: usize = 64;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of everything here, as it is stored.
const DISPLAY_BYTES_MAX: usize = 64 << 10;

/// One connection's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Display {
    attributes: BTreeMap<String, Value>,
    presentations: BTreeMap<String, Presentation>,
}

/// The fact that lists the media types which the client takes besides lines.
pub const CONTENT_TYPES: &str = "content-types";

impl Display {
    /// Whether the client takes this media type.
    pub fn takes(&self, content_type: &str) -> bool {
        let types = self.attributes.get(CONTENT_TYPES).and_then(Value::as_list);
        let is = |known: &Value| {
            known
                .as_str()
                .is_some_and(|known| known.eq_ignore_ascii_case(content_type))
        };
        types.is_some_and(|types| types.iter().any(is))
    }

    /// The facts, by name.
    pub fn attributes(&self) -> Vec<(String, Value)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// What is shown, by id.
    pub fn presentations(&self) -> Vec<(String, Presentation)> {
        self.presentations
            .iter()
            .map(|(id, shown)| (id.clone(), shown.clone()))
            .collect()
    }

    /// Sets a fact, or forgets it. `E_QUOTA` where that would be too much; then nothing changes.
    pub fn set_attribute(&mut self, name: &str, value: Option<Value>) -> Result<(), ErrorCode> {
        let mut after = self.clone();
        match value {
            Some(value) => after.attributes.insert(name.to_owned(), value),
            None => after.attributes.remove(name),
        };
        self.become_if_fitting(after, name)
    }

    /// Shows something in place of what had this id, or nothing any more. `E_QUOTA` where that would be too much; then
    /// nothing changes.
    pub fn present(&mut self, id: &str, shown: Option<Presentation>) -> Result<(), ErrorCode> {
        let mut after = self.clone();
        match shown {
            Some(shown) => after.presentations.insert(id.to_owned(), shown),
            None => after.presentations.remove(id),
        };
        self.become_if_fitting(after, id)
    }

    fn become_if_fitting(&mut self, after: Display, name: &str) -> Result<(), ErrorCode> {
        let fits = name.len() <= NAME_BYTES_MAX
            && after.attributes.len() <= ATTRIBUTES_MAX
            && after.presentations.len() <= PRESENTATIONS_MAX
            && bytes::stored_size(&after.to_value()).is_some_and(|size| size <= DISPLAY_BYTES_MAX);
        if !fits {
            return Err(ErrorCode::Quota);
        }
        *self = after;
        Ok(())
    }

    /// All of it as one value, for the connection's row.
    pub(super) fn to_value(&self) -> Value {
        let pair = |(name, value): (&String, &Value)| Value::list(vec![Value::str(name), value.clone()]);
        let shown = |(id, shown): (&String, &Presentation)| {
            let attributes = shown.attributes.iter().map(|(name, value)| pair((name, value)));
            Value::list(vec![
                Value::str(id),
                Value::str(&shown.content_type),
                Value::str(&shown.target),
                shown.content.clone(),
                Value::list(attributes.collect()),
            ])
        };
        Value::list(vec![
            Value::list(self.attributes.iter().map(pair).collect()),
            Value::list(self.presentations.iter().map(shown).collect()),
        ])
    }

    /// What [`Display::to_value`] gave; `None` for any other value.
    pub(super) fn from_value(value: &Value) -> Option<Display> {
        let [attributes, presentations] = value.as_list()? else {
            return None;
        };
        let shown = |row: &Value| {
            let [id, content_type, target, content, attributes] = row.as_list()? else {
                return None;
            };
            let shown = Presentation {
                content_type: content_type.as_str()?.to_owned(),
                target: target.as_str()?.to_owned(),
                content: content.clone(),
                attributes: attributes.as_list()?.iter().map(pair).collect::<Option<_>>()?,
            };
            Some((id.as_str()?.to_owned(), shown))
        };
        Some(Display {
            attributes: attributes.as_list()?.iter().map(pair).collect::<Option<_>>()?,
            presentations: presentations
                .as_list()?
                .iter()
                .map(shown)
                .collect::<Option<_>>()?,
        })
    }
}

fn pair(row: &Value) -> Option<(String, Value)> {
    let [name, value] = row.as_list()? else {
        return None;
    };
    Some((name.as_str()?.to_owned(), value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Presentation {
        Presentation {
            content_type: "text/html".into(),
            target: "right".into(),
            content: Value::str(text),
            attributes: vec![("title".into(), Value::str("A map"))],
        }
    }

    #[test]
    fn what_is_shown_and_known_comes_back_from_its_value() {
        let mut display = Display::default();
        display.set_attribute("width", Some(Value::int(80))).unwrap();
        display.set_attribute("height", Some(Value::int(24))).unwrap();
        display.set_attribute("height", None).unwrap();
        display.present("map", Some(map("<b>here</b>"))).unwrap();
        display.present("gone", Some(map(""))).unwrap();
        display.present("gone", None).unwrap();
        assert_eq!(Display::from_value(&display.to_value()), Some(display.clone()));
        assert_eq!(display.attributes(), [("width".to_owned(), Value::int(80))]);
        assert_eq!(display.presentations(), [("map".to_owned(), map("<b>here</b>"))]);
        assert_eq!(Display::from_value(&Value::int(1)), None);
    }

    #[test]
    fn too_much_is_refused_and_changes_nothing() {
        let mut display = Display::default();
        display.present("map", Some(map("here"))).unwrap();
        let before = display.clone();
        let long = "x".repeat(DISPLAY_BYTES_MAX);
        assert_eq!(display.present("map", Some(map(&long))), Err(ErrorCode::Quota));
        assert_eq!(
            display.set_attribute(&long[..NAME_BYTES_MAX + 1], None),
            Err(ErrorCode::Quota)
        );
        assert_eq!(display, before);
        for number in 0..ATTRIBUTES_MAX {
            display
                .set_attribute(&number.to_string(), Some(Value::int(1)))
                .unwrap();
        }
        assert_eq!(
            display.set_attribute("one more", Some(Value::int(1))),
            Err(ErrorCode::Quota)
        );
    }
}
