//! Reading what clients send as JSON: fields with their types and bounds, and what to say where they are wrong.
//!
//! Invariant: nothing is read that is longer or deeper than its bound, and what is wrong is named with its field.

use crate::limits::{JSON_DEPTH_MAX, JSON_NAME_MAX};
use crate::protocol::client::ObjectRef;
use crate::protocol::event::StreamPos;
use crate::protocol::{WireObj, WireValue};
use moo_model::Obj;
use serde_json::{Map, Value};

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The code, for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

/// A message that is not what it should be.
pub fn invalid(message: impl Into<String>) -> Malformed {
    Malformed {
        code: "INVALID_MESSAGE",
        message: message.into(),
    }
}

/// Reads a text as one JSON object.
pub fn object(text: &str) -> Result<Map<String, Value>, Malformed> {
    if is_deep(text) {
        return Err(Malformed {
            code: "TOO_DEEP",
            message: format!("lists and objects may be nested {JSON_DEPTH_MAX} deep"),
        });
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(invalid("a message is a JSON object")),
        Err(error) => Err(Malformed {
            code: "BAD_JSON",
            message: format!("not JSON: {error}"),
        }),
    }
}

/// Whether lists and objects are nested too deep, as far as that can be seen before it is known to be JSON.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return true;
        }
    }
    false
}

/// The fields of an object, each taken out once.
#[derive(Clone, Debug)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// A field; `null` is as good as none.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A string that must be there.
    pub fn text(&mut self, name: &str) -> Result<String, Malformed> {
        self.text_if(name)?
            .ok_or_else(|| invalid(format!("`{name}` is missing")))
    }

    /// A string that may be there.
    pub fn text_if(&mut self, name: &str) -> Result<Option<String>, Malformed> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(format!("`{name}` is a string"))),
        }
    }

    /// A name: a string that is not empty, and not long.
    pub fn name(&mut self, name: &str) -> Result<String, Malformed> {
        let text = self.text(name)?;
        match (1..=JSON_NAME_MAX).contains(&text.len()) {
            true => Ok(text),
            false => Err(invalid(format!("`{name}` has 1 to {JSON_NAME_MAX} bytes"))),
        }
    }

    /// A truth value; false where there is none.
    pub fn flag(&mut self, name: &str) -> Result<bool, Malformed> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(is)) => Ok(is),
            Some(_) => Err(invalid(format!("`{name}` is true or false"))),
        }
    }

    /// A whole number from 0 on that may be there.
    pub fn number_if(&mut self, name: &str) -> Result<Option<u64>, Malformed> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| invalid(format!("`{name}` is a whole number, 0 or more"))),
        }
    }

    /// A list; an empty one where there is none.
    pub fn list(&mut self, name: &str) -> Result<Vec<Value>, Malformed> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(invalid(format!("`{name}` is a list"))),
        }
    }

    /// A list of strings that must be there.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Malformed> {
        let wrong = || invalid(format!("`{name}` is a list of strings"));
        let items = match self.take(name) {
            Some(Value::Array(items)) => items,
            _ => return Err(wrong()),
        };
        let text = |item| match item {
            Value::String(text) => Ok(text),
            _ => Err(wrong()),
        };
        items.into_iter().map(text).collect()
    }

    /// An object that must be there.
    pub fn fields(&mut self, name: &str) -> Result<Fields, Malformed> {
        match self.take(name) {
            Some(Value::Object(fields)) => Ok(Fields(fields)),
            Some(_) => Err(invalid(format!("`{name}` is an object"))),
            None => Err(invalid(format!("`{name}` is missing"))),
        }
    }

    /// A place in a stream that may be there.
    pub fn pos_if(&mut self, name: &str) -> Result<Option<StreamPos>, Malformed> {
        if self.0.get(name).is_none_or(Value::is_null) {
            return Ok(None);
        }
        let mut fields = self.fields(name)?;
        let wrong = || invalid(format!("`{name}` has `era` and `seq`, whole numbers"));
        let era = fields.number_if("era")?.ok_or_else(wrong)?;
        let seq = fields.number_if("seq")?.ok_or_else(wrong)?;
        let era = u32::try_from(era).map_err(|_| wrong())?;
        Ok(Some(StreamPos { era, seq }))
    }

    /// An object of the world, as it is written.
    pub fn object(&mut self, name: &str) -> Result<ObjectRef, Malformed> {
        self.name(name).map(|text| object_ref(&text))
    }

    /// A value of the world, in JSON.
    pub fn value(&mut self, name: &str) -> Result<WireValue, Malformed> {
        let value = self
            .0
            .remove(name)
            .ok_or_else(|| invalid(format!("`{name}` is missing")))?;
        world_value(&value).map_err(|why| invalid(format!("`{name}`: {why}")))
    }
}

/// A value of the world.
pub fn world_value(value: &Value) -> Result<WireValue, String> {
    moo_model::json::from_json(value)
        .map(|value| WireValue::new(&value))
        .map_err(|error| error.to_string())
}

/// An object as it is written: a number, a path from the system object, or what a player calls it.
pub fn object_ref(text: &str) -> ObjectRef {
    if let Some(number) = text.strip_prefix('#').and_then(|rest| rest.parse().ok()) {
        return ObjectRef::Number(WireObj(number));
    }
    match text.strip_prefix('$').filter(|path| !path.is_empty()) {
        Some(path) => ObjectRef::System(path.split('.').map(str::to_owned).collect()),
        None => ObjectRef::Match(text.to_owned()),
    }
}

/// An object as it is written by its number.
pub fn object_text(object: WireObj) -> String {
    Obj::from(object).to_string()
}

/// What a value of the world is in JSON; `null` if it cannot be read, which is a fault of the daemon's.
pub fn json_value(value: &WireValue) -> Value {
    value
        .open()
        .map_or(Value::Null, |value| moo_model::json::to_json(&value))
}

/// What a value of the world is in the language, so that the same value can be read back.
pub fn literal(value: &WireValue) -> String {
    let literal = |value| moo_model::literal::to_source(&value);
    value.open().map_or_else(|_| String::new(), literal)
}

/// A position in JSON.
pub fn pos_value(pos: StreamPos) -> Value {
    serde_json::json!({"era": pos.era, "seq": pos.seq})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json_and_what_is_too_deep() {
        let code = |text: &str| object(text).expect_err("it is wrong").code;
        assert_eq!(code("[1]"), "INVALID_MESSAGE");
        assert_eq!(code("{"), "BAD_JSON");
        assert_eq!(code("{\"a\":1} x"), "BAD_JSON");
        assert_eq!(code(&"[".repeat(100_000)), "TOO_DEEP");
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(&nested(JSON_DEPTH_MAX - 1)).is_ok());
        assert_eq!(code(&nested(JSON_DEPTH_MAX)), "TOO_DEEP");
        assert!(object(&format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(200))).is_ok());
    }

    #[test]
    fn objects_are_written_in_three_ways() {
        assert_eq!(object_ref("#97"), ObjectRef::Number(WireObj(97)));
        assert_eq!(object_ref("#-1"), ObjectRef::Number(WireObj(-1)));
        assert_eq!(
            object_ref("$a.b"),
            ObjectRef::System(vec!["a".to_owned(), "b".to_owned()])
        );
        for name in ["lamp", "#x", "$"] {
            assert_eq!(object_ref(name), ObjectRef::Match(name.to_owned()));
        }
    }
}
