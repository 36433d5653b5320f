//! Numbers as text: how floats print, and how strings read as numbers.

/// A float as `tostr()` and `toliteral()` print it: 15 significant digits in the style of C's `%.15g`, with `.0`
/// added when nothing else tells it from an integer.
pub fn float_text(f: f64) -> String {
    with_point(general(f, 15))
}

/// A float as programs print it: as [`float_text`], with two more digits when 15 would not read back equal.
pub fn float_source(f: f64) -> String {
    let short = float_text(f);
    if short
        .parse::<f64>()
        .is_ok_and(|back| back.to_bits() == f.to_bits())
    {
        short
    } else {
        with_point(general(f, 17))
    }
}

/// C's `%.{digits}g`.
pub fn general(f: f64, digits: usize) -> String {
    if f == 0.0 {
        return if f.is_sign_negative() {
            "-0".into()
        } else {
            "0".into()
        };
    }
    if !f.is_finite() {
        return if f.is_nan() {
            "nan".into()
        } else if f > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let scientific = format!("{:.*e}", digits - 1, f);
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("`e` formatting always writes an exponent");
    let exponent: i32 = exponent
        .parse()
        .expect("`e` formatting writes an integer exponent");
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{}{:02}", trim_zeros(mantissa), sign, exponent.abs())
    } else {
        let places = (digits as i32 - 1 - exponent).max(0) as usize;
        trim_zeros(&format!("{f:.places$}")).to_string()
    }
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

fn with_point(text: String) -> String {
    if text.contains(['.', 'e', 'n', 'i']) {
        text
    } else {
        text + ".0"
    }
}

/// What `toint()` makes of a string: leading spaces, a whole integer or float text, trailing spaces; else 0.
/// A number too large for an integer gives the nearest one.
pub fn int_from_text(text: &str) -> i64 {
    let text = text.trim_matches(' ');
    text.parse::<i64>()
        .ok()
        .or_else(|| float_from_text(text).map(|f| f as i64))
        .unwrap_or(0)
}

/// The float a string is, wholly, with optional surrounding spaces; `None` for anything else.
pub fn float_from_text(text: &str) -> Option<f64> {
    let text = text.trim_matches(' ');
    // Rust also reads "inf", "nan" and "infinity", which are not numbers to MOO programs.
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain {
        None
    } else {
        text.parse::<f64>().ok().filter(|f| f.is_finite())
    }
}
