//! The hall's side of typed messages: people at programs and people at terminals talk and play in the same world.

use crate::support::lone::Lone;
use crate::support::peer::Peer;
use crate::support::tab::Tab;
use crate::support::worlds::{PASSWORD, hall_character};
use moo_model::{Value, json};
use moothall::protocol::client::{DaemonToClientReply as Reply, HostClientToDaemonMessage as Ask};
use moothall::protocol::error::{RpcMessageError, SchedulerError};
use moothall::protocol::event::ClientEvent;
use moothall::protocol::{ClientId, HostId, WireValue};
use serde_json::{Value as Json, json};

const WEB: HostId = HostId([0x64; 16]);

/// A new character at a program that takes typed messages.
#[track_caller]
fn character(peer: &mut Peer, number: u8, name: &str) -> Tab {
    let mut tab = Tab::open(peer, ClientId([number; 16]));
    let takes = Ask::SetClientAttribute {
        key: "content-types".to_owned(),
        value: Some(WireValue::new(&Value::strings(["application/json"]))),
    };
    tab.asks(peer, 0, takes).expect("a client may say what it takes");
    tab.log_in(peer, &format!("create {name} {PASSWORD}"), true)
        .expect("a new character");
    tab
}

/// Sends a typed message as a host passes it on, and gives its task.
#[track_caller]
fn send(tab: &mut Tab, peer: &mut Peer, message: &Json) -> u64 {
    match ask(tab, peer, message) {
        Ok(Reply::TaskSubmitted { task_id }) => task_id,
        other => panic!("{message} became no task: {other:?}"),
    }
}

fn ask(tab: &mut Tab, peer: &mut Peer, message: &Json) -> Result<Reply, RpcMessageError> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let to = message
        .get("to")
        .and_then(|to| Some((text(&to["type"])?, text(&to["id"])?)));
    let data = json::from_json(message).expect("a message is a value");
    let ask = Ask::Typed {
        msg_type: text(&message["type"]).expect("a message has a type"),
        id: None,
        to,
        data: WireValue::new(&data),
    };
    tab.changes(peer, ask)
}

/// Waits for a typed message of this type and gives it.
#[track_caller]
fn hear(tab: &mut Tab, peer: &mut Peer, kind: &str) -> Json {
    tab.wait(peer, kind, |event| match event {
        ClientEvent::Typed { json, .. } => {
            let message: Json = serde_json::from_slice(json).expect("typed messages are JSON");
            (message["type"] == kind).then_some(message)
        }
        _ => None,
    })
}

/// How a message's task ended.
#[track_caller]
fn ended(tab: &mut Tab, peer: &mut Peer, wanted: u64) -> Result<Json, String> {
    tab.wait(peer, "the end of a task", |event| match event {
        ClientEvent::TaskSuccess { task, result } if *task == wanted => {
            Some(Ok(json::to_json(&result.open().expect("a result is a value"))))
        }
        ClientEvent::TaskError { task, error } if *task == wanted => Some(Err(match error {
            SchedulerError::TaskAbortedException(exception) => exception.message.clone(),
            other => format!("{other:?}"),
        })),
        _ => None,
    })
}

#[test]
fn a_direct_message_reaches_programs_as_it_is_and_terminals_as_a_line() {
    let server = Lone::start(80, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut benjamin = character(&mut peer, 1, "benjamin");
    let mut mengxiong = character(&mut peer, 2, "mengxiong");
    let mut ann = hall_character(&server, "Ann");
    let message = |to: &str| {
        json!({
            "type": "DirectMessage",
            "from": {"type": "User", "id": "benjamin"},
            "to": {"type": "User", "id": to},
            "message": "Hello world",
        })
    };
    send(&mut benjamin, &mut peer, &message("mengxiong"));
    assert_eq!(
        hear(&mut mengxiong, &mut peer, "DirectMessage"),
        message("mengxiong")
    );
    send(&mut benjamin, &mut peer, &message("Ann"));
    ann.expect("benjamin tells you, \"Hello world\"");
    ann.command("page benjamin hello yourself");
    assert_eq!(
        hear(&mut benjamin, &mut peer, "DirectMessage")["message"],
        "hello yourself"
    );
    let task = send(&mut benjamin, &mut peer, &message("nobody"));
    assert_eq!(
        ended(&mut benjamin, &mut peer, task),
        Err("Nobody is called nobody".to_owned())
    );
}

#[test]
fn a_room_is_opened_by_whoever_speaks_there_and_everybody_in_it_hears_the_same_order() {
    let server = Lone::start(81, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut benjamin = character(&mut peer, 1, "benjamin");
    let mut ann = hall_character(&server, "Ann");
    let say = |text: &str| {
        json!({
            "type": "ChatRoomMessage",
            "from": {"type": "User", "id": "benjamin"},
            "to": {"type": "ChatRoom", "id": "room1"},
            "message": text,
        })
    };
    send(&mut benjamin, &mut peer, &say("Hello world"));
    assert_eq!(
        hear(&mut benjamin, &mut peer, "ChatRoomMessage"),
        say("Hello world")
    );
    ann.check("@join room1", &["You join room1."]);
    ann.check("room1", &["[room1] benjamin: Hello world"]);
    for number in 0..5 {
        send(&mut benjamin, &mut peer, &say(&format!("line {number}")));
    }
    for number in 0..5 {
        ann.expect(&format!("[room1] benjamin: line {number}"));
    }
    ann.command("room1 and one from a terminal");
    let heard = benjamin.wait(&mut peer, "a line of Ann", |event| match event {
        ClientEvent::Typed { json, .. } => {
            let message: Json = serde_json::from_slice(json).ok()?;
            (message["from"]["id"] == "Ann").then_some(message)
        }
        _ => None,
    });
    assert_eq!(heard["to"], json!({"type": "ChatRoom", "id": "room1"}));
    assert_eq!(heard["message"], "and one from a terminal");
    let mut here = say("good evening");
    here["to"]["id"] = json!("here");
    send(&mut benjamin, &mut peer, &here);
    benjamin.expect(&mut peer, "You say, \"good evening\"");
    ann.expect("benjamin says, \"good evening\"");
    ann.check("@leave room1", &["You are not on room1 any more."]);
    benjamin.types(&mut peer, "@leave room1").expect("a command");
    benjamin.expect(&mut peer, "You are not on room1 any more.");
    ann.check("room1", &["I do not understand \"room1\"."]);
}

#[test]
fn everybody_hears_a_global_message_but_nobody_sends_them_all_the_time() {
    let server = Lone::start(82, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut benjamin = character(&mut peer, 1, "benjamin");
    let mut ann = hall_character(&server, "Ann");
    let message = json!({
        "type": "GlobalMessage",
        "from": {"type": "User", "id": "benjamin"},
        "message": "Hello world",
    });
    send(&mut benjamin, &mut peer, &message);
    assert_eq!(hear(&mut benjamin, &mut peer, "GlobalMessage"), message);
    ann.expect("benjamin tells everybody, \"Hello world\"");
    let task = send(&mut benjamin, &mut peer, &message);
    let refused = ended(&mut benjamin, &mut peer, task).expect_err("twice within seconds");
    assert!(
        refused.starts_with("You may speak to everybody again in "),
        "{refused}"
    );
    ann.check("shout good morning", &["Ann tells everybody, \"good morning\""]);
}

#[test]
fn the_fireside_game_is_played_by_programs_and_at_terminals() {
    let server = Lone::start(83, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut benjamin = character(&mut peer, 1, "benjamin");
    let action = |payload: Json| {
        json!({
            "type": "GameAction",
            "game": "firesideshooter1",
            "from": {"type": "User", "id": "benjamin"},
            "payload": payload,
        })
    };
    let task = send(&mut benjamin, &mut peer, &action(json!({})));
    let state = ended(&mut benjamin, &mut peer, task).expect("a state");
    assert_eq!(
        state["players"],
        json!([{"id": "benjamin", "score": 0, "stone": 5}])
    );
    let task = send(&mut benjamin, &mut peer, &action(json!({"move": "left"})));
    let state = ended(&mut benjamin, &mut peer, task).expect("a state");
    assert_eq!(state["players"][0]["stone"], 4);
    let told = hear(&mut benjamin, &mut peer, "GameState");
    assert_eq!(told["game"], "firesideshooter1");
    let mut ann = hall_character(&server, "Ann");
    ann.check("in", &["The Great Hall"]);
    ann.check("play stones", &["You take part."]);
    ann.check("shoot 12 at sparks", &["There are stones 1 to 9."]);
    ann.expect("A spark rises over stone");
    let task = send(&mut benjamin, &mut peer, &action(json!({"move": "up"})));
    assert_eq!(
        ended(&mut benjamin, &mut peer, task),
        Err("A move is left, right or the number of a stone".to_owned())
    );
}

#[test]
fn what_makes_no_message_is_refused_with_the_reason_and_does_nothing() {
    let server = Lone::start(84, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut benjamin = character(&mut peer, 1, "benjamin");
    let to = json!({"type": "User", "id": "benjamin"});
    let room = json!({"type": "ChatRoom", "id": "Not a name!"});
    let cases = [
        (
            json!({"type": "DirectMessage", "message": "x"}),
            "This message needs a \"to\" of type User",
        ),
        (
            json!({"type": "DirectMessage", "to": room, "message": "x"}),
            "This message needs a \"to\" of type User",
        ),
        (
            json!({"type": "DirectMessage", "to": to}),
            "This message needs a text as \"message\"",
        ),
        (
            json!({"type": "DirectMessage", "to": to, "message": 7}),
            "This message needs a text as \"message\"",
        ),
        (
            json!({"type": "DirectMessage", "to": to, "message": "  "}),
            "This message says nothing",
        ),
        (
            json!({"type": "DirectMessage", "to": to, "message": "a\r\nb"}),
            "A message is one line, without control characters",
        ),
        (
            json!({"type": "DirectMessage", "to": to, "message": "x".repeat(1001)}),
            "A message has at most 1000 characters",
        ),
        (
            json!({"type": "ChatRoomMessage", "to": room, "message": "x"}),
            "A channel's name has at most 20 letters, digits, - and _, a letter first",
        ),
        (
            json!({"type": "GameAction", "payload": {}}),
            "This message needs a text as \"game\"",
        ),
        (
            json!({"type": "GameAction", "game": "chess", "payload": {}}),
            "There is no game called chess",
        ),
        (
            json!({"type": "GameAction", "game": "shooter", "payload": []}),
            "A payload is an object",
        ),
    ];
    for (message, reason) in cases {
        let task = send(&mut benjamin, &mut peer, &message);
        assert_eq!(
            ended(&mut benjamin, &mut peer, task),
            Err(reason.to_owned()),
            "{message}"
        );
    }
    let unknown = ask(&mut benjamin, &mut peer, &json!({"type": "Telepathy"}));
    assert_eq!(unknown, Err(RpcMessageError::UnknownType("Telepathy".to_owned())));
    let typed = |event: &ClientEvent| matches!(event, ClientEvent::Typed { .. });
    assert!(!benjamin.shown.values().any(typed), "nothing was passed on");
}
