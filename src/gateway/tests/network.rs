//! F52 on real tcp sockets: who gets in over a network, as whom, and how far.

use std::net::TcpListener;

use super::super::curve::{Admitted, CurveClient, CurveKeys, Speaker, join};
use super::super::enrollee;
use super::*;
use crate::limits::{HANDSHAKES_RATE_MAX, INTAKE_PEER_FRAMES_MAX};
use crate::protocol::codec::{Envelope, Frame, encode};
use crate::protocol::enroll::Enrollment;

/// A daemon's side with all its doors to a network open.
struct Daemon {
    _folder: tempfile::TempDir,
    _side: ServerSide,
    sender: ServerSender,
    heard: Receiver<Inbound>,
    network: Network,
}

/// A port that was free a moment ago.
fn free_endpoint() -> String {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    format!("tcp://{}", port.expect("this machine has a network of its own"))
}

fn keys() -> CurveKeys {
    CurveKeys::generate().expect("the library has CURVE")
}

fn daemon() -> Daemon {
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let network = Network {
        rpc: free_endpoint(),
        events: free_endpoint(),
        enroll: Some(free_endpoint()),
        workers: Some(free_endpoint()),
        keys: keys(),
        admitted: Admitted::default(),
    };
    let endpoints = ServerEndpoints {
        network: Some(network.clone()),
        ..server_endpoints(&folder)
    };
    let (tell, heard) = channel();
    let handler = move |burst: &mut Vec<Inbound>| burst.drain(..).for_each(|item| drop(tell.send(item)));
    let (side, sender) = ServerSide::start(&endpoints, handler).expect("the ports are free");
    Daemon {
        _folder: folder,
        _side: side,
        sender,
        heard,
        network,
    }
}

/// A host of another machine that claims this id.
fn host(daemon: &Daemon, keys: &CurveKeys, id: HostId) -> (HostSide, HostSender, Receiver<HostInbound>) {
    let (tell, heard) = channel();
    let handler = move |burst: &mut Vec<HostInbound>| burst.drain(..).for_each(|item| drop(tell.send(item)));
    let endpoints = HostEndpoints {
        rpc: daemon.network.rpc.clone(),
        events: daemon.network.events.clone(),
        curve: Some(CurveClient {
            keys: keys.clone(),
            server: daemon.network.keys.public,
        }),
        id,
        instance: 1,
    };
    let (side, sender) = HostSide::start(&endpoints, handler).expect("connecting needs no one to be there");
    (side, sender, heard)
}

fn said(item: &Inbound) -> Option<(PeerId, Speaker, Vec<u8>)> {
    match item {
        Inbound::Frame { from, speaker, frame } => Some((*from, *speaker, frame.to_vec())),
        _ => None,
    }
}

#[test]
fn the_library_has_curve() {
    assert_eq!(zmq::has("curve"), Some(true));
    assert!(CurveKeys::generate().is_ok());
}

#[test]
fn f52_a_network_endpoint_is_refused_without_encryption() {
    let endpoint = "tcp://127.0.0.1:0".to_owned();
    let endpoints = ServerEndpoints {
        rpc: endpoint.clone(),
        events: endpoint.clone(),
        workers: endpoint.clone(),
        network: None,
    };
    let refused = ServerSide::start(&endpoints, |_| {}).err();
    let unencrypted = Some(GatewayError::Unencrypted {
        endpoint: endpoint.clone(),
    });
    assert_eq!(refused, unencrypted);
    let endpoints = HostEndpoints {
        rpc: endpoint.clone(),
        events: endpoint,
        curve: None,
        id: ID,
        instance: 1,
    };
    assert_eq!(HostSide::start(&endpoints, |_| {}).err(), unencrypted);
}

#[test]
fn an_admitted_host_asks_is_answered_and_hears_its_events() {
    let (daemon, keys) = (daemon(), keys());
    daemon.network.admitted.admit(keys.public, ID);
    let (_side, sender, heard) = host(&daemon, &keys, ID);
    sender
        .send(Lane::Interactive, b"hello".to_vec())
        .expect("there is room");
    let (from, speaker, frame) = wait(&daemon.heard, said);
    assert_eq!(
        (speaker, &frame[..]),
        (Speaker::Enrolled(ID, keys.public), &b"hello"[..])
    );
    assert_eq!(from.wire(), Wire::Network);
    daemon
        .sender
        .reply(from, b"welcome".to_vec())
        .expect("there is room");
    assert_eq!(wait(&heard, reply), (Lane::Interactive, b"welcome".to_vec()));
    hear_an_event(&daemon, &heard);
}

/// Publishes until the host hears it, since its subscription may take a moment.
fn hear_an_event(daemon: &Daemon, heard: &Receiver<HostInbound>) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < give_up, "no event arrived");
        daemon
            .sender
            .publish(&host_topic(ID), b"event".to_vec())
            .expect("there is room");
        match heard.recv_timeout(Duration::from_millis(20)) {
            Ok(HostInbound::Event { frame }) => break assert_eq!(frame, b"event"),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the host's thread has ended"),
        }
    }
}

#[test]
fn f52_an_unknown_key_is_not_heard_and_a_known_one_beside_it_is() {
    let (daemon, known) = (daemon(), keys());
    daemon.network.admitted.admit(known.public, ID);
    let (_stranger, from_stranger, _) = host(&daemon, &keys(), HostId([9; 16]));
    from_stranger
        .send(Lane::Interactive, b"let me in".to_vec())
        .expect("there is room");
    let (_side, sender, _) = host(&daemon, &known, ID);
    for n in 0..20u8 {
        sender.send(Lane::Interactive, vec![n]).expect("there is room");
        assert_eq!(wait(&daemon.heard, said).2, [n], "only the known one is heard");
    }
}

#[test]
fn f52_who_speaks_is_told_by_the_key_whatever_id_is_claimed() {
    let (daemon, keys) = (daemon(), keys());
    daemon.network.admitted.admit(keys.public, ID);
    let other = HostId([9; 16]);
    let curve = CurveClient {
        keys: keys.clone(),
        server: daemon.network.keys.public,
    };
    let context = zmq::Context::new();
    let socket = open_socket(&context, zmq::DEALER).expect("a socket");
    let claimed = PeerId::new(Role::Host, Lane::Interactive, other, 1);
    socket.set_identity(claimed.as_bytes()).expect("it is short");
    join(&socket, &daemon.network.rpc, Some(&curve)).expect("it has keys");
    socket.connect(&daemon.network.rpc).expect("a proper endpoint");
    socket.send("I am another", 0).expect("there is room");
    let (from, speaker, _) = wait(&daemon.heard, said);
    assert_eq!(from.parts().map(|(_, _, id, _)| id), Some(other));
    assert_eq!(speaker, Speaker::Enrolled(ID, keys.public));
}

#[test]
fn a_host_that_listens_in_on_another_is_cut_off_and_reported() {
    let (daemon, keys) = (daemon(), keys());
    daemon.network.admitted.admit(keys.public, ID);
    let other = HostId([9; 16]);
    let (_side, _, _) = host(&daemon, &keys, other);
    let trespass = |item: &Inbound| match item {
        Inbound::Trespass { speaker, topic } => Some((*speaker, topic.clone())),
        _ => None,
    };
    let (speaker, topic) = wait(&daemon.heard, trespass);
    assert_eq!(speaker, Some(Speaker::Enrolled(ID, keys.public)));
    assert_eq!(topic, host_topic(other));
    assert_eq!(daemon.network.admitted.id_of(&keys.public), None);
}

/// A subscriber with these keys that has not subscribed to anything yet.
fn subscriber(daemon: &Daemon, keys: &CurveKeys) -> zmq::Socket {
    let curve = CurveClient {
        keys: keys.clone(),
        server: daemon.network.keys.public,
    };
    let socket = open_socket(&zmq::Context::new(), zmq::SUB).expect("a socket");
    join(&socket, &daemon.network.events, Some(&curve)).expect("it has keys");
    let wait_ms = i32::try_from(PATIENCE.as_millis()).expect("a test is short");
    socket.set_rcvtimeo(wait_ms).expect("a number of milliseconds");
    socket.connect(&daemon.network.events).expect("a proper endpoint");
    socket
}

#[test]
fn a_host_that_hides_a_trespass_behind_many_subscriptions_gets_no_frame_of_another() {
    let (daemon, keys) = (daemon(), keys());
    daemon.network.admitted.admit(keys.public, ID);
    let own = host_topic(ID);
    let spy = subscriber(&daemon, &keys);
    spy.set_subscribe(&own).expect("a short topic");
    let is_heard = || spy.recv_bytes(zmq::DONTWAIT).is_ok();
    while !is_heard() {
        daemon
            .sender
            .publish(&own, b"own".to_vec())
            .expect("there is room");
    }
    for _ in 0..1_000 {
        spy.set_unsubscribe(&own).expect("it was subscribed");
        spy.set_subscribe(&own).expect("a short topic");
    }
    spy.set_subscribe(b"c/").expect("a short topic");
    let victim = host_topic(HostId([9; 16]));
    let give_up = Instant::now() + PATIENCE;
    while !daemon
        .heard
        .try_iter()
        .any(|item| matches!(item, Inbound::Trespass { .. }))
    {
        assert!(Instant::now() < give_up, "nobody noticed");
        // A full queue is as good as a busy daemon.
        daemon.sender.publish(&victim, b"secret".to_vec()).ok();
    }
    spy.set_rcvtimeo(300).expect("a number of milliseconds");
    while let Ok(parts) = spy.recv_multipart(0) {
        assert_ne!(parts.last().map(Vec::as_slice), Some(&b"secret"[..]));
    }
}

#[test]
fn a_host_may_not_even_subscribe_to_a_part_of_its_own_topic() {
    let (daemon, keys) = (daemon(), keys());
    daemon.network.admitted.admit(keys.public, ID);
    let spy = subscriber(&daemon, &keys);
    let part = [&host_topic(ID)[..], b"more"].concat();
    spy.set_subscribe(&part).expect("a short topic");
    let trespass = |item: &Inbound| match item {
        Inbound::Trespass { topic, .. } => Some(topic.clone()),
        _ => None,
    };
    assert_eq!(wait(&daemon.heard, trespass), part);
}

#[test]
fn a_host_that_floods_loses_what_is_beyond_its_share_and_another_is_heard() {
    let (daemon, floods, other) = (daemon(), keys(), keys());
    daemon.network.admitted.admit(floods.public, ID);
    daemon.network.admitted.admit(other.public, HostId([9; 16]));
    let (_flood, from_flood, at_flood) = host(&daemon, &floods, ID);
    wait(&at_flood, connected);
    for _ in 0..2 * INTAKE_PEER_FRAMES_MAX {
        from_flood
            .send(Lane::Bulk, b"flood".to_vec())
            .expect("there is room");
    }
    // What was heard is kept, as by an actor that does not come to it.
    let mut kept = Vec::new();
    let give_up = Instant::now() + PATIENCE;
    while daemon.sender.figures().refused_frames == 0 {
        assert!(Instant::now() < give_up, "nothing was refused");
        kept.extend(daemon.heard.recv_timeout(Duration::from_millis(10)));
    }
    let (_side, sender, _) = host(&daemon, &other, HostId([9; 16]));
    sender
        .send(Lane::Interactive, b"me".to_vec())
        .expect("there is room");
    loop {
        let item = daemon
            .heard
            .recv_timeout(PATIENCE)
            .expect("the other one is heard");
        let said = said(&item).map(|(_, speaker, _)| speaker);
        if said == Some(Speaker::Enrolled(HostId([9; 16]), other.public)) {
            break;
        }
        kept.push(item);
    }
    assert!(
        kept.len() <= INTAKE_PEER_FRAMES_MAX,
        "{} frames were kept",
        kept.len()
    );
    kept.clear();
    while daemon.heard.try_recv().is_ok() {}
    from_flood
        .send(Lane::Interactive, b"again".to_vec())
        .expect("there is room");
    assert_eq!(
        wait(&daemon.heard, |item| said(item)
            .filter(|(.., frame)| frame == b"again"))
        .2,
        b"again"
    );
}

#[test]
fn a_key_that_opens_one_connection_after_the_other_is_made_to_wait_and_another_gets_in() {
    let (daemon, greedy, other) = (daemon(), keys(), keys());
    daemon.network.admitted.admit(greedy.public, ID);
    daemon.network.admitted.admit(other.public, HostId([9; 16]));
    let spies: Vec<_> = (0..HANDSHAKES_RATE_MAX + 8)
        .map(|_| subscriber(&daemon, &greedy))
        .collect();
    let give_up = Instant::now() + PATIENCE;
    while daemon.sender.figures().turned_away == 0 {
        assert!(Instant::now() < give_up, "nobody was turned away");
        std::thread::yield_now();
    }
    assert_eq!(daemon.sender.figures().handshakes, u64::from(HANDSHAKES_RATE_MAX));
    let (_side, sender, _) = host(&daemon, &other, HostId([9; 16]));
    sender
        .send(Lane::Interactive, b"me".to_vec())
        .expect("there is room");
    assert_eq!(wait(&daemon.heard, said).2, b"me");
    drop(spies);
}

#[test]
fn an_expelled_key_is_cut_off_and_the_others_come_back() {
    let (daemon, stays, goes) = (daemon(), keys(), keys());
    let gone = HostId([9; 16]);
    daemon.network.admitted.admit(stays.public, ID);
    daemon.network.admitted.admit(goes.public, gone);
    let (_one, from_gone, _) = host(&daemon, &goes, gone);
    from_gone
        .send(Lane::Interactive, b"here".to_vec())
        .expect("there is room");
    assert_eq!(wait(&daemon.heard, said).2, b"here");
    let (_two, from_staying, at_staying) = host(&daemon, &stays, ID);
    assert_eq!(daemon.network.admitted.expel(gone), [goes.public]);
    daemon.sender.cut_network().expect("there is room");
    hear_an_event(&daemon, &at_staying);
    for n in 0..20u8 {
        from_gone
            .send(Lane::Interactive, b"still here".to_vec())
            .expect("there is room");
        from_staying
            .send(Lane::Interactive, vec![n])
            .expect("there is room");
        // Frames that were on their way when the connection was cut are lost, and their sender would ask again.
        let speaker = wait(&daemon.heard, said).1;
        assert_eq!(speaker, Speaker::Enrolled(ID, stays.public));
    }
}

#[test]
fn a_stranger_may_ask_to_be_enrolled_and_is_known_by_its_key() {
    let (daemon, keys) = (daemon(), keys());
    let endpoint = daemon.network.enroll.clone().expect("it is open");
    let curve = CurveClient {
        keys: keys.clone(),
        server: daemon.network.keys.public,
    };
    let question = Enrollment::Refused("any message at all".into());
    let asked = std::thread::spawn(move || enrollee::ask(&endpoint, &curve, &question, PATIENCE));
    let (from, speaker, frame) = wait(&daemon.heard, said);
    assert_eq!(
        (from.wire(), speaker),
        (Wire::Enroll, Speaker::Stranger(keys.public))
    );
    let envelope = Frame::parse(&frame).expect("it is a frame").envelope;
    let answer = Enrollment::Enrolled {
        id: ID.0,
        token: "token".into(),
    };
    let frame = encode(&Envelope::reply(&envelope, 1), &answer).expect("it is short");
    daemon.sender.reply(from, frame).expect("there is room");
    assert_eq!(asked.join().expect("it does not panic"), Ok(answer));
}

#[test]
fn a_daemon_with_another_key_than_expected_hears_nothing() {
    let (daemon, keys) = (daemon(), keys());
    let endpoint = daemon.network.enroll.clone().expect("it is open");
    let curve = CurveClient {
        server: super::network::keys().public,
        keys,
    };
    let question = Enrollment::Refused("secret".into());
    let asked = enrollee::ask(&endpoint, &curve, &question, Duration::from_millis(300));
    assert!(matches!(asked, Err(GatewayError::Setup(_))), "{asked:?}");
    assert!(daemon.heard.try_recv().is_err(), "nothing was said to a stranger");
}
