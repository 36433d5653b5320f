//! What REST refuses, and how it says so: malformed requests, too many of them, and proofs that do not hold.

use crate::rest::character;
use crate::support::DEADLINE;
use crate::support::rest::{Asked, Rest};
use crate::support::server::{Options, Server};
use crate::support::web::request;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn what_is_malformed_too_large_or_nowhere_is_refused_in_one_form() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let ann = character(&mut rest, "Ann");
    let token = Some(ann.as_str());
    let mut post = |body: &str| rest.send("POST", "/v1/eval", token, body, &[]);
    let deep = format!("{{\"expression\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let large = format!("{{\"expression\":\"{}\"}}", "x".repeat(70_000));
    let all: [(&str, u16, &str); 7] = [
        ("", 400, "BAD_JSON"),
        ("{", 400, "BAD_JSON"),
        ("[]", 400, "INVALID_MESSAGE"),
        ("{}", 400, "INVALID_MESSAGE"),
        ("{\"expression\":1}", 400, "INVALID_MESSAGE"),
        (&deep, 400, "TOO_DEEP"),
        (&large, 413, "TOO_LARGE"),
    ];
    for (body, status, code) in all {
        let refused = post(body);
        assert_eq!((refused.status, refused.code()), (status, code), "{refused:?}");
    }
    assert_eq!(post("{\"expression\":\"1\"}").code(), "PERMISSION_DENIED");
    let page = request(server.web(), "GET /v1/nowhere", "");
    assert!(
        page.status == 404 && page.body.contains("\"NOT_FOUND\""),
        "{page:?}"
    );
    let page = request(server.web(), "DELETE /v1/me", "");
    assert!(
        page.status == 405 && page.headers.contains("allow: get"),
        "{page:?}"
    );
    let odd = rest.get("/v1/objects/me/verbs?inherited=perhaps", token);
    assert_eq!(odd.code(), "INVALID_MESSAGE", "{odd:?}");
    let page = request(server.web(), "GET /schemas/GameAction.json", "");
    let schema: Json = serde_json::from_str(&page.body).expect("JSON");
    assert_eq!(schema["properties"]["type"]["const"], "GameAction", "{schema}");
    assert_eq!(schema["properties"]["from"]["$ref"], "/schemas/Sender.json");
    assert_eq!(request(server.web(), "GET /schemas/Nothing.json", "").status, 404);
}

#[test]
fn who_tries_too_often_is_told_to_wait() {
    let server = Server::start(Options::web().with("MOOTHALL_WEB_LOGINS_PER_MINUTE_MAX", 3));
    let mut rest = Rest::new(server.web());
    let mut attempt = || rest.post("/v1/login", None, json!({"name": "Ann", "password": "guess"}));
    for _ in 0..3 {
        assert_eq!(attempt().code(), "LOGIN_FAILED");
    }
    let refused: Asked = attempt();
    assert_eq!((refused.status, refused.code()), (429, "BUSY"), "{refused:?}");
    assert!(refused.headers.contains("retry-after: "), "{refused:?}");
}

#[test]
fn bad_tokens_are_refused_where_they_come_from_and_lock_out_nobody_else() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let ann = character(&mut rest, "Ann");
    let mut show = |token: &str, from: &str| {
        let asked = rest.ask("GET", "/v1/me", Some(token), None, &[("x-forwarded-for", from)]);
        (asked.status, asked.code().to_owned())
    };
    for _ in 0..20 {
        assert_eq!(
            show("v4.public.forged", "192.0.2.1"),
            (401, "TOKEN_INVALID".into())
        );
    }
    for _ in 0..5 {
        assert_eq!(show("v4.public.forged", "192.0.2.1"), (429, "BUSY".into()));
    }
    assert_eq!(show(&ann, "192.0.2.2").0, 200);
    for _ in 0..25 {
        assert_eq!(
            rest.get("/v1/me", Some("v4.public.forged")).code(),
            "TOKEN_INVALID"
        );
    }
    assert_eq!(rest.get("/v1/me", Some(&ann)).status, 200);
}

/// What answers a request that would rather be a WebSocket, and how long that took. All but GET say that they have a long
/// body.
fn told_who_asks_for_a_websocket(address: SocketAddr, request: &str, token: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\n"
    );
    let asked = Instant::now();
    let body = match request.starts_with("GET ") {
        true => "\r\n",
        false => "content-length: 1000\r\n\r\n{\"expression\":",
    };
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer, asked.elapsed())
}

#[test]
fn who_asks_for_a_websocket_where_there_is_none_is_answered_at_once() {
    const SOON: Duration = Duration::from_secs(10);
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let ann = character(&mut rest, "Ann");
    let all = [
        ("POST /v1/eval", ann.as_str(), "400", "INVALID_MESSAGE"),
        ("POST /v1/login", "", "400", "INVALID_MESSAGE"),
        ("POST /v1/nowhere", "", "404", "NOT_FOUND"),
        ("DELETE /v1/me", "", "405", ""),
        ("GET /v1/me", &ann, "200", "Ann"),
        ("POST /ws", "", "404", ""),
    ];
    for (request, token, status, words) in all {
        let (answer, took) = told_who_asks_for_a_websocket(server.web(), request, token);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}: {answer}");
        assert!(answer.contains(words), "{request}: {answer}");
        assert!(took < SOON, "{request} took {took:?}");
    }
}
