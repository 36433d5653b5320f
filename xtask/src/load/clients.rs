//! Telnet clients that cost little: blocking while they log in, and all on one epoll under load.

use rustix::event::{Timespec, epoll};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long one connection attempt, or one wait inside an epoll, may take.
const STEP: Duration = Duration::from_millis(500);

/// Bytes read at once.
pub const READ_LEN: usize = 16 << 10;

/// One connection.
pub struct Client {
    stream: TcpStream,
    /// The beginning of a line whose end has not come yet.
    unfinished: Vec<u8>,
    /// When each command that is not answered yet was sent.
    sent: VecDeque<Instant>,
}

/// What a load gave.
pub struct Pumped {
    /// From each command to its answer, for those answered while the load lasted.
    pub latencies: Vec<Duration>,
    taken: Duration,
}

impl Pumped {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.taken.as_secs_f64()
    }

    /// The latency that this part of all answers did not exceed, in milliseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * part) as usize;
        self.latencies
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

impl Client {
    /// Connects, and lets small packets go at once.
    pub fn connect(address: SocketAddr) -> Result<Client, String> {
        let stream = TcpStream::connect_timeout(&address, STEP);
        let stream = stream.map_err(|error| format!("cannot connect to {address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Client {
            stream,
            unfinished: Vec::new(),
            sent: VecDeque::new(),
        })
    }

    /// Its socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Types a line.
    pub fn send(&mut self, line: &str) -> Result<(), String> {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .map_err(|error| format!("cannot send: {error}"))
    }

    /// Waits for output that contains a text; what came before it is forgotten.
    pub fn expect(&mut self, text: &str, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        let mut seen = Vec::new();
        let mut buffer = [0; READ_LEN];
        while begun.elapsed() < patience {
            self.stream
                .set_read_timeout(Some(patience))
                .map_err(|error| error.to_string())?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(format!("hung up after `{}`", String::from_utf8_lossy(&seen))),
                Ok(len) => seen.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.to_string()),
            }
            if seen.windows(text.len()).any(|part| part == text.as_bytes()) {
                return Ok(());
            }
        }
        Err(format!(
            "`{text}` did not come, only `{}`",
            String::from_utf8_lossy(&seen)
        ))
    }

    /// Types a line several times in one packet.
    fn send_many(&mut self, line: &[u8], count: usize) -> Result<(), String> {
        let now = Instant::now();
        self.sent.extend(std::iter::repeat_n(now, count));
        self.stream
            .write_all(&line.repeat(count))
            .map_err(|error| format!("cannot send: {error}"))
    }

    /// Reads what is there, and gives its whole lines, without the blanks around them, to `on_line`.
    pub fn lines(&mut self, buffer: &mut [u8], mut on_line: impl FnMut(&[u8])) -> Result<(), String> {
        let len = match self.stream.read(buffer) {
            Ok(0) => return Err("the server hung up under load".to_owned()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        for piece in buffer[..len].split_inclusive(|&byte| byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                on_line(self.unfinished.trim_ascii());
                self.unfinished.clear();
            }
        }
        Ok(())
    }

    /// Reads what is there; gives how many lines of it are the answer.
    fn answers(&mut self, answer: &[u8], buffer: &mut [u8]) -> Result<usize, String> {
        let mut count = 0;
        self.lines(buffer, |line| count += usize::from(line == answer))?;
        Ok(count)
    }
}

/// All connections, to be waited for at once.
pub struct Watch {
    set: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Watch {
    /// Watches connections; from here on none of them blocks.
    pub fn new<'a>(streams: impl Iterator<Item = &'a TcpStream>) -> Result<Watch, String> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| error.to_string())?;
        let mut count = 0;
        for (at, stream) in (0u64..).zip(streams) {
            let is_in = (epoll::EventData::new_u64(at), epoll::EventFlags::IN);
            stream
                .set_nonblocking(true)
                .and_then(|()| Ok(epoll::add(&set, stream, is_in.0, is_in.1)?))
                .map_err(|error| error.to_string())?;
            count += 1;
        }
        Ok(Watch {
            set,
            events: Vec::with_capacity(count),
        })
    }

    /// Waits, this long at most, until something can be read; gives the places of those connections.
    pub fn wait(&mut self, longest: Duration) -> Result<impl Iterator<Item = usize>, String> {
        let timeout = Timespec::try_from(longest).map_err(|error| error.to_string())?;
        self.events.clear();
        epoll::wait(
            &self.set,
            rustix::buffer::spare_capacity(&mut self.events),
            Some(&timeout),
        )
        .map_err(|error| error.to_string())?;
        Ok(self.events.iter().map(|event| event.data.u64() as usize))
    }
}

/// Keeps `window` commands of each client under way for `span`, then waits for the last answers.
pub fn pump(
    clients: &mut [Client],
    command: &str,
    answer: &str,
    window: usize,
    span: Duration,
    patience: Duration,
) -> Result<Pumped, String> {
    let mut watch = Watch::new(clients.iter().map(Client::stream))?;
    let line = format!("{command}\r\n").into_bytes();
    let begun = Instant::now();
    for client in clients.iter_mut() {
        client.send_many(&line, window)?;
    }
    let mut latencies = Vec::new();
    let mut under_way = clients.len() * window;
    let mut buffer = [0; READ_LEN];
    while under_way > 0 {
        if begun.elapsed() > span + patience {
            return Err(format!("{under_way} commands were not answered"));
        }
        for at in watch.wait(STEP)? {
            let client = &mut clients[at];
            let count = client.answers(answer.as_bytes(), &mut buffer)?;
            let now = Instant::now();
            let goes_on = now.duration_since(begun) < span;
            let sent = client.sent.drain(..count.min(client.sent.len()));
            if goes_on {
                latencies.extend(sent.map(|sent| now - sent));
                if count > 0 {
                    client.send_many(&line, count)?;
                }
            } else {
                drop(sent);
                under_way -= count.min(under_way);
            }
        }
    }
    latencies.sort_unstable();
    Ok(Pumped {
        latencies,
        taken: span,
    })
}
