//! Arithmetic beyond the operators, and chance.

use moo_model::number::general;
use moo_model::{ErrorCode, Raised, Value, View};

use super::{Args, row};
use crate::builtin::ArgType::{Any, Float, Int, Number};
use crate::builtin::{Builtin, Context};

/// The greatest number of digits that `floatstr()` prints after the point.
const DIGITS_MAX: i64 = 19;

fn abs(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    match args[0].view() {
        View::Int(i) => Ok(Value::int(i.wrapping_abs())),
        View::Float(f) => Ok(Value::float(f.abs())),
        _ => Err(ErrorCode::Type.into()),
    }
}

fn random(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let (low, high) = match args {
        [] => (1, i64::MAX),
        [_] => (1, args.int(0)?),
        _ => (args.int(0)?, args.int(1)?),
    };
    if high < low {
        return Err(ErrorCode::InvArg.into());
    }
    let span = high.abs_diff(low);
    let offset = match span.checked_add(1) {
        // The high half of the product is uniform to one part in 2^64 / span, and needs no loop.
        Some(count) => ((u128::from(ctx.host.random()) * u128::from(count)) >> 64) as u64,
        None => ctx.host.random(),
    };
    Ok(Value::int(low.wrapping_add_unsigned(offset)))
}

fn floatstr(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let number = args[0].as_float().ok_or(ErrorCode::Type)?;
    let digits = args.int(1)?.min(DIGITS_MAX);
    let digits = usize::try_from(digits).map_err(|_| ErrorCode::InvArg)?;
    let text = if args.flag(2) {
        scientific(number, digits)
    } else {
        format!("{number:.digits$}")
    };
    ctx.check_string(text.len())?;
    Ok(Value::string(text))
}

/// C's `%.{digits}e`: an exponent of at least two digits with its sign.
fn scientific(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(rest) => ('-', rest),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{exponent:0>2}")
        }
        None => general(number, digits + 1),
    }
}

/// A float result: `E_INVARG` outside the function's domain, `E_FLOAT` where it has no finite value.
fn finite(result: f64) -> Result<Value, Raised> {
    if result.is_nan() {
        Err(ErrorCode::InvArg.into())
    } else if result.is_infinite() {
        Err(ErrorCode::Float.into())
    } else {
        Ok(Value::float(result))
    }
}

fn atan(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let y = args[0].as_float().ok_or(ErrorCode::Type)?;
    match args.get(1) {
        None => finite(y.atan()),
        Some(x) => finite(y.atan2(x.as_float().ok_or(ErrorCode::Type)?)),
    }
}

macro_rules! float_functions {
    ($($name:ident)*) => {
        $(fn $name(_ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
            finite(args[0].as_float().ok_or(ErrorCode::Type)?.$name())
        })*
    };
}

float_functions! { sqrt sin cos tan asin acos sinh cosh tanh exp ln log10 ceil floor trunc asinh acosh atanh cbrt round }

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("abs", (1, 1), &[Number], abs, "The number without its sign."),
    row("random", (0, 2), &[Int, Int], random, "A random integer from 1 to the argument, or between two arguments."),
    row("floatstr", (2, 3), &[Float, Int, Any], floatstr, "A float as text with so many digits after the point, in scientific notation if the third argument is true."),
    row("sqrt", (1, 1), &[Float], sqrt, "The square root."),
    row("sin", (1, 1), &[Float], sin, "The sine of an angle in radians."),
    row("cos", (1, 1), &[Float], cos, "The cosine of an angle in radians."),
    row("tan", (1, 1), &[Float], tan, "The tangent of an angle in radians."),
    row("asin", (1, 1), &[Float], asin, "The arc sine, in radians."),
    row("acos", (1, 1), &[Float], acos, "The arc cosine, in radians."),
    row("atan", (1, 2), &[Float, Float], atan, "The arc tangent of y, or of y / x in the quadrant of (x, y)."),
    row("sinh", (1, 1), &[Float], sinh, "The hyperbolic sine."),
    row("cosh", (1, 1), &[Float], cosh, "The hyperbolic cosine."),
    row("tanh", (1, 1), &[Float], tanh, "The hyperbolic tangent."),
    row("asinh", (1, 1), &[Float], asinh, "The inverse hyperbolic sine."),
    row("acosh", (1, 1), &[Float], acosh, "The inverse hyperbolic cosine."),
    row("atanh", (1, 1), &[Float], atanh, "The inverse hyperbolic tangent."),
    row("exp", (1, 1), &[Float], exp, "e raised to a power."),
    row("log", (1, 1), &[Float], ln, "The natural logarithm."),
    row("log10", (1, 1), &[Float], log10, "The logarithm to base 10."),
    row("cbrt", (1, 1), &[Float], cbrt, "The cube root."),
    row("ceil", (1, 1), &[Float], ceil, "The smallest whole number that is not less, as a float."),
    row("floor", (1, 1), &[Float], floor, "The largest whole number that is not greater, as a float."),
    row("trunc", (1, 1), &[Float], trunc, "The whole part, as a float."),
    row("round", (1, 1), &[Float], round, "The nearest whole number, halves away from zero, as a float."),
];
