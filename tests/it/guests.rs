//! What a guest leaves to the next one: a place, and nothing that opens or tells anything.

use crate::rest::wizard;
use crate::support::rest::Rest;
use crate::support::server::{Options, Server};
use crate::support::wait_for;
use crate::support::web::Web;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// A guest at a socket, and what was answered.
#[track_caller]
fn guest(server: &Server) -> (Web, Json) {
    let mut web = Web::open(server.web());
    let welcome = web.ask(json!({"type": "Guest"}));
    web.take(&welcome);
    (web, welcome)
}

/// All that a player can read again.
fn past(web: &mut Web) -> String {
    web.ask(json!({"type": "History", "seconds": 3_600, "limit": 200}))["events"].to_string()
}

#[track_caller]
fn check_dead(rest: &mut Rest, token: &str) {
    let me = rest.get("/v1/me", Some(token));
    assert_eq!((me.status, me.code()), (401, "TOKEN_INVALID"), "{me:?}");
    let history = rest.get("/v1/history?seconds=3600", Some(token));
    assert_eq!(history.status, 401, "{history:?}");
    let said = json!({"type": "ChatRoomMessage", "from": {"type": "User", "id": "Guest-1", "session": token},
        "to": {"type": "ChatRoom", "id": "here"}, "message": "it was not me"});
    assert_eq!(rest.post("/v1/messages", Some(token), said).status, 401);
}

#[test]
fn a_guest_s_token_ends_with_the_visit_and_the_next_guest_reads_nothing_of_it() {
    let mut server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let (mut first, welcome) = guest(&server);
    let (mut other, _) = guest(&server);
    let kept = welcome["token"].as_str().expect("a token").to_owned();
    assert_eq!(rest.get("/v1/me", Some(&kept)).status, 200);
    first.types("say my secret is tin");
    // Others who hear it keep its row in the store.
    other.expect("my secret is tin");
    assert!(past(&mut first).contains("secret is tin"));
    first.tell(json!({"type": "Logout"}));
    first.closed();
    let gone = Instant::now();
    wait_for("the token to end", || {
        (rest.get("/v1/me", Some(&kept)).status == 401).then_some(())
    });
    assert!(gone.elapsed() < Duration::from_secs(1), "{:?}", gone.elapsed());
    let (mut next, given) = guest(&server);
    assert_eq!(given["player"], welcome["player"], "it is the same place");
    check_dead(&mut rest, &kept);
    assert!(!past(&mut next).contains("secret"), "{}", past(&mut next));
    assert!(
        past(&mut other).contains("secret is tin"),
        "what others heard is theirs"
    );
    server.kill9("moothall-daemon");
    let (mut next, resumed) = wait_for("a daemon", || {
        let (web, answer) = next.come_back(server.web());
        (answer["type"] == "Welcome").then_some((web, answer))
    });
    assert_eq!(resumed["player"], welcome["player"]);
    assert!(!past(&mut next).contains("secret"), "nor after a restart");
    check_dead(&mut rest, &kept);
}

#[test]
fn who_came_as_a_guest_by_rest_alone_makes_room_for_who_comes_later() {
    let server = Server::start(Options::web());
    let mut rest = Rest::new(server.web());
    let wizard = wizard(&mut rest);
    let came = rest.post("/v1/login", None, json!({"guest": true}));
    let kept = came.text("token");
    assert_eq!(rest.get("/v1/me", Some(&kept)).status, 200);
    // Nobody came to a socket with it in time.
    let over = rest.eval(&wizard, "children($guest)[1].promised_until = 0");
    assert_eq!(over.status, 200, "{over:?}");
    let (mut next, given) = guest(&server);
    assert_eq!(given["player"], came.body["player"]);
    check_dead(&mut rest, &kept);
    // What the new one shows holds.
    let token = given["token"].as_str().expect("a token").to_owned();
    assert_eq!(rest.get("/v1/me", Some(&token)).status, 200);
    next.types("say hello");
    next.expect("hello");
}
