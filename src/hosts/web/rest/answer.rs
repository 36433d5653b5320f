//! Answers, and the one form of all refusals.
//!
//! Invariant: the status of a refusal follows from its code, by the table of errors.

use super::super::json::Malformed;
use super::super::session::answer::error_value;
use crate::hosts::link::NoAnswer;
use crate::protocol::surface::{Row, SURFACE};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::{Map, Value, json};

/// The codes that the web host itself refuses with, beside those of the table of errors, and their status.
const OWN: [(&str, u16); 6] = [
    ("BAD_JSON", 400),
    ("TOO_DEEP", 400),
    ("INVALID_MESSAGE", 400),
    ("FOREIGN_ORIGIN", 403),
    ("METHOD_NOT_ALLOWED", 405),
    ("REQUEST_TOO_SLOW", 408),
];

/// Seconds after which somebody is told to try again where nothing else says so.
const RETRY_AFTER_S: u64 = 1;

/// A refusal: an object with `code`, `message` and `retryable`.
#[derive(Debug)]
pub struct Refused(Map<String, Value>);

impl Refused {
    /// A refusal of the web host's own.
    pub fn new(code: &str, message: &str) -> Refused {
        Refused::of(json!({"code": code, "message": message, "retryable": false}))
    }

    /// An error as the socket tells it.
    pub fn of(error: Value) -> Refused {
        let mut fields = match error {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.remove("type");
        Refused(fields)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether what was shown is no token, or one that does not hold.
    pub fn is_bad_token(&self) -> bool {
        self.text("code") == SURFACE[Row::ProofInvalid as usize].code
    }

    /// What to say differently to somebody whom the world itself has told why.
    pub fn with_message(mut self, message: Option<String>) -> Refused {
        if let Some(message) = message {
            self.0.insert("message".into(), message.into());
        }
        self
    }

    /// The refusal as an answer.
    pub fn respond(self) -> HttpResponse {
        let status = status_of(self.text("code"));
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            let wait = self.0.get("retry_after_ms").and_then(Value::as_u64);
            let seconds = wait.map_or(RETRY_AFTER_S, |wait| wait.div_ceil(1_000));
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        finish(&mut response, Value::Object(self.0))
    }
}

impl From<NoAnswer> for Refused {
    fn from(error: NoAnswer) -> Refused {
        Refused::of(error_value(&error))
    }
}

impl From<Malformed> for Refused {
    fn from(error: Malformed) -> Refused {
        Refused::new(error.code, &error.message)
    }
}

/// The status that goes with a code. One that is in no table is a fault of ours.
fn status_of(code: &str) -> StatusCode {
    let known = SURFACE
        .iter()
        .find(|surface| surface.code == code)
        .map(|surface| surface.http);
    let own = || {
        OWN.iter()
            .find(|(own, _)| *own == code)
            .map(|(_, status)| *status)
    };
    let status = known
        .or_else(own)
        .and_then(|status| StatusCode::from_u16(status).ok());
    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What the socket would be told, as an answer: a refusal, a task that goes on, or what was asked for. `known` is the tag
/// that the asker has, if it wants nothing else than what is newer.
pub fn respond(said: Map<String, Value>, known: Option<&str>) -> Result<HttpResponse, Refused> {
    let mut said = said;
    match said.remove("type") {
        Some(msg_type) if msg_type == "Error" => return Err(Refused(said)),
        Some(msg_type) if msg_type == "Ok" && said.contains_key("task") => {
            return Ok(finish(&mut HttpResponse::Accepted(), Value::Object(said)));
        }
        _ => {}
    }
    let tag = said.get("etag").and_then(Value::as_str).map(str::to_owned);
    let is_known = tag.is_some() && tag.as_deref() == known;
    let mut response = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    if let Some(tag) = tag {
        response.insert_header((header::ETAG, format!("\"{tag}\"")));
    }
    Ok(match is_known {
        true => response.finish(),
        false => finish(&mut response, Value::Object(said)),
    })
}

/// An answer with a body. What one player is told is nobody else's, and may be another thing the next time.
pub fn finish(response: &mut HttpResponseBuilder, body: Value) -> HttpResponse {
    response
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_status() {
        assert_eq!(status_of("CHANGED"), StatusCode::PRECONDITION_FAILED);
        assert_eq!(status_of("SESSION_INVALID"), StatusCode::UNAUTHORIZED);
        assert_eq!(status_of("BAD_JSON"), StatusCode::BAD_REQUEST);
        assert_eq!(status_of("no such code"), StatusCode::INTERNAL_SERVER_ERROR);
        for (own, _) in OWN {
            assert!(SURFACE.iter().all(|surface| surface.code != own), "{own}");
        }
    }

    #[test]
    fn who_is_to_wait_is_told_how_long() {
        let busy = json!({"type": "Error", "code": "BUSY", "message": "later", "retryable": true, "retry_after_ms": 1_500});
        let response = Refused::of(busy).respond();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers().get(header::RETRY_AFTER).expect("a time"), "2");
    }

    #[test]
    fn whoever_has_the_newest_is_told_no_more_than_that() {
        let said = || {
            let said = json!({"type": "Verb", "code": [], "etag": "5f1c"});
            said.as_object().cloned().expect("an object")
        };
        let newer = respond(said(), Some("77aa")).expect("an answer");
        assert_eq!(newer.status(), StatusCode::OK);
        assert_eq!(newer.headers().get(header::ETAG).expect("a tag"), "\"5f1c\"");
        let same = respond(said(), Some("5f1c")).expect("an answer");
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    }
}
