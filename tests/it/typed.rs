//! The four typed messages that every world knows, as they were first written down: each reaches its audience, and what
//! proves its sender goes no further than the host.

use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::web::Web;
use crate::support::worlds::{hall_character, hall_wizard};
use serde_json::{Value as Json, json};

/// The session in [`DIRECT`] and the others, which a real one stands in for.
const SESSION: &str = "QWERTYUIO!@#$%^&";

const DIRECT: &str = r#"
{
    "type": "DirectMessage",
    "from": {
        "type": "User",
        "id": "benjamin",
        "session": "QWERTYUIO!@#$%^&"
    },
    "to": {
        "type": "User",
        "id": "mengxiong"
    },
    "message": "Hello world"
}
"#;

const CHAT_ROOM: &str = r#"
{
    "type": "ChatRoomMessage",
    "from": {
        "type": "User",
        "id": "benjamin",
        "session": "QWERTYUIO!@#$%^&"
    },
    "to": {
        "type": "ChatRoom",
        "id": "room1"
    },
    "message": "Hello world"
}
"#;

const GLOBAL: &str = r#"
{
    "type": "GlobalMessage",
    "from": {
        "type": "User",
        "id": "benjamin",
        "session": "QWERTYUIO!@#$%^&"
    },
    "message": "Hello world"
}
"#;

const GAME: &str = r#"
{
    "type": "GameAction",
    "game": "firesideshooter1",
    "from": {
        "type": "User",
        "id": "benjamin",
        "session": "QWERTYUIO!@#$%^&"
    },
    "payload": {
        // game specific payload
    },
}
"#;

/// The message as JSON, which has neither comments nor a comma behind the last field, and under a session that holds.
fn sendable(text: &str, name: &str, session: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text: String = lines.collect();
    let text = text.replace("},}", "}}");
    assert!(serde_json::from_str::<Json>(&text).is_ok(), "{text}");
    text.replace(SESSION, session).replace("benjamin", name)
}

/// What one of them is to those who may hear it: two programs, and somebody at a terminal.
struct Row {
    message: &'static str,
    /// What the program hears for which the message is, without its position.
    friend: Json,
    /// Whether another program hears the same.
    is_for_all: bool,
    /// What is read at the terminal.
    terminal: Option<&'static str>,
}

fn rows() -> [Row; 3] {
    let from = json!({"type": "User", "id": "benjamin"});
    [
        Row {
            message: DIRECT,
            friend: json!({"type": "DirectMessage", "from": from, "to": {"type": "User", "id": "mengxiong"}, "message": "Hello world"}),
            is_for_all: false,
            terminal: None,
        },
        Row {
            message: CHAT_ROOM,
            friend: json!({"type": "ChatRoomMessage", "from": from, "to": {"type": "ChatRoom", "id": "room1"}, "message": "Hello world"}),
            is_for_all: false,
            terminal: Some("[room1] benjamin: Hello world"),
        },
        Row {
            message: GLOBAL,
            friend: json!({"type": "GlobalMessage", "from": from, "message": "Hello world"}),
            is_for_all: true,
            terminal: Some("benjamin tells everybody, \"Hello world\""),
        },
    ]
}

/// Looks around, and waits until that is answered and done: whatever was said before has come by then.
#[track_caller]
fn settle(web: &mut Web) {
    let answer = web.ask(json!({"type": "Command", "line": "look"}));
    web.find("the end of a look", |message| {
        (message["type"] == "Done" && message["task"] == answer["task"]).then_some(())
    });
}

/// Sends a typed message, and waits until the world has done it.
#[track_caller]
fn say(web: &mut Web, message: &str) {
    let message = sendable(message, &web.name, &web.session);
    settle(web);
    let before = web.seen.len();
    web.send_text(&message);
    // It has no id of its own, so whatever was answered before is left out.
    let mut next = |what: &str, is_it: &dyn Fn(&Json) -> bool| {
        wait_for(what, || {
            let found = web.seen[before..].iter().find(|m| is_it(m)).cloned();
            if found.is_none() {
                web.read();
            }
            found
        })
    };
    let answer = next("an answer", &|m| m["type"] == "Ok" || m["type"] == "Error");
    assert_eq!(answer["type"], "Ok", "{message}: {answer}");
    let done = next("its end", &|m| m["type"] == "Done" && m["task"] == answer["task"]);
    assert_eq!(done["ok"], true, "{message}: {done}");
}

/// All messages of this type that came up to now, without their positions.
fn heard(web: &mut Web, kind: &Json) -> Vec<Json> {
    settle(web);
    let heard = web.seen.iter().filter(|message| message["type"] == *kind);
    let mut heard: Vec<Json> = heard.cloned().collect();
    for message in &mut heard {
        message.as_object_mut().expect("an object").remove("pos");
    }
    heard
}

/// The programs and the terminal, all in the world, two of them on the channel of the second message.
fn company(server: &Server) -> ([Web; 3], Telnet) {
    let webs = ["benjamin", "mengxiong", "other"].map(|name| Web::character(server.web(), name));
    let [benjamin, mut friend, other] = webs;
    friend.types("@join room1");
    let mut terminal = hall_character(server, "Terminal");
    terminal.check("@join room1", &["You join room1."]);
    ([benjamin, friend, other], terminal)
}

#[test]
fn messages_of_one_sender_are_heard_in_the_order_in_which_they_were_sent() {
    let server = Server::start(Options::web());
    let mut benjamin = Web::character(server.web(), "benjamin");
    let mut ear = hall_character(&server, "Ear");
    for round in 0..5 {
        let text = |number| format!("number {number} of round {round}");
        for number in 0..40 {
            benjamin.tell(json!({
                "type": "ChatRoomMessage",
                "from": {"type": "User", "id": "benjamin", "session": benjamin.session},
                "to": {"type": "ChatRoom", "id": "here"},
                "message": text(number),
            }));
        }
        // Whatever comes before a line that is awaited is passed over, so one that came too early is not found any more.
        for number in 0..40 {
            ear.expect(&text(number));
        }
    }
}

/// Has the world write down what typed messages bring to it.
fn write_down(wizard: &mut Telnet) {
    wizard.eval("add_property(#0, \"written\", {}, {player, \"\"})");
    let code = "{\"#0.written = {@#0.written, toliteral(args)};\", @verb_code(#0, \"do_typed_message\")}";
    assert_eq!(
        wizard.eval(&format!("set_verb_code(#0, \"do_typed_message\", {code})")),
        "{}"
    );
}

#[test]
fn each_of_the_four_messages_reaches_its_audience_without_its_session() {
    let server = Server::start(Options::web());
    let mut wizard = hall_wizard(&server);
    write_down(&mut wizard);
    let ([mut benjamin, mut friend, mut other], mut terminal) = company(&server);
    for row in rows() {
        say(&mut benjamin, row.message);
        let kind = &row.friend["type"];
        assert_eq!(
            heard(&mut friend, kind),
            std::slice::from_ref(&row.friend),
            "{}",
            row.message
        );
        let others = if row.is_for_all {
            vec![row.friend.clone()]
        } else {
            Vec::new()
        };
        assert_eq!(heard(&mut other, kind), others, "{}", row.message);
        if let Some(text) = row.terminal {
            terminal.expect(text);
        }
    }
    say(&mut friend, GAME);
    say(&mut benjamin, GAME);
    let players = friend.find("both in the game", |message| {
        let players = message["players"].as_array()?;
        let is_both = message["type"] == "GameState" && players.len() == 2;
        is_both.then(|| {
            players
                .iter()
                .map(|player| player["id"].clone())
                .collect::<Vec<_>>()
        })
    });
    assert_eq!(players, ["mengxiong", "benjamin"]);
    assert_eq!(heard(&mut other, &json!("GameState")), [] as [Json; 0]);
    let sessions = [&benjamin, &friend].map(|web| web.session.clone());
    for web in [&benjamin, &friend, &other] {
        let told = web
            .seen
            .iter()
            .filter(|m| m["type"] != "Welcome" && m["type"] != "Player");
        for message in told {
            let text = message.to_string();
            assert!(sessions.iter().all(|session| !text.contains(session)), "{text}");
        }
    }
    let written = wizard.eval("#0.written");
    assert!(written.contains("firesideshooter1"), "{written}");
    assert!(
        sessions.iter().all(|session| !written.contains(session)),
        "{written}"
    );
}
