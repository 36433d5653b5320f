//! Values in a textdump: a type, then lines that depend on it.
//!
//! Invariant: no recursion, so that no nesting overflows the stack; nothing nests deeper than can be stored.

use std::io::BufRead;

use moo_model::bytes::DEPTH_MAX;
use moo_model::{ErrorCode, Value};

use super::ReadError;
use super::lines::Lines;

enum Node {
    Leaf(Value),
    List(i64),
}

impl<R: BufRead> Lines<'_, R> {
    /// A value. Clear properties and unset variables give the unset value.
    pub fn value(&mut self) -> Result<Value, ReadError> {
        let kind = self.number("the type of a value")?;
        self.value_of(kind)
    }

    /// The rest of a value whose type was read.
    pub fn value_of(&mut self, mut kind: i64) -> Result<Value, ReadError> {
        let mut open: Vec<(Vec<Value>, i64)> = Vec::new();
        loop {
            let mut done = match self.node(kind)? {
                Node::Leaf(value) => value,
                Node::List(_) if open.len() == DEPTH_MAX => {
                    return Err(self.unexpected("a list that nests no deeper"));
                }
                Node::List(0) => Value::empty_list(),
                Node::List(len) => {
                    open.push((Vec::new(), len));
                    kind = self.number("the type of a list's element")?;
                    continue;
                }
            };
            loop {
                let Some((items, missing)) = open.last_mut() else {
                    return Ok(done);
                };
                if done.is_unset() {
                    done = Value::int(0);
                    self.warnings
                        .add("an unset element of a list became 0".to_string());
                }
                items.push(done);
                *missing -= 1;
                if *missing > 0 {
                    break;
                }
                let items = std::mem::take(items);
                open.pop();
                done = Value::list(items);
            }
            kind = self.number("the type of a list's element")?;
        }
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
            10..=13 => return Err(self.unexpected("the type of a value that this format version has")),
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
