//! A terminal in a browser: the same world as over telnet, by `v1.terminal.mudstandards.org`.

use crate::support::server::{Options, Server};
use crate::support::web::Web;
use crate::support::worlds::{PASSWORD, hall_character};
use std::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

const PROTOCOL: &str = "v1.terminal.mudstandards.org";

/// A terminal, and all that it has read.
struct Terminal {
    socket: WebSocket<std::net::TcpStream>,
    read: String,
}

impl Terminal {
    fn open(server: &Server, offered: &str) -> (Terminal, String) {
        let stream = std::net::TcpStream::connect(server.web()).unwrap();
        stream.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
        let mut request = format!("ws://{}/ws", server.web()).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", offered.parse().unwrap());
        let (socket, response) = client::client(request, stream).unwrap();
        let chosen = response.headers()["sec-websocket-protocol"].to_str().unwrap();
        let read = String::new();
        (Terminal { socket, read }, chosen.to_owned())
    }

    /// Reads until this has come; what came before it is forgotten.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        let end = Instant::now() + crate::support::DEADLINE;
        loop {
            if let Some(at) = self.read.find(text) {
                self.read.drain(..at + text.len());
                return;
            }
            assert!(
                Instant::now() < end,
                "waited in vain for `{text}` in {:?}",
                self.read
            );
            match self.socket.read().unwrap() {
                Message::Binary(bytes) => self.read += std::str::from_utf8(&bytes).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("only binary frames are expected, and not {other:?}"),
            }
        }
    }

    fn send(&mut self, frame: Message) {
        self.socket.send(frame).unwrap();
    }
}

#[test]
fn a_terminal_in_a_browser_plays_with_those_at_telnet_and_at_json() {
    let server = Server::start(Options::web());
    let mut telnet = hall_character(&server, "Tess");
    let mut json = Web::character(server.web(), "Jay");
    let (mut terminal, chosen) = Terminal::open(&server, &format!("soap, {PROTOCOL}, json.moothall.v1"));
    assert_eq!(chosen, PROTOCOL);
    terminal.expect("Type guest and press Enter");
    // A line may come in pieces, in frames of either kind, and end as terminals end theirs.
    terminal.send(Message::text("create Wanda "));
    terminal.send(Message::binary(format!("{PASSWORD}\r").into_bytes()));
    terminal.expect("*** Created ***\r\n");
    telnet.expect("Wanda");
    let (first, last) = "say gr\u{fc}\u{df} dich\n".as_bytes().split_at(7);
    for piece in [first, last] {
        terminal.send(Message::binary(piece.to_vec()));
    }
    terminal.expect("gr\u{fc}\u{df} dich");
    telnet.expect("gr\u{fc}\u{df} dich");
    json.expect("gr\u{fc}\u{df} dich");
    telnet.send("say from telnet");
    terminal.expect("from telnet\"\r\n");
    terminal.send(Message::text("@quit\n"));
    telnet.expect("Wanda");
    let end = loop {
        match terminal.socket.read() {
            Ok(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            Ok(_) => {}
            Err(error) => panic!("the socket broke without a close: {error}"),
        }
    };
    assert_eq!(end, Some(1000));
}

#[test]
fn a_terminal_that_vanishes_leaves_the_world() {
    let server = Server::start(Options::web());
    let mut telnet = hall_character(&server, "Tess");
    let (mut terminal, _) = Terminal::open(&server, PROTOCOL);
    terminal.send(Message::text(format!("create Vera {PASSWORD}\n")));
    terminal.expect("*** Created ***");
    telnet.expect("Vera");
    telnet.check("@who", &["Vera"]);
    drop(terminal);
    telnet.expect("Vera");
}
