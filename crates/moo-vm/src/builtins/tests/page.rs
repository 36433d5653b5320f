//! The page of built-in functions, made from their tables, and the proof that it is fresh.
//!
//! `cargo xtask docs` (that is, `UPDATE=1 cargo test page`) writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use crate::builtin::{ArgType, Builtin};

const HEAD: &str = "\
# Built-in functions

Made from the tables at the foot of the files in `crates/moo-vm/src/builtins/` by `cargo xtask docs`; do not edit.
Arguments in brackets may be left out; `...` stands for any number of further ones. A wrong number of arguments raises
`E_ARGS`, one of a wrong type `E_TYPE`.

";

fn type_name(of: ArgType) -> &'static str {
    match of {
        ArgType::Any => "any",
        ArgType::Int => "int",
        ArgType::Float => "float",
        ArgType::Number => "num",
        ArgType::Obj => "obj",
        ArgType::Object => "obj or anon",
        ArgType::Str => "str",
        ArgType::Err => "err",
        ArgType::List => "list",
        ArgType::Map => "map",
    }
}

/// A function as it is called, as in `index(str, str [, any [, int]])`.
fn signature(builtin: &Builtin) -> String {
    let mut text = format!("{}(", builtin.name);
    let listed = builtin
        .args_max
        .unwrap_or(builtin.types.len())
        .max(builtin.args_min);
    for at in 0..listed {
        let of = builtin.types.get(at).copied().unwrap_or(ArgType::Any);
        let comma = if at == 0 { "" } else { ", " };
        let _ = match at < builtin.args_min {
            true => write!(text, "{comma}{}", type_name(of)),
            false => write!(text, " [{comma}{}", type_name(of)),
        };
    }
    if builtin.args_max.is_none() {
        text.push_str(if listed == 0 { "..." } else { ", ..." });
    }
    text.extend(std::iter::repeat_n(']', listed - builtin.args_min));
    text.push(')');
    text.replace("( [", "([")
}

#[test]
fn the_page_of_functions_is_fresh() {
    let mut page = HEAD.to_owned();
    page.push_str("| Function | Meaning |\n|---|---|\n");
    let mut all: Vec<&Builtin> = super::super::all().collect();
    all.sort_by_key(|builtin| builtin.name);
    for builtin in all {
        let _ = writeln!(
            page,
            "| `{}` | {} |",
            signature(builtin),
            builtin.doc.replace('|', "\\|")
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/builtins.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == page,
        "docs/builtins.md is stale: run `cargo xtask docs`"
    );
}
