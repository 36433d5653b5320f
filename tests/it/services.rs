//! What clients' programs ask that is no line: typed messages, handlers, answers to tasks that read, and REST calls.

use crate::support::lone::{Lone, Program};
use crate::support::peer::{Answer, Peer};
use crate::support::tab::{Tab, lines_of};
use crate::support::wait_for;
use moo_model::Value;
use moothall::protocol::client::{
    Auth, CmdOutcome, DaemonToClientReply as Reply, HistoricalEvent, HistoryRecall,
    HostClientToDaemonMessage as Ask, ObjectRef,
};
use moothall::protocol::error::{RpcMessageError, SchedulerError};
use moothall::protocol::event::{ClientEvent, StreamPos};
use moothall::protocol::{ClientId, HostId, ReqId, WireObj, WireValue};

const WEB: HostId = HostId([0x63; 16]);
const CLIENT: ClientId = ClientId([1; 16]);

/// A wizard's tab, and the wizard's token.
#[track_caller]
fn wizard(peer: &mut Peer) -> (Tab, String) {
    let mut tab = Tab::open(peer, CLIENT);
    let login = tab.log_in(peer, "connect Wizard", true).expect("a login");
    (tab, login.auth_token)
}

#[track_caller]
fn program(tab: &mut Tab, peer: &mut Peer, verb: &str, code: &[&str]) {
    let expression =
        format!("add_verb(#0, {{player, \"rxd\", \"{verb}\"}}, {{\"this\", \"none\", \"this\"}})");
    tab.changes(peer, Ask::Eval { expression }).unwrap();
    let program = Ask::Program {
        object: ObjectRef::Number(WireObj(0)),
        verb: verb.to_owned(),
        code: code.iter().map(|&line| line.to_owned()).collect(),
    };
    let programmed = tab.changes(peer, program);
    assert!(
        matches!(programmed, Ok(Reply::ProgramResult(Ok(_)))),
        "{programmed:?}"
    );
}

fn typed(msg_type: &str) -> Ask {
    Ask::Typed {
        msg_type: msg_type.to_owned(),
        id: None,
        to: Some(("user".to_owned(), "ada".to_owned())),
        data: WireValue::new(&Value::str("hello")),
    }
}

fn handler(name: &str) -> Ask {
    Ask::InvokeSystemHandler {
        handler_type: name.to_owned(),
        args: vec![WireValue::new(&Value::int(20))],
    }
}

#[test]
fn a_typed_message_is_a_task_of_the_world_once_and_unknown_ones_are_named() {
    let server = Lone::without_host(70, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, _) = wizard(&mut peer);
    let unknown = Err(RpcMessageError::UnknownType("Greeting".to_owned()));
    assert_eq!(
        tab.changes(&mut peer, typed("Greeting")),
        unknown,
        "there is no verb at all"
    );
    program(
        &mut tab,
        &mut peer,
        "do_typed_message",
        &[
            "{type, from, to, data} = args;",
            "if (type != \"Greeting\")",
            "return E_VERBNF;",
            "endif",
            "caller_perms() == #-1 || raise(E_PERM);",
            "notify(from, tostr(type, \" to \", toliteral(to), \": \", data));",
            "return 7;",
        ],
    );
    let unknown = Err(RpcMessageError::UnknownType("Telepathy".to_owned()));
    assert_eq!(tab.changes(&mut peer, typed("Telepathy")), unknown);
    let seq = tab.cmd_next;
    let Ok(Reply::TaskSubmitted { task_id }) = tab.changes(&mut peer, typed("Greeting")) else {
        panic!("it became no task");
    };
    let again = tab.asks(&mut peer, seq, typed("Greeting"));
    let outcome = CmdOutcome::Submitted { task: task_id };
    assert_eq!(
        again,
        Ok(Reply::Duplicate {
            cmd_seq: seq,
            outcome
        })
    );
    let result = tab.wait(&mut peer, "TaskSuccess", |event| match event {
        ClientEvent::TaskSuccess { task, result } if *task == task_id => Some(result.open().unwrap()),
        _ => None,
    });
    assert_eq!(result, Value::int(7));
    let said = "Greeting to {\"user\", \"ada\"}: hello";
    assert_eq!(tab.lines().iter().filter(|line| *line == said).count(), 1);
    assert_eq!(
        tab.asks(&mut peer, 0, typed("Greeting")),
        Err(RpcMessageError::InvalidRequest(
            "what may change the world needs a number".to_owned()
        ))
    );
}

#[test]
fn a_handler_is_called_for_whoever_reaches_a_host_and_no_other_verb_is() {
    let server = Lone::without_host(71, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, _) = wizard(&mut peer);
    program(
        &mut tab,
        &mut peer,
        "invoke_http_handler",
        &["return {player, callers(), args[1] + 1};"],
    );
    let nobody = ClientId([0; 16]);
    let called = peer.request(nobody, Auth::None, 0, handler("http"));
    let Ok(Reply::SystemHandler(Ok(value))) = called else {
        panic!("{called:?}");
    };
    assert_eq!(
        moo_model::literal::to_literal(&value.open().unwrap()),
        "{#-1, {}, 21}"
    );
    let missing = peer.request(nobody, Auth::None, 0, handler("ftp"));
    assert!(
        matches!(
            &missing,
            Ok(Reply::SystemHandler(Err(SchedulerError::TaskAbortedVerbNotFound { verb, .. })))
                if verb == "invoke_ftp_handler"
        ),
        "{missing:?}"
    );
    for name in ["", "http ", "x_handler(); y", "Http"] {
        let refused = peer.request(nobody, Auth::None, 0, handler(name));
        assert!(
            matches!(refused, Err(RpcMessageError::InvalidRequest(_))),
            "{name}: {refused:?}"
        );
    }
    let other = peer.request(nobody, Auth::None, 0, typed("Greeting"));
    assert_eq!(other, Err(RpcMessageError::InvalidToken));
}

#[test]
fn a_token_without_a_connection_may_ask_what_its_player_may() {
    let server = Lone::without_host(72, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, token) = wizard(&mut peer);
    tab.asks(&mut peer, 0, Ask::Detach { disconnected: true })
        .unwrap();
    let nobody = ClientId([0; 16]);
    let expression = "{player, length(connected_players())}".to_owned();
    let answer = peer.request(nobody, Auth::Player(token.clone()), 0, Ask::Eval { expression });
    let Ok(Reply::EvalResult(value)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(moo_model::literal::to_literal(&value.open().unwrap()), "{#2, 0}");
    let called = peer.request(
        nobody,
        Auth::Player(token),
        0,
        Ask::CallSystemVerb {
            verb: "no_such_verb".to_owned(),
            args: Vec::new(),
        },
    );
    assert!(
        matches!(called, Ok(Reply::VerbCall { result: Err(_), .. })),
        "{called:?}"
    );
    let resolve = || Ask::Resolve {
        object: ObjectRef::Number(WireObj(0)),
    };
    let junk = peer.request(nobody, Auth::Player("junk".to_owned()), 0, resolve());
    assert_eq!(junk, Err(RpcMessageError::InvalidToken));
}

#[track_caller]
fn question(tab: &mut Tab, peer: &mut Peer) -> ReqId {
    let before = tab.last.seq;
    wait_for("a question", || {
        tab.catch_up(peer);
        let later = tab.shown.range(before + 1..).map(|(_, event)| event);
        later.rev().find_map(|event| match event {
            ClientEvent::RequestInput { request, .. } => Some(*request),
            _ => None,
        })
    })
}

fn answer_to(request: ReqId) -> Ask {
    let input = Value::list(vec![Value::int(1), Value::str("two")]);
    Ask::RequestedInput {
        request,
        input: WireValue::new(&input),
    }
}

/// Answers a question, again and again under one number while the daemon says that it is busy, as a host does.
#[track_caller]
fn answers(tab: &mut Tab, peer: &mut Peer, request: ReqId) -> Answer {
    let seq = tab.cmd_next;
    tab.cmd_next += 1;
    wait_for("the daemon to have time", || {
        match tab.asks(peer, seq, answer_to(request)) {
            Err(RpcMessageError::Busy { .. }) => None,
            answer => Some(answer),
        }
    })
}

#[test]
fn a_task_that_reads_is_answered_with_any_value_once_and_by_its_own_question() {
    let mut server = Lone::without_host(73, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, _) = wizard(&mut peer);
    tab.types(
        &mut peer,
        ";;notify(player, \"got \" + toliteral(read())); notify(player, \"and \" + toliteral(read()));",
    )
    .unwrap();
    let first = question(&mut tab, &mut peer);
    let stranger = ReqId([9; 16]);
    let not_found = |request| {
        Err(RpcMessageError::TaskError(SchedulerError::InputRequestNotFound(
            request,
        )))
    };
    let seq = tab.cmd_next;
    assert_eq!(tab.asks(&mut peer, seq, answer_to(stranger)), not_found(stranger));
    assert_eq!(answers(&mut tab, &mut peer, first), Ok(Reply::InputThanks));
    tab.expect(&mut peer, "got {1, \"two\"}");
    let again = tab.asks(&mut peer, seq, answer_to(first));
    assert!(matches!(again, Ok(Reply::Duplicate { .. })), "{again:?}");
    let second = wait_for("another question", || {
        tab.catch_up(&mut peer);
        tab.shown.values().rev().find_map(|event| match event {
            ClientEvent::RequestInput { request, .. } if *request != first => Some(*request),
            _ => None,
        })
    });
    let late = tab.cmd_next;
    assert_eq!(
        tab.asks(&mut peer, late, answer_to(first)),
        not_found(first),
        "that was answered"
    );
    server.signal(Program::Daemon, rustix::process::Signal::KILL);
    server.restart_daemon();
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    assert!(matches!(tab.come_back(&mut peer), Ok(Reply::AttachResult(_))));
    assert!(tab.recovered);
    assert_eq!(answers(&mut tab, &mut peer, second), Ok(Reply::InputThanks));
    tab.expect(&mut peer, "and {1, \"two\"}");
}

#[track_caller]
fn past_of(answer: Answer) -> (Vec<HistoricalEvent>, bool) {
    match answer {
        Ok(Reply::History {
            events, more_before, ..
        }) => (events, more_before),
        other => panic!("no past: {other:?}"),
    }
}

fn texts(events: &[HistoricalEvent]) -> Vec<String> {
    events.iter().flat_map(|past| lines_of(&past.event)).collect()
}

#[test]
fn what_a_player_was_told_is_told_again_after_the_connection_and_the_daemon_have_ended() {
    let mut server = Lone::without_host(74, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, token) = wizard(&mut peer);
    for word in ["one", "two", "three"] {
        tab.types(&mut peer, &format!(";notify(player, \"{word}\")"))
            .unwrap();
        tab.expect(&mut peer, word);
    }
    let of_three = |event: &ClientEvent| lines_of(event).iter().any(|line| line == "three");
    let seq = *tab
        .shown
        .iter()
        .find(|(_, event)| of_three(event))
        .expect("it was shown")
        .0;
    let before = HistoryRecall::Before(StreamPos { seq, ..tab.last }, 100);
    let (events, _) = past_of(tab.asks(&mut peer, 0, Ask::RequestHistory { recall: before }));
    let said = texts(&events);
    assert!(
        said.iter().any(|line| line == "two") && !said.iter().any(|line| line == "three"),
        "{said:?}"
    );
    tab.asks(&mut peer, 0, Ask::Detach { disconnected: true })
        .unwrap();
    server.signal(Program::Daemon, rustix::process::Signal::KILL);
    server.restart_daemon();
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut ask = |recall| {
        let auth = Auth::Player(token.clone());
        past_of(peer.request(ClientId([0; 16]), auth, 0, Ask::RequestHistory { recall }))
    };
    let (all, more_before) = ask(HistoryRecall::Seconds(3_600, 200));
    assert!(!more_before);
    for word in ["one", "two", "three"] {
        assert_eq!(
            texts(&all).iter().filter(|line| *line == word).count(),
            1,
            "{word}"
        );
    }
    let (page, more_before) = ask(HistoryRecall::Before(all[2].pos, 1));
    assert_eq!((page.len(), page[0].pos, more_before), (1, all[1].pos, true));
    let (rest, _) = ask(HistoryRecall::After(all[1].pos, 200));
    assert_eq!(rest, all[2..]);
}

#[track_caller]
fn eval(tab: &mut Tab, peer: &mut Peer, expression: &str) -> String {
    let expression = expression.to_owned();
    match tab.changes(peer, Ask::Eval { expression }) {
        Ok(Reply::EvalResult(value)) => moo_model::literal::to_literal(&value.open().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_world_knows_what_a_client_says_of_itself_and_shows_it_things_over_a_restart() {
    let mut server = Lone::without_host(75, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let (mut tab, _) = wizard(&mut peer);
    let width = |value: Option<i64>| Ask::SetClientAttribute {
        key: "width".to_owned(),
        value: value.map(|width| WireValue::new(&Value::int(width))),
    };
    assert_eq!(
        tab.asks(&mut peer, 0, width(Some(80))),
        Ok(Reply::ClientAttributeSet)
    );
    assert_eq!(
        tab.asks(&mut peer, 0, width(Some(100))),
        Ok(Reply::ClientAttributeSet)
    );
    assert_eq!(
        eval(&mut tab, &mut peer, "connection_attributes(player)"),
        "{{\"width\", 100}}"
    );
    let shown =
        "present(player, \"map\", \"text/html\", \"right\", \"<b>here</b>\", {{\"title\", \"A map\"}})";
    eval(&mut tab, &mut peer, shown);
    eval(
        &mut tab,
        &mut peer,
        "present(player, \"clock\", \"text/plain\", \"top\", {\"noon\"})",
    );
    let seen = tab.wait(&mut peer, "a presentation", |event| match event {
        ClientEvent::Presentation {
            id,
            shown: Some(shown),
        } if id == "map" => Some(shown.clone()),
        _ => None,
    });
    assert_eq!(
        (seen.content_type.as_str(), seen.target.as_str()),
        ("text/html", "right")
    );
    let dismiss = Ask::DismissPresentation {
        id: "clock".to_owned(),
    };
    assert_eq!(tab.asks(&mut peer, 0, dismiss), Ok(Reply::PresentationDismissed));
    server.signal(Program::Daemon, rustix::process::Signal::KILL);
    server.restart_daemon();
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    assert!(matches!(tab.come_back(&mut peer), Ok(Reply::AttachResult(_))));
    let current = tab.asks(&mut peer, 0, Ask::RequestCurrentPresentations);
    assert_eq!(current, Ok(Reply::Presentations(vec![("map".to_owned(), seen)])));
    assert_eq!(
        eval(&mut tab, &mut peer, "connection_attributes(player)"),
        "{{\"width\", 100}}"
    );
    eval(&mut tab, &mut peer, "present(player, \"map\")");
    tab.wait(&mut peer, "the end of the presentation", |event| match event {
        ClientEvent::Presentation { id, shown: None } if id == "map" => Some(()),
        _ => None,
    });
    let none = tab.asks(&mut peer, 0, Ask::RequestCurrentPresentations);
    assert_eq!(none, Ok(Reply::Presentations(Vec::new())));
    let too_much = tab.asks(
        &mut peer,
        0,
        Ask::SetClientAttribute {
            key: "k".repeat(65),
            value: None,
        },
    );
    assert!(
        matches!(too_much, Err(RpcMessageError::InvalidRequest(_))),
        "{too_much:?}"
    );
}
