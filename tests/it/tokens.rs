//! F50 and what belongs to it, over a real wire: whose token is taken, how one ends, and how keys change.

use crate::support::lone::Lone;
use crate::support::peer::{Answer, Peer, WORLD, now, ring};
use crate::support::remote::{operate, order};
use crate::support::server::{Options, Server};
use crate::support::wait_for;
use crate::support::worlds::{hall_character, hall_wizard};
use moothall::protocol::client::{Auth, DaemonToClientReply};
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::host::{DaemonToHostReply, HostToDaemonMessage, HostType, Listener, RejectReason};
use moothall::protocol::token::{Grant, KeyRing, TokenClass};
use moothall::protocol::{ClientId, HostId, Wall, WireObj};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const HOST: HostId = HostId([0x77; 16]);

fn grant(client: ClientId) -> Grant {
    Grant::Client {
        client,
        generation: 0,
    }
}

fn host_grant(host: HostId) -> Grant {
    Grant::Host {
        host,
        host_type: "telnet".to_owned(),
        key_hash: [0; 32],
        generation: 0,
    }
}

/// A host that the daemon takes for one of its own.
#[track_caller]
fn host(data: &Path) -> Peer {
    let mut peer = Peer::local(data, HOST);
    peer.register(&ring(data).sign(host_grant(HOST), [1; 16], now()));
    peer
}

fn full(token: &str) -> Auth {
    Auth::Full {
        client: token.to_owned(),
        player: None,
    }
}

fn client(n: u8) -> ClientId {
    ClientId([n; 16])
}

#[track_caller]
fn check_taken(answer: &Answer) {
    assert!(
        matches!(answer, Ok(DaemonToClientReply::ThanksPong { .. })),
        "{answer:?}"
    );
}

fn days_ago(days: u64) -> Wall {
    Wall(now().0 - days * 24 * 3_600 * 1_000)
}

/// Bad tokens for a connection, each with its name and what it has to be answered with.
fn bad_tokens(ring: &KeyRing, good: &str, mine: ClientId) -> Vec<(&'static str, String, RpcMessageError)> {
    let other_world = KeyRing::from_bytes("other", &ring.to_bytes()).unwrap();
    let footer_at = good.rfind('.').unwrap();
    let refused = RpcMessageError::PermissionDenied;
    vec![
        (
            "expired",
            ring.sign(grant(mine), [2; 16], days_ago(2)),
            RpcMessageError::TokenExpired,
        ),
        (
            "of another kind",
            ring.sign(host_grant(HostId(mine.0)), [2; 16], now()),
            refused.clone(),
        ),
        (
            "of another world",
            other_world.sign(grant(mine), [2; 16], now()),
            refused.clone(),
        ),
        (
            "of another client",
            ring.sign(grant(client(200)), [2; 16], now()),
            refused.clone(),
        ),
        (
            "of another key",
            KeyRing::generate(WORLD)
                .unwrap()
                .sign(grant(mine), [2; 16], now()),
            refused.clone(),
        ),
        (
            "with another footer",
            format!("{}.a2V5LWlkOm1vb3JfaG9zdA", &good[..footer_at]),
            refused.clone(),
        ),
        ("truncated", good[..good.len() / 2].to_owned(), refused.clone()),
        ("garbage", "v4.public.!".to_owned(), refused),
    ]
}

#[test]
fn f50_bad_tokens_of_clients_are_refused_cold_and_warm() {
    let lone = Lone::without_host(50, &[]);
    let (mut peer, ring) = (host(&lone.data()), ring(&lone.data()));
    let mut next = 1;
    for is_warm in [false, true] {
        for place in 0..8 {
            let mine = client(next);
            next += 1;
            let (good, _) = peer.establish(mine);
            let (fault, token, expected) = bad_tokens(&ring, &good, mine).swap_remove(place);
            if is_warm {
                check_taken(&peer.knock(mine, full(&good)));
            }
            let answer = peer.knock(mine, full(&token));
            assert_eq!(answer, Err(expected), "{fault}, warm: {is_warm}");
            check_taken(&peer.knock(mine, full(&good)));
        }
    }
}

#[test]
fn f50_a_good_token_or_its_hash_is_refused_on_another_connection() {
    let lone = Lone::without_host(51, &[]);
    let mut peer = host(&lone.data());
    let ((mine, my_bound), (theirs, their_bound)) = (peer.establish(client(1)), peer.establish(client(2)));
    check_taken(&peer.knock(client(1), full(&mine)));
    check_taken(&peer.knock(client(1), Auth::Bound(my_bound)));
    let denied = Err(RpcMessageError::PermissionDenied);
    for auth in [
        full(&theirs),
        Auth::Bound(their_bound),
        Auth::None,
        Auth::Player(mine.clone()),
    ] {
        assert_eq!(peer.knock(client(1), auth), denied);
    }
    let player = ring(&lone.data()).sign(
        Grant::Auth {
            player: WireObj(2),
            generation: 0,
            auth_time: now(),
        },
        [3; 16],
        now(),
    );
    let with_player = Auth::Full {
        client: mine,
        player: Some(player),
    };
    assert_eq!(
        peer.knock(client(1), with_player),
        denied,
        "nobody has logged in here"
    );
}

#[test]
fn f50_bad_tokens_of_hosts_are_rejected() {
    let lone = Lone::without_host(52, &[]);
    let ring = ring(&lone.data());
    let good = ring.sign(host_grant(HOST), [1; 16], now());
    let rejected = DaemonToHostReply::Reject {
        reason: RejectReason::BadToken,
        retry_after_ms: 0,
    };
    let mut peer = Peer::local(&lone.data(), HOST);
    assert!(matches!(peer.hello(&good), DaemonToHostReply::Welcome { .. }));
    let other = HostId([0x78; 16]);
    let with_key = Grant::Host {
        host: HOST,
        host_type: "telnet".to_owned(),
        key_hash: [1; 32],
        generation: 0,
    };
    for (fault, token) in [
        ("expired", ring.sign(host_grant(HOST), [1; 16], days_ago(1))),
        ("another host's", ring.sign(host_grant(other), [1; 16], now())),
        ("tied to a key", ring.sign(with_key, [1; 16], now())),
        ("a client's", ring.sign(grant(ClientId(HOST.0)), [1; 16], now())),
        ("none at all", String::new()),
    ] {
        assert_eq!(peer.hello(&token), rejected, "{fault}");
    }
    assert_eq!(
        peer.hello_as(other, &ring.sign(host_grant(other), [1; 16], now())),
        rejected
    );
}

#[test]
fn twenty_bad_tokens_in_a_minute_and_none_is_looked_at_any_more() {
    let lone = Lone::without_host(53, &[]);
    let mut peer = host(&lone.data());
    let (good, bound) = peer.establish(client(1));
    let (other, _) = peer.establish(client(2));
    for _ in 0..20 {
        assert_eq!(
            peer.knock(client(1), full("junk")),
            Err(RpcMessageError::PermissionDenied)
        );
    }
    assert_eq!(
        peer.knock(client(1), full(&good)),
        Err(RpcMessageError::PermissionDenied)
    );
    check_taken(&peer.knock(client(1), Auth::Bound(bound)));
    check_taken(&peer.knock(client(2), full(&other)));
}

#[test]
fn a_revoked_token_is_refused_at_once_and_after_a_restart() {
    let mut server = Server::start(Options::default());
    let ring = ring(server.data());
    let mut peer = host(server.data());
    let (good, bound) = peer.establish(client(1));
    check_taken(&peer.knock(client(1), full(&good)));
    order(&server, &["revoke", "client", &client(1).to_string()]);
    for auth in [full(&good), Auth::Bound(bound)] {
        let answer = peer.knock(client(1), auth);
        assert!(answer.is_err(), "{answer:?}");
    }
    let token = ring.sign(host_grant(HOST), [9; 16], now());
    order(&server, &["revoke", "token", &"09".repeat(16)]);
    let rejected = |peer: &mut Peer, token: &str| {
        matches!(
            peer.hello(token),
            DaemonToHostReply::Reject {
                reason: RejectReason::BadToken,
                ..
            }
        )
    };
    assert!(rejected(&mut peer, &token));
    server.restart();
    let mut peer = Peer::local(server.data(), HOST);
    assert!(
        rejected(&mut peer, &token),
        "the revocation did not outlive the daemon"
    );
    assert!(!rejected(&mut peer, &ring.sign(host_grant(HOST), [8; 16], now())));
    order(&server, &["revoke", "host", &HOST.to_string()]);
    assert!(rejected(&mut peer, &ring.sign(host_grant(HOST), [8; 16], now())));
}

#[test]
fn a_revoked_player_is_disconnected_with_words_within_a_second_and_the_others_stay() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut player = hall_character(&server, "Nora");
    let status = order(&server, &["status"]);
    let row = status.lines().find(|line| line.contains("Nora")).unwrap();
    let number = row.split_whitespace().next().unwrap();
    let begun = Instant::now();
    order(&server, &["revoke", "player", number]);
    player.expect("Your access was revoked");
    player.expect_end();
    assert!(
        begun.elapsed() < Duration::from_secs(1) * 5,
        "it took {:?}",
        begun.elapsed()
    );
    assert!(wizard.eval("1 + 1").contains('2'));
    let refused = operate(server.data(), &["revoke", "player", "nobody"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_host_that_names_more_ports_than_one_may_have_is_rejected() {
    let lone = Lone::without_host(54, &[]);
    let token = ring(&lone.data()).sign(host_grant(HOST), [1; 16], now());
    let ports = |count: u16| {
        let listener = |port| Listener {
            handler: WireObj(0),
            addr: format!("127.0.0.1:{port}"),
            host_type: HostType::Tcp,
            options: Vec::new(),
        };
        (1..=count).map(listener).collect()
    };
    let rejected = DaemonToHostReply::Reject {
        reason: RejectReason::Full,
        retry_after_ms: 0,
    };
    let mut peer = Peer::local(&lone.data(), HOST);
    assert_eq!(peer.register_with(&token, ports(65)), rejected);
    assert_eq!(peer.register_with(&token, ports(64)), DaemonToHostReply::Ack);
}

#[test]
fn an_id_that_nobody_has_is_refused_and_not_taken_for_done() {
    let server = Server::start(Options::default());
    let nobody = "ab".repeat(16);
    for (kind, id, words) in [
        ("client", &*nobody, "is connected"),
        ("player", "#999999", "is no player"),
        ("player", "#0", "is no player"),
        ("host", &nobody, "is known"),
        ("host", "telnett", "is known"),
        ("worker", &nobody, "is known"),
    ] {
        let refused = operate(server.data(), &["revoke", kind, id]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{kind} {id}: {said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn each_token_that_status_shows_can_be_revoked_and_closes_what_stands_on_it() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    for (name, column) in [("Ann", "token"), ("Bea", "player_token")] {
        let mut player = hall_character(&server, name);
        let row = wait_for("the player's token", || {
            let status = server.status()?;
            let rows = status["daemon"]["connections"].as_array()?;
            let row = rows.iter().find(|row| row["name"] == name)?.clone();
            (row[column] != "").then_some(row)
        });
        let id = |column: &str| row[column].as_str().unwrap().to_owned();
        let table = order(&server, &["status"]);
        assert!(
            table.contains(&id(column)) && table.contains(&id("client")),
            "{table}"
        );
        let said = order(&server, &["revoke", "token", &id(column)]);
        assert!(said.contains("1 connections were closed"), "{said}");
        player.expect("Your access was revoked");
        player.expect_end();
    }
    assert!(wizard.eval("1 + 1").contains('2'));
    let mut peer = host(server.data());
    let table = order(&server, &["status"]);
    assert!(table.contains(&"01".repeat(16)), "{table}");
    let said = order(&server, &["revoke", "token", &"01".repeat(16)]);
    assert!(said.contains("1 hosts"), "{said}");
    let answer = peer.tell(&HostToDaemonMessage::GetServerFeatures);
    let rejected = DaemonToHostReply::Reject {
        reason: RejectReason::HelloFirst,
        retry_after_ms: 0,
    };
    assert_eq!(answer, rejected, "a host went on with a dead token");
}

#[test]
fn a_changed_key_leaves_everybody_in_and_one_changed_at_once_nobody() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let before = order(&server, &["keys", "list"]);
    let rotated = order(&server, &["keys", "rotate"]);
    let name = |text: &str, used: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(used))
            .unwrap()
            .to_owned();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(
        name(&before, "next"),
        name(&rotated, "current"),
        "it was known before it signed"
    );
    assert_eq!(name(&before, "current"), name(&rotated, "previous"));
    assert!(wizard.eval("1 + 1").contains('2'));
    let ring = ring(server.data());
    assert_eq!(
        ring.public_keys(now())[0].kid,
        name(&rotated, "current"),
        "the file is not behind"
    );
    order(&server, &["keys", "rotate", "--now"]);
    wizard.expect("Your access was revoked");
    wizard.expect_end();
    let old = ring.sign(host_grant(HOST), [1; 16], now());
    let mut peer = Peer::local(server.data(), HOST);
    let answer = peer.hello(&old);
    assert!(matches!(answer, DaemonToHostReply::Reject { .. }), "{answer:?}");
    // The server's own host is given a new token, and players come back.
    let mut again = wait_for("the telnet host to be taken back", || Some(hall_wizard(&server)));
    assert!(again.eval("2 + 2").contains('4'));
}

#[test]
fn keys_that_others_can_read_are_refused_with_what_to_do() {
    let mut server = Server::start(Options::default());
    let file = server.data().join("keys");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let options = Options {
        data: Some(server.data().to_owned()),
        ..Options::default()
    };
    let refusal = Server::try_start(options).err().expect("it has to be refused");
    assert!(refusal.said.contains("chmod 600"), "{}", refusal.said);
    assert_ne!(refusal.code, Some(0));
}

#[test]
fn a_token_s_life_is_the_one_that_was_promised() {
    let hours = |class: TokenClass| class.life().as_secs() / 3_600;
    assert_eq!(TokenClass::ALL.map(hours), [24, 12, 1, 1]);
}
