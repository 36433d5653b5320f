//! The handshake step by step, over virtual time.

use super::*;

const ID: HostId = HostId([1; 16]);
const PROBE: [u8; 16] = [7; 16];

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Calls one of the handshake's inputs and gives the steps that follow.
fn steps(run: impl FnOnce(&mut Vec<Step>)) -> Vec<Step> {
    let mut steps = Vec::new();
    run(&mut steps);
    steps
}

fn welcome() -> DaemonToHostReply {
    DaemonToHostReply::Welcome {
        version: 1,
        daemon_epoch: 1,
        world: String::new(),
        now: crate::protocol::Wall(0),
        ping_ms: 2000,
        limits: crate::protocol::host::Limits {
            window: 512,
            frame_max: 1,
            linger_s: 1,
            input_lines: 1,
            input_bytes: 1,
            credit_bytes: 1,
        },
        keys: Vec::new(),
        topic: Vec::new(),
        host_token: "second".to_owned(),
    }
}

fn reject(reason: RejectReason) -> DaemonToHostReply {
    DaemonToHostReply::Reject {
        reason,
        retry_after_ms: 3000,
    }
}

#[track_caller]
fn check_hello(steps: &[Step], token: &str) {
    match steps {
        [Step::Say(HostToDaemonMessage::Hello { token: said, id, .. })] => {
            assert_eq!((said.as_str(), *id), (token, ID))
        }
        other => panic!("one Hello was expected, not {other:?}"),
    }
}

fn is_register(step: &Step) -> bool {
    matches!(step, Step::Say(HostToDaemonMessage::RegisterHost { probe, .. }) if *probe == PROBE)
}

/// A handshake that has come as far as it can.
fn up() -> Handshake {
    let mut handshake = Handshake::new(ID, 5, 100);
    check_hello(
        &steps(|s| handshake.on_token(at(0), "first".to_owned(), s)),
        "first",
    );
    assert!(handshake.on_epoch(at(0), 1, &mut Vec::new()));
    assert_eq!(steps(|s| handshake.on_reply(at(0), &welcome(), s)), []);
    let registering = steps(|s| handshake.on_probe(at(0), PROBE, s));
    assert!(
        registering.len() == 1 && is_register(&registering[0]),
        "{registering:?}"
    );
    assert!(!handshake.is_up());
    assert_eq!(
        steps(|s| handshake.on_reply(at(0), &DaemonToHostReply::Ack, s)),
        [Step::Up]
    );
    assert!(handshake.is_up());
    handshake
}

#[test]
fn hello_welcome_probe_and_registration_follow_each_other() {
    up();
}

#[test]
fn a_probe_may_come_before_the_welcome() {
    let mut handshake = Handshake::new(ID, 5, 100);
    handshake.on_token(at(0), "first".to_owned(), &mut Vec::new());
    assert_eq!(steps(|s| handshake.on_probe(at(0), PROBE, s)), []);
    assert!(is_register(
        &steps(|s| handshake.on_reply(at(0), &welcome(), s))[0]
    ));
}

#[test]
fn every_silence_ends_in_another_hello() {
    let mut handshake = Handshake::new(ID, 5, 100);
    assert_eq!(
        steps(|s| handshake.on_tick(at(100), s)),
        [],
        "without a token there is nothing to say"
    );
    handshake.on_token(at(100), "first".to_owned(), &mut Vec::new());
    assert_eq!(steps(|s| handshake.on_tick(at(101), s)), []);
    check_hello(&steps(|s| handshake.on_tick(at(102), s)), "first");
    handshake.on_reply(at(102), &welcome(), &mut Vec::new());
    check_hello(&steps(|s| handshake.on_tick(at(104), s)), "second");
    handshake.on_reply(at(104), &welcome(), &mut Vec::new());
    handshake.on_probe(at(104), PROBE, &mut Vec::new());
    check_hello(&steps(|s| handshake.on_tick(at(106), s)), "second");
}

#[test]
fn a_daemon_without_pings_is_taken_as_gone() {
    let mut handshake = up();
    handshake.on_ping(at(3));
    assert_eq!(steps(|s| handshake.on_tick(at(8), s)), []);
    let lost = steps(|s| handshake.on_tick(at(9), s));
    assert_eq!(lost[..2], [Step::Rebuild, Step::Down]);
    check_hello(&lost[2..], "second");
}

#[test]
fn a_newer_daemon_is_greeted_and_an_older_one_is_not_heard() {
    let mut handshake = up();
    let mut lost = Vec::new();
    assert!(handshake.on_epoch(at(1), 2, &mut lost));
    assert_eq!(lost[0], Step::Down);
    check_hello(&lost[1..], "second");
    let mut none = Vec::new();
    assert!(!handshake.on_epoch(at(1), 1, &mut none));
    assert_eq!(none, []);
    assert_eq!(handshake.epoch(), 2);
}

#[test]
fn a_daemon_that_does_not_know_us_is_greeted_at_once() {
    let mut handshake = up();
    let lost = steps(|s| handshake.on_reply(at(1), &reject(RejectReason::HelloFirst), s));
    assert_eq!(lost[0], Step::Down);
    check_hello(&lost[1..], "second");
    // The same refusal of other requests that were on their way changes nothing more.
    assert_eq!(handshake.phase, Phase::Greeting { again_at: at(3) });
}

#[test]
fn a_draining_daemon_is_left_alone_for_as_long_as_it_asks() {
    let mut handshake = up();
    assert_eq!(
        steps(|s| handshake.on_reply(at(1), &reject(RejectReason::Draining), s)),
        [Step::Down]
    );
    assert_eq!(steps(|s| handshake.on_tick(at(3), s)), []);
    check_hello(&steps(|s| handshake.on_tick(at(4), s)), "second");
}

#[test]
fn a_token_that_does_not_hold_is_replaced() {
    let mut handshake = up();
    handshake.on_lost(at(1), &mut Vec::new());
    assert_eq!(
        steps(|s| handshake.on_reply(at(1), &reject(RejectReason::BadToken), s)),
        [Step::WantToken]
    );
    assert_eq!(steps(|s| handshake.on_tick(at(60), s)), []);
    check_hello(
        &steps(|s| handshake.on_token(at(60), "third".to_owned(), s)),
        "third",
    );
}

#[test]
fn a_version_without_common_ground_ends_the_host() {
    let mut handshake = up();
    let end = steps(|s| handshake.on_reply(at(1), &reject(RejectReason::BadVersion), s));
    assert!(matches!(end[..], [Step::Down, Step::GiveUp(_)]), "{end:?}");
}
