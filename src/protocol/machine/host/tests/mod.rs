//! A host between a daemon and clients of the test's own, in virtual time.

mod scene;
mod streams;

use scene::*;

use super::*;
use crate::limits::{REQUEST_DEADLINE_S, REST_DEFAULT_MS, STREAM_TAIL_MS};
use crate::protocol::WireObj;
use crate::protocol::broadcast::{ClientsBroadcastEvent, HostBroadcastEvent, Subject};
use crate::protocol::client::{Attachment, ClientReply, ConnectType, DaemonToClientReply, LoginOk};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::ClientEvent;
use crate::protocol::host::{DaemonDirect, ReattachOutcome};
use crate::protocol::surface::Surfaced;
use std::sync::Arc;

#[test]
fn commands_are_numbered_from_one_and_each_answer_counts_once() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a", "b"]);
    scene.lines(1, &["c"]);
    let commands = scene.commands();
    let [(first, 1, false), (second, 2, false), (_, 3, false)] = commands[..] else {
        panic!("{commands:?}")
    };
    scene.accept(first);
    scene.accept(first);
    scene.refuse(second, RpcMessageError::QueueFull, None);
    let refused = format!("refused: {}", RpcMessageError::QueueFull.surface().telnet);
    assert_eq!(scene.words(1), ["answered", &refused]);
}

#[test]
fn lines_typed_before_the_daemon_answers_are_sent_when_it_does() {
    let mut scene = Scene::up();
    scene.open(1);
    scene.lines(1, &["a"]);
    scene.known(1);
    assert_eq!(scene.numbers(), [(1, false)]);
}

#[test]
fn a_busy_daemon_gets_the_line_and_those_after_it_again_and_in_order() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a", "b", "c"]);
    let commands = scene.commands();
    scene.accept(commands[0].0);
    let busy = RpcMessageError::Busy { retry_after_ms: 300 };
    scene.refuse(commands[1].0, busy.clone(), None);
    scene.refuse(commands[2].0, busy, None);
    scene.lines(1, &["d"]);
    scene.after_ms(200, false);
    assert_eq!(scene.numbers(), []);
    scene.after_ms(100, false);
    assert_eq!(scene.numbers(), [(2, true), (3, true), (4, false)]);
    assert_eq!(scene.words(1), ["answered"]);
}

#[test]
fn a_busy_daemon_is_asked_again_for_a_connection_and_for_a_replay() {
    let mut scene = Scene::up();
    scene.open(1);
    let (envelope, _) = scene.request();
    let busy = RpcMessageError::Busy { retry_after_ms: 100 };
    scene.refuse(envelope, busy.clone(), None);
    scene.after_ms(100, false);
    scene.known(1);
    scene.event(1, 1, 2, 1);
    let (envelope, ..) = replay(&mut scene);
    scene.refuse(envelope, busy, None);
    scene.on(Input::Tick);
    scene.heard.clear();
    scene.after_ms(REST_DEFAULT_MS, false);
    assert_eq!(replay(&mut scene).1, 1);
}

#[test]
fn after_a_restart_unanswered_commands_go_again_with_their_numbers() {
    let mut scene = Scene::with_client();
    scene.event(1, 1, 1, 1);
    scene.take_all(1);
    scene.lines(1, &["a", "b", "c"]);
    let commands = scene.commands();
    scene.accept(commands[0].0);
    assert_eq!(scene.words(1), ["1", "answered"]);
    scene.restart_daemon();
    let held = &scene.held()[0];
    assert_eq!((held.cmd_acked, held.last), (1, at(1)));
    scene.out.clear();
    scene.reattach(ok(4, 3));
    let Some(Heard::Host(_, HostToDaemonMessage::Replay { from, .. })) = scene.heard.first() else {
        panic!("{:?}", scene.heard)
    };
    assert_eq!(*from, at(2));
    scene.heard.remove(0);
    assert_eq!(scene.numbers(), [(2, true), (3, true)]);
    assert_eq!(scene.words(1), ["ready false"]);
    scene.event(1, 3, 2, 1);
    assert_eq!(
        scene.words(1),
        [""; 0],
        "events for an older epoch are not delivered"
    );
}

#[test]
fn a_line_that_a_draining_daemon_refuses_goes_to_the_next_one() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a"]);
    let commands = scene.commands();
    scene.refuse(commands[0].0, RpcMessageError::Draining, None);
    assert_eq!(scene.words(1), [""; 0]);
    scene.restart_daemon();
    scene.reattach(ok(1, 0));
    assert_eq!(scene.numbers(), [(1, true)]);
}

#[test]
fn a_forgotten_connection_begins_anew() {
    let mut scene = Scene::with_client();
    scene.event(1, 1, 1, 1);
    scene.lines(1, &["a"]);
    scene.restart_daemon();
    scene.out.clear();
    scene.reattach(ReattachOutcome::Unknown);
    assert!(scene.words(1)[0].contains("please log in again"));
    scene.known(1);
    scene.event(1, 1, 1, 1);
    assert_eq!(scene.words(1), ["ready true", "1"]);
    scene.lines(1, &["b"]);
    assert_eq!(scene.numbers(), [(1, false)]);
    // What the socket takes of the old stream says nothing about the new one.
    scene.meters[0].1.accept(900, 1);
    scene.after_ms(100, false);
    assert_eq!(ack(&mut scene), (1, vec![], vec![]));
}

#[test]
fn a_refusal_is_told_after_the_events_before_it() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a"]);
    let commands = scene.commands();
    scene.refuse(commands[0].0, RpcMessageError::QueueFull, Some(at(2)));
    assert_eq!(scene.words(1), [""; 0]);
    scene.after_ms(STREAM_TAIL_MS + 100, false);
    let (envelope, from, _) = replay(&mut scene);
    scene.reply(envelope, &chunk(1, from..=2, true, None));
    let words = scene.words(1);
    assert_eq!(words[..2], ["1", "2"]);
    assert!(words[2].starts_with("refused: "), "{words:?}");
}

#[test]
fn an_answer_is_told_after_the_events_before_it_and_before_those_that_follow() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a", "b"]);
    let commands = scene.commands();
    scene.accept_after(commands[0].0, Some(at(1)));
    scene.accept_after(commands[1].0, Some(at(2)));
    assert_eq!(scene.words(1), [""; 0]);
    for seq in 1..=3 {
        scene.event(1, 1, seq, 1);
    }
    assert_eq!(scene.words(1), ["1", "answered", "2", "answered", "3"]);
}

#[test]
fn an_answer_is_not_held_back_for_ever_by_events_that_never_come() {
    let mut scene = Scene::with_client();
    scene.lines(1, &["a"]);
    let commands = scene.commands();
    scene.accept_after(commands[0].0, Some(at(2)));
    scene.after_ms(REQUEST_DEADLINE_S * 1_000, true);
    assert_eq!(scene.words(1), ["answered"]);
}

#[test]
fn many_connections_come_back_in_batches_spread_over_a_second_and_few_at_once() {
    for (clients, at_once) in [(700, 2), (6_000, 1)] {
        let mut scene = Scene::up();
        for n in 0..clients {
            let id = ClientId(u128::from(n + 1_000_000u64).to_le_bytes());
            let peer = crate::protocol::host::Peer {
                addr: String::new(),
                local_port: 1,
                remote_port: 1,
                content_types: Vec::new(),
                attrs: Vec::new(),
            };
            scene.on(Input::Opened {
                client: id,
                peer,
                handler: WireObj(0),
                meter: Arc::default(),
                entry: Entry::New,
            });
            if let Some(Heard::Client(envelope, _)) = scene.heard.pop() {
                scene.establish(envelope);
            }
        }
        scene.restart_daemon();
        assert_eq!(scene.heard.len(), at_once);
        scene.after_ms(2_100, false);
        let named = scene.heard.iter().map(|heard| match heard {
            Heard::Host(_, HostToDaemonMessage::ReattachBatch { conns }) => {
                assert!(conns.len() <= REATTACH_BATCH_MAX);
                conns.len() as u64
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(named.sum::<u64>(), clients);
    }
}

#[test]
fn only_the_fenced_client_is_closed_and_only_under_its_old_epoch() {
    let mut scene = Scene::with_client();
    scene.event(1, 4, 1, 1);
    scene.words(1);
    let fence = |attach_epoch| DaemonDirect::Fence {
        client: client(1),
        attach_epoch,
    };
    scene.direct(&fence(4));
    assert_eq!(scene.words(1), [""; 0], "it has come back since");
    scene.direct(&fence(5));
    assert_eq!(scene.words(1), ["close: *** Connected elsewhere ***"]);
    scene.on(gone(1));
    assert_eq!(
        scene.heard.len(),
        0,
        "it belongs to another host, which is not to lose it"
    );
}

#[test]
fn a_connection_that_another_host_has_is_closed_when_the_daemon_is_back() {
    let mut scene = Scene::with_client();
    scene.restart_daemon();
    scene.out.clear();
    scene.reattach(ReattachOutcome::Fenced { current: 9 });
    assert_eq!(scene.words(1), ["close: *** Connected elsewhere ***"]);
}

#[test]
fn a_client_that_goes_is_detached_after_its_last_line_or_once_it_is_known() {
    let mut scene = Scene::with_client();
    assert_ne!(scene.host.digest, 0);
    scene.lines(1, &["@quit"]);
    scene.on(gone(1));
    assert_eq!(scene.numbers(), [(1, false), (0, false)]);
    assert_eq!((scene.host.digest, scene.host.len()), (0, 0));
    scene.open(2);
    scene.on(gone(2));
    scene.known(2);
    let (_, request) = scene.request();
    let detach = HostClientToDaemonMessage::Detach { disconnected: true };
    assert_eq!(request.message, detach);
}

#[test]
fn a_client_that_goes_while_the_daemon_is_away_is_detached_when_it_is_back() {
    let mut scene = Scene::with_client();
    scene.on(Input::Disconnected);
    scene.on(gone(1));
    scene.epoch += 1;
    scene.on(Input::Connected);
    scene.come_up();
    let (envelope, _) = scene.request();
    scene.refuse(envelope, RpcMessageError::NoConnection, None);
    assert!(scene.host.farewells.is_empty());
}

#[test]
fn clients_are_told_that_the_daemon_is_away_and_closed_when_it_stays_away() {
    let mut scene = Scene::with_client();
    scene.on(Input::Disconnected);
    scene.after_ms(1_900, false);
    assert_eq!(scene.words(1), ["away"]);
    scene.after_ms(200, false);
    assert_eq!(scene.words(1), [format!("notice: {AWAY_NOTICE}")]);
    scene.after_ms(AWAY_CLOSE_AFTER.as_millis() as u64 - 2_200, false);
    assert_eq!(scene.words(1), [""; 0]);
    scene.after_ms(200, false);
    assert_eq!(scene.words(1), [format!("close: {AWAY_TOO_LONG}")]);
    scene.open(2);
    assert_eq!(scene.words(2), [format!("close: {AWAY_TOO_LONG}")]);
}

#[test]
fn a_pause_of_our_own_is_not_taken_for_an_absence_of_the_daemon() {
    let mut scene = Scene::with_client();
    scene.on(Input::Disconnected);
    scene.on(Input::Tick);
    scene.words(1);
    scene.now = scene.now.plus(AWAY_CLOSE_AFTER * 2);
    scene.on(Input::Tick);
    assert_eq!(scene.words(1), [""; 0]);
}

#[test]
fn revoked_clients_are_closed_at_once() {
    let mut scene = Scene::with_client();
    scene.open(2);
    scene.known(2);
    scene.words(2);
    let revoked = |subject| HostBroadcastEvent::Revoked {
        subject,
        generation: 2,
    };
    scene.publish(&revoked(Subject::Client(client(2))));
    assert_eq!(scene.out.len(), 1);
    assert!(scene.words(2)[0].starts_with("close: "));
    scene.publish(&revoked(Subject::Player(WireObj(6))));
    assert_eq!(scene.words(1), [""; 0]);
    scene.publish(&revoked(Subject::Host(HOST)));
    assert!(scene.out.contains(&Output::Order(Order::WantToken)));
}

#[test]
fn pings_of_hosts_and_of_clients_are_answered_with_count_and_digest() {
    let mut scene = Scene::with_client();
    let host_ping = HostBroadcastEvent::PingPong {
        ping: 8,
        timestamp: 1,
    };
    for round in 0..2 {
        match round {
            0 => scene.publish(&host_ping),
            _ => scene.publish(&ClientsBroadcastEvent::PingPong { timestamp: 1 }),
        }
        let (_, message) = scene.host_message();
        let expected = first_half(client(1));
        assert!(
            matches!(message, HostToDaemonMessage::HostPong { ping: 8, clients: 1, digest, .. } if digest == expected),
            "{message:?}"
        );
    }
}

#[test]
fn the_daemon_is_given_the_list_of_clients_and_told_of_the_end_of_a_drain() {
    let mut scene = Scene::with_client();
    scene.direct(&DaemonDirect::ListClients);
    let (_, message) = scene.host_message();
    let list = HostToDaemonMessage::ClientList {
        clients: vec![(client(1), 0)],
        done: true,
    };
    assert_eq!(message, list);
    scene.direct(&DaemonDirect::Drain {
        deadline_ms: 5_000,
        why: "an upgrade".into(),
    });
    let drain = Order::Drain {
        within: Duration::from_secs(5),
        why: "an upgrade".into(),
    };
    assert_eq!(scene.out, [Output::Order(drain)]);
    scene.on(Input::Leave {
        reason: "done".into(),
    });
    assert!(matches!(
        &scene.heard[..],
        [
            Heard::Host(_, HostToDaemonMessage::DrainDone),
            Heard::Host(_, HostToDaemonMessage::DetachHost { .. })
        ]
    ));
}

#[test]
fn what_an_attachment_gave_to_prove_a_client_holds_over_older_events() {
    let mut scene = Scene::with_client();
    let renewed = |bound| ClientEvent::CredentialsUpdated {
        client_token: String::new(),
        auth_token: None,
        sid: String::new(),
        bound,
    };
    let proof = |scene: &mut Scene| {
        scene.lines(1, &["look"]);
        let (envelope, request) = scene.request();
        scene.accept(envelope);
        request.auth
    };
    scene.lines(1, &["connect ann"]);
    let (envelope, _) = scene.request();
    let attachment = Attachment {
        client: client(1),
        client_token: String::new(),
        sid: String::new(),
        bound: [9; 16],
        player: WireObj(7),
        flags: 0,
        attach_epoch: 1,
        cmd_next: 2,
        head: at(2),
        last: at(0),
        recovered: false,
    };
    let login = LoginOk {
        auth_token: String::new(),
        connect_type: ConnectType::Connected,
        player: WireObj(7),
        attach: Some(attachment),
    };
    let reply = DaemonToClientReply::LoginResult(Some(login));
    scene.reply(envelope, &ClientReply { reply, head: None });
    // What is missing up to the head is asked for at once.
    scene.heard.clear();
    scene.event_of(1, 1, 1, renewed([7; 16]));
    scene.event(1, 1, 2, 1);
    assert_eq!(proof(&mut scene), Auth::Bound([9; 16]));
    scene.event_of(1, 1, 3, renewed([8; 16]));
    assert_eq!(proof(&mut scene), Auth::Bound([8; 16]));
}
