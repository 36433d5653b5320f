//! Values as text: the `tostr()` and `toliteral()` forms.

use std::fmt::Write;

use crate::number::float_text;
use crate::{Value, View};

/// The `tostr()` form of one value.
pub fn to_str(value: &Value) -> String {
    match value.view() {
        View::Unset => String::new(),
        View::Int(i) => i.to_string(),
        View::Float(f) => float_text(f),
        View::Obj(o) | View::Anon(o) => o.to_string(),
        View::Err(e) => e.message().to_string(),
        View::Str(s) => s.as_str().to_string(),
        View::List(_) => "{list}".to_string(),
    }
}

/// The source form of a value.
pub fn to_literal(value: &Value) -> String {
    let mut out = String::new();
    to_literal_bounded(value, usize::MAX, &mut out);
    out
}

/// Writes the source form, giving up once `out` is longer than `bytes_max`; gives whether it was completed.
/// Sharing makes a small value print exponentially long, so callers in tasks must bound it.
pub fn to_literal_bounded(value: &Value, bytes_max: usize, out: &mut String) -> bool {
    enum Step<'a> {
        Show(&'a Value),
        Text(&'static str),
    }
    let mut pending = vec![Step::Show(value)];
    while let Some(step) = pending.pop() {
        match step {
            Step::Text(text) => out.push_str(text),
            Step::Show(value) => match value.view() {
                View::List(items) => {
                    out.push('{');
                    pending.push(Step::Text("}"));
                    for (i, item) in items.iter().enumerate().rev() {
                        pending.push(Step::Show(item));
                        if i > 0 {
                            pending.push(Step::Text(", "));
                        }
                    }
                }
                _ => scalar(value, out),
            },
        }
        if out.len() > bytes_max {
            return false;
        }
    }
    true
}

fn scalar(value: &Value, out: &mut String) {
    match value.view() {
        View::Str(s) => quoted(&s, out),
        View::Err(e) => out.push_str(e.name()),
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
