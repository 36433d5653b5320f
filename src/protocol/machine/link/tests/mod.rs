//! Both ends of a link in virtual time, frame by frame.

mod scene;

use std::time::Duration;

use scene::*;

use super::*;
use crate::limits::{
    HANDSHAKE_STEP_MS, PING_SILENCE_MS, REATTACH_BATCH_MAX, REQUEST_DEADLINE_S, REQUEST_TRIES_MAX, WINDOW,
};
use crate::protocol::client::{ClientRequest, Refusal};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{ClientEvent, EventFrame, Route};
use crate::protocol::header::{FLAG_NO_REPLY, FLAG_RESEND};
use crate::protocol::host::{HostLoad, ReattachOutcome};

#[test]
fn the_handshake_ends_in_attached() {
    let mut scene = Scene::attached();
    assert!(scene.link.is_attached());
    scene.command(1);
    let (envelope, request) = scene.sent::<ClientRequest>();
    assert_eq!(
        (
            envelope.epoch,
            envelope.principal,
            envelope.flags,
            request.cmd_seq
        ),
        (7, CLIENT.0, 0, 1)
    );
    scene.reply(envelope, 7, &submitted(55));
    assert_eq!(scene.look(), [answer(1, Answer::Client(submitted(55)))]);
    scene.reply(envelope, 7, &submitted(55));
    assert_eq!(
        scene.look(),
        [],
        "a second answer to the same request is not heard"
    );
}

#[test]
fn held_connections_go_in_batches_before_any_request() {
    let mut scene = Scene::new();
    scene.on(Input::Start {
        wall: Wall(1),
        listeners: Vec::new(),
    });
    scene.command(1);
    scene.register(7);
    scene.on(Input::Held(
        (0..=REATTACH_BATCH_MAX).map(|n| held(n as u8)).collect(),
    ));
    for count in [REATTACH_BATCH_MAX, 1] {
        let (envelope, message) = scene.sent();
        let HostToDaemonMessage::ReattachBatch { conns } = message else {
            panic!("{message:?}")
        };
        assert_eq!(conns.len(), count);
        let results = vec![(conns[0].client, ReattachOutcome::Expired)];
        scene.reply(
            envelope,
            7,
            &DaemonToHostReply::Reattached {
                results: results.clone(),
            },
        );
        assert_eq!(scene.out.remove(0), Output::Reattached(results));
    }
    assert!(matches!(scene.out.remove(0), Output::Attached(_)));
    assert_eq!(scene.sent::<ClientRequest>().1.cmd_seq, 1);
}

#[test]
fn a_step_without_an_answer_starts_over_on_new_sockets() {
    let mut scene = Scene::new();
    scene.on(Input::Start {
        wall: Wall(1),
        listeners: Vec::new(),
    });
    let first = scene.hello();
    scene.after_ms(HANDSHAKE_STEP_MS - 1);
    assert_eq!(scene.look(), []);
    scene.after_ms(1);
    assert_eq!(scene.out.remove(0), Output::Rebuild);
    let second = scene.hello();
    scene.reply(first, 7, &welcome(7));
    assert_eq!(
        scene.link.state,
        State::Greeting,
        "the answer to an abandoned step is not heard"
    );
    scene.reply(second, 7, &welcome(7));
    scene.after_ms(HANDSHAKE_STEP_MS);
    assert_eq!(scene.out.remove(0), Output::Rebuild, "the probe did not come");
    scene.attach(7);
}

#[test]
fn a_restarted_daemon_is_greeted_and_asked_again() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (before, _) = scene.sent::<ClientRequest>();
    let never = HostToDaemonMessage::JobTake {
        queues: vec!["q".into()],
        credits: 1,
    };
    scene.on(Input::AskHost {
        ticket: 2,
        message: never,
    });
    scene.look();
    scene.publish(
        8,
        &HostBroadcastEvent::PingPong {
            ping: 1,
            timestamp: 1,
        },
    );
    assert_eq!(
        scene.out.remove(0),
        answer(2, Answer::Failed(RpcError::ConnectionLost))
    );
    assert_eq!(scene.out.remove(0), Output::Lost(RpcError::ConnectionLost));
    scene.command(3);
    scene.attach(8);
    assert!(matches!(
        scene.out.remove(0),
        Output::Attached(Attachment { epoch: 8, .. })
    ));
    let second = scene.out.remove(1);
    let (again, request) = scene.sent::<ClientRequest>();
    assert_eq!(
        (again.correlation, again.flags, again.epoch),
        (before.correlation, FLAG_RESEND, 8)
    );
    assert_eq!(request.cmd_seq, 1);
    scene.out = vec![second];
    let (fresh, request) = scene.sent::<ClientRequest>();
    assert_eq!((fresh.flags, fresh.epoch, request.cmd_seq), (0, 8, 3));
}

#[test]
fn a_daemon_of_the_past_is_not_heard() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (envelope, _) = scene.sent::<ClientRequest>();
    scene.reply(envelope, 6, &submitted(1));
    scene.publish(
        6,
        &HostBroadcastEvent::PingPong {
            ping: 1,
            timestamp: 1,
        },
    );
    assert_eq!(scene.look(), []);
}

#[test]
fn a_daemon_that_has_forgotten_us_is_greeted() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (envelope, _) = scene.sent::<ClientRequest>();
    let reject = DaemonToHostReply::Reject {
        reason: RejectReason::HelloFirst,
        retry_after_ms: 0,
    };
    scene.reply(envelope, 7, &reject);
    assert_eq!(scene.out.remove(0), Output::Lost(RpcError::ConnectionLost));
    scene.attach(7);
    scene.out.remove(0);
    assert_eq!(scene.sent::<ClientRequest>().0.flags, FLAG_RESEND);
}

#[test]
fn silence_rebuilds_the_sockets_and_pings_prevent_it() {
    let mut scene = Scene::attached();
    scene.after_ms(PING_SILENCE_MS - 1);
    let ping = HostBroadcastEvent::PingPong {
        ping: 1,
        timestamp: 1,
    };
    scene.publish(7, &ping);
    assert_eq!(scene.look(), [Output::Broadcast(ping)]);
    scene.after_ms(PING_SILENCE_MS - 1);
    assert_eq!(scene.look(), []);
    scene.after_ms(1);
    assert_eq!(scene.out.remove(0), Output::Rebuild);
    assert_eq!(scene.out.remove(0), Output::Lost(RpcError::Timeout));
    scene.hello();
}

#[test]
fn refusals_are_final_or_tried_again() {
    let reject = |reason| DaemonToHostReply::Reject {
        reason,
        retry_after_ms: 1_500,
    };
    for reason in [RejectReason::Draining, RejectReason::Full, RejectReason::BadProbe] {
        let mut scene = Scene::new();
        scene.on(Input::Start {
            wall: Wall(1),
            listeners: Vec::new(),
        });
        let hello = scene.hello();
        scene.reply(hello, 7, &reject(reason));
        scene.after_ms(1_499);
        assert_eq!(scene.look(), []);
        scene.after_ms(1);
        scene.hello();
    }
    for reason in [
        RejectReason::BadToken,
        RejectReason::BadVersion,
        RejectReason::Fenced,
    ] {
        let mut scene = Scene::new();
        scene.on(Input::Start {
            wall: Wall(1),
            listeners: Vec::new(),
        });
        let hello = scene.hello();
        scene.reply(hello, 7, &reject(reason));
        assert!(matches!(&scene.look()[..], [Output::Fatal(_)]));
        scene.after_ms(60_000);
        assert_eq!(scene.look(), []);
    }
}

#[test]
fn an_unanswered_request_is_sent_again_and_then_fails() {
    let mut scene = Scene::attached();
    scene.command(1);
    scene.look();
    for _ in 1..REQUEST_TRIES_MAX {
        scene.link.pinged_at = scene.now.plus(Duration::from_secs(REQUEST_DEADLINE_S));
        scene.after_ms(REQUEST_DEADLINE_S * 1_000);
        assert_eq!(scene.sent::<ClientRequest>().0.flags, FLAG_RESEND);
    }
    scene.link.pinged_at = scene.now.plus(Duration::from_secs(REQUEST_DEADLINE_S));
    scene.after_ms(REQUEST_DEADLINE_S * 1_000);
    assert_eq!(scene.look(), [answer(1, Answer::Failed(RpcError::Timeout))]);
}

#[test]
fn the_window_is_kept_and_moves_with_the_answers() {
    let mut scene = Scene::attached();
    (0..WINDOW as u64 + 2).for_each(|n| scene.command(n));
    let out = scene.look();
    assert_eq!(out.len(), WINDOW);
    let Output::Send { frame, .. } = &out[0] else {
        panic!("{:?}", out[0])
    };
    let envelope = Frame::parse(frame).expect("our own frame").envelope;
    scene.reply(envelope, 7, &submitted(1));
    let out = scene.look();
    assert!(matches!(
        &out[..],
        [Output::Answer { ticket: 0, .. }, Output::Send { .. }]
    ));
}

#[test]
fn messages_without_an_answer_are_sent_once_or_not_at_all() {
    let pong = || {
        let message = HostToDaemonMessage::HostPong {
            ping: 1,
            timestamp: 2,
            listeners: Vec::new(),
            clients: 0,
            digest: 0,
            gone: Vec::new(),
            load: HostLoad::default(),
        };
        Input::AskHost { ticket: 1, message }
    };
    let mut early = Scene::new();
    early.on(pong());
    assert_eq!(early.look(), []);
    let mut scene = Scene::attached();
    scene.on(pong());
    assert_eq!(scene.sent::<HostToDaemonMessage>().0.flags, FLAG_NO_REPLY);
}

#[test]
fn events_refusals_and_orders_are_handed_on() {
    let mut scene = Scene::attached();
    let event = EventFrame {
        event: ClientEvent::Gap { lost: 1 },
        route: Route::default(),
    };
    scene.publish(7, &event);
    scene.publish(
        7,
        &StreamControl::Heads {
            frame: 1,
            heads: vec![(CLIENT, 5)],
        },
    );
    scene.publish(
        7,
        &ClientsBroadcastEvent::System {
            message: "soon".into(),
        },
    );
    scene.on(Input::Event(b"junk".to_vec()));
    scene.reply(Envelope::default(), 7, &DaemonDirect::ListClients);
    scene.command(1);
    let Some(Output::Send { frame, .. }) = scene.out.pop() else {
        panic!("the command was not sent")
    };
    let refusal = Refusal {
        error: RpcMessageError::NoConnection,
        head: None,
    };
    scene.reply(Frame::parse(&frame).expect("our own frame").envelope, 7, &refusal);
    let expected = [
        Output::Event(Box::new(event)),
        Output::Heads(1, vec![(CLIENT, 5)]),
        Output::ClientsBroadcast(ClientsBroadcastEvent::System {
            message: "soon".into(),
        }),
        Output::Direct(Box::new(DaemonDirect::ListClients)),
        answer(1, Answer::Refused(refusal)),
    ];
    assert_eq!(scene.look(), expected);
}

#[test]
fn the_token_is_renewed_and_used_in_the_next_hello() {
    let mut scene = Scene::attached();
    scene.link.pinged_at = scene.now.plus(TokenClass::Host.life());
    scene.after_ms(TokenClass::Host.life().as_millis() as u64 / 2);
    let (envelope, message) = scene.sent::<HostToDaemonMessage>();
    assert_eq!(
        message,
        HostToDaemonMessage::RenewToken {
            token: "second".into()
        }
    );
    scene.reply(
        envelope,
        7,
        &DaemonToHostReply::Renewed {
            token: "third".into(),
        },
    );
    scene.on(Input::Reset);
    scene.out.remove(0);
    let (_, message) = scene.sent();
    assert!(matches!(message, HostToDaemonMessage::Hello { token, .. } if token == "third"));
}
