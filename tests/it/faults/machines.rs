//! F12, F25, F29 and F52: hosts on other machines. The other machine is a network namespace, where one may be made.

use crate::support::bad_cable::{BadCable, Toward};
use crate::support::cable::Cable;
use crate::support::ledger;
use crate::support::peer::Peer;
use crate::support::remote::{Ports, RemoteHost, operate, order};
use crate::support::server::{Server, clean_command};
use crate::support::worlds::{hall_character, hall_return, hall_wizard};
use crate::support::{GLANCE, number_from, wait_for};
use moothall::gateway::curve::{CurveClient, CurveKeys};
use moothall::hosts::identity::Identity;
use moothall::protocol::HostId;
use moothall::protocol::host::{DaemonToHostReply, RejectReason};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// A server that takes hosts, and the folder of its keys.
fn server(ports: &Ports) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(ports.serve(&folder.path().join("curve.keys")));
    (server, folder)
}

#[track_caller]
fn enroll(server: &Server, host: &RemoteHost) -> String {
    let invitation = order(server, &["enroll", "--role", "telnet", "--ttl", "5m"]);
    let output = host.enroll(&invitation);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    invitation
}

#[test]
fn f52_a_tcp_port_without_keys_is_refused_to_start() {
    for (key, program) in [
        ("MOOTHALL_NETWORK_RPC", env!("CARGO_BIN_EXE_moothall-daemon")),
        ("MOOTHALL_DAEMON_RPC", env!("CARGO_BIN_EXE_moothall-telnet")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = clean_command(program);
        let command = command
            .arg("--data")
            .arg(folder.path())
            .env(key, "127.0.0.1:7899");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(key) && said.contains("CURVE"), "{said}");
    }
}

#[test]
fn f52_an_invitation_is_good_once_and_only_its_key_speaks_for_its_id() {
    let ports = Ports::at("127.0.0.1");
    let (server, _keys) = server(&ports);
    let host = RemoteHost::prepare(&ports, None);
    let invitation = enroll(&server, &host);
    let mode = std::fs::metadata(host.identity()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = RemoteHost::prepare(&ports, None).enroll(&invitation);
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(77), "{said}");
    assert!(said.contains("used"), "{said}");

    let identity = Identity::read(&host.identity()).unwrap();
    let mut itself = Peer::remote(&ports.rpc, &ports.events, identity.curve.clone(), identity.id);
    assert!(matches!(itself.hello(""), DaemonToHostReply::Welcome { .. }));

    let stranger = CurveClient {
        keys: CurveKeys::generate().unwrap(),
        server: identity.curve.server,
    };
    let mut stranger = Peer::remote(&ports.rpc, &ports.events, stranger, identity.id);
    assert!(
        !stranger.is_heard(Duration::from_secs(2)),
        "an unknown key was heard"
    );

    let other = HostId([0x55; 16]);
    let rejected = DaemonToHostReply::Reject {
        reason: RejectReason::BadToken,
        retry_after_ms: 0,
    };
    assert_eq!(itself.hello_as(other, ""), rejected, "another id in its hello");
    let _impostor = Peer::remote(&ports.rpc, &ports.events, identity.curve, other);
    wait_for("one that listens in on another host to be struck off", || {
        let members = order(&server, &["enroll", "--list"]);
        (!members.contains(&identity.id.to_string())).then_some(())
    });
    let refused = operate(server.data(), &["enroll", "--role", "king"]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_client_that_another_machine_s_host_calls_local_needs_a_password() {
    let ports = Ports::at("127.0.0.1");
    let (server, _keys) = server(&ports);
    let mut host = RemoteHost::prepare(&ports, None);
    enroll(&server, &host);
    host.start();
    let mut caller = host.caller();
    caller.send("connect wizard");
    caller.expect("can only connect from the machine that runs this world");
    let status = server.status().unwrap();
    let id = Identity::read(&host.identity()).unwrap().id;
    assert_eq!(status["daemon"]["connections"][0]["peer"], format!("host-{id}"));
}

#[test]
fn an_enrolled_host_serves_players_until_it_is_revoked() {
    let ports = Ports::at("127.0.0.1");
    let (mut server, _keys) = server(&ports);
    let mut host = RemoteHost::prepare(&ports, None);
    enroll(&server, &host);
    let id = Identity::read(&host.identity()).unwrap().id.to_string();
    assert!(order(&server, &["enroll", "--list"]).contains(&id));
    server.restart();
    host.start();
    let mut guest = host.guest();
    guest.check("say from afar", &["from afar"]);
    let begun = Instant::now();
    order(&server, &["revoke", "host", &id]);
    guest.expect_end();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        begun.elapsed()
    );
    assert!(!order(&server, &["enroll", "--list"]).contains(&id));
    assert_eq!(host.ended(), Some(77));
    host.start();
    assert_eq!(host.ended(), Some(77), "its key opens nothing any more");
}

/// How the server sees a host of another machine; none once it is dead.
fn state_of(server: &Server, id: &str) -> Option<String> {
    let status = server.status()?;
    let hosts = status["daemon"]["hosts"].as_array().unwrap().clone();
    let host = hosts.into_iter().find(|host| host["id"] == id)?;
    Some(host["state"].as_str().unwrap().to_owned())
}

/// Waits until something is so, which has to be so many seconds after the beginning; a busy machine may be late.
#[track_caller]
fn check_after(begun: Instant, seconds: std::ops::RangeInclusive<u64>, what: &str, is_so: impl Fn() -> bool) {
    wait_for(what, || is_so().then_some(()));
    let late = Duration::from_millis(1_500);
    let (first, last) = (
        Duration::from_secs(*seconds.start()),
        Duration::from_secs(*seconds.end()) + late,
    );
    let elapsed = begun.elapsed();
    assert!((first..=last).contains(&elapsed), "{what} took {elapsed:?}");
}

#[test]
fn f12_a_remote_host_that_stands_still_is_declared_dead_and_takes_back_whom_nobody_adopted() {
    let ports = Ports::at("127.0.0.1");
    let (server, _keys) = server(&ports);
    let mut host = RemoteHost::prepare(&ports, None);
    enroll(&server, &host);
    host.start();
    let (mut ann, mut bea) = (hall_character(&host, "Ann"), hall_character(&host, "Bea"));
    let id = host.id();
    host.signal(Signal::STOP);
    let stopped = Instant::now();
    check_after(stopped, 4..=6, "the host to be suspect", || {
        state_of(&server, &id).as_deref() == Some("suspect")
    });
    check_after(stopped, 10..=12, "the host to be dead", || {
        state_of(&server, &id).is_none()
    });
    let status = server.status().unwrap();
    assert_eq!(status["daemon"]["connections_total"], 2, "its clients linger");
    bea.send("say while it stood still");
    let mut elsewhere = hall_return(&server, "Ann");
    elsewhere.check("say I am here now", &["I am here now"]);
    host.signal(Signal::CONT);
    bea.expect("while it stood still");
    bea.check("say I stayed", &["I stayed"]);
    ann.expect_end();
    elsewhere.check("say I still am", &["I still am"]);
    assert_eq!(state_of(&server, &id).as_deref(), Some("alive"));
    let status = server.status().unwrap();
    assert_eq!(status["daemon"]["connections_total"], 2, "nobody is there twice");
}

#[test]
fn f25_bits_that_turn_over_on_the_way_are_refused_and_the_link_recovers() {
    let ports = Ports::at("127.0.0.1");
    let (server, _keys) = server(&ports);
    let (rpc, events) = (
        BadCable::to(ports.rpc.parse().unwrap()),
        BadCable::to(ports.events.parse().unwrap()),
    );
    let there = Ports {
        rpc: rpc.address.to_string(),
        events: events.address.to_string(),
        ..ports
    };
    let mut host = RemoteHost::prepare(&there, None);
    enroll(&server, &host);
    host.start();
    let mut wizard = hall_wizard(&server);
    ledger::make(&mut wizard);
    let mut ann = hall_character(&host, "Ann");
    let ways = [
        (&rpc, Toward::Daemon),
        (&rpc, Toward::Host),
        (&events, Toward::Host),
        (&events, Toward::Daemon),
    ];
    let mut expected = Vec::new();
    for (number, (cable, toward)) in (1..).zip(ways) {
        let before = cable.connections();
        cable.damage(toward);
        ann.send(&format!("append 1 {number}"));
        ann.expect(&format!("kept {number}"));
        expected.push((1, number));
        wait_for("the damaged connection to be replaced", || {
            (cable.is_done(toward) && cable.connections() > before).then_some(())
        });
        ann.check("look", &["The Porch"]);
    }
    assert_eq!(ledger::read(&mut wizard), expected);
    assert!(!ann.is_closed());
}

#[test]
fn f29_a_cable_that_is_out_for_a_while_costs_nobody_a_session_or_a_line() {
    let Some(cable) = Cable::plug('f', 29) else { return };
    let ports = Ports::at(&cable.here());
    let (server, _keys) = server(&ports);
    let mut host = RemoteHost::prepare(&ports, Some(cable));
    enroll(&server, &host);
    host.start();
    let mut guest = host.guest();
    guest.check("say before", &["before"]);
    host.cable().set(false);
    let out = Instant::now();
    guest.send("say while it was out");
    wait_for("the host to be missed", || {
        let status = order(&server, &["status"]);
        (status.contains("suspect") || status.contains("dead")).then_some(())
    });
    assert!(
        out.elapsed() < Duration::from_secs(12),
        "it took {:?}",
        out.elapsed()
    );
    guest.expect("away");
    // Longer than it takes until the host is dead; the long form is in docs/testing.md.
    let cable_out = Duration::from_secs(number_from("MOOTHALL_CABLE_S", 12));
    while out.elapsed() < cable_out {
        assert!(!guest.is_closed());
        std::thread::sleep(GLANCE);
    }
    host.cable().set(true);
    guest.expect("while it was out");
    guest.check("say after", &["after"]);
    assert!(!guest.is_closed());
}
