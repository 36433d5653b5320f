//! REST as programs and browsers see it, and whether the OpenAPI document says the truth about it.
//!
//! Everything that a test here asks goes through [`Rest`], which holds each answer against the document.

use crate::support::rest::Rest;
use crate::support::server::{Options, Server};
use crate::support::web::{Web, request};
use crate::support::worlds::PASSWORD;
use serde_json::{Value as Json, json};

/// A player who has just been made, by REST alone.
pub fn character(rest: &mut Rest, name: &str) -> String {
    let made = rest.post(
        "/v1/login",
        None,
        json!({"create": true, "name": name, "password": PASSWORD}),
    );
    assert_eq!(
        (made.status, &made.body["how"]),
        (200, &json!("created")),
        "{made:?}"
    );
    made.text("token")
}

/// The wizard of the hall, who has no password and comes from this machine.
pub fn wizard(rest: &mut Rest) -> String {
    let came = rest.post("/v1/login", None, json!({"name": "Wizard", "password": ""}));
    assert_eq!(came.status, 200, "{came:?}");
    came.text("token")
}

#[test]
fn a_program_logs_in_and_saves_a_verb_only_over_the_one_that_it_has_seen() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let wrong = rest.post("/v1/login", None, json!({"name": "Nobody", "password": "x"}));
    assert_eq!((wrong.status, wrong.code()), (401, "LOGIN_FAILED"), "{wrong:?}");
    let ann = character(&mut rest, "Ann");
    let me = rest.get("/v1/me", Some(&ann));
    assert_eq!(
        (&me.body["name"], &me.body["flags"]),
        (&json!("Ann"), &json!([])),
        "{me:?}"
    );
    assert_eq!(rest.get("/v1/me", None).status, 401);
    assert_eq!(
        rest.get("/v1/me", Some("v4.public.forged")).code(),
        "TOKEN_INVALID"
    );
    let wizard = wizard(&mut rest);
    let args = "{\"none\", \"none\", \"none\"}";
    let added = rest.eval(
        &wizard,
        &format!("add_verb(player, {{player, \"rxd\", \"test\"}}, {args}) || 1"),
    );
    assert_eq!(added.status, 200, "{added:?}");
    let path = "/v1/objects/me/verbs/test";
    let first = rest.get(path, Some(&wizard));
    assert_eq!(
        (first.status, &first.body["code"]),
        (200, &json!([])),
        "{first:?}"
    );
    let tag = first.text("etag");
    assert!(first.headers.contains(&format!("etag: \"{tag}\"")), "{first:?}");
    let saved = rest.put(path, &wizard, json!({"code": ["return  1 ;"]}), Some(&tag));
    assert_eq!(saved.status, 200, "{saved:?}");
    let odd = [("if-match", "\u{e9}")];
    let unread = rest.ask("PUT", path, Some(&wizard), Some(&json!({"code": []})), &odd);
    assert_eq!(
        (unread.status, unread.code()),
        (400, "INVALID_MESSAGE"),
        "{unread:?}"
    );
    // Somebody else still has the first one.
    let late = rest.put(path, &wizard, json!({"code": ["return 2;"]}), Some(&tag));
    assert_eq!((late.status, late.code()), (412, "CHANGED"), "{late:?}");
    let current = &late.body["current"];
    assert_eq!(
        (&current["code"], &current["etag"]),
        (&json!(["return 1;"]), &saved.body["etag"])
    );
    let now = rest.get(path, Some(&wizard));
    assert_eq!(
        (&now.body["code"], &now.body["etag"]),
        (&current["code"], &current["etag"])
    );
    let same = rest.ask(
        "GET",
        path,
        Some(&wizard),
        None,
        &[("if-none-match", &now.text("etag"))],
    );
    assert_eq!(same.status, 304);
    let broken = rest.put(path, &wizard, json!({"code": ["return 1 +;"]}), None);
    assert_eq!(
        (broken.status, broken.code()),
        (422, "PROGRAM_NOT_COMPILED"),
        "{broken:?}"
    );
    assert_eq!(broken.body["faults"][0]["line"], 1, "{broken:?}");
    let denied = rest.put(path, &ann, json!({"code": []}), None);
    assert!([403, 404].contains(&denied.status), "{denied:?}");
}

#[test]
fn values_are_saved_as_json_and_as_programs_write_them() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let wizard = wizard(&mut rest);
    let added = rest.eval(
        &wizard,
        "add_property(player, \"notes\", {}, {player, \"r\"}) || 1",
    );
    assert_eq!(added.status, 200, "{added:?}");
    let path = "/v1/objects/me/properties/notes";
    let first = rest.get(path, Some(&wizard)).text("etag");
    let literal = json!({"literal": "{1, 2.0, [\"a\" -> #3], E_PERM}"});
    let saved = rest.put(path, &wizard, literal.clone(), Some(&first));
    assert_eq!(saved.status, 200, "{saved:?}");
    let read = rest.get(path, Some(&wizard));
    assert_eq!(read.body["literal"], literal["literal"], "{read:?}");
    assert_eq!(
        read.body["value"],
        json!([1, 2.0, {"a": {"$object": "#3"}}, {"$error": "E_PERM"}])
    );
    assert_eq!(read.body["etag"], saved.body["etag"]);
    let late = rest.put(path, &wizard, json!({"value": 7}), Some(&first));
    assert_eq!(
        (late.status, &late.body["current"]["literal"]),
        (412, &literal["literal"]),
        "{late:?}"
    );
    assert_eq!(rest.put(path, &wizard, json!({"value": [7]}), None).status, 200);
    for literal in ["1 + 1", "shutdown()", "{1", "$nothing"] {
        let run = rest.put(path, &wizard, json!({"literal": literal}), None);
        assert_eq!(
            (run.status, run.code()),
            (400, "INVALID_REQUEST"),
            "{literal}: {run:?}"
        );
    }
    let both = rest.put(path, &wizard, json!({"literal": "1", "value": 1}), None);
    assert_eq!(both.code(), "INVALID_MESSAGE", "{both:?}");
    assert_eq!(rest.get(path, Some(&wizard)).body["literal"], "{7}");
    // The same over a socket, which has a connection and so numbers.
    let mut web = Web::open(server.web());
    let welcome = web.ask(json!({"type": "Attach", "token": wizard}));
    web.take(&welcome);
    let message = |tag: &Json| json!({"type": "UpdateProperty", "object": "me", "property": "notes", "literal": "8", "if_match": tag});
    let late = web.ask(message(&json!(first)));
    assert_eq!(
        (&late["code"], &late["current"]["literal"]),
        (&json!("CHANGED"), &json!("{7}")),
        "{late}"
    );
    let saved = web.ask(message(&late["current"]["etag"]));
    assert_eq!(saved["type"], "Updated", "{saved}");
    assert_eq!(rest.get(path, Some(&wizard)).body["etag"], saved["etag"]);
}

#[test]
fn of_many_who_save_at_once_over_the_same_text_one_succeeds() {
    let server = Server::start(Options::web());
    let address = server.web();
    let mut rest = Rest::new(address);
    let wizard = wizard(&mut rest);
    rest.eval(&wizard, "add_property(player, \"n\", 0, {player, \"r\"}) || 1");
    let path = "/v1/objects/me/properties/n";
    for round in 0..5 {
        let tag = rest.get(path, Some(&wizard)).text("etag");
        let save = |value: i32| {
            let head = format!("PUT {path}\nauthorization: Bearer {wizard}\nif-match: \"{tag}\"");
            request(address, &head, &json!({"value": value}).to_string()).status
        };
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = (1..=8)
                .map(|n| scope.spawn(move || save(100 * round + n)))
                .collect();
            all.into_iter().map(|one| one.join().expect("it ends")).collect()
        });
        let saved = statuses.iter().filter(|status| **status == 200).count();
        let late = statuses.iter().filter(|status| **status == 412).count();
        assert_eq!((saved, late), (1, 7), "{statuses:?}");
    }
}

#[test]
fn a_player_sees_and_ends_what_is_logged_in() {
    let server = Server::start(Options::web());
    let address = server.web();
    let mut rest = Rest::new(address);
    let mut ann = Web::character(address, "Ann");
    let mut bob = Web::character(address, "Bob");
    let shown = ann.ask(json!({"type": "Sessions"}));
    let own = &shown["sessions"][0];
    assert_eq!(
        (&own["current"], &own["host"]),
        (&json!(true), &json!("web")),
        "{shown}"
    );
    assert_eq!(shown["sessions"].as_array().map(Vec::len), Some(1), "{shown}");
    let again = rest
        .post("/v1/login", None, json!({"name": "Ann", "password": PASSWORD}))
        .text("token");
    let seen = rest.get("/v1/sessions", Some(&again));
    assert_eq!(seen.body["sessions"][0]["client"], own["client"], "{seen:?}");
    assert_eq!(
        seen.body["sessions"][0]["current"], false,
        "a token is no connection"
    );
    let by_session = rest.get("/v1/sessions", Some(&ann.session));
    assert_eq!(by_session.body["sessions"][0]["current"], true, "{by_session:?}");
    let ended = rest.ask("DELETE", "/v1/sessions", Some(&again), None, &[]);
    assert_eq!(
        (ended.status, &ended.body["closed"]),
        (200, &json!(1)),
        "{ended:?}"
    );
    assert_eq!(ann.closed(), 4401);
    for dead in [&again, &ann.session] {
        assert_eq!(rest.get("/v1/me", Some(dead)).status, 401);
    }
    assert_eq!(
        bob.ask(json!({"type": "Presence"}))["type"],
        "Presence",
        "others stay"
    );
    bob.tell(json!({"type": "LogoutEverywhere"}));
    assert_eq!(bob.closed(), 4401);
    let back = rest.post("/v1/login", None, json!({"name": "Ann", "password": PASSWORD}));
    assert_eq!(back.status, 200, "who knows the password comes back: {back:?}");
}

#[test]
fn a_token_that_holds_is_changed_for_another_one_and_both_end_together() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let create = json!({"create": true, "name": "Ann", "password": PASSWORD});
    let first = rest.post("/v1/login", None, create).text("token");
    let renewed = rest.post("/v1/renew", Some(&first), Json::Null);
    assert!(
        renewed.headers.contains("set-cookie: sid=v4.public."),
        "{renewed:?}"
    );
    let second = renewed.text("token");
    assert_ne!(first, second);
    for token in [&first, &second] {
        assert_eq!(rest.get("/v1/me", Some(token)).text("name"), "Ann");
    }
    assert_eq!(
        rest.post("/v1/renew", Some("v4.public.no"), Json::Null).status,
        401
    );
    assert_eq!(rest.post("/v1/renew", None, Json::Null).status, 401);
    let ended = rest.ask("DELETE", "/v1/sessions", Some(&first), None, &[]);
    assert_eq!(ended.status, 200, "{ended:?}");
    for dead in [&first, &second] {
        assert_eq!(rest.post("/v1/renew", Some(dead), Json::Null).status, 401);
    }
}

#[test]
fn a_browser_is_known_by_its_cookie_and_changes_nothing_for_other_pages() {
    let server = Server::start(Options::web());
    let address = server.web();
    let mut rest = Rest::new(address);
    let own = format!("http://{address}");
    let create = json!({"create": true, "name": "Ann", "password": PASSWORD});
    let foreign = rest.ask(
        "POST",
        "/v1/login",
        None,
        Some(&create),
        &[("origin", "https://evil.example")],
    );
    assert_eq!(
        (foreign.status, foreign.code()),
        (403, "FOREIGN_ORIGIN"),
        "{foreign:?}"
    );
    let came = rest.ask("POST", "/v1/login", None, Some(&create), &[("origin", &own)]);
    assert!(came.headers.contains("set-cookie: sid=v4.public."), "{came:?}");
    assert!(
        came.headers.contains("httponly") && came.headers.contains("samesite=lax"),
        "{came:?}"
    );
    let cookie = format!("sid={}", came.text("token"));
    let get = |rest: &mut Rest, path: &str| rest.ask("GET", path, None, None, &[("cookie", &cookie)]);
    assert_eq!(get(&mut rest, "/v1/me").body["name"], "Ann");
    let said = json!({"type": "GlobalMessage", "from": {"type": "User", "id": "Ann", "session": came.text("token")}, "message": "hi"});
    let mut post = |headers: &[(&str, &str)]| rest.ask("POST", "/v1/messages", None, Some(&said), headers);
    assert_eq!(post(&[("cookie", &cookie)]).code(), "FOREIGN_ORIGIN");
    assert_eq!(
        post(&[("cookie", &cookie), ("origin", "https://evil.example")]).status,
        403
    );
    assert_eq!(post(&[("cookie", &cookie), ("origin", &own)]).status, 202);
    let gone = rest.ask(
        "POST",
        "/v1/logout",
        None,
        None,
        &[("cookie", &cookie), ("origin", &own)],
    );
    assert_eq!(gone.status, 204, "{gone:?}");
    assert!(gone.headers.contains("set-cookie: sid=;"), "{gone:?}");
    // A socket that shows nothing else is known by it, too.
    let mut web = Web::open_as(address, &[("cookie", &cookie), ("origin", &own)]).expect("a socket");
    let welcome = web.ask(json!({"type": "Attach"}));
    assert_eq!(welcome["name"], "Ann", "{welcome}");
}

#[test]
fn every_operation_of_the_document_does_what_the_document_says() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let wizard = wizard(&mut rest);
    let token = Some(wizard.as_str());
    assert_eq!(rest.post("/v1/login", None, json!({"guest": true})).status, 200);
    for path in [
        "/v1/me",
        "/v1/sessions",
        "/v1/history?limit=5",
        "/v1/presence",
        "/v1/objects?limit=3&after=%231",
        "/v1/objects/%230",
        "/v1/objects/%230/verbs",
        "/v1/objects/%230/properties?inherited=true",
        "/v1/objects/%230/verbs/do_typed_message",
        "/v1/jobs",
    ] {
        assert_eq!(rest.get(path, token).status, 200, "{path}");
        assert_eq!(rest.get(path, None).status, 401, "{path}");
    }
    rest.eval(&wizard, "add_property(player, \"n\", 0, {player, \"r\"}) || 1");
    assert_eq!(rest.get("/v1/objects/me/properties/n", token).status, 200);
    assert_eq!(
        rest.put("/v1/objects/me/properties/n", &wizard, json!({"value": 1}), None)
            .status,
        200
    );
    rest.eval(
        &wizard,
        "add_verb(player, {player, \"rxd\", \"test\"}, {\"this\", \"none\", \"this\"}) || 1",
    );
    let code = json!({"code": ["notify(player, \"told\");", "return args;"]});
    assert_eq!(
        rest.put("/v1/objects/me/verbs/test", &wizard, code, None).status,
        200
    );
    let called = rest.post("/v1/objects/me/call/test", token, json!({"args": [1, "two"]}));
    assert_eq!(
        (called.status, &called.body["value"]),
        (200, &json!([1, "two"])),
        "{called:?}"
    );
    let raised = rest.eval(&wizard, "1 / 0");
    assert_eq!(
        (raised.status, &raised.body["error"]),
        (422, &json!("E_DIV")),
        "{raised:?}"
    );
    let put = rest.post(
        "/v1/jobs",
        token,
        json!({"kind": "nothing_does_this", "data": [1], "delay": 3600}),
    );
    assert_eq!(put.status, 200, "{put:?}");
    let job = format!("/v1/jobs/{}", put.text("id"));
    let known = rest.get(&job, token);
    assert_eq!(
        (&known.body["kind"], &known.body["data"]),
        (&json!("nothing_does_this"), &json!([1])),
        "{known:?}"
    );
    assert_eq!(rest.ask("DELETE", &job, token, None, &[]).status, 200);
    assert_eq!(rest.get(&job, token).status, 404);
    let from = json!({"type": "User", "id": "Wizard", "session": wizard});
    let said = rest.post(
        "/v1/messages",
        token,
        json!({"type": "GlobalMessage", "id": "m1", "n": 1, "from": from, "message": "hi"}),
    );
    assert_eq!(said.status, 202, "{said:?}");
    let long = "m".repeat(65);
    let odd = json!({"type": "GlobalMessage", "id": long, "from": from, "message": "hi"});
    assert_eq!(rest.post("/v1/messages", token, odd).code(), "INVALID_MESSAGE");
    let odd = rest.post("/v1/messages", token, json!({"type": "Telepathy", "from": from}));
    assert_eq!((odd.status, odd.code()), (400, "UNKNOWN_TYPE"), "{odd:?}");
    let feigned = json!({"type": "User", "id": "Ann", "session": wizard});
    let feigned = rest.post(
        "/v1/messages",
        token,
        json!({"type": "GlobalMessage", "from": feigned, "message": "hi"}),
    );
    assert_eq!(feigned.code(), "SESSION_INVALID", "{feigned:?}");
    for path in [
        "/v1/objects/%2399999",
        "/v1/objects/$nosuch/verbs",
        "/v1/objects/me/verbs/nosuch",
    ] {
        assert_eq!(rest.get(path, token).code(), "NOT_FOUND", "{path}");
    }
    hooks(&mut rest, &wizard);
    assert_eq!(rest.post("/v1/renew", token, Json::Null).status, 200);
    assert_eq!(rest.post("/v1/logout", None, Json::Null).status, 204);
    assert_eq!(rest.ask("DELETE", "/v1/sessions", token, None, &[]).status, 200);
    assert_eq!(rest.never_asked(), Vec::<String>::new());
}

/// The world answers requests by itself, and nothing that proves who somebody is reaches it.
fn hooks(rest: &mut Rest, wizard: &str) {
    let none = rest.get("/v1/hooks/nothing/here", None);
    assert_eq!(none.status, 404, "{none:?}");
    rest.eval(
        wizard,
        "add_verb(#0, {player, \"rxd\", \"invoke_http_handler\"}, {\"this\", \"none\", \"this\"}) || 1",
    );
    let code = json!({"code": [
        "{method, path, query, headers, body} = args;",
        "if (path == \"plain\") return body; endif",
        "if (path == \"empty\") return [\"status\" -> tonum(query), \"body\" -> \"HTTP/1.1 200 OK\"]; endif",
        "return [\"status\" -> 418, \"headers\" -> [\"X-Other\" -> \"no\", \"Content-Type\" -> \"text/html\"], \"body\" -> toliteral({method, path, query, \"cookie\" in mapkeys(headers), headers[\"x-own\"], body})];",
    ]});
    let saved = rest.put("/v1/objects/%230/verbs/invoke_http_handler", wizard, code, None);
    assert_eq!(saved.status, 200, "{saved:?}");
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let headers = [("x-own", "yes"), ("cookie", "sid=secret")];
        let told = rest.ask(method, "/v1/hooks/a/b?c=d", None, None, &headers);
        assert_eq!(told.status, 418, "{told:?}");
        assert_eq!(
            told.raw,
            format!("{{\"{method}\", \"a/b\", \"c=d\", 0, \"yes\", \"\"}}")
        );
        assert!(
            told.headers
                .contains("content-security-policy: default-src 'none'; sandbox"),
            "{told:?}"
        );
        assert!(!told.headers.contains("x-other"), "{told:?}");
    }
    for status in [204, 205, 304] {
        let empty = rest.get(&format!("/v1/hooks/empty?{status}"), None);
        assert_eq!((empty.status, empty.raw.as_str()), (status, ""), "{empty:?}");
    }
    let many = vec!["a=1"; 40].join("&");
    let path = format!("/v1/hooks/many?{many}");
    let told = rest.ask("GET", &path, None, None, &[("x-own", "yes")]);
    assert!(told.status == 418 && told.raw.contains(&many), "{told:?}");
    let plain = rest.ask("POST", "/v1/hooks/plain", None, Some(&json!("<b>hi</b>")), &[]);
    assert_eq!(plain.raw, "\"<b>hi</b>\"");
    assert!(plain.headers.contains("content-type: text/plain"), "{plain:?}");
}
