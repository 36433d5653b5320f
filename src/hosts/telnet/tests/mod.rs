//! The telnet host over real sockets, between clients and a daemon of the test's own.

mod daemon;
mod slow_reader;

use super::engine::options::{ECHO, EOR, SGA};
use super::engine::parser::{DO, IAC, WILL, WONT};
use super::*;
use crate::limits::{COMMANDS_IN_FLIGHT_MAX, LINE_LEN_MAX};
use crate::protocol::broadcast::HostBroadcastEvent;
use crate::protocol::event::{ClientEvent, Line, LineBody, StreamPos};
use crate::protocol::host::ReattachOutcome;
use crate::protocol::{HostId, WireValue};
use daemon::{FakeDaemon, Heard, PATIENCE, lines, text};
use moo_model::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// A host with its daemon and a port.
struct Rig {
    folder: tempfile::TempDir,
    daemon: FakeDaemon,
    host: TelnetHost,
    from_link: mpsc::Receiver<ToHost>,
    address: SocketAddr,
}

impl Rig {
    async fn start() -> Rig {
        Rig::start_with(|_| {}).await
    }

    async fn start_with(adjust: impl FnOnce(&mut Config)) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let daemon = FakeDaemon::start(folder.path(), HostId::named(NAME), 1);
        let mut config = Config::default();
        config.telnet.listen = "127.0.0.1:0".parse().unwrap();
        adjust(&mut config);
        let options = Options {
            run_dir: folder.path().to_owned(),
            ..Options::default()
        };
        let endpoints = program::endpoints(&config, &options, NAME).unwrap();
        let (supervisor, link, from_link) = program::start_link(endpoints, kind(&config));
        let mut host = TelnetHost::start(&config, supervisor, link).unwrap();
        let socket = bind(config.telnet.listen, FLAG).unwrap();
        let address = socket.local_addr().unwrap();
        host.listen_on(socket, SYSTEM_OBJECT).unwrap();
        let mut rig = Rig {
            folder,
            daemon,
            host,
            from_link,
            address,
        };
        assert_eq!(rig.order().await, ToHost::WantToken);
        tell(rig.host.link(), FromHost::Token("a token".to_owned()));
        rig.wait_until_up().await;
        rig
    }

    async fn order(&mut self) -> ToHost {
        tokio::time::timeout(PATIENCE, self.from_link.recv())
            .await
            .expect("an order comes")
            .expect("the link lives")
    }

    async fn wait_until_up(&mut self) {
        assert_eq!(self.order().await, ToHost::Up);
        assert!(matches!(self.daemon.next().await, Heard::Registered(_)));
    }

    async fn connect(&mut self) -> (Client, ClientId) {
        let client = Client(TcpStream::connect(self.address).await.unwrap());
        let id = self.daemon.established().await;
        (client, id)
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until `end` was read; gives everything up to there.
    async fn read_until(&mut self, end: impl AsRef<[u8]>) -> Vec<u8> {
        let mut all = Vec::new();
        let reading = async {
            while !all.ends_with(end.as_ref()) {
                all.push(self.0.read_u8().await.unwrap());
            }
        };
        if tokio::time::timeout(PATIENCE, reading).await.is_err() {
            panic!(
                "{:?} never came, but {:?}",
                end.as_ref(),
                String::from_utf8_lossy(&all)
            );
        }
        all
    }

    async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let mut got = vec![0; bytes.as_ref().len()];
        tokio::time::timeout(PATIENCE, self.0.read_exact(&mut got))
            .await
            .expect("bytes come")
            .unwrap();
        assert_eq!(got, bytes.as_ref(), "{:?}", String::from_utf8_lossy(&got));
    }

    async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest))
            .await
            .expect("the end comes")
            .unwrap();
        assert_eq!(rest, b"", "{:?}", String::from_utf8_lossy(&rest));
    }
}

fn option(name: &str, value: i64) -> ClientEvent {
    let value = WireValue::new(&Value::int(value));
    ClientEvent::SetConnectionOption {
        connection: WireObj(-2),
        option: name.to_owned(),
        value,
    }
}

#[actix::test]
async fn a_clients_id_tells_nothing_of_the_routing_id_that_stands_for_the_host() {
    let mut rig = Rig::start().await;
    let (_client, id) = rig.connect().await;
    let (_, _, _, instance) = rig.daemon.peer().parts().expect("it is a host's");
    assert_ne!(id.0[..8], instance.to_le_bytes());
    assert_ne!(id.0[8..], instance.to_le_bytes());
}

#[actix::test]
async fn a_burst_of_lines_is_carried_out_in_order() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    let burst: String = (0..2000).map(|number| format!("line {number}\r\n")).collect();
    let expected: String = (0..2000)
        .map(|number| format!("you said line {number}\r\n"))
        .collect();
    let (mut reader, mut writer) = client.0.split();
    let mut got = vec![0; expected.len()];
    let (sent, read) = tokio::join!(writer.write_all(burst.as_bytes()), reader.read_exact(&mut got));
    sent.unwrap();
    read.unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), expected);
    for seq in 1..=2000 {
        let line = format!("line {}", seq - 1);
        assert_eq!(
            rig.daemon.next().await,
            Heard::Command {
                client: id,
                seq,
                line,
                again: false
            }
        );
    }
}

#[actix::test]
async fn no_more_than_the_window_is_sent_before_answers_come() {
    let mut rig = Rig::start().await;
    rig.daemon.set_echoes(false);
    let (mut one, _) = rig.connect().await;
    one.send("x\n".repeat(1000)).await;
    for _ in 0..COMMANDS_IN_FLIGHT_MAX {
        assert_eq!(rig.daemon.command().await, "x");
    }
    // Another client's line goes the same way and is later than anything that the first could have sent.
    let (mut other, _) = rig.connect().await;
    other.send("y\n").await;
    assert_eq!(rig.daemon.command().await, "y");
    assert_eq!(rig.daemon.heard_so_far(), []);
    rig.daemon.answer_held(5);
    for _ in 0..5 {
        assert_eq!(rig.daemon.command().await, "x");
    }
}

#[actix::test]
async fn utf8_and_telnet_commands_in_the_middle_of_a_line_do_no_harm() {
    let mut rig = Rig::start().await;
    let (mut client, _) = rig.connect().await;
    let mut bytes = "say caf\u{e9}".as_bytes().to_vec();
    bytes.insert(bytes.len() - 1, IAC);
    bytes.splice(bytes.len() - 1..bytes.len() - 1, [DO, SGA]);
    bytes.extend_from_slice(b" \xe4\xb8\xad\xe9\r\n");
    for byte in bytes {
        client.send([byte]).await;
    }
    client.expect([IAC, WILL, EOR, IAC, WILL, SGA]).await;
    client.expect("you said say caf\u{e9} \u{4e2d}\u{e9}\r\n").await;
}

#[actix::test]
async fn echo_is_taken_for_a_password_and_given_back() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    rig.daemon.send(id, text("Password:"));
    rig.daemon.send(id, option("client-echo", 0));
    client.expect(b"Password:\r\n\xff\xfb\x01").await;
    client.send([IAC, DO, ECHO]).await;
    client.expect([IAC, WILL, EOR]).await;
    client.send("secret\r\n").await;
    client.expect("you said secret\r\n").await;
    rig.daemon.send(id, option("client-echo", 1));
    client.expect([IAC, WONT, ECHO]).await;
}

#[actix::test]
async fn a_question_hides_one_line_if_asked_to() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    let of = |name: &str, value: Value| (name.to_owned(), WireValue::new(&value));
    let metadata = vec![
        of("prompt", Value::str("New password: ")),
        of("echo", Value::int(0)),
    ];
    rig.daemon.send(
        id,
        ClientEvent::RequestInput {
            request: crate::protocol::ReqId::NONE,
            metadata,
        },
    );
    client.expect(b"New password: \xff\xfb\x01").await;
    client.send([IAC, DO, ECHO]).await;
    client.expect([IAC, WILL, EOR]).await;
    client.send("secret\n").await;
    client.expect(b"\xff\xfc\x01you said secret\r\n").await;
}

#[actix::test]
async fn binary_mode_passes_bytes_both_ways() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    rig.daemon.send(id, option("binary", 1));
    rig.daemon.send(id, text("ready"));
    client.expect("ready\r\n").await;
    rig.daemon.set_echoes(false);
    client.send([1, IAC, b'~', b'A', 0]).await;
    let mut chunks = String::new();
    while chunks.len() < "~01~FF~7EA~00".len() {
        chunks += &rig.daemon.command().await;
    }
    assert_eq!(chunks, "~01~FF~7EA~00");
    let bytes = Line {
        body: LineBody::Bytes(vec![IAC, 0, 10]),
        no_newline: true,
        no_flush: false,
    };
    rig.daemon.send(id, lines(vec![bytes]));
    client.expect([IAC, 0, 10]).await;
}

#[actix::test]
async fn a_line_that_is_too_long_is_refused_and_the_next_one_is_not() {
    let mut rig = Rig::start().await;
    let (mut client, _) = rig.connect().await;
    client.send("x".repeat(2 * LINE_LEN_MAX)).await;
    client.read_until("yours was not taken <<\r\n").await;
    client.send("\nlook\n").await;
    client.expect("you said look\r\n").await;
}

#[actix::test]
async fn the_longest_line_reaches_the_daemon() {
    let mut rig = Rig::start().await;
    rig.daemon.set_echoes(false);
    let (mut client, _) = rig.connect().await;
    client.send("x".repeat(LINE_LEN_MAX) + "\n").await;
    assert_eq!(rig.daemon.command().await.len(), LINE_LEN_MAX);
}

#[actix::test]
async fn a_client_that_leaves_is_reported_after_its_last_line() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    client.send("@quit\n").await;
    drop(client);
    assert_eq!(rig.daemon.command().await, "@quit");
    assert_eq!(rig.daemon.next().await, Heard::Detached(id));
    assert_eq!(rig.host.shared.live(), 0);
}

#[actix::test]
async fn a_disconnected_client_reads_the_last_words_and_the_end() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    client.send("never read in time").await;
    let last_words = vec![Line::text("*** Disconnected ***")];
    rig.daemon.send(id, text("bye"));
    rig.daemon.send(
        id,
        ClientEvent::Disconnect {
            reason: "booted".to_owned(),
            lines: last_words,
        },
    );
    client.expect("bye\r\n*** Disconnected ***\r\n").await;
    client.expect_end().await;
    drop(client);
    assert_eq!(rig.daemon.next().await, Heard::Detached(id));
}

#[actix::test]
async fn a_daemon_that_comes_back_gets_unanswered_lines_again() {
    let mut rig = Rig::start().await;
    rig.daemon.set_echoes(false);
    let (mut client, id) = rig.connect().await;
    client.send("one\ntwo\n").await;
    assert_eq!(rig.daemon.command().await, "one");
    assert_eq!(rig.daemon.command().await, "two");
    rig.daemon.send(id, text("before"));
    client.expect("before\r\n").await;
    // What is shown of it proves that the host has heard the answer before this daemon goes.
    rig.daemon.refuse_held();
    client.expect("The server did not understand that.\r\n").await;
    client.send("three\n").await;
    assert_eq!(rig.daemon.command().await, "three");
    let Rig {
        folder,
        daemon,
        host,
        from_link,
        address,
    } = rig;
    drop(daemon);
    let daemon = FakeDaemon::start(folder.path(), HostId::named(NAME), 2);
    daemon.set_outcome(ReattachOutcome::Ok {
        attach_epoch: 1,
        head: StreamPos { era: 1, seq: 1 },
    });
    let mut rig = Rig {
        folder,
        daemon,
        host,
        from_link,
        address,
    };
    rig.wait_until_up().await;
    for (seq, line) in [(2, "two"), (3, "three")] {
        let line = line.to_owned();
        assert_eq!(
            rig.daemon.next().await,
            Heard::Command {
                client: id,
                seq,
                line,
                again: true
            }
        );
    }
    client.send("four\n").await;
    client
        .read_until("you said two\r\nyou said three\r\nyou said four\r\n")
        .await;
}

#[actix::test]
async fn a_daemon_that_has_forgotten_a_connection_gets_it_anew() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    client.send("one\n").await;
    client.expect("you said one\r\n").await;
    let Rig {
        folder,
        daemon,
        host,
        from_link,
        address,
    } = rig;
    drop(daemon);
    let daemon = FakeDaemon::start(folder.path(), HostId::named(NAME), 2);
    let mut rig = Rig {
        folder,
        daemon,
        host,
        from_link,
        address,
    };
    rig.wait_until_up().await;
    assert_eq!(rig.daemon.established().await, id);
    client.read_until("please log in again. ***\r\n").await;
    client.send("two\n").await;
    let line = "two".to_owned();
    assert_eq!(
        rig.daemon.next().await,
        Heard::Command {
            client: id,
            seq: 1,
            line,
            again: false
        }
    );
    client.expect("you said two\r\n").await;
}

#[actix::test]
async fn ports_open_and_close_as_the_world_asks() {
    let mut rig = Rig::start().await;
    let free = bind("127.0.0.1:0".parse().unwrap(), FLAG)
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (handler, host_type) = (WireObj(7), HostType::Tcp);
    rig.daemon.broadcast(&HostBroadcastEvent::Listen {
        handler,
        host_type,
        port: free,
        options: Vec::new(),
    });
    let ToHost::Listen { handler, port, .. } = rig.order().await else {
        panic!("the order is passed on")
    };
    rig.host.listen(handler, port);
    let listeners = loop {
        match rig.daemon.next_or_pong().await {
            Heard::Pong(listeners) if listeners.len() == 2 => break listeners,
            _ => {}
        }
    };
    assert!(
        listeners
            .iter()
            .any(|listener| listener.handler == WireObj(7) && listener.addr.ends_with(&free.to_string()))
    );
    let mut client = Client(TcpStream::connect(("127.0.0.1", free)).await.unwrap());
    rig.daemon.established().await;
    rig.host.unlisten(free);
    while !matches!(rig.daemon.next_or_pong().await, Heard::Pong(listeners) if listeners.len() == 1) {}
    client.send("still here\n").await;
    client.expect("you said still here\r\n").await;
}

#[actix::test]
async fn one_connection_too_many_is_told_so() {
    let mut rig = Rig::start_with(|config| config.telnet.connections_max = 1).await;
    let (_first, _) = rig.connect().await;
    let mut second = Client(TcpStream::connect(rig.address).await.unwrap());
    second.read_until("*** Please try again later.\r\n").await;
    second.expect_end().await;
}

#[actix::test]
async fn a_host_that_stops_says_goodbye_and_leaves_the_daemon() {
    let mut rig = Rig::start().await;
    let (mut client, id) = rig.connect().await;
    client.send("hello\n").await;
    client.expect("you said hello\r\n").await;
    assert_eq!(rig.daemon.command().await, "hello");
    let (mut host, mut daemon) = (rig.host, rig.daemon);
    let stop = async {
        host.stop().await;
        program::leave(host.link()).await;
    };
    let (_, _) = tokio::join!(stop, async {
        client.expect(format!("{GOING_DOWN}\r\n")).await;
        client.expect_end().await;
        drop(client);
    });
    assert_eq!(daemon.next().await, Heard::Detached(id));
    assert_eq!(daemon.next().await, Heard::HostLeft);
}

#[actix::test]
async fn a_port_in_use_is_refused_in_words() {
    let taken = bind("127.0.0.1:0".parse().unwrap(), FLAG).unwrap();
    let error = bind(taken.local_addr().unwrap(), FLAG).expect_err("the port is taken");
    assert!(
        error
            .to_string()
            .ends_with("another program uses the port; stop it or choose another with --telnet")
    );
}
