//! What describes REST to programs: the OpenAPI document, and the JSON Schemas that it refers to.
//!
//! Invariant: the document is made from the table that requests are routed by, and the schemas are one text.

use super::answer::Refused;
use super::operations::{Does, Kind, OPERATIONS, Operation, Who};
use actix_web::http::header;
use actix_web::web::Path;
use actix_web::{HttpResponse, Responder};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// How one schema names another in the OpenAPI document.
const REFERENCE: &str = "#/components/schemas/";

/// What every request of a kind may be refused with.
const ALWAYS: [u16; 3] = [400, 429, 503];
/// Where a player is asked for.
const TO_STRANGERS: [u16; 2] = [401, 403];
/// Where there is a body.
const FOR_BODIES: [u16; 2] = [408, 413];

static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let schemas = serde_json::from_str(include_str!("schemas.json"));
    schemas.expect("the schemas are part of this program, and a test reads them")
});

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Serves the document.
pub async fn openapi() -> impl Responder {
    plain(DOCUMENT.clone())
}

/// Serves a schema.
pub async fn schema(name: Path<String>) -> HttpResponse {
    let name = name.into_inner();
    let Some(schema) = SCHEMAS.get(&name) else {
        return Refused::new("NOT_FOUND", "there is no schema of that name").respond();
    };
    let mut alone = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("/schemas/{name}.json"),
    });
    if let (Value::Object(alone), Value::Object(schema)) = (&mut alone, stand_alone(schema)) {
        alone.extend(schema);
    }
    plain(alone.to_string())
}

/// The same for everybody, from whatever page.
fn plain(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .body(text)
}

/// A schema whose references lead to the files that others have alone.
fn stand_alone(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let other = value.as_str().and_then(|text| text.strip_prefix(REFERENCE));
                let value = match other {
                    Some(other) if name == "$ref" => format!("/schemas/{other}.json").into(),
                    _ => stand_alone(value),
                };
                (name.clone(), value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(stand_alone).collect(),
        other => other.clone(),
    }
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        let method = operation.way.method().as_str().to_ascii_lowercase();
        path[method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Moothall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a program may ask of a Moothall server without a socket. The socket is described in docs/json.md.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "tags": [
            {"name": "players", "description": "Who one is, and what one was told."},
            {"name": "world", "description": "Objects, verbs, properties and programs."},
            {"name": "jobs", "description": "Work that is stored until it is done."},
            {"name": "hooks", "description": "What the world itself answers."},
        ],
        "paths": paths,
        "components": {
            "schemas": &*SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A player's token, or a session."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "sid", "description": "Over https `__Host-sid`."},
            },
        },
    })
}

fn described(operation: &Operation) -> Value {
    let mut said = json!({
        "operationId": operation.id,
        "summary": operation.says,
        "tags": [tag(operation)],
        "responses": responses(operation),
    });
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        said["parameters"] = parameters.into();
    }
    if operation.who == Who::Anybody {
        said["security"] = json!([]);
    }
    if let Some(schema) = operation.takes {
        said["requestBody"] = json!({"required": true, "content": content(schema)});
    }
    said
}

fn tag(operation: &Operation) -> &'static str {
    match operation.does {
        Does::Hook => "hooks",
        Does::Jobs(_) => "jobs",
        Does::Message("Sessions") => "players",
        Does::Object | Does::Message(_) | Does::Typed => "world",
        _ => "players",
    }
}

fn content(schema: &str) -> Value {
    json!({"application/json": {"schema": {"$ref": format!("{REFERENCE}{schema}")}}})
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let mut done = json!({"description": "It is done."});
    let is_hook = operation.does == Does::Hook;
    match operation.gives {
        Some(schema) => done["content"] = content(schema),
        // The world says what it is.
        None if is_hook => done["content"] = json!({"*/*": {"schema": {"type": "string"}}}),
        None => {}
    }
    let status = match operation.gives {
        // What it comes to is told to the world, not to whoever asked.
        _ if operation.does == Does::Typed => "202",
        None if !is_hook => "204",
        _ => "200",
    };
    responses.insert(status.into(), done);
    if operation.may_go_on() {
        let mut goes_on = json!({"description": "A program of the world goes on with it, as a task."});
        if !is_hook {
            goes_on["content"] = content("Task");
        }
        responses.insert("202".into(), goes_on);
    }
    if operation.is_tagged() {
        let same = json!({"description": "It is still what the asker has."});
        responses.insert("304".into(), same);
    }
    if is_hook {
        let other = json!({"description": "Whatever the world says, or a refusal."});
        responses.insert("default".into(), other);
        return Value::Object(responses);
    }
    let mut refused: Vec<u16> = ALWAYS.to_vec();
    if operation.who == Who::Player || operation.changes_browser() {
        refused.extend(TO_STRANGERS);
    }
    if operation.body_max > 0 {
        refused.extend(FOR_BODIES);
    }
    refused.extend(operation.refused);
    for status in refused {
        let refusal = json!({"description": "A refusal.", "content": content("Error")});
        responses.insert(status.to_string(), refusal);
    }
    Value::Object(responses)
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in operation.path.split('/') {
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        if let Some(name) = name {
            parameters.push(json!({
                "name": name,
                "in": "path",
                "required": true,
                "description": field_says(name),
                "schema": {"type": "string"},
            }));
        }
    }
    for parameter in operation.query {
        let schema = match parameter.kind {
            Kind::Text => json!({"type": "string"}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Number => json!({"type": "integer", "minimum": 0}),
        };
        parameters.push(json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.says,
            "schema": schema,
        }));
    }
    let header = |name: &str, says: &str| json!({"name": name, "in": "header", "description": says, "schema": {"type": "string"}});
    if operation.is_tagged() {
        parameters.push(header("If-None-Match", "The ETag of what the asker has."));
    }
    if operation.is_saving() {
        parameters.push(header("If-Match", "The ETag of what is to be replaced."));
    }
    parameters
}

/// What a field of a path is.
fn field_says(name: &str) -> &'static str {
    match name {
        "object" => "`#97` (write `%2397`), `$room`, or as the player would call it: `me`, `here`, `lamp`.",
        "verb" => "One of the verb's names.",
        "property" => "The property's name.",
        "id" => "The job's id.",
        _ => "What the world knows the hook by.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(Value::as_str);
                found.extend(
                    reference
                        .and_then(|text| text.strip_prefix(REFERENCE))
                        .map(str::to_owned),
                );
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_schema_that_is_named_exists_and_every_one_that_exists_is_named() {
        let mut named = Vec::new();
        references(&document(), &mut named);
        for name in &named {
            assert!(SCHEMAS.contains_key(name), "{name} is no schema");
        }
        for name in SCHEMAS.keys() {
            assert!(named.contains(name), "nobody needs {name}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_paths_stand_together() {
        for (at, operation) in OPERATIONS.iter().enumerate() {
            let rest = &OPERATIONS[at + 1..];
            assert!(
                rest.iter().all(|other| other.id != operation.id),
                "{}",
                operation.id
            );
            let same = |other: &&Operation| (other.path, other.way) == (operation.path, operation.way);
            assert!(!rest.iter().any(|other| same(&other)), "{}", operation.id);
        }
    }
}
