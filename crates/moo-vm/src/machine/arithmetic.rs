//! Operators on one or two values, where the loop's quick path for integers does not apply.
//!
//! What has such a path is marked cold, so that the loop keeps its registers for that.

use std::cmp::Ordering;

use moo_model::world::Dialect;
use moo_model::{ErrorCode, Raised, Value, View};

use super::Env;
use super::drive::Go;
use super::rare::finished;

type Result<T = Value> = std::result::Result<T, ErrorCode>;

/// `R[to] = R[a] + R[b]`
#[inline(never)]
pub(super) fn add_any(regs: &mut [Value], to: u16, (a, b): (u16, u16), env: &mut Env<'_>) -> Go {
    let [to, a, b] = [to, a, b].map(usize::from);
    if to == a
        && let Ok([text, tail]) = regs.get_disjoint_mut([a, b])
        && text.push_in_place(tail, env.options.max_string_concat)
    {
        env.task.charge_size(tail.as_str().map_or(0, str::len));
        return Ok(());
    }
    let done = if to == a && a != b && regs[a].as_str().is_some() {
        // The variable's own string grows where it is.
        let mut text = regs[a].take();
        let grown = append_text(&mut text, &regs[b], env);
        regs[to] = text;
        grown
    } else {
        add(&regs[a], &regs[b], env).map(|sum| regs[to] = sum)
    };
    finished(done, env.task)
}

/// `a + b`
pub(super) fn add(a: &Value, b: &Value, env: &mut Env<'_>) -> std::result::Result<Value, Raised> {
    match (a.view(), b.view()) {
        (View::Int(a), View::Int(b)) => Ok(Value::int(a.wrapping_add(b))),
        (View::Float(a), View::Float(b)) => Ok(finite(a + b)?),
        (View::Str(_), View::Str(_)) => {
            let mut text = a.clone();
            append_text(&mut text, b, env)?;
            Ok(text)
        }
        _ => Err(ErrorCode::Type.into()),
    }
}

/// Adds a string to the end of another, in place where nobody else holds that.
pub(super) fn append_text(
    text: &mut Value,
    tail: &Value,
    env: &mut Env<'_>,
) -> std::result::Result<(), Raised> {
    let (Some(head), Some(added)) = (text.as_str(), tail.as_str()) else {
        return Err(ErrorCode::Type.into());
    };
    let length = head.len() + added.len();
    // What is not edited in place is copied whole.
    let copied = if text.is_own_text() { 0 } else { head.len() };
    env.task.charge_size(added.len() + copied);
    if length > env.options.max_string_concat {
        return Err(env.task.too_large(env.options));
    }
    text.push_str(tail);
    Ok(())
}

/// `a - b`
#[cold]
pub(super) fn subtract(a: &Value, b: &Value) -> Result {
    match (a.view(), b.view()) {
        (View::Int(a), View::Int(b)) => Ok(Value::int(a.wrapping_sub(b))),
        (View::Float(a), View::Float(b)) => finite(a - b),
        _ => Err(ErrorCode::Type),
    }
}

/// `a * b`
pub(super) fn multiply(a: &Value, b: &Value) -> Result {
    match (a.view(), b.view()) {
        (View::Int(a), View::Int(b)) => Ok(Value::int(a.wrapping_mul(b))),
        (View::Float(a), View::Float(b)) => finite(a * b),
        _ => Err(ErrorCode::Type),
    }
}

/// `a / b`, toward zero for integers. The least integer divided by -1 wraps to itself.
pub(super) fn divide(a: &Value, b: &Value) -> Result {
    match (a.view(), b.view()) {
        (View::Int(_), View::Int(0)) => Err(ErrorCode::Div),
        (View::Int(a), View::Int(b)) => Ok(Value::int(a.wrapping_div(b))),
        (View::Float(_), View::Float(0.0)) => Err(ErrorCode::Div),
        (View::Float(a), View::Float(b)) => finite(a / b),
        _ => Err(ErrorCode::Type),
    }
}

/// `a % b`: with the sign of the dividend, or of the divisor in worlds from ToastStunt.
pub(super) fn modulo(a: &Value, b: &Value, dialect: Dialect) -> Result {
    let floored = dialect == Dialect::Toast;
    match (a.view(), b.view()) {
        (View::Int(_), View::Int(0)) => Err(ErrorCode::Div),
        (View::Int(a), View::Int(b)) => {
            let rest = a.wrapping_rem(b);
            let other_sign = floored && rest != 0 && (rest < 0) != (b < 0);
            Ok(Value::int(if other_sign { rest + b } else { rest }))
        }
        (View::Float(_), View::Float(0.0)) => Err(ErrorCode::Div),
        (View::Float(a), View::Float(b)) => {
            let rest = a % b;
            let other_sign = floored && rest != 0.0 && (rest < 0.0) != (b < 0.0);
            finite(if other_sign { rest + b } else { rest })
        }
        _ => Err(ErrorCode::Type),
    }
}

/// `a ^ b`
pub(super) fn power(a: &Value, b: &Value) -> Result {
    match (a.view(), b.view()) {
        (View::Int(a), View::Int(b)) if b < 0 => match a {
            0 => Err(ErrorCode::Div),
            1 => Ok(Value::int(1)),
            -1 => Ok(Value::int(if b % 2 == 0 { 1 } else { -1 })),
            _ => Ok(Value::int(0)),
        },
        (View::Int(a), View::Int(b)) => Ok(Value::int(integer_power(a, b as u64))),
        (View::Float(a), View::Int(b)) => finite(a.powf(b as f64)),
        (View::Float(a), View::Float(b)) => finite(a.powf(b)),
        _ => Err(ErrorCode::Type),
    }
}

/// By repeated squaring, wrapping: the exponent may be any 64-bit number.
fn integer_power(mut base: i64, mut exponent: u64) -> i64 {
    let mut result = 1i64;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}

/// `-a`
pub(super) fn negate(a: &Value) -> Result {
    match a.view() {
        View::Int(a) => Ok(Value::int(a.wrapping_neg())),
        View::Float(a) => Ok(Value::float(-a)),
        _ => Err(ErrorCode::Type),
    }
}

/// `a < b`; `E_TYPE` unless both are of one ordered kind.
#[cold]
pub(super) fn less(a: &Value, b: &Value) -> Result<bool> {
    a.order(b).map(Ordering::is_lt).ok_or(ErrorCode::Type)
}

/// `a <= b`
#[cold]
pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool> {
    a.order(b).map(Ordering::is_le).ok_or(ErrorCode::Type)
}

/// `a > b`
#[cold]
pub(super) fn greater(a: &Value, b: &Value) -> Result<bool> {
    a.order(b).map(Ordering::is_gt).ok_or(ErrorCode::Type)
}

fn finite(f: f64) -> Result {
    if f.is_finite() {
        Ok(Value::float(f))
    } else {
        Err(ErrorCode::Float)
    }
}
