//! A terminal in a browser: the same world as over telnet, by `v1.terminal.mudstandards.org`, and what passes beside its text
//! in the subprotocols that have more than that.

use crate::support::server::{Options, Server};
use crate::support::web::Web;
use crate::support::worlds::{PASSWORD, hall_character, hall_wizard};
use serde_json::{Value as Json, json};
use std::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

const PROTOCOL: &str = "v1.terminal.mudstandards.org";

/// A terminal, all the text that it has read, and the text frames that came beside it.
struct Terminal {
    socket: WebSocket<std::net::TcpStream>,
    read: String,
    beside: Vec<String>,
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
        let (read, beside) = (String::new(), Vec::new());
        let chosen = chosen.to_owned();
        (Terminal { socket, read, beside }, chosen)
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
                Message::Text(text) => self.beside.push(text.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("only text is expected, and not {other:?}"),
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
    assert!(terminal.beside.is_empty(), "{:?}", terminal.beside);
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

/// A subprotocol with messages beside the text, one of them as the client says it, and what the world hears.
const BESIDE: [(&str, &str, &str); 4] = [
    (
        "gmcp.mudstandards.org",
        "Room.Look {\"at\": 1}",
        "#$#gmcp Room.Look {\"at\":1}",
    ),
    ("v1.gmcp.mudstandards.org", "Core.Ping", "#$#gmcp Core.Ping"),
    (
        "json.mudstandards.org",
        r#"{"proto": "map", "id": "look", "data": {"at": 1}}"#,
        "#$#json map look {\"at\":1}",
    ),
    (
        "v1.json.mudstandards.org",
        r#"{"proto": "map", "id": "look"}"#,
        "#$#json map look",
    ),
];

#[test]
fn messages_pass_beside_the_text_of_a_terminal_that_asks_for_them() {
    let server = Server::start(Options::web());
    let mut wizard = hall_wizard(&server);
    for line in [
        r#";add_verb(#0, {player, "rxd", "do_out_of_band_command"}, {"this", "none", "this"})"#,
        r#";set_verb_code(#0, "do_out_of_band_command", {"notify(player, \"heard: \" + argstr + \";\");"})"#,
    ] {
        wizard.send(line);
        wizard.expect("=> ");
    }
    for (number, (protocol, said, heard)) in BESIDE.into_iter().enumerate() {
        let (mut terminal, chosen) = Terminal::open(&server, protocol);
        assert_eq!(chosen, protocol);
        terminal.send(Message::binary(
            format!("create Gina{number} {PASSWORD}\n").into_bytes(),
        ));
        terminal.expect("*** Created ***");
        terminal.send(Message::text(said));
        terminal.expect(&format!("heard: {heard};"));
        terminal.send(Message::text("look"));
        terminal.expect(">> A message was not taken: a text frame is to hold");
        assert_eq!(terminal.beside, [""; 0], "nothing was said yet");
        let name = ["Ada", "Bea", "Cleo", "Dora"][number];
        let mut program = Web::character(server.web(), name);
        let session = program.session.clone();
        program.ask(json!({
            "type": "GlobalMessage",
            "from": {"type": "User", "id": name, "session": session},
            "message": "Hello",
        }));
        terminal.expect(&format!("{name} tells everybody, \"Hello\""));
        let [message] = &terminal.beside[..] else {
            panic!(
                "one message comes beside its words, and not {:?}",
                terminal.beside
            );
        };
        let data = match message.strip_prefix("Moothall.GlobalMessage ") {
            Some(data) => serde_json::from_str(data).unwrap(),
            None => {
                let message: Json = serde_json::from_str(message).unwrap();
                assert_eq!(message["proto"], "moothall");
                assert_eq!(message["id"], "GlobalMessage");
                message["data"].clone()
            }
        };
        assert_eq!(
            (&data["message"], &data["from"]["id"]),
            (&json!("Hello"), &json!(name))
        );
        assert_eq!(data["from"].get("session"), None);
    }
}
