//! `Web`: a JSON client at a WebSocket, of another make than the server's; and plain requests.
//!
//! Invariant: everything that came is kept, so a test may ask for what came before something else.

use super::{DEADLINE, wait_for};
use serde_json::{Value as Json, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::ClientHandshake;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client::client_with_config};

type NoHandshake = Box<HandshakeError<ClientHandshake<TcpStream>>>;

/// One client.
pub struct Web {
    pub socket: WebSocket<TcpStream>,
    /// All that came, in its order.
    pub seen: Vec<Json>,
    /// What was looked at by `wait`.
    looked: usize,
    /// The code that the server closed with.
    closed: Option<u16>,
    last_id: u64,
    /// What it comes back by, after a login.
    pub session: String,
    pub name: String,
    pub next: u64,
    /// The last event that came.
    pub pos: Json,
}

impl Web {
    /// Opens a socket with our subprotocol and waits for the server's first words.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Web {
        let mut web = Web::open_as(address, &[]).expect("a socket opens");
        web.wait("the first words", |message| {
            (message["type"] == "Hello").then_some(())
        });
        web
    }

    /// Opens a socket with more headers; gives the status if there is none.
    pub fn open_as(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Web, u16> {
        match Web::handshake(address, headers) {
            Ok(web) => Ok(web),
            Err(error) => match *error {
                HandshakeError::Failure(Error::Http(response)) => Err(response.status().as_u16()),
                error => panic!("no handshake: {error}"),
            },
        }
    }

    /// The same, where there may be no server.
    fn handshake(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Web, NoHandshake> {
        let stream =
            TcpStream::connect(address).map_err(|error| Box::new(HandshakeError::Failure(error.into())))?;
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let own = request.headers_mut();
        own.insert("sec-websocket-protocol", "json.moothall.v1".parse().unwrap());
        for (name, value) in headers {
            own.insert(*name, value.parse().unwrap());
        }
        let config = WebSocketConfig::default().max_message_size(None);
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let (socket, _) = client_with_config(request, stream, Some(config)).map_err(Box::new)?;
        let timeout = Some(Duration::from_millis(50));
        socket.get_ref().set_read_timeout(timeout).unwrap();
        Ok(Web {
            socket,
            seen: Vec::new(),
            looked: 0,
            closed: None,
            last_id: 0,
            session: String::new(),
            name: String::new(),
            next: 1,
            pos: json!({"era": 0, "seq": 0}),
        })
    }

    /// A new character of the built-in world.
    #[track_caller]
    pub fn character(address: SocketAddr, name: &str) -> Web {
        let mut web = Web::open(address);
        let welcome = web.ask(json!({"type": "Create", "name": name, "password": super::worlds::PASSWORD}));
        web.take(&welcome);
        assert_eq!(welcome["how"], "created");
        web
    }

    /// Comes back to a connection whose socket was lost, as soon as a host is there.
    #[track_caller]
    pub fn come_back(&self, address: SocketAddr) -> (Web, Json) {
        // Of a host that was killed a thread may still hold the port, and then nobody answers.
        let mut web = wait_for("a host", || Web::handshake(address, &[]).ok());
        let welcome = web.ask(json!({"type": "Resume", "session": self.session, "pos": self.pos}));
        if welcome["type"] == "Welcome" {
            web.take(&welcome);
        }
        (web, welcome)
    }

    /// Takes note of a welcome.
    #[track_caller]
    pub fn take(&mut self, welcome: &Json) {
        assert_eq!(welcome["type"], "Welcome", "{welcome}");
        self.session = welcome["session"].as_str().expect("a session").to_owned();
        self.name = welcome["name"].as_str().expect("a name").to_owned();
        self.next = welcome["next"].as_u64().expect("a number");
        if welcome["how"] == "resumed" {
            self.pos = welcome["pos"].clone();
        }
    }

    /// Sends a text as it is.
    pub fn send_text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// Sends a frame; a server that has closed does not hear it.
    pub fn send(&mut self, message: Message) {
        self.socket.send(message).ok();
    }

    /// Sends a message under a fresh `id`, which it gives.
    pub fn tell(&mut self, mut message: Json) -> String {
        self.last_id += 1;
        let id = self.last_id.to_string();
        message["id"] = id.clone().into();
        self.send_text(&message.to_string());
        id
    }

    /// Sends a message and waits for its answer.
    #[track_caller]
    pub fn ask(&mut self, message: Json) -> Json {
        let id = self.tell(message);
        self.answer(&id)
    }

    /// Waits for the answer to what was sent under this `id`.
    #[track_caller]
    pub fn answer(&mut self, id: &str) -> Json {
        let is_answer = |message: &Json| {
            let is_event = message["type"] == "Done" || message["type"] == "Suspended";
            message["id"] == id && !is_event
        };
        self.find("an answer", |message| is_answer(message).then(|| message.clone()))
    }

    /// Types a line and waits until its task is done.
    #[track_caller]
    pub fn types(&mut self, line: &str) -> Json {
        let id = self.tell(json!({"type": "Command", "line": line}));
        self.find("the end of a command", |message| {
            (message["type"] == "Done" && message["id"] == *id).then(|| message.clone())
        })
    }

    /// Waits for a line that has this text.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        self.find(text, |message| has_line(message, text).then_some(()));
    }

    /// Looks through everything that came and will come.
    #[track_caller]
    pub fn find<T>(&mut self, what: &str, look: impl Fn(&Json) -> Option<T>) -> T {
        self.looked = 0;
        self.wait(what, look)
    }

    /// Looks through what was not looked at before, and what will come.
    #[track_caller]
    pub fn wait<T>(&mut self, what: &str, look: impl Fn(&Json) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            while let Some(message) = self.seen.get(self.looked) {
                self.looked += 1;
                if let Some(found) = look(message) {
                    return found;
                }
            }
            assert!(
                Instant::now() < end && self.closed.is_none(),
                "waited in vain for {what}; closed: {:?}; the last that came: {:#?}",
                self.closed,
                &self.seen[self.seen.len().saturating_sub(8)..]
            );
            self.read();
        }
    }

    /// Waits until the server closes the socket; gives the code, 1006 for none.
    #[track_caller]
    pub fn closed(&mut self) -> u16 {
        let end = Instant::now() + DEADLINE;
        while self.closed.is_none() {
            assert!(Instant::now() < end, "the socket stays open");
            self.read();
        }
        self.closed.expect("it is closed")
    }

    /// Whether the other side was found to have closed it.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Reads all that has come already, and answers pings: whoever does neither for a minute is closed.
    pub fn read_all(&mut self) {
        self.socket.get_ref().set_nonblocking(true).unwrap();
        while self.read() {}
        self.socket.get_ref().set_nonblocking(false).unwrap();
    }

    /// Reads what has come; waits a moment if there is nothing. Says whether something came.
    pub fn read(&mut self) -> bool {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                let message: Json = serde_json::from_str(&text).expect("JSON comes");
                if message["pos"].is_object() && message["type"] != "Welcome" {
                    self.pos = message["pos"].clone();
                }
                self.seen.push(message);
            }
            Ok(Message::Close(frame)) => {
                self.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
            }
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return false;
            }
            Err(_) => {
                self.closed = self.closed.or(Some(1006));
                return false;
            }
        }
        true
    }

    /// All texts of lines that came.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.seen.iter().filter_map(|message| message["lines"].as_array());
        let texts = lines.flatten().filter_map(|line| line["text"].as_str());
        texts.map(str::to_owned).collect()
    }
}

/// Whether a message has a line with this text.
pub fn has_line(message: &Json, text: &str) -> bool {
    let lines = message["lines"].as_array();
    lines.is_some_and(|lines| {
        lines
            .iter()
            .any(|line| line["text"].as_str().is_some_and(|line| line.contains(text)))
    })
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    /// All header lines, in small letters.
    pub headers: String,
    pub body: String,
}

/// Makes a request on a connection of its own.
#[track_caller]
pub fn request(address: SocketAddr, head: &str, body: &str) -> Page {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers = headers.replace('\n', "\r\n");
    let separator = if headers.is_empty() { "" } else { "\r\n" };
    let length = body.len();
    write!(
        stream,
        "{first} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}{separator}\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let headers = head.to_lowercase();
    let body = match headers.contains("transfer-encoding: chunked") {
        true => unchunked(body),
        false => body.to_owned(),
    };
    Page {
        status: status.expect("an answer has a status"),
        headers,
        body,
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("the length of a chunk");
        body.push_str(&after[..length]);
        rest = after[length..].trim_start_matches("\r\n");
    }
    body
}
