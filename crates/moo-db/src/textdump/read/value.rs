//! Values in a textdump: a type, then lines that depend on it.
//!
//! Invariant: no recursion, so that no nesting overflows the stack; nothing nests deeper than can be stored.

use std::io::BufRead;

use moo_model::bytes::DEPTH_MAX;
use moo_model::value::map::is_key;
use moo_model::{ErrorCode, Map, Value};

use super::ReadError;
use super::lines::Lines;

enum Node {
    Leaf(Value),
    List(i64),
    Map(i64),
}

/// A list or map of which some parts were read.
struct Open {
    parts: Vec<Value>,
    missing: i64,
    is_map: bool,
}

impl<R: BufRead> Lines<'_, R> {
    /// A value. Clear properties and unset variables give the unset value.
    pub fn value(&mut self) -> Result<Value, ReadError> {
        let kind = self.number("the type of a value")?;
        self.value_of(kind)
    }

    /// The rest of a value whose type was read.
    pub fn value_of(&mut self, mut kind: i64) -> Result<Value, ReadError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut done = match self.node(kind)? {
                Node::Leaf(value) => value,
                Node::List(0) => Value::empty_list(),
                Node::Map(0) => Value::map(Map::new()),
                Node::List(_) | Node::Map(_) if open.len() == DEPTH_MAX => {
                    return Err(self.unexpected("a list or map that nests no deeper"));
                }
                Node::List(len) => {
                    kind = self.open(&mut open, len, false)?;
                    continue;
                }
                Node::Map(len) => {
                    kind = self.open(&mut open, len.saturating_mul(2), true)?;
                    continue;
                }
            };
            loop {
                let Some(inner) = open.last_mut() else {
                    return Ok(done);
                };
                if done.is_unset() {
                    done = Value::int(0);
                    self.warnings
                        .add("an unset element of a list became 0".to_string());
                }
                inner.parts.push(done);
                inner.missing -= 1;
                if inner.missing > 0 {
                    break;
                }
                let (parts, is_map) = (std::mem::take(&mut inner.parts), inner.is_map);
                open.pop();
                done = if is_map {
                    self.map_of(parts)?
                } else {
                    Value::list(parts)
                };
            }
            kind = self.number("the type of an element")?;
        }
    }

    /// Begins a list or map of at least one part; gives that part's type.
    fn open(&mut self, open: &mut Vec<Open>, missing: i64, is_map: bool) -> Result<i64, ReadError> {
        open.push(Open {
            parts: Vec::new(),
            missing,
            is_map,
        });
        self.number("the type of an element")
    }

    /// The map of keys and values in turn, in whatever order its server kept them.
    fn map_of(&self, parts: Vec<Value>) -> Result<Value, ReadError> {
        let mut map = Map::new();
        let mut parts = parts.into_iter();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            if !is_key(&key) {
                return Err(self.unexpected("the end of a map whose keys are neither lists nor maps"));
            }
            map.insert(key, value);
        }
        Ok(Value::map(map))
    }

    fn node(&mut self, kind: i64) -> Result<Node, ReadError> {
        let value = match kind {
            0 | 7 | 8 => Value::int(self.number("an integer")?),
            1 => Value::obj(self.obj("an object number")?),
            2 => self.text_value("a string")?,
            3 => self.error()?,
            4 => return Ok(Node::List(self.count("the length of a list")?)),
            5 | 6 | -1 => Value::UNSET,
            9 => self.float()?,
            10 => return Ok(Node::Map(self.count("the number of entries of a map")?)),
            11..=13 => return Err(self.unexpected("the type of a value that this format version has")),
            14 => Value::truth(self.number("a truth value")? != 0),
            _ => {
                self.warn(&format!("there is no type of value {kind}: taken as 0"));
                Value::int(0)
            }
        };
        Ok(Node::Leaf(value))
    }

    /// An error's number; some servers wrote garbage above its low 32 bits.
    fn error(&mut self) -> Result<Value, ReadError> {
        let number = self.number("the number of an error")?;
        let known = ErrorCode::from_number(i64::from(number as i32));
        if known.is_none() {
            self.warn(&format!(
                "there is no error with number {number}: taken as E_NONE"
            ));
        }
        Ok(Value::err(known.unwrap_or(ErrorCode::None)))
    }

    fn float(&mut self) -> Result<Value, ReadError> {
        let expected = "a floating-point number";
        let line = self.next(expected)?;
        let number = std::str::from_utf8(line)
            .ok()
            .and_then(|text| text.trim().parse::<f64>().ok());
        match number {
            Some(number) if number.is_finite() => Ok(Value::float(number)),
            Some(number) => {
                self.warn(&format!(
                    "{number} is no number that the world can hold: taken as 0.0"
                ));
                Ok(Value::float(0.0))
            }
            None => Err(self.unexpected(expected)),
        }
    }
}
