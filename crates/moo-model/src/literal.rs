//! Values as text: the `tostr()` and `toliteral()` forms.

use std::fmt::Write;

use crate::number::{float_source, float_text};
use crate::value::Parts;
use crate::{Value, View};

/// The `tostr()` form of one value.
pub fn to_str(value: &Value) -> String {
    let mut out = String::new();
    write_str(value, &mut out);
    out
}

/// Writes the `tostr()` form of one value.
pub fn write_str(value: &Value, out: &mut String) {
    match value.view() {
        View::Unset => {}
        View::Int(i) => write_int(i, out),
        View::Float(f) => out.push_str(&float_text(f)),
        View::Obj(o) | View::Anon(o) => out.push_str(&o.to_string()),
        View::Err(e) => out.push_str(e.message()),
        View::Str(s) => out.push_str(s.as_str()),
        View::List(_) => out.push_str("{list}"),
        View::Map(_) => out.push_str("[map]"),
    }
}

/// Writes an integer in decimal: what texts are made of most often, so without the machinery of formats.
fn write_int(i: i64, out: &mut String) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = i.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if i < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// The `toliteral()` form of a value, in which floats have 15 digits.
pub fn to_literal(value: &Value) -> String {
    let mut out = String::new();
    to_literal_bounded(value, usize::MAX, &mut out);
    out
}

/// The source form of a value: as [`to_literal`], with as many digits as tell each float from all others.
pub fn to_source(value: &Value) -> String {
    let mut out = String::new();
    write(value, usize::MAX, float_source, &mut out);
    out
}

/// Writes the `toliteral()` form, giving up once `out` is longer than `bytes_max`; gives whether it was completed.
/// Sharing makes a small value print exponentially long, so callers in tasks must bound it.
pub fn to_literal_bounded(value: &Value, bytes_max: usize, out: &mut String) -> bool {
    write(value, bytes_max, float_text, out)
}

fn write(value: &Value, bytes_max: usize, float: fn(f64) -> String, out: &mut String) -> bool {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next {
            show(value, float, &mut open, out);
        }
        if out.len() > bytes_max {
            return false;
        }
        let Some(inner) = open.last_mut() else { return true };
        next = inner.parts.next();
        match next {
            Some(_) => inner.separate(out),
            None => {
                out.push(if inner.is_map { ']' } else { '}' });
                open.pop();
            }
        }
    }
}

/// A list or map of which some parts are written.
struct Open<'a> {
    parts: Parts<'a>,
    is_map: bool,
    written: usize,
}

impl Open<'_> {
    /// What stands before the next part.
    fn separate(&mut self, out: &mut String) {
        match self.written {
            0 => {}
            n if self.is_map && n % 2 == 1 => out.push_str(" -> "),
            _ => out.push_str(", "),
        }
        self.written += 1;
    }
}

/// Writes a scalar, or opens a list or map.
fn show<'a>(value: &'a Value, float: fn(f64) -> String, open: &mut Vec<Open<'a>>, out: &mut String) {
    let Some(parts) = value.parts() else {
        return scalar(value, float, out);
    };
    let is_map = value.as_map().is_some();
    out.push(if is_map { '[' } else { '{' });
    open.push(Open {
        parts,
        is_map,
        written: 0,
    });
}

fn scalar(value: &Value, float: fn(f64) -> String, out: &mut String) {
    match value.view() {
        View::Str(s) => quoted(&s, out),
        View::Err(e) => out.push_str(e.name()),
        View::Float(f) => out.push_str(&float(f)),
        View::Int(i) => write!(out, "{i}").expect("a string accepts every write"),
        _ => out.push_str(&to_str(value)),
    }
}

/// Writes a string literal: quotes around it, a backslash before `"` and `\`, every other character as it is.
pub fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
