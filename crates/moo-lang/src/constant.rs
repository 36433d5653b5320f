//! Values as programs write them, read without running anything.
//!
//! Invariant: what is read back from [`moo_model::literal::to_source`] is the value that was written, but for floats that
//! are no numbers, which no program can write.

use crate::ast::{Arg, Expr, StmtKind};
use crate::parser::{Options, parse};
use moo_model::value::map::is_key;
use moo_model::{Map, Value};
use std::fmt;

/// Why a text is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConstant {
    /// It is not even an expression.
    Syntax(String),
    /// There is something in it that would have to be run.
    Computed,
    /// A list or a map in place of a key.
    Key,
}

impl fmt::Display for NotConstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotConstant::Syntax(words) => words,
            NotConstant::Computed => {
                "only numbers, strings, objects, errors, and lists and maps of those, are values"
            }
            NotConstant::Key => "neither a list nor a map can be a key of a map",
        })
    }
}

impl std::error::Error for NotConstant {}

/// The value that an expression stands for which says so by itself: `{1, "two", ["three" -> #3]}`.
///
/// # Errors
/// Whatever else the text is.
pub fn constant(text: &str) -> Result<Value, NotConstant> {
    let source = format!("return {text};");
    let options = Options {
        strings_span_lines: true,
        ..Options::new(&|_| true)
    };
    let program = parse(&source, &options).map_err(|errors| {
        let first = errors.moo_texts().into_iter().next();
        NotConstant::Syntax(first.unwrap_or_default())
    })?;
    // Whatever ends the expression and goes on is a second statement.
    match program.body.as_slice() {
        [only] => match &only.kind {
            StmtKind::Return(Some(expr)) => value(expr),
            _ => Err(NotConstant::Computed),
        },
        _ => Err(NotConstant::Computed),
    }
}

/// The parser bounds how high its trees are, so this ends in time.
fn value(expr: &Expr) -> Result<Value, NotConstant> {
    match expr {
        Expr::Literal(value) => Ok(value.clone()),
        Expr::List(items) => {
            let items = items.iter().map(|item| match item {
                Arg::Plain(expr) => value(expr),
                Arg::Splice(_) => Err(NotConstant::Computed),
            });
            Ok(Value::list(items.collect::<Result<_, _>>()?))
        }
        Expr::Map(pairs) => {
            let mut map = Map::new();
            for (key, held) in pairs {
                let key = value(key)?;
                if !is_key(&key) {
                    return Err(NotConstant::Key);
                }
                map.insert(key, value(held)?);
            }
            Ok(Value::map(map))
        }
        _ => Err(NotConstant::Computed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moo_model::literal::to_source;

    #[test]
    fn a_value_is_read_as_it_was_written() {
        let written = [
            "17",
            "-17",
            "-1.5",
            "\"a \\\"b\\\" c\"",
            "#-1",
            "E_PERM",
            "{}",
            "{1, {2.0, \"x\"}, #3}",
            "0.30000000000000004",
            "\"one\ntwo\"",
            "[\"a\" -> [1 -> {}], \"b\" -> E_NONE]",
        ];
        for text in written {
            let value = constant(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(to_source(&value), text);
        }
    }

    #[test]
    fn nothing_is_run_to_find_out_what_a_text_stands_for() {
        for text in [
            "1 + 1",
            "{@{1}}",
            "shutdown()",
            "$room",
            "x",
            "1; shutdown()",
            "{1, x}",
        ] {
            assert_eq!(constant(text), Err(NotConstant::Computed), "{text}");
        }
        assert_eq!(constant("[{} -> 1]"), Err(NotConstant::Key));
        for text in ["", "{1", "1 //", "\"", ";", "1;;)"] {
            assert!(constant(text).is_err(), "{text}");
        }
    }
}
