//! What clients say and read, without a socket.

use super::super::json::json_value;
use super::super::link::Known;
use super::*;

const NOW: Duration = Duration::ZERO;

fn anybody(_: &str) -> Result<(), Duration> {
    Ok(())
}

/// What a client reads, and the code that it is closed with.
fn read(session: &mut Session) -> (Vec<Value>, Option<u16>) {
    let (mut read, mut closed) = (Vec::new(), None);
    for act in session.acts() {
        match act {
            Act::Send { text, .. } => read.push(serde_json::from_str(&text).unwrap()),
            Act::Close { code, .. } => closed = Some(code),
            _ => {}
        }
    }
    (read, closed)
}

/// A client that is logged in as ann, #97.
fn known() -> Session {
    let mut session = Session::new(None);
    session.stage = Stage::Inside;
    session.player = Some(Player {
        player: WireObj(97),
        name: "ann".to_owned(),
        sid: "5e551014".to_owned(),
        token: Some("v4.public.x".to_owned()),
    });
    session
}

#[test]
fn a_message_of_somebody_else_ends_the_conversation_and_reaches_nobody() {
    let froms = [
        json!(null),
        json!({"type": "User", "id": "ann"}),
        json!({"type": "User", "session": "5e551014"}),
        json!({"type": "User", "id": "ann", "session": "another"}),
        json!({"type": "User", "id": "ann", "session": ""}),
    ];
    for from in froms {
        let mut session = known();
        let message = json!({"type": "GlobalMessage", "id": "m", "from": from, "message": "hi"});
        session.hear(&message.to_string(), NOW, anybody);
        let acts = session.acts();
        let is_asked = |act: &Act| matches!(act, Act::Ask { .. });
        assert!(!acts.iter().any(is_asked), "{from}");
        assert!(acts.contains(&Act::Leave), "{from}");
        let is_closed = |act: &Act| matches!(act, Act::Close { code: 4401, .. });
        assert!(acts.iter().any(is_closed), "{from}: {acts:?}");
    }
}

#[test]
fn what_a_message_is_proved_by_is_taken_out_of_it() {
    for id in ["ann", "Ann", "#97"] {
        let mut session = known();
        let from = json!({"type": "User", "id": id, "session": "5e551014"});
        let message = json!({"type": "GameAction", "game": "chess", "from": from, "payload": {"move": "e4"}});
        session.hear(&message.to_string(), NOW, anybody);
        let acts = session.acts();
        let Some(Act::Ask {
            message: Message::Typed { data, .. },
            ..
        }) = acts.first()
        else {
            panic!("{id}: {acts:?}");
        };
        let data = json_value(data);
        let wanted = json!({"game": "chess", "from": {"type": "User", "id": id}, "payload": {"move": "e4"}});
        assert_eq!(data, wanted);
    }
}

#[test]
fn numbers_are_the_clients_or_ours_and_leave_no_hole() {
    let mut session = known();
    let say = |session: &mut Session, n: Option<u64>| {
        let mut message = json!({"type": "Command", "id": "x", "line": "look"});
        if let Some(n) = n {
            message["n"] = n.into();
        }
        session.hear(&message.to_string(), NOW, anybody);
        let acts = session.acts();
        acts.into_iter().find_map(|act| match act {
            Act::Ask { number, .. } => Some(Ok(number)),
            Act::Send { text, .. } => {
                Some(Err(serde_json::from_str::<Value>(&text).unwrap()["code"].clone()))
            }
            _ => None,
        })
    };
    assert_eq!(say(&mut session, Some(1)), Some(Ok(Number::Next)));
    assert_eq!(say(&mut session, Some(1)), Some(Ok(Number::Again(1))));
    assert_eq!(say(&mut session, Some(3)), Some(Err(json!("BAD_NUMBER"))));
    assert_eq!(say(&mut session, None), Some(Err(json!("BAD_NUMBER"))));
    assert_eq!(say(&mut session, Some(2)), Some(Ok(Number::Next)));
}

#[test]
fn nothing_overtakes_a_message_that_waits_for_a_name() {
    let mut session = Session::new(None);
    session.stage = Stage::Inside;
    let event = |event, seq| ToClient::Event {
        event: std::sync::Arc::new(event),
        pos: StreamPos { era: 1, seq },
        mark: seq,
        origin: Origin::default(),
    };
    session.told(event(
        ClientEvent::PlayerSwitched {
            player: WireObj(5),
            auth_token: "t".into(),
            sid: "s".into(),
        },
        1,
    ));
    session.told(event(ClientEvent::Gap { lost: 3 }, 2));
    assert_eq!(read(&mut session).0, Vec::<Value>::new());
    session.whose(Ok(Known {
        sid: "s".into(),
        client: ClientId([1; 16]),
        player: WireObj(5),
        name: "Zoe".into(),
    }));
    let (told, _) = read(&mut session);
    let types: Vec<_> = told.iter().map(|told| told["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Player", "Gap"]);
    assert_eq!(told[0]["name"], "Zoe");
}

#[test]
fn twenty_malformed_messages_in_a_minute_are_too_many() {
    let mut session = Session::new(None);
    for at in 0..MALFORMED_MAX as u64 - 1 {
        session.hear("{", Duration::from_secs(at), anybody);
        assert_eq!(read(&mut session).1, None);
    }
    session.hear("{", MALFORMED_PERIOD + Duration::from_secs(1), anybody);
    assert_eq!(read(&mut session).1, None, "the first ones are forgotten");
    session.hear("{", MALFORMED_PERIOD + Duration::from_secs(1), anybody);
    session.hear("{", MALFORMED_PERIOD + Duration::from_secs(1), anybody);
    assert_eq!(read(&mut session).1, Some(4400));
}

#[test]
fn whoever_tries_too_often_is_told_when_to_try_again() {
    let mut session = Session::new(None);
    let login = json!({"type": "Login", "id": "1", "name": "ann", "password": "x"}).to_string();
    session.hear(&login, NOW, |name| {
        assert_eq!(name, "ann");
        Err(Duration::from_secs(7))
    });
    let (told, _) = read(&mut session);
    assert_eq!(
        (&told[0]["code"], &told[0]["retry_after_ms"]),
        (&json!("BUSY"), &json!(7_000))
    );
}

/// A message for the world from somebody of this name, by the session that is ann's.
fn global(id: &str, name: &str) -> String {
    let from = json!({"type": "User", "id": name, "session": "5e551014"});
    json!({"type": "GlobalMessage", "id": id, "from": from, "message": "hi"}).to_string()
}

fn named(name: &str) -> Known {
    Known {
        sid: "5e551014".to_owned(),
        client: ClientId([1; 16]),
        player: WireObj(97),
        name: name.to_owned(),
    }
}

/// The ids of the messages that the world is told of, and the code that the client is closed with.
fn told(session: &mut Session) -> (Vec<String>, Option<u16>) {
    let (mut told, mut closed) = (Vec::new(), None);
    for act in session.acts() {
        match act {
            Act::Ask {
                message: Message::Typed { id, .. },
                ..
            } => told.extend(id),
            Act::Close { code, .. } => closed = Some(code),
            _ => {}
        }
    }
    (told, closed)
}

#[test]
fn another_name_is_asked_for_and_nothing_overtakes_the_message_that_shows_it() {
    let mut session = known();
    for (id, name) in [("1", "anna"), ("2", "anna"), ("3", "#97")] {
        session.hear(&global(id, name), NOW, anybody);
    }
    let acts = session.acts();
    assert_eq!(acts, [Act::Whose("5e551014".to_owned())]);
    session.whose(Ok(named("Anna")));
    assert_eq!(
        told(&mut session),
        (vec!["1".into(), "2".into(), "3".into()], None)
    );
}

#[test]
fn a_name_that_is_still_not_the_players_ends_the_conversation_and_no_answer_does_not() {
    let mut session = known();
    session.hear(&global("1", "bob"), NOW, anybody);
    session.whose(Ok(named("ann")));
    assert_eq!(told(&mut session), (Vec::new(), Some(4401)));
    let mut session = known();
    session.hear(&global("1", "bob"), NOW, anybody);
    session.acts();
    session.whose(Err(NoAnswer::Failed(crate::protocol::error::RpcError::Timeout)));
    let (read, closed) = read(&mut session);
    assert_eq!((&read[0]["code"], closed), (&json!("TIMEOUT"), None));
}

#[test]
fn only_programs_and_values_may_be_long_and_not_many_of_them_may_wait() {
    let long = "x".repeat(WEB_FRAME_MAX);
    let mut session = known();
    session.hear(
        &json!({"type": "Command", "line": long}).to_string(),
        NOW,
        anybody,
    );
    assert_eq!(read(&mut session).1, Some(1009));
    let mut session = known();
    let program = json!({"type": "Program", "object": "#5", "verb": "look", "code": [long]}).to_string();
    let room = crate::limits::ASKS_BYTES_MAX / WEB_FRAME_MAX - 1;
    (0..room).for_each(|_| session.hear(&program, NOW, anybody));
    assert!(session.acts().iter().all(|act| matches!(act, Act::Ask { .. })));
    session.hear(&program, NOW, anybody);
    assert_eq!(read(&mut session).0[0]["code"], "BUSY");
    // What waits behind a name that is asked for has the same bound.
    let mut session = known();
    session.hear(&global("1", "anna"), NOW, anybody);
    (0..room).for_each(|_| session.hear(&program, NOW, anybody));
    assert_eq!(session.acts(), [Act::Whose("5e551014".to_owned())]);
    session.hear(&program, NOW, anybody);
    assert_eq!(read(&mut session).0[0]["code"], "BUSY");
    let mut session = known();
    session.told(ToClient::Away);
    session.acts();
    session.hear(&program, NOW, anybody);
    assert_eq!(read(&mut session).0[0]["code"], "BUSY");
}

#[test]
fn a_new_token_of_the_player_is_told_once() {
    let mut session = known();
    let mut renewed = |token: &str, seq| {
        let event = ClientEvent::CredentialsUpdated {
            client_token: "c".into(),
            auth_token: Some(token.into()),
            sid: "5e551014".into(),
            bound: [1; 16],
        };
        session.told(ToClient::Event {
            event: std::sync::Arc::new(event),
            pos: StreamPos { era: 1, seq },
            mark: seq,
            origin: Origin::default(),
        });
        read(&mut session).0
    };
    assert_eq!(
        renewed("v4.public.x", 8),
        [Value::Null; 0],
        "it came with the login"
    );
    let told = json!({"type": "Token", "pos": {"era": 1, "seq": 9}, "token": "v4.public.y"});
    assert_eq!(renewed("v4.public.y", 9), [told]);
}
