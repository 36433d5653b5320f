//! The loop: fetch, charge, dispatch. Quick paths are here; what they leave goes to the families beside this file.
//!
//! Invariant: `frame.pc` is past the running instruction whenever anything but the loop looks at the frame.

use moo_lang::opcode::{Env as EnvField, Op};
use moo_model::value::Kind;
use moo_model::{ErrorCode, Map, Value};

use super::call::{Call, callee_player};
use super::drive::{Go, Stop};
use super::raise::caught;
use super::variables::{load_env, store_env};
use super::{Env, Machine, arithmetic, builtins_call, index, property, scatter};
use crate::builtin::{Body, Context, Flow};
use crate::frame::{Frame, Running};
use crate::outcome::Limit;
use crate::property_access;
use crate::search;

/// Runs the top frame, and those it calls and returns to, until one does what is left to the machine.
#[inline(always)]
#[expect(
    clippy::too_many_lines,
    reason = "the run loop is one match over the table of instructions"
)]
pub(super) fn execute(machine: &mut Machine, env: &mut Env<'_>) -> Go {
    use Op::*;
    'frame: loop {
        let Machine { stack, frames } = &mut *machine;
        let (
            Frame {
                running,
                state: frame,
            },
            below,
        ) = frames.split_last_mut().expect("a machine that runs has a frame");
        let program = running.program();
        let code = program.code.as_slice();
        let weights = program.weights.as_slice();
        let (lower, regs) = stack.split_at_mut(frame.base as usize);
        let mut pc = frame.pc as usize;
        let mut ticks = env.task.chunk_left();

        macro_rules! r {
            ($register:expr) => {
                regs[usize::from($register)]
            };
        }
        // Gives back what the loop holds in locals.
        macro_rules! save {
            () => {
                frame.pc = pc as u32;
                env.task.set_chunk_left(ticks);
            };
        }
        macro_rules! leave {
            ($leave:expr) => {{
                save!();
                return $leave;
            }};
        }
        // Leaves the instruction to the machine.
        macro_rules! enter {
            () => {
                leave!(machine.enter(env))
            };
        }
        // Goes on at the handler, where that is in this frame and wants no traceback.
        macro_rules! raise {
            ($raised:expr) => {
                match caught(program, frame.debug, pc, $raised, regs) {
                    Ok(target) => {
                        pc = target;
                        continue;
                    }
                    Err(stop) => leave!(Err(stop)),
                }
            };
        }
        macro_rules! or_raise {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(raised) => raise!(raised),
                }
            };
        }
        // Charges what the code since the last charge cost; at the end of a chunk, looks at the limits.
        macro_rules! charge {
            () => {
                ticks -= i64::from(weights[pc - 1]);
                if ticks < 0 {
                    save!();
                    if let Some(stop) = look(running, env) {
                        return Err(Box::new(stop));
                    }
                    ticks = env.task.chunk_left();
                }
            };
        }
        // Runs what may charge ticks itself, or end the task.
        macro_rules! outside {
            ($body:expr) => {{
                save!();
                let result = $body;
                ticks = env.task.chunk_left();
                if let Some(limit) = env.task.abort.take() {
                    leave!(Err(Box::new(Stop::Abort(limit))));
                }
                or_raise!(result)
            }};
        }
        // Whether two registers are equal; what may be large is charged.
        macro_rules! equal {
            ($a:expr, $b:expr) => {
                match r!($a).may_be_large() && r!($b).may_be_large() {
                    true => outside!(Ok::<bool, ErrorCode>(search::equal(
                        &r!($a),
                        &r!($b),
                        env.task
                    ))),
                    false => r!($a) == r!($b),
                }
            };
        }
        // Takes a skip where the test holds; else, at once, the jump that is skipped.
        macro_rules! skip {
            ($holds:expr) => {{
                charge!();
                if $holds {
                    pc += 1;
                } else if let Jump { to } = code[pc] {
                    pc += 1;
                    charge!();
                    pc = to as usize;
                }
            }};
        }
        // Calls a verb by a name in the code, with arguments in registers.
        macro_rules! call {
            ($receiver:expr, $at:expr, $name:expr, $count:expr) => {{
                charge!();
                save!();
                let Some(this) = $receiver else {
                    return Err(ErrorCode::Type.into());
                };
                let name = &program.names[usize::from($name)];
                let (symbol, text) = (name.symbol, name.text.clone());
                let call = Call {
                    this,
                    verb: text,
                    player: callee_player(frame, env.tx),
                    at: $at,
                    base: frame.base,
                    first: $at + 1,
                    count: Some($count),
                };
                machine.call_fixed(symbol, call, env)?;
                continue 'frame;
            }};
        }
        // Returns to the frame below, or lets the machine do it where that waits for more than a value.
        macro_rules! go_back {
            ($value:expr) => {{
                charge!();
                save!();
                let value = $value;
                let Some(caller) = below.last().filter(|caller| !caller.is_builtin()) else {
                    return machine.leave(value, env);
                };
                frame.args.drop_window(lower);
                lower[caller.base as usize + usize::from(frame.result)] = value;
                regs.fill_with(|| Value::UNSET);
                let base = frame.base as usize;
                machine.frames.pop();
                machine.stack.cut(base);
                continue 'frame;
            }};
        }
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
        // Calls a built-in function with arguments to look at, or `$own` ones to edit; `$after` is done with the arguments before its value is put down. One that wants more
        // than to give a value, or whose calls go elsewhere, is left to the machine.
        macro_rules! call_builtin {
            ($at:expr, $function:expr, $args:expr, $own:expr, $after:expr) => {{
                charge!();
                let Some(builtin) = program.builtins[usize::from($function)] else {
                    raise!(ErrorCode::InvArg)
                };
                if builtins_call::is_wrapped(builtin, &frame.this, env.options) {
                    enter!();
                }
                match builtin.body {
                    Body::Edit(body) => {
                        let value = outside!(builtins_call::edit(builtin, body, &mut context!(), $own));
                        $after
                        r!($at) = value;
                    }
                    Body::Value(body) => {
                        let value = outside!(builtins_call::value(builtin, body, &mut context!(), $args));
                        $after
                        r!($at) = value;
                    }
                    Body::Flow(body) => {
                        let flow = outside!(builtins_call::flow(builtin, body, &mut context!(), $args));
                        $after
                        match flow {
                            Flow::Value(value) => r!($at) = value,
                            other => {
                                env.task.pending = Some(other);
                                enter!();
                            }
                        }
                    }
                }
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
            let op = code[pc];
            pc += 1;
            match op {
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
                StoreEnv { env: field, from } => store_env(frame, below, field, r!(from).clone()),
                LoadArg { to, index } => {
                    let nth = usize::from(index).wrapping_sub(1);
                    match frame.args.items(lower).get(nth) {
                        Some(value) => r!(to) = value.clone(),
                        None => raise!(ErrorCode::Range),
                    }
                }

                Add { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_add(y)),
                    None if to == a && a != b && r!(a).as_str().is_some() => {
                        // The variable's own string grows where it is.
                        let mut left = r!(a).take();
                        outside!({
                            let grown = arithmetic::append_text(&mut left, &r!(b), env);
                            r!(to) = left;
                            grown
                        });
                    }
                    None => r!(to) = outside!(arithmetic::add(&r!(a), &r!(b), env)),
                },
                AddInt { to, a, value } => {
                    let value = i64::from(value as i16);
                    match r!(a).as_int() {
                        Some(x) => r!(to) = Value::int(x.wrapping_add(value)),
                        None => r!(to) = outside!(arithmetic::add(&r!(a), &Value::int(value), env)),
                    }
                }
                Sub { to, a, b } => match Value::both_int(&r!(a), &r!(b)) {
                    Some((x, y)) => r!(to) = Value::int(x.wrapping_sub(y)),
                    None => r!(to) = or_raise!(arithmetic::subtract(&r!(a), &r!(b))),
                },
                SubInt { to, a, value } => {
                    let value = i64::from(value as i16);
                    match r!(a).as_int() {
                        Some(x) => r!(to) = Value::int(x.wrapping_sub(value)),
                        None => r!(to) = or_raise!(arithmetic::subtract(&r!(a), &Value::int(value))),
                    }
                }
                Mul { to, a, b } => r!(to) = or_raise!(arithmetic::multiply(&r!(a), &r!(b))),
                Div { to, a, b } => r!(to) = or_raise!(arithmetic::divide(&r!(a), &r!(b))),
                Mod { to, a, b } => {
                    r!(to) = or_raise!(arithmetic::modulo(&r!(a), &r!(b), env.tx.settings().dialect))
                }
                Pow { to, a, b } => r!(to) = or_raise!(arithmetic::power(&r!(a), &r!(b))),
                Neg { to, a } => r!(to) = or_raise!(arithmetic::negate(&r!(a))),
                Not { to, a } => r!(to) = Value::truth(!r!(a).is_true()),
                Eq { to, a, b } => r!(to) = Value::truth(equal!(a, b)),
                Ne { to, a, b } => r!(to) = Value::truth(!equal!(a, b)),
                Lt { to, a, b } => r!(to) = Value::truth(compare!(a, b, <, arithmetic::less)),
                Le { to, a, b } => r!(to) = Value::truth(compare!(a, b, <=, arithmetic::less_or_equal)),
                In { to, a, b } => r!(to) = outside!(index::position(&r!(a), &r!(b), env.task)),

                Jump { to } => {
                    charge!();
                    pc = to as usize;
                }
                Loop { to } => {
                    charge!();
                    pc = to as usize;
                }
                JumpFalse { a, to } => {
                    charge!();
                    if !r!(a).is_true() {
                        pc = to as usize;
                    }
                }
                JumpTrue { a, to } => {
                    charge!();
                    if r!(a).is_true() {
                        pc = to as usize;
                    }
                }
                SkipLt { a, b } => {
                    skip!(compare!(a, b, <, arithmetic::less));
                }
                SkipLe { a, b } => {
                    skip!(compare!(a, b, <=, arithmetic::less_or_equal));
                }
                SkipEq { a, b } => {
                    skip!(equal!(a, b));
                }
                SkipNe { a, b } => {
                    skip!(!equal!(a, b));
                }
                SkipLtInt { a, value } => {
                    skip!(compare_int!(a, value, <, arithmetic::less));
                }
                SkipGtInt { a, value } => {
                    skip!(compare_int!(a, value, >, arithmetic::greater));
                }
                SkipEqInt { a, value } => {
                    skip!(r!(a).as_int() == Some(i64::from(value as i16)));
                }

                LoopLt { a, b, back } => {
                    charge!();
                    if compare!(a, b, <, arithmetic::less) {
                        pc -= usize::from(back);
                    }
                }
                LoopLe { a, b, back } => {
                    charge!();
                    if compare!(a, b, <=, arithmetic::less_or_equal) {
                        pc -= usize::from(back);
                    }
                }
                LoopLtInt { a, value, back } => {
                    charge!();
                    if compare_int!(a, value, <, arithmetic::less) {
                        pc -= usize::from(back);
                    }
                }
                LoopGtInt { a, value, back } => {
                    charge!();
                    if compare_int!(a, value, >, arithmetic::greater) {
                        pc -= usize::from(back);
                    }
                }
                RangeLoop { at, var, back } => {
                    charge!();
                    if index::next_in_range(regs, at, var) {
                        pc -= usize::from(back);
                    }
                }
                ListLoop { at, var, back } => {
                    charge!();
                    if index::next_in_list(regs, at, var) {
                        pc -= usize::from(back);
                    }
                }
                RangePrepare { at } => {
                    let same = r!(at).kind() == r!(at + 1).kind();
                    if !same || !matches!(r!(at).kind(), Kind::Int | Kind::Obj) {
                        raise!(ErrorCode::Type);
                    }
                }
                RangeNext { at, var } => {
                    charge!();
                    if index::next_in_range(regs, at, var) {
                        pc += 1;
                    }
                }
                ListPrepare { at } => {
                    if r!(at).kind() != Kind::List {
                        r!(at) = outside!(index::elements(&r!(at), env));
                    }
                    r!(at + 1) = Value::int(0);
                }
                PairPrepare { at } => {
                    r!(at + 2) = or_raise!(index::keys(&r!(at)));
                    if r!(at).kind() != Kind::List {
                        r!(at) = outside!(index::elements(&r!(at), env));
                    }
                    r!(at + 1) = Value::int(0);
                }
                PairKey { at, to } => r!(to) = index::key_of_turn(&r!(at + 1), &r!(at + 2)),
                ListNext { at, var } => {
                    charge!();
                    if index::next_in_list(regs, at, var) {
                        pc += 1;
                    }
                }

                MakeList { to, from, count } => {
                    let window = usize::from(from)..usize::from(from) + usize::from(count);
                    let items = regs[window].iter_mut().map(Value::take).collect();
                    r!(to) = Value::list(items);
                }
                EmptyList { to } => r!(to) = Value::empty_list(),
                EmptyMap { to } => r!(to) = Value::map(Map::new()),
                MapPut { to, key, value } => {
                    let (key, value) = (r!(key).clone(), r!(value).clone());
                    outside!(index::put(&mut r!(to), key, value, env.task, env.options));
                }
                Append { to, item } => {
                    let item = r!(item).clone();
                    outside!(index::append(&mut r!(to), item, env.task, env.options));
                }
                Splice { to, items } => {
                    let items = r!(items).clone();
                    outside!(index::splice(&mut r!(to), &items, env.task, env.options));
                }
                CheckList { a } => {
                    if r!(a).kind() != Kind::List {
                        raise!(ErrorCode::Type);
                    }
                }
                Index { to, base, index } => {
                    let value = match (r!(base).as_list(), r!(index).as_int()) {
                        (Some(items), Some(i)) => items
                            .get((i as usize).wrapping_sub(1))
                            .cloned()
                            .ok_or(ErrorCode::Range),
                        _ => {
                            env.task.charge_key(&r!(index));
                            index::element(&r!(base), &r!(index))
                        }
                    };
                    r!(to) = or_raise!(value);
                }
                Range { to, base, from } => {
                    r!(to) = outside!(index::slice(&r!(base), &r!(from), &r!(from + 1), env.task));
                }
                SetIndex { base, index, value } => {
                    let (i, value) = (r!(index).clone(), r!(value).clone());
                    outside!(index::set_element(
                        &mut r!(base),
                        &i,
                        value,
                        env.task,
                        env.options
                    ));
                }
                SetPath { base, at, depth } => {
                    let (at, value) = (usize::from(at), usize::from(at) + usize::from(depth));
                    let mut whole = r!(base).take();
                    outside!({
                        let set = index::set_path(
                            &mut whole,
                            &regs[at..value],
                            regs[value].clone(),
                            env.task,
                            env.options,
                        );
                        r!(base) = whole;
                        set
                    });
                }
                SetRange { base, from, value } => {
                    let bounds = (r!(from).clone(), r!(from + 1).clone());
                    let value = r!(value).clone();
                    outside!(index::set_slice(&mut r!(base), &bounds, &value, env));
                }
                First { to, a } => r!(to) = or_raise!(index::first(&r!(a))),
                Last { to, a } => r!(to) = or_raise!(index::last(&r!(a))),

                GetProp { to, obj, name } => {
                    let name = program.names[usize::from(name)].symbol;
                    match property::get(env.tx, &r!(obj), name, frame.progr) {
                        Some(value) => r!(to) = value,
                        None => {
                            r!(to) = outside!(property_access::get_property_symbol(
                                &mut context!(),
                                &r!(obj),
                                name
                            ));
                        }
                    }
                }
                GetThisProp { to, name } => {
                    let name = program.names[usize::from(name)].symbol;
                    match property::get(env.tx, &frame.this, name, frame.progr) {
                        Some(value) => r!(to) = value,
                        None => {
                            let this = frame.this.clone();
                            r!(to) =
                                outside!(property_access::get_property_symbol(&mut context!(), &this, name));
                        }
                    }
                }
                AddThisProp { name, value } => {
                    let name = program.names[usize::from(name)].symbol;
                    let by = i64::from(value as i16);
                    if property::add_int(env.tx, &frame.this, name, by, frame.progr) {
                        pc += 3;
                    }
                }
                SetProp { obj, name, value } => {
                    let name = program.names[usize::from(name)].symbol;
                    if !property::set(env.tx, &r!(obj), name, &r!(value), frame.progr) {
                        let value = r!(value).clone();
                        outside!(property::set_any(&mut context!(), &r!(obj), name, value));
                    }
                }
                SetThisProp { name, value } => {
                    let name = program.names[usize::from(name)].symbol;
                    if !property::set(env.tx, &frame.this, name, &r!(value), frame.progr) {
                        let (this, value) = (frame.this.clone(), r!(value).clone());
                        outside!(property::set_any(&mut context!(), &this, name, value));
                    }
                }
                AddToProp { obj, name, at } => {
                    let name = program.names[usize::from(name)].symbol;
                    let (list, item) = (r!(at).take(), r!(at + 1).take());
                    outside!(property::add_to(&mut context!(), &r!(obj), name, list, item));
                }
                SetPropPath { obj, name, at, depth } => {
                    let name = program.names[usize::from(name)].symbol;
                    let whole = r!(at).take();
                    let path = usize::from(at) + 1..usize::from(at) + 1 + usize::from(depth);
                    let value = regs[path.end].clone();
                    outside!(property::set_path(
                        &mut context!(),
                        &r!(obj),
                        name,
                        whole,
                        &regs[path],
                        value
                    ));
                }
                GetPropNamed { to, obj, name } => {
                    r!(to) = outside!(property_access::get_property(
                        &mut context!(),
                        &r!(obj),
                        &r!(name)
                    ));
                }
                SetPropNamed { obj, name, value } => {
                    let value = r!(value).clone();
                    outside!(property_access::set_property(
                        &mut context!(),
                        &r!(obj),
                        &r!(name),
                        value
                    ));
                }

                CallVerb { at, name, count } => {
                    let receiver = r!(at).referent();
                    call!(receiver, at, name, count);
                }
                CallThis { at, name, count } => {
                    let receiver = frame.this.referent();
                    call!(receiver, at, name, count);
                }
                CallVerbList { .. } | CallVerbNamed { .. } | CallVerbNamedList { .. } => {
                    charge!();
                    enter!();
                }
                CallBuiltin { at, function, count } => {
                    let window = usize::from(at)..usize::from(at) + usize::from(count);
                    let args = window.clone();
                    call_builtin!(at, function, &regs[args], &mut regs[args], {
                        regs[window].iter_mut().for_each(|arg| *arg = Value::UNSET);
                    });
                }
                CallBuiltinOn { at, function, arg } => {
                    call_builtin!(
                        at,
                        function,
                        std::slice::from_ref(&r!(arg)),
                        &mut [r!(arg).clone()],
                        {}
                    );
                }
                CallBuiltinList { at, function } => {
                    let args = r!(at).clone();
                    let args = args.as_list().unwrap_or(&[]);
                    call_builtin!(at, function, args, &mut args.to_vec(), {});
                }
                Return { a } => go_back!(r!(a).take()),
                ReturnZero {} => go_back!(Value::int(0)),

                ScatterFrom { from, spec } => {
                    let list = r!(from).clone();
                    let Some(items) = list.as_list() else {
                        raise!(ErrorCode::Type)
                    };
                    let spec = &program.scatters[usize::from(spec)];
                    pc = or_raise!(scatter::assign(regs, spec, items));
                }
                ScatterArgs { spec } => {
                    let spec = &program.scatters[usize::from(spec)];
                    pc = or_raise!(scatter::assign(regs, spec, frame.args.items(lower)));
                }
                Fork { .. } => enter!(),
                Reraise { reason } => {
                    if r!(reason).as_int() == Some(1) {
                        env.task.reraised = Some(r!(reason + 1).take());
                        leave!(Err(ErrorCode::None.into()));
                    }
                }
            }
        }
    }
}

/// At the end of a chunk: has the task gone past a limit, or been killed? What runs now is charged with the chunk.
#[cold]
fn look(running: &Running, env: &mut Env<'_>) -> Option<Stop> {
    let ticks = env.task.ticks_left;
    env.task.look_again(ticks);
    let seconds_left = env.host.seconds_left();
    running.with_tally(|tally| env.task.sampler.sample(tally, ticks, seconds_left));
    if env.host.is_killed() {
        Some(Stop::Kill)
    } else if ticks <= 0 {
        Some(Stop::Abort(Limit::Ticks))
    } else if seconds_left <= 0.0 || env.host.is_over_memory() {
        Some(Stop::Abort(Limit::Seconds))
    } else {
        env.host.yield_now();
        None
    }
}
