//! The lines and values of a textdump being written.
//!
//! Invariant: a string takes exactly one line, whatever it holds.

use std::io::{self, Write};

use moo_model::number::general;
use moo_model::{Value, View};

use crate::draft::Warnings;

/// Digits after which every float reads back as itself; as many as LambdaMOO writes.
const FLOAT_DIGITS: usize = 19;

const INT: i64 = 0;
const OBJ: i64 = 1;
const STR: i64 = 2;
const ERR: i64 = 3;
const LIST: i64 = 4;
const CLEAR: i64 = 5;
const NONE: i64 = 6;
const FLOAT: i64 = 9;
const MAP: i64 = 10;

pub(super) struct Text<'a, W> {
    out: &'a mut W,
    latin1: bool,
    warnings: Warnings,
    /// What is being written, for warnings.
    pub place: String,
}

impl<'a, W: Write> Text<'a, W> {
    pub fn new(out: &'a mut W, latin1: bool) -> Text<'a, W> {
        Text {
            out,
            latin1,
            warnings: Warnings::default(),
            place: String::new(),
        }
    }

    /// Has everything written out; gives the warnings.
    pub fn finish(self) -> io::Result<Warnings> {
        self.out.flush()?;
        Ok(self.warnings)
    }

    /// A line of the format itself.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")
    }

    pub fn number(&mut self, number: i64) -> io::Result<()> {
        writeln!(self.out, "{number}")
    }

    /// A line of the world's text, in its character set.
    pub fn string(&mut self, text: &str) -> io::Result<()> {
        if !text.contains('\n') && (!self.latin1 || text.is_ascii()) {
            return self.line(text);
        }
        let mut lost = 0;
        for c in text.chars() {
            match c {
                '\n' => {
                    lost += 1;
                    self.out.write_all(b"~0A")?;
                }
                _ if !self.latin1 => self.out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?,
                _ => {
                    let byte = u8::try_from(c).unwrap_or(b'?');
                    lost += i32::from(u32::from(c) > 0xFF);
                    self.out.write_all(&[byte])?;
                }
            }
        }
        if lost > 0 {
            let place = &self.place;
            self.warnings.add(format!(
                "{place}: {lost} characters of a string had to be replaced"
            ));
        }
        self.out.write_all(b"\n")
    }

    /// A property's value; the unset value stands for a clear one.
    pub fn value(&mut self, value: &Value) -> io::Result<()> {
        self.write_value(value, CLEAR)
    }

    /// A variable's value, which may be unset.
    pub fn variable(&mut self, value: &Value) -> io::Result<()> {
        self.write_value(value, NONE)
    }

    fn write_value(&mut self, value: &Value, unset: i64) -> io::Result<()> {
        self.head(value.view(), unset)?;
        // The lists and maps that are open, each with the parts still to be written.
        let mut open: Vec<_> = value.parts().into_iter().collect();
        while let Some(parts) = open.last_mut() {
            match parts.next() {
                None => drop(open.pop()),
                Some(part) => {
                    self.head(part.view(), unset)?;
                    open.extend(part.parts());
                }
            }
        }
        Ok(())
    }

    /// A scalar, or the type and length of a list or map.
    fn head(&mut self, head: View<'_>, unset: i64) -> io::Result<()> {
        match head {
            View::Unset => self.number(unset),
            View::Int(number) => {
                if i32::try_from(number).is_err() {
                    let place = &self.place;
                    self.warnings.add(format!(
                        "{place}: {number} is outside the 32 bits that LambdaMOO's integers may have"
                    ));
                }
                self.tagged(INT, &number.to_string())
            }
            View::Obj(obj) => self.tagged(OBJ, &obj.0.to_string()),
            View::Anon(_) => {
                let place = &self.place;
                self.warnings.add(format!(
                    "{place}: LambdaMOO has no anonymous objects; a reference to one became #-1"
                ));
                self.tagged(OBJ, "-1")
            }
            View::Err(code) => self.tagged(ERR, &(code as u8).to_string()),
            View::Float(number) => self.tagged(FLOAT, &general(number, FLOAT_DIGITS)),
            View::Str(text) => {
                self.number(STR)?;
                self.string(text.as_str())
            }
            View::List(items) => self.tagged(LIST, &items.len().to_string()),
            View::Map(map) => {
                let place = &self.place;
                self.warnings.add(format!(
                    "{place}: there is a map, which LambdaMOO cannot read; this server can"
                ));
                self.tagged(MAP, &map.len().to_string())
            }
        }
    }

    fn tagged(&mut self, kind: i64, line: &str) -> io::Result<()> {
        self.number(kind)?;
        self.line(line)
    }
}
