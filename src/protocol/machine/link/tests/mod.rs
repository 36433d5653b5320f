//! Both ends of a link in virtual time, frame by frame.

mod scene;

use scene::*;

use super::*;
use crate::limits::{HANDSHAKE_STEP_MS, PING_SILENCE_MS, REQUEST_DEADLINE_S, REQUEST_TRIES_MAX, WINDOW};
use crate::protocol::client::{Auth, ClientRequest, HostClientToDaemonMessage, Refusal};
use crate::protocol::error::RpcMessageError;
use crate::protocol::event::{ClientEvent, EventFrame, Route};
use crate::protocol::header::{FLAG_NO_REPLY, FLAG_RESEND};
use crate::protocol::host::HostLoad;

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
fn nothing_is_sent_before_the_daemon_knows_the_host() {
    let mut scene = Scene::started();
    scene.command(1);
    scene.attach(7);
    assert!(matches!(scene.out.remove(0), Output::Attached(_)));
    assert_eq!(scene.sent::<ClientRequest>().1.cmd_seq, 1);
}

#[test]
fn a_step_without_an_answer_starts_over_on_new_sockets() {
    let mut scene = Scene::started();
    let first = scene.hello();
    scene.after_ms(HANDSHAKE_STEP_MS - 1);
    assert_eq!(scene.look(), []);
    scene.after_ms(1);
    assert_eq!(scene.look(), [Output::Rebuild]);
    scene.on(Input::Connected);
    let second = scene.hello();
    scene.reply(first, 7, &welcome(7));
    assert_eq!(
        scene.link.state,
        State::Greeting,
        "the answer to an abandoned step is not heard"
    );
    scene.reply(second, 7, &welcome(7));
    scene.after_ms(HANDSHAKE_STEP_MS);
    assert_eq!(scene.look(), [Output::Rebuild], "the probe did not come");
    scene.on(Input::Connected);
    scene.attach(7);
}

#[test]
fn a_connection_that_nobody_told_us_of_is_tried_all_the_same() {
    let mut scene = Scene::new();
    scene.on(Input::Start { wall: Wall(1) });
    scene.on(Input::Token("first".into()));
    scene.look();
    scene.after_ms(HANDSHAKE_STEP_MS);
    scene.hello();
}

#[test]
fn a_probe_may_come_before_the_welcome() {
    let mut scene = Scene::started();
    let hello = scene.hello();
    scene.publish(7, &StreamControl::Probe { probe: PROBE });
    scene.reply(hello, 7, &welcome(7));
    let (_, message) = scene.sent();
    assert!(matches!(
        message,
        HostToDaemonMessage::RegisterHost { probe: PROBE, .. }
    ));
}

#[test]
fn a_lost_connection_ends_every_request_and_the_next_one_is_greeted_at_once() {
    let mut scene = Scene::attached();
    scene.command(1);
    scene.look();
    scene.on(Input::Disconnected);
    let lost = RpcError::ConnectionLost;
    let expected = [Output::Lost(lost.clone()), answer(1, Answer::Failed(lost))];
    assert_eq!(scene.look(), expected);
    scene.on(Input::Connected);
    scene.attach(8);
}

#[test]
fn a_restarted_daemon_is_greeted() {
    let mut scene = Scene::attached();
    scene.publish(8, &ping());
    assert_eq!(scene.out.remove(0), Output::Lost(RpcError::ConnectionLost));
    scene.attach(8);
    assert!(matches!(
        &scene.look()[..],
        [Output::Attached(Attachment { epoch: 8, .. })]
    ));
    let message = ClientRequest {
        message: HostClientToDaemonMessage::ClientPong {
            client_time: 1,
            rtt_us: 1,
        },
        auth: Auth::None,
        cmd_seq: 0,
        cmd_acked: 0,
    };
    scene.on(Input::AskClient {
        ticket: 1,
        client: CLIENT,
        request: message,
        again: true,
    });
    let (envelope, _) = scene.sent::<ClientRequest>();
    assert_eq!((envelope.flags, envelope.epoch), (FLAG_RESEND, 8));
}

#[test]
fn a_daemon_that_is_about_to_go_is_asked_nothing_and_heard_to_the_end() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (envelope, _) = scene.sent::<ClientRequest>();
    let draining = HostBroadcastEvent::Draining { back_in_ms: 1_000 };
    scene.publish(7, &draining);
    assert!(matches!(scene.out.remove(0), Output::Lost(_)));
    assert_eq!(scene.look(), [Output::Broadcast(draining)]);
    scene.command(2);
    assert_eq!(scene.look(), []);
    scene.reply(envelope, 7, &submitted(55));
    assert_eq!(scene.look(), [answer(1, Answer::Client(submitted(55)))]);
    scene.on(Input::Disconnected);
    let lost = Answer::Failed(RpcError::ConnectionLost);
    assert_eq!(scene.look(), [answer(2, lost)]);
    scene.on(Input::Connected);
    scene.attach(8);
}

#[test]
fn a_daemon_of_the_past_is_not_heard() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (envelope, _) = scene.sent::<ClientRequest>();
    scene.reply(envelope, 6, &submitted(1));
    scene.publish(6, &ping());
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
    let lost = Answer::Failed(RpcError::ConnectionLost);
    assert_eq!(scene.out.remove(0), answer(1, lost));
    scene.attach(7);
}

#[test]
fn silence_rebuilds_the_sockets_and_pings_prevent_it() {
    let mut scene = Scene::attached();
    scene.after_ms(PING_SILENCE_MS - 1);
    scene.publish(7, &ping());
    assert_eq!(scene.look(), [Output::Broadcast(ping())]);
    scene.after_ms(PING_SILENCE_MS - 1);
    assert_eq!(scene.look(), []);
    scene.after_ms(1);
    assert_eq!(scene.look(), [Output::Rebuild, Output::Lost(RpcError::Timeout)]);
    scene.on(Input::Connected);
    scene.hello();
}

#[test]
fn after_a_pause_of_our_own_the_daemon_has_all_its_time_again() {
    let mut scene = Scene::attached();
    scene.after_ms(100);
    scene.command(1);
    scene.look();
    scene.stall_ms(40_000);
    assert_eq!(scene.look(), [], "neither silence nor a deadline counts");
    scene.after_ms(PING_SILENCE_MS - 1);
    assert_eq!(scene.look(), []);
    scene.after_ms(1);
    assert_eq!(scene.out.remove(0), Output::Rebuild);
}

#[test]
fn refusals_for_now_are_tried_again() {
    for reason in [RejectReason::Draining, RejectReason::Full] {
        let mut scene = Scene::started();
        let hello = scene.hello();
        scene.reply(hello, 7, &reject(reason));
        scene.after_ms(1_499);
        assert_eq!(scene.look(), []);
        scene.after_ms(1);
        scene.hello();
    }
    let mut scene = Scene::started();
    let hello = scene.hello();
    scene.reply(hello, 7, &reject(RejectReason::BadProbe));
    scene.hello();
}

#[test]
fn a_version_without_common_ground_and_a_place_that_is_taken_are_final() {
    for reason in [RejectReason::BadVersion, RejectReason::Fenced] {
        let mut scene = Scene::started();
        let hello = scene.hello();
        scene.reply(hello, 7, &reject(reason));
        assert!(matches!(&scene.look()[..], [Output::Fatal(_)]));
        scene.after_ms(60_000);
        assert_eq!(scene.look(), []);
    }
}

#[test]
fn a_token_that_does_not_hold_is_replaced_and_not_shown_again_at_once() {
    let mut scene = Scene::started();
    let hello = scene.hello();
    scene.reply(hello, 7, &reject(RejectReason::BadToken));
    assert_eq!(scene.look(), [Output::WantToken]);
    scene.on(Input::Token("first".into()));
    assert_eq!(scene.look(), []);
    scene.after_ms(HANDSHAKE_STEP_MS);
    let hello = scene.hello();
    scene.reply(hello, 7, &reject(RejectReason::BadToken));
    scene.look();
    scene.on(Input::Token("another".into()));
    scene.attach(7);
}

#[test]
fn a_revoked_token_is_given_up_with_the_link() {
    let mut scene = Scene::attached();
    let (now, mut out) = (scene.now, Vec::new());
    scene.link.token_revoked(now, &mut out);
    assert!(matches!(&out[..], [Output::Lost(_), Output::WantToken]));
    scene.on(Input::Token("another".into()));
    scene.hello();
}

#[test]
fn an_unanswered_request_is_sent_again_and_then_fails() {
    let mut scene = Scene::attached();
    let message = HostToDaemonMessage::GetServerFeatures;
    scene.on(Input::AskHost { ticket: 1, message });
    scene.look();
    for _ in 1..REQUEST_TRIES_MAX {
        scene.after_pinged_s(7, REQUEST_DEADLINE_S);
        assert_eq!(scene.sent::<HostToDaemonMessage>().0.flags, FLAG_RESEND);
    }
    scene.after_pinged_s(7, REQUEST_DEADLINE_S);
    assert_eq!(scene.look(), [answer(1, Answer::Failed(RpcError::Timeout))]);
}

#[test]
fn a_numbered_request_is_asked_for_as_long_as_the_link_stands() {
    let mut scene = Scene::attached();
    scene.command(1);
    let (first, _) = scene.sent::<ClientRequest>();
    for _ in 0..10 {
        scene.after_pinged_s(7, REQUEST_DEADLINE_S);
        let (again, _) = scene.sent::<ClientRequest>();
        assert_eq!((again.correlation, again.flags), (first.correlation, FLAG_RESEND));
    }
    scene.reply(first, 7, &submitted(55));
    assert_eq!(scene.look(), [answer(1, Answer::Client(submitted(55)))]);
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
    let mut early = Scene::started();
    early.look();
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
        Output::Event {
            event: event.event.into(),
            route: event.route,
        },
        Output::Heads(1, vec![(CLIENT, 5)]),
        Output::ClientsBroadcast(ClientsBroadcastEvent::System {
            message: "soon".into(),
        }),
        Output::Garbled(FrameError::BadHeader),
        Output::Direct(Box::new(DaemonDirect::ListClients)),
        answer(1, Answer::Refused(refusal)),
    ];
    assert_eq!(scene.look(), expected);
}

#[test]
fn the_token_is_renewed_and_used_in_the_next_hello() {
    let mut scene = Scene::attached();
    let half_life = TokenClass::Host.life().as_secs() / 2;
    scene.after_pinged_s(7, half_life);
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

fn reject(reason: RejectReason) -> DaemonToHostReply {
    DaemonToHostReply::Reject {
        reason,
        retry_after_ms: 1_500,
    }
}
