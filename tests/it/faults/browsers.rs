//! F27, F34 and F51: messages that are nested too deep; a WebSocket that is not read, whose owner comes back by `Resume`
//! and has missed nothing; and sessions that are not the sender's.

use crate::support::server::{Options, Server};
use crate::support::wait_for;
use crate::support::web::{Web, has_line};
use crate::support::worlds::{hall_character, hall_wizard};
use serde_json::{Value as Json, json};

/// Acknowledges all that was read.
fn acknowledge(web: &mut Web) {
    let ack = json!({"type": "Ack", "pos": web.pos});
    web.send_text(&ack.to_string());
}

/// Reads the lines that begin with `word` and a number, which must come one after the other, up to the last one.
#[track_caller]
fn read_numbered(web: &mut Web, word: &str, last: u64) {
    let mut seen = 0;
    while seen < last {
        let message = web.wait("a numbered line", |message| {
            assert_ne!(message["type"], "Gap", "something was lost: {message}");
            has_line(message, word).then(|| message.clone())
        });
        for line in message["lines"].as_array().expect("it has lines") {
            let text = line["text"].as_str().expect("a line has a text");
            let Some(rest) = text.strip_prefix(word) else {
                continue;
            };
            let number = rest.split(' ').next().expect("it has a number");
            seen += 1;
            assert_eq!(number.parse(), Ok(seen), "a line is missing, or came twice");
        }
        acknowledge(web);
    }
}

#[test]
fn f34_a_socket_that_is_not_read_is_closed_and_its_owner_comes_back_to_every_line() {
    const LINES: u64 = 5_000;
    const PIECE: u64 = 10;
    let server = Server::start(Options::web().with("MOOTHALL_WEB_SILENCE_MAX_S", 2));
    let mut wizard = hall_wizard(&server);
    let mut stuck = Web::character(server.web(), "Stuck");
    let to = wizard.eval("players()[$]");
    let mut reader = Web::character(server.web(), "Reader");
    let other = wizard.eval("players()[$]");
    let mut terminal = hall_character(&server, "Terminal");
    // From now on the world keeps what this client has not acknowledged; and its machine takes little that it does not read.
    stuck.types("look");
    acknowledge(&mut stuck);
    rustix::net::sockopt::set_socket_recv_buffer_size(stuck.socket.get_ref(), 4_096).unwrap();
    wizard.send(&format!(
        ";;p = \"0123456789\"; for i in [1..5] p = p + p; endfor for i in [1..{LINES}] \
         notify({to}, tostr(\"line \", i, \" \", p)); if (i % {PIECE} == 0) \
         notify({other}, tostr(\"piece \", i / {PIECE})); suspend(0); endif endfor"
    ));
    read_numbered(&mut reader, "piece ", LINES / PIECE);
    wizard.expect("=> 0");
    wait_for("the socket to be shut down", || {
        terminal.check("look", &["The"]);
        server.log().contains("were shut out").then_some(())
    });
    let (mut back, welcome) = stuck.come_back(server.web());
    assert_eq!(welcome["recovered"], true, "{welcome}");
    read_numbered(&mut back, "line ", LINES);
    assert_eq!(
        reader.types("look")["ok"],
        true,
        "another client was shut out, too"
    );
    assert_eq!(server.log().matches("were shut out").count(), 1);
}

#[test]
fn f27_a_message_nested_too_deep_is_refused_by_name_and_its_sender_goes_on() {
    const DEEP: usize = 20_000;
    let server = Server::start(Options::web());
    let mut web = Web::character(server.web(), "Ann");
    let (open, close) = ("[".repeat(DEEP), "]".repeat(DEEP));
    web.send_text(&format!(
        "{{\"type\": \"Command\", \"id\": \"deep\", \"line\": {open}{close}}}"
    ));
    web.wait("the refusal", |message| {
        (message["code"] == "TOO_DEEP").then_some(())
    });
    assert_eq!(web.types("look")["ok"], true);
}

#[test]
fn f51_a_session_that_is_missing_or_not_the_senders_ends_the_login() {
    let server = Server::start(Options::web());
    let address = server.web();
    let witness = Web::character(address, "Witness");
    let message = |id: &str, session: Json| json!({"type": "GlobalMessage", "from": {"type": "User", "id": id, "session": session}, "message": "stolen words"});
    let foreign = witness.session.clone();
    let rows = [
        ("Anna", message("Anna", Json::Null)),
        ("Bela", message("Bela", foreign.clone().into())),
        ("Cleo", message("Witness", foreign.into())),
        ("Dora", message("Dora", "0123...".into())),
        ("Emil", message("Emil", "0".repeat(32).into())),
    ];
    let mut witness = witness;
    // What is its sender's is relayed, but nobody else reads of it.
    let mut fair = Web::character(address, "Fair");
    let own = fair.session.clone();
    let mut words = message("Fair", own.clone().into());
    words["message"] = "fair words".into();
    fair.ask(words);
    let relayed = witness.find("what was relayed", |message| {
        (message["message"] == "fair words").then(|| message.clone())
    });
    assert_eq!(relayed["from"]["id"], "Fair");
    assert!(relayed["from"].get("session").is_none(), "{relayed}");
    for (name, message) in rows {
        let mut sender = Web::character(address, name);
        let refused = sender.ask(message.clone());
        assert_eq!(refused["code"], "SESSION_INVALID", "{message}: {refused}");
        assert_eq!(sender.closed(), 4401, "{message}");
    }
    witness.types("look");
    assert!(
        !witness
            .seen
            .iter()
            .any(|message| message.to_string().contains("stolen words"))
    );
    let is_told = |message: &&Json| message.to_string().contains(&own);
    assert_eq!(
        witness.seen.iter().find(is_told),
        None,
        "it heard somebody else's session"
    );
}
