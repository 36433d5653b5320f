//! Frames over real sockets, on ipc in a fresh folder.

mod network;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::*;
use crate::limits::{
    INTAKE_BYTES_MAX, PEER_QUEUE_BYTES_MAX, PEER_QUEUE_FRAMES_MAX, RECEIVE_BURST_BYTES, WINDOW,
};
use crate::protocol::broadcast::{HOST_BROADCAST_TOPIC, host_topic};

const PATIENCE: Duration = Duration::from_secs(20);
const ID: HostId = HostId([7; 16]);

/// A daemon's and a host's side on sockets in a folder of their own.
struct Pair {
    folder: tempfile::TempDir,
    server: ServerSide,
    to_host: ServerSender,
    at_server: Receiver<Inbound>,
    host: HostSide,
    to_server: HostSender,
    at_host: Receiver<HostInbound>,
}

fn server_endpoints(folder: &tempfile::TempDir) -> ServerEndpoints {
    let path = |name: &str| format!("ipc://{}", folder.path().join(name).display());
    ServerEndpoints {
        rpc: path("rpc.sock"),
        events: path("events.sock"),
        workers: path("workers.sock"),
        network: None,
    }
}

fn start_server(folder: &tempfile::TempDir) -> (ServerSide, ServerSender, Receiver<Inbound>) {
    let (tell, at_server) = channel();
    let handler = move |burst: &mut Vec<Inbound>| burst.drain(..).for_each(|item| drop(tell.send(item)));
    let (server, to_host) =
        ServerSide::start(&server_endpoints(folder), handler).expect("a fresh folder is free");
    (server, to_host, at_server)
}

fn start_host(folder: &tempfile::TempDir) -> (HostSide, HostSender, Receiver<HostInbound>) {
    let (tell, at_host) = channel();
    let handler = move |burst: &mut Vec<HostInbound>| burst.drain(..).for_each(|item| drop(tell.send(item)));
    let ServerEndpoints { rpc, events, .. } = server_endpoints(folder);
    let endpoints = HostEndpoints {
        rpc,
        events,
        curve: None,
        id: ID,
        instance: 1,
    };
    let (host, to_server) =
        HostSide::start(&endpoints, handler).expect("connecting needs no one to be there");
    (host, to_server, at_host)
}

fn start() -> Pair {
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let (server, to_host, at_server) = start_server(&folder);
    let (host, to_server, at_host) = start_host(&folder);
    Pair {
        folder,
        server,
        to_host,
        at_server,
        host,
        to_server,
        at_host,
    }
}

/// The first item for which the question has an answer, within the patience of a test.
#[track_caller]
fn wait<T, A>(from: &Receiver<T>, question: impl Fn(&T) -> Option<A>) -> A {
    loop {
        let item = from.recv_timeout(PATIENCE).expect("it should have come by now");
        if let Some(answer) = question(&item) {
            return answer;
        }
    }
}

fn frame(item: &Inbound) -> Option<(PeerId, Vec<u8>)> {
    match item {
        Inbound::Frame { from, frame, .. } => Some((*from, frame.to_vec())),
        _ => None,
    }
}

fn connected(item: &HostInbound) -> Option<()> {
    matches!(item, HostInbound::Connected).then_some(())
}

fn reply(item: &HostInbound) -> Option<(Lane, Vec<u8>)> {
    match item {
        HostInbound::Reply { lane, frame } => Some((*lane, frame.clone())),
        _ => None,
    }
}

#[test]
fn bursts_are_bounded_in_bytes_and_nothing_more_is_read_than_may_wait() {
    const FRAME: usize = 1 << 20;
    const FRAMES: usize = INTAKE_BYTES_MAX / FRAME + 8;
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let (tell, bursts) = channel();
    let handler = move |burst: &mut Vec<Inbound>| drop(tell.send(std::mem::take(burst)));
    let (_server, to_host) =
        ServerSide::start(&server_endpoints(&folder), handler).expect("a fresh folder is free");
    let (_host, to_server, at_host) = start_host(&folder);
    wait(&at_host, connected);
    let bytes = |burst: &[Inbound]| -> usize {
        let frames = burst.iter().filter_map(frame);
        frames.map(|(_, frame)| frame.len()).sum()
    };
    let (mut kept, mut sent, mut waiting) = (Vec::new(), 0, 0);
    let mut send_more = || {
        while sent < FRAMES && to_server.send(Lane::Bulk, vec![0; FRAME]).is_ok() {
            sent += 1;
        }
    };
    let give_up = Instant::now() + PATIENCE;
    while waiting < INTAKE_BYTES_MAX {
        assert!(Instant::now() < give_up, "{waiting} bytes have come");
        send_more();
        match bursts.recv_timeout(Duration::from_millis(10)) {
            Ok(burst) => {
                assert!(bytes(&burst) < RECEIVE_BURST_BYTES + FRAME);
                waiting += bytes(&burst);
                kept.extend(burst);
            }
            Err(error) => assert_eq!(error, RecvTimeoutError::Timeout),
        }
    }
    assert_eq!(waiting, INTAKE_BYTES_MAX);
    assert_eq!(to_host.figures().waiting_bytes, INTAKE_BYTES_MAX);
    drop(kept);
    while waiting < FRAMES * FRAME {
        assert!(Instant::now() < give_up, "{waiting} bytes have come");
        send_more();
        if let Ok(burst) = bursts.recv_timeout(Duration::from_millis(10)) {
            waiting += bytes(&burst);
        }
    }
    assert_eq!(waiting, FRAMES * FRAME, "what had to wait has come");
}

#[test]
fn ten_thousand_requests_are_echoed_in_order_with_a_full_window() {
    const REQUESTS: u32 = 10_000;
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let (tell, at_server) = channel::<(PeerId, Vec<u8>)>();
    let handler = move |burst: &mut Vec<Inbound>| {
        burst
            .drain(..)
            .filter_map(|i| frame(&i))
            .for_each(|f| drop(tell.send(f)))
    };
    let (server, to_host) =
        ServerSide::start(&server_endpoints(&folder), handler).expect("a fresh folder is free");
    let echo = std::thread::spawn(move || {
        for (from, frame) in at_server.iter().take(REQUESTS as usize) {
            to_host
                .reply(from, frame)
                .expect("a window's worth of answers has room");
        }
    });
    let (_host, to_server, at_host) = start_host(&folder);
    let send = |n: u32| {
        to_server
            .send(Lane::Interactive, n.to_le_bytes().to_vec())
            .expect("a window has room")
    };
    let window = u32::try_from(WINDOW).expect("a small number");
    let begun = Instant::now();
    (0..window).for_each(send);
    for n in 0..REQUESTS {
        assert_eq!(
            wait(&at_host, reply),
            (Lane::Interactive, n.to_le_bytes().to_vec())
        );
        if n + window < REQUESTS {
            send(n + window);
        }
    }
    println!(
        "{:.0} echoes a second",
        f64::from(REQUESTS) / begun.elapsed().as_secs_f64()
    );
    echo.join().expect("the echo ends after the last request");
    drop(server);
}

#[test]
fn an_answer_comes_back_on_the_lane_of_its_request() {
    let pair = start();
    pair.to_server
        .send(Lane::Bulk, b"list".to_vec())
        .expect("there is room");
    let (from, request) = wait(&pair.at_server, frame);
    assert_eq!(
        (from, &request[..]),
        (PeerId::new(Role::Host, Lane::Bulk, ID, 1), &b"list"[..])
    );
    pair.to_host
        .reply(from, b"listed".to_vec())
        .expect("there is room");
    assert_eq!(wait(&pair.at_host, reply), (Lane::Bulk, b"listed".to_vec()));
}

#[test]
fn a_host_hears_its_own_topics_and_no_other_host_s() {
    let pair = start();
    let mine = host_topic(ID);
    let mut subscribed = Vec::new();
    while subscribed.len() < 3 {
        subscribed.push(wait(&pair.at_server, |item| match item {
            Inbound::Subscribed { topic } => Some(topic.clone()),
            _ => None,
        }));
    }
    assert!(subscribed.contains(&mine.to_vec()));
    let publish =
        |topic: &[u8], body: &[u8]| pair.to_host.publish(topic, body.to_vec()).expect("there is room");
    publish(&host_topic(HostId([8; 16])), b"theirs");
    publish(&mine, b"mine");
    publish(b"workers", b"not ours");
    publish(&[&mine[..], &[1; 16]].concat(), b"one client's");
    publish(HOST_BROADCAST_TOPIC, b"all hosts");
    let event = |item: &HostInbound| match item {
        HostInbound::Event { frame } => Some(frame.clone()),
        _ => None,
    };
    let heard: Vec<_> = (0..3).map(|_| wait(&pair.at_host, event)).collect();
    assert_eq!(heard, [&b"mine"[..], b"one client's", b"all hosts"]);
    assert_eq!(
        pair.to_host.publish(&[0; LABEL_MAX + 1], Vec::new()),
        Err(SendError::Topic)
    );
}

#[test]
fn a_peer_that_has_gone_is_reported_as_unreachable() {
    let pair = start();
    pair.to_server
        .send(Lane::Interactive, b"here".to_vec())
        .expect("there is room");
    let (from, _) = wait(&pair.at_server, frame);
    drop(pair.host);
    let give_up = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < give_up, "nobody noticed that the peer has gone");
        pair.to_host
            .reply(from, b"anyone?".to_vec())
            .expect("there is room");
        match pair.at_server.recv_timeout(Duration::from_millis(10)) {
            Ok(Inbound::Unreachable { peer }) => break assert_eq!(peer, from),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the server's thread has ended"),
        }
    }
}

#[test]
fn a_frame_over_the_limit_never_arrives_and_the_next_one_does() {
    let pair = start();
    pair.to_server
        .send(Lane::Bulk, vec![1; FRAME_MAX + 1])
        .expect("there is room");
    pair.to_server
        .send(Lane::Interactive, vec![2; 10])
        .expect("there is room");
    assert_eq!(wait(&pair.at_server, frame).1, [2; 10]);
    // The refused frame cost the lane its connection; it comes back by itself, though what was sent before is lost.
    let bulk = PeerId::new(Role::Host, Lane::Bulk, ID, 1);
    let give_up = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < give_up, "the lane did not come back");
        pair.to_server
            .send(Lane::Bulk, vec![3; 10])
            .expect("there is room");
        let heard = pair.at_server.recv_timeout(Duration::from_millis(10));
        if let Ok(Inbound::Frame { from, frame, .. }) = heard {
            break assert_eq!((from, frame.to_vec()), (bulk, vec![3; 10]));
        }
    }
}

#[test]
fn requests_wait_for_a_daemon_that_is_not_there_yet() {
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let (_host, to_server, _at_host) = start_host(&folder);
    to_server
        .send(Lane::Interactive, b"early".to_vec())
        .expect("there is room");
    let (_server, _to_host, at_server) = start_server(&folder);
    assert_eq!(wait(&at_server, frame).1, b"early");
}

#[test]
fn a_host_reaches_the_next_daemon_on_the_same_sockets() {
    let Pair {
        folder,
        server,
        to_host,
        at_server,
        host: _host,
        to_server,
        ..
    } = start();
    to_server
        .send(Lane::Interactive, b"one".to_vec())
        .expect("there is room");
    assert_eq!(wait(&at_server, frame).1, b"one");
    drop(server);
    let (from, closed) = (
        PeerId::new(Role::Host, Lane::Interactive, ID, 1),
        SendError::Closed,
    );
    assert_eq!(to_host.reply(from, Vec::new()), Err(closed));
    let (_server, _to_host, at_server) = start_server(&folder);
    to_server.rebuild().expect("there is room");
    to_server
        .send(Lane::Interactive, b"two".to_vec())
        .expect("there is room");
    assert_eq!(wait(&at_server, frame).1, b"two");
}

#[test]
fn a_lane_that_waits_too_long_is_reset_and_bounded() {
    let folder = tempfile::tempdir().expect("a folder for the sockets");
    let (_host, to_server, at_host) = start_host(&folder);
    for _ in 0..=PEER_QUEUE_FRAMES_MAX {
        to_server.send(Lane::Bulk, vec![0; 8]).expect("there is room");
    }
    assert_eq!(
        wait(&at_host, |item| Some(item.clone())),
        HostInbound::Reset { lane: Lane::Bulk }
    );
    to_server
        .send(Lane::Interactive, vec![0; PEER_QUEUE_BYTES_MAX + 1])
        .expect("there is room");
    assert_eq!(
        wait(&at_host, |item| Some(item.clone())),
        HostInbound::Reset {
            lane: Lane::Interactive
        }
    );
}
