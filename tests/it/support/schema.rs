//! Holding JSON against JSON Schemas, as far as ours go: a word of theirs that is not known here is a failure.

use serde_json::{Map, Value as Json};

/// Schemas that name each other.
pub struct Schemas(Json);

impl Schemas {
    pub fn new(all: Json) -> Schemas {
        Schemas(all)
    }

    /// Whether a value is what a schema says; if not, why.
    pub fn check(&self, schema: &Json, value: &Json) -> Result<(), String> {
        let words = schema.as_object().ok_or("a schema is an object")?;
        words.iter().try_for_each(|(word, says)| {
            let holds = self.word(words, word, says, value)?;
            let why = || format!("{value} is not {word} {says}");
            holds.then_some(()).ok_or_else(why)
        })
    }

    fn word(&self, words: &Map<String, Json>, word: &str, says: &Json, value: &Json) -> Result<bool, String> {
        Ok(match word {
            "description" => true,
            "$ref" => {
                let name = says
                    .as_str()
                    .and_then(|name| name.rsplit('/').next())
                    .unwrap_or_default();
                let named = self
                    .0
                    .get(name)
                    .ok_or_else(|| format!("there is no schema {name}"))?;
                self.check(named, value)?;
                true
            }
            "type" => match says {
                Json::Array(all) => all.iter().any(|one| is_a(one, value)),
                one => is_a(one, value),
            },
            "const" => says == value,
            "enum" => says.as_array().is_some_and(|all| all.contains(value)),
            "not" => self.check(says, value).is_err(),
            "anyOf" => items(says).iter().any(|one| self.check(one, value).is_ok()),
            "allOf" => items(says)
                .iter()
                .try_for_each(|one| self.check(one, value))
                .is_ok(),
            "required" => items(says)
                .iter()
                .all(|name| value.get(name.as_str().unwrap_or_default()).is_some()),
            "properties" => {
                let all = says.as_object().ok_or("properties are an object")?;
                for (name, schema) in all {
                    value
                        .get(name)
                        .map_or(Ok(()), |value| self.check(schema, value))?;
                }
                true
            }
            "additionalProperties" => {
                let known = words.get("properties").and_then(Json::as_object);
                let others = value.as_object().into_iter().flatten();
                let mut others =
                    others.filter(|(name, _)| !known.is_some_and(|known| known.contains_key(*name)));
                match says {
                    Json::Bool(may) => *may || others.next().is_none(),
                    schema => others
                        .try_for_each(|(_, value)| self.check(schema, value))
                        .is_ok(),
                }
            }
            "items" => items(value)
                .iter()
                .try_for_each(|item| self.check(says, item))
                .map(|()| true)?,
            "minItems" => items(value).len() as u64 >= number(says),
            "maxItems" => items(value).len() as u64 <= number(says),
            "minLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 >= number(says)),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 <= number(says)),
            "minimum" => value.as_f64().is_none_or(|value| value >= number(says) as f64),
            // The one that we have: an object of the world.
            "pattern" if says == "^#-?[0-9]+$" => value.as_str().is_none_or(|text| {
                text.strip_prefix('#')
                    .is_some_and(|number| number.parse::<i64>().is_ok())
            }),
            other => return Err(format!("nobody here knows the word `{other}`")),
        })
    }
}

fn is_a(kind: &Json, value: &Json) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn items(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Json) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[test]
fn a_schema_is_believed_only_as_far_as_it_is_understood() {
    use serde_json::json;
    let schemas = Schemas::new(json!({"Name": {"type": "string", "minLength": 1}}));
    let schema = json!({"type": "object", "properties": {"name": {"$ref": "#/components/schemas/Name"}}, "required": ["name"], "additionalProperties": false});
    let check = |value| schemas.check(&schema, &value);
    assert_eq!(check(json!({"name": "Ann"})), Ok(()));
    for wrong in [
        json!({}),
        json!({"name": ""}),
        json!({"name": 1}),
        json!({"name": "a", "b": 1}),
        json!([]),
    ] {
        assert!(check(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(schemas.check(&json!({"multipleOf": 2}), &json!(4)).is_err());
}
