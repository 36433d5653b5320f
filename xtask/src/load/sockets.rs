//! WebSocket clients that cost little. They do what RFC 6455 asks of a client and nothing more, so that what is measured is
//! the server.
//!
//! Invariant: what has come of a message that is not whole waits for the rest of it.

use super::clients::READ_LEN;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long one connection attempt may take.
const STEP: Duration = Duration::from_millis(500);

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One connection.
pub struct Socket {
    stream: TcpStream,
    /// What has come and was not taken out.
    unread: Vec<u8>,
}

impl Socket {
    /// Opens a socket at this path, in this subprotocol if there is one.
    pub fn open(address: SocketAddr, path: &str, protocol: Option<&str>) -> Result<Socket, String> {
        let stream = TcpStream::connect_timeout(&address, STEP);
        let stream = stream.map_err(|error| format!("cannot connect to {address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        stream
            .set_read_timeout(Some(super::PATIENCE))
            .map_err(|error| error.to_string())?;
        let unread = Vec::new();
        let mut socket = Socket { stream, unread };
        let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bG9hZCBsb2FkIGxvYWQgbA==\r\n{}\r\n",
            protocol.unwrap_or_default()
        );
        socket.write(request.as_bytes())?;
        let end = loop {
            if let Some(end) = socket.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if socket.fill(&mut [0; READ_LEN])? == 0 {
                return Err("nothing came in answer to a handshake".to_owned());
            }
        };
        let head: Vec<u8> = socket.unread.drain(..end).collect();
        match head.starts_with(b"HTTP/1.1 101 ") {
            true => Ok(socket),
            false => Err(format!("no WebSocket: {}", String::from_utf8_lossy(&head))),
        }
    }

    /// Its socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a text.
    pub fn send(&mut self, text: &str) -> Result<(), String> {
        self.send_frame(TEXT, text.as_bytes())
    }

    /// Reads what is there; pings are answered, and texts given to `on_text`.
    pub fn texts(&mut self, buffer: &mut [u8], on_text: impl FnMut(&[u8])) -> Result<(), String> {
        self.fill(buffer)?;
        self.take(on_text)
    }

    /// Takes out what has come.
    fn take(&mut self, mut on_text: impl FnMut(&[u8])) -> Result<(), String> {
        let (mut pings, mut at) = (Vec::new(), 0);
        while let Some((kind, from, to)) = frame(&self.unread[at..]) {
            let payload = &self.unread[at + from..at + to];
            match kind {
                TEXT => on_text(payload),
                PING => pings.push(payload.to_vec()),
                CLOSE => return Err(format!("closed: {}", String::from_utf8_lossy(payload))),
                _ => {}
            }
            at += to;
        }
        self.unread.drain(..at);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        pings.iter().try_for_each(|ping| self.send_frame(PONG, ping))
    }

    /// Waits for a text that has this in it.
    pub fn expect(&mut self, wanted: &str) -> Result<(), String> {
        let begun = Instant::now();
        let (mut buffer, mut is_there, mut last) = ([0; READ_LEN], false, Vec::new());
        loop {
            // It may have come with what was read before.
            self.take(|text| {
                is_there |= text.windows(wanted.len()).any(|part| part == wanted.as_bytes());
                last = text.to_vec();
            })?;
            if is_there {
                return Ok(());
            }
            self.fill(&mut buffer)?;
            if begun.elapsed() > super::PATIENCE {
                let last = String::from_utf8_lossy(&last);
                return Err(format!("`{wanted}` did not come; the last was `{last}`"));
            }
        }
    }

    /// Reads once; gives how many bytes came.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        match self.stream.read(buffer) {
            Ok(0) => Err("the server hung up".to_owned()),
            Ok(len) => {
                self.unread.extend_from_slice(&buffer[..len]);
                Ok(len)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends a frame under the mask of zeros, which leaves it as it is.
    fn send_frame(&mut self, kind: u8, payload: &[u8]) -> Result<(), String> {
        let mut frame = vec![0x80 | kind];
        match u8::try_from(payload.len()) {
            Ok(len) if len < 126 => frame.push(0x80 | len),
            _ => {
                let len = u16::try_from(payload.len()).map_err(|_| "too long to be sent")?;
                frame.push(0x80 | 126);
                frame.extend_from_slice(&len.to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = self.stream.write_all(bytes);
        written.map_err(|error| format!("cannot send: {error}"))
    }
}

/// The first frame in what a server has sent: its kind, and where its payload begins and ends; none if it is not whole.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (kind, len) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
    let (from, len) = match len {
        126 => (
            4,
            u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        len => (2, u64::from(len)),
    };
    let to = from + usize::try_from(len).ok()?;
    (bytes.len() >= to).then_some((kind, from, to))
}

/// How long until a client can open a socket again and reads this as its first words.
pub fn accepts_again(
    address: SocketAddr,
    path: &str,
    protocol: &str,
    first: &str,
    patience: Duration,
) -> Result<Duration, String> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let opened = Socket::open(address, path, Some(protocol));
        if opened.and_then(|mut socket| socket.expect(first)).is_ok() {
            return Ok(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("no socket opens after the web host was killed".to_owned())
}
