//! What each function does, as the manual tells it: calls and results written as in a program.

mod maps;
mod objects;
mod outbound;
mod outside;
mod page;
mod properties;
mod values;
mod verbs;

use moo_lang::ast::{Arg, Expr, StmtKind};
use moo_lang::{Options, parse};
use moo_model::{ErrorCode, Raised, Value, literal};

use super::*;
use crate::testing::Bench;

/// A call of a function with constant arguments.
fn parse_call(text: &str) -> (String, Vec<Value>) {
    let tree = parse(&format!("{text};"), &Options::new(&is_builtin)).expect("the call is well-formed");
    match &tree.body[..] {
        [stmt] => match &stmt.kind {
            StmtKind::Expr(Expr::Call(name, args)) => (name.clone(), args.iter().map(constant_arg).collect()),
            other => panic!("not a call: {other:?}"),
        },
        other => panic!("not one statement: {other:?}"),
    }
}

fn constant_arg(arg: &Arg) -> Value {
    match arg {
        Arg::Plain(expr) => constant(expr),
        Arg::Splice(_) => panic!("not a constant: {arg:?}"),
    }
}

fn constant(expr: &Expr) -> Value {
    match expr {
        Expr::Literal(value) => value.clone(),
        Expr::List(items) => Value::list(items.iter().map(constant_arg).collect()),
        Expr::Map(entries) => {
            let entry = |(key, value): &(Expr, Expr)| (constant(key), constant(value));
            Value::map(entries.iter().map(entry).collect())
        }
        other => panic!("not a constant: {other:?}"),
    }
}

/// A result as text: the value's literal, or `! ` and the error that was raised.
fn show(result: Result<Value, Raised>) -> String {
    match result {
        Ok(value) => literal::to_literal(&value),
        Err(raised) => format!("! {}", literal::to_literal(&raised.code)),
    }
}

impl Bench {
    /// Runs a call written as in a program.
    fn run(&mut self, text: &str) -> Result<Value, Raised> {
        let (name, args) = parse_call(text);
        self.call(&name, &args)
    }

    /// Runs calls in order, each with its expected result: a literal, or `! E_CODE`.
    #[track_caller]
    fn check(&mut self, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(show(self.run(text)), *expected, "{text}");
        }
    }
}

#[test]
fn every_name_stands_once_and_is_documented() {
    let mut names: Vec<&str> = all().map(|builtin| builtin.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for builtin in all() {
        assert_eq!(builtin.name, builtin.name.to_ascii_lowercase());
        assert!(builtin.doc.ends_with(['.', ')']), "{}", builtin.name);
        assert!(
            builtin.args_max.is_none_or(|max| max >= builtin.args_min),
            "{}",
            builtin.name
        );
    }
    assert!(is_builtin("TOSTR") && !is_builtin("frobnicate"));
}

#[test]
fn no_body_panics_whatever_it_is_given() {
    let odd = [
        Value::int(i64::MIN),
        Value::int(i64::MAX),
        Value::int(0),
        Value::float(-1e300),
        Value::str("é~zz%"),
        Value::empty_str(),
        Value::obj(Obj(i64::MIN)),
        Value::obj(Obj(4)),
        Value::err(ErrorCode::Perm),
        Value::empty_list(),
        Value::list(vec![
            Value::int(1),
            Value::int(9),
            Value::list(vec![Value::empty_list(); 9]),
            Value::str("ü"),
        ]),
        Value::map([(Value::str("é"), Value::empty_list())].into_iter().collect()),
    ];
    for builtin in all() {
        let most = builtin.args_max.unwrap_or(4).min(4);
        for count in builtin.args_min..=most {
            let mut bench = Bench::new(crate::testing::WIZARD);
            for turn in 0..odd.len().pow(count.min(2) as u32) {
                let pick =
                    |i: usize| odd[(turn / odd.len().pow(i.min(1) as u32) + i / 2) % odd.len()].clone();
                let args: Vec<Value> = (0..count).map(pick).collect();
                let _ = bench.flow(builtin.name, &args);
            }
        }
    }
}
