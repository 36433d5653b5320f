//! Programs as text: reading and writing those of verbs, running some, and functions about functions.

use moo_lang::{Options, Style, compile, disassemble, parse, store_text, unparse};
use moo_model::world::{Code, Flags, VerbPerms};
use moo_model::{ErrorCode, Raised, Value};

use super::verbs::{find, require};
use super::{Args, MANY, flow_row, row};
use crate::builtin::ArgType::{Any, List, Obj as AnObj, Str};
use crate::builtin::{Builtin, Context, Flow, MachineCall};
use crate::code::tree_of;

/// `E_PERM` unless the frame's programmer may write programs.
fn require_programmer(ctx: &mut Context<'_>) -> Result<(), Raised> {
    let progr = ctx.progr();
    if ctx.tx.flags(progr).has(Flags::PROGRAMMER) {
        Ok(())
    } else {
        Err(ErrorCode::Perm.into())
    }
}

/// Lines of text joined, each ended by a newline; `E_TYPE` if one is no string.
fn join_lines(ctx: &mut Context<'_>, lines: &[Value]) -> Result<String, Raised> {
    let mut size = 0;
    for line in lines {
        size += line.as_str().ok_or(ErrorCode::Type)?.len() + 1;
    }
    ctx.check_string(size)?;
    let mut text = String::with_capacity(size);
    for line in lines.iter().filter_map(Value::as_str) {
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

fn verb_code(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::READ)?;
    ctx.task.charge_size(found.verb.code.source.len());
    let style = Style {
        fully_parenthesised: args.flag(2),
        indent: args.len() < 4 || args.flag(3),
        ..Style::LISTING
    };
    let lines = unparse(&tree_of(&found.verb.code), &style);
    ctx.check_list(lines.len())?;
    Ok(Value::list(lines.into_iter().map(Value::string).collect()))
}

fn set_verb_code(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let source = join_lines(ctx, args.list(2)?)?;
    let found = find(ctx, args)?;
    require_programmer(ctx)?;
    require(ctx, &found, VerbPerms::WRITE)?;
    match parse(&source, &Options::new(&super::is_builtin)) {
        Ok(tree) => {
            let text = store_text(&tree);
            ctx.task.store_bytes(text.len())?;
            let code = Code::new(text);
            ctx.tx.set_verb_code(found.obj, found.index, code)?;
            Ok(Value::empty_list())
        }
        Err(errors) => Ok(Value::strings(errors.moo_texts())),
    }
}

fn disassemble_verb(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let found = find(ctx, args)?;
    require(ctx, &found, VerbPerms::READ)?;
    ctx.task.charge_size(found.verb.code.source.len());
    let program = compile::compile(&tree_of(&found.verb.code));
    let lines = disassemble::disassemble(&program);
    ctx.check_list(lines.len())?;
    Ok(Value::list(lines.into_iter().map(Value::string).collect()))
}

fn eval(ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let source = join_lines(ctx, args)?;
    require_programmer(ctx)?;
    Ok(Flow::Machine(MachineCall::Eval(source)))
}

/// `E_INVARG`, naming a function that does not exist.
fn unknown_function(name: &Value) -> Raised {
    Raised {
        code: Value::err(ErrorCode::InvArg),
        message: Some(Value::str("Unknown built-in function")),
        value: name.clone(),
    }
}

fn call_function(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    let builtin = super::find(args.str(0)?).ok_or_else(|| unknown_function(&args[0]))?;
    builtin.check(&args[1..])?;
    Ok(Flow::Machine(MachineCall::Function(builtin, args[1..].to_vec())))
}

fn function_info(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    if args.is_empty() {
        let rows: Vec<Value> = super::all().map(describe).collect();
        ctx.check_list(rows.len())?;
        return Ok(Value::list(rows));
    }
    let builtin = super::find(args.str(0)?).ok_or(ErrorCode::InvArg)?;
    Ok(describe(builtin))
}

/// `{name, least, most or -1, {types}}`
fn describe(builtin: &Builtin) -> Value {
    let most = builtin.args_max.map_or(-1, |max| max as i64);
    let types = builtin.types.iter().map(|kind| Value::int(kind.code()));
    Value::list(vec![
        Value::str(builtin.name),
        Value::int(builtin.args_min as i64),
        Value::int(most),
        Value::list(types.collect()),
    ])
}

fn pass(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Flow, Raised> {
    Ok(Flow::Machine(MachineCall::Pass(args.to_vec())))
}

fn raise(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    Err(Raised {
        code: args[0].clone(),
        message: args.get(1).cloned(),
        value: args.get(2).cloned().unwrap_or(Value::int(0)),
    })
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("verb_code", (2, 4), &[AnObj, Any, Any, Any], verb_code, "The lines of a verb's program, with all parentheses if the third argument is true, indented unless the fourth is false."),
    row("set_verb_code", (3, 3), &[AnObj, Any, List], set_verb_code, "Replaces a verb's program; gives what is wrong with the new one, or `{}`."),
    row("disassemble", (2, 2), &[AnObj, Any], disassemble_verb, "A verb's instructions, for people to read."),
    flow_row("eval", (1, MANY), &[Str], eval, "Runs a program: `{1, value}`, or `{0, errors}` if it is none."),
    flow_row("call_function", (1, MANY), &[Str], call_function, "Calls a built-in function by name."),
    row("function_info", (0, 1), &[Str], function_info, "The name, least and greatest number of arguments and argument types of a built-in function, or of all."),
    flow_row("pass", (0, MANY), &[], pass, "Calls the verb of the same name of the parent of the object that defines this one."),
    row("raise", (1, 3), &[Any, Str, Any], raise, "Raises an error with a message and a value."),
];
