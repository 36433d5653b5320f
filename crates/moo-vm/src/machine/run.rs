//! The loop: fetch, charge, dispatch. Only quick paths are here; what they leave goes to `rare`.
//!
//! The compiler shares out the processor's registers over all of the loop at once. So what an instruction does seldom, and
//! what takes long anyway, is a call of a function that is not part of it: with those in its midst, the loop kept even its
//! registers' address in memory.
//!
//! Invariant: `frame.pc` is past the running instruction whenever anything but the loop looks at the frame.

use moo_lang::opcode::{Env as EnvField, Op};
use moo_model::value::Kind;
use moo_model::{ErrorCode, Value};

use super::builtins_call::Args;
use super::call::{Call, callee_player};
use super::drive::{Go, Stop};
use super::raise::caught;
use super::variables::{load_env, store_env};
use super::{Env, Machine, Top, arithmetic, builtins_call, index, property, quick, rare, scatter};
use crate::builtin::Context;
use crate::frame::Running;
use crate::outcome::Limit;
use crate::search;

/// Runs the top frame, and those it calls and returns to, until one does what is left to the machine.
#[inline(never)]
#[expect(
    clippy::too_many_lines,
    reason = "the run loop is one match over the table of instructions"
)]
pub(super) fn execute(machine: &mut Machine, env: &mut Env<'_>) -> Go {
    use Op::*;
    let mut left = env.task.chunk_left();
    'frame: loop {
        let Top {
            running,
            program,
            frame,
            below,
            above,
            lower,
            regs,
        } = machine.view();
        let code = program.code.as_slice();
        let mut pc = frame.pc as usize;

        macro_rules! r {
            ($register:expr) => {
                regs[usize::from($register)]
            };
        }
        // Gives back what the loop holds in locals.
        macro_rules! save {
            () => {
                frame.pc = pc as u32;
                env.task.set_chunk_left(left);
            };
        }
        // Leaves the instruction to the machine, and goes on with whatever frame is on top then.
        macro_rules! machine {
            ($go:expr) => {{
                save!();
                $go?;
                left = env.task.chunk_left();
                continue 'frame;
            }};
        }
        // Goes on at the handler, where that is in this frame and wants the code at most.
        macro_rules! raise {
            ($code:expr) => {
                match caught(program, frame.debug, pc, $code, regs) {
                    Ok(target) => {
                        pc = target;
                        continue;
                    }
                    Err(stop) => machine!(Go::Err(stop)),
                }
            };
        }
        // Runs what may charge ticks itself, raise, or end the task.
        macro_rules! outside {
            ($go:expr) => {{
                save!();
                if let Err(stop) = $go {
                    machine!(machine.stopped(stop))
                }
                left = env.task.chunk_left();
            }};
        }
        macro_rules! or_raise {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(code) => raise!(code),
                }
            };
        }
        // Leaves the instruction, or its operands, to a family of those that are rare.
        macro_rules! numbers {
            () => {
                outside!(rare::numbers(code[pc - 1], regs, env))
            };
        }
        macro_rules! parts {
            () => {
                outside!(rare::parts(code[pc - 1], regs, env))
            };
        }
        macro_rules! properties {
            () => {
                outside!(rare::properties(code[pc - 1], &mut context!(), regs))
            };
        }
        // What a built-in function, or a property, is asked in.
        macro_rules! context {
            () => {
                Context {
                    tx: env.tx,
                    host: env.host,
                    task: env.task,
                    frame,
                    program,
                    below,
                    options: env.options,
                }
            };
        }
        macro_rules! name {
            ($name:expr) => {
                program.names[usize::from($name)].symbol
            };
        }
        // Charges what the code since the last charge cost; at the end of a chunk, looks at the limits.
        macro_rules! charge {
            ($ticks:expr) => {
                left -= i64::from($ticks);
                if left < 0 {
                    save!();
                    if let Some(stop) = look(running, env) {
                        return Err(stop);
                    }
                    left = env.task.chunk_left();
                }
            };
        }
        // Whether two registers are equal; what is large is charged.
        macro_rules! equal {
            ($a:expr, $b:expr) => {
                match Value::both_int(&r!($a), &r!($b)) {
                    Some((x, y)) => x == y,
                    None => {
                        save!();
                        let equal = search::equal(&r!($a), &r!($b), env.task);
                        left = env.task.chunk_left();
                        equal
                    }
                }
            };
        }
        // Takes a skip where the test holds; else, at once, the jump that is skipped.
        macro_rules! skip {
            ($ticks:expr, $holds:expr) => {{
                charge!($ticks);
                if $holds {
                    pc += 1;
                } else if let Jump { to, ticks } = code[pc] {
                    pc += 1;
                    charge!(ticks);
                    pc = to as usize;
                }
            }};
        }
        // Goes back by so many instructions where the test holds.
        macro_rules! again {
            ($ticks:expr, $back:expr, $holds:expr) => {{
                charge!($ticks);
                if $holds {
                    pc -= usize::from($back);
                }
            }};
        }
        // Calls a verb by a name in the code, with arguments in registers.
        macro_rules! call {
            ($ticks:expr, $receiver:expr, $at:expr, $name:expr, $count:expr) => {{
                charge!($ticks);
                let name = &program.names[usize::from($name)];
                frame.pc = pc as u32;
                if let Some(place) = above.first_mut() {
                    let window = (frame.base + regs.len() as u32, $at, $count);
                    let called = ($receiver, name);
                    if let Some(room) = place.call_again(called, env.tx.epoch(), frame, window) {
                        machine.enter_place(room);
                        continue 'frame;
                    }
                }
                let Some(this) = $receiver.referent() else {
                    raise!(ErrorCode::Type)
                };
                let (symbol, verb) = (name.symbol, name.text.clone());
                let call = Call {
                    this,
                    verb,
                    player: callee_player(frame, env.tx),
                    at: $at,
                    base: frame.base,
                    first: $at + 1,
                    count: Some($count),
                };
                machine!(machine.call_fixed(symbol, call, env))
            }};
        }
        // Calls a built-in function with so many arguments from a register on, which it may take if they are its own.
        macro_rules! call_builtin {
            ($ticks:expr, $at:expr, $function:expr, $arg:expr, $args:expr) => {{
                charge!($ticks);
                let Some(builtin) = program.builtins[usize::from($function)] else {
                    raise!(ErrorCode::InvArg)
                };
                if let Some(arg) = $arg
                    && builtins_call::at_once(builtin, &frame.this, env.options, regs, ($at, arg))
                {
                    continue;
                }
                if !builtins_call::is_simple(builtin, &frame.this, env.options) {
                    machine!(machine.call_builtin(env))
                }
                outside!(builtins_call::simple(
                    builtin,
                    &mut context!(),
                    regs,
                    $at,
                    $args
                ));
            }};
        }
        // Returns to the frame below, or lets the machine do it where that waits for more than a value.
        macro_rules! go_back {
            ($ticks:expr, $value:expr, $put:expr) => {{
                charge!($ticks);
                let to = frame.returns_to as usize;
                if to >= lower.len() {
                    let value = $value;
                    machine!(machine.leave(value, env))
                }
                frame.args.drop_sure_window(lower);
                $put(&mut lower[to]);
                Value::unset_all(regs);
                let base = lower.len();
                machine.frames.leave_place();
                machine.stack.cut(base);
                continue 'frame;
            }};
        }
        // A comparison of two registers: integers at once, other kinds by the family.
        macro_rules! compare {
            ($a:expr, $b:expr, $quick:tt, $slow:expr) => {
                match Value::both_int(&r!($a), &r!($b)) {
                    Some((x, y)) => x $quick y,
                    None => or_raise!($slow(&r!($a), &r!($b))),
                }
            };
        }
        macro_rules! compare_int {
            ($a:expr, $value:expr, $quick:tt, $slow:expr) => {{
                let value = i64::from($value as i16);
                match r!($a).as_int() {
                    Some(x) => x $quick value,
                    None => or_raise!($slow(&r!($a), &Value::int(value))),
                }
            }};
        }

        loop {
            let at = pc;
            pc += 1;
            // Matched where it is: a copy would keep all its operands in registers.
            match code[at] {
                Move { to, from } => r!(to) = r!(from).clone(),
                Take { to, from } => r!(to) = r!(from).take(),
                MoveVar { to, from } if !r!(from).is_unset() => r!(to) = r!(from).clone(),
                MoveVar { .. } => raise!(ErrorCode::VarNf),
                CheckVar { var } => {
                    if r!(var).is_unset() {
                        raise!(ErrorCode::VarNf);
                    }
                }
                LoadInt { to, value } => r!(to) = Value::int(i64::from(value)),
                LoadConst { to, k } => r!(to) = program.constants[usize::from(k)].clone(),
                LoadEnv {
                    to,
                    env: EnvField::This,
                } => r!(to) = frame.this.clone(),
                LoadEnv { to, env: field } => r!(to) = load_env(frame, below, field, lower),
                LoadArg { to, index } => {
                    let nth = usize::from(index).wrapping_sub(1);
                    match frame.args.items(lower).get(nth) {
                        Some(value) => r!(to) = value.clone(),
                        None => raise!(ErrorCode::Range),
                    }
                }

                Add { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_add(y)),
                    None => outside!(arithmetic::add_any(regs, to, (a, b), env)),
                },
                AddInt { to, a, value } => match r!(a).as_int() {
                    Some(x) => r!(to) = Value::int(x.wrapping_add(i64::from(value as i16))),
                    None => numbers!(),
                },
                Sub { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_sub(y)),
                    None => numbers!(),
                },
                SubInt { to, a, value } => match r!(a).as_int() {
                    Some(x) => r!(to) = Value::int(x.wrapping_sub(i64::from(value as i16))),
                    None => numbers!(),
                },
                Mul { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_mul(y)),
                    None => numbers!(),
                },
                Div { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((_, 0)) => raise!(ErrorCode::Div),
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_div(y)),
                    None => numbers!(),
                },
                // All dialects agree on numbers that are not negative.
                Mod { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x @ 0.., y @ 1..)) => r!(to) = Value::int(x % y),
                    _ => numbers!(),
                },
                Not { to, a } => r!(to) = Value::truth(!r!(a).is_true()),
                Eq { to, a, b } => r!(to) = Value::truth(equal!(a, b)),
                Ne { to, a, b } => r!(to) = Value::truth(!equal!(a, b)),
                Lt { to, a, b } => r!(to) = Value::truth(compare!(a, b, <, arithmetic::less)),
                Le { to, a, b } => r!(to) = Value::truth(compare!(a, b, <=, arithmetic::less_or_equal)),

                Charge { ticks } => {
                    charge!(ticks);
                }
                Jump { to, ticks } | Loop { to, ticks } => {
                    charge!(ticks);
                    pc = to as usize;
                }
                JumpFalse { a, to, ticks } => {
                    charge!(ticks);
                    if !r!(a).is_true() {
                        pc = to as usize;
                    }
                }
                JumpTrue { a, to, ticks } => {
                    charge!(ticks);
                    if r!(a).is_true() {
                        pc = to as usize;
                    }
                }
                SkipLt { a, b, ticks } => skip!(ticks, compare!(a, b, <, arithmetic::less)),
                SkipLe { a, b, ticks } => skip!(ticks, compare!(a, b, <=, arithmetic::less_or_equal)),
                SkipEq { a, b, ticks } => skip!(ticks, equal!(a, b)),
                SkipNe { a, b, ticks } => skip!(ticks, !equal!(a, b)),
                SkipLtInt { a, value, ticks } => skip!(ticks, compare_int!(a, value, <, arithmetic::less)),
                SkipGtInt { a, value, ticks } => skip!(ticks, compare_int!(a, value, >, arithmetic::greater)),
                SkipEqInt { a, value, ticks } => {
                    skip!(ticks, r!(a).as_int() == Some(i64::from(value as i16)));
                }
                LoopLt { a, b, back, ticks } => again!(ticks, back, compare!(a, b, <, arithmetic::less)),
                LoopLe { a, b, back, ticks } => {
                    again!(ticks, back, compare!(a, b, <=, arithmetic::less_or_equal));
                }
                LoopLtInt {
                    a,
                    value,
                    back,
                    ticks,
                } => {
                    again!(ticks, back, compare_int!(a, value, <, arithmetic::less));
                }
                LoopGtInt {
                    a,
                    value,
                    back,
                    ticks,
                } => {
                    again!(ticks, back, compare_int!(a, value, >, arithmetic::greater));
                }

                RangeLoop { at, var, back, ticks } => {
                    again!(ticks, back, quick::next_in_range(regs, at, var))
                }
                ListLoop { at, var, back, ticks } => again!(ticks, back, quick::next_in_list(regs, at, var)),
                RangePrepare { at } => {
                    let same = r!(at).kind() == r!(at + 1).kind();
                    if !same || !matches!(r!(at).kind(), Kind::Int | Kind::Obj) {
                        raise!(ErrorCode::Type);
                    }
                }
                RangeNext { at, var, ticks } => {
                    charge!(ticks);
                    if quick::next_in_range(regs, at, var) {
                        pc += 1;
                    }
                }
                ListPrepare { at } if r!(at).kind() == Kind::List => r!(at + 1) = Value::int(0),
                PairKey { at, to } => quick::key_of_turn(regs, at, to),
                ListNext { at, var, ticks } => {
                    charge!(ticks);
                    if quick::next_in_list(regs, at, var) {
                        pc += 1;
                    }
                }

                MakeList { to, from, count } => quick::make_list(regs, to, (from, count)),
                EmptyList { to } => r!(to) = Value::empty_list(),
                Append { to, item } => {
                    if !quick::append(regs, to, item, env.options.max_list_concat) {
                        parts!();
                    }
                }
                CheckList { a } => {
                    if r!(a).kind() != Kind::List {
                        raise!(ErrorCode::Type);
                    }
                }
                Index { to, base, index } => match (r!(base).as_list(), r!(index).as_int()) {
                    (Some(items), Some(i)) => match items.get((i as usize).wrapping_sub(1)) {
                        Some(item) => r!(to) = item.clone(),
                        None => raise!(ErrorCode::Range),
                    },
                    _ => {
                        if !quick::get(regs, to, (base, index)) {
                            parts!();
                        }
                    }
                },
                SetIndex { base, index, value } => {
                    if !quick::set(regs, (base, index), value, env.options.max_map_entries) {
                        parts!();
                    }
                }
                First { to, a } => r!(to) = or_raise!(index::first(&r!(a))),
                Last { to, a } => r!(to) = or_raise!(index::last(&r!(a))),

                GetProp { to, obj, name } => {
                    let (obj, name) = (r!(obj).referent(), name!(name));
                    if !property::get(env.tx, obj, name, frame.progr, &mut r!(to)) {
                        properties!();
                    }
                }
                GetThisProp { to, name } => {
                    let (this, name) = (frame.this.referent(), name!(name));
                    if !property::get(env.tx, this, name, frame.progr, &mut r!(to)) {
                        properties!();
                    }
                }
                AddThisProp { name, value } => {
                    let (this, name) = (frame.this.referent(), name!(name));
                    if property::add_int(env.tx, this, name, i64::from(value as i16), frame.progr) {
                        pc += 3;
                    }
                }
                SetProp { obj, name, value } => {
                    let (obj, name) = (r!(obj).referent(), name!(name));
                    if !property::set(env.tx, obj, name, &r!(value), frame.progr) {
                        properties!();
                    }
                }
                SetThisProp { name, value } => {
                    let (this, name) = (frame.this.referent(), name!(name));
                    if !property::set(env.tx, this, name, &r!(value), frame.progr) {
                        properties!();
                    }
                }

                CallVerb {
                    at,
                    name,
                    count,
                    ticks,
                } => {
                    call!(ticks, &r!(at), at, name, count);
                }
                CallThis {
                    at,
                    name,
                    count,
                    ticks,
                } => {
                    call!(ticks, &frame.this, at, name, count);
                }
                CallVerbList { ticks, .. }
                | CallVerbNamed { ticks, .. }
                | CallVerbNamedList { ticks, .. } => {
                    charge!(ticks);
                    machine!(machine.enter(env))
                }
                CallBuiltin {
                    at,
                    function,
                    count,
                    ticks,
                } => {
                    call_builtin!(
                        ticks,
                        at,
                        function,
                        (count == 1).then_some(at),
                        Args::Window(count)
                    );
                }
                CallBuiltinOn {
                    at,
                    function,
                    arg,
                    ticks,
                } => {
                    call_builtin!(ticks, at, function, Some(arg), Args::One(arg));
                }
                CallBuiltinList { ticks, .. } => {
                    charge!(ticks);
                    machine!(machine.call_builtin(env))
                }
                Return { a, ticks } => {
                    go_back!(ticks, r!(a).take(), |to: &mut Value| r!(a).move_to(to));
                }
                ReturnZero { ticks } => {
                    go_back!(ticks, Value::int(0), |to: &mut Value| *to = Value::int(0));
                }

                ScatterArgs { spec } => {
                    let spec = &program.scatters[usize::from(spec)];
                    pc = or_raise!(scatter::assign(regs, spec, frame.args.items(lower)));
                }
                ScatterFrom { from, spec } => {
                    let spec = &program.scatters[usize::from(spec)];
                    pc = or_raise!(scatter::assign_from(regs, spec, from));
                }
                Fork { .. } => machine!(machine.enter(env)),
                Reraise { reason } => {
                    if r!(reason).as_int() == Some(1) {
                        env.task.reraised = Some(r!(reason + 1).take());
                        machine!(Go::Err(ErrorCode::None.into()))
                    }
                }
                StoreEnv { env: field, from } => store_env(frame, below, field, r!(from).clone()),
                Pow { .. } | Neg { .. } => numbers!(),
                In { .. }
                | ListPrepare { .. }
                | PairPrepare { .. }
                | EmptyMap { .. }
                | MapPut { .. }
                | Splice { .. }
                | Range { .. }
                | SetPath { .. }
                | SetRange { .. } => parts!(),
                AddToProp { .. } | SetPropPath { .. } | GetPropNamed { .. } | SetPropNamed { .. } => {
                    properties!();
                }
            }
        }
    }
}

/// At the end of a chunk: has the task gone past a limit, or been killed? What runs now is charged with the chunk.
#[cold]
fn look(running: &Running, env: &mut Env<'_>) -> Option<Box<Stop>> {
    let ticks = env.task.ticks_left;
    env.task.look_again(ticks);
    let seconds_left = env.host.seconds_left();
    running.with_tally(|tally| env.task.sampler.sample(tally, ticks, seconds_left));
    let stop = if env.host.is_killed() {
        Stop::Kill
    } else if ticks <= 0 {
        Stop::Abort(Limit::Ticks)
    } else if seconds_left <= 0.0 || env.host.is_over_memory() {
        Stop::Abort(Limit::Seconds)
    } else {
        env.host.yield_now();
        return None;
    };
    Some(Box::new(stop))
}
