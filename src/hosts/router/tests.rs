//! The router between a daemon and clients that only listen.

use super::*;
use crate::limits::EVENTS_HELD_MAX;
use crate::protocol::client::HostClientToDaemonMessage;
use std::cell::RefCell;
use std::rc::Rc;

/// Keeps what it hears, as words.
#[derive(Clone, Debug, Default)]
struct Heard(Rc<RefCell<Vec<String>>>);

impl Ear for Heard {
    fn tell(&self, message: ToClient) {
        let words = match message {
            ToClient::Event(event) => match &*event {
                ClientEvent::Gap { lost } => format!("gap {lost}"),
                ClientEvent::SystemMessage { message, .. } => message.clone(),
                other => panic!("these tests send no {other:?}"),
            },
            ToClient::Answered => "answered".to_owned(),
            ToClient::Refused(text) => format!("refused: {text}"),
            ToClient::Ready { fresh } => format!("ready {fresh}"),
            ToClient::Away => "away".to_owned(),
            ToClient::Notice(_) => "notice".to_owned(),
            ToClient::Close(_) => "close".to_owned(),
        };
        self.0.borrow_mut().push(words);
    }
}

impl Heard {
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut *self.0.borrow_mut()), expected);
    }
}

const CLIENT: ClientId = ClientId([3; 16]);

fn peer() -> Peer {
    Peer {
        addr: "::1".to_owned(),
        local_port: 7777,
        remote_port: 1,
        content_types: Vec::new(),
        attrs: Vec::new(),
    }
}

fn event(number: u64) -> ClientEvent {
    ClientEvent::SystemMessage {
        player: WireObj(2),
        message: number.to_string(),
    }
}

fn deliver(router: &mut Router<Heard>, seq: u64) -> Option<Missing> {
    router.event(
        &Recipient {
            client: CLIENT,
            attach_epoch: 0,
            seq,
        },
        &Arc::new(event(seq)),
    )
}

fn known() -> DaemonToClientReply {
    DaemonToClientReply::NewConnection {
        client_token: String::new(),
        bound: [5; 16],
        connection: WireObj(-2),
        pos: StreamPos { era: 1, seq: 0 },
    }
}

fn type_lines(router: &mut Router<Heard>, lines: &[&str]) -> Vec<(u64, bool)> {
    let mut requests = Vec::new();
    router.lines(
        CLIENT,
        lines.iter().map(|&line| line.to_owned()).collect(),
        &mut requests,
    );
    numbers(&requests)
}

fn numbers(requests: &[Request]) -> Vec<(u64, bool)> {
    requests
        .iter()
        .map(|request| (request.body.cmd_seq, request.again))
        .collect()
}

/// A router with one client that the daemon knows.
fn open() -> (Router<Heard>, Heard) {
    let (mut router, heard) = (Router::default(), Heard::default());
    router.open(CLIENT, peer(), WireObj(0), heard.clone());
    router.answer(CLIENT, 0, known(), &mut Vec::new());
    heard.check(&["ready false"]);
    (router, heard)
}

#[test]
fn events_are_delivered_once_and_in_order() {
    let (mut router, heard) = open();
    assert_eq!(deliver(&mut router, 1), None);
    assert_eq!(deliver(&mut router, 1), None);
    let from = StreamPos { era: 1, seq: 2 };
    assert_eq!(
        deliver(&mut router, 4),
        Some(Missing {
            client: CLIENT,
            from,
            to: 3
        })
    );
    assert_eq!(deliver(&mut router, 3), None, "the hole was asked for already");
    heard.check(&["1"]);
    router.replay(CLIENT, vec![(2, event(2)), (3, event(3))], None);
    heard.check(&["2", "3", "4"]);
    assert_eq!(router.acks(), [(CLIENT, 4)]);
    assert_eq!(router.acks(), []);
}

#[test]
fn events_that_overtake_the_first_answer_are_not_lost() {
    let (mut router, heard) = (Router::default(), Heard::default());
    router.open(CLIENT, peer(), WireObj(0), heard.clone());
    deliver(&mut router, 1);
    router.answer(CLIENT, 0, known(), &mut Vec::new());
    deliver(&mut router, 2);
    heard.check(&["1", "ready false", "2"]);
}

#[test]
fn what_is_lost_for_good_is_said_and_the_stream_goes_on() {
    let (mut router, heard) = open();
    deliver(&mut router, 5);
    router.replay(CLIENT, vec![(4, event(4))], Some(3));
    heard.check(&["gap 3", "4", "5"]);
    deliver(&mut router, 8);
    router.replay(CLIENT, Vec::new(), Some(2));
    heard.check(&["gap 2", "8"]);
}

#[test]
fn a_tail_that_never_came_is_missed_by_its_head() {
    let (mut router, _) = open();
    deliver(&mut router, 1);
    assert_eq!(router.head(CLIENT, 1), None);
    let from = StreamPos { era: 1, seq: 2 };
    assert_eq!(
        router.head(CLIENT, 3),
        Some(Missing {
            client: CLIENT,
            from,
            to: 3
        })
    );
}

#[test]
fn commands_are_numbered_from_one_and_each_answer_counts_once() {
    let (mut router, heard) = open();
    assert_eq!(type_lines(&mut router, &["a", "b"]), [(1, false), (2, false)]);
    assert_eq!(type_lines(&mut router, &["c"]), [(3, false)]);
    let submitted = DaemonToClientReply::TaskSubmitted { task_id: 9 };
    router.answer(CLIENT, 1, submitted.clone(), &mut Vec::new());
    router.answer(CLIENT, 1, submitted, &mut Vec::new());
    router.refuse(CLIENT, 2, &RpcMessageError::QueueFull);
    let refused = format!("refused: {}", RpcMessageError::QueueFull.surface().telnet);
    heard.check(&["answered", &refused]);
}

#[test]
fn lines_typed_before_the_daemon_answers_are_sent_when_it_does() {
    let (mut router, _) = (Router::default(), ());
    router.open(CLIENT, peer(), WireObj(0), Heard::default());
    assert_eq!(type_lines(&mut router, &["a"]), []);
    let mut requests = Vec::new();
    router.answer(CLIENT, 0, known(), &mut requests);
    assert_eq!(numbers(&requests), [(1, false)]);
}

#[test]
fn after_a_restart_unanswered_commands_go_again_with_their_numbers() {
    let (mut router, heard) = open();
    deliver(&mut router, 1);
    type_lines(&mut router, &["a", "b", "c"]);
    router.answer(
        CLIENT,
        1,
        DaemonToClientReply::TaskSubmitted { task_id: 9 },
        &mut Vec::new(),
    );
    let held = router.come_back(&mut Vec::new());
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].cmd_acked, held[0].last),
        (1, StreamPos { era: 1, seq: 1 })
    );
    let mut requests = Vec::new();
    let outcome = ReattachOutcome::Ok {
        attach_epoch: 4,
        head: StreamPos { era: 1, seq: 3 },
    };
    let missing = router
        .reattached(CLIENT, outcome, &mut requests)
        .expect("two events were missed");
    assert_eq!((missing.from.seq, missing.to), (2, 3));
    assert_eq!(numbers(&requests), [(2, true), (3, true)]);
    assert_eq!(router.epochs().collect::<Vec<_>>(), [(CLIENT, 4)]);
    heard.check(&["1", "answered", "ready false"]);
}

#[test]
fn a_line_that_a_draining_daemon_refuses_goes_to_the_next_one() {
    let (mut router, heard) = open();
    type_lines(&mut router, &["a"]);
    router.refuse(CLIENT, 1, &RpcMessageError::Draining);
    heard.check(&[]);
    let (mut requests, head) = (Vec::new(), StreamPos { era: 1, seq: 0 });
    router.reattached(
        CLIENT,
        ReattachOutcome::Ok {
            attach_epoch: 1,
            head,
        },
        &mut requests,
    );
    assert_eq!(numbers(&requests), [(1, true)]);
}

#[test]
fn events_for_an_older_epoch_are_not_delivered() {
    let (mut router, heard) = open();
    let outcome = ReattachOutcome::Ok {
        attach_epoch: 4,
        head: StreamPos { era: 1, seq: 0 },
    };
    router.reattached(CLIENT, outcome, &mut Vec::new());
    deliver(&mut router, 1);
    heard.check(&["ready false"]);
}

#[test]
fn a_forgotten_connection_begins_anew() {
    let (mut router, heard) = open();
    deliver(&mut router, 1);
    type_lines(&mut router, &["a"]);
    let mut requests = Vec::new();
    router.reattached(CLIENT, ReattachOutcome::Unknown, &mut requests);
    assert!(matches!(
        requests[0].body.message,
        HostClientToDaemonMessage::ConnectionEstablish { .. }
    ));
    router.answer(CLIENT, 0, known(), &mut requests);
    deliver(&mut router, 1);
    assert_eq!(type_lines(&mut router, &["b"]), [(1, false)]);
    heard.check(&["1", "notice", "ready true", "1"]);
}

#[test]
fn a_connection_that_another_host_has_is_closed() {
    let (mut router, heard) = open();
    router.reattached(CLIENT, ReattachOutcome::Fenced { current: 9 }, &mut Vec::new());
    router.refuse(CLIENT, 0, &RpcMessageError::NoConnection);
    heard.check(&["close", "close"]);
    assert_eq!(
        router.close(CLIENT),
        None,
        "the daemon does not know it, so there is nothing to tell"
    );
}

#[test]
fn only_a_known_connection_is_detached_and_the_digest_forgets_it() {
    let (mut router, _) = open();
    assert_ne!(router.digest(), 0);
    let request = router.close(CLIENT).expect("the daemon knows it");
    assert_eq!(
        request.body.message,
        HostClientToDaemonMessage::Detach { disconnected: true }
    );
    assert_eq!((router.digest(), router.len()), (0, 0));
    router.open(CLIENT, peer(), WireObj(0), Heard::default());
    assert_eq!(router.close(CLIENT), None);
}

#[test]
fn a_client_that_goes_before_the_daemon_answers_is_detached_when_it_does() {
    let mut router = Router::default();
    router.open(CLIENT, peer(), WireObj(0), Heard::default());
    assert_eq!(router.close(CLIENT), None);
    for expected in [1, 0] {
        let mut requests = Vec::new();
        router.answer(CLIENT, 0, known(), &mut requests);
        assert_eq!(requests.len(), expected);
    }
}

#[test]
fn the_number_of_events_that_wait_for_a_missing_one_is_bounded() {
    let (mut router, heard) = open();
    for seq in 2..EVENTS_HELD_MAX as u64 + 100 {
        deliver(&mut router, seq);
    }
    router.replay(CLIENT, vec![(1, event(1))], None);
    assert_eq!(heard.0.borrow().len(), EVENTS_HELD_MAX + 1);
}
