//! One request, read: by what right it is made, and its fields, whether they came in path, query or body.
//!
//! Invariant: what is read is within its operation's bounds, and a field of the path is that, whatever the body says.

use super::super::WebShared;
use super::super::json::{Fields, invalid, object};
use super::super::link::right_of;
use super::super::websocket::upgrade::is_allowed;
use super::answer::Refused;
use super::cookie;
use super::operations::{Kind, Operation, Who};
use crate::limits::{REST_PATIENCE, WEB_QUERY_FIELDS_MAX};
use crate::protocol::client::Auth;
use actix_web::http::header;
use actix_web::web::{Path, Payload, Query};
use actix_web::{FromRequest, HttpRequest};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::timeout;

/// A request.
pub struct Call {
    /// What the host shares.
    pub shared: Arc<WebShared>,
    /// Its row.
    pub operation: &'static Operation,
    /// By what right it is made.
    pub auth: Auth,
    /// Its fields.
    pub fields: Fields,
    /// Its body, where that is nobody's business here.
    pub body: Vec<u8>,
    /// The rest.
    pub request: HttpRequest,
}

impl Call {
    /// Reads a request.
    pub async fn read(
        operation: &'static Operation,
        request: HttpRequest,
        body: Payload,
        shared: Arc<WebShared>,
    ) -> Result<Call, Refused> {
        let auth = match operation.who {
            Who::Player => player(&request, &shared)?,
            Who::Anybody if operation.changes_browser() && !is_allowed(&request, &shared) => {
                return Err(foreign());
            }
            Who::Anybody => Auth::None,
        };
        let body = read_body(body, operation.body_max).await?;
        let mut fields = Map::new();
        if operation.takes.is_some() {
            let text = std::str::from_utf8(&body)
                .map_err(|_| Refused::new("BAD_JSON", "not JSON: it is not UTF-8"))?;
            fields = object(text)?;
        }
        for (name, value) in query(operation, &request)? {
            fields.insert(name, value);
        }
        for (name, value) in path(&request).await? {
            fields.insert(name.to_owned(), Value::String(value));
        }
        if let Some(tag) = tag(&request, header::IF_MATCH)? {
            fields.insert("if_match".into(), tag.into());
        }
        Ok(Call {
            shared,
            operation,
            auth,
            fields: Fields(fields),
            body,
            request,
        })
    }

    /// The tag of what the asker has already.
    pub fn known(&self) -> Option<String> {
        // Whoever names one that cannot be read is told everything.
        tag(&self.request, header::IF_NONE_MATCH).ok().flatten()
    }
}

/// By what right a request is made that needs one: what it shows itself, or the browser's cookie.
fn player(request: &HttpRequest, shared: &WebShared) -> Result<Auth, Refused> {
    if let Some(shown) = request.headers().get(header::AUTHORIZATION) {
        let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
        let token = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| nobody("the Authorization is `Bearer` and a token"))?;
        return Ok(right_of(token.trim().to_owned()));
    }
    let token = cookie::token(request).ok_or_else(|| nobody("log in first: POST /v1/login"))?;
    // Browsers send the cookie along whatever page asks, and say which page that is.
    if !request.method().is_safe() {
        let says = request.headers().contains_key(header::ORIGIN);
        if !(says && is_allowed(request, shared)) {
            return Err(foreign());
        }
    }
    Ok(right_of(token))
}

fn nobody(words: &str) -> Refused {
    Refused::new("SESSION_INVALID", words)
}

fn foreign() -> Refused {
    Refused::new("FOREIGN_ORIGIN", "this page may not ask for that")
}

async fn read_body(body: Payload, bytes_max: usize) -> Result<Vec<u8>, Refused> {
    match timeout(REST_PATIENCE, body.to_bytes_limited(bytes_max)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes.to_vec()),
        Ok(Ok(Err(error))) => Err(Refused::new(
            "INVALID_MESSAGE",
            &format!("the body cannot be read: {error}"),
        )),
        Ok(Err(_)) => {
            let words = format!("the body is larger than {bytes_max} bytes");
            Err(Refused::new("TOO_LARGE", &words))
        }
        Err(_) => Err(Refused::new("REQUEST_TOO_SLOW", "the body did not come in time")),
    }
}

fn query(operation: &Operation, request: &HttpRequest) -> Result<Vec<(String, Value)>, Refused> {
    if operation.query.is_empty() {
        return Ok(Vec::new());
    }
    let given = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let given = given
        .map_err(|error| invalid(format!("the query cannot be read: {error}")))?
        .into_inner();
    if given.len() > WEB_QUERY_FIELDS_MAX {
        return Err(invalid("the query has too many fields").into());
    }
    let mut fields = Vec::new();
    for (name, text) in given {
        let Some(parameter) = operation.query.iter().find(|parameter| parameter.name == name) else {
            continue;
        };
        let value = match parameter.kind {
            Kind::Text => Some(Value::String(text)),
            Kind::Flag => text.parse().ok().map(Value::Bool),
            Kind::Number => text.parse().ok().map(|number: u64| Value::Number(number.into())),
        };
        let value = value.ok_or_else(|| invalid(format!("`{name}` is {}", parameter.kind.words())))?;
        fields.push((name, value));
    }
    Ok(fields)
}

/// The fields that paths have.
#[derive(Deserialize)]
struct InPath {
    object: Option<String>,
    verb: Option<String>,
    property: Option<String>,
    id: Option<String>,
    path: Option<String>,
}

async fn path(request: &HttpRequest) -> Result<Vec<(&'static str, String)>, Refused> {
    let path = Path::<InPath>::extract(request).await;
    let path = path.map_err(|error| invalid(format!("the path cannot be read: {error}")))?;
    let InPath {
        object,
        verb,
        property,
        id,
        path,
    } = path.into_inner();
    let fields = [
        ("object", object),
        ("verb", verb),
        ("property", property),
        ("id", id),
        ("path", path),
    ];
    let given = fields.into_iter().filter_map(|(name, text)| Some((name, text?)));
    Ok(given.collect())
}

/// The tag in a header; `*` is none.
fn tag(request: &HttpRequest, name: header::HeaderName) -> Result<Option<String>, Refused> {
    let Some(given) = request.headers().get(&name) else {
        return Ok(None);
    };
    let tag = given
        .to_str()
        .map_err(|_| invalid(format!("`{name}` is a tag")))?;
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    Ok((tag != "*").then(|| tag.to_owned()))
}
