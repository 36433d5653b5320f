//! Requests that the world itself answers, from anybody.
//!
//! Invariant: what proves who somebody is does not reach the world, and nothing that the world answers is run in a page of
//! ours.

use super::super::json::{json_value, literal};
use super::super::link::ask_for;
use super::answer::Refused;
use super::call::Call;
use crate::hosts::link::NoAnswer;
use crate::limits::HOOK_HEADERS_MAX;
use crate::protocol::WireValue;
use crate::protocol::client::{Auth, DaemonToClientReply as Reply, HostClientToDaemonMessage as Message};
use crate::protocol::error::{RpcError, RpcMessageError};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use moo_model::{Map, Value as Moo};
use serde_json::Value;

/// What proves who somebody is.
const SECRETS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-forwarded-for",
];

/// What the world may say in an answer's head. It sets no cookies, and sends nobody elsewhere unseen.
const ALLOWED: [&str; 8] = [
    "cache-control",
    "content-language",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "x-robots-tag",
];

/// A page of the world's is alone: it runs nothing, loads nothing, and is of no origin.
const POLICY: &str = "default-src 'none'; sandbox";

/// Asks the world.
pub async fn serve(mut call: Call) -> Result<HttpResponse, Refused> {
    let path = call.fields.text_if("path")?.unwrap_or_default();
    let body = String::from_utf8(call.body)
        .map_err(|_| Refused::new("INVALID_MESSAGE", "the world takes texts alone, in UTF-8"))?;
    let args = [
        Moo::str(call.request.method().as_str()),
        Moo::string(path),
        Moo::str(call.request.query_string()),
        Moo::map(headers(&call.request)),
        Moo::string(body),
    ];
    let message = Message::InvokeSystemHandler {
        handler_type: "http".to_owned(),
        args: args.iter().map(WireValue::new).collect(),
    };
    match ask_for(&call.shared, Auth::None, message).await? {
        Reply::SystemHandler(Ok(value)) => Ok(told(&value)),
        Reply::SystemHandler(Err(error)) => {
            // Whatever went wrong in there is for its programmers, and not for whoever passes by.
            let error = NoAnswer::Refused(RpcMessageError::TaskError(error));
            let mut said = super::super::session::answer::error_value(&error);
            if let Value::Object(fields) = &mut said {
                fields.retain(|name, _| ["code", "message", "retryable"].contains(&name.as_str()));
            }
            Err(Refused::of(said))
        }
        Reply::TaskSubmitted { .. } => Ok(HttpResponse::Accepted().finish()),
        _ => Err(NoAnswer::Failed(RpcError::UnexpectedReply("it is for no handler".into())).into()),
    }
}

fn headers(request: &HttpRequest) -> Map {
    let mut map = Map::new();
    let given = request.headers().iter().take(HOOK_HEADERS_MAX);
    for (name, value) in given {
        if let Ok(text) = value.to_str()
            && !SECRETS.contains(&name.as_str())
        {
            map.insert(Moo::str(name.as_str()), Moo::str(text));
        }
    }
    map
}

/// What the world has answered: a text, or a map with `status`, `headers` and `body`.
fn told(value: &WireValue) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("content-security-policy", POLICY));
    let Value::Object(fields) = json_value(value) else {
        response.content_type("text/plain; charset=utf-8");
        return response.body(body_of(value));
    };
    let status = fields.get("status").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    // 1xx would not end the request.
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    response.status(
        status
            .filter(|status| status.as_u16() >= 200)
            .unwrap_or(StatusCode::OK),
    );
    response.content_type("text/plain; charset=utf-8");
    if let Some(Value::Object(headers)) = fields.get("headers") {
        for (name, value) in headers {
            allow(&mut response, name, value);
        }
    }
    // Such an answer ends with its head; a body would be read as the next one.
    let is_head_alone = [204, 205, 304].contains(&status.map_or(200, |status| status.as_u16()));
    match fields.get("body").filter(|_| !is_head_alone) {
        None | Some(Value::Null) => response.finish(),
        Some(Value::String(body)) => response.body(body.clone()),
        Some(other) => response.body(other.to_string()),
    }
}

fn allow(response: &mut HttpResponseBuilder, name: &str, value: &Value) {
    let name = name.to_ascii_lowercase();
    let (Some(text), true) = (value.as_str(), ALLOWED.contains(&name.as_str())) else {
        return;
    };
    // A page of ours may load scripts and styles from here, so the world serves none.
    let runs = ["script", "css", "wasm"]
        .iter()
        .any(|kind| text.to_ascii_lowercase().contains(kind));
    if name == "content-type" && runs {
        return;
    }
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(text)) {
        response.insert_header((name, value));
    }
}

fn body_of(value: &WireValue) -> String {
    match json_value(value) {
        Value::String(text) => text,
        _ => literal(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};

    #[test]
    fn the_world_serves_nothing_that_a_page_of_ours_could_run_and_no_cookies() {
        let answered = |name: &str, value: &str| {
            let mut response = HttpResponse::Ok();
            allow(&mut response, name, &value.into());
            response.finish()
        };
        let runs = [
            "text/javascript",
            "Application/ECMAScript; charset=utf-8",
            "text/CSS",
            "application/wasm",
        ];
        for kind in runs {
            let head = answered("Content-Type", kind);
            assert_eq!(head.headers().get(CONTENT_TYPE), None, "{kind}");
        }
        let page = answered("Content-Type", "text/html");
        assert_eq!(
            page.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes),
            Some(b"text/html".as_slice())
        );
        assert!(answered("Location", "/").headers().contains_key(LOCATION));
        assert!(!answered("Set-Cookie", "sid=x").headers().contains_key(SET_COOKIE));
        assert!(
            !answered("Location", "/\r\nset-cookie: sid=x")
                .headers()
                .contains_key(LOCATION)
        );
    }
}
