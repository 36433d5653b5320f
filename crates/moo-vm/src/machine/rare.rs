//! What the loop leaves to the machine: instructions that are rare or take long, and operands for which others have no
//! quick path.
//!
//! Invariant: the ticks of the instruction are charged already.

use moo_lang::opcode::Op;
use moo_model::{Map, Raised, Value};

use super::drive::{Go, Stop};
use super::raise::caught;
use super::{Env, Machine, Top, arithmetic, index, property};
use crate::builtin::Context;
use crate::property_access::{get_property, get_property_symbol, set_property};
use crate::task::TaskState;

impl Machine {
    /// The top frame's instruction did not come to its end: what it raised is taken to a handler of this frame, where there
    /// is one that wants the code at most.
    #[cold]
    #[inline(never)]
    pub(super) fn stopped(&mut self, stop: Box<Stop>) -> Go {
        match *stop {
            Stop::Raise(raised) => {
                let Top {
                    program, frame, regs, ..
                } = self.view();
                frame.pc = caught(program, frame.debug, frame.pc as usize, raised, regs)? as u32;
                Ok(())
            }
            _ => Err(stop),
        }
    }
}

/// What became of an instruction that may have charged ticks itself, or ended the task.
#[inline(always)]
pub(super) fn finished(done: Result<(), Raised>, task: &mut TaskState) -> Go {
    match done {
        Ok(()) if task.abort.is_none() => Ok(()),
        other => unfinished(other, task),
    }
}

#[cold]
#[inline(never)]
fn unfinished(done: Result<(), Raised>, task: &mut TaskState) -> Go {
    match (task.abort.take(), done) {
        (Some(limit), _) => Err(Box::new(Stop::Abort(limit))),
        (None, done) => done.map_err(Into::into),
    }
}

/// Operators on kinds of numbers that have no quick path.
#[inline(never)]
pub(super) fn numbers(op: Op, regs: &mut [Value], env: &mut Env<'_>) -> Go {
    let done = try_numbers(op, regs, env);
    finished(done, env.task)
}

fn try_numbers(op: Op, regs: &mut [Value], env: &mut Env<'_>) -> Result<(), Raised> {
    let int = |bits: u16| Value::int(i64::from(bits as i16));
    let r = |register: u16| &regs[usize::from(register)];
    let (to, value) = match op {
        Op::AddInt { to, a, value } => (to, arithmetic::add(r(a), &int(value), env)?),
        Op::Sub { to, a, b } => (to, arithmetic::subtract(r(a), r(b))?),
        Op::SubInt { to, a, value } => (to, arithmetic::subtract(r(a), &int(value))?),
        Op::Mul { to, a, b } => (to, arithmetic::multiply(r(a), r(b))?),
        Op::Div { to, a, b } => (to, arithmetic::divide(r(a), r(b))?),
        Op::Mod { to, a, b } => (to, arithmetic::modulo(r(a), r(b), env.tx.settings().dialect)?),
        Op::Pow { to, a, b } => (to, arithmetic::power(r(a), r(b))?),
        Op::Neg { to, a } => (to, arithmetic::negate(r(a))?),
        other => unreachable!("{} is about no numbers", other.name()),
    };
    regs[usize::from(to)] = value;
    Ok(())
}

/// Instructions on parts of strings, lists and maps.
#[inline(never)]
pub(super) fn parts(op: Op, regs: &mut [Value], env: &mut Env<'_>) -> Go {
    let done = try_parts(op, regs, env);
    finished(done, env.task)
}

fn try_parts(op: Op, regs: &mut [Value], env: &mut Env<'_>) -> Result<(), Raised> {
    macro_rules! r {
        ($register:expr) => {
            regs[usize::from($register)]
        };
    }
    match op {
        Op::In { to, a, b } => r!(to) = index::position(&r!(a), &r!(b), env.task)?,
        Op::ListPrepare { at } => index::prepare(regs, at, env)?,
        Op::PairPrepare { at } => {
            r!(at + 2) = index::keys(&r!(at))?;
            index::prepare(regs, at, env)?;
        }
        Op::EmptyMap { to } => r!(to) = Value::map(Map::new()),
        Op::MapPut { to, key, value } => {
            let (key, value) = (r!(key).clone(), r!(value).clone());
            index::put(&mut r!(to), key, value, env.task, env.options)?;
        }
        Op::Append { to, item } => {
            let item = r!(item).clone();
            index::append(&mut r!(to), item, env.task, env.options)?;
        }
        Op::Splice { to, items } => {
            let items = r!(items).clone();
            index::splice(&mut r!(to), &items, env.task, env.options)?;
        }
        Op::Index { to, base, index } => {
            env.task.charge_key(&r!(index));
            r!(to) = index::element(&r!(base), &r!(index))?;
        }
        Op::Range { to, base, from } => {
            r!(to) = index::slice(&r!(base), &r!(from), &r!(from + 1), env.task)?;
        }
        Op::SetIndex { base, index, value } => {
            let (i, value) = (r!(index).clone(), r!(value).clone());
            index::set_element(&mut r!(base), &i, value, env.task, env.options)?;
        }
        Op::SetPath { base, at, depth } => {
            let (at, value) = (usize::from(at), usize::from(at) + usize::from(depth));
            let mut whole = r!(base).take();
            let (path, value) = (&regs[at..value], regs[value].clone());
            let set = index::set_path(&mut whole, path, value, env.task, env.options);
            r!(base) = whole;
            set?;
        }
        Op::SetRange { base, from, value } => {
            let bounds = (r!(from).clone(), r!(from + 1).clone());
            let value = r!(value).clone();
            index::set_slice(&mut r!(base), &bounds, &value, env)?;
        }
        other => unreachable!("the loop does all of {} itself", other.name()),
    }
    Ok(())
}

/// Instructions on properties. `this` is that of the frame.
#[inline(never)]
pub(super) fn properties(op: Op, ctx: &mut Context<'_>, regs: &mut [Value]) -> Go {
    let done = try_properties(op, ctx, regs);
    finished(done, ctx.task)
}

fn try_properties(op: Op, ctx: &mut Context<'_>, regs: &mut [Value]) -> Result<(), Raised> {
    let this = ctx.frame.this.clone();
    let program = ctx.program;
    let symbol = |name: u16| program.names[usize::from(name)].symbol;
    macro_rules! r {
        ($register:expr) => {
            regs[usize::from($register)]
        };
    }
    match op {
        Op::GetProp { to, obj, name } => r!(to) = get_property_symbol(ctx, &r!(obj), symbol(name))?,
        Op::GetThisProp { to, name } => r!(to) = get_property_symbol(ctx, &this, symbol(name))?,
        Op::SetProp { obj, name, value } => {
            property::set_any(ctx, &r!(obj), symbol(name), r!(value).clone())?;
        }
        Op::SetThisProp { name, value } => {
            property::set_any(ctx, &this, symbol(name), r!(value).clone())?;
        }
        Op::AddToProp { obj, name, at } => {
            let (list, item) = (r!(at).take(), r!(at + 1).take());
            property::add_to(ctx, &r!(obj), symbol(name), list, item)?;
        }
        Op::SetPropPath { obj, name, at, depth } => {
            let whole = r!(at).take();
            let path = usize::from(at) + 1..usize::from(at) + 1 + usize::from(depth);
            let value = regs[path.end].clone();
            property::set_path(ctx, &r!(obj), symbol(name), whole, &regs[path], value)?;
        }
        Op::GetPropNamed { to, obj, name } => r!(to) = get_property(ctx, &r!(obj), &r!(name))?,
        Op::SetPropNamed { obj, name, value } => {
            set_property(ctx, &r!(obj), &r!(name), r!(value).clone())?;
        }
        other => unreachable!("{} is about no property", other.name()),
    }
    Ok(())
}
