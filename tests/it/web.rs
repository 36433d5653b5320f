//! The web host as its clients see it: JSON over WebSockets, and what is served by HTTP.

use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::web::{Web, request};
use crate::support::worlds::PASSWORD;
use serde_json::json;

#[test]
fn a_program_and_somebody_at_a_terminal_talk_in_one_room() {
    let server = Server::start(Options::web());
    let address = server.web();
    assert_eq!(request(address, "GET /livez", "").status, 200);
    assert_eq!(request(address, "GET /readyz", "").body, "ready\n");
    let mut ann = Web::character(address, "Ann");
    assert_eq!((ann.session.len(), ann.name.as_str()), (32, "Ann"));
    let mut bob = Telnet::connect(server.telnet(), "Bob");
    bob.send(&format!("create Bob {PASSWORD}"));
    ann.expect("Bob");
    bob.send("say hello from afar");
    ann.expect("hello from afar");
    let done = ann.types("say hello back");
    assert_eq!(
        (&done["ok"], &done["type"]),
        (&json!(true), &json!("Done")),
        "{done}"
    );
    bob.expect("hello back");
    let refused = ann.ask(json!({"type": "Eval", "expression": "1 + 1"}));
    assert_eq!(refused["code"], "PERMISSION_DENIED", "{refused}");
    let presence = ann.ask(json!({"type": "Presence"}));
    let names = presence["players"].as_array().expect("players");
    let mut names: Vec<&str> = names.iter().filter_map(|row| row["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Ann", "Bob"], "{presence}");
    let goodbye = ann.ask(json!({"type": "Logout"}));
    assert_eq!((&goodbye["type"], ann.closed()), (&json!("Ok"), 1000));
    bob.expect("Ann");
}

#[test]
fn a_page_and_its_policy_are_served_and_foreign_pages_open_no_socket() {
    let server = Server::start(Options::web());
    let address = server.web();
    let page = request(address, "GET /", "");
    assert_eq!(page.status, 200);
    assert!(page.headers.contains("content-type: text/html"), "{page:?}");
    assert!(
        page.headers
            .contains("content-security-policy: default-src 'none'"),
        "{page:?}"
    );
    assert!(
        page.headers.contains("x-content-type-options: nosniff"),
        "{page:?}"
    );
    assert_eq!(request(address, "GET /../Cargo.toml", "").status, 404);
    let own = format!("http://{address}");
    assert!(Web::open_as(address, &[("origin", &own)]).is_ok());
    let foreign = Web::open_as(address, &[("origin", "https://evil.example")]);
    assert_eq!(foreign.err(), Some(403));
    assert_eq!(
        request(address, "GET /ws\nsec-websocket-protocol: soap", "").status,
        400
    );
    let metrics = request(address, "GET /metrics", "").body;
    assert!(metrics.contains("moothall_web_up 1"), "{metrics}");
}

#[test]
fn a_lost_socket_comes_back_to_its_place_and_what_was_asked_twice_is_done_once() {
    let server = Server::start(Options::web());
    let address = server.web();
    let mut ann = Web::character(address, "Ann");
    let mut bob = Web::character(address, "Bob");
    ann.expect("Bob");
    let number = ann.next;
    let say = json!({"type": "Command", "line": "say once only", "n": number});
    let first = ann.ask(say.clone());
    assert_eq!(first["n"], number, "{first}");
    bob.expect("once only");
    let seen_before = ann.pos["seq"].as_u64().expect("a position");
    // The line breaks without a word, and the world goes on.
    let gone = ann.socket.get_ref().try_clone().expect("a socket");
    gone.shutdown(std::net::Shutdown::Both).expect("an open socket");
    bob.types("say while you were out");
    let (mut ann, welcome) = ann.come_back(address);
    assert_eq!(
        (&welcome["how"], &welcome["recovered"]),
        (&json!("resumed"), &json!(true)),
        "{welcome}"
    );
    ann.expect("while you were out");
    let again = ann.ask(say);
    assert_eq!(
        (&again["duplicate"], &again["task"]),
        (&json!(true), &first["task"]),
        "{again}"
    );
    let next = json!({"type": "Command", "line": "say that was all", "n": welcome["next"]});
    ann.ask(next);
    bob.expect("that was all");
    let heard = bob
        .lines()
        .iter()
        .filter(|line| line.contains("once only"))
        .count();
    assert_eq!(heard, 1);
    let positions: Vec<u64> = ann
        .seen
        .iter()
        .filter(|m| m["type"] != "Welcome")
        .filter_map(|m| m["pos"]["seq"].as_u64())
        .collect();
    assert!(
        positions.windows(2).all(|two| two[0] <= two[1]) && positions[0] > seen_before,
        "{positions:?}"
    );
}
