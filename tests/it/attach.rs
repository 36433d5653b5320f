//! Clients that come to the daemon with a token: from a login elsewhere, on another host, in place of another socket.

use crate::support::lone::{Lone, Program};
use crate::support::peer::{Peer, Unasked};
use crate::support::tab::Tab;
use crate::support::wait_for;
use crate::support::worlds::{PASSWORD, hall_character};
use moothall::protocol::client::{
    Auth, ConnectType, DaemonToClientReply as Reply, HostClientToDaemonMessage as Ask,
};
use moothall::protocol::error::RpcMessageError;
use moothall::protocol::event::ClientEvent;
use moothall::protocol::host::{DaemonDirect, DaemonToHostReply, HostToDaemonMessage};
use moothall::protocol::{ClientId, HostId, WireObj};
use rustix::process::Signal;

const WEB: HostId = HostId([0x61; 16]);
const OTHER_WEB: HostId = HostId([0x62; 16]);

fn client(number: u8) -> ClientId {
    ClientId([number; 16])
}

/// A new character's token, without a connection.
#[track_caller]
fn token_of(peer: &mut Peer, line: &str) -> String {
    let mut door = Tab::open(peer, client(0xF0));
    let login = door.log_in(peer, line, false).expect("a login");
    assert_eq!(login.attach, None);
    let gone = door.asks(peer, 0, Ask::Detach { disconnected: true });
    assert_eq!(gone, Ok(Reply::Disconnected));
    login.auth_token
}

fn connected(tab: &mut Tab, peer: &mut Peer) -> String {
    let expression = "tostr(length(connected_players()))".to_owned();
    match tab.changes(peer, Ask::Eval { expression }) {
        Ok(Reply::EvalResult(value)) => value.open().unwrap().as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_is_answered_with_all_that_its_client_needs() {
    let server = Lone::without_host(60, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut tab = Tab::open(&mut peer, client(1));
    assert_eq!(tab.log_in(&mut peer, "connect Nobody sesame", true), None);
    let login = tab.log_in(&mut peer, "connect Wizard", true).expect("a login");
    assert_eq!(login.connect_type, ConnectType::Connected);
    assert_eq!((login.player, tab.cmd_next), (tab.player, 3));
    assert_eq!(connected(&mut tab, &mut peer), "1");
    let switched = tab.wait(&mut peer, "PlayerSwitched", |event| match event {
        ClientEvent::PlayerSwitched {
            player,
            sid,
            auth_token,
        } => Some((*player, sid.clone(), auth_token.clone())),
        _ => None,
    });
    assert_eq!(switched, (tab.player, tab.sid.clone(), login.auth_token));
    let again = Ask::LoginCommand {
        handler: WireObj(0),
        connect_args: Vec::new(),
        command: "connect Wizard".to_owned(),
        do_attach: true,
    };
    assert_eq!(
        tab.changes(&mut peer, again),
        Err(RpcMessageError::AlreadyConnected)
    );
}

#[test]
fn a_session_is_known_by_its_id_until_the_connection_ends() {
    let server = Lone::without_host(61, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut tab = Tab::open(&mut peer, client(1));
    tab.log_in(&mut peer, "connect Wizard", true).expect("a login");
    let ask = |sid: &str| HostToDaemonMessage::ValidateSession { sid: sid.to_owned() };
    let known = peer.tell(&ask(&tab.sid));
    let DaemonToHostReply::Session {
        client: id,
        player,
        user,
        ..
    } = &known
    else {
        panic!("{known:?}");
    };
    assert_eq!((*id, *player, user.as_str()), (tab.client, tab.player, "Wizard"));
    assert_eq!(
        peer.refusal(&ask("0123456789abcdef0123456789abcdef")),
        RpcMessageError::TokenExpired
    );
    tab.asks(&mut peer, 0, Ask::Detach { disconnected: true })
        .unwrap();
    assert_eq!(peer.refusal(&ask(&tab.sid)), RpcMessageError::TokenExpired);
}

#[test]
fn a_token_of_a_login_without_a_connection_opens_one_anywhere() {
    let server = Lone::without_host(62, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut other = Peer::registered(&server.data(), OTHER_WEB, "web");
    let token = token_of(&mut peer, "connect Wizard");
    let mut tab = Tab::attach(&mut other, client(2), &token, false);
    assert!(!tab.recovered && tab.sid.len() == 32 && tab.epoch == 1);
    assert_eq!(connected(&mut tab, &mut other), "1");
    tab.expect(&mut other, "*** Connected ***");
    let greeted = tab
        .lines()
        .iter()
        .any(|line| line.contains("Type guest and press Enter"));
    assert!(!greeted, "who has logged in already is not asked to");
    let refused = peer.request(
        client(3),
        Auth::Player("junk".to_owned()),
        0,
        Ask::Attach {
            connect_type: ConnectType::Connected,
            handler: WireObj(0),
            peer: crate::support::peer::at("127.0.0.1"),
            takeover: true,
        },
    );
    assert_eq!(refused, Err(RpcMessageError::PermissionDenied));
}

#[test]
fn a_client_comes_back_on_another_host_and_misses_nothing() {
    let server = Lone::without_host(63, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let mut other = Peer::registered(&server.data(), OTHER_WEB, "web");
    let mut tab = Tab::open(&mut peer, client(1));
    tab.log_in(&mut peer, "connect Wizard", true).expect("a login");
    tab.types(&mut peer, ";notify(player, \"one\")").unwrap();
    tab.expect(&mut peer, "one");
    tab.types(&mut peer, ";notify(player, \"two\")").unwrap();
    let mut left_behind = tab.clone();
    let answer = tab.come_back(&mut other);
    assert!(matches!(answer, Ok(Reply::AttachResult(_))), "{answer:?}");
    assert!(tab.recovered && tab.epoch > left_behind.epoch && tab.sid == left_behind.sid);
    tab.expect(&mut other, "two");
    crate::support::wait_for("the old host to be told", || {
        left_behind.hear(&peer.look());
        left_behind.fenced
    });
    assert_eq!(left_behind.fenced, Some(tab.epoch));
    let stale = left_behind.types(&mut peer, "look");
    assert_eq!(stale, Err(RpcMessageError::Fenced { epoch: tab.epoch }));
    tab.types(&mut other, ";notify(player, \"three\")").unwrap();
    tab.expect(&mut other, "three");
    let first_answer = tab.epoch;
    tab.come_back(&mut other).unwrap();
    assert!(tab.epoch > first_answer, "asked twice, it is answered twice");
}

#[test]
fn a_login_from_elsewhere_may_take_a_living_telnet_connection_over() {
    let mut server = Lone::start(64, &[]);
    let mut ann = hall_character(&server, "Ann");
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let token = token_of(&mut peer, &format!("connect Ann {PASSWORD}"));
    let mut tab = Tab::attach(&mut peer, client(2), &token, true);
    assert!(tab.recovered && tab.client != client(2));
    ann.expect("*** Connected elsewhere ***");
    ann.expect_end();
    tab.types(&mut peer, "in").unwrap();
    tab.expect(&mut peer, "The Great Hall");
    let asked_again = Tab::attach(&mut peer, client(2), &token, false);
    assert_eq!(asked_again.client, tab.client);
    server.signal(Program::Host, Signal::KILL);
    server.start_host();
    let mut ann = crate::support::worlds::hall_return(&server, "Ann");
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn what_a_dead_host_left_is_adopted_with_all_that_was_said_meanwhile() {
    let server = Lone::without_host(65, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let token = token_of(&mut peer, "connect Wizard");
    let mut tab = Tab::attach(&mut peer, client(1), &token, false);
    tab.expect(&mut peer, "*** Connected ***");
    tab.types(&mut peer, ";;suspend(1); notify(player, \"said to nobody\");")
        .unwrap();
    let detached = peer.tell(&HostToDaemonMessage::DetachHost {
        reason: "test".to_owned(),
    });
    assert_eq!(detached, DaemonToHostReply::Ack);
    let mut other = Peer::registered(&server.data(), OTHER_WEB, "web");
    let mut adopted = Tab::attach(&mut other, client(9), &token, false);
    assert_eq!((adopted.client, adopted.recovered), (tab.client, true));
    assert!(adopted.cmd_next >= tab.cmd_next);
    adopted.expect(&mut other, "said to nobody");
    let late = tab.come_back(&mut peer_again(&server));
    assert_eq!(
        late,
        Err(RpcMessageError::Fenced { epoch: adopted.epoch }),
        "its token is dead"
    );
}

fn peer_again(server: &Lone) -> Peer {
    Peer::registered(&server.data(), WEB, "web")
}

/// Answers whatever the daemon asks about this host's clients with these, until it is as it should be.
#[track_caller]
fn list_until(peer: &mut Peer, clients: &[ClientId], what: &str, mut is_so: impl FnMut(&mut Peer) -> bool) {
    peer.claim(clients);
    let list = HostToDaemonMessage::ClientList {
        clients: clients.iter().map(|&client| (client, 0)).collect(),
        done: true,
    };
    wait_for(what, || {
        let is_asked = |unasked: &Unasked| match unasked {
            Unasked::Direct(direct) => **direct == DaemonDirect::ListClients,
            Unasked::Event(_) => false,
        };
        if peer.look().iter().any(is_asked) {
            assert_eq!(peer.tell(&list), DaemonToHostReply::Ack);
        }
        is_so(peer).then_some(())
    });
}

#[test]
fn a_client_that_its_host_lost_lingers_and_goes_on_when_the_host_has_it_after_all() {
    let server = Lone::without_host(64, &[]);
    let mut peer = Peer::registered(&server.data(), WEB, "web");
    let [kept, lost] = [client(1), client(2)].map(|id| (id, peer.establish_from("127.0.0.1", id).1));
    let look = Ask::Command {
        handler: WireObj(0),
        command: "look".to_owned(),
    };
    let asks = |peer: &mut Peer, (id, bound): (ClientId, [u8; 16])| {
        peer.request(id, Auth::Bound(bound), 1, look.clone())
    };
    list_until(&mut peer, &[kept.0], "the lost client to linger", |peer| {
        matches!(asks(peer, lost), Err(RpcMessageError::Busy { .. }))
    });
    assert!(asks(&mut peer, kept).is_ok());
    list_until(&mut peer, &[kept.0, lost.0], "it to go on", |peer| {
        asks(peer, lost).is_ok()
    });
    assert!(asks(&mut peer, kept).is_ok());
}
