//! Values as JSON, both ways, by the table of docs/json.md.
//!
//! Invariant: what [`to_json`] writes, [`from_json`] reads as the same value, but for anonymous objects and what nests
//! deeper than [`JSON_DEPTH_MAX`], which have no form of their own and are shown as text.

use serde_json::{Map as Fields, Value as Json, json};

use crate::value::map::is_key;
use crate::{ErrorCode, Map, Obj, Value, View, literal};

/// Lists and maps within each other at most.
pub const JSON_DEPTH_MAX: usize = 64;
/// The largest whole number up to which every JSON library tells it from its neighbours (RFC 8259, section 6).
const SAFE_INTEGER_MAX: i64 = 1 << 53;

/// Why JSON is no value of the world.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonError {
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    #[error("it nests deeper than {JSON_DEPTH_MAX}")]
    TooDeep,
    /// A number that is neither 64 bits whole nor finite.
    #[error("{0} is too large a number")]
    Number(String),
    /// A field that begins with `$` and is none of the forms of the table, or has a value that the form does not take.
    #[error("`{0}` is a form of a value that does not exist or does not take this")]
    Form(String),
    /// Two keys that a map of the world takes for the same.
    #[error("the keys `{0}` and another one differ in case only, which is the same key to the world")]
    SameKey(String),
    /// A list or a map as a key.
    #[error("a list or a map cannot be a key")]
    Key,
}

/// The JSON of a value.
pub fn to_json(value: &Value) -> Json {
    written(value, 0)
}

fn written(value: &Value, depth: usize) -> Json {
    match value.view() {
        View::Int(n) if n.unsigned_abs() > SAFE_INTEGER_MAX as u64 => json!({ "$int": n.to_string() }),
        View::Int(n) => json!(n),
        View::Float(x) => json!(x),
        View::Str(text) => json!(text.as_str()),
        View::Obj(obj) => json!({ "$object": obj.to_string() }),
        View::Err(code) => json!({ "$error": code.name() }),
        View::List(_) | View::Map(_) if depth == JSON_DEPTH_MAX => as_literal(value),
        View::List(items) => items.iter().map(|item| written(item, depth + 1)).collect(),
        View::Map(map) => written_map(map, depth + 1),
        _ => as_literal(value),
    }
}

fn as_literal(value: &Value) -> Json {
    json!({ "$literal": literal::to_literal(value) })
}

fn written_map(map: &Map, depth: usize) -> Json {
    let is_plain = |key: &Value| key.as_str().is_some_and(|key| !key.starts_with('$'));
    if map.iter().all(|(key, _)| is_plain(key)) {
        let fields = map.iter().filter_map(|(key, value)| {
            let key = key.as_str()?;
            Some((key.to_owned(), written(value, depth)))
        });
        return Json::Object(fields.collect());
    }
    let pairs = map
        .iter()
        .map(|(key, value)| json!([written(key, depth), written(value, depth)]));
    json!({ "$map": pairs.collect::<Json>() })
}

/// The value that JSON stands for. `true` and `false` are 1 and 0; `null` is `E_NONE`.
pub fn from_json(json: &Json) -> Result<Value, JsonError> {
    read(json, 0)
}

fn read(json: &Json, depth: usize) -> Result<Value, JsonError> {
    Ok(match json {
        Json::Array(_) | Json::Object(_) if depth == JSON_DEPTH_MAX => return Err(JsonError::TooDeep),
        Json::Null => Value::err(ErrorCode::None),
        Json::Bool(is) => Value::truth(*is),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(n), _) => Value::int(n),
            (None, Some(x)) if number.is_f64() && x.is_finite() => Value::float(x),
            _ => return Err(JsonError::Number(number.to_string())),
        },
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::list(
            items
                .iter()
                .map(|item| read(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(fields) => match form_of(fields) {
            Some((name, inner)) => read_form(name, inner, depth + 1)?,
            None => read_map(fields, depth + 1)?,
        },
    })
}

/// The only field of an object that stands for something else than a map.
fn form_of(fields: &Fields<String, Json>) -> Option<(&str, &Json)> {
    let (name, inner) = fields.iter().next()?;
    (fields.len() == 1 && name.starts_with('$')).then_some((name, inner))
}

fn read_form(name: &str, inner: &Json, depth: usize) -> Result<Value, JsonError> {
    let text = inner.as_str();
    let value = match (name, text, inner.as_array()) {
        ("$int", Some(text), _) => text.parse().ok().map(Value::int),
        ("$object", Some(text), _) => object(text).map(Value::obj),
        ("$error", Some(text), _) => ErrorCode::from_name(text).map(Value::err),
        ("$map", _, Some(pairs)) => return read_pairs(pairs, depth),
        _ => None,
    };
    value.ok_or_else(|| JsonError::Form(name.to_owned()))
}

fn object(text: &str) -> Option<Obj> {
    let number = text.strip_prefix('#')?;
    number.parse().ok().map(Obj::numbered)
}

fn read_map(fields: &Fields<String, Json>, depth: usize) -> Result<Value, JsonError> {
    let mut map = Map::new();
    for (key, inner) in fields {
        if key.starts_with('$') {
            return Err(JsonError::Form(key.clone()));
        }
        insert(&mut map, Value::str(key), read(inner, depth)?)?;
    }
    Ok(Value::map(map))
}

fn read_pairs(pairs: &[Json], depth: usize) -> Result<Value, JsonError> {
    let mut map = Map::new();
    for pair in pairs {
        let Some([key, inner]) = pair.as_array().map(Vec::as_slice) else {
            return Err(JsonError::Form("$map".to_owned()));
        };
        insert(&mut map, read(key, depth)?, read(inner, depth)?)?;
    }
    Ok(Value::map(map))
}

fn insert(map: &mut Map, key: Value, value: Value) -> Result<(), JsonError> {
    if !is_key(&key) {
        return Err(JsonError::Key);
    }
    if map.get(&key).is_some() {
        return Err(JsonError::SameKey(literal::to_str(&key)));
    }
    map.insert(key, value);
    Ok(())
}

#[cfg(test)]
mod tests;
